/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lanes.c - fairness between the deployments of one queue, their limits, and runs
 * that workers without leases hold.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/pools/harness.h"

static struct harness h;

static void start(void)
{
	h_start(&h);
}

static void stop(void)
{
	h_stop(&h);
}

TestSuite(lanes, .init = start, .fini = stop);

static void fill(const char *lane, int count, int64_t limit)
{
	for (int i = 0; i < count; i++) {
		char id[H_TEXT];
		(void)snprintf(id, sizeof(id), "%s%d", lane, i);
		cr_assert_eq(h_enqueue_lane(&h, id, lane, limit, 1000 + i), 1);
	}
}

/* Claims up to MAX; their ids, comma separated. */
static const char *claim(int max)
{
	static char text[H_MAX * 8];

	text[0] = '\0';
	cr_assert_geq(h_claim(&h, "w", max, POOLS_LEASE_MS), 0, "%s", h.err.msg);
	for (size_t i = 0; i < h.count; i++) {
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			       i > 0 ? "," : "", h.run[i].id);
	}
	return text;
}

static int64_t number(const char *verb, const char *key)
{
	return h_redis(&h, (const char *[]){verb, key, NULL});
}

static void expect_nothing_kept(void)
{
	cr_expect_eq(number("ZCARD", "wf:{pool}:t:q"), 0);
	cr_expect_eq(number("SCARD", "wf:{pool}:held"), 0);
	cr_expect_eq(number("ZCARD", "wf:{pool}:lease"), 0);
	cr_expect_eq(number("EXISTS", "wf:{pool}:lheld:a"), 0);
	cr_expect_eq(number("EXISTS", "wf:{pool}:parked:a"), 0);
}

Test(lanes, deployments_take_turns_in_one_claim_and_from_claim_to_claim)
{
	fill("a", 6, 0);
	fill("b", 2, 0);
	fill("c", 4, 0);
	cr_expect_str_eq(claim(5), "a0,b0,c0,a1,b1");
	cr_expect_str_eq(claim(1), "c1");
	cr_expect_str_eq(claim(1), "a2");
	cr_expect_str_eq(claim(9), "c2,a3,c3,a4,a5");
	cr_expect_eq(number("ZCARD", "wf:{pool}:t:q"), 0);
}

Test(lanes, a_flood_of_one_deployment_delays_others_by_one_run)
{
	fill("a", 250, 0);
	cr_expect_str_eq(claim(2), "a0,a1");
	cr_assert_eq(h_enqueue_lane(&h, "late", "b", 0, h_now_ms() - 1000), 1);
	cr_expect_str_eq(claim(1), "late");
	cr_expect_str_eq(claim(1), "a2");
}

Test(lanes, otherwise_due_time_decides)
{
	cr_assert_eq(h_enqueue_lane(&h, "third", "a", 0, 3000), 1);
	cr_assert_eq(h_enqueue_lane(&h, "first", "b", 0, 1000), 1);
	cr_assert_eq(h_enqueue_lane(&h, "second", "c", 0, 2000), 1);
	cr_expect_str_eq(claim(9), "first,second,third");
}

Test(lanes, an_old_due_time_is_no_way_past_the_others)
{
	fill("b", 3, 0);
	cr_assert_eq(h_enqueue_lane(&h, "x", "a", 0, 1), 1);
	cr_expect_str_eq(claim(1), "x", "it has waited longest");
	cr_assert_eq(h_enqueue_lane(&h, "y", "a", 0, 1), 1);
	cr_expect_str_eq(claim(2), "b0,y", "but it was served last");
}

Test(lanes, many_lanes_are_served_within_one_claim)
{
	for (int i = 0; i < 150; i++) {
		char id[H_TEXT], lane[H_TEXT];
		(void)snprintf(id, sizeof(id), "r%d", i);
		(void)snprintf(lane, sizeof(lane), "lane%d", i);
		cr_assert_eq(h_enqueue_lane(&h, id, lane, 0, 1000), 1);
	}
	cr_expect_eq(h_claim(&h, "w", 100, POOLS_LEASE_MS), 100);
	cr_expect_eq(h_claim(&h, "w", 100, POOLS_LEASE_MS), 50);
}

Test(lanes, a_full_lane_waits_without_stopping_others)
{
	fill("a", 4, 1);
	fill("b", 2, 0);
	cr_expect_str_eq(claim(9), "a0,b0,b1");
	uint64_t a0 = h.run[0].token;
	cr_expect_str_eq(claim(9), "");
	cr_assert_eq(h_settle(&h, "a0", a0, POOLS_DONE), 1);
	cr_expect_str_eq(claim(9), "a1", "its place is free");
	cr_assert_eq(h_set_lane(&h, "a", 2), 1);
	cr_expect_str_eq(claim(9), "a2");
	cr_assert_eq(h_set_lane(&h, "a", 0), 1);
	cr_expect_str_eq(claim(9), "a3");
}

Test(lanes, full_lanes_ahead_do_not_hide_the_ones_behind)
{
	for (int i = 0; i < 20; i++) {
		char id[H_TEXT], lane[H_TEXT];
		for (int k = 0; k < 2; k++) {
			(void)snprintf(id, sizeof(id), "r%d.%d", i, k);
			(void)snprintf(lane, sizeof(lane), "lane%d", i);
			cr_assert_eq(h_enqueue_lane(&h, id, lane, 2, 1000), 1);
		}
	}
	cr_expect_eq(h_claim(&h, "w", 20, POOLS_LEASE_MS), 20);
	for (int i = 0; i < 20; i++) {
		char lane[H_TEXT];
		(void)snprintf(lane, sizeof(lane), "lane%d", i);
		cr_assert_eq(h_set_lane(&h, lane, 1), 1);
	}
	cr_assert_eq(h_enqueue_lane(&h, "free", "z", 0, h_now_ms() - 1), 1);
	cr_expect_str_eq(claim(1), "free");
}

Test(lanes, a_lost_owner_frees_the_place_in_its_lane)
{
	fill("a", 2, 1);
	cr_assert_eq(h_claim(&h, "w", 9, 1), 1);
	h_turn_for(&h, 20);
	cr_expect_eq(h_reap(&h), 1);
	cr_expect_str_eq(h.run[0].text, "requeued");
	cr_expect_eq(h_claim(&h, "w", 9, POOLS_LEASE_MS), 1);
}

Test(lanes, held_runs_of_other_workers_count)
{
	fill("a", 3, 2);
	cr_assert_eq(h_set_pool(&h, 0, 2), 1);
	cr_expect_eq(h_hold(&h, "a0", "a", 1, 60000), 1);
	cr_expect_str_eq(h_state(&h, "a0"), "ext");
	cr_expect_str_eq(claim(9), "a1", "one of two is taken");
	cr_expect_eq(h_hold(&h, "a0", "a", 1, 60000), 1, "again");
	cr_assert_eq(h_cancel(&h, "a0"), 1);
	cr_expect_str_eq(claim(9), "a2");
	cr_expect_eq(h_hold(&h, "a0", "a", 0, 60000), 0, "an older gen");
}

Test(lanes, a_held_run_that_is_scheduled_again_is_ready)
{
	fill("a", 1, 1);
	cr_expect_eq(h_hold(&h, "a0", "a", 1, 60000), 1);
	cr_expect_eq(h_enqueue(&h, "a0", "q", 1), -1, "of this gen nothing is left");
	cr_expect_eq(h_enqueue(&h, "a0", "q", 2), 1);
	cr_expect_str_eq(claim(9), "a0");
	cr_assert_eq(h_settle(&h, "a0", h.run[0].token, POOLS_DONE), 1);
	expect_nothing_kept();
}

Test(lanes, a_hold_that_nobody_prolongs_ends_without_a_report)
{
	fill("a", 1, 1);
	cr_expect_eq(h_hold(&h, "a0", "a", 1, 1), 1);
	h_turn_for(&h, 20);
	cr_expect_eq(h_reap(&h), 0);
	cr_expect_str_eq(h_state(&h, "a0"), "drop");
	expect_nothing_kept();
}

Test(lanes, the_other_worker_was_faster_than_the_claim)
{
	fill("a", 1, 0);
	cr_assert_str_eq(claim(1), "a0");
	uint64_t tok = h.run[0].token;
	cr_expect_eq(h_hold(&h, "a0", "a", 1, 60000), 2);
	cr_expect_eq(h_settle(&h, "a0", tok, POOLS_DROP), 1);
	cr_expect_str_eq(h_state(&h, "a0"), "ext");
	cr_expect_eq(number("SCARD", "wf:{pool}:held"), 1);
	cr_assert_eq(h_cancel(&h, "a0"), 1);
	expect_nothing_kept();
}

Test(lanes, a_clock_set_back_hides_no_waiting_run)
{
	fill("a", 3, 0);
	cr_assert_str_eq(claim(1), "a0");
	/* as if it had been served an hour ahead of the present clock */
	char ahead[32];
	(void)snprintf(ahead, sizeof(ahead), "%lld",
		       (long long)(h_now_ms() + 3600000) * 1000);
	cr_assert_geq(
	    h_redis(&h, (const char *[]){"SET", "wf:{pool}:fence", ahead, NULL}), 0);
	cr_expect_str_eq(claim(1), "a1");
	cr_expect_str_eq(claim(1), "a2");
}
