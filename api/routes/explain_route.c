/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_route.c - GET /wf/v1/flow_runs/{id}/explain: gathers the facts in one
 * snapshot.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/explain.h"
#include "api/routes/pools_tables.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "base/uuid.h"

#define TEXTS_MAX       16
#define STATE_SCHEDULED 1

/* Columns of explain_run. */
enum explain_col {
	EC_ID,
	EC_NAME,
	EC_STATE_TYPE,
	EC_STATE_NAME,
	EC_MESSAGE,
	EC_STATE_AT,
	EC_DUE,
	EC_START,
	EC_END,
	EC_OWNER,
	EC_FENCE,
	EC_ATTEMPTS,
	EC_IN_PROCESS,
	EC_QUEUE_TEXT,
	EC_PID,
	EC_DEPLOYMENT_ID,
	EC_DEPLOYMENT,
	EC_DEPLOYMENT_PAUSED,
	EC_FLOW,
	EC_QUEUE_ID,
	EC_QUEUE,
	EC_QUEUE_PAUSED,
	EC_QUEUE_LIMIT,
	EC_QUEUE_POLLED,
	EC_POOL_ID,
	EC_POOL,
	EC_POOL_PAUSED,
	EC_POOL_LIMIT,
	EC_POOL_TYPE,
	EC_LIMIT_ID,
	EC_LIMIT_NAME,
	EC_LIMIT,
	EC_LIMIT_ACTIVE,
	EC_SCHEDULE_ID,
	EC_SCHEDULE_ACTIVE,
	EC_SCHEDULE_SLUG,
	EC_DEPLOYMENT_POLLED
};

struct gathered {
	struct explain_facts f;
	char *texts[TEXTS_MAX]; /* what F borrows */
	size_t text_count;
	char id[UUID_TEXT_SIZE];
	struct uuid queue_id, pool_id, limit_id;
	int has_limit, has_pool;
};

static const char *keep(struct gathered *g, const struct db_rows *r, int col)
{
	const char *s = db_text(r, col);

	if (s == NULL || g->text_count == TEXTS_MAX) {
		return NULL;
	}
	g->texts[g->text_count] = xstrdup(s);
	return g->texts[g->text_count++];
}

static int64_t limit_of(const struct db_rows *r, int col)
{
	return db_is_null(r, col) ? -1 : db_int(r, col);
}

static void take_places(struct gathered *g, const struct db_rows *r)
{
	struct explain_facts *f = &g->f;
	struct uuid id;

	f->deployment = keep(g, r, EC_DEPLOYMENT);
	f->deployment_paused = (int)db_int(r, EC_DEPLOYMENT_PAUSED);
	f->deployment_polled_us = db_time(r, EC_DEPLOYMENT_POLLED);
	f->flow = keep(g, r, EC_FLOW);
	f->queue = keep(g, r, EC_QUEUE);
	f->queue_paused = (int)db_int(r, EC_QUEUE_PAUSED);
	f->queue_slots.limit = limit_of(r, EC_QUEUE_LIMIT);
	(void)db_uuid(r, EC_QUEUE_ID, &g->queue_id);
	f->pool = keep(g, r, EC_POOL);
	f->pool_type = keep(g, r, EC_POOL_TYPE);
	f->pool_paused = (int)db_int(r, EC_POOL_PAUSED);
	f->pool_slots.limit = limit_of(r, EC_POOL_LIMIT);
	g->has_pool = db_uuid(r, EC_POOL_ID, &g->pool_id);
	g->has_limit =
	    db_uuid(r, EC_LIMIT_ID, &g->limit_id) && db_int(r, EC_LIMIT_ACTIVE) != 0;
	f->deployment_slots.limit = g->has_limit ? limit_of(r, EC_LIMIT) : -1;
	f->has_schedule = db_uuid(r, EC_SCHEDULE_ID, &id);
	f->schedule_active = (int)db_int(r, EC_SCHEDULE_ACTIVE);
	f->schedule_slug = keep(g, r, EC_SCHEDULE_SLUG);
}

static void take_run(const struct db_rows *r, void *arg)
{
	struct gathered *g = arg;
	struct explain_facts *f = &g->f;
	struct uuid id;

	(void)db_uuid(r, EC_ID, &id);
	f->id = uuid_format(&id, g->id);
	f->name = keep(g, r, EC_NAME);
	f->state_type = (int)db_int(r, EC_STATE_TYPE);
	f->state_name = keep(g, r, EC_STATE_NAME);
	f->message = keep(g, r, EC_MESSAGE);
	f->state_at_us = db_time(r, EC_STATE_AT);
	f->due_us = db_time(r, EC_DUE);
	f->start_us = db_time(r, EC_START);
	f->end_us = db_time(r, EC_END);
	f->owner = keep(g, r, EC_OWNER);
	f->attempts = db_int(r, EC_ATTEMPTS);
	f->retry_in_process = (int)db_int(r, EC_IN_PROCESS);
	take_places(g, r);
}

static int read_holders(struct tx *tx, enum sql_id stmt, const struct uuid *key,
			struct explain_slots *s, struct error *err)
{
	struct db_rows *r = NULL;
	int rc =
	    db_query(tx->c, stmt, DB_ARGS(db_a_uuid(key), db_a_int(EXPLAIN_HOLDERS)), 2,
		     &r, err);

	while (rc == 0 && s->holder_count < EXPLAIN_HOLDERS &&
	       (rc = db_next(r, err)) > 0) {
		struct uuid id;
		const char *name = db_text(r, 1);

		(void)db_uuid(r, 0, &id);
		(void)uuid_format(&id, s->holders[s->holder_count].id);
		(void)snprintf(s->holders[s->holder_count].name,
			       sizeof(s->holders[s->holder_count].name), "%s",
			       name != NULL ? name : "");
		s->holder_count++;
		rc = 0;
	}
	db_rows_free(r);
	return rc;
}

/* How many slots are taken, and by whom; nothing when there is no limit. */
static int read_slots(struct tx *tx, enum sql_id count, enum sql_id holders,
		      const struct uuid *key, struct explain_slots *s,
		      struct error *err)
{
	int rc;

	if (s->limit < 0) {
		return 0;
	}
	rc = db_one_int(tx->c, count, DB_ARGS(db_a_uuid(key)), 1, &s->taken, err);
	return rc < 0 ? rc : read_holders(tx, holders, key, s, err);
}

static void take_workers(const struct db_rows *r, void *arg)
{
	struct explain_facts *f = arg;

	f->workers_known = db_int(r, 0);
	f->last_heartbeat_us = db_time(r, 1);
}

static int read_pool(struct tx *tx, struct gathered *g, struct error *err)
{
	struct explain_facts *f = &g->f;
	int rc = read_slots(tx, SQL_WORK_POOL_ACTIVE_SLOTS, SQL_EXPLAIN_POOL_HOLDERS,
			    &g->pool_id, &f->pool_slots, err);

	if (rc == 0) {
		rc = read_slots(tx, SQL_EXPLAIN_QUEUE_BUSY, SQL_EXPLAIN_QUEUE_HOLDERS,
				&g->queue_id, &f->queue_slots, err);
	}
	if (rc == 0) {
		rc = db_one_int(tx->c, SQL_WORK_POOL_ONLINE_WORKERS,
				DB_ARGS(db_a_uuid(&g->pool_id), db_a_time(tx->now_us)),
				2, &f->workers_online, err);
	}
	if (rc >= 0) {
		rc = db_one(tx->c, SQL_EXPLAIN_WORKERS, DB_ARGS(db_a_uuid(&g->pool_id)),
			    1, take_workers, f, err);
	}
	if (rc >= 0) {
		rc = db_one_int(tx->c, SQL_EXPLAIN_AHEAD,
				DB_ARGS(db_a_uuid(&g->pool_id), db_a_time(f->due_us)),
				2, &f->ahead, err);
	}
	return rc < 0 ? rc : 0;
}

static int gather(struct tx *tx, const struct uuid *id, struct gathered *g,
		  struct error *err)
{
	int rc =
	    db_one(tx->c, SQL_EXPLAIN_RUN, DB_ARGS(db_a_uuid(id)), 1, take_run, g, err);

	if (rc == 0) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Flow run not found");
	}
	g->f.now_us = tx->now_us;
	if (rc > 0 && g->f.state_type == STATE_SCHEDULED && g->has_pool) {
		rc = read_pool(tx, g, err);
	}
	if (rc >= 0 && g->has_limit) {
		rc = read_slots(tx, SQL_EXPLAIN_LIMIT_TAKEN, SQL_EXPLAIN_LIMIT_HOLDERS,
				&g->limit_id, &g->f.deployment_slots, err);
	}
	return rc < 0 ? rc : 0;
}

static int explain_work(struct tx *tx, void *arg, struct error *err)
{
	struct gathered g = {
	    .f = {.deployment_polled_us = TIME_NONE, .last_heartbeat_us = TIME_NONE},
	};
	struct jsonw w;
	json_t *out;
	int rc;

	g.f.pool_slots.limit = g.f.queue_slots.limit = g.f.deployment_slots.limit = -1;
	rc = gather(tx, arg, &g, err);
	if (rc == 0) {
		out = explain(&g.f);
		jsonw_init(&w, &tx->body);
		jsonw_json(&w, NULL, out);
		json_decref(out);
	}
	for (size_t i = 0; i < g.text_count; i++) {
		free(g.texts[i]);
	}
	return rc;
}

static void route_explain(struct http_req *r)
{
	struct uuid id;

	http_param_uuid(r, "id", &id);
	tx_submit(r, DB_READ, explain_work, xmemdup(&id, sizeof(id)), free);
}

const struct route explain_routes[] = {
    {"GET", "/wf/v1/flow_runs/{id}/explain", route_explain, 0, 0},
    {0},
};
