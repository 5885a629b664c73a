/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pools.h - the delivery layer: work pools and queues in Redis, as asynchronous
 * operations.
 *
 * Redis holds only what can be rebuilt from the database.  All keys of one pool share
 * the hash tag {<pool>} (docs/redis-keys.md).  Times come from Redis TIME.  Each
 * operation completes exactly once from the loop, with a deadline; at most
 * POOLS_IN_FLIGHT_MAX are in flight
 * (-ERR_BUSY above).  Lists in results are borrowed and die when the callback returns.
 */
#ifndef POOLS_POOLS_H
#define POOLS_POOLS_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct loop;
struct pools;

#define POOLS_LEASE_MS        15000
#define POOLS_RENEW_MS        5000
#define POOLS_REAP_MS         5000
#define POOLS_REAP_MAX        100
#define POOLS_REAP_BACKOFF_MS 5000 /* until a not started run is delivered again */
#define POOLS_PREFETCH_MS     10000
#define POOLS_MAX_ATTEMPTS    3
#define POOLS_IN_FLIGHT_MAX   10000
#define POOLS_TOMBSTONE_S     3600
#define POOLS_NO_LIMIT        (-1)

/*
 * URL: redis://[:password@]host:port[/db],
 * redis+unix:///path/to.sock[?password=..&db=N]. Connects on its own, reconnects with
 * jitter; operations issued meanwhile wait until their deadline.  NULL and err only for
 * a bad URL.
 */
struct pools *pools_new(struct loop *loop, const char *url, struct error *err);
void pools_free(struct pools *p); /* completes what is in flight with -ERR_CANCELED */
int pools_is_up(const struct pools *p);
size_t pools_in_flight(const struct pools *p);
/* FN is called when Redis becomes reachable (1) or is lost (0, with the reason); one
 * FN. */
typedef void (*pools_up_fn)(int up, const char *why, void *arg);
void pools_on_up(struct pools *p, pools_up_fn fn, void *arg);
/*
 * Errors of every operation: -ERR_UNAVAILABLE (no connection, connection lost: the
 * outcome is unknown; or Redis says LOADING, READONLY, OOM, BUSY, ...), -ERR_TIMEOUT
 * (no answer in 5 s), -ERR_DENIED (password), -ERR_PROTOCOL (any other error reply,
 * garbage), -ERR_CANCELED (pools_free).  At once: -ERR_INVALID (names, counts),
 * -ERR_BUSY.
 */

/* Result code of a script (meaning at each operation), or rc < 0. */
typedef void (*pools_int_fn)(int rc, int64_t value, const struct error *err, void *arg);

struct pools_run {
	const char *id; /* uuid text */
	const char *queue;
	int64_t due_ms;      /* Unix ms */
	int64_t priority;    /* of the queue, 1 = first */
	const char *payload; /* small JSON */
	int64_t gen;         /* the API's count of entries into SCHEDULED */
	/* Within a queue lanes are served in turn: the deployment; NULL: those of none.
	 */
	const char *lane;
	int64_t lane_limit; /* held at a time; 0: none */
	uint64_t fence; /* largest token seen of it: later ones are larger; 0: none */
};
/* 1 queued, 2 remembered for after the lease, 0 same gen already leased, -1 stale (this
 * gen was settled, or a newer one is known).  Idempotent for one gen. */
int pools_enqueue(struct pools *p, const char *pool, const struct pools_run *run,
		  pools_int_fn fn, void *arg, struct error *err);

struct pools_claim {
	const char *id, *queue, *payload;
	uint64_t token; /* the fence */
	int64_t attempt, due_ms, gen;
};
typedef void (*pools_claim_fn)(int rc, const struct pools_claim *claims, size_t count,
			       const struct error *err, void *arg);
#define POOLS_CLAIM_MAX 100
/* QUEUES: NULL-terminated names, or NULL for all.  MAX >= 1; at most POOLS_CLAIM_MAX
 * come at once.  What is due now comes first (by priority of the queue, lanes in turn,
 * then due time), then what becomes due within PREFETCH_MS. */
int pools_claim(struct pools *p, const char *pool, const char *worker, int max,
		int64_t lease_ms, int64_t prefetch_ms, const char *const *queues,
		pools_claim_fn fn, void *arg, struct error *err);
/* 1 go, 2 cancel wanted, 0 lease lost. */
int pools_start(struct pools *p, const char *pool, const char *id, uint64_t token,
		pools_int_fn fn, void *arg, struct error *err);

struct pools_lease {
	char id[37];
	uint64_t token;
	/* When Redis lost its data the run is brought back with these; NULL: it is
	 * lost. */
	const char *queue;
	int64_t gen;
	int started;
};
#define POOLS_RENEW_MAX 1000 /* -ERR_INVALID above */
/* Per lease, same order: 1 ok, 2 cancel wanted, 0 lost. */
typedef void (*pools_renew_fn)(int rc, const int64_t *values, size_t count,
			       const struct error *err, void *arg);
int pools_renew(struct pools *p, const char *pool, const char *worker, int64_t lease_ms,
		const struct pools_lease *leases, size_t count, pools_renew_fn fn,
		void *arg, struct error *err);

enum pools_outcome { POOLS_DONE = 1, POOLS_DROP, POOLS_REQUEUE };
/* 1 settled (also when asked again with the same token), 0 stale.  DUE_MS counts for
 * REQUEUE; 0: as it was.  With the new token of a run that pools_reap() reported as
 * lost, it confirms that the API knows: the run is not reported again. */
int pools_settle(struct pools *p, const char *pool, const char *id, uint64_t token,
		 enum pools_outcome outcome, int64_t due_ms, pools_int_fn fn, void *arg,
		 struct error *err);

/* 1 out of its queue or not counted any more, 2 flagged (worker told), 0 unknown. */
int pools_cancel(struct pools *p, const char *pool, const char *id, pools_int_fn fn,
		 void *arg, struct error *err);

/* RUN (id, queue, lane, gen) is with a worker without leases: counted for MS; called
 * again meanwhile, ended by pools_cancel() or pools_enqueue().  1 counted, 2 leased
 * now: counted when that claim is given up, 0 a newer gen is known. */
#define POOLS_HOLD_MS 200000
int pools_hold(struct pools *p, const char *pool, const struct pools_run *run,
	       int64_t ms, pools_int_fn fn, void *arg, struct error *err);

struct pools_reaped {
	const char *id, *verdict /* requeued | lost */, *worker;
	uint64_t old_token, new_token;
	int64_t attempts;
	int started;
};
/* Safe to call from any number of processes: a run is taken once.  A verdict of "lost"
 * has to reach the API; it comes again (after 30 s, 60 s, 2 min, ... for a day) until
 * pools_settle() with the new token.  "requeued" needs nothing: the run is delivered
 * again; with `started` it had been enqueued again during its lease (its retry was
 * due). Nothing is taken for a lease time after a pause of reaping (Redis was away,
 * ...). */
typedef void (*pools_reap_fn)(int rc, const struct pools_reaped *runs, size_t count,
			      const struct error *err, void *arg);
int pools_reap(struct pools *p, const char *pool, int max, int64_t max_attempts,
	       int64_t backoff_ms, pools_reap_fn fn, void *arg, struct error *err);
/* Leader lock of the reaper of a pool: 1 ours, 0 somebody else's. */
int pools_reaper_lock(struct pools *p, const char *pool, const char *owner,
		      int64_t ttl_ms, pools_int_fn fn, void *arg, struct error *err);

/* Settings; LIMIT POOLS_NO_LIMIT for none.  A change publishes a wake.  A pool that
 * Redis does not know gives out nothing; pools_set_pool() opens it, so what is held
 * must have been told before (pools_renew()).  pools_change_pool() leaves such a pool
 * alone: 0. */
int pools_change_pool(struct pools *p, const char *pool, int paused, int64_t limit,
		      pools_int_fn fn, void *arg, struct error *err);
int pools_set_pool(struct pools *p, const char *pool, int paused, int64_t limit,
		   pools_int_fn fn, void *arg, struct error *err);
int pools_set_queue(struct pools *p, const char *pool, const char *queue, int paused,
		    int64_t limit, int64_t priority, pools_int_fn fn, void *arg,
		    struct error *err);
/* Runs of a deployment held at a time in this pool; LIMIT 0: none. */
int pools_set_lane(struct pools *p, const char *pool, const char *lane, int64_t limit,
		   pools_int_fn fn, void *arg, struct error *err);
/* Also forgets the runs that wait in it (they can be enqueued again); *value: 0. */
int pools_remove_queue(struct pools *p, const char *pool, const char *queue,
		       pools_int_fn fn, void *arg, struct error *err);
/* Deletes every key of the pool; *value: how many. */
int pools_remove_pool(struct pools *p, const char *pool, pools_int_fn fn, void *arg,
		      struct error *err);

/* What Redis knows about runs, for the reconciler and explain: state ("ready",
 * "leased", "ext" (pools_hold), "lost", "done", "drop" or NULL), worker, ..., expiry
 * (Unix ms). */
struct pools_info {
	const char *state, *queue, *worker;
	int64_t gen, attempts, expires_ms;
	uint64_t token;
	int started;
};
typedef void (*pools_info_fn)(int rc, const struct pools_info *infos, size_t count,
			      const struct error *err, void *arg);
#define POOLS_INSPECT_MAX 1000 /* -ERR_INVALID above */
int pools_inspect(struct pools *p, const char *pool, const char *const *ids,
		  size_t count, pools_info_fn fn, void *arg, struct error *err);
/* Writes an epoch marker; *value is 1 when the data set is the one we knew (no Redis
 * loss), 0 when it was new: then everything has to be enqueued again. */
int pools_epoch(struct pools *p, const char *epoch, pools_int_fn fn, void *arg,
		struct error *err);

/*
 * Wake-ups of one pool: QUEUE set when work became ready, RUN set when RUN is to be
 * cancelled; both NULL after a (re)connect, when a slot became free or a setting
 * changed: look at everything.  One subscription for each pool (-ERR_CONFLICT).
 */
typedef void (*pools_wake_fn)(const char *queue, const char *run, void *arg);
int pools_subscribe(struct pools *p, const char *pool, pools_wake_fn fn, void *arg,
		    struct error *err);
void pools_unsubscribe(struct pools *p, const char *pool);

#endif
