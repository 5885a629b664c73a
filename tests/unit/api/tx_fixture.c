/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tx_fixture.c - transactions against a fresh database.
 */
#include "tests/unit/api/tx_fixture.h"

#include <criterion/criterion.h>

#include <string.h>

#include "base/json.h"
#include "base/timefmt.h"
#include "base/uuid.h"

struct call {
	struct tx_fixture *f;
	tx_work_fn fn;
	void *arg;
};

static int work(struct db_conn *c, void *arg, struct error *err)
{
	struct call *call = arg;
	struct tx tx = {.c = c, .now_us = call->f->now_us};
	int rc;

	buf_init(&tx.body);
	buf_init(&tx.live_events);
	buf_init(&tx.live_logs);
	rc = call->fn(&tx, call->arg, err);
	buf_reset(&call->f->body);
	buf_add(&call->f->body, tx.body.data, tx.body.len);
	call->f->status = tx.status;
	call->f->fx = tx.fx;
	buf_release(&tx.body);
	buf_release(&tx.live_events);
	buf_release(&tx.live_logs);
	return rc;
}

void tx_fixture_start(struct tx_fixture *f)
{
	memset(f, 0, sizeof(*f));
	db_fixture_start(&f->base, 0);
	buf_init(&f->body);
	f->now_us = INT64_C(1800000000000000);
}

void tx_fixture_stop(struct tx_fixture *f)
{
	buf_release(&f->body);
	db_fixture_stop(&f->base);
}

int tx_fixture_run(struct tx_fixture *f, tx_work_fn fn, void *arg)
{
	struct call call = {.f = f, .fn = fn, .arg = arg};
	int rc;

	f->err = (struct error){0};
	rc = db_run(f->base.db, DB_WRITE, work, &call, &f->err);
	f->now_us += 1000000;
	return rc;
}

json_t *tx_fixture_json(struct tx_fixture *f)
{
	json_t *v = json_parse(f->body.data, f->body.len, 1u << 24, &f->err);

	cr_assert_not_null(v, "%s: %s", f->err.msg, f->body.data);
	return v;
}

struct count_arg {
	enum sql_id id;
	int64_t count;
};

static int count_work(struct tx *tx, void *arg, struct error *err)
{
	struct count_arg *a = arg;
	struct db_rows *r = NULL;
	int rc = db_select(tx->c, a->id, NULL, 0, NULL, SQL_FRAG_NONE, -1, -1, &r, err);

	if (rc == 0 && (rc = db_next(r, err)) > 0) {
		a->count = db_int(r, 0);
		rc = 0;
	}
	db_rows_free(r);
	return rc;
}

int64_t tx_fixture_count(struct tx_fixture *f, enum sql_id id)
{
	struct count_arg a = {.id = id};

	cr_assert_eq(tx_fixture_run(f, count_work, &a), 0, "%s", f->err.msg);
	return a.count;
}

struct scene_arg {
	struct scene_ids *ids;
	int64_t limit;
	const char *strategy, *on_lost;
};

static int scene_flow(struct tx *tx, struct scene_ids *ids, struct error *err)
{
	return db_exec(tx->c, SQL_FLOW_INSERT,
		       DB_ARGS(db_a_uuid(&ids->flow), db_a_time(tx->now_us),
			       db_a_text("etl"), db_a_text("[\"f\"]"),
			       db_a_text("{\"team\":\"x\"}")),
		       5, NULL, err);
}

static int scene_pool(struct tx *tx, struct scene_ids *ids, struct error *err)
{
	int rc = db_exec(tx->c, SQL_WORK_POOL_INSERT,
			 DB_ARGS(db_a_uuid(&ids->pool), db_a_time(tx->now_us),
				 db_a_text("local"), db_a_null(), db_a_text("process"),
				 db_a_text("{}"), db_a_int(0), db_a_null(),
				 db_a_text("NOT_READY"), db_a_text("{}")),
			 10, NULL, err);

	return rc < 0
		   ? rc
		   : db_exec(tx->c, SQL_WORK_QUEUE_INSERT,
			     DB_ARGS(db_a_uuid(&ids->queue), db_a_time(tx->now_us),
				     db_a_text("default"), db_a_text(""), db_a_int(0),
				     db_a_null(), db_a_int(1), db_a_uuid(&ids->pool)),
			     8, NULL, err);
}

static int scene_deployment(struct tx *tx, const struct scene_arg *a, struct error *err)
{
	const struct scene_ids *ids = a->ids;
	struct db_arg none = db_a_null();

	return db_exec(
	    tx->c, SQL_DEPLOYMENT_INSERT,
	    DB_ARGS(db_a_uuid(&ids->deployment), db_a_time(tx->now_us),
		    db_a_text("daily"), db_a_uuid(&ids->flow), none, none,
		    db_a_uuid(&ids->queue), db_a_text("default"), db_a_text("{}"), none,
		    none, db_a_int(0), db_a_text(a->strategy), db_a_text("[\"d\"]"),
		    db_a_text("{}"), db_a_text("{}"), none, none, db_a_int(1), none,
		    none, none, none, db_a_text(a->on_lost), db_a_int(3)),
	    25, NULL, err);
}

static void take_limit(const struct db_rows *r, void *arg)
{
	(void)db_uuid(r, 0, arg);
}

static int scene_limit(struct tx *tx, struct scene_ids *ids, int64_t limit,
		       struct error *err)
{
	int rc = db_exec(tx->c, SQL_DEPLOYMENT_LIMIT_UPSERT,
			 DB_ARGS(db_a_uuid(&ids->limit), db_a_time(tx->now_us),
				 db_a_text("deployment:x"), db_a_int(limit)),
			 4, NULL, err);

	if (rc == 0) {
		rc = db_one(tx->c, SQL_LIMIT_ID_BY_NAME,
			    DB_ARGS(db_a_text("deployment:x")), 1, take_limit,
			    &ids->limit, err);
	}
	return rc < 0 ? rc
		      : db_exec(tx->c, SQL_DEPLOYMENT_SET_LIMIT,
				DB_ARGS(db_a_uuid(&ids->deployment),
					db_a_time(tx->now_us), db_a_uuid(&ids->limit)),
				3, NULL, err);
}

static int scene_work(struct tx *tx, void *arg, struct error *err)
{
	struct scene_arg *a = arg;
	int rc = scene_flow(tx, a->ids, err);

	rc = rc == 0 ? scene_pool(tx, a->ids, err) : rc;
	rc = rc == 0 ? scene_deployment(tx, a, err) : rc;
	if (rc == 0 && a->limit >= 0) {
		rc = scene_limit(tx, a->ids, a->limit, err);
	}
	return rc;
}

void scene_make(struct tx_fixture *f, struct scene_ids *ids, int64_t limit,
		const char *strategy)
{
	struct scene_arg a = {
	    .ids = ids, .limit = limit, .strategy = strategy, .on_lost = ids->on_lost};

	if (a.on_lost == NULL) {
		a.on_lost = "crash";
	}
	uuid_v4(&ids->flow);
	uuid_v4(&ids->pool);
	uuid_v4(&ids->queue);
	uuid_v4(&ids->deployment);
	uuid_v4(&ids->limit);
	cr_assert_eq(tx_fixture_run(f, scene_work, &a), 0, "%s", f->err.msg);
}
