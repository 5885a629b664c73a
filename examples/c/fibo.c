/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fibo.c - Fibonacci numbers in parallel: one process each, as many at a time as the
 * machine has processors.
 *
 *     ./fibo run fibo -p n=30 -p count=8
 */
#include <wf.h>

static int64_t fibo_of(int64_t n)
{
	return n < 2 ? n : fibo_of(n - 1) + fibo_of(n - 2);
}

WF_TASK(compute, wf_json, .run_name = "fibo({n})")
{
	return wf_ok_i64(ctx, fibo_of(wf_i64(in, "n")));
}

WF_FLOW(fibo, .params = "{n: integer = 25, count: integer = 4}",
	.description = "Fibonacci numbers in parallel", .task_runner = WF_PROCS(4))
{
	wf_json numbers = wf_arr(ctx);
	wf_futs futs;
	wf_fut *f;
	int64_t i, sum = 0;

	for (i = 0; i < wf_i64(in, "count"); i++) {
		wf_push(numbers, wf_from_i64(wf_i64(in, "n") - i));
	}
	futs = wf_map(ctx, compute, WF_EACH("n", numbers));
	while ((f = wf_as_completed(&futs, -1)) != NULL) {
		wf_info(ctx, "%s is %s", wf_fut_name(f), wf_text(wf_get(f)));
		sum += wf_as_i64(wf_get(f));
	}
	return wf_ok_i64(ctx, sum);
}

int main(int argc, char **argv)
{
	return wf_main(argc, argv);
}
