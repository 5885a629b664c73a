/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_schedule.c - schedule instants, against a table made with the reference server.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/schedule.h"
#include "base/timefmt.h"

#define MAX 16

static const struct {
	const char *json;
	int64_t start_us;
	size_t count;
	int64_t next_us[4];
} cases[] = {
#include "tests/unit/base/schedule_cases.inc"
};

static struct schedule *load(const char *text)
{
	json_t *obj = json_parse(text, strlen(text), 10000, NULL);
	struct schedule *s = NULL;
	struct error err = {0};

	cr_assert_not_null(obj, "%s", text);
	cr_assert_eq(schedule_from_json(obj, &s, &err), 0, "%s: %s", text, err.msg);
	json_decref(obj);
	return s;
}

Test(schedule, agrees_with_the_table)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct schedule *s = load(cases[i].json);
		int64_t out[4] = {0};
		size_t count = 9;

		cr_expect_eq(schedule_next(s, cases[i].start_us, out, 4, &count, NULL),
			     0);
		cr_expect_eq(count, cases[i].count, "%s from %lld: %zu instants",
			     cases[i].json, (long long)cases[i].start_us, count);
		for (size_t k = 0; k < count && k < cases[i].count; k++) {
			cr_expect_eq(out[k], cases[i].next_us[k],
				     "%s from %lld, %zu: %lld", cases[i].json,
				     (long long)cases[i].start_us, k,
				     (long long)out[k]);
		}
		schedule_free(s);
	}
}

/* A line of the table: JSON, start, instants.  1 when what we compute is the same. */
static int line_agrees(char *line, int number)
{
	char *cell = strtok(line, "\t"), *save = cell;
	struct schedule *s = load(cell);
	int64_t want[4], out[4] = {0}, start_us;
	size_t n = 0, count = 9;
	int same;

	start_us = strtoll(strtok(NULL, "\t"), NULL, 10);
	while (n < 4 && (cell = strtok(NULL, "\t\n")) != NULL) {
		want[n++] = strtoll(cell, NULL, 10);
	}
	same = schedule_next(s, start_us, out, 4, &count, NULL) == 0 && count == n &&
	       memcmp(out, want, n * sizeof(*want)) == 0;
	if (!same) {
		fprintf(stderr, "line %d: %s from %lld: %zu instants\n", number, save,
			(long long)start_us, count);
		for (size_t i = 0; i < MAX_OF(n, MIN_OF(count, 4)); i++) {
			fprintf(stderr, "   %lld %lld\n",
				i < n ? (long long)want[i] : 0,
				i < count ? (long long)out[i] : 0);
		}
	}
	schedule_free(s);
	return same;
}

/* Cron, rules and intervals in many zones, around changes of the clock, made with the
 * reference's own libraries (tests/data/schedules/generate.py). */
Test(schedule, agrees_with_the_libraries_of_the_reference)
{
	const char *top = getenv("srcdir");
	char path[4096], line[8192];
	int lines = 0, wrong = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/data/schedules/cases.tsv",
		 top != NULL ? top : ".");
	f = fopen(path, "re");
	cr_assert_not_null(f, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		wrong += !line_agrees(line, ++lines);
	}
	fclose(f);
	cr_expect_eq(wrong, 0, "%d of %d cases differ", wrong, lines);
	cr_assert_geq(lines, 2000);
}

static void check(const char *json, const char *from, const char *const *want)
{
	struct schedule *s = load(json);
	char buf[TIME_TEXT_SIZE];
	int64_t out[MAX];
	int64_t from_us = 0;
	size_t count = 0;
	size_t n = 0;

	while (want[n] != NULL) {
		n++;
	}
	cr_assert_eq(time_parse(from, &from_us, NULL, NULL, NULL), 0);
	cr_assert_eq(schedule_next(s, from_us, out, n, &count, NULL), 0);
	cr_assert_eq(count, n);
	for (size_t i = 0; i < n; i++) {
		time_format(out[i], buf, sizeof(buf));
		cr_assert_str_eq(buf, want[i], "%s, %zu", json, i);
	}
	schedule_free(s);
}

Test(schedule, a_daily_interval_keeps_the_clock_across_the_change)
{
	check("{\"interval\":86400,\"anchor_date\":\"2026-03-27T08:00:00Z\","
	      "\"timezone\":\"Europe/Berlin\"}",
	      "2026-03-28T00:00:00Z",
	      (const char *[]){"2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z",
			       "2026-03-30T07:00:00Z", NULL});
}

Test(schedule, an_hourly_interval_is_absolute_time)
{
	check("{\"interval\":3600,\"anchor_date\":\"2026-03-29T00:00:00Z\","
	      "\"timezone\":\"Europe/Berlin\"}",
	      "2026-03-29T00:30:00Z",
	      (const char *[]){"2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z", NULL});
}

Test(schedule, a_day_and_a_half_is_a_local_day_and_twelve_hours)
{
	check("{\"interval\":129600,\"anchor_date\":\"2026-03-28T12:00:00Z\","
	      "\"timezone\":\"Europe/Berlin\"}",
	      "2026-03-28T12:00:00Z",
	      (const char *[]){"2026-03-28T12:00:00Z", "2026-03-29T23:00:00Z", NULL});
}

Test(schedule, cron_fires_once_in_a_repeated_hour)
{
	check("{\"cron\":\"30 * * * *\",\"timezone\":\"Europe/Berlin\"}",
	      "2026-10-24T23:45:00Z",
	      (const char *[]){"2026-10-25T00:30:00Z", "2026-10-25T02:30:00Z", NULL});
}

Test(schedule, cron_shifts_a_missing_time_forward)
{
	check("{\"cron\":\"30 2 * * *\",\"timezone\":\"Europe/Berlin\"}",
	      "2026-03-28T12:00:00Z",
	      (const char *[]){"2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z", NULL});
}

Test(schedule, the_start_itself_counts)
{
	check("{\"cron\":\"0 9 * * *\"}", "2026-01-01T09:00:00Z",
	      (const char *[]){"2026-01-01T09:00:00Z", NULL});
	check("{\"cron\":\"0 9 * * *\"}", "2026-01-01T09:00:00.000001Z",
	      (const char *[]){"2026-01-02T09:00:00Z", NULL});
}

Test(schedule, an_exhausted_rule_yields_nothing)
{
	struct schedule *s = load("{\"rrule\":\"DTSTART:20200101T000000\\n"
				  "RRULE:FREQ=DAILY;COUNT=3\"}");
	int64_t out[MAX];
	size_t count = 9;

	cr_assert_eq(schedule_next(s, 1790000000000000, out, MAX, &count, NULL), 0);
	cr_assert_eq(count, 0);
	cr_assert_str_eq(schedule_class_name(s), "RRuleSchedule");
	schedule_free(s);
	s = load("{\"rrule\":\"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\"}");
	cr_assert_eq(schedule_next(s, 1790000000000000, out, MAX, &count, NULL), 0);
	cr_assert_eq(count, 0);
	schedule_free(s);
}

Test(schedule, bad_objects_are_refused_with_a_reason)
{
	static const struct {
		const char *json;
		const char *why;
	} wrong[] = {
	    {"[]", "object"},
	    {"{}", "must have"},
	    {"{\"interval\":0}", "must be positive"},
	    {"{\"interval\":-5}", "must be positive"},
	    {"{\"interval\":\"60\"}", "must have"},
	    {"{\"interval\":60,\"cron\":\"* * * * *\"}", "Extra inputs"},
	    {"{\"interval\":60,\"anchor_date\":\"soon\"}", "anchor_date"},
	    {"{\"interval\":60,\"timezone\":\"Mars\"}", "Invalid timezone: \"Mars\""},
	    {"{\"cron\":\"* * *\"}", "Invalid cron string: \"* * *\""},
	    {"{\"cron\":\"R * * * *\"}", "Random and Hashed"},
	    {"{\"cron\":\"H(1-5) * * * *\"}", "Random and Hashed"},
	    {"{\"cron\":\"* * * * *\",\"day_or\":1}", "day_or"},
	    {"{\"cron\":\"* * * * *\",\"x\":1}", "\"x\""},
	    {"{\"rrule\":\"FREQ=NEVER\"}", "Invalid RRule string"},
	    {"{\"rrule\":\"INTERVAL=2\"}", "no FREQ"},
	    {"{\"rrule\":\"\"}", "no rule"},
	    {"{\"rrule\":\"FREQ=DAILY;BYHOUR=24\"}", "BYHOUR"},
	};
	struct schedule *s;
	struct error err;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		json_t *obj =
		    json_parse(wrong[i].json, strlen(wrong[i].json), 1000, NULL);

		cr_assert_eq(schedule_from_json(obj, &s, &err), -ERR_INVALID, "%s",
			     wrong[i].json);
		cr_assert_not_null(strstr(err.msg, wrong[i].why), "%s: %s",
				   wrong[i].json, err.msg);
		json_decref(obj);
	}
}

static void check_normalised(const char *in, const char *want)
{
	json_t *obj = json_parse(in, strlen(in), 1000, NULL);
	json_t *out = schedule_normalised(obj, 1790000000500000, NULL);
	char *text;

	cr_assert_not_null(out, "%s", in);
	text = json_text(out);
	cr_assert_str_eq(text, want);
	free(text);
	json_decref(out);
	json_decref(obj);
}

Test(schedule, normalised_has_all_defaults)
{
	check_normalised("{\"interval\":60}",
			 "{\"interval\":60,\"anchor_date\":"
			 "\"2026-09-21T14:13:20.500000Z\",\"timezone\":\"UTC\"}");
	check_normalised(
	    "{\"interval\":60.5,\"anchor_date\":\"2026-01-01T00:00:00+02:00\"}",
	    "{\"interval\":60.5,\"anchor_date\":\"2026-01-01T00:00:00+02:00\","
	    "\"timezone\":\"UTC\"}");
	check_normalised("{\"interval\":60,\"anchor_date\":\"2026-01-01T00:00:00\","
			 "\"timezone\":\"Asia/Tokyo\"}",
			 "{\"interval\":60,\"anchor_date\":\"2025-12-31T15:00:00Z\","
			 "\"timezone\":\"Asia/Tokyo\"}");
	check_normalised("{\"cron\":\"0 0 * * *\"}",
			 "{\"cron\":\"0 0 * * *\",\"timezone\":null,\"day_or\":true}");
	check_normalised("{\"rrule\":\"FREQ=DAILY\"}",
			 "{\"rrule\":\"DTSTART:20200101T000000\\nFREQ=DAILY\","
			 "\"timezone\":\"UTC\"}");
	check_normalised("{\"rrule\":\"RRULE:FREQ=MINUTELY;INTERVAL=7\"}",
			 "{\"rrule\":\"DTSTART:20260921T141000\\n"
			 "RRULE:FREQ=MINUTELY;INTERVAL=7\",\"timezone\":\"UTC\"}");
}
