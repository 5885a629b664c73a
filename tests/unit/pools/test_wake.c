/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_wake.c - wake-ups, and the subscriber's recovery.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "tests/unit/pools/harness.h"

static struct harness h;
static struct wakes {
	int all, queues, runs;
	char queue[H_TEXT], run[H_TEXT];
} wakes;

static void start(void)
{
	h_start(&h);
	memset(&wakes, 0, sizeof(wakes));
}

static void stop(void)
{
	h_stop(&h);
}

TestSuite(wake, .init = start, .fini = stop);

static void on_wake(const char *queue, const char *run, void *arg)
{
	(void)arg;
	cr_assert(queue == NULL || run == NULL);
	if (queue != NULL) {
		wakes.queues++;
		(void)snprintf(wakes.queue, sizeof(wakes.queue), "%s", queue);
	} else if (run != NULL) {
		wakes.runs++;
		(void)snprintf(wakes.run, sizeof(wakes.run), "%s", run);
	} else {
		wakes.all++;
	}
}

static void subscribed(void)
{
	cr_assert_eq(pools_subscribe(h.pools, POOL, on_wake, NULL, &h.err), 0, "%s",
		     h.err.msg);
	h_wait(&h, &wakes.all);
	wakes.all = 0;
}

Test(wake, ready_work_names_its_queue)
{
	subscribed();
	cr_assert_eq(h_enqueue(&h, "r1", "!odd queue*", 1), 1);
	h_wait(&h, &wakes.queues);
	cr_expect_str_eq(wakes.queue, "!odd queue*");
	cr_expect_eq(wakes.all, 0);
}

Test(wake, cancelling_a_leased_run_names_the_run)
{
	subscribed();
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	cr_assert_eq(h_cancel(&h, "r1"), 1);
	cr_assert_eq(h_enqueue(&h, "r2", "q", 1), 1);
	cr_assert_eq(h_claim(&h, "w", 1, POOLS_LEASE_MS), 1);
	cr_assert_eq(h_cancel(&h, "r2"), 2);
	h_wait(&h, &wakes.runs);
	cr_expect_str_eq(wakes.run, "r2");
	cr_expect_eq(wakes.runs, 1, "a queued run has no owner to wake");
}

Test(wake, a_freed_slot_and_a_changed_setting_wake_all)
{
	subscribed();
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	cr_assert_eq(h_claim(&h, "w", 1, POOLS_LEASE_MS), 1);
	cr_assert_eq(h_settle(&h, "r1", h.run[0].token, POOLS_DONE), 1);
	h_wait(&h, &wakes.all);
	wakes.all = 0;
	cr_assert_eq(h_set_pool(&h, 0, 3), 1);
	h_wait(&h, &wakes.all);
	wakes.all = 0;
	cr_assert_eq(h_set_queue(&h, "q", 0, 3, 1), 1);
	h_wait(&h, &wakes.all);
}

Test(wake, pools_do_not_hear_each_other)
{
	struct pools_run run = {.id = "x", .queue = "q", .priority = 1, .payload = ""};

	subscribed();
	h.done = 0;
	cr_assert_eq(pools_enqueue(h.pools, "other", &run, h_on_int, &h, &h.err), 0);
	h_wait(&h, &h.done);
	h_turn_for(&h, 50);
	cr_expect_eq(wakes.queues, 0);
}

Test(wake, killed_subscriber_comes_back_and_says_look_at_everything)
{
	subscribed();
	cr_assert_eq(
	    h_redis(&h, (const char *[]){"CLIENT", "KILL", "TYPE", "pubsub", NULL}), 1);
	h_wait(&h, &wakes.all);
	wakes.queues = 0;
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	h_wait(&h, &wakes.queues);
}

Test(wake, restarted_redis_is_subscribed_again)
{
	subscribed();
	redis_server_kill(&h.server);
	h_turn_for(&h, 200);
	cr_expect_eq(wakes.all, 0);
	redis_server_again(&h.server);
	h_wait(&h, &wakes.all);
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	h_wait(&h, &wakes.queues);
}

Test(wake, subscribing_before_redis_is_there)
{
	redis_server_kill(&h.server);
	cr_assert_eq(pools_subscribe(h.pools, POOL, on_wake, NULL, &h.err), 0);
	h_turn_for(&h, 100);
	redis_server_again(&h.server);
	h_wait(&h, &wakes.all);
	cr_expect_eq(wakes.all, 1);
}

Test(wake, one_subscription_for_each_pool_until_it_is_ended)
{
	subscribed();
	cr_expect_eq(pools_subscribe(h.pools, POOL, on_wake, NULL, &h.err),
		     -ERR_CONFLICT);
	cr_assert_eq(pools_subscribe(h.pools, "second", on_wake, NULL, &h.err), 0);
	h_wait(&h, &wakes.all);
	pools_unsubscribe(h.pools, POOL);
	pools_unsubscribe(h.pools, "never");
	h_turn_for(&h, 50);
	wakes.queues = 0;
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	h_turn_for(&h, 100);
	cr_expect_eq(wakes.queues, 0);
	subscribed();
}
