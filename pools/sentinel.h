/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sentinel.h - asks one sentinel where the server of a service is.
 */
#ifndef POOLS_SENTINEL_H
#define POOLS_SENTINEL_H

struct error;
struct loop;
struct redis_url;
struct sentinel_ask;

#define SENTINEL_ASK_MS 1000

/* HOST and PORT with RC 0; once, from the loop, unless it is cancelled before. */
typedef void (*sentinel_fn)(int rc, const char *host, int port, const struct error *err,
			    void *arg);
/* The sentinel AT (counted round) of URL.  NULL and err: its name is bad. */
struct sentinel_ask *sentinel_ask(struct loop *loop, const struct redis_url *url,
				  unsigned int at, sentinel_fn fn, void *arg,
				  struct error *err);
void sentinel_cancel(struct sentinel_ask *a); /* accepts NULL; not from FN */

#endif
