/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_timefmt.c - instants as text, and the calendar.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/timefmt.h"

#define S 1000000LL

Test(timefmt, parses_every_accepted_form)
{
	static const struct {
		const char *text;
		int64_t at_us;
		int offset_s, naive;
	} cases[] = {
	    {"1970-01-01", 0, 0, 1},
	    {"1970-01-01T00:00", 0, 0, 1},
	    {"1970-01-01 00:00:01", 1 * S, 0, 1},
	    {"1970-01-01T00:00:01Z", 1 * S, 0, 0},
	    {"1970-01-01T00:00:01.5Z", 1500000, 0, 0},
	    {"1970-01-01T00:00:01.1234567899Z", 1123456, 0, 0},
	    {"1970-01-01T02:00:00+02:00", 0, 7200, 0},
	    {"1970-01-01T02:00:00+0200", 0, 7200, 0},
	    {"1970-01-01T02:00:00+02", 0, 7200, 0},
	    {"1969-12-31T18:30-05:30", 0, -19800, 0},
	    {"1969-12-31T23:59:59.999999", -1, 0, 1},
	    {"2000-02-29T12:00:00Z", 951825600 * S, 0, 0},
	    {"0001-01-01T00:00:00Z", -62135596800 * S, 0, 0},
	    {"9999-12-31T23:59:59.999999Z", 253402300799 * S + 999999, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t at_us = 1;
		int offset_s = 1;
		int naive = 7;
		int rc = time_parse(cases[i].text, &at_us, &offset_s, &naive, NULL);

		cr_assert_eq(rc, 0, "%s", cases[i].text);
		cr_assert_eq(at_us, cases[i].at_us, "%s: %lld", cases[i].text,
			     (long long)at_us);
		cr_assert_eq(offset_s, cases[i].offset_s, "%s", cases[i].text);
		cr_assert_eq(naive, cases[i].naive, "%s", cases[i].text);
	}
}

Test(timefmt, refuses_everything_else)
{
	static const char *const wrong[] = {
	    "",
	    "now",
	    "1970",
	    "1970-01",
	    "1970-1-1",
	    "19700101",
	    "1970-13-01",
	    "1970-00-01",
	    "1970-01-32",
	    "1970-02-29",
	    "1900-02-29",
	    "0000-01-01",
	    "10000-01-01",
	    "1970-01-01T",
	    "1970-01-01T1:00",
	    "1970-01-01T24:00:00",
	    "1970-01-01T00:60",
	    "1970-01-01T00:00:60Z",
	    "1970-01-01T00:00:00.Z",
	    "1970-01-01T00:00:00,5Z",
	    "1970-01-01t00:00:00Z",
	    "1970-01-01T00:00:00z",
	    "1970-01-01T00:00:00 Z",
	    "1970-01-01T00:00:00Z ",
	    " 1970-01-01",
	    "1970-01-01T00:00:00+1",
	    "1970-01-01T00:00:00+24:00",
	    "1970-01-01T00:00:00+01:60",
	    "1970-01-01T00:00:00+01:",
	    "1970-01-01T00:00:00+01:00:00",
	    "1970-01-01Z",
	    "1970-01-01+02:00",
	    "0001-01-01T00:00:00+01:00",
	    "9999-12-31T23:59:59-01:00",
	};
	struct error err;
	int64_t at_us = 5;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		cr_assert_eq(time_parse(wrong[i], &at_us, NULL, NULL, &err),
			     -ERR_INVALID, "%s", wrong[i]);
	}
	cr_assert_eq(at_us, 5);
}

Test(timefmt, formats)
{
	char buf[TIME_TEXT_SIZE];

	cr_assert_str_eq(time_format(0, buf, sizeof(buf)), "1970-01-01T00:00:00Z");
	cr_assert_str_eq(time_format(-1, buf, sizeof(buf)),
			 "1969-12-31T23:59:59.999999Z");
	cr_assert_str_eq(time_format_log(1234567, 3600, buf, sizeof(buf)),
			 "1970-01-01 01:00:01.234");
	time_format(INT64_MAX, buf, sizeof(buf));
	time_format(INT64_MIN, buf, sizeof(buf));
	time_format_log(INT64_MAX, 3600, buf, sizeof(buf));
}

Test(timefmt, relative_times)
{
	static const struct {
		int64_t diff_s;
		const char *want;
	} cases[] = {
	    {0, "just now"},
	    {-1, "1 second ago"},
	    {3, "in 3 seconds"},
	    {-59, "59 seconds ago"},
	    {-60, "1 minute ago"},
	    {-300, "5 minutes ago"},
	    {7200, "in 2 hours"},
	    {-86400, "1 day ago"},
	    {-86400 * 13, "1 week ago"},
	    {86400 * 60, "in 2 months"},
	    {-86400 * 800, "2 years ago"},
	};
	char buf[TIME_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		time_format_relative(1000000 * S + cases[i].diff_s * S, 1000000 * S,
				     buf, sizeof(buf));
		cr_assert_str_eq(buf, cases[i].want);
	}
	time_format_relative(INT64_MAX, INT64_MIN, buf, sizeof(buf));
}

/* Every day of 800 years, against the C library. */
Test(timefmt, calendar_agrees_with_libc)
{
	for (int64_t day = -150000; day < 142000; day++) {
		time_t t = (time_t)(day * 86400);
		struct civil c;
		struct tm tm;

		gmtime_r(&t, &tm);
		civil_from_us(day * 86400 * S, &c);
		cr_assert(c.year == tm.tm_year + 1900 && c.month == tm.tm_mon + 1 &&
			      c.day == tm.tm_mday,
			  "day %lld", (long long)day);
		cr_assert_eq(civil_to_us(&c), day * 86400 * S);
		cr_assert_eq(civil_weekday(c.year, c.month, c.day), tm.tm_wday);
	}
}

Test(timefmt, civil_fields_are_normalised)
{
	struct civil c = {
	    .year = 2026, .month = 14, .day = 30, .hour = 25, .minute = -1};
	char buf[32];

	civil_from_us(civil_to_us(&c), &c);
	cr_assert_gt(civil_strftime(buf, sizeof(buf), "%F %T", &c), 0);
	cr_assert_str_eq(buf, "2027-03-03 00:59:00");
	c = (struct civil){.year = 2147483647, .month = 1, .day = 1};
	cr_assert_eq(civil_to_us(&c), INT64_MAX);
	c.year = -2147483647;
	cr_assert_eq(civil_to_us(&c), INT64_MIN + 1);
	cr_assert_eq(civil_month_days(2000, 2), 29);
	cr_assert_eq(civil_month_days(1900, 2), 28);
}

Test(timefmt, strftime_directives)
{
	struct civil c = {.year = 2026,
			  .month = 8,
			  .day = 1,
			  .hour = 0,
			  .minute = 5,
			  .second = 9,
			  .us = 1234};
	char buf[256];

	cr_assert_gt(
	    civil_strftime(buf, sizeof(buf),
			   "%a %A %b %B %d %e %f %H %I %j %m %M %p %S %y %Y %Z "
			   "%z %% %w %F %T",
			   &c),
	    0);
	cr_assert_str_eq(buf,
			 "Sat Saturday Aug August 01  1 001234 00 12 213 08 05 AM 09 "
			 "26 2026 UTC +0000 % 6 2026-08-01 00:05:09");
	cr_assert_eq(civil_strftime(buf, sizeof(buf), "%Q", &c), -ERR_INVALID);
	cr_assert_eq(civil_strftime(buf, sizeof(buf), "x%", &c), -ERR_INVALID);
	cr_assert_eq(civil_strftime(buf, 5, "%Y", &c), 4);
	cr_assert_eq(civil_strftime(buf, 4, "%Y", &c), -ERR_TOO_LARGE);
	cr_assert_eq(civil_strftime(buf, 3, "abc", &c), -ERR_TOO_LARGE);
	cr_assert_eq(civil_strftime(buf, 1, "", &c), 0);
}
