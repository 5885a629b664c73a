/* SPDX-License-Identifier: Apache-2.0 */
/*
 * twins_tasks.c - the flows of tests/walkthrough/yaml about tasks, in C.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wf.h"

static void rest(double seconds)
{
	const struct timespec t = {
	    .tv_sec = (time_t)seconds,
	    .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};

	(void)nanosleep(&t, NULL);
}

/* ---- basics ---- */

WF_TASK(read_facts, wf_json, .description = "gives a JSON object")
{
	return wf_ok(ctx, wf_obj("{project: %s, stars: 12157}", wf_str(in, "project")));
}
WF_TASK(twice, wf_json, .title = "double")
{
	return wf_ok_i64(ctx, 2 * wf_i64(wf_at(in, "facts"), "stars"));
}
WF_FLOW(repo_facts, .params = "{project: string = 'acme/rocket'}",
	.description = "reads facts, then prints one of them")
{
	wf_fut *facts =
	    wf_call(ctx, read_facts, "{project: %s}", wf_str(in, "project"));

	return wf_ok(ctx, wf_get(wf_call(ctx, twice, "{facts: %F}", facts)));
}

/* ---- retries ---- */

#define EXITED(code) wf_fail(ctx, code, "Command exited with code %d", code)

WF_TASK(stair, wf_json, .retries = 3, .retry_delays = WF_DELAYS(0.3, 0.9),
	.log_prints = WF_YES)
{
	(void)printf("attempt %d\n", wf_attempt(ctx));
	return wf_attempt(ctx) >= 4 ? wf_none(ctx) : EXITED(1);
}
WF_FLOW(retry_list)
{
	(void)wf_call(ctx, stair, "{}");
	return wf_none(ctx);
}

WF_TASK(quick, wf_json, .retries = 2)
{
	return wf_attempt(ctx) >= 3 ? wf_none(ctx) : EXITED(1);
}
WF_FLOW(retry_at_once)
{
	(void)wf_call(ctx, quick, "{}");
	return wf_none(ctx);
}

static bool worth_it(const wf_task *t, const wf_task_run *run, const wf_state *s)
{
	(void)t;
	(void)run;
	return wf_fail_code(s) != 404 && wf_fail_code(s) != 7;
}

static bool early_only(const wf_task *t, const wf_task_run *run, const wf_state *s)
{
	(void)t;
	(void)s;
	return wf_task_run_attempt(run) < 3;
}

WF_TASK(busy, wf_json, .retries = 1, .retry_if = worth_it, .allow_failure = true)
{
	return wf_fail(ctx, 503, "Command exited with code 22");
}
WF_TASK(missing, wf_json, .retries = 1, .retry_if = worth_it, .allow_failure = true)
{
	return wf_fail(ctx, 404, "Command exited with code 22");
}
WF_TASK(refused, wf_json, .retries = 1, .retry_if = worth_it, .allow_failure = true)
{
	return EXITED(7);
}
WF_TASK(early, wf_json, .retries = 5, .retry_if = early_only, .allow_failure = true)
{
	return EXITED(1);
}
WF_FLOW(retry_condition)
{
	(void)wf_call(ctx, busy, "{}");
	(void)wf_call(ctx, missing, "{}");
	(void)wf_call(ctx, refused, "{}");
	(void)wf_call(ctx, early, "{}");
	return wf_none(ctx);
}

WF_TASK(never, wf_json, .retries = 3, .retry_delays = WF_BACKOFF(0.25))
{
	return EXITED(9);
}
WF_FLOW(retry_backoff)
{
	(void)wf_call(ctx, never, "{}");
	return wf_none(ctx);
}

WF_TASK(shaky, wf_json, .retries = 1, .retry_delay = 1, .retry_jitter = 0.5)
{
	return wf_attempt(ctx) >= 2 ? wf_none(ctx) : EXITED(1);
}
WF_FLOW(retry_jitter, .task_runner = WF_PROCS(12))
{
	(void)wf_map(ctx, shaky,
		     WF_EACH("n", wf_parse("[1,2,3,4,5,6,7,8,9,10,11,12]")));
	return wf_none(ctx);
}

/* ---- timeout ---- */

WF_TASK(slow, wf_json, .timeout = 1, .log_prints = WF_YES)
{
	(void)puts("I will execute");
	(void)fflush(stdout);
	rest(5);
	(void)puts("I will not execute");
	return wf_none(ctx);
}
WF_FLOW(timeout)
{
	(void)wf_call(ctx, slow, "{}");
	return wf_none(ctx);
}

WF_TASK(deaf, wf_json, .timeout = 1, .grace = 1, .log_prints = WF_YES)
{
	(void)signal(SIGTERM, SIG_IGN);
	(void)puts("ignoring TERM");
	(void)fflush(stdout);
	while (wf_attempt(ctx) > 0) {
		rest(0.1);
	}
	return wf_none(ctx);
}
WF_FLOW(timeout_stubborn)
{
	(void)wf_call(ctx, deaf, "{}");
	return wf_none(ctx);
}

static bool timed_out(const wf_task *t, const wf_task_run *run, const wf_state *s)
{
	(void)t;
	(void)run;
	return wf_is(s, "TimedOut");
}

WF_TASK(second_try, wf_json, .title = "second", .timeout = 0.5, .retries = 1,
	.retry_if = timed_out)
{
	rest(wf_attempt(ctx) >= 2 ? 0 : 5);
	return wf_none(ctx);
}
WF_FLOW(timeout_retried)
{
	(void)wf_call(ctx, second_try, "{}");
	return wf_none(ctx);
}

/* ---- run-names ---- */

WF_TASK(hello, wf_json, .title = "My Example Task", .description = "An example task.",
	.run_name = "hello-{name}-on-{date:%A}")
{
	return wf_none(ctx);
}
WF_TASK(runtime, wf_json, .title = "my-example-task",
	.run_name = "{flow.name}-{task.name}-with-{name}-and-{limit}")
{
	return wf_none(ctx);
}
WF_TASK(aligned, wf_json, .run_name = "n{n:>4}-r{r:.2f}")
{
	return wf_none(ctx);
}
WF_TASK(by_itself, wf_json)
{
	wf_set_name(ctx, "named-by-the-command");
	return wf_none(ctx);
}
WF_FLOW(my_flow, .params = "{name: string = 'marvin'}", .run_name = "run-of-{name}")
{
	(void)wf_call(ctx, hello, "{name: %s, date: '2026-11-19T10:00:00Z'}",
		      wf_str(in, "name"));
	(void)wf_call(ctx, runtime, "{name: %s, limit: 100}", wf_str(in, "name"));
	(void)wf_call(ctx, aligned, "{n: 7, r: 2.5}");
	(void)wf_call(ctx, by_itself, "{}");
	return wf_none(ctx);
}

/* ---- log-prints ---- */

WF_TASK(loud, wf_json)
{
	(void)puts("Stars \xf0\x9f\x8c\xa0 : 12157");
	(void)fputs("careful\n", stderr);
	(void)fputs("no newline at the end", stdout);
	return wf_none(ctx);
}
WF_TASK(quiet, wf_json, .log_prints = WF_NO)
{
	return wf_none(ctx);
}
WF_TASK(levels, wf_json)
{
	wf_error(ctx, "from fd 3");
	return wf_none(ctx);
}
WF_FLOW(log_prints, .log_prints = WF_YES)
{
	(void)wf_call(ctx, loud, "{}");
	(void)wf_call(ctx, quiet, "{}");
	(void)wf_call(ctx, levels, "{}");
	return wf_none(ctx);
}

/* ---- map, generator ---- */

WF_TASK(fetch, wf_json)
{
	rest(0.4);
	return wf_ok(ctx, in);
}
WF_TASK(pairs, wf_json)
{
	return wf_ok_text(
	    ctx, wf_fmt(ctx, "%s%lld", wf_str(in, "b"), (long long)wf_i64(in, "a")));
}
WF_FLOW(map, .params = "{pages: array = [1, 2, 3, 4, 5, 6]}")
{
	wf_futs f = wf_map(ctx, fetch, WF_EACH("page", wf_at(in, "pages")),
			   WF_CONST("base", wf_parse("[10, 20]")));
	wf_json pages = wf_arr(ctx), texts = wf_arr(ctx);
	size_t i;

	for (i = 0; i < f.count; i++) {
		wf_push(pages, wf_get(f.items[i]));
	}
	/* one after the other */
	wf_push(texts, wf_get(wf_call(ctx, pairs, "{a: 1, b: 'x'}")));
	wf_push(texts, wf_get(wf_call(ctx, pairs, "{a: 2, b: 'y'}")));
	return wf_ok(ctx, wf_obj("{pages: %J, pairs: %J}", pages, texts));
}

WF_GENERATOR(numbers, wf_json)
{
	int i;

	for (i = 0; i < 3; i++) {
		wf_yield(ctx, wf_from_i64(i));
		rest(0.5);
	}
	return wf_none(ctx);
}
WF_TASK(consume, wf_json, .log_prints = WF_YES)
{
	(void)printf("got %lld\n", (long long)wf_i64(in, "x"));
	return wf_none(ctx);
}
WF_FLOW(generator)
{
	wf_fut *all = wf_submit(ctx, numbers, "{}");
	wf_json v;

	while ((v = wf_next(all)) != NULL) {
		(void)wf_submit(ctx, consume, "{x: %J}", v);
	}
	return wf_ok(ctx, wf_get(all));
}

/* ---- allow-failure ---- */

WF_TASK(tolerated_bad, wf_json, .title = "bad", .allow_failure = true)
{
	return EXITED(1);
}
WF_TASK(good, wf_json)
{
	return wf_ok_text(ctx, "fine");
}
WF_TASK(reads, wf_json)
{
	return wf_ok_text(ctx, wf_fmt(ctx, "%s and %s", wf_str_or(in, "bad", "nothing"),
				      wf_str(in, "good")));
}
WF_FLOW(allow_failure)
{
	wf_fut *a = wf_submit(ctx, tolerated_bad, "{}"),
	       *b = wf_submit(ctx, good, "{}");

	return wf_ok(ctx, wf_get(wf_call(ctx, reads, "{bad: %F, good: %F}", a, b)));
}

WF_TASK(not_ready_bad, wf_json, .title = "bad")
{
	return EXITED(1);
}
WF_TASK(blocked, wf_json)
{
	return wf_none(ctx);
}
WF_TASK(further, wf_json)
{
	return wf_none(ctx);
}
WF_FLOW(not_ready)
{
	wf_fut *a = wf_submit(ctx, not_ready_bad, "{}"), *b;

	(void)wf_submit(ctx, good, "{}");
	b = wf_submit_after(ctx, wf_list(ctx, 1, a), blocked, "{}");
	(void)wf_submit_after(ctx, wf_list(ctx, 1, b), further, "{}");
	return wf_none(ctx);
}

/* ---- flow-retry ---- */

WF_TASK(kept, wf_json, .log_prints = WF_YES)
{
	(void)puts("kept ran");
	return wf_ok_i64(ctx, 5);
}
WF_TASK(brittle, wf_json)
{
	return wf_i64(in, "count") >= 2 ? wf_none(ctx) : EXITED(1);
}
WF_FLOW(flow_retry, .retries = 3, .retry_delay = 1, .params = "{salt: string = 'x'}")
{
	wf_fut *five = wf_call(ctx, kept, "{salt: %s}", wf_str(in, "salt"));

	(void)wf_call(ctx, brittle, "{count: %d, five: %F}", wf_attempt(ctx), five);
	return wf_none(ctx);
}

/* ---- transaction ---- */

static void undo(const wf_obj *o, const wf_state *s)
{
	(void)s;
	wf_info(wf_obj_ctx(o), "undo %c", wf_name(o)[6]);
}

static void commit(const wf_obj *o, const wf_state *s)
{
	(void)s;
	wf_info(wf_obj_ctx(o), "commit %c", wf_name(o)[6]);
}

#define PUBLISHED \
	.hooks = {.on_commit = WF_HOOKS(commit), .on_rollback = WF_HOOKS(undo)}

WF_TASK(write_a, wf_json, PUBLISHED)
{
	(void)puts("wrote a");
	return wf_none(ctx);
}
WF_TASK(write_b, wf_json, PUBLISHED)
{
	(void)puts("wrote b");
	return wf_none(ctx);
}
WF_TASK(check, wf_json)
{
	return EXITED(2);
}
WF_FLOW(rollback, .log_prints = WF_YES)
{
	wf_txn_begin(ctx);
	(void)wf_get(wf_call(ctx, write_a, "{}"));
	(void)wf_get(wf_call(ctx, write_b, "{}"));
	(void)wf_get(wf_call(ctx, check, "{}"));
	wf_txn_commit(ctx);
	return wf_none(ctx);
}
WF_FLOW(commit_all, .title = "commit", .log_prints = WF_YES)
{
	wf_txn_begin(ctx);
	(void)wf_get(wf_call(ctx, write_a, "{}"));
	(void)wf_get(wf_call(ctx, write_b, "{}"));
	wf_txn_commit(ctx);
	return wf_none(ctx);
}

/* ---- cache ---- */

WF_TASK(by_input, wf_json, .cache = WF_INPUTS | WF_TASK_SOURCE, .log_prints = WF_YES)
{
	(void)printf("computing by_input %lld\n", (long long)wf_i64(in, "x"));
	return wf_ok(ctx, wf_at(in, "x"));
}
WF_TASK(by_run, wf_json, .cache = WF_RUN_ID | WF_TASK_SOURCE, .log_prints = WF_YES)
{
	(void)puts("computing by_run");
	return wf_ok_i64(ctx, 0);
}
static const char *odd_or_even(wf_ctx *ctx, wf_json in)
{
	return wf_fmt(ctx, "%s-%s", wf_str(in, "salt"),
		      wf_i64(in, "x") % 2 != 0 ? "True" : "False");
}
WF_TASK(by_key, wf_json, .cache_key = odd_or_even, .log_prints = WF_YES)
{
	(void)puts("computing by_key");
	return wf_ok(ctx, wf_at(in, "x"));
}
WF_TASK(minus, wf_json, .cache = WF_INPUTS | WF_TASK_SOURCE, .cache_without = "token")
{
	return wf_ok_i64(ctx, 1);
}
WF_TASK(uncached, wf_json, .title = "never")
{
	return wf_none(ctx);
}
WF_TASK(again, wf_json, .cache = WF_INPUTS | WF_TASK_SOURCE, .cache_refresh = true)
{
	return wf_ok_i64(ctx, 1);
}

static wf_json each(wf_ctx *ctx, const wf_task *t, const char *salt, const char *list)
{
	wf_json all = wf_arr(ctx), items = wf_parse(list);
	size_t i;

	for (i = 0; i < wf_len(items); i++) {
		wf_push(all, wf_get(wf_call(ctx, t, "{salt: %s, x: %J}", salt,
					    wf_item(items, i))));
	}
	return all;
}

WF_FLOW(cache, .params = "{salt: string = 'x'}")
{
	const char *salt = wf_str(in, "salt");
	wf_json first = each(ctx, by_input, salt, "[1, 1, 2]");

	(void)each(ctx, by_run, salt, "[1, 2]");
	(void)each(ctx, by_key, salt, "[1, 3, 2]");
	(void)wf_call(ctx, minus, "{salt: %s, token: 'aa'}", salt);
	(void)wf_call(ctx, minus, "{salt: %s, token: 'bb'}", salt);
	(void)each(ctx, uncached, salt, "[1, 1]");
	(void)wf_call(ctx, again, "{salt: %s}", salt);
	return wf_ok(ctx, first);
}

/* ---- cache-expiry ---- */

#define COMPUTING                         \
	{                                 \
		(void)puts("computing");  \
		return wf_ok_i64(ctx, 1); \
	}
WF_TASK(first, wf_json, .cache = WF_INPUTS, .cache_ttl = 1.5, .log_prints = WF_YES)
COMPUTING
WF_TASK(soon, wf_json, .cache = WF_INPUTS, .cache_ttl = 1.5, .log_prints = WF_YES)
COMPUTING
WF_TASK(wait_a_little, wf_json, .title = "wait")
{
	rest(2);
	return wf_none(ctx);
}
WF_TASK(late_again, wf_json, .title = "late", .cache = WF_INPUTS, .log_prints = WF_YES)
COMPUTING
WF_TASK(stays, wf_json, .cache = WF_INPUTS, .log_prints = WF_YES)
COMPUTING

WF_FLOW(cache_expiry, .params = "{salt: string = 'x'}")
{
	(void)wf_call(ctx, first, "{salt: %J}", wf_at(in, "salt"));
	(void)wf_call(ctx, soon, "{salt: %J}", wf_at(in, "salt"));
	(void)wf_call(ctx, wait_a_little, "{}");
	(void)wf_call(ctx, late_again, "{salt: %J}", wf_at(in, "salt"));
	(void)wf_call(ctx, stays, "{salt: %J}", wf_at(in, "salt"));
	return wf_none(ctx);
}
