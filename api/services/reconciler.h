/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reconciler.h - Redis knows what SQL knows.
 *
 * At start, each RECONCILE_MS, and when Redis comes back: settings of all queues and
 * pools and all waiting runs are told again (idempotent by gen; a wiped Redis is
 * thereby filled), in slices by key.  Before the pools the runs that wf workers own are
 * looked up.  One that Redis does not know gets its lease back: its owner renews it,
 * or, when there is none any more, it ends like any other lease.  One whose lease ended
 * long ago, with nothing done about it, becomes Crashed.  One that is Pending though it
 * waits in its queue again, for a while already, becomes Scheduled.  Runs of workers
 * without leases (Prefect's) are held in Redis, so that limits count them.  A pool that
 * Redis has lost gives out nothing until it is told again: limits count what is held.
 * Loop thread only.
 */
#ifndef API_SERVICES_RECONCILER_H
#define API_SERVICES_RECONCILER_H

#include <stdint.h>

struct api;
struct reconciler;

#define RECONCILE_MS 60000

struct reconciler *reconciler_start(struct api *api);
void reconciler_stop(
    struct reconciler *r); /* accepts NULL; frees when nothing is under way */
void reconciler_now(struct reconciler *r); /* accepts NULL */
/* The next whole walk enqueues every waiting run, whatever Redis says about it. */
void reconciler_rebuild(struct reconciler *r);           /* accepts NULL */
int64_t reconciler_rebuilds(const struct reconciler *r); /* such walks done */
/* Whole passes since the start, for tests and metrics. */
int64_t reconciler_passes(const struct reconciler *r);

/* ---- pure ---- */
/* What to do with a run that a wf worker owns. */
enum owned_verdict {
	OWNED_ALIVE = 0,
	OWNED_LOST,
	OWNED_WAIT,
	OWNED_RESTORE,
	OWNED_RETURNED
};
struct owned_facts {
	int64_t now_us, state_at_us; /* when the present state began */
	const char *redis_state;     /* pools_info.state: "" or NULL unknown */
	int64_t expires_ms;          /* of the lease, Unix ms; 0 unknown */
	int pending;                 /* the state is Pending */
};
/* A run is lost when its last news are older than a lease and a margin. */
enum owned_verdict owned_decide(const struct owned_facts *f);

#endif
