/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed.h - one capped stream in Redis that the servers of one database share: what one
 * of them adds comes to all others, in order.
 *
 * A reader that was away goes on where it was; what the cap took meanwhile is told as a
 * gap.  Loop thread only.
 */
#ifndef POOLS_FEED_H
#define POOLS_FEED_H

#include <stddef.h>

struct feed;
struct pools;

#define FEED_KEY "wf:live"
#define FEED_CAP "1000" /* messages kept, about */
#define FEED_BYTES_MAX \
	((size_t)256 << 10) /* of one message; larger ones are not shared */

/* A message of another server; DATA NULL: some may be missing. */
typedef void (*feed_fn)(const char *data, size_t len, void *arg);

/* ME tells the servers apart.  Uses the Redis of P, with a connection of its own to
 * read. */
struct feed *feed_new(struct pools *p, const char *me, feed_fn fn, void *arg);
void feed_free(struct feed *f); /* accepts NULL; before pools_free() */
/* Nothing is told about a message that Redis did not take: live news are kept nowhere.
 */
void feed_add(struct feed *f, const char *data, size_t len);

#endif
