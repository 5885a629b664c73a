/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi.c - GET /openapi.json: every route of the tables that the server runs on,
 * with the words of docs/api.md.  What is in a body is not said: the decoders know it.
 */
#include "api/routes/openapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/http/http.h"
#include "api/http/ws.h"
#include "api/routes/tables.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/jsonw.h"
#include "base/mem.h"

const char *route_words_of(const char *method, const char *pattern)
{
	for (const struct route_words *w = route_words; w->method != NULL; w++) {
		if (strcmp(w->method, method) == 0 &&
		    strcmp(w->pattern, pattern) == 0) {
			return w->words;
		}
	}
	return "";
}

static int by_pattern(const void *a, const void *b)
{
	const struct route *x = ((const struct route_entry *)a)->route;
	const struct route *y = ((const struct route_entry *)b)->route;
	int order = strcmp(x->pattern, y->pattern);

	return order != 0 ? order : strcmp(x->method, y->method);
}

size_t route_entries(struct route_entry ret_list[ROUTES_MAX])
{
	size_t n = 0;

	for (size_t t = 0; route_tables[t] != NULL; t++) {
		for (const struct route *r = route_tables[t];
		     r->method != NULL && n < ROUTES_MAX; r++) {
			ret_list[n++].route = r;
		}
	}
	qsort(ret_list, n, sizeof(*ret_list), by_pattern);
	return n;
}

/* Parameters that are ids match UUIDs only (http.h). */
static int is_id(const char *name, size_t len)
{
	return (len == 2 && memcmp(name, "id", 2) == 0) ||
	       (len > 3 && memcmp(name + len - 3, "_id", 3) == 0);
}

static void write_parameters(struct jsonw *w, const char *pattern)
{
	jsonw_arr(w, "parameters");
	for (const char *at = strchr(pattern, '{'); at != NULL;
	     at = strchr(at + 1, '{')) {
		size_t len = strcspn(at + 1, "}");

		jsonw_obj(w, NULL);
		jsonw_strn(w, "name", at + 1, len);
		jsonw_str(w, "in", "path");
		jsonw_bool(w, "required", 1);
		jsonw_obj(w, "schema");
		jsonw_str(w, "type", "string");
		if (is_id(at + 1, len)) {
			jsonw_str(w, "format", "uuid");
		}
		jsonw_obj_end(w);
		jsonw_obj_end(w);
	}
	jsonw_arr_end(w);
}

static void write_content(struct jsonw *w, const char *type, const char *schema)
{
	jsonw_obj(w, "content");
	jsonw_obj(w, type);
	jsonw_raw(w, "schema", schema);
	jsonw_obj_end(w);
	jsonw_obj_end(w);
}

static void write_response(struct jsonw *w, const char *status, const char *text,
			   const char *schema)
{
	jsonw_obj(w, status);
	jsonw_str(w, "description", text);
	if (schema != NULL) {
		write_content(w, "application/json", schema);
	}
	jsonw_obj_end(w);
}

static void write_id(struct jsonw *w, const struct route *r)
{
	struct buf b;

	buf_init(&b);
	buf_addf(&b, "%s%s", r->method, r->pattern);
	for (size_t i = 0; i < b.len; i++) {
		if (b.data[i] >= 'A' && b.data[i] <= 'Z') {
			b.data[i] = (char)(b.data[i] - 'A' + 'a');
		} else if (strchr("/-{}", b.data[i]) != NULL) {
			b.data[i] = '_';
		}
	}
	jsonw_str(w, "operationId", b.data);
	buf_release(&b);
}

/* "/flow_runs/{id}" belongs to "flow_runs"; ours to "wf". */
static void write_tag(struct jsonw *w, const char *pattern)
{
	jsonw_arr(w, "tags");
	jsonw_strn(w, NULL, pattern + 1, strcspn(pattern + 1, "/"));
	jsonw_arr_end(w);
}

static void write_operation(struct jsonw *w, const struct route *r, int auth)
{
	const char *body = r->method[0] != 'P' ? NULL
			   : (r->flags & ROUTE_RAW_BODY) != 0
			       ? "application/octet-stream"
			       : "application/json";
	char method[8];

	for (size_t i = 0; i < sizeof(method); i++) {
		method[i] = (char)(r->method[i] + ('a' - 'A'));
		if (r->method[i] == '\0') {
			method[i] = '\0';
			break;
		}
	}
	jsonw_obj(w, method);
	write_tag(w, r->pattern);
	jsonw_str(w, "summary", route_words_of(r->method, r->pattern));
	write_id(w, r);
	write_parameters(w, r->pattern);
	if (body != NULL) {
		jsonw_obj(w, "requestBody");
		write_content(w, body, "{}");
		jsonw_obj_end(w);
	}
	jsonw_obj(w, "responses");
	write_response(w, "2XX", "it is done", NULL);
	write_response(w, "422", "the request is not valid",
		       "{\"$ref\":\"#/components/schemas/Invalid\"}");
	write_response(w, "default", "it was refused",
		       "{\"$ref\":\"#/components/schemas/Problem\"}");
	jsonw_obj_end(w);
	if (auth && (r->flags & ROUTE_PUBLIC) == 0) {
		jsonw_raw(w, "security", "[{\"basic\":[]}]");
	}
	if ((r->flags & ROUTE_ROOT) != 0) {
		jsonw_raw(w, "servers", "[{\"url\":\"/\"}]");
	}
	jsonw_obj_end(w);
}

static void write_paths(struct jsonw *w, int auth)
{
	struct route_entry *list = xcalloc(ROUTES_MAX, sizeof(*list));
	size_t n = route_entries(list);
	const char *open = NULL;

	jsonw_obj(w, "paths");
	for (size_t i = 0; i < n; i++) {
		const struct route *r = list[i].route;

		if (open == NULL || strcmp(open, r->pattern) != 0) {
			if (open != NULL) {
				jsonw_obj_end(w);
			}
			jsonw_obj(w, r->pattern);
			open = r->pattern;
		}
		write_operation(w, r, auth);
	}
	if (open != NULL) {
		jsonw_obj_end(w);
	}
	jsonw_obj_end(w);
	free(list);
}

/* OpenAPI has no words for sockets. */
static void write_sockets(struct jsonw *w)
{
	jsonw_obj(w, "x-websockets");
	for (size_t t = 0; ws_tables[t] != NULL; t++) {
		for (const struct ws_endpoint *e = ws_tables[t]; e->pattern != NULL;
		     e++) {
			jsonw_str(w, e->pattern, route_words_of("WS", e->pattern));
		}
	}
	jsonw_obj_end(w);
}

static void write_components(struct jsonw *w, int auth)
{
	jsonw_obj(w, "components");
	jsonw_raw(w, "schemas",
		  "{\"Problem\":{\"type\":\"object\",\"properties\":{"
		  "\"detail\":{\"type\":\"string\"},"
		  "\"exception_message\":{\"type\":\"string\"}}},"
		  "\"Invalid\":{\"type\":\"object\",\"properties\":{"
		  "\"exception_message\":{\"type\":\"string\"},"
		  "\"exception_detail\":{\"type\":\"array\",\"items\":{"
		  "\"type\":\"object\",\"required\":[\"type\",\"loc\",\"msg\"]}},"
		  "\"request_body\":{},\"detail\":{\"type\":\"string\"}}}}");
	if (auth) {
		jsonw_raw(w, "securitySchemes",
			  "{\"basic\":{\"type\":\"http\",\"scheme\":\"basic\"}}");
	}
	jsonw_obj_end(w);
}

static void route_openapi(struct http_req *r)
{
	const struct api *api = http_api(r);
	int auth = api->conf != NULL && api->conf->auth_string != NULL &&
		   api->conf->auth_string[0] != '\0';
	struct jsonw w;
	struct buf b;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "openapi", "3.1.0");
	jsonw_obj(&w, "info");
	jsonw_str(&w, "title", "wf");
	jsonw_str(&w, "version", PACKAGE_VERSION);
	jsonw_str(&w, "description",
		  "The API of Prefect " API_SERVER_VERSION " (" API_VERSION
		  ") and what wf adds, below /wf/v1.");
	jsonw_obj_end(&w);
	jsonw_arr(&w, "servers");
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "url", api->url);
	jsonw_obj_end(&w);
	jsonw_arr_end(&w);
	write_paths(&w, auth);
	write_components(&w, auth);
	write_sockets(&w);
	jsonw_obj_end(&w);
	http_reply_json(r, 200, &b);
	buf_release(&b);
}

extern const struct route routes_openapi[];
const struct route routes_openapi[] = {
    {"GET", "/openapi.json", route_openapi, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
