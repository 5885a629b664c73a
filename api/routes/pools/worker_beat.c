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
	struct uuid id;
	int rc;

	uuid_v4(&id);
	rc = db_exec(
	    tx->c, SQL_WORKER_HEARTBEAT,
	    DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us), db_a_text(beat->name),
		    db_a_uuid(&pool->id),
		    beat->interval_s >= 0 ? db_a_int(beat->interval_s) : db_a_null(),
		    db_a_text(metadata)),
	    6, NULL, err);
	free(metadata);
	if (rc == 0 && pool->status == POOL_NOT_READY) {
		rc = pool_set_status(tx, pool, POOL_READY, err);
	}
	return rc;
}
