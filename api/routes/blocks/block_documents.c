/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block_documents.c - block documents: server-contract 2.10, 10.4.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/pred.h"
#include "api/events/object.h"
#include "api/http/http.h"
#include "api/routes/blocks/block_json.h"
#include "api/routes/blocks/block_secret.h"
#include "api/routes/blocks/block_store.h"
#include "api/routes/filters.h"
#include "api/routes/list.h"
#include "api/routes/req.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"

#define BODY_MAX         (4u << 20)
#define CAPABILITIES_MAX (1u << 20)

static const struct list_spec documents = {ENT_BLOCK_DOCUMENT, SQL_BLOCK_DOCUMENT_LIST,
					   SQL_BLOCK_DOCUMENT_COUNT, NULL};

static int not_found(struct tx *tx, struct error *err)
{
	return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Block document not found");
}

/* All rows of R as the answer: one object, or a list.  1: there was one. */
static int answer_rows(struct tx *tx, struct db_rows *r, int list, int secrets,
		       struct error *err)
{
	struct jsonw w;
	int found = 0;
	int rc;

	jsonw_init(&w, &tx->body);
	if (list) {
		jsonw_arr(&w, NULL);
	}
	while ((rc = db_next(r, err)) == 1) {
		found = 1;
		rc = block_document_write(tx, &w, r, secrets, err);
		if (rc < 0 || !list) {
			break;
		}
	}
	if (list) {
		jsonw_arr_end(&w);
	}
	return rc < 0 ? rc : found;
}

static int answer_by_id(struct tx *tx, const struct uuid *id, int secrets,
			struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_query(tx->c, SQL_BLOCK_DOCUMENT_BY_ID, DB_ARGS(db_a_uuid(id)), 1,
			  &r, err);

	if (rc == 0) {
		rc = answer_rows(tx, r, 0, secrets, err);
	}
	db_rows_free(r);
	return rc;
}

/* ---- events ---- */

struct told {
	char *name;
	json_t *related, *payload;
};

/* What may be told to everybody: not the data. */
static json_t *payload_of(const struct db_rows *r, const struct uuid *type)
{
	json_t *capabilities =
	    json_parse(db_text(r, BD_SCHEMA + BS_CAPABILITIES),
		       db_len(r, BD_SCHEMA + BS_CAPABILITIES), CAPABILITIES_MAX, NULL);

	return json_pack("{s:s, s:{}, s:{s:o, s:{s:s, s:s}}}", "name",
			 db_text(r, BD_NAME), "data", "block_schema", "capabilities",
			 capabilities != NULL ? capabilities : json_array(),
			 "block_type", "id", uuid_str(type), "name",
			 db_text(r, BD_TYPE + BT_NAME));
}

static void take_told(const struct db_rows *r, void *arg)
{
	struct told *t = arg;
	struct uuid id = {{0}};

	if (db_int(r, BD_ANONYMOUS) != 0) {
		return; /* nobody hears of those */
	}
	t->name = xstrdup(db_text(r, BD_NAME));
	t->related = json_array();
	(void)db_uuid(r, BD_TYPE + BT_ID, &id);
	t->payload = payload_of(r, &id);
	(void)json_array_append_new(t->related,
				    event_related("block-type", &id, "block-type",
						  db_text(r, BD_TYPE + BT_NAME)));
	(void)db_uuid(r, BD_SCHEMA + BS_ID, &id);
	(void)json_array_append_new(
	    t->related, event_related("block-schema", &id, "block-schema", NULL));
}

/* 1 when the document exists. */
static int emit(struct tx *tx, const char *what, const struct uuid *id,
		struct error *err)
{
	struct told t = {0};
	int rc = db_one(tx->c, SQL_BLOCK_DOCUMENT_BY_ID, DB_ARGS(db_a_uuid(id)), 1,
			take_told, &t, err);

	if (rc == 1 && t.name != NULL) {
		rc = event_object(tx,
				  &(struct object_event){.kind = "block-document",
							 .what = what,
							 .id = id,
							 .name = t.name,
							 .related = t.related,
							 .payload = t.payload},
				  err);
		rc = rc < 0 ? rc : 1;
	}
	free(t.name);
	return rc;
}

/* ---- create ---- */

struct document {
	struct req_arg base;
	const char *name;
	json_t *data;
	struct uuid block_schema_id, block_type_id;
	int is_anonymous, merge_existing_data;
};
static const struct field create_fields[] = {
    FIELD(struct document, name, F_STR),
    FIELD(struct document, data, F_OBJ, .flags = F_NOT_NULL),
    FIELD(struct document, block_schema_id, F_UUID, .flags = F_REQUIRED),
    FIELD(struct document, block_type_id, F_UUID, .flags = F_REQUIRED),
    FIELD(struct document, is_anonymous, F_BOOL, .flags = F_NOT_NULL),
};

static void check_create(void *arg, struct http_invalid *v)
{
	const struct document *a = arg;

	if (http_invalid_count(v) == 0 && a->name == NULL && !a->is_anonymous) {
		http_invalid_add(
		    v, "value_error", "", a->base.body,
		    "Value error, Names must be provided for block documents.");
	}
	if (a->name != NULL &&
	    a->name[strspn(a->name, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0') {
		http_invalid_add(
		    v, "value_error", "name", json_object_get(a->base.body, "name"),
		    "Value error, Block document name must only contain lowercase "
		    "letters, numbers, and dashes.");
	}
}

static int add_reference(struct tx *tx, const struct uuid *parent, const char *name,
			 const char *target, struct error *err)
{
	struct uuid id, to;

	if (uuid_parse(target, &to) < 0) {
		return tx_detail(
		    tx, err, ERR_INVALID, 422,
		    "'%s' refers to a block document by a text that is no UUID", name);
	}
	uuid_v4(&id);
	return db_exec(tx->c, SQL_BLOCK_REFERENCE_INSERT,
		       DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us), db_a_text(name),
			       db_a_uuid(parent), db_a_uuid(&to)),
		       5, NULL, err);
}

/*
 * References are rows of their own: takes them out of DATA, and a present one out of
 * the rows when DATA gives its key another value.
 */
static int split_references(struct tx *tx, const struct uuid *id, json_t *data,
			    struct error *err)
{
	const char *key;
	json_t *value;
	void *next;
	int rc = 0;

	json_object_foreach_safe(data, next, key, value)
	{
		const char *target = block_reference_of(value);

		if (rc == 0) {
			rc = db_exec(tx->c, SQL_BLOCK_REFERENCE_DELETE,
				     DB_ARGS(db_a_uuid(id), db_a_text(key)), 2, NULL,
				     err);
		}
		if (rc == 0 && target != NULL) {
			rc = add_reference(tx, id, key, target, err);
		}
		if (target != NULL) {
			(void)json_object_del(data, key);
		}
	}
	return rc;
}

static int insert(struct tx *tx, const struct document *a, const struct uuid *id,
		  int64_t *ret_changes, struct error *err)
{
	json_t *data = a->data != NULL ? json_deep_copy(a->data) : json_object();
	char anonymous[64], uuid[UUID_TEXT_SIZE];
	char *text;
	int rc;

	(void)snprintf(anonymous, sizeof(anonymous), "anonymous-%s",
		       uuid_format(id, uuid));
	text = block_data_seal(tx, id, data);
	rc = db_exec(tx->c, SQL_BLOCK_DOCUMENT_INSERT,
		     DB_ARGS(db_a_uuid(id), db_a_time(tx->now_us),
			     db_a_text(a->name != NULL ? a->name : anonymous),
			     db_a_text(text), db_a_int(a->is_anonymous),
			     db_a_uuid(&a->block_type_id),
			     db_a_uuid(&a->block_schema_id)),
		     7, ret_changes, err);
	free(text);
	if (rc == 0 && *ret_changes > 0) {
		rc = split_references(tx, id, data, err);
	}
	if (rc == 0 && *ret_changes > 0) {
		text = block_data_seal(tx, id, data);
		rc = db_exec(tx->c, SQL_BLOCK_DOCUMENT_UPDATE,
			     DB_ARGS(db_a_uuid(id), db_a_time(tx->now_us),
				     db_a_text(text), db_a_null()),
			     4, NULL, err);
		free(text);
	}
	json_decref(data);
	return rc;
}

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct document *a = arg;
	int64_t changes = 0;
	struct uuid id;
	int rc;

	uuid_v4(&id);
	rc = insert(tx, a, &id, &changes, err);
	if (rc == 0 && changes == 0) {
		return tx_detail(tx, err, ERR_CONFLICT, 409, "Block already exists");
	}
	rc = rc < 0 ? rc : emit(tx, "created", &id, err);
	tx->status = 201;
	rc = rc < 0 ? rc : answer_by_id(tx, &id, 0, err);
	return MIN_OF(rc, 0);
}

static void route_create(struct http_req *r)
{
	struct document *a = req_arg_new(r, sizeof(*a));

	if (req_body_checked(r, a, create_fields, ARRAY_LEN(create_fields),
			     check_create) == 0) {
		tx_submit(r, DB_WRITE, create_work, a, req_arg_free);
	}
}

/* ---- update ---- */

enum { U_SCHEMA, U_DATA, U_MERGE };
static const struct field update_fields[] = {
    [U_SCHEMA] = FIELD(struct document, block_schema_id, F_UUID),
    [U_DATA] = FIELD(struct document, data, F_OBJ, .flags = F_NOT_NULL),
    [U_MERGE] =
	FIELD(struct document, merge_existing_data, F_BOOL, .flags = F_NOT_NULL),
};

static void take_data(const struct db_rows *r, void *arg)
{
	*(char **)arg = xstrdup(db_text(r, BD_DATA));
}

/* 1 and the data of ID, 0 when there is no such document. */
static int read_data(struct tx *tx, const struct uuid *id, json_t **ret_data,
		     struct error *err)
{
	char *text = NULL;
	int rc = db_one(tx->c, SQL_BLOCK_DOCUMENT_BY_ID, DB_ARGS(db_a_uuid(id)), 1,
			take_data, &text, err);

	if (rc > 0) {
		*ret_data = block_data_open(tx, id, text, strlen(text), err);
		rc = *ret_data != NULL ? 1 : -err->code;
	}
	free(text);
	return rc;
}

/* Hidden values of the new data mean the stored ones. */
static json_t *merged(const struct document *a, json_t *before)
{
	json_t *next = a->data != NULL ? json_deep_copy(a->data) : json_object();
	json_t *out;

	block_keep_secrets(next, before);
	if (!a->merge_existing_data) {
		return next;
	}
	out = json_deep_copy(before);
	(void)json_object_update(out, next);
	json_decref(next);
	return out;
}

static int update_work(struct tx *tx, void *arg, struct error *err)
{
	const struct document *a = arg;
	json_t *before = NULL;
	json_t *next;
	char *text;
	int rc = read_data(tx, &a->base.id, &before, err);

	if (rc <= 0) {
		return rc < 0 ? rc : not_found(tx, err);
	}
	next = merged(a, before);
	rc = split_references(tx, &a->base.id, next, err);
	text = block_data_seal(tx, &a->base.id, next);
	rc = rc < 0 ? rc
		    : db_exec(tx->c, SQL_BLOCK_DOCUMENT_UPDATE,
			      DB_ARGS(db_a_uuid(&a->base.id), db_a_time(tx->now_us),
				      db_a_text(text),
				      DECODED_HAS(&a->base.given, U_SCHEMA)
					  ? db_a_uuid(&a->block_schema_id)
					  : db_a_null()),
			      4, NULL, err);
	free(text);
	json_decref(next);
	json_decref(before);
	rc = rc < 0 ? rc : emit(tx, "updated", &a->base.id, err);
	return rc < 0 ? rc : req_no_content(tx);
}

static void route_update(struct http_req *r)
{
	struct document *a = req_arg_new(r, sizeof(*a));

	a->merge_existing_data = 1;
	if (req_body(r, a, update_fields, ARRAY_LEN(update_fields)) == 0) {
		tx_submit(r, DB_WRITE, update_work, a, req_arg_free);
	}
}

/* ---- read, delete ---- */

struct find {
	struct req_arg base;
	char *slug;
	int secrets;
	struct list_args la;
};

static void find_free(void *arg)
{
	struct find *a = arg;

	free(a->slug);
	req_arg_free(a);
}

static int asks_secrets(struct http_req *r)
{
	const char *s = http_query(r, "include_secrets");

	return s != NULL && (strcmp(s, "true") == 0 || strcmp(s, "True") == 0 ||
			     strcmp(s, "1") == 0);
}

static struct find *find_new(struct http_req *r)
{
	struct find *a = req_arg_new(r, sizeof(*a));

	a->secrets = asks_secrets(r);
	if (http_param(r, "slug") != NULL) {
		a->slug = xstrdup(http_param(r, "slug"));
	}
	if (http_param(r, "name") != NULL) {
		req_name(r, a, "name");
	}
	return a;
}

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	const struct find *a = arg;
	struct db_rows *r = NULL;
	int rc;

	if (a->slug == NULL) {
		rc = answer_by_id(tx, &a->base.id, a->secrets, err);
	} else {
		rc = db_query(tx->c, SQL_BLOCK_DOCUMENT_BY_NAME,
			      DB_ARGS(db_a_text(a->slug), db_a_text(a->base.name)), 2,
			      &r, err);
		rc = rc < 0 ? rc : answer_rows(tx, r, 0, a->secrets, err);
		db_rows_free(r);
	}
	return rc == 0 ? not_found(tx, err) : MIN_OF(rc, 0);
}

static void route_read(struct http_req *r)
{
	tx_submit(r, DB_READ, read_work, find_new(r), find_free);
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	char id[UUID_TEXT_SIZE];
	int rc = emit(tx, "deleted", &a->id, err);

	if (rc == 0) {
		return not_found(tx, err);
	}
	if (rc == 1) {
		rc = db_exec(tx->c, SQL_BLOCK_DOCUMENT_DELETE,
			     DB_ARGS(db_a_uuid(&a->id)), 1, NULL, err);
	}
	if (rc == 0) {
		rc = db_exec(tx->c, SQL_STORAGE_FORGET,
			     DB_ARGS(db_a_text(uuid_format(&a->id, id))), 1, NULL, err);
	}
	return rc < 0 ? rc : req_no_content(tx);
}

static void route_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, delete_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

/* ---- lists ---- */

static int list_work(struct tx *tx, void *arg, struct error *err)
{
	const struct find *a = arg;
	struct db_rows *r = NULL;
	int rc = db_select(tx->c, SQL_BLOCK_DOCUMENT_LIST, NULL, 0, a->base.pred,
			   a->la.order, a->la.limit, a->la.offset, &r, err);

	rc = rc < 0 ? rc : answer_rows(tx, r, 1, a->secrets, err);
	db_rows_free(r);
	return MIN_OF(rc, 0);
}

static void is_there(const struct db_rows *r, void *arg)
{
	(void)r;
	*(int *)arg = 1;
}

static int list_of_type_work(struct tx *tx, void *arg, struct error *err)
{
	const struct find *a = arg;
	int found = 0;
	int rc = db_one(tx->c, SQL_BLOCK_TYPE_BY_SLUG, DB_ARGS(db_a_text(a->slug)), 1,
			is_there, &found, err);

	if (rc >= 0 && !found) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Block type not found");
	}
	return rc < 0 ? rc : list_work(tx, arg, err);
}

static void route_of_type(struct http_req *r)
{
	struct find *a = find_new(r);
	struct db_arg slug = db_a_text(a->slug);

	a->base.pred = pred_new();
	pred_add(a->base.pred, FRAG_BT_SLUG_IS, &slug, 1);
	pred_add(a->base.pred, FRAG_BD_NOT_ANONYMOUS, NULL, 0);
	a->la.limit = -1;
	a->la.order = FRAG_BD_BY_NAME_ASC;
	tx_submit(r, DB_READ, list_of_type_work, a, find_free);
}

static void route_filter(struct http_req *r)
{
	struct find *a = find_new(r);
	json_t *body;
	int secrets = 0;

	if (filter_request(r, ENT_BLOCK_DOCUMENT, 0, &a->la, &a->base.pred) < 0) {
		find_free(a);
		return;
	}
	body = http_json(r, 1);
	if (json_get_bool(body, "include_secrets", &secrets, NULL) == 1) {
		a->secrets = secrets;
	}
	tx_submit(r, DB_READ, list_work, a, find_free);
}

static void route_count(struct http_req *r)
{
	list_count(r, &documents);
}

extern const struct route routes_block_documents[];
const struct route routes_block_documents[] = {
    {"POST", "/block_documents/", route_create, 0, BODY_MAX},
    {"POST", "/block_documents/filter", route_filter, 0, 0},
    {"POST", "/block_documents/count", route_count, 0, 0},
    {"GET", "/block_documents/{id}", route_read, 0, 0},
    {"PATCH", "/block_documents/{id}", route_update, 0, BODY_MAX},
    {"DELETE", "/block_documents/{id}", route_delete, 0, 0},
    {"GET", "/block_types/slug/{slug}/block_documents", route_of_type, 0, 0},
    {"GET", "/block_types/slug/{slug}/block_documents/name/{name}", route_read, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
