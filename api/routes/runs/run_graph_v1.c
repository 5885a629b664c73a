/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_graph_v1.c - GET /flow_runs/{id}/graph: the task runs of a run, each with the
 * task runs whose results it used.
 */
#include <string.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/req.h"
#include "api/routes/runs/flow_run_routes.h"
#include "api/routes/task_run_json.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"

#define TASKS_MAX 10000
#define ROW_MAX   (16u << 20)

static int has_id(const json_t *list, const json_t *id)
{
	size_t i;
	json_t *v;

	json_array_foreach (list, i, v) {
		if (json_equal(json_object_get(v, "id"), id)) {
			return 1;
		}
	}
	return 0;
}

/* Each once, whatever the parameters that got it. */
static json_t *upstream(const json_t *inputs)
{
	json_t *list = json_array(), *of_parameter, *v;
	const char *key, *kind;
	size_t i;

	json_object_foreach ((json_t *)(uintptr_t)inputs, key, of_parameter) {
		json_array_foreach (of_parameter, i, v) {
			kind = json_string_value(json_object_get(v, "input_type"));
			if (kind != NULL && strcmp(kind, "task_run") == 0 &&
			    !has_id(list, json_object_get(v, "id"))) {
				json_array_append(list, v);
			}
		}
	}
	return list;
}

static void write_node(struct jsonw *w, const json_t *task)
{
	static const char *const same[] = {
	    "id",         "name",     "state",          "expected_start_time",
	    "start_time", "end_time", "total_run_time", "estimated_run_time"};
	const json_t *details =
	    json_object_get(json_object_get(task, "state"), "state_details");
	json_t *list = upstream(json_object_get(task, "task_inputs"));

	jsonw_obj(w, NULL);
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		jsonw_json(w, same[i], json_object_get(task, same[i]));
	}
	jsonw_json(w, "upstream_dependencies", list);
	jsonw_bool(w, "untrackable_result",
		   json_is_true(json_object_get(details, "untrackable_result")));
	jsonw_obj_end(w);
	json_decref(list);
}

static int write_all(struct tx *tx, const struct uuid *run, struct jsonw *w,
		     struct error *err)
{
	struct db_rows *rows = NULL;
	struct buf text;
	struct jsonw one;
	json_t *task;
	int rc = db_query(tx->c, SQL_FLOW_RUN_GRAPH_TASKS,
			  DB_ARGS(db_a_uuid(run), db_a_int(TASKS_MAX)), 2, &rows, err);

	buf_init(&text);
	while (rc == 0 && (rc = db_next(rows, err)) > 0) {
		buf_reset(&text);
		jsonw_init(&one, &text);
		task_run_write(&one, NULL, rows, tx->now_us);
		task = json_parse(text.data, text.len, ROW_MAX, NULL);
		if (task != NULL) {
			write_node(w, task);
		}
		json_decref(task);
		rc = 0;
	}
	buf_release(&text);
	db_rows_free(rows);
	return rc;
}

static void take_nothing(const struct db_rows *r, void *arg)
{
	(void)r;
	(void)arg;
}

static int graph_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	char id[UUID_TEXT_SIZE];
	struct jsonw w;
	int rc = db_one(tx->c, SQL_RUN_NAME, DB_ARGS(db_a_uuid(&a->id)), 1,
			take_nothing, NULL, err);

	if (rc == 0) {
		return tx_exception(tx, err, ERR_NOT_FOUND, 404,
				    "Flow run with id %s not found",
				    uuid_format(&a->id, id));
	}
	if (rc < 0) {
		return rc;
	}
	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	rc = write_all(tx, &a->id, &w, err);
	jsonw_arr_end(&w);
	return rc;
}

void route_flow_run_graph_v1(struct http_req *r)
{
	tx_submit(r, DB_READ, graph_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}
