/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_flow.c - the keys of a flow.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "engine/expr/name.h"
#include "engine/expr/tmpl.h"
#include "engine/yaml/load.h"

#define MAX_SECONDS 31536000.0

static void flow_name_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_flow *f = obj;

	f->run_name = load_name(l, n);
}

/* The API keeps whole seconds; a fraction is rounded up, so that a delay stays a delay.
 */
static void flow_delay_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_flow *f = obj;
	double seconds;

	if (n->kind != YNODE_SCALAR) {
		diag_node(l->d, n,
			  "'retry_delay_seconds' of a flow must be a number (a list of "
			  "delays is "
			  "a feature of tasks)");
		return;
	}
	if (load_real(l, n, "retry_delay_seconds", 0, MAX_SECONDS, &seconds) == 0) {
		f->retry_delay_s = (int64_t)ceil(seconds);
	}
}

static void flow_tags_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_flow *f = obj;

	(void)load_strs(l, n, "tags", &f->tags);
}

static void flow_env_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_flow *f = obj;

	load_env(l, n, &f->env, ROOTS_FLOW_ENV);
}

static const struct field runner_fields[] = {
    {"max_workers", FIELD_INT, FIELD_AT(struct plan_flow, max_workers), 1,
     PLAN_MAX_WORKERS},
};

static void flow_runner_key(struct loader *l, const struct ynode *n, void *obj)
{
	load_fields(l, n, runner_fields, ARRAY_LEN(runner_fields), "'task_runner'",
		    obj);
}

static void flow_return_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_flow *f = obj;

	f->ret = load_tmpl(l, n, ROOTS_RETURN);
}

/* Loaded before everything else, see load_flow(). */
static void flow_done_key(struct loader *l, const struct ynode *n, void *obj)
{
	(void)l;
	(void)n;
	(void)obj;
}

static void flow_handlers_key(struct loader *l, const struct ynode *n, void *obj)
{
	load_handlers(l, n, &((struct plan_flow *)obj)->handlers);
}

static void flow_hooks_key(struct loader *l, const struct ynode *n, void *obj)
{
	load_hooks(l, n, &((struct plan_flow *)obj)->hooks);
}

#define F struct plan_flow
static const struct field flow_fields[] = {
    {"defaults", FIELD_FN, .fn = flow_done_key},
    {"description", FIELD_TEXT, FIELD_AT(F, description)},
    {"env", FIELD_FN, .fn = flow_env_key},
    {"flow_run_name", FIELD_FN, .fn = flow_name_key},
    {"hooks", FIELD_FN, .fn = flow_hooks_key},
    {"log_prints", FIELD_BOOL, FIELD_AT(F, log_prints)},
    {"on_failure", FIELD_FN, .fn = flow_done_key},
    {"params", FIELD_FN, .fn = load_params},
    {"persist_result", FIELD_BOOL, FIELD_AT(F, persist_result)},
    {"result_storage", FIELD_TEXT, FIELD_AT(F, storage)},
    {"retries", FIELD_INT, FIELD_AT(F, retries), 0, PLAN_MAX_RETRIES},
    {"retry_delay_seconds", FIELD_FN, .fn = flow_delay_key},
    {"return", FIELD_FN, .fn = flow_return_key},
    {"state_handlers", FIELD_FN, .fn = flow_handlers_key},
    {"tags", FIELD_FN, .fn = flow_tags_key},
    {"task_runner", FIELD_FN, .fn = flow_runner_key},
    {"tasks", FIELD_FN, .fn = flow_done_key},
    {"timeout_seconds", FIELD_REAL, FIELD_AT(F, timeout_s), 0, MAX_SECONDS},
    {"transactions", FIELD_FN, .fn = flow_done_key},
};
#undef F

static void check_flow_name(struct loader *l, const struct ynode *key)
{
	if (key->len == 0 || strpbrk(key->text, "/%&<>") != NULL) {
		diag_node(l->d, key,
			  "'%.80s' cannot name a flow: it must not be empty or contain "
			  "/ %% & < >",
			  key->text);
	}
}

/* {param}, {flow.name}, {flow_run.id}, {date} */
static void check_run_name(struct loader *l, const struct ynode *value,
			   const struct plan_flow *f)
{
	static const char *const known[] = {"flow.name", "flow_run.id", "date"};
	const struct ynode *n = ymap_get(value, "flow_run_name");
	const char *field, **names;
	char hint[128];
	size_t i, k, count = f->param_count + ARRAY_LEN(known);

	if (f->run_name == NULL || n == NULL) {
		return;
	}
	names = xcalloc(count, sizeof(*names));
	for (i = 0; i < f->param_count; i++) {
		names[i] = f->params[i].name;
	}
	memcpy(names + i, known, sizeof(known));
	for (i = 0; (field = name_field(f->run_name, i)) != NULL; i++) {
		for (k = 0; k < count && strcmp(names[k], field) != 0; k++) {
		}
		if (k == count) {
			diag_node(l->d, n, "'{%.80s}' is no parameter of the flow%s",
				  field,
				  load_hint(field, names, count, hint, sizeof(hint)));
		}
	}
	free(names);
}

static void reset_flow(struct loader *l)
{
	map_release(&l->task_index);
	map_init(&l->task_index, PLAN_MAX_TASKS);
	l->pending_count = 0;
	l->needs_count = 0;
	l->defaults = NULL;
	l->task = NULL;
}

struct plan_flow *load_flow(struct loader *l, const struct ynode *key,
			    const struct ynode *value)
{
	struct plan_flow *f = xcalloc(1, sizeof(*f));
	const struct ynode *defaults = ymap_get(value, "defaults");
	const struct ynode *tasks = ymap_get(value, "tasks");

	f->name = xstrdup(key->text);
	f->version = l->file->version;
	f->line = key->at.line;
	f->log_prints = f->persist_result = PLAN_INHERIT;
	f->file = l->file;
	f->max_workers = PLAN_DEFAULT_WORKERS;
	l->flow = f;
	reset_flow(l);
	check_flow_name(l, key);
	load_fields(l, value, flow_fields, ARRAY_LEN(flow_fields), "a flow", f);
	if (value->kind != YNODE_MAP) {
		return f;
	}
	if (defaults != NULL) {
		load_defaults(l, defaults);
	}
	if (tasks != NULL) {
		load_tasks(l, tasks, f);
	} else {
		diag_node(l->d, key, "the flow '%.80s' has no 'tasks'", key->text);
	}
	if (ymap_get(value, "on_failure") != NULL) {
		load_on_failure(l, ymap_get(value, "on_failure"), &f->handlers);
	}
	load_txns(l, ymap_get(value, "transactions"), f);
	check_run_name(l, value, f);
	load_bind(l, tasks);
	return f;
}
