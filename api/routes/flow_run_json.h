/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow_run_json.h - FlowRunResponse, from a row to JSON text, in one place.
 *
 * Every statement that feeds it selects exactly the columns of "flow_run_by_id" in
 * api/db/sql/flow_runs.sql, in that order (COPY the list, a test compares them), from
 *	flow_run fr
 *	LEFT JOIN flow_run_state frs ON frs.id = fr.state_id
 *	LEFT JOIN work_queue fwq ON fwq.id = fr.work_queue_id
 *	LEFT JOIN work_pool fwp ON fwp.id = fwq.work_pool_id
 */
#ifndef API_ROUTES_FLOW_RUN_JSON_H
#define API_ROUTES_FLOW_RUN_JSON_H

#include <stdint.h>

struct db_rows;
struct error;
struct jsonw;
struct tx;
struct uuid;

#define FLOW_RUN_COLUMNS 45 /* a statement may add columns of its own behind them */

/* The present row; KEY NULL inside arrays and at the top.  NOW_US for estimated_*. */
void flow_run_write(struct jsonw *w, const char *key, const struct db_rows *rows,
		    int64_t now_us);
/* Reads one run and writes it; -ERR_NOT_FOUND without touching W. */
int flow_run_write_by_id(struct tx *tx, struct jsonw *w, const char *key,
			 const struct uuid *id, struct error *err);

#endif
