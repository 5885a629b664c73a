/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block_store.c - rows of blocks as JSON.  A document's references are read along, to a
 * bounded depth, and put into its data.
 */
#include "api/routes/blocks/block_store.h"

#include <jansson.h>

#include "api/db/db.h"
#include "api/routes/blocks/block_json.h"
#include "api/routes/blocks/block_secret.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/uuid.h"

#define COLUMN_MAX (8u << 20)

static void write_uuid(struct jsonw *w, const char *key, const struct db_rows *r,
		       int col)
{
	struct uuid id;

	jsonw_uuid(w, key, db_uuid(r, col, &id) ? &id : NULL);
}

void block_type_write(struct jsonw *w, const char *key, const struct db_rows *r,
		      int first)
{
	jsonw_obj(w, key);
	write_uuid(w, "id", r, first + BT_ID);
	jsonw_time(w, "created", db_time(r, first + BT_CREATED));
	jsonw_time(w, "updated", db_time(r, first + BT_UPDATED));
	jsonw_str(w, "name", db_text(r, first + BT_NAME));
	jsonw_str(w, "slug", db_text(r, first + BT_SLUG));
	jsonw_str(w, "logo_url", db_text(r, first + BT_LOGO));
	jsonw_str(w, "documentation_url", db_text(r, first + BT_DOCS));
	jsonw_str(w, "description", db_text(r, first + BT_DESCRIPTION));
	jsonw_str(w, "code_example", db_text(r, first + BT_EXAMPLE));
	jsonw_bool(w, "is_protected", (int)db_int(r, first + BT_PROTECTED));
	jsonw_obj_end(w);
}

void block_schema_write(struct jsonw *w, const char *key, const struct db_rows *r,
			int first)
{
	jsonw_obj(w, key);
	write_uuid(w, "id", r, first + BS_ID);
	jsonw_time(w, "created", db_time(r, first + BS_CREATED));
	jsonw_time(w, "updated", db_time(r, first + BS_UPDATED));
	jsonw_str(w, "checksum", db_text(r, first + BS_CHECKSUM));
	jsonw_raw(w, "fields", db_text(r, first + BS_FIELDS));
	write_uuid(w, "block_type_id", r, first + BS_TYPE);
	block_type_write(w, "block_type", r, first + BS_TYPE);
	jsonw_raw(w, "capabilities", db_text(r, first + BS_CAPABILITIES));
	jsonw_str(w, "version", db_text(r, first + BS_VERSION));
	jsonw_obj_end(w);
}

static json_t *column(const struct db_rows *r, int col)
{
	json_t *v = json_parse(db_text(r, col), db_len(r, col), COLUMN_MAX, NULL);

	return json_is_object(v) ? v : json_object();
}

struct tree {
	int secrets;  /* in: show them */
	json_t *data; /* with what it refers to */
	json_t *refs; /* block_document_references */
};

static int read_tree(struct tx *tx, const struct uuid *id, const struct db_rows *r,
		     int depth, struct tree *ret, struct error *err);

/* {"block_document": {...}} of the present row. */
static json_t *describe(const struct db_rows *r, json_t *refs)
{
	json_t *type = NULL;
	json_t *id;
	struct jsonw w;
	struct buf b;
	char text[UUID_TEXT_SIZE];
	struct uuid uuid = {{0}};

	buf_init(&b);
	jsonw_init(&w, &b);
	block_type_write(&w, NULL, r, BD_TYPE);
	type = json_parse(b.data, b.len, COLUMN_MAX, NULL);
	buf_release(&b);
	(void)db_uuid(r, BD_ID, &uuid);
	id = json_string(uuid_format(&uuid, text));
	return json_pack("{s:{s:o,s:s,s:o,s:b,s:o}}", "block_document", "id", id,
			 "name", db_text(r, BD_NAME), "block_type",
			 type != NULL ? type : json_null(), "is_anonymous",
			 (int)db_int(r, BD_ANONYMOUS), "block_document_references",
			 refs);
}

static int add_child(struct tx *tx, const char *name, const struct uuid *id, int depth,
		     struct tree *parent, struct error *err)
{
	struct tree child = {.secrets = parent->secrets};
	struct db_rows *r = NULL;
	int rc = db_query(tx->c, SQL_BLOCK_DOCUMENT_BY_ID, DB_ARGS(db_a_uuid(id)), 1,
			  &r, err);

	if (rc == 0) {
		rc = db_next(r, err);
	}
	if (rc == 1) {
		rc = read_tree(tx, id, r, depth + 1, &child, err);
	}
	if (rc == 0 && child.data != NULL) {
		(void)json_object_set_new(parent->data, name, child.data);
		(void)json_object_set_new(parent->refs, name, describe(r, child.refs));
	}
	db_rows_free(r);
	return rc;
}

/* The paths are those of the document's own schema. */
static void hide(json_t *data, const struct db_rows *r)
{
	json_t *fields = column(r, BD_SCHEMA + BS_FIELDS);

	block_hide_secrets(data, fields);
	json_decref(fields);
}

/* R is the document's row.  RET gets its data on success only. */
static int read_tree(struct tx *tx, const struct uuid *id, const struct db_rows *r,
		     int depth, struct tree *ret, struct error *err)
{
	struct tree t = {.secrets = ret->secrets,
			 .data = block_data_open(tx, id, db_text(r, BD_DATA),
						 db_len(r, BD_DATA), err)};
	struct db_rows *refs = NULL;
	int rc = 0;

	if (t.data == NULL) {
		return -err->code;
	}
	t.refs = json_object();
	if (depth < BLOCK_DEPTH_MAX) {
		rc = db_query(tx->c, SQL_BLOCK_REFERENCE_LIST, DB_ARGS(db_a_uuid(id)),
			      1, &refs, err);
	}
	while (rc == 0 && refs != NULL && (rc = db_next(refs, err)) == 1) {
		struct uuid child;

		rc = db_uuid(refs, 1, &child)
			 ? add_child(tx, db_text(refs, 0), &child, depth, &t, err)
			 : 0;
	}
	db_rows_free(refs);
	if (rc < 0) {
		json_decref(t.data);
		json_decref(t.refs);
		return rc;
	}
	if (!t.secrets) {
		hide(t.data, r);
	}
	*ret = t;
	return 0;
}

int block_document_write(struct tx *tx, struct jsonw *w, const struct db_rows *r,
			 int secrets, struct error *err)
{
	struct tree t = {.secrets = secrets};
	struct uuid id = {{0}};
	int rc;

	(void)db_uuid(r, BD_ID, &id);
	rc = read_tree(tx, &id, r, 0, &t, err);
	if (rc < 0) {
		return rc;
	}
	jsonw_obj(w, NULL);
	jsonw_uuid(w, "id", &id);
	jsonw_time(w, "created", db_time(r, BD_CREATED));
	jsonw_time(w, "updated", db_time(r, BD_UPDATED));
	jsonw_str(w, "name", db_text(r, BD_NAME));
	jsonw_json(w, "data", t.data);
	write_uuid(w, "block_schema_id", r, BD_SCHEMA + BS_ID);
	block_schema_write(w, "block_schema", r, BD_SCHEMA);
	write_uuid(w, "block_type_id", r, BD_TYPE + BT_ID);
	jsonw_str(w, "block_type_name", db_text(r, BD_TYPE + BT_NAME));
	block_type_write(w, "block_type", r, BD_TYPE);
	jsonw_json(w, "block_document_references", t.refs);
	jsonw_bool(w, "is_anonymous", (int)db_int(r, BD_ANONYMOUS));
	jsonw_obj_end(w);
	json_decref(t.data);
	json_decref(t.refs);
	return 0;
}
