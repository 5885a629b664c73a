/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched_task.c - task runs: creation, slots, states, retries, propagation.
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

static void enqueue(struct sched *s, struct task_queue *q, size_t i)
{
	s->tasks[i].next = SCHED_NO_TASK;
	if (q->count == 0) {
		q->head = i;
	} else {
		s->tasks[q->tail].next = i;
	}
	q->tail = i;
	q->count++;
}

static size_t dequeue(struct sched *s, struct task_queue *q)
{
	size_t i = q->head;

	q->head = s->tasks[i].next;
	q->count--;
	return i;
}

/* Takes STATE's message; makes id and time; records it and queues the action. */
static void set_state(struct sched *s, size_t i, struct run_state *state,
		      struct sched_now now)
{
	struct sched_task *t = &s->tasks[i];
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

static void make_state(struct run_state *state, enum state_type type, const char *name,
		       const char *message)
{
	state_init(state);
	state->type = type;
	state->name = name;
	state_set_message(state, message);
}

/* Tells the tasks behind I that it is over. */
static void propagate(struct sched *s, size_t i)
{
	const struct plan_task *plan = s->tasks[i].plan;
	int passes = s->tasks[i].type == STATE_COMPLETED || plan->allow_failure;
	size_t k;

	for (k = 0; k < plan->downstream.count; k++) {
		size_t d = plan->downstream.tasks[k];
		struct sched_task *t = &s->tasks[d];

		if (!passes && t->blocker == SCHED_NO_TASK) {
			t->blocker = i;
		}
		if (--t->waiting == 0 && t->phase == TASK_WAITING) {
			t->phase = TASK_TO_CREATE;
			enqueue(s, &s->to_create, d);
		}
	}
}

/* The last state of a run: final, or NotReady. */
static void finish(struct sched *s, size_t i, struct run_state *state,
		   struct sched_now now)
{
	struct sched_task *t = &s->tasks[i];
	struct run_state copy = *state;

	if (state->name == state->name_buf) {
		copy.name = copy.name_buf;
	}
	copy.message = state->message != NULL ? xstrdup(state->message) : NULL;
	t->run.end_us = now.us > t->state_us ? now.us : t->state_us + 1;
	set_state(s, i, state, now);
	sched_log_finished(s, i, &copy);
	state_release(&copy);
	t->phase = TASK_DONE;
	s->done++;
	if (s->stop == STOP_NONE) {
		propagate(s, i);
	}
}

static void finish_as(struct sched *s, size_t i, enum state_type type, const char *name,
		      const char *message, struct sched_now now)
{
	struct run_state state;

	make_state(&state, type, name, message);
	finish(s, i, &state, now);
}

static void block(struct sched *s, size_t i, struct sched_now now)
{
	char id[UUID_TEXT_SIZE], message[128];

	(void)snprintf(message, sizeof(message),
		       "Upstream task run '%s' did not reach a 'COMPLETED' state.",
		       uuid_format(&s->tasks[s->tasks[i].blocker].run.id, id));
	finish_as(s, i, STATE_PENDING, "NotReady", message, now);
}

static void create(struct sched *s, size_t i, struct sched_now now)
{
	struct sched_task *t = &s->tasks[i];
	struct sched_action *a;
	struct run_state state;

	t->run = (struct sched_run){.number = t->numbers++,
				    .expected_us = now.us,
				    .start_us = TIME_NONE,
				    .end_us = TIME_NONE};
	s->config.new_id(&t->run.id, now.us, s->config.arg);
	t->retries_used = 0;
	t->type = STATE_NONE;
	t->state_us = 0;
	memset(&t->state_id, 0, sizeof(t->state_id));

	a = sched_push(s, SCHED_ACT_CREATE, i);
	a->blocked = t->blocker != SCHED_NO_TASK;
	a->reused = !a->blocked && t->reusable;
	a->alone = t->called ||
		   (s->running == 0 && s->outstanding == 0 && s->to_create.count == 0 &&
		    s->delayed.count == 0 && !s->flow->dynamic);
	make_state(&state, STATE_PENDING, "Pending", NULL);
	set_state(s, i, &state, now);
	if (t->blocker != SCHED_NO_TASK) {
		block(s, i, now);
	} else if (t->reusable) {
		finish_as(s, i, STATE_COMPLETED, "Cached", NULL, now);
	} else {
		t->phase = TASK_CREATED;
		s->outstanding++;
	}
}

static void start(struct sched *s, size_t i, struct sched_now now)
{
	struct sched_task *t = &s->tasks[i];
	struct run_state state;

	t->phase = TASK_RUNNING;
	s->running++;
	t->run.run_count++;
	if (t->run.start_us == TIME_NONE) {
		t->run.start_us = now.us > t->state_us ? now.us : t->state_us + 1;
	}
	t->attempt_us = now.us;
	make_state(&state, STATE_RUNNING,
		   t->run.run_count == 1 ? "Running" : "Retrying", NULL);
	set_state(s, i, &state, now);
	(void)sched_push(s, SCHED_ACT_RUN, i);
}

void sched_pump(struct sched *s, struct sched_now now)
{
	size_t slots = (size_t)s->flow->max_workers + s->lent;
	size_t i;

	while (s->phase == FLOW_RUNNING && s->stop == STOP_NONE) {
		if (!s->held && s->running < slots && s->ready.count > 0) {
			i = dequeue(s, &s->ready);
			s->outstanding--;
			start(s, i, now);
		} else if (s->to_create.count > 0 &&
			   s->outstanding < slots + SCHED_CREATE_AHEAD) {
			create(s, dequeue(s, &s->to_create), now);
		} else {
			break;
		}
	}
}

void sched_tasks_reset(struct sched *s, struct sched_now now)
{
	size_t i;

	s->to_create = s->ready = (struct task_queue){0, 0, 0};
	s->outstanding = s->running = s->done = 0;
	if (s->flow->dynamic) {
		s->count = 0; /* what the function asks for comes anew */
		s->lent = 0;
	}
	for (i = 0; i < s->count; i++) {
		struct sched_task *t = &s->tasks[i];

		t->phase = TASK_WAITING;
		t->waiting = t->plan->upstream.count;
		t->blocker = SCHED_NO_TASK;
		if (t->waiting == 0) {
			t->phase = TASK_TO_CREATE;
			enqueue(s, &s->to_create, i);
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
	t->numbers = add->number;
	t->blocker = add->blocker;
	t->called = add->called;
	t->reusable = add->reuse;
	t->phase = TASK_TO_CREATE;
	enqueue(s, &s->to_create, i);
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
	struct sched_task *t = &s->tasks[ev->task];

	if (t->phase != TASK_CREATED) {
		return;
	}
	if (ev->verdict == SCHED_OK) {
		t->phase = TASK_QUEUED;
		enqueue(s, &s->ready, ev->task);
		return;
	}
	s->outstanding--;
	if (ev->verdict == SCHED_SKIP) {
		finish_as(s, ev->task, STATE_COMPLETED, "Skipped", NULL, now);
		return;
	}
	sched_log(s, ev->task, LEVEL_ERROR, "Task run failed with exception: %s(%s)",
		  ev->error != NULL ? ev->error : "Error", ev->message);
	finish_as(s, ev->task, STATE_FAILED, "Failed", ev->message, now);
}

static double retry_delay(struct sched *s, size_t i)
{
	const struct plan_task *plan = s->tasks[i].plan;
	size_t used = (size_t)s->tasks[i].retries_used;
	double delay;

	if (plan->delays.count == 0) {
		return 0;
	}
	delay = plan->delays.seconds[MIN_OF(used, plan->delays.count - 1)];
	if (delay > 0 && plan->jitter > 0) {
		/* whole milliseconds, so that the log line can be read */
		delay = clamped_poisson(delay, plan->jitter,
					s->config.random(s->config.arg));
		delay = fmax(rint(delay * 1000) / 1000, 0.001);
	}
	return delay;
}

/* "exception: CommandFailed('...')" or "state: TimedOut('...', type=FAILED)" */
static void failure_text(const struct sched_event *ev, const struct run_state *state,
			 struct buf *out)
{
	struct run_state as_error;

	if (ev->error == NULL) {
		buf_adds(out, "state: ");
		state_describe(state, out);
		return;
	}
	/* an exception prints as its class with the message, like a state of that name
	 */
	state_init(&as_error);
	as_error.type = STATE_FAILED;
	as_error.name = "FAILED";
	as_error.message = state->message;
	buf_adds(out, "exception: ");
	buf_adds(out, ev->error);
	{
		struct buf text;

		buf_init(&text);
		state_describe(&as_error, &text);
		buf_adds(out, text.data + strlen("FAILED"));
		buf_release(&text);
	}
}

static void retry(struct sched *s, size_t i, const char *what, struct sched_now now)
{
	struct sched_task *t = &s->tasks[i];
	double delay = retry_delay(s, i);
	struct run_state state;
	int number = ++t->retries_used, all = t->plan->retries;

	if (delay <= 0) {
		sched_log(
		    s, i, LEVEL_INFO,
		    "Task run failed with %s - Retry %d/%d will start immediately",
		    what, number, all);
		start(s, i, now);
		return;
	}
	sched_log(
	    s, i, LEVEL_INFO,
	    "Task run failed with %s - Retry %d/%d will start %.15g second(s) from now",
	    what, number, all, delay);
	make_state(&state, STATE_SCHEDULED, "AwaitingRetry", NULL);
	state.scheduled_us = now.us + (int64_t)(delay * 1e6);
	set_state(s, i, &state, now);
	t->phase = TASK_DELAYED;
	heap_set(&s->delayed, &t->due, now.ms + (int64_t)ceil(delay * 1000));
}

/* Takes STATE's message. */
static void failed(struct sched *s, const struct sched_event *ev,
		   struct run_state *state, struct sched_now now)
{
	size_t i = ev->task;
	int retries = s->tasks[i].plan->retries;
	struct buf what;

	buf_init(&what);
	failure_text(ev, state, &what);
	if (s->stop == STOP_NONE && !ev->no_retry && state->retriable != 0 &&
	    s->tasks[i].retries_used < retries) {
		retry(s, i, what.data, now);
		state_release(state);
	} else {
		sched_log(s, i, LEVEL_ERROR, "Task run failed with %s%s", what.data,
			  s->tasks[i].retries_used > 0 &&
				  s->tasks[i].retries_used == retries
			      ? " - Retries are exhausted"
			      : "");
		finish(s, i, state, now);
	}
	buf_release(&what);
}

static const char *stop_message(const struct sched *s)
{
	return s->stop_message != NULL ? s->stop_message : "Flow run was cancelled.";
}

void sched_task_ended(struct sched *s, const struct sched_event *ev,
		      struct sched_now now)
{
	struct sched_task *t = &s->tasks[ev->task];
	struct run_state state;

	if (t->phase != TASK_RUNNING) {
		return;
	}
	s->running--;
	t->run.total_run_us += now.us - t->attempt_us;
	switch (ev->verdict) {
	case SCHED_OK:
	case SCHED_SKIP:
		t->reusable = 1;
		finish_as(s, ev->task, STATE_COMPLETED, "Completed", NULL, now);
		break;
	case SCHED_FAIL:
		make_state(&state, STATE_FAILED, "Failed", ev->message);
		failed(s, ev, &state, now);
		break;
	case SCHED_TIMED_OUT:
		make_state(&state, STATE_FAILED, "TimedOut", ev->message);
		failed(s, ev, &state, now);
		break;
	case SCHED_STOPPED:
		finish_as(s, ev->task, STATE_CANCELLED, "Cancelled", stop_message(s),
			  now);
		break;
	case SCHED_STATE:
		memset(&state, 0, sizeof(state));
		state_copy(&state, ev->state);
		if (state.type == STATE_FAILED) {
			failed(s, ev, &state, now);
		} else {
			t->reusable = state.type == STATE_COMPLETED;
			finish(s, ev->task, &state, now);
		}
		break;
	}
}

void sched_tasks_due(struct sched *s, struct sched_now now)
{
	struct heap_node *n;

	while ((n = heap_min(&s->delayed)) != NULL && n->key <= now.ms) {
		struct sched_task *t = container_of(n, struct sched_task, due);

		heap_remove(&s->delayed, n);
		t->phase = TASK_QUEUED;
		s->outstanding++;
		enqueue(s, &s->ready, (size_t)(t - s->tasks));
	}
}

void sched_tasks_drop(struct sched *s, struct sched_now now)
{
	static const char why[] = "The flow ended before the task run started.";
	size_t i, n = 0;

	s->to_create = s->ready = (struct task_queue){0, 0, 0};
	s->outstanding = 0;
	for (i = 0; i < s->count; i++) {
		struct sched_task *t = &s->tasks[i];

		if (t->phase == TASK_RUNNING || t->phase == TASK_DONE) {
			continue;
		}
		heap_remove(&s->delayed, &t->due);
		n++;
		if (t->phase == TASK_TO_CREATE || t->phase == TASK_WAITING) {
			t->phase = TASK_DONE; /* never became a run */
			s->done++;
		} else {
			finish_as(s, i, STATE_CANCELLED, "Cancelled", why, now);
		}
	}
	if (n > 0) {
		sched_log(s, SCHED_NO_TASK, LEVEL_WARNING,
			  "%zu task run(s) did not start before the flow ended: wait "
			  "for what is submitted",
			  n);
	}
}

void sched_tasks_stop(struct sched *s, struct sched_now now)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		struct sched_task *t = &s->tasks[i];

		switch (t->phase) {
		case TASK_RUNNING:
			(void)sched_push(s, SCHED_ACT_STOP, i);
			break;
		case TASK_CREATED:
		case TASK_QUEUED:
			s->outstanding--;
			finish_as(s, i, STATE_CANCELLED, "Cancelled", stop_message(s),
				  now);
			break;
		case TASK_DELAYED:
			heap_remove(&s->delayed, &t->due);
			finish_as(s, i, STATE_CANCELLED, "Cancelled", stop_message(s),
				  now);
			break;
		case TASK_WAITING:
		case TASK_TO_CREATE:
		case TASK_DONE:
			break;
		}
	}
	s->to_create = s->ready = (struct task_queue){0, 0, 0};
}

int sched_tasks_over(const struct sched *s)
{
	if (s->body) {
		return 0;
	}
	if (s->stop != STOP_NONE) {
		return s->running == 0;
	}
	return s->done == s->count;
}
