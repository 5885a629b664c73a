/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_facts.c - what a worker needs to know about a run that it may start.
 */
#include <stdlib.h>

#include "api/db/db.h"
#include "api/orchestration/run_row.h"
#include "api/routes/deployments/deployment_store.h"
#include "api/routes/flow_run_json.h"
#include "api/routes/pools/pool_store.h"
#include "api/routes/pools/queue_store.h"
#include "api/routes/updates/batch.h"
#include "api/tx.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/jsonw.h"

static void write_flow(const struct db_rows *r, void *arg)
{
	struct jsonw *w = arg;
	struct uuid id = {{0}};

	(void)db_uuid(r, 0, &id);
	jsonw_obj(w, "flow");
	jsonw_uuid(w, "id", &id);
	jsonw_time(w, "created", db_time(r, 1));
	jsonw_time(w, "updated", db_time(r, 2));
	jsonw_str(w, "name", db_text(r, 3));
	jsonw_raw(w, "tags", db_text(r, 4));
	jsonw_raw(w, "labels", db_text(r, 5));
	jsonw_obj_end(w);
}

static int write_deployment(struct tx *tx, struct jsonw *w, const struct run_row *row,
			    struct error *err)
{
	struct deployment d = {.has_queue = 0};
	int rc = 0;

	if (row->run.has_deployment) {
		rc = deployment_find(tx, &row->run.deployment_id, &d, err);
	}
	if (rc > 0) {
		rc = deployment_write(tx, w, "deployment", &d, err);
	} else if (rc == 0) {
		jsonw_null(w, "deployment");
	}
	deployment_release(&d);
	return rc;
}

static int write_place(struct tx *tx, struct jsonw *w, const struct run_row *row,
		       struct error *err)
{
	struct work_pool pool = {.has_default_queue = 0};
	struct work_queue queue = {.is_paused = 0};
	int rc = row->has_pool ? pool_find(tx, row->pool_name, &pool, err) : 0;

	if (rc > 0) {
		pool_write(w, "work_pool", &pool);
	} else if (rc == 0) {
		jsonw_null(w, "work_pool");
	}
	pool_release(&pool);
	if (rc < 0) {
		return rc;
	}
	rc = row->has_queue ? queue_find(tx, &row->queue_id, &queue, err) : 0;
	if (rc > 0) {
		queue_write(w, "work_queue", &queue);
	} else if (rc == 0) {
		jsonw_null(w, "work_queue");
	}
	queue_release(&queue);
	return rc < 0 ? rc : 0;
}

int run_facts(struct tx *tx, const struct uuid *run, char **ret_text, struct error *err)
{
	struct run_row row;
	struct buf out;
	struct jsonw w;
	int rc = run_row_load(tx, run, &row, err);

	buf_init(&out);
	jsonw_init(&w, &out);
	jsonw_obj(&w, NULL);
	if (rc == 0) {
		rc = flow_run_write_by_id(tx, &w, "flow_run", run, err);
	}
	if (rc == 0) {
		rc = write_deployment(tx, &w, &row, err);
	}
	if (rc >= 0) {
		rc = db_one(tx->c, SQL_UPDATE_FLOW, DB_ARGS(db_a_uuid(run)), 1,
			    write_flow, &w, err);
	}
	if (rc >= 0) {
		rc = write_place(tx, &w, &row, err);
	}
	jsonw_obj_end(&w);
	if (rc == 0) {
		free(*ret_text);
		*ret_text = buf_take(&out, NULL);
	}
	buf_release(&out);
	run_row_release(&row);
	return rc;
}
