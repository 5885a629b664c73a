/* SPDX-License-Identifier: Apache-2.0 */
/*
 * url.h - where a Redis is and how to get in.  Pure.
 *
 *   redis://[[user]:password@]host[:port][/db]
 *   redis+unix:///path/of.sock[?password=..&user=..&db=N]
 */
#ifndef POOLS_URL_H
#define POOLS_URL_H

struct error;

#define REDIS_PORT 6379

struct redis_url {
	char *host;     /* NULL with a path; all strings are owned */
	char *path;     /* of a Unix socket, or NULL */
	char *user;     /* or NULL */
	char *password; /* or NULL */
	int port;
	int db;
};

/* -ERR_INVALID or -ERR_UNSUPPORTED; the message never shows the password. */
int redis_url_parse(const char *text, struct redis_url *ret_url, struct error *err);
void redis_url_release(struct redis_url *u); /* accepts a zeroed one */
/* "redis://host:port/db" or "redis+unix:///path": for messages, without secrets; owned.
 */
char *redis_url_show(const struct redis_url *u);

#endif
