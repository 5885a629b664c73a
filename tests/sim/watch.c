/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.c - see watch.h: runs, their processes and their states.
 */
#include "tests/sim/watch.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "agent/claimer_priv.h"
#include "api/db/db_priv.h"
#include "base/error.h"
#include "tests/sim/child.h"
#include "tests/sim/db.h"
#include "tests/sim/nodes.h"
#include "tests/sim/redis_fake.h"
#include "tests/sim/scene.h"
#include "tests/sim/watch_updates.h"

#define ALIVE_MAX       16
#define ZOMBIE_US       (30 * SIM_S)
#define RESUME_US       (60 * SIM_MS) /* a host that was stopped kills what it lost first */
#define KEY(k)          "wf:{pool}:" k
#define RUN_TERMINAL(t) ((t) >= 4 && (t) <= 7)

/* What is known about one run. */
static struct run_seen {
	uint64_t newest; /* token of the last owner that started a process */
	struct alive {
		struct sim_node *host;
		uint64_t fence;
		int works; /* began: RUNNING was accepted */
	} alive[ALIVE_MAX];
	int alive_count;
	int type; /* state, 0: none yet */
	int64_t over_us;
	sqlite3_int64 fence;
} seen[RUNS_MAX];
static sqlite3_stmt *states;
int watch_data_lost, watch_claims_forgotten;

/* ---- processes ---- */

static int is_stopped(const struct sim_node *n)
{
	return n->resume_us + RESUME_US > sim_now_us;
}

/* A claim that a failover took back: its process may wait for the run's time until the
 * API refuses it; work it must not (on_worked). */
static int waits_in_vain(const struct alive *a)
{
	return watch_claims_forgotten && !a->works;
}

/* Whoever has told the end of a run only waits to hear that it was heard; nothing is
 * held for it any more when Redis is filled again. */
static int executes(const struct run_seen *s, const struct alive *a)
{
	if (watch_data_lost && RUN_TERMINAL(s->type)) {
		return 0;
	}
	return !is_stopped(a->host) && !(waits_in_vain(a) && a->fence < s->newest);
}

static int run_index(const struct uuid *run)
{
	struct scene_run *r = scene_find(run);

	PRE(r != NULL);
	return (int)(r - scene.runs);
}

/* Processes that run now, in the pool (QUEUE -1) or a queue. */
static int executing(int queue)
{
	int n = 0;

	for (int i = 0; i < scene.run_count; i++) {
		int q = scene.deployments[scene.runs[i].deployment].queue;
		for (int k = 0; (queue < 0 || queue == q) && k < seen[i].alive_count;
		     k++) {
			n += executes(&seen[i], &seen[i].alive[k]);
		}
	}
	return n;
}

static void check_limits(void)
{
	if (scene.pool_limit >= 0 && executing(-1) > scene.pool_limit) {
		sim_fail("limit", "%d processes run in a pool with limit %lld",
			 executing(-1), (long long)scene.pool_limit);
	}
	for (int q = 0; q < QUEUES; q++) {
		if (scene.queue_limit[q] >= 0 && executing(q) > scene.queue_limit[q]) {
			sim_fail("limit",
				 "%d processes run in queue %d with limit %lld",
				 executing(q), q, (long long)scene.queue_limit[q]);
		}
	}
}

static void check_deployment_limit(int run)
{
	int d = scene.runs[run].deployment, n = 0;

	for (int i = 0; i < scene.run_count; i++) {
		for (int k = 0;
		     scene.runs[i].deployment == d && k < seen[i].alive_count; k++) {
			n += executes(&seen[i], &seen[i].alive[k]);
		}
	}
	if (scene.deployments[d].limit >= 0 && n > scene.deployments[d].limit) {
		sim_fail("limit", "%d processes run of deployment %d with limit %lld",
			 n, d, (long long)scene.deployments[d].limit);
	}
}

static void on_started(struct sim_node *host, const struct uuid *run, uint64_t fence)
{
	int i = run_index(run);
	struct run_seen *s = &seen[i];

	for (int k = 0; k < s->alive_count; k++) {
		if (!is_stopped(s->alive[k].host) && !waits_in_vain(&s->alive[k])) {
			sim_fail(
			    "two-owners",
			    "run %s starts on %s (token %llu) and still runs on %s "
			    "(token %llu)",
			    scene.runs[i].key, host->name, (unsigned long long)fence,
			    s->alive[k].host->name,
			    (unsigned long long)s->alive[k].fence);
		}
	}
	if (fence < s->newest) {
		sim_fail("two-owners", "run %s is started with token %llu after %llu",
			 scene.runs[i].key, (unsigned long long)fence,
			 (unsigned long long)s->newest);
	}
	s->newest = fence;
	PRE(s->alive_count < ALIVE_MAX);
	s->alive[s->alive_count++] = (struct alive){host, fence, 0};
	check_limits();
}

static void on_worked(struct sim_node *host, const struct uuid *run, uint64_t fence)
{
	int i = run_index(run);

	for (int k = 0; k < seen[i].alive_count; k++) {
		seen[i].alive[k].works |= seen[i].alive[k].fence == fence;
	}
	if (fence < seen[i].newest) {
		sim_fail(
		    "two-owners",
		    "run %s is worked on by %s (token %llu) after token %llu began",
		    scene.runs[i].key, host->name, (unsigned long long)fence,
		    (unsigned long long)seen[i].newest);
	}
	if (RUN_TERMINAL(seen[i].type) && seen[i].over_us + ZOMBIE_US < sim_now_us &&
	    !is_stopped(host)) {
		sim_fail("zombie", "run %s is worked on by %s, %.1f s after its end",
			 scene.runs[i].key, host->name,
			 (double)(sim_now_us - seen[i].over_us) / SIM_S);
	}
	check_deployment_limit(i);
}

static void on_gone(struct sim_node *host, const struct uuid *run, uint64_t fence)
{
	struct run_seen *s = &seen[run_index(run)];

	for (int k = 0; k < s->alive_count; k++) {
		if (s->alive[k].host == host && s->alive[k].fence == fence) {
			s->alive[k] = s->alive[--s->alive_count];
			return;
		}
	}
}

/* ---- leases of workers ---- */

static int trusts(const struct worker_node *w, const struct lease *l)
{
	return l->state == LEASE_STARTED && l->trusted_until_ms > sim_mono_ms(&w->node);
}

static int is_in_vain(const char *id, uint64_t token)
{
	struct uuid run;
	const struct run_seen *s;

	if (!watch_claims_forgotten || uuid_parse(id, &run) < 0) {
		return 0;
	}
	s = &seen[run_index(&run)];
	for (int k = 0; k < s->alive_count; k++) {
		if (s->alive[k].fence == token && s->alive[k].works) {
			return 0;
		}
	}
	return 1;
}

static void compare_leases(const struct worker_node *a, const struct worker_node *b,
			   const struct lease *l)
{
	const struct claimer *c = worker_claimer(b);
	const struct lease *other = c != NULL ? lease_get(&c->table, l->id) : NULL;

	if (other != NULL && trusts(a, l) && trusts(b, other) &&
	    !is_in_vain(l->id, MIN_OF(l->token, other->token))) {
		sim_fail("two-leases", "run %s: %s trusts token %llu, %s token %llu",
			 l->id, a->node.name, (unsigned long long)l->token,
			 b->node.name, (unsigned long long)other->token);
	}
}

static void check_leases(const struct worker_node *w)
{
	const struct claimer *c = worker_claimer(w);

	if (c == NULL) {
		return;
	}
	for (struct map_iter i = {0}; map_next(&c->table.by_id, &i);) {
		for (int k = 0; k < worker_count; k++) {
			if (&workers[k] != w && workers[k].node.up &&
			    !is_stopped(&workers[k].node)) {
				compare_leases(w, &workers[k], i.value);
			}
		}
	}
}

void watch_step(const struct sim_node *node)
{
	for (int i = 0; i < worker_count; i++) {
		if (node == &workers[i].node && node->up) {
			check_leases(&workers[i]);
		}
	}
}

/* ---- states ---- */

static void state_is(int i, int type, sqlite3_int64 fence)
{
	struct run_seen *s = &seen[i];

	if (type != s->type) {
		sim_trace("run %s is %s now (token %llu)", scene.runs[i].key,
			  state_type_text(type), (unsigned long long)fence);
	}
	if (RUN_TERMINAL(s->type) && type != s->type) {
		sim_fail("terminal-is-final", "run %s was %s and is %s",
			 scene.runs[i].key, state_type_text(s->type),
			 state_type_text(type));
	}
	if (fence < s->fence) {
		sim_fail("terminal-is-final", "the token of run %s goes back",
			 scene.runs[i].key);
	}
	if (RUN_TERMINAL(type) && !RUN_TERMINAL(s->type)) {
		s->over_us = sim_now_us;
	}
	s->type = type;
	s->fence = fence;
}

uint64_t watch_fence_of(const struct uuid *run)
{
	return (uint64_t)seen[run_index(run)].fence;
}

static void on_commit(void)
{
	struct uuid id;

	if (states == NULL &&
	    sqlite3_prepare_v3(sim_db()->sq,
			       "SELECT id, state_type, fence FROM flow_run", -1,
			       SQLITE_PREPARE_PERSISTENT, &states, NULL) != SQLITE_OK) {
		BUG("the simulator's look at the runs: %s",
		    sqlite3_errmsg(sim_db()->sq));
	}
	while (sqlite3_step(states) == SQLITE_ROW) {
		memcpy(id.b, sqlite3_column_blob(states, 0), sizeof(id.b));
		state_is(run_index(&id), sqlite3_column_int(states, 1),
			 sqlite3_column_int64(states, 2));
	}
	(void)sqlite3_reset(states);
}

/* ---- the end ---- */

static int64_t count(const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t n = -1;

	if (sqlite3_prepare_v2(sim_db()->sq, sql, -1, &s, NULL) != SQLITE_OK) {
		BUG("%s: %s", sql, sqlite3_errmsg(sim_db()->sq));
	}
	if (sqlite3_step(s) == SQLITE_ROW) {
		n = sqlite3_column_int64(s, 0);
	}
	(void)sqlite3_finalize(s);
	return n;
}

static const char *runs_left(void)
{
	static char text[800];
	char key[64], hash[600];

	for (int i = 0; i < scene.run_count; i++) {
		if (!RUN_TERMINAL(seen[i].type)) {
			(void)snprintf(key, sizeof(key), "wf:{pool}:run:%s",
				       scene.runs[i].key);
			redis_fake_hash(key, hash, sizeof(hash));
			(void)snprintf(text, sizeof(text),
				       "termination: run %s is %s, in Redis:%s",
				       scene.runs[i].key,
				       seen[i].type != 0 ? state_type_text(seen[i].type)
							 : "not created",
				       hash);
			return text;
		}
		if (seen[i].alive_count > 0) {
			return "leak: a process";
		}
	}
	return NULL;
}

static const char *workers_left(void)
{
	for (int i = 0; i < worker_count; i++) {
		const struct claimer *c = worker_claimer(&workers[i]);
		if (c == NULL) {
			return "termination: a worker has not started";
		}
		if (lease_table_count(&c->table) > 0) {
			return "leak: a lease in a worker's table";
		}
		if (worker_runs(&workers[i]) > 0) {
			return "leak: a run in a worker";
		}
		if (worker_updates_waiting(&workers[i]) > 0) {
			return "leak: an update without an answer";
		}
	}
	return NULL;
}

static const char *stores_left(void)
{
	static const char *const keys[] = {KEY("lease"), KEY("lost"), KEY("q:fast"),
					   KEY("q:slow")};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (redis_fake_count("ZCARD", keys[i]) != 0) {
			return i == 0   ? "leak: a lease in Redis"
			       : i == 1 ? "leak: a lost run in Redis"
					: "leak: a run in a queue";
		}
	}
	if (redis_fake_count("SCARD", KEY("held")) != 0 ||
	    redis_fake_count("SCARD", KEY("qheld:fast")) != 0 ||
	    redis_fake_count("SCARD", KEY("qheld:slow")) != 0) {
		return "leak: a slot in Redis";
	}
	if (count("SELECT count(*) FROM concurrency_lease") != 0) {
		return "leak: a slot of a deployment";
	}
	return count("SELECT count(*) FROM outbox") != 0 ? "leak: an outbox row" : NULL;
}

int watch_is_quiet(const char **ret_what)
{
	const char *what = runs_left();

	what = what == NULL ? workers_left() : what;
	what = what == NULL ? stores_left() : what;
	*ret_what = what;
	return what == NULL;
}

void watch_end(void)
{
	int64_t twice = count(
	    "SELECT count(*) FROM (SELECT flow_run_id FROM flow_run_state "
	    "WHERE type BETWEEN 4 AND 7 GROUP BY flow_run_id HAVING count(*) > 1)");

	if (twice != 0) {
		sim_fail("terminal-is-final", "%lld runs ended more than once",
			 (long long)twice);
	}
	watch_updates_end();
}

void watch_reset(void)
{
	memset(seen, 0, sizeof(seen));
	watch_data_lost = watch_claims_forgotten = 0;
	child_events = (struct child_events){on_started, on_worked, on_gone};
	sim_db_committed = on_commit;
	watch_updates_reset();
}
