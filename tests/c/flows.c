/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flows.c - flows for tests/integration/test_c_flows.py: one per thing that is looked
 * at.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wf.h"

WF_TASK(square, wf_json)
{
	int64_t n = wf_i64(in, "n");

	return wf_ok_i64(ctx, n * n);
}

WF_TASK(add, wf_json)
{
	return wf_ok_i64(ctx, wf_i64(in, "a") + wf_i64(in, "b"));
}

WF_FLOW(sums, .params = "{n: integer = 6}", .description = "a result passed on")
{
	wf_fut *a = wf_submit(ctx, square, "{n: %lld}", (long long)wf_i64(in, "n"));
	wf_fut *b = wf_submit(ctx, add, "{a: %F, b: 1}", a);

	return wf_ok(ctx, wf_get(b));
}

WF_TASK(flaky, wf_json, .retries = 2, .retry_delay = 0.1)
{
	wf_info(ctx, "attempt %d", wf_attempt(ctx));
	return wf_attempt(ctx) < 3 ? wf_fail(ctx, 3, "not yet") : wf_none(ctx);
}

WF_FLOW(retried)
{
	(void)wf_call(ctx, flaky, "{}");
	return wf_none(ctx);
}

WF_TASK(crash, wf_json)
{
	(void)raise(SIGKILL);
	return wf_none(ctx);
}

WF_TASK(leaves, wf_json)
{
	exit(7);
}

WF_TASK(slow, wf_json, .timeout = 0.2, .grace = 0.1)
{
	(void)sleep(60);
	return wf_none(ctx);
}

WF_FLOW(deaths)
{
	wf_futs all = wf_list(ctx, 3, wf_submit(ctx, crash, "{}"),
			      wf_submit(ctx, leaves, "{}"), wf_submit(ctx, slow, "{}"));
	wf_json codes = wf_arr(ctx);
	size_t i;

	(void)wf_wait_all(&all, -1);
	for (i = 0; i < all.count; i++) {
		wf_push(codes, wf_from_i64(wf_fail_code(wf_state_of(all.items[i]))));
	}
	wf_info(ctx, "codes %s", wf_text(codes));
	return wf_all(ctx, &all);
}

WF_FLOW(flow_crash)
{
	(void)raise(SIGKILL);
	return wf_none(ctx);
}

WF_FLOW(not_ready)
{
	wf_fut *bad = wf_submit(ctx, crash, "{}");
	wf_fut *after = wf_submit(ctx, square, "{n: %F}", bad);

	(void)wf_submit_after(ctx, wf_list(ctx, 1, after), square, "{n: 2}");
	return wf_none(ctx);
}

WF_TASK(nested, wf_json)
{
	return wf_ok(ctx, wf_get(wf_call(ctx, square, "{n: %J}", wf_at(in, "n"))));
}

WF_TASK(inside, wf_json, .run_inline = true)
{
	return wf_ok(ctx, wf_get(wf_call(ctx, nested, "{n: %J}", wf_at(in, "n"))));
}

/* Both workers are needed for a nested call: the waiting one gives its slot away. */
WF_FLOW(deep, .task_runner = WF_PROCS(1))
{
	return wf_ok(ctx, wf_get(wf_call(ctx, inside, "{n: 4}")));
}

WF_GENERATOR(numbers, wf_json)
{
	int64_t i;

	for (i = 0; i < wf_i64(in, "count"); i++) {
		wf_yield(ctx, wf_from_i64(i));
	}
	return wf_none(ctx);
}

WF_FLOW(streamed)
{
	wf_fut *all = wf_submit(ctx, numbers, "{count: 3}");
	wf_json squares = wf_arr(ctx), v;

	while ((v = wf_next(all)) != NULL) {
		wf_push(squares, wf_get(wf_call(ctx, square, "{n: %J}", v)));
	}
	wf_push(squares, wf_get(all));
	return wf_ok(ctx, squares);
}

WF_FLOW(mapped, .params = "{n: integer = 5}")
{
	wf_json list = wf_arr(ctx), seen = wf_arr(ctx);
	wf_futs futs;
	wf_fut *f;
	int64_t i, total = 0;

	for (i = 0; i < wf_i64(in, "n"); i++) {
		wf_push(list, wf_from_i64(i));
	}
	futs = wf_map(ctx, add, WF_EACH("a", list), WF_CONST("b", wf_from_i64(100)));
	while ((f = wf_as_completed(&futs, -1)) != NULL) {
		total += wf_as_i64(wf_get(f));
		wf_push(seen, wf_get(f));
	}
	return wf_ok(ctx, wf_obj("{total: %lld, count: %d}", (long long)total,
				 (int)wf_len(seen)));
}

/* The first attempt fails behind a finished task, which is not run again. */
WF_FLOW(again, .retries = 1)
{
	wf_fut *a = wf_call(ctx, square, "{n: 3}");

	if (wf_attempt(ctx) == 1) {
		return wf_fail(ctx, 1, "the first attempt");
	}
	return wf_ok(ctx, wf_get(a));
}

WF_TASK(talker, wf_json, .log_prints = WF_YES)
{
	(void)puts("to stdout \xf0\x9f\x92\x8c");
	(void)fputs("to stderr", stderr);
	wf_warn(ctx, "a warning with %d", 5);
	wf_set_name(ctx, "renamed");
	wf_artifact_markdown(ctx, "note", "# hello");
	return wf_none(ctx);
}

WF_FLOW(talk)
{
	(void)wf_call(ctx, talker, "{}");
	return wf_none(ctx);
}

WF_TASK(named, wf_json, .run_name = "hello-{name}-on-{date:%A}")
{
	return wf_ok_text(ctx, wf_run_name(wf_self(ctx)));
}

WF_FLOW(names, .run_name = "run-of-{name}", .params = "{name: string = 'marvin'}")
{
	return wf_ok(ctx, wf_get(wf_call(ctx, named, "{name: %s, date: %s}",
					 wf_str(in, "name"), "2026-11-19T10:00:00Z")));
}

WF_FLOW(sleeper, .params = "{pidfile: string}")
{
	FILE *f = fopen(wf_str(in, "pidfile"), "we");

	if (f != NULL) {
		(void)fprintf(f, "%d\n", (int)getpid());
		(void)fclose(f);
	}
	(void)sleep(600);
	return wf_none(ctx);
}

WF_FLOW(misuse, .params = "{what: string}")
{
	const char *what = wf_str(in, "what");

	if (strcmp(what, "missing") == 0) {
		(void)wf_i64(in, "nothing");
	} else if (strcmp(what, "type") == 0) {
		(void)wf_i64(in, "what");
	} else if (strcmp(what, "void") == 0) {
		(void)wf_str(NULL, "x");
		wf_push(NULL, NULL);
	} else if (strcmp(what, "template") == 0) {
		(void)wf_call(ctx, square, "{n: }");
	} else if (strcmp(what, "length") == 0) {
		(void)wf_map(ctx, add, WF_EACH("a", wf_parse("[1, 2]")),
			     WF_EACH("b", wf_parse("[1]")));
	} else if (strcmp(what, "future") == 0) {
		(void)wf_get(NULL);
	} else if (strcmp(what, "index") == 0) {
		(void)wf_item(wf_parse("[1]"), 3);
	}
	/* nothing of this may happen, or crash */
	(void)wf_get(wf_call(ctx, square, "{n: %J}", wf_at(in, "nothing")));
	(void)strlen(wf_str(in, "nothing"));
	return wf_ok_text(ctx, "not seen");
}

static wf_ctx *kept;

WF_TASK(keeps, wf_json, .run_inline = true)
{
	kept = ctx;
	return wf_none(ctx);
}

/* What is said about the call, and goes on. */
#define SAYS(call)                                        \
	do {                                              \
		(void)(call);                             \
		wf_push(said, wf_from_text(wf_try(ctx))); \
	} while (0)

WF_FLOW(no_context)
{
	wf_json said = wf_arr(ctx);
	wf_ctx *none = NULL;

	SAYS(wf_call(none, square, "{n: 1}"));
	SAYS(wf_self(none));
	SAYS(wf_attempt(none));
	SAYS(wf_params(none));
	SAYS(wf_set_name(none, "x"));
	SAYS(wf_artifact_markdown(none, NULL, NULL));
	SAYS(wf_artifact_table(none, NULL, NULL));
	SAYS(wf_artifact_link(none, NULL, NULL, NULL));
	SAYS(wf_artifact_image(none, NULL, NULL));
	SAYS(wf_artifact_progress(none, NULL, 7));
	SAYS(wf_yield(none, NULL));
	SAYS(wf_concurrency(none, "x", 1));
	SAYS(wf_release(none, "x"));
	SAYS(wf_pause(none, NULL, 1));
	/* and after the end of its function */
	(void)wf_get(wf_call(ctx, keeps, "{}"));
	SAYS(wf_call(kept, square, "{n: 1}"));
	return wf_ok(ctx, said);
}

WF_FLOW(child, .params = "{n: integer, k: integer = 2}")
{
	return wf_ok(ctx,
		     wf_get(wf_call(ctx, square, "{n: %lld}",
				    (long long)(wf_i64(in, "n") * wf_i64(in, "k")))));
}

WF_FLOW(parent, .params = "{n: any = 3}")
{
	return wf_ok(ctx, wf_get(wf_subflow(ctx, child, "{n: %J}", wf_at(in, "n"))));
}

WF_FLOW(asks, .params = "{name: string = 'x'}")
{
	wf_info(ctx, "the secret is %s", wf_secret(ctx, "pager"));
	return wf_ok(ctx, wf_variable(ctx, wf_str(in, "name")));
}

WF_FLOW(paused)
{
	wf_json input = wf_pause(
	    ctx,
	    wf_parse("{\"type\": \"object\", \"properties\": {\"ok\": {\"type\": "
		     "\"boolean\"}}}"),
	    60);

	return wf_ok_bool(ctx, wf_flag(input, "ok"));
}

WF_FLOW(suspended)
{
	(void)wf_suspend(ctx, NULL, 60);
	return wf_ok_text(ctx, "went on");
}

/* Which hooks of a transaction ran. */
static void committed(const wf_obj *o, const wf_state *s)
{
	(void)s;
	wf_info(wf_obj_ctx(o), "commit %s", wf_run_name(o));
}

static void taken_back(const wf_obj *o, const wf_state *s)
{
	(void)s;
	wf_info(wf_obj_ctx(o), "undo %s", wf_run_name(o));
}

WF_TASK(step, wf_json, .run_name = "{name}",
	.hooks = {.on_commit = WF_HOOKS(committed),
		  .on_rollback = WF_HOOKS(taken_back)})
{
	return strcmp(wf_str(in, "name"), "bad") == 0 ? wf_fail(ctx, 1, "bad")
						      : wf_none(ctx);
}

WF_FLOW(modes, .params = "{mode: integer, commit: boolean = true, names: array}")
{
	wf_json all = wf_at(in, "names");

	wf_txn_begin_as(ctx, (enum wf_commit)wf_i64(in, "mode"));
	wf_txn_begin(ctx); /* inherits it */
	for (size_t i = 0; i < wf_len(all); i++) {
		(void)wf_get(wf_call(ctx, step, "{name: %J}", wf_item(all, i)));
	}
	wf_info(ctx, "all called");
	if (wf_flag(in, "commit")) {
		wf_txn_commit(ctx);
		wf_txn_commit(ctx);
	}
	return wf_ok(ctx, wf_null());
}

int main(int argc, char **argv)
{
	return wf_main(argc, argv);
}
