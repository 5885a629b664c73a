/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logs.c - log lines of clients: server-contract 2.9.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/http/http.h"
#include "api/routes/list.h"
#include "api/routes/log_store.h"
#include "api/routes/req.h"
#include "api/routes/runs/runs.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"

#define LOG_BODY_MAX  (8u << 20)
#define LOG_LINES_MAX 10000 /* of one request */

enum {
	L_ID,
	L_CREATED,
	L_NAME,
	L_LEVEL,
	L_MESSAGE,
	L_TIMESTAMP,
	L_FLOW_RUN,
	L_TASK_RUN
};

static void write_uuid(struct jsonw *w, const char *key, const struct db_rows *r,
		       int col)
{
	struct uuid id;

	jsonw_uuid(w, key, db_uuid(r, col, &id) ? &id : NULL);
}

static void log_write_row(struct jsonw *w, const char *key, const struct db_rows *r,
			  int64_t now_us)
{
	(void)now_us;
	jsonw_obj(w, key);
	write_uuid(w, "id", r, L_ID);
	jsonw_time(w, "created", db_time(r, L_CREATED));
	jsonw_time(w, "updated", db_time(r, L_CREATED));
	jsonw_str(w, "name", db_text(r, L_NAME));
	jsonw_int(w, "level", db_int(r, L_LEVEL));
	jsonw_str(w, "message", db_text(r, L_MESSAGE));
	jsonw_time(w, "timestamp", db_time(r, L_TIMESTAMP));
	write_uuid(w, "flow_run_id", r, L_FLOW_RUN);
	write_uuid(w, "task_run_id", r, L_TASK_RUN);
	jsonw_obj_end(w);
}

static const struct list_spec logs = {ENT_LOG, SQL_LOG_LIST, SQL_ID_NONE,
				      log_write_row};

struct line {
	const char *name;
	int64_t level;
	json_t *message;
	int64_t timestamp;
	struct uuid flow_run_id, task_run_id;
	const char *message_text; /* decoded for its type */
	int has_flow_run, has_task_run;
};
/* The text of the message is taken with its length, since it may hold NUL bytes. */
static const struct field line_fields[] = {
    FIELD(struct line, name, F_STR, .flags = F_REQUIRED),
    FIELD(struct line, level, F_INT, .flags = F_REQUIRED),
    {.name = "message",
     .type = F_STR,
     .offset = offsetof(struct line, message_text),
     .flags = F_REQUIRED},
    FIELD(struct line, timestamp, F_TIME, .flags = F_REQUIRED),
    FIELD(struct line, flow_run_id, F_UUID),
    FIELD(struct line, task_run_id, F_UUID),
};

struct create {
	struct req_arg base;
	struct line *lines;
	size_t count;
	int has_fence; /* of the run that the lines are of, mostly */
	struct uuid run;
	uint64_t token;
};

static void create_free(void *arg)
{
	struct create *a = arg;

	free(a->lines);
	req_arg_free(a);
}

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct create *a = arg;
	size_t i;
	int stale = a->has_fence ? fence_is_stale(tx, &a->run, a->token, err) : 0;
	int rc = stale < 0 ? stale : 0;

	for (i = 0; i < a->count && rc == 0; i++) {
		const struct line *l = &a->lines[i];
		struct log_line line = {
		    .name = l->name,
		    .level = l->level,
		    .message = json_string_value(l->message),
		    .len = json_string_length(l->message),
		    .timestamp_us = l->timestamp,
		    .flow_run_id = l->has_flow_run ? &l->flow_run_id : NULL,
		    .task_run_id = l->has_task_run ? &l->task_run_id : NULL,
		};

		/* what an earlier owner of the run still says is nobody's log */
		if (!stale || !l->has_flow_run ||
		    !uuid_equal(&l->flow_run_id, &a->run)) {
			rc = log_store(tx, &line, err);
		}
	}
	tx->status = 201;
	buf_adds(&tx->body, "null");
	return rc;
}

static void decode_lines(struct create *a, json_t *body, struct http_invalid *v)
{
	struct decoded d;
	char loc[24];
	json_t *item;
	size_t i;

	a->count = json_array_size(body);
	a->lines = xcalloc(a->count + 1, sizeof(*a->lines));
	json_array_foreach (body, i, item) {
		struct line *l = &a->lines[i];

		(void)snprintf(loc, sizeof(loc), "%zu", i);
		(void)decode_object(item, line_fields, ARRAY_LEN(line_fields), 1, loc,
				    l, &d, v);
		l->message = json_object_get(item, "message");
		l->has_flow_run = DECODED_HAS(&d, 4);
		l->has_task_run = DECODED_HAS(&d, 5);
	}
}

static void route_create(struct http_req *r)
{
	json_t *body = http_json_any(r);
	struct http_invalid *v;
	struct create *a;

	if (body == NULL) {
		return;
	}
	if (json_array_size(body) > LOG_LINES_MAX) {
		http_reply_detail(r, 413, "At most %d log lines are accepted at once.",
				  LOG_LINES_MAX);
		return;
	}
	v = http_invalid_new();
	a = req_arg_new(r, sizeof(*a));
	if (json_is_array(body)) {
		decode_lines(a, body, v);
	} else {
		http_invalid_add_ctx(v, "is_instance_of", "", body,
				     "Input should be an instance of Sequence",
				     json_pack("{s:s}", "class", "Sequence"));
	}
	if (http_invalid_count(v) > 0) {
		create_free(a);
		http_reply_invalid(r, v);
		return;
	}
	http_invalid_free(v);
	a->base.body = json_incref(body);
	a->has_fence = fence_header_any(r, &a->run, &a->token);
	tx_submit_fenced(r, create_work, a, create_free);
}

static void route_filter(struct http_req *r)
{
	list_filter(r, &logs);
}

extern const struct route routes_logs[];
const struct route routes_logs[] = {
    {"POST", "/logs/", route_create, 0, LOG_BODY_MAX},
    {"POST", "/logs/filter", route_filter, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
