/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lease.c - the lease table in virtual time.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/lease.h"
#include "base/compiler.h"
#include "base/error.h"

/* lease 15 s, renewed every 5 s, margin 2 s: trusted for 13 s after sending */
static const struct lease_conf conf = {
    .lease_ms = 15000, .renew_ms = 5000, .margin_ms = 2000};

static struct lease_table t;
static struct lease_actions out;
static struct error err;

static void start(void)
{
	memset(&err, 0, sizeof(err));
	cr_assert_eq(lease_table_init(&t, &conf, &err), 0);
	lease_actions_init(&out);
}

static void stop(void)
{
	lease_table_release(&t);
	lease_actions_release(&out);
}

TestSuite(lease, .init = start, .fini = stop);

static int add(const char *id, uint64_t token, int64_t sent_ms)
{
	struct lease_claim c = {
	    .id = id, .queue = "q", .token = token, .gen = 1, .sent_ms = sent_ms};
	return lease_add(&t, &c, &out, &err);
}

/* Moves along the usual way up to STATE. */
static void walk(const char *id, enum lease_state state)
{
	for (int s = LEASE_PENDING; s <= (int)state; s++) {
		cr_assert_eq(lease_move(&t, id, (enum lease_state)s, &err), 0, "%s",
			     err.msg);
	}
}

static void expect(size_t i, enum lease_action_kind kind, const char *id)
{
	cr_assert_gt(out.count, i, "%zu actions", out.count);
	cr_expect_eq(out.items[i].kind, kind);
	cr_expect_str_eq(out.items[i].id, id);
}

static int64_t tick(int64_t now)
{
	out.count = 0;
	return lease_tick(&t, now, &out);
}

Test(lease, moves_are_those_of_the_drawing)
{
	static const int allowed[][2] = {
	    {LEASE_CLAIMED, LEASE_PENDING}, {LEASE_CLAIMED, LEASE_ENDING},
	    {LEASE_CLAIMED, LEASE_GONE},    {LEASE_PENDING, LEASE_STARTED},
	    {LEASE_PENDING, LEASE_ENDING},  {LEASE_PENDING, LEASE_GONE},
	    {LEASE_STARTED, LEASE_ENDING},  {LEASE_STARTED, LEASE_GONE},
	    {LEASE_ENDING, LEASE_GONE},
	};

	for (int from = LEASE_CLAIMED; from < LEASE_STATE_MAX; from++) {
		for (int to = LEASE_CLAIMED; to < LEASE_STATE_MAX; to++) {
			int want = 0;
			for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
				want |= allowed[i][0] == from && allowed[i][1] == to;
			}
			cr_expect_eq(lease_move_allowed((enum lease_state)from,
							(enum lease_state)to),
				     want, "%d -> %d", from, to);
		}
	}
}

Test(lease, illegal_moves_are_conflicts_with_both_names)
{
	cr_assert_eq(add("r1", 1, 0), 0);
	cr_expect_eq(lease_move(&t, "r1", LEASE_STARTED, &err), -ERR_CONFLICT);
	cr_expect(strstr(err.msg, "claimed") != NULL &&
		      strstr(err.msg, "started") != NULL,
		  "%s", err.msg);
	cr_expect_eq(lease_move(&t, "r2", LEASE_PENDING, &err), -ERR_NOT_FOUND);
	walk("r1", LEASE_GONE);
	cr_expect_null(lease_get(&t, "r1"));
	cr_expect_eq(lease_table_count(&t), 0);
	cr_expect_eq(tick(1000000), INT64_MAX, "nothing to do any more");
}

Test(lease, numbers_without_room_are_refused)
{
	struct lease_table bad;
	struct lease_conf c = {.lease_ms = 7000, .renew_ms = 5000, .margin_ms = 2000};

	cr_expect_eq(lease_table_init(&bad, &c, &err), -ERR_INVALID);
	c.lease_ms = 7001;
	cr_expect_eq(lease_table_init(&bad, &c, &err), 0);
	lease_table_release(&bad);
}

Test(lease, renewal_is_asked_for_every_interval)
{
	cr_assert_eq(add("r1", 7, 1000), 0);
	cr_expect_eq(tick(1000), 6000, "the returned time is when it is due");
	cr_expect_eq(out.count, 0);
	cr_expect_eq(tick(5999), 6000);
	cr_expect_eq(tick(6000), 11000);
	cr_expect_eq(out.count, 1);
	expect(0, LEASE_ACT_RENEW, "r1");
	cr_expect_eq(out.items[0].token, 7);
	struct lease_action asked = out.items[0];
	lease_renewed(&t, &asked, 1, 6000, &out);
	cr_expect_eq(tick(6100), 11000);
}

Test(lease, unanswered_renewals_end_in_a_kill_before_the_lease_can_be_given_away)
{
	cr_assert_eq(add("r1", 7, 1000), 0);
	walk("r1", LEASE_STARTED);
	tick(6000);
	cr_expect_eq(tick(11000), 14000, "asked again, trusted until 1000 + 13000");
	expect(0, LEASE_ACT_RENEW, "r1");
	tick(13999);
	cr_expect_eq(out.count, 0);
	cr_expect_eq(tick(14000), INT64_MAX);
	cr_expect_eq(out.count, 1);
	expect(0, LEASE_ACT_KILL, "r1");
	cr_expect_eq(out.items[0].why, LEASE_WHY_UNRENEWED);
	cr_expect_null(lease_get(&t, "r1"));
}

Test(lease, trust_counts_from_sending_not_from_the_answer)
{
	cr_assert_eq(add("r1", 7, 0), 0);
	walk("r1", LEASE_STARTED);
	tick(5000);
	struct lease_action asked = out.items[0];
	/* sent at 5000, answered at 9000 */
	lease_renewed(&t, &asked, 1, 5000, &out);
	tick(10000);
	tick(15000);
	out.count = 0;
	tick(17999);
	cr_expect_eq(out.count, 0);
	tick(18000);
	expect(0, LEASE_ACT_KILL, "r1");
}

Test(lease, an_older_answer_never_shortens_the_trust)
{
	cr_assert_eq(add("r1", 7, 0), 0);
	walk("r1", LEASE_STARTED);
	struct lease_action asked = {.kind = LEASE_ACT_RENEW, .id = "r1", .token = 7};
	lease_renewed(&t, &asked, 1, 9000, &out);
	lease_renewed(&t, &asked, 1, 4000, &out);
	tick(17001);
	cr_expect_eq(out.count, 1);
	expect(0, LEASE_ACT_RENEW, "r1");
}

Test(lease, a_process_that_slept_too_long_kills_before_it_asks)
{
	cr_assert_eq(add("r1", 7, 0), 0);
	walk("r1", LEASE_STARTED);
	cr_assert_eq(add("r2", 8, 0), 0);
	tick(3600000);
	cr_expect_eq(out.count, 2);
	for (size_t i = 0; i < out.count; i++) {
		cr_expect_neq(out.items[i].kind, LEASE_ACT_RENEW);
	}
	cr_expect_eq(lease_table_count(&t), 0);
}

Test(lease, loss_means_kill_only_for_started_runs)
{
	static const struct {
		enum lease_state state;
		enum lease_action_kind kind;
	} cases[] = {{LEASE_CLAIMED, LEASE_ACT_FORGET},
		     {LEASE_PENDING, LEASE_ACT_FORGET},
		     {LEASE_STARTED, LEASE_ACT_KILL},
		     {LEASE_ENDING, LEASE_ACT_FORGET}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct lease_action asked = {.id = "r1", .token = 7};
		cr_assert_eq(add("r1", 7, 0), 0);
		walk("r1", cases[i].state);
		out.count = 0;
		lease_renewed(&t, &asked, 0, 5000, &out);
		cr_expect_eq(out.count, 1);
		expect(0, cases[i].kind, "r1");
		cr_expect_eq(out.items[0].why, LEASE_WHY_TAKEN);
		cr_expect_null(lease_get(&t, "r1"));
	}
}

Test(lease, answers_about_another_token_are_ignored)
{
	struct lease_action old = {.id = "r1", .token = 6},
			    gone = {.id = "r9", .token = 1};

	cr_assert_eq(add("r1", 7, 0), 0);
	lease_renewed(&t, &old, 0, 5000, &out);
	lease_renewed(&t, &gone, 0, 5000, &out);
	lease_renew_failed(&t, &old, 0, 1);
	cr_expect_eq(out.count, 0);
	cr_expect_not_null(lease_get(&t, "r1"));
}

Test(lease, failed_renewal_is_tried_again_soon)
{
	cr_assert_eq(add("r1", 7, 0), 0);
	tick(5000);
	struct lease_action asked = out.items[0];
	lease_renew_failed(&t, &asked, 5100, 500);
	cr_expect_eq(tick(5100), 5600);
	cr_expect_eq(out.count, 0);
	tick(5600);
	cr_expect_eq(out.count, 1);
	lease_renew_failed(&t, &asked, 12900, 500);
	cr_expect_eq(tick(12901), 13000, "never beyond the end of the trust");
}

Test(lease, leases_that_are_due_soon_are_renewed_along)
{
	cr_assert_eq(add("a", 1, 0), 0);
	cr_assert_eq(add("b", 2, 1000), 0);
	cr_assert_eq(add("c", 3, 3000), 0);
	tick(5000);
	cr_expect_eq(out.count, 2, "c is not near enough");
	expect(0, LEASE_ACT_RENEW, "a");
	expect(1, LEASE_ACT_RENEW, "b");
}

Test(lease, everything_is_renewed_after_a_reconnect)
{
	cr_assert_eq(add("a", 1, 0), 0);
	cr_assert_eq(add("b", 2, 0), 0);
	lease_renew_all(&t, 700);
	tick(700);
	cr_expect_eq(out.count, 2);
}

Test(lease, cancellation_is_told_once)
{
	struct lease_action asked = {.id = "r1", .token = 7};

	cr_assert_eq(add("r1", 7, 0), 0);
	lease_cancel_wanted(&t, "r1", &out);
	expect(0, LEASE_ACT_CANCEL, "r1");
	lease_cancel_wanted(&t, "r1", &out);
	lease_renewed(&t, &asked, 2, 5000, &out);
	lease_cancel_wanted(&t, "unknown", &out);
	cr_expect_eq(out.count, 1);
	cr_expect_eq(tick(5000), 10000, "an answer of 2 renews");
	cr_expect_eq(out.count, 0);
}

Test(lease, cancellation_of_a_run_that_ends_is_not_told)
{
	cr_assert_eq(add("r1", 7, 0), 0);
	walk("r1", LEASE_ENDING);
	lease_cancel_wanted(&t, "r1", &out);
	cr_expect_eq(out.count, 0);
}

Test(lease, a_newer_claim_of_the_same_run_replaces_the_older)
{
	cr_assert_eq(add("r1", 7, 0), 0);
	walk("r1", LEASE_STARTED);
	cr_expect_eq(add("r1", 7, 0), -ERR_CONFLICT);
	cr_expect_eq(add("r1", 6, 0), -ERR_CONFLICT);
	cr_expect_eq(add("r1", 9, 100), 0);
	cr_expect_eq(out.count, 1);
	expect(0, LEASE_ACT_KILL, "r1");
	cr_expect_eq(out.items[0].token, 7);
	cr_expect_eq(lease_get(&t, "r1")->token, 9);
	cr_expect_eq(lease_get(&t, "r1")->state, LEASE_CLAIMED);
}

Test(lease, the_table_is_bounded)
{
	char id[LEASE_ID_SIZE];

	for (int i = 0; i < LEASE_MAX; i++) {
		(void)snprintf(id, sizeof(id), "r%d", i);
		cr_assert_eq(add(id, 1, 0), 0);
	}
	cr_expect_eq(add("one more", 1, 0), -ERR_LIMIT);
	cr_expect_eq(lease_table_count_in(&t, LEASE_CLAIMED), LEASE_MAX);
	size_t n = 0;
	struct lease **list = lease_list(&t, &n);
	cr_expect_eq(n, LEASE_MAX);
	free(list);
	cr_expect_eq(add("123456789012345678901234567890123456789", 1, 0),
		     -ERR_INVALID);
}

/* Random answers, losses and delays: two processes never trust one run at the same
 * time. */
Test(lease, no_two_owners_trust_a_run_at_once)
{
	unsigned int seed = 12345;

	for (int round = 0; round < 500; round++) {
		int64_t now = 0, server_expiry = conf.lease_ms;
		out.count = 0;
		cr_assert_eq(add("r", (uint64_t)round + 1, 0), 0);
		walk("r", LEASE_STARTED);
		while (lease_get(&t, "r") != NULL && now < 200000) {
			now += 1 + rand_r(&seed) % 3000;
			tick(now);
			for (size_t i = 0; i < out.count; i++) {
				struct lease_action a = out.items[i];
				int64_t arrives = now + rand_r(&seed) % 2000;
				int luck = rand_r(&seed) % 3;
				if (a.kind != LEASE_ACT_RENEW) {
					continue;
				}
				if (luck > 0 && arrives < server_expiry) {
					server_expiry = arrives + conf.lease_ms;
				}
				if (luck > 1) { /* the answer arrives as well */
					lease_renewed(&t, &a, 1, now, &out);
				}
			}
			/* ours: trust implies that the server has not given it away */
			const struct lease *l = lease_get(&t, "r");
			cr_assert(l == NULL || now < server_expiry, "round %d at %lld",
				  round, (long long)now);
		}
		if (lease_get(&t, "r") != NULL) {
			cr_assert_eq(lease_move(&t, "r", LEASE_GONE, &err), 0);
		}
	}
}

Test(lease, a_lease_of_the_program_before_is_trusted_as_long_and_renewed_at_once)
{
	struct lease_table next;
	const struct lease *l;

	cr_assert_eq(add("r1", 5, 1000), 0);
	walk("r1", LEASE_STARTED);
	cr_assert_eq(lease_table_init(&next, &conf, &err), 0);
	cr_assert_eq(lease_carried(&next, lease_get(&t, "r1"), 9000, &err), 0);
	cr_assert_eq(lease_carried(&next, lease_get(&t, "r1"), 9000, &err),
		     -ERR_CONFLICT);
	l = lease_get(&next, "r1");
	cr_assert_eq(l->token, 5);
	cr_assert_eq(l->trusted_until_ms, 1000 + 13000);
	(void)lease_tick(&next, 9000, &out);
	expect(out.count - 1, LEASE_ACT_RENEW, "r1");
	(void)lease_tick(&next, 14000, &out);
	expect(out.count - 1, LEASE_ACT_KILL, "r1");
	lease_table_release(&next);
}
