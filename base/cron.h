/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cron.h - cron expressions with croniter's semantics: five fields, optional sixth
 * (seconds), names, lists, ranges, steps, L, W-less, #, @hourly-style aliases; DAY_OR
 * switches how day of month and day of week combine.  R and H forms are refused.  Pure.
 *
 * Where croniter contradicts itself we do what the expression says: 7 is Sunday also
 * with seconds, and there is no day 0; "1 * fri#2" with DAY_OR means either (croniter:
 * both, so mostly never); a list that has the 31st does not skip the first of the month
 * after a short one.
 */
#ifndef BASE_CRON_H
#define BASE_CRON_H

#include <stdint.h>

struct cron;
struct error;

int cron_parse(const char *text, int day_or, struct cron **ret_cron, struct error *err);
void cron_free(struct cron *c); /* accepts NULL */
/* The first match strictly after LOCAL_US (naive local time as if UTC, microseconds);
 * TIME_NONE when there is none within 50 years. */
int64_t cron_next_local(const struct cron *c, int64_t local_us);

#endif
