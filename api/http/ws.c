/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ws.c - life of a WebSocket: bytes through wslay, states, pings, close frames.
 *
 * wslay answers pings by itself.  Holding a pong back is therefore done by neither
 * sending nor reading on that connection until the endpoint releases it, which is flow
 * control as well.
 */
#include "api/http/ws.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>

#include "api/http/http_priv.h"
#include "api/http/ws_priv.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/sm.h"

#define REASON_MAX 123 /* of a close frame */

static const struct sm_state states[WS_STATE_MAX] = {
    [WS_AUTH] = {"auth", SM_TO(WS_OPEN) | SM_TO(WS_CLOSING) | SM_TO(WS_DEAD),
		 SM_INITIAL},
    [WS_OPEN] = {"open", SM_TO(WS_CLOSING) | SM_TO(WS_DEAD), 0},
    [WS_CLOSING] = {"closing", SM_TO(WS_DEAD), 0},
    [WS_DEAD] = {"dead", 0, SM_FINAL},
};

static struct metric open_sockets = {.name = "wf_ws_sockets_open",
				     .help = "WebSockets, also those in the handshake.",
				     .type = METRIC_GAUGE};

/* ---- states ---- */

static int64_t now_ms(const struct ws_conn *c)
{
	return loop_now_ms(c->server->http->loop);
}

static void ws_free_now(void *arg)
{
	struct ws_conn *c = arg;

	if (c->opened && c->ep->on_close != NULL) {
		c->ep->on_close(c);
	}
	TAILQ_REMOVE(&c->server->list, c, link);
	c->server->count--;
	metric_set(&open_sockets, c->server->count);
	wslay_event_context_free(c->ws);
	evhttp_connection_free(c->evcon); /* and the request, and the bufferevent */
	free(c->match);
	free(c->fence);
	free(c);
}

void ws_move(struct ws_conn *c, enum ws_state next)
{
	if (!sm_allowed(states, (int)c->state, (int)next)) {
		BUG("socket %s: %s to %s", c->ep->pattern, states[c->state].name,
		    states[next].name);
	}
	trace("socket %s: %s to %s", c->ep->pattern, states[c->state].name,
	      states[next].name);
	c->state = next;
	c->deadline_ms = next == WS_CLOSING ? now_ms(c) + WS_CLOSE_MS : INT64_MAX;
	if (next == WS_DEAD) {
		bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
		bufferevent_disable(c->bev, EV_READ | EV_WRITE);
		if (!c->work_queued) {
			loop_defer_free(c->server->http->loop, ws_free_now, c);
		}
	}
}

void ws_open(struct ws_conn *c)
{
	ws_move(c, WS_OPEN);
	c->opened = 1;
	if (c->ep->on_open != NULL) {
		c->ep->on_open(c);
	}
}

/* ---- wslay ---- */

static ssize_t on_recv(wslay_event_context_ptr ws, uint8_t *data, size_t len, int flags,
		       void *arg)
{
	struct ws_conn *c = arg;
	int n = 0;

	(void)flags;
	if (!c->pong_held && !c->paused && c->state != WS_DEAD) {
		n = evbuffer_remove(bufferevent_get_input(c->bev), data, len);
	}
	if (n <= 0) {
		wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	return n;
}

static ssize_t on_send(wslay_event_context_ptr ws, const uint8_t *data, size_t len,
		       int flags, void *arg)
{
	struct ws_conn *c = arg;

	(void)flags;
	if (bufferevent_write(c->bev, data, len) < 0) {
		wslay_event_set_error(ws, WSLAY_ERR_CALLBACK_FAILURE);
		return -1;
	}
	return (ssize_t)len;
}

static void on_message(wslay_event_context_ptr ws,
		       const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
	struct ws_conn *c = arg;

	(void)ws;
	if (m->opcode == WSLAY_CONNECTION_CLOSE) {
		if (c->state == WS_AUTH || c->state == WS_OPEN) {
			ws_move(c, WS_CLOSING); /* wslay answers it */
		}
	} else if (m->opcode == WSLAY_PING) {
		if (c->state == WS_OPEN && c->ep->on_ping != NULL &&
		    c->ep->on_ping(c)) {
			c->pong_held = 1;
		}
	} else if (m->opcode == WSLAY_BINARY_FRAME) {
		ws_close(c, 1003, "Text frames only");
	} else if (m->opcode == WSLAY_TEXT_FRAME && c->state == WS_AUTH) {
		ws_auth_message(c, (const char *)m->msg, m->msg_length);
	} else if (m->opcode == WSLAY_TEXT_FRAME && c->state == WS_OPEN) {
		c->ep->on_message(c, (const char *)m->msg, m->msg_length);
	}
}

/* wslay neither reads nor writes any more: both close frames are through, or the peer
 * broke the protocol.  In the second case what it still sends is thrown away for a
 * while: closing with unread bytes would reset the connection and take our close frame
 * along. */
static void finish(struct ws_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	if (c->state != WS_CLOSING) {
		ws_move(c, WS_CLOSING);
	}
	evbuffer_drain(in, evbuffer_get_length(in));
	if (evbuffer_get_length(bufferevent_get_output(c->bev)) > 0) {
		return;
	}
	if (wslay_event_get_close_received(c->ws)) {
		ws_move(c, WS_DEAD);
	} else if (!c->half_closed) {
		c->half_closed = 1;
		(void)shutdown(bufferevent_getfd(c->bev), SHUT_WR);
	}
}

/* A frame that is none: wslay gives up without a close code, so the frame is ours. */
static void refuse_frame(struct ws_conn *c)
{
	static const uint8_t protocol_error[] = {0x88, 2, 1002 >> 8, 1002 & 0xff};

	wslay_event_shutdown_read(c->ws);
	wslay_event_shutdown_write(c->ws);
	(void)bufferevent_write(c->bev, protocol_error, sizeof(protocol_error));
}

/* Reads what there is, writes what is queued, and ends what is over. */
static void pump(struct ws_conn *c)
{
	if (c->state != WS_DEAD && !c->pong_held && wslay_event_recv(c->ws) != 0) {
		refuse_frame(c);
	}
	if (c->pong_held || c->paused) {
		bufferevent_disable(c->bev, EV_READ);
	}
	if (c->state != WS_DEAD && (!c->pong_held || c->state == WS_CLOSING) &&
	    wslay_event_send(c->ws) != 0) {
		ws_move(c, WS_DEAD);
	}
	if (c->state == WS_DEAD || wslay_event_want_read(c->ws) ||
	    wslay_event_want_write(c->ws)) {
		return;
	}
	finish(c);
}

static void ws_work(void *arg)
{
	struct ws_conn *c = arg;

	c->work_queued = 0;
	if (c->state == WS_DEAD) {
		ws_free_now(c);
		return;
	}
	pump(c);
}

/* Later in this turn: nothing is called back out of a caller's call. */
static void queue_work(struct ws_conn *c)
{
	if (!c->work_queued && c->state != WS_DEAD) {
		c->work_queued = 1;
		loop_defer(c->server->http->loop, ws_work, c);
	}
}

/* ---- bufferevent ---- */

static void on_readable(struct bufferevent *bev, void *arg)
{
	struct ws_conn *c = arg;

	(void)bev;
	c->seen = 1;
	pump(c);
}

static void on_drained(struct bufferevent *bev, void *arg)
{
	(void)bev;
	pump(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct ws_conn *c = arg;

	(void)bev;
	if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0 && c->state != WS_DEAD) {
		ws_move(c, WS_DEAD); /* half a connection is of no use to a WebSocket */
	}
}

/* ---- time ---- */

static void ping(struct ws_conn *c, int64_t now)
{
	static const struct wslay_event_msg msg = {.opcode = WSLAY_PING};

	TAILQ_REMOVE(&c->server->list, c, link);
	TAILQ_INSERT_TAIL(&c->server->list, c, link);
	c->next_ping_ms = now + WS_PING_MS;
	if (c->pong_held || c->paused || c->state != WS_OPEN) {
		return;
	}
	if (!c->seen) {
		ws_close(c, 1011, "No answer to the ping");
		return;
	}
	c->seen = 0;
	(void)wslay_event_queue_msg(c->ws, &msg);
	queue_work(c);
}

static void check_deadline(struct ws_conn *c, int64_t now)
{
	if (now < c->deadline_ms || c->state == WS_DEAD) {
		return;
	}
	if (c->state == WS_AUTH) {
		ws_close(c, 1008, "Expected 'auth' message");
	} else {
		ws_move(c, WS_DEAD);
	}
}

static void on_tick(void *arg)
{
	struct ws_server *w = arg;
	int64_t now = loop_now_ms(w->http->loop);
	struct ws_conn *c, *next;

	TAILQ_FOREACH (c, &w->list, link) {
		check_deadline(c, now);
	}
	for (c = TAILQ_FIRST(&w->list); c != NULL && c->next_ping_ms <= now; c = next) {
		next = TAILQ_NEXT(c, link);
		ping(c, now);
	}
	if (w->count > 0) {
		loop_timer_in(w->tick, WS_TICK_MS);
	}
}

/* ---- public ---- */

struct ws_conn *ws_start(struct ws_server *w, struct evhttp_connection *evcon,
			 const struct ws_endpoint *ep, struct router_match *match,
			 const struct ws_offer *offer)
{
	static const struct wslay_event_callbacks callbacks = {
	    .recv_callback = on_recv,
	    .send_callback = on_send,
	    .on_msg_recv_callback = on_message,
	};
	struct ws_conn *c = xcalloc(1, sizeof(*c));

	c->server = w;
	c->evcon = evcon;
	c->bev = evhttp_connection_get_bufferevent(evcon);
	c->ep = ep;
	c->match = match;
	c->fence = offer->fence != NULL ? xstrdup(offer->fence) : NULL;
	c->state = WS_AUTH;
	c->seen = 1;
	c->next_ping_ms = now_ms(c) + WS_PING_MS;
	c->deadline_ms = now_ms(c) + WS_AUTH_MS;
	if (wslay_event_context_server_init(&c->ws, &callbacks, c) != 0) {
		BUG("wslay_event_context_server_init");
	}
	wslay_event_config_set_max_recv_msg_length(
	    c->ws, ep->message_max != 0 ? ep->message_max : WS_MESSAGE_MAX);
	TAILQ_INSERT_TAIL(&w->list, c, link);
	metric_set(&open_sockets, ++w->count);
	bufferevent_setcb(c->bev, on_readable, on_drained, on_event, c);
	bufferevent_set_timeouts(c->bev, NULL, NULL);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	if (w->count == 1) {
		loop_timer_in(w->tick, WS_TICK_MS);
	}
	if (!offer->subprotocol && offer->auth_wanted) {
		/* no subprotocol, no way to authenticate */
		ws_close(c, 1002, "The subprotocol \"" WS_SUBPROTOCOL "\" is required");
	} else if (!offer->subprotocol) {
		ws_open(c);
	}
	queue_work(c); /* bytes that came with the request */
	return c;
}

int ws_register(struct http_server *s, const struct ws_endpoint *table)
{
	const struct ws_endpoint *ep;
	int rc = 0;

	if (s->ws == NULL) {
		s->ws = xcalloc(1, sizeof(*s->ws));
		s->ws->http = s;
		s->ws->routes = router_new();
		s->ws->tick = loop_timer_new(s->loop, on_tick, s->ws);
		TAILQ_INIT(&s->ws->list);
		metric_register(&open_sockets);
	}
	for (ep = table; ep->pattern != NULL && rc == 0; ep++) {
		rc = router_add(s->ws->routes, "WS", ep->pattern, (void *)(uintptr_t)ep,
				NULL);
	}
	return rc;
}

/* Without close frames: ws_drop_all() has sent them. */
void ws_server_free(struct ws_server *w)
{
	struct ws_conn *c;

	if (w == NULL) {
		return;
	}
	TAILQ_FOREACH (c, &w->list, link) {
		if (c->state != WS_DEAD) {
			ws_move(c, WS_DEAD);
		}
	}
	loop_turn(w->http->loop, 0); /* runs what is deferred, ws_free_now() among it */
	loop_timer_free(w->tick);
	router_free(w->routes);
	free(w);
}

void ws_drop_all(struct http_server *s, int code, const char *reason)
{
	struct ws_conn *c;

	if (s == NULL || s->ws == NULL) {
		return;
	}
	TAILQ_FOREACH (c, &s->ws->list, link) {
		ws_close(c, code, "%s", reason);
	}
}

struct api *ws_api(const struct ws_conn *c)
{
	return c->server->http->api;
}

const char *ws_param(const struct ws_conn *c, const char *name)
{
	return router_param(c->match, name);
}

const char *ws_fence(const struct ws_conn *c)
{
	return c->fence;
}

void ws_set_ctx(struct ws_conn *c, void *ctx)
{
	c->ctx = ctx;
}

void *ws_ctx(const struct ws_conn *c)
{
	return c->ctx;
}

size_t ws_backlog(const struct ws_conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev)) +
	       wslay_event_get_queued_msg_length(c->ws);
}

int ws_send(struct ws_conn *c, const char *data, size_t len)
{
	struct wslay_event_msg msg = {.opcode = WSLAY_TEXT_FRAME,
				      .msg = (const uint8_t *)data,
				      .msg_length = len};

	if (c->state == WS_CLOSING || c->state == WS_DEAD) {
		return 0; /* nobody listens any more; on_close follows */
	}
	if (ws_backlog(c) + len > WS_BACKLOG_MAX) {
		return -ERR_LIMIT;
	}
	(void)wslay_event_queue_msg(c->ws, &msg);
	queue_work(c);
	return 0;
}

static void read_again(struct ws_conn *c)
{
	if (!c->pong_held && !c->paused && c->state != WS_DEAD) {
		bufferevent_enable(c->bev, EV_READ);
		queue_work(c);
	}
}

void ws_pong_release(struct ws_conn *c)
{
	if (c->pong_held) {
		c->pong_held = 0;
		c->seen = 1;
		read_again(c);
		queue_work(c); /* the pong itself */
	}
}

void ws_pause(struct ws_conn *c, int on)
{
	if (c->paused != on) {
		c->paused = on;
		c->seen = 1;
		read_again(c);
	}
}

void ws_close(struct ws_conn *c, int code, const char *fmt, ...)
{
	struct buf text;
	va_list ap;
	size_t len;

	if (c->state == WS_CLOSING || c->state == WS_DEAD) {
		return;
	}
	buf_init(&text);
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	len = text.len < REASON_MAX ? text.len : REASON_MAX;
	while (len > 0 && ((unsigned char)text.data[len] & 0xc0) == 0x80) {
		len--; /* whole characters */
	}
	if (!c->pong_held && wslay_event_want_write(c->ws)) {
		/* what was said before: wslay lets a close frame overtake it */
		(void)wslay_event_send(c->ws);
	}
	(void)wslay_event_queue_close(c->ws, (uint16_t)code, (const uint8_t *)text.data,
				      len);
	ws_move(c, WS_CLOSING);
	c->pong_held = c->paused = 0;
	read_again(c);
	queue_work(c);
	buf_release(&text);
}
