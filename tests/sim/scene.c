/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scene.c - see scene.h.
 */
#include "tests/sim/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/orchestration/apply.h"
#include "api/orchestration/create.h"
#include "api/services/outbox.h"
#include "base/error.h"
#include "base/mem.h"
#include "proto/frame.h"
#include "tests/sim/nodes.h"
#include "tests/sim/sim.h"

#define TYPE(t) WF__CONTROL__STATE_TYPE__##t

struct scene scene;
/* What was asked for last counts, also for a request that is late. */
static int pause_wanted;
static const char *const queue_names[QUEUES] = {"fast", "slow"};

static int write_pool(struct tx *tx, struct error *err)
{
	struct db_arg limit =
	    scene.pool_limit < 0 ? db_a_null() : db_a_int(scene.pool_limit);

	return db_exec(tx->c, SQL_WORK_POOL_INSERT,
		       DB_ARGS(db_a_uuid(&scene.pool), db_a_time(tx->now_us),
			       db_a_text("pool"), db_a_null(), db_a_text("process"),
			       db_a_text("{}"), db_a_int(0), limit,
			       db_a_text("NOT_READY"), db_a_text("{}")),
		       10, NULL, err);
}

static int write_queue(struct tx *tx, int i, struct error *err)
{
	struct db_arg limit =
	    scene.queue_limit[i] < 0 ? db_a_null() : db_a_int(scene.queue_limit[i]);

	return db_exec(tx->c, SQL_WORK_QUEUE_INSERT,
		       DB_ARGS(db_a_uuid(&scene.queues[i]), db_a_time(tx->now_us),
			       db_a_text(queue_names[i]), db_a_text(""), db_a_int(0),
			       limit, db_a_int(i + 1), db_a_uuid(&scene.pool)),
		       8, NULL, err);
}

static int write_deployment_limit(struct tx *tx, const struct scene_deployment *d,
				  const char *name, struct error *err)
{
	struct uuid limit;
	int rc;

	uuid_v4(&limit);
	rc = db_exec(tx->c, SQL_DEPLOYMENT_LIMIT_UPSERT,
		     DB_ARGS(db_a_uuid(&limit), db_a_time(tx->now_us), db_a_text(name),
			     db_a_int(d->limit)),
		     4, NULL, err);
	return rc < 0 ? rc
		      : db_exec(tx->c, SQL_DEPLOYMENT_SET_LIMIT,
				DB_ARGS(db_a_uuid(&d->id), db_a_time(tx->now_us),
					db_a_uuid(&limit)),
				3, NULL, err);
}

static int write_deployment(struct tx *tx, int i, struct error *err)
{
	const struct scene_deployment *d = &scene.deployments[i];
	struct db_arg none = db_a_null();
	char name[16];
	int rc;

	(void)snprintf(name, sizeof(name), "d%d", i);
	rc = db_exec(tx->c, SQL_DEPLOYMENT_INSERT,
		     DB_ARGS(db_a_uuid(&d->id), db_a_time(tx->now_us), db_a_text(name),
			     db_a_uuid(&scene.flow), none, none,
			     db_a_uuid(&scene.queues[d->queue]),
			     db_a_text(queue_names[d->queue]), db_a_text("{}"), none,
			     db_a_text("flow.yaml:f"), db_a_int(0),
			     db_a_text("{\"collision_strategy\":\"ENQUEUE\"}"),
			     db_a_text("[]"), db_a_text("{}"), db_a_text("{}"), none,
			     none, db_a_int(1), none, none, none, none,
			     db_a_text(d->requeue ? "requeue" : "crash"),
			     db_a_int(rnd_range(1, 4))),
		     25, NULL, err);
	return rc < 0 || d->limit < 0 ? rc : write_deployment_limit(tx, d, name, err);
}

static int write_scene(struct tx *tx, struct error *err)
{
	int rc = db_exec(tx->c, SQL_FLOW_INSERT,
			 DB_ARGS(db_a_uuid(&scene.flow), db_a_time(tx->now_us),
				 db_a_text("f"), db_a_text("[]"), db_a_text("{}")),
			 5, NULL, err);

	rc = rc == 0 ? write_pool(tx, err) : rc;
	for (int i = 0; rc == 0 && i < QUEUES; i++) {
		rc = write_queue(tx, i, err);
	}
	for (int i = 0; rc == 0 && i < scene.deployment_count; i++) {
		rc = write_deployment(tx, i, err);
	}
	return rc;
}

static int scene_work(struct db_conn *c, void *arg, struct error *err)
{
	struct tx tx = {.c = c, .now_us = sim_wall_us(NULL)};

	(void)arg;
	return write_scene(&tx, err);
}

static int64_t draw_limit(int64_t permille, int64_t most)
{
	return rnd_permille(permille) ? rnd_range(1, most) : -1;
}

static void draw(void)
{
	memset(&scene, 0, sizeof(scene));
	pause_wanted = 0;
	uuid_v4(&scene.flow);
	uuid_v4(&scene.pool);
	scene.pool_limit = draw_limit(500, 4);
	for (int i = 0; i < QUEUES; i++) {
		uuid_v4(&scene.queues[i]);
		scene.queue_limit[i] = draw_limit(300, 3);
	}
	scene.deployment_count = (int)rnd_range(1, DEPLOYMENTS_MAX);
	for (int i = 0; i < scene.deployment_count; i++) {
		struct scene_deployment *d = &scene.deployments[i];
		uuid_v4(&d->id);
		d->queue = (int)rnd_range(0, QUEUES - 1);
		d->requeue = rnd_permille(500);
		d->limit = draw_limit(200, 3);
	}
}

void scene_make(void)
{
	struct error err = {0};

	draw();
	if (db_run(NULL, DB_WRITE, scene_work, NULL, &err) < 0) {
		BUG("the scene: %s", err.msg);
	}
}

struct scene_run *scene_find(const struct uuid *id)
{
	for (int i = 0; i < scene.run_count; i++) {
		if (memcmp(scene.runs[i].id.b, id->b, sizeof(id->b)) == 0) {
			return &scene.runs[i];
		}
	}
	return NULL;
}

/* ---- users ---- */

struct new_run {
	struct scene_run *run;
	int64_t delay_us;
};

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	struct new_run *n = arg;
	const struct scene_deployment *d = &scene.deployments[n->run->deployment];
	struct orc_state s;
	struct flow_run_new f = {
	    .flow_id = scene.flow,
	    .id = &n->run->id,
	    .deployment_id = &d->id,
	    .work_queue_id = &scene.queues[d->queue],
	    .work_queue_name = queue_names[d->queue],
	    .idempotency_key = n->run->key,
	    .state = &s,
	};
	struct uuid id;
	int created = 0;

	orc_state_init(&s, TYPE(SCHEDULED), NULL, NULL);
	orc_detail_set_time(&s, "scheduled_time", tx->now_us + n->delay_us);
	return flow_run_create(tx, &f, &id, &created, err);
}

static void created(void *arg)
{
	((struct new_run *)arg)->run->created = 1;
}

void scene_create_run(int64_t delay_us)
{
	struct new_run *n;

	if (scene.run_count == RUNS_MAX) {
		return;
	}
	n = xcalloc(1, sizeof(*n));
	n->run = &scene.runs[scene.run_count++];
	n->delay_us = delay_us;
	n->run->deployment = (int)rnd_range(0, scene.deployment_count - 1);
	uuid_v4(&n->run->id);
	(void)uuid_format(&n->run->id, n->run->key);
	sim_trace("a user creates run %s, due in %.1f s", n->run->key,
		  (double)delay_us / SIM_S);
	user_request(create_work, n, created);
}

static int cancel_work(struct tx *tx, void *arg, struct error *err)
{
	const struct scene_run *r = arg;
	const struct run_simple s = {.type = TYPE(CANCELLING)};
	struct orc_result res = {0};
	int rc = run_propose_simple(tx, &r->id, &s, &res, err);

	orc_result_release(&res);
	return rc;
}

void scene_cancel(int run)
{
	if (run < scene.run_count && scene.runs[run].created) {
		sim_trace("a user cancels run %s", scene.runs[run].key);
		user_request(cancel_work, &scene.runs[run], NULL);
	}
}

static int pause_work(struct tx *tx, void *arg, struct error *err)
{
	struct db_arg limit =
	    scene.pool_limit < 0 ? db_a_null() : db_a_int(scene.pool_limit);
	int rc = db_exec(tx->c, SQL_WORK_POOL_UPDATE,
			 DB_ARGS(db_a_uuid(&scene.pool), db_a_time(tx->now_us),
				 db_a_null(), db_a_text("{}"), db_a_int(pause_wanted),
				 limit, db_a_text("{}")),
			 7, NULL, err);

	(void)arg;
	return rc < 0 ? rc : outbox_pool(tx, "pool", err);
}

void scene_pause_pool(int paused)
{
	sim_trace("a user %s the pool", paused ? "pauses" : "resumes");
	pause_wanted = paused;
	user_request(pause_work, NULL, NULL);
}
