/* SPDX-License-Identifier: Apache-2.0 */
/* worker_beat.c - heartbeats of workers. */
#include "api/routes/pools/worker_beat.h"

#include <stdlib.h>

#include "api/db/db.h"
#include "api/routes/pools/pool_store.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"

int worker_heartbeat(struct tx *tx, struct work_pool *pool,
		     const struct worker_beat *beat, struct error *err)
{
	char *metadata = beat->metadata != NULL ? json_text(beat->metadata) : NULL;
	const char *instance =
	    json_string_value(json_object_get(beat->metadata, "instance"));
	struct uuid id;
	int rc;

	uuid_v4(&id);
	rc = db_exec(
	    tx->c, SQL_WORKER_HEARTBEAT,
	    DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us), db_a_text(beat->name),
		    db_a_uuid(&pool->id),
		    beat->interval_s >= 0 ? db_a_int(beat->interval_s) : db_a_null(),
		    db_a_text(metadata), db_a_text(instance)),
	    7, NULL, err);
	free(metadata);
	if (rc == 0 && pool->status == POOL_NOT_READY) {
		rc = pool_set_status(tx, pool, POOL_READY, err);
	}
	return rc;
}

int worker_drain_wanted(struct tx *tx, const struct work_pool *pool, const char *name,
			int *ret_wanted, struct error *err)
{
	struct db_rows *rows = NULL;
	int rc =
	    db_query(tx->c, SQL_WORKER_DRAIN_WANTED,
		     DB_ARGS(db_a_uuid(&pool->id), db_a_text(name)), 2, &rows, err);

	if (rc == 0) {
		rc = db_next(rows, err);
		*ret_wanted = rc > 0;
	}
	db_rows_free(rows);
	return rc < 0 ? rc : 0;
}
