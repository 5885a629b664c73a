/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timefmt.h - instants as text: ISO 8601 / RFC 3339 in and out, civil calendar
 * arithmetic.
 *
 * Instants are Unix microseconds.  TIME_NONE stands for null.
 */
#ifndef BASE_TIMEFMT_H
#define BASE_TIMEFMT_H

#include <stddef.h>
#include <stdint.h>

#define TIME_NONE      INT64_MIN
#define TIME_TEXT_SIZE 40

struct error;

struct civil {
	int year, month, day; /* 1-based month and day */
	int hour, minute, second;
	int us;
};

/*
 * Accepts YYYY-MM-DD[T or space]HH:MM[:SS[.fraction]][Z|+HH:MM|+HHMM|+HH] and a bare
 * date; naive is UTC; fraction is cut at 6 digits.  Years 1 to 9999, also once moved to
 * UTC; no leap second, no 24:00.  *ret_offset_s (may be NULL) gets the offset,
 * *ret_naive (may be NULL) whether there was none.
 */
int time_parse(const char *text, int64_t *ret_at_us, int *ret_offset_s, int *ret_naive,
	       struct error *err);
/* "2026-08-01T12:00:00.123456Z"; the fraction is left out when zero.  Returns BUF. */
const char *time_format(int64_t at_us, char *buf, size_t size);
/* "2026-08-01 12:00:00.123": for people, UTC plus OFFSET_S. */
const char *time_format_log(int64_t at_us, int offset_s, char *buf, size_t size);
/* "5 minutes ago", "in 3 seconds". */
const char *time_format_relative(int64_t at_us, int64_t now_us, char *buf, size_t size);

/* As if UTC; fields are normalised (month 14 is February of the next year).  What no
 * int64 can hold becomes INT64_MAX or INT64_MIN + 1. */
int64_t civil_to_us(const struct civil *c);
void civil_from_us(int64_t at_us, struct civil *ret_civil);
int civil_weekday(int year, int month, int day); /* 0 = Sunday */
int civil_month_days(int year, int month);
/* strftime subset on UTC civil time: %a %A %b %B %d %e %f %H %I %j %m %M %p %S %y %Y %Z
 * %z %% %w %F %T.  Returns length, -ERR_INVALID for an unknown directive (a lone % at
 * the end too), or -ERR_TOO_LARGE when it does not fit.  Fields are normalised first.
 */
int civil_strftime(char *buf, size_t size, const char *fmt, const struct civil *c);

#endif
