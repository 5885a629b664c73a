/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel_store.h - the worker channel in the database: who says hello, who still
 * lives, what the pool is now.  Database threads only.
 */
#ifndef API_SOCKETS_CHANNEL_STORE_H
#define API_SOCKETS_CHANNEL_STORE_H

#include <stdint.h>

#include "base/uuid.h"

struct channel_beat;
struct channel_hello;
struct error;
struct tx;

/* What was found; the frame to send is TX's body. */
struct channel_view {
	const char *refused; /* a close reason of the protocol, or NULL */
	struct uuid pool_id;
	char
	    *seen; /* owned; what a snapshot is about: another text, another snapshot */
};

/* The answer worker.ready.v1.  Makes the pool when it may, gives it the worker's
 * template when it has none, and counts as a heartbeat. */
int channel_hello(struct tx *tx, const char *pool, const struct channel_hello *h,
		  struct channel_view *ret_view, struct error *err);
/* -ERR_NOT_FOUND when the pool is gone. */
int channel_beat(struct tx *tx, const char *pool, const struct channel_beat *b,
		 struct error *err);
/* Borrowed. */
struct channel_about {
	const char *pool;
	const struct uuid *id;
	int64_t sequence;
	const char *reason;
};
/* work_pool.snapshot.v1; refused when the pool has another id by now, or is gone. */
int channel_snapshot(struct tx *tx, const struct channel_about *about,
		     struct channel_view *ret_view, struct error *err);

#endif
