/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flows.c - flows: server-contract 2.2.
 */
#include <stdlib.h>

#include "api/events/object.h"
#include "api/http/http.h"
#include "api/routes/list.h"
#include "api/routes/req.h"
#include "api/services/outbox.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"

#define COLUMN_MAX (4u << 20)

enum { F_ID, F_CREATED, F_UPDATED, F_FLOW_NAME, F_FLOW_TAGS, F_LABELS };

static void flow_write(struct jsonw *w, const char *key, const struct db_rows *r,
		       int64_t now_us)
{
	struct uuid id = {{0}};

	(void)now_us;
	(void)db_uuid(r, F_ID, &id);
	jsonw_obj(w, key);
	jsonw_uuid(w, "id", &id);
	jsonw_time(w, "created", db_time(r, F_CREATED));
	jsonw_time(w, "updated", db_time(r, F_UPDATED));
	jsonw_str(w, "name", db_text(r, F_FLOW_NAME));
	jsonw_raw(w, "tags", db_text(r, F_FLOW_TAGS));
	jsonw_raw(w, "labels", db_text(r, F_LABELS));
	jsonw_obj_end(w);
}

static const struct list_spec flows = {ENT_FLOW, SQL_FLOW_LIST, SQL_FLOW_COUNT,
				       flow_write};

static void answer_row(const struct db_rows *r, void *arg)
{
	struct tx *tx = arg;
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	flow_write(&w, NULL, r, tx->now_us);
}

static int not_found(struct tx *tx, struct error *err)
{
	return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Flow not found");
}

/* What happened to a flow, told with its present row. */
struct told {
	struct uuid id;
	char *name;
	json_t *payload;
};

static json_t *column_json(const struct db_rows *r, int col)
{
	json_t *v = db_is_null(r, col)
			? NULL
			: json_parse(db_text(r, col), db_len(r, col), COLUMN_MAX, NULL);

	return v != NULL ? v : json_null();
}

static void take_told(const struct db_rows *r, void *arg)
{
	struct told *t = arg;

	(void)db_uuid(r, F_ID, &t->id);
	t->name = xstrdup(db_text(r, F_FLOW_NAME));
	t->payload = json_object();
	(void)json_object_set_new(t->payload, "name", json_string(t->name));
	(void)json_object_set_new(t->payload, "tags", column_json(r, F_FLOW_TAGS));
	(void)json_object_set_new(t->payload, "labels", column_json(r, F_LABELS));
}

static int emit(struct tx *tx, const char *what, const struct uuid *id,
		struct error *err)
{
	struct told t = {0};
	int rc = db_one(tx->c, SQL_FLOW_BY_ID, DB_ARGS(db_a_uuid(id)), 1, take_told, &t,
			err);

	if (rc == 1) {
		rc = event_object(tx,
				  &(struct object_event){.kind = "flow",
							 .what = what,
							 .id = &t.id,
							 .name = t.name,
							 .payload = t.payload},
				  err);
	}
	free(t.name);
	return rc;
}

/* ---- create ---- */

struct create {
	struct req_arg base;
	const char *name;
	json_t *tags, *labels;
};
static const struct field create_fields[] = {
    FIELD(struct create, name, F_STR, .flags = F_REQUIRED | F_NAME),
    FIELD(struct create, tags, F_TAGS, .flags = F_NOT_NULL),
    FIELD(struct create, labels, F_LABEL_MAP),
};

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct create *a = arg;
	char *tags = req_json(a->tags, "[]");
	char *labels = req_json(a->labels, (a->base.given.null & 4u) ? NULL : "{}");
	int64_t changes = 0;
	struct uuid id;
	int rc;

	uuid_v4(&id);
	rc = db_exec(tx->c, SQL_FLOW_ENSURE,
		     DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us), db_a_text(a->name),
			     db_a_text(tags), db_a_text(labels)),
		     5, &changes, err);
	free(tags);
	free(labels);
	if (rc < 0) {
		return rc;
	}
	tx->status = changes > 0 ? 201 : 200;
	if (changes > 0) {
		rc = emit(tx, "created", &id, err);
	}
	rc = rc < 0 ? rc
		    : db_one(tx->c, SQL_FLOW_BY_NAME, DB_ARGS(db_a_text(a->name)), 1,
			     answer_row, tx, err);
	return rc < 0 ? rc : 0;
}

static void route_create(struct http_req *r)
{
	struct create *a = req_arg_new(r, sizeof(*a));

	if (req_body(r, a, create_fields, ARRAY_LEN(create_fields)) < 0) {
		return;
	}
	tx_submit(r, DB_WRITE, create_work, a, req_arg_free);
}

/* ---- read ---- */

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	int rc = a->name != NULL
		     ? db_one(tx->c, SQL_FLOW_BY_NAME, DB_ARGS(db_a_text(a->name)), 1,
			      answer_row, tx, err)
		     : db_one(tx->c, SQL_FLOW_BY_ID, DB_ARGS(db_a_uuid(&a->id)), 1,
			      answer_row, tx, err);

	return rc == 0 ? not_found(tx, err) : MIN_OF(rc, 0);
}

static void route_read(struct http_req *r)
{
	tx_submit(r, DB_READ, read_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

static void route_read_by_name(struct http_req *r)
{
	struct req_arg *a = req_arg_new(r, sizeof(*a));

	req_name(r, a, "name");
	tx_submit(r, DB_READ, read_work, a, req_arg_free);
}

/* ---- update, delete ---- */

struct update {
	struct req_arg base;
	json_t *tags;
};
static const struct field update_fields[] = {
    FIELD(struct update, tags, F_TAGS, .flags = F_NOT_NULL),
};

static int update_work(struct tx *tx, void *arg, struct error *err)
{
	const struct update *a = arg;
	char *tags = req_json(a->tags, NULL);
	int64_t changes = 0;
	int rc = db_exec(
	    tx->c, SQL_FLOW_UPDATE,
	    DB_ARGS(db_a_uuid(&a->base.id), db_a_text(tags), db_a_time(tx->now_us)), 3,
	    &changes, err);

	free(tags);
	if (rc < 0) {
		return rc;
	}
	if (changes == 0) {
		return not_found(tx, err);
	}
	rc = emit(tx, "updated", &a->base.id, err);
	return rc < 0 ? rc : req_no_content(tx);
}

static void route_update(struct http_req *r)
{
	struct update *a = req_arg_new(r, sizeof(*a));

	if (req_body(r, a, update_fields, ARRAY_LEN(update_fields)) < 0) {
		return;
	}
	tx_submit(r, DB_WRITE, update_work, a, req_arg_free);
}

/* Deployments and runs of the flow go with it, also from Redis. */
static int delete_one(struct tx *tx, const struct uuid *id, struct error *err)
{
	static const enum sql_id parts[] = {SQL_FLOW_DELETE_LIMITS,
					    SQL_FLOW_DELETE_LEASES, SQL_FLOW_DELETE};
	int64_t changes = 0;
	int rc = emit(tx, "deleted", id, err);

	rc = rc < 0 ? rc : outbox_flow_gone(tx, id, err);
	for (size_t i = 0; rc >= 0 && i < ARRAY_LEN(parts); i++) {
		rc = db_exec(tx->c, parts[i], DB_ARGS(db_a_uuid(id)), 1, &changes, err);
	}
	tx->fx |= FX_SCHEDULES;
	return rc == 0 && changes == 0 ? not_found(tx, err) : rc;
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	int rc = delete_one(tx, &((struct req_arg *)arg)->id, err);

	return rc < 0 ? rc : req_no_content(tx);
}

static void route_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, delete_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

/* ---- lists ---- */

static void route_filter(struct http_req *r)
{
	list_filter(r, &flows);
}

static void route_count(struct http_req *r)
{
	list_count(r, &flows);
}

static void route_paginate(struct http_req *r)
{
	list_paginate(r, &flows);
}

static void route_bulk_delete(struct http_req *r)
{
	list_bulk_delete(r, &flows, delete_one);
}

extern const struct route routes_flows[];
const struct route routes_flows[] = {
    {"POST", "/flows/", route_create, 0, 0},
    {"POST", "/flows/filter", route_filter, 0, 0},
    {"POST", "/flows/count", route_count, 0, 0},
    {"POST", "/flows/paginate", route_paginate, 0, 0},
    {"POST", "/flows/bulk_delete", route_bulk_delete, 0, 0},
    {"GET", "/flows/name/{name}", route_read_by_name, 0, 0},
    {"GET", "/flows/{id}", route_read, 0, 0},
    {"PATCH", "/flows/{id}", route_update, 0, 0},
    {"DELETE", "/flows/{id}", route_delete, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
