/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ui_ids.c - an object with one member for each id that was asked about.
 */
#include "api/routes/ui/ui_ids.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/db/db.h"
#include "api/db/pred.h"
#include "api/http/http.h"
#include "api/routes/decode_priv.h"
#include "api/routes/req.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "proto/frame.h"

#define IDS_MAX 1000

/* What is told about ids: a statement with the id as its first column. */
struct about {
	const char *key; /* of the body */
	enum sql_id stmt;
	enum sql_frag of;
	void (*write)(struct jsonw *w, const char *key, const struct db_rows *r);
	const char *nothing; /* JSON for ids without a row */
};

struct ids {
	struct req_arg base;
	json_t *list;
	const struct about *about;
	size_t count;
	struct uuid id[IDS_MAX]; /* each once */
};

static int known(const struct ids *a, const struct uuid *id)
{
	for (size_t i = 0; i < a->count; i++) {
		if (uuid_equal(&a->id[i], id)) {
			return 1;
		}
	}
	return 0;
}

static void add_id(struct ids *a, json_t *value, size_t i, struct http_invalid *v)
{
	static const struct field field = {.name = "id", .type = F_UUID};
	char loc[DECODE_LOC_MAX];
	struct uuid id = {{0}};
	struct decode_at at = {
	    .f = &field, .value = value, .loc = loc, .out = &id, .v = v};
	size_t before = http_invalid_count(v);

	(void)snprintf(loc, sizeof(loc), "%s.%zu", a->about->key, i);
	decode_value(&at);
	if (http_invalid_count(v) == before && !known(a, &id)) {
		a->id[a->count++] = id;
	}
}

static void check(void *arg, struct http_invalid *v)
{
	struct ids *a = arg;
	size_t n = json_array_size(a->list), i;
	json_t *value;

	if (n > IDS_MAX) {
		http_invalid_add(
		    v, "too_long", a->about->key, NULL,
		    "List should have at most 1000 items after validation");
		return;
	}
	json_array_foreach (a->list, i, value) {
		add_id(a, value, i, v);
	}
}

static struct db_pred *pred_of(const struct ids *a)
{
	struct db_arg *args = xcalloc(a->count + 1, sizeof(*args));
	struct db_pred *p = pred_new();

	for (size_t i = 0; i < a->count; i++) {
		args[i] = db_a_uuid(&a->id[i]);
	}
	pred_add_list(p, a->about->of, args, a->count);
	free(args);
	return p;
}

/* Ids that have no row, after those that have one were written and marked. */
static void write_rest(struct jsonw *w, const struct ids *a, const char *seen)
{
	char text[UUID_TEXT_SIZE];

	for (size_t i = 0; i < a->count; i++) {
		if (!seen[i]) {
			jsonw_raw(w, uuid_format(&a->id[i], text), a->about->nothing);
		}
	}
}

static void mark(const struct ids *a, const struct uuid *id, char *seen)
{
	for (size_t i = 0; i < a->count; i++) {
		if (uuid_equal(&a->id[i], id)) {
			seen[i] = 1;
		}
	}
}

static int work(struct tx *tx, void *arg, struct error *err)
{
	const struct ids *a = arg;
	struct db_pred *p = pred_of(a);
	char *seen = xcalloc(a->count + 1, 1), text[UUID_TEXT_SIZE];
	struct db_rows *rows = NULL;
	struct uuid id = {{0}};
	struct jsonw w;
	int rc = db_select(tx->c, a->about->stmt, NULL, 0, p, SQL_FRAG_NONE, -1, -1,
			   &rows, err);

	jsonw_init(&w, &tx->body);
	jsonw_obj(&w, NULL);
	while (rc == 0 && (rc = db_next(rows, err)) == 1) {
		(void)db_uuid(rows, 0, &id);
		mark(a, &id, seen);
		a->about->write(&w, uuid_format(&id, text), rows);
		rc = 0;
	}
	write_rest(&w, a, seen);
	jsonw_obj_end(&w);
	db_rows_free(rows);
	pred_free(p);
	free(seen);
	return rc;
}

static void ask(struct http_req *r, const struct about *about)
{
	const struct field fields[] = {
	    {.name = about->key,
	     .type = F_ARR,
	     .offset = offsetof(struct ids, list),
	     .flags = F_REQUIRED | F_NOT_NULL},
	};
	struct ids *a = req_arg_new(r, sizeof(*a));

	a->about = about;
	if (req_embedded_checked(r, a, fields, ARRAY_LEN(fields), check) == 0) {
		tx_submit(r, DB_READ, work, a, req_arg_free);
	}
}

static void write_count(struct jsonw *w, const char *key, const struct db_rows *r)
{
	jsonw_int(w, key, db_int(r, 1));
}

static void write_next(struct jsonw *w, const char *key, const struct db_rows *r)
{
	struct uuid flow = {{0}}, run = {{0}};

	(void)db_uuid(r, 0, &flow);
	(void)db_uuid(r, 1, &run);
	jsonw_obj(w, key);
	jsonw_uuid(w, "id", &run);
	jsonw_uuid(w, "flow_id", &flow);
	jsonw_str(w, "name", db_text(r, 2));
	jsonw_str(w, "state_name", db_text(r, 3));
	jsonw_str(w, "state_type", state_type_text((int)db_int(r, 4)));
	jsonw_time(w, "next_scheduled_start_time", db_time(r, 5));
	jsonw_obj_end(w);
}

void route_ui_tasks_per_run(struct http_req *r)
{
	static const struct about tasks = {"flow_run_ids", SQL_UI_TASKS_PER_RUN,
					   FRAG_UI_TASK_OF_RUNS, write_count, "0"};

	ask(r, &tasks);
}

void route_ui_deployments_per_flow(struct http_req *r)
{
	static const struct about deployments = {
	    "flow_ids", SQL_UI_DEPLOYMENTS_PER_FLOW, FRAG_UI_DEPLOYMENT_OF_FLOWS,
	    write_count, "0"};

	ask(r, &deployments);
}

void route_ui_next_runs(struct http_req *r)
{
	static const struct about next = {"flow_ids", SQL_UI_NEXT_RUNS,
					  FRAG_UI_RUN_OF_FLOWS, write_next, "null"};

	ask(r, &next);
}
