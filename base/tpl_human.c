/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_human.c - numbers and times as people say them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/timefmt.h"
#include "base/tpl_priv.h"

#define US_PER_S 1000000

static int h_intcomma(struct tpl *t, struct val in, const struct call *c,
		      struct val *ret)
{
	struct val s;
	struct buf b;
	size_t i, end;

	(void)c;
	if (v_to_str(t, in, &s) < 0) {
		return -ERR_INVALID;
	}
	end = 0;
	while (end < s.len && s.u.s[end] != '.' && s.u.s[end] != 'e') {
		end++;
	}
	buf_init(&b);
	for (i = 0; i < s.len; i++) {
		if (i > 0 && i < end && (end - i) % 3 == 0 && s.u.s[i - 1] != '-') {
			buf_addc(&b, ',');
		}
		buf_addc(&b, s.u.s[i]);
	}
	return v_from_buf(t, &b, ret);
}

static int h_ordinal(struct tpl *t, struct val in, const struct call *c,
		     struct val *ret)
{
	static const char *const ends[] = {"th", "st", "nd", "rd", "th",
					   "th", "th", "th", "th", "th"};
	long long n = (long long)v_integer(in),
		  last = n % 100 < 0 ? -(n % 100) : n % 100;
	char text[40];

	(void)c;
	if (!v_is_number(in)) {
		return v_to_str(t, in, ret);
	}
	(void)snprintf(text, sizeof(text), "%lld%s", n,
		       last / 10 == 1 ? "th" : ends[last % 10]);
	return v_strz(t, text, ret);
}

static int h_apnumber(struct tpl *t, struct val in, const struct call *c,
		      struct val *ret)
{
	static const char *const words[] = {"zero", "one", "two",   "three", "four",
					    "five", "six", "seven", "eight", "nine"};
	int64_t n = v_integer(in);

	(void)c;
	return v_is_number(in) && n >= 0 && n < 10 ? v_strz(t, words[n], ret)
						   : v_to_str(t, in, ret);
}

static int h_intword(struct tpl *t, struct val in, const struct call *c,
		     struct val *ret)
{
	static const char *const words[] = {"thousand", "million",     "billion",
					    "trillion", "quadrillion", "quintillion"};
	double n = v_number(in), unit = 1000;
	char text[80];
	size_t i;

	(void)c;
	if (!v_is_number(in) || fabs(n) < 1000) {
		return v_to_str(t, in, ret);
	}
	for (i = 0; i + 1 < ARRAY_LEN(words) && fabs(n) >= unit * 1000; i++) {
		unit *= 1000;
	}
	(void)snprintf(text, sizeof(text), "%.1f %s", n / unit, words[i]);
	return v_strz(t, text, ret);
}

static int h_naturalsize(struct tpl *t, struct val in, const struct call *c,
			 struct val *ret)
{
	static const char *const units[][3] = {{"kB", "KiB", "K"}, {"MB", "MiB", "M"},
					       {"GB", "GiB", "G"}, {"TB", "TiB", "T"},
					       {"PB", "PiB", "P"}, {"EB", "EiB", "E"}};
	int binary = call_flag(c, 0, "binary", 0), gnu = call_flag(c, 1, "gnu", 0);
	double base = binary || gnu ? 1024 : 1000, n = v_number(in), unit = base;
	char text[80];
	size_t i;

	if (!v_is_number(in)) {
		return tpl_fail(t, "naturalsize needs a number");
	}
	if (fabs(n) < base) {
		(void)snprintf(text, sizeof(text),
			       gnu            ? "%.0fB"
			       : fabs(n) == 1 ? "%.0f Byte"
					      : "%.0f Bytes",
			       n);
		return v_strz(t, text, ret);
	}
	for (i = 0; i + 1 < ARRAY_LEN(units) && fabs(n) >= unit * base; i++) {
		unit *= base;
	}
	(void)snprintf(text, sizeof(text), gnu ? "%.1f%s" : "%.1f %s", n / unit,
		       units[i][gnu      ? 2
				: binary ? 1
					 : 0]);
	return v_strz(t, text, ret);
}

/* ---- times ---- */

/* "a day", "3 days" */
static const char *plural(int64_t n, const char *one, const char *unit, char *dst,
			  size_t size)
{
	if (n == 1) {
		(void)snprintf(dst, size, "%s", one);
	} else {
		(void)snprintf(dst, size, "%lld %ss", (long long)n, unit);
	}
	return dst;
}

static void natural_delta(int64_t seconds, char *dst, size_t size)
{
	int64_t days = seconds / 86400, rest = seconds % 86400, years = days / 365;
	int64_t months = (int64_t)((double)(days % 365) / 30.5);
	char head[40], tail[40];

	days %= 365;
	if (years == 0 && days < 1) {
		if (rest == 0) {
			(void)snprintf(dst, size, "a moment");
		} else if (rest < 60) {
			(void)plural(rest, "a second", "second", dst, size);
		} else if (rest < 3600) {
			(void)plural(rest / 60, "a minute", "minute", dst, size);
		} else {
			(void)plural(rest / 3600, "an hour", "hour", dst, size);
		}
	} else if (years == 0) {
		if (months == 0) {
			(void)plural(days, "a day", "day", dst, size);
		} else {
			(void)plural(months, "a month", "month", dst, size);
		}
	} else if (years == 1) {
		if (months == 0 && days == 0) {
			(void)snprintf(dst, size, "a year");
		} else if (months == 0) {
			(void)snprintf(
			    dst, size, "1 year, %s",
			    plural(days, "1 day", "day", tail, sizeof(tail)));
		} else {
			(void)snprintf(
			    dst, size, "1 year, %s",
			    plural(months, "1 month", "month", tail, sizeof(tail)));
		}
	} else {
		(void)snprintf(dst, size, "%s",
			       plural(years, "1 year", "year", head, sizeof(head)));
	}
}

/* Seconds of a number, or until a time. */
static int seconds_of(const struct tpl *t, struct val v, int64_t *ret)
{
	if (v_is_number(v)) {
		*ret = v_integer(v) < 0 ? -v_magnitude(v) : v_magnitude(v);
		return 1;
	}
	if (v.type == V_OBJ && v.u.o->cls == OBJ_TIME) {
		*ret = (t->ctx->now_us - v.u.o->at_us) / US_PER_S;
		return 1;
	}
	return 0;
}

static int h_naturaldelta(struct tpl *t, struct val in, const struct call *c,
			  struct val *ret)
{
	char text[120];
	int64_t s;

	(void)c;
	if (!seconds_of(t, in, &s)) {
		return v_to_str(t, in, ret);
	}
	natural_delta(s < 0 ? -s : s, text, sizeof(text));
	return v_strz(t, text, ret);
}

static int h_naturaltime(struct tpl *t, struct val in, const struct call *c,
			 struct val *ret)
{
	char text[120], whole[160];
	int64_t s;

	(void)c;
	if (!seconds_of(t, in, &s)) {
		return v_to_str(t, in, ret);
	}
	natural_delta(s < 0 ? -s : s, text, sizeof(text));
	if (strcmp(text, "a moment") == 0) {
		return v_strz(t, "now", ret);
	}
	(void)snprintf(whole, sizeof(whole), s < 0 ? "%s from now" : "%s ago", text);
	return v_strz(t, whole, ret);
}

static int h_naturalday(struct tpl *t, struct val in, const struct call *c,
			struct val *ret)
{
	char text[80];
	struct civil at;
	int64_t days;

	(void)c;
	if (in.type != V_OBJ || in.u.o->cls != OBJ_TIME) {
		return v_to_str(t, in, ret);
	}
	days = in.u.o->at_us / (86400LL * US_PER_S) -
	       t->ctx->now_us / (86400LL * US_PER_S);
	if (days >= -1 && days <= 1) {
		return v_strz(t,
			      days == 0  ? "today"
			      : days > 0 ? "tomorrow"
					 : "yesterday",
			      ret);
	}
	civil_from_us(in.u.o->at_us, &at);
	(void)civil_strftime(text, sizeof(text), "%b %d", &at);
	return v_strz(t, text, ret);
}

static int h_precisedelta(struct tpl *t, struct val in, const struct call *c,
			  struct val *ret)
{
	static const struct {
		int64_t seconds;
		const char *one, *unit;
	} units[] = {{INT64_C(365) * 86400, "1 year", "year"},
		     {INT64_C(61) * 43200, "1 month", "month"},
		     {86400, "1 day", "day"},
		     {3600, "1 hour", "hour"},
		     {60, "1 minute", "minute"},
		     {1, "1 second", "second"}};
	char parts[6][40];
	size_t n = 0, i;
	int64_t s;
	struct buf b;

	(void)c;
	if (!seconds_of(t, in, &s)) {
		return v_to_str(t, in, ret);
	}
	s = s < 0 ? -s : s;
	for (i = 0; i < ARRAY_LEN(units); i++) {
		if (s >= units[i].seconds) {
			(void)plural(s / units[i].seconds, units[i].one, units[i].unit,
				     parts[n], sizeof(parts[n]));
			n++;
			s %= units[i].seconds;
		}
	}
	buf_init(&b);
	for (i = 0; i < n; i++) {
		buf_addf(&b, "%s%s",
			 i == 0       ? ""
			 : i + 1 == n ? " and "
				      : ", ",
			 parts[i]);
	}
	if (n == 0) {
		buf_adds(&b, "0 seconds");
	}
	return v_from_buf(t, &b, ret);
}

const struct tpl_filter tpl_human_filters[] = {
    {"humanize_intcomma", h_intcomma},
    {"humanize_ordinal", h_ordinal},
    {"humanize_apnumber", h_apnumber},
    {"humanize_intword", h_intword},
    {"humanize_naturalsize", h_naturalsize},
    {"humanize_naturaldelta", h_naturaldelta},
    {"humanize_naturaltime", h_naturaltime},
    {"humanize_naturalday", h_naturalday},
    {"humanize_naturaldate", h_naturalday},
    {"humanize_precisedelta", h_precisedelta},
    {NULL, NULL},
};
