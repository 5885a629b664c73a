/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_claim.c - who gets what and when: limits, pauses, priorities, due times.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/loop.h"
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

TestSuite(claim, .init = start, .fini = stop);

static void enqueue_many(const char *queue, int count)
{
	for (int i = 0; i < count; i++) {
		char id[H_TEXT];
		(void)snprintf(id, sizeof(id), "%s-%02d", queue, i);
		cr_assert_eq(h_enqueue_at(&h, id, queue, 1, 1000 + i), 1);
	}
}

/* The ids of the last claim, comma separated. */
static const char *claimed(void)
{
	static char text[H_MAX * H_TEXT];

	text[0] = '\0';
	for (size_t i = 0; i < h.count; i++) {
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			       i > 0 ? "," : "", h.run[i].id);
	}
	return text;
}

Test(claim, oldest_first_and_never_more_than_asked_for)
{
	enqueue_many("q", 5);
	cr_expect_eq(h_claim(&h, "w", 2, POOLS_LEASE_MS), 2);
	cr_expect_str_eq(claimed(), "q-00,q-01");
	cr_expect_eq(h_claim(&h, "w", 100000, POOLS_LEASE_MS), 3);
	cr_expect_str_eq(claimed(), "q-02,q-03,q-04");
}

Test(claim, one_answer_has_a_bound)
{
	enqueue_many("q", POOLS_CLAIM_MAX + 5);
	cr_expect_eq(h_claim(&h, "w", 100000, POOLS_LEASE_MS), POOLS_CLAIM_MAX);
	cr_expect_eq(h_claim(&h, "w", 100000, POOLS_LEASE_MS), 5);
}

Test(claim, queues_come_by_priority)
{
	cr_assert_eq(h_set_queue(&h, "low", 0, POOLS_NO_LIMIT, 9), 1);
	cr_assert_eq(h_set_queue(&h, "high", 0, POOLS_NO_LIMIT, 1), 1);
	cr_assert_eq(h_set_queue(&h, "mid", 0, POOLS_NO_LIMIT, 5), 1);
	enqueue_many("low", 2);
	enqueue_many("mid", 2);
	enqueue_many("high", 2);
	cr_expect_eq(h_claim(&h, "w", 5, POOLS_LEASE_MS), 5);
	cr_expect_str_eq(claimed(), "high-00,high-01,mid-00,mid-01,low-00");
	cr_assert_eq(h_set_queue(&h, "low", 0, POOLS_NO_LIMIT, 1), 1);
	enqueue_many("mid2", 1);
	cr_expect_eq(h_claim(&h, "w", 1, POOLS_LEASE_MS), 1);
	cr_expect_str_eq(claimed(), "low-01", "a changed priority counts at once");
}

Test(claim, named_queues_keep_the_order_of_their_priorities)
{
	cr_assert_eq(h_set_queue(&h, "a", 0, POOLS_NO_LIMIT, 3), 1);
	cr_assert_eq(h_set_queue(&h, "b", 0, POOLS_NO_LIMIT, 2), 1);
	cr_assert_eq(h_set_queue(&h, "c", 0, POOLS_NO_LIMIT, 1), 1);
	enqueue_many("a", 1);
	enqueue_many("b", 1);
	enqueue_many("c", 1);
	cr_expect_eq(
	    h_claim_from(&h, 9, 0, (const char *[]){"a", "nowhere", "b", NULL}), 2);
	cr_expect_str_eq(claimed(), "b-00,a-00");
}

Test(claim, nothing_is_given_before_its_time)
{
	int64_t now = h_now_ms();

	cr_assert_eq(h_enqueue_at(&h, "past", "q", 1, now - 1000), 1);
	cr_assert_eq(h_enqueue_at(&h, "soon", "q", 1, now + 4000), 1);
	cr_assert_eq(h_enqueue_at(&h, "later", "q", 1, now + 60000), 1);
	cr_expect_eq(h_claim_from(&h, 9, 0, NULL), 1);
	cr_expect_str_eq(claimed(), "past");
	cr_expect_eq(h_claim_from(&h, 9, 10000, NULL), 1);
	cr_expect_str_eq(claimed(), "soon");
	cr_expect_eq(h.run[0].due_ms, now + 4000);
	cr_expect_eq(h_claim_from(&h, 9, 10000, NULL), 0);
	cr_assert_eq(h_enqueue_at(&h, "later", "q", 1, now - 1), 1, "moved to now");
	cr_expect_eq(h_claim_from(&h, 9, 0, NULL), 1);
}

Test(claim, what_is_due_goes_before_what_is_prefetched_from_a_better_queue)
{
	int64_t now = h_now_ms();

	cr_assert_eq(h_set_queue(&h, "high", 0, POOLS_NO_LIMIT, 1), 1);
	cr_assert_eq(h_set_queue(&h, "low", 0, POOLS_NO_LIMIT, 2), 1);
	cr_assert_eq(h_enqueue_at(&h, "future", "high", 1, now + 5000), 1);
	cr_assert_eq(h_enqueue_at(&h, "due", "low", 1, now - 5000), 1);
	cr_expect_eq(h_claim_from(&h, 1, 10000, NULL), 1);
	cr_expect_str_eq(claimed(), "due");
}

Test(claim, paused_pool_and_paused_queue_give_nothing)
{
	enqueue_many("q", 2);
	enqueue_many("p", 1);
	cr_assert_eq(h_set_pool(&h, 1, POOLS_NO_LIMIT), 1);
	cr_expect_eq(h_claim(&h, "w", 9, POOLS_LEASE_MS), 0);
	cr_assert_eq(h_set_pool(&h, 0, POOLS_NO_LIMIT), 1);
	cr_assert_eq(h_set_queue(&h, "q", 1, POOLS_NO_LIMIT, 1), 1);
	cr_expect_eq(h_claim(&h, "w", 9, POOLS_LEASE_MS), 1);
	cr_expect_str_eq(claimed(), "p-00");
	cr_expect_eq(h_enqueue(&h, "more", "q", 1), 1,
		     "a paused queue still takes work");
	cr_assert_eq(h_set_queue(&h, "q", 0, POOLS_NO_LIMIT, 1), 1);
	cr_expect_eq(h_claim(&h, "w", 9, POOLS_LEASE_MS), 3);
}

Test(claim, pool_that_redis_has_lost_gives_nothing_until_it_is_told)
{
	cr_assert_eq(h_redis(&h, (const char *[]){"FLUSHALL", NULL}), 2);
	enqueue_many("q", 2);
	cr_assert_eq(h_set_queue(&h, "q", 0, POOLS_NO_LIMIT, 1), 1);
	cr_expect_eq(h_claim(&h, "w", 9, POOLS_LEASE_MS), 0, "what is held is unknown");
	h.done = 0;
	cr_assert_eq(pools_change_pool(h.pools, POOL, 0, 1, h_on_int, &h, &h.err), 0);
	h_wait(&h, &h.done);
	cr_expect_eq(h.value, 0, "a changed setting does not open it");
	cr_expect_eq(h_claim(&h, "w", 9, POOLS_LEASE_MS), 0);
	cr_assert_eq(h_set_pool(&h, 0, POOLS_NO_LIMIT), 1);
	h.done = 0;
	cr_assert_eq(pools_change_pool(h.pools, POOL, 0, 1, h_on_int, &h, &h.err), 0);
	h_wait(&h, &h.done);
	cr_expect_eq(h.value, 1, "it is known now");
	cr_expect_eq(h_claim(&h, "w", 9, POOLS_LEASE_MS), 1, "the new limit");
}

Test(claim, limit_0_lets_nothing_through)
{
	enqueue_many("q", 1);
	cr_assert_eq(h_set_pool(&h, 0, 0), 1);
	cr_expect_eq(h_claim(&h, "w", 9, POOLS_LEASE_MS), 0);
	cr_assert_eq(h_set_pool(&h, 0, POOLS_NO_LIMIT), 1);
	cr_assert_eq(h_set_queue(&h, "q", 0, 0, 1), 1);
	cr_expect_eq(h_claim(&h, "w", 9, POOLS_LEASE_MS), 0);
}

Test(claim, limits_of_pool_and_queue_hold_together)
{
	cr_assert_eq(h_set_pool(&h, 0, 5), 1);
	cr_assert_eq(h_set_queue(&h, "a", 0, 2, 1), 1);
	enqueue_many("a", 9);
	enqueue_many("b", 9);
	cr_expect_eq(h_claim(&h, "w", 99, POOLS_LEASE_MS), 5);
	cr_expect_str_eq(claimed(), "a-00,a-01,b-00,b-01,b-02");
	uint64_t a0 = h.run[0].token, b0 = h.run[2].token;
	cr_expect_eq(h_claim(&h, "w", 99, POOLS_LEASE_MS), 0);
	cr_assert_eq(h_settle(&h, "b-00", b0, POOLS_DONE), 1);
	cr_expect_eq(h_claim(&h, "w", 99, POOLS_LEASE_MS), 1);
	cr_expect_str_eq(claimed(), "b-03", "a is still full");
	cr_assert_eq(h_settle(&h, "a-00", a0, POOLS_REQUEUE), 1);
	cr_expect_eq(h_claim(&h, "w", 99, POOLS_LEASE_MS), 1);
	cr_expect_str_eq(claimed(), "a-00");
	cr_assert_eq(h_set_pool(&h, 0, 3), 1, "lowered below what runs");
	cr_expect_eq(h_claim(&h, "w", 99, POOLS_LEASE_MS), 0);
}

/* Many claims from several clients in flight at the same time. */
struct racer {
	struct pools *pools;
	char seen[H_MAX][H_TEXT];
	size_t count;
	int left;
};

static void on_race(int rc, const struct pools_claim *c, size_t n,
		    const struct error *err, void *arg)
{
	struct racer *r = arg;

	cr_assert_eq(rc, 0, "%s", err != NULL ? err->msg : "");
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(r->seen[r->count++], H_TEXT, "%s", c[i].id);
	}
	r->left--;
}

static size_t race(int max_each)
{
	static struct racer racers[4];
	static char all[4 * H_MAX][H_TEXT];
	size_t total = 0;

	for (int i = 0; i < 4; i++) {
		racers[i] = (struct racer){.left = 20};
		racers[i].pools = pools_new(h.loop, h.server.url, &h.err);
		for (int k = 0; k < racers[i].left; k++) {
			cr_assert_eq(pools_claim(racers[i].pools, POOL, "w", max_each,
						 POOLS_LEASE_MS, 0, NULL, on_race,
						 &racers[i], &h.err),
				     0);
		}
	}
	for (int i = 0; i < 4; i++) {
		while (racers[i].left > 0) {
			(void)loop_turn(h.loop, 100);
		}
		for (size_t k = 0; k < racers[i].count; k++) {
			memcpy(all[total++], racers[i].seen[k], H_TEXT);
		}
		pools_free(racers[i].pools);
	}
	for (size_t i = 0; i < total; i++) {
		for (size_t k = 0; k < i; k++) {
			cr_assert_str_neq(all[i], all[k], "claimed twice");
		}
	}
	return total;
}

Test(claim, racing_claimers_get_each_run_once)
{
	enqueue_many("q", 200);
	cr_expect_eq(race(3), 200);
}

Test(claim, limits_are_exact_under_racing_claims)
{
	cr_assert_eq(h_set_pool(&h, 0, 17), 1);
	cr_assert_eq(h_set_queue(&h, "a", 0, 5, 1), 1);
	enqueue_many("a", 40);
	enqueue_many("b", 40);
	cr_expect_eq(race(3), 17);
	cr_expect_eq(h_redis(&h, (const char *[]){"SCARD", "wf:{pool}:held", NULL}),
		     17);
	cr_expect_eq(h_redis(&h, (const char *[]){"SCARD", "wf:{pool}:qheld:a", NULL}),
		     5);
}

Test(claim, entry_without_its_record_is_dropped)
{
	cr_assert_eq(h_redis(&h, (const char *[]){"ZADD", "wf:{pool}:ln:-:q", "1",
						  "ghost", NULL}),
		     1);
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	cr_expect_eq(h_claim(&h, "w", 1, POOLS_LEASE_MS), 1);
	cr_expect_str_eq(claimed(), "r1");
	cr_expect_eq(h_redis(&h, (const char *[]){"ZCARD", "wf:{pool}:ln:-:q", NULL}),
		     0);
	cr_expect_eq(h_redis(&h, (const char *[]){"ZCARD", "wf:{pool}:t:q", NULL}), 0);
}

Test(claim, names_may_hold_any_character)
{
	struct pools_run run = {.id = "r1",
				.queue = "a b:*{}%\"'\\\xc3\xa9",
				.priority = 1,
				.payload = "{\"x\":\"\xc3\xa9 \\\" ' ${}\"}",
				.gen = 1};
	const char *pool = "p}{%*[a]?:\\ \xc3\xa9";

	h.done = 0;
	cr_assert_eq(pools_enqueue(h.pools, pool, &run, h_on_int, &h, &h.err), 0);
	h_wait(&h, &h.done);
	cr_assert_eq(h.value, 1, "%s", h.err.msg);
	char *key = pools_key(pool, &h.err);
	cr_expect_str_eq(key, "wf:{p%7D%7B%25*[a]?:\\ \xc3\xa9}");
	cr_expect_eq(h_redis(&h, (const char *[]){"DBSIZE", NULL}), 4 + 1);
	/* another pool whose name the pattern of the first must not match */
	cr_assert_eq(h_enqueue(&h, "r2", "q", 1), 1);
	h.done = 0;
	cr_assert_eq(pools_remove_pool(h.pools, pool, h_on_int, &h, &h.err), 0);
	h_wait(&h, &h.done);
	cr_expect_eq(h.value, 4, "%s", h.err.msg);
	cr_expect_str_eq(h_state(&h, "r2"), "ready");
	free(key);
}

Test(claim, removed_queue_forgets_its_runs)
{
	enqueue_many("q", 5);
	cr_assert_eq(h_claim(&h, "w", 1, POOLS_LEASE_MS), 1);
	uint64_t tok = h.run[0].token;
	h.done = 0;
	cr_assert_eq(pools_remove_queue(h.pools, POOL, "q", h_on_int, &h, &h.err), 0);
	h_wait(&h, &h.done);
	cr_expect_eq(h.rc, 0, "%s", h.err.msg);
	cr_expect_str_eq(h_state(&h, "q-01"), "");
	cr_expect_str_eq(h_state(&h, "q-00"), "leased", "what runs goes on");
	cr_expect_eq(h_settle(&h, "q-00", tok, POOLS_DONE), 1);
	cr_expect_eq(h_enqueue(&h, "q-01", "other", 1), 1, "with the same gen");
}

Test(claim, thousands_of_runs_are_removed_in_slices)
{
	for (int i = 0; i < 2500; i++) {
		char id[H_TEXT];
		struct pools_run run = {
		    .id = id, .queue = "q", .priority = 1, .payload = "", .gen = 1};
		(void)snprintf(id, sizeof(id), "r%d", i);
		h.done = 0;
		cr_assert_eq(pools_enqueue(h.pools, POOL, &run, h_on_int, &h, &h.err),
			     0);
		h_wait(&h, &h.done);
	}
	h.done = 0;
	cr_assert_eq(pools_remove_queue(h.pools, POOL, "q", h_on_int, &h, &h.err), 0);
	h_wait(&h, &h.done);
	cr_expect_eq(h_redis(&h, (const char *[]){"DBSIZE", NULL}), 1, "its settings");
}
