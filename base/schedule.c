/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule.c - generation of schedule instants.  The JSON is schedule_json.c.
 */
#include "base/schedule.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/cron.h"
#include "base/error.h"
#include "base/rrule.h"
#include "base/schedule_priv.h"
#include "base/timefmt.h"
#include "base/tz.h"

#define DAY_US (86400 * CLOCK_US_PER_S)

/* Ascending instants without duplicates, as many as the caller wants. */
struct sink {
	int64_t *out;
	size_t max, count;
};

static void put(struct sink *sink, int64_t at_us)
{
	if (sink->count < sink->max &&
	    (sink->count == 0 || at_us > sink->out[sink->count - 1])) {
		sink->out[sink->count++] = at_us;
	}
}

void schedule_free(struct schedule *s)
{
	if (s == NULL) {
		return;
	}
	cron_free(s->cron);
	rrule_free(s->rrule);
	free(s);
}

enum schedule_kind schedule_kind(const struct schedule *s)
{
	return s->kind;
}

const char *schedule_class_name(const struct schedule *s)
{
	switch (s->kind) {
	case SCHEDULE_INTERVAL:
		return "IntervalSchedule";
	case SCHEDULE_CRON:
		return "CronSchedule";
	case SCHEDULE_RRULE:
		return "RRuleSchedule";
	}
	BUG("schedule of kind %d", (int)s->kind);
}

/* One interval later: days by the local calendar, the rest as absolute time. */
static int64_t interval_step(const struct schedule *s, int64_t at_us)
{
	int64_t days_us = s->interval_us / DAY_US * DAY_US;

	if (days_us > 0) {
		int64_t local_us = tz_us_to_local(s->tz, at_us) + days_us;

		at_us = tz_local_to_us(s->tz, local_us);
	}
	return at_us + s->interval_us % DAY_US;
}

static void interval_next(const struct schedule *s, int64_t after_us, struct sink *sink)
{
	int64_t at_us = after_us;
	int64_t steps;

	/* the jump counts in absolute time; a change of the clock on the way may leave
	 * it up to an interval short */
	steps = (after_us - s->anchor_us) / s->interval_us;
	at_us = s->anchor_us + steps * s->interval_us;
	for (int i = 0; i < SCHEDULE_STEPS_MAX && at_us < after_us; i++) {
		at_us = interval_step(s, at_us);
	}
	for (int i = 0; i <= SCHEDULE_STEPS_MAX && sink->count < sink->max; i++) {
		put(sink, at_us);
		at_us = interval_step(s, at_us);
	}
}

/* Naive local time in, naive local time out: a repeated hour has one name, so fires
 * once. */
static void cron_next(const struct schedule *s, int64_t after_us, struct sink *sink)
{
	int64_t local_us = tz_us_to_local(s->tz, after_us) - CLOCK_US_PER_S;
	int64_t part_us = (local_us % CLOCK_US_PER_S + CLOCK_US_PER_S) % CLOCK_US_PER_S;

	if (part_us != 0) {
		local_us += CLOCK_US_PER_S - part_us;
	}
	for (int i = 0; i <= SCHEDULE_STEPS_MAX && sink->count < sink->max; i++) {
		local_us = cron_next_local(s->cron, local_us);
		if (local_us == TIME_NONE) {
			return;
		}
		put(sink, tz_local_to_us(s->tz, local_us));
	}
}

/* A local time that does not exist counts with the offset that holds after the gap: it
 * comes earlier (cron's comes later), as dateutil has it. */
static int64_t rrule_instant(const struct schedule *s, int64_t local_us)
{
	int64_t at_us = tz_local_to_us(s->tz, local_us);

	return at_us - (tz_us_to_local(s->tz, at_us) - local_us);
}

/* By how much the clock changes within a day before or after an instant. */
static int64_t clock_change(const struct schedule *s, int64_t at_us)
{
	int64_t before = tz_us_to_local(s->tz, at_us - DAY_US) + 2 * DAY_US;
	int64_t after = tz_us_to_local(s->tz, at_us + DAY_US);

	return before > after ? before - after : after - before;
}

static void rrule_next(const struct schedule *s, int64_t after_us, struct sink *sink)
{
	struct rrule_iter *it;
	int64_t from_us = tz_us_to_local(s->tz, after_us), local_us;
	int64_t slack_us = clock_change(s, after_us);
	int steps = 0;

	/* near a change of the clock local order and time order differ */
	it = rrule_iter_new(s->rrule, from_us - slack_us);
	while (steps <= SCHEDULE_STEPS_MAX && sink->count < sink->max) {
		int64_t at_us;

		local_us = rrule_iter_next(it);
		if (local_us == TIME_NONE) {
			break;
		}
		steps += local_us > from_us + slack_us;
		at_us = rrule_instant(s, local_us);
		if (at_us >= after_us) {
			put(sink, at_us);
		}
	}
	rrule_iter_free(it);
}

int schedule_next(const struct schedule *s, int64_t after_us, int64_t *out, size_t max,
		  size_t *ret_count, struct error *err)
{
	struct sink sink = {.out = out, .max = max};

	if (after_us < SCHEDULE_MIN_US || after_us > SCHEDULE_MAX_US) {
		return err_set(err, ERR_INVALID,
			       "schedules are computed for the years 1 to 9999 only");
	}
	switch (s->kind) {
	case SCHEDULE_INTERVAL:
		interval_next(s, after_us, &sink);
		break;
	case SCHEDULE_CRON:
		cron_next(s, after_us, &sink);
		break;
	case SCHEDULE_RRULE:
		rrule_next(s, after_us, &sink);
		break;
	}
	*ret_count = sink.count;
	return 0;
}
