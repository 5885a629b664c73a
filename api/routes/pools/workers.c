/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workers.c - /work_pools/{pool}/workers: heartbeats, list, delete.
 */
#include <stdlib.h>

#include "api/db/db.h"
#include "api/db/pred.h"
#include "api/http/http.h"
#include "api/routes/body.h"
#include "api/routes/decode.h"
#include "api/routes/filters.h"
#include "api/routes/pools/poll.h"
#include "api/routes/pools/pool_store.h"
#include "api/routes/pools_tables.h"
#include "api/routes/pools/worker_beat.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"

struct beat_body {
	json_t *root; /* owned */
	char *pool;
	const char *name;
	int64_t heartbeat_interval_seconds;
	json_t *metadata;
	json_t *work_queue_names; /* ours: it claims from these (none: from all) */
	int return_id;
	struct decoded has;
};

static const struct field beat_fields[] = {
    FIELD(struct beat_body, name, F_STR, .flags = F_REQUIRED),
    FIELD(struct beat_body, heartbeat_interval_seconds, F_INT),
    FIELD(struct beat_body, metadata, F_OBJ),
    FIELD(struct beat_body, return_id, F_BOOL),
    FIELD(struct beat_body, work_queue_names, F_TAGS),
};
static const struct body_spec beat_spec = {beat_fields, 5, 0, 1};

static void beat_free(void *arg)
{
	struct beat_body *b = arg;

	json_decref(b->root);
	free(b->pool);
	free(b);
}

/* Ours are told whether they are to drain. */
static int answer_beat(struct tx *tx, const struct work_pool *p, const char *name,
		       struct error *err)
{
	struct jsonw w;
	int drain = 0, rc = worker_drain_wanted(tx, p, name, &drain, err);

	if (rc == 0) {
		jsonw_init(&w, &tx->body);
		jsonw_obj(&w, NULL);
		jsonw_bool(&w, "drain", drain);
		jsonw_obj_end(&w);
	}
	return rc;
}

static int beat_work(struct tx *tx, void *arg, struct error *err)
{
	const struct beat_body *b = arg;
	struct work_pool p = {0};
	struct worker_beat beat = {
	    .name = b->name,
	    .interval_s = DECODED_HAS(&b->has, 1) ? b->heartbeat_interval_seconds : -1,
	    .metadata = b->metadata,
	};
	int rc = pool_by_name(tx, b->pool, &p, err);

	if (rc == 0) {
		rc = worker_heartbeat(tx, &p, &beat, err);
	}
	if (rc == 0 && b->work_queue_names != NULL) {
		rc = poll_record_pool(tx, &p, b->work_queue_names, err);
	}
	if (rc == 0 && json_object_get(b->metadata, "instance") != NULL) {
		rc = answer_beat(tx, &p, b->name, err);
	} else {
		tx->empty = rc == 0;
		tx->status = rc == 0 ? 204 : tx->status;
	}
	pool_release(&p);
	return rc;
}

static void route_heartbeat(struct http_req *r)
{
	struct beat_body *b = xcalloc(1, sizeof(*b));

	b->pool = xstrdup(http_param(r, "work_pool_name"));
	b->root = body_decode(r, &beat_spec, b, &b->has, NULL);
	if (b->root == NULL) {
		beat_free(b);
		return;
	}
	tx_submit(r, DB_WRITE, beat_work, b, beat_free);
}

struct worker_list {
	struct list_args page;
	struct db_pred *pred;
	char *pool;
};

static void worker_list_free(void *arg)
{
	struct worker_list *l = arg;

	pred_free(l->pred);
	free(l->pool);
	free(l);
}

/* Columns of worker_filter. */
static void write_worker(struct jsonw *w, const struct db_rows *rows)
{
	struct uuid id, pool_id;

	(void)db_uuid(rows, 0, &id);
	(void)db_uuid(rows, 4, &pool_id);
	jsonw_obj(w, NULL);
	jsonw_uuid(w, "id", &id);
	jsonw_time(w, "created", db_time(rows, 1));
	jsonw_time(w, "updated", db_time(rows, 2));
	jsonw_str(w, "name", db_text(rows, 3));
	jsonw_uuid(w, "work_pool_id", &pool_id);
	jsonw_time(w, "last_heartbeat_time", db_time(rows, 5));
	if (db_is_null(rows, 6)) {
		jsonw_null(w, "heartbeat_interval_seconds");
	} else {
		jsonw_int(w, "heartbeat_interval_seconds", db_int(rows, 6));
	}
	jsonw_str(w, "status", db_text(rows, 7));
	jsonw_obj_end(w);
}

static int list_work(struct tx *tx, void *arg, struct error *err)
{
	const struct worker_list *l = arg;
	struct work_pool p = {0};
	struct db_rows *rows = NULL;
	struct jsonw w;
	int rc = pool_by_name(tx, l->pool, &p, err);

	if (rc == 0) {
		rc = db_select(tx->c, SQL_WORKER_FILTER,
			       DB_ARGS(db_a_uuid(&p.id), db_a_time(tx->now_us)), 2,
			       l->pred, SQL_FRAG_NONE, l->page.limit, l->page.offset,
			       &rows, err);
	}
	if (rc == 0) {
		jsonw_init(&w, &tx->body);
		jsonw_arr(&w, NULL);
		while ((rc = db_next(rows, err)) > 0) {
			write_worker(&w, rows);
		}
		jsonw_arr_end(&w);
	}
	db_rows_free(rows);
	pool_release(&p);
	return rc;
}

static void route_list(struct http_req *r)
{
	struct worker_list *l = xcalloc(1, sizeof(*l));

	l->pool = xstrdup(http_param(r, "work_pool_name"));
	if (filter_request(r, ENT_WORKER, 0, &l->page, &l->pred) < 0) {
		worker_list_free(l);
		return;
	}
	tx_submit(r, DB_READ, list_work, l, worker_list_free);
}

struct worker_name {
	char *pool, *name;
};

static void worker_name_free(void *arg)
{
	struct worker_name *n = arg;

	free(n->pool);
	free(n->name);
	free(n);
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	const struct worker_name *n = arg;
	struct work_pool p = {0};
	int64_t changes = 0;
	int rc = pool_by_name(tx, n->pool, &p, err);

	if (rc == 0) {
		rc = db_exec(tx->c, SQL_WORKER_DELETE,
			     DB_ARGS(db_a_uuid(&p.id), db_a_text(n->name)), 2, &changes,
			     err);
	}
	if (rc == 0 && changes == 0) {
		rc = tx_detail(tx, err, ERR_NOT_FOUND, 404, "Worker not found.");
	}
	pool_release(&p);
	tx->empty = rc == 0;
	tx->status = rc == 0 ? 204 : tx->status;
	return rc;
}

static void route_delete(struct http_req *r)
{
	struct worker_name *n = xcalloc(1, sizeof(*n));

	n->pool = xstrdup(http_param(r, "work_pool_name"));
	n->name = xstrdup(http_param(r, "name"));
	tx_submit(r, DB_WRITE, delete_work, n, worker_name_free);
}

const struct route worker_routes[] = {
    {"POST", "/work_pools/{work_pool_name}/workers/heartbeat", route_heartbeat, 0, 0},
    {"POST", "/work_pools/{work_pool_name}/workers/filter", route_list, 0, 0},
    {"DELETE", "/work_pools/{work_pool_name}/workers/{name}", route_delete, 0, 0},
    {0},
};
