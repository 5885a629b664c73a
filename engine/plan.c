/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - memory and lookup of plans.
 */
#include "engine/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/opts.h"
#include "engine/expr/name.h"
#include "engine/expr/tmpl.h"

void plan_strs_release(struct plan_strs *s)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		free(s->items[i]);
	}
	free(s->items);
}

void plan_pairs_release(struct plan_pairs *p)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		free(p->items[i].name);
		tmpl_free(p->items[i].value);
	}
	free(p->items);
}

void plan_task_free(struct plan_task *t)
{
	size_t i;

	if (t == NULL) {
		return;
	}
	for (i = 0; i < t->argc; i++) {
		tmpl_free(t->argv[i]);
	}
	free(t->argv);
	free(t->key);
	if (t->name != t->key) {
		free(t->name);
	}
	free(t->description);
	free(t->task_key);
	free(t->script);
	plan_pairs_release(&t->with);
	plan_pairs_release(&t->env);
	tmpl_free(t->cond);
	tmpl_free(t->output_file);
	free(t->delays.seconds);
	plan_strs_release(&t->tags);
	name_free(t->run_name);
	free(t->source);
	plan_pairs_release(&t->each);
	plan_strs_release(&t->unmapped);
	plan_uses_free(t->uses);
	plan_pause_free(t->pause);
	plan_cache_free(t->cache);
	plan_retry_if_free(t->retry_if);
	plan_hooks_free(t->hooks);
	plan_handlers_release(&t->handlers);
	plan_limits_release(&t->limits);
	tmpl_free(t->storage_key);
	free(t->storage);
	free(t->upstream.tasks);
	free(t->downstream.tasks);
	free(t);
}

void plan_flow_free(struct plan_flow *f)
{
	size_t i;

	if (f == NULL) {
		return;
	}
	for (i = 0; i < f->param_count; i++) {
		free(f->params[i].name);
		json_decref(f->params[i].schema);
		json_decref(f->params[i].def);
	}
	free(f->params);
	for (i = 0; i < f->count; i++) {
		plan_task_free(f->tasks[i]);
	}
	free(f->tasks);
	free(f->name);
	free(f->description);
	name_free(f->run_name);
	plan_strs_release(&f->tags);
	plan_pairs_release(&f->env);
	tmpl_free(f->ret);
	plan_handlers_release(&f->handlers);
	plan_hooks_free(f->hooks);
	plan_strs_release(&f->secrets);
	plan_strs_release(&f->variables);
	for (i = 0; i < f->txn_count; i++) {
		free(f->txns[i].name);
	}
	free(f->txns);
	free(f->storage);
	free(f);
}

void plan_free(struct plan_file *f)
{
	size_t i;

	if (f == NULL) {
		return;
	}
	for (i = 0; i < f->count; i++) {
		plan_flow_free(f->flows[i]);
	}
	free(f->flows);
	free(f->path);
	free(f->version);
	free(f);
}

static int no_such_flow(const struct plan_file *f, const char *name, struct error *err)
{
	const char **names = xcalloc(f->count + 1, sizeof(*names));
	const char *near;
	size_t i;
	int rc;

	for (i = 0; i < f->count; i++) {
		names[i] = f->flows[i]->name;
	}
	near = opts_nearest(name, names, f->count);
	rc = err_set(err, ERR_NOT_FOUND, "%s has no flow named '%s'%s%s%s", f->path,
		     name, near != NULL ? "; did you mean '" : "",
		     near != NULL ? near : "", near != NULL ? "'?" : "");
	free(names);
	return rc;
}

struct plan_flow *plan_find(const struct plan_file *f, const char *name,
			    struct error *err)
{
	size_t i;

	if (name == NULL && f->count == 1) {
		return f->flows[0];
	}
	if (name == NULL) {
		(void)err_set(err, ERR_USAGE,
			      "%s has %zu flows; say which one: %s:NAME (first: %s)",
			      f->path, f->count, f->path,
			      f->count > 0 ? f->flows[0]->name : "-");
		return NULL;
	}
	for (i = 0; i < f->count; i++) {
		if (strcmp(f->flows[i]->name, name) == 0) {
			return f->flows[i];
		}
	}
	(void)no_such_flow(f, name, err);
	return NULL;
}
