/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_inputs.c - inputs of flow runs: what a paused or receiving flow waits for.
 */
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/req.h"
#include "api/routes/runs/flow_run_routes.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"

/* ---- create ---- */

struct create {
	struct req_arg base;
	const char *key, *value, *sender;
};
static const struct field create_fields[] = {
    FIELD(struct create, key, F_STR, .flags = F_REQUIRED | F_NOT_NULL),
    FIELD(struct create, value, F_STR, .flags = F_REQUIRED | F_NOT_NULL),
    FIELD(struct create, sender, F_STR),
};

/* Keys are letters, digits and "-", "_", "." so that they fit into a path. */
static void check(void *arg, struct http_invalid *v)
{
	const struct create *a = arg;
	size_t n =
	    a->key != NULL
		? strspn(a->key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				 "0123456789-_.")
		: 0;

	if (a->key != NULL && (n == 0 || a->key[n] != '\0')) {
		http_invalid_add(v, "value_error", "key",
				 json_object_get(a->base.body, "key"),
				 "Value error, Input keys may have letters, digits, "
				 "'-', '_' and '.' only.");
	}
}

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct create *a = arg;
	struct uuid id;
	int64_t found = 0;
	int rc = db_one_int(tx->c, SQL_FLOW_RUN_EXISTS, DB_ARGS(db_a_uuid(&a->base.id)),
			    1, &found, err);

	if (rc >= 0 && found == 0) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Flow run not found");
	}
	if (rc >= 0) {
		uuid_v7(&id, tx->now_us);
		rc = db_exec(tx->c, SQL_RUN_INPUT_INSERT,
			     DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us),
				     db_a_uuid(&a->base.id), db_a_text(a->key),
				     db_a_text(a->value), db_a_text(a->sender)),
			     6, NULL, err);
	}
	if (rc == -ERR_CONFLICT) {
		return tx_detail(tx, err, ERR_CONFLICT, 409,
				 "A flow run input with this key already exists.");
	}
	if (rc >= 0) {
		tx->status = 201;
		buf_adds(&tx->body, "null");
	}
	return MIN_OF(rc, 0);
}

void route_run_input_create(struct http_req *r)
{
	struct create *a = req_arg_new(r, sizeof(*a));

	if (req_embedded_checked(r, a, create_fields, ARRAY_LEN(create_fields), check) <
	    0) {
		return;
	}
	tx_submit(r, DB_WRITE, create_work, a, req_arg_free);
}

/* ---- filter ---- */

struct filter {
	struct req_arg base;
	const char *prefix;
	int64_t limit;
	json_t *exclude_keys;
};
static const struct field filter_fields[] = {
    FIELD(struct filter, prefix, F_STR, .flags = F_REQUIRED | F_NOT_NULL),
    FIELD(struct filter, limit, F_INT),
    FIELD(struct filter, exclude_keys, F_TAGS),
};

static void write_input(struct jsonw *w, const struct db_rows *r)
{
	struct uuid id = {{0}}, run = {{0}};

	(void)db_uuid(r, 0, &id);
	(void)db_uuid(r, 3, &run);
	jsonw_obj(w, NULL);
	jsonw_uuid(w, "id", &id);
	jsonw_time(w, "created", db_time(r, 1));
	jsonw_time(w, "updated", db_time(r, 2));
	jsonw_uuid(w, "flow_run_id", &run);
	jsonw_str(w, "key", db_text(r, 4));
	jsonw_str(w, "value", db_text(r, 5));
	jsonw_str(w, "sender", db_text(r, 6));
	jsonw_obj_end(w);
}

static int filter_work(struct tx *tx, void *arg, struct error *err)
{
	const struct filter *a = arg;
	char *exclude = req_json(a->exclude_keys, "[]");
	struct db_rows *rows = NULL;
	struct jsonw w;
	int rc = db_query(tx->c, SQL_RUN_INPUT_LIST,
			  DB_ARGS(db_a_uuid(&a->base.id), db_a_text(a->prefix),
				  db_a_text(exclude), db_a_int(a->limit)),
			  4, &rows, err);

	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	while (rc == 0 && (rc = db_next(rows, err)) == 1) {
		write_input(&w, rows);
		rc = 0;
	}
	jsonw_arr_end(&w);
	db_rows_free(rows);
	free(exclude);
	return rc;
}

void route_run_input_filter(struct http_req *r)
{
	struct filter *a = req_arg_new(r, sizeof(*a));

	a->limit = 1;
	if (req_embedded(r, a, filter_fields, ARRAY_LEN(filter_fields)) < 0) {
		return;
	}
	tx_submit(r, DB_READ, filter_work, a, req_arg_free);
}

/* ---- one input ---- */

static int not_found(struct tx *tx, struct error *err)
{
	return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Flow run input not found");
}

static void answer_text(const struct db_rows *r, void *arg)
{
	buf_add(arg, db_text(r, 0), db_len(r, 0));
}

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	int rc = db_one(tx->c, SQL_RUN_INPUT_BY_KEY,
			DB_ARGS(db_a_uuid(&a->id), db_a_text(a->name)), 2, answer_text,
			&tx->body, err);

	tx->content_type = rc > 0 ? "text/plain; charset=utf-8" : NULL;
	return rc == 0 ? not_found(tx, err) : MIN_OF(rc, 0);
}

void route_run_input_read(struct http_req *r)
{
	struct req_arg *a = req_arg_new(r, sizeof(*a));

	req_name(r, a, "key");
	tx_submit(r, DB_READ, read_work, a, req_arg_free);
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	int64_t changes = 0;
	int rc =
	    db_exec(tx->c, SQL_RUN_INPUT_DELETE,
		    DB_ARGS(db_a_uuid(&a->id), db_a_text(a->name)), 2, &changes, err);

	if (rc < 0) {
		return rc;
	}
	return changes == 0 ? not_found(tx, err) : req_no_content(tx);
}

void route_run_input_delete(struct http_req *r)
{
	struct req_arg *a = req_arg_new(r, sizeof(*a));

	req_name(r, a, "key");
	tx_submit(r, DB_WRITE, delete_work, a, req_arg_free);
}
