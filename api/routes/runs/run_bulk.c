/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_bulk.c - POST /flow_runs/bulk_set_state: one state for up to 50 runs.
 */
#include "api/db/db.h"
#include "api/db/pred.h"
#include "api/http/http.h"
#include "api/orchestration/apply.h"
#include "api/routes/filters.h"
#include "api/routes/req.h"
#include "api/routes/runs/flow_run_routes.h"
#include "api/routes/runs/runs.h"
#include "api/routes/state_json.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/jsonw.h"

#define BULK_MAX 50

struct bulk {
	struct req_arg base;
	json_t *state_obj;
	int force;
	int64_t limit;
	struct orc_state state; /* owned */
	int renews;
};
static const struct field bulk_fields[] = {
    {.name = "state",
     .type = F_OBJ,
     .offset = offsetof(struct bulk, state_obj),
     .flags = F_REQUIRED | F_NOT_NULL | F_MODEL},
    FIELD(struct bulk, force, F_BOOL),
    FIELD(struct bulk, limit, F_INT, .min = 1, .max = BULK_MAX),
};

static void bulk_free(void *arg)
{
	struct bulk *a = arg;

	orc_state_release(&a->state);
	req_arg_free(a);
}

static void check(void *arg, struct http_invalid *v)
{
	struct bulk *a = arg;

	if (a->state_obj != NULL) {
		(void)state_decode(a->state_obj, "state", &a->state, v);
	}
	(void)filter_decode(a->base.body, ENT_FLOW_RUN, &a->base.pred, v);
	if (http_invalid_count(v) > 0) {
		orc_state_release(&a->state);
	}
}

static int read_ids(struct tx *tx, const struct bulk *a, struct uuid *ids,
		    size_t *ret_n, struct error *err)
{
	struct db_rows *rows = NULL;
	size_t n = 0;
	int rc = db_select(tx->c, SQL_FLOW_RUN_IDS, NULL, 0, a->base.pred,
			   FRAG_FR_BY_ID_DESC, a->limit, 0, &rows, err);

	while (rc == 0 && n < BULK_MAX && (rc = db_next(rows, err)) == 1) {
		n += (size_t)db_uuid(rows, 0, &ids[n]);
		rc = 0;
	}
	db_rows_free(rows);
	*ret_n = n;
	return rc < 0 ? rc : 0;
}

static int set_one(struct tx *tx, const struct bulk *a, const struct uuid *id,
		   struct jsonw *w, struct error *err)
{
	struct orc_result res = {.wrote = 0};
	struct orc_state state;
	struct run_proposal p = {
	    .flow_run_id = *id,
	    .state = &state,
	    .force = a->force,
	    .renews_leases = a->renews,
	};
	int rc;

	orc_state_copy(&state, &a->state);
	rc = run_propose(tx, &p, &res, err);
	if (rc == 0) {
		jsonw_obj(w, NULL);
		jsonw_uuid(w, "flow_run_id", id);
		orc_result_write(w, &res, 1);
		jsonw_obj_end(w);
	}
	orc_result_release(&res);
	return rc;
}

static int bulk_work(struct tx *tx, void *arg, struct error *err)
{
	const struct bulk *a = arg;
	struct uuid ids[BULK_MAX];
	struct jsonw w;
	size_t n = 0;
	int rc = read_ids(tx, a, ids, &n, err);

	jsonw_init(&w, &tx->body);
	jsonw_obj(&w, NULL);
	jsonw_arr(&w, "results");
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = set_one(tx, a, &ids[i], &w, err);
	}
	jsonw_arr_end(&w);
	jsonw_obj_end(&w);
	return rc;
}

void route_flow_run_bulk_set_state(struct http_req *r)
{
	struct bulk *a = req_arg_new(r, sizeof(*a));

	a->limit = BULK_MAX;
	if (req_embedded_checked(r, a, bulk_fields, ARRAY_LEN(bulk_fields), check) <
	    0) {
		return;
	}
	a->renews = client_renews_leases(r);
	tx_submit(r, DB_WRITE, bulk_work, a, bulk_free);
}
