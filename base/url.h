/* SPDX-License-Identifier: Apache-2.0 */
/*
 * url.h - http and https URLs, split and resolved.  Pure.
 */
#ifndef BASE_URL_H
#define BASE_URL_H

#define URL_MAX 65536 /* bytes of a URL that we accept */

struct error;

struct url {
	int tls;        /* https */
	char *host;     /* without brackets; all three are owned */
	char *target;   /* path and query, at least "/"; no fragment */
	char *userinfo; /* "user:password", decoded; or NULL */
	int port;
	int is_ipv6; /* the host was in brackets */
};

/* -ERR_INVALID for other schemes, spaces and control bytes, no host, a bad port. */
int url_parse(const char *text, struct url *ret_url, struct error *err);
void url_release(struct url *u); /* accepts a zeroed one */
int url_same_origin(const struct url *a, const struct url *b);
/* Where a Location header REF leads, seen from BASE; absolute text, owned. */
char *url_resolve(const struct url *base, const char *ref);
/* "http://host:port", with brackets where they belong; owned. */
char *url_origin(const struct url *u);

#endif
