/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay_rows.c - from outbox rows to operations.
 *
 * An operation says what its object is now.  A row that is late or comes twice
 * therefore does no harm: a cancel of a run that is SCHEDULED again is nothing, an
 * enqueue of a run that has left SCHEDULED is nothing, a removal of a queue that exists
 * again sets the queue.
 */
#include "api/services/relay_rows.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/db/db.h"
#include "api/services/outbox.h"
#include "api/tx.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define STATE_SCHEDULED  1
#define STATE_PENDING    2
#define STATE_RUNNING    3
#define STATE_CANCELLING 9

/* Columns of outbox_batch. */
enum outbox_col {
	OC_ID,
	OC_KIND,
	OC_POOL,
	OC_OBJECT,
	OC_BODY,
	OC_RUN,
	OC_RUN_NAME,
	OC_DEPLOYMENT,
	OC_GEN,
	OC_DUE,
	OC_STATE,
	OC_IN_PROCESS,
	OC_RUN_QUEUE,
	OC_RUN_PRIORITY,
	OC_RUN_POOL,
	OC_POOL_ID,
	OC_POOL_PAUSED,
	OC_POOL_LIMIT,
	OC_POOL_HELD,
	OC_QUEUE_ID,
	OC_QUEUE_NAME,
	OC_QUEUE_PAUSED,
	OC_QUEUE_LIMIT,
	OC_QUEUE_PRIORITY,
	OC_OWNER,
	OC_LANE,
	OC_LANE_LIMIT,
	OC_FENCE
};

void relay_row_release(struct relay_row *r)
{
	free(r->pool);
	free(r->queue);
	free(r->payload);
	*r = (struct relay_row){0};
}

int relay_op_is_alone(enum relay_op op)
{
	return op == RELAY_REMOVE_QUEUE || op == RELAY_REMOVE_POOL;
}

char *relay_payload(const char *run_id, const char *name,
		    const struct uuid *deployment_id)
{
	struct buf b;
	struct jsonw w;
	char *text;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "flow_run_id", run_id);
	jsonw_str(&w, "name", name);
	jsonw_uuid(&w, "deployment_id", deployment_id);
	jsonw_obj_end(&w);
	text = buf_take(&b, NULL);
	buf_release(&b);
	return text;
}

static void set_text(char **dst, const char *s)
{
	free(*dst);
	*dst = s != NULL ? xstrdup(s) : NULL;
}

static int is_waiting(const struct db_rows *r)
{
	return !db_is_null(r, OC_RUN) && db_int(r, OC_STATE) == STATE_SCHEDULED &&
	       db_int(r, OC_IN_PROCESS) == 0 && !db_is_null(r, OC_RUN_QUEUE);
}

/* In the hands of a worker that has no lease, so that only we can count it. */
static int is_held(const struct db_rows *r)
{
	int64_t state = db_is_null(r, OC_RUN) ? 0 : db_int(r, OC_STATE);

	return (state == STATE_PENDING || state == STATE_RUNNING ||
		state == STATE_CANCELLING) &&
	       db_is_null(r, OC_OWNER) && !db_is_null(r, OC_RUN_QUEUE);
}

static void set_place(struct relay_row *row, const struct db_rows *r)
{
	struct uuid lane;

	set_text(&row->pool, db_text(r, OC_RUN_POOL));
	set_text(&row->queue, db_text(r, OC_RUN_QUEUE));
	row->gen = db_int(r, OC_GEN);
	if (db_uuid(r, OC_LANE, &lane)) {
		(void)uuid_format(&lane, row->lane);
	}
	row->limit = db_int(r, OC_LANE_LIMIT);
	row->fence = (uint64_t)db_int(r, OC_FENCE);
}

static void as_enqueue(struct relay_row *row, const struct db_rows *r)
{
	struct uuid deployment;
	int has = db_uuid(r, OC_DEPLOYMENT, &deployment);

	row->op = RELAY_ENQUEUE;
	set_place(row, r);
	row->due_ms = db_int(r, OC_DUE) / 1000;
	row->priority = db_int(r, OC_RUN_PRIORITY);
	row->payload = relay_payload(row->run_id, db_text(r, OC_RUN_NAME),
				     has ? &deployment : NULL);
}

static void as_cancel(struct relay_row *row, const struct db_rows *r)
{
	if (is_held(r)) {
		row->op = RELAY_HOLD;
		set_place(row, r);
	} else {
		row->op = is_waiting(r) ? RELAY_NOTHING : RELAY_CANCEL;
	}
}

static void as_lane(struct relay_row *row, const struct db_rows *r)
{
	row->op = RELAY_SET_LANE;
	memcpy(row->lane, row->run_id, sizeof(row->lane)); /* the row's object */
	row->limit = db_int(r, OC_LANE_LIMIT);
}

static void as_queue(struct relay_row *row, const struct db_rows *r)
{
	if (db_is_null(r, OC_QUEUE_ID)) {
		return;
	}
	row->op = RELAY_SET_QUEUE;
	set_text(&row->queue, db_text(r, OC_QUEUE_NAME));
	row->paused = (int)db_int(r, OC_QUEUE_PAUSED);
	row->limit = db_is_null(r, OC_QUEUE_LIMIT) ? -1 : db_int(r, OC_QUEUE_LIMIT);
	row->priority = db_int(r, OC_QUEUE_PRIORITY);
}

static void as_pool(struct relay_row *row, const struct db_rows *r, int gone)
{
	if (db_is_null(r, OC_POOL_ID)) {
		row->op = gone ? RELAY_REMOVE_POOL : RELAY_NOTHING;
		return;
	}
	row->op = RELAY_SET_POOL;
	row->paused = (int)db_int(r, OC_POOL_PAUSED);
	row->limit = db_is_null(r, OC_POOL_LIMIT) ? -1 : db_int(r, OC_POOL_LIMIT);
	/* when somebody holds a run, the reconciler tells that before it opens a pool
	 */
	row->open = !db_int(r, OC_POOL_HELD);
}

static void as_queue_gone(struct relay_row *row, const struct db_rows *r)
{
	const char *text = db_text(r, OC_BODY);
	json_t *body = text != NULL ? json_loads(text, 0, NULL) : NULL;
	const char *queue = json_string_value(json_object_get(body, "queue"));

	if (queue != NULL) {
		row->op = RELAY_REMOVE_QUEUE;
		set_text(&row->queue, queue);
	}
	json_decref(body);
}

static void row_of(struct relay_row *row, const struct db_rows *r)
{
	struct uuid object;

	*row = (struct relay_row){.id = db_int(r, OC_ID)};
	set_text(&row->pool, db_text(r, OC_POOL));
	if (db_uuid(r, OC_OBJECT, &object)) {
		(void)uuid_format(&object, row->run_id);
	}
	switch ((enum outbox_kind)db_int(r, OC_KIND)) {
	case OUTBOX_RUN:
		if (is_waiting(r)) {
			as_enqueue(row, r);
		}
		break;
	case OUTBOX_CANCEL:
		as_cancel(row, r);
		break;
	case OUTBOX_LANE:
		as_lane(row, r);
		break;
	case OUTBOX_POOL:
		as_pool(row, r, 0);
		break;
	case OUTBOX_POOL_GONE:
		as_pool(row, r, 1);
		break;
	case OUTBOX_QUEUE:
		as_queue(row, r);
		break;
	case OUTBOX_QUEUE_GONE:
		as_queue_gone(row, r);
		break;
	}
}

static void take_settings(const struct db_rows *r, void *arg)
{
	struct relay_row *row = arg;

	row->op = RELAY_SET_QUEUE;
	row->paused = (int)db_int(r, 5);
	row->limit = db_is_null(r, 6) ? -1 : db_int(r, 6);
	row->priority = db_int(r, 7);
}

int relay_rows_read(struct tx *tx, int64_t after_id, size_t max,
		    struct relay_row *ret_rows, size_t *ret_count, struct error *err)
{
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc =
	    db_query(tx->c, SQL_OUTBOX_BATCH,
		     DB_ARGS(db_a_int(after_id), db_a_int((int64_t)max)), 2, &r, err);

	while (rc == 0 && n < max && (rc = db_next(r, err)) > 0) {
		row_of(&ret_rows[n++], r);
		rc = 0;
	}
	db_rows_free(r);
	for (size_t i = 0; rc >= 0 && i < n; i++) {
		if (ret_rows[i].op == RELAY_REMOVE_QUEUE) {
			/* columns of work_queue_by_name */
			rc = db_one(tx->c, SQL_WORK_QUEUE_BY_NAME,
				    DB_ARGS(db_a_text(ret_rows[i].pool),
					    db_a_text(ret_rows[i].queue)),
				    2, take_settings, &ret_rows[i], err);
		}
	}
	*ret_count = n;
	return rc < 0 ? rc : 0;
}
