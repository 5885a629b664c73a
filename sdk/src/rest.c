/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rest.c - what a function asks of the API itself: variables, secrets, deployments,
 * events, limits.  Blocking, in the function's process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/httpc.h" /* url_encode() */
#include "base/json.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/timefmt.h"
#include "base/uuid.h"
#include "sdk/src/body.h"

#define ANSWER_MAX     (16u << 20)
#define POLL_MS        1000
#define LEASE_SECONDS  300
#define LIMIT_RETRY_MS 1000
#define WHY_SIZE       400

const char *rest_env(const char *const *names)
{
	const char *v;

	for (; *names != NULL; names++) {
		v = opts_env(*names);
		if (v != NULL && *v != '\0') {
			return v;
		}
	}
	return NULL;
}

static void pause_ms(int64_t ms)
{
	const struct timespec t = {.tv_sec = ms / 1000,
				   .tv_nsec = (long)(ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}

int rest_status(const char *method, const char *path, const json_t *body, json_t **ret,
		char *why, size_t size)
{
	json_t *answer, *v;
	const char *text;
	int status;

	*ret = NULL;
	if (!body_online()) {
		(void)snprintf(why, size, "there is no run here");
		return 0;
	}
	line_send(json_pack("{s:s, s:s, s:s, s:O?}", "op", "rest", "method", method,
			    "path", path, "body", body));
	answer = line_receive();
	status = (int)json_integer_value(json_object_get(answer, "status"));
	text = json_string_value(json_object_get(answer, "why"));
	v = json_object_get(answer, "body");
	if (status < 200 || status >= 300) {
		char *shown = v != NULL ? json_text(v) : xstrdup("");

		(void)snprintf(why, size, "%s%.200s", text != NULL ? text : "",
			       text != NULL ? "" : shown);
		free(shown);
	}
	*ret = json_incref(v);
	json_decref(answer);
	return status;
}

int rest_call(const char *method, const char *path, const json_t *body, json_t **ret,
	      char *why, size_t size)
{
	int status = rest_status(method, path, body, ret, why, size);

	if (status >= 200 && status < 300) {
		return 0;
	}
	json_decref(*ret);
	*ret = NULL;
	return -1;
}

/* NAME as a part of a variable of the environment: letters in capitals, digits, _. */
static const char *from_env(const char *prefix, const char *name)
{
	char key[200];
	const char *v;
	size_t i, n;

	n = (size_t)snprintf(key, sizeof(key), "%s%.150s", prefix, name);
	v = opts_env(key);
	if (v != NULL) {
		return v;
	}
	for (i = strlen(prefix); i < n; i++) {
		if (key[i] >= 'a' && key[i] <= 'z') {
			key[i] = (char)(key[i] - 'a' + 'A');
		} else if (key[i] == '-' || key[i] == '.') {
			key[i] = '_';
		}
	}
	return opts_env(key);
}

static char *path_with(const char *before, const char *name, const char *behind)
{
	char *part = url_encode(name),
	     *path = xasprintf("%s%s%s", before, part, behind);

	free(part);
	return path;
}

wf_json wf_variable(wf_ctx *ctx, const char *name)
{
	const char *text;
	char why[WHY_SIZE], *path;
	json_t *answer = NULL, *v;

	(void)ctx;
	if (name == NULL || body_failed()) {
		return NULL;
	}
	text = from_env("WF_VARIABLE_", name);
	if (text != NULL) {
		v = json_parse(text, strlen(text), ANSWER_MAX, NULL);
		return v != NULL ? cooked(keep(v)) : wf_from_text(text);
	}
	path = path_with("/variables/name/", name, "");
	(void)rest_call("GET", path, NULL, &answer, why, sizeof(why));
	free(path);
	return cooked(json_object_get(keep(answer), "value"));
}

/* The lines of the log do not show it from here on. */
static void mask(const char *secret)
{
	line_send(json_pack("{s:s, s:s}", "op", "mask", "v", secret));
}

const char *wf_secret_at(const char *file, int line, wf_ctx *ctx, const char *name)
{
	const char *text;
	char why[WHY_SIZE], *path;
	json_t *answer = NULL, *v;

	(void)ctx;
	if (name == NULL || body_failed()) {
		return "";
	}
	text = from_env("WF_SECRET_", name);
	if (text == NULL) {
		path = path_with("/block_types/slug/secret/block_documents/name/", name,
				 "?include_secrets=true");
		if (rest_call("GET", path, NULL, &answer, why, sizeof(why)) < 0) {
			body_error(file, line, "the secret '%.80s': %s", name, why);
		}
		free(path);
		v = json_object_get(json_object_get(keep(answer), "data"), "value");
		text = json_string_value(v);
	}
	if (text == NULL) {
		body_error(file, line,
			   "the secret '%.80s' is no text (a Secret block of this "
			   "name, or WF_SECRET_<NAME>)",
			   name);
		return "";
	}
	mask(text);
	return text;
}

/* ---- deployments ---- */

static int is_over(const json_t *run)
{
	static const char *const over[] = {"COMPLETED", "FAILED", "CANCELLED",
					   "CRASHED"};
	const char *type = json_string_value(json_object_get(run, "state_type"));
	size_t i;

	for (i = 0; type != NULL && i < ARRAY_LEN(over); i++) {
		if (strcmp(type, over[i]) == 0) {
			return 1;
		}
	}
	return 0;
}

static json_t *await_run(json_t *run, double timeout, char *why)
{
	const char *id = json_string_value(json_object_get(run, "id"));
	int64_t until_ms =
	    timeout < 0 ? INT64_MAX : clock_mono_ms() + (int64_t)(timeout * 1000);
	char *path = xasprintf("/flow_runs/%s", id != NULL ? id : "");
	json_t *now;

	while (!is_over(run) && clock_mono_ms() < until_ms) {
		pause_ms(MIN_OF(POLL_MS, MAX_OF(until_ms - clock_mono_ms(), 1)));
		if (rest_call("GET", path, NULL, &now, why, WHY_SIZE) == 0 &&
		    now != NULL) {
			json_decref(run);
			run = now;
		}
	}
	free(path);
	return run;
}

wf_json wf_run_deployment_at(const char *file, int line, wf_ctx *ctx, const char *name,
			     wf_json params, double timeout)
{
	const char *slash = name != NULL ? strchr(name, '/') : NULL, *id;
	char why[WHY_SIZE] = "no answer", *flow, *path;
	json_t *deployment = NULL, *run = NULL, *body;

	(void)ctx;
	if (body_failed()) {
		return NULL;
	}
	if (slash == NULL) {
		body_error(file, line, "a deployment is named FLOW/NAME");
		return NULL;
	}
	flow = xstrndup(name, (size_t)(slash - name));
	path = xasprintf("/deployments/name/%s/%s", flow, slash + 1);
	(void)rest_call("GET", path, NULL, &deployment, why, sizeof(why));
	free(flow);
	free(path);
	id = json_string_value(json_object_get(deployment, "id"));
	if (id != NULL) {
		path = xasprintf("/deployments/%s/create_flow_run", id);
		body = json_pack("{s:O, s:{s:s}}", "parameters",
				 params != NULL ? raw(params) : json_null(), "state",
				 "type", "SCHEDULED");
		if (params == NULL) {
			(void)json_object_set_new(body, "parameters", json_object());
		}
		(void)rest_call("POST", path, body, &run, why, sizeof(why));
		json_decref(body);
		free(path);
	}
	json_decref(deployment);
	if (run == NULL) {
		body_error(file, line, "the deployment '%.120s' was not run: %s", name,
			   why);
		return NULL;
	}
	return cooked(keep(timeout != 0 ? await_run(run, timeout, why) : run));
}

/* ---- events ---- */

void wf_emit_event(wf_ctx *ctx, const char *event, const char *resource,
		   wf_json payload)
{
	char id[UUID_TEXT_SIZE], at[TIME_TEXT_SIZE], why[WHY_SIZE], run[64];
	int64_t now_us = clock_wall_us();
	struct uuid uuid;
	json_t *list, *answer = NULL;

	if (event == NULL || body_failed()) {
		return;
	}
	uuid_v7(&uuid, now_us);
	(void)snprintf(run, sizeof(run), "prefect.%s-run.%s", wf_kind(wf_self(ctx)),
		       wf_run_id(wf_self(ctx)));
	list = json_pack("[{s:s, s:s, s:s, s:{s:s}, s:[{s:s, s:s}], s:O}]", "id",
			 uuid_format(&uuid, id), "occurred",
			 time_format(now_us, at, sizeof(at)), "event", event,
			 "resource", "prefect.resource.id",
			 resource != NULL ? resource : run, "related",
			 "prefect.resource.id", run, "prefect.resource.role", "emitter",
			 "payload", payload != NULL ? raw(payload) : json_null());
	if (payload == NULL) {
		(void)json_object_set_new(json_array_get(list, 0), "payload",
					  json_object());
	}
	if (rest_call("POST", "/events", list, &answer, why, sizeof(why)) < 0) {
		wf_logf(ctx, WF_WARNING, "The event '%s' was not emitted: %s", event,
			why);
	}
	json_decref(answer);
	json_decref(list);
}

/* ---- limits ---- */

/* Takes N slots of NAME; the answer, or NULL after a warning. */
static json_t *occupy(wf_ctx *ctx, const char *name, int n, const char *mode)
{
	char why[WHY_SIZE] = "";
	json_t *body, *answer = NULL;
	int status;

	body = strcmp(mode, "concurrency") == 0
		   ? json_pack("{s:[s], s:i, s:s, s:i}", "names", name, "slots", n,
			       "mode", mode, "lease_duration", LEASE_SECONDS)
		   : json_pack("{s:[s], s:i, s:s}", "names", name, "slots", n, "mode",
			       mode);
	for (;;) {
		status = rest_status("POST",
				     strcmp(mode, "concurrency") == 0
					 ? "/v2/concurrency_limits/increment-with-lease"
					 : "/v2/concurrency_limits/increment",
				     body, &answer, why, sizeof(why));
		if (status != 423) {
			break;
		}
		json_decref(answer);
		answer = NULL;
		pause_ms(LIMIT_RETRY_MS);
	}
	json_decref(body);
	if (status < 200 || status >= 300) {
		wf_logf(ctx, WF_WARNING, "The limit '%s' is not in force: %s", name,
			why);
		json_decref(answer);
		return NULL;
	}
	return answer;
}

void wf_concurrency(wf_ctx *ctx, const char *name, int n)
{
	json_t *answer;

	ctx = body_ctx(ctx, "wf_concurrency");
	if (ctx == NULL || name == NULL || body_failed()) {
		return;
	}
	answer = keep(occupy(ctx, name, n > 0 ? n : 1, "concurrency"));
	if (ctx->limits == NULL) {
		ctx->limits = keep(json_object());
	}
	(void)json_object_set(ctx->limits, name, json_object_get(answer, "lease_id"));
}

void wf_release(wf_ctx *ctx, const char *name)
{
	json_t *body, *answer = NULL, *lease;
	char why[WHY_SIZE];

	ctx = body_ctx(ctx, "wf_release");
	lease = ctx != NULL ? json_object_get(ctx->limits, name) : NULL;
	if (!json_is_string(lease)) {
		return;
	}
	body = json_pack("{s:O}", "lease_id", lease);
	(void)rest_call("POST", "/v2/concurrency_limits/decrement-with-lease", body,
			&answer, why, sizeof(why));
	json_decref(answer);
	json_decref(body);
	(void)json_object_del(ctx->limits, name);
}

void rest_release_all(wf_ctx *ctx)
{
	while (json_object_size(ctx->limits) > 0) {
		const char *name = json_object_iter_key(json_object_iter(ctx->limits));
		char *copy = keep_text(xstrdup(name));

		wf_release(ctx, copy);
		(void)json_object_del(ctx->limits, copy);
	}
}

void wf_rate_limit(wf_ctx *ctx, const char *name)
{
	if (name != NULL && !body_failed()) {
		json_decref(occupy(ctx, name, 1, "rate_limit"));
	}
}
