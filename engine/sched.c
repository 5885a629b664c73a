/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched.c - the flow run: proposals and their answers, time limit, cancel, final state.
 */
#include "engine/sched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/sched_priv.h"

#define ASK_AGAIN_MS 200 /* after an answer that keeps the run Pending */

struct sched *sched_new(const struct plan_flow *flow, const struct sched_config *config)
{
	struct sched *s = xcalloc(1, sizeof(*s));
	size_t i;

	s->flow = flow;
	s->config = *config;
	s->run_count = config->run_count;
	s->size = flow->count + 1;
	s->tasks = xcalloc(s->size, sizeof(*s->tasks));
	s->count = flow->dynamic ? 0 : flow->count;
	for (i = 0; i < s->count; i++) {
		s->tasks[i].plan = flow->tasks[i];
	}
	state_init(&s->result);
	s->wait_at_ms = s->deadline_ms = INT64_MAX;
	s->lost_as = SCHED_ACCEPT;
	state_init(&s->proposal);
	state_init(&s->left_in);
	heap_init(&s->delayed);
	return s;
}

void sched_free(struct sched *s)
{
	struct sched_action a;
	size_t i;

	if (s == NULL) {
		return;
	}
	while (sched_take(s, &a)) {
		sched_action_release(&a);
	}
	free(s->actions);
	heap_release(&s->delayed);
	state_release(&s->proposal);
	state_release(&s->result);
	state_release(&s->left_in);
	free(s->stop_message);
	sched_map_free(s);
	sched_txn_free(s);
	for (i = 0; i < s->count; i++) {
		if (s->tasks[i].offered != NULL) {
			state_release(s->tasks[i].offered);
			free(s->tasks[i].offered);
		}
	}
	free(s->tasks);
	free(s);
}

/* Queues the present proposal with a fresh id and time. */
static void send_proposal(struct sched *s, struct sched_now now)
{
	struct sched_action *a = sched_push(s, SCHED_ACT_PROPOSE, SCHED_NO_TASK);

	s->proposal.at_us = now.us > s->state_us ? now.us : s->state_us + 1;
	s->state_us = s->proposal.at_us;
	s->config.new_id(&s->proposal.id, s->proposal.at_us, s->config.arg);
	state_copy(&a->state, &s->proposal);
	a->force = s->proposal_force;
	s->in_flight = 1;
	s->wait_at_ms = INT64_MAX;
}

/* The server turns Failed into AwaitingRetry: then that is what handlers hear of. */
static int will_retry(const struct sched *s)
{
	return s->proposal.type == STATE_FAILED && s->run_count > 0 &&
	       s->run_count <= s->flow->retries && !s->invalid;
}

static void consult(struct sched *s, const struct run_state *state, enum flow_wait wait)
{
	struct sched_action *a = sched_push(s, SCHED_ACT_CONSULT, SCHED_NO_TASK);

	state_copy(&a->state, state);
	s->waits = wait;
}

/* A new proposal: the handlers look at it first. */
static void offer(struct sched *s, struct sched_now now)
{
	s->ask_fresh = 0;
	s->wait_at_ms = INT64_MAX;
	if (s->flow->handlers.count == 0 || s->deaf || s->proposal_force ||
	    will_retry(s)) {
		send_proposal(s, now);
	} else {
		s->proposal.at_us = now.us;
		consult(s, &s->proposal, WAIT_CONSULT);
	}
}

static void propose(struct sched *s, enum state_type type, const char *name,
		    const char *message, struct sched_now now)
{
	state_release(&s->proposal);
	state_init(&s->proposal);
	s->proposal.type = type;
	s->proposal.name = name;
	state_set_message(&s->proposal, message);
	s->proposal_force = type == STATE_CRASHED;
	s->phase = state_is_final(type) ? FLOW_ENDING : FLOW_ASKING;
	offer(s, now);
}

static void end(struct sched *s, const struct run_state *state, enum sched_answer as)
{
	struct sched_action *a = sched_push(s, SCHED_ACT_END, SCHED_NO_TASK);

	if (state != NULL) {
		state_copy(&a->state, state);
	}
	a->answer = as;
	s->phase = FLOW_DONE;
	s->wait_at_ms = s->deadline_ms = INT64_MAX;
}

static void ask_to_run(struct sched *s, struct sched_now now)
{
	propose(s, STATE_RUNNING, s->retrying ? "Retrying" : "Running", NULL, now);
}

static void begin_attempt(struct sched *s, struct sched_now now)
{
	s->phase = FLOW_RUNNING;
	s->run_count++;
	s->retrying = 0;
	s->returning = 0;
	s->deadline_ms = s->flow->timeout_s > 0
			     ? now.ms + (int64_t)(s->flow->timeout_s * 1000)
			     : INT64_MAX;
	sched_tasks_reset(s, now);
	if (s->flow->dynamic) {
		s->body = 1;
		s->returned = 0;
		(void)sched_push(s, SCHED_ACT_RETURN, SCHED_NO_TASK);
	}
}

/* ---- the end of an attempt ---- */

static void propose_count(struct sched *s, enum state_type type, const char *name,
			  const char *what, size_t count, struct sched_now now)
{
	char message[80];

	(void)snprintf(message, sizeof(message), "%zu/%zu states %s.", count,
		       s->tally.total, what);
	propose(s, type, name, message, now);
}

/* The table of worker-and-engine 3.3, over all task runs of the attempt. */
static void conclude(struct sched *s, struct sched_now now)
{
	struct sched_tally n = s->tally;

	if (n.cancelled > 0) {
		propose_count(s, STATE_CANCELLED, "Cancelled", "cancelled", n.cancelled,
			      now);
	} else if (n.failed > 0) {
		propose_count(s, STATE_FAILED, "Failed", "failed", n.failed, now);
	} else if (n.not_final > 0) {
		propose_count(s, STATE_FAILED, "Failed", "are not final", n.not_final,
			      now);
	} else if (s->flow->ret != NULL && !s->returning) {
		s->returning = 1;
		(void)sched_push(s, SCHED_ACT_RETURN, SCHED_NO_TASK);
	} else {
		propose(s, STATE_COMPLETED, "Completed", "All states completed.", now);
	}
}

static void conclude_stop(struct sched *s, struct sched_now now)
{
	switch (s->stop) {
	case STOP_TIMEOUT:
		s->stop = STOP_NONE;
		propose(s, STATE_FAILED, "TimedOut", s->stop_message, now);
		break;
	case STOP_CANCEL:
		sched_log(s, SCHED_NO_TASK, LEVEL_INFO, "%s", s->stop_message);
		propose(s, STATE_CANCELLED, "Cancelled", s->stop_message, now);
		break;
	case STOP_CRASH:
		sched_log(s, SCHED_NO_TASK, LEVEL_ERROR, "Crash detected! %s",
			  s->stop_message);
		propose(s, STATE_CRASHED, "Crashed", s->stop_message, now);
		break;
	case STOP_ERROR:
		s->stop = STOP_NONE;
		propose(s, STATE_FAILED, "Failed", s->stop_message, now);
		break;
	case STOP_LEAVE:
		end(s, &s->left_in, SCHED_ACCEPT);
		break;
	case STOP_LOST:
		end(s, NULL, s->lost_as);
		break;
	case STOP_NONE:
		break;
	}
}

/* What the function of a dynamic flow returned decides, or its task runs do. */
static void conclude_returned(struct sched *s, struct sched_now now)
{
	if (s->result.type == STATE_NONE) {
		conclude(s, now);
		return;
	}
	state_release(&s->proposal);
	state_init(&s->proposal);
	state_copy(&s->proposal, &s->result);
	s->proposal_force = s->result.type == STATE_CRASHED;
	s->phase = FLOW_ENDING;
	offer(s, now);
}

/* Moves on when nothing of the attempt is left to wait for. */
static void advance(struct sched *s, struct sched_now now)
{
	sched_pump(s, now);
	if (s->phase != FLOW_RUNNING || !sched_tasks_over(s)) {
		return;
	}
	if (s->stop != STOP_NONE && s->stop != STOP_LOST && s->stop != STOP_LEAVE &&
	    !sched_txn_over(s)) {
		sched_txn_stop(s);
	}
	if (s->stop != STOP_NONE &&
	    (sched_txn_over(s) || s->stop == STOP_LOST || s->stop == STOP_LEAVE)) {
		conclude_stop(s, now);
	} else if (s->stop == STOP_NONE && s->flow->dynamic) {
		conclude_returned(s, now);
	} else if (s->stop == STOP_NONE && !s->returning) {
		conclude(s, now);
	}
}

/* ---- stopping ---- */

static void stop(struct sched *s, enum stop_kind kind, const char *message,
		 struct sched_now now)
{
	int first = s->stop == STOP_NONE;

	if (s->phase == FLOW_DONE || (!first && kind < STOP_LEAVE)) {
		return;
	}
	s->stop = kind;
	free(s->stop_message);
	s->stop_message = xstrdup(message);
	s->deadline_ms = INT64_MAX;
	if (s->phase == FLOW_RUNNING) {
		if (first) {
			if (s->body) {
				(void)sched_push(s, SCHED_ACT_STOP, SCHED_NO_TASK);
			}
			sched_tasks_stop(s, now);
		}
		advance(s, now);
	} else if (kind == STOP_LOST) {
		end(s, NULL, s->lost_as);
	} else if (!s->in_flight && s->waits == WAIT_NOTHING) {
		conclude_stop(s, now);
	}
	/* else: when the proposal in flight is answered, or the shell is back */
}

static void lose(struct sched *s, enum sched_answer as, struct sched_now now)
{
	s->lost_as = as;
	stop(s, STOP_LOST, "The run belongs to another process now.", now);
}

static void on_deadline(struct sched *s, struct sched_now now)
{
	char seconds[32], message[96];

	seconds_text(s->flow->timeout_s, seconds, sizeof(seconds));
	(void)snprintf(message, sizeof(message),
		       "Flow run exceeded timeout of %s second(s)", seconds);
	stop(s, STOP_TIMEOUT, message, now);
}

/* ---- answers ---- */

/* A SCHEDULED state is in force: ask again when its time comes. */
static void wait_for(struct sched *s, const struct run_state *state,
		     struct sched_now now)
{
	int64_t delay_us =
	    state->scheduled_us != TIME_NONE ? state->scheduled_us - now.us : 0;

	s->retrying = state->name != NULL && strcmp(state->name, "AwaitingRetry") == 0;
	if (delay_us <= 0) {
		ask_to_run(s, now);
		return;
	}
	if (s->retrying && s->flow->handlers.count > 0 && !s->deaf) {
		consult(s, state, WAIT_INFORM);
	}
	state_release(&s->proposal);
	state_init(&s->proposal);
	s->proposal.type = STATE_RUNNING;
	s->proposal.name = s->retrying ? "Retrying" : "Running";
	s->proposal_force = 0;
	s->phase = FLOW_ASKING;
	s->ask_fresh = 1;
	s->wait_at_ms = now.ms + (delay_us + 999) / 1000;
}

static void rejected_start(struct sched *s, const struct run_state *state,
			   struct sched_now now)
{
	if (state->type == STATE_RUNNING) {
		begin_attempt(s, now);
	} else if (state->type == STATE_PENDING) {
		s->wait_at_ms = now.ms + ASK_AGAIN_MS;
	} else if (state->type == STATE_SCHEDULED) {
		wait_for(s, state, now);
	} else if (state->type == STATE_CANCELLING) {
		stop(s, STOP_CANCEL, "Flow run was cancelled.", now);
	} else {
		end(s, state, SCHED_ACCEPT);
	}
}

static void rejected_end(struct sched *s, const struct run_state *state,
			 struct sched_now now)
{
	if (state_is_final(state->type) || state->type == STATE_PAUSED || s->invalid ||
	    s->stop != STOP_NONE) {
		end(s, state, SCHED_ACCEPT);
		return;
	}
	if (state->type == STATE_CANCELLING) {
		stop(s, STOP_CANCEL, "Flow run was cancelled.", now);
		return;
	}
	sched_log(s, SCHED_NO_TASK, LEVEL_INFO,
		  "Received non-final state '%s' when proposing final state '%s' and "
		  "will attempt "
		  "to run again...",
		  state->name, s->proposal.name);
	wait_for(s, state, now);
}

/* The proposal counts, and its hooks have run. */
static void go_on(struct sched *s, struct sched_now now)
{
	if (s->phase == FLOW_ASKING) {
		begin_attempt(s, now);
	} else {
		end(s, &s->proposal, SCHED_ACCEPT);
	}
}

static void accepted(struct sched *s, struct sched_now now)
{
	if (s->phase == FLOW_ENDING) {
		sched_log_finished(s, SCHED_NO_TASK, &s->proposal);
	}
	if (plan_has_hooks(s->flow->hooks, s->proposal.type)) {
		state_copy(&sched_push(s, SCHED_ACT_HOOKS, SCHED_NO_TASK)->state,
			   &s->proposal);
		s->waits = WAIT_HOOKS;
		return;
	}
	go_on(s, now);
}

/* The handlers of the flow have answered. */
static void on_consulted(struct sched *s, const struct sched_event *ev,
			 struct sched_now now)
{
	enum flow_wait was = s->waits;

	if (was != WAIT_CONSULT && was != WAIT_INFORM) {
		return;
	}
	s->waits = WAIT_NOTHING;
	if (ev->verdict == SCHED_FAIL) {
		s->deaf = 1;
		sched_log(s, SCHED_NO_TASK, LEVEL_ERROR, "%s", ev->message);
	}
	if (s->stop != STOP_NONE && !state_is_final(s->proposal.type)) {
		conclude_stop(s, now);
	} else if (ev->verdict == SCHED_FAIL) {
		propose(s, STATE_FAILED, "Failed", ev->message, now);
	} else if (was == WAIT_CONSULT) {
		if (ev->state != NULL) {
			state_copy(&s->proposal, ev->state);
			s->phase =
			    state_is_final(ev->state->type) ? FLOW_ENDING : FLOW_ASKING;
		}
		send_proposal(s, now);
	}
}

static void on_flow_hooked(struct sched *s, struct sched_now now)
{
	if (s->waits != WAIT_HOOKS) {
		return;
	}
	s->waits = WAIT_NOTHING;
	if (s->stop == STOP_LOST) {
		end(s, NULL, s->lost_as);
	} else if (s->stop != STOP_NONE && s->phase == FLOW_ASKING) {
		conclude_stop(s, now);
	} else {
		go_on(s, now);
	}
}

/* A stop that came while a proposal was in flight; 1 when it decided. */
static int stop_after_answer(struct sched *s, const struct sched_event *ev,
			     struct sched_now now)
{
	int over = ev->answer == SCHED_ACCEPT && s->phase == FLOW_ENDING;

	if (s->stop == STOP_NONE || over || s->proposal.type == STATE_CANCELLED ||
	    s->proposal.type == STATE_CRASHED) {
		return 0;
	}
	if (ev->answer == SCHED_REJECT && state_is_final(ev->state->type)) {
		return 0;
	}
	if (ev->answer == SCHED_SUPERSEDED || ev->answer == SCHED_ABORT) {
		return 0;
	}
	conclude_stop(s, now);
	return 1;
}

static void on_answer(struct sched *s, const struct sched_event *ev,
		      struct sched_now now)
{
	if (!s->in_flight) {
		return;
	}
	s->in_flight = 0;
	if (stop_after_answer(s, ev, now)) {
		return;
	}
	switch (ev->answer) {
	case SCHED_ACCEPT:
		accepted(s, now);
		break;
	case SCHED_REJECT:
		if (s->phase == FLOW_ASKING) {
			rejected_start(s, ev->state, now);
		} else {
			rejected_end(s, ev->state, now);
		}
		break;
	case SCHED_WAIT:
		s->wait_at_ms = now.ms + ev->delay_ms;
		break;
	case SCHED_ABORT:
		sched_log(s, SCHED_NO_TASK, LEVEL_INFO,
			  "Server sent an abort signal: %s",
			  ev->message != NULL ? ev->message : "no reason given");
		end(s, NULL, SCHED_ABORT);
		break;
	case SCHED_SUPERSEDED:
	case SCHED_UNAVAILABLE:
		end(s, NULL, ev->answer);
		break;
	}
}

static void on_tick(struct sched *s, struct sched_now now)
{
	if (s->wait_at_ms <= now.ms && s->waits == WAIT_NOTHING) {
		if (s->ask_fresh) {
			offer(s, now);
		} else {
			send_proposal(s, now);
		}
	}
	if (s->phase == FLOW_RUNNING) {
		if (s->deadline_ms <= now.ms) {
			on_deadline(s, now);
			return;
		}
		sched_tasks_due(s, now);
		advance(s, now);
	}
}

/* The function of a dynamic flow is over. */
static void body_returned(struct sched *s, const struct sched_event *ev,
			  struct sched_now now)
{
	if (!s->body) {
		return;
	}
	s->body = 0;
	s->returned = 1;
	state_release(&s->result);
	state_init(&s->result);
	if (ev->state != NULL) {
		state_copy(&s->result, ev->state);
	}
	if (s->stop == STOP_NONE && s->result.type != STATE_NONE) {
		sched_tasks_drop(s, now);
	}
	advance(s, now);
}

static void on_returned(struct sched *s, const struct sched_event *ev,
			struct sched_now now)
{
	char message[600];

	if (s->flow->dynamic) {
		body_returned(s, ev, now);
		return;
	}

	if (s->phase != FLOW_RUNNING || s->stop != STOP_NONE) {
		return;
	}
	if (ev->verdict == SCHED_OK) {
		conclude(s, now);
		return;
	}
	(void)snprintf(message, sizeof(message),
		       "Flow run encountered an exception: ExpressionError: return: %s",
		       ev->message);
	propose(s, STATE_FAILED, "Failed", message, now);
}

void sched_event(struct sched *s, const struct sched_event *ev, struct sched_now now)
{
	if (s->phase == FLOW_DONE) {
		return;
	}
	switch (ev->type) {
	case SCHED_EV_START:
		ask_to_run(s, now);
		break;
	case SCHED_EV_INVALID:
		s->invalid = 1;
		propose(s, STATE_FAILED, "Failed", ev->message, now);
		break;
	case SCHED_EV_ANSWER:
		on_answer(s, ev, now);
		break;
	case SCHED_EV_PREPARED:
		sched_task_prepared(s, ev, now);
		advance(s, now);
		break;
	case SCHED_EV_ATTEMPT:
		sched_task_ended(s, ev, now);
		advance(s, now);
		break;
	case SCHED_EV_RETURNED:
		on_returned(s, ev, now);
		break;
	case SCHED_EV_TICK:
		on_tick(s, now);
		break;
	case SCHED_EV_CANCEL:
		stop(s, STOP_CANCEL,
		     ev->message != NULL && *ev->message != '\0'
			 ? ev->message
			 : "Flow run was cancelled.",
		     now);
		break;
	case SCHED_EV_CRASH:
		stop(s, STOP_CRASH, ev->message, now);
		break;
	case SCHED_EV_LOST:
		lose(s, SCHED_SUPERSEDED, now);
		break;
	case SCHED_EV_ERROR:
		stop(s, STOP_ERROR, ev->message, now);
		break;
	case SCHED_EV_LEAVE:
		state_copy(&s->left_in, ev->state);
		stop(s, STOP_LEAVE, "The run goes on later.", now);
		break;
	case SCHED_EV_CONSULTED:
		if (ev->task == SCHED_NO_TASK) {
			on_consulted(s, ev, now);
			break;
		}
		sched_task_consulted(s, ev, now);
		advance(s, now);
		break;
	case SCHED_EV_HOOKED:
		if (ev->task == SCHED_NO_TASK) {
			on_flow_hooked(s, now);
			break;
		}
		if (!sched_task_hooked(s, ev, now)) {
			sched_txn_hooked(s, ev, now);
		}
		advance(s, now);
		break;
	case SCHED_EV_EXPANDED:
		sched_map_expanded(s, ev, now);
		advance(s, now);
		break;
	case SCHED_EV_ITEMS:
		sched_map_items(s, ev);
		advance(s, now);
		break;
	case SCHED_EV_ACQUIRED:
		sched_task_acquired(s, ev, now);
		advance(s, now);
		break;
	}
}

int64_t sched_due(const struct sched *s)
{
	int64_t due = heap_min_key(&s->delayed);

	if (s->phase == FLOW_RUNNING) {
		due = MIN_OF(due, s->deadline_ms);
	}
	return s->waits == WAIT_NOTHING ? MIN_OF(due, s->wait_at_ms) : due;
}

void sched_hold(struct sched *s, int held, struct sched_now now)
{
	if (s->held != held) {
		s->held = held;
		sched_pump(s, now);
	}
}

void sched_get_run(const struct sched *s, size_t task, struct sched_run *ret_run)
{
	*ret_run = sched_unit(s, task)->run;
}

int sched_run_count(const struct sched *s)
{
	return s->run_count;
}

int64_t sched_task_due(const struct sched *s, size_t task)
{
	const struct sched_task *t = sched_unit(s, task);

	return heap_contains(&t->due) ? t->due.key : 0;
}

size_t sched_task_of(const struct sched *s, size_t unit)
{
	return sched_unit(s, unit)->head;
}

size_t sched_item_of(const struct sched *s, size_t unit)
{
	return sched_is_item(s, unit) ? sched_unit(s, unit)->item : SCHED_NO_TASK;
}

void sched_counts(const struct sched *s, size_t *ret_running, size_t *ret_done)
{
	*ret_running = s->live;
	*ret_done = s->done;
}
