/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls.c - task runs that were asked for: their inputs, their upstreams, their end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "sdk/src/host.h"
#include "sdk/src/parts.h"
#include "sdk/src/registry.h"

#define INPUTS_MAX 5000 /* references named in task_inputs */

static void push(struct call ***list, size_t *count, size_t *size, struct call *c)
{
	if (*count == *size) {
		*size = *size * 2 + 16;
		*list = xreallocarray(*list, *size, sizeof(struct call *));
	}
	(*list)[(*count)++] = c;
}

static struct call *call_of(const struct body *b, int fut)
{
	return fut > 0 && (size_t)fut <= b->call_count ? b->calls[fut - 1] : NULL;
}

/* ---- what is in the arguments ---- */

/* The future that V stands for, or 0. */
static int fut_in(const json_t *v)
{
	return json_object_size(v) == 1
		   ? (int)json_integer_value(json_object_get(v, FUT_KEY))
		   : 0;
}

typedef json_t *(*replace_fn)(int fut, void *arg);

/* Calls FN for each future below V (bounded by the depth of JSON); a value that it
 * returns takes the place. */
static void walk(json_t *v, replace_fn fn, void *arg)
{
	const char *key;
	json_t *item, *with;
	size_t i;
	void *tmp;

	if (json_is_object(v)) {
		json_object_foreach_safe(v, tmp, key, item)
		{
			if (fut_in(item) == 0) {
				walk(item, fn, arg);
			} else if ((with = fn(fut_in(item), arg)) != NULL) {
				(void)json_object_set_new(v, key, with);
			}
		}
	}
	if (json_is_array(v)) {
		json_array_foreach (v, i, item) {
			if (fut_in(item) == 0) {
				walk(item, fn, arg);
			} else if ((with = fn(fut_in(item), arg)) != NULL) {
				(void)json_array_set_new(v, i, with);
			}
		}
	}
}

struct collect {
	struct body *b;
	struct call *c;
	size_t size;
};

static json_t *collect_one(int fut, void *arg)
{
	struct collect *k = arg;
	struct call *up = call_of(k->b, fut);

	if (up != NULL) {
		push(&k->c->upstream, &k->c->upstream_count, &k->size, up);
	}
	return NULL;
}

static json_t *result_of(int fut, void *arg)
{
	const struct call *up = call_of(arg, fut);

	return up != NULL && up->result != NULL && up->state.type == STATE_COMPLETED
		   ? json_incref(up->result)
		   : json_null();
}

/* ---- task_inputs ---- */

struct refs {
	struct body *b;
	json_t *list;
};

static void add_ref(struct host *h, const struct call *up, json_t *list)
{
	struct sched_run run;
	char id[UUID_TEXT_SIZE];

	if (up->index == SCHED_NO_TASK || json_array_size(list) >= INPUTS_MAX) {
		return;
	}
	sched_get_run(h->runner->sched, up->index, &run);
	(void)json_array_append_new(list,
				    json_pack("{s:s, s:s}", "input_type", "task_run",
					      "id", uuid_format(&run.id, id)));
}

static json_t *ref_one(int fut, void *arg)
{
	struct refs *r = arg;
	const struct call *up = call_of(r->b, fut);

	if (up != NULL) {
		add_ref(r->b->h, up, r->list);
	}
	return NULL;
}

/* {"param": [references]}, wait_for and __parents__. */
static json_t *make_inputs(struct body *b, struct call *c, const json_t *msg)
{
	const json_t *after = json_object_get(msg, "after");
	json_t *all = json_object(), *v, *list;
	struct refs refs = {.b = b};
	const char *key;
	size_t i;

	json_object_foreach (c->in, key, v) {
		const json_t *origin =
		    json_object_get(json_object_get(msg, "refs"), key);

		refs.list = json_array();
		if (origin != NULL) {
			(void)ref_one((int)json_integer_value(origin), &refs);
		} else if (fut_in(v) != 0) {
			(void)ref_one(fut_in(v), &refs);
		} else {
			walk(v, ref_one, &refs);
		}
		(void)json_object_set_new(all, key, refs.list);
	}
	list = json_array();
	json_array_foreach ((json_t *)(uintptr_t)after, i, v) {
		const struct call *up = call_of(b, (int)json_integer_value(v));

		if (up != NULL) {
			add_ref(b->h, up, list);
		}
	}
	if (json_array_size(list) > 0) {
		(void)json_object_set_new(all, "wait_for", json_incref(list));
	}
	json_decref(list);
	if (c->from != NULL) {
		(void)json_object_set(all, "__parents__", c->from);
	}
	return all;
}

/* ---- to the scheduler ---- */

int call_must_block(const struct call *c)
{
	return c->done && c->state.type != STATE_COMPLETED &&
	       !registry_plan_task(c->task)->allow_failure;
}

static char *reuse_key(const struct call *c)
{
	char *in = json_text_sorted(c->in);
	char *key = xasprintf("%zu|%s", c->task, in);

	free(in);
	return key;
}

/* The result of an earlier attempt of the flow for the same inputs; taken out. */
static json_t *take_reuse(struct call *c)
{
	char *key;
	json_t *list, *v = NULL;

	if (json_object_size(c->h->reuse) == 0) {
		return NULL;
	}
	key = reuse_key(c);
	list = json_object_get(c->h->reuse, key);
	if (json_array_size(list) > 0) {
		v = json_incref(json_array_get(list, 0));
		(void)json_array_remove(list, 0);
	}
	free(key);
	return v;
}

static void note_run(struct call *c)
{
	struct host *h = c->h;

	if (h->run_count == h->run_size) {
		h->run_size = h->run_size * 2 + 64;
		h->runs = xreallocarray(h->runs, h->run_size, sizeof(struct call *));
	}
	h->runs[h->run_count++] = c;
}

/* The attempt takes no more: the call ends without having become a run. */
static void refuse(struct call *c)
{
	c->name =
	    c->name != NULL ? c->name : xstrdup(registry_plan_task(c->task)->name);
	c->state = (struct wf_state){.type = STATE_CANCELLED,
				     .name = "Cancelled",
				     .message = "The flow is being stopped.",
				     .scheduled_us = TIME_NONE};
	call_finish(c);
}

void call_take_back(struct call *c)
{
	if (c->lends) {
		c->lends = 0;
		sched_lend(c->h->runner->sched, -1, host_now(c->h));
	}
}

/* All upstreams are done. */
static void admit(struct call *c)
{
	struct host *h = c->h;
	struct sched_add add = {
	    .plan = registry_plan_task(c->task),
	    .blocker = SCHED_NO_TASK,
	    .called = c->called,
	};
	size_t i;

	for (i = 0; i < c->upstream_count; i++) {
		if (call_must_block(c->upstream[i]) &&
		    c->upstream[i]->index != SCHED_NO_TASK) {
			add.blocker = c->upstream[i]->index;
			break;
		}
	}
	if (c->owner != NULL && add.blocker == SCHED_NO_TASK) {
		walk(c->in, result_of, c->owner);
	}
	if (add.blocker == SCHED_NO_TASK) {
		c->result = take_reuse(c);
		add.reuse = c->result != NULL;
	}
	add.number = h->numbers[c->task];
	c->index = h->run_count;
	note_run(c);
	if (sched_add(h->runner->sched, &add, host_now(h)) == SCHED_NO_TASK) {
		h->run_count--;
		c->index = SCHED_NO_TASK;
		refuse(c);
		return;
	}
	h->numbers[c->task]++;
	host_perform(h);
}

static json_t *parent_of(const struct body *b, const json_t *msg)
{
	const struct call *by = b->call;
	int as = (int)json_integer_value(json_object_get(msg, "as"));
	json_t *list;

	if (as > 0 && call_of(b, as) != NULL) {
		by = call_of(b, as);
	}
	list = json_array();
	if (by != NULL) {
		add_ref(b->h, by, list);
	}
	by = call_of(b, (int)json_integer_value(json_object_get(msg, "gen")));
	if (by != NULL) {
		add_ref(b->h, by, list);
	}
	if (json_array_size(list) == 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}

static char *text_member(const json_t *msg, const char *key)
{
	const char *s = json_string_value(json_object_get(msg, key));

	return s != NULL ? xstrdup(s) : NULL;
}

static void wait_for_upstreams(struct body *b, struct call *c, const json_t *after)
{
	struct collect k = {.b = b, .c = c};
	size_t i;
	json_t *v;

	walk(c->in, collect_one, &k);
	json_array_foreach ((json_t *)(uintptr_t)after, i, v) {
		(void)collect_one((int)json_integer_value(v), &k);
	}
	for (i = 0; i < c->upstream_count; i++) {
		struct call *up = c->upstream[i];

		if (!up->done) {
			c->waiting++;
			push(&up->consumers, &up->consumer_count, &up->consumer_size,
			     c);
		}
	}
}

void call_submit(struct body *b, const json_t *msg)
{
	struct host *h = b->h;
	struct call *c = xcalloc(1, sizeof(*c));
	const json_t *after = json_object_get(msg, "after");

	c->h = h;
	c->owner = b;
	c->fut = (int)json_integer_value(json_object_get(msg, "f"));
	c->task = (size_t)json_integer_value(json_object_get(msg, "t"));
	if (json_is_true(json_object_get(msg, "flow"))) {
		c->task += registry_tasks();
	}
	c->called = json_is_true(json_object_get(msg, "call"));
	c->in = json_incref(json_object_get(msg, "in"));
	c->index = SCHED_NO_TASK;
	c->cache_key = text_member(msg, "key");
	c->given_name = text_member(msg, "name");
	c->from = parent_of(b, msg);
	c->txn = b->txn;
	push(&h->calls, &h->call_count, &h->call_size, c);
	push(&b->calls, &b->call_count, &b->call_size, c);
	wait_for_upstreams(b, c, after);
	c->inputs = make_inputs(b, c, msg);
	if (c->waiting == 0) {
		admit(c);
	} else {
		h->waiting++;
	}
}

/* ---- the end ---- */

json_t *call_done_json(const struct call *c)
{
	struct wf_state s = c->state;

	s.data = c->result;
	return json_pack("{s:i, s:s, s:o}", "f", c->fut, "run",
			 c->name != NULL ? c->name : "", "state", state_to_json(&s));
}

void call_finish(struct call *c)
{
	size_t i, n = c->consumer_count;

	if (c->done) {
		return;
	}
	c->done = 1;
	c->go = 0;
	txn_note(c);
	if (c->owner != NULL) {
		for (i = 0; i < c->owner->wait_count; i++) {
			struct wait *w = &c->owner->waits[i];

			if ((c->waited & (1ull << i)) != 0 && w->left > 0) {
				w->left = w->any ? 0 : w->left - 1;
			}
		}
		request_check_waits(c->owner);
	}
	for (i = 0; i < n; i++) {
		if (--c->consumers[i]->waiting == 0) {
			c->h->waiting--;
			admit(c->consumers[i]);
		}
	}
	c->consumer_count = 0;
	if (c->h->returned && c->h->waiting == 0) {
		host_return_now(c->h);
	}
}

void call_free(struct call *c)
{
	json_decref(c->in);
	json_decref(c->inputs);
	json_decref(c->result);
	json_decref(c->values);
	json_decref(c->from);
	free(c->name);
	free(c->cache_key);
	free(c->store_key);
	free(c->given_name);
	free(c->consumers);
	free(c->upstream);
	free(c->state_name);
	free(c->state_message);
	free(c);
}

/* Keeps what completed for the next attempt of the flow. */
static void remember(struct call *c)
{
	char *key;
	json_t *list;

	if (c->state.type != STATE_COMPLETED || c->result == NULL || c->undone) {
		return;
	}
	key = reuse_key(c);
	list = json_object_get(c->h->reuse, key);
	if (list == NULL) {
		list = json_array();
		(void)json_object_set_new(c->h->reuse, key, list);
	}
	(void)json_array_append(list, c->result);
	free(key);
}

void host_forget_calls(struct host *h)
{
	size_t i;

	json_object_clear(h->reuse);
	for (i = 0; i < h->call_count; i++) {
		remember(h->calls[i]);
	}
	for (i = 0; i < h->call_count; i++) {
		if (h->calls[i]->body != NULL) {
			h->calls[i]->body->call = NULL;
		}
		call_free(h->calls[i]);
	}
	h->call_count = h->run_count = h->waiting = 0;
	h->returned = 0;
}
