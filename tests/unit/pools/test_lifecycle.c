/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lifecycle.c - every reply of enqueue, claim, start, renew, settle and cancel.
 */
#include <criterion/criterion.h>
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

TestSuite(lifecycle, .init = start, .fini = stop);

/* Redis has lost its data, and the API has told about the pool. */
static void lose_everything(void)
{
	cr_assert_eq(h_redis(&h, (const char *[]){"FLUSHALL", NULL}), 2);
	cr_assert_eq(h_set_pool(&h, 0, POOLS_NO_LIMIT), 1);
}

/* Claims the only ready run; its token. */
static uint64_t claim_one(const char *worker)
{
	cr_assert_eq(h_claim(&h, worker, 1, POOLS_LEASE_MS), 1, "%s", h.err.msg);
	return h.run[0].token;
}

Test(lifecycle, enqueue_replies)
{
	cr_expect_eq(h_enqueue(&h, "r1", "q", 2), 1);
	cr_expect_eq(h_enqueue(&h, "r1", "q", 2), 1, "the same gen again");
	cr_expect_eq(h_enqueue(&h, "r1", "q", 1), -1, "an older gen");
	cr_expect_eq(h_enqueue(&h, "r1", "q", 3), 1, "a newer gen");
	uint64_t tok = claim_one("w1");
	cr_expect_eq(h_enqueue(&h, "r1", "q", 3), 0, "leased");
	cr_expect_eq(h_enqueue(&h, "r1", "q", 2), -1, "leased, older");
	cr_expect_eq(h_enqueue(&h, "r1", "q", 4), 2, "leased, newer");
	cr_expect_eq(h_enqueue(&h, "r1", "q2", 4), 2, "leased, moved");
	cr_expect_eq(h_settle(&h, "r1", tok, POOLS_DONE), 1);
	cr_expect_str_eq(h_state(&h, "r1"), "ready", "the wanted run is ready now");
	cr_expect_str_eq(h.run[0].queue, "q2");
	cr_expect_eq(h_settle(&h, "r1", claim_one("w1"), POOLS_DONE), 1);
	cr_expect_eq(h_enqueue(&h, "r1", "q", 4), -1, "settled");
	cr_expect_eq(h_enqueue(&h, "r1", "q", 5), 1, "settled, newer");
}

Test(lifecycle, claim_gives_all_facts_of_the_run)
{
	int64_t due = h_now_ms() - 5;

	cr_assert_eq(h_enqueue_at(&h, "r1", "q", 7, due), 1);
	cr_assert_eq(h_claim(&h, "w1", 5, POOLS_LEASE_MS), 1);
	cr_expect_str_eq(h.run[0].id, "r1");
	cr_expect_str_eq(h.run[0].queue, "q");
	cr_expect_str_eq(h.run[0].text, "{\"a\":1}");
	cr_expect_eq(h.run[0].attempt, 1);
	cr_expect_eq(h.run[0].due_ms, due);
	cr_expect_eq(h.run[0].gen, 7);
	cr_expect_gt(h.run[0].token, 0);
	uint64_t tok = h.run[0].token;
	cr_expect_eq(h_claim(&h, "w2", 5, POOLS_LEASE_MS), 0, "nobody else gets it");
	cr_expect_str_eq(h_state(&h, "r1"), "leased");
	cr_expect_str_eq(h.run[0].worker, "w1");
	cr_expect_eq(h.run[0].token, tok);
	cr_expect_gt(h.run[0].expires_ms, h_now_ms() + POOLS_LEASE_MS - 5000);
}

Test(lifecycle, tokens_only_grow)
{
	uint64_t last = 0;

	for (int i = 0; i < 5; i++) {
		cr_assert_eq(h_enqueue(&h, "r1", "q", i), 1);
		uint64_t tok = claim_one("w1");
		cr_expect_gt(tok, last);
		last = tok;
		cr_assert_eq(h_settle(&h, "r1", tok, POOLS_DONE), 1);
	}
	lose_everything();
	cr_assert_eq(h_enqueue(&h, "r1", "q", 9), 1);
	last = claim_one("w1");
	lose_everything();
	struct pools_run run = {.id = "r1",
				.queue = "q",
				.priority = 1,
				.payload = "",
				.gen = 10,
				.fence = last + 3600000000U};
	h.done = 0;
	cr_assert_eq(pools_enqueue(h.pools, POOL, &run, h_on_int, &h, &h.err), 0);
	h_wait(&h, &h.done);
	cr_expect_gt(claim_one("w1"), run.fence, "also when the clock was set back");
}

Test(lifecycle, start_replies)
{
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	cr_expect_eq(h_begin(&h, "r1", 1), 0, "not leased");
	uint64_t tok = claim_one("w1");
	cr_expect_eq(h_begin(&h, "r1", tok - 1), 0, "another token");
	cr_expect_eq(h_begin(&h, "r1", tok), 1);
	cr_expect_eq(h_begin(&h, "r1", tok), 1, "asked twice");
	h_state(&h, "r1");
	cr_expect_eq(h.run[0].started, 1);
	cr_expect_eq(h_cancel(&h, "r1"), 2);
	cr_expect_eq(h_begin(&h, "r1", tok), 2, "cancelled meanwhile");
	cr_expect_eq(h_begin(&h, "unknown", tok), 0);
}

Test(lifecycle, renew_replies)
{
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	cr_assert_eq(h_enqueue(&h, "r2", "q", 1), 1);
	cr_assert_eq(h_claim(&h, "w1", 2, POOLS_LEASE_MS), 2);
	struct pools_lease l[4] = {{.id = "r1", .token = h.run[0].token},
				   {.id = "r2", .token = h.run[1].token},
				   {.id = "r1", .token = h.run[1].token},
				   {.id = "unknown", .token = 5}};
	cr_assert_eq(h_cancel(&h, "r2"), 2);
	cr_assert_eq(h_renew(&h, l, 4, 60000), 4, "%s", h.err.msg);
	cr_expect_eq(h.values[0], 1);
	cr_expect_eq(h.values[1], 2, "cancellation is wanted");
	cr_expect_eq(h.values[2], 0, "a token of another run");
	cr_expect_eq(h.values[3], 0, "unknown, and not to be brought back");
	h_state(&h, "r1");
	cr_expect_gt(h.run[0].expires_ms, h_now_ms() + 50000);
	cr_expect_eq(pools_renew(h.pools, POOL, "w1", 1, l, 0, NULL, NULL, NULL),
		     -ERR_INVALID);
}

Test(lifecycle, renewal_brings_a_run_back_that_redis_lost)
{
	cr_assert_eq(h_enqueue(&h, "r1", "q", 3), 1);
	cr_assert_eq(h_set_queue(&h, "q", 0, 1, 1), 1);
	struct pools_lease l = {
	    .id = "r1", .token = claim_one("w1"), .queue = "q", .gen = 3, .started = 1};
	lose_everything();
	cr_assert_eq(h_renew(&h, &l, 1, POOLS_LEASE_MS), 1);
	cr_expect_eq(h.values[0], 1);
	cr_expect_str_eq(h_state(&h, "r1"), "leased");
	cr_expect_eq(h.run[0].started, 1);
	cr_expect_eq(h_enqueue(&h, "r1", "q", 3), 0, "the reconciler does no harm");
	cr_assert_eq(h_set_queue(&h, "q", 0, 1, 1), 1);
	cr_assert_eq(h_enqueue(&h, "r2", "q", 1), 1);
	cr_expect_eq(h_claim(&h, "w2", 1, POOLS_LEASE_MS), 0, "its slot counts again");
	cr_expect_eq(h_settle(&h, "r1", l.token, POOLS_DONE), 1);
	cr_expect_eq(h_claim(&h, "w2", 1, POOLS_LEASE_MS), 1);
	cr_expect_gt(h.run[0].token, l.token);
}

Test(lifecycle, renewal_does_not_take_a_run_that_was_enqueued_again)
{
	cr_assert_eq(h_enqueue(&h, "r1", "q", 3), 1);
	struct pools_lease l = {
	    .id = "r1", .token = claim_one("w1"), .queue = "q", .gen = 3};
	lose_everything();
	cr_assert_eq(h_enqueue(&h, "r1", "q", 3), 1);
	cr_assert_eq(h_renew(&h, &l, 1, POOLS_LEASE_MS), 1);
	cr_expect_eq(h.values[0], 0);
}

Test(lifecycle, settle_replies)
{
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	cr_expect_eq(h_settle(&h, "r1", 1, POOLS_DONE), 0, "not leased");
	uint64_t tok = claim_one("w1");
	cr_expect_eq(h_settle(&h, "r1", tok - 1, POOLS_DONE), 0, "another token");
	cr_expect_eq(h_settle(&h, "r1", tok, POOLS_DONE), 1);
	cr_expect_eq(h_settle(&h, "r1", tok, POOLS_DONE), 1, "asked twice");
	cr_expect_str_eq(h_state(&h, "r1"), "done");
	cr_expect_eq(h_settle(&h, "unknown", tok, POOLS_DONE), 0);
	const char *ttl[] = {"TTL", "wf:{pool}:run:r1", NULL};
	cr_expect_gt(h_redis(&h, ttl), POOLS_TOMBSTONE_S - 60);

	cr_assert_eq(h_enqueue(&h, "r1", "q", 2), 1);
	cr_expect_eq(h_redis(&h, ttl), -1, "a record in use never expires");
	cr_expect_eq(h_settle(&h, "r1", claim_one("w1"), POOLS_DROP), 1);
	cr_expect_str_eq(h_state(&h, "r1"), "drop");
}

Test(lifecycle, refused_delivery_is_not_repeated_at_once)
{
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	cr_assert_eq(h_settle(&h, "r1", claim_one("w1"), POOLS_DROP), 1);
	cr_assert_eq(h_enqueue(&h, "r1", "q", 2), 1);
	cr_expect_eq(h_claim(&h, "w1", 1, POOLS_LEASE_MS), 0, "enqueued after");
	h_turn_for(&h, 1001);
	uint64_t tok = claim_one("w1");
	cr_assert_eq(h_enqueue(&h, "r1", "q", 3), 2);
	cr_assert_eq(h_settle(&h, "r1", tok, POOLS_DROP), 1);
	cr_expect_eq(h_claim(&h, "w1", 1, POOLS_LEASE_MS), 0, "enqueued before");
}

Test(lifecycle, requeue_gives_the_run_back_and_keeps_count)
{
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	uint64_t tok = claim_one("w1");
	cr_expect_eq(h_begin(&h, "r1", tok), 1);
	cr_expect_eq(h_settle(&h, "r1", tok, POOLS_REQUEUE), 1);
	cr_expect_eq(h_settle(&h, "r1", tok, POOLS_REQUEUE), 1, "asked twice");
	cr_expect_str_eq(h_state(&h, "r1"), "ready");
	cr_expect_eq(h.run[0].started, 0);
	cr_expect_eq(h_enqueue(&h, "r1", "q", 1), 1,
		     "the reconciler does not reset it");
	claim_one("w2");
	cr_expect_eq(h.run[0].attempt, 2);
	cr_expect_eq(h.run[0].due_ms, 1000, "due as before");
	cr_expect_eq(h_settle(&h, "r1", tok, POOLS_DONE), 0,
		     "the first owner is too late");
	cr_expect_eq(h_enqueue(&h, "r1", "q", 2), 2);
	cr_expect_str_eq(h_state(&h, "r1"), "leased");
}

Test(lifecycle, a_newer_gen_starts_counting_anew)
{
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	uint64_t tok = claim_one("w1");
	cr_assert_eq(h_begin(&h, "r1", tok), 1);
	cr_assert_eq(h_cancel(&h, "r1"), 2);
	cr_assert_eq(h_enqueue(&h, "r1", "q", 2), 2);
	cr_assert_eq(h_settle(&h, "r1", tok, POOLS_DONE), 1);
	tok = claim_one("w1");
	cr_expect_eq(h.run[0].attempt, 1);
	cr_expect_eq(h_begin(&h, "r1", tok), 1, "the old cancellation is over");
}

Test(lifecycle, cancel_in_each_state)
{
	cr_expect_eq(h_cancel(&h, "r1"), 0, "unknown");
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	cr_expect_eq(h_cancel(&h, "r1"), 1, "ready");
	cr_expect_str_eq(h_state(&h, "r1"), "drop");
	cr_expect_eq(h_claim(&h, "w1", 1, POOLS_LEASE_MS), 0);
	cr_expect_eq(h_cancel(&h, "r1"), 0, "dropped");
	cr_assert_eq(h_enqueue(&h, "r1", "q", 2), 1);
	uint64_t tok = claim_one("w1");
	cr_assert_eq(h_enqueue(&h, "r1", "q", 3), 2);
	cr_expect_eq(h_cancel(&h, "r1"), 2, "leased");
	cr_expect_eq(h_cancel(&h, "r1"), 2, "leased, again");
	cr_expect_eq(h_settle(&h, "r1", tok, POOLS_DONE), 1);
	cr_expect_str_eq(h_state(&h, "r1"), "done",
			 "what was wanted before is forgotten");
	cr_expect_eq(h_cancel(&h, "r1"), 0, "done");
}

Test(lifecycle, bad_arguments_are_refused_at_once)
{
	char big[300];
	struct pools_run run = {.id = "r", .queue = "q", .payload = "", .priority = 1};

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	cr_expect_eq(pools_enqueue(h.pools, "", &run, NULL, NULL, &h.err),
		     -ERR_INVALID);
	cr_expect_eq(pools_enqueue(h.pools, big, &run, NULL, NULL, &h.err),
		     -ERR_INVALID);
	run.queue = big;
	cr_expect_eq(pools_enqueue(h.pools, POOL, &run, NULL, NULL, &h.err),
		     -ERR_INVALID);
	run.queue = "q";
	run.id = "";
	cr_expect_eq(pools_enqueue(h.pools, POOL, &run, NULL, NULL, &h.err),
		     -ERR_INVALID);
	cr_expect_eq(h_claim(&h, "w", 0, POOLS_LEASE_MS), -ERR_INVALID);
	cr_expect_eq(h_claim(&h, "", 1, POOLS_LEASE_MS), -ERR_INVALID);
	cr_expect_eq(pools_inspect(h.pools, POOL, NULL, 0, NULL, NULL, NULL),
		     -ERR_INVALID);
}
