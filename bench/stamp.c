/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stamp.c - a task that writes when it began to run: nanoseconds since 1970 into
 * $WF_IN_file, in one piece.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *path = getenv("WF_IN_file");
	struct timespec t;
	char part[4096];
	FILE *f;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (path == NULL ||
	    snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part) ||
	    (f = fopen(part, "we")) == NULL) {
		return 1;
	}
	(void)fprintf(f, "%lld%09ld\n", (long long)t.tv_sec, t.tv_nsec);
	if (fclose(f) != 0 || rename(part, path) != 0) {
		return 1;
	}
	if (argc > 1) {
		(void)execvp(argv[1], argv + 1);
		return 1;
	}
	return 0;
}
