/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.c - what the program declares, collected by constructors before main().
 */
#include "sdk/src/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/opts.h"
#include "engine/plan.h"

static const wf_task *tasks[REGISTRY_MAX];
static const wf_flow *flows[REGISTRY_MAX];
static size_t task_count, flow_count;
static int too_many;

void wf_register_task(const wf_task *t)
{
	if (task_count < REGISTRY_MAX) {
		tasks[task_count++] = t;
	} else {
		too_many = 1;
	}
}

void wf_register_flow(const wf_flow *f)
{
	if (flow_count < REGISTRY_MAX) {
		flows[flow_count++] = f;
	} else {
		too_many = 1;
	}
}

size_t registry_tasks(void)
{
	return task_count;
}

size_t registry_flows(void)
{
	return flow_count;
}

/* A flow as a part of another one: what it has in common with a task. */
static const wf_task *flow_as_task(size_t i)
{
	static wf_task as_tasks[REGISTRY_MAX];
	const wf_flow *f = flows[i];
	wf_task *t = &as_tasks[i];

	if (t->name == NULL) {
		t->name = registry_flow_name(f);
		t->fn = f->fn;
		t->file = f->file;
		t->line = f->line;
		t->description = f->description;
		t->version = f->version;
		t->retries = f->retries;
		t->retry_delay = f->retry_delay;
		t->timeout = f->timeout;
		t->log_prints = f->log_prints;
		memcpy(t->tags, f->tags, sizeof(t->tags));
		memcpy(t->handlers, f->handlers, sizeof(t->handlers));
		memcpy(t->on_failure, f->on_failure, sizeof(t->on_failure));
		t->hooks = f->hooks;
	}
	return t;
}

const wf_task *registry_get_task(size_t i)
{
	return i < task_count ? tasks[i] : flow_as_task(i - task_count);
}

const wf_flow *registry_get_flow(size_t i)
{
	return flows[i];
}

int registry_task(const wf_task *t)
{
	size_t i;

	for (i = 0; i < task_count; i++) {
		if (tasks[i] == t) {
			return (int)i;
		}
	}
	return -1;
}

int registry_flow(const wf_flow *f)
{
	size_t i;

	for (i = 0; i < flow_count; i++) {
		if (flows[i] == f) {
			return (int)i;
		}
	}
	return -1;
}

/* The function's name, _ as -. */
const char *registry_flow_name(const wf_flow *f)
{
	static char *names[REGISTRY_MAX];
	int i = registry_flow(f);
	char *p;

	if (f->title != NULL || i < 0) {
		return f->title != NULL ? f->title : f->name;
	}
	if (names[i] == NULL) {
		names[i] = xstrdup(f->name);
		for (p = names[i]; *p != '\0'; p++) {
			*p = (char)(*p == '_' ? '-' : *p);
		}
	}
	return names[i];
}

int registry_find(const char *name, const wf_flow **ret_flow, struct error *err)
{
	const char *names[REGISTRY_MAX], *near;
	size_t i;

	if (name == NULL && flow_count == 1) {
		*ret_flow = flows[0];
		return 0;
	}
	if (name == NULL) {
		return err_set(err, ERR_USAGE,
			       flow_count == 0
				   ? "this program declares no flow (WF_FLOW)"
				   : "this program has several flows: say which one "
				     "(see the command list)");
	}
	for (i = 0; i < flow_count; i++) {
		names[i] = registry_flow_name(flows[i]);
		if (strcmp(names[i], name) == 0 || strcmp(flows[i]->name, name) == 0) {
			*ret_flow = flows[i];
			return 0;
		}
	}
	near = opts_nearest(name, names, flow_count);
	return err_set(err, ERR_NOT_FOUND,
		       "this program has no flow named '%.80s'%s%s%s", name,
		       near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
		       near != NULL ? "'?" : "");
}

/* ---- checks ---- */

static int complain(const char *file, int line, const char *name, const char *what)
{
	(void)fprintf(stderr, "%s:%d: %s: %s\n", file, line, name, what);
	return -1;
}

static int check_handlers(const char *file, int line, const char *name,
			  const wf_handler *handlers)
{
	size_t i;

	for (i = 0; i < WF_MAX_HANDLERS; i++) {
		const wf_handler *h = &handlers[i];
		int bodies = (h->fn != NULL) + (h->action != NULL) +
			     (h->run_action != NULL) + (h->slack != NULL) +
			     (h->mail != NULL);

		if (bodies == 0 && (h->arg != NULL || h->check != NULL)) {
			return complain(file, line, name, "a handler without function");
		}
		if (bodies > 1) {
			return complain(file, line, name,
					"a handler with more than one function");
		}
	}
	return 0;
}

static int check_delays(const wf_task *t)
{
	unsigned int i;

	if (t->retry_delay < 0 || t->retry_jitter < 0 || t->retry_delays.backoff < 0) {
		return complain(t->file, t->line, t->name,
				"a delay or jitter below zero");
	}
	for (i = 0; i < t->retry_delays.count; i++) {
		if (t->retry_delays.list[i] < 0) {
			return complain(t->file, t->line, t->name,
					"a delay below zero");
		}
	}
	if (t->retry_delay > 0 &&
	    (t->retry_delays.count > 0 || t->retry_delays.backoff > 0)) {
		return complain(t->file, t->line, t->name,
				"both retry_delay and retry_delays");
	}
	return 0;
}

static int check_task(const wf_task *t)
{
	int rc = check_delays(t);

	if (t->retries < -1 || t->retries > PLAN_MAX_RETRIES) {
		rc = complain(t->file, t->line, t->name,
			      "retries must be between -1 and 10000");
	}
	if (t->timeout < 0 || t->grace < 0 || t->cache_ttl < 0) {
		rc = complain(t->file, t->line, t->name, "a time below zero");
	}
	if (t->run_inline && t->timeout > 0) {
		rc = complain(t->file, t->line, t->name,
			      "run_inline knows no timeout: nobody could stop it");
	}
	if (t->run_inline && t->generator) {
		rc = complain(t->file, t->line, t->name,
			      "a generator cannot be run_inline");
	}
	if (t->cache_key != NULL && t->cache != WF_NO_CACHE) {
		rc = complain(t->file, t->line, t->name,
			      "both cache and cache_key: the key replaces the policy");
	}
	if ((t->cache_ttl > 0 || t->cache_refresh || t->cache_without != NULL) &&
	    t->cache == WF_NO_CACHE && t->cache_key == NULL) {
		rc = complain(t->file, t->line, t->name,
			      "options of the cache without .cache or .cache_key");
	}
	if (t->run_name != NULL && t->run_name_fn != NULL) {
		rc = complain(t->file, t->line, t->name,
			      "both run_name and run_name_fn");
	}
	return check_handlers(t->file, t->line, t->name, t->handlers) < 0 ? -1 : rc;
}

static int check_flow(const wf_flow *f)
{
	struct error err;
	int rc = check_handlers(f->file, f->line, f->name, f->handlers);

	if (f->retries < 0 || f->retry_delay < 0 || f->timeout < 0 ||
	    f->task_runner.max_workers < 0) {
		rc = complain(f->file, f->line, f->name, "a number below zero");
	}
	if (strpbrk(registry_flow_name(f), "/%&><") != NULL) {
		rc = complain(f->file, f->line, f->name,
			      "a flow's name may not contain / % & > <");
	}
	if (registry_plan(f, &err) == NULL) {
		rc = complain(f->file, f->line, f->name, err.msg);
	}
	return rc;
}

static int check_names(void)
{
	size_t i, k;
	int rc = 0;

	for (i = 0; i < task_count; i++) {
		for (k = 0; k < i; k++) {
			if (strcmp(tasks[i]->name, tasks[k]->name) == 0) {
				rc = complain(tasks[i]->file, tasks[i]->line,
					      tasks[i]->name,
					      "another task has this name");
			}
		}
	}
	for (i = 0; i < flow_count; i++) {
		for (k = 0; k < i; k++) {
			if (strcmp(registry_flow_name(flows[i]),
				   registry_flow_name(flows[k])) == 0) {
				rc = complain(flows[i]->file, flows[i]->line,
					      flows[i]->name,
					      "another flow has this name");
			}
		}
	}
	return rc;
}

int registry_check(void)
{
	size_t i;
	int rc = too_many ? -1 : 0;

	if (too_many) {
		(void)fprintf(stderr, "wf: more than %d tasks or flows\n",
			      REGISTRY_MAX);
	}
	for (i = 0; i < task_count; i++) {
		rc = check_task(tasks[i]) < 0 ? -1 : rc;
	}
	for (i = 0; i < flow_count; i++) {
		rc = check_flow(flows[i]) < 0 ? -1 : rc;
	}
	return check_names() < 0 ? -1 : rc;
}
