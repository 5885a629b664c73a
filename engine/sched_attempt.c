/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched_attempt.c - what the end of an attempt means: its state, or another attempt.
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

static double retry_delay(struct sched *s, size_t i)
{
	const struct plan_task *plan = sched_plan(s, i);
	size_t used = (size_t)sched_unit(s, i)->retries_used;
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
	struct buf text;

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
	buf_addf(out, "exception: %s", ev->error);
	buf_init(&text);
	state_describe(&as_error, &text);
	buf_adds(out, text.data + strlen("FAILED"));
	buf_release(&text);
}

static void retry(struct sched *s, size_t i, const char *what, struct sched_now now)
{
	struct sched_task *t = sched_unit(s, i);
	double delay = retry_delay(s, i);
	struct run_state state;
	int number = ++t->retries_used, all = sched_plan(s, i)->retries;

	if (delay <= 0) {
		sched_log(
		    s, i, LEVEL_INFO,
		    "Task run failed with %s - Retry %d/%d will start immediately",
		    what, number, all);
		sched_start(s, i, now);
		return;
	}
	sched_log(
	    s, i, LEVEL_INFO,
	    "Task run failed with %s - Retry %d/%d will start %.15g second(s) from now",
	    what, number, all, delay);
	sched_make_state(&state, STATE_SCHEDULED, "AwaitingRetry", NULL);
	state.scheduled_us = now.us + (int64_t)(delay * 1e6);
	sched_offer(s, i, &state, THEN_DELAY, now);
}

/* Takes STATE's message. */
static void failed(struct sched *s, const struct sched_event *ev,
		   struct run_state *state, struct sched_now now)
{
	size_t i = ev->task;
	int retries = sched_plan(s, i)->retries, used = sched_unit(s, i)->retries_used;
	struct buf what;

	buf_init(&what);
	failure_text(ev, state, &what);
	if (s->stop == STOP_NONE && !ev->no_retry && state->retriable != 0 &&
	    used < retries) {
		retry(s, i, what.data, now);
		state_release(state);
	} else {
		sched_log(s, i, LEVEL_ERROR, "Task run failed with %s%s", what.data,
			  used > 0 && used == retries ? " - Retries are exhausted"
						      : "");
		sched_offer(s, i, state, THEN_FINISH, now);
	}
	buf_release(&what);
}

void sched_task_ended(struct sched *s, const struct sched_event *ev,
		      struct sched_now now)
{
	struct sched_task *t = sched_unit(s, ev->task);
	struct run_state state;

	if (t->phase != TASK_RUNNING) {
		return;
	}
	s->live--;
	t->run.total_run_us += now.us - t->attempt_us;
	memset(&state, 0, sizeof(state));
	switch (ev->verdict) {
	case SCHED_OK:
	case SCHED_SKIP:
		sched_finish_as(s, ev->task, STATE_COMPLETED, "Completed", NULL, now);
		break;
	case SCHED_CACHED:
		sched_finish_as(s, ev->task, STATE_COMPLETED, "Cached", NULL, now);
		break;
	case SCHED_FAIL:
		sched_make_state(&state, STATE_FAILED, "Failed", ev->message);
		failed(s, ev, &state, now);
		break;
	case SCHED_TIMED_OUT:
		sched_make_state(&state, STATE_FAILED, "TimedOut", ev->message);
		failed(s, ev, &state, now);
		break;
	case SCHED_STOPPED:
		sched_finish_as(s, ev->task, STATE_CANCELLED, "Cancelled",
				sched_stop_message(s), now);
		break;
	case SCHED_STATE:
		state_copy(&state, ev->state);
		if (state.type == STATE_FAILED) {
			failed(s, ev, &state, now);
		} else {
			sched_offer(s, ev->task, &state, THEN_FINISH, now);
		}
		break;
	}
}
