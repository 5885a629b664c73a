/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched_task.c - runs of tasks: creation, slots, states, handlers, hooks, propagation.
 *
 * Every edge of the graph is followed once per attempt of the flow, and every queue
 * operation is O(1) or O(log n), so that a flow of n tasks and e edges costs O(n log n
 * + e).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/sched_priv.h"

void sched_set_state(struct sched *s, size_t i, struct run_state *state,
		     struct sched_now now)
{
	struct sched_task *t = sched_unit(s, i);
	struct sched_action *a = sched_push(s, SCHED_ACT_TASK_STATE, i);
	const char *own_name = state->name;

	state->at_us = now.us > t->state_us ? now.us : t->state_us + 1;
	s->config.new_id(&state->id, state->at_us, s->config.arg);
	a->from = t->type;
	a->previous = t->state_id;
	a->run = t->run;
	a->state = *state;
	if (own_name == state->name_buf) {
		a->state.name = a->state.name_buf;
	}
	state->message = NULL;
	t->type = a->state.type;
	t->state_us = a->state.at_us;
	t->state_id = a->state.id;
}

void sched_make_state(struct run_state *state, enum state_type type, const char *name,
		      const char *message)
{
	state_init(state);
	state->type = type;
	state->name = name;
	state_set_message(state, message);
}

static void one_less(struct sched *s, size_t d)
{
	struct sched_task *t = &s->tasks[d];

	if (--t->waiting == 0 && t->phase == TASK_WAITING) {
		t->phase = TASK_TO_CREATE;
		sched_enqueue(s, &s->to_create, d);
	}
}

void sched_propagate(struct sched *s, size_t i)
{
	const struct plan_task *plan = sched_plan(s, i);
	struct sched_task *me = &s->tasks[i];
	int passes = me->type == STATE_COMPLETED || plan->allow_failure;
	size_t k;

	for (k = 0; k < plan->downstream.count; k++) {
		size_t d = plan->downstream.tasks[k];
		struct sched_task *t = &s->tasks[d];

		if (!passes && t->blocker == SCHED_NO_TASK) {
			t->blocker = i;
		}
		if (!(me->streamed && s->flow->tasks[d]->stream_of == i)) {
			one_less(s, d);
		}
	}
	if (plan->generator) {
		sched_map_close(s, i);
	}
}

/* A generator runs: those that take its items one by one need not wait for its end. */
static void open_stream(struct sched *s, size_t i)
{
	const struct plan_task *plan = s->flow->tasks[i];
	size_t k;

	if (s->tasks[i].streamed) {
		return;
	}
	s->tasks[i].streamed = 1;
	for (k = 0; k < plan->downstream.count; k++) {
		if (s->flow->tasks[plan->downstream.tasks[k]]->stream_of == i) {
			one_less(s, plan->downstream.tasks[k]);
		}
	}
}

static void count(struct sched *s, size_t i)
{
	enum state_type type = sched_unit(s, i)->type;

	s->tally.total++;
	if (sched_plan(s, i)->allow_failure) {
		return;
	}
	s->tally.cancelled += type == STATE_CANCELLED;
	s->tally.failed += type == STATE_FAILED || type == STATE_CRASHED;
	s->tally.not_final += !state_is_final(type);
}

/* The run is over, its hooks too. */
static void close_run(struct sched *s, size_t i)
{
	struct sched_task *t = sched_unit(s, i);

	t->phase = TASK_DONE;
	count(s, i);
	if (sched_is_item(s, i)) {
		sched_txn_run_done(s, i);
		sched_map_item_done(s, i);
		return;
	}
	s->done++;
	if (s->stop == STOP_NONE) {
		sched_txn_run_done(s, i);
		sched_txn_task_done(s, i);
		sched_propagate(s, i);
	} else {
		sched_txn_run_done(s, i);
	}
}

static void give_slot(struct sched *s, struct sched_task *t)
{
	if (t->has_slot) {
		t->has_slot = 0;
		s->running--;
	}
}

static void hook(struct sched *s, size_t i, const struct run_state *state)
{
	struct sched_action *a = sched_push(s, SCHED_ACT_HOOKS, i);

	state_copy(&a->state, state);
	sched_unit(s, i)->phase = TASK_HOOKING;
	s->live++;
}

static void go(struct sched *s, size_t i)
{
	struct sched_task *t = sched_unit(s, i);

	t->phase = TASK_RUNNING;
	s->live++;
	(void)sched_push(s, SCHED_ACT_RUN, i);
	if (!sched_is_item(s, i) && sched_plan(s, i)->generator) {
		open_stream(s, i);
	}
}

/* The handlers have had their say: STATE counts. */
static void take(struct sched *s, size_t i, struct run_state *state,
		 struct sched_now now)
{
	struct sched_task *t = sched_unit(s, i);
	const struct plan_task *plan = sched_plan(s, i);
	struct run_state copy;

	memset(&copy, 0, sizeof(copy));
	state_copy(&copy, state);
	switch (t->then) {
	case THEN_RUN:
		t->run.run_count++;
		if (t->run.start_us == TIME_NONE) {
			t->run.start_us =
			    now.us > t->state_us ? now.us : t->state_us + 1;
		}
		t->attempt_us = now.us;
		sched_set_state(s, i, state, now);
		if (plan_has_hooks(plan->hooks, STATE_RUNNING)) {
			hook(s, i, &copy);
		} else {
			go(s, i);
		}
		break;
	case THEN_DELAY:
		give_slot(s, t);
		sched_set_state(s, i, state, now);
		t->phase = TASK_DELAYED;
		heap_set(&s->delayed, &t->due,
			 now.ms + (MAX_OF(copy.scheduled_us - now.us, 0) + 999) / 1000);
		break;
	case THEN_FINISH:
		give_slot(s, t);
		t->run.end_us = now.us > t->state_us ? now.us : t->state_us + 1;
		t->reusable = copy.type == STATE_COMPLETED;
		sched_set_state(s, i, state, now);
		sched_log_finished(s, i, &copy);
		if (plan_has_hooks(plan->hooks, copy.type)) {
			hook(s, i, &copy);
		} else {
			close_run(s, i);
		}
		break;
	}
	state_release(&copy);
}

/* Takes STATE's message. */
void sched_offer(struct sched *s, size_t i, struct run_state *state,
		 enum task_then then, struct sched_now now)
{
	struct sched_task *t = sched_unit(s, i);
	struct sched_action *a;

	t->then = then;
	if (sched_plan(s, i)->handlers.count == 0 || t->deaf || s->stop != STOP_NONE) {
		take(s, i, state, now);
		return;
	}
	t->offered = xcalloc(1, sizeof(*t->offered));
	state->at_us = now.us;
	state_copy(t->offered, state);
	state_release(state);
	t->phase = TASK_CONSULTING;
	s->live++;
	a = sched_push(s, SCHED_ACT_CONSULT, i);
	a->from = t->type;
	a->run = t->run;
	state_copy(&a->state, t->offered);
}

void sched_finish_as(struct sched *s, size_t i, enum state_type type, const char *name,
		     const char *message, struct sched_now now)
{
	struct run_state state;

	sched_make_state(&state, type, name, message);
	sched_offer(s, i, &state, THEN_FINISH, now);
}

static void block(struct sched *s, size_t i, struct sched_now now)
{
	char id[UUID_TEXT_SIZE], message[128];
	const struct sched_task *t = sched_unit(s, i);

	(void)snprintf(message, sizeof(message),
		       "Upstream task run '%s' did not reach a 'COMPLETED' state.",
		       uuid_format(&s->tasks[t->blocker].run.id, id));
	sched_finish_as(s, i, STATE_PENDING, "NotReady", message, now);
}

void sched_create(struct sched *s, size_t i, struct sched_now now)
{
	struct sched_task *t = sched_unit(s, i);
	struct sched_action *a;
	struct run_state state;

	t->run = (struct sched_run){.number = s->tasks[t->head].numbers++,
				    .expected_us = now.us,
				    .start_us = TIME_NONE,
				    .end_us = TIME_NONE};
	s->config.new_id(&t->run.id, now.us, s->config.arg);
	t->retries_used = 0;
	t->deaf = t->granted = 0;
	t->type = STATE_NONE;
	t->state_us = 0;
	memset(&t->state_id, 0, sizeof(t->state_id));

	a = sched_push(s, SCHED_ACT_CREATE, i);
	a->blocked = t->blocker != SCHED_NO_TASK || t->phase == TASK_EXPANDING;
	a->reused = !a->blocked && t->reusable;
	a->alone = t->called ||
		   (s->live == 0 && s->outstanding == 0 && s->to_create.count == 0 &&
		    s->delayed.count == 0 && s->acquiring == 0 && !s->flow->dynamic);
	sched_make_state(&state, STATE_PENDING, "Pending", NULL);
	sched_set_state(s, i, &state, now);
	if (t->blocker != SCHED_NO_TASK) {
		block(s, i, now);
	} else if (t->reusable) {
		sched_finish_as(s, i, STATE_COMPLETED, "Cached", NULL, now);
	} else {
		t->phase = TASK_CREATED;
		s->outstanding++;
	}
}

void sched_start(struct sched *s, size_t i, struct sched_now now)
{
	struct sched_task *t = sched_unit(s, i);
	struct run_state state;

	if (!sched_plan(s, i)->generator && !t->has_slot) {
		t->has_slot = 1;
		s->running++;
	}
	sched_make_state(&state, STATE_RUNNING,
			 t->run.run_count == 0 ? "Running" : "Retrying", NULL);
	sched_offer(s, i, &state, THEN_RUN, now);
}

/* Into the queue that fits: what runs beside its consumers must not wait for a slot
 * that they hold. */
static void make_ready(struct sched *s, size_t i)
{
	struct sched_task *t = sched_unit(s, i);

	t->phase = TASK_QUEUED;
	sched_enqueue(s, sched_plan(s, i)->generator ? &s->fast : &s->ready, i);
}

static void launch(struct sched *s, struct task_queue *q, struct sched_now now)
{
	size_t i = sched_dequeue(s, q);
	const struct plan_task *plan = sched_plan(s, i);

	s->outstanding--;
	if (s->config.needs_permit != NULL && !sched_unit(s, i)->granted &&
	    s->config.needs_permit(plan, s->config.arg)) {
		sched_unit(s, i)->phase = TASK_ACQUIRING;
		s->acquiring++;
		(void)sched_push(s, SCHED_ACT_ACQUIRE, i);
		return;
	}
	sched_start(s, i, now);
}

static void create_next(struct sched *s, struct sched_now now)
{
	size_t i = sched_dequeue(s, &s->to_create);
	struct sched_task *t = sched_unit(s, i);

	if (t->phase == TASK_MAPPING) {
		sched_map_next(s, i, now);
	} else if (sched_plan(s, i)->each.count > 0 && t->blocker == SCHED_NO_TASK) {
		sched_map_begin(s, i);
	} else {
		sched_create(s, i, now);
	}
}

void sched_pump(struct sched *s, struct sched_now now)
{
	size_t slots = (size_t)s->flow->max_workers + s->lent;

	while (s->phase == FLOW_RUNNING && s->stop == STOP_NONE) {
		if (!s->held && s->fast.count > 0) {
			launch(s, &s->fast, now);
		} else if (!s->held && s->running < slots && s->granted.count > 0) {
			sched_start(s, sched_dequeue(s, &s->granted), now);
		} else if (!s->held && s->running < slots && s->acquiring < slots &&
			   s->ready.count > 0) {
			launch(s, &s->ready, now);
		} else if (s->to_create.count > 0 &&
			   s->outstanding < slots + SCHED_CREATE_AHEAD) {
			create_next(s, now);
		} else {
			break;
		}
	}
}

void sched_tasks_reset(struct sched *s, struct sched_now now)
{
	size_t i;

	s->to_create = s->ready = s->fast = s->granted = (struct task_queue){0, 0, 0};
	s->outstanding = s->acquiring = s->running = s->live = s->done = 0;
	memset(&s->tally, 0, sizeof(s->tally));
	sched_txn_reset(s);
	if (s->flow->dynamic) {
		s->count = 0; /* what the function asks for comes anew */
		s->lent = 0;
	}
	for (i = 0; i < s->count; i++) {
		struct sched_task *t = &s->tasks[i];

		t->phase = TASK_WAITING;
		t->index = t->head = i;
		t->item = SCHED_NO_TASK;
		t->waiting = t->plan->upstream.count;
		t->blocker = SCHED_NO_TASK;
		t->streamed = t->deaf = t->has_slot = t->granted = 0;
		if (t->waiting == 0) {
			t->phase = TASK_TO_CREATE;
			sched_enqueue(s, &s->to_create, i);
		}
	}
	sched_pump(s, now);
}

/* Room for one more; the heap's nodes are inside the tasks. */
static void grow(struct sched *s)
{
	struct sched_task *old = s->tasks, *bigger;
	size_t i;

	bigger = xcalloc(s->size * 2 + 64, sizeof(*bigger));
	memcpy(bigger, old, s->count * sizeof(*bigger));
	for (i = 0; i < s->delayed.count; i++) {
		struct sched_task *t =
		    container_of(s->delayed.nodes[i], struct sched_task, due);

		s->delayed.nodes[i] = &bigger[t - old].due;
	}
	s->tasks = bigger;
	s->size = s->size * 2 + 64;
	free(old);
}

size_t sched_add(struct sched *s, const struct sched_add *add, struct sched_now now)
{
	size_t i = s->count;
	struct sched_task *t;

	if (!s->flow->dynamic || s->phase != FLOW_RUNNING || s->stop != STOP_NONE ||
	    !s->body) {
		return SCHED_NO_TASK;
	}
	if (s->count == s->size) {
		grow(s);
	}
	t = &s->tasks[s->count++];
	memset(t, 0, sizeof(*t));
	t->plan = add->plan;
	t->index = t->head = i;
	t->item = SCHED_NO_TASK;
	t->numbers = add->number;
	t->blocker = add->blocker;
	t->called = add->called != 0;
	t->reusable = add->reuse != 0;
	t->phase = TASK_TO_CREATE;
	sched_enqueue(s, &s->to_create, i);
	sched_pump(s, now);
	return i;
}

void sched_lend(struct sched *s, int by, struct sched_now now)
{
	s->lent = by > 0 ? s->lent + 1 : s->lent - (s->lent > 0);
	sched_pump(s, now);
}

void sched_task_prepared(struct sched *s, const struct sched_event *ev,
			 struct sched_now now)
{
	struct sched_task *t = sched_unit(s, ev->task);

	if (t->phase != TASK_CREATED) {
		return;
	}
	if (ev->verdict == SCHED_OK) {
		make_ready(s, ev->task);
		return;
	}
	s->outstanding--;
	if (ev->verdict == SCHED_SKIP) {
		sched_finish_as(s, ev->task, STATE_COMPLETED, "Skipped", NULL, now);
		return;
	}
	sched_log(s, ev->task, LEVEL_ERROR, "Task run failed with exception: %s(%s)",
		  ev->error != NULL ? ev->error : "Error", ev->message);
	sched_finish_as(s, ev->task, STATE_FAILED, "Failed", ev->message, now);
}

void sched_task_acquired(struct sched *s, const struct sched_event *ev,
			 struct sched_now now)
{
	struct sched_task *t = sched_unit(s, ev->task);

	if (t->phase != TASK_ACQUIRING) {
		return;
	}
	s->acquiring--;
	if (ev->verdict == SCHED_OK) {
		t->phase = TASK_QUEUED;
		t->granted = 1;
		sched_enqueue(s, &s->granted, ev->task);
		return;
	}
	sched_log(s, ev->task, LEVEL_ERROR, "Task run failed with exception: %s(%s)",
		  ev->error != NULL ? ev->error : "Error", ev->message);
	sched_finish_as(s, ev->task, STATE_FAILED, "Failed", ev->message, now);
}

const char *sched_stop_message(const struct sched *s)
{
	return s->stop_message != NULL ? s->stop_message : "Flow run was cancelled.";
}

/* What a handler made of the state that was offered. */
static void replaced(struct sched *s, size_t i, const struct run_state *offered,
		     const struct run_state *by, struct sched_now now)
{
	struct sched_task *t = sched_unit(s, i);
	struct sched_event ev = {
	    .type = SCHED_EV_ATTEMPT, .task = i, .verdict = SCHED_STATE, .state = by};
	struct run_state state;

	memset(&state, 0, sizeof(state));
	if (by->type == STATE_FAILED && offered->type == STATE_COMPLETED &&
	    t->retries_used < sched_plan(s, i)->retries && by->retriable != 0) {
		t->phase = TASK_RUNNING; /* a result that is not good enough */
		s->live++;
		t->attempt_us = now.us;
		sched_task_ended(s, &ev, now);
		return;
	}
	state_copy(&state, by);
	t->then = state_is_final(by->type)      ? THEN_FINISH
		  : by->type == STATE_SCHEDULED ? THEN_DELAY
						: THEN_RUN;
	if (t->then == THEN_DELAY && state.scheduled_us == TIME_NONE) {
		state.scheduled_us = now.us;
	}
	take(s, i, &state, now);
}

void sched_task_consulted(struct sched *s, const struct sched_event *ev,
			  struct sched_now now)
{
	struct sched_task *t = sched_unit(s, ev->task);
	struct run_state *offered = t->offered;

	if (t->phase != TASK_CONSULTING) {
		return;
	}
	t->offered = NULL;
	s->live--;
	if (s->stop != STOP_NONE && t->then != THEN_FINISH) {
		t->deaf = 1;
		sched_finish_as(s, ev->task, STATE_CANCELLED, "Cancelled",
				sched_stop_message(s), now);
	} else if (ev->verdict == SCHED_FAIL) {
		t->deaf = 1;
		sched_log(s, ev->task, LEVEL_ERROR, "%s", ev->message);
		sched_finish_as(s, ev->task, STATE_FAILED, "Failed", ev->message, now);
	} else if (ev->state == NULL) {
		take(s, ev->task, offered, now);
	} else {
		replaced(s, ev->task, offered, ev->state, now);
	}
	state_release(offered);
	free(offered);
}

int sched_task_hooked(struct sched *s, const struct sched_event *ev,
		      struct sched_now now)
{
	struct sched_task *t = sched_unit(s, ev->task);

	if (t->phase != TASK_HOOKING) {
		return 0;
	}
	s->live--;
	if (t->then == THEN_FINISH) {
		close_run(s, ev->task);
	} else if (s->stop != STOP_NONE) {
		sched_finish_as(s, ev->task, STATE_CANCELLED, "Cancelled",
				sched_stop_message(s), now);
	} else {
		go(s, ev->task);
	}
	return 1;
}

void sched_tasks_due(struct sched *s, struct sched_now now)
{
	struct heap_node *n;

	while ((n = heap_min(&s->delayed)) != NULL && n->key <= now.ms) {
		struct sched_task *t = container_of(n, struct sched_task, due);

		heap_remove(&s->delayed, n);
		if (t->granted) {
			t->phase = TASK_QUEUED;
			sched_enqueue(s, &s->granted, t->index);
		} else {
			s->outstanding++;
			make_ready(s, t->index);
		}
	}
}

void sched_tasks_drop(struct sched *s, struct sched_now now)
{
	static const char why[] = "The flow ended before the task run started.";
	size_t i, n = 0;

	s->to_create = s->ready = s->fast = s->granted = (struct task_queue){0, 0, 0};
	s->outstanding = s->acquiring = 0;
	for (i = 0; i < s->count; i++) {
		struct sched_task *t = &s->tasks[i];

		if (t->phase == TASK_RUNNING || t->phase == TASK_CONSULTING ||
		    t->phase == TASK_HOOKING || t->phase == TASK_DONE) {
			continue;
		}
		heap_remove(&s->delayed, &t->due);
		n++;
		if (t->phase == TASK_TO_CREATE || t->phase == TASK_WAITING) {
			t->phase = TASK_DONE; /* never became a run */
			s->done++;
		} else {
			sched_finish_as(s, i, STATE_CANCELLED, "Cancelled", why, now);
		}
	}
	if (n > 0) {
		sched_log(s, SCHED_NO_TASK, LEVEL_WARNING,
			  "%zu task run(s) did not start before the flow ended: wait "
			  "for what is submitted",
			  n);
	}
}

static void stop_unit(struct sched *s, size_t i, struct sched_now now)
{
	struct sched_task *t = sched_unit(s, i);

	switch (t->phase) {
	case TASK_RUNNING:
		(void)sched_push(s, SCHED_ACT_STOP, i);
		break;
	case TASK_CREATED:
	case TASK_QUEUED:
	case TASK_ACQUIRING:
		sched_finish_as(s, i, STATE_CANCELLED, "Cancelled",
				sched_stop_message(s), now);
		break;
	case TASK_DELAYED:
		heap_remove(&s->delayed, &t->due);
		sched_finish_as(s, i, STATE_CANCELLED, "Cancelled",
				sched_stop_message(s), now);
		break;
	case TASK_WAITING:
	case TASK_TO_CREATE:
	case TASK_EXPANDING:
	case TASK_MAPPING:
	case TASK_CONSULTING:
	case TASK_HOOKING:
	case TASK_DONE:
		break;
	}
}

void sched_tasks_stop(struct sched *s, struct sched_now now)
{
	size_t i, items = s->block_count * SCHED_BLOCK;

	s->outstanding = s->acquiring = 0;
	for (i = 0; i < s->count; i++) {
		stop_unit(s, i, now);
	}
	for (i = 0; i < items; i++) {
		stop_unit(s, s->flow->count + i, now);
	}
	s->to_create = s->ready = s->fast = s->granted = (struct task_queue){0, 0, 0};
}

int sched_tasks_over(const struct sched *s)
{
	if (s->body) {
		return 0;
	}
	if (s->stop != STOP_NONE) {
		return s->live == 0;
	}
	return s->done == s->count && sched_txn_over(s);
}
