/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_history.c - how many runs were when in which state; how late they were.
 */
#include "api/db/db.h"
#include "api/db/pred.h"
#include "api/http/http.h"
#include "api/routes/filters.h"
#include "api/routes/req.h"
#include "api/routes/runs/flow_run_routes.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "proto/frame.h"

#define BUCKETS_MAX 500
#define US          1e6

struct history {
	struct req_arg base;
	int64_t history_start, history_end;
	double history_interval_seconds;
	enum sql_id stmt;
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

static void write_count(struct jsonw *w, const struct db_rows *r)
{
	int type = (int)db_int(r, 1);

	jsonw_obj(w, NULL);
	jsonw_str(w, "state_type", type != 0 ? state_type_text(type) : NULL);
	jsonw_str(w, "state_name", db_text(r, 2));
	jsonw_int(w, "count_runs", db_int(r, 3));
	jsonw_real(w, "sum_estimated_run_time", db_real(r, 4) / US);
	jsonw_real(w, "sum_estimated_lateness", db_real(r, 5) / US);
	jsonw_obj_end(w);
}

/* Buckets without runs are there, too. */
static int write_buckets(struct tx *tx, const struct history *a, struct db_rows *rows,
			 int64_t buckets, struct error *err)
{
	int64_t step_us = (int64_t)(a->history_interval_seconds * US);
	int64_t next = 0; /* first bucket not yet opened */
	struct jsonw w;
	int rc;

	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	while ((rc = db_next(rows, err)) == 1) {
		int64_t bucket = db_int(rows, 0);

		for (; next <= bucket && next < buckets; next++) {
			if (next > 0) {
				close_bucket(&w);
			}
			open_bucket(&w, a, next, step_us);
		}
		write_count(&w, rows);
	}
	for (; next < buckets; next++) {
		if (next > 0) {
			close_bucket(&w);
		}
		open_bucket(&w, a, next, step_us);
	}
	if (buckets > 0) {
		close_bucket(&w);
	}
	jsonw_arr_end(&w);
	return rc;
}

static int history_work(struct tx *tx, void *arg, struct error *err)
{
	const struct history *a = arg;
	int64_t step_us = (int64_t)(a->history_interval_seconds * US);
	int64_t span = a->history_end - a->history_start;
	int64_t buckets = span > 0 ? (span + step_us - 1) / step_us : 0;
	struct db_rows *rows = NULL;
	int rc;

	buckets = MIN_OF(buckets, BUCKETS_MAX);
	rc = db_select(tx->c, a->stmt,
		       DB_ARGS(db_a_int(a->history_start), db_a_int(step_us),
			       db_a_int(tx->now_us),
			       db_a_int(a->history_start + buckets * step_us)),
		       4, a->base.pred, SQL_FRAG_NONE, -1, -1, &rows, err);
	if (rc == 0) {
		rc = write_buckets(tx, a, rows, buckets, err);
	}
	db_rows_free(rows);
	return rc;
}

static void submit_history(struct http_req *r, enum sql_id stmt,
			   void (*check)(void *arg, struct http_invalid *v))
{
	struct history *a = req_arg_new(r, sizeof(*a));

	a->stmt = stmt;
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
	submit_history(r, SQL_FLOW_RUN_HISTORY, check_flow_runs);
}

void route_task_run_history(struct http_req *r)
{
	submit_history(r, SQL_TASK_RUN_HISTORY, check_task_runs);
}

static int lateness_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	struct db_rows *rows = NULL;
	struct jsonw w;
	int rc = db_select(tx->c, SQL_FLOW_RUN_LATENESS, DB_ARGS(db_a_int(tx->now_us)),
			   1, a->pred, SQL_FRAG_NONE, -1, -1, &rows, err);

	jsonw_init(&w, &tx->body);
	if (rc == 0 && (rc = db_next(rows, err)) == 1) {
		if (db_is_null(rows, 0)) {
			jsonw_null(&w, NULL);
		} else {
			jsonw_real(&w, NULL, db_real(rows, 0) / US);
		}
		rc = 0;
	}
	db_rows_free(rows);
	return rc;
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
