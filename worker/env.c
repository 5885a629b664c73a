/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env.c - builds the environment of a run's process.
 */
#include "worker/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/json.h"
#include "base/mem.h"

#define HEADERS_VARIABLE "PREFECT_CLIENT_CUSTOM_HEADERS"

struct envb {
	char **items; /* NULL-terminated */
	size_t count, size;
};

static size_t find(const struct envb *b, const char *name)
{
	size_t len = strlen(name), i = 0;

	for (; i < b->count; i++) {
		if (strncmp(b->items[i], name, len) == 0 && b->items[i][len] == '=') {
			break;
		}
	}
	return i;
}

static void set(struct envb *b, const char *name, const char *value)
{
	size_t i = find(b, name);

	if (i < b->count) {
		free(b->items[i]);
	} else {
		if (b->count + 2 > b->size) {
			b->size = b->size == 0 ? 64 : b->size * 2;
			b->items = xreallocarray(b->items, b->size, sizeof(*b->items));
		}
		b->count++;
		b->items[b->count] = NULL;
	}
	b->items[i] = xasprintf("%s=%s", name, value);
}

static void unset(struct envb *b, const char *name)
{
	size_t i = find(b, name);

	if (i < b->count) {
		free(b->items[i]);
		memmove(&b->items[i], &b->items[i + 1],
			(b->count - i) * sizeof(*b->items));
		b->count--;
	}
}

static void set_if(struct envb *b, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0') {
		set(b, name, value);
	}
}

static void set_default(struct envb *b, const char *name, const char *value)
{
	if (find(b, name) == b->count) {
		set(b, name, value);
	}
}

static void add_base(struct envb *b, char *const *base)
{
	for (; *base != NULL; base++) {
		const char *eq = strchr(*base, '=');

		if (eq != NULL && eq != *base) {
			char *name = xstrndup(*base, (size_t)(eq - *base));

			set(b, name, eq + 1);
			free(name);
		}
	}
}

static void add_job(struct envb *b, const json_t *env)
{
	const char *name;
	json_t *v;

	json_object_foreach ((json_t *)(uintptr_t)env, name, v) {
		if (strchr(name, '=') != NULL || name[0] == '\0') {
			continue;
		}
		if (json_is_string(v)) {
			set(b, name, json_string_value(v));
		} else {
			unset(b, name);
		}
	}
}

static void add_run(struct envb *b, const struct env_run *run)
{
	set(b, "PREFECT__FLOW_RUN_ID", run->flow_run_id);
	set_if(b, "PREFECT__WORKER_NAME", run->worker_name);
	set_if(b, "PREFECT__FLOW_ID", run->flow_id);
	set_if(b, "PREFECT__FLOW_NAME", run->flow_name);
	set_if(b, "PREFECT__DEPLOYMENT_ID", run->deployment_id);
	set_if(b, "PREFECT__DEPLOYMENT_NAME", run->deployment_name);
}

/* The worker's own settings win over the job's. */
static void add_settings(struct envb *b, char *const *base)
{
	for (; *base != NULL; base++) {
		const char *eq = strchr(*base, '=');

		if (strncmp(*base, "PREFECT_", 8) == 0 && eq != NULL &&
		    strncmp(*base, "PREFECT__", 9) != 0) {
			char *name = xstrndup(*base, (size_t)(eq - *base));

			set(b, name, eq + 1);
			free(name);
		}
	}
}

/* {"X-WF-Fence": "<run>:<token>"} merged into the user's own custom headers. */
static void add_fence(struct envb *b, const struct env_run *run)
{
	const char *mine = env_get(b->items, HEADERS_VARIABLE);
	json_t *headers =
	    mine != NULL ? json_parse(mine, strlen(mine), 1u << 16, NULL) : NULL;
	char value[96];
	char *text;

	if (run->fence == 0) {
		json_decref(headers);
		return;
	}
	if (!json_is_object(headers)) {
		json_decref(headers);
		headers = json_object();
	}
	(void)snprintf(value, sizeof(value), "%s:%llu", run->flow_run_id,
		       (unsigned long long)run->fence);
	json_object_set_new(headers, "X-WF-Fence", json_string(value));
	text = json_text(headers);
	set(b, HEADERS_VARIABLE, text);
	free(text);
	json_decref(headers);
}

char **env_for_python(char *const *base, const struct env_run *run,
		      const struct env_python *py)
{
	struct envb b = {0};
	char port[16];

	add_base(&b, base);
	add_run(&b, run);
	add_job(&b, run->job_env);
	add_settings(&b, base);
	set(&b, "PREFECT_API_URL", run->api_url);
	set(&b, "PREFECT__FLOW_RUN_ID", run->flow_run_id);
	set(&b, "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS", "true");
	(void)snprintf(port, sizeof(port), "%d", py->control_port);
	set(&b, "PREFECT__CONTROL_PORT", port);
	set(&b, "PREFECT__CONTROL_TOKEN", py->control_token);
	set_if(&b, "PREFECT__DEPLOYMENT_NAME", run->deployment_name);
	set_default(&b, "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED", "false");
	set_default(&b, "DO_NOT_TRACK", "1");
	set_default(&b, "PYTHONUNBUFFERED", "1");
	add_fence(&b, run);
	return b.items;
}

char **env_for_native(char *const *base, const struct env_run *run)
{
	static const char *const secrets[] = {
	    "WF_API_AUTH_STRING", "WF_API_KEY",
	    "WF_REDIS_URL",       "PREFECT_API_AUTH_STRING",
	    "PREFECT_API_KEY",    "PREFECT_SERVER_API_AUTH_STRING"};
	struct envb b = {0};
	char *results;

	add_base(&b, base);
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
		unset(&b, secrets[i]);
	}
	add_run(&b, run);
	add_job(&b, run->job_env);
	set(&b, "PREFECT__FLOW_RUN_ID", run->flow_run_id);
	set(&b, "WF_CONTROL_FD", "3");
	if (run->run_dir != NULL) {
		set(&b, "WF_RUN_DIR", run->run_dir);
	}
	if (run->data_dir != NULL && env_get(b.items, "WF_RESULTS_DIR") == NULL) {
		results = xasprintf("%s/results", run->data_dir);
		set(&b, "WF_RESULTS_DIR", results);
		free(results);
	}
	return b.items;
}

void env_free(char **env)
{
	for (size_t i = 0; env != NULL && env[i] != NULL; i++) {
		free(env[i]);
	}
	free(env);
}

const char *env_get(char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; env != NULL && *env != NULL; env++) {
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=') {
			return *env + len + 1;
		}
	}
	return NULL;
}
