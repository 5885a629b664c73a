/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule_plan.c - how far ahead.
 *
 * At least three runs and at least an hour; at most a hundred runs and a hundred days.
 * The next look is when fewer than three would be left, or when the hour after the last
 * one begins to be short by a step; a dense schedule is looked at when half of its runs
 * are used.
 */
#include "api/services/schedule_plan.h"

#include <stdio.h>

#include "base/timefmt.h"

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void schedule_plan(int64_t now_us, const int64_t *dates, size_t count,
		   struct schedule_plan *ret_plan)
{
	size_t n = 0;
	int64_t last, gap, check;

	while (n < count && n < PLAN_MAX_RUNS &&
	       dates[n] - now_us <= PLAN_MAX_AHEAD_US) {
		n++;
		if (n >= PLAN_MIN_RUNS && dates[n - 1] - now_us >= PLAN_MIN_AHEAD_US) {
			break;
		}
	}
	ret_plan->take = n;
	if (n < PLAN_MIN_RUNS) {
		ret_plan->check_us = now_us + PLAN_MIN_AHEAD_US;
		return;
	}
	last = dates[n - 1];
	gap = last - dates[n - 2];
	check = smaller(dates[n - PLAN_MIN_RUNS], last + gap - PLAN_MIN_AHEAD_US);
	if (last - now_us < PLAN_MIN_AHEAD_US) {
		check = now_us + (last - now_us) / 2;
	}
	if (check < now_us + PLAN_LOOK_US) {
		check = now_us + smaller(PLAN_LOOK_US, (last - now_us) / 2);
	}
	ret_plan->check_us = check;
}

const char *schedule_key_time(int64_t at_us, char *buf, size_t size)
{
	struct civil c;

	civil_from_us(at_us, &c);
	if (c.us != 0) {
		(void)snprintf(buf, size, "%04d-%02d-%02d %02d:%02d:%02d.%06d+00:00",
			       c.year, c.month, c.day, c.hour, c.minute, c.second,
			       c.us);
	} else {
		(void)snprintf(buf, size, "%04d-%02d-%02d %02d:%02d:%02d+00:00", c.year,
			       c.month, c.day, c.hour, c.minute, c.second);
	}
	return buf;
}
