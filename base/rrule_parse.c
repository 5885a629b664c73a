/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rrule_parse.c - the text of recurrence rules.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/rrule_priv.h"

#define TEXT_MAX     8192
#define INTERVAL_MAX 1000000
#define COUNT_MAX    1000000
#define SPACE        " \t\r\n"

/* What one text holds before the start is known to all of it. */
struct parser {
	struct rrule *set;
	int64_t start_us;
	struct error *err;
};

static int bad(const struct parser *p, const char *what, const char *text)
{
	return err_set(p->err, ERR_INVALID, "%s \"%.64s\"", what, text);
}

/* A whole number with an optional sign, MIN to MAX, and not 0 when MIN is negative. */
static int number(const char *s, int min, int max, int *ret_v)
{
	int negative = *s == '-';
	long v = 0;
	size_t n;

	s += *s == '-' || *s == '+';
	n = strspn(s, "0123456789");
	if (n == 0 || n > 7 || s[n] != '\0') {
		return -1;
	}
	for (; *s != '\0'; s++) {
		v = v * 10 + (*s - '0');
	}
	v = negative ? -v : v;
	if (v < min || v > max || (min < 0 && v == 0)) {
		return -1;
	}
	*ret_v = (int)v;
	return 0;
}

static int digits(const char *s, int count, int *ret_v)
{
	int v = 0;

	for (int i = 0; i < count; i++) {
		if (s[i] < '0' || s[i] > '9') {
			return -1;
		}
		v = v * 10 + (s[i] - '0');
	}
	*ret_v = v;
	return 0;
}

/* YYYYMMDD[THHMM[SS]][Z] as naive local time. */
static int date_time(const char *s, int64_t *ret_us)
{
	struct civil c = {0};
	size_t len = strlen(s);

	if (len > 0 && s[len - 1] == 'Z') {
		len--;
	}
	if ((len != 8 && len != 13 && len != 15) || digits(s, 4, &c.year) < 0 ||
	    digits(s + 4, 2, &c.month) < 0 || digits(s + 6, 2, &c.day) < 0 ||
	    c.year < 1 || c.month < 1 || c.month > 12 || c.day < 1 ||
	    c.day > civil_month_days(c.year, c.month)) {
		return -1;
	}
	if (len > 8 && (s[8] != 'T' || digits(s + 9, 2, &c.hour) < 0 ||
			digits(s + 11, 2, &c.minute) < 0)) {
		return -1;
	}
	if (len == 15 && digits(s + 13, 2, &c.second) < 0) {
		return -1;
	}
	if (c.hour > 23 || c.minute > 59 || c.second > 59) {
		return -1;
	}
	*ret_us = civil_to_us(&c);
	return 0;
}

static int weekday_index(const char *s)
{
	static const char names[] = "SUMOTUWETHFRSA";

	for (int i = 0; i < 7; i++) {
		if (strncmp(s, names + (ptrdiff_t)2 * i, 2) == 0) {
			return i;
		}
	}
	return -1;
}

/* "MO", "2MO", "-1FR" */
static int weekday(struct rule *r, const char *s)
{
	size_t len = strlen(s);
	char sign[8];
	int day;
	int n = 0;

	if (len < 2 || len > 2 + sizeof(sign) - 1) {
		return -1;
	}
	day = weekday_index(s + len - 2);
	memcpy(sign, s, len - 2);
	sign[len - 2] = '\0';
	if (day < 0 || (sign[0] != '\0' && number(sign, -53, 53, &n) < 0)) {
		return -1;
	}
	/* numbers mean something within months and years only */
	if (n == 0 || r->freq > FREQ_MONTHLY) {
		r->weekdays |= 1u << day;
		return 0;
	}
	if (r->nth_count == ARRAY_LEN(r->nth)) {
		return -1;
	}
	r->nth[r->nth_count++] = (struct rule_nth){day, n};
	return 0;
}

static int add_int(int *list, size_t *count, size_t size, int v)
{
	if (*count == size) {
		return -1;
	}
	list[(*count)++] = v;
	return 0;
}

/* One item of the list of a BY part; -1 when it is not one. */
static int by_item(struct rule *r, const char *name, const char *s)
{
	int v;

	if (strcmp(name, "BYDAY") == 0 || strcmp(name, "BYWEEKDAY") == 0) {
		return weekday(r, s);
	}
	if (strcmp(name, "BYMONTH") == 0 && number(s, 1, 12, &v) == 0) {
		r->months |= 1u << v;
		return 0;
	}
	if (strcmp(name, "BYMONTHDAY") == 0 && number(s, -31, 31, &v) == 0) {
		r->has_days = 1;
		r->days |= v > 0 ? 1u << v : 0;
		r->end_days |= v < 0 ? 1u << -v : 0;
		return 0;
	}
	if (strcmp(name, "BYYEARDAY") == 0 && number(s, -366, 366, &v) == 0) {
		return add_int(r->year_days, &r->year_day_count, RULE_LIST_MAX, v);
	}
	if (strcmp(name, "BYWEEKNO") == 0 && number(s, -53, 53, &v) == 0) {
		return add_int(r->weeks, &r->week_count, ARRAY_LEN(r->weeks), v);
	}
	if (strcmp(name, "BYSETPOS") == 0 && number(s, -366, 366, &v) == 0) {
		return add_int(r->positions, &r->position_count, RULE_LIST_MAX, v);
	}
	if (strcmp(name, "BYHOUR") == 0 && number(s, 0, 23, &v) == 0) {
		r->hours |= (uint64_t)1 << v;
		return 0;
	}
	if (strcmp(name, "BYMINUTE") == 0 && number(s, 0, 59, &v) == 0) {
		r->minutes |= (uint64_t)1 << v;
		return 0;
	}
	if (strcmp(name, "BYSECOND") == 0 && number(s, 0, 59, &v) == 0) {
		r->seconds |= (uint64_t)1 << v;
		return 0;
	}
	return -1;
}

static int by_part(const struct parser *p, struct rule *r, const char *name,
		   char *value)
{
	char *item;

	while ((item = strsep(&value, ",")) != NULL) {
		if (by_item(r, name, item) < 0) {
			return bad(p, name, item);
		}
	}
	return 0;
}

static int frequency(const char *s, enum rule_freq *ret_freq)
{
	static const char *const names[] = {"",      "YEARLY", "MONTHLY",  "WEEKLY",
					    "DAILY", "HOURLY", "MINUTELY", "SECONDLY"};

	for (int i = FREQ_YEARLY; i <= FREQ_SECONDLY; i++) {
		if (strcmp(s, names[i]) == 0) {
			*ret_freq = (enum rule_freq)i;
			return 0;
		}
	}
	return -1;
}

static int rule_part(const struct parser *p, struct rule *r, const char *name,
		     char *value)
{
	int v = 0;

	if (strcmp(name, "FREQ") == 0) {
		return 0; /* read before the others */
	}
	if (strncmp(name, "BY", 2) == 0) {
		return by_part(p, r, name, value);
	}
	if (strcmp(name, "INTERVAL") == 0 && number(value, 1, INTERVAL_MAX, &v) == 0) {
		r->interval = v;
		return 0;
	}
	if (strcmp(name, "COUNT") == 0 && number(value, 0, COUNT_MAX, &v) == 0) {
		r->count = v;
		return 0;
	}
	if (strcmp(name, "UNTIL") == 0 && date_time(value, &r->until_us) == 0) {
		return 0;
	}
	if (strcmp(name, "WKST") == 0 && strlen(value) == 2 &&
	    weekday_index(value) >= 0) {
		r->week_start = weekday_index(value);
		return 0;
	}
	return bad(p, name, value);
}

/* What is not given comes from the start. */
static void rule_defaults(struct rule *r)
{
	struct civil c;

	civil_from_us(r->start_us, &c);
	if (r->week_count + r->year_day_count + r->nth_count == 0 && !r->has_days &&
	    r->weekdays == 0) {
		if (r->freq == FREQ_YEARLY && r->months == 0) {
			r->months = 1u << c.month;
		}
		if (r->freq == FREQ_WEEKLY) {
			r->weekdays = 1u << civil_weekday(c.year, c.month, c.day);
		} else if (r->freq < FREQ_WEEKLY) {
			r->has_days = 1;
			r->days = 1u << c.day;
		}
	}
	if (r->hours == 0 && r->freq < FREQ_HOURLY) {
		r->hours = (uint64_t)1 << c.hour;
	}
	if (r->minutes == 0 && r->freq < FREQ_MINUTELY) {
		r->minutes = (uint64_t)1 << c.minute;
	}
	if (r->seconds == 0 && r->freq < FREQ_SECONDLY) {
		r->seconds = (uint64_t)1 << c.second;
	}
}

/* Walks NAME=VALUE;...: first for FREQ alone, which decides how others are read. */
static int rule_parts(const struct parser *p, struct rule *r, char *text, int only_freq)
{
	char *part;

	while ((part = strsep(&text, ";")) != NULL) {
		char *value = strchr(part, '=');
		int rc = 0;

		if (value == NULL || value == part) {
			return bad(p, "not NAME=VALUE:", part);
		}
		*value++ = '\0';
		if (!only_freq) {
			rc = rule_part(p, r, part, value);
		} else if (strcmp(part, "FREQ") == 0 &&
			   frequency(value, &r->freq) < 0) {
			rc = bad(p, "unknown FREQ", value);
		}
		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

static int parse_rule(const struct parser *p, const char *text, struct rule **list,
		      size_t *count)
{
	struct rule *r;
	char *copy;
	int rc;

	if (*count == RULE_RULES_MAX) {
		return bad(p, "too many rules, at", text);
	}
	r = xcalloc(1, sizeof(*r));
	r->interval = 1;
	r->count = -1;
	r->until_us = INT64_MAX;
	r->start_us = p->start_us;
	r->week_start = 1;
	copy = xstrdup(text);
	rc = rule_parts(p, r, copy, 1);
	free(copy);
	if (rc == 0 && r->freq == 0) {
		rc = bad(p, "no FREQ in", text);
	}
	if (rc == 0) {
		copy = xstrdup(text);
		rc = rule_parts(p, r, copy, 0);
		free(copy);
	}
	if (rc < 0) {
		free(r);
		return rc;
	}
	rule_defaults(r);
	list[(*count)++] = r;
	return 0;
}

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int parse_dates(const struct parser *p, char *text, int64_t *list, size_t *count)
{
	char *item;

	while ((item = strsep(&text, ",")) != NULL) {
		if (*count == RULE_LIST_MAX) {
			return bad(p, "too many dates, at", item);
		}
		if (date_time(item, &list[*count]) < 0) {
			return bad(p, "not a date like 20260801T120000:", item);
		}
		(*count)++;
	}
	qsort(list, *count, sizeof(*list), compare_times);
	return 0;
}

/* NAME[;PARAMETERS]:VALUE, or a bare rule.  FIRST: only DTSTART is looked at. */
static int parse_line(struct parser *p, char *line, int first)
{
	struct rrule *set = p->set;
	char *value = strchr(line, ':');

	if (value == NULL) {
		return first ? 0 : parse_rule(p, line, set->rules, &set->rule_count);
	}
	*value++ = '\0';
	line[strcspn(line, ";")] = '\0';
	if (strcmp(line, "DTSTART") == 0) {
		set->has_start = 1;
		return date_time(value, &p->start_us) < 0
			   ? bad(p, "not a date like 20260801T120000:", value)
			   : 0;
	}
	if (first) {
		return 0;
	}
	if (strcmp(line, "RRULE") == 0) {
		return parse_rule(p, value, set->rules, &set->rule_count);
	}
	if (strcmp(line, "EXRULE") == 0) {
		return parse_rule(p, value, set->except, &set->except_count);
	}
	if (strcmp(line, "RDATE") == 0) {
		return parse_dates(p, value, set->dates, &set->date_count);
	}
	if (strcmp(line, "EXDATE") == 0) {
		return parse_dates(p, value, set->except_dates,
				   &set->except_date_count);
	}
	return bad(p, "unknown property", line);
}

static int parse_lines(struct parser *p, const char *text, int first)
{
	char *copy = xstrdup(text);
	char *save = NULL;
	int rc = 0;

	for (char *line = strtok_r(copy, SPACE, &save); line != NULL && rc == 0;
	     line = strtok_r(NULL, SPACE, &save)) {
		for (char *c = line; *c != '\0'; c++) {
			*c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
		}
		rc = parse_line(p, line, first);
	}
	free(copy);
	return rc;
}

int rrule_parse(const char *text, struct rrule **ret_rule, struct error *err)
{
	struct parser p = {.start_us = 1577836800 * CLOCK_US_PER_S, .err = err};
	int rc;

	if (strlen(text) > TEXT_MAX) {
		return err_set(err, ERR_INVALID, "longer than %d bytes", TEXT_MAX);
	}
	p.set = xcalloc(1, sizeof(*p.set));
	rc = parse_lines(&p, text, 1);
	if (rc == 0) {
		rc = parse_lines(&p, text, 0);
	}
	if (rc == 0 && p.set->rule_count + p.set->date_count == 0) {
		rc = err_set(err, ERR_INVALID, "there is no rule in it");
	}
	if (rc < 0) {
		rrule_free(p.set);
		return rc;
	}
	*ret_rule = p.set;
	return 0;
}
