/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched_map.c - tasks with for_each: their items become runs, a window at a time.
 *
 * The unit of the task itself is the head: it waits, expands, and is over when its last
 * item is.  Items are units behind those of the plan; the shell is told when one may be
 * forgotten, and its number is used again when it has heard of it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/sched_priv.h"

static size_t take_unit(struct sched *s)
{
	struct sched_task *block;
	size_t i, base;

	if (s->free_count == 0) {
		s->blocks = xreallocarray(s->blocks, s->block_count + 1,
					  sizeof(struct sched_task *));
		block = xcalloc(SCHED_BLOCK, sizeof(*block));
		base = s->flow->count + s->block_count * SCHED_BLOCK;
		s->blocks[s->block_count++] = block;
		for (i = SCHED_BLOCK; i > 0; i--) {
			sched_unit_free(s, base + i - 1);
		}
	}
	i = s->free_head;
	s->free_head = sched_unit(s, i)->next;
	s->free_count--;
	return i;
}

void sched_unit_free(struct sched *s, size_t unit)
{
	struct sched_task *t = sched_unit(s, unit);

	memset(t, 0, sizeof(*t));
	t->index = unit;
	t->phase = TASK_DONE;
	t->next = s->free_head;
	s->free_head = unit;
	s->free_count++;
}

static size_t end_of(const struct sched_group *g)
{
	return g->count == SCHED_STREAM ? g->avail : g->count;
}

static int may_make(const struct sched_task *t)
{
	size_t most = (size_t)t->plan->max_parallel;

	return t->group->next < end_of(t->group) &&
	       (most == 0 || t->group->open < most);
}

static void queue(struct sched *s, struct sched_task *t)
{
	if (!t->group->queued && t->phase == TASK_MAPPING && may_make(t)) {
		t->group->queued = 1;
		sched_enqueue(s, &s->to_create, t->index);
	}
}

void sched_map_begin(struct sched *s, size_t i)
{
	struct sched_task *t = sched_unit(s, i);
	struct sched_group *g = t->group;

	if (g == NULL) {
		g = t->group = xcalloc(1, sizeof(*g));
	}
	g->count = g->avail = g->next = g->open = g->failed = 0;
	g->queued = 0;
	t->phase = TASK_EXPANDING;
	s->outstanding++;
	(void)sched_push(s, SCHED_ACT_EXPAND, i);
}

static int was_ok(const struct sched_group *g, size_t item)
{
	return item / 8 < g->ok_size && (g->ok[item / 8] >> (item % 8) & 1) != 0;
}

static void note_ok(struct sched_group *g, size_t item)
{
	size_t need = item / 8 + 1, size;

	if (need > g->ok_size) {
		size = MAX_OF(need, g->ok_size * 2);
		g->ok = xrealloc(g->ok, size);
		memset(g->ok + g->ok_size, 0, size - g->ok_size);
		g->ok_size = size;
	}
	g->ok[item / 8] |= (unsigned char)(1u << (item % 8));
}

/* All items are over: so is the task. */
static void check_over(struct sched *s, struct sched_task *t)
{
	struct sched_group *g = t->group;

	if (t->phase != TASK_MAPPING || g->open > 0 || g->count == SCHED_STREAM ||
	    g->next < g->count) {
		return;
	}
	t->phase = TASK_DONE;
	if (g->failed == 0 && t->blocker == SCHED_NO_TASK) {
		t->type = STATE_COMPLETED;
	} else if (g->failed == 0) {
		t->type = STATE_PENDING;
	}
	s->done++;
	if (s->stop == STOP_NONE) {
		sched_txn_task_done(s, t->index);
		sched_propagate(s, t->index);
	}
}

void sched_map_next(struct sched *s, size_t i, struct sched_now now)
{
	struct sched_task *t = sched_unit(s, i), *item;
	struct sched_group *g = t->group;
	size_t unit;

	g->queued = 0;
	if (!may_make(t)) {
		return;
	}
	unit = take_unit(s);
	item = sched_unit(s, unit);
	item->plan = t->plan;
	item->head = t->index;
	item->item = g->next++;
	item->blocker = SCHED_NO_TASK;
	item->reusable = (unsigned int)was_ok(g, item->item) & 1u;
	g->open++;
	queue(s, t);
	sched_create(s, unit, now);
}

void sched_map_expanded(struct sched *s, const struct sched_event *ev,
			struct sched_now now)
{
	struct sched_task *t = sched_unit(s, ev->task);

	if (t->phase != TASK_EXPANDING) {
		return;
	}
	s->outstanding--;
	if (ev->verdict != SCHED_OK) { /* one run tells why there are none */
		sched_create(s, ev->task, now);
		s->outstanding--;
		if (ev->verdict == SCHED_SKIP) {
			sched_finish_as(s, ev->task, STATE_COMPLETED, "Skipped", NULL,
					now);
		} else {
			sched_finish_as(s, ev->task, STATE_FAILED, "Failed",
					ev->message, now);
		}
		return;
	}
	t->phase = TASK_MAPPING;
	t->type = STATE_RUNNING;
	t->group->count = ev->count;
	if (ev->count != SCHED_STREAM) {
		t->group->avail = ev->count;
	} else {
		const struct sched_task *g = sched_unit(s, t->plan->stream_of);

		if (g->phase == TASK_DONE) {
			t->group->count = t->group->avail;
		}
	}
	queue(s, t);
	check_over(s, t);
}

void sched_map_items(struct sched *s, const struct sched_event *ev)
{
	const struct plan_task *plan = s->flow->tasks[ev->task];
	size_t k;

	for (k = 0; k < plan->downstream.count; k++) {
		size_t d = plan->downstream.tasks[k];
		struct sched_task *t = sched_unit(s, d);

		if (s->flow->tasks[d]->stream_of == ev->task && t->group != NULL &&
		    t->group->avail < ev->count &&
		    (t->phase == TASK_EXPANDING || t->phase == TASK_MAPPING)) {
			t->group->avail = ev->count;
			queue(s, t);
		}
	}
}

void sched_map_close(struct sched *s, size_t i)
{
	const struct plan_task *plan = s->flow->tasks[i];
	size_t k;

	for (k = 0; k < plan->downstream.count; k++) {
		size_t d = plan->downstream.tasks[k];
		struct sched_task *t = sched_unit(s, d);

		if (s->flow->tasks[d]->stream_of == i && t->phase == TASK_MAPPING) {
			t->group->count = t->group->avail;
			check_over(s, t);
		}
	}
}

void sched_map_item_done(struct sched *s, size_t unit)
{
	struct sched_task *item = sched_unit(s, unit), *t = &s->tasks[item->head];
	struct sched_group *g = t->group;

	g->open--;
	if (item->type == STATE_COMPLETED) {
		if (s->flow->retries > 0) {
			note_ok(g, item->item);
		}
	} else {
		g->failed++;
		t->type = item->type;
		t->run.id = item->run.id;
	}
	if (item->plan->txn == 0) {
		(void)sched_push(s, SCHED_ACT_FORGET, unit);
	}
	if (s->stop == STOP_NONE) {
		queue(s, t);
	}
	check_over(s, t);
}

void sched_map_free(struct sched *s)
{
	size_t i, k;

	for (i = 0; i < s->flow->count; i++) {
		if (s->tasks[i].group != NULL) {
			free(s->tasks[i].group->ok);
			free(s->tasks[i].group);
		}
	}
	for (i = 0; i < s->block_count; i++) {
		for (k = 0; k < SCHED_BLOCK; k++) {
			struct run_state *offered = s->blocks[i][k].offered;

			if (offered != NULL) {
				state_release(offered);
				free(offered);
			}
		}
		free(s->blocks[i]);
	}
	free(s->blocks);
}

size_t sched_backlog(const struct sched *s, size_t task)
{
	const struct sched_group *g = s->tasks[task].group;

	return g != NULL && g->avail > g->next ? g->avail - g->next : 0;
}
