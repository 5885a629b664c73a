/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor_spawn.c - the floor of running commands: posix_spawn and wait, WIDTH at a time.
 *
 *	floor_spawn COUNT WIDTH PROGRAM [ARG...]      prints processes per second
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

int main(int argc, char **argv)
{
	struct timespec a, b;
	long count, width, running = 0, started = 0;
	double seconds;

	if (argc < 4) {
		(void)fprintf(stderr,
			      "usage: floor_spawn COUNT WIDTH PROGRAM [ARG...]\n");
		return 64;
	}
	count = strtol(argv[1], NULL, 10);
	width = strtol(argv[2], NULL, 10);
	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	while (started < count || running > 0) {
		pid_t pid;

		while (running < width && started < count) {
			if (posix_spawnp(&pid, argv[3], NULL, NULL, argv + 3,
					 environ) != 0) {
				return 1;
			}
			started++;
			running++;
		}
		if (wait(NULL) > 0) {
			running--;
		}
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	(void)printf("%.1f\n", (double)count / seconds);
	return 0;
}
