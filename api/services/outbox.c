/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.c - rows for the relay.  The statements join the run or queue to its pool, so
 * a run that no pool serves leaves no row.
 */
#include "api/services/outbox.h"

#include <stdlib.h>

#include <jansson.h>

#include "api/db/db.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/uuid.h"

static int add_run(struct tx *tx, enum outbox_kind kind, const struct uuid *run_id,
		   struct error *err)
{
	int64_t changes = 0;
	int rc =
	    db_exec(tx->c, SQL_OUTBOX_ADD_RUN,
		    DB_ARGS(db_a_uuid(run_id), db_a_int(kind), db_a_time(tx->now_us)),
		    3, &changes, err);

	if (rc < 0) {
		return rc;
	}
	if (changes > 0) {
		tx->fx |= FX_OUTBOX;
	}
	return 0;
}

int outbox_run(struct tx *tx, const struct uuid *run_id, struct error *err)
{
	return add_run(tx, OUTBOX_RUN, run_id, err);
}

int outbox_cancel(struct tx *tx, const struct uuid *run_id, struct error *err)
{
	return add_run(tx, OUTBOX_CANCEL, run_id, err);
}

int outbox_flow_gone(struct tx *tx, const struct uuid *flow_id, struct error *err)
{
	tx->fx |= FX_OUTBOX;
	return db_exec(tx->c, SQL_OUTBOX_CANCEL_FLOW,
		       DB_ARGS(db_a_uuid(flow_id), db_a_time(tx->now_us)), 2, NULL,
		       err);
}

static int add_by_id(struct tx *tx, enum sql_id stmt, const struct uuid *id,
		     struct error *err)
{
	int rc = db_exec(tx->c, stmt, DB_ARGS(db_a_uuid(id), db_a_time(tx->now_us)), 2,
			 NULL, err);

	if (rc == 0) {
		tx->fx |= FX_OUTBOX;
	}
	return rc;
}

int outbox_queue_runs(struct tx *tx, const struct uuid *queue_id, struct error *err)
{
	return add_by_id(tx, SQL_OUTBOX_ADD_QUEUE_RUNS, queue_id, err);
}

int outbox_lane(struct tx *tx, const struct uuid *deployment_id, struct error *err)
{
	return add_by_id(tx, SQL_OUTBOX_ADD_LANE, deployment_id, err);
}

int outbox_lanes_of_limit(struct tx *tx, const struct uuid *limit_id, struct error *err)
{
	return add_by_id(tx, SQL_OUTBOX_ADD_LANES_OF_LIMIT, limit_id, err);
}

int outbox_queue(struct tx *tx, const struct uuid *queue_id, struct error *err)
{
	tx->fx |= FX_POOLS;
	return add_by_id(tx, SQL_OUTBOX_ADD_QUEUE, queue_id, err);
}

static int add_row(struct tx *tx, enum outbox_kind kind, const char *pool,
		   const char *body, struct error *err)
{
	int rc = db_exec(tx->c, SQL_OUTBOX_ADD,
			 DB_ARGS(db_a_time(tx->now_us), db_a_int(kind), db_a_text(pool),
				 db_a_null(), db_a_text(body)),
			 5, NULL, err);

	if (rc == 0) {
		tx->fx |= FX_OUTBOX | FX_POOLS;
	}
	return rc;
}

int outbox_pool(struct tx *tx, const char *pool, struct error *err)
{
	return add_row(tx, OUTBOX_POOL, pool, NULL, err);
}

int outbox_pool_gone(struct tx *tx, const char *pool, struct error *err)
{
	return add_row(tx, OUTBOX_POOL_GONE, pool, NULL, err);
}

int outbox_queue_gone(struct tx *tx, const char *pool, const char *queue,
		      struct error *err)
{
	json_t *body = json_pack("{s:s}", "queue", queue);
	char *text = body != NULL ? json_text(body) : NULL;
	int rc = add_row(tx, OUTBOX_QUEUE_GONE, pool, text, err);

	free(text);
	json_decref(body);
	return rc;
}
