/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - TLS on the server's connections: a certificate, its key, TLS 1.2 or newer.
 */
#ifndef API_HTTP_TLS_H
#define API_HTTP_TLS_H

struct bufferevent;
struct error;
struct event_base;
struct http_tls; /* opaque */

/* CERT: PEM, the certificate and those between it and the authority; KEY: PEM.  Both
 * files are read now. */
int http_tls_new(const char *cert, const char *key, struct http_tls **ret_tls,
		 struct error *err);
void http_tls_free(struct http_tls *t); /* accepts NULL; connections go on */
/* A bufferevent without a descriptor yet, that takes a client's handshake; or NULL. */
struct bufferevent *http_tls_accept(struct http_tls *t, struct event_base *base);

#endif
