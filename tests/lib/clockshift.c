/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clockshift.c - a preloaded library: the wall clock of one program goes wrong.
 *
 * The file that CLOCKSHIFT names holds microseconds (int64) which are added; a test
 * changes them while the program runs.  Clocks of durations stay true, as they do on a
 * host whose time is set.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift;
static int (*next_clock)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CLOCKSHIFT");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p = fd >= 0 ? mmap(NULL, sizeof(*shift), PROT_READ, MAP_SHARED, fd, 0)
			  : MAP_FAILED;

	shift = p != MAP_FAILED ? p : NULL;
	if (fd >= 0) {
		close(fd);
	}
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc;
	int64_t ns;

	if (next_clock == NULL) {
		*(void **)&next_clock = dlsym(RTLD_NEXT, "clock_gettime");
	}
	rc = next_clock(id, ts);
	if (rc == 0 && shift != NULL &&
	    (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
		ns = ts->tv_nsec + *shift % 1000000 * 1000;
		ts->tv_sec += *shift / 1000000 + (ns >= 1000000000) - (ns < 0);
		ts->tv_nsec = (ns + 1000000000) % 1000000000;
	}
	return rc;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (ret != NULL) {
		*ret = ts.tv_sec;
	}
	return ts.tv_sec;
}
