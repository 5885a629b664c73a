/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rrule_priv.h - parsed rules, and the expansion of a single one.
 */
#ifndef BASE_RRULE_PRIV_H
#define BASE_RRULE_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/rrule.h"
#include "base/timefmt.h"

#define RULE_LIST_MAX  512 /* entries of one BY part, dates of one set */
#define RULE_RULES_MAX 32  /* rules of a set */

enum rule_freq {
	FREQ_YEARLY = 1,
	FREQ_MONTHLY,
	FREQ_WEEKLY,
	FREQ_DAILY,
	FREQ_HOURLY,
	FREQ_MINUTELY,
	FREQ_SECONDLY
};

/* One RRULE or EXRULE.  Lists hold what was written, -1 counting from the end. */
struct rule {
	enum rule_freq freq;
	int interval;
	int64_t count;    /* -1: no limit */
	int64_t until_us; /* INT64_MAX: no limit */
	int64_t start_us; /* naive local time */
	int week_start;   /* 0 = Sunday */
	uint32_t months;  /* bit n for month n; 0: all */
	uint32_t days;    /* of the month, bit n for day n */
	uint32_t end_days;
	int has_days;
	uint32_t weekdays; /* bit 0 = Sunday; without a number */
	struct rule_nth {
		int weekday, n;
	} nth[64];
	size_t nth_count;
	int year_days[RULE_LIST_MAX], weeks[64], positions[RULE_LIST_MAX];
	size_t year_day_count, week_count, position_count;
	uint64_t hours, minutes, seconds; /* 0: as the start or the period says */
};

struct rrule {
	int has_start;
	struct rule *rules[RULE_RULES_MAX];
	size_t rule_count;
	struct rule *except[RULE_RULES_MAX];
	size_t except_count;
	int64_t dates[RULE_LIST_MAX], except_dates[RULE_LIST_MAX]; /* ascending */
	size_t date_count, except_date_count;
};

/* The expansion of one rule: period by period. */
struct rule_iter {
	const struct rule *rule;
	int64_t period;    /* index of the next period to expand */
	int64_t left;      /* of COUNT; -1: no limit */
	int64_t days[366]; /* of the present period: midnights in us */
	size_t day_count;
	uint64_t hours, minutes, seconds;
	size_t total, at; /* combinations of day and time */
	int idle;         /* periods since the last occurrence */
	int done;
};

void rule_iter_init(struct rule_iter *it, const struct rule *r, int64_t from_us);
int64_t rule_iter_next(struct rule_iter *it); /* TIME_NONE at the end */

#endif
