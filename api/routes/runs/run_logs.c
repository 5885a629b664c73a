/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_logs.c - GET /flow_runs/{id}/logs/download: all log lines of a run as CSV.
 */
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/req.h"
#include "api/routes/runs/flow_run_routes.h"
#include "api/services/schedule_plan.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/mem.h"

#define DOWNLOAD_MAX (64u << 20) /* bytes; then the rest is named, not sent */

static void take_name(const struct db_rows *r, void *arg)
{
	char *name = xasprintf("%s-logs.csv", db_text(r, 0)), *text = url_encode(name);

	*(char **)arg = xasprintf("attachment; filename=\"flow-run-logs.csv\"; "
				  "filename*=UTF-8''%s",
				  text);
	free(text);
	free(name);
}

/* Quoted when it has to be. */
static void add_text(struct buf *b, const char *s, size_t len)
{
	if (memchr(s, '"', len) == NULL && memchr(s, ',', len) == NULL &&
	    memchr(s, '\n', len) == NULL && memchr(s, '\r', len) == NULL) {
		buf_add(b, s, len);
		return;
	}
	buf_addc(b, '"');
	for (size_t i = 0; i < len; i++) {
		buf_add(b, "\"\"", s[i] == '"' ? 1 : 0);
		buf_addc(b, s[i]);
	}
	buf_addc(b, '"');
}

static void add_uuid(struct buf *b, const struct db_rows *r, int col)
{
	char text[UUID_TEXT_SIZE];
	struct uuid id;

	if (db_uuid(r, col, &id)) {
		buf_adds(b, uuid_format(&id, text));
	}
}

static void add_line(struct buf *b, const struct db_rows *r)
{
	char when[48];

	buf_addf(b, "%s,%lld,", schedule_key_time(db_time(r, 0), when, sizeof(when)),
		 (long long)db_int(r, 1));
	add_uuid(b, r, 2);
	buf_addc(b, ',');
	add_uuid(b, r, 3);
	buf_addc(b, ',');
	add_text(b, db_text(r, 4), db_len(r, 4));
	buf_adds(b, "\r\n");
}

static int download_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	struct db_rows *rows = NULL;
	int rc = db_one(tx->c, SQL_RUN_NAME, DB_ARGS(db_a_uuid(&a->id)), 1, take_name,
			&tx->disposition, err);

	if (rc == 0) {
		rc = tx_detail(tx, err, ERR_NOT_FOUND, 404, "Flow run not found");
	} else if (rc > 0) {
		tx->content_type = "text/csv; charset=utf-8";
		buf_adds(&tx->body,
			 "timestamp,level,flow_run_id,task_run_id,message\r\n");
		rc = db_query(tx->c, SQL_LOG_DOWNLOAD, DB_ARGS(db_a_uuid(&a->id)), 1,
			      &rows, err);
	}
	while (rc == 0 && (rc = db_next(rows, err)) > 0) {
		rc = 0;
		if (tx->body.len > DOWNLOAD_MAX) {
			buf_adds(&tx->body, ",,,,There are more lines: read them with "
					    "POST /logs/filter\r\n");
			break;
		}
		add_line(&tx->body, rows);
	}
	db_rows_free(rows);
	return rc;
}

void route_flow_run_logs(struct http_req *r)
{
	tx_submit(r, DB_READ, download_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}
