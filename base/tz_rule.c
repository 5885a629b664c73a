/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tz_rule.c - POSIX TZ strings with the extension of RFC 8536 (times from -167 to 167
 * hours).
 */
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/timefmt.h"
#include "base/tz_priv.h"

#define DEFAULT_TIME   (2 * 3600) /* of a change, when not given */
#define OFFSET_HOURS   24
#define TIME_HOURS     167
#define YEAR_ROOM      290000 /* civil_to_us() is exact within */
#define DAY_S          86400
#define SECONDS_OF(us) ((us) / CLOCK_US_PER_S)

static int is_alpha(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Three letters or more, or anything alphanumeric or signed between < and >. */
static int skip_name(const char **p)
{
	const char *s = *p;

	if (*s == '<') {
		const char *start = ++s;

		while (is_alpha(*s) || (*s >= '0' && *s <= '9') || *s == '+' ||
		       *s == '-') {
			s++;
		}
		if (*s != '>' || s - start < 3) {
			return -1;
		}
		*p = s + 1;
		return 0;
	}
	while (is_alpha(*s)) {
		s++;
	}
	if (s - *p < 3) {
		return -1;
	}
	*p = s;
	return 0;
}

static int number(const char **p, int min, int max, int *ret_v)
{
	const char *start = *p;
	int v = 0;

	while (**p >= '0' && **p <= '9') {
		v = v * 10 + (**p - '0');
		(*p)++;
		if (v > max) {
			return -1;
		}
	}
	*ret_v = v;
	return *p == start || v < min ? -1 : 0;
}

/* [+-]hh[:mm[:ss]] in seconds */
static int clock_time(const char **p, int max_hours, int *ret_s)
{
	int sign = **p == '-' ? -1 : 1;
	int part[3] = {0};

	if (**p == '-' || **p == '+') {
		(*p)++;
	}
	if (number(p, 0, max_hours, &part[0]) < 0) {
		return -1;
	}
	for (int i = 1; i < 3 && **p == ':'; i++) {
		(*p)++;
		if (number(p, 0, 59, &part[i]) < 0) {
			return -1;
		}
	}
	*ret_s = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
	return 0;
}

static int expect(const char **p, char c)
{
	if (**p != c) {
		return -1;
	}
	(*p)++;
	return 0;
}

/* Jn | n | Mm.w.d, each with an optional /time */
static int change(const char **p, struct tz_change *c)
{
	int rc = 0;

	if (expect(p, 'J') == 0) {
		c->kind = TZ_DAY_JULIAN;
		rc = number(p, 1, 365, &c->day);
	} else if (expect(p, 'M') == 0) {
		c->kind = TZ_DAY_MONTH;
		if (number(p, 1, 12, &c->month) < 0 || expect(p, '.') < 0 ||
		    number(p, 1, 5, &c->week) < 0 || expect(p, '.') < 0 ||
		    number(p, 0, 6, &c->day) < 0) {
			rc = -1;
		}
	} else {
		c->kind = TZ_DAY_OF_YEAR;
		rc = number(p, 0, 365, &c->day);
	}
	c->time = DEFAULT_TIME;
	if (rc == 0 && expect(p, '/') == 0) {
		rc = clock_time(p, TIME_HOURS, &c->time);
	}
	return rc;
}

static int parse(const char *p, struct tz_rule *r)
{
	int west;

	if (skip_name(&p) < 0 || clock_time(&p, OFFSET_HOURS, &west) < 0) {
		return -1;
	}
	r->std_offset = -west; /* POSIX counts west of Greenwich */
	if (*p == '\0') {
		return 0;
	}
	r->has_dst = 1;
	r->dst_offset = r->std_offset + 3600;
	if (skip_name(&p) < 0) {
		return -1;
	}
	if (*p != ',') {
		if (clock_time(&p, OFFSET_HOURS, &west) < 0) {
			return -1;
		}
		r->dst_offset = -west;
	}
	if (expect(&p, ',') < 0 || change(&p, &r->start) < 0 || expect(&p, ',') < 0 ||
	    change(&p, &r->end) < 0) {
		return -1;
	}
	return *p == '\0' ? 0 : -1;
}

int tz_rule_parse(const char *text, struct tz_rule *ret_rule)
{
	struct tz_rule r = {0};

	if (parse(text, &r) < 0) {
		return -ERR_INVALID;
	}
	*ret_rule = r;
	return 0;
}

static int is_leap(int year)
{
	return civil_month_days(year, 2) == 29;
}

/* The day of the month of "weekday DAY, the WEEK-th, 5 for the last". */
static int month_rule_day(const struct tz_change *c, int year)
{
	int first = (c->day - civil_weekday(year, c->month, 1) + 7) % 7 + 1;
	int day = first + (c->week - 1) * 7;

	while (day > civil_month_days(year, c->month)) {
		day -= 7;
	}
	return day;
}

/* Local seconds of the change in YEAR, as if UTC. */
static int64_t change_in(const struct tz_change *c, int year)
{
	struct civil day = {.year = year, .month = 1, .day = 1};

	switch (c->kind) {
	case TZ_DAY_MONTH:
		day.month = c->month;
		day.day = month_rule_day(c, year);
		break;
	case TZ_DAY_JULIAN: /* February 29 is never counted */
		day.day = c->day + (is_leap(year) && c->day >= 60);
		break;
	case TZ_DAY_OF_YEAR:
		day.day = c->day + 1;
		break;
	}
	return SECONDS_OF(civil_to_us(&day)) + c->time;
}

struct change_at {
	int64_t at;
	int offset; /* from then on */
};

/* Keeps LIST (N entries) ascending; of two at one instant the later added one wins. */
static void insert(struct change_at *list, int n, struct change_at c)
{
	while (n > 0 && list[n - 1].at > c.at) {
		list[n] = list[n - 1];
		n--;
	}
	list[n] = c;
}

static int year_of(int64_t s)
{
	struct civil c;
	int64_t us;

	if (__builtin_mul_overflow(s, CLOCK_US_PER_S, &us)) {
		us = s < 0 ? INT64_MIN : INT64_MAX;
	}
	civil_from_us(us, &c);
	return MAX_OF(-YEAR_ROOM, MIN_OF(c.year, YEAR_ROOM));
}

void tz_rule_span(const struct tz_rule *r, int64_t s, struct tz_span *ret_span)
{
	struct change_at list[6];
	int year;
	int n = 0;

	*ret_span = (struct tz_span){INT64_MIN, INT64_MAX, r->std_offset};
	if (!r->has_dst) {
		return;
	}
	/* three years: a change may be days away from its year, and one must be before
	 * S */
	year = year_of(s);
	for (int y = year - 1; y <= year + 1; y++) {
		insert(list, n++,
		       (struct change_at){change_in(&r->end, y) - r->dst_offset,
					  r->std_offset});
		insert(list, n++,
		       (struct change_at){change_in(&r->start, y) - r->std_offset,
					  r->dst_offset});
	}
	for (int i = 0; i < n; i++) {
		if (list[i].at > s) {
			ret_span->end = list[i].at;
			break;
		}
		ret_span->start = list[i].at;
		ret_span->offset = list[i].offset;
	}
}
