/* SPDX-License-Identifier: Apache-2.0 */
/*
 * variables.c - variables: server-contract 2.9.
 */
#include <stdlib.h>
#include <string.h>

#include "api/events/object.h"
#include "api/http/http.h"
#include "api/routes/list.h"
#include "api/routes/req.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"

#define NAME_MAX_CHARS 255
#define VALUE_MAX      5000 /* characters of its JSON */

enum { V_ID, V_CREATED, V_UPDATED, V_NAME, V_VALUE, V_TAGS };

static void variable_write(struct jsonw *w, const char *key, const struct db_rows *r,
			   int64_t now_us)
{
	struct uuid id = {{0}};

	(void)now_us;
	(void)db_uuid(r, V_ID, &id);
	jsonw_obj(w, key);
	jsonw_uuid(w, "id", &id);
	jsonw_time(w, "created", db_time(r, V_CREATED));
	jsonw_time(w, "updated", db_time(r, V_UPDATED));
	jsonw_str(w, "name", db_text(r, V_NAME));
	jsonw_raw(w, "value", db_text(r, V_VALUE));
	jsonw_raw(w, "tags", db_text(r, V_TAGS));
	jsonw_obj_end(w);
}

static const struct list_spec variables = {ENT_VARIABLE, SQL_VARIABLE_LIST,
					   SQL_VARIABLE_COUNT, variable_write};

static void answer_row(const struct db_rows *r, void *arg)
{
	struct tx *tx = arg;
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	variable_write(&w, NULL, r, tx->now_us);
}

static int not_found(struct tx *tx, struct error *err)
{
	return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Variable not found.");
}

static int name_taken(struct tx *tx, const char *name, struct error *err)
{
	return tx_detail(tx, err, ERR_CONFLICT, 409,
			 "A variable with the name '%s' already exists.", name);
}

struct told {
	struct uuid id;
	char *name;
	json_t *payload;
};

static void take_told(const struct db_rows *r, void *arg)
{
	struct told *t = arg;
	struct buf text;
	struct jsonw w;

	buf_init(&text);
	jsonw_init(&w, &text);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "name", db_text(r, V_NAME));
	jsonw_raw(&w, "value", db_text(r, V_VALUE));
	jsonw_raw(&w, "tags", db_text(r, V_TAGS));
	jsonw_obj_end(&w);
	(void)db_uuid(r, V_ID, &t->id);
	t->name = xstrdup(db_text(r, V_NAME));
	t->payload = json_parse(text.data, text.len, 1u << 20, NULL);
	buf_release(&text);
}

/* Tells what happened, with the present row. */
static int emit(struct tx *tx, const char *what, const struct uuid *id,
		struct error *err)
{
	struct told t = {0};
	int rc = db_one(tx->c, SQL_VARIABLE_BY_ID, DB_ARGS(db_a_uuid(id)), 1, take_told,
			&t, err);

	if (rc == 1) {
		rc = event_object(tx,
				  &(struct object_event){.kind = "variable",
							 .what = what,
							 .id = &t.id,
							 .name = t.name,
							 .payload = t.payload},
				  err);
	}
	free(t.name);
	return rc;
}

/* One struct for create and update: the same fields, other rules of presence. */
struct variable {
	struct req_arg base;
	const char *name;
	json_t *value, *tags;
};
static const struct field create_fields[] = {
    FIELD(struct variable, name, F_STR, .flags = F_REQUIRED, .max = NAME_MAX_CHARS),
    FIELD(struct variable, value, F_ANY, .flags = F_REQUIRED),
    FIELD(struct variable, tags, F_TAGS, .flags = F_NOT_NULL),
};
static const struct field update_fields[] = {
    FIELD(struct variable, name, F_STR, .max = NAME_MAX_CHARS),
    FIELD(struct variable, value, F_ANY),
    FIELD(struct variable, tags, F_TAGS),
};

static void check(void *arg, struct http_invalid *v)
{
	const struct variable *a = arg;
	char *text;

	if (a->name != NULL && a->name[strspn(a->name, "abcdefghijklmnopqrstuvwxyz"
						       "0123456789-_")] != '\0') {
		http_invalid_add(
		    v, "value_error", "name", json_object_get(a->base.body, "name"),
		    "Value error, Variable name must only contain lowercase "
		    "letters, numbers, and dashes or underscores.");
	}
	text = req_json(a->value, NULL);
	if (text != NULL && strlen(text) > VALUE_MAX) {
		http_invalid_add(v, "value_error", "value", a->value,
				 "Value error, Variable value must be less than 5000 "
				 "characters");
	}
	free(text);
}

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct variable *a = arg;
	char *value = req_json(a->value, "null");
	char *tags = req_json(a->tags, "[]");
	int64_t changes = 0;
	struct uuid id;
	int rc;

	uuid_v4(&id);
	rc = db_exec(tx->c, SQL_VARIABLE_INSERT,
		     DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us), db_a_text(a->name),
			     db_a_text(value), db_a_text(tags)),
		     5, &changes, err);
	free(value);
	free(tags);
	if (rc == 0 && changes == 0) {
		return name_taken(tx, a->name, err);
	}
	tx->status = 201;
	if (rc == 0) {
		rc = emit(tx, "created", &id, err);
	}
	if (rc == 0) {
		rc = db_one(tx->c, SQL_VARIABLE_BY_ID, DB_ARGS(db_a_uuid(&id)), 1,
			    answer_row, tx, err);
	}
	return MIN_OF(rc, 0);
}

static void route_create(struct http_req *r)
{
	struct variable *a = req_arg_new(r, sizeof(*a));

	if (req_body_checked(r, a, create_fields, ARRAY_LEN(create_fields), check) ==
	    0) {
		tx_submit(r, DB_WRITE, create_work, a, req_arg_free);
	}
}

static void take_id(const struct db_rows *r, void *arg)
{
	(void)db_uuid(r, V_ID, arg);
}

/* The variable of the path, by id or by name.  1, 0 or an error. */
static int find(struct tx *tx, const struct req_arg *a,
		void (*fn)(const struct db_rows *r, void *arg), void *arg,
		struct error *err)
{
	if (a->name != NULL) {
		return db_one(tx->c, SQL_VARIABLE_BY_NAME, DB_ARGS(db_a_text(a->name)),
			      1, fn, arg, err);
	}
	return db_one(tx->c, SQL_VARIABLE_BY_ID, DB_ARGS(db_a_uuid(&a->id)), 1, fn, arg,
		      err);
}

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	int rc = find(tx, arg, answer_row, tx, err);

	return rc == 0 ? not_found(tx, err) : MIN_OF(rc, 0);
}

static int update_work(struct tx *tx, void *arg, struct error *err)
{
	const struct variable *a = arg;
	char *value = req_json(a->value, NULL);
	char *tags = req_json(a->tags, NULL);
	struct uuid id;
	int rc = find(tx, &a->base, take_id, &id, err);

	if (rc == 1 && json_is_null(json_object_get(a->base.body, "tags"))) {
		rc = err_set(err, ERR_CONFLICT, "the tags of a variable are a list");
	} else if (rc == 1) {
		rc = db_exec(tx->c, SQL_VARIABLE_UPDATE,
			     DB_ARGS(db_a_uuid(&id), db_a_text(a->name),
				     db_a_text(value), db_a_text(tags),
				     db_a_time(tx->now_us)),
			     5, NULL, err);
		rc = rc < 0 ? rc : emit(tx, "updated", &id, err);
		rc = rc < 0 ? rc : req_no_content(tx);
	} else if (rc == 0) {
		rc = not_found(tx, err);
	}
	free(value);
	free(tags);
	return rc == -ERR_CONFLICT && a->name != NULL ? name_taken(tx, a->name, err)
						      : rc;
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	struct uuid id;
	int rc = find(tx, arg, take_id, &id, err);

	if (rc == 0) {
		return not_found(tx, err);
	}
	if (rc == 1) {
		rc = emit(tx, "deleted", &id, err);
	}
	if (rc == 0) {
		rc = db_exec(tx->c, SQL_VARIABLE_DELETE, DB_ARGS(db_a_uuid(&id)), 1,
			     NULL, err);
	}
	return rc < 0 ? rc : req_no_content(tx);
}

static void *path_arg(struct http_req *r, size_t size)
{
	void *a = req_arg_new(r, size);

	if (http_param(r, "name") != NULL) {
		req_name(r, a, "name");
	}
	return a;
}

static void route_read(struct http_req *r)
{
	tx_submit(r, DB_READ, read_work, path_arg(r, sizeof(struct req_arg)),
		  req_arg_free);
}

static void route_update(struct http_req *r)
{
	struct variable *a = path_arg(r, sizeof(*a));

	if (req_body_checked(r, a, update_fields, ARRAY_LEN(update_fields), check) ==
	    0) {
		tx_submit(r, DB_WRITE, update_work, a, req_arg_free);
	}
}

static void route_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, delete_work, path_arg(r, sizeof(struct req_arg)),
		  req_arg_free);
}

static void route_filter(struct http_req *r)
{
	list_filter(r, &variables);
}

static void route_count(struct http_req *r)
{
	list_count(r, &variables);
}

extern const struct route routes_variables[];
const struct route routes_variables[] = {
    {"POST", "/variables/", route_create, 0, 0},
    {"POST", "/variables/filter", route_filter, 0, 0},
    {"POST", "/variables/count", route_count, 0, 0},
    {"GET", "/variables/name/{name}", route_read, 0, 0},
    {"PATCH", "/variables/name/{name}", route_update, 0, 0},
    {"DELETE", "/variables/name/{name}", route_delete, 0, 0},
    {"GET", "/variables/{id}", route_read, 0, 0},
    {"PATCH", "/variables/{id}", route_update, 0, 0},
    {"DELETE", "/variables/{id}", route_delete, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
