/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner_map.c - the values of for_each: lists that are there, and the items of a
 * generator as they come.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "engine/expr/expr_priv.h"
#include "engine/expr/tmpl.h"
#include "engine/runner_priv.h"
#include "engine/task/task_proc.h"

/* A generator that is so far ahead of a consumer is not read until it is not. */
#define STREAM_HIGH 1000u
#define STREAM_LOW  500u

struct map_state {
	json_t *lists; /* name -> list; NULL of a stream */
	/* of a stream: items that are not taken yet, the first one is number BASE */
	json_t **items;
	size_t base, count, size;
	struct uuid *ids; /* of the runs, when the results are used */
	size_t id_count, id_size;
};

struct slot *runner_slot(struct runner *r, size_t unit)
{
	size_t k, block, i;

	if (unit < r->flow->count) {
		return &r->slots[unit];
	}
	k = unit - r->flow->count;
	block = k / 64;
	while (r->item_blocks <= block) {
		struct slot *fresh = xcalloc(64, sizeof(*fresh));

		for (i = 0; i < 64; i++) {
			fresh[i].runner = r;
			fresh[i].unit = r->flow->count + r->item_blocks * 64 + i;
			fresh[i].lock_fd = -1;
			fresh[i].exit_code = -1;
			state_init(&fresh[i].last);
		}
		r->item_slots = xreallocarray(r->item_slots, r->item_blocks + 1,
					      sizeof(struct slot *));
		r->item_slots[r->item_blocks++] = fresh;
	}
	return &r->item_slots[block][k % 64];
}

static void drop_stream(struct map_state *m)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		json_decref(m->items[i]);
	}
	m->count = 0;
}

void runner_map_free(struct slot *s)
{
	if (s->map != NULL) {
		drop_stream(s->map);
		json_decref(s->map->lists);
		free(s->map->items);
		free(s->map->ids);
		free(s->map);
		s->map = NULL;
	}
}

/* An object is gone through by its keys. */
static json_t *as_list(json_t *v)
{
	const char *key;
	json_t *item, *list;

	if (!json_is_object(v)) {
		return v;
	}
	list = json_array();
	json_object_foreach (v, key, item) {
		(void)json_array_append_new(list, json_string(key));
	}
	json_decref(v);
	return list;
}

static int eval_lists(struct slot *s, struct error *err)
{
	struct values v = {.runner = s->runner, .env = &s->runner->env};
	struct expr_scope scope = runner_scope(&v, NULL, NULL);
	json_t *list = NULL;
	size_t i;

	s->map->lists = json_object();
	for (i = 0; i < s->plan->each.count; i++) {
		const struct plan_pair *p = &s->plan->each.items[i];

		if (tmpl_eval(p->value, &scope, &list, err) < 0) {
			return err_wrap(err, "for_each.%s", p->name);
		}
		list = as_list(list);
		if (!json_is_array(list)) {
			(void)err_set(err, ERR_INVALID,
				      "for_each.%s must be a list, not %s", p->name,
				      expr_type_name(list));
			json_decref(list);
			return -ERR_INVALID;
		}
		(void)json_object_set_new(s->map->lists, p->name, list);
	}
	return 0;
}

/* Lists of unlike length fail the flow: there is no run that could. */
static int same_length(struct slot *s, size_t *ret_count)
{
	struct sched_event ev = {.type = SCHED_EV_ERROR};
	const char *key;
	json_t *list;
	struct buf b;
	size_t first = SIZE_MAX;
	int same = 1, n = 0;

	json_object_foreach (s->map->lists, key, list) {
		if (first == SIZE_MAX) {
			first = json_array_size(list);
		}
		same = same && json_array_size(list) == first;
	}
	*ret_count = first;
	if (same) {
		return 1;
	}
	buf_init(&b);
	buf_addf(&b,
		 "Flow run encountered an exception: MappingLengthMismatch: the lists "
		 "of for_each of the task '%s' must have equal length: ",
		 s->plan->key);
	json_object_foreach (s->map->lists, key, list) {
		buf_addf(&b, "%s%s has %zu", n++ > 0 ? ", " : "", key,
			 json_array_size(list));
	}
	ev.message = b.data;
	runner_feed(s->runner, &ev);
	buf_release(&b);
	return 0;
}

static void make_room(struct slot *s, size_t count)
{
	size_t i;

	if (!s->plan->keeps_value && !s->plan->generator) {
		json_decref(s->result);
		s->result = json_array();
		return;
	}
	if (json_is_array(s->result) && json_array_size(s->result) == count) {
		return; /* of an earlier attempt of the flow */
	}
	json_decref(s->result);
	s->result = json_array();
	for (i = 0; i < count; i++) {
		(void)json_array_append_new(s->result, json_null());
	}
}

/* The verdict, and how many items there are.  1: it was told already. */
static int count_items(struct slot *s, struct sched_event *ev, struct error *err)
{
	int skip = 0;

	if (runner_eval_cond(s, &skip, err) < 0) {
		return -err->code;
	}
	if (skip) {
		ev->verdict = SCHED_SKIP;
		json_decref(s->result);
		s->result = NULL;
		return 0;
	}
	if (s->plan->stream_of != PLAN_NO_TASK) {
		ev->count = SCHED_STREAM;
		make_room(s, 0);
		return 0;
	}
	if (eval_lists(s, err) < 0) {
		return -err->code;
	}
	if (!same_length(s, &ev->count)) {
		return 1;
	}
	make_room(s, ev->count);
	return 0;
}

void runner_expand(struct runner *r, size_t task)
{
	struct slot *s = &r->slots[task];
	struct sched_event ev = {
	    .type = SCHED_EV_EXPANDED, .task = task, .verdict = SCHED_OK};
	struct error err;
	int rc;

	if (s->map == NULL) {
		s->map = xcalloc(1, sizeof(*s->map));
	}
	s->map->id_count = 0;
	json_decref(s->map->lists);
	s->map->lists = NULL;
	rc = count_items(s, &ev, &err);
	if (rc < 0) {
		ev.verdict = SCHED_FAIL;
		ev.message = err.msg;
	}
	if (rc <= 0) {
		runner_feed(r, &ev);
	}
}

static void note_id(struct slot *head, const struct uuid *id)
{
	struct map_state *m = head->map;

	if (!head->plan->keeps_value && head->plan->downstream.count == 0) {
		return;
	}
	if (m->id_count == m->id_size) {
		m->id_size = m->id_size == 0 ? 16 : m->id_size * 2;
		m->ids = xreallocarray(m->ids, m->id_size, sizeof(*m->ids));
	}
	m->ids[m->id_count++] = *id;
}

size_t runner_map_inputs(const struct slot *s, json_t *list, size_t left)
{
	char id[UUID_TEXT_SIZE];
	size_t i;

	for (i = 0; i < s->map->id_count && i < left; i++) {
		(void)json_array_append_new(
		    list, json_pack("{s:s, s:s}", "input_type", "task_run", "id",
				    uuid_format(&s->map->ids[i], id)));
	}
	return i;
}

json_t *runner_map_item(struct runner *r, size_t unit)
{
	struct slot *head = &r->slots[sched_task_of(r->sched, unit)];
	struct map_state *m = head->map;
	size_t item = sched_item_of(r->sched, unit), i;
	json_t *o = json_object();
	struct sched_run run;

	sched_get_run(r->sched, unit, &run);
	note_id(head, &run.id);
	for (i = 0; m->lists != NULL && i < head->plan->each.count; i++) {
		const char *name = head->plan->each.items[i].name;

		(void)json_object_set(
		    o, name, json_array_get(json_object_get(m->lists, name), item));
	}
	if (m->lists == NULL && m->count > 0) { /* a stream: they are taken in order */
		(void)json_object_set_new(o, head->plan->each.items[0].name,
					  m->items[0]);
		m->count--;
		m->base++;
		memmove(m->items, m->items + 1, m->count * sizeof(json_t *));
	}
	(void)json_object_set_new(o, "index", json_integer((json_int_t)item));
	return o;
}

void runner_map_result(struct runner *r, size_t unit)
{
	struct slot *head = &r->slots[sched_task_of(r->sched, unit)];
	const struct slot *s = runner_slot(r, unit);
	size_t item = sched_item_of(r->sched, unit);

	if (!head->plan->keeps_value || !json_is_array(head->result)) {
		return;
	}
	while (json_array_size(head->result) <= item) {
		(void)json_array_append_new(head->result, json_null());
	}
	(void)json_array_set(head->result, item,
			     s->result != NULL ? s->result : json_null());
}

void runner_forget(struct runner *r, size_t unit)
{
	struct slot *s = runner_slot(r, unit);

	runner_slot_release(s);
	runner_map_flow(r);
}

/* ---- generators ---- */

static void push(struct slot *consumer, json_t *value)
{
	struct map_state *m = consumer->map;

	if (m == NULL) {
		m = consumer->map = xcalloc(1, sizeof(*m));
	}
	if (m->count == m->size) {
		m->size = m->size == 0 ? 64 : m->size * 2;
		m->items = xreallocarray(m->items, m->size, sizeof(json_t *));
	}
	m->items[m->count++] = json_incref(value);
}

void runner_map_yield(struct slot *s, json_t *value)
{
	const struct plan_edges *down = &s->plan->downstream;
	struct runner *r = s->runner;
	struct sched_event ev = {.type = SCHED_EV_ITEMS, .task = s->unit};
	size_t i;

	if (s->plan->keeps_value) {
		if (!json_is_array(s->result)) {
			json_decref(s->result);
			s->result = json_array();
		}
		(void)json_array_append(s->result, value);
	}
	s->yielded++;
	for (i = 0; i < down->count; i++) {
		struct slot *consumer = &r->slots[down->tasks[i]];

		if (consumer->plan->stream_of == s->plan->index) {
			push(consumer, value);
		}
	}
	json_decref(value);
	ev.count = s->yielded;
	runner_feed(r, &ev);
	runner_map_flow(r);
}

static size_t farthest(const struct runner *r, const struct slot *s)
{
	const struct plan_edges *down = &s->plan->downstream;
	size_t i, most = 0, n;

	for (i = 0; i < down->count; i++) {
		const struct slot *consumer = &r->slots[down->tasks[i]];

		if (consumer->plan->stream_of == s->plan->index &&
		    consumer->map != NULL) {
			n = consumer->map->count;
			most = n > most ? n : most;
		}
	}
	return most;
}

void runner_map_flow(struct runner *r)
{
	size_t i, ahead;

	for (i = 0; i < r->generator_count; i++) {
		struct slot *s = &r->slots[r->generators[i]];

		if (s->proc == NULL) {
			continue;
		}
		ahead = farthest(r, s);
		if (ahead >= STREAM_HIGH) {
			task_proc_hold(s->proc, 1);
		} else if (ahead < STREAM_LOW) {
			task_proc_hold(s->proc, 0);
		}
	}
}
