/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow_run_json.h - FlowRunResponse, from a row to JSON text, in one place.
 *
 * A statement that feeds it is "SELECT {flow_run_columns} FROM {flow_run_tables} ..."
 * (api/db/sql/flow_runs.sql), with columns of its own behind those.
 */
#ifndef API_ROUTES_FLOW_RUN_JSON_H
#define API_ROUTES_FLOW_RUN_JSON_H

#include <stdint.h>

struct db_rows;
struct error;
struct jsonw;
struct tx;
struct uuid;

/* Positions of {flow_run_columns}. */
enum flow_run_col {
	FR_ID,
	FR_CREATED,
	FR_UPDATED,
	FR_NAME,
	FR_FLOW_ID,
	FR_STATE_ID,
	FR_DEPLOYMENT_ID,
	FR_DEPLOYMENT_VERSION,
	FR_WORK_QUEUE_ID,
	FR_WORK_QUEUE_NAME,
	FR_FLOW_VERSION,
	FR_PARAMETERS,
	FR_IDEMPOTENCY_KEY,
	FR_CONTEXT,
	FR_EMPIRICAL_POLICY,
	FR_TAGS,
	FR_LABELS,
	FR_PARENT_TASK_RUN_ID,
	FR_STATE_TYPE,
	FR_STATE_NAME,
	FR_RUN_COUNT,
	FR_EXPECTED,
	FR_NEXT,
	FR_START,
	FR_END,
	FR_TOTAL,
	FR_AUTO_SCHEDULED,
	FR_INFRASTRUCTURE_DOCUMENT_ID,
	FR_PID,
	FR_CREATED_BY,
	FR_JOB_VARIABLES,
	FR_STATE_AT,
	FR_POOL_ID,
	FR_POOL_NAME,
	FR_MESSAGE,
	FR_DATA,
	FR_DETAILS,
	FLOW_RUN_COLUMNS
};

/* The present row; KEY NULL inside arrays and at the top.  NOW_US for estimated_*. */
void flow_run_write(struct jsonw *w, const char *key, const struct db_rows *rows,
		    int64_t now_us);
/* The run as polls of a pool answer it: without pool, queue name and state. */
void flow_run_write_core(struct jsonw *w, const char *key, const struct db_rows *rows,
			 int64_t now_us);
int flow_run_write_core_by_id(struct tx *tx, struct jsonw *w, const char *key,
			      const struct uuid *id, struct error *err);
/* Reads one run and writes it; -ERR_NOT_FOUND without touching W. */
int flow_run_write_by_id(struct tx *tx, struct jsonw *w, const char *key,
			 const struct uuid *id, struct error *err);

#endif
