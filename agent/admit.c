/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit.c - see admit.h.
 */
#include "agent/admit.h"

#include <stdio.h>

#define MIB   (1024.0 * 1024.0)
#define CLEAR 0.1 /* by so much of the limit a value has to be better to open again */

void admit_init(struct admit *a, const struct admit_limits *limits)
{
	*a = (struct admit){
	    .limits = *limits,
	    .last = {ADMIT_UNKNOWN, ADMIT_UNKNOWN, ADMIT_UNKNOWN, ADMIT_UNKNOWN}};
}

int admit_is_open(const struct admit *a)
{
	return a->why == ADMIT_OK;
}

/* What is wrong; SLACK 0 for closing, CLEAR for staying closed. */
static enum admit_why judge(const struct admit_limits *l, const struct admit_sample *s,
			    double slack)
{
	if (l->min_free_bytes > 0 && s->free_bytes >= 0 &&
	    s->free_bytes < (double)l->min_free_bytes * (1 + slack)) {
		return ADMIT_MEMORY;
	}
	if (l->max_stall_pct > 0 && s->mem_stalled > l->max_stall_pct * (1 - slack)) {
		return ADMIT_PRESSURE;
	}
	if (l->max_load > 0 && s->load > l->max_load * (1 - slack)) {
		return ADMIT_LOAD;
	}
	return ADMIT_OK;
}

int admit_feed(struct admit *a, const struct admit_sample *sample, int64_t now_ms)
{
	enum admit_why before = a->why, now = judge(&a->limits, sample, 0);

	a->last = *sample;
	if (before == ADMIT_OK) {
		a->why = now;
		a->calm_since_ms = INT64_MAX;
		return now != ADMIT_OK;
	}
	if (judge(&a->limits, sample, CLEAR) != ADMIT_OK) {
		a->calm_since_ms = INT64_MAX;
		a->why = now != ADMIT_OK ? now : before;
		return a->why != before;
	}
	if (a->calm_since_ms == INT64_MAX) {
		a->calm_since_ms = now_ms;
	}
	if (now_ms - a->calm_since_ms >= ADMIT_CALM_MS) {
		a->why = ADMIT_OK;
	}
	return a->why != before;
}

void admit_describe(const struct admit *a, char *buf, size_t size)
{
	const struct admit_limits *l = &a->limits;

	switch (a->why) {
	case ADMIT_LOAD:
		(void)snprintf(buf, size, "load %.2f, --max-load is %.2f", a->last.load,
			       l->max_load);
		break;
	case ADMIT_MEMORY:
		(void)snprintf(
		    buf, size, "%.0f MiB of memory are free, --min-free-memory is %.0f",
		    a->last.free_bytes / MIB, (double)l->min_free_bytes / MIB);
		break;
	case ADMIT_PRESSURE:
		(void)snprintf(
		    buf, size,
		    "tasks stall for memory %.1f %% of the time, the limit is %.0f %%",
		    a->last.mem_stalled, l->max_stall_pct);
		break;
	case ADMIT_OK:
	default:
		(void)snprintf(buf, size, "open");
		break;
	}
}
