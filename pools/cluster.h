/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.h - which server of a Redis Cluster has a key.
 *
 * The map of slots is asked for at the start, when a server answers MOVED, and while
 * one cannot be reached (a failover).  A connection to a server is made when the first
 * key of it is asked for: a worker has one, to the server of its pool.
 *
 * A slot that is being moved (ASK, TRYAGAIN) is waited for, not followed: the scripts
 * need all keys of a pool on one side (docs/redis-keys.md).
 */
#ifndef POOLS_CLUSTER_H
#define POOLS_CLUSTER_H

#include <stddef.h>

#include "pools/redis.h"

struct cluster;
struct redis_url;

#define CLUSTER_SLOTS     16384
#define CLUSTER_NODES_MAX 1000
#define CLUSTER_HOPS_MAX  5 /* of one command after MOVED */
#define CLUSTER_LATER_MS  50

/* The slot of a key: of what is in its first pair of braces, if anything.  Pure. */
unsigned int cluster_slot(const char *key, size_t len);
/* "MOVED 3999 127.0.0.1:6381" (an answer of an error): 1 and the parts, or 0.  Pure. */
int cluster_moved_parse(const char *text, unsigned int *ret_slot, char *ret_host,
			size_t size, int *ret_port);

/* UP as for redis_new(): the map is known and each server in use is reachable. */
struct cluster *cluster_new(struct loop *loop, const struct redis_url *url,
			    const struct redis_ops *ops);
/* Completes what is in flight and what waits with -ERR_CANCELED. */
void cluster_free(struct cluster *c); /* accepts NULL */
int cluster_is_up(const struct cluster *c);
size_t cluster_in_flight(const struct cluster *c);

/* The connection for KEY; NULL while no server is known to have it. */
struct redis *cluster_redis(struct cluster *c, const char *key, size_t len);
/* An answer said that a slot is elsewhere: noted, and the map is asked for. */
void cluster_moved(struct cluster *c, const char *text);
/* FN(ARG) after CLUSTER_LATER_MS, or from cluster_free() with CANCELED. */
typedef void (*cluster_later_fn)(int canceled, void *arg);
void cluster_later(struct cluster *c, cluster_later_fn fn, void *arg);

/* A text in braces for each server that has slots, so that a key with it is there: the
 * array and its texts are the caller's. */
char **cluster_tags(const struct cluster *c, size_t *ret_count);
/* A URL of some server, another one for each AT: for a subscriber.  To be released. */
void cluster_any_url(const struct cluster *c, unsigned int at,
		     struct redis_url *ret_url);

#endif
