/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - what a handler asks about its request.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "api/http/http_priv.h"
#include "api/http/text.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/uuid.h"

#define QUERY_VALUES_MAX 64

struct api *http_api(const struct http_req *r)
{
	return r->api;
}

struct loop *http_loop(const struct http_req *r)
{
	return r->loop;
}

const char *http_method(const struct http_req *r)
{
	return r->method;
}

const char *http_path(const struct http_req *r)
{
	return r->path;
}

int64_t http_arrived_us(const struct http_req *r)
{
	return r->arrived_us;
}

const char *http_param(const struct http_req *r, const char *name)
{
	return r->match != NULL ? router_param(r->match, name) : NULL;
}

void http_param_uuid(const struct http_req *r, const char *name, struct uuid *ret_uuid)
{
	const char *text = http_param(r, name);

	/* the router has checked it */
	if (text == NULL || uuid_parse(text, ret_uuid) < 0) {
		BUG("route %s has no UUID parameter %s", r->path, name);
	}
}

const char *http_query(const struct http_req *r, const char *name)
{
	struct http_req *own =
	    (struct http_req *)(uintptr_t)r; /* keeps what it decodes */
	char *value = text_query_value(r->query, name);

	if (value == NULL || r->value_count >= QUERY_VALUES_MAX) {
		free(value);
		return NULL;
	}
	own->values = xreallocarray(r->values, r->value_count + 1, sizeof(*r->values));
	own->values[own->value_count++] = value;
	return value;
}

const char *http_header(const struct http_req *r, const char *name)
{
	if (r->ev == NULL) {
		return NULL;
	}
	return evhttp_find_header(evhttp_request_get_input_headers(r->ev), name);
}

void http_each_header(const struct http_req *r,
		      void (*fn)(const char *name, const char *value, void *arg),
		      void *arg)
{
	const struct evkeyval *h;

	if (r->ev == NULL) {
		return;
	}
	TAILQ_FOREACH (h, evhttp_request_get_input_headers(r->ev), next) {
		fn(h->key, h->value, arg);
	}
}

const char *http_scheme(const struct http_req *r)
{
	return r->server != NULL && r->server->tls != NULL ? "https" : "http";
}

int http_is_local(const struct http_req *r)
{
	struct evhttp_connection *evcon =
	    r->ev != NULL ? evhttp_request_get_connection(r->ev) : NULL;
	char *peer = NULL;
	ev_uint16_t port;

	if (evcon == NULL || http_header(r, "X-Forwarded-For") != NULL ||
	    http_header(r, "Forwarded") != NULL) {
		return 0;
	}
	evhttp_connection_get_peer(evcon, &peer, &port);
	return peer != NULL &&
	       (strncmp(peer, "127.", 4) == 0 || strcmp(peer, "::1") == 0 ||
		strncmp(peer, "::ffff:127.", 11) == 0);
}

void http_on_gone(struct http_req *r, void (*fn)(struct http_req *r, void *arg),
		  void *arg)
{
	r->on_gone = fn;
	r->on_gone_arg = arg;
}

const char *http_body(const struct http_req *r, size_t *ret_len)
{
	*ret_len = evbuffer_get_length(r->body);
	return *ret_len > 0 ? (const char *)evbuffer_pullup(r->body, -1) : "";
}

/* No type, or JSON: parsed.  Everything else is taken as text, as the reference does.
 */
static int is_json_type(const char *type)
{
	size_t len;

	if (type == NULL) {
		return 1;
	}
	len = strcspn(type, "; \t");
	return (len == 16 && strncasecmp(type, "application/json", len) == 0) ||
	       (len > 17 && strncasecmp(type, "application/", 12) == 0 &&
		strncasecmp(type + len - 5, "+json", 5) == 0);
}

static void answer_bad_json(struct http_req *r, const char *text, size_t len,
			    size_t stopped_at, const struct error *err)
{
	struct http_invalid *v = http_invalid_new();
	json_t *empty = json_object(), *ctx;
	size_t offset = 0;
	const char *problem = text_json_problem(text, len, &offset);
	char loc[24];

	/* our own limits (depth, duplicate keys, huge numbers) have texts of their own
	 */
	ctx = json_pack("{s:s}", "error", problem != NULL ? problem : err->msg);
	(void)snprintf(loc, sizeof(loc), "%zu", problem != NULL ? offset : stopped_at);
	http_invalid_add_ctx(v, "json_invalid", loc, empty, "JSON decode error", ctx);
	json_decref(empty);
	r->json = json_stringn(text, len);
	http_reply_invalid(r, v);
}

static void answer_missing_body(struct http_req *r)
{
	struct http_invalid *v = http_invalid_new();

	http_invalid_add(v, "missing", "", NULL, "Field required");
	http_reply_invalid(r, v);
}

json_t *http_json_any(struct http_req *r)
{
	struct error err = {0};
	size_t len, stopped_at = 0;
	const char *text;

	if (r->json != NULL) {
		return r->json;
	}
	text = http_body(r, &len);
	if (len == 0) {
		answer_missing_body(r);
		return NULL;
	}
	if (!utf8_is_valid(text, len)) {
		http_reply_detail(r, 400, "There was an error parsing the body");
		return NULL;
	}
	if (!is_json_type(http_header(r, "Content-Type"))) {
		r->json = json_stringn(text, len);
		return r->json;
	}
	r->json = json_parse_at(text, len, HTTP_BODY_MAX, &stopped_at, &err);
	if (r->json == NULL) {
		answer_bad_json(r, text, len, stopped_at,
				&err); /* keeps the text for the answer */
		return NULL;
	}
	return r->json;
}

json_t *http_json(struct http_req *r, int empty_ok)
{
	struct http_invalid *v;
	json_t *body;

	if (empty_ok && r->json == NULL && evbuffer_get_length(r->body) == 0) {
		r->json = json_object();
	}
	body = http_json_any(r);
	if (body != NULL && !json_is_object(body)) {
		v = http_invalid_new();
		http_invalid_add(
		    v, "model_attributes_type", "", body,
		    "Input should be a valid dictionary or object to extract "
		    "fields from");
		http_reply_invalid(r, v);
		return NULL;
	}
	return body;
}
