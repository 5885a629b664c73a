/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timefmt.c - instants as text.  The calendar arithmetic is in civil.c.
 */
#include "base/timefmt.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"

#define FRACTION_DIGITS 6
#define YEAR_MIN        1
#define YEAR_MAX        9999

/* Exactly COUNT digits at *P, between MIN and MAX; moves *P.  -1 when there are none.
 */
static int digits(const char **p, int count, int min, int max)
{
	int v = 0;

	for (int i = 0; i < count; i++) {
		char c = (*p)[i];

		if (c < '0' || c > '9') {
			return -1;
		}
		v = v * 10 + (c - '0');
	}
	*p += count;
	return v < min || v > max ? -1 : v;
}

static int expect(const char **p, char c)
{
	if (**p != c) {
		return 0;
	}
	(*p)++;
	return 1;
}

static int parse_date(const char **p, struct civil *c)
{
	c->year = digits(p, 4, YEAR_MIN, YEAR_MAX);
	if (c->year < 0 || !expect(p, '-')) {
		return -1;
	}
	c->month = digits(p, 2, 1, 12);
	if (c->month < 0 || !expect(p, '-')) {
		return -1;
	}
	c->day = digits(p, 2, 1, civil_month_days(c->year, c->month));
	return c->day < 0 ? -1 : 0;
}

static int parse_fraction(const char **p)
{
	int us = 0;
	int count = 0;

	while (**p >= '0' && **p <= '9') {
		if (count < FRACTION_DIGITS) {
			us = us * 10 + (**p - '0');
		}
		count += count < FRACTION_DIGITS + 1;
		(*p)++;
	}
	for (int i = count; i < FRACTION_DIGITS; i++) {
		us *= 10;
	}
	return count == 0 ? -1 : us;
}

static int parse_time(const char **p, struct civil *c)
{
	c->hour = digits(p, 2, 0, 23);
	if (c->hour < 0 || !expect(p, ':')) {
		return -1;
	}
	c->minute = digits(p, 2, 0, 59);
	if (c->minute < 0) {
		return -1;
	}
	if (!expect(p, ':')) {
		return 0;
	}
	c->second = digits(p, 2, 0, 59);
	if (c->second < 0) {
		return -1;
	}
	if (expect(p, '.')) {
		c->us = parse_fraction(p);
	}
	return c->us < 0 ? -1 : 0;
}

/* Nothing, Z, +HH, +HHMM or +HH:MM.  Returns -1 when it is none of these. */
static int parse_offset(const char **p, int *ret_offset_s, int *ret_naive)
{
	int sign = **p == '-' ? -1 : 1;
	int hours;
	int minutes = 0;

	*ret_naive = **p == '\0';
	if (*ret_naive || expect(p, 'Z')) {
		*ret_offset_s = 0;
		return 0;
	}
	if (!expect(p, '+') && !expect(p, '-')) {
		return -1;
	}
	hours = digits(p, 2, 0, 23);
	if (**p != '\0') {
		expect(p, ':');
		minutes = digits(p, 2, 0, 59);
	}
	if (hours < 0 || minutes < 0) {
		return -1;
	}
	*ret_offset_s = sign * (hours * 3600 + minutes * 60);
	return 0;
}

static int parse_all(const char *text, int64_t *ret_at_us, int *ret_offset_s,
		     int *ret_naive)
{
	const char *p = text;
	struct civil c = {0};
	struct civil utc;

	if (parse_date(&p, &c) < 0) {
		return -1;
	}
	*ret_offset_s = 0;
	*ret_naive = 1;
	if (*p != '\0') {
		if (!expect(&p, 'T') && !expect(&p, ' ')) {
			return -1;
		}
		if (parse_time(&p, &c) < 0 ||
		    parse_offset(&p, ret_offset_s, ret_naive) < 0 || *p != '\0') {
			return -1;
		}
	}
	*ret_at_us = civil_to_us(&c) - *ret_offset_s * CLOCK_US_PER_S;
	/* The offset may have moved it out of the years that we can write. */
	civil_from_us(*ret_at_us, &utc);
	return utc.year < YEAR_MIN || utc.year > YEAR_MAX ? -1 : 0;
}

int time_parse(const char *text, int64_t *ret_at_us, int *ret_offset_s, int *ret_naive,
	       struct error *err)
{
	int64_t at_us;
	int offset_s;
	int naive;

	if (parse_all(text, &at_us, &offset_s, &naive) < 0) {
		return err_set(
		    err, ERR_INVALID,
		    "\"%.40s\" is not a time; write it like 2026-08-01T12:00:00Z",
		    text);
	}
	*ret_at_us = at_us;
	if (ret_offset_s != NULL) {
		*ret_offset_s = offset_s;
	}
	if (ret_naive != NULL) {
		*ret_naive = naive;
	}
	return 0;
}

const char *time_format(int64_t at_us, char *buf, size_t size)
{
	struct civil c;
	int n;

	civil_from_us(at_us, &c);
	n = snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day,
		     c.hour, c.minute, c.second);
	if (n > 0 && (size_t)n < size) {
		if (c.us != 0) {
			(void)snprintf(buf + n, size - (size_t)n, ".%06dZ", c.us);
		} else {
			(void)snprintf(buf + n, size - (size_t)n, "Z");
		}
	}
	return buf;
}

const char *time_format_log(int64_t at_us, int offset_s, char *buf, size_t size)
{
	struct civil c;
	int64_t local_us;

	if (__builtin_add_overflow(at_us, offset_s * CLOCK_US_PER_S, &local_us)) {
		local_us = at_us;
	}
	civil_from_us(local_us, &c);
	(void)snprintf(buf, size, "%04d-%02d-%02d %02d:%02d:%02d.%03d", c.year, c.month,
		       c.day, c.hour, c.minute, c.second, c.us / 1000);
	return buf;
}

const char *time_format_relative(int64_t at_us, int64_t now_us, char *buf, size_t size)
{
	static const struct {
		const char *name;
		int64_t seconds;
	} units[] = {
	    {"year", 365LL * 86400}, {"month", 30LL * 86400}, {"week", 7LL * 86400},
	    {"day", 86400},          {"hour", 3600},          {"minute", 60},
	    {"second", 1},
	};
	/* Halves first: the difference of two instants may not fit. */
	int64_t diff_s = at_us / CLOCK_US_PER_S - now_us / CLOCK_US_PER_S;
	int64_t abs_s = diff_s < 0 ? -diff_s : diff_s;

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		long long n = (long long)(abs_s / units[i].seconds);

		if (n == 0) {
			continue;
		}
		(void)snprintf(buf, size, "%s%lld %s%s%s", diff_s > 0 ? "in " : "", n,
			       units[i].name, n == 1 ? "" : "s",
			       diff_s > 0 ? "" : " ago");
		return buf;
	}
	(void)snprintf(buf, size, "just now");
	return buf;
}
