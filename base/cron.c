/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cron.c - from a local time to the next one that matches.  Parsing is cron_parse.c.
 */
#include "base/cron.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/cron_priv.h"
#include "base/timefmt.h"

#define SEARCH_YEARS 50
#define YEAR_END     9999

void cron_free(struct cron *c)
{
	free(c);
}

/* Does the n-th weekday rule ("fri#2", "L5") hold for this day? */
static int nth_matches(const struct cron *c, const struct civil *d, int weekday)
{
	int n = (d->day - 1) / 7 + 1;
	int is_last = d->day + 7 > civil_month_days(d->year, d->month);

	return (c->nth[weekday] & (1u << n)) != 0 ||
	       (is_last && (c->nth[weekday] & CRON_NTH_LAST) != 0);
}

static int day_matches(const struct cron *c, const struct civil *d)
{
	int weekday = civil_weekday(d->year, d->month, d->day);
	int is_last = d->day == civil_month_days(d->year, d->month);
	int dom = (c->days & (1u << d->day)) != 0 || (c->last_day && is_last);
	int dow = c->has_nth ? nth_matches(c, d, weekday)
			     : (c->weekdays & (1u << weekday)) != 0;

	if (c->day_or && !c->star_day && !c->star_weekday) {
		return dom || dow;
	}
	return (c->star_day || dom) && dow;
}

static int year_matches(const struct cron *c, int year)
{
	int i = year - CRON_YEAR_MIN;

	if (c->any_year) {
		return 1;
	}
	return i >= 0 && i < CRON_YEARS && (c->years[i / 64] >> (i % 64) & 1) != 0;
}

/* The lowest bit of SET from FROM on; -1 when there is none. */
static int next_bit(uint64_t set, int from)
{
	uint64_t rest = from > 63 ? 0 : set & (~(uint64_t)0 << from);

	return rest == 0 ? -1 : __builtin_ctzll(rest);
}

/* The first match on this day from D's time on; D then has it. */
static int time_matches(const struct cron *c, struct civil *d)
{
	int hour = next_bit(c->hours, d->hour);
	int minute = hour == d->hour ? d->minute : 0;
	int second = hour == d->hour ? d->second : 0;

	while (hour >= 0) {
		int m = next_bit(c->minutes, minute);
		int s;

		while (m >= 0) {
			s = next_bit(c->seconds, m == minute ? second : 0);
			if (s >= 0) {
				d->hour = hour;
				d->minute = m;
				d->second = s;
				return 1;
			}
			m = next_bit(c->minutes, m + 1);
		}
		hour = next_bit(c->hours, hour + 1);
		minute = 0;
		second = 0;
	}
	return 0;
}

static void next_day(struct civil *d)
{
	d->hour = d->minute = d->second = 0;
	d->day++;
	if (d->day > civil_month_days(d->year, d->month)) {
		d->day = 1;
		d->month++;
	}
	if (d->month > 12) {
		d->month = 1;
		d->year++;
	}
}

/* The first day of the next month, or of the next year when this one has no match. */
static void next_month(const struct cron *c, struct civil *d)
{
	d->day = civil_month_days(d->year, d->month);
	if (!year_matches(c, d->year)) {
		d->month = 12;
		d->day = 31;
	}
	next_day(d);
}

int64_t cron_next_local(const struct cron *c, int64_t local_us)
{
	int64_t second =
	    local_us / CLOCK_US_PER_S - (local_us % CLOCK_US_PER_S < 0) + 1;
	struct civil d;
	int64_t from_us;
	int end;

	if (__builtin_mul_overflow(second, CLOCK_US_PER_S, &from_us)) {
		return TIME_NONE;
	}
	civil_from_us(from_us, &d);
	end = d.year + SEARCH_YEARS;
	end = end > YEAR_END ? YEAR_END : end;
	while (d.year <= end) {
		if (!year_matches(c, d.year) || (c->months & (1u << d.month)) == 0) {
			next_month(c, &d);
		} else if (day_matches(c, &d) && time_matches(c, &d)) {
			return civil_to_us(&d);
		} else {
			next_day(&d);
		}
	}
	return TIME_NONE;
}
