/* SPDX-License-Identifier: Apache-2.0 */
/*
 * concurrency_status.c - who holds the slots of a pool or of a queue.
 */
#include <stdlib.h>

#include "api/api.h"
#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/body.h"
#include "api/routes/decode.h"
#include "api/routes/pools/pool_store.h"
#include "api/routes/pools_tables.h"
#include "api/routes/pools/queue_routes.h"
#include "api/routes/pools/queue_store.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "proto/frame.h"

struct slots_request {
	json_t *root; /* owned */
	char *pool;
	struct uuid queue_id;
	int64_t page, limit, flow_run_limit;
	struct decoded has;
};

static const struct field fields[] = {
    FIELD(struct slots_request, page, F_INT, .min = 1, .max = INT32_MAX),
    FIELD(struct slots_request, limit, F_INT),
    FIELD(struct slots_request, flow_run_limit, F_INT, .max = 200),
};
static const struct body_spec spec = {fields, 3, 0, 1};

static void request_free(void *arg)
{
	struct slots_request *q = arg;

	json_decref(q->root);
	free(q->pool);
	free(q);
}

static struct slots_request *request_new(struct http_req *r)
{
	struct slots_request *q = xcalloc(1, sizeof(*q));

	q->page = 1;
	q->limit = API_DEFAULT_LIMIT;
	q->flow_run_limit = 10;
	q->root = body_decode(r, &spec, q, &q->has, NULL);
	if (q->root != NULL && (q->limit < 0 || q->limit > API_DEFAULT_LIMIT)) {
		http_reply_detail(r, 422, "Invalid limit: must be %s.",
				  q->limit < 0 ? "greater than or equal to 0"
					       : "less than or equal to 200");
	} else if (q->root != NULL) {
		return q;
	}
	request_free(q);
	return NULL;
}

static void write_page(struct jsonw *w, const struct slots_request *q, int64_t count)
{
	jsonw_int(w, "count", count);
	jsonw_int(w, "limit", q->limit);
	jsonw_int(w, "pages", q->limit > 0 ? (count + q->limit - 1) / q->limit : 0);
	jsonw_int(w, "page", q->page);
}

static void write_limit(struct jsonw *w, int64_t limit)
{
	if (limit >= 0) {
		jsonw_int(w, "concurrency_limit", limit);
	} else {
		jsonw_null(w, "concurrency_limit");
	}
}

/* Columns of queue_slot_runs. */
static void write_run(struct jsonw *w, const struct db_rows *r, int64_t now_us)
{
	int64_t since = db_time(r, 5);
	struct uuid id;

	(void)db_uuid(r, 0, &id);
	jsonw_obj(w, NULL);
	jsonw_uuid(w, "id", &id);
	jsonw_str(w, "name", db_text(r, 1));
	jsonw_str(w, "state_type", state_type_text((int)db_int(r, 2)));
	jsonw_str(w, "state_name", db_text(r, 3));
	jsonw_time(w, "start_time", db_time(r, 4));
	jsonw_time(w, "state_timestamp", since);
	if (db_is_null(r, 5)) {
		jsonw_null(w, "time_in_current_state");
	} else {
		jsonw_real(w, "time_in_current_state",
			   (double)(now_us > since ? now_us - since : 0) / 1e6);
	}
	jsonw_obj_end(w);
}

static int write_runs(struct tx *tx, struct jsonw *w, const struct uuid *queue_id,
		      int64_t limit, int64_t offset, struct error *err)
{
	struct db_rows *r = NULL;
	int rc =
	    db_query(tx->c, SQL_QUEUE_SLOT_RUNS,
		     DB_ARGS(db_a_uuid(queue_id), db_a_int(limit), db_a_int(offset)), 3,
		     &r, err);

	jsonw_arr(w, "flow_runs");
	while (rc == 0 && (rc = db_next(r, err)) > 0) {
		write_run(w, r, tx->now_us);
		rc = 0;
	}
	jsonw_arr_end(w);
	db_rows_free(r);
	return rc;
}

struct slots_row {
	struct uuid id;
	char *name;
	int64_t limit, taken;
};

static int read_rows(struct tx *tx, const struct uuid *pool_id,
		     const struct slots_request *q, struct slots_row *rows,
		     size_t *ret_count, struct error *err)
{
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc = db_query(tx->c, SQL_WORK_POOL_QUEUE_SLOTS,
			  DB_ARGS(db_a_uuid(pool_id), db_a_int(q->limit),
				  db_a_int((q->page - 1) * q->limit)),
			  3, &r, err);

	while (rc == 0 && n < API_DEFAULT_LIMIT && (rc = db_next(r, err)) > 0) {
		struct slots_row *row = &rows[n++];

		(void)db_uuid(r, 0, &row->id);
		row->name = xstrdup(db_text(r, 1));
		row->limit = db_is_null(r, 2) ? -1 : db_int(r, 2);
		row->taken = db_int(r, 3);
		rc = 0;
	}
	db_rows_free(r);
	*ret_count = n;
	return rc;
}

static int write_queues(struct tx *tx, struct jsonw *w, const struct uuid *pool_id,
			const struct slots_request *q, struct error *err)
{
	struct slots_row *rows = xcalloc(API_DEFAULT_LIMIT, sizeof(*rows));
	size_t count = 0;
	int rc = read_rows(tx, pool_id, q, rows, &count, err);

	jsonw_arr(w, "queues");
	for (size_t i = 0; i < count; i++) {
		jsonw_obj(w, NULL);
		jsonw_uuid(w, "queue_id", &rows[i].id);
		jsonw_str(w, "queue_name", rows[i].name);
		jsonw_int(w, "active_slots", rows[i].taken);
		write_limit(w, rows[i].limit);
		if (rc == 0) {
			rc = write_runs(tx, w, &rows[i].id, q->flow_run_limit, 0, err);
		}
		jsonw_int(w, "flow_run_count", rows[i].taken);
		jsonw_obj_end(w);
		free(rows[i].name);
	}
	jsonw_arr_end(w);
	free(rows);
	return rc;
}

static int pool_work(struct tx *tx, void *arg, struct error *err)
{
	const struct slots_request *q = arg;
	struct work_pool p = {0};
	int64_t active = 0, count = 0;
	struct jsonw w;
	int rc = pool_find(tx, q->pool, &p, err);

	if (rc == 0) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404,
				 "Work pool '%s' not found.", q->pool);
	}
	if (rc > 0) {
		rc = db_one_int(tx->c, SQL_WORK_POOL_ACTIVE_SLOTS,
				DB_ARGS(db_a_uuid(&p.id)), 1, &active, err);
	}
	if (rc >= 0) {
		rc = db_one_int(tx->c, SQL_WORK_POOL_QUEUE_COUNT,
				DB_ARGS(db_a_uuid(&p.id)), 1, &count, err);
	}
	if (rc >= 0) {
		jsonw_init(&w, &tx->body);
		jsonw_obj(&w, NULL);
		jsonw_int(&w, "active_slots", active);
		write_limit(&w, p.limit);
		rc = write_queues(tx, &w, &p.id, q, err);
		write_page(&w, q, count);
		jsonw_obj_end(&w);
	}
	pool_release(&p);
	return rc;
}

static void route_pool_slots(struct http_req *r)
{
	struct slots_request *q = request_new(r);

	if (q != NULL) {
		q->pool = xstrdup(http_param(r, "name"));
		tx_submit(r, DB_READ, pool_work, q, request_free);
	}
}

static int queue_work(struct tx *tx, void *arg, struct error *err)
{
	const struct slots_request *q = arg;
	struct work_queue wq = {0};
	int64_t active = 0;
	struct jsonw w;
	int rc = queue_find(tx, &q->queue_id, &wq, err);

	if (rc == 0) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404, "work queue not found");
	}
	if (rc > 0) {
		rc = db_one_int(tx->c, SQL_EXPLAIN_QUEUE_BUSY,
				DB_ARGS(db_a_uuid(&wq.id)), 1, &active, err);
	}
	if (rc >= 0) {
		jsonw_init(&w, &tx->body);
		jsonw_obj(&w, NULL);
		jsonw_int(&w, "active_slots", active);
		write_limit(&w, wq.limit);
		rc =
		    write_runs(tx, &w, &wq.id, q->limit, (q->page - 1) * q->limit, err);
		write_page(&w, q, active);
		jsonw_obj_end(&w);
	}
	queue_release(&wq);
	return rc;
}

static void route_queue_slots(struct http_req *r)
{
	struct slots_request *q = request_new(r);

	if (q != NULL) {
		http_param_uuid(r, "id", &q->queue_id);
		tx_submit(r, DB_READ, queue_work, q, request_free);
	}
}

const struct route concurrency_status_routes[] = {
    {"POST", "/work_pools/{name}/concurrency_status", route_pool_slots, 0, 0},
    {"POST", "/work_queues/{id}/concurrency_status", route_queue_slots, 0, 0},
    {0},
};
