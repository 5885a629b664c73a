/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tz.c - time zones, against known transitions.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/error.h"
#include "base/timefmt.h"
#include "base/tz.h"

static int64_t at(const char *text)
{
	int64_t at_us = 0;

	cr_assert_eq(time_parse(text, &at_us, NULL, NULL, NULL), 0, "%s", text);
	return at_us;
}

static const struct tz *zone(const char *name)
{
	const struct tz *z = NULL;

	cr_assert_eq(tz_get(name, &z, NULL), 0, "%s", name);
	return z;
}

Test(tz, offsets_at_known_instants)
{
	static const struct {
		const char *zone;
		const char *at;
		int offset_s;
	} cases[] = {
	    {"UTC", "2026-07-01T00:00:00Z", 0},
	    {"Europe/Berlin", "2026-03-29T00:59:59Z", 3600},
	    {"Europe/Berlin", "2026-03-29T01:00:00Z", 7200},
	    {"Europe/Berlin", "2026-10-25T00:59:59Z", 7200},
	    {"Europe/Berlin", "2026-10-25T01:00:00Z", 3600},
	    {"Europe/Berlin", "2100-07-01T00:00:00Z", 7200},
	    {"Europe/Berlin", "2100-12-01T00:00:00Z", 3600},
	    {"Europe/Berlin", "1850-01-01T00:00:00Z", 3208},
	    {"America/New_York", "2026-03-08T06:59:59Z", -18000},
	    {"America/New_York", "2026-03-08T07:00:00Z", -14400},
	    {"America/New_York", "2040-11-04T05:59:59Z", -14400},
	    {"America/New_York", "2040-11-04T06:00:00Z", -18000},
	    {"Australia/Lord_Howe", "2026-04-04T14:59:59Z", 39600},
	    {"Australia/Lord_Howe", "2026-04-04T15:00:00Z", 37800},
	    {"Australia/Lord_Howe", "2050-01-01T00:00:00Z", 39600},
	    {"Asia/Kathmandu", "1985-12-31T18:29:59Z", 19800},
	    {"Asia/Kathmandu", "1985-12-31T18:30:00Z", 20700},
	    {"Asia/Kathmandu", "2090-06-01T00:00:00Z", 20700},
	    {"Asia/Tokyo", "2026-07-01T00:00:00Z", 32400},
	    {"Europe/Dublin", "2026-01-15T00:00:00Z", 0},
	    {"Europe/Dublin", "2060-07-15T00:00:00Z", 3600},
	    {"America/Sao_Paulo", "2018-12-01T00:00:00Z", -7200},
	    {"America/Sao_Paulo", "2050-12-01T00:00:00Z", -10800},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int got = tz_offset_at(zone(cases[i].zone), at(cases[i].at));

		cr_assert_eq(got, cases[i].offset_s, "%s %s: %d", cases[i].zone,
			     cases[i].at, got);
	}
}

Test(tz, gaps_shift_forward_and_folds_are_the_first)
{
	static const struct {
		const char *zone;
		const char *local;
		int kind;
		const char *at;
	} cases[] = {
	    {"Europe/Berlin", "2026-03-29T01:59:59", 1, "2026-03-29T00:59:59Z"},
	    {"Europe/Berlin", "2026-03-29T02:00:00", 0, "2026-03-29T01:00:00Z"},
	    {"Europe/Berlin", "2026-03-29T02:30:00", 0, "2026-03-29T01:30:00Z"},
	    {"Europe/Berlin", "2026-03-29T03:00:00", 1, "2026-03-29T01:00:00Z"},
	    {"Europe/Berlin", "2026-10-25T02:00:00", 2, "2026-10-25T00:00:00Z"},
	    {"Europe/Berlin", "2026-10-25T02:59:59", 2, "2026-10-25T00:59:59Z"},
	    {"Europe/Berlin", "2026-10-25T03:00:00", 1, "2026-10-25T02:00:00Z"},
	    {"America/New_York", "2060-03-14T02:30:00", 0, "2060-03-14T07:30:00Z"},
	    {"America/New_York", "2060-11-07T01:30:00", 2, "2060-11-07T05:30:00Z"},
	    {"Australia/Lord_Howe", "2026-10-04T02:15:00", 0, "2026-10-03T15:45:00Z"},
	    {"Australia/Lord_Howe", "2026-04-05T01:45:00", 2, "2026-04-04T14:45:00Z"},
	    {"Asia/Kathmandu", "1986-01-01T00:10:00", 0, "1985-12-31T18:40:00Z"},
	    {"Pacific/Apia", "2011-12-30T12:00:00", 0, "2011-12-30T22:00:00Z"},
	    {"UTC", "2026-03-29T02:30:00", 1, "2026-03-29T02:30:00Z"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct tz *z = zone(cases[i].zone);
		int64_t local_us = at(cases[i].local);

		cr_assert_eq(tz_local_kind(z, local_us), cases[i].kind, "%s %s",
			     cases[i].zone, cases[i].local);
		cr_assert_eq(tz_local_to_us(z, local_us), at(cases[i].at), "%s %s",
			     cases[i].zone, cases[i].local);
	}
}

Test(tz, instants_survive_a_round_trip_outside_folds)
{
	static const char *const zones[] = {"Europe/Berlin", "America/New_York",
					    "Australia/Lord_Howe", "Africa/Casablanca"};

	for (size_t i = 0; i < sizeof(zones) / sizeof(*zones); i++) {
		const struct tz *z = zone(zones[i]);

		for (int64_t t = at("1990-01-01"); t < at("2080-01-01");
		     t += 7 * 3600 * 1000001LL) {
			int64_t local_us = tz_us_to_local(z, t);

			cr_assert_neq(tz_local_kind(z, local_us), 0);
			if (tz_local_kind(z, local_us) == 1) {
				cr_assert_eq(tz_local_to_us(z, local_us), t);
			}
		}
	}
}

Test(tz, unknown_and_unsafe_names_are_not_found)
{
	static const char *const wrong[] = {
	    "",         "Nowhere/City", "/etc/passwd",      "../zoneinfo/UTC",
	    "Europe",   "Europe/",      "Europe//Berlin",   "Europe/Ber lin",
	    "zone.tab", "posixrules\n", "EuropeXBerlin/..",
	};
	struct error err;
	const struct tz *z;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		cr_assert_eq(tz_get(wrong[i], &z, &err), -ERR_NOT_FOUND, "%s",
			     wrong[i]);
	}
}

Test(tz, zones_are_cached_and_named)
{
	cr_assert_eq(zone("Europe/Berlin"), zone("Europe/Berlin"));
	cr_assert_str_eq(tz_name(zone("Europe/Berlin")), "Europe/Berlin");
}

Test(tz, extreme_instants_do_no_harm)
{
	const struct tz *z = zone("Europe/Berlin");
	static const int64_t far[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX,
				      INT64_MAX - 1};

	for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++) {
		tz_offset_at(z, far[i]);
		tz_us_to_local(z, far[i]);
		tz_local_to_us(z, far[i]);
		tz_local_kind(z, far[i]);
	}
}
