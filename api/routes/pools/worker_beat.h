/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_beat.h - a worker says that it lives: over REST, the worker channel, or wf's
 * own updates.  Database threads only.
 */
#ifndef API_ROUTES_POOLS_WORKER_BEAT_H
#define API_ROUTES_POOLS_WORKER_BEAT_H

#include <stdint.h>

#include <jansson.h>

struct error;
struct tx;
struct work_pool;

struct worker_beat {
	const char *name;
	int64_t interval_s;     /* -1: the client did not say */
	const json_t *metadata; /* object or NULL: keep what is known */
};

/* Upserts the worker as ONLINE; a NOT_READY pool becomes READY.  Never touches
 * is_paused. */
int worker_heartbeat(struct tx *tx, struct work_pool *pool,
		     const struct worker_beat *beat, struct error *err);

/* Was this process of the worker (the last one that beat) asked to drain? */
int worker_drain_wanted(struct tx *tx, const struct work_pool *pool, const char *name,
			int *ret_wanted, struct error *err);

#endif
