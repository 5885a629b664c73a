/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin.c - health, versions, settings, CSRF: server-contract 1.6 and 2.1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/api.h"
#include "api/http/http.h"
#include "api/routes/decode.h"
#include "api/routes/settings.h"
#include "api/tx.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/uuid.h"

#define STORAGE_KEY "default-result-storage"

static void reply_text(struct http_req *r, const char *json)
{
	http_reply(r, 200, "application/json", json, strlen(json));
}

static void route_health(struct http_req *r)
{
	reply_text(r, "true");
}

static void route_hello(struct http_req *r)
{
	reply_text(r, "\"\xf0\x9f\x91\x8b\"");
}

static void route_version(struct http_req *r)
{
	reply_text(r, "\"" API_VERSION "\"");
}

static void route_admin_version(struct http_req *r)
{
	reply_text(r, "\"" API_SERVER_VERSION "\"");
}

static int ready_work(struct tx *tx, void *arg, struct error *err)
{
	int64_t n = 0;

	(void)arg;
	if (db_one_int(tx->c, SQL_PROBE, NULL, 0, &n, err) < 0) {
		tx->status = 503;
		tx->keep_answer = 1;
		buf_adds(&tx->body, "{\"message\":\"Database is not available\"}");
		return -ERR_UNAVAILABLE;
	}
	buf_adds(&tx->body, "{\"message\":\"OK\"}");
	return 0;
}

static void route_ready(struct http_req *r)
{
	if (http_api(r)->draining) {
		http_reply_header(r, "Retry-After", "5");
		http_reply(r, 503, "application/json",
			   "{\"message\":\"Shutting down\"}", 27);
		return;
	}
	tx_submit(r, DB_READ, ready_work, NULL, NULL);
}

static void route_settings(struct http_req *r)
{
	struct buf b;

	buf_init(&b);
	settings_write(&b, http_api(r));
	http_reply_json(r, 200, &b);
	buf_release(&b);
}

static void answer_csrf(struct http_req *r, const char *token, int64_t expires_us)
{
	struct uuid id;
	struct jsonw w;
	struct buf b;

	uuid_v4(&id);
	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_uuid(&w, "id", &id);
	jsonw_time(&w, "created", http_arrived_us(r));
	jsonw_time(&w, "updated", http_arrived_us(r));
	jsonw_str(&w, "token", token);
	jsonw_str(&w, "client", http_query(r, "client"));
	jsonw_time(&w, "expiration", expires_us);
	jsonw_obj_end(&w);
	http_reply_json(r, 200, &b);
	buf_release(&b);
}

static void route_csrf(struct http_req *r)
{
	struct http_invalid *v;
	char token[65];
	int64_t expires_us = 0;

	if (http_query(r, "client") == NULL) {
		v = http_invalid_new();
		http_invalid_root(v, "query");
		http_invalid_add(v, "missing", "client", NULL, "Field required");
		http_reply_invalid(r, v);
		return;
	}
	if (http_csrf_token(r, http_query(r, "client"), token, &expires_us)) {
		answer_csrf(r, token, expires_us);
		return;
	}
	http_reply_detail(r, 422, "CSRF protection is disabled.");
}

/* ---- /admin/storage ---- */

struct storage {
	struct uuid block;
	int has_block;
};

static void write_storage(struct tx *tx, const struct uuid *block)
{
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	jsonw_obj(&w, NULL);
	jsonw_uuid(&w, "default_result_storage_block_id", block);
	jsonw_obj_end(&w);
}

static void on_setting(const struct db_rows *row, void *arg)
{
	struct storage *s = arg;
	json_t *value = json_parse(db_text(row, 0), db_len(row, 0), 4096, NULL);

	s->has_block =
	    value != NULL && json_get_uuid(value, "default_result_storage_block_id",
					   &s->block, NULL) == 1;
	json_decref(value);
}

static int storage_get(struct tx *tx, void *arg, struct error *err)
{
	struct storage s = {0};

	(void)arg;
	if (db_one(tx->c, SQL_SETTING_GET, DB_ARGS(db_a_text(STORAGE_KEY)), 1,
		   on_setting, &s, err) < 0) {
		return -err->code;
	}
	write_storage(tx, s.has_block ? &s.block : NULL);
	return 0;
}

static void take_writes(const struct db_rows *row, void *arg)
{
	json_t *list = json_parse(db_text(row, 0), db_len(row, 0), 65536, NULL);
	json_t *v;
	size_t i;

	json_array_foreach (list, i, v) {
		const char *s = json_string_value(v);

		*(int *)arg |= s != NULL && strcmp(s, "write-path") == 0;
	}
	json_decref(list);
}

/* The block exists, and results can be written to it. */
static int storage_check(struct tx *tx, const struct uuid *block, struct error *err)
{
	char id[UUID_TEXT_SIZE];
	int writes = 0;
	int rc = db_one(tx->c, SQL_BLOCK_DOCUMENT_CAPABILITIES,
			DB_ARGS(db_a_uuid(block)), 1, take_writes, &writes, err);

	uuid_format(block, id);
	if (rc == 0) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404,
				 "Block document %s not found.", id);
	}
	if (rc > 0 && !writes) {
		return tx_detail(tx, err, ERR_INVALID, 422,
				 "Block document %s cannot be used for result storage.",
				 id);
	}
	return rc < 0 ? rc : 0;
}

static int storage_put(struct tx *tx, void *arg, struct error *err)
{
	struct storage *s = arg;
	struct db_arg args[3];
	int rc = storage_check(tx, &s->block, err);

	if (rc < 0) {
		return rc;
	}
	write_storage(tx, &s->block);
	args[0] = db_a_text(STORAGE_KEY);
	args[1] = db_a_textn(tx->body.data, tx->body.len);
	args[2] = db_a_time(tx->now_us);
	return db_exec(tx->c, SQL_SETTING_PUT, args, 3, NULL, err);
}

static int storage_delete(struct tx *tx, void *arg, struct error *err)
{
	(void)arg;
	tx->status = 204;
	tx->empty = 1;
	return db_exec(tx->c, SQL_SETTING_DELETE, DB_ARGS(db_a_text(STORAGE_KEY)), 1,
		       NULL, err);
}

struct storage_body {
	struct uuid default_result_storage_block_id;
};
static const struct field storage_fields[] = {
    FIELD(struct storage_body, default_result_storage_block_id, F_UUID,
	  .flags = F_REQUIRED),
};

static void route_storage_get(struct http_req *r)
{
	tx_submit(r, DB_READ, storage_get, NULL, NULL);
}

static void route_storage_put(struct http_req *r)
{
	json_t *body = http_json(r, 0);
	struct http_invalid *v;
	struct storage_body in;
	struct storage *s;

	if (body == NULL) {
		return;
	}
	v = http_invalid_new();
	if (decode_object(body, storage_fields, ARRAY_LEN(storage_fields), 1, "", &in,
			  NULL, v) > 0) {
		http_reply_invalid(r, v);
		return;
	}
	http_invalid_free(v);
	s = xcalloc(1, sizeof(*s));
	s->block = in.default_result_storage_block_id;
	tx_submit(r, DB_WRITE, storage_put, s, free);
}

static void route_storage_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, storage_delete, NULL, NULL);
}

/* ---- outside /api ---- */

static void route_ui_settings(struct http_req *r)
{
	const struct api *api = http_api(r);
	struct jsonw w;
	struct buf b;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "api_url", api->url);
	jsonw_bool(&w, "csrf_enabled", api->conf != NULL && api->conf->csrf);
	jsonw_str(&w, "auth",
		  api->conf != NULL && api->conf->auth_string != NULL &&
			  api->conf->auth_string[0] != '\0'
		      ? "BASIC"
		      : NULL);
	jsonw_arr(&w, "flags");
	jsonw_arr_end(&w);
	jsonw_str(&w, "default_ui", "v1");
	jsonw_arr(&w, "available_uis");
	jsonw_arr_end(&w);
	jsonw_str(&w, "v1_base_url", "/");
	jsonw_str(&w, "v2_base_url", "/v2");
	jsonw_obj_end(&w);
	http_reply_json(r, 200, &b);
	buf_release(&b);
}

static void route_metrics(struct http_req *r)
{
	struct buf b;

	buf_init(&b);
	metrics_write(&b);
	http_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", b.data, b.len);
	buf_release(&b);
}

static void route_root(struct http_req *r)
{
	struct buf b;

	buf_init(&b);
	buf_addf(
	    &b,
	    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
	    "<title>wf</title><body style=\"font-family:system-ui;margin:4em auto;"
	    "max-width:40em\"><h1>wf is running</h1><p>The API is at <code>%s</code>. "
	    "Point a client at it:</p><pre>export PREFECT_API_URL=%s</pre>"
	    "<p><a href=\"/docs\">routes</a> &middot; "
	    "<a href=\"/api/health\">health</a> &middot; "
	    "<a href=\"/metrics\">metrics</a></p></body></html>\n",
	    http_api(r)->url, http_api(r)->url);
	http_reply(r, 200, "text/html; charset=utf-8", b.data, b.len);
	buf_release(&b);
}

extern const struct route routes_admin[];
const struct route routes_admin[] = {
    {"GET", "/health", route_health, ROUTE_PUBLIC, 0},
    {"GET", "/ready", route_ready, ROUTE_PUBLIC, 0},
    {"GET", "/hello", route_hello, 0, 0},
    {"GET", "/version", route_version, 0, 0},
    {"GET", "/csrf-token", route_csrf, 0, 0},
    {"GET", "/admin/version", route_admin_version, 0, 0},
    {"GET", "/admin/settings", route_settings, 0, 0},
    {"GET", "/admin/storage", route_storage_get, 0, 0},
    {"PUT", "/admin/storage", route_storage_put, 0, 0},
    {"DELETE", "/admin/storage", route_storage_delete, 0, 0},
    {"GET", "/", route_root, ROUTE_ROOT | ROUTE_PUBLIC, 0},
    {"GET", "/ui-settings", route_ui_settings, ROUTE_ROOT | ROUTE_PUBLIC, 0},
    {"GET", "/metrics", route_metrics, ROUTE_ROOT, 0},
    {NULL, NULL, NULL, 0, 0},
};
