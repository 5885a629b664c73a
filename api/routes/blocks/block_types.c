/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block_types.c - block types and block schemas: server-contract 2.10, 10.4.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/events/object.h"
#include "api/http/http.h"
#include "api/routes/blocks/block_json.h"
#include "api/routes/blocks/block_store.h"
#include "api/routes/blocks/builtin.h"
#include "api/routes/list.h"
#include "api/routes/req.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"

#define SCHEMA_BODY_MAX (4u << 20)

static void type_row(struct jsonw *w, const char *key, const struct db_rows *r,
		     int64_t now_us)
{
	(void)now_us;
	block_type_write(w, key, r, 0);
}

static void schema_row(struct jsonw *w, const char *key, const struct db_rows *r,
		       int64_t now_us)
{
	(void)now_us;
	block_schema_write(w, key, r, 0);
}

static const struct list_spec types = {ENT_BLOCK_TYPE, SQL_BLOCK_TYPE_LIST, SQL_ID_NONE,
				       type_row};
static const struct list_spec schemas = {ENT_BLOCK_SCHEMA, SQL_BLOCK_SCHEMA_LIST,
					 SQL_ID_NONE, schema_row};

static void answer_type(const struct db_rows *r, void *arg)
{
	struct tx *tx = arg;
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	block_type_write(&w, NULL, r, 0);
}

static void answer_schema(const struct db_rows *r, void *arg)
{
	struct tx *tx = arg;
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	block_schema_write(&w, NULL, r, 0);
}

static int type_not_found(struct tx *tx, struct error *err)
{
	return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Block type not found");
}

/* ---- types: events ---- */

struct told {
	json_t *payload;
	char *name;
	int is_protected;
};

static void take_told(const struct db_rows *r, void *arg)
{
	struct told *t = arg;
	struct jsonw w;
	struct buf b;

	buf_init(&b);
	jsonw_init(&w, &b);
	block_type_write(&w, NULL, r, 0);
	t->payload = json_parse(b.data, b.len, 1u << 20, NULL);
	buf_release(&b);
	(void)json_object_del(t->payload, "id");
	(void)json_object_del(t->payload, "created");
	(void)json_object_del(t->payload, "updated");
	t->name = xstrdup(db_text(r, BT_NAME));
	t->is_protected = (int)db_int(r, BT_PROTECTED);
}

/* 1 when the type exists; *RET_PROTECTED (may be NULL) says whether it may go. */
static int emit(struct tx *tx, const char *what, const struct uuid *id,
		int *ret_protected, struct error *err)
{
	struct told t = {0};
	int rc = db_one(tx->c, SQL_BLOCK_TYPE_BY_ID, DB_ARGS(db_a_uuid(id)), 1,
			take_told, &t, err);

	if (rc == 1 && ret_protected != NULL) {
		*ret_protected = t.is_protected;
	}
	if (rc == 1) {
		rc = event_object(tx,
				  &(struct object_event){.kind = "block-type",
							 .what = what,
							 .id = id,
							 .name = t.name,
							 .payload = t.payload},
				  err);
		rc = rc < 0 ? rc : 1;
	}
	free(t.name);
	return rc;
}

/* ---- types: create, update ---- */

struct type {
	struct req_arg base;
	const char *name, *slug, *logo_url, *documentation_url, *description,
	    *code_example;
};
static const struct field create_fields[] = {
    FIELD(struct type, name, F_STR, .flags = F_REQUIRED | F_NAME),
    FIELD(struct type, slug, F_STR, .flags = F_REQUIRED),
    FIELD(struct type, logo_url, F_STR),
    FIELD(struct type, documentation_url, F_STR),
    FIELD(struct type, description, F_STR),
    FIELD(struct type, code_example, F_STR),
};
/* PATCH: all but name and slug */
#define UPDATE_FIELDS (create_fields + 2)
enum { U_LOGO, U_DOCS, U_DESCRIPTION, U_EXAMPLE, U_COUNT };

static void check_slug(void *arg, struct http_invalid *v)
{
	const struct type *a = arg;

	if (a->slug != NULL &&
	    a->slug[strspn(a->slug, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0') {
		http_invalid_add(
		    v, "value_error", "slug", json_object_get(a->base.body, "slug"),
		    "Value error, Block type slug must only contain lowercase "
		    "letters, numbers, and dashes.");
	}
}

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct type *a = arg;
	int64_t changes = 0;
	struct uuid id;
	int rc;

	if (strncasecmp(a->name, "prefect", 7) == 0) {
		return tx_detail(
		    tx, err, ERR_FORBIDDEN, 403,
		    "Block type names beginning with 'Prefect' are reserved.");
	}
	uuid_v4(&id);
	rc = db_exec(tx->c, SQL_BLOCK_TYPE_INSERT,
		     DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us), db_a_text(a->name),
			     db_a_text(a->slug), db_a_text(a->logo_url),
			     db_a_text(a->documentation_url), db_a_text(a->description),
			     db_a_text(a->code_example)),
		     8, &changes, err);
	if (rc == 0 && changes == 0) {
		return tx_detail(tx, err, ERR_CONFLICT, 409,
				 "Block type with name \"%s\" already exists", a->name);
	}
	rc = rc < 0 ? rc : emit(tx, "created", &id, NULL, err);
	tx->status = 201;
	if (rc >= 0) {
		rc = db_one(tx->c, SQL_BLOCK_TYPE_BY_ID, DB_ARGS(db_a_uuid(&id)), 1,
			    answer_type, tx, err);
	}
	return MIN_OF(rc, 0);
}

static void route_create(struct http_req *r)
{
	struct type *a = req_arg_new(r, sizeof(*a));

	if (req_body_checked(r, a, create_fields, ARRAY_LEN(create_fields),
			     check_slug) == 0) {
		tx_submit(r, DB_WRITE, create_work, a, req_arg_free);
	}
}

static int update_work(struct tx *tx, void *arg, struct error *err)
{
	const struct type *a = arg;
	const struct decoded *d = &a->base.given;
	int64_t changes = 0;
	int rc = db_exec(
	    tx->c, SQL_BLOCK_TYPE_UPDATE,
	    DB_ARGS(
		db_a_uuid(&a->base.id), db_a_time(tx->now_us),
		db_a_int((int)DECODED_SET(d, U_LOGO)), db_a_text(a->logo_url),
		db_a_int((int)DECODED_SET(d, U_DOCS)), db_a_text(a->documentation_url),
		db_a_int((int)DECODED_SET(d, U_DESCRIPTION)), db_a_text(a->description),
		db_a_int((int)DECODED_SET(d, U_EXAMPLE)), db_a_text(a->code_example)),
	    10, &changes, err);

	if (rc == 0 && changes == 0) {
		return type_not_found(tx, err);
	}
	rc = rc < 0 ? rc : emit(tx, "updated", &a->base.id, NULL, err);
	return rc < 0 ? rc : req_no_content(tx);
}

static void route_update(struct http_req *r)
{
	struct type *a = req_arg_new(r, sizeof(*a));

	if (req_body(r, a, UPDATE_FIELDS, U_COUNT) == 0) {
		tx_submit(r, DB_WRITE, update_work, a, req_arg_free);
	}
}

/* ---- types: read, delete, list ---- */

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	int rc;

	if (a->name != NULL) {
		rc = db_one(tx->c, SQL_BLOCK_TYPE_BY_SLUG, DB_ARGS(db_a_text(a->name)),
			    1, answer_type, tx, err);
	} else {
		rc = db_one(tx->c, SQL_BLOCK_TYPE_BY_ID, DB_ARGS(db_a_uuid(&a->id)), 1,
			    answer_type, tx, err);
	}
	return rc == 0 ? type_not_found(tx, err) : MIN_OF(rc, 0);
}

static void route_read(struct http_req *r)
{
	struct req_arg *a = req_arg_new(r, sizeof(*a));

	if (http_param(r, "slug") != NULL) {
		req_name(r, a, "slug");
	}
	tx_submit(r, DB_READ, read_work, a, req_arg_free);
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	int is_protected = 0;
	int rc = emit(tx, "deleted", &a->id, &is_protected, err);

	if (rc == 0) {
		return type_not_found(tx, err);
	}
	if (rc == 1 && is_protected) {
		return tx_detail(tx, err, ERR_FORBIDDEN, 403,
				 "protected block types cannot be deleted.");
	}
	if (rc == 1) {
		rc = db_exec(tx->c, SQL_BLOCK_TYPE_DELETE, DB_ARGS(db_a_uuid(&a->id)),
			     1, NULL, err);
	}
	return rc < 0 ? rc : req_no_content(tx);
}

static void route_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, delete_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

static void route_filter(struct http_req *r)
{
	list_filter(r, &types);
}

/* As at start: those that somebody deleted are there again. */
static int install_work(struct tx *tx, void *arg, struct error *err)
{
	(void)arg;
	buf_adds(&tx->body, "null");
	return block_builtins_install(tx->c, tx->now_us, err);
}

static void route_install(struct http_req *r)
{
	tx_submit(r, DB_WRITE, install_work, NULL, NULL);
}

/* ---- schemas ---- */

struct schema {
	struct req_arg base;
	json_t *fields, *capabilities;
	struct uuid block_type_id;
	const char *version;
};
static const struct field schema_fields[] = {
    FIELD(struct schema, fields, F_OBJ, .flags = F_NOT_NULL),
    FIELD(struct schema, block_type_id, F_UUID, .flags = F_REQUIRED),
    FIELD(struct schema, capabilities, F_TAGS, .flags = F_NOT_NULL),
    FIELD(struct schema, version, F_STR, .flags = F_NOT_NULL),
};

static int schema_by_checksum(struct tx *tx, const char *checksum, const char *version,
			      struct error *err)
{
	return db_one(tx->c, SQL_BLOCK_SCHEMA_BY_CHECKSUM,
		      DB_ARGS(db_a_text(checksum), db_a_text(version)), 2,
		      answer_schema, tx, err);
}

/* What is kept always says to which blocks it refers. */
static char *fields_text(const json_t *fields)
{
	json_t *all = fields != NULL ? json_deep_copy(fields) : json_object();
	char *text;

	if (json_object_get(all, "block_schema_references") == NULL) {
		json_object_set_new(all, "block_schema_references", json_object());
	}
	text = json_text(all);
	json_decref(all);
	return text;
}

static int insert_schema(struct tx *tx, const struct schema *a, const char *checksum,
			 struct error *err)
{
	char *fields = fields_text(a->fields);
	char *capabilities = req_json(a->capabilities, "[]");
	struct uuid id;
	int rc;

	uuid_v4(&id);
	rc = db_exec(tx->c, SQL_BLOCK_SCHEMA_INSERT,
		     DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us), db_a_text(checksum),
			     db_a_text(fields), db_a_text(capabilities),
			     db_a_text(a->version), db_a_uuid(&a->block_type_id)),
		     7, NULL, err);
	free(fields);
	free(capabilities);
	return rc;
}

static int schema_create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct schema *a = arg;
	char checksum[BLOCK_CHECKSUM_SIZE];
	json_t *empty = json_object();
	int rc = db_one(tx->c, SQL_BLOCK_TYPE_BY_ID,
			DB_ARGS(db_a_uuid(&a->block_type_id)), 1, NULL, NULL, err);

	block_checksum(a->fields != NULL ? a->fields : empty, checksum);
	json_decref(empty);
	if (rc == 0) {
		char text[UUID_TEXT_SIZE];

		return tx_detail(tx, err, ERR_NOT_FOUND, 404,
				 "Block type %s not found.",
				 uuid_format(&a->block_type_id, text));
	}
	rc = rc < 0 ? rc : schema_by_checksum(tx, checksum, a->version, err);
	tx->status = 200;
	if (rc == 0) {
		tx->status = 201;
		rc = insert_schema(tx, a, checksum, err);
		rc = rc < 0 ? rc : schema_by_checksum(tx, checksum, a->version, err);
	}
	return MIN_OF(rc, 0);
}

static void route_schema_create(struct http_req *r)
{
	struct schema *a = req_arg_new(r, sizeof(*a));

	a->version = "non-versioned";
	if (req_body(r, a, schema_fields, ARRAY_LEN(schema_fields)) == 0) {
		tx_submit(r, DB_WRITE, schema_create_work, a, req_arg_free);
	}
}

struct checksum {
	struct req_arg base;
	char version[128];
};

static int schema_not_found(struct tx *tx, struct error *err)
{
	return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Block schema not found");
}

static int by_checksum_work(struct tx *tx, void *arg, struct error *err)
{
	const struct checksum *a = arg;
	int rc = schema_by_checksum(tx, a->base.name,
				    a->version[0] != '\0' ? a->version : NULL, err);

	return rc == 0 ? schema_not_found(tx, err) : MIN_OF(rc, 0);
}

static void route_by_checksum(struct http_req *r)
{
	struct checksum *a = req_arg_new(r, sizeof(*a));
	const char *version = http_query(r, "version");

	req_name(r, a, "checksum");
	if (version != NULL) {
		(void)snprintf(a->version, sizeof(a->version), "%s", version);
	}
	tx_submit(r, DB_READ, by_checksum_work, a, req_arg_free);
}

static int schema_read_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	int rc = db_one(tx->c, SQL_BLOCK_SCHEMA_BY_ID, DB_ARGS(db_a_uuid(&a->id)), 1,
			answer_schema, tx, err);

	return rc == 0 ? schema_not_found(tx, err) : MIN_OF(rc, 0);
}

static void route_schema_read(struct http_req *r)
{
	tx_submit(r, DB_READ, schema_read_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

static int schema_delete_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	int64_t changes = 0;
	int rc = db_exec(tx->c, SQL_BLOCK_SCHEMA_DELETE, DB_ARGS(db_a_uuid(&a->id)), 1,
			 &changes, err);

	if (rc < 0) {
		return rc;
	}
	return changes == 0 ? schema_not_found(tx, err) : req_no_content(tx);
}

static void route_schema_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, schema_delete_work,
		  req_arg_new(r, sizeof(struct req_arg)), req_arg_free);
}

static void route_schema_filter(struct http_req *r)
{
	list_filter(r, &schemas);
}

static int capabilities_work(struct tx *tx, void *arg, struct error *err)
{
	struct db_rows *r = NULL;
	struct jsonw w;
	int rc = db_query(tx->c, SQL_BLOCK_CAPABILITIES, NULL, 0, &r, err);

	(void)arg;
	if (rc < 0) {
		return rc;
	}
	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	while ((rc = db_next(r, err)) == 1) {
		jsonw_str(&w, NULL, db_text(r, 0));
	}
	jsonw_arr_end(&w);
	db_rows_free(r);
	return rc;
}

static void route_capabilities(struct http_req *r)
{
	tx_submit(r, DB_READ, capabilities_work, NULL, NULL);
}

extern const struct route routes_block_types[];
const struct route routes_block_types[] = {
    {"POST", "/block_types/", route_create, 0, 0},
    {"POST", "/block_types/filter", route_filter, 0, 0},
    {"POST", "/block_types/install_system_block_types", route_install, 0, 0},
    {"GET", "/block_types/slug/{slug}", route_read, 0, 0},
    {"GET", "/block_types/{id}", route_read, 0, 0},
    {"PATCH", "/block_types/{id}", route_update, 0, 0},
    {"DELETE", "/block_types/{id}", route_delete, 0, 0},
    {"POST", "/block_schemas/", route_schema_create, 0, SCHEMA_BODY_MAX},
    {"POST", "/block_schemas/filter", route_schema_filter, 0, 0},
    {"GET", "/block_schemas/checksum/{checksum}", route_by_checksum, 0, 0},
    {"GET", "/block_schemas/{id}", route_schema_read, 0, 0},
    {"DELETE", "/block_schemas/{id}", route_schema_delete, 0, 0},
    {"GET", "/block_capabilities/", route_capabilities, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
