/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_slots.c - the slot budget of a host: shares, grants, and that no order of
 * messages breaks the limit.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "agent/slots.h"
#include "base/compiler.h"

static struct slots s;
static struct slots_change out[SLOTS_SHARERS_MAX];

/* What a worker knows: it holds runs, and goes by a grant. */
struct worker {
	int id, held, grant;
	uint32_t number;
};

static void start(int limit)
{
	slots_init(&s, limit);
}

static struct worker join(int weight)
{
	struct worker w = {.id = slots_add(&s, weight)};

	cr_assert_geq(w.id, 0);
	return w;
}

static void report(const struct worker *w, int want)
{
	slots_report(&s, w->id, w->held, want, w->number);
}

/* Delivers what the balance told to the workers. */
static void deliver(struct worker **all, size_t count)
{
	int before = slots_committed(&s); /* above a limit that was lowered */
	size_t n = slots_balance(&s, out);

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < count; k++) {
			if (all[k]->id == out[i].sharer) {
				all[k]->grant = out[i].grant;
				all[k]->number = out[i].number;
			}
		}
	}
	cr_assert_leq(slots_committed(&s), MAX_OF(s.limit, before));
}

static void settle(struct worker **all, const int *wants, size_t count)
{
	for (int turn = 0; turn < 6; turn++) {
		for (size_t k = 0; k < count; k++) {
			report(all[k], wants[k]);
		}
		deliver(all, count);
	}
}

Test(slots, idle_slots_are_spread_by_weight)
{
	start(8);
	struct worker a = join(3), b = join(1);
	struct worker *all[] = {&a, &b};
	const int wants[] = {0, 0};

	settle(all, wants, 2);
	cr_expect_eq(a.grant, 6);
	cr_expect_eq(b.grant, 2);
}

Test(slots, who_wants_gets_what_nobody_needs)
{
	start(8);
	struct worker a = join(1), b = join(1);
	struct worker *all[] = {&a, &b};
	const int wants[] = {SLOTS_WANT_MANY, 0};

	settle(all, wants, 2);
	cr_expect_eq(a.grant, 8);
	cr_expect_eq(b.grant, 0);
}

Test(slots, late_comers_get_their_share_as_runs_end)
{
	start(4);
	struct worker a = join(1), b = join(1);
	struct worker *all[] = {&a, &b};
	const int one[] = {SLOTS_WANT_MANY, 0};
	const int both[] = {SLOTS_WANT_MANY, SLOTS_WANT_MANY};

	settle(all, one, 2);
	a.held = 4;
	settle(all, both, 2);
	cr_expect_eq(b.grant, 0, "nothing is taken from runs");
	a.held = 3;
	settle(all, both, 2);
	cr_expect_eq(b.grant, 1);
	b.held = 1;
	a.held = 2;
	settle(all, both, 2);
	cr_expect_eq(b.grant, 2);
	cr_expect_eq(a.grant, 2);
}

Test(slots, weights_hold_under_contention)
{
	start(12);
	struct worker a = join(1), b = join(2), c = join(3);
	struct worker *all[] = {&a, &b, &c};
	const int wants[] = {SLOTS_WANT_MANY, SLOTS_WANT_MANY, SLOTS_WANT_MANY};

	settle(all, wants, 3);
	cr_expect_eq(a.grant, 2);
	cr_expect_eq(b.grant, 4);
	cr_expect_eq(c.grant, 6);
}

Test(slots, a_lowered_grant_counts_until_it_is_acknowledged)
{
	start(4);
	struct worker a = join(1), b = join(1);
	struct worker *both[] = {&a, &b};
	const int wants[] = {SLOTS_WANT_MANY, 0};

	settle(both, wants, 2);
	cr_assert_eq(a.grant, 4);
	/* B wants: A is told less, but has not heard of it */
	uint32_t seen = a.number;
	report(&b, SLOTS_WANT_MANY);
	slots_report(&s, a.id, 0, SLOTS_WANT_MANY, seen);
	deliver(both, 2);
	cr_expect_eq(a.grant, 2);
	cr_expect_eq(b.grant, 0);
	/* A started four before it heard: they stay, B waits */
	slots_report(&s, a.id, 4, SLOTS_WANT_MANY, a.number);
	deliver(both, 2);
	cr_expect_eq(b.grant, 0);
	slots_report(&s, a.id, 3, SLOTS_WANT_MANY, a.number);
	deliver(both, 2);
	cr_expect_eq(b.grant, 1);
}

Test(slots, an_old_report_does_not_acknowledge_a_later_grant)
{
	start(4);
	struct worker a = join(1), b = join(1);
	struct worker *all[] = {&a, &b};
	const int wants[] = {SLOTS_WANT_MANY, 0};

	settle(all, wants, 2);
	uint32_t old = a.number;
	report(&b, 1);
	deliver(all, 2);
	slots_report(&s, a.id, 0, SLOTS_WANT_MANY, old);
	deliver(all, 2);
	cr_expect_eq(b.grant, 0, "A may still go by its 4");
	slots_report(&s, a.id, 0, SLOTS_WANT_MANY, a.number);
	deliver(all, 2);
	cr_expect_eq(b.grant, 1);
}

Test(slots, nothing_new_while_admission_is_closed)
{
	start(4);
	struct worker a = join(1), b = join(1);
	struct worker *all[] = {&a, &b};
	const int wants[] = {SLOTS_WANT_MANY, SLOTS_WANT_MANY};

	settle(all, wants, 2);
	a.held = 1;
	s.open = 0;
	settle(all, wants, 2);
	cr_expect_eq(a.grant, 1);
	cr_expect_eq(b.grant, 0);
	s.open = 1;
	settle(all, wants, 2);
	cr_expect_eq(a.grant + b.grant, 4);
}

Test(slots, one_that_drains_keeps_what_it_holds)
{
	start(4);
	struct worker a = join(1), b = join(1);
	struct worker *all[] = {&a, &b};
	const int wants[] = {0, SLOTS_WANT_MANY};

	a.held = 2;
	s.sharer[a.id].finite = 1;
	settle(all, wants, 2);
	cr_expect_leq(a.grant, 2);
	cr_expect_eq(b.grant, 2);
	slots_remove(&s, a.id);
	settle(all + 1, wants + 1, 1);
	cr_expect_eq(b.grant, 4);
}

Test(slots, a_lower_limit_takes_no_run_away)
{
	start(8);
	struct worker a = join(1);
	struct worker *all[] = {&a};
	const int wants[] = {SLOTS_WANT_MANY};

	settle(all, wants, 1);
	a.held = 6;
	s.limit = 4;
	settle(all, wants, 1);
	cr_expect_eq(a.grant, 6);
	a.held = 3;
	settle(all, wants, 1);
	cr_expect_eq(a.grant, 4);
}

/* ---- any order of messages ---- */

#define WORKERS 5
#define PIPE    64

/* A worker at the other end of a pipe in which messages wait. */
struct remote {
	struct worker w;
	struct slots_change pipe[PIPE];
	size_t count;
};

static unsigned int seed;

static int pick(int n)
{
	seed = seed * 1103515245u + 12345u;
	return (int)(seed >> 16 & 0x7fff) % n;
}

static void push_changes(struct remote *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (int k = 0; k < WORKERS; k++) {
			if (r[k].w.id == out[i].sharer) {
				cr_assert_lt(r[k].count, PIPE);
				r[k].pipe[r[k].count++] = out[i];
			}
		}
	}
}

static void step(struct remote *r)
{
	struct remote *x = &r[pick(WORKERS)];
	int held = 0;

	switch (pick(4)) {
	case 0: /* hears the next grant, and answers */
		if (x->count > 0) {
			x->w.grant = x->pipe[0].grant;
			x->w.number = x->pipe[0].number;
			x->count--;
			for (size_t i = 0; i < x->count; i++) {
				x->pipe[i] = x->pipe[i + 1];
			}
			report(&x->w, pick(3));
		}
		break;
	case 1: /* starts a run: the report is on its way, the agent learns of it now */
		if (x->w.held < x->w.grant) {
			x->w.held++;
		}
		break;
	case 2:
		if (x->w.held > 0) {
			x->w.held--;
			report(&x->w, pick(2) * SLOTS_WANT_MANY);
		}
		break;
	default:
		report(&x->w, pick(2) * SLOTS_WANT_MANY);
		break;
	}
	push_changes(r, slots_balance(&s, out));
	for (int k = 0; k < WORKERS; k++) {
		held += r[k].w.held;
	}
	cr_assert_leq(held, s.limit, "seed %u: %d runs of %d", seed, held, s.limit);
}

Test(slots, no_order_of_messages_breaks_the_limit)
{
	for (unsigned int run = 0; run < 50; run++) {
		struct remote r[WORKERS] = {0};

		seed = run;
		start(1 + pick(12));
		for (int k = 0; k < WORKERS; k++) {
			r[k].w = join(1 + pick(3));
		}
		for (int i = 0; i < 400; i++) {
			step(r);
		}
	}
}
