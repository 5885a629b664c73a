/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_history.c - how many runs were when in which state; how late they were.
 */
#include "api/db/db.h"
#include "api/db/pred.h"
#include "api/http/http.h"
#include "api/routes/filters.h"
#include "api/routes/req.h"
#include "api/routes/rollup.h"
#include "api/routes/runs/flow_run_routes.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "proto/frame.h"

#define BUCKETS_MAX 500
#define US          1e6

struct history {
	struct req_arg base;
	int64_t history_start, history_end;
	double history_interval_seconds;
	enum sql_id stmt;
	enum rollup_object object;
};
static const struct field history_fields[] = {
    FIELD(struct history, history_start, F_TIME, .flags = F_REQUIRED | F_NOT_NULL),
    FIELD(struct history, history_end, F_TIME, .flags = F_REQUIRED | F_NOT_NULL),
    FIELD(struct history, history_interval_seconds, F_REAL,
	  .flags = F_REQUIRED | F_NOT_NULL),
};

static void check_flow_runs(void *arg, struct http_invalid *v)
{
	struct history *a = arg;

	(void)filter_decode(a->base.body, ENT_FLOW_RUN, &a->base.pred, v);
}

static void check_task_runs(void *arg, struct http_invalid *v)
{
	struct history *a = arg;

	(void)filter_decode(a->base.body, ENT_TASK_RUN, &a->base.pred, v);
}

static void open_bucket(struct jsonw *w, const struct history *a, int64_t bucket,
			int64_t step_us)
{
	jsonw_obj(w, NULL);
	jsonw_time(w, "interval_start", a->history_start + bucket * step_us);
	jsonw_time(w, "interval_end", a->history_start + (bucket + 1) * step_us);
	jsonw_arr(w, "states");
}

static void close_bucket(struct jsonw *w)
{
	jsonw_arr_end(w);
	jsonw_obj_end(w);
}

static void write_count(struct jsonw *w, const struct rollup_row *row)
{
	jsonw_obj(w, NULL);
	jsonw_str(w, "state_type", row->type != 0 ? state_type_text(row->type) : NULL);
	jsonw_str(w, "state_name",
		  row->type != 0 || row->name[0] != '\0' ? row->name : NULL);
	jsonw_int(w, "count_runs", row->count);
	jsonw_real(w, "sum_estimated_run_time", (double)row->run_time_us / US);
	jsonw_real(w, "sum_estimated_lateness", (double)row->late_us / US);
	jsonw_obj_end(w);
}

/* Buckets without runs are there, too. */
static void write_buckets(struct jsonw *w, const struct history *a,
			  const struct rollup *r, int64_t buckets)
{
	int64_t step_us = (int64_t)(a->history_interval_seconds * US);
	size_t next = 0;

	jsonw_arr(w, NULL);
	for (int64_t i = 0; i < buckets; i++) {
		open_bucket(w, a, i, step_us);
		for (; next < r->count && r->rows[next].step == i; next++) {
			write_count(w, &r->rows[next]);
		}
		close_bucket(w);
	}
	jsonw_arr_end(w);
}

/* The runs themselves, where the filter is not one for cells. */
static int read_runs(struct tx *tx, const struct history *a,
		     const struct rollup_span *span, struct rollup *ret,
		     struct error *err)
{
	struct db_rows *rows = NULL;
	size_t size = 0;
	int rc = db_select(tx->c, a->stmt,
			   DB_ARGS(db_a_int(span->from_us), db_a_int(span->step_us),
				   db_a_int(tx->now_us), db_a_int(span->until_us)),
			   4, a->base.pred, SQL_FRAG_NONE, -1, -1, &rows, err);

	while (rc == 0 && (rc = db_next(rows, err)) == 1) {
		const char *name = db_text(rows, 2);

		if (ret->count == size) {
			size = size == 0 ? 64 : size * 2;
			ret->rows = xreallocarray(ret->rows, size, sizeof(*ret->rows));
		}
		ret->rows[ret->count++] =
		    (struct rollup_row){.step = db_int(rows, 0),
					.type = (int)db_int(rows, 1),
					.name = xstrdup(name != NULL ? name : ""),
					.count = db_int(rows, 3),
					.run_time_us = (int64_t)db_real(rows, 4),
					.late_us = (int64_t)db_real(rows, 5)};
		rc = 0;
	}
	db_rows_free(rows);
	return rc;
}

static int history_work(struct tx *tx, void *arg, struct error *err)
{
	const struct history *a = arg;
	int64_t step_us = (int64_t)(a->history_interval_seconds * US);
	int64_t span = a->history_end - a->history_start;
	int64_t buckets = span > 0 ? (span + step_us - 1) / step_us : 0;
	struct rollup_span range = {
	    .axis = ROLLUP_EXPECTED, .from_us = a->history_start, .step_us = step_us};
	struct rollup r = {0};
	struct jsonw w;
	int rc;

	buckets = MIN_OF(buckets, BUCKETS_MAX);
	range.until_us = a->history_start + buckets * step_us;
	rc = rollup_read(tx, a->object, a->base.pred, &range, &r, err);
	if (rc == 0) {
		rc = read_runs(tx, a, &range, &r, err);
	}
	jsonw_init(&w, &tx->body);
	write_buckets(&w, a, &r, buckets);
	rollup_release(&r);
	return MIN_OF(rc, 0);
}

static void submit_history(struct http_req *r, enum sql_id stmt,
			   enum rollup_object object,
			   void (*check)(void *arg, struct http_invalid *v))
{
	struct history *a = req_arg_new(r, sizeof(*a));

	a->stmt = stmt;
	a->object = object;
	if (req_embedded_checked(r, a, history_fields, ARRAY_LEN(history_fields),
				 check) < 0) {
		return;
	}
	if (a->history_interval_seconds < 1) {
		http_reply_detail(r, 422,
				  "History interval must not be less than 1 second.");
		req_arg_free(a);
		return;
	}
	tx_submit(r, DB_READ, history_work, a, req_arg_free);
}

void route_flow_run_history(struct http_req *r)
{
	submit_history(r, SQL_FLOW_RUN_HISTORY, ROLLUP_FLOW_RUNS, check_flow_runs);
}

void route_task_run_history(struct http_req *r)
{
	submit_history(r, SQL_TASK_RUN_HISTORY, ROLLUP_TASK_RUNS, check_task_runs);
}

static int lateness_of_runs(struct tx *tx, const struct req_arg *a, struct jsonw *w,
			    struct error *err)
{
	struct db_rows *rows = NULL;
	int rc = db_select(tx->c, SQL_FLOW_RUN_LATENESS, DB_ARGS(db_a_int(tx->now_us)),
			   1, a->pred, SQL_FRAG_NONE, -1, -1, &rows, err);

	if (rc == 0 && (rc = db_next(rows, err)) == 1) {
		if (db_is_null(rows, 0)) {
			jsonw_null(w, NULL);
		} else {
			jsonw_real(w, NULL, db_real(rows, 0) / US);
		}
		rc = 0;
	}
	db_rows_free(rows);
	return rc;
}

static int lateness_work(struct tx *tx, void *arg, struct error *err)
{
	const struct rollup_span all = {.axis = ROLLUP_ANY_AXIS, .any_time = 1};
	const struct req_arg *a = arg;
	int64_t count = 0, late_us = 0;
	struct rollup r;
	struct jsonw w;
	int rc = rollup_read(tx, ROLLUP_FLOW_RUNS, a->pred, &all, &r, err);

	jsonw_init(&w, &tx->body);
	if (rc == 0) {
		rc = lateness_of_runs(tx, a, &w, err);
	} else if (rc == 1) {
		for (size_t i = 0; i < r.count; i++) {
			count += r.rows[i].count;
			late_us += r.rows[i].late_us;
		}
		if (count == 0) {
			jsonw_null(&w, NULL);
		} else {
			jsonw_real(&w, NULL, (double)late_us / (double)count / US);
		}
	}
	rollup_release(&r);
	return MIN_OF(rc, 0);
}

void route_flow_run_lateness(struct http_req *r)
{
	struct req_arg *a = req_arg_new(r, sizeof(*a));

	if (filter_request(r, ENT_FLOW_RUN, 0, NULL, &a->pred) < 0) {
		req_arg_free(a);
		return;
	}
	tx_submit(r, DB_READ, lateness_work, a, req_arg_free);
}
