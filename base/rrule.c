/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rrule.c - a set of rules and dates: what the rules and RDATEs give, without what the
 * EXRULEs and EXDATEs take away.
 */
#include "base/rrule.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "base/rrule_priv.h"

#define START_DEFAULT_US (1577836800 * CLOCK_US_PER_S) /* 2020-01-01 */
#define SKIP_MAX         1000000 /* occurrences before FROM, or taken away, in one call */

struct source {
	struct rule_iter it;
	int64_t next_us; /* TIME_NONE: no more */
};

struct rrule_iter {
	const struct rrule *rule;
	int64_t from_us;
	size_t date_at;
	struct source rules[RULE_RULES_MAX], except[RULE_RULES_MAX];
	int64_t last_us;
};

void rrule_free(struct rrule *r)
{
	if (r == NULL) {
		return;
	}
	for (size_t i = 0; i < r->rule_count; i++) {
		free(r->rules[i]);
	}
	for (size_t i = 0; i < r->except_count; i++) {
		free(r->except[i]);
	}
	free(r);
}

int rrule_has_start(const struct rrule *r)
{
	return r->has_start;
}

int64_t rrule_default_start(const struct rrule *r, int64_t now_local_us)
{
	const struct rule *only = r->rule_count == 1 ? r->rules[0] : NULL;
	int64_t step_us;

	if (only == NULL ||
	    r->date_count + r->except_count + r->except_date_count > 0 ||
	    only->freq < FREQ_MINUTELY || only->count >= 0 ||
	    now_local_us <= START_DEFAULT_US) {
		return START_DEFAULT_US;
	}
	step_us = only->interval * (only->freq == FREQ_MINUTELY ? 60LL : 1LL) *
		  CLOCK_US_PER_S;
	return START_DEFAULT_US + (now_local_us - START_DEFAULT_US) / step_us * step_us;
}

static void source_init(struct source *s, const struct rule *r, int64_t from_us)
{
	rule_iter_init(&s->it, r, from_us);
	s->next_us = rule_iter_next(&s->it);
}

struct rrule_iter *rrule_iter_new(const struct rrule *r, int64_t from_local_us)
{
	struct rrule_iter *it = xcalloc(1, sizeof(*it));

	it->rule = r;
	it->from_us = from_local_us;
	it->last_us = TIME_NONE;
	for (size_t i = 0; i < r->rule_count; i++) {
		source_init(&it->rules[i], r->rules[i], from_local_us);
	}
	for (size_t i = 0; i < r->except_count; i++) {
		source_init(&it->except[i], r->except[i], from_local_us);
	}
	return it;
}

void rrule_iter_free(struct rrule_iter *it)
{
	free(it);
}

/* The earliest of all sources, taken from each that has it. */
static int64_t take_next(struct rrule_iter *it)
{
	const struct rrule *r = it->rule;
	int64_t min = INT64_MAX;

	if (it->date_at < r->date_count) {
		min = r->dates[it->date_at];
	}
	for (size_t i = 0; i < r->rule_count; i++) {
		if (it->rules[i].next_us != TIME_NONE) {
			min = MIN_OF(min, it->rules[i].next_us);
		}
	}
	while (it->date_at < r->date_count && r->dates[it->date_at] == min) {
		it->date_at++;
	}
	for (size_t i = 0; i < r->rule_count; i++) {
		if (it->rules[i].next_us == min) {
			it->rules[i].next_us = rule_iter_next(&it->rules[i].it);
		}
	}
	return min == INT64_MAX ? TIME_NONE : min;
}

static int is_excluded(struct rrule_iter *it, int64_t at_us)
{
	const struct rrule *r = it->rule;

	for (size_t i = 0; i < r->except_date_count; i++) {
		if (r->except_dates[i] == at_us) {
			return 1;
		}
	}
	for (size_t i = 0; i < r->except_count; i++) {
		struct source *s = &it->except[i];

		while (s->next_us != TIME_NONE && s->next_us < at_us) {
			s->next_us = rule_iter_next(&s->it);
		}
		if (s->next_us == at_us) {
			return 1;
		}
	}
	return 0;
}

int64_t rrule_iter_next(struct rrule_iter *it)
{
	for (int i = 0; i < SKIP_MAX; i++) {
		int64_t at_us = take_next(it);

		if (at_us == TIME_NONE) {
			return TIME_NONE;
		}
		if (at_us >= it->from_us && at_us != it->last_us &&
		    !is_excluded(it, at_us)) {
			it->last_us = at_us;
			return at_us;
		}
	}
	return TIME_NONE;
}
