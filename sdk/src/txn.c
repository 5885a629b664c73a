/* SPDX-License-Identifier: Apache-2.0 */
/*
 * txn.c - transactions of a function: the runs that complete between begin and commit
 * are committed in this order, or rolled back in the reverse one.
 *
 *     OPEN --commit--> COMMITTING --> over
 *       |                 | a hook fails
 *       +--rollback, failure of the function--> ROLLING BACK --> over
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "sdk/src/host.h"
#include "sdk/src/parts.h"
#include "sdk/src/registry.h"

static void begin(struct body *b, const char *mode)
{
	struct txn *t = xcalloc(1, sizeof(*t));

	t->h = b->h;
	t->body = b;
	t->outer = b->txn;
	t->mode = t->outer != NULL ? t->outer->mode : WF_LAZY;
	if (mode != NULL) {
		t->mode = strcmp(mode, "eager") == 0 ? WF_EAGER
			  : strcmp(mode, "off") == 0 ? WF_OFF
						     : WF_LAZY;
	}
	b->txn = t;
}

static void add(struct txn *t, struct call *c)
{
	if (t->count == t->size) {
		t->size = t->size * 2 + 8;
		t->calls = xreallocarray(t->calls, t->size, sizeof(struct call *));
	}
	t->calls[t->count++] = c;
}

/* What still runs belongs to nobody, or to the outer one. */
static void detach(const struct txn *t, struct txn *to)
{
	size_t i;

	for (i = 0; i < t->h->call_count; i++) {
		if (t->h->calls[i]->txn == t) {
			t->h->calls[i]->txn = to;
		}
	}
}

static const wf_hook_fn *hooks_of(const struct txn *t, const struct call *c)
{
	const struct wf_hooks *h = &registry_get_task(c->task)->hooks;

	return t->undo ? h->on_rollback : h->on_commit;
}

static void step(struct txn *t);

static void rolled_back(struct call *c)
{
	struct runner *r = c->h->runner;
	struct run_state s;
	struct sched_run run;
	char key[32];
	struct session_task fact = {
	    .plan = registry_plan_task(c->task),
	    .run = &run,
	    .name = c->name,
	    .dynamic_key = key,
	    .state = &s,
	    .from = STATE_COMPLETED,
	    .previous = c->state_id,
	    .inputs = c->inputs,
	    .flow_run_count = sched_run_count(r->sched),
	};
	json_t *tags = runner_tags(r, fact.plan);

	sched_get_run(r->sched, c->index, &run);
	state_init(&s);
	s.type = STATE_COMPLETED;
	s.name = "RolledBack";
	s.at_us = host_now(c->h).us;
	uuid_v7(&s.id, s.at_us);
	state_set_message(&s, "Task rolled back as part of transaction");
	runner_dynamic_key(r, run.number, key, sizeof(key));
	fact.tags = tags;
	r->session->ops->task_state(r->session, &fact);
	report_task(r->report, &fact);
	c->undone = 1;
	state_release(&s);
	json_decref(tags);
}

static void on_hooked(struct host *h, const char *error, const json_t *state, void *arg)
{
	struct txn *t = arg;

	(void)h;
	(void)state;
	if (t->undo) {
		rolled_back(t->calls[t->count - 1 - t->at]);
	} else if (error != NULL) {
		t->undo = 1; /* a hook of the commit failed: all is undone */
		t->failed = 1;
		t->at = 0;
		step(t);
		return;
	}
	t->at++;
	step(t);
}

static void over(struct txn *t)
{
	txn_done_fn done = t->done;
	void *arg = t->arg;
	int failed = t->failed;
	struct host *h = t->h;

	free(t->calls);
	free(t);
	done(h, failed, arg);
}

/* The hooks of the next run, or the end. */
static void step(struct txn *t)
{
	struct gate_spec spec = {.done = on_hooked, .arg = t};
	struct call *c;
	struct wf_state neu;

	if (t->at >= t->count) {
		over(t);
		return;
	}
	c = t->calls[t->undo ? t->count - 1 - t->at : t->at];
	spec.hooks = hooks_of(t, c);
	if (spec.hooks[0] == NULL) {
		on_hooked(t->h, NULL, NULL, t);
		return;
	}
	neu = c->state;
	neu.data = c->result;
	spec.call = c;
	spec.old = &c->state;
	spec.neu = &neu;
	gate_open(t->h, &spec);
}

/* ---- EAGER: a run is committed when it completes ---- */

static void eager_done(struct host *h, int failed, void *arg)
{
	struct body *b = arg;
	loop_fn then = b->eager_then;

	(void)h;
	b->eager_failed |= failed;
	if (--b->eager == 0 && then != NULL) {
		b->eager_then = NULL;
		then(b->eager_arg);
	}
}

static void commit_now(struct txn *outer, struct call *c)
{
	struct txn *t = xcalloc(1, sizeof(*t));

	t->h = outer->h;
	t->done = eager_done;
	t->arg = outer->body;
	outer->body->eager++;
	add(t, c);
	step(t);
}

/* FN(ARG) when no run is being committed: now, or later. */
static void after_eager(struct body *b, loop_fn fn, void *arg)
{
	if (b->eager == 0) {
		fn(arg);
	} else {
		b->eager_then = fn;
		b->eager_arg = arg;
	}
}

void txn_note(struct call *c)
{
	if (c->txn == NULL || c->state.type != STATE_COMPLETED ||
	    strcmp(c->state.name, "Cached") == 0) {
		return;
	}
	if (c->txn->mode == WF_EAGER) {
		commit_now(c->txn, c);
	} else {
		add(c->txn, c);
	}
}

void txn_end(struct txn *t, int undo, txn_done_fn done, void *arg)
{
	detach(t, NULL);
	t->undo = undo;
	t->at = 0;
	t->done = done;
	t->arg = arg;
	step(t);
}

/* ---- asked for by a function ---- */

static void answer_body(struct host *h, int failed, void *arg)
{
	struct body *b = arg;

	(void)h;
	b->txn_busy = 0;
	failed |= b->eager_failed;
	b->eager_failed = 0;
	body_send(b, json_pack("{s:b}", "failed", failed));
	if (b->txn_ended) {
		body_conclude(b);
	}
}

static void end_asked(void *arg)
{
	struct txn *t = arg;

	txn_end(t, t->undo, answer_body, t->body);
}

void txn_request(struct body *b, const json_t *msg)
{
	const char *what = json_string_value(json_object_get(msg, "a"));
	struct txn *t = b->txn;

	if (what != NULL && strcmp(what, "begin") == 0) {
		begin(b, json_string_value(json_object_get(msg, "mode")));
		return;
	}
	if (t == NULL || what == NULL) {
		body_send(b, json_pack("{s:b}", "failed", 0));
		return;
	}
	b->txn = t->outer;
	if (t->outer != NULL && strcmp(what, "commit") == 0) {
		/* the outermost one commits for all */
		for (size_t i = 0; i < t->count; i++) {
			add(t->outer, t->calls[i]);
		}
		detach(t, t->outer);
		free(t->calls);
		free(t);
		body_send(b, json_pack("{s:b}", "failed", 0));
		return;
	}
	b->txn_busy = 1;
	t->undo = strcmp(what, "commit") != 0;
	after_eager(b, end_asked, t);
}

/* ---- at the end of a function ---- */

struct closing {
	struct body *b;
	int undo;
	void (*then)(struct body *b);
};

static void close_next(struct host *h, int failed, void *arg)
{
	struct closing *x = arg;
	struct txn *t = x->b->txn;

	(void)h;
	x->undo |= failed;
	if (t == NULL) {
		void (*then)(struct body * b) = x->then;
		struct body *b = x->b;

		free(x);
		then(b);
		return;
	}
	x->b->txn = t->outer;
	txn_end(t, x->undo || t->mode == WF_OFF, close_next, x);
}

static void close_first(void *arg)
{
	close_next(NULL, 0, arg);
}

void txn_close_all(struct body *b, int undo, void (*then)(struct body *b))
{
	struct closing *x = xcalloc(1, sizeof(*x));

	x->b = b;
	x->undo = undo;
	x->then = then;
	after_eager(b, close_first, x);
}

void txn_drop(struct txn *t)
{
	while (t != NULL) {
		struct txn *outer = t->outer;

		detach(t, NULL);
		free(t->calls);
		free(t);
		t = outer;
	}
}
