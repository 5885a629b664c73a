/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_outage.c - a real Redis that is killed, restarted, flushed, stopped, full or
 * closed.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "tests/unit/pools/harness.h"

#define MANY 500

static struct harness h;

static void start(void)
{
	h_start(&h);
}

static void stop(void)
{
	h_stop(&h);
}

TestSuite(outage, .init = start, .fini = stop, .timeout = 60);

Test(outage, flushed_scripts_are_loaded_again)
{
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	cr_assert_eq(h_redis(&h, (const char *[]){"SCRIPT", "FLUSH", NULL}), 2);
	cr_expect_eq(h_enqueue(&h, "r2", "q", 1), 1, "%s", h.err.msg);
	cr_expect_eq(h_claim(&h, "w", 5, POOLS_LEASE_MS), 2);
}

struct tally {
	int each[MANY];
	int total, ok, unavailable, other;
};
struct slot {
	struct tally *tally;
	int i;
};

static void on_slot(int rc, int64_t value, const struct error *err, void *arg)
{
	struct slot *s = arg;

	(void)value;
	(void)err;
	s->tally->each[s->i]++;
	s->tally->total++;
	s->tally->ok += rc == 0;
	s->tally->unavailable += rc == -ERR_UNAVAILABLE;
	s->tally->other += rc != 0 && rc != -ERR_UNAVAILABLE;
}

static void enqueue_all(struct tally *t, struct slot *slots)
{
	for (int i = 0; i < MANY; i++) {
		char id[H_TEXT];
		struct pools_run run = {
		    .id = id, .queue = "q", .priority = 1, .payload = "{}", .gen = 1};
		(void)snprintf(id, sizeof(id), "r%d", i);
		slots[i] = (struct slot){.tally = t, .i = i};
		cr_assert_eq(
		    pools_enqueue(h.pools, POOL, &run, on_slot, &slots[i], &h.err), 0);
	}
}

static void wait_total(struct tally *t, int want)
{
	int64_t until = clock_mono_ms() + 10000;

	while (t->total < want && clock_mono_ms() < until) {
		(void)loop_turn(h.loop, 50);
	}
	cr_assert_eq(t->total, want);
	for (int i = 0; i < want; i++) {
		cr_assert_eq(t->each[i], 1, "command %d completed %d times", i,
			     t->each[i]);
	}
}

Test(outage, killed_in_mid_flight_each_command_completes_once)
{
	static struct tally t;
	static struct slot slots[MANY];

	cr_assert_eq(h_enqueue(&h, "first", "q", 1), 1);
	redis_server_signal(&h.server, SIGSTOP); /* nothing is answered any more */
	enqueue_all(&t, slots);
	h_turn_for(&h, 50);
	cr_expect_eq(t.total, 0);
	redis_server_kill(&h.server);
	wait_total(&t, MANY);
	cr_expect_eq(t.unavailable, MANY);
	cr_expect_eq(pools_is_up(h.pools), 0);
	redis_server_again(&h.server);
	cr_expect_eq(h_enqueue(&h, "r1", "q", 1), 1, "%s", h.err.msg);
}

Test(outage, commands_given_while_redis_is_away_are_done_when_it_is_back)
{
	static struct tally t;
	static struct slot slots[MANY];

	cr_assert_eq(h_enqueue(&h, "first", "q", 1), 1);
	redis_server_kill(&h.server);
	h_turn_for(&h, 100);
	enqueue_all(&t, slots);
	h_turn_for(&h, 200);
	cr_expect_eq(t.total, 0);
	redis_server_again(&h.server);
	wait_total(&t, MANY);
	cr_expect_eq(t.ok, MANY);
	cr_expect_eq(h_redis(&h, (const char *[]){"ZCARD", "wf:{pool}:ln:-:q", NULL}),
		     MANY);
}

Test(outage, client_made_before_the_server_waits_for_it)
{
	redis_server_kill(&h.server);
	pools_free(h.pools);
	h.pools = pools_new(h.loop, h.server.url, &h.err);
	h_turn_for(&h, 100);
	redis_server_again(&h.server);
	cr_expect_eq(h_enqueue(&h, "r1", "q", 1), 1, "%s", h.err.msg);
}

Test(outage, leases_survive_a_restart_with_append_only_file)
{
	static const char *const extra[] = {"--appendonly", "yes", "--appendfsync",
					    "always", NULL};

	h_stop(&h);
	redis_server_start(&h.server, extra);
	h.loop = loop_new(&h.err);
	h.pools = pools_new(h.loop, h.server.url, &h.err);
	cr_assert_eq(h_set_pool(&h, 0, POOLS_NO_LIMIT), 1);
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	cr_assert_eq(h_claim(&h, "w1", 1, POOLS_LEASE_MS), 1);
	uint64_t tok = h.run[0].token;
	redis_server_kill(&h.server);
	h_turn_for(&h, 50);
	redis_server_again(&h.server);
	cr_expect_eq(h_renew_one(&h, "r1", tok), 1, "%s", h.err.msg);
	cr_expect_eq(h_reap(&h), 0);
}

Test(outage, wrong_type_is_told_with_the_script)
{
	cr_assert_eq(h_redis(&h, (const char *[]){"SET", "wf:{pool}:prio", "x", NULL}),
		     2);
	cr_expect_eq(h_enqueue(&h, "r1", "q", 1), -ERR_PROTOCOL);
	cr_expect(strstr(h.err.msg, "enqueue") != NULL, "%s", h.err.msg);
	cr_expect(strstr(h.err.msg, "WRONGTYPE") != NULL, "%s", h.err.msg);
}

Test(outage, full_memory_takes_no_new_work_but_keeps_what_runs)
{
	cr_assert_eq(h_enqueue(&h, "r1", "q", 1), 1);
	cr_assert_eq(h_enqueue(&h, "r2", "q", 1), 1);
	cr_assert_eq(h_claim(&h, "w", 1, POOLS_LEASE_MS), 1);
	uint64_t tok = h.run[0].token;
	cr_assert_eq(
	    h_redis(&h, (const char *[]){"CONFIG", "SET", "maxmemory", "1", NULL}), 2);
	cr_expect_eq(h_enqueue(&h, "r3", "q", 1), -ERR_UNAVAILABLE);
	cr_expect(strstr(h.err.msg, "OOM") != NULL, "%s", h.err.msg);
	cr_expect_str_eq(h_state(&h, "r3"), "", "nothing was written");
	cr_expect_eq(h_claim(&h, "w", 1, POOLS_LEASE_MS), -ERR_UNAVAILABLE);
	cr_expect_eq(h_renew_one(&h, "r1", tok), 1, "%s", h.err.msg);
	cr_expect_eq(h_reap(&h), 0, "%s", h.err.msg);
	cr_expect_eq(h_settle(&h, "r1", tok, POOLS_DONE), 1, "%s", h.err.msg);
	cr_assert_eq(
	    h_redis(&h, (const char *[]){"CONFIG", "SET", "maxmemory", "0", NULL}), 2);
	cr_expect_eq(h_enqueue(&h, "r3", "q", 1), 1);
}

static void use_password(const char *options)
{
	static const char *const extra[] = {"--requirepass", "s3cret", NULL};
	char url[300];

	h_stop(&h);
	redis_server_start(&h.server, extra);
	h.loop = loop_new(&h.err);
	(void)snprintf(url, sizeof(url), "%s?%s", h.server.url, options);
	h.pools = pools_new(h.loop, url, &h.err);
	cr_assert_not_null(h.pools, "%s", h.err.msg);
}

Test(outage, password_and_database_are_used)
{
	use_password("password=s3cret&db=3");
	cr_expect_eq(h_enqueue(&h, "r1", "q", 1), 1, "%s", h.err.msg);
	cr_expect_eq(h_redis(&h, (const char *[]){"SELECT", "0", NULL}), 2);
	cr_expect_eq(h_redis(&h, (const char *[]){"DBSIZE", NULL}), 0, "it was in 3");
}

Test(outage, user_and_password_are_used)
{
	use_password("user=default&password=s3cret");
	cr_expect_eq(h_enqueue(&h, "r1", "q", 1), 1, "%s", h.err.msg);
}

Test(outage, wrong_password_is_told_and_never_shown)
{
	use_password("password=WRONGONE");
	cr_expect_eq(h_enqueue(&h, "r1", "q", 1), -ERR_UNAVAILABLE);
	cr_expect(strstr(h.err.msg, "WRONGPASS") != NULL, "%s", h.err.msg);
	cr_expect(strstr(h.err.msg, "WRONGONE") == NULL, "%s", h.err.msg);
}

struct ups {
	int up, down;
	char why[512];
};

static void on_up(int up, const char *why, void *arg)
{
	struct ups *u = arg;

	u->up += up;
	u->down += !up;
	(void)snprintf(u->why, sizeof(u->why), "%s", why);
}

Test(outage, ups_and_downs_are_told_once)
{
	struct ups u = {0};

	pools_free(h.pools);
	h.pools = pools_new(h.loop, h.server.url, &h.err);
	pools_on_up(h.pools, on_up, &u);
	h_wait(&h, &u.up);
	redis_server_kill(&h.server);
	h_wait(&h, &u.down);
	h_turn_for(&h, 300);
	cr_expect_eq(u.down, 1);
	cr_expect(u.why[0] != '\0');
	redis_server_again(&h.server);
	u.up = 0;
	h_wait(&h, &u.up);
	cr_expect_eq(u.down, 1);
}

Test(outage, freeing_the_client_cancels)
{
	static struct tally t;
	static struct slot slots[MANY];

	enqueue_all(&t, slots);
	pools_free(h.pools);
	h.pools = NULL;
	wait_total(&t, MANY);
	cr_expect_eq(t.other, MANY, "-ERR_CANCELED");
}
