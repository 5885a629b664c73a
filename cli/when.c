/* SPDX-License-Identifier: Apache-2.0 */
/*
 * when.c - durations word by word; instants as a day and a time of day.
 */
#include "cli/when.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define WEEK 7

int when_duration(const char *text, int64_t *ret_us, struct error *err)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
	const char *p = text;
	int64_t total = 0;
	int any = 0;

	while (*p != '\0') {
		char *end;
		double n;
		size_t u;

		while (*p != '\0' && !isdigit((unsigned char)*p)) {
			p++;
		}
		if (*p == '\0') {
			break;
		}
		n = strtod(p, &end);
		while (*end == ' ') {
			end++;
		}
		for (u = 0; u < ARRAY_LEN(units); u++) {
			if (tolower((unsigned char)*end) == units[u].unit[0]) {
				break;
			}
		}
		if (u == ARRAY_LEN(units) || n < 0 || n > 1e9) {
			any = 0;
			break;
		}
		total += (int64_t)(n * (double)units[u].seconds * 1e6);
		any = 1;
		for (p = end; isalpha((unsigned char)*p); p++) {
		}
	}
	if (!any) {
		return err_set(err, ERR_USAGE,
			       "Unable to parse '%s' as a duration; say for example '2 "
			       "hours' or '90s'.",
			       text);
	}
	*ret_us = total;
	return 0;
}

/* What the words have said so far. */
struct day_time {
	struct tm now, tm; /* local or UTC */
	int has_day, has_time, is_date, hour12, utc;
};

static int64_t to_us(const struct day_time *d)
{
	struct tm tm = d->tm;
	time_t t;

	tm.tm_isdst = -1;
	t = d->utc ? timegm(&tm) : mktime(&tm);
	return (int64_t)t * CLOCK_US_PER_S;
}

static int day_word(struct day_time *d, const char *word)
{
	static const char *const days[WEEK] = {"sunday",    "monday",   "tuesday",
					       "wednesday", "thursday", "friday",
					       "saturday"};
	struct civil date;
	int64_t at_us;

	if (strcasecmp(word, "today") == 0) {
		return d->has_day = 1;
	}
	if (strcasecmp(word, "tomorrow") == 0) {
		d->tm.tm_mday++;
		return d->has_day = 1;
	}
	for (int i = 0; i < WEEK; i++) {
		if (strcasecmp(word, days[i]) == 0 ||
		    (strlen(word) == 3 && strncasecmp(word, days[i], 3) == 0)) {
			d->tm.tm_mday += (i - d->now.tm_wday + WEEK) % WEEK;
			return d->has_day = 1;
		}
	}
	if (strlen(word) == strlen("2026-12-24") &&
	    time_parse(word, &at_us, NULL, NULL, NULL) == 0) {
		civil_from_us(at_us, &date);
		d->tm.tm_year = date.year - 1900;
		d->tm.tm_mon = date.month - 1;
		d->tm.tm_mday = date.day;
		d->is_date = 1;
		return d->has_day = 1;
	}
	return 0;
}

/* "am" or "pm", which needs an hour of 1 to 12 before it. */
static int half_word(struct day_time *d, const char *word)
{
	int pm = strcasecmp(word, "pm") == 0;

	if ((!pm && strcasecmp(word, "am") != 0) || !d->has_time || !d->hour12) {
		return 0;
	}
	d->tm.tm_hour = d->tm.tm_hour % 12 + (pm ? 12 : 0);
	d->hour12 = 0;
	return 1;
}

static int set_time(struct day_time *d, int hour, int minute, int second)
{
	if (d->has_time || hour > 23 || minute > 59 || second > 59) {
		return 0;
	}
	d->tm.tm_hour = hour;
	d->tm.tm_min = minute;
	d->tm.tm_sec = second;
	d->hour12 = hour >= 1 && hour <= 12;
	return d->has_time = 1;
}

/* "17:30", "17:30:15", "5:30pm", "5pm". */
static int time_word(struct day_time *d, const char *word)
{
	char *end;
	long part[3] = {0, 0, 0};
	int parts = 0;

	if (strcasecmp(word, "noon") == 0 || strcasecmp(word, "midnight") == 0) {
		return set_time(d, tolower((unsigned char)word[0]) == 'n' ? 12 : 0, 0,
				0);
	}
	do {
		if (!isdigit((unsigned char)word[0])) {
			return 0;
		}
		part[parts++] = strtol(word, &end, 10);
		word = end + 1;
	} while (*end == ':' && parts < 3);
	if (part[0] > 23 || part[1] > 59 || part[2] > 59 ||
	    (parts == 1 && *end == '\0')) {
		return 0;
	}
	return set_time(d, (int)part[0], (int)part[1], (int)part[2]) &&
	       (*end == '\0' || half_word(d, end));
}

static int take_word(struct day_time *d, const char *word)
{
	if (strcasecmp(word, "at") == 0 || strcasecmp(word, "on") == 0) {
		return 1;
	}
	if (d->utc && strcasecmp(word, "utc") == 0) {
		return 1; /* seen before the others were read */
	}
	return (!d->has_day && day_word(d, word)) || half_word(d, word) ||
	       time_word(d, word);
}

/* The last word decides what the others mean. */
static int ends_in_utc(const char *text)
{
	size_t len = strlen(text);

	return len > 4 && strcasecmp(text + len - 4, " utc") == 0;
}

static int read_words(const char *text, struct day_time *d)
{
	char *copy = xstrdup(text), *rest = NULL;
	int ok = 1;

	for (char *word = strtok_r(copy, " ,", &rest); ok && word != NULL;
	     word = strtok_r(NULL, " ,", &rest)) {
		ok = take_word(d, word);
	}
	free(copy);
	return ok && (d->has_time || d->is_date);
}

int when_instant(const char *text, int64_t now_us, int64_t *ret_at_us,
		 struct error *err)
{
	struct day_time d = {.utc = ends_in_utc(text)};
	time_t now = (time_t)(now_us / CLOCK_US_PER_S);
	int naive = 0;

	if (time_parse(text, ret_at_us, NULL, &naive, NULL) == 0 && !naive) {
		return 0;
	}
	if (naive) { /* an ISO date and time, meant as local time */
		struct tm tm;
		const time_t as_utc = (time_t)(*ret_at_us / CLOCK_US_PER_S);

		(void)gmtime_r(&as_utc, &tm);
		d.tm = tm;
		*ret_at_us = to_us(&d) + *ret_at_us % CLOCK_US_PER_S;
		return 0;
	}
	(void)(d.utc ? gmtime_r(&now, &d.now) : localtime_r(&now, &d.now));
	d.tm = d.now;
	d.tm.tm_hour = d.tm.tm_min = d.tm.tm_sec = 0;
	if (!read_words(text, &d)) {
		return err_set(err, ERR_USAGE,
			       "Unable to parse '%s' as a time; say for example "
			       "'5:30pm', 'tomorrow at 17:30' or "
			       "'2026-12-24 18:00'.",
			       text);
	}
	*ret_at_us = to_us(&d);
	if (*ret_at_us <= now_us && !d.is_date &&
	    (!d.has_day || d.tm.tm_mday != d.now.tm_mday)) {
		d.tm.tm_mday++;
		*ret_at_us = to_us(&d);
	}
	return 0;
}
