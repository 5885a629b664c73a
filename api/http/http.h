/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - the HTTP server of wf-api: requests, replies, the route table.
 *
 * Loop thread only.  A handler gets a struct http_req and must end it with exactly one
 * http_reply*() call, now or later; if the client went away meanwhile the reply is
 * dropped. Answers follow server-contract section 1.3.  evhttp stays behind this
 * header.
 */
#ifndef API_HTTP_HTTP_H
#define API_HTTP_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/compiler.h"

struct api;
struct buf;
struct error;
struct http_req;
struct http_server;
struct loop;
struct uuid;

typedef void (*http_handler_fn)(struct http_req *r);

enum route_flags {
	ROUTE_PUBLIC = 1u << 0,   /* no authorisation: /health, /ready */
	ROUTE_ROOT = 1u << 1,     /* not below /api: /metrics, / */
	ROUTE_RAW_BODY = 1u << 2, /* not JSON: protobuf, text */
};

/*
 * PATTERN: "/flow_runs/{id}/set_state".  A parameter named id or ending in _id is a
 * UUID: a segment that is not one does not match (404 {"detail":"Not Found"}), see
 * server-contract 1.2; other parameters are percent-decoded text.  BODY_MAX 0: 1 MiB.
 * A pattern that ends in '/' is answered 307 without it, and the other way round.
 */
struct route {
	const char *method;
	const char *pattern;
	http_handler_fn handler;
	unsigned int flags;
	size_t body_max;
};

struct http_conf {
	const char *host;
	int port;                       /* 0 chooses */
	int max_connections;            /* 0: 20000 */
	size_t body_max;                /* hard cap; 0: 8 MiB */
	int64_t request_ms;             /* first to last byte of a request; 0: 30 s */
	const char *auth;               /* "user:password", or NULL */
	const char *tls_cert, *tls_key; /* PEM files; NULL or "": plain HTTP */
	const char *cors_origins;       /* comma-separated, "*": any (also NULL) */
	int csrf;              /* requests that change something carry a token */
	const char *base_path; /* "/api" */
	struct api *api;
};

/* ROUTES: NULL-terminated list of tables, each ended by an entry without method. */
int http_server_start(struct loop *loop, const struct http_conf *conf,
		      const struct route *const *tables,
		      struct http_server **ret_server, struct error *err);
int http_server_port(const struct http_server *s);
void http_server_stop_accepting(struct http_server *s);
int http_server_pending(const struct http_server *s); /* requests not answered yet */
void http_server_free(struct http_server *s);

/* ---- request ---- */
struct api *http_api(const struct http_req *r);
struct loop *http_loop(const struct http_req *r);
const char *http_method(const struct http_req *r);
const char *http_path(
    const struct http_req *r); /* below the base path, still encoded */
const char *http_param(const struct http_req *r,
		       const char *name); /* decoded, or NULL */
void http_param_uuid(const struct http_req *r, const char *name, struct uuid *ret_uuid);
const char *http_query(const struct http_req *r,
		       const char *name); /* decoded, or NULL */
const char *http_header(const struct http_req *r, const char *name);
/* Each header as the client wrote its name, in order. */
void http_each_header(const struct http_req *r,
		      void (*fn)(const char *name, const char *value, void *arg),
		      void *arg);
const char *http_body(const struct http_req *r, size_t *ret_len);
/* 1 when the client is on this host: a loopback peer, and no proxy in between. */
int http_is_local(const struct http_req *r);
/* For handlers that wait (long polls): FN is called at most once, from the loop, when
 * the client has hung up (or closed its sending side).  The request still wants its
 * reply. */
void http_on_gone(struct http_req *r, void (*fn)(struct http_req *r, void *arg),
		  void *arg);
int64_t http_arrived_us(const struct http_req *r); /* wall clock */
/*
 * The body as JSON, borrowed until the reply; an empty body is {} when EMPTY_OK.  NULL:
 * the request has been answered already (422 json_invalid, 400 not UTF-8, 422 missing
 * body).
 */
json_t *http_json(struct http_req *r, int empty_ok);
json_t *http_json_any(struct http_req *r); /* any top-level value, e.g. a list */

/* The token of CLIENT and its end.  0: this server asks for none. */
int http_csrf_token(const struct http_req *r, const char *client, char ret_hex[65],
		    int64_t *ret_expires_us);
const char *http_scheme(const struct http_req *r); /* "http", "https" */

/* ---- reply: each ends the request ---- */
void http_reply(struct http_req *r, int status, const char *content_type,
		const void *body, size_t len);
void http_reply_json(struct http_req *r, int status, const struct buf *body);
void http_reply_empty(struct http_req *r, int status);
/* {"detail": "..."} */
void http_reply_detail(struct http_req *r, int status, const char *fmt, ...)
    WF_PRINTF(3, 4);
/* {"exception_message": "..."} */
void http_reply_exception(struct http_req *r, int status, const char *fmt, ...)
    WF_PRINTF(3, 4);
/* The answer for an error of a lower layer: status by code, texts as 1.3. */
void http_reply_error(struct http_req *r, const struct error *err);
/* Adds a header to the coming reply. */
void http_reply_header(struct http_req *r, const char *name, const char *value);

/*
 * Validation: collect problems, then http_reply_invalid().  TYPE is pydantic's
 * ("missing", "string_type", "greater_than_equal", "extra_forbidden", ...); LOC is
 * dotted below the body, digits are indexes: "schedules.0.schedule".
 */
struct http_invalid; /* opaque list, at most 64 problems */
struct http_invalid *http_invalid_new(void);
void http_invalid_add(struct http_invalid *v, const char *type, const char *loc,
		      const json_t *input, const char *msg);
/* The same with a "ctx" (taken; NULL: derived from the type and the message, which is
 * right for enum, literal_error, uuid_parsing, value_error, the comparisons and the
 * string lengths). */
void http_invalid_add_ctx(struct http_invalid *v, const char *type, const char *loc,
			  const json_t *input, const char *msg, json_t *ctx);
/* What following problems are about: "body" (the default), "query", "path".  Borrowed.
 */
void http_invalid_root(struct http_invalid *v, const char *root);
size_t http_invalid_count(const struct http_invalid *v);
/* The first problem for a log line or a close frame: "Field required at resource". */
void http_invalid_describe(const struct http_invalid *v, char *dst, size_t size);
/* Takes V.  422 with exception_detail and request_body. */
void http_reply_invalid(struct http_req *r, struct http_invalid *v);
void http_invalid_free(struct http_invalid *v);

#endif
