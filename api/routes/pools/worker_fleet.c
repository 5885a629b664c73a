/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_fleet.c - workers as an operator sees them: /wf/v1/workers, and draining one
 * from afar.
 *
 * The wish to drain is a fact in SQL that the worker hears with its next heartbeat; the
 * wake-up in Redis makes that a matter of milliseconds.
 */
#include <stdlib.h>

#include "api/api.h"
#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/pools/pool_store.h"
#include "api/routes/pools_tables.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "pools/workers.h"

#define LIST_MAX 1000

struct drain {
	struct pools *pools;
	char *pool, *name;
	int wanted; /* committed: the worker is to be woken */
};

static void on_woken(int rc, int64_t value, const struct error *err, void *arg)
{
	(void)rc; /* its heartbeat tells */
	(void)value;
	(void)err;
	(void)arg;
}

/* On the loop, after the answer. */
static void drain_over(void *arg)
{
	struct drain *d = arg;

	if (d->wanted && d->pools != NULL) {
		(void)pools_drain_worker(d->pools, d->pool, d->name, on_woken, NULL,
					 NULL);
	}
	free(d->pool);
	free(d->name);
	free(d);
}

static int drain_work(struct tx *tx, void *arg, struct error *err)
{
	struct drain *d = arg;
	struct work_pool p = {0};
	int64_t changes = 0;
	int rc = pool_by_name(tx, d->pool, &p, err);

	if (rc == 0) {
		rc = db_exec(tx->c, SQL_WORKER_DRAIN,
			     DB_ARGS(db_a_time(tx->now_us), db_a_uuid(&p.id),
				     db_a_text(d->name)),
			     3, &changes, err);
	}
	pool_release(&p);
	if (rc == 0 && changes == 0) {
		rc =
		    tx_detail(tx, err, ERR_NOT_FOUND, 404,
			      "There is no wf-worker '%s' in work pool '%s' (wf worker "
			      "ls shows them; Prefect's own workers cannot be drained "
			      "from afar).",
			      d->name, d->pool);
	}
	d->wanted = rc == 0;
	tx->empty = rc == 0;
	tx->status = rc == 0 ? 204 : tx->status;
	return rc;
}

static void route_drain(struct http_req *r)
{
	struct drain *d = xcalloc(1, sizeof(*d));

	d->pools = http_api(r)->pools;
	d->pool = xstrdup(http_param(r, "work_pool_name"));
	d->name = xstrdup(http_param(r, "name"));
	tx_submit(r, DB_WRITE, drain_work, d, drain_over);
}

/* ---- the list ---- */

/* Columns of worker_fleet. */
static void write_one(struct jsonw *w, const struct db_rows *rows)
{
	const char *metadata = db_text(rows, 5);

	jsonw_obj(w, NULL);
	jsonw_str(w, "name", db_text(rows, 0));
	jsonw_str(w, "work_pool_name", db_text(rows, 1));
	jsonw_time(w, "last_heartbeat_time", db_time(rows, 2));
	if (db_is_null(rows, 3)) {
		jsonw_null(w, "heartbeat_interval_seconds");
	} else {
		jsonw_int(w, "heartbeat_interval_seconds", db_int(rows, 3));
	}
	jsonw_str(w, "status", db_text(rows, 4));
	jsonw_raw(w, "metadata", metadata != NULL ? metadata : "null");
	jsonw_bool(w, "drain_requested", db_int(rows, 6) != 0);
	jsonw_obj_end(w);
}

static int list_work(struct tx *tx, void *arg, struct error *err)
{
	const char *pool = arg;
	struct db_rows *rows = NULL;
	struct jsonw w;
	int rc = db_query(
	    tx->c, SQL_WORKER_FLEET,
	    DB_ARGS(db_a_text(pool), db_a_time(tx->now_us), db_a_int(LIST_MAX)), 3,
	    &rows, err);

	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	while (rc == 0 && (rc = db_next(rows, err)) > 0) {
		write_one(&w, rows);
		rc = 0;
	}
	jsonw_arr_end(&w);
	db_rows_free(rows);
	return rc;
}

static void route_list(struct http_req *r)
{
	const char *pool = http_query(r, "work_pool_name");

	tx_submit(r, DB_READ, list_work, pool != NULL ? xstrdup(pool) : NULL, free);
}

const struct route worker_fleet_routes[] = {
    {"GET", "/wf/v1/workers", route_list, 0, 0},
    {"POST", "/wf/v1/work_pools/{work_pool_name}/workers/{name}/drain", route_drain, 0,
     0},
    {0},
};
