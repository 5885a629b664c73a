/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool_watch.h - the worker's standing with its pool: heartbeats, existence, pauses.
 */
#ifndef WORKER_POOL_WATCH_H
#define WORKER_POOL_WATCH_H

struct pool_watch;
struct worker;

/*
 * Reads the pool (creating it when it is missing and allowed), then sends heartbeats
 * every heartbeat interval (jittered) and looks at the pool again.  Pauses are logged
 * when they begin and end.  READY is called once, when the pool is there and the first
 * heartbeat was sent; FAILED when the pool cannot be had (MESSAGE).
 */
struct pool_watch *pool_watch_new(struct worker *w, void (*ready)(struct worker *w),
				  void (*failed)(struct worker *w,
						 const char *message));
/* Something that heartbeats tell has changed: one follows soon. */
void pool_watch_changed(struct pool_watch *p); /* accepts NULL */
void pool_watch_free(struct pool_watch *p);    /* accepts NULL */

#endif
