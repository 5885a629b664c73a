/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched_txn.c - transactions: when the last task of one is over, the completed ones
 * are committed in the order of their completion, or rolled back in the reverse one.
 * With the mode EAGER each is committed when it is completed, and stays so; with OFF
 * nothing is, and all is rolled back.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/sched_priv.h"

static struct sched_txn *txn_of(const struct sched *s, size_t unit)
{
	size_t number = sched_plan(s, unit)->txn;

	return number > 0 ? &s->txns[number - 1] : NULL;
}

static int is_eager(const struct sched *s, const struct sched_txn *x)
{
	return s->flow->txns[x - s->txns].mode == PLAN_COMMIT_EAGER;
}

void sched_txn_reset(struct sched *s)
{
	size_t i;

	if (s->txns == NULL && s->flow->txn_count > 0) {
		s->txns = xcalloc(s->flow->txn_count, sizeof(*s->txns));
	}
	for (i = 0; i < s->flow->txn_count; i++) {
		struct sched_txn *x = &s->txns[i];

		x->left = s->flow->txns[i].count;
		x->failed = x->over = x->waiting = 0;
		x->step = (enum sched_action_type)0;
		x->count = x->at = 0;
	}
}

void sched_txn_free(struct sched *s)
{
	size_t i;

	for (i = 0; s->txns != NULL && i < s->flow->txn_count; i++) {
		free(s->txns[i].units);
	}
	free(s->txns);
}

static void forget_items(struct sched *s, struct sched_txn *x)
{
	size_t i;

	for (i = 0; i < x->count; i++) {
		if (sched_is_item(s, x->units[i])) {
			(void)sched_push(s, SCHED_ACT_FORGET, x->units[i]);
		}
	}
	x->over = 1;
}

/* The next completed run, or the end. */
static void next(struct sched *s, struct sched_txn *x)
{
	size_t unit;

	if (x->at >= x->count) {
		forget_items(s, x);
		return;
	}
	unit = x->units[x->step == SCHED_ACT_COMMIT ? x->at : x->count - 1 - x->at];
	x->at++;
	x->waiting = 1;
	(void)sched_push(s, x->step, unit);
}

/* EAGER: one run at a time. */
static void eager_next(struct sched *s, struct sched_txn *x)
{
	if (x->waiting) {
		return;
	}
	if (x->at < x->count) {
		x->step = SCHED_ACT_COMMIT;
		x->waiting = 1;
		(void)sched_push(s, x->step, x->units[x->at++]);
	} else if (x->left == 0) {
		forget_items(s, x);
	}
}

static void begin(struct sched *s, struct sched_txn *x, int commit)
{
	x->step = commit ? SCHED_ACT_COMMIT : SCHED_ACT_ROLLBACK;
	x->at = 0;
	next(s, x);
}

void sched_txn_run_done(struct sched *s, size_t unit)
{
	struct sched_txn *x = txn_of(s, unit);
	const struct sched_task *t = sched_unit(s, unit);

	if (x == NULL) {
		return;
	}
	if (t->type != STATE_COMPLETED) {
		x->failed |= !sched_plan(s, unit)->allow_failure;
		if (sched_is_item(s, unit)) {
			(void)sched_push(s, SCHED_ACT_FORGET, unit);
		}
		return;
	}
	if (x->count == x->size) {
		x->size = x->size == 0 ? 8 : x->size * 2;
		x->units = xreallocarray(x->units, x->size, sizeof(*x->units));
	}
	x->units[x->count++] = unit;
	if (is_eager(s, x)) {
		eager_next(s, x);
	}
}

void sched_txn_task_done(struct sched *s, size_t task)
{
	struct sched_txn *x = txn_of(s, task);

	if (x == NULL || --x->left > 0) {
		return;
	}
	if (is_eager(s, x)) {
		eager_next(s, x);
	} else if (x->step == 0) {
		begin(s, x,
		      !x->failed && s->flow->txns[x - s->txns].mode != PLAN_COMMIT_OFF);
	}
}

void sched_txn_stop(struct sched *s)
{
	size_t i;

	for (i = 0; s->txns != NULL && i < s->flow->txn_count; i++) {
		if (is_eager(s, &s->txns[i])) {
			s->txns[i].left = 0;
			eager_next(s, &s->txns[i]);
		} else if (s->txns[i].step == 0 && !s->txns[i].over) {
			begin(s, &s->txns[i], 0);
		}
	}
}

void sched_txn_hooked(struct sched *s, const struct sched_event *ev,
		      struct sched_now now)
{
	struct sched_txn *x = txn_of(s, ev->task);
	struct run_state state;

	if (x == NULL || !x->waiting) {
		return;
	}
	x->waiting = 0;
	if (x->step == SCHED_ACT_ROLLBACK) {
		sched_make_state(&state, STATE_COMPLETED, "RolledBack",
				 "Task rolled back as part of transaction");
		sched_set_state(s, ev->task, &state, now);
		sched_unit(s, ev->task)->reusable = 0;
	} else if (ev->verdict == SCHED_FAIL) {
		/* a hook of the commit failed: everything is undone */
		if (!sched_plan(s, ev->task)->allow_failure) {
			s->tally.failed++;
		}
		if (is_eager(s, x)) { /* of this run only */
			x->step = SCHED_ACT_ROLLBACK;
			x->waiting = 1;
			(void)sched_push(s, x->step, ev->task);
		} else {
			begin(s, x, 0);
		}
		return;
	}
	if (is_eager(s, x)) {
		eager_next(s, x);
	} else {
		next(s, x);
	}
}

int sched_txn_over(const struct sched *s)
{
	size_t i;

	for (i = 0; i < s->flow->txn_count; i++) {
		if (!s->txns[i].over) {
			return 0;
		}
	}
	return 1;
}
