/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule_plan.h - how far ahead the runs of one schedule are made, and when to look
 * again. Pure.
 */
#ifndef API_SERVICES_SCHEDULE_PLAN_H
#define API_SERVICES_SCHEDULE_PLAN_H

#include <stddef.h>
#include <stdint.h>

#define PLAN_MIN_RUNS     3
#define PLAN_MAX_RUNS     100
#define PLAN_MIN_AHEAD_US (3600LL * 1000000)
#define PLAN_MAX_AHEAD_US (100LL * 86400 * 1000000)
#define PLAN_LOOK_US      (60LL * 1000000) /* never look again sooner */

struct schedule_plan {
	size_t take;      /* so many of the dates become runs */
	int64_t check_us; /* look at the schedule again at this instant */
};

/* DATES are ascending instants at or after NOW_US, COUNT <= PLAN_MAX_RUNS. */
void schedule_plan(int64_t now_us, const int64_t *dates, size_t count,
		   struct schedule_plan *ret_plan);
/* "2026-08-01 12:00:00+00:00": the nominal time in the idempotency key (P21). */
const char *schedule_key_time(int64_t at_us, char *buf, size_t size);

#endif
