/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule.h - the instants of a deployment schedule: interval, cron or rrule.  Pure.
 *
 * The JSON is the API's schedule object; which of "interval", "cron" and "rrule" is
 * present tells the kind, and no key of another kind is accepted.
 *
 * interval  sub-day parts are absolute time, whole days are local calendar days of
 * TIMEZONE, so that a daily run keeps its wall clock across a change of daylight
 * saving. cron      matched on naive local time; a local hour that happens twice fires
 * once, a local time that does not exist is shifted forward. rrule     FREQ SECONDLY to
 * YEARLY with the usual BY parts, DTSTART, RDATE and EXDATE lines.
 */
#ifndef BASE_SCHEDULE_H
#define BASE_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct error;
struct schedule; /* opaque, immutable */

enum schedule_kind { SCHEDULE_INTERVAL = 1, SCHEDULE_CRON, SCHEDULE_RRULE };

#define SCHEDULE_STEPS_MAX 1000 /* iterations per call of schedule_next */

/* -ERR_INVALID with a message that names the field.  An absent anchor_date means the
 * epoch here: store what schedule_normalised() returns to pin it. */
int schedule_from_json(const json_t *obj, struct schedule **ret_schedule,
		       struct error *err);
void schedule_free(struct schedule *s); /* accepts NULL */

/*
 * Checks OBJ and returns it with all defaults written out, as it is stored and
 * answered: anchor_date (NOW_US when absent), timezone (from the anchor's zone, else
 * UTC; for cron it stays null), day_or, and the DTSTART of a rule that has none.  New
 * reference, or NULL.
 */
json_t *schedule_normalised(const json_t *obj, int64_t now_us, struct error *err);

enum schedule_kind schedule_kind(const struct schedule *s);
/* "IntervalSchedule", "CronSchedule", "RRuleSchedule". */
const char *schedule_class_name(const struct schedule *s);

/*
 * Writes up to MAX instants at or after AFTER_US, ascending, without duplicates.
 * *ret_count may be smaller, also 0: the rule is exhausted, or SCHEDULE_STEPS_MAX was
 * reached.
 */
int schedule_next(const struct schedule *s, int64_t after_us, int64_t *out, size_t max,
		  size_t *ret_count, struct error *err);

#endif
