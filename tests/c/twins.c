/* SPDX-License-Identifier: Apache-2.0 */
/*
 * twins.c - the flows of tests/walkthrough/yaml once more, in C: the same states, the
 * same log lines (tests/walkthrough/test_c.py).  State handlers first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wf.h"

/* ---- handlers-order: S000-01, 02, 06 to 13, 26, 28 ---- */

static wf_state *show(const wf_obj *o, const wf_state *old, wf_state *neu, void *arg)
{
	wf_info(wf_obj_ctx(o), "%s %s: %s -> %s", (const char *)arg, wf_name(o),
		wf_state_name(old), wf_state_name(neu));
	return neu;
}

static wf_state *second(const wf_obj *o, const wf_state *old, wf_state *neu, void *arg)
{
	(void)arg;
	if (strcmp(wf_kind(o), "task") != 0 || strcmp(wf_run_name(o), "work-0") != 0) {
		return wf_handler_error(o, "wrong object");
	}
	(void)fprintf(stderr, "second %s: %s -> %s\n", wf_name(o), wf_state_type(old),
		      wf_state_type(neu));
	return NULL;
}

WF_TASK(order_work, wf_json, .title = "work",
	.handlers = WF_HANDLERS({show, "first"}, {second}, {show, "third"}))
{
	return wf_ok_text(ctx, "ok");
}

WF_FLOW(handlers_order, .handlers = WF_HANDLERS({show, "flow"}))
{
	(void)wf_call(ctx, order_work, "{}");
	return wf_none(ctx);
}

/* ---- handlers-replace: S000-10 ---- */

static wf_state *forgive(const wf_obj *o, const wf_state *old, wf_state *neu, void *arg)
{
	(void)old;
	(void)arg;
	return wf_is_failed(neu) && wf_fail_code(neu) == 3
		   ? wf_completed(wf_obj_ctx(o), "forgiven", wf_from_i64(42))
		   : NULL;
}

static int next_sees(const wf_obj *o, const wf_state *s, void *arg)
{
	(void)arg;
	wf_info(wf_obj_ctx(o), "next sees %s %s", wf_state_name(s),
		wf_text(wf_data(s)));
	return 0;
}

static wf_state *polish(const wf_obj *o, const wf_state *old, wf_state *neu, void *arg)
{
	(void)old;
	(void)arg;
	return wf_is_completed(neu)
		   ? wf_named(wf_completed(wf_obj_ctx(o), "by hand", NULL), "Polished")
		   : neu;
}

static wf_state *veto(const wf_obj *o, const wf_state *old, wf_state *neu, void *arg)
{
	(void)old;
	(void)arg;
	return wf_is_completed(neu) && wf_as_i64(wf_data(neu)) < 5
		   ? wf_failed(wf_obj_ctx(o), "too small", NULL)
		   : NULL;
}

static wf_state *nothing(const wf_obj *o, const wf_state *old, wf_state *neu, void *arg)
{
	(void)o;
	(void)old;
	(void)neu;
	(void)arg;
	return NULL;
}

WF_TASK(forgiven, wf_json,
	.handlers = WF_HANDLERS({forgive},
				WF_CALLBACK(next_sees, wf_is_finished, NULL)))
{
	return wf_fail(ctx, 3, "Command exited with code 3");
}
WF_TASK(renamed, wf_json, .handlers = WF_HANDLERS({polish}))
{
	return wf_none(ctx);
}
WF_TASK(vetoed, wf_json, .allow_failure = true, .handlers = WF_HANDLERS({veto}))
{
	return wf_ok_i64(ctx, 1);
}
WF_TASK(kept_state, wf_json, .title = "kept",
	.handlers = WF_HANDLERS({nothing}, {nothing}))
{
	return wf_none(ctx);
}

WF_FLOW(replace)
{
	wf_fut *a = wf_call(ctx, forgiven, "{}");

	(void)wf_call(ctx, renamed, "{}");
	(void)wf_call(ctx, vetoed, "{}");
	(void)wf_call(ctx, kept_state, "{}");
	return wf_ok(ctx, wf_get(a));
}

static wf_state *again(const wf_obj *o, const wf_state *old, wf_state *neu, void *arg)
{
	(void)arg;
	(void)o;
	/* the state before: Running */
	return wf_is_finished(neu) ? (wf_state *)(uintptr_t)old : NULL;
}

WF_TASK(forbidden_work, wf_json, .title = "work",
	.handlers = WF_HANDLERS({.fn = again, .name = "again"}))
{
	return wf_none(ctx);
}

WF_FLOW(replace_forbidden)
{
	(void)wf_call(ctx, forbidden_work, "{}");
	return wf_none(ctx);
}

/* ---- handlers-retry, callback: S000-20, 21, 27, 30 to 32 ---- */

static int retry_at(const wf_obj *o, const wf_state *s, void *arg)
{
	(void)arg;
	wf_info(wf_obj_ctx(o), "retry of %s in %.1f s at %s", wf_run_name(o),
		wf_scheduled_in(s), wf_scheduled_time(s));
	return 0;
}

static int gave_up(const wf_obj *o, const wf_state *s, void *arg)
{
	(void)arg;
	wf_info(wf_obj_ctx(o), "gave up on %s: %s", wf_run_name(o), wf_message(s));
	return 0;
}

static bool awaits_retry(const wf_state *s)
{
	return wf_is(s, "AwaitingRetry");
}

WF_TASK(retry_flaky, wf_json, .title = "flaky", .retries = 2, .retry_delay = 1,
	.handlers = WF_HANDLERS(WF_CALLBACK(retry_at, awaits_retry, NULL),
				WF_CALLBACK(gave_up, wf_is_failed, NULL)))
{
	return wf_fail(ctx, 1, "Command exited with code 1");
}

WF_FLOW(handlers_retry)
{
	(void)wf_call(ctx, retry_flaky, "{}");
	return wf_none(ctx);
}

static int tell(const wf_obj *o, const wf_state *s, void *arg)
{
	(void)arg;
	wf_info(wf_obj_ctx(o), "retry of %s in %.1f s", wf_run_name(o),
		wf_scheduled_in(s));
	return 0;
}

static int say(const wf_obj *o, const wf_state *s, void *arg)
{
	wf_info(wf_obj_ctx(o), "%s %s", (const char *)arg, wf_state_name(s));
	return 0;
}

static bool odd(const wf_state *s)
{
	return (wf_is_failed(s) || awaits_retry(s)) && !wf_is(s, "TimedOut");
}

WF_TASK(callback_flaky, wf_json, .title = "flaky", .retries = 1, .retry_delay = 1,
	.handlers = WF_HANDLERS(WF_CALLBACK(tell, awaits_retry, NULL),
				WF_CALLBACK(say, wf_is_failed, "counted"),
				WF_CALLBACK(say, odd, "counted"),
				WF_CALLBACK(say, wf_is_finished, "inline")))
{
	return wf_attempt(ctx) >= 2 ? wf_none(ctx)
				    : wf_fail(ctx, 1, "Command exited with code 1");
}

WF_FLOW(callback)
{
	(void)wf_call(ctx, callback_flaky, "{}");
	return wf_none(ctx);
}

/* ---- handlers-fail: S000-17, 18 ---- */

static bool to_running(const wf_state *s)
{
	return wf_is(s, "Running");
}

static int pager(const wf_obj *o, const wf_state *s, void *arg)
{
	(void)o;
	(void)s;
	(void)arg;
	(void)fputs("cannot reach the pager\n", stderr);
	exit(1);
}

static int later(const wf_obj *o, const wf_state *s, void *arg)
{
	(void)s;
	wf_info(wf_obj_ctx(o), "%s", (const char *)arg);
	return 0;
}

static int leave(const wf_obj *o, const wf_state *s, void *arg)
{
	(void)o;
	(void)s;
	(void)arg;
	exit(1);
}

static void hook_ran(const wf_obj *o, const wf_state *s)
{
	(void)s;
	wf_info(wf_obj_ctx(o), "hook ran");
}

WF_TASK(paged_work, wf_json, .title = "work",
	.handlers = WF_HANDLERS({.check = to_running, .name = "pager", .action = pager},
				WF_CALLBACK(later, to_running, "later handler")),
	.hooks = {.on_failure = WF_HOOKS(hook_ran)})
{
	(void)puts("body ran");
	return wf_none(ctx);
}
WF_FLOW(fail_at_running, .log_prints = WF_YES)
{
	(void)wf_call(ctx, paged_work, "{}");
	return wf_none(ctx);
}

static int saw(const wf_obj *o, const wf_state *s, void *arg)
{
	(void)arg;
	wf_info(wf_obj_ctx(o), "saw %s", wf_state_name(s));
	return 0;
}

WF_TASK(end_work, wf_json, .title = "work", .retries = 2,
	.handlers = WF_HANDLERS(WF_CALLBACK(leave, wf_is_completed, NULL),
				WF_CALLBACK(saw, wf_is_failed, NULL)))
{
	(void)puts("body ran");
	return wf_none(ctx);
}
WF_FLOW(fail_at_end, .log_prints = WF_YES)
{
	(void)wf_call(ctx, end_work, "{}");
	return wf_none(ctx);
}

WF_TASK(plain_work, wf_json, .title = "work")
{
	return wf_none(ctx);
}
WF_FLOW(fail_flow_handler,
	.handlers = WF_HANDLERS(WF_CALLBACK(leave, wf_is_completed, NULL)))
{
	(void)wf_call(ctx, plain_work, "{}");
	return wf_none(ctx);
}

WF_TASK(tolerated_work, wf_json, .title = "work",
	.handlers = WF_HANDLERS(
	    {.check = wf_is_finished, .on_error = WF_ERROR_LOGGED, .action = leave},
	    WF_CALLBACK(later, wf_is_finished, "still called")))
{
	return wf_none(ctx);
}
WF_FLOW(tolerated)
{
	(void)wf_call(ctx, tolerated_work, "{}");
	return wf_none(ctx);
}

static int hang(const wf_obj *o, const wf_state *s, void *arg)
{
	(void)o;
	(void)s;
	(void)arg;
	(void)sleep(30);
	return 0;
}

WF_TASK(slow_work, wf_json, .title = "work",
	.handlers = WF_HANDLERS({.check = to_running, .timeout = 1, .action = hang}))
{
	return wf_none(ctx);
}
WF_FLOW(slow_handler)
{
	(void)wf_call(ctx, slow_work, "{}");
	return wf_none(ctx);
}

/* ---- state-data: S000-22 to 25 ---- */

static int alarm_of(const wf_obj *o, const wf_state *s, void *arg)
{
	(void)arg;
	if (wf_data(s) != NULL &&
	    strcmp(wf_str_or(wf_data(s), "mode", ""), "flood") == 0) {
		wf_info(wf_obj_ctx(o), "ALARM %s: %s, depth %lld", wf_name(o),
			wf_message(s), (long long)wf_i64(wf_data(s), "depth"));
	}
	return 0;
}

static int big(const wf_obj *o, const wf_state *s, void *arg)
{
	(void)arg;
	if (wf_as_i64(wf_data(s)) > 100) {
		wf_info(wf_obj_ctx(o), "%s gave %s", wf_name(o), wf_text(wf_data(s)));
	}
	return 0;
}

#define ALARM \
	.allow_failure = true, .handlers = WF_HANDLERS(WF_ON_FAILURE2(alarm_of, NULL))
#define BIG .handlers = WF_HANDLERS(WF_CALLBACK(big, wf_is_completed, NULL))

WF_TASK(cellar, wf_json, ALARM)
{
	return wf_fail_with(ctx, wf_obj("{mode: 'flood', depth: %d}", 3),
			    "water in the cellar");
}
WF_TASK(garage, wf_json, ALARM)
{
	return wf_fail_with(ctx, wf_obj("{mode: 'flood', depth: %d}", 1),
			    "water in the garage");
}
WF_TASK(attic, wf_json, ALARM)
{
	return wf_fail(ctx, 1, "Command exited with code 1");
}
WF_TASK(small, wf_json, BIG)
{
	return wf_ok_i64(ctx, 7);
}
WF_TASK(large, wf_json, BIG)
{
	return wf_ok_i64(ctx, 700);
}

WF_FLOW(state_data)
{
	(void)wf_call(ctx, cellar, "{}");
	(void)wf_call(ctx, garage, "{}");
	(void)wf_call(ctx, attic, "{}");
	(void)wf_call(ctx, small, "{}");
	(void)wf_call(ctx, large, "{}");
	return wf_none(ctx);
}

/* ---- on-failure: S000-33, 34 ---- */

static int page(const wf_obj *o, const wf_state *s, void *arg)
{
	(void)arg;
	wf_info(wf_obj_ctx(o), "page: %s %s is %s", wf_kind(o), wf_name(o),
		wf_state_name(s));
	return 0;
}

static int second_action(const wf_obj *o, const wf_state *s, void *arg)
{
	(void)s;
	(void)arg;
	wf_info(wf_obj_ctx(o), "second action");
	return 0;
}

WF_TASK(fine, wf_json, .on_failure = WF_CALLBACKS(page))
{
	return wf_none(ctx);
}
WF_TASK(bad, wf_json, .retries = 1, .on_failure = WF_CALLBACKS(page, second_action))
{
	return wf_fail(ctx, 1, "Command exited with code 1");
}
WF_TASK(late, wf_json, .timeout = 0.5, .on_failure = WF_CALLBACKS(page))
{
	(void)sleep(30);
	return wf_none(ctx);
}

WF_FLOW(on_failure, .on_failure = WF_CALLBACKS(page))
{
	wf_futs first = wf_list(ctx, 1, wf_submit(ctx, fine, "{}"));

	(void)wf_submit_after(ctx, first, bad, "{}");
	(void)wf_submit_after(ctx, first, late, "{}");
	return wf_none(ctx);
}

int main(int argc, char **argv)
{
	return wf_main(argc, argv);
}
