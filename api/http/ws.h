/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ws.h - WebSocket endpoints: handshake, subprotocol "prefect", auth message, frames.
 *
 * ws.c does: upgrade, 403 for an unknown path or a wrong subprotocol, the auth exchange
 * of server-contract 8.1, ping every 20 s, caps (message size, output backlog), close
 * frames. An endpoint sees only what comes after auth.  Loop thread only.  Nothing is
 * called back before the call that caused it has returned.
 */
#ifndef API_HTTP_WS_H
#define API_HTTP_WS_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct api;
struct http_server;
struct ws_conn;

struct ws_endpoint {
	const char *pattern; /* "/events/in", "/work_pools/{name}/workers/connect" */
	int subprotocol_required;
	const char *auth_reason; /* of closing when auth fails; NULL: what is wrong */
	/* After auth.  Set a context with ws_set_ctx(). */
	void (*on_open)(struct ws_conn *c);
	/* One whole text message; DATA is borrowed. */
	void (*on_message)(struct ws_conn *c, const char *data, size_t len);
	/* Exactly once per on_open; frees the context. */
	void (*on_close)(struct ws_conn *c);
	/* A client's ping is answered only after the messages before it were handled;
	 * when an endpoint stores asynchronously it holds the pong back: return 1 and
	 * call ws_pong_release() later.  NULL: answer at once. */
	int (*on_ping)(struct ws_conn *c);
	size_t message_max; /* 0: 2 MiB */
};

/* TABLE ends with an entry without pattern; borrowed. */
int ws_register(struct http_server *s, const struct ws_endpoint *table);

struct api *ws_api(const struct ws_conn *c);
const char *ws_param(const struct ws_conn *c, const char *name);
/* The header X-WF-Fence of the handshake; NULL: there was none. */
const char *ws_fence(const struct ws_conn *c);
void ws_set_ctx(struct ws_conn *c, void *ctx);
void *ws_ctx(const struct ws_conn *c);
/* Text frame.  Returns 0, or -ERR_LIMIT when the backlog (4 MiB) is full: the caller
 * decides to drop or to close. */
int ws_send(struct ws_conn *c, const char *data, size_t len);
size_t ws_backlog(const struct ws_conn *c); /* bytes not yet written */
void ws_pong_release(struct ws_conn *c);
/* Flow control: nothing is read from the client while ON.  A message or two that have
 * been read already may still come. */
void ws_pause(struct ws_conn *c, int on);
/* Close frame with code and reason, then the end of the connection. */
void ws_close(struct ws_conn *c, int code, const char *fmt, ...) WF_PRINTF(3, 4);
void ws_drop_all(struct http_server *s, int code, const char *reason); /* shutdown */

#endif
