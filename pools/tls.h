/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - TLS on a connection to Redis.  libssl is loaded when the first rediss:// URL
 * is used: programs without one do not carry it.
 */
#ifndef POOLS_TLS_H
#define POOLS_TLS_H

struct bufferevent;
struct error;
struct redis_url;
struct tls;

/* FN is called once, when the handshake is done; what is written before waits. */
typedef void (*tls_fn)(void *arg);
/*
 * A filter on RAW, a connected socket, which it owns from then on (also on failure).
 * The certificate is checked against URL's ca (or the system's) and HOST.  Errors of
 * the handshake come as events of the filter; tls_why() says what is behind them.
 */
struct bufferevent *tls_wrap(struct bufferevent *raw, const struct redis_url *url,
			     const char *host, tls_fn fn, void *arg,
			     struct tls **ret_tls, struct error *err);
/* Dies with the filter. */
const char *tls_why(const struct tls *t);

#endif
