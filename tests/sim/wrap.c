/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wrap.c - clocks and randomness of the world, behind the system calls that base/ makes
 * (linked with --wrap).
 */
#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "tests/sim/sim.h"
#include "tests/sim/wrap.h"

#define MONO_BASE_US (1000 * SIM_S)
#define PPM          1000000
#define WALL_BASE_US (1800000000LL * SIM_S)

int sim_clock_is_suspended;

static int64_t drifted_us(const struct sim_node *node)
{
	return node != NULL ? sim_now_us + sim_now_us * node->drift_ppm / PPM
			    : sim_now_us;
}

int64_t sim_mono_us(const struct sim_node *node)
{
	return drifted_us(node) + MONO_BASE_US + (node != NULL ? node->mono_off_us : 0);
}

int64_t sim_mono_ms(const struct sim_node *node)
{
	return sim_mono_us(node) / SIM_MS;
}

int64_t sim_wall_us(const struct sim_node *node)
{
	return drifted_us(node) + WALL_BASE_US + (node != NULL ? node->wall_off_us : 0);
}

int64_t sim_true_us(const struct sim_node *node, int64_t us)
{
	return node == NULL || us <= 0
		   ? us
		   : us * PPM / (PPM + node->drift_ppm) + (node->drift_ppm != 0);
}

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t us =
	    id == CLOCK_REALTIME ? sim_wall_us(sim_node) : sim_mono_us(sim_node);

	if ((id == CLOCK_MONOTONIC ||
	     (id == CLOCK_BOOTTIME && sim_clock_is_suspended)) &&
	    sim_node != NULL) {
		us -= sim_node->suspended_us; /* BOOTTIME does not stand still */
	}
	ts->tv_sec = us / SIM_S;
	ts->tv_nsec = us % SIM_S * 1000;
	return 0;
}

ssize_t __wrap_getrandom(void *dst, size_t len, unsigned int flags)
{
	unsigned char *p = dst;
	uint64_t r = 0;

	(void)flags;
	for (size_t i = 0; i < len; i++) {
		if (i % 8 == 0) {
			r = rnd();
		}
		p[i] = (unsigned char)(r >> (8 * (i % 8)));
	}
	return (ssize_t)len;
}
