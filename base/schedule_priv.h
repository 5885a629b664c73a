/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule_priv.h - inside a schedule.
 */
#ifndef BASE_SCHEDULE_PRIV_H
#define BASE_SCHEDULE_PRIV_H

#include <stdint.h>

#include "base/schedule.h"

/* 0001-01-02 and 9999-12-30: a day of room for any offset. */
#define SCHEDULE_MIN_US (-62135510400LL * 1000000)
#define SCHEDULE_MAX_US (253402128000LL * 1000000)

struct cron;
struct rrule;
struct tz;

struct schedule {
	enum schedule_kind kind;
	const struct tz *tz; /* borrowed for ever */
	int64_t interval_us, anchor_us;
	struct cron *cron;
	struct rrule *rrule;
};

#endif
