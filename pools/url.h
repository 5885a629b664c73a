/* SPDX-License-Identifier: Apache-2.0 */
/*
 * url.h - where a Redis is and how to get in.  Pure.
 *
 *   redis://[[user]:password@]host[:port][/db]
 *   redis+unix:///path/of.sock[?password=..&user=..&db=N]
 *   redis+sentinel://[[user]:password@]host[:port][,host[:port]...]/service[/db]
 *
 *   redis+cluster://[[user]:password@]host[:port][,host[:port]...]
 *
 *   rediss://..., rediss+sentinel://... and rediss+cluster://... are the same with TLS,
 *   and may end in
 *   ?ca=/file&cert=/file&key=/file&verify=no
 *
 * Of the sentinel form the hosts are sentinels, which name the server of SERVICE; the
 * login is the server's.  Of the cluster form they are some of its servers.
 */
#ifndef POOLS_URL_H
#define POOLS_URL_H

struct error;

#define REDIS_PORT          6379
#define REDIS_SENTINEL_PORT 26379
#define REDIS_SENTINELS_MAX 16

struct redis_url {
	char *host;     /* NULL with a path or a service; all strings are owned */
	char *path;     /* of a Unix socket, or NULL */
	char *user;     /* or NULL */
	char *password; /* or NULL */
	int port;
	int db;
	char *service;   /* NULL: no sentinels */
	char *sentinels; /* "host:port,host:port", also of servers of a cluster */
	int cluster;
	int tls, no_verify;
	char *ca, *cert, *key; /* files in PEM, or NULL */
};

/* -ERR_INVALID or -ERR_UNSUPPORTED; the message never shows the password. */
int redis_url_parse(const char *text, struct redis_url *ret_url, struct error *err);
void redis_url_release(struct redis_url *u); /* accepts a zeroed one */
/* The sentinel, or server of a cluster, AT (counted round) as a URL of its own; to be
 * released. */
int redis_url_sentinel(const struct redis_url *u, unsigned int at,
		       struct redis_url *ret_url, struct error *err);
void redis_url_copy(struct redis_url *dst, const struct redis_url *src);
/* "redis://host:port/db" or "redis+unix:///path": for messages, without secrets; owned.
 */
char *redis_url_show(const struct redis_url *u);

#endif
