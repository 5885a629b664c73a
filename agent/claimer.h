/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claimer.h - claims runs of one pool from Redis and keeps their leases.
 *
 * Claims when there are free slots and something happened (a wake-up, a freed slot, a
 * reconnect), and every second (jittered) in any case; renews all leases in one call
 * every 5 s; settles with retries; takes part in reaping dead owners' leases.  Hides
 * Redis: nothing else in the worker talks to it.  Loop thread only; no callback runs
 * inside a call of ours.
 */
#ifndef AGENT_CLAIMER_H
#define AGENT_CLAIMER_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "agent/lease.h"

struct claimer;
struct error;
struct loop;

struct claim {
	const char *run_id; /* uuid text; all strings die when the callback returns */
	const char *queue;
	const char *payload; /* small JSON from the API */
	uint64_t token;      /* the fence */
	int64_t attempt;     /* deliveries of this run, 1 = first */
	int64_t due_ms; /* Unix ms; may lie up to prefetch_ms ahead: start it then */
	int64_t gen;
};

/*
 * What a dead worker left behind.  One that is not requeued is reported to the API with
 * a Lost update (outbox.h) whose fence is new_token; when that is journalled:
 * claimer_end_token(new_token, CLAIMER_DONE), else it comes again (30 s, 60 s, ...).
 */
struct claimer_reaped {
	const char *run_id, *worker;
	int requeued; /* delivered again by itself: nothing to report */
	int started;
	uint64_t old_token, new_token;
	int64_t attempts;
};

enum claimer_appetite { CLAIMER_SATED = 0, CLAIMER_HUNGRY, CLAIMER_FULL };

struct claimer_ops {
	/* How many more runs may be started now; 0 stops claiming.  Asked before each
	 * claim. */
	int (*free_slots)(void *arg);
	/* The run is ours, its lease is CLAIMED.  End it with claimer_end(). */
	void (*on_claim)(const struct claim *claim, void *arg);
	/* Cancellation is wanted; once for each run.  It still has to be ended. */
	void (*on_cancel)(const char *run_id, uint64_t token, void *arg);
	/* No longer ours; the lease is gone already.  STARTED: kill the processes at
	 * once and propose nothing more for this token. */
	void (*on_lost)(const char *run_id, uint64_t token, int started,
			enum lease_why why, void *arg);
	/* May be NULL: then this process never reaps. */
	void (*on_reaped)(const struct claimer_reaped *run, void *arg);
	/* Leases were renewed: claimer_trusted_until() says how long; may be NULL. */
	void (*on_renewed)(void *arg);
	/*
	 * What a claim has taught about the queues; may be NULL.  FULL: it got all that
	 * it asked for, so there may be more.  SATED: it got less.  HUNGRY: there may
	 * be work, but no slot is free.
	 */
	void (*on_appetite)(enum claimer_appetite appetite, void *arg);
	/* Somebody wants this worker to drain; may be NULL. */
	void (*on_drain)(void *arg);
	/* Redis became reachable (1) or unreachable (0); may be NULL. */
	void (*on_up)(int up, const char *reason, void *arg);
};

struct claimer_conf {
	const char *redis_url;
	const char *pool;
	const char *worker;        /* unique for each process */
	const char *const *queues; /* NULL-terminated; NULL: all of the pool */
	int64_t lease_ms;          /* 0: 15 s */
	int64_t renew_ms;          /* 0: 5 s */
	int64_t prefetch_ms;       /* -1: 10 s */
	int64_t poll_ms; /* 0: 1 s; without wake-ups, or when they may be late */
};

/* Strings are copied; OPS must live as long.  NULL and err for a bad URL or bad
 * numbers. */
struct claimer *claimer_new(struct loop *loop, const struct claimer_conf *conf,
			    const struct claimer_ops *ops, void *arg,
			    struct error *err);
/* Leases that are still held stay in Redis until they expire: end them first. */
void claimer_free(struct claimer *c);

/* A slot became free, or the answer of free_slots may have changed. */
void claimer_kick(struct claimer *c);
/* No new claims; leases are kept and renewed.  claimer_resume() takes it back. */
void claimer_drain(struct claimer *c);
void claimer_resume(struct claimer *c);

/* Pending was accepted by the API: bookkeeping only.  0 or -ERR_NOT_FOUND. */
int claimer_pending(struct claimer *c, const char *run_id, struct error *err);

/* After LOST, on_lost is called as well (unless it was before). */
enum claimer_start { CLAIMER_GO = 1, CLAIMER_CANCEL_WANTED, CLAIMER_LOST };
/* RC 0 with an answer, or < 0 when Redis did not answer (then do not start; the lease
 * is still held: try again or end it). */
typedef void (*claimer_start_fn)(int rc, enum claimer_start answer,
				 const struct error *err, void *arg);
/* "Still mine?"  Must be answered GO immediately before the fork. */
int claimer_start(struct claimer *c, const char *run_id, claimer_start_fn fn, void *arg,
		  struct error *err);

enum claimer_outcome {
	CLAIMER_DONE = 1, /* the API knows its final state */
	CLAIMER_DROP,     /* not to be run: the API refused it */
	CLAIMER_REQUEUE   /* give it back (unstarted only) */
};
/*
 * Ends the lease; tried again until Redis answers or the lease has expired.  DUE_MS
 * (Unix ms, 0: now) counts for REQUEUE.  The run's slot in Redis is free when FN is
 * called: RC 0, or -ERR_SUPERSEDED when it was no longer ours.  FN may be NULL.
 */
typedef void (*claimer_end_fn)(int rc, const struct error *err, void *arg);
int claimer_end(struct claimer *c, const char *run_id, enum claimer_outcome outcome,
		int64_t due_ms, claimer_end_fn fn, void *arg, struct error *err);
/* The same for a token that is not ours: of an earlier process (known from the
 * journal's replay), or the new token of a reaped run. */
void claimer_end_token(struct claimer *c, const char *run_id, uint64_t token,
		       enum claimer_outcome outcome);

/* The API says that the run is somebody else's, whatever Redis says: its lease is
 * neither renewed nor ended any more, and runs out. */
void claimer_forget(struct claimer *c, const char *run_id);

/* Other queues from now on; NULL: all of the pool. */
void claimer_set_queues(struct claimer *c, const char *const *queues);
/* How many runs the claim under way may still bring; 0: there is none. */
int claimer_asked(const struct claimer *c);
/* When the last renewal was answered (loop_now_ms); 0: never. */
int64_t claimer_renewed_ms(const struct claimer *c);
int claimer_is_up(const struct claimer *c);
size_t claimer_leases(const struct claimer *c);
/* Settlements that have not been answered yet: wait for 0 before leaving. */
size_t claimer_unsettled(const struct claimer *c);
/*
 * A handover to the next program in this process, when nothing is asked of Redis that
 * would be lost with its answer.  claimer_carry() adds the leases, and the settlements
 * that wait; claimer_carried() takes one of its lines and says what it was.
 */
struct carry;
int claimer_is_quiet(const struct claimer *c);
void claimer_carry(const struct claimer *c, struct carry *to);
int claimer_carried(struct claimer *c, const json_t *line, struct error *err);
/* Until when nobody else can own it (clock_mono_ms()); 0: not held. */
int64_t claimer_trusted_until(const struct claimer *c, const char *run_id);
uint64_t claimer_token(const struct claimer *c, const char *run_id); /* 0: not held */

#endif
