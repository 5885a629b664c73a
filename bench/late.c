/* SPDX-License-Identifier: Apache-2.0 */
/*
 * late.c - tasks that are stopped by a timeout, and say when.
 *
 *	late mark FILE                          as a command
 *	late run functions -p file=FILE         20 functions, one after the other
 *
 * Each appends a line: milliseconds from its first statement to the signal.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wf.h"

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int mark(const char *path)
{
	double start = now_ms(), end;
	sigset_t term;
	FILE *f;

	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &term, NULL);
	(void)sigwaitinfo(&term, NULL);
	end = now_ms();
	f = path != NULL ? fopen(path, "ae") : NULL;
	if (f == NULL) {
		return 1;
	}
	(void)fprintf(f, "%.3f\n", end - start);
	return fclose(f) != 0;
}

WF_TASK(late_function, wf_json, .timeout = 0.1)
{
	(void)mark(wf_str(in, "file"));
	return wf_ok(ctx, NULL);
}

WF_FLOW(functions, .params = "{file: string, count: integer = 20}")
{
	int64_t i;

	for (i = 0; i < wf_i64(in, "count"); i++) {
		(void)wf_wait(
		    wf_submit(ctx, late_function, "{file: %J}", wf_at(in, "file")), -1);
	}
	return wf_ok(ctx, NULL);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "mark") == 0) {
		return mark(argv[2]);
	}
	return wf_main(argc, argv);
}
