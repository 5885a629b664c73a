/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_run_json.c - TaskRun as clients read it.
 */
#include "api/routes/task_run_json.h"

#include "api/db/db.h"
#include "api/routes/policy_json.h"
#include "api/routes/state_json.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/uuid.h"
#include "proto/frame.h"

#define US 1e6

enum {
	T_ID,
	T_CREATED,
	T_UPDATED,
	T_NAME,
	T_FLOW_RUN_ID,
	T_TASK_KEY,
	T_DYNAMIC_KEY,
	T_CACHE_KEY,
	T_CACHE_EXPIRATION,
	T_VERSION,
	T_POLICY,
	T_TAGS,
	T_LABELS,
	T_STATE_ID,
	T_INPUTS,
	T_STATE_TYPE,
	T_STATE_NAME,
	T_RUN_COUNT,
	T_FLOW_RUN_RUN_COUNT,
	T_EXPECTED,
	T_NEXT,
	T_START,
	T_END,
	T_TOTAL,
	T_STATE_AT,
	T_MESSAGE,
	T_DATA,
	T_DETAILS
};

static void write_uuid(struct jsonw *w, const char *key, const struct db_rows *r,
		       int col)
{
	struct uuid id;

	jsonw_uuid(w, key, db_uuid(r, col, &id) ? &id : NULL);
}

static void write_identity(struct jsonw *w, const struct db_rows *r)
{
	const char *tags = db_text(r, T_TAGS), *inputs = db_text(r, T_INPUTS);

	write_uuid(w, "id", r, T_ID);
	jsonw_time(w, "created", db_time(r, T_CREATED));
	jsonw_time(w, "updated", db_time(r, T_UPDATED));
	jsonw_str(w, "name", db_text(r, T_NAME));
	write_uuid(w, "flow_run_id", r, T_FLOW_RUN_ID);
	jsonw_str(w, "task_key", db_text(r, T_TASK_KEY));
	jsonw_str(w, "dynamic_key", db_text(r, T_DYNAMIC_KEY));
	jsonw_str(w, "cache_key", db_text(r, T_CACHE_KEY));
	jsonw_time(w, "cache_expiration", db_time(r, T_CACHE_EXPIRATION));
	jsonw_str(w, "task_version", db_text(r, T_VERSION));
	task_policy_write(w, "empirical_policy", db_text(r, T_POLICY));
	jsonw_raw(w, "tags", tags != NULL ? tags : "[]");
	jsonw_raw(w, "labels", db_text(r, T_LABELS));
	write_uuid(w, "state_id", r, T_STATE_ID);
	jsonw_raw(w, "task_inputs", inputs != NULL ? inputs : "{}");
}

static struct run_times times_of(const struct db_rows *r)
{
	return (struct run_times){
	    .type = (int)db_int(r, T_STATE_TYPE),
	    .start_us = db_time(r, T_START),
	    .expected_us = db_time(r, T_EXPECTED),
	    .state_at_us = db_time(r, T_STATE_AT),
	    .total_us = db_int(r, T_TOTAL),
	};
}

static void write_times(struct jsonw *w, const struct db_rows *r, int64_t now_us)
{
	struct run_times t = times_of(r);
	double run_time, delta;

	run_estimates(&t, now_us, &run_time, &delta);
	jsonw_str(w, "state_type", t.type != 0 ? state_type_text(t.type) : NULL);
	jsonw_str(w, "state_name", db_text(r, T_STATE_NAME));
	jsonw_int(w, "run_count", db_int(r, T_RUN_COUNT));
	jsonw_int(w, "flow_run_run_count", db_int(r, T_FLOW_RUN_RUN_COUNT));
	jsonw_time(w, "expected_start_time", t.expected_us);
	jsonw_time(w, "next_scheduled_start_time", db_time(r, T_NEXT));
	jsonw_time(w, "start_time", t.start_us);
	jsonw_time(w, "end_time", db_time(r, T_END));
	jsonw_real(w, "total_run_time", (double)t.total_us / US);
	jsonw_real(w, "estimated_run_time", run_time);
	jsonw_real(w, "estimated_start_time_delta", delta);
}

static void write_state(struct jsonw *w, const struct db_rows *r)
{
	struct uuid id, task, flow_run;
	struct state_row s = {
	    .id = &id,
	    .type = (int)db_int(r, T_STATE_TYPE),
	    .name = db_text(r, T_STATE_NAME),
	    .at_us = db_time(r, T_STATE_AT),
	    .message = db_text(r, T_MESSAGE),
	    .data = db_text(r, T_DATA),
	    .details = db_text(r, T_DETAILS),
	    .task_run_id = &task,
	};

	if (!db_uuid(r, T_STATE_ID, &id) || !db_uuid(r, T_ID, &task)) {
		jsonw_null(w, "state");
		return;
	}
	if (db_uuid(r, T_FLOW_RUN_ID, &flow_run)) {
		s.flow_run_id = &flow_run;
	}
	state_write_row(w, "state", &s);
}

static void write_members(struct jsonw *w, const char *key, const struct db_rows *rows,
			  int64_t now_us)
{
	jsonw_obj(w, key);
	write_identity(w, rows);
	write_times(w, rows, now_us);
	write_state(w, rows);
}

void task_run_write(struct jsonw *w, const char *key, const struct db_rows *rows,
		    int64_t now_us)
{
	write_members(w, key, rows, now_us);
	jsonw_obj_end(w);
}

/* The rows of /task_runs/paginate are a smaller model. */
void task_run_write_brief(struct jsonw *w, const char *key, const struct db_rows *rows,
			  int64_t now_us)
{
	const char *tags = db_text(rows, T_TAGS), *inputs = db_text(rows, T_INPUTS);
	struct run_times t = times_of(rows);
	double run_time, delta;

	run_estimates(&t, now_us, &run_time, &delta);
	jsonw_obj(w, key);
	write_uuid(w, "id", rows, T_ID);
	jsonw_time(w, "created", db_time(rows, T_CREATED));
	jsonw_time(w, "updated", db_time(rows, T_UPDATED));
	jsonw_str(w, "name", db_text(rows, T_NAME));
	write_uuid(w, "flow_run_id", rows, T_FLOW_RUN_ID);
	jsonw_str(w, "task_key", db_text(rows, T_TASK_KEY));
	write_uuid(w, "state_id", rows, T_STATE_ID);
	write_state(w, rows);
	jsonw_str(w, "task_version", db_text(rows, T_VERSION));
	jsonw_raw(w, "task_inputs", inputs != NULL ? inputs : "{}");
	task_policy_write(w, "empirical_policy", db_text(rows, T_POLICY));
	jsonw_raw(w, "tags", tags != NULL ? tags : "[]");
	jsonw_time(w, "start_time", t.start_us);
	jsonw_time(w, "end_time", db_time(rows, T_END));
	jsonw_real(w, "total_run_time", (double)t.total_us / US);
	jsonw_real(w, "estimated_run_time", run_time);
	jsonw_real(w, "estimated_start_time_delta", delta);
	jsonw_obj_end(w);
}

int task_run_write_open(struct tx *tx, struct jsonw *w, const char *key,
			const struct uuid *id, struct error *err)
{
	struct db_rows *rows = NULL;
	int rc;

	rc = db_query(tx->c, SQL_TASK_RUN_BY_ID, DB_ARGS(db_a_uuid(id)), 1, &rows, err);
	if (rc == 0) {
		rc = db_next(rows, err);
	}
	if (rc > 0) {
		write_members(w, key, rows, tx->now_us);
		rc = 0;
	} else if (rc == 0) {
		rc = err_set(err, ERR_NOT_FOUND, "Task not found");
	}
	db_rows_free(rows);
	return rc;
}

int task_run_write_by_id(struct tx *tx, struct jsonw *w, const char *key,
			 const struct uuid *id, struct error *err)
{
	int rc = task_run_write_open(tx, w, key, id, err);

	if (rc == 0) {
		jsonw_obj_end(w);
	}
	return rc;
}
