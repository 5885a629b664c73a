/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_run_json.h - TaskRun, from a row of {task_run_columns} to JSON text.
 */
#ifndef API_ROUTES_TASK_RUN_JSON_H
#define API_ROUTES_TASK_RUN_JSON_H

#include <stdint.h>

struct db_rows;
struct error;
struct jsonw;
struct tx;
struct uuid;

void task_run_write(struct jsonw *w, const char *key, const struct db_rows *rows,
		    int64_t now_us);
/* The same for /task_runs/paginate, whose rows have less. */
void task_run_write_brief(struct jsonw *w, const char *key, const struct db_rows *rows,
			  int64_t now_us);
/* -ERR_NOT_FOUND without touching W. */
int task_run_write_by_id(struct tx *tx, struct jsonw *w, const char *key,
			 const struct uuid *id, struct error *err);
/* The same without the end of the object, for more members. */
int task_run_write_open(struct tx *tx, struct jsonw *w, const char *key,
			const struct uuid *id, struct error *err);

#endif
