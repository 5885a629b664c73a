/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_start.c - between Pending and the process: job template, lookups, "still mine?".
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "worker/rest.h"
#include "worker/run_priv.h"

#define START_TRIES_MAX    20
#define START_RETRY_MS     500
#define LOOKUP_TRIES_MAX   10
#define STEP_SET_DIRECTORY "prefect.deployments.steps.set_working_directory"

/* Blocks and variables that are being looked up, one after the other. */
struct lookup {
	struct run *run;
	json_t *variable_names, *block_names; /* to do, from the end */
	json_t *variables, *blocks;           /* found */
	int tries;
};

/* PROGRAM:FLOW of the C SDK: a path, and no Python file. */
int run_entrypoint_is_program(const char *entrypoint)
{
	const char *colon = strrchr(entrypoint, ':');
	size_t len = colon != NULL ? (size_t)(colon - entrypoint) : strlen(entrypoint);

	return memchr(entrypoint, '/', len) != NULL && colon != NULL &&
	       !(len > 3 && strncmp(entrypoint + len - 3, ".py", 3) == 0);
}

static int entrypoint_native(const char *entrypoint)
{
	const char *colon = strrchr(entrypoint, ':');
	size_t len = colon != NULL ? (size_t)(colon - entrypoint) : strlen(entrypoint);

	return (len > 5 && strncmp(entrypoint + len - 5, ".yaml", 5) == 0) ||
	       (len > 4 && strncmp(entrypoint + len - 4, ".yml", 4) == 0) ||
	       run_entrypoint_is_program(entrypoint);
}

static struct job_input input_of(const struct run *r, const json_t *variables,
				 const json_t *blocks)
{
	return (struct job_input){
	    .base_job_template =
		json_object_get(run_fact(r, "work_pool"), "base_job_template"),
	    .deployment_variables =
		json_object_get(run_fact(r, "deployment"), "job_variables"),
	    .run_variables = json_object_get(run_fact(r, "flow_run"), "job_variables"),
	    .flow = run_fact(r, "flow"),
	    .flow_run = run_fact(r, "flow_run"),
	    .variables = variables,
	    .blocks = blocks,
	};
}

static void bad_job(struct run *r, const struct error *err)
{
	char *text =
	    xasprintf("Failed to prepare the job of the flow run: %s", err->msg);

	run_crash(r, text);
	free(text);
}

static void resolve(struct run *r, const json_t *variables, const json_t *blocks)
{
	const char *entrypoint = run_text(run_fact(r, "deployment"), "entrypoint");
	struct job_input in = input_of(r, variables, blocks);
	struct error err;

	if (job_resolve(&in, &r->job, &err) < 0) {
		bad_job(r, &err);
		return;
	}
	r->native = r->job.command == NULL && entrypoint_native(entrypoint);
	run_move(r, RUN_STARTING, "job resolved");
	run_ask_source(r);
}

/* ---- lookups ---- */

static void lookup_free(struct lookup *l)
{
	json_decref(l->variable_names);
	json_decref(l->block_names);
	json_decref(l->variables);
	json_decref(l->blocks);
	free(l);
}

static void lookup_next(struct lookup *l);

static const char *last(const json_t *names)
{
	return json_string_value(json_array_get(names, json_array_size(names) - 1));
}

static void take(struct lookup *l, int is_block, const json_t *body)
{
	json_t *names = is_block ? l->block_names : l->variable_names;
	const char *name = last(names);

	if (is_block && body != NULL) {
		json_object_set(l->blocks, name, json_object_get(body, "data"));
	} else if (body != NULL) {
		json_object_set(l->variables, name, json_object_get(body, "value"));
	}
	json_array_remove(names, json_array_size(names) - 1);
	l->tries = 0;
}

static void on_lookup(int rc, int status, const json_t *body, const struct error *err,
		      void *arg)
{
	struct lookup *l = arg;
	struct run *r = l->run;
	int is_block = json_array_size(l->variable_names) == 0;

	if (r->state != RUN_PREPARING) {
		lookup_free(l);
	} else if (rc == 0 || status == 404) {
		take(l, is_block,
		     rc == 0 ? body : NULL); /* missing: the resolver decides */
		lookup_next(l);
	} else if (++l->tries < LOOKUP_TRIES_MAX && http_is_retryable(0, status)) {
		lookup_next(l);
	} else {
		bad_job(r, err);
		lookup_free(l);
	}
	run_release(r);
}

static char *lookup_path(const struct lookup *l)
{
	const char *name;
	char *enc, *path, *slug;

	if (json_array_size(l->variable_names) > 0) {
		enc = url_encode(last(l->variable_names));
		path = xasprintf("/variables/name/%s", enc);
		free(enc);
		return path;
	}
	name = last(l->block_names);
	if (strncmp(name, "id:", 3) == 0) {
		return xasprintf("/block_documents/%s?include_secrets=true", name + 3);
	}
	slug = xstrndup(name, strcspn(name, "/"));
	enc = url_encode(strchr(name, '/') + 1);
	path = xasprintf(
	    "/block_types/slug/%s/block_documents/name/%s?include_secrets=true", slug,
	    enc);
	free(slug);
	free(enc);
	return path;
}

static void lookup_next(struct lookup *l)
{
	struct run *r = l->run;
	char *path;

	if (json_array_size(l->variable_names) + json_array_size(l->block_names) == 0) {
		resolve(r, l->variables, l->blocks);
		lookup_free(l);
		return;
	}
	path = lookup_path(l);
	run_hold(r);
	if (rest_call(r->w->rest, "GET", NULL, on_lookup, l, "%s", path) < 0) {
		run_crash(
		    r, "Failed to prepare the job: too many requests are under way.");
		lookup_free(l);
		run_release(r);
	}
	free(path);
}

void run_prepare(struct run *r)
{
	struct job_input in = input_of(r, NULL, NULL);
	struct lookup *l = xcalloc(1, sizeof(*l));
	struct error err;

	*l = (struct lookup){
	    r, json_array(), json_array(), json_object(), json_object(), 0};
	if (job_refs(&in, l->variable_names, l->block_names, &err) < 0) {
		bad_job(r, &err);
		lookup_free(l);
		return;
	}
	lookup_next(l);
}

/* ---- "still mine?" ---- */

static void spawn(struct run *r)
{
	if (r->cancelling) {
		run_report_cancelled(
		    r, "Flow run was cancelled before execution started.");
	} else if (r->native) {
		run_spawn_native(r);
	} else {
		run_spawn_python(r);
	}
}

static void on_start(int answer, void *arg)
{
	struct run *r = arg;

	if (r->state != RUN_STARTING) {
		/* lost or handed back meanwhile */
	} else if (answer == 1) {
		spawn(r);
	} else if (answer == 2) {
		r->cancelling = 1;
		spawn(r);
	} else if (answer == 0) {
		run_lost(r, "another worker owns it");
	} else if (++r->start_tries < START_TRIES_MAX) {
		run_timer(r, START_RETRY_MS, run_ask_source);
	} else {
		run_finish(r, RUN_OUT_REQUEUE, "its source does not answer");
	}
	run_release(r);
}

void run_ask_source(struct run *r)
{
	run_hold(r);
	r->w->source_ops->start(r->w->source, r->id, on_start, r);
}

/* The directory of the first set_working_directory step, or "". */
static const char *step_directory(const struct run *r)
{
	const json_t *steps = json_object_get(run_fact(r, "deployment"), "pull_steps");
	size_t i;
	json_t *step;

	json_array_foreach (steps, i, step) {
		const char *dir =
		    run_text(json_object_get(step, STEP_SET_DIRECTORY), "directory");

		if (dir[0] != '\0') {
			return dir;
		}
	}
	return "";
}

char *run_working_dir(const struct run *r)
{
	const char *dir = r->job.working_dir != NULL ? r->job.working_dir : "";
	char here[PATH_MAX];

	if (dir[0] == '\0' && r->native) {
		dir = step_directory(r);
		if (dir[0] == '\0') {
			dir = run_text(run_fact(r, "deployment"), "path");
		}
		if (dir[0] == '\0') {
			dir = ".";
		}
	}
	if (dir[0] == '\0') {
		return NULL;
	}
	if (dir[0] == '/' || getcwd(here, sizeof(here)) == NULL) {
		return xstrdup(dir);
	}
	return strcmp(dir, ".") == 0 ? xstrdup(here) : xasprintf("%s/%s", here, dir);
}
