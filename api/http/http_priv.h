/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_priv.h - what the files of api/http share, and what their unit tests reach.
 *
 * A request lives in two objects: evhttp's, which libevent may take away, and ours,
 * which lives until the handler has replied.  Everything a handler may keep (path,
 * parameters, body) is ours.  Two ways a pending request dies: libevent detaches it
 * (its connection becomes NULL; the reply must still be sent once, which then only
 * frees it), or we free the server (ev is cleared first; a late reply only frees ours).
 */
#ifndef API_HTTP_HTTP_PRIV_H
#define API_HTTP_HTTP_PRIV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>

#include "api/http/http.h"
#include "api/http/router.h"

struct conns;
struct bufferevent;
struct evkeyvalq;
struct guesses;
struct http_tls;
struct evbuffer;
struct http_conn;
struct refusals;
struct route_stats;
struct ws_server;

#define HTTP_HEADERS_MAX 65536 /* bytes of a request's head */
#define HTTP_BODY_MAX    (8u << 20)
#define HTTP_BODY_DEF    (1u << 20)
#define HTTP_CONNS_MAX   20000
#define HTTP_IDLE_S      75 /* keep-alive without a request; also between two bytes */
#define HTTP_REQUEST_MS  30000 /* first byte to last byte of one request */
#define HTTP_GONE_MS                                                     \
	1000 /* a handler that takes longer is told when the client goes \
	      */
#define HTTP_REPLY_HEADERS_MAX 8

/* One per route of the tables: the target of the router. */
struct http_route {
	const struct route *route;
	struct route_stats *stats;
};

struct http_server {
	struct loop *loop;
	struct api *api;
	struct evhttp *ev;
	struct conns *conns;
	struct refusals *refusals;
	struct router *api_routes, *root_routes;
	struct http_route *routes;
	size_t route_count;
	struct route_stats *unmatched;
	char *base_path;
	char *auth;       /* what the header must be, or NULL */
	char *auth_token; /* the raw "user:password", for sockets */
	struct guesses *guesses;
	struct http_tls *tls; /* NULL: plain */
	char *cors_origins;
	int csrf;
	uint8_t csrf_key[32];
	size_t body_max;
	int64_t request_ms;
	int port;
	int closing; /* answers say Connection: close */
	struct ws_server *ws;
	TAILQ_HEAD(, http_req) pending;
};

struct http_header {
	char *name, *value;
};

struct http_req {
	TAILQ_ENTRY(http_req) link; /* in server->pending */
	struct http_server *server; /* NULL: freed */
	struct api *api;
	struct loop *loop;
	struct evhttp_request *ev; /* NULL: the server is gone */
	struct event *gone;        /* while a slow handler runs */
	void (*on_gone)(struct http_req *r, void *arg);
	void *on_gone_arg;
	const char *method;
	char *path;    /* below the base path, encoded */
	char *query;   /* or NULL */
	char **values; /* decoded query values handed out */
	size_t value_count;
	const struct http_route *route; /* NULL: none matched */
	struct router_match *match;
	struct evbuffer *body;
	json_t *json;
	struct http_header headers[HTTP_REPLY_HEADERS_MAX];
	size_t header_count;
	int64_t arrived_us, started_us; /* wall clock; monotonic */
	int replied;
};

/* ---- server.c ---- */
/* Tells the handlers that take long, and asked for it, when their client hangs up. */
void http_watch_gone(struct http_server *s);
void http_req_unwatch(struct http_req *r); /* before anything is written: see there */
void http_req_free(struct http_req *r);

/* ---- cors.c, csrf.c ---- */
void cors_headers(struct http_req *r, struct evkeyvalq *headers);
void cors_preflight(struct http_req *r); /* answers */
void csrf_key_make(const char *auth, uint8_t ret_key[32]);
int check_csrf(struct http_req *r); /* 1: answered with 403 */

/* ---- conn.c: every connection, from accept to close ---- */
struct conns *conns_new(struct http_server *s, int max);
void conns_free(struct conns *c); /* after evhttp_free() */
int conns_count(const struct conns *c);
int conns_listen(struct conns *c, const char *host, int port, int *ret_port,
		 struct error *err);
void conns_stop_accepting(struct conns *c);
/* NULL when the request has lost its connection. */
struct http_conn *conns_of(struct conns *c, struct evhttp_request *ev);
void conn_busy(struct http_conn *c);     /* a request is complete and being handled */
void conn_answered(struct http_conn *c); /* its answer is on the way */
void conn_upgraded(struct http_conn *c); /* no deadlines: a WebSocket from now on */

/* The connection on FD, when that still is the socket with COOKIE; else NULL. */
struct http_conn *conns_find(struct conns *c, int fd, uint64_t cookie);
/* NULL while a handler runs, and once it is a WebSocket. */
struct bufferevent *conn_reading(const struct http_conn *c);

/* ---- refuse.c: bodies that are announced and too large ---- */
struct refusals *refusals_new(struct http_server *s);
void refusals_free(struct refusals *all); /* accepts NULL; before evhttp_free() */
/*
 * Looks at the lines of a head that are in IN, before evhttp takes them: the announced
 * length of a body, -1 when no line says one.  *ret_end is 1 when the head ends there.
 */
int64_t refuse_announced(struct evbuffer *in, int *ret_end);
/* Later in this turn: 413 and the end of the connection, when it is still there. */
void refuse_later(struct http_server *s, int fd, uint64_t cookie, int64_t length);

/* ---- stats.c ---- */
/* Live as long as the process, since the registry of metrics does. */
struct route_stats *route_stats_get(const char *method, const char *pattern);
void route_stats_count(struct route_stats *s, int status, int64_t us);
void http_metrics_register(void);
extern struct metric http_connections, http_slow_cut, http_accept_paused;

/* ---- check.c: what is decided before routing; each 1 when it has answered ---- */
int check_auth(struct http_req *r);
/* Who asks: the peer, or whom a proxy on this host names last.  "": this host. */
void check_address(struct evhttp_connection *evcon, const char *forwarded, char *dst,
		   size_t size);
int check_version(struct http_req *r);
int check_auth_text(const struct http_server *s, const char *token); /* for sockets */
char *check_auth_header(const char *auth);

/* ---- ws_upgrade.c ---- */
/* 1 when EV asks for an upgrade (and has been dealt with). */
int ws_upgrade(struct http_server *s, struct evhttp_request *ev, const char *path);
void ws_server_free(struct ws_server *w);

/* The whole 422 answer; REQUEST_BODY is borrowed, NULL: null.  New reference. */
json_t *http_invalid_json(const struct http_invalid *v, json_t *request_body);

#endif
