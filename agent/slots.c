/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots.c - see slots.h.
 */
#include "agent/slots.h"

#include <string.h>

#include "base/compiler.h"
#include "base/error.h"

void slots_init(struct slots *s, int limit)
{
	memset(s, 0, sizeof(*s));
	s->limit = limit;
	s->open = 1;
}

int slots_add(struct slots *s, int weight)
{
	for (int i = 0; i < SLOTS_SHARERS_MAX; i++) {
		if (!s->sharer[i].used) {
			s->sharer[i] =
			    (struct slots_sharer){.used = 1, .weight = weight};
			return i;
		}
	}
	return -1;
}

void slots_remove(struct slots *s, int i)
{
	s->sharer[i] = (struct slots_sharer){0};
}

void slots_report(struct slots *s, int i, int held, int want, uint32_t seen)
{
	struct slots_sharer *p = &s->sharer[i];

	PRE(p->used);
	p->held = MAX_OF(held, 0);
	p->want = MIN_OF(MAX_OF(want, 0), SLOTS_WANT_MANY);
	if (seen == p->told) {
		p->believed = p->granted; /* the earlier ones are forgotten */
	}
}

/* What has to be kept free for P: it may start runs up to this without asking. */
static int committed(const struct slots_sharer *p)
{
	return MAX_OF(p->held, MAX_OF(p->granted, p->believed));
}

int slots_held(const struct slots *s)
{
	int n = 0;

	for (int i = 0; i < SLOTS_SHARERS_MAX; i++) {
		n += s->sharer[i].held;
	}
	return n;
}

int slots_committed(const struct slots *s)
{
	int n = 0;

	for (int i = 0; i < SLOTS_SHARERS_MAX; i++) {
		n += s->sharer[i].used ? committed(&s->sharer[i]) : 0;
	}
	return n;
}

/* Is (A+1)/WA a smaller part of the share than (B+1)/WB? */
static int further_below(int a, int wa, int b, int wb)
{
	return (int64_t)(a + 1) * wb < (int64_t)(b + 1) * wa;
}

/* Gives LEFT slots, one at a time, to those below their TOP. */
static int pour(const struct slots *s, int *target, const int *top, int left)
{
	while (left > 0) {
		int best = -1;

		for (int i = 0; i < SLOTS_SHARERS_MAX; i++) {
			if (target[i] < top[i] &&
			    (best < 0 ||
			     further_below(target[i], s->sharer[i].weight, target[best],
					   s->sharer[best].weight))) {
				best = i;
			}
		}
		if (best < 0) {
			break;
		}
		target[best]++;
		left--;
	}
	return left;
}

/* NEED: what each should have by what it wants; TARGET: with the rest spread. */
static void work_out(const struct slots *s, int *need, int *target)
{
	int top[SLOTS_SHARERS_MAX] = {0};
	int left = MAX_OF(s->limit - slots_held(s), 0);

	for (int i = 0; i < SLOTS_SHARERS_MAX; i++) {
		const struct slots_sharer *p = &s->sharer[i];

		need[i] = p->held;
		top[i] = p->used && !p->finite ? MIN_OF(p->held + p->want, s->limit)
					       : p->held;
	}
	left = s->open ? pour(s, need, top, left) : 0;
	memcpy(target, need, sizeof(*target) * SLOTS_SHARERS_MAX);
	for (int i = 0; i < SLOTS_SHARERS_MAX; i++) {
		const struct slots_sharer *p = &s->sharer[i];

		top[i] = p->used && !p->finite ? s->limit : target[i];
	}
	(void)pour(s, target, top, left);
}

static void tell(struct slots_sharer *p, int grant)
{
	p->believed = committed(p); /* until it says otherwise */
	p->granted = grant;
	p->told++;
}

/* Grants up to GOAL what is free now; returns how much stays wanted. */
static int raise_to(struct slots *s, const int *goal, int *unassigned)
{
	int missing = 0;

	for (int i = 0; i < SLOTS_SHARERS_MAX; i++) {
		struct slots_sharer *p = &s->sharer[i];
		int more = goal[i] - p->granted, has = committed(p), cost;

		if (!p->used || more <= 0 || goal[i] <= p->held) {
			continue; /* what it holds needs no grant */
		}
		/* up to what is committed already it costs nothing */
		cost = MAX_OF(goal[i] - has, 0);
		if (cost > *unassigned) {
			missing += cost - MAX_OF(*unassigned, 0);
			more -= cost - MAX_OF(*unassigned, 0);
			cost = MAX_OF(*unassigned, 0);
		}
		if (more > 0) {
			*unassigned -= cost;
			tell(p, p->granted + more);
		}
	}
	return missing;
}

/* Takes back what is above TARGET, at least MISSING slots if there are so many. */
static void lower(struct slots *s, const int *target, int missing)
{
	for (int i = 0; i < SLOTS_SHARERS_MAX && missing > 0; i++) {
		struct slots_sharer *p = &s->sharer[i];

		if (p->used && p->granted > target[i]) {
			missing -= p->granted - target[i];
			tell(p, target[i]);
		}
	}
}

size_t slots_balance(struct slots *s, struct slots_change *out)
{
	int need[SLOTS_SHARERS_MAX], target[SLOTS_SHARERS_MAX];
	int before[SLOTS_SHARERS_MAX];
	int unassigned = s->limit - slots_committed(s), missing;
	size_t n = 0;

	for (int i = 0; i < SLOTS_SHARERS_MAX; i++) {
		before[i] = s->sharer[i].granted;
	}
	work_out(s, need, target);
	missing = raise_to(s, need, &unassigned);
	if (!s->open || unassigned < 0) {
		missing = SLOTS_LIMIT_MAX; /* nobody keeps a free slot */
	}
	if (missing > 0) {
		lower(s, target, missing);
	} else {
		(void)raise_to(s, target, &unassigned);
	}
	for (int i = 0; i < SLOTS_SHARERS_MAX; i++) {
		struct slots_sharer *p = &s->sharer[i];

		if (p->used && p->finite && p->granted > p->held) {
			tell(p, p->held);
		}
		if (p->used && p->granted != before[i]) {
			out[n++] = (struct slots_change){i, p->granted, p->told};
		}
	}
	return n;
}
