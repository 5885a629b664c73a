/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cluster.c - several claimers and a Redis that is killed, stopped and restarted:
 * a run is never in the hands of two owners that trust their lease, and every run ends
 * once.
 *
 * Workers, their "processes" and the API are played here; leases are short so that a
 * lot happens in a few seconds.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/claimer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"
#include "pools/pools.h"
#include "pools/pools_priv.h"
#include "tests/lib/redis_server.h"

#define POOL     "pool"
#define WORKERS  3
#define RUNS     40
#define SLOTS    8
#define LEASE_MS 2600 /* trusted for 600 ms */
#define REAP_MS  200
#define RENEW_MS 200

enum run_phase { WAITING = 0, HELD, RUNNING, ENDED, CRASHED };

struct run {
	char id[LEASE_ID_SIZE];
	enum run_phase phase;
	int owner; /* worker that holds it; -1: nobody */
	uint64_t token, highest;
	int starts, enqueueing, wanted; /* wanted: is to be enqueued (again) */
	int64_t gen;
	int64_t until_ms; /* its work is done then */
};

struct worker {
	int number, dead;
	char sock[128]; /* its own link to Redis' socket: removed, it is cut off */
	struct claimer *claimer;
	int busy;
};

static struct redis_server server;
static struct loop *loop;
static struct pools *api;
static struct run runs[RUNS];
static struct worker workers[WORKERS];
static struct error err;
static unsigned int seed;
static int refill = 1, total_ended, total_lost, total_killed;

static struct run *run_get(const char *id)
{
	return &runs[atoi(id + 1)];
}

static int free_slots(void *arg)
{
	const struct worker *w = arg;
	return w->dead ? 0 : SLOTS - w->busy;
}

struct start_arg {
	struct worker *w;
	struct run *r;
	uint64_t token;
};

static void let_go(struct worker *w, struct run *r)
{
	if (r->owner == w->number) {
		r->owner = -1;
		w->busy--;
	}
}

static void on_start(int rc, enum claimer_start answer, const struct error *e,
		     void *arg)
{
	struct start_arg *s = arg;

	(void)e;
	if (rc < 0 && !s->w->dead && s->r->owner == s->w->number &&
	    s->r->token == s->token) {
		(void)claimer_end(s->w->claimer, s->r->id, CLAIMER_REQUEUE, 0, NULL,
				  NULL, NULL);
		let_go(s->w, s->r);
	}
	if (rc == 0 && answer == CLAIMER_GO) {
		cr_assert_eq(s->r->owner, s->w->number);
		cr_assert_eq(s->r->token, s->token);
		s->r->phase = RUNNING;
		cr_assert_eq(s->r->starts++, 0, "a started run is never started again");
		/* every fourth outlives a lease */
		s->r->until_ms =
		    clock_mono_ms() +
		    (rand_r(&seed) % 4 == 0 ? 2 * LEASE_MS : rand_r(&seed) % 400);
	}
	free(s);
}

static void on_claim(const struct claim *c, void *arg)
{
	struct worker *w = arg;
	struct run *r = run_get(c->run_id);
	struct start_arg *s = malloc(sizeof(*s));

	cr_assert_gt(c->token, r->highest, "tokens grow");
	cr_assert_neq(r->phase, RUNNING, "%s is running at worker %d", r->id, r->owner);
	cr_assert_neq(r->phase, ENDED, "%s has ended", r->id);
	if (r->owner >= 0) { /* held, unstarted, by one that has lost it */
		workers[r->owner].busy--;
	}
	r->highest = r->token = c->token;
	r->owner = w->number;
	r->phase = HELD;
	w->busy++;
	*s = (struct start_arg){w, r, c->token};
	cr_assert_eq(claimer_pending(w->claimer, c->run_id, &err), 0);
	cr_assert_eq(claimer_start(w->claimer, c->run_id, on_start, s, &err), 0);
}

static void on_cancel(const char *id, uint64_t token, void *arg)
{
	(void)id;
	(void)token;
	(void)arg;
}

static void on_lost(const char *id, uint64_t token, int started, enum lease_why why,
		    void *arg)
{
	struct worker *w = arg;
	struct run *r = run_get(id);

	(void)why;
	if (r->token == token && r->owner == w->number) {
		cr_assert_eq(started, r->phase == RUNNING);
		/* its process is killed, at once */
		total_killed += started;
		r->phase = started ? CRASHED : WAITING;
		let_go(w, r);
	}
}

static void ignore(int rc, int64_t value, const struct error *e, void *arg)
{
	(void)rc;
	(void)value;
	(void)e;
	(void)arg;
}

/* The API reaps: more often than a worker does, so that the test is short. */
static void on_reaped(int rc, const struct pools_reaped *list, size_t count,
		      const struct error *e, void *arg)
{
	(void)e;
	*(int *)arg = 0;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct run *r = run_get(list[i].id);
		if (strcmp(list[i].verdict, "lost") == 0) {
			/* nobody may be running it any more */
			cr_assert_neq(r->phase, RUNNING,
				      "%s was reaped under worker %d", r->id, r->owner);
			total_lost++;
			/* WAITING: its start was applied and the answer got lost */
			if (r->phase != ENDED && !r->wanted) {
				r->phase = CRASHED;
				r->wanted = refill;
			}
			(void)pools_settle(api, POOL, r->id, list[i].new_token,
					   POOLS_DONE, 0, ignore, NULL, NULL);
		}
	}
}

static void reap(void)
{
	static int64_t next_ms;
	static int under_way;
	int64_t now = clock_mono_ms();

	if (now >= next_ms && !under_way) {
		next_ms = now + REAP_MS;
		under_way = pools_reap(api, POOL, 100, 3, 100, on_reaped, &under_way,
				       &err) == 0;
	}
}

static const struct claimer_ops ops = {.free_slots = free_slots,
				       .on_claim = on_claim,
				       .on_cancel = on_cancel,
				       .on_lost = on_lost};

static void worker_start(struct worker *w)
{
	static int generation;
	char name[32], url[160];
	struct claimer_conf conf = {.redis_url = url,
				    .pool = POOL,
				    .worker = name,
				    .lease_ms = LEASE_MS,
				    .renew_ms = RENEW_MS,
				    .poll_ms = 100};

	(void)snprintf(name, sizeof(name), "w%d", ++generation);
	(void)snprintf(w->sock, sizeof(w->sock), "%s/w%d.sock", server.dir, w->number);
	(void)snprintf(url, sizeof(url), "redis+unix://%s", w->sock);
	(void)!symlink(server.sock, w->sock); /* it may be there */
	w->dead = 0;
	w->claimer = claimer_new(loop, &conf, &ops, w, &err);
	cr_assert_not_null(w->claimer, "%s", err.msg);
}

/* kill -9: its processes die with it, its leases stay. */
static void worker_die(struct worker *w)
{
	w->dead = 1;
	claimer_free(w->claimer);
	for (int i = 0; i < RUNS; i++) {
		if (runs[i].owner == w->number) {
			runs[i].phase = runs[i].phase == RUNNING ? CRASHED : WAITING;
			let_go(w, &runs[i]);
		}
	}
	w->busy = 0;
}

static void finish_work(void)
{
	int64_t now = clock_mono_ms();

	for (int i = 0; i < RUNS; i++) {
		struct run *r = &runs[i];
		if (r->phase == RUNNING && r->until_ms <= now) {
			struct worker *w = &workers[r->owner];
			r->phase = ENDED;
			r->wanted = refill;
			total_ended++;
			cr_assert_eq(claimer_end(w->claimer, r->id, CLAIMER_DONE, 0,
						 NULL, NULL, &err),
				     0, "%s", err.msg);
			let_go(w, r);
			claimer_kick(w->claimer);
		}
	}
}

static void on_enqueued(int rc, int64_t value, const struct error *e, void *arg)
{
	struct run *r = arg;

	(void)e;
	r->enqueueing = 0;
	if (rc == 0) {
		r->wanted = 0;
		cr_assert_geq(value, 0, "gen %d of %s is stale", (int)r->gen, r->id);
	}
}

/* A run that was over begins a new life: the API's next gen. */
static void enqueue_wanted(void)
{
	for (int i = 0; i < RUNS; i++) {
		struct run *r = &runs[i];
		if (!r->wanted || r->enqueueing) {
			continue;
		}
		if (r->phase == ENDED || r->phase == CRASHED) {
			r->phase = WAITING;
			r->starts = 0;
			r->gen++;
		}
		struct pools_run run = {.id = r->id,
					.queue = "q",
					.priority = 1,
					.payload = "{}",
					.gen = r->gen};
		r->enqueueing =
		    pools_enqueue(api, POOL, &run, on_enqueued, r, &err) == 0;
	}
}

static void run_for(int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;

	while (clock_mono_ms() < until) {
		(void)loop_turn(loop, 10);
		finish_work();
		enqueue_wanted();
		reap();
	}
}

static int running_at(const struct worker *w)
{
	int n = 0;

	for (int i = 0; i < RUNS; i++) {
		n += runs[i].phase == RUNNING && runs[i].owner == w->number;
	}
	return n;
}

/* One worker alone loses Redis, for longer than its lease perhaps. */
static void cut_off(const struct worker *w)
{
	char command[200];

	for (int i = 0; i < 50 && running_at(w) == 0; i++) {
		run_for(20);
	}
	(void)unlink(w->sock);
	(void)snprintf(command, sizeof(command),
		       "redis-cli -s %s CLIENT KILL TYPE normal >/dev/null",
		       server.sock);
	cr_assert_eq(system(command), 0);
	run_for(LEASE_MS / 2 + rand_r(&seed) % (LEASE_MS * 3 / 2));
	cr_assert_eq(symlink(server.sock, w->sock), 0);
}

static void trouble(int round)
{
	struct worker *w = &workers[round % WORKERS];

	switch (round % 4) {
	case 0:
		worker_die(w);
		run_for(100);
		worker_start(w);
		break;
	case 1:
		redis_server_kill(&server);
		run_for(rand_r(&seed) % 200);
		redis_server_again(&server);
		break;
	case 2: /* longer than the trust */
		redis_server_signal(&server, SIGSTOP);
		run_for(rand_r(&seed) % 900);
		redis_server_signal(&server, SIGCONT);
		break;
	default:
		cut_off(w);
		break;
	}
}

static int unfinished(void)
{
	int n = 0;

	for (int i = 0; i < RUNS; i++) {
		n += runs[i].phase != ENDED && runs[i].phase != CRASHED;
	}
	return n;
}

static void on_open(int rc, int64_t value, const struct error *e, void *arg)
{
	(void)e;
	cr_assert_eq(rc, 0);
	*(int64_t *)arg = value;
}

/* A pool that Redis does not know gives out nothing. */
static void open_pool(void)
{
	int64_t done = 0;

	cr_assert_eq(pools_set_pool(api, POOL, 0, POOLS_NO_LIMIT, on_open, &done, &err),
		     0);
	while (done == 0) {
		(void)loop_turn(loop, 100);
	}
}

Test(cluster, a_run_has_one_owner_and_one_end_whatever_breaks, .timeout = 120)
{
	static const char *const extra[] = {"--appendonly", "yes", "--appendfsync",
					    "always", NULL};
	seed = 7;
	redis_server_start(&server, extra);
	loop = loop_new(&err);
	api = pools_new(loop, server.url, &err);
	api->reap_gap_ms = 4 * REAP_MS;
	api->reap_grace_ms = 1000;
	open_pool();
	for (int i = 0; i < RUNS; i++) {
		(void)snprintf(runs[i].id, sizeof(runs[i].id), "r%d", i);
		runs[i].owner = -1;
		runs[i].wanted = 1;
	}
	for (int i = 0; i < WORKERS; i++) {
		workers[i].number = i;
		worker_start(&workers[i]);
	}
	for (int round = 0; round < 13; round++) {
		run_for(rand_r(&seed) % 300);
		trouble(round);
	}
	refill = 0;
	int64_t until = clock_mono_ms() + 30000;
	while (unfinished() > 0 && clock_mono_ms() < until) {
		run_for(200);
	}
	for (int i = 0; i < RUNS; i++) {
		cr_expect(runs[i].phase == ENDED || runs[i].phase == CRASHED,
			  "%s is in phase %d", runs[i].id, runs[i].phase);
		cr_expect_leq(runs[i].starts, 1,
			      "a started run is never started again");
	}
	cr_expect_gt(total_ended, RUNS);
	cr_expect_gt(total_lost, 0);
	cr_expect_gt(total_killed, 0);
	for (int i = 0; i < WORKERS; i++) {
		worker_die(&workers[i]);
	}
	pools_free(api);
	loop_free(loop);
	redis_server_stop(&server);
}
