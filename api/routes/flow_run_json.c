/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow_run_json.c - FlowRunResponse (server-contract 3.2).
 */
#include "api/routes/flow_run_json.h"

#include <string.h>

#include "api/db/db.h"
#include "api/routes/policy_json.h"
#include "api/routes/state_json.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/timefmt.h"
#include "base/uuid.h"
#include "proto/frame.h"

#define US 1e6

static void write_uuid(struct jsonw *w, const char *key, const struct db_rows *r,
		       int col)
{
	struct uuid id;

	jsonw_uuid(w, key, db_uuid(r, col, &id) ? &id : NULL);
}

static void write_or(struct jsonw *w, const char *key, const char *json,
		     const char *standard)
{
	jsonw_raw(w, key, json != NULL ? json : standard);
}

void run_estimates(const struct run_times *t, int64_t now_us, double *ret_run_time,
		   double *ret_start_delta)
{
	int64_t run = t->total_us, delta = 0;

	if (t->type == WF__CONTROL__STATE_TYPE__RUNNING && now_us > t->state_at_us) {
		run += now_us - t->state_at_us;
	}
	if (t->expected_us != TIME_NONE) {
		if (t->start_us != TIME_NONE && t->start_us > t->expected_us) {
			delta = t->start_us - t->expected_us;
		} else if (t->start_us == TIME_NONE && t->type != 0 &&
			   !state_type_is_terminal(t->type) &&
			   now_us > t->expected_us) {
			delta = now_us - t->expected_us;
		}
	}
	*ret_run_time = (double)run / US;
	*ret_start_delta = (double)delta / US;
}

static void write_identity(struct jsonw *w, const struct db_rows *r, int core)
{
	write_uuid(w, "id", r, FR_ID);
	jsonw_time(w, "created", db_time(r, FR_CREATED));
	jsonw_time(w, "updated", db_time(r, FR_UPDATED));
	jsonw_str(w, "name", db_text(r, FR_NAME));
	write_uuid(w, "flow_id", r, FR_FLOW_ID);
	write_uuid(w, "state_id", r, FR_STATE_ID);
	write_uuid(w, "deployment_id", r, FR_DEPLOYMENT_ID);
	jsonw_str(w, "deployment_version", db_text(r, FR_DEPLOYMENT_VERSION));
	if (!core) {
		write_uuid(w, "work_queue_id", r, FR_WORK_QUEUE_ID);
	}
	jsonw_str(w, "work_queue_name", core ? NULL : db_text(r, FR_WORK_QUEUE_NAME));
	jsonw_str(w, "flow_version", db_text(r, FR_FLOW_VERSION));
	write_or(w, "parameters", db_text(r, FR_PARAMETERS), "{}");
	jsonw_str(w, "idempotency_key", db_text(r, FR_IDEMPOTENCY_KEY));
	write_or(w, "context", db_text(r, FR_CONTEXT), "{}");
	flow_policy_write(w, "empirical_policy", db_text(r, FR_EMPIRICAL_POLICY));
	write_or(w, "tags", db_text(r, FR_TAGS), "[]");
	write_or(w, "labels", db_text(r, FR_LABELS), "{}");
	write_uuid(w, "parent_task_run_id", r, FR_PARENT_TASK_RUN_ID);
}

static void write_times(struct jsonw *w, const struct db_rows *r, int64_t now_us)
{
	struct run_times t = {
	    .type = (int)db_int(r, FR_STATE_TYPE),
	    .start_us = db_time(r, FR_START),
	    .expected_us = db_time(r, FR_EXPECTED),
	    .state_at_us = db_time(r, FR_STATE_AT),
	    .total_us = db_int(r, FR_TOTAL),
	};
	double run_time, delta;

	run_estimates(&t, now_us, &run_time, &delta);
	jsonw_str(w, "state_type", t.type != 0 ? state_type_text(t.type) : NULL);
	jsonw_str(w, "state_name", db_text(r, FR_STATE_NAME));
	jsonw_int(w, "run_count", db_int(r, FR_RUN_COUNT));
	jsonw_time(w, "expected_start_time", t.expected_us);
	jsonw_time(w, "next_scheduled_start_time", db_time(r, FR_NEXT));
	jsonw_time(w, "start_time", t.start_us);
	jsonw_time(w, "end_time", db_time(r, FR_END));
	jsonw_real(w, "total_run_time", (double)t.total_us / US);
	jsonw_real(w, "estimated_run_time", run_time);
	jsonw_real(w, "estimated_start_time_delta", delta);
}

static void write_state(struct jsonw *w, const struct db_rows *r)
{
	struct uuid id, run;
	struct state_row s = {
	    .id = &id,
	    .type = (int)db_int(r, FR_STATE_TYPE),
	    .name = db_text(r, FR_STATE_NAME),
	    .at_us = db_time(r, FR_STATE_AT),
	    .message = db_text(r, FR_MESSAGE),
	    .data = db_text(r, FR_DATA),
	    .details = db_text(r, FR_DETAILS),
	    .flow_run_id = &run,
	};

	if (!db_uuid(r, FR_STATE_ID, &id) || !db_uuid(r, FR_ID, &run)) {
		jsonw_null(w, "state");
		return;
	}
	state_write_row(w, "state", &s);
}

static void write_run(struct jsonw *w, const char *key, const struct db_rows *rows,
		      int64_t now_us, int core)
{
	int keyed = db_text(rows, FR_IDEMPOTENCY_KEY) != NULL &&
		    db_int(rows, FR_AUTO_SCHEDULED) == 0;

	jsonw_obj(w, key);
	write_identity(w, rows, core);
	write_times(w, rows, now_us);
	jsonw_bool(w, "auto_scheduled", db_int(rows, FR_AUTO_SCHEDULED) != 0);
	write_uuid(w, "infrastructure_document_id", rows,
		   FR_INFRASTRUCTURE_DOCUMENT_ID);
	jsonw_str(w, "infrastructure_pid", db_text(rows, FR_PID));
	jsonw_raw(w, "created_by", db_text(rows, FR_CREATED_BY));
	if (core) {
		write_uuid(w, "work_queue_id", rows, FR_WORK_QUEUE_ID);
		jsonw_null(w, "state");
	} else {
		write_uuid(w, "work_pool_id", rows, FR_POOL_ID);
		jsonw_str(w, "work_pool_name", db_text(rows, FR_POOL_NAME));
		write_state(w, rows);
	}
	/* null for a run of an idempotency key that had none, as clients know it */
	write_or(w, "job_variables", db_text(rows, FR_JOB_VARIABLES),
		 keyed ? "null" : "{}");
	jsonw_obj_end(w);
}

void flow_run_write(struct jsonw *w, const char *key, const struct db_rows *rows,
		    int64_t now_us)
{
	write_run(w, key, rows, now_us, 0);
}

void flow_run_write_core(struct jsonw *w, const char *key, const struct db_rows *rows,
			 int64_t now_us)
{
	write_run(w, key, rows, now_us, 1);
}

static int write_by_id(struct tx *tx, struct jsonw *w, const char *key,
		       const struct uuid *id, int core, struct error *err)
{
	struct db_rows *rows = NULL;
	int rc;

	rc = db_query(tx->c, SQL_FLOW_RUN_BY_ID, DB_ARGS(db_a_uuid(id)), 1, &rows, err);
	if (rc == 0) {
		rc = db_next(rows, err);
	}
	if (rc > 0) {
		write_run(w, key, rows, tx->now_us, core);
		rc = 0;
	} else if (rc == 0) {
		rc = err_set(err, ERR_NOT_FOUND, "Flow run not found");
	}
	db_rows_free(rows);
	return rc;
}

int flow_run_write_by_id(struct tx *tx, struct jsonw *w, const char *key,
			 const struct uuid *id, struct error *err)
{
	return write_by_id(tx, w, key, id, 0, err);
}

int flow_run_write_core_by_id(struct tx *tx, struct jsonw *w, const char *key,
			      const struct uuid *id, struct error *err)
{
	return write_by_id(tx, w, key, id, 1, err);
}
