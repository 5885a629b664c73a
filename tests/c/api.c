/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.c - the public interface from a test program: wf_test_flow() with its fake clock,
 * values without a run.  Prints nothing and answers 0 when all is well.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "wf.h"

static int failures;

#define CHECK(cond)                                                             \
	do {                                                                    \
		if (!(cond)) {                                                  \
			failures++;                                             \
			(void)printf("%s:%d: %s\n", __FILE__, __LINE__, #cond); \
		}                                                               \
	} while (0)

WF_TASK(patient, wf_json, .retries = 3, .retry_delays = WF_BACKOFF(100))
{
	return wf_attempt(ctx) <= 3 ? wf_fail(ctx, 1, "too early")
				    : wf_ok_text(ctx, wf_str(in, "say"));
}

WF_FLOW(long_waits, .params = "{say: string = 'done'}", .retries = 1,
	.retry_delay = 3600)
{
	wf_fut *f = wf_call(ctx, patient, "{say: %s}", wf_str(in, "say"));

	return wf_attempt(ctx) == 1 ? wf_fail(ctx, 1, "again") : wf_ok(ctx, wf_get(f));
}

static bool not_7(const wf_task *t, const wf_task_run *run, const wf_state *s)
{
	(void)t;
	return wf_fail_code(s) != 7 && wf_task_run_attempt(run) < 3;
}

WF_TASK(picky, wf_json, .retries = 5, .retry_if = not_7)
{
	return wf_fail(ctx, (int)wf_i64(in, "code"), "code %lld",
		       (long long)wf_i64(in, "code"));
}

WF_TASK(stuck, wf_json, .retries = 1, .retry_if = not_7, .timeout = 0.05, .grace = 0.05)
{
	const struct timespec long_time = {.tv_sec = 30};

	(void)nanosleep(&long_time, NULL);
	return wf_none(ctx);
}

WF_FLOW(conditions)
{
	wf_fut *a = wf_submit(ctx, picky, "{code: 7}");
	wf_fut *b = wf_submit(ctx, picky, "{code: 8}");
	wf_fut *c = wf_submit(ctx, stuck, "{}");
	wf_futs all = wf_list(ctx, 3, a, b, c);

	return wf_all(ctx, &all);
}

static void check_waits(void)
{
	wf_report *r = NULL;
	time_t start = time(NULL);

	CHECK(wf_test_flow(long_waits, "{\"say\": \"hi\"}", &r) == 0);
	CHECK(strcmp(wf_report_state(r), "Completed") == 0);
	CHECK(strcmp(wf_as_str(wf_report_result(r)), "hi") == 0);
	CHECK(strcmp(wf_report_states(r, "patient-0"),
		     "Pending Running AwaitingRetry Retrying AwaitingRetry Retrying "
		     "AwaitingRetry Retrying Completed") == 0);
	CHECK(strcmp(wf_report_states(r, "patient-1"), "Pending Cached") == 0);
	CHECK(wf_report_seconds(r) >= 4300 && wf_report_seconds(r) < 4400);
	CHECK(wf_report_logged(r, "Retry 3/3 will start 400 second(s) from now"));
	CHECK(wf_report_task_count(r) == 2);
	CHECK(time(NULL) - start < 60);
	wf_report_free(r);
}

static void check_conditions(void)
{
	wf_report *r = NULL;

	CHECK(wf_test_flow(conditions, NULL, &r) == 0);
	CHECK(strcmp(wf_report_message(r), "3/3 states failed.") == 0);
	CHECK(strcmp(wf_report_states(r, "picky-0"), "Pending Running Failed") == 0);
	CHECK(strcmp(wf_report_states(r, "picky-1"),
		     "Pending Running Retrying Retrying Failed") == 0);
	CHECK(strcmp(wf_report_states(r, "stuck-0"),
		     "Pending Running Retrying TimedOut") == 0);
	CHECK(wf_report_states(r, "nobody-0") == NULL);
	wf_report_free(r);
}

static void check_values(void)
{
	wf_json v = wf_obj("{a: 'x%d', 'b c': [%f, null, true], d: %s, e: {f: %lld},}",
			   7, 1.5, "it's \"quoted\"", 1LL << 40);

	CHECK(strcmp(wf_text(v), "{\"a\":\"x7\",\"b c\":[1.5,null,true],\"d\":\"it's "
				 "\\\"quoted\\\"\",\"e\":{\"f\":1099511627776}}") == 0);
	CHECK(wf_len(v) == 4 && strcmp(wf_key(v, 1), "b c") == 0);
	CHECK(wf_i64(wf_at(v, "e"), "f") == 1LL << 40);
	CHECK(wf_i64_or(v, "none", 5) == 5 && !wf_has(v, "none"));
	CHECK(wf_type(wf_item(wf_at(v, "b c"), 1)) == WF_NULL);
	CHECK(wf_parse("{\"a\": 1, \"a\": 2}") == NULL);
	CHECK(wf_i64(v, "a") == 0 && strcmp(wf_str(NULL, "a"), "") == 0);
	CHECK(wf_test_flow(long_waits, "not json", &(wf_report *){NULL}) < 0);
}

int main(void)
{
	check_values();
	check_waits();
	check_conditions();
	return failures > 0;
}
