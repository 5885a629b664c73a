/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_dynamic.c - a flow whose function asks for the task runs while it runs.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/buf.h"
#include "base/timefmt.h"
#include "engine/plan.h"
#include "engine/sched.h"

static char task_name[] = "t";
static double one_second = 1;
static const struct plan_task plan = {
    .key = task_name,
    .name = task_name,
    .retries = 1,
    .delays = {.seconds = &one_second, .count = 1},
};
static const struct plan_flow flow = {
    .name = task_name, .max_workers = 2, .dynamic = 1};
static struct sched_now now = {.ms = 0, .us = 1000000};
static unsigned char last_id;

static void new_id(struct uuid *ret_id, int64_t now_us, void *arg)
{
	(void)now_us;
	(void)arg;
	memset(ret_id, 0, sizeof(*ret_id));
	ret_id->b[15] = ++last_id;
}

static double draw(void *arg)
{
	(void)arg;
	return 0.5;
}

/* Takes all actions; accepts what is proposed; writes what happens. */
static void pump(struct sched *s, struct buf *out)
{
	struct sched_action a;
	struct sched_event ev;

	while (sched_take(s, &a)) {
		memset(&ev, 0, sizeof(ev));
		ev.task = a.task;
		if (a.type == SCHED_ACT_PROPOSE) {
			buf_addf(out, "flow:%s%s%s ", a.state.name,
				 a.state.message != NULL ? "=" : "",
				 a.state.message != NULL ? a.state.message : "");
			ev.type = SCHED_EV_ANSWER;
			ev.answer = SCHED_ACCEPT;
			sched_event(s, &ev, now);
		} else if (a.type == SCHED_ACT_CREATE && !a.reused && !a.blocked) {
			ev.type = SCHED_EV_PREPARED;
			ev.verdict = SCHED_OK;
			sched_event(s, &ev, now);
		} else if (a.type == SCHED_ACT_TASK_STATE) {
			buf_addf(out, "%zu:%s ", a.task, a.state.name);
		} else if (a.type == SCHED_ACT_RUN) {
			buf_addf(out, "run%zu ", a.task);
		} else if (a.type == SCHED_ACT_RETURN) {
			buf_adds(out, "body ");
		} else if (a.type == SCHED_ACT_STOP) {
			buf_addf(out, "stop%zd ", (ssize_t)a.task);
		}
		sched_action_release(&a);
	}
}

static struct sched *begin(struct buf *out)
{
	const struct sched_config config = {.new_id = new_id, .random = draw};
	struct sched *s = sched_new(&flow, &config);
	struct sched_event ev = {.type = SCHED_EV_START};

	buf_init(out);
	sched_event(s, &ev, now);
	pump(s, out);
	cr_assert_str_eq(out->data, "flow:Running body ");
	buf_reset(out);
	return s;
}

static void over(struct sched *s, size_t task, enum sched_verdict verdict)
{
	struct sched_event ev = {.type = SCHED_EV_ATTEMPT,
				 .task = task,
				 .verdict = verdict,
				 .message = "bad",
				 .error = "Error"};

	sched_event(s, &ev, now);
}

static size_t add(struct sched *s, size_t blocker, int reuse)
{
	const struct sched_add what = {
	    .plan = &plan, .blocker = blocker, .reuse = reuse};

	return sched_add(s, &what, now);
}

static void returned(struct sched *s, const struct run_state *state)
{
	struct sched_event ev = {.type = SCHED_EV_RETURNED, .state = state};

	sched_event(s, &ev, now);
}

Test(dynamic, runs_go_the_way_of_all_task_runs)
{
	struct buf out;
	struct sched *s = begin(&out);

	cr_assert_eq(add(s, SCHED_NO_TASK, 0), 0);
	cr_assert_eq(add(s, SCHED_NO_TASK, 1), 1);
	pump(s, &out);
	cr_assert_str_eq(out.data, "0:Pending 1:Pending 1:Cached 0:Running run0 ");
	buf_reset(&out);
	over(s, 0, SCHED_FAIL);
	pump(s, &out);
	now.ms += 1000;
	now.us += 1000000;
	cr_assert_eq(sched_due(s), now.ms);
	sched_event(s, &(struct sched_event){.type = SCHED_EV_TICK}, now);
	pump(s, &out);
	over(s, 0, SCHED_FAIL);
	cr_assert_eq(add(s, 0, 0), 2);
	pump(s, &out);
	cr_assert_str_eq(out.data, "0:AwaitingRetry 0:Retrying run0 0:Failed 2:Pending "
				   "2:NotReady ");
	buf_reset(&out);
	returned(s, NULL);
	pump(s, &out);
	cr_assert_str_eq(out.data, "flow:Failed=1/3 states failed. ");
	buf_release(&out);
	sched_free(s);
}

Test(dynamic, what_did_not_start_is_dropped_when_the_function_gives_a_state)
{
	struct run_state state;
	struct buf out;
	struct sched *s = begin(&out);
	size_t i;

	state_init(&state);
	state.type = STATE_COMPLETED;
	state.name = "Completed";
	for (i = 0; i < 200; i++) {
		(void)add(s, SCHED_NO_TASK, 0);
	}
	pump(s, &out);
	buf_reset(&out);
	returned(s, &state);
	cr_assert_eq(add(s, SCHED_NO_TASK, 0), SCHED_NO_TASK);
	over(s, 0, SCHED_OK);
	over(s, 1, SCHED_OK);
	pump(s, &out);
	cr_assert_not_null(strstr(out.data, "2:Cancelled "));
	cr_assert_not_null(strstr(out.data, "0:Completed 1:Completed flow:Completed "));
	buf_release(&out);
	sched_free(s);
}

Test(dynamic, a_lent_slot_lets_another_start_and_a_cancel_stops_the_function)
{
	struct buf out;
	struct sched *s = begin(&out);
	size_t i;

	for (i = 0; i < 3; i++) {
		(void)add(s, SCHED_NO_TASK, 0);
	}
	pump(s, &out);
	cr_assert_null(strstr(out.data, "run2"));
	sched_lend(s, 1, now);
	pump(s, &out);
	cr_assert_not_null(strstr(out.data, "run2"));
	sched_lend(s, -1, now);
	buf_reset(&out);
	sched_event(s, &(struct sched_event){.type = SCHED_EV_CANCEL}, now);
	pump(s, &out);
	cr_assert_str_eq(out.data, "stop-1 stop0 stop1 stop2 ");
	for (i = 0; i < 3; i++) {
		over(s, i, SCHED_STOPPED);
	}
	buf_reset(&out);
	returned(s, NULL);
	pump(s, &out);
	cr_assert_str_eq(out.data, "0:Cancelled 1:Cancelled 2:Cancelled "
				   "flow:Cancelled=Flow run was cancelled. ");
	buf_release(&out);
	sched_free(s);
}
