/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rrule.h - recurrence rules (RFC 5545) on naive local time, with dateutil's semantics.
 *
 * Text: one line "FREQ=..." or "RRULE:FREQ=...", or several lines of DTSTART, RRULE,
 * RDATE, EXRULE and EXDATE.  Times are naive: a zone or a Z in the text is read over,
 * digits count in the schedule's zone.  Without DTSTART rules start at
 * 2020-01-01T00:00:00.  Pure.
 *
 * Supported: FREQ YEARLY to SECONDLY, INTERVAL, COUNT, UNTIL, WKST, BYMONTH,
 * BYMONTHDAY, BYYEARDAY, BYWEEKNO, BYDAY (with numbers), BYHOUR, BYMINUTE, BYSECOND,
 * BYSETPOS.
 */
#ifndef BASE_RRULE_H
#define BASE_RRULE_H

#include <stdint.h>

struct error;
struct rrule;
struct rrule_iter;

int rrule_parse(const char *text, struct rrule **ret_rule, struct error *err);
void rrule_free(struct rrule *r); /* accepts NULL */
int rrule_has_start(const struct rrule *r);
/* The DTSTART that is written to a rule without one: 2020-01-01, or for a lone SECONDLY
 * or MINUTELY rule without COUNT the latest instant in phase with that, at or before
 * NOW. */
int64_t rrule_default_start(const struct rrule *r, int64_t now_local_us);

/* Occurrences at or after FROM, ascending, without duplicates; then TIME_NONE.  An
 * iterator gives up (TIME_NONE) after RRULE_WORK_MAX periods without an occurrence. */
#define RRULE_WORK_MAX 200000
struct rrule_iter *rrule_iter_new(const struct rrule *r, int64_t from_local_us);
int64_t rrule_iter_next(struct rrule_iter *it);
void rrule_iter_free(struct rrule_iter *it); /* accepts NULL */

#endif
