/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched_queue.c - the list of actions, and the texts of log lines.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/sched_priv.h"

void sched_enqueue(struct sched *s, struct task_queue *q, size_t i)
{
	sched_unit(s, i)->next = SCHED_NO_TASK;
	if (q->count == 0) {
		q->head = i;
	} else {
		sched_unit(s, q->tail)->next = i;
	}
	q->tail = i;
	q->count++;
}

size_t sched_dequeue(struct sched *s, struct task_queue *q)
{
	size_t i = q->head;

	q->head = sched_unit(s, i)->next;
	q->count--;
	return i;
}

void sched_action_release(struct sched_action *a)
{
	state_release(&a->state);
	free(a->text);
	a->text = NULL;
}

static void grow(struct sched *s)
{
	size_t size = s->actions_size == 0 ? 64 : s->actions_size * 2, i;
	struct sched_action *items = xcalloc(size, sizeof(*items));

	for (i = 0; i < s->actions_count; i++) {
		items[i] = s->actions[(s->actions_head + i) % s->actions_size];
		if (items[i].state.name != NULL &&
		    items[i].state.name ==
			s->actions[(s->actions_head + i) % s->actions_size]
			    .state.name_buf) {
			items[i].state.name = items[i].state.name_buf;
		}
	}
	free(s->actions);
	s->actions = items;
	s->actions_size = size;
	s->actions_head = 0;
}

struct sched_action *sched_push(struct sched *s, enum sched_action_type type,
				size_t task)
{
	struct sched_action *a;

	if (s->actions_count == s->actions_size) {
		grow(s);
	}
	a = &s->actions[(s->actions_head + s->actions_count++) % s->actions_size];
	memset(a, 0, sizeof(*a));
	state_init(&a->state);
	a->type = type;
	a->task = task;
	return a;
}

int sched_take(struct sched *s, struct sched_action *ret_action)
{
	struct sched_action *a;

	if (s->actions_count == 0) {
		return 0;
	}
	a = &s->actions[s->actions_head];
	*ret_action = *a;
	if (a->state.name == a->state.name_buf) {
		ret_action->state.name = ret_action->state.name_buf;
	}
	s->actions_head = (s->actions_head + 1) % s->actions_size;
	s->actions_count--;
	if (ret_action->type == SCHED_ACT_FORGET) {
		sched_unit_free(s, ret_action->task);
	}
	return 1;
}

void sched_log(struct sched *s, size_t task, int level, const char *fmt, ...)
{
	struct sched_action *a = sched_push(s, SCHED_ACT_LOG, task);
	struct buf b;
	va_list ap;

	buf_init(&b);
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	a->level = level;
	a->text = buf_take(&b, NULL);
	buf_release(&b);
}

void sched_log_finished(struct sched *s, size_t task, const struct run_state *state)
{
	struct buf b;

	buf_init(&b);
	state_describe(state, &b);
	sched_log(s, task, state->type == STATE_COMPLETED ? LEVEL_INFO : LEVEL_ERROR,
		  "Finished in state %s", b.data);
	buf_release(&b);
}
