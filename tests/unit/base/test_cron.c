/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cron.c - cron expressions, against a table made with croniter.
 */
#include <criterion/criterion.h>

#include "base/cron.h"
#include "base/error.h"
#include "base/timefmt.h"

#define S       1000000LL
#define NONE    (-1)
#define INVALID (-2)

static const struct {
	const char *text;
	int day_or;
	int64_t start_s;
	int64_t next_s[3];
} cases[] = {
#include "tests/unit/base/cron_cases.inc"
};

static void check_next(size_t i)
{
	struct cron *c = NULL;
	struct error err;
	int64_t t = cases[i].start_s * S;
	int rc = cron_parse(cases[i].text, cases[i].day_or, &c, &err);

	if (cases[i].next_s[0] == INVALID) {
		cr_expect_eq(rc, -ERR_INVALID, "\"%s\" is accepted", cases[i].text);
		cron_free(c);
		return;
	}
	cr_expect_eq(rc, 0, "%s", rc < 0 ? err.msg : "");
	for (int k = 0; k < 3 && rc == 0 && t != TIME_NONE; k++) {
		int64_t want = cases[i].next_s[k];

		t = cron_next_local(c, t);
		cr_expect_eq(t, want == NONE ? TIME_NONE : want * S,
			     "\"%s\" day_or %d from %lld, step %d: %lld, not %lld",
			     cases[i].text, cases[i].day_or,
			     (long long)cases[i].start_s, k, (long long)(t / S),
			     (long long)want);
	}
	cron_free(c);
}

Test(cron, agrees_with_the_table)
{
	cr_assert_geq(sizeof(cases) / sizeof(*cases), 300);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		check_next(i);
	}
}

static int64_t next(const char *text, int day_or, const char *from)
{
	struct cron *c = NULL;
	int64_t at_us = 0;

	cr_assert_eq(time_parse(from, &at_us, NULL, NULL, NULL), 0);
	cr_assert_eq(cron_parse(text, day_or, &c, NULL), 0, "%s", text);
	at_us = cron_next_local(c, at_us);
	cron_free(c);
	return at_us;
}

static void check(const char *text, const char *from, const char *want)
{
	char buf[TIME_TEXT_SIZE];

	time_format(next(text, 1, from), buf, sizeof(buf));
	cr_assert_str_eq(buf, want, "%s from %s", text, from);
}

Test(cron, is_strictly_later_and_cuts_fractions)
{
	check("0 * * * *", "2026-01-01T10:00:00", "2026-01-01T11:00:00Z");
	check("0 * * * *", "2026-01-01T10:59:59.5", "2026-01-01T11:00:00Z");
	check("* * * * * *", "2026-01-01T10:59:59.5", "2026-01-01T11:00:00Z");
}

/* Where croniter contradicts itself (see cron.h). */
Test(cron, documented_differences)
{
	check("0 0 */10 * *", "2012-02-29T10:00:00", "2012-03-01T00:00:00Z");
	check("0 0 1 * fri#2", "2026-01-02T00:00:00", "2026-01-09T00:00:00Z");
	check("0 0 * * 7 30", "2026-01-01T00:00:00", "2026-01-04T00:00:30Z");
}

Test(cron, impossible_dates_end_the_search)
{
	cr_assert_eq(next("0 0 30 2 *", 1, "2026-01-01"), TIME_NONE);
	cr_assert_eq(next("0 0 1 1 * 0 2000", 1, "2026-01-01"), TIME_NONE);
	cr_assert_eq(next("* * * * *", 1, "9999-12-31T23:59:00"), TIME_NONE);
}

Test(cron, long_texts_are_refused)
{
	static char text[5000];
	struct cron *c;

	for (size_t i = 0; i + 1 < sizeof(text); i++) {
		text[i] = i % 2 == 0 ? '1' : ',';
	}
	cr_assert_eq(cron_parse(text, 1, &c, NULL), -ERR_INVALID);
	cron_free(NULL);
}
