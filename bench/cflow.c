/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cflow.c - C flows whose tasks are functions, and their floor.
 *
 *	cflow floor COUNT WIDTH         bare fork and wait: processes per second
 *	cflow floor-fibo COUNT N WIDTH  the same with fibo(N) in each: seconds
 *	cflow fibo N                    computes it, as a command
 *	cflow run light -p count=N      N light tasks, 10 at a time: seconds
 *	cflow run fibos -p count=C -p n=N
 *	cflow run chain -p count=C -p n=N
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "wf.h"

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int64_t fibo_of(int64_t n)
{
	return n < 2 ? n : fibo_of(n - 1) + fibo_of(n - 2);
}

WF_TASK(light_task, wf_json)
{
	return wf_ok(ctx, wf_at(in, "i"));
}

WF_TASK(fibo, wf_json)
{
	return wf_ok_i64(ctx, fibo_of(wf_i64(in, "n")));
}

static wf_json counted(wf_ctx *ctx, int64_t count)
{
	wf_json list = wf_arr(ctx);
	int64_t i;

	for (i = 0; i < count; i++) {
		wf_push(list, wf_from_i64(i));
	}
	return list;
}

/* Seconds from the first submission to the last end. */
static wf_ret timed_map(wf_ctx *ctx, const wf_task *t, wf_json in, int64_t count)
{
	double start = now();
	wf_futs futs = wf_map(ctx, t, WF_EACH("i", counted(ctx, count)),
			      WF_CONST("n", wf_has(in, "n") ? wf_at(in, "n") : NULL));

	(void)wf_wait_all(&futs, -1);
	return wf_ok_f64(ctx, now() - start);
}

WF_FLOW(light, .params = "{count: integer = 400}", .task_runner = WF_PROCS(10))
{
	return timed_map(ctx, light_task, in, wf_i64(in, "count"));
}

WF_FLOW(fibos, .params = "{count: integer = 10, n: integer = 33}",
	.task_runner = WF_PROCS(2))
{
	return timed_map(ctx, fibo, in, wf_i64(in, "count"));
}

/* One after the other, each called and waited for. */
WF_FLOW(chain, .params = "{count: integer = 40, n: integer = 10}")
{
	double start = now();
	int64_t i;

	for (i = 0; i < wf_i64(in, "count"); i++) {
		(void)wf_get(wf_call(ctx, fibo, "{n: %J}", wf_at(in, "n")));
	}
	return wf_ok_f64(ctx, now() - start);
}

/* ---- the floor ---- */

static double bare(long count, long width, int64_t n)
{
	long started = 0, running = 0;
	double start = now();

	while (started < count || running > 0) {
		while (running < width && started < count) {
			pid_t pid = fork();

			if (pid == 0) {
				_exit(n > 0 ? (int)(fibo_of(n) & 1) : 0);
			}
			if (pid < 0) {
				return -1;
			}
			started++;
			running++;
		}
		if (wait(NULL) > 0) {
			running--;
		}
	}
	return now() - start;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "floor") == 0) {
		long count = strtol(argv[2], NULL, 10);

		(void)printf("%.1f\n",
			     (double)count / bare(count, strtol(argv[3], NULL, 10), 0));
		return 0;
	}
	if (argc == 5 && strcmp(argv[1], "floor-fibo") == 0) {
		(void)printf("%.4f\n",
			     bare(strtol(argv[2], NULL, 10), strtol(argv[4], NULL, 10),
				  strtol(argv[3], NULL, 10)));
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "fibo") == 0) {
		(void)printf("%lld\n", (long long)fibo_of(strtol(argv[2], NULL, 10)));
		return 0;
	}
	return wf_main(argc, argv);
}
