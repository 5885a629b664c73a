/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_reap.c - what happens to the runs of an owner that is gone.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/pools/harness.h"

#define SHORT_MS 20

static struct harness h;

static void start(void)
{
	h_start(&h);
}

static void stop(void)
{
	h_stop(&h);
}

TestSuite(reap, .init = start, .fini = stop);

/* r1 is claimed with a lease that has expired when this returns. */
static uint64_t expired(int started)
{
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	cr_assert_eq(h_claim(&h, "w1", 1, SHORT_MS), 1);
	uint64_t tok = h.run[0].token;
	if (started) {
		cr_assert_eq(h_begin(&h, "r1", tok), 1);
	}
	h_turn_for(&h, (int64_t)2 * SHORT_MS);
	return tok;
}

Test(reap, living_leases_are_left_alone)
{
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	cr_assert_eq(h_claim(&h, "w1", 1, POOLS_LEASE_MS), 1);
	cr_expect_eq(h_reap(&h), 0);
}

Test(reap, unstarted_run_is_requeued)
{
	uint64_t tok = expired(0);

	cr_assert_eq(h_reap(&h), 1, "%s", h.err.msg);
	cr_expect_str_eq(h.run[0].id, "r1");
	cr_expect_str_eq(h.run[0].text, "requeued");
	cr_expect_str_eq(h.run[0].worker, "w1");
	cr_expect_eq(h.run[0].token, tok);
	cr_expect_gt(h.run[0].new_token, tok);
	cr_expect_eq(h.run[0].attempt, 1);
	cr_expect_eq(h.run[0].started, 0);
	uint64_t new_token = h.run[0].new_token;

	/* everything the late owner may try */
	cr_expect_eq(h_begin(&h, "r1", tok), 0);
	cr_expect_eq(h_renew_one(&h, "r1", tok), 0);
	cr_expect_eq(h_settle(&h, "r1", tok, POOLS_DONE), 0);
	cr_assert_eq(h_claim(&h, "w2", 1, POOLS_LEASE_MS), 1, "delivered again");
	cr_expect_gt(h.run[0].token, new_token);
	cr_expect_eq(h.run[0].attempt, 2);
	cr_expect_eq(h_settle(&h, "r1", tok, POOLS_DONE), 0);
	cr_expect_eq(h_settle(&h, "r1", new_token, POOLS_DONE), 0);
}

Test(reap, expired_lease_counts_until_it_is_reaped)
{
	cr_assert_eq(h_set_pool(&h, 0, 1), 1);
	expired(1);
	cr_assert_eq(h_enqueue(&h, "r2", "q", 1), 1);
	cr_expect_eq(h_claim(&h, "w2", 1, POOLS_LEASE_MS), 0,
		     "its owner may still run it");
	cr_assert_eq(h_reap(&h), 1);
	cr_expect_eq(h_claim(&h, "w2", 1, POOLS_LEASE_MS), 1);
}

Test(reap, expired_but_unreaped_lease_can_be_renewed)
{
	uint64_t tok = expired(1);

	cr_expect_eq(h_renew_one(&h, "r1", tok), 1);
	cr_expect_eq(h_reap(&h), 0);
}

Test(reap, started_run_is_lost_and_never_delivered_again)
{
	uint64_t tok = expired(1);

	cr_assert_eq(h_reap(&h), 1);
	cr_expect_str_eq(h.run[0].text, "lost");
	cr_expect_eq(h.run[0].started, 1);
	uint64_t new_token = h.run[0].new_token;
	cr_expect_str_eq(h_state(&h, "r1"), "lost");
	cr_expect_eq(h_claim(&h, "w2", 1, POOLS_LEASE_MS), 0);
	cr_expect_eq(h_enqueue(&h, "r1", "q", 1), -1, "the same gen");
	cr_expect_eq(h_cancel(&h, "r1"), 0);
	cr_expect_eq(h_settle(&h, "r1", tok, POOLS_DONE), 0);
	cr_expect_eq(h_begin(&h, "r1", new_token), 0);
	cr_expect_eq(h_enqueue(&h, "r1", "q", 2), 1, "the API sent it again");
	cr_assert_eq(h_claim(&h, "w2", 1, POOLS_LEASE_MS), 1);
	cr_expect_eq(h.run[0].attempt, 1);
}

Test(reap, lost_run_is_reported_until_the_api_knows)
{
	expired(1);
	cr_assert_eq(h_reap(&h), 1);
	uint64_t new_token = h.run[0].new_token;
	cr_expect_eq(h_reap(&h), 0, "not at once");
	cr_assert_eq(
	    h_redis(&h, (const char *[]){"ZADD", "wf:{pool}:lost", "5", "r1", NULL}),
	    0);
	cr_assert_eq(h_reap(&h), 1, "after half a minute");
	cr_expect_str_eq(h.run[0].text, "lost");
	cr_expect_str_eq(h.run[0].worker, "w1");
	cr_expect_eq(h.run[0].new_token, new_token);
	cr_expect_eq(h_settle(&h, "r1", new_token, POOLS_DONE), 1);
	cr_expect_eq(h_settle(&h, "r1", new_token, POOLS_DONE), 1, "confirmed twice");
	cr_expect_str_eq(h_state(&h, "r1"), "done");
	cr_expect_eq(h_redis(&h, (const char *[]){"ZCARD", "wf:{pool}:lost", NULL}), 0);
}

Test(reap, lost_run_is_forgotten_after_a_day)
{
	expired(1);
	cr_assert_eq(h_reap(&h), 1);
	cr_assert_eq(
	    h_redis(&h, (const char *[]){"HSET", "wf:{pool}:run:r1", "lat", "5", NULL}),
	    0);
	cr_assert_eq(
	    h_redis(&h, (const char *[]){"ZADD", "wf:{pool}:lost", "5", "r1", NULL}),
	    0);
	cr_expect_eq(h_reap(&h), 0);
	cr_expect_eq(h_redis(&h, (const char *[]){"ZCARD", "wf:{pool}:lost", NULL}), 0);
}

Test(reap, attempts_run_out)
{
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	for (int i = 1; i <= POOLS_MAX_ATTEMPTS; i++) {
		cr_assert_eq(h_claim(&h, "w1", 1, SHORT_MS), 1);
		cr_expect_eq(h.run[0].attempt, i);
		h_turn_for(&h, (int64_t)2 * SHORT_MS);
		cr_assert_eq(h_reap(&h), 1);
		cr_expect_str_eq(h.run[0].text,
				 i < POOLS_MAX_ATTEMPTS ? "requeued" : "lost");
		cr_expect_eq(h.run[0].started, 0);
	}
	cr_expect_str_eq(h_state(&h, "r1"), "lost");
}

static void on_reaped(int rc, const struct pools_reaped *runs, size_t n,
		      const struct error *err, void *arg)
{
	(void)runs;
	cr_expect_eq(n, 1);
	h_on_int(rc, 0, err, arg);
}

Test(reap, requeued_run_waits_for_its_backoff_also_when_enqueued_again)
{
	expired(0);
	h.done = 0;
	cr_assert_eq(pools_reap(h.pools, POOL, 10, 3, 5000, on_reaped, &h, &h.err), 0);
	h_wait(&h, &h.done);
	cr_expect_eq(h_claim_from(&h, 1, 4000, NULL), 0);
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1, "the reconciler");
	cr_expect_eq(h_claim_from(&h, 1, 4000, NULL), 0);
	cr_expect_eq(h_claim_from(&h, 1, 7000, NULL), 1);
	cr_expect_eq(h.run[0].attempt, 2);
}

Test(reap, run_that_was_enqueued_again_is_ready_and_says_that_it_was_started)
{
	uint64_t tok = expired(1);

	cr_assert_eq(h_enqueue(&h, "r1", "q2", 2), 2);
	cr_assert_eq(h_reap(&h), 1);
	cr_expect_str_eq(h.run[0].text, "requeued");
	cr_expect_eq(h.run[0].started, 1, "the API has to be told");
	cr_assert_eq(h_claim(&h, "w2", 1, POOLS_LEASE_MS), 1);
	cr_expect_str_eq(h.run[0].queue, "q2");
	cr_expect_gt(h.run[0].token, tok);
}

Test(reap, owners_get_a_grace_after_a_pause_of_reaping)
{
	uint64_t tok = expired(1);

	h.pools->reap_grace_ms = 300;
	h.pools->reap_gap_ms = 200;
	cr_expect_eq(h_reap(&h), 0, "the first time ever");
	cr_expect_eq(h_reap(&h), 0, "still in the grace");
	cr_expect_eq(h_renew_one(&h, "r1", tok), 1, "the owner uses it");
	h_turn_for(&h, 250);
	cr_expect_eq(h_reap(&h), 0, "a gap: the grace starts again");
	for (int i = 0; i < 4; i++) {
		h_turn_for(&h, 100);
		cr_expect_eq(h_reap(&h), 0, "the lease was renewed");
	}
	cr_assert_eq(h_enqueue(&h, "r2", "q", 1), 1);
	cr_assert_eq(h_claim(&h, "w1", 1, SHORT_MS), 1);
	h_turn_for(&h, (int64_t)2 * SHORT_MS);
	cr_expect_eq(h_reap(&h), 1, "without a pause there is no grace");
}

Test(reap, most_runs_in_one_call)
{
	struct pools_run run = {.queue = "q", .priority = 1, .payload = "", .gen = 1};
	static const char *const ids[] = {"a", "b", "c"};

	for (int i = 0; i < 3; i++) {
		run.id = ids[i];
		cr_assert_eq(h_enqueue(&h, run.id, "q", 1), 1);
	}
	cr_assert_eq(h_claim(&h, "w1", 3, SHORT_MS), 3);
	h_turn_for(&h, (int64_t)2 * SHORT_MS);
	h.done = 0;
	cr_assert_eq(pools_reap(h.pools, POOL, 1, 3, 0, on_reaped, &h, &h.err), 0);
	h_wait(&h, &h.done);
	cr_expect_eq(h_reap(&h), 2);
}

static int64_t lock(const char *owner, int64_t ttl_ms)
{
	h.done = 0;
	cr_assert_eq(
	    pools_reaper_lock(h.pools, POOL, owner, ttl_ms, h_on_int, &h, &h.err), 0);
	h_wait(&h, &h.done);
	return h.value;
}

Test(reap, lock_has_one_owner_until_it_expires)
{
	cr_expect_eq(lock("a", 60000), 1);
	cr_expect_eq(lock("b", 60000), 0);
	cr_expect_eq(lock("a", SHORT_MS), 1, "prolonged by its owner");
	h_turn_for(&h, (int64_t)2 * SHORT_MS);
	cr_expect_eq(lock("b", 60000), 1);
}

static int64_t epoch(const char *marker)
{
	h.done = 0;
	cr_assert_eq(pools_epoch(h.pools, marker, h_on_int, &h, &h.err), 0);
	h_wait(&h, &h.done);
	return h.value;
}

Test(reap, epoch_notices_the_loss_of_the_data)
{
	cr_expect_eq(epoch("db-1"), 0, "new");
	cr_expect_eq(epoch("db-1"), 1);
	cr_expect_eq(epoch("db-2"), 0, "another database");
	cr_expect_eq(epoch("db-2"), 1);
	cr_assert_eq(h_redis(&h, (const char *[]){"FLUSHALL", NULL}), 2);
	cr_expect_eq(epoch("db-2"), 0);
}

/* ---- a worker that is dead for certain ---- */

static uint64_t held(int started)
{
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	cr_assert_eq(h_claim(&h, "w1", 1, POOLS_LEASE_MS), 1);
	uint64_t tok = h.run[0].token;
	if (started) {
		cr_assert_eq(h_begin(&h, "r1", tok), 1);
	}
	return tok;
}

Test(reap, given_up_before_it_was_started)
{
	uint64_t tok = held(0);

	cr_expect_eq(h_give_up(&h, "r1", tok + 1), 0, "another token");
	cr_assert_eq(h_give_up(&h, "r1", tok), 1, "%s", h.err.msg);
	cr_expect_str_eq(h.run[0].text, "requeued");
	cr_expect_str_eq(h.run[0].worker, "w1");
	cr_expect_gt(h.run[0].new_token, tok);
	cr_expect_eq(h_begin(&h, "r1", tok), 0, "the dead one's token");
	cr_expect_eq(h_give_up(&h, "r1", tok), 0, "once");
	cr_assert_eq(h_claim(&h, "w2", 1, POOLS_LEASE_MS), 1, "at once");
	cr_expect_eq(h.run[0].attempt, 2);
}

Test(reap, given_up_after_it_was_started)
{
	cr_assert_eq(h_set_pool(&h, 0, 1), 1);
	uint64_t tok = held(1);

	cr_assert_eq(h_give_up(&h, "r1", tok), 1, "%s", h.err.msg);
	cr_expect_str_eq(h.run[0].text, "lost");
	cr_expect_eq(h.run[0].started, 1);
	uint64_t new_token = h.run[0].new_token;
	cr_expect_eq(h_claim(&h, "w2", 1, POOLS_LEASE_MS), 0, "never delivered again");
	cr_assert_eq(h_enqueue(&h, "r2", "q", 1), 1);
	cr_expect_eq(h_claim(&h, "w2", 1, POOLS_LEASE_MS), 1, "its slot is free");
	cr_expect_eq(h_settle(&h, "r1", tok, POOLS_DONE), 0);
	cr_expect_eq(h_settle(&h, "r1", new_token, POOLS_DONE), 1);
	cr_expect_str_eq(h_state(&h, "r1"), "done");
}

Test(reap, given_up_too_often_is_lost)
{
	uint64_t tok = held(0);

	for (int i = 1; i < POOLS_MAX_ATTEMPTS; i++) {
		cr_assert_eq(h_give_up(&h, "r1", tok), 1);
		cr_expect_str_eq(h.run[0].text, "requeued");
		cr_assert_eq(h_claim(&h, "w1", 1, POOLS_LEASE_MS), 1);
		tok = h.run[0].token;
	}
	cr_assert_eq(h_give_up(&h, "r1", tok), 1);
	cr_expect_str_eq(h.run[0].text, "lost");
	cr_expect_eq(h.run[0].started, 0);
}
