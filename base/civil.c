/* SPDX-License-Identifier: Apache-2.0 */
/*
 * civil.c - the proleptic Gregorian calendar (declared in timefmt.h).
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/timefmt.h"

#define DAY_US        (86400 * CLOCK_US_PER_S)
#define DAYS_OF_ERA   146097 /* 400 years */
#define DAYS_TO_EPOCH 719468 /* 0000-03-01 to 1970-01-01 */

static const char *const day_names[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
					 "Thursday", "Friday", "Saturday"};
static const char *const month_names[12] = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/*
 * Days since 1970-01-01.  Years start in March here, so that the leap day is the last
 * one; (153 m + 2) / 5 is the day of such a year on which its month m starts.
 */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
	int64_t months = year * 12 + (month - 1) - 2;
	int64_t y = floor_div(months, 12);
	int64_t m = months - y * 12;
	int64_t era = floor_div(y, 400);
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * m + 2) / 5 + day - 1;

	return era * DAYS_OF_ERA + yoe * 365 + yoe / 4 - yoe / 100 + doy -
	       DAYS_TO_EPOCH;
}

int64_t civil_to_us(const struct civil *c)
{
	int64_t days = days_from_civil(c->year, c->month, c->day);
	int64_t seconds = c->hour * (int64_t)3600 + c->minute * (int64_t)60 + c->second;
	int64_t us;

	if (__builtin_mul_overflow(days, DAY_US, &us) ||
	    __builtin_add_overflow(us, seconds * CLOCK_US_PER_S + c->us, &us)) {
		return days < 0 ? INT64_MIN + 1 : INT64_MAX;
	}
	return us;
}

void civil_from_us(int64_t at_us, struct civil *ret_civil)
{
	int64_t days = floor_div(at_us, DAY_US);
	int64_t in_day = (int64_t)((uint64_t)at_us - (uint64_t)days * (uint64_t)DAY_US);
	int64_t z = days + DAYS_TO_EPOCH;
	int64_t era = floor_div(z, DAYS_OF_ERA);
	int64_t doe = z - era * DAYS_OF_ERA;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int64_t month = mp < 10 ? mp + 3 : mp - 9;
	int64_t seconds = in_day / CLOCK_US_PER_S;

	*ret_civil = (struct civil){
	    .year = (int)(yoe + era * 400 + (month <= 2)),
	    .month = (int)month,
	    .day = (int)(doy - (153 * mp + 2) / 5 + 1),
	    .hour = (int)(seconds / 3600),
	    .minute = (int)(seconds / 60 % 60),
	    .second = (int)(seconds % 60),
	    .us = (int)(in_day % CLOCK_US_PER_S),
	};
}

int civil_weekday(int year, int month, int day)
{
	int64_t days =
	    days_from_civil(year, month, day) + 4; /* 1970-01-01: a Thursday */

	return (int)(days - floor_div(days, 7) * 7);
}

static int is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int civil_month_days(int year, int month)
{
	static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	PRE(month >= 1 && month <= 12);
	return days[month - 1] + (month == 2 && is_leap(year));
}

static int hour12(const struct civil *c)
{
	return c->hour % 12 == 0 ? 12 : c->hour % 12;
}

static int year_day(const struct civil *c)
{
	return (int)(days_from_civil(c->year, c->month, c->day) -
		     days_from_civil(c->year, 1, 1)) +
	       1;
}

/* One directive; returns its length, or -ERR_INVALID. */
static int put_directive(char *out, size_t size, char d, const struct civil *c)
{
	int wday = civil_weekday(c->year, c->month, c->day);

	switch (d) {
	case 'a':
		return snprintf(out, size, "%.3s", day_names[wday]);
	case 'A':
		return snprintf(out, size, "%s", day_names[wday]);
	case 'b':
		return snprintf(out, size, "%.3s", month_names[c->month - 1]);
	case 'B':
		return snprintf(out, size, "%s", month_names[c->month - 1]);
	case 'd':
		return snprintf(out, size, "%02d", c->day);
	case 'e':
		return snprintf(out, size, "%2d", c->day);
	case 'f':
		return snprintf(out, size, "%06d", c->us);
	case 'F':
		return snprintf(out, size, "%04d-%02d-%02d", c->year, c->month, c->day);
	case 'H':
		return snprintf(out, size, "%02d", c->hour);
	case 'I':
		return snprintf(out, size, "%02d", hour12(c));
	case 'j':
		return snprintf(out, size, "%03d", year_day(c));
	case 'm':
		return snprintf(out, size, "%02d", c->month);
	case 'M':
		return snprintf(out, size, "%02d", c->minute);
	case 'p':
		return snprintf(out, size, "%s", c->hour < 12 ? "AM" : "PM");
	case 'S':
		return snprintf(out, size, "%02d", c->second);
	case 'T':
		return snprintf(out, size, "%02d:%02d:%02d", c->hour, c->minute,
				c->second);
	case 'w':
		return snprintf(out, size, "%d", wday);
	case 'y':
		return snprintf(out, size, "%02d", (c->year % 100 + 100) % 100);
	case 'Y':
		return snprintf(out, size, "%04d", c->year);
	case 'Z':
		return snprintf(out, size, "UTC");
	case 'z':
		return snprintf(out, size, "+0000");
	case '%':
		return snprintf(out, size, "%%");
	default:
		return -ERR_INVALID;
	}
}

int civil_strftime(char *buf, size_t size, const char *fmt, const struct civil *c)
{
	struct civil norm;
	size_t at = 0;

	civil_from_us(civil_to_us(c), &norm);
	for (; *fmt != '\0'; fmt++) {
		int n = 1;

		if (*fmt == '%') {
			fmt++;
			n = put_directive(buf + at, size - at, *fmt, &norm);
			if (n < 0) {
				return n;
			}
		} else if (at < size) {
			buf[at] = *fmt;
		}
		at += (size_t)n;
		if (at >= size || at > INT_MAX) {
			return -ERR_TOO_LARGE;
		}
	}
	if (at >= size) {
		return -ERR_TOO_LARGE;
	}
	buf[at] = '\0';
	return (int)at;
}
