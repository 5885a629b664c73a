/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workers.h - the delivery layer, what concerns a worker as a whole; errors and
 * callbacks as in pools.h.
 */
#ifndef POOLS_WORKERS_H
#define POOLS_WORKERS_H

#include "pools/pools.h"

struct pools_token {
	const char *id;
	uint64_t token;
};
/* Ends leases of a worker that is dead for certain, with its processes: answers as
 * pools_reap() does, for those that it ended.  At most POOLS_RENEW_MAX. */
int pools_give_up(struct pools *p, const char *pool, const struct pools_token *leases,
		  size_t count, pools_reap_fn fn, void *arg, struct error *err);

/* Wakes WORKER with a request to drain; *value: 1.  Only a hint: its next heartbeat
 * tells it, too. */
int pools_drain_worker(struct pools *p, const char *pool, const char *worker,
		       pools_int_fn fn, void *arg, struct error *err);
/* For the worker: FN hears the names of workers that are to drain.  After
 * pools_subscribe() of the same pool. */
typedef void (*pools_drain_fn)(const char *worker, void *arg);
void pools_on_drain(struct pools *p, pools_drain_fn fn, void *arg);

/* Wake-ups of the subscribed pools arrive: the subscriber's connection is up, and is
 * pinged. */
int pools_wakes_arrive(const struct pools *p);

#endif
