/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_handler.c - memory of handlers, hooks and of what only some tasks have.
 */
#include "engine/plan_handler.h"

#include <stdlib.h>

#include "engine/expr/regex.h"
#include "engine/expr/tmpl.h"
#include "engine/plan_more.h"

void plan_when_free(struct plan_when *w)
{
	size_t i;

	if (w == NULL) {
		return;
	}
	plan_strs_release(&w->from);
	plan_strs_release(&w->to);
	plan_strs_release(&w->type);
	plan_strs_release(&w->name);
	plan_strs_release(&w->is);
	tmpl_free(w->expr);
	for (i = 0; i < w->all_count; i++) {
		plan_when_free(w->all[i]);
	}
	for (i = 0; i < w->any_count; i++) {
		plan_when_free(w->any[i]);
	}
	for (i = 0; i < w->none_count; i++) {
		plan_when_free(w->none[i]);
	}
	free(w->all);
	free(w->any);
	free(w->none);
	free(w);
}

static void notify_free(struct plan_notify *n)
{
	if (n == NULL) {
		return;
	}
	tmpl_free(n->url);
	tmpl_free(n->method);
	tmpl_free(n->json);
	tmpl_free(n->body);
	tmpl_free(n->text);
	tmpl_free(n->subject);
	tmpl_free(n->channel);
	tmpl_free(n->username);
	tmpl_free(n->to);
	tmpl_free(n->from);
	tmpl_free(n->server);
	tmpl_free(n->user);
	tmpl_free(n->password);
	tmpl_free(n->block);
	plan_pairs_release(&n->headers);
	free(n);
}

void plan_handler_free(struct plan_handler *h)
{
	size_t i;

	if (h == NULL) {
		return;
	}
	free(h->name);
	plan_when_free(h->when);
	free(h->action.script);
	for (i = 0; i < h->action.argc; i++) {
		tmpl_free(h->action.argv[i]);
	}
	free(h->action.argv);
	plan_pairs_release(&h->action.env);
	tmpl_free(h->action.value);
	notify_free(h->action.notify);
	tmpl_free(h->args);
	free(h);
}

void plan_handlers_release(struct plan_handlers *h)
{
	size_t i;

	for (i = 0; i < h->count; i++) {
		plan_handler_free(h->items[i]);
	}
	free(h->items);
}

void plan_hooks_free(struct plan_hooks *h)
{
	size_t i;

	if (h == NULL) {
		return;
	}
	for (i = 0; i < PLAN_HOOK_KINDS; i++) {
		plan_handlers_release(&h->lists[i]);
	}
	free(h);
}

const struct plan_handlers *plan_hooks_for(const struct plan_hooks *hooks,
					   enum state_type type)
{
	enum plan_hook kind;

	if (hooks == NULL) {
		return NULL;
	}
	switch (type) {
	case STATE_RUNNING:
		kind = PLAN_ON_RUNNING;
		break;
	case STATE_COMPLETED:
		kind = PLAN_ON_COMPLETION;
		break;
	case STATE_FAILED:
		kind = PLAN_ON_FAILURE;
		break;
	case STATE_CANCELLED:
	case STATE_CANCELLING:
		kind = PLAN_ON_CANCELLATION;
		break;
	case STATE_CRASHED:
		kind = PLAN_ON_CRASHED;
		break;
	case STATE_NONE:
	case STATE_SCHEDULED:
	case STATE_PENDING:
	case STATE_PAUSED:
	default:
		return NULL;
	}
	return hooks->lists[kind].count > 0 ? &hooks->lists[kind] : NULL;
}

int plan_has_hooks(const struct plan_hooks *hooks, enum state_type type)
{
	return plan_hooks_for(hooks, type) != NULL;
}

void plan_cache_free(struct plan_cache *c)
{
	if (c == NULL) {
		return;
	}
	plan_strs_release(&c->minus);
	plan_strs_release(&c->files);
	tmpl_free(c->key);
	free(c);
}

void plan_retry_if_free(struct plan_retry_if *r)
{
	size_t i;

	if (r == NULL) {
		return;
	}
	free(r->codes);
	free(r->signals);
	free(r->attempts);
	regex_free(r->out);
	regex_free(r->err);
	tmpl_free(r->expr);
	for (i = 0; i < r->all_count; i++) {
		plan_retry_if_free(r->all[i]);
	}
	for (i = 0; i < r->any_count; i++) {
		plan_retry_if_free(r->any[i]);
	}
	for (i = 0; i < r->none_count; i++) {
		plan_retry_if_free(r->none[i]);
	}
	free(r->all);
	free(r->any);
	free(r->none);
	free(r);
}

void plan_uses_free(struct plan_uses *u)
{
	if (u == NULL) {
		return;
	}
	free(u->path);
	free(u->flow);
	free(u->deployment);
	tmpl_free(u->job_variables);
	tmpl_free(u->run_name);
	free(u);
}

void plan_pause_free(struct plan_pause *p)
{
	if (p == NULL) {
		return;
	}
	json_decref(p->schema);
	free(p);
}

void plan_limits_release(struct plan_limits *l)
{
	size_t i;

	for (i = 0; i < l->count; i++) {
		free(l->items[i].name);
	}
	free(l->items);
}
