/* SPDX-License-Identifier: Apache-2.0 */
/*
 * poll.h - what a poll leaves behind: queues and deployments that somebody looks after
 * are READY.  Written in the background, never in the way of the answer, and at most
 * every few seconds per queue.  A poll never writes is_paused.
 */
#ifndef API_ROUTES_POOLS_POLL_H
#define API_ROUTES_POOLS_POLL_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/uuid.h"

struct api;
struct error;
struct tx;
struct work_pool;

#define POLL_EVERY_US \
	(5 * 1000000LL) /* a queue polled this lately is not written again */

/* Loop thread: starts the background write.  NAMES (array of strings, may be NULL or
 * empty: all queues) is borrowed. */
void poll_pool(struct api *api, const char *pool, const json_t *names);
void poll_queue(struct api *api, const struct uuid *queue_id);
void poll_deployments(struct api *api, const struct uuid *ids, size_t count);

/* Database threads: the same as part of a transaction, for wf's own workers. */
int poll_record_pool(struct tx *tx, const struct work_pool *pool, const json_t *names,
		     struct error *err);

#endif
