/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ws_priv.h - one WebSocket, as the files ws*.c share it.
 *
 *   AUTH ---auth message---> OPEN ---close frame sent or seen---> CLOSING ---> DEAD
 *     |                       ^                                      ^
 *     +--- no subprotocol ----+       (from AUTH too: refused) ------+
 *
 * DEAD objects are freed at the end of the loop's turn.
 */
#ifndef API_HTTP_WS_PRIV_H
#define API_HTTP_WS_PRIV_H

#include <stdint.h>
#include <sys/queue.h>

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <wslay/wslay.h>

#include "api/http/router.h"
#include "api/http/ws.h"

#define WS_MESSAGE_MAX (2u << 20)
#define WS_BACKLOG_MAX (4u << 20)
#define WS_PING_MS \
	20000 /* between pings; one interval without a sign of life ends it */
#define WS_AUTH_MS     30000
#define WS_CLOSE_MS    5000 /* for the peer to answer a close frame */
#define WS_TICK_MS     1000
#define WS_SUBPROTOCOL "prefect"
#define WS_KEY_LEN     24
#define WS_ACCEPT_SIZE 32

enum ws_state { WS_AUTH = 1, WS_OPEN, WS_CLOSING, WS_DEAD, WS_STATE_MAX };

struct ws_server {
	struct http_server *http;
	struct router *routes;             /* method "WS" */
	TAILQ_HEAD(ws_list, ws_conn) list; /* ordered by next_ping_ms */
	struct loop_timer *tick;
	int count;
};

struct ws_conn {
	TAILQ_ENTRY(ws_conn) link;
	struct ws_server *server;
	struct evhttp_connection *evcon; /* owns bev and the never answered request */
	struct bufferevent *bev;
	wslay_event_context_ptr ws;
	const struct ws_endpoint *ep;
	struct router_match *match;
	char *fence; /* of the handshake, or NULL */
	void *ctx;
	enum ws_state state;
	int opened;       /* on_open was called: on_close is due */
	int pong_held;    /* sending and reading rest until ws_pong_release() */
	int paused;       /* by ws_pause() */
	int half_closed;  /* our side is shut, the peer may still send */
	int work_queued;  /* a deferred ws_work() is under way */
	int seen;         /* bytes since the last ping */
	char address[80]; /* who guesses: check_address() */
	int64_t next_ping_ms;
	int64_t deadline_ms; /* of AUTH and CLOSING; INT64_MAX: none */
};

/* What the handshake said. */
struct ws_offer {
	int subprotocol, auth_wanted;
	const char *fence; /* borrowed, or NULL */
};

/* ---- ws.c ---- */
void ws_move(struct ws_conn *c, enum ws_state next);
void ws_open(struct ws_conn *c); /* to OPEN, and tells the endpoint */
/* Takes the connection over; the answer 101 has been written. */
struct ws_conn *ws_start(struct ws_server *w, struct evhttp_connection *evcon,
			 const struct ws_endpoint *ep, struct router_match *match,
			 const struct ws_offer *offer);

/* ---- ws_auth.c ---- */
void ws_auth_message(struct ws_conn *c, const char *data, size_t len);

/* ---- ws_upgrade.c, pure: for tests ---- */
/* "Sec-WebSocket-Accept" for a key. */
void ws_accept_key(const char *key, char ret_accept[WS_ACCEPT_SIZE]);
/* 1 when the comma separated LIST has TOKEN, without regard to case. */
int ws_has_token(const char *list, const char *token);

#endif
