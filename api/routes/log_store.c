/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_store.c - storing one log line.
 */
#include "api/routes/log_store.h"

#include <stdlib.h>

#include "api/db/db.h"
#include "api/events/live.h"
#include "api/tx.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/uuid.h"

static void add_frame(struct tx *tx, const struct uuid *id, const struct log_line *line,
		      const char *message, size_t len)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_uuid(&w, "id", id);
	jsonw_time(&w, "created", tx->now_us);
	jsonw_time(&w, "updated", tx->now_us);
	jsonw_str(&w, "name", line->name);
	jsonw_int(&w, "level", line->level);
	jsonw_strn(&w, "message", message, len);
	jsonw_time(&w, "timestamp", line->timestamp_us);
	jsonw_uuid(&w, "flow_run_id", line->flow_run_id);
	jsonw_uuid(&w, "task_run_id", line->task_run_id);
	jsonw_obj_end(&w);
	live_add(&tx->live_logs, b.data, b.len);
	buf_release(&b);
}

int log_store(struct tx *tx, const struct log_line *line, struct error *err)
{
	char *message = xmalloc(line->len + 1);
	size_t i, n = 0;
	struct uuid id;
	int rc;

	for (i = 0; i < line->len; i++) {
		if (line->message[i] != '\0') {
			message[n++] = line->message[i];
		}
	}
	uuid_v7(&id, tx->now_us);
	rc =
	    db_exec(tx->c, SQL_LOG_INSERT,
		    DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us),
			    db_a_text(line->name), db_a_int(line->level),
			    db_a_textn(message, n), db_a_time(line->timestamp_us),
			    db_a_uuid(line->flow_run_id), db_a_uuid(line->task_run_id)),
		    8, NULL, err);
	if (rc == 0) {
		add_frame(tx, &id, line, message, n);
	}
	free(message);
	return rc;
}
