/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit_math.c - the arithmetic of server-contract 2.13.
 */
#include "api/routes/limit_math.h"

#include <math.h>

#include "base/compiler.h"
#include "base/timefmt.h"

#define WAIT_MAX_S      30.0 /* longest estimate of an ordinary limit */
#define WAIT_MAX_TAG_S  10.0 /* of a tag's limit */
#define OCCUPANCY_MIN_S 0.1
#define JITTER          0.3

static double elapsed_s(const struct limit_state *l, int64_t now_us)
{
	if (l->decayed_at_us == TIME_NONE || now_us < l->decayed_at_us) {
		return 0;
	}
	return (double)(now_us - l->decayed_at_us) / 1e6;
}

static double wait_max_s(const struct limit_state *l)
{
	return l->is_tag ? WAIT_MAX_TAG_S : WAIT_MAX_S;
}

double limit_usage(const struct limit_state *l, int64_t now_us)
{
	if (l->decay <= 0) {
		return (double)l->held;
	}
	return fmax(0, l->decayed_slots - l->decay * elapsed_s(l, now_us));
}

int64_t limit_active_slots(const struct limit_state *l, int64_t now_us)
{
	return (int64_t)ceil(limit_usage(l, now_us) - 1e-9);
}

int limit_fits(const struct limit_state *l, int64_t slots, int64_t now_us)
{
	/* a millionth of a slot: times are whole microseconds */
	return limit_usage(l, now_us) + (double)slots <= (double)l->limit + 1e-6;
}

double limit_denied(const struct limit_state *l, int64_t now_us)
{
	double occupancy =
	    fmin(fmax(l->avg_occupancy_s, OCCUPANCY_MIN_S), wait_max_s(l));
	double rate = l->decay > 0 ? l->decay : 1 / occupancy;

	return fmax(0, l->denied - floor(rate * elapsed_s(l, now_us)));
}

double limit_new_average(const struct limit_state *l, int64_t slots, double occupancy_s)
{
	double weight = 1 / (2.0 * (double)MAX_OF(l->limit, 1));
	double average = l->avg_occupancy_s;
	int64_t i;

	occupancy_s = fmax(occupancy_s, OCCUPANCY_MIN_S);
	for (i = 0; i < slots && i < 1000; i++) {
		average += occupancy_s * weight - average * weight;
	}
	return average;
}

/* Exponential distribution with this average, cut to the average +- JITTER. */
static double jittered(double average, double uniform)
{
	double low = 1 - exp(-(1 - JITTER));
	double high = 1 - exp(-(1 + JITTER));

	return -log(1 - (low + (high - low) * uniform)) * average;
}

double limit_retry_after(const struct limit_state *l, size_t count, int64_t slots,
			 int64_t now_us, double uniform)
{
	double worst = -1;
	double average = 1;
	size_t i;

	for (i = 0; i < count; i++) {
		double blocking = (double)slots + limit_denied(&l[i], now_us);
		double max_s = wait_max_s(&l[i]);

		if (l[i].decay <= 0) {
			blocking /= (double)MAX_OF(l[i].limit, 1);
		}
		if (blocking <= worst) {
			continue;
		}
		worst = blocking;
		if (l[i].decay > 0) {
			average = blocking / l[i].decay;
		} else {
			average =
			    fmin(fmin(l[i].avg_occupancy_s, max_s) * blocking, max_s);
		}
	}
	return jittered(average, uniform);
}
