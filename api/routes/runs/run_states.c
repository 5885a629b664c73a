/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_states.c - state histories (server-contract 2.5).
 */
#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/req.h"
#include "api/routes/runs/flow_run_routes.h"
#include "api/routes/state_json.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/jsonw.h"

struct states {
	struct req_arg base;
	int task;
};

static int list_work(struct tx *tx, void *arg, struct error *err)
{
	const struct states *a = arg;
	struct db_rows *rows = NULL;
	struct jsonw w;
	int rc = db_query(tx->c, a->task ? SQL_TASK_RUN_STATES : SQL_FLOW_RUN_STATES,
			  DB_ARGS(db_a_uuid(&a->base.id)), 1, &rows, err);

	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	while (rc == 0 && (rc = db_next(rows, err)) == 1) {
		state_write_rows(&w, NULL, rows, a->task);
		rc = 0;
	}
	jsonw_arr_end(&w);
	db_rows_free(rows);
	return rc;
}

/* 422 for a missing or wrong query parameter, as for a body. */
static int query_uuid(struct http_req *r, const char *name, struct uuid *ret_id)
{
	json_t *query = json_object();
	const char *text = http_query(r, name);
	struct field f = {
	    .name = name, .type = F_UUID, .flags = F_REQUIRED | F_NOT_NULL};
	struct decoded got;
	struct http_invalid *v = http_invalid_new();
	size_t problems;

	http_invalid_root(v, "query");
	if (text != NULL) {
		json_object_set_new(query, name, json_string(text));
	}
	problems = decode_object(query, &f, 1, 0, "", ret_id, &got, v);
	json_decref(query);
	if (problems > 0) {
		http_reply_invalid(r, v);
		return 0;
	}
	http_invalid_free(v);
	return 1;
}

static void submit_list(struct http_req *r, const char *parameter, int task)
{
	struct states *a;
	struct uuid id;

	if (!query_uuid(r, parameter, &id)) {
		return;
	}
	a = req_arg_new(r, sizeof(*a));
	a->base.id = id;
	a->task = task;
	tx_submit(r, DB_READ, list_work, a, req_arg_free);
}

static void route_flow_run_states(struct http_req *r)
{
	submit_list(r, "flow_run_id", 0);
}

static void route_task_run_states(struct http_req *r)
{
	submit_list(r, "task_run_id", 1);
}

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	const struct states *a = arg;
	struct db_rows *rows = NULL;
	struct jsonw w;
	int rc = db_query(tx->c,
			  a->task ? SQL_TASK_RUN_STATE_BY_ID : SQL_FLOW_RUN_STATE_BY_ID,
			  DB_ARGS(db_a_uuid(&a->base.id)), 1, &rows, err);

	if (rc == 0) {
		rc = db_next(rows, err);
	}
	if (rc > 0) {
		jsonw_init(&w, &tx->body);
		state_write_rows(&w, NULL, rows, a->task);
		rc = 0;
	} else if (rc == 0) {
		/* the reference says "Flow" of task runs, too */
		rc = tx_detail(tx, err, ERR_NOT_FOUND, 404, "Flow run state not found");
	}
	db_rows_free(rows);
	return rc;
}

static void submit_read(struct http_req *r, int task)
{
	struct states *a = req_arg_new(r, sizeof(*a));

	a->task = task;
	tx_submit(r, DB_READ, read_work, a, req_arg_free);
}

static void route_flow_run_state(struct http_req *r)
{
	submit_read(r, 0);
}

static void route_task_run_state(struct http_req *r)
{
	submit_read(r, 1);
}

const struct route routes_run_states[] = {
    {"GET", "/flow_run_states/", route_flow_run_states, 0, 0},
    {"GET", "/flow_run_states/{id}", route_flow_run_state, 0, 0},
    {"GET", "/task_run_states/", route_task_run_states, 0, 0},
    {"GET", "/task_run_states/{id}", route_task_run_state, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
