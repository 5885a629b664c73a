/* SPDX-License-Identifier: Apache-2.0 */
/*
 * when.c - tests of state changes and of failed attempts.
 */
#include "engine/change/when.h"

#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "engine/expr/regex.h"
#include "engine/expr/tmpl.h"
#include "engine/plan_handler.h"
#include "engine/plan_more.h"
#include "proto/frame.h"

/* Names of the first generation, and what they became. */
static const struct {
	const char *old, *now;
} aliases[] = {
    {"Success", "Completed"}, {"TriggerFailed", "NotReady"}, {"Mapped", "Completed"}};

/* "Retrying" is the wait before a retry, or the retry itself when there is no wait:
 * once per retry. */
static int is_retry(const struct when_state *from, const struct when_state *to)
{
	return strcmp(to->name, "AwaitingRetry") == 0 ||
	       (strcmp(to->name, "Retrying") == 0 &&
		strcmp(from->name, "AwaitingRetry") != 0);
}

static int name_is(const char *want, const char *name)
{
	size_t i;

	if (strcmp(want, "*") == 0 || strcmp(want, name) == 0) {
		return 1;
	}
	for (i = 0; i < ARRAY_LEN(aliases); i++) {
		if (strcmp(want, aliases[i].old) == 0 &&
		    strcmp(aliases[i].now, name) == 0) {
			return 1;
		}
	}
	return 0;
}

static int any_name(const struct plan_strs *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->count; i++) {
		if (name_is(names->items[i], name)) {
			return 1;
		}
	}
	return names->count == 0;
}

static int any_to(const struct plan_strs *names, const struct when_state *from,
		  const struct when_state *to)
{
	size_t i;

	for (i = 0; i < names->count; i++) {
		if (strcmp(names->items[i], "Retrying") == 0
			? is_retry(from, to)
			: name_is(names->items[i], to->name)) {
			return 1;
		}
	}
	return names->count == 0;
}

static int predicate(const char *is, const struct when_state *from,
		     const struct when_state *to)
{
	if (strcmp(is, "finished") == 0) {
		return state_is_final(to->type);
	}
	if (strcmp(is, "failed") == 0) {
		return to->type == STATE_FAILED || to->type == STATE_CRASHED;
	}
	if (strcmp(is, "successful") == 0) {
		return to->type == STATE_COMPLETED;
	}
	if (strcmp(is, "retrying") == 0) {
		return is_retry(from, to);
	}
	if (strcmp(is, "running") == 0) {
		return to->type == STATE_RUNNING;
	}
	return to->type == STATE_PENDING;
}

static int any_predicate(const struct plan_strs *is, const struct when_state *from,
			 const struct when_state *to)
{
	size_t i;

	for (i = 0; i < is->count; i++) {
		if (predicate(is->items[i], from, to)) {
			return 1;
		}
	}
	return is->count == 0;
}

static int any_type(const struct plan_strs *types, enum state_type type)
{
	size_t i;

	for (i = 0; i < types->count; i++) {
		if (strcmp(types->items[i], state_type_text((int)type)) == 0) {
			return 1;
		}
	}
	return types->count == 0;
}

static int expr_holds(const struct tmpl *t, const struct expr_scope *scope)
{
	json_t *v = NULL;
	struct error err;
	int yes;

	if (t == NULL) {
		return 1;
	}
	if (tmpl_eval(t, scope, &v, &err) < 0) {
		return 0;
	}
	yes = expr_truth(v);
	json_decref(v);
	return yes;
}

int when_holds(const struct plan_when *w, const struct when_state *from,
	       const struct when_state *to, const struct expr_scope *scope)
{
	size_t i;
	int any;

	if (w == NULL) {
		return 1;
	}
	if (!any_name(&w->from, from->name) || !any_to(&w->to, from, to) ||
	    !any_type(&w->type, to->type) || !any_name(&w->name, to->name) ||
	    !any_predicate(&w->is, from, to) || !expr_holds(w->expr, scope)) {
		return 0;
	}
	for (i = 0; i < w->all_count; i++) {
		if (!when_holds(w->all[i], from, to, scope)) {
			return 0;
		}
	}
	for (i = 0; i < w->none_count; i++) {
		if (when_holds(w->none[i], from, to, scope)) {
			return 0;
		}
	}
	any = w->any_count == 0;
	for (i = 0; i < w->any_count && !any; i++) {
		any = when_holds(w->any[i], from, to, scope);
	}
	return any;
}

/* ---- retry_if ---- */

static int in_ranges(const struct plan_range *ranges, size_t count, int v)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (v >= ranges[i].from && v <= ranges[i].to) {
			return 1;
		}
	}
	return count == 0;
}

static int in_signals(const struct plan_retry_if *r, int signo)
{
	size_t i;

	for (i = 0; i < r->signal_count; i++) {
		if (r->signals[i] == signo) {
			return 1;
		}
	}
	return r->signal_count == 0;
}

static int retry_self(const struct plan_retry_if *r, const struct retry_facts *f,
		      const struct expr_scope *scope)
{
	return in_ranges(r->codes, r->code_count, f->exit_code) &&
	       in_signals(r, f->signo) &&
	       in_ranges(r->attempts, r->attempt_count, f->attempt) &&
	       (r->timed_out < 0 || r->timed_out == (f->timed_out != 0)) &&
	       (r->out == NULL || regex_search(r->out, f->out, f->out_len)) &&
	       (r->err == NULL || regex_search(r->err, f->err, f->err_len)) &&
	       expr_holds(r->expr, scope);
}

int retry_holds(const struct plan_retry_if *r, const struct retry_facts *f,
		const struct expr_scope *scope)
{
	size_t i;
	int any;

	if (r == NULL) {
		return 1;
	}
	if (!retry_self(r, f, scope)) {
		return 0;
	}
	for (i = 0; i < r->all_count; i++) {
		if (!retry_holds(r->all[i], f, scope)) {
			return 0;
		}
	}
	for (i = 0; i < r->none_count; i++) {
		if (retry_holds(r->none[i], f, scope)) {
			return 0;
		}
	}
	any = r->any_count == 0;
	for (i = 0; i < r->any_count && !any; i++) {
		any = retry_holds(r->any[i], f, scope);
	}
	return any;
}
