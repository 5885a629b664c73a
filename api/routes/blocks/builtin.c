/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin.c - from the table of built-in block types to rows.
 */
#include "api/routes/blocks/builtin.h"

#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/db/db.h"
#include "api/routes/blocks/block_json.h"
#include "base/error.h"
#include "base/json.h"
#include "base/uuid.h"

/* The words of TEXT, which are separated by one space each. */
static json_t *words(const char *text)
{
	json_t *list = json_array();
	size_t len;

	while (text != NULL && *text != '\0') {
		len = strcspn(text, " ");
		json_array_append_new(list, json_stringn(text, len));
		text += len + (text[len] == ' ' ? 1 : 0);
	}
	return list;
}

static json_t *property(const struct builtin_field *f, int position)
{
	json_t *p = json_pack("{s:s, s:s, s:i}", "title", f->title, "description",
			      f->description, "position", position);

	if (f->type != NULL && (f->flags & BUILTIN_NULL) != 0) {
		json_object_set_new(
		    p, "anyOf",
		    json_pack("[{s:s}, {s:s}]", "type", f->type, "type", "null"));
	} else if (f->type != NULL) {
		json_object_set_new(p, "type", json_string(f->type));
	}
	if (f->standard != NULL) {
		json_object_set_new(p, "default",
				    json_loads(f->standard, JSON_DECODE_ANY, NULL));
	} else if ((f->flags & BUILTIN_NULL) != 0) {
		json_object_set_new(p, "default", json_null());
	}
	if (f->choices != NULL) {
		json_object_set_new(p, "enum", words(f->choices));
	}
	if ((f->flags & BUILTIN_SECRET) != 0) {
		json_object_set_new(p, "format", json_string("password"));
		json_object_set_new(p, "writeOnly", json_true());
	}
	return p;
}

json_t *builtin_schema(const struct builtin_block *b)
{
	json_t *properties = json_object(), *required = json_array();
	json_t *secrets = json_array();
	int position = 0;

	for (const struct builtin_field *f = b->fields; f->name != NULL; f++) {
		json_object_set_new(properties, f->name, property(f, position++));
		if ((f->flags & BUILTIN_REQUIRED) != 0) {
			json_array_append_new(required, json_string(f->name));
		}
		if ((f->flags & BUILTIN_SECRET) != 0) {
			json_array_append_new(secrets, json_string(f->name));
		}
		if ((f->flags & BUILTIN_SECRET_KEYS) != 0) {
			json_array_append_new(secrets, json_sprintf("%s.*", f->name));
		}
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:{}}", "title", b->model,
			 "description", b->description, "type", "object",
			 "block_type_slug", b->slug, "properties", properties,
			 "required", required, "secret_fields", secrets,
			 "block_schema_references");
}

static void take_id(const struct db_rows *r, void *arg)
{
	(void)db_uuid(r, 0, arg);
}

static int add_schema(struct db_conn *c, const struct builtin_block *b,
		      const struct uuid *type, int64_t now_us, struct error *err)
{
	json_t *fields = builtin_schema(b), *list = words(b->capabilities);
	char checksum[BLOCK_CHECKSUM_SIZE];
	char *text = json_text(fields), *capabilities = json_text(list);
	struct uuid id;
	int rc;

	uuid_v4(&id);
	block_checksum(fields, checksum);
	rc = db_exec(c, SQL_BLOCK_SCHEMA_INSERT,
		     DB_ARGS(db_a_uuid(&id), db_a_time(now_us), db_a_text(checksum),
			     db_a_text(text), db_a_text(capabilities),
			     db_a_text(API_SERVER_VERSION), db_a_uuid(type)),
		     7, NULL, err);
	free(text);
	free(capabilities);
	json_decref(fields);
	json_decref(list);
	return rc;
}

static int install(struct db_conn *c, const struct builtin_block *b, int64_t now_us,
		   struct error *err)
{
	struct uuid id;
	int rc;

	uuid_v4(&id);
	rc = db_exec(c, SQL_BLOCK_BUILTIN_TYPE,
		     DB_ARGS(db_a_uuid(&id), db_a_time(now_us), db_a_text(b->name),
			     db_a_text(b->slug), db_a_text(b->description),
			     db_a_int(b->is_protected)),
		     6, NULL, err);
	if (rc == 0) {
		rc = db_one(c, SQL_BLOCK_BUILTIN_TYPE_ID, DB_ARGS(db_a_text(b->slug)),
			    1, take_id, &id, err);
	}
	return rc > 0 ? add_schema(c, b, &id, now_us, err) : rc;
}

int block_builtins_install(struct db_conn *c, int64_t now_us, struct error *err)
{
	int rc = 0;

	for (const struct builtin_block *b = builtin_blocks; rc >= 0 && b->slug != NULL;
	     b++) {
		rc = install(c, b, now_us, err);
	}
	return rc < 0 ? rc : 0;
}
