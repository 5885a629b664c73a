/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rrule_expand.c - the occurrences of one rule.
 *
 * A period (a year, a month, ... a second) gives a list of days and a set of times; its
 * occurrences are all combinations, in order, or those that BYSETPOS picks.
 * Combinations are numbered and computed one by one, so a period costs no memory.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/rrule_priv.h"

#define DAY_US   (86400 * CLOCK_US_PER_S)
#define YEAR_MAX 9999

/* Floor of A / B. */
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t unit_us(enum rule_freq freq)
{
	switch (freq) {
	case FREQ_WEEKLY:
		return 7 * DAY_US;
	case FREQ_DAILY:
		return DAY_US;
	case FREQ_HOURLY:
		return 3600 * CLOCK_US_PER_S;
	case FREQ_MINUTELY:
		return 60 * CLOCK_US_PER_S;
	case FREQ_SECONDLY:
		return CLOCK_US_PER_S;
	case FREQ_YEARLY:
	case FREQ_MONTHLY:
		break;
	}
	return 0;
}

static int64_t midnight(int64_t at_us)
{
	return floor_div(at_us, DAY_US) * DAY_US;
}

static int weekday_of(int64_t day_us)
{
	int64_t days = floor_div(day_us, DAY_US) + 4; /* 1970-01-01: a Thursday */

	return (int)(days - floor_div(days, 7) * 7);
}

static int64_t day_at(int year, int month, int day)
{
	struct civil c = {.year = year, .month = month, .day = day};

	return civil_to_us(&c);
}

/* Where period 0 starts, for the units of fixed length. */
static int64_t base_of(const struct rule *r)
{
	int64_t unit = unit_us(r->freq);
	int64_t day;

	if (r->freq == FREQ_WEEKLY) {
		day = midnight(r->start_us);
		return day - (weekday_of(day) - r->week_start + 7) % 7 * DAY_US;
	}
	return floor_div(r->start_us, unit) * unit;
}

/* The first period that may hold something at or after FROM; one too early does no
 * harm. */
static int64_t period_before(const struct rule *r, int64_t from_us)
{
	struct civil a;
	struct civil b;
	int64_t n;

	if (from_us <= r->start_us) {
		return 0;
	}
	if (r->freq == FREQ_YEARLY || r->freq == FREQ_MONTHLY) {
		civil_from_us(r->start_us, &a);
		civil_from_us(from_us, &b);
		n = b.year - a.year;
		if (r->freq == FREQ_MONTHLY) {
			n = n * 12 + b.month - a.month;
		}
	} else {
		n = floor_div(from_us - base_of(r), unit_us(r->freq));
	}
	return MAX_OF(0, n / r->interval - 1);
}

void rule_iter_init(struct rule_iter *it, const struct rule *r, int64_t from_us)
{
	memset(it, 0, sizeof(*it));
	it->rule = r;
	it->left = r->count;
	/* COUNT counts from the start, so that everything before must be walked through
	 */
	it->period = r->count >= 0 ? 0 : period_before(r, from_us);
}

/* --- the filters of a day --- */

/* Does entry N of a list (negative: from the end) mean position POS of SIZE (from 1)?
 */
static int is_at(int n, int pos, int size)
{
	return n == pos || (n < 0 && size + n + 1 == pos);
}

static int in_list(const int *list, size_t count, int pos, int size)
{
	for (size_t i = 0; i < count; i++) {
		if (is_at(list[i], pos, size)) {
			return 1;
		}
	}
	return 0;
}

/* "2MO": the second Monday of the month, or of the year when no month is named. */
static int nth_matches(const struct rule *r, const struct civil *c, int weekday,
		       int year_day, int year_size)
{
	int by_year = r->freq == FREQ_YEARLY && r->months == 0;
	int pos = by_year ? year_day : c->day;
	int size = by_year ? year_size : civil_month_days(c->year, c->month);

	for (size_t i = 0; i < r->nth_count; i++) {
		int before = (pos - 1) / 7 + 1;
		int after = (size - pos) / 7 + 1;

		if (r->nth[i].weekday == weekday &&
		    (r->nth[i].n == before || r->nth[i].n == -after)) {
			return 1;
		}
	}
	return 0;
}

/* The midnight on which week 1 of YEAR starts: the first week with four days in it. */
static int64_t first_week(int year, int week_start)
{
	int64_t jan4 = day_at(year, 1, 4);

	return jan4 - (weekday_of(jan4) - week_start + 7) % 7 * DAY_US;
}

static int week_matches(const struct rule *r, int64_t day_us, int year)
{
	int64_t start = first_week(year, r->week_start);
	int64_t next = first_week(year + 1, r->week_start);

	if (day_us < start) {
		next = start;
		start = first_week(year - 1, r->week_start);
	} else if (day_us >= next) {
		start = next;
		next = first_week(year + 2, r->week_start);
	}
	return in_list(r->weeks, r->week_count,
		       (int)((day_us - start) / (7 * DAY_US)) + 1,
		       (int)((next - start) / (7 * DAY_US)));
}

static int month_day_matches(const struct rule *r, const struct civil *c)
{
	int from_end = civil_month_days(c->year, c->month) - c->day + 1;

	return (r->days & (1u << c->day)) != 0 || (r->end_days & (1u << from_end)) != 0;
}

static int day_matches(const struct rule *r, int64_t day_us)
{
	struct civil c;
	int weekday = weekday_of(day_us);
	int year_size;
	int year_day;

	civil_from_us(day_us, &c);
	year_size = 337 + civil_month_days(c.year, 2);
	year_day = (int)((day_us - day_at(c.year, 1, 1)) / DAY_US) + 1;
	if (r->months != 0 && (r->months & (1u << c.month)) == 0) {
		return 0;
	}
	if (r->week_count > 0 && !week_matches(r, day_us, c.year)) {
		return 0;
	}
	if (r->weekdays != 0 && (r->weekdays & (1u << weekday)) == 0) {
		return 0;
	}
	if (r->nth_count > 0 && !nth_matches(r, &c, weekday, year_day, year_size)) {
		return 0;
	}
	if (r->has_days && !month_day_matches(r, &c)) {
		return 0;
	}
	return r->year_day_count == 0 ||
	       in_list(r->year_days, r->year_day_count, year_day, year_size);
}

/* --- periods --- */

static void add_days(struct rule_iter *it, int64_t first_us, int count)
{
	for (int i = 0; i < count; i++) {
		int64_t day_us = first_us + i * DAY_US;

		if (day_matches(it->rule, day_us)) {
			it->days[it->day_count++] = day_us;
		}
	}
}

/* Years and months by the calendar.  0 when time is over. */
static int expand_calendar(struct rule_iter *it)
{
	const struct rule *r = it->rule;
	struct civil c;
	int64_t month;

	civil_from_us(r->start_us, &c);
	if (it->period > (YEAR_MAX + 1LL) * 12) {
		return 0;
	}
	if (r->freq == FREQ_YEARLY) {
		int64_t year = c.year + it->period * r->interval;

		if (year > YEAR_MAX) {
			return 0;
		}
		add_days(it, day_at((int)year, 1, 1),
			 337 + civil_month_days((int)year, 2));
		return 1;
	}
	month = c.month - 1 + it->period * r->interval;
	if (c.year + month / 12 > YEAR_MAX) {
		return 0;
	}
	c.year += (int)(month / 12);
	c.month = (int)(month % 12) + 1;
	add_days(it, day_at(c.year, c.month, 1), civil_month_days(c.year, c.month));
	return 1;
}

static int has_bit(uint64_t set, int bit)
{
	return (set >> bit & 1) != 0;
}

/*
 * Hours, minutes and seconds.  When the day, hour or minute is ruled out, the periods
 * up to the next one are skipped: otherwise a rule for one second of January would walk
 * the year.
 */
static int64_t skip_to(const struct rule *r, int64_t at_us, const struct civil *c)
{
	int64_t day = midnight(at_us);

	if (!day_matches(r, day)) {
		return day + DAY_US;
	}
	if (r->hours != 0 && !has_bit(r->hours, c->hour)) {
		return day + (c->hour + 1) * 3600LL * CLOCK_US_PER_S;
	}
	if (r->freq > FREQ_HOURLY && r->minutes != 0 &&
	    !has_bit(r->minutes, c->minute)) {
		return day + ((c->hour * 60 + c->minute) + 1) * 60LL * CLOCK_US_PER_S;
	}
	if (r->freq > FREQ_MINUTELY && r->seconds != 0 &&
	    !has_bit(r->seconds, c->second)) {
		return at_us + CLOCK_US_PER_S;
	}
	return at_us;
}

static void expand_time(struct rule_iter *it, int64_t at_us)
{
	const struct rule *r = it->rule;
	int64_t step = r->interval * unit_us(r->freq);
	struct civil c;
	int64_t to_us;

	civil_from_us(at_us, &c);
	to_us = skip_to(r, at_us, &c);
	if (to_us > at_us) {
		it->period += (to_us - at_us + step - 1) / step - 1;
		return;
	}
	it->days[it->day_count++] = midnight(at_us);
	it->hours = (uint64_t)1 << c.hour;
	if (r->freq > FREQ_HOURLY) {
		it->minutes = (uint64_t)1 << c.minute;
	}
	if (r->freq > FREQ_MINUTELY) {
		it->seconds = (uint64_t)1 << c.second;
	}
}

/* The next period's days and times.  0 when time is over. */
static int expand(struct rule_iter *it)
{
	const struct rule *r = it->rule;
	int64_t at_us;

	it->at = 0;
	it->total = 0;
	it->day_count = 0;
	it->hours = r->hours;
	it->minutes = r->minutes;
	it->seconds = r->seconds;
	if (r->freq <= FREQ_MONTHLY) {
		if (!expand_calendar(it)) {
			return 0;
		}
	} else {
		if (__builtin_mul_overflow(it->period, r->interval * unit_us(r->freq),
					   &at_us) ||
		    __builtin_add_overflow(at_us, base_of(r), &at_us) ||
		    at_us > day_at(YEAR_MAX, 12, 24)) {
			return 0;
		}
		if (r->freq >= FREQ_HOURLY) {
			expand_time(it, at_us);
		} else {
			add_days(it, at_us, r->freq == FREQ_WEEKLY ? 7 : 1);
		}
	}
	it->period++;
	it->total = it->day_count * (size_t)__builtin_popcountll(it->hours) *
		    (size_t)__builtin_popcountll(it->minutes) *
		    (size_t)__builtin_popcountll(it->seconds);
	return 1;
}

/* The N-th set bit (from 0). */
static int bit_number(uint64_t set, size_t n)
{
	while (n-- > 0) {
		set &= set - 1;
	}
	return __builtin_ctzll(set);
}

static int64_t combination(const struct rule_iter *it, size_t n)
{
	size_t minutes = (size_t)__builtin_popcountll(it->minutes);
	size_t seconds = (size_t)__builtin_popcountll(it->seconds);
	size_t per_hour = minutes * seconds;
	size_t per_day = per_hour * (size_t)__builtin_popcountll(it->hours);
	int hour = bit_number(it->hours, n % per_day / per_hour);
	int minute = bit_number(it->minutes, n % per_hour / seconds);
	int second = bit_number(it->seconds, n % seconds);

	return it->days[n / per_day] +
	       ((hour * 60 + minute) * 60 + second) * CLOCK_US_PER_S;
}

static int is_picked(const struct rule_iter *it, size_t n)
{
	const struct rule *r = it->rule;

	if (r->position_count == 0) {
		return 1;
	}
	for (size_t i = 0; i < r->position_count; i++) {
		int64_t p = r->positions[i];

		if (p == (int64_t)n + 1 ||
		    (p < 0 && (int64_t)it->total + p == (int64_t)n)) {
			return 1;
		}
	}
	return 0;
}

int64_t rule_iter_next(struct rule_iter *it)
{
	const struct rule *r = it->rule;

	while (!it->done) {
		while (it->at < it->total && it->left != 0) {
			size_t n = it->at++;
			int64_t at_us;

			if (!is_picked(it, n)) {
				continue;
			}
			at_us = combination(it, n);
			if (at_us < r->start_us) {
				continue;
			}
			if (at_us > r->until_us) {
				it->done = 1;
				return TIME_NONE;
			}
			it->idle = 0;
			it->left -= it->left > 0;
			return at_us;
		}
		it->done = it->left == 0 || ++it->idle > RRULE_WORK_MAX || !expand(it);
	}
	return TIME_NONE;
}
