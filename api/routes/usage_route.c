/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage_route.c - GET /wf/v1/flow_runs/{id}/usage: what the processes of a run used.
 */
#include <stdlib.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/pools_tables.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/uuid.h"

#define US_PER_S 1e6
#define KB       1024

/* Columns of usage_of_run. */
enum usage_col { UC_COUNT, UC_CPU_US, UC_RSS_KB, UC_READ, UC_WRITTEN, UC_OOM };

static void write_usage(const struct db_rows *r, void *arg)
{
	struct jsonw *w = arg;

	jsonw_obj(w, NULL);
	jsonw_int(w, "processes", db_int(r, UC_COUNT));
	jsonw_real(w, "cpu_seconds", (double)db_int(r, UC_CPU_US) / US_PER_S);
	jsonw_int(w, "peak_memory_bytes", db_int(r, UC_RSS_KB) * KB);
	jsonw_int(w, "read_bytes", db_int(r, UC_READ));
	jsonw_int(w, "written_bytes", db_int(r, UC_WRITTEN));
	jsonw_int(w, "out_of_memory_kills", db_int(r, UC_OOM));
	jsonw_obj_end(w);
}

static int usage_work(struct tx *tx, void *arg, struct error *err)
{
	const struct uuid *id = arg;
	struct jsonw w;
	int rc;

	jsonw_init(&w, &tx->body);
	rc = db_one(tx->c, SQL_USAGE_OF_RUN, DB_ARGS(db_a_uuid(id)), 1, write_usage, &w,
		    err);
	if (rc == 0) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Flow run not found");
	}
	return rc < 0 ? rc : 0;
}

static void route_usage(struct http_req *r)
{
	struct uuid id;

	http_param_uuid(r, "id", &id);
	tx_submit(r, DB_READ, usage_work, xmemdup(&id, sizeof(id)), free);
}

const struct route usage_routes[] = {
    {"GET", "/wf/v1/flow_runs/{id}/usage", route_usage, 0, 0},
    {0},
};
