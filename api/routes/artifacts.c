/* SPDX-License-Identifier: Apache-2.0 */
/*
 * artifacts.c - artifacts and the newest of each key: server-contract 2.9.
 *
 * The collection row of a key points at its newest artifact; everything else about it
 * is read from there.
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

#define METADATA_MAX 500 /* characters of a metadata value */

enum {
	A_ID,
	A_CREATED,
	A_UPDATED,
	A_KEY,
	A_TYPE,
	A_DESCRIPTION,
	A_DATA,
	A_METADATA,
	A_FLOW_RUN,
	A_TASK_RUN,
	A_LATEST
};

static void write_uuid(struct jsonw *w, const char *key, const struct db_rows *r,
		       int col)
{
	struct uuid id;

	jsonw_uuid(w, key, db_uuid(r, col, &id) ? &id : NULL);
}

static void write_row(struct jsonw *w, const char *key, const struct db_rows *r,
		      int is_collection)
{
	jsonw_obj(w, key);
	write_uuid(w, "id", r, A_ID);
	jsonw_time(w, "created", db_time(r, A_CREATED));
	jsonw_time(w, "updated", db_time(r, A_UPDATED));
	jsonw_str(w, "key", db_text(r, A_KEY));
	if (is_collection) {
		write_uuid(w, "latest_id", r, A_LATEST); /* lists only */
	}
	jsonw_str(w, "type", db_text(r, A_TYPE));
	jsonw_str(w, "description", db_text(r, A_DESCRIPTION));
	jsonw_raw(w, "data", db_text(r, A_DATA));
	jsonw_raw(w, "metadata_", db_text(r, A_METADATA));
	write_uuid(w, "flow_run_id", r, A_FLOW_RUN);
	write_uuid(w, "task_run_id", r, A_TASK_RUN);
	jsonw_obj_end(w);
}

static void artifact_write(struct jsonw *w, const char *key, const struct db_rows *r,
			   int64_t now_us)
{
	(void)now_us;
	write_row(w, key, r, 0);
}

static void collection_write(struct jsonw *w, const char *key, const struct db_rows *r,
			     int64_t now_us)
{
	(void)now_us;
	write_row(w, key, r, 1);
}

static const struct list_spec artifacts = {ENT_ARTIFACT, SQL_ARTIFACT_LIST,
					   SQL_ARTIFACT_COUNT, artifact_write};
static const struct list_spec collections = {ENT_ARTIFACT_COLLECTION,
					     SQL_COLLECTION_LIST, SQL_COLLECTION_COUNT,
					     collection_write};

static void answer_artifact(const struct db_rows *r, void *arg)
{
	struct tx *tx = arg;
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	write_row(&w, NULL, r, 0);
}

static void answer_collection(const struct db_rows *r, void *arg)
{
	struct tx *tx = arg;
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	write_row(&w, NULL, r, 0);
}

static int not_found(struct tx *tx, struct error *err)
{
	return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Artifact not found.");
}

/* ---- what happened to a key's newest ---- */

struct told {
	struct uuid id, latest;
	char *key;
	json_t *related, *payload;
};

static void relate(json_t *related, const char *kind, const char *role,
		   const struct db_rows *r, int col)
{
	struct uuid id;

	if (db_uuid(r, col, &id)) {
		(void)json_array_append_new(related,
					    event_related(kind, &id, role, NULL));
	}
}

static void take_told(const struct db_rows *r, void *arg)
{
	struct told *t = arg;
	struct jsonw w;
	struct buf b;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "key", db_text(r, A_KEY));
	jsonw_str(&w, "type", db_text(r, A_TYPE));
	jsonw_raw(&w, "data", db_text(r, A_DATA));
	jsonw_str(&w, "description", db_text(r, A_DESCRIPTION));
	jsonw_obj_end(&w);
	t->payload = json_parse(b.data, b.len, 8u << 20, NULL);
	buf_release(&b);
	(void)db_uuid(r, A_ID, &t->id);
	(void)db_uuid(r, A_LATEST, &t->latest);
	t->key = xstrdup(db_text(r, A_KEY));
	t->related = json_array();
	relate(t->related, "artifact", "latest", r, A_LATEST);
	relate(t->related, "flow-run", "flow-run", r, A_FLOW_RUN);
	relate(t->related, "task-run", "task-run", r, A_TASK_RUN);
}

/* Told with the present row of KEY; nothing when there is none. */
static int emit(struct tx *tx, const char *what, const char *key, struct error *err)
{
	struct told t = {0};
	int rc = db_one(tx->c, SQL_COLLECTION_BY_KEY, DB_ARGS(db_a_text(key)), 1,
			take_told, &t, err);

	if (rc == 1) {
		rc = event_object(tx,
				  &(struct object_event){.kind = "artifact-collection",
							 .what = what,
							 .id = &t.id,
							 .name = t.key,
							 .related = t.related,
							 .payload = t.payload},
				  err);
	}
	free(t.key);
	return rc;
}

/* ---- create ---- */

struct create {
	struct req_arg base;
	const char *key, *type, *description;
	json_t *data, *metadata_;
	struct uuid flow_run_id, task_run_id;
};
enum { C_KEY, C_TYPE, C_DESCRIPTION, C_DATA, C_METADATA, C_FLOW_RUN, C_TASK_RUN };
static const struct field create_fields[] = {
    [C_KEY] = FIELD(struct create, key, F_STR),
    [C_TYPE] = FIELD(struct create, type, F_STR),
    [C_DESCRIPTION] = FIELD(struct create, description, F_STR),
    [C_DATA] = FIELD(struct create, data, F_ANY),
    [C_METADATA] = FIELD(struct create, metadata_, F_OBJ),
    [C_FLOW_RUN] = FIELD(struct create, flow_run_id, F_UUID),
    [C_TASK_RUN] = FIELD(struct create, task_run_id, F_UUID),
};

static void check_metadata(const json_t *metadata, struct http_invalid *v)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)metadata, key, value) {
		if (!json_is_string(value)) {
			char loc[256];

			(void)snprintf(loc, sizeof(loc), "metadata_.%.200s", key);
			http_invalid_add(v, "string_type", loc, value,
					 "Input should be a valid string");
		}
	}
}

static void check_create(void *arg, struct http_invalid *v)
{
	const struct create *a = arg;

	check_metadata(a->metadata_, v);
	if (a->key != NULL &&
	    a->key[strspn(a->key, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0') {
		http_invalid_add(
		    v, "value_error", "key", json_object_get(a->base.body, "key"),
		    "Value error, Artifact key must only contain lowercase "
		    "letters, numbers, and dashes.");
	}
}

/* 10.0 is stored and answered as 10; everything else as it came. */
static char *data_text(const json_t *data)
{
	double d = json_is_real(data) ? json_real_value(data) : 0.5;

	if (d > -1e15 && d < 1e15 && (double)(int64_t)d == d) {
		return xasprintf("%lld", (long long)d);
	}
	return data == NULL || json_is_null(data) ? NULL : req_json(data, NULL);
}

/* Values are texts of at most METADATA_MAX characters and "...". */
static char *metadata_text(const json_t *metadata)
{
	const char *key;
	json_t *value;
	struct jsonw w;
	struct buf b;

	if (metadata == NULL) {
		return NULL;
	}
	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	json_object_foreach ((json_t *)(uintptr_t)metadata, key, value) {
		const char *s = json_string_value(value);
		size_t n = 0, chars = 0;
		char *cut;

		if (s == NULL) {
			jsonw_json(&w, key, value);
			continue;
		}
		while (s[n] != '\0' && chars < METADATA_MAX) {
			for (n++; ((unsigned char)s[n] & 0xc0) == 0x80; n++) {
			}
			chars++;
		}
		cut = xasprintf("%.*s%s", (int)n, s, s[n] == '\0' ? "" : "...");
		jsonw_str(&w, key, cut);
		free(cut);
	}
	jsonw_obj_end(&w);
	return buf_take(&b, NULL);
}

static int insert(struct tx *tx, const struct create *a, const struct uuid *id,
		  struct error *err)
{
	const struct decoded *d = &a->base.given;
	char *data = data_text(a->data);
	char *metadata = metadata_text(a->metadata_);
	int rc = db_exec(
	    tx->c, SQL_ARTIFACT_INSERT,
	    DB_ARGS(db_a_uuid(id), db_a_time(tx->now_us), db_a_text(a->key),
		    db_a_text(a->type), db_a_text(a->description), db_a_text(data),
		    db_a_text(metadata),
		    db_a_uuid(DECODED_HAS(d, C_FLOW_RUN) ? &a->flow_run_id : NULL),
		    db_a_uuid(DECODED_HAS(d, C_TASK_RUN) ? &a->task_run_id : NULL)),
	    9, NULL, err);

	free(data);
	free(metadata);
	return rc;
}

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct create *a = arg;
	struct uuid id, collection_id;
	int known = 0;
	int rc;

	uuid_v7(&id, tx->now_us);
	uuid_v4(&collection_id);
	rc = insert(tx, a, &id, err);
	if (rc == 0 && a->key != NULL) {
		known = db_one(tx->c, SQL_COLLECTION_BY_KEY, DB_ARGS(db_a_text(a->key)),
			       1, NULL, NULL, err);
		rc = MIN_OF(known, 0);
	}
	if (rc == 0 && a->key != NULL) {
		rc = db_exec(tx->c, SQL_COLLECTION_PUT,
			     DB_ARGS(db_a_uuid(&collection_id), db_a_time(tx->now_us),
				     db_a_text(a->key), db_a_uuid(&id)),
			     4, NULL, err);
	}
	tx->status = 201;
	if (rc == 0 && a->key != NULL) {
		rc = emit(tx, known ? "updated" : "created", a->key, err);
	}
	if (rc == 0) {
		rc = db_one(tx->c, SQL_ARTIFACT_BY_ID, DB_ARGS(db_a_uuid(&id)), 1,
			    answer_artifact, tx, err);
	}
	return MIN_OF(rc, 0);
}

static void route_create(struct http_req *r)
{
	struct create *a = req_arg_new(r, sizeof(*a));

	if (req_body_checked(r, a, create_fields, ARRAY_LEN(create_fields),
			     check_create) == 0) {
		tx_submit(r, DB_WRITE, create_work, a, req_arg_free);
	}
}

/* ---- read ---- */

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	int rc = db_one(tx->c, SQL_ARTIFACT_BY_ID, DB_ARGS(db_a_uuid(&a->id)), 1,
			answer_artifact, tx, err);

	return rc == 0 ? not_found(tx, err) : MIN_OF(rc, 0);
}

static int latest_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	int rc = db_one(tx->c, SQL_COLLECTION_BY_KEY, DB_ARGS(db_a_text(a->name)), 1,
			answer_collection, tx, err);

	return rc == 0 ? not_found(tx, err) : MIN_OF(rc, 0);
}

static void route_read(struct http_req *r)
{
	tx_submit(r, DB_READ, read_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

static void route_latest(struct http_req *r)
{
	struct req_arg *a = req_arg_new(r, sizeof(*a));

	req_name(r, a, "key");
	tx_submit(r, DB_READ, latest_work, a, req_arg_free);
}

/* ---- update ---- */

struct update {
	struct req_arg base;
	json_t *data, *metadata_;
	const char *description;
};
enum { U_DATA, U_DESCRIPTION, U_METADATA };
static const struct field update_fields[] = {
    [U_DATA] = FIELD(struct update, data, F_ANY),
    [U_DESCRIPTION] = FIELD(struct update, description, F_STR),
    [U_METADATA] = FIELD(struct update, metadata_, F_OBJ),
};

static void check_update(void *arg, struct http_invalid *v)
{
	check_metadata(((const struct update *)arg)->metadata_, v);
}

static int update_work(struct tx *tx, void *arg, struct error *err)
{
	const struct update *a = arg;
	const struct decoded *d = &a->base.given;
	char *data = data_text(a->data);
	char *metadata = metadata_text(a->metadata_);
	int64_t changes = 0;
	int rc = db_exec(tx->c, SQL_ARTIFACT_UPDATE,
			 DB_ARGS(db_a_uuid(&a->base.id), db_a_time(tx->now_us),
				 db_a_int((int)DECODED_SET(d, U_DATA)), db_a_text(data),
				 db_a_int((int)DECODED_SET(d, U_DESCRIPTION)),
				 db_a_text(a->description),
				 db_a_int((int)DECODED_SET(d, U_METADATA)),
				 db_a_text(metadata)),
			 8, &changes, err);

	free(data);
	free(metadata);
	if (rc == 0 && changes == 0) {
		return not_found(tx, err);
	}
	if (rc == 0) {
		rc = db_exec(tx->c, SQL_COLLECTION_TOUCH,
			     DB_ARGS(db_a_uuid(&a->base.id), db_a_time(tx->now_us)), 2,
			     NULL, err);
	}
	return rc < 0 ? rc : req_no_content(tx);
}

static void route_update(struct http_req *r)
{
	struct update *a = req_arg_new(r, sizeof(*a));

	if (req_body_checked(r, a, update_fields, ARRAY_LEN(update_fields),
			     check_update) == 0) {
		tx_submit(r, DB_WRITE, update_work, a, req_arg_free);
	}
}

/* ---- delete ---- */

static void take_key(const struct db_rows *r, void *arg)
{
	const char *key = db_text(r, A_KEY);

	*(char **)arg = key == NULL ? NULL : xstrdup(key);
}

static int repoint(struct tx *tx, const struct uuid *id, const char *key,
		   struct error *err)
{
	int rc = db_exec(tx->c, SQL_COLLECTION_REPOINT,
			 DB_ARGS(db_a_text(key), db_a_uuid(id), db_a_time(tx->now_us)),
			 3, NULL, err);

	if (rc == 0) {
		rc = db_exec(tx->c, SQL_COLLECTION_DELETE_EMPTY,
			     DB_ARGS(db_a_text(key)), 1, NULL, err);
	}
	return rc;
}

/* GONE is what the key's row was before: it is no more, or shows another artifact. */
static int emit_gone(struct tx *tx, struct told *gone, const struct uuid *latest,
		     struct error *err)
{
	int left = gone->key == NULL
		       ? 1
		       : db_one(tx->c, SQL_COLLECTION_BY_KEY,
				DB_ARGS(db_a_text(gone->key)), 1, NULL, NULL, err);

	if (left == 0) {
		return event_object(
		    tx,
		    &(struct object_event){.kind = "artifact-collection",
					   .what = "deleted",
					   .id = &gone->id,
					   .name = gone->key,
					   .related = gone->related,
					   .payload = gone->payload},
		    err);
	}
	json_decref(gone->related);
	json_decref(gone->payload);
	if (left > 0 && gone->key != NULL && uuid_equal(&gone->latest, latest)) {
		return emit(tx, "updated", gone->key, err);
	}
	return MIN_OF(left, 0);
}

static int delete_one(struct tx *tx, const struct uuid *id, const char *key,
		      struct error *err)
{
	struct told gone = {0};
	int rc = 0;

	if (key != NULL) {
		rc = db_one(tx->c, SQL_COLLECTION_BY_KEY, DB_ARGS(db_a_text(key)), 1,
			    take_told, &gone, err);
	}
	if (rc >= 0) {
		rc = db_exec(tx->c, SQL_ARTIFACT_DELETE, DB_ARGS(db_a_uuid(id)), 1,
			     NULL, err);
	}
	if (rc == 0 && key != NULL) {
		rc = repoint(tx, id, key, err);
	}
	if (rc == 0) {
		rc = emit_gone(tx, &gone, id, err);
	} else {
		json_decref(gone.related);
		json_decref(gone.payload);
	}
	free(gone.key);
	return rc;
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	char *key = NULL;
	int rc = db_one(tx->c, SQL_ARTIFACT_BY_ID, DB_ARGS(db_a_uuid(&a->id)), 1,
			take_key, &key, err);

	if (rc == 0) {
		return not_found(tx, err);
	}
	if (rc == 1) {
		rc = delete_one(tx, &a->id, key, err);
	}
	free(key);
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
	list_filter(r, &artifacts);
}

static void route_count(struct http_req *r)
{
	list_count(r, &artifacts);
}

static void route_latest_filter(struct http_req *r)
{
	list_filter(r, &collections);
}

static void route_latest_count(struct http_req *r)
{
	list_count(r, &collections);
}

extern const struct route routes_artifacts[];
const struct route routes_artifacts[] = {
    {"POST", "/artifacts/", route_create, 0, 4u << 20},
    {"POST", "/artifacts/filter", route_filter, 0, 0},
    {"POST", "/artifacts/count", route_count, 0, 0},
    {"POST", "/artifacts/latest/filter", route_latest_filter, 0, 0},
    {"POST", "/artifacts/latest/count", route_latest_count, 0, 0},
    {"GET", "/artifacts/{key}/latest", route_latest, 0, 0},
    {"GET", "/artifacts/{id}", route_read, 0, 0},
    {"PATCH", "/artifacts/{id}", route_update, 0, 4u << 20},
    {"DELETE", "/artifacts/{id}", route_delete, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
