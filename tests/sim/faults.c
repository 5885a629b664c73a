/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faults.c - what goes wrong in a world.  Each world has some kinds of faults only, so
 * that their combinations are met unmixed too.
 */
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/mem.h"
#include "tests/sim/db.h"
#include "tests/sim/disk.h"
#include "tests/sim/net.h"
#include "tests/sim/nodes.h"
#include "tests/sim/plant.h"
#include "tests/sim/redis_client.h"
#include "tests/sim/redis_fake.h"
#include "tests/sim/scenario.h"
#include "tests/sim/sim.h"
#include "tests/sim/watch.h"
#include "tests/sim/watch_updates.h"

#define FIRST_US (2 * SIM_S)
#define LAST_US  (60 * SIM_S)
#define FAULTS   12

int faults_need_long_runs;
static int stopping; /* no fault begins any more */

static struct worker_node *any_worker(void)
{
	return &workers[rnd_range(0, worker_count - 1)];
}

static struct api_node *any_api(void)
{
	return &apis[rnd_range(0, api_count - 1)];
}

/* ---- ends of programs ---- */

static void start_worker(void *arg)
{
	struct worker_node *w = arg;

	if (!w->node.up && w->app == NULL) {
		worker_boot(w);
	}
}

static void start_api(void *arg)
{
	struct api_node *a = arg;

	if (!a->node.up) {
		api_boot(a);
	}
}

/* What is dead is not stopped. */
static void end_stop(struct sim_node *n)
{
	n->stood_us -= MAX_OF(0, n->resume_us - sim_now_us);
	n->resume_us = 0;
}

static void kill_worker(struct worker_node *w, int64_t us, int power)
{
	if (w->node.up) {
		if (power) {
			watch_power_failure(&w->node);
		}
		end_stop(&w->node);
		worker_kill(w, power);
		(void)sim_at(NULL, sim_now_us + us, start_worker, w);
	}
}

static void f_kill_worker(int64_t us)
{
	kill_worker(any_worker(), us, 0);
}

static void power_fails(void *arg)
{
	if (!stopping) {
		kill_worker(arg, 5 * SIM_S, 1);
	}
}

/* Half of them at the worst time: when the APIs have not been heard of for a while. */
static void f_power(int64_t us)
{
	struct worker_node *w = any_worker();
	int64_t away_us = rnd_permille(500) ? rnd_range(SIM_S, 10 * SIM_S) : 0;

	if (away_us == 0) {
		kill_worker(w, us, 1);
		return;
	}
	sim_trace("%s is cut off the apis for %.1f s", w->node.name,
		  (double)away_us / SIM_S);
	for (int i = 0; i < api_count; i++) {
		net_cut(&w->node, &apis[i].node, sim_now_us + away_us);
	}
	(void)sim_at(NULL, sim_now_us + away_us, power_fails, w);
}

static void f_term_worker(int64_t us)
{
	(void)us;
	sim_trace("SIGTERM");
	sim_signal(&any_worker()->node, SIGTERM);
}

static void f_kill_api(int64_t us)
{
	struct api_node *a = any_api();

	if (a->node.up) {
		end_stop(&a->node);
		api_kill(a);
		(void)sim_at(NULL, sim_now_us + us, start_api, a);
	}
}

/* ---- stops ---- */

static void stop_node(struct sim_node *n, int64_t us)
{
	sim_trace("%s is stopped for %.1f s", n->name, (double)us / SIM_S);
	n->stood_us += MAX_OF(0, sim_now_us + us - MAX_OF(n->resume_us, sim_now_us));
	n->resume_us = MAX_OF(n->resume_us, sim_now_us + us);
}

static void f_stop_host(int64_t us)
{
	stop_node(&any_worker()->node, us);
}

/* Its wall clock and its clock of durations go on, as those of a real host do. */
static void f_suspend_host(int64_t us)
{
	struct sim_node *n = &any_worker()->node;

	if (n->resume_us <= sim_now_us) {
		n->suspended_us += us;
		stop_node(n, us);
	}
}

static void f_stop_api(int64_t us)
{
	stop_node(&any_api()->node, us);
}

static void f_stop_redis(int64_t us)
{
	stop_node(&redis_host, us / 2);
}

/* ---- Redis ---- */

static void redis_starts(void *arg)
{
	(void)arg;
	if (!redis_host.up) {
		sim_trace("redis starts");
		sim_node_start(&redis_host);
	}
}

static void redis_ends(enum redis_restart kind, int64_t us)
{
	static const char *const what[] = {"all its data", "what it had saved",
					   "nothing"};

	if (redis_host.up) {
		sim_trace("redis ends for %.1f s and comes back with %s",
			  (double)us / SIM_S, what[kind]);
		watch_data_lost |= kind != RESTART_ALL;
		sim_node_kill(&redis_host);
		end_stop(&redis_host);
		(void)redis_links_break(0);
		redis_fake_restart(kind);
		(void)sim_at(NULL, sim_now_us + us, redis_starts, NULL);
	}
}

static void f_kill_redis(int64_t us)
{
	redis_ends(rnd_permille(600) ? RESTART_ALL : RESTART_EMPTY, us / 2);
}

static void failover(void *arg)
{
	(void)arg;
	watch_claims_forgotten = 1;
	redis_ends(RESTART_SAVED, rnd_range(SIM_MS, 3 * SIM_S));
	/* another host, another clock */
	redis_host.wall_off_us += rnd_range(-20 * SIM_MS, 20 * SIM_MS);
}

/* The replica has not heard of the last moments. */
static void f_failover(int64_t us)
{
	redis_fake_save();
	(void)sim_at(NULL, sim_now_us + us % SIM_S, failover, NULL);
}

static void f_flushall(int64_t us)
{
	(void)us;
	sim_trace("FLUSHALL");
	watch_data_lost = 1;
	redis_fake_restart(RESTART_EMPTY);
}

static void f_redis_refuses(int64_t us)
{
	sim_trace("redis refuses commands for %.1f s", (double)us / SIM_S);
	redis_refuses_until_us = sim_now_us + us;
}

/* ---- the network ---- */

static void f_cut_redis(int64_t us)
{
	struct worker_node *w = any_worker();

	sim_trace("%s is cut off redis for %.1f s", w->node.name, (double)us / SIM_S);
	net_cut(&w->node, &redis_host, sim_now_us + us);
}

static void f_cut_apis(int64_t us)
{
	struct worker_node *w = any_worker();

	sim_trace("%s is cut off the apis for %.1f s", w->node.name,
		  (double)us / SIM_S);
	for (int i = 0; i < api_count; i++) {
		net_cut(&w->node, &apis[i].node, sim_now_us + us);
	}
}

static void f_isolate(int64_t us)
{
	struct worker_node *w = any_worker();

	sim_trace("%s is isolated for %.1f s", w->node.name, (double)us / SIM_S);
	net_cut(&w->node, NULL, sim_now_us + us);
}

static void f_cut_api_redis(int64_t us)
{
	struct api_node *a = any_api();

	sim_trace("%s is cut off redis for %.1f s", a->node.name, (double)us / SIM_S);
	net_cut(&a->node, &redis_host, sim_now_us + us);
}

static void f_slow_host(int64_t us)
{
	any_worker()->node.slow_until_us = sim_now_us + us;
}

/* What Redis answers comes late; then, when that hurts most, nothing comes any more. */
static void f_late_answers(int64_t us)
{
	struct worker_node *w = any_worker();

	for (int i = 0; i < worker_count && worker_runs(w) == 0; i++) {
		w = &workers[i];
	}
	us = MIN_OF(us, 8 * SIM_S);
	w->node.late_us = rnd_range(4300 * SIM_MS, 4900 * SIM_MS);
	w->node.late_until_us = sim_now_us + 5 * SIM_S + us;
	w->node.cut_when_renewed = 1;
	sim_trace("redis' answers to %s take %.1f s for %.1f s", w->node.name,
		  (double)w->node.late_us / SIM_S, 5 + (double)us / SIM_S);
}

static void good_network(void *arg)
{
	(void)arg;
	net_conf = (struct net_conf){0};
}

static void f_bad_network(int64_t us)
{
	sim_trace("the network is bad for %.1f s", (double)us / SIM_S);
	net_conf = (struct net_conf){.slow_permille = rnd_range(0, 200),
				     .lost_permille = rnd_range(0, 150),
				     .twice_permille = rnd_range(0, 200)};
	(void)sim_at(NULL, sim_now_us + us, good_network, NULL);
}

/* ---- disks, database, clocks ---- */

static void f_disk_full(int64_t us)
{
	struct worker_node *w = any_worker();

	sim_trace("the disk of %s is full for %.1f s", w->node.name,
		  (double)us / SIM_S);
	disk_full(w->node.disk, sim_now_us + us);
}

static void f_db_stall(int64_t us)
{
	sim_trace("the database stalls for %.1f s", (double)us / 4 / SIM_S);
	sim_db_stalled_until_us = sim_now_us + us / 4;
}

static void db_works(void *arg)
{
	(void)arg;
	sim_db_fail_permille = 0;
}

static void f_db_fails(int64_t us)
{
	sim_trace("the database fails for %.1f s", (double)us / SIM_S);
	sim_db_fail_permille = rnd_range(50, 1000);
	(void)sim_at(NULL, sim_now_us + us, db_works, NULL);
}

static void f_wall_clock(int64_t us)
{
	struct sim_node *n = rnd_permille(500) ? &any_worker()->node : &any_api()->node;

	n->wall_off_us += rnd_permille(500) ? us / 2 : -us / 2;
	sim_trace("the clock of %s jumps", n->name);
}

/* Redis' own clock: steps within the margin of the leases, steps that a pause of
 * reaping tells, and steps back (docs/reliability.md has the gap between the first
 * two). */
static void f_redis_clock(int64_t us)
{
	int64_t step = rnd_permille(400)   ? rnd_range(0, 1500 * SIM_MS)
		       : rnd_permille(500) ? 9 * SIM_S + us
					   : -us / 2;

	redis_host.wall_off_us += step;
	sim_trace("the clock of redis jumps by %.1f s", (double)step / SIM_S);
}

static const struct fault {
	void (*fn)(int64_t us);
} faults[] = {
    {f_kill_worker}, {f_power},         {f_term_worker},
    {f_kill_api},    {f_stop_host},     {f_stop_api},
    {f_stop_redis},  {f_kill_redis},    {f_failover},
    {f_flushall},    {f_redis_refuses}, {f_cut_redis},
    {f_cut_apis},    {f_isolate},       {f_cut_api_redis},
    {f_slow_host},   {f_bad_network},   {f_disk_full},
    {f_db_stall},    {f_db_fails},      {f_wall_clock},
    {f_redis_clock}, {f_suspend_host},  {f_late_answers}, /* the last */
};

struct planned {
	const struct fault *fault;
	int64_t us;
};

static void begin(void *arg)
{
	struct planned *p = arg;

	if (!stopping) {
		p->fault->fn(p->us);
	}
	free(p);
}

static int64_t draw_length(void)
{
	return rnd_permille(500) ? rnd_range(100 * SIM_MS, 5 * SIM_S)
				 : rnd_range(5 * SIM_S, 45 * SIM_S);
}

int64_t faults_plan(void)
{
	const struct fault *kinds[5];
	int64_t n = rnd_range(1, ARRAY_LEN(kinds)), count = rnd_range(0, FAULTS),
		last = 0;

	stopping = faults_need_long_runs = 0;
	for (int64_t i = 0; i < n; i++) {
		kinds[i] = &faults[rnd_range(0, ARRAY_LEN(faults) - 1)];
		/* the bug that only these show is looked for where they are */
		if (i == 0 && plant == PLANT_TRUST_FROM_ANSWER) {
			kinds[i] = &faults[ARRAY_LEN(faults) - 1];
		}
		faults_need_long_runs |= kinds[i]->fn == f_late_answers;
	}
	for (int64_t i = 0; i < count; i++) {
		struct planned *p = xmalloc(sizeof(*p));
		int64_t at = rnd_range(FIRST_US, LAST_US);

		*p = (struct planned){kinds[rnd_range(0, n - 1)], draw_length()};
		last = at + p->us > last ? at + p->us : last;
		(void)sim_at(NULL, at, begin, p);
	}
	return last;
}

void faults_stop(void)
{
	stopping = 1;
	sim_trace("the faults are over");
	net_heal();
	for (int i = 0; i < worker_count; i++) {
		workers[i].node.late_until_us = 0;
		workers[i].node.cut_when_renewed = 0;
	}
	good_network(NULL);
	db_works(NULL);
	redis_refuses_until_us = 0;
	redis_starts(NULL);
	for (int i = 0; i < api_count; i++) {
		start_api(&apis[i]);
	}
	for (int i = 0; i < worker_count; i++) {
		start_worker(&workers[i]);
	}
}
