/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times as people write them.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/timefmt.h"
#include "cli/when.h"

#define NOW "2026-11-25T10:00:00Z" /* a Wednesday; in Berlin it is eleven */

static int64_t instant(const char *text)
{
	int64_t at_us = 0;

	cr_assert_eq(time_parse(text, &at_us, NULL, NULL, NULL), 0);
	return at_us;
}

static void berlin(void)
{
	cr_assert_eq(setenv("TZ", "Europe/Berlin", 1), 0);
	tzset();
}

Test(when, instants, .init = berlin)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"2030-01-02T03:04:05Z", "2030-01-02T03:04:05Z"},
	    {"2030-01-02T03:04:05+02:00", "2030-01-02T01:04:05Z"},
	    {"2030-01-02 03:04", "2030-01-02T02:04:00Z"},
	    {"2030-07-02 03:04:05.5", "2030-07-02T01:04:05.500000Z"},
	    {"2030-01-02", "2030-01-01T23:00:00Z"},
	    {"17:30", "2026-11-25T16:30:00Z"},
	    {"at 17:30:15", "2026-11-25T16:30:15Z"},
	    {"5:30pm", "2026-11-25T16:30:00Z"},
	    {"5 PM", NULL},
	    {"5:00 PM", "2026-11-25T16:00:00Z"},
	    {"5pm", "2026-11-25T16:00:00Z"},
	    {"12am", "2026-11-25T23:00:00Z"},
	    {"12pm", "2026-11-25T11:00:00Z"},
	    {"9:00", "2026-11-26T08:00:00Z"}, /* over for today */
	    {"tomorrow at 5:30pm", "2026-11-26T16:30:00Z"},
	    {"today at 9:00", "2026-11-25T08:00:00Z"},
	    {"noon", "2026-11-25T11:00:00Z"},
	    {"on friday at noon", "2026-11-27T11:00:00Z"},
	    {"fri 12:00", "2026-11-27T11:00:00Z"},
	    {"17:30 utc", "2026-11-25T17:30:00Z"},
	    {"2026-12-24 at 6pm", "2026-12-24T17:00:00Z"},
	    {"gibberish", NULL},
	    {"tomorrow", NULL},
	    {"25:00", NULL},
	    {"13pm", NULL},
	    {"17", NULL},
	    {"17:30 17:31", NULL},
	    {"2026-02-30 12:00", NULL},
	    {"", NULL},
	    {"pm", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct error err = {0};
		int64_t at_us = 0;
		int rc = when_instant(cases[i].text, instant(NOW), &at_us, &err);
		char text[TIME_TEXT_SIZE];

		if (cases[i].want == NULL) {
			cr_expect_eq(rc, -ERR_USAGE, "%s", cases[i].text);
			continue;
		}
		cr_expect_eq(rc, 0, "%s: %s", cases[i].text, err.msg);
		cr_expect_str_eq(time_format(at_us, text, sizeof(text)), cases[i].want,
				 "%s: %s", cases[i].text, text);
	}
}

Test(when, durations)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: refused */
	} cases[] = {
	    {"90s", 90},
	    {"2 hours", 7200},
	    {"1 day 3 hours", 97200},
	    {"1w", 604800},
	    {"in 5 minutes", 300},
	    {"soon", -1},
	    {"5", -1},
	    {"", -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t us = 0;
		int rc = when_duration(cases[i].text, &us, NULL);

		cr_expect_eq(rc < 0 ? -1 : us / 1000000, cases[i].seconds, "%s",
			     cases[i].text);
	}
}
