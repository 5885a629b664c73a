/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sched.c - the scheduler in virtual time: exact sequences of states.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"

static void expect(struct sim *s, const char *want)
{
	cr_expect_str_eq(s->out.data, want, "got:\n%s\nwant:\n%s", s->out.data, want);
}

static void start_and_run(struct sim *s)
{
	sim_event(s, SCHED_EV_START, NULL);
	sim_run(s, 1000000000);
}

Test(sched, a_chain_runs_in_order)
{
	struct sim s;

	sim_init(&s, "    tasks:\n      a: {run: x}\n      b: {run: x, needs: [a]}\n");
	start_and_run(&s);
	expect(
	    &s,
	    "0 flow proposes Running()\n"
	    "0 a Pending()\n0 a Running()\n10 a Completed()\n"
	    "10 b Pending()\n10 b Running()\n20 b Completed()\n"
	    "20 flow proposes Completed('All states completed.')\n20 end Completed\n");
	sim_release(&s);
}

Test(sched, max_workers_limits_what_runs)
{
	struct sim s;

	sim_init(&s,
		 "    task_runner: {max_workers: 2}\n    tasks:\n      a: {run: x}\n"
		 "      b: {run: x}\n      c: {run: x}\n      d: {run: x}\n      e: "
		 "{run: x}\n");
	start_and_run(&s);
	cr_expect_eq(s.max_running, 2);
	cr_expect_eq(s.now.ms, 30);
	sim_release(&s);
}

Test(sched, a_list_of_delays_repeats_its_last)
{
	struct sim s;

	sim_init(
	    &s,
	    "    tasks:\n      a: {run: x, retries: 4, retry_delay_seconds: [1, 2]}\n");
	sim_script(&s, "a", "fail:10 fail:10 fail:10 fail:10 ok:10");
	start_and_run(&s);
	expect(&s, "0 flow proposes Running()\n0 a Pending()\n0 a Running()\n"
		   "10 a AwaitingRetry(type=SCHEDULED) +1000ms\n1010 a "
		   "Retrying(type=RUNNING)\n"
		   "1020 a AwaitingRetry(type=SCHEDULED) +2000ms\n3020 a "
		   "Retrying(type=RUNNING)\n"
		   "3030 a AwaitingRetry(type=SCHEDULED) +2000ms\n5030 a "
		   "Retrying(type=RUNNING)\n"
		   "5040 a AwaitingRetry(type=SCHEDULED) +2000ms\n7040 a "
		   "Retrying(type=RUNNING)\n"
		   "7050 a Completed()\n"
		   "7050 flow proposes Completed('All states completed.')\n7050 end "
		   "Completed\n");
	sim_release(&s);
}

Test(sched, exponential_backoff_doubles_and_exhausts)
{
	struct sim s;

	sim_init(&s, "    tasks:\n      a: {run: x, retries: 3, retry_delay_seconds: "
		     "{exponential_backoff: 10}}\n");
	sim_script(&s, "a", "fail:0");
	start_and_run(&s);
	expect(&s,
	       "0 flow proposes Running()\n0 a Pending()\n0 a Running()\n"
	       "0 a AwaitingRetry(type=SCHEDULED) +10000ms\n10000 a "
	       "Retrying(type=RUNNING)\n"
	       "10000 a AwaitingRetry(type=SCHEDULED) +20000ms\n30000 a "
	       "Retrying(type=RUNNING)\n"
	       "30000 a AwaitingRetry(type=SCHEDULED) +40000ms\n70000 a "
	       "Retrying(type=RUNNING)\n"
	       "70000 a Failed('Command exited with code 1')\n"
	       "70000 flow proposes Failed('1/1 states failed.')\n70000 end Failed\n");
	sim_release(&s);
}

Test(sched, no_delay_retries_at_once_and_says_so)
{
	struct sim s;

	sim_init(&s, "    tasks:\n      a: {run: x, retries: 2}\n");
	sim_script(&s, "a", "fail:5");
	s.logs = 1;
	start_and_run(&s);
	expect(
	    &s,
	    "0 flow proposes Running()\n0 a created alone\n0 a Pending()\n0 a "
	    "Running()\n"
	    "5 a Task run failed with exception: CommandFailed('Command exited with "
	    "code 1') - "
	    "Retry 1/2 will start immediately\n5 a Retrying(type=RUNNING)\n"
	    "10 a Task run failed with exception: CommandFailed('Command exited with "
	    "code 1') - "
	    "Retry 2/2 will start immediately\n10 a Retrying(type=RUNNING)\n"
	    "15 a Task run failed with exception: CommandFailed('Command exited with "
	    "code 1') - "
	    "Retries are exhausted\n"
	    "15 a Failed('Command exited with code 1')\n"
	    "15 a Finished in state Failed('Command exited with code 1')\n"
	    "15 flow proposes Failed('1/1 states failed.')\n"
	    "15 flow Finished in state Failed('1/1 states failed.')\n15 end Failed\n");
	sim_release(&s);
}

Test(sched, timeouts_retry_too)
{
	struct sim s;

	sim_init(&s, "    tasks:\n      a: {run: x, retries: 1, timeout_seconds: 1, "
		     "retry_delay_seconds: 0.5}\n");
	sim_script(&s, "a", "timeout:1000");
	s.logs = 1;
	start_and_run(&s);
	expect(
	    &s,
	    "0 flow proposes Running()\n0 a created alone\n0 a Pending()\n0 a "
	    "Running()\n"
	    "1000 a Task run failed with state: TimedOut('Task run exceeded timeout of "
	    "1.0 "
	    "second(s)', type=FAILED) - Retry 1/1 will start 0.5 second(s) from now\n"
	    "1000 a AwaitingRetry(type=SCHEDULED) +500ms\n1500 a "
	    "Retrying(type=RUNNING)\n"
	    "2500 a Task run failed with state: TimedOut('Task run exceeded timeout of "
	    "1.0 "
	    "second(s)', type=FAILED) - Retries are exhausted\n"
	    "2500 a TimedOut('Task run exceeded timeout of 1.0 second(s)', "
	    "type=FAILED)\n"
	    "2500 a Finished in state TimedOut('Task run exceeded timeout of 1.0 "
	    "second(s)', "
	    "type=FAILED)\n"
	    "2500 flow proposes Failed('1/1 states failed.')\n"
	    "2500 flow Finished in state Failed('1/1 states failed.')\n2500 end "
	    "Failed\n");
	sim_release(&s);
}

Test(sched, jitter_stays_in_its_range)
{
	struct sim s;
	int i;

	for (i = 0; i <= 100; i++) {
		sim_init(&s, "    tasks:\n      a: {run: x, retries: 1, "
			     "retry_delay_seconds: 10, "
			     "retry_jitter_factor: 0.5}\n");
		sim_script(&s, "a", "fail:0 ok:0");
		s.random = i == 100 ? 0.999999 : i / 100.0;
		start_and_run(&s);
		cr_expect(s.now.ms >= 6280 && s.now.ms <= 15001, "%lld",
			  (long long)s.now.ms);
		sim_release(&s);
	}
}

Test(sched, a_failure_makes_its_dependants_not_ready)
{
	struct sim s;

	sim_init(&s, "    tasks:\n      bad: {run: x}\n      good: {run: x}\n"
		     "      blocked: {run: x, needs: [bad, good]}\n"
		     "      further: {run: x, needs: [blocked]}\n");
	sim_script(&s, "bad", "fail:5");
	start_and_run(&s);
	expect(&s, "0 flow proposes Running()\n0 bad Pending()\n"
		   "0 good Pending()\n0 bad Running()\n0 good Running()\n"
		   "5 bad Failed('Command exited with code 1')\n10 good Completed()\n"
		   "10 blocked Pending()\n"
		   "10 blocked NotReady(\"Upstream task run "
		   "'00000000-0000-0000-0000-000000000002' did not reach a 'COMPLETED' "
		   "state.\", type=PENDING)\n"
		   "10 further Pending()\n"
		   "10 further NotReady(\"Upstream task run "
		   "'00000000-0000-0000-0000-00000000000a' did not reach a 'COMPLETED' "
		   "state.\", type=PENDING)\n"
		   "10 flow proposes Failed('1/4 states failed.')\n10 end Failed\n");
	sim_release(&s);
}

Test(sched, allow_failure_lets_dependants_run_and_the_flow_complete)
{
	struct sim s;

	sim_init(&s, "    tasks:\n      bad: {run: x, allow_failure: true}\n"
		     "      after: {run: x, needs: [bad]}\n");
	sim_script(&s, "bad", "fail:5");
	start_and_run(&s);
	expect(
	    &s,
	    "0 flow proposes Running()\n0 bad Pending()\n0 bad Running()\n"
	    "5 bad Failed('Command exited with code 1')\n"
	    "5 after Pending()\n5 after Running()\n15 after Completed()\n"
	    "15 flow proposes Completed('All states completed.')\n15 end Completed\n");
	sim_release(&s);
}

Test(sched, skipped_and_bad_inputs_never_run)
{
	struct sim s;

	sim_init(&s, "    tasks:\n      no: {run: x}\n      bad: {run: x, retries: 3}\n"
		     "      then: {run: x, needs: [no]}\n");
	sim_script(&s, "no", "skip");
	sim_script(&s, "bad", "badinput");
	start_and_run(&s);
	expect(&s,
	       "0 flow proposes Running()\n0 no Pending()\n0 bad Pending()\n"
	       "0 no Skipped(type=COMPLETED)\n"
	       "0 then Pending()\n0 bad Failed('with.x: no')\n0 then Running()\n"
	       "10 then Completed()\n10 flow proposes Failed('1/3 states failed.')\n"
	       "10 end Failed\n");
	sim_release(&s);
}

Test(sched, alone_is_told_from_together)
{
	struct sim s;

	sim_init(&s,
		 "    tasks:\n      a: {run: x}\n      b: {run: x, needs: [a]}\n"
		 "      c: {run: x, needs: [a]}\n      d: {run: x, needs: [b, c]}\n");
	s.logs = 1;
	start_and_run(&s);
	cr_expect_not_null(strstr(s.out.data, "a created alone\n"));
	cr_expect_not_null(strstr(s.out.data, "b created\n"));
	cr_expect_not_null(strstr(s.out.data, "c created\n"));
	cr_expect_not_null(strstr(s.out.data, "d created alone\n"));
	sim_release(&s);
}

Test(sched, flow_retries_reuse_what_is_finished)
{
	struct sim s;

	sim_init(&s, "    retries: 2\n    retry_delay_seconds: 3\n    tasks:\n"
		     "      kept: {run: x}\n      brittle: {run: x, needs: [kept]}\n");
	sim_script(&s, "brittle", "fail:5 ok:5");
	start_and_run(&s);
	expect(
	    &s,
	    "0 flow proposes Running()\n0 kept Pending()\n0 kept Running()\n"
	    "10 kept Completed()\n10 brittle Pending()\n10 brittle Running()\n"
	    "15 brittle Failed('Command exited with code 1')\n"
	    "15 flow proposes Failed('1/2 states failed.')\n15 flow AwaitingRetry\n"
	    "3015 flow proposes Retrying(type=RUNNING)\n"
	    "3015 kept Pending()\n3015 kept Cached(type=COMPLETED)\n"
	    "3015 brittle Pending()\n3015 brittle Running()\n3020 brittle Completed()\n"
	    "3020 flow proposes Completed('All states completed.')\n3020 end "
	    "Completed\n");
	sim_release(&s);
}

Test(sched, the_flow_time_limit_stops_everything)
{
	struct sim s;

	sim_init(
	    &s,
	    "    timeout_seconds: 2\n    task_runner: {max_workers: 1}\n    tasks:\n"
	    "      a: {run: x}\n      b: {run: x}\n      c: {run: x, needs: [a]}\n");
	sim_script(&s, "a", "hang");
	start_and_run(&s);
	expect(
	    &s,
	    "0 flow proposes Running()\n0 a Pending()\n0 b Pending()\n0 a Running()\n"
	    "2000 a stopped\n"
	    "2000 b Cancelled('Flow run exceeded timeout of 2.0 second(s)')\n"
	    "2005 a Cancelled('Flow run exceeded timeout of 2.0 second(s)')\n"
	    "2005 flow proposes TimedOut('Flow run exceeded timeout of 2.0 second(s)', "
	    "type=FAILED)\n2005 end TimedOut\n");
	sim_release(&s);
}

Test(sched, a_flow_that_timed_out_may_be_retried)
{
	struct sim s;

	sim_init(
	    &s,
	    "    timeout_seconds: 1\n    retries: 1\n    tasks:\n      a: {run: x}\n");
	sim_script(&s, "a", "hang ok:5");
	start_and_run(&s);
	cr_expect_not_null(
	    strstr(s.out.data, "flow proposes Retrying(type=RUNNING)\n"));
	cr_expect_not_null(strstr(s.out.data, "end Completed\n"));
	sim_release(&s);
}

Test(sched, cancel_stops_running_and_waiting_tasks)
{
	struct sim s;

	sim_init(&s, "    tasks:\n      a: {run: x}\n"
		     "      b: {run: x, retries: 1, retry_delay_seconds: 60}\n"
		     "      c: {run: x, needs: [a]}\n");
	sim_script(&s, "a", "hang");
	sim_script(&s, "b", "fail:1");
	sim_event(&s, SCHED_EV_START, NULL);
	sim_run(&s, 50);
	sim_event(&s, SCHED_EV_CANCEL, NULL);
	sim_run(&s, 1000);
	expect(
	    &s,
	    "0 flow proposes Running()\n0 a Pending()\n0 b Pending()\n0 a Running()\n"
	    "0 b Running()\n1 b AwaitingRetry(type=SCHEDULED) +60000ms\n"
	    "1 a stopped\n1 b Cancelled('Flow run was cancelled.')\n"
	    "6 a Cancelled('Flow run was cancelled.')\n"
	    "6 flow proposes Cancelled('Flow run was cancelled.')\n6 end Cancelled\n");
	sim_release(&s);
}

Test(sched, cancel_before_running_is_obeyed_after_the_answer)
{
	struct sim s;

	sim_init(&s, "    tasks:\n      a: {run: x}\n");
	s.answer_by_hand = 1;
	sim_event(&s, SCHED_EV_START, NULL);
	sim_event(&s, SCHED_EV_CANCEL, "by the user");
	sim_answer(&s, SCHED_WAIT, STATE_NONE, NULL, 1000);
	sim_answer(&s, SCHED_ACCEPT, STATE_NONE, NULL, 0);
	expect(&s,
	       "0 flow proposes Running()\n0 flow proposes Cancelled('by the user')\n"
	       "0 end Cancelled\n");
	sim_release(&s);
}

Test(sched, a_signal_forces_crashed)
{
	struct sim s;

	sim_init(&s, "    tasks:\n      a: {run: x}\n");
	sim_script(&s, "a", "hang");
	sim_event(&s, SCHED_EV_START, NULL);
	sim_run(&s, 50);
	sim_event(&s, SCHED_EV_CRASH, "Execution was aborted by an interrupt signal.");
	sim_run(&s, 1000);
	cr_expect_not_null(strstr(s.out.data,
				  "flow forces Crashed('Execution was aborted by an "
				  "interrupt signal.')\n5 end Crashed\n"));
	sim_release(&s);
}

Test(sched, answers_to_running_are_followed)
{
	struct sim s;

	sim_init(&s, "    tasks:\n      a: {run: x}\n");
	s.answer_by_hand = 1;
	sim_event(&s, SCHED_EV_START, NULL);
	sim_answer(&s, SCHED_WAIT, STATE_NONE, NULL, 700);
	sim_run(&s, 10000);
	sim_answer(&s, SCHED_REJECT, STATE_PENDING, "Pending", 0);
	sim_run(&s, 20000);
	sim_answer(&s, SCHED_REJECT, STATE_SCHEDULED, "AwaitingRetry", 100);
	sim_run(&s, 30000);
	sim_answer(&s, SCHED_REJECT, STATE_COMPLETED, "Completed", 0);
	expect(
	    &s,
	    "0 flow proposes Running()\n700 flow proposes Running()\n"
	    "900 flow proposes Running()\n1000 flow proposes Retrying(type=RUNNING)\n"
	    "1000 end Completed\n");
	sim_release(&s);
}

Test(sched, abort_and_superseded_end_without_a_state)
{
	static const enum sched_answer answers[] = {SCHED_ABORT, SCHED_SUPERSEDED,
						    SCHED_UNAVAILABLE};
	struct sim s;
	size_t i;

	for (i = 0; i < 3; i++) {
		sim_init(&s, "    tasks:\n      a: {run: x}\n");
		s.answer_by_hand = 1;
		sim_event(&s, SCHED_EV_START, NULL);
		sim_answer(&s, answers[i], STATE_NONE, NULL, 0);
		expect(&s, "0 flow proposes Running()\n0 end -\n");
		cr_expect_eq(s.end_as, answers[i]);
		sim_release(&s);
	}
}

Test(sched, losing_the_owner_stops_tasks_and_proposes_nothing)
{
	struct sim s;

	sim_init(&s, "    tasks:\n      a: {run: x}\n");
	sim_script(&s, "a", "hang");
	sim_event(&s, SCHED_EV_START, NULL);
	sim_run(&s, 50);
	sim_event(&s, SCHED_EV_LOST, NULL);
	sim_run(&s, 1000);
	cr_expect_not_null(strstr(s.out.data, "a stopped\n"));
	cr_expect_not_null(strstr(s.out.data, "end -\n"));
	cr_expect_null(strstr(s.out.data, "proposes C"));
	sim_release(&s);
}

Test(sched, bad_parameters_fail_without_running)
{
	struct sim s;

	sim_init(&s, "    retries: 3\n    tasks:\n      a: {run: x}\n");
	sim_event(&s, SCHED_EV_INVALID,
		  "Validation of flow parameters failed with error: n");
	sim_run(&s, 1000);
	expect(
	    &s,
	    "0 flow proposes Failed('Validation of flow parameters failed with error: "
	    "n')\n0 end Failed\n");
	sim_release(&s);
}

Test(sched, a_hold_keeps_attempts_back)
{
	struct sim s;

	sim_init(&s, "    tasks:\n      a: {run: x}\n");
	sched_hold(s.sched, 1, s.now);
	sim_event(&s, SCHED_EV_START, NULL);
	sim_run(&s, 100);
	expect(&s, "0 flow proposes Running()\n0 a Pending()\n");
	sched_hold(s.sched, 0, s.now);
	sim_run(&s, 100);
	cr_expect_not_null(strstr(s.out.data, "end Completed"));
	sim_release(&s);
}

/* ---- random graphs ---- */

static unsigned int roll(unsigned int *seed, unsigned int below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % below;
}

static void random_flow(struct buf *text, unsigned int *seed, int tasks)
{
	int i, k;

	buf_addf(text,
		 "    retries: %u\n    task_runner: {max_workers: %u}\n    tasks:\n",
		 roll(seed, 3), 1 + roll(seed, 5));
	for (i = 0; i < tasks; i++) {
		buf_addf(text,
			 "      t%d: {run: x, retries: %u, allow_failure: %s, needs: [",
			 i, roll(seed, 3), roll(seed, 4) == 0 ? "true" : "false");
		for (k = 0; k < i && k < 4; k++) {
			buf_addf(text, "%st%u", k > 0 ? ", " : "",
				 roll(seed, (unsigned int)i));
		}
		buf_adds(text, "]}\n");
	}
}

/* Where the last line "<time> NAME WHAT" begins, or NULL. */
static const char *last_line(const struct sim *s, const char *name, const char *what)
{
	const char *hit = NULL, *p = s->out.data;
	char line[64];

	(void)snprintf(line, sizeof(line), " %s %s", name, what);
	while ((p = strstr(p, line)) != NULL) {
		hit = p++;
	}
	return hit;
}

/* In the last attempt of the flow no task ran before those that it needs were done. */
static void check_order(const struct sim *s)
{
	size_t i, k;

	for (i = 0; i < s->flow->count; i++) {
		const struct plan_task *t = s->flow->tasks[i];
		const char *ran = last_line(s, t->key, "Running(");

		if (ran < last_line(s, t->key, "Pending(")) {
			continue; /* ran in an earlier attempt of the flow only */
		}

		for (k = 0; ran != NULL && k < t->upstream.count; k++) {
			const struct plan_task *up =
			    s->flow->tasks[t->upstream.tasks[k]];

			cr_expect_lt(last_line(s, up->key, "Pending("), ran,
				     "%s before %s", t->key, up->key);
		}
	}
}

Test(sched, random_graphs_always_end_and_keep_their_limits)
{
	static const char *const scripts[] = {
	    "ok:3",       "ok:40", "fail:5",   "fail:1 ok:2",
	    "timeout:20", "skip",  "badinput", "fail:0 fail:0 ok:0"};
	unsigned int seed = 1;
	int round, tasks, i;

	for (round = 0; round < 300; round++) {
		struct sim s;
		struct buf text;

		buf_init(&text);
		tasks = 1 + (int)roll(&seed, SIM_TASKS - 1);
		random_flow(&text, &seed, tasks);
		sim_init(&s, text.data);
		for (i = 0; i < tasks; i++) {
			s.script[i] = scripts[roll(&seed, 8)];
		}
		sim_event(&s, SCHED_EV_START, NULL);
		if (roll(&seed, 4) == 0) {
			sim_run(&s, roll(&seed, 60));
			sim_event(&s, SCHED_EV_CANCEL, NULL);
		}
		sim_run(&s, 100000000);
		cr_expect(s.over, "round %d does not end:\n%s", round, s.out.data);
		cr_expect_leq(s.max_running, s.flow->max_workers);
		cr_expect_eq(s.running, 0);
		check_order(&s);
		sim_release(&s);
		buf_release(&text);
	}
}
