/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_rows.c - the reconciler's database work. */
#include "api/services/reconcile_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/orchestration/apply.h"
#include "api/orchestration/lost.h"
#include "api/services/outbox.h"
#include "api/services/relay_rows.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"

#define STATE_SCHEDULED 1
#define EPOCH_KEY       "wf.redis.epoch"

static char *dup_text(const struct db_rows *r, int col)
{
	const char *s = db_text(r, col);

	return s != NULL ? xstrdup(s) : NULL;
}

static int64_t limit_of(const struct db_rows *r, int col)
{
	return db_is_null(r, col) ? -1 : db_int(r, col);
}

static void pool_row(struct rec_row *row, const struct db_rows *r)
{
	row->pool = dup_text(r, 0);
	row->paused = (int)db_int(r, 1);
	row->limit = limit_of(r, 2);
}

static void queue_row(struct rec_row *row, const struct db_rows *r)
{
	(void)db_uuid(r, 0, &row->id);
	row->pool = dup_text(r, 1);
	row->queue = dup_text(r, 2);
	row->paused = (int)db_int(r, 3);
	row->limit = limit_of(r, 4);
	row->priority = db_int(r, 5);
}

static void run_row(struct rec_row *row, const struct db_rows *r)
{
	struct uuid deployment;
	int has = db_uuid(r, 2, &deployment);

	(void)db_uuid(r, 0, &row->id);
	(void)uuid_format(&row->id, row->id_text);
	row->gen = db_int(r, 3);
	if (has) {
		(void)uuid_format(&deployment, row->lane);
	}
	row->limit = db_int(r, 8);
	row->fence = (uint64_t)db_int(r, 9);
	row->due_ms = db_int(r, 4) / 1000;
	row->queue = dup_text(r, 5);
	row->priority = db_int(r, 6);
	row->pool = dup_text(r, 7);
	row->payload =
	    relay_payload(row->id_text, db_text(r, 1), has ? &deployment : NULL);
}

static void owned_row(struct rec_row *row, const struct db_rows *r)
{
	struct uuid lane;

	(void)db_uuid(r, 0, &row->id);
	(void)uuid_format(&row->id, row->id_text);
	row->fence = (uint64_t)db_int(r, 1);
	row->owner = dup_text(r, 2);
	row->pool = dup_text(r, 3);
	row->state_at_us = db_time(r, 4);
	row->queue = dup_text(r, 5);
	if (db_uuid(r, 6, &lane)) {
		(void)uuid_format(&lane, row->lane);
	}
	row->gen = db_int(r, 7);
}

static int state_of(enum reconcile_phase phase)
{
	return phase == REC_PENDING ? 2 : (phase == REC_RUNNING ? 3 : 9);
}

static int query(struct tx *tx, enum reconcile_phase phase, const struct rec_slice *s,
		 struct db_rows **ret_rows, struct error *err)
{
	switch (phase) {
	case REC_POOLS:
		return db_query(
		    tx->c, SQL_RECONCILE_POOLS,
		    DB_ARGS(db_a_text(s->last_pool), db_a_int(RECONCILE_SLICE)), 2,
		    ret_rows, err);
	case REC_QUEUES:
		return db_query(tx->c, SQL_RECONCILE_QUEUES,
				DB_ARGS(db_a_uuid(&s->last), db_a_int(RECONCILE_SLICE)),
				2, ret_rows, err);
	case REC_RUNS:
		return db_query(tx->c, SQL_RECONCILE_RUNS,
				DB_ARGS(db_a_uuid(&s->last), db_a_int(RECONCILE_SLICE)),
				2, ret_rows, err);
	case REC_PENDING:
	case REC_RUNNING:
	case REC_CANCELLING:
		return db_query(tx->c, SQL_RECONCILE_OWNED,
				DB_ARGS(db_a_uuid(&s->last), db_a_int(RECONCILE_SLICE),
					db_a_int(state_of(phase))),
				3, ret_rows, err);
	case REC_EPOCH:
	case REC_DONE:
		break;
	}
	return err_set(err, ERR_INTERNAL, "the reconciler has no rows in phase %d",
		       (int)phase);
}

static void take_row(struct rec_slice *s, enum reconcile_phase phase,
		     const struct db_rows *r)
{
	struct rec_row *row = &s->rows[s->count++];

	*row = (struct rec_row){.limit = -1};
	if (phase == REC_POOLS) {
		pool_row(row, r);
		(void)snprintf(s->last_pool, sizeof(s->last_pool), "%s", row->pool);
		return;
	}
	if (phase == REC_QUEUES) {
		queue_row(row, r);
	} else if (phase == REC_RUNS) {
		run_row(row, r);
	} else {
		owned_row(row, r);
	}
	s->last = row->id;
}

void rec_slice_release(struct rec_slice *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->rows[i].pool);
		free(s->rows[i].queue);
		free(s->rows[i].payload);
		free(s->rows[i].owner);
	}
	s->count = 0;
}

int rec_slice_read(struct tx *tx, enum reconcile_phase phase, struct rec_slice *s,
		   struct error *err)
{
	struct db_rows *r = NULL;
	int rc;

	rec_slice_release(s);
	rc = query(tx, phase, s, &r, err);
	while (rc == 0 && s->count < RECONCILE_SLICE && (rc = db_next(r, err)) > 0) {
		take_row(s, phase, r);
		rc = 0;
	}
	db_rows_free(r);
	return rc;
}

static void take_epoch(const struct db_rows *r, void *arg)
{
	const char *s = db_text(r, 0);

	(void)snprintf(arg, UUID_TEXT_SIZE, "%s", s != NULL ? s : "");
}

int rec_epoch_read(struct tx *tx, char ret_epoch[UUID_TEXT_SIZE], struct error *err)
{
	struct uuid id;
	int rc = db_one(tx->c, SQL_CONFIGURATION_READ, DB_ARGS(db_a_text(EPOCH_KEY)), 1,
			take_epoch, ret_epoch, err);

	if (rc != 0) {
		return rc < 0 ? rc : 0;
	}
	uuid_v4(&id);
	(void)uuid_format(&id, ret_epoch);
	return db_exec(
	    tx->c, SQL_CONFIGURATION_WRITE,
	    DB_ARGS(db_a_text(EPOCH_KEY), db_a_text(ret_epoch), db_a_time(tx->now_us)),
	    3, NULL, err);
}

int rec_revive(struct tx *tx, const struct uuid *id, int64_t gen, struct error *err)
{
	int64_t changes = 0;
	int rc = db_exec(tx->c, SQL_RUN_NEXT_GEN, DB_ARGS(db_a_uuid(id), db_a_int(gen)),
			 2, &changes, err);

	if (rc == 0 && changes > 0) {
		log_debug("run %s waits but was settled in Redis: delivered again",
			  uuid_str(id));
		rc = outbox_run(tx, id, err);
	}
	return rc;
}

struct run_now {
	int state_type;
	uint64_t fence;
};

static void take_now(const struct db_rows *r, void *arg)
{
	struct run_now *n = arg;

	n->state_type = (int)db_int(r, 0);
	n->fence = (uint64_t)db_int(r, 1);
}

/* 1: the row is as it was read. */
static int is_still(struct tx *tx, const struct rec_row *row,
		    enum reconcile_phase phase, struct error *err)
{
	struct run_now now = {0};
	int rc = db_one(tx->c, SQL_RUN_STATE_AND_FENCE, DB_ARGS(db_a_uuid(&row->id)), 1,
			take_now, &now, err);

	return rc <= 0 ? rc
		       : now.state_type == state_of(phase) && now.fence == row->fence;
}

int rec_returned(struct tx *tx, const struct rec_row *row, struct error *err)
{
	struct orc_result res = {0};
	char message[256];
	const struct run_simple state = {
	    .type = STATE_SCHEDULED, .message = message, .force = 1};
	int rc = is_still(tx, row, REC_PENDING, err);

	if (rc <= 0) {
		return rc;
	}
	(void)snprintf(
	    message, sizeof(message),
	    "The worker '%s' was lost before it started this flow run, which "
	    "waits for another.",
	    row->owner != NULL ? row->owner : "?");
	rc = run_propose_simple(tx, &row->id, &state, &res, err);
	orc_result_release(&res);
	return rc == -ERR_NOT_FOUND ? 0 : rc;
}

int rec_lost(struct tx *tx, const struct rec_row *row, enum reconcile_phase phase,
	     struct error *err)
{
	struct orc_result res = {0};
	char why[256];
	const struct run_loss loss = {
	    .flow_run_id = row->id,
	    .worker = row->owner != NULL ? row->owner : "?",
	    .why = why,
	    .started = 1,
	    .new_fence = row->fence + 1, /* whatever it still does is too late */
	};
	int rc = is_still(tx, row, phase, err);

	if (rc <= 0) {
		return rc;
	}
	(void)snprintf(why, sizeof(why),
		       "The worker '%s' that owned this flow run is gone: its lease "
		       "ended and it has not been heard of since.",
		       loss.worker);
	rc = run_lost_apply(tx, &loss, &res, err);
	orc_result_release(&res);
	return rc == -ERR_NOT_FOUND ? 0 : rc;
}
