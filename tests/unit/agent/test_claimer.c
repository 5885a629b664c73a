/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_claimer.c - the claim side against a real Redis; the API's side is played
 * through pools.h.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/claimer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"
#include "pools/pools.h"
#include "tests/lib/redis_server.h"

#define POOL      "pool"
#define WAIT_MS   10000
#define SEEN_MAX  300
#define SHORT_MS  3500 /* lease: 1.5 s of trust with the margin of 2 s */
#define SHORT_REN 400

static struct redis_server server;
static struct loop *loop;
static struct pools *api; /* the API's own client */
static struct error err;

struct seen {
	int slots, claims, cancels, lost, lost_started, reaped, up, down;
	char id[SEEN_MAX][LEASE_ID_SIZE];
	uint64_t token[SEEN_MAX];
	int64_t attempt;
	char queue[64], payload[64];
	char last[LEASE_ID_SIZE]; /* of the last cancel, loss or reaping */
	enum lease_why why;
	struct claimer_reaped r;
};

static int free_slots(void *arg)
{
	struct seen *s = arg;
	return s->slots;
}

static void on_claim(const struct claim *c, void *arg)
{
	struct seen *s = arg;

	cr_assert_lt(s->claims, SEEN_MAX);
	(void)snprintf(s->id[s->claims], LEASE_ID_SIZE, "%s", c->run_id);
	(void)snprintf(s->queue, sizeof(s->queue), "%s", c->queue);
	(void)snprintf(s->payload, sizeof(s->payload), "%s", c->payload);
	s->token[s->claims] = c->token;
	s->attempt = c->attempt;
	s->claims++;
	s->slots--;
}

static void on_cancel(const char *id, uint64_t token, void *arg)
{
	struct seen *s = arg;

	(void)token;
	s->cancels++;
	(void)snprintf(s->last, sizeof(s->last), "%s", id);
}

static void on_lost(const char *id, uint64_t token, int started, enum lease_why why,
		    void *arg)
{
	struct seen *s = arg;

	(void)token;
	s->lost++;
	s->lost_started += started;
	s->why = why;
	(void)snprintf(s->last, sizeof(s->last), "%s", id);
}

static void on_reaped(const struct claimer_reaped *r, void *arg)
{
	struct seen *s = arg;

	s->r = *r;
	(void)snprintf(s->last, sizeof(s->last), "%s", r->run_id);
	s->reaped++;
}

static void on_up(int up, const char *reason, void *arg)
{
	struct seen *s = arg;

	(void)reason;
	s->up += up;
	s->down += !up;
}

static const struct claimer_ops ops = {.free_slots = free_slots,
				       .on_claim = on_claim,
				       .on_cancel = on_cancel,
				       .on_lost = on_lost,
				       .on_up = on_up};
static const struct claimer_ops reaper_ops = {.free_slots = free_slots,
					      .on_claim = on_claim,
					      .on_cancel = on_cancel,
					      .on_lost = on_lost,
					      .on_reaped = on_reaped};

static struct claimer *claimer_with(const struct claimer_ops *o, struct seen *s,
				    const char *worker, int64_t lease_ms)
{
	struct claimer_conf conf = {.redis_url = server.url,
				    .pool = POOL,
				    .worker = worker,
				    .lease_ms = lease_ms,
				    .renew_ms = lease_ms > 0 ? SHORT_REN : 0,
				    .prefetch_ms = -1};
	struct claimer *c = claimer_new(loop, &conf, o, s, &err);

	cr_assert_not_null(c, "%s", err.msg);
	return c;
}

static void wait_for(const int *value, int want)
{
	int64_t until = clock_mono_ms() + WAIT_MS;

	while (*value < want && clock_mono_ms() < until) {
		(void)loop_turn(loop, 50);
	}
	cr_assert_geq(*value, want, "%d of %d after %d ms", *value, want, WAIT_MS);
}

struct answer {
	int done, rc;
	int64_t value;
};

static void on_int(int rc, int64_t value, const struct error *e, void *arg)
{
	struct answer *a = arg;

	(void)e;
	a->rc = rc;
	a->value = value;
	a->done++;
}

/* A pool that Redis does not know gives out nothing. */
static void open_pool(void)
{
	struct answer a = {0};

	cr_assert_eq(pools_set_pool(api, POOL, 0, POOLS_NO_LIMIT, on_int, &a, &err), 0);
	wait_for(&a.done, 1);
}

static void start(void)
{
	redis_server_start(&server, NULL);
	loop = loop_new(&err);
	api = pools_new(loop, server.url, &err);
	open_pool();
}

static void stop(void)
{
	pools_free(api);
	loop_free(loop);
	redis_server_stop(&server);
}

TestSuite(claimer, .init = start, .fini = stop, .timeout = 60);

static void turn_for(int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;

	while (clock_mono_ms() < until) {
		(void)loop_turn(loop, until - clock_mono_ms());
	}
}

static void enqueue(const char *id, const char *queue, int64_t due_ms)
{
	struct answer a = {0};
	struct pools_run run = {.id = id,
				.queue = queue,
				.due_ms = due_ms,
				.priority = 1,
				.payload = "{\"x\":1}",
				.gen = 1};

	cr_assert_eq(pools_enqueue(api, POOL, &run, on_int, &a, &err), 0);
	wait_for(&a.done, 1);
	cr_assert_eq(a.value, 1);
}

static void cancel(const char *id)
{
	struct answer a = {0};

	cr_assert_eq(pools_cancel(api, POOL, id, on_int, &a, &err), 0);
	wait_for(&a.done, 1);
	cr_assert_eq(a.value, 2);
}

struct state {
	int done;
	char text[16];
};

static void on_info(int rc, const struct pools_info *infos, size_t n,
		    const struct error *e, void *arg)
{
	struct state *s = arg;

	(void)e;
	cr_assert_eq(rc, 0);
	cr_assert_eq(n, 1);
	(void)snprintf(s->text, sizeof(s->text), "%s",
		       infos[0].state != NULL ? infos[0].state : "");
	s->done++;
}

static const char *state_of(const char *id)
{
	static struct state s;

	s.done = 0;
	cr_assert_eq(pools_inspect(api, POOL, &id, 1, on_info, &s, &err), 0);
	wait_for(&s.done, 1);
	return s.text;
}

static void on_start(int rc, enum claimer_start a, const struct error *e, void *arg)
{
	struct answer *answer = arg;

	(void)e;
	answer->rc = rc;
	answer->value = a;
	answer->done++;
}

static void on_end(int rc, const struct error *e, void *arg)
{
	struct answer *a = arg;

	(void)e;
	a->rc = rc;
	a->done++;
}

static void start_run(struct claimer *c, const char *id, enum claimer_start want)
{
	struct answer a = {0};

	cr_assert_eq(claimer_pending(c, id, &err), 0, "%s", err.msg);
	cr_assert_eq(claimer_start(c, id, on_start, &a, &err), 0, "%s", err.msg);
	wait_for(&a.done, 1);
	cr_assert_eq(a.rc, 0);
	cr_assert_eq(a.value, want);
}

Test(claimer, whole_life_of_a_run)
{
	struct seen s = {.slots = 1};
	struct claimer *c = claimer_with(&ops, &s, "w1", 0);
	struct answer end = {0};

	enqueue("r1", "q", 1000);
	wait_for(&s.claims, 1);
	cr_expect_str_eq(s.id[0], "r1");
	cr_expect_str_eq(s.queue, "q");
	cr_expect_str_eq(s.payload, "{\"x\":1}");
	cr_expect_eq(claimer_token(c, "r1"), s.token[0]);
	cr_expect_eq(claimer_start(c, "r1", on_start, &end, &err), -ERR_CONFLICT,
		     "Pending comes first");
	start_run(c, "r1", CLAIMER_GO);
	cr_expect_eq(claimer_end(c, "r1", CLAIMER_DONE, 0, on_end, &end, &err), 0);
	cr_expect_eq(end.done, 0, "never inside the call");
	cr_expect_eq(claimer_unsettled(c), 1);
	wait_for(&end.done, 1);
	cr_expect_eq(end.rc, 0);
	cr_expect_str_eq(state_of("r1"), "done");
	cr_expect_eq(claimer_leases(c), 0);
	cr_expect_eq(claimer_unsettled(c), 0);
	cr_expect_eq(s.lost, 0);
	claimer_free(c);
}

Test(claimer, a_wake_up_is_faster_than_the_poll)
{
	struct seen s = {.slots = 5};
	struct claimer *c = claimer_with(&ops, &s, "w1", 0);

	wait_for(&s.up, 1);
	turn_for(200);
	for (int i = 0; i < 5; i++) {
		char id[16];
		(void)snprintf(id, sizeof(id), "r%d", i);
		int64_t before = clock_mono_ms();
		enqueue(id, "q", 1000);
		wait_for(&s.claims, i + 1);
		cr_expect_lt(clock_mono_ms() - before, 500);
	}
	claimer_free(c);
}

static int looks;

static int looked(void *arg)
{
	looks++;
	return free_slots(arg);
}

/* The poll is for wake-ups that are lost; while none can be, it takes its time. */
Test(claimer, an_idle_one_rests_while_wake_ups_arrive)
{
	struct claimer_ops o = ops;
	struct seen s = {.slots = 1};
	struct claimer_conf conf = {.redis_url = server.url,
				    .pool = POOL,
				    .worker = "w",
				    .prefetch_ms = 8000,
				    .poll_ms = 10};
	struct claimer *c;

	o.free_slots = looked;
	c = claimer_new(loop, &conf, &o, &s, &err);
	cr_assert_not_null(c, "%s", err.msg);
	turn_for(400);
	cr_expect_geq(looks, 1);
	cr_expect_leq(looks, 5, "%d looks", looks);
	enqueue("r1", "q", 1000);
	wait_for(&s.claims, 1);
	claimer_free(c);
}

Test(claimer, never_more_than_the_free_slots)
{
	struct seen s = {.slots = 2};
	struct claimer *c = claimer_with(&ops, &s, "w1", 0);

	for (int i = 0; i < 4; i++) {
		char id[16];
		(void)snprintf(id, sizeof(id), "r%d", i);
		enqueue(id, "q", 1000 + i);
	}
	wait_for(&s.claims, 2);
	turn_for(300);
	cr_expect_eq(s.claims, 2);
	s.slots = 1;
	claimer_kick(c);
	wait_for(&s.claims, 3);
	turn_for(300);
	cr_expect_eq(s.claims, 3);
	claimer_free(c);
}

Test(claimer, cancel_reaches_the_owner_at_once)
{
	struct seen s = {.slots = 1};
	struct claimer *c = claimer_with(&ops, &s, "w1", 0);

	enqueue("r1", "q", 1000);
	wait_for(&s.claims, 1);
	int64_t before = clock_mono_ms();
	cancel("r1");
	wait_for(&s.cancels, 1);
	cr_expect_lt(clock_mono_ms() - before, 1000);
	cr_expect_str_eq(s.last, "r1");
	start_run(c, "r1", CLAIMER_CANCEL_WANTED);
	turn_for(200);
	cr_expect_eq(s.cancels, 1);
	claimer_free(c);
}

Test(claimer, cancel_reaches_the_owner_through_renewal_when_publishing_is_lost)
{
	struct seen s = {.slots = 1};
	struct claimer *c = claimer_with(&ops, &s, "w1", SHORT_MS);
	char command[200];

	enqueue("r1", "q", 1000);
	wait_for(&s.claims, 1);
	(void)snprintf(command, sizeof(command),
		       "redis-cli -s %s HSET 'wf:{pool}:run:r1' cancel 1 >/dev/null",
		       server.sock);
	cr_assert_eq(system(command), 0);
	wait_for(&s.cancels, 1);
	claimer_free(c);
}

Test(claimer, leases_are_renewed_for_as_long_as_it_takes)
{
	struct seen s = {.slots = 1};
	struct claimer *c = claimer_with(&ops, &s, "w1", SHORT_MS);

	enqueue("r1", "q", 1000);
	wait_for(&s.claims, 1);
	start_run(c, "r1", CLAIMER_GO);
	turn_for(SHORT_MS + 500);
	cr_expect_eq(s.lost, 0);
	cr_expect_eq(claimer_leases(c), 1);
	claimer_free(c);
}

Test(claimer, a_run_is_given_up_before_its_lease_ends_when_redis_is_away)
{
	struct seen s = {.slots = 1};
	struct claimer *c = claimer_with(&ops, &s, "w1", SHORT_MS);

	enqueue("r1", "q", 1000);
	wait_for(&s.claims, 1);
	start_run(c, "r1", CLAIMER_GO);
	int64_t before = clock_mono_ms();
	redis_server_signal(&server, SIGSTOP);
	wait_for(&s.lost, 1);
	cr_expect_lt(clock_mono_ms() - before, SHORT_MS - LEASE_MARGIN_MS + 200);
	cr_expect_eq(s.lost_started, 1);
	cr_expect_eq(s.why, LEASE_WHY_UNRENEWED);
	redis_server_signal(&server, SIGCONT);
	claimer_free(c);
}

Test(claimer, a_restart_of_redis_costs_no_run)
{
	struct seen s = {.slots = 1};
	struct claimer *c = claimer_with(&ops, &s, "w1", 0);

	enqueue("r1", "q", 1000);
	wait_for(&s.claims, 1);
	start_run(c, "r1", CLAIMER_GO);
	s.up = 0;
	redis_server_kill(&server);
	wait_for(&s.down, 1);
	redis_server_again(&server); /* with nothing in it */
	wait_for(&s.up, 1);
	turn_for(300);
	cr_expect_eq(s.lost, 0);
	cr_expect_str_eq(state_of("r1"), "leased", "brought back by its owner");
	claimer_free(c);
}

Test(claimer, settlement_waits_for_redis)
{
	struct seen s = {.slots = 1};
	struct claimer *c = claimer_with(&ops, &s, "w1", 0);
	struct answer end = {0};

	enqueue("r1", "q", 1000);
	wait_for(&s.claims, 1);
	start_run(c, "r1", CLAIMER_GO);
	redis_server_kill(&server);
	wait_for(&s.down, 1);
	cr_assert_eq(claimer_end(c, "r1", CLAIMER_DONE, 0, on_end, &end, &err), 0);
	turn_for(300);
	cr_expect_eq(end.done, 0);
	redis_server_again(&server);
	wait_for(&end.done, 1);
	cr_expect_eq(claimer_leases(c), 0);
	claimer_free(c);
}

Test(claimer, draining_gives_unstarted_runs_back)
{
	struct seen s = {.slots = 1}, s2 = {.slots = 1};
	struct claimer *c = claimer_with(&ops, &s, "w1", 0);
	struct answer end = {0};

	enqueue("r1", "q", 1000);
	wait_for(&s.claims, 1);
	claimer_drain(c);
	s.slots = 5;
	enqueue("r2", "q", 1001);
	turn_for(1500);
	cr_expect_eq(s.claims, 1);
	cr_expect_eq(claimer_end(c, "r1", CLAIMER_REQUEUE, 0, on_end, &end, &err), 0);
	wait_for(&end.done, 1);
	cr_expect_eq(end.rc, 0);
	struct claimer *c2 = claimer_with(&ops, &s2, "w2", 0);
	wait_for(&s2.claims, 1);
	cr_expect_str_eq(s2.id[0], "r1");
	cr_expect_eq(s2.attempt, 2);
	claimer_resume(c);
	wait_for(&s.claims, 2);
	claimer_free(c);
	claimer_free(c2);
}

Test(claimer, two_claimers_share_the_work_and_each_run_goes_to_one)
{
	struct seen s[2] = {{.slots = 200}, {.slots = 200}};
	struct claimer *c[2];

	for (int i = 0; i < 2; i++) {
		c[i] = claimer_with(&ops, &s[i], i == 0 ? "w1" : "w2", 0);
	}
	for (int i = 0; i < 200; i++) {
		char id[16];
		(void)snprintf(id, sizeof(id), "r%d", i);
		enqueue(id, "q", 1000);
	}
	turn_for(300);
	cr_expect_eq(s[0].claims + s[1].claims, 200);
	for (int i = 0; i < s[0].claims; i++) {
		for (int k = 0; k < s[1].claims; k++) {
			cr_assert_str_neq(s[0].id[i], s[1].id[k]);
		}
	}
	claimer_free(c[0]);
	claimer_free(c[1]);
}

Test(claimer, a_queue_that_is_not_served_is_left_alone)
{
	struct seen s = {.slots = 5};
	const char *const queues[] = {"mine", NULL};
	struct claimer_conf conf = {.redis_url = server.url,
				    .pool = POOL,
				    .worker = "w1",
				    .queues = queues,
				    .prefetch_ms = 0};
	struct claimer *c = claimer_new(loop, &conf, &ops, &s, &err);

	enqueue("r1", "other", 1000);
	enqueue("r2", "mine", 1000);
	wait_for(&s.claims, 1);
	turn_for(300);
	cr_expect_eq(s.claims, 1);
	cr_expect_str_eq(s.id[0], "r2");
	claimer_free(c);
}

Test(claimer, a_future_run_is_claimed_ahead_with_its_time)
{
	struct seen s = {.slots = 5};
	struct claimer *c = claimer_with(&ops, &s, "w1", 0);

	enqueue("soon", "q", clock_wall_us() / 1000 + 8000);
	enqueue("late", "q", clock_wall_us() / 1000 + 60000);
	wait_for(&s.claims, 1);
	turn_for(300);
	cr_expect_eq(s.claims, 1);
	cr_expect_str_eq(s.id[0], "soon");
	claimer_free(c);
}

Test(claimer, the_work_of_a_dead_owner_is_reaped)
{
	struct seen dead = {.slots = 2}, s = {0};
	struct claimer *c = claimer_with(&ops, &dead, "w-dead", SHORT_MS);
	struct answer a = {0};
	char command[200];

	enqueue("started", "q", 1000);
	wait_for(&dead.claims, 1);
	start_run(c, "started", CLAIMER_GO);
	claimer_free(c); /* without ending it */
	/* as if somebody had reaped all the time: no grace */
	(void)snprintf(
	    command, sizeof(command),
	    "redis-cli -s %s HSET 'wf:{pool}:reap' last 99999999999999 from 0 "
	    ">/dev/null",
	    server.sock);
	cr_assert_eq(system(command), 0);
	struct claimer *r = claimer_with(&reaper_ops, &s, "w2", 0);
	wait_for(&s.reaped, 1);
	cr_expect_str_eq(s.last, "started");
	cr_expect_eq(s.r.started, 1);
	cr_expect_eq(s.r.requeued, 0);
	cr_expect_gt(s.r.new_token, s.r.old_token);
	cr_expect_str_eq(state_of("started"), "lost");
	claimer_end_token(r, "started", s.r.new_token, CLAIMER_DONE);
	while (claimer_unsettled(r) > 0) {
		turn_for(10);
	}
	cr_expect_str_eq(state_of("started"), "done");
	(void)a;
	claimer_free(r);
}

Test(claimer, closing_completes_what_is_under_way)
{
	struct seen s = {.slots = 2};
	struct claimer *c = claimer_with(&ops, &s, "w1", 0);
	struct answer a = {0}, end = {0}, end2 = {0};

	enqueue("r1", "q", 1000);
	enqueue("r2", "q", 1000);
	wait_for(&s.claims, 2);
	cr_assert_eq(claimer_pending(c, "r1", &err), 0);
	cr_assert_eq(claimer_start(c, "r1", on_start, &a, &err), 0);
	cr_assert_eq(claimer_end(c, "r2", CLAIMER_DROP, 0, on_end, &end2, &err), 0);
	claimer_end_token(c, "r3", 5, CLAIMER_DROP);
	claimer_free(c);
	cr_expect_eq(a.done, 1);
	cr_expect_eq(a.rc, -ERR_CANCELED);
	cr_expect_eq(end2.done, 1);
	cr_expect_eq(end2.rc, -ERR_CANCELED);
	cr_expect_eq(end.done, 0);
}

Test(claimer, bad_configuration_is_refused)
{
	struct seen s = {0};
	struct claimer_conf conf = {
	    .redis_url = "http://x", .pool = POOL, .worker = "w"};

	cr_expect_null(claimer_new(loop, &conf, &ops, &s, &err));
	conf.redis_url = server.url;
	conf.lease_ms = 6000;
	cr_expect_null(claimer_new(loop, &conf, &ops, &s, &err));
	cr_expect(strstr(err.msg, "make it longer") != NULL, "%s", err.msg);
}
