/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ws_upgrade.c - from a GET with "Upgrade: websocket" to a socket, or a refusal in
 * HTTP.
 *
 * evhttp 2.1 knows no WebSockets.  The request is never answered through it: the 101 is
 * written by hand, the bufferevent's callbacks are replaced, and
 * evhttp_connection_free() ends it all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "api/fence.h"
#include "api/http/http_priv.h"
#include "api/http/ws_priv.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"

#define WS_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

void ws_accept_key(const char *key, char ret_accept[WS_ACCEPT_SIZE])
{
	char *text = xasprintf("%s%s", key, WS_GUID), *b64;
	uint8_t digest[20];

	sha1(text, strlen(text), digest);
	b64 = base64_encode(digest, sizeof(digest));
	(void)snprintf(ret_accept, WS_ACCEPT_SIZE, "%s", b64);
	free(b64);
	free(text);
}

int ws_has_token(const char *list, const char *token)
{
	size_t len, want = strlen(token);

	while (list != NULL && *list != '\0') {
		list += strspn(list, ", \t");
		len = strcspn(list, ",");
		while (len > 0 && strchr(" \t", list[len - 1]) != NULL) {
			len--;
		}
		if (len == want && strncasecmp(list, token, want) == 0) {
			return 1;
		}
		list += strcspn(list, ",");
	}
	return 0;
}

static const char *header(struct evhttp_request *ev, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(ev), name);
}

static void refuse(struct http_server *s, struct evhttp_request *ev, int status,
		   const char *detail)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(ev);
	struct http_conn *conn = conns_of(s->conns, ev);
	struct evbuffer *out = evbuffer_new();

	log_debug("socket %s -> %d %s", evhttp_request_get_uri(ev), status, detail);
	route_stats_count(s->unmatched, status, 0);
	evhttp_add_header(headers, "Content-Type", "application/json");
	if (status == 426) {
		evhttp_add_header(headers, "Sec-WebSocket-Version", "13");
	}
	evbuffer_add_printf(out, "{\"detail\":\"%s\"}", detail);
	evhttp_send_reply(ev, status,
			  status == 403   ? "Forbidden"
			  : status == 426 ? "Upgrade Required"
					  : "Bad Request",
			  out);
	evbuffer_free(out);
	if (conn != NULL) {
		conn_answered(conn);
	}
}

static int is_good_key(const char *key)
{
	unsigned char raw[32];
	size_t len = 0;

	return key != NULL && strlen(key) == WS_KEY_LEN &&
	       base64_decode(key, WS_KEY_LEN, raw, sizeof(raw), &len) == 0 && len == 16;
}

static void accept_socket(struct http_server *s, struct evhttp_request *ev,
			  struct router_match *match, int subprotocol)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(ev);
	struct http_conn *conn = conns_of(s->conns, ev);
	const struct ws_endpoint *ep = match->target;
	const char *forwarded = header(ev, "X-Forwarded-For");
	const struct ws_offer offer = {.subprotocol = subprotocol,
				       .auth_wanted = s->auth_token != NULL,
				       .fence = header(ev, FENCE_HEADER)};
	char accept[WS_ACCEPT_SIZE];
	struct ws_conn *c;

	if (conn != NULL) {
		conn_upgraded(conn);
	}
	ws_accept_key(header(ev, "Sec-WebSocket-Key"), accept);
	evbuffer_add_printf(
	    bufferevent_get_output(evhttp_connection_get_bufferevent(evcon)),
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
	    accept,
	    subprotocol ? "Sec-WebSocket-Protocol: " WS_SUBPROTOCOL "\r\n" : "");
	log_debug("socket %s open", ep->pattern);
	c = ws_start(s->ws, evcon, ep, match, &offer);
	check_address(evcon, forwarded, c->address, sizeof(c->address));
}

int ws_upgrade(struct http_server *s, struct evhttp_request *ev, const char *path)
{
	struct router_match *match;
	int subprotocol;

	if (!ws_has_token(header(ev, "Upgrade"), "websocket")) {
		return 0;
	}
	if (evhttp_request_get_connection(ev) == NULL) {
		return 0;
	}
	if (evhttp_request_get_command(ev) != EVHTTP_REQ_GET ||
	    !ws_has_token(header(ev, "Connection"), "upgrade") ||
	    !is_good_key(header(ev, "Sec-WebSocket-Key"))) {
		refuse(s, ev, 400, "This is not a WebSocket handshake");
		return 1;
	}
	if (!ws_has_token(header(ev, "Sec-WebSocket-Version"), "13")) {
		refuse(s, ev, 426, "WebSocket version 13 is required");
		return 1;
	}
	match = xcalloc(1, sizeof(*match));
	subprotocol =
	    ws_has_token(header(ev, "Sec-WebSocket-Protocol"), WS_SUBPROTOCOL);
	if (s->ws == NULL || path == NULL || s->closing ||
	    router_find(s->ws->routes, "WS", path, match) != ROUTER_FOUND ||
	    (((const struct ws_endpoint *)match->target)->subprotocol_required &&
	     !subprotocol)) {
		free(match);
		refuse(s, ev, 403, "Forbidden");
		return 1;
	}
	accept_socket(s, ev, match, subprotocol);
	return 1;
}
