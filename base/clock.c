/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.c - the only file that reads a clock or sleeps.
 */
#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/error.h"

static int64_t read_us(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0) {
		BUG("clock_gettime(%d): %s", (int)id, strerror(errno));
	}
	return (int64_t)ts.tv_sec * CLOCK_US_PER_S + ts.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
	/* not MONOTONIC, which stands still while the host is suspended: leases end */
	return read_us(CLOCK_BOOTTIME);
}

int64_t clock_mono_ms(void)
{
	return clock_mono_us() / CLOCK_US_PER_MS;
}

int64_t clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

void clock_sleep_ms(int64_t ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};

	if (ms > 0) {
		(void)nanosleep(&ts, NULL);
	}
}
