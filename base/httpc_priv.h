/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpc_priv.h - inside the HTTP client: requests, and the two ways to carry them.
 *
 * httpc.c owns the life of a request: queue, deadline, redirects, completion.  A
 * transport carries one that is active: httpc_plain.c speaks HTTP/1.1 over TCP and Unix
 * sockets, httpc_curl.c leaves https to libcurl, which is loaded at the first https URL
 * only (it brings 30 libraries and 7 MB).  A transport never runs code of users: it
 * calls httpc_done(), and the completion follows from the client's timer.
 */
#ifndef BASE_HTTPC_PRIV_H
#define BASE_HTTPC_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include <sys/queue.h>

#include "base/error.h"
#include "base/heap.h"
#include "base/http1.h"
#include "base/httpc.h"
#include "base/url.h"

struct curl_exchange;
struct curl_transport;
struct loop_timer;
struct plain_conn;

/*
 *  QUEUED --pump--> ACTIVE --httpc_done--> DONE --timer--> DELIVERING --> freed
 *    |  ^             |                     ^
 *    |  +--redirect---+                     |
 *    +------------ cancel, deadline --------+
 */
enum req_state { REQ_QUEUED = 1, REQ_ACTIVE, REQ_DONE, REQ_DELIVERING };

struct httpc_req {
	TAILQ_ENTRY(httpc_req) link; /* in the list of its state */
	struct heap_node deadline;   /* monotonic ms, of the whole request */
	enum req_state state;
	struct httpc *client;
	httpc_fn fn;
	void *arg;
	/* what is asked; all owned */
	char *method;
	struct url url;
	char *unix_socket; /* or NULL */
	char **headers;    /* "Name: value", NULL terminated */
	char *content_type;
	void *body;
	size_t body_len, max_body;
	int64_t connect_timeout_ms;
	int redirects;
	unsigned int flags;      /* enum httpc_flags */
	struct mail_parts *mail; /* owned; or NULL */
	/* what came */
	struct http_answer answer;
	int rc;
	struct error err;
	/* of the transport */
	struct plain_conn *conn;
	struct curl_exchange *exchange;
};
struct mail_parts { /* struct httpc_mail, owned */
	char *from, *username, *password;
	char **to;
	int starttls;
	size_t sent; /* bytes of the body */
};
TAILQ_HEAD(req_list, httpc_req);
TAILQ_HEAD(conn_list, plain_conn);

struct httpc {
	struct loop *loop;
	struct loop_timer *timer;
	int max_connections;
	struct req_list queued, active, done;
	int queued_count, active_count, done_count;
	struct heap deadlines;
	struct conn_list conns; /* plain connections, least recently used first */
	int conn_count;
	struct heap connects;        /* deadlines of connections being made */
	struct curl_transport *curl; /* NULL until the first https request */
	int64_t curl_at_ms;          /* when libcurl wants to run; INT64_MAX: never */
	int closing, depth, dead;
};

/* The transport is through with an active request.  RC 0: the answer is in R. */
void httpc_done(struct httpc_req *r, int rc, const struct error *err);
/* Something changed that the timer has to look at: deadlines, done requests. */
void httpc_rearm(struct httpc *c);
/* "GET http://host:port", for messages: no query, no password. */
void httpc_describe(const struct httpc_req *r, char *buf, size_t size);
/* "'URL' is not a valid URL.  It resolves to the private address A." when R may not go
 * there; 0: it may. */
struct sockaddr;
int httpc_refuse_address(const struct httpc_req *r, const struct sockaddr *sa,
			 struct error *err);
int httpc_has_header(const struct httpc_req *r, const char *name);

/* Both complete through httpc_done(), or return a negative code and then they do not.
 */
int plain_start(struct httpc_req *r, struct error *err);
int curl_start(struct httpc_req *r, struct error *err);
/* Forgets R, which is active; no completion follows. */
void plain_abort(struct httpc_req *r);
void curl_abort(struct httpc_req *r);
void plain_tick(struct httpc *c, int64_t now_ms); /* connect deadlines */
void curl_tick(struct httpc *c);
void plain_close_all(struct httpc *c); /* idle connections, once nothing is active */
void curl_close(struct httpc *c);

#endif
