/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply.c - the one way out of a request.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "api/http/http_priv.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"

#define RETRY_AFTER_S "1"

static const char *reason_of(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
	    {200, "OK"},
	    {201, "Created"},
	    {202, "Accepted"},
	    {204, "No Content"},
	    {307, "Temporary Redirect"},
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {409, "Conflict"},
	    {413, "Request Entity Too Large"},
	    {422, "Unprocessable Entity"},
	    {423, "Locked"},
	    {429, "Too Many Requests"},
	    {500, "Internal Server Error"},
	    {501, "Not Implemented"},
	    {503, "Service Unavailable"},
	    {504, "Gateway Timeout"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(reasons); i++) {
		if (reasons[i].status == status) {
			return reasons[i].text;
		}
	}
	return status < 300 ? "OK" : status < 500 ? "Error" : "Server Error";
}

static void count_answer(struct http_req *r, int status, size_t len)
{
	int64_t us = clock_mono_us() - r->started_us;
	struct route_stats *stats =
	    r->route != NULL ? r->route->stats : r->server->unmatched;

	route_stats_count(stats, status, us);
	log_debug("%s %s -> %d, %zu bytes, %lld us", r->method, r->path, status, len,
		  (long long)us);
}

static void free_later(void *arg)
{
	http_req_free(arg);
}

void http_reply(struct http_req *r, int status, const char *content_type,
		const void *body, size_t len)
{
	struct evkeyvalq *headers;
	struct http_conn *conn;
	struct evbuffer *out;
	size_t i;

	PRE(!r->replied);
	r->replied = 1;
	http_req_unwatch(
	    r); /* edge- and level-triggered events on one socket do not mix */
	if (r->server == NULL || r->ev == NULL) {
		loop_defer_free(r->loop, free_later, r);
		return;
	}
	count_answer(r, status, len);
	TAILQ_REMOVE(&r->server->pending, r, link);
	headers = evhttp_request_get_output_headers(r->ev);
	if (content_type != NULL) {
		evhttp_add_header(headers, "Content-Type", content_type);
	}
	cors_headers(r, headers);
	for (i = 0; i < r->header_count; i++) {
		evhttp_add_header(headers, r->headers[i].name, r->headers[i].value);
	}
	if (r->server->closing) {
		evhttp_add_header(headers, "Connection", "close");
	}
	conn = conns_of(r->server->conns, r->ev);
	out = evbuffer_new();
	if (strcmp(r->method, "HEAD") != 0) { /* evhttp would send it */
		evbuffer_add(out, body, len);
	}
	/* also when libevent has detached the request: then this only frees it */
	evhttp_send_reply(r->ev, status, reason_of(status), out);
	evbuffer_free(out);
	r->ev = NULL;
	if (conn != NULL) {
		conn_answered(conn);
	}
	loop_defer_free(r->loop, free_later, r);
}

void http_reply_header(struct http_req *r, const char *name, const char *value)
{
	PRE(r->header_count < HTTP_REPLY_HEADERS_MAX);
	r->headers[r->header_count].name = xstrdup(name);
	r->headers[r->header_count++].value = xstrdup(value);
}

void http_reply_json(struct http_req *r, int status, const struct buf *body)
{
	http_reply(r, status, "application/json", body->data, body->len);
}

void http_reply_empty(struct http_req *r, int status)
{
	http_reply(r, status, NULL, "", 0);
}

WF_PRINTF(4, 0)
static void reply_text(struct http_req *r, int status, const char *key, const char *fmt,
		       va_list ap)
{
	struct buf text, body;
	struct jsonw w;

	buf_init(&text);
	buf_init(&body);
	buf_addv(&text, fmt, ap);
	jsonw_init(&w, &body);
	jsonw_obj(&w, NULL);
	jsonw_strn(&w, key, text.data, text.len);
	jsonw_obj_end(&w);
	http_reply_json(r, status, &body);
	buf_release(&body);
	buf_release(&text);
}

void http_reply_detail(struct http_req *r, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	reply_text(r, status, "detail", fmt, ap);
	va_end(ap);
}

void http_reply_exception(struct http_req *r, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	reply_text(r, status, "exception_message", fmt, ap);
	va_end(ap);
}

void http_reply_error(struct http_req *r, const struct error *err)
{
	switch (err->code) {
	case ERR_INVALID:
	case ERR_TOO_LARGE:
	case ERR_FORBIDDEN:
	case ERR_USAGE:
		http_reply_detail(r, err_http_status(err->code), "%s", err->msg);
		return;
	case ERR_NOT_FOUND:
		http_reply_exception(r, 404, "%s", err->msg);
		return;
	case ERR_CONFLICT:
		log_debug("%s %s: %s", r->method, r->path, err->msg);
		http_reply_detail(
		    r, 409,
		    "Data integrity conflict. This usually means a unique "
		    "or foreign key constraint was violated. See server "
		    "logs for details.");
		return;
	case ERR_DENIED:
		http_reply_exception(r, 401, "Unauthorized");
		return;
	case ERR_UNAVAILABLE:
	case ERR_BUSY:
	case ERR_TIMEOUT:
	case ERR_CANCELED:
		log_warn("%s %s: %s", r->method, r->path, err->msg);
		http_reply_header(r, "Retry-After", RETRY_AFTER_S);
		http_reply_exception(r, 503, "Service Unavailable");
		return;
	default:
		log_error("%s %s: %s", r->method, r->path, err->msg);
		http_reply_exception(r, 500, "Internal Server Error");
		return;
	}
}

void http_reply_invalid(struct http_req *r, struct http_invalid *v)
{
	json_t *answer = http_invalid_json(v, r->json);
	char *text = json_text(answer);

	json_decref(answer);
	http_invalid_free(v);
	http_reply(r, 422, "application/json", text, strlen(text));
	free(text);
}
