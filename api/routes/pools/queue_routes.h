/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_routes.h - what the files of the queue routes share.
 */
#ifndef API_ROUTES_POOLS_QUEUE_ROUTES_H
#define API_ROUTES_POOLS_QUEUE_ROUTES_H

#include "base/uuid.h"

struct error;
struct http_req;
struct tx;
struct work_pool;
struct work_queue;

/* How the path names a queue: by id, by pool and name, or by name alone (legacy pool).
 */
struct queue_key {
	struct uuid id;
	char *pool, *name; /* NULL: by id */
	int legacy;
};

struct queue_key *queue_key_new(struct http_req *r);
void queue_key_free(void *arg);
/* Answers 404 by itself, in the words of the route's form. */
int queue_by_key(struct tx *tx, const struct queue_key *k, struct work_queue *ret_queue,
		 struct error *err);
int queue_not_found(struct tx *tx, const char *pool, const char *name,
		    struct error *err);
/* The pool of queues without a pool; made when it is missing. */
int queue_legacy_pool(struct tx *tx, struct work_pool *ret_pool, int *ret_made,
		      struct error *err); /* RET_MADE may be NULL */

void route_queue_update(struct http_req *r);

#endif
