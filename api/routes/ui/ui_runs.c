/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ui_runs.c - runs as points and counts, the way web pages draw them.
 */
#include <string.h>

#include "api/db/db.h"
#include "api/db/pred.h"
#include "api/http/http.h"
#include "api/routes/filters.h"
#include "api/routes/req.h"
#include "api/routes/policy_json.h"
#include "api/routes/rollup.h"
#include "api/routes/task_run_json.h"
#include "api/routes/ui/ui_ids.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/timefmt.h"
#include "proto/frame.h"

#define HISTORY_MAX 1000
#define BUCKETS     20
#define US          1e6

/* ---- /ui/flow_runs/history ---- */

struct history {
	struct req_arg base;
	int64_t limit, offset;
	enum sql_frag order;
};
static const struct field history_fields[] = {
    FIELD(struct history, limit, F_INT, .min = INT64_MIN, .max = HISTORY_MAX),
    FIELD(struct history, offset, F_INT, .min = 0, .max = INT64_MAX),
};

static void history_check(void *arg, struct http_invalid *v)
{
	struct history *a = arg;

	list_sort_decode(a->base.body, ENT_FLOW_RUN, &a->order, v);
	(void)filter_decode(a->base.body, ENT_FLOW_RUN, &a->base.pred, v);
}

static void write_point(struct jsonw *w, const struct db_rows *r, int64_t now_us)
{
	struct run_times t = {
	    .type = (int)db_int(r, 1),
	    .start_us = db_time(r, 2),
	    .expected_us = db_time(r, 3),
	    .total_us = db_int(r, 4),
	    .state_at_us = db_time(r, 5),
	};
	struct uuid id = {{0}};
	double run_time, delta;

	run_estimates(&t, now_us, &run_time, &delta);
	(void)db_uuid(r, 0, &id);
	jsonw_obj(w, NULL);
	jsonw_uuid(w, "id", &id);
	jsonw_str(w, "state_type", state_type_text(t.type));
	jsonw_time(w, "timestamp",
		   t.start_us != TIME_NONE ? t.start_us : t.expected_us);
	jsonw_real(w, "duration", run_time);
	jsonw_real(w, "lateness", delta);
	jsonw_obj_end(w);
}

static int history_work(struct tx *tx, void *arg, struct error *err)
{
	const struct history *a = arg;
	struct db_rows *rows = NULL;
	struct jsonw w;
	int rc =
	    db_select(tx->c, SQL_UI_RUN_HISTORY, NULL, 0, a->base.pred, a->order,
		      a->limit < 0 ? HISTORY_MAX : a->limit, a->offset, &rows, err);

	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	while (rc == 0 && (rc = db_next(rows, err)) == 1) {
		write_point(&w, rows, tx->now_us);
		rc = 0;
	}
	jsonw_arr_end(&w);
	db_rows_free(rows);
	return rc;
}

static void route_history(struct http_req *r)
{
	struct history *a = req_arg_new(r, sizeof(*a));

	a->limit = HISTORY_MAX;
	a->order = FRAG_FR_BY_EXPECTED_DESC;
	if (req_embedded_checked(r, a, history_fields, ARRAY_LEN(history_fields),
				 history_check) == 0) {
		tx_submit(r, DB_READ, history_work, a, req_arg_free);
	}
}

/* ---- /ui/task_runs/count ---- */

#define STATE_TYPES 10 /* and none */

static int count_states(struct tx *tx, const struct db_pred *pred,
			int64_t counts[STATE_TYPES], struct error *err)
{
	const struct rollup_span all = {.axis = ROLLUP_ANY_AXIS, .any_time = 1};
	struct db_rows *rows = NULL;
	struct rollup r;
	int rc = rollup_read(tx, ROLLUP_TASK_RUNS, pred, &all, &r, err);

	for (size_t i = 0; rc == 1 && i < r.count; i++) {
		if (r.rows[i].type < STATE_TYPES) {
			counts[r.rows[i].type] += r.rows[i].count;
		}
	}
	rollup_release(&r);
	if (rc != 0) {
		return MIN_OF(rc, 0);
	}
	rc = db_select(tx->c, SQL_UI_TASKS_BY_STATE, NULL, 0, pred, SQL_FRAG_NONE, -1,
		       -1, &rows, err);
	while (rc == 0 && (rc = db_next(rows, err)) == 1) {
		int64_t type = db_int(rows, 0);

		if (type > 0 && type < STATE_TYPES) {
			counts[type] = db_int(rows, 1);
		}
		rc = 0;
	}
	db_rows_free(rows);
	return rc;
}

static int by_state_work(struct tx *tx, void *arg, struct error *err)
{
	static const int order[] = {
	    WF__CONTROL__STATE_TYPE__COMPLETED, WF__CONTROL__STATE_TYPE__PENDING,
	    WF__CONTROL__STATE_TYPE__RUNNING,   WF__CONTROL__STATE_TYPE__FAILED,
	    WF__CONTROL__STATE_TYPE__CANCELLED, WF__CONTROL__STATE_TYPE__CRASHED,
	    WF__CONTROL__STATE_TYPE__PAUSED,    WF__CONTROL__STATE_TYPE__CANCELLING,
	    WF__CONTROL__STATE_TYPE__SCHEDULED,
	};
	const struct req_arg *a = arg;
	int64_t counts[STATE_TYPES] = {0};
	struct jsonw w;
	int rc = count_states(tx, a->pred, counts, err);

	jsonw_init(&w, &tx->body);
	jsonw_obj(&w, NULL);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		jsonw_int(&w, state_type_text(order[i]), counts[order[i]]);
	}
	jsonw_obj_end(&w);
	return rc;
}

static void route_by_state(struct http_req *r)
{
	struct req_arg *a = req_arg_new(r, sizeof(*a));

	if (filter_request(r, ENT_TASK_RUN, 0, NULL, &a->pred) < 0) {
		req_arg_free(a);
		return;
	}
	tx_submit(r, DB_READ, by_state_work, a, req_arg_free);
}

/* ---- /ui/task_runs/dashboard/counts ---- */

struct dashboard {
	struct req_arg base;
	json_t *task_runs;
	int64_t after_us, before_us;
};
static const struct field dashboard_fields[] = {
    FIELD(struct dashboard, task_runs, F_OBJ,
	  .flags = F_REQUIRED | F_NOT_NULL | F_MODEL),
};

struct span {
	int64_t after_, before_;
};
static const struct field span_fields[] = {
    FIELD(struct span, after_, F_TIME),
    FIELD(struct span, before_, F_TIME),
};

static void dashboard_check(void *arg, struct http_invalid *v)
{
	struct dashboard *a = arg;
	const json_t *times = json_object_get(a->task_runs, "start_time");
	struct span s = {TIME_NONE, TIME_NONE};

	(void)filter_decode(a->base.body, ENT_TASK_RUN, &a->base.pred, v);
	if (http_invalid_count(v) == 0 && json_is_object(times)) {
		(void)decode_object(times, span_fields, ARRAY_LEN(span_fields), 0,
				    "task_runs.start_time", &s, NULL, v);
	}
	a->after_us = s.after_;
	a->before_us = s.before_;
}

struct ends {
	int64_t completed[BUCKETS], failed[BUCKETS];
};

/* From the cells.  1: done. */
static int ends_of_cells(struct tx *tx, const struct dashboard *a,
			 const struct rollup_span *span, struct ends *ret,
			 struct error *err)
{
	struct rollup r;
	int rc = rollup_read(tx, ROLLUP_TASK_RUNS, a->base.pred, span, &r, err);

	for (size_t k = 0; rc == 1 && k < r.count; k++) {
		const struct rollup_row *row = &r.rows[k];
		int64_t i = MIN_OF(row->step, BUCKETS - 1);

		if (row->type == WF__CONTROL__STATE_TYPE__COMPLETED ||
		    row->type == WF__CONTROL__STATE_TYPE__CANCELLED) {
			ret->completed[i] += row->count;
		} else if (row->type == WF__CONTROL__STATE_TYPE__FAILED ||
			   row->type == WF__CONTROL__STATE_TYPE__CRASHED) {
			ret->failed[i] += row->count;
		}
	}
	rollup_release(&r);
	return rc;
}

static int ends_of_runs(struct tx *tx, const struct dashboard *a,
			const struct rollup_span *span, struct ends *ret,
			struct error *err)
{
	struct db_rows *rows = NULL;
	int rc = db_select(tx->c, SQL_UI_TASKS_BY_TIME,
			   DB_ARGS(db_a_time(span->from_us), db_a_int(span->step_us),
				   db_a_time(span->until_us - 1)),
			   3, a->base.pred, SQL_FRAG_NONE, -1, -1, &rows, err);

	while (rc == 0 && (rc = db_next(rows, err)) == 1) {
		int64_t i = MIN_OF(db_int(rows, 0), BUCKETS - 1);

		ret->completed[i] += db_int(rows, 1);
		ret->failed[i] += db_int(rows, 2);
		rc = 0;
	}
	db_rows_free(rows);
	return rc;
}

static int dashboard_work(struct tx *tx, void *arg, struct error *err)
{
	const struct dashboard *a = arg;
	int64_t end_us = a->before_us != TIME_NONE ? a->before_us : tx->now_us;
	struct rollup_span span = {.axis = ROLLUP_START,
				   .from_us = a->after_us,
				   .until_us = end_us + 1,
				   .step_us =
				       MAX_OF((end_us - a->after_us) / BUCKETS, 1)};
	struct ends e = {{0}, {0}};
	struct jsonw w;
	int rc = ends_of_cells(tx, a, &span, &e, err);

	rc = rc != 0 ? MIN_OF(rc, 0) : ends_of_runs(tx, a, &span, &e, err);
	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	for (size_t i = 0; i < BUCKETS; i++) {
		jsonw_obj(&w, NULL);
		jsonw_int(&w, "completed", e.completed[i]);
		jsonw_int(&w, "failed", e.failed[i]);
		jsonw_obj_end(&w);
	}
	jsonw_arr_end(&w);
	return rc;
}

static void route_dashboard(struct http_req *r)
{
	struct dashboard *a = req_arg_new(r, sizeof(*a));

	if (req_embedded_checked(r, a, dashboard_fields, ARRAY_LEN(dashboard_fields),
				 dashboard_check) < 0) {
		return;
	}
	if (a->after_us == TIME_NONE) {
		http_reply_detail(r, 422, "task_runs.start_time.after_ is required");
		req_arg_free(a);
		return;
	}
	tx_submit(r, DB_READ, dashboard_work, a, req_arg_free);
}

/* ---- /ui/task_runs/{id} ---- */

static void take_name(const struct db_rows *r, void *arg)
{
	jsonw_str(arg, "flow_run_name", db_text(r, 0));
}

static int task_run_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	struct jsonw w;
	int rc;

	jsonw_init(&w, &tx->body);
	rc = task_run_write_open(tx, &w, NULL, &a->id, err);
	if (rc == -ERR_NOT_FOUND) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Task not found");
	}
	if (rc == 0) {
		rc = db_one(tx->c, SQL_UI_RUN_NAME_OF_TASK, DB_ARGS(db_a_uuid(&a->id)),
			    1, take_name, &w, err);
		if (rc == 0) {
			jsonw_null(&w, "flow_run_name");
		}
		jsonw_obj_end(&w);
	}
	return MIN_OF(rc, 0);
}

static void route_task_run(struct http_req *r)
{
	tx_submit(r, DB_READ, task_run_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

extern const struct route routes_ui_runs[];
const struct route routes_ui_runs[] = {
    {"POST", "/ui/flow_runs/history", route_history, 0, 0},
    {"POST", "/ui/flow_runs/count-task-runs", route_ui_tasks_per_run, 0, 0},
    {"POST", "/ui/flows/count-deployments", route_ui_deployments_per_flow, 0, 0},
    {"POST", "/ui/flows/next-runs", route_ui_next_runs, 0, 0},
    {"POST", "/ui/schemas/validate", route_ui_schema_validate, 0, 0},
    {"POST", "/ui/task_runs/dashboard/counts", route_dashboard, 0, 0},
    {"POST", "/ui/task_runs/count", route_by_state, 0, 0},
    {"GET", "/ui/task_runs/{id}", route_task_run, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
