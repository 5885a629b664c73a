/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario.c - see scenario.h.
 */
#include "tests/sim/scenario.h"

#include <stdlib.h>

#include "tests/sim/child.h"
#include "tests/sim/db.h"
#include "tests/sim/disk.h"
#include "tests/sim/http.h"
#include "tests/sim/net.h"
#include "tests/sim/nodes.h"
#include "tests/sim/plant.h"
#include "tests/sim/redis_client.h"
#include "tests/sim/redis_fake.h"
#include "tests/sim/scene.h"
#include "tests/sim/watch.h"

#define PATIENCE_US (900 * SIM_S) /* after the faults, for everything to end */
#define STEPS_MAX   3000000
#define DRIFT_PPM   5000 /* the worst: much more than anything that keeps time */
#define TYPE(t)     ((int)WF__CONTROL__STATE_TYPE__##t)

static struct child_plan draw_child(const struct uuid *run)
{
	int64_t end = rnd_range(0, 99);
	int is_long = rnd_permille(faults_need_long_runs ? 800 : 0);

	(void)run;
	return (struct child_plan){
	    .work_us = is_long             ? rnd_range(15 * SIM_S, 40 * SIM_S)
		       : rnd_permille(700) ? rnd_range(50 * SIM_MS, 4 * SIM_S)
					   : rnd_range(4 * SIM_S, 25 * SIM_S),
	    .marks = (int)rnd_range(1, 6),
	    .end = end < 70   ? TYPE(COMPLETED)
		   : end < 88 ? TYPE(FAILED)
			      : 0,
	    .deaf = rnd_permille(50),
	    .stuck = rnd_permille(20),
	};
}

/* ---- users ---- */

static void make_run(void *arg)
{
	(void)arg;
	scene_create_run(rnd_permille(700) ? 0 : rnd_range(0, 15 * SIM_S));
}

static void cancel_some(void *arg)
{
	(void)arg;
	if (scene.run_count > 0) {
		scene_cancel((int)rnd_range(0, scene.run_count - 1));
	}
}

static void pause_pool(void *arg)
{
	scene_pause_pool(arg != NULL);
}

static int64_t plan_users(void)
{
	int64_t last = 0;
	int64_t runs = rnd_range(2, 10);

	for (int64_t i = 0; i < runs; i++) {
		int64_t at = rnd_range(SIM_S, 40 * SIM_S);
		last = at > last ? at : last;
		(void)sim_at(NULL, at, make_run, NULL);
	}
	for (int64_t i = rnd_permille(300) ? rnd_range(1, 3) : 0; i > 0; i--) {
		(void)sim_at(NULL, rnd_range(2 * SIM_S, 60 * SIM_S), cancel_some, NULL);
	}
	if (rnd_permille(100)) {
		int64_t at = rnd_range(2 * SIM_S, 40 * SIM_S);
		(void)sim_at(NULL, at, pause_pool, &scene);
		at += rnd_range(SIM_S, 20 * SIM_S);
		last = at > last ? at : last;
		(void)sim_at(NULL, at, pause_pool, NULL);
	}
	return last;
}

/* ---- the world ---- */

static void boot_api(void *arg)
{
	api_boot(arg);
}

static void boot_worker(void *arg)
{
	struct worker_node *w = arg;

	if (!w->node.up && w->app == NULL) {
		worker_boot(w);
	}
}

static int64_t drift_most; /* clocks of this world are that bad, ppm */

static void draw_clock(struct sim_node *n)
{
	n->mono_off_us = rnd_range(0, 1000000) * SIM_S;
	n->wall_off_us = rnd_range(-200 * SIM_MS, 200 * SIM_MS);
	n->drift_ppm = rnd_range(-drift_most, drift_most);
}

static void build(void)
{
	nodes_reset((int)rnd_range(1, WORKERS_MAX), (int)rnd_range(1, APIS_MAX));
	scene_make();
	redis_node = &redis_host;
	drift_most = rnd_permille(200) ? DRIFT_PPM : rnd_range(0, 200);
	draw_clock(&redis_host);
	redis_host.wall_off_us /= 40;
	sim_node_start(&redis_host);
	for (int i = 0; i < api_count; i++) {
		draw_clock(&apis[i].node);
		(void)sim_at(NULL, rnd_range(0, SIM_S), boot_api, &apis[i]);
	}
	for (int i = 0; i < worker_count; i++) {
		draw_clock(&workers[i].node);
		workers[i].limit = rnd_range(1, 4);
		(void)sim_at(NULL, rnd_range(0, 3 * SIM_S), boot_worker, &workers[i]);
	}
	sim_trace("%d workers, %d apis, pool limit %lld", worker_count, api_count,
		  (long long)scene.pool_limit);
}

static void reset(uint64_t seed)
{
	sim_world_reset(seed);
	net_reset();
	redis_links_reset();
	redis_fake_reset();
	disk_reset();
	channel_reset();
	child_reset();
	http_reset();
	sim_db_reset();
	watch_reset();
	api_serve_requests();
	child_draw = draw_child;
	plant_prepare();
}

/* A worker that has drained starts again. */
static void see_who_left(void)
{
	for (int i = 0; i < worker_count; i++) {
		struct worker_node *w = &workers[i];
		if (!w->node.up && w->app != NULL) {
			sim_trace("%s has left", w->node.name);
			child_worker_died(&w->node, 0);
			w->app = NULL; /* it starts again */
			(void)sim_at(NULL, sim_now_us + rnd_range(SIM_S / 5, 5 * SIM_S),
				     boot_worker, w);
		}
	}
}

static void end(void *arg)
{
	*(int *)arg = 1;
}

static void stop_faults(void *arg)
{
	(void)arg;
	faults_stop();
}

int scenario_run(uint64_t seed, struct scenario_stats *ret_stats)
{
	int64_t over, users, next_look;
	const char *left = NULL;
	int late = 0, quiet = 0;

	reset(seed);
	build();
	users = plan_users();
	over = faults_plan();
	over = (over > users ? over : users) + 2 * SIM_S;
	(void)sim_at(NULL, over, stop_faults, NULL);
	(void)sim_at(NULL, over + PATIENCE_US, end, &late);
	next_look = over + SIM_S;
	while (sim_failure() == NULL && !late && !quiet && sim_step()) {
		see_who_left();
		watch_step(sim_last_node);
		if (sim_now_us >= next_look) {
			next_look = sim_now_us + SIM_S;
			quiet = watch_is_quiet(&left);
		}
		if (sim_steps > STEPS_MAX) {
			sim_fail("termination", "no end after %d steps", STEPS_MAX);
		}
	}
	if (sim_failure() == NULL && !quiet) {
		(void)watch_is_quiet(&left);
		sim_fail(left[0] == 'l' ? "leak" : "termination", "%s",
			 left + (left[0] == 'l' ? 6 : 13));
	}
	if (sim_failure() == NULL) {
		watch_end();
	}
	if (sim_failure() != NULL && sim_tracing) {
		redis_fake_trace();
	}
	*ret_stats = (struct scenario_stats){sim_now_us, sim_steps, rnd()};
	return sim_failure() != NULL ? -1 : 0;
}
