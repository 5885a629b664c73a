/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.h - the leases that this process holds, as a pure table: it takes `now`, events
 * and answers, and returns actions.  The claimer (claimer.h) performs them.
 *
 *   CLAIMED --Pending accepted--> PENDING --start answered 1--> STARTED --settling-->
 * ENDING |                             |                             | |
 *      +-------- settling -----------+----> ENDING                 | |
 *      +-------- lost or too old to be trusted: GONE <-------------+-------- settled
 * ---+
 *
 * A lease is trusted until sent + lease_ms - margin_ms, where sent is the instant at
 * which the last answered claim or renewal was SENT: Redis counts from a later instant,
 * so the run cannot be given away before.  At that deadline an unstarted run is
 * forgotten (FORGET) and a started one is killed (KILL), margin_ms before anybody else
 * may own it.
 */
#ifndef AGENT_LEASE_H
#define AGENT_LEASE_H

#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/map.h"

struct error;

#define LEASE_MAX       10000 /* leases of one process */
#define LEASE_MARGIN_MS 2000  /* between our giving up and the earliest new owner */
#define LEASE_ID_SIZE   37

enum lease_state {
	LEASE_CLAIMED = 1,
	LEASE_PENDING,
	LEASE_STARTED,
	LEASE_ENDING,
	LEASE_GONE,
	LEASE_STATE_MAX
};
const char *lease_state_name(enum lease_state state);
int lease_move_allowed(enum lease_state from, enum lease_state to);

enum lease_why {
	LEASE_WHY_NONE = 0,
	LEASE_WHY_TAKEN,    /* Redis said that the token is stale */
	LEASE_WHY_UNRENEWED /* no renewal was answered in time */
};

enum lease_action_kind {
	LEASE_ACT_RENEW = 1, /* renew this one now (all due ones come in one list) */
	LEASE_ACT_CANCEL,    /* cancellation is wanted; at most once for a lease */
	LEASE_ACT_KILL,      /* started and no longer ours: kill it, stay silent */
	LEASE_ACT_FORGET     /* not started and no longer ours: drop it */
};
struct lease_action {
	enum lease_action_kind kind;
	enum lease_why why;
	char id[LEASE_ID_SIZE];
	uint64_t token;
};
struct lease_actions {
	struct lease_action *items; /* private: owned by the list */
	size_t count, size;
};
void lease_actions_init(struct lease_actions *a);
void lease_actions_release(struct lease_actions *a);

struct lease {
	char id[LEASE_ID_SIZE];
	uint64_t token;
	enum lease_state state;
	char *queue; /* owned */
	int64_t gen;
	/* private below */
	struct heap_node deadline;
	int64_t trusted_until_ms;
	int64_t renew_at_ms;
	int cancel_told;
};

struct lease_conf {
	int64_t lease_ms, renew_ms, margin_ms;
};
struct lease_table {
	struct lease_conf conf;
	struct map by_id;    /* private below */
	struct heap by_time; /* the nearer of renew_at and trusted_until */
};

/* -ERR_INVALID when the numbers leave no room: renew_ms + margin_ms must be < lease_ms.
 */
int lease_table_init(struct lease_table *t, const struct lease_conf *conf,
		     struct error *err);
void lease_table_release(struct lease_table *t);
size_t lease_table_count(const struct lease_table *t);
size_t lease_table_count_in(const struct lease_table *t, enum lease_state state);

struct lease_claim {
	const char *id, *queue;
	uint64_t token;
	int64_t gen;
	int64_t sent_ms; /* when the claim was sent */
};
/* -ERR_LIMIT, or -ERR_CONFLICT when the run is already held with a token that is not
 * smaller.  A smaller token is replaced (a FORGET or KILL for it is added to OUT). */
int lease_add(struct lease_table *t, const struct lease_claim *claim,
	      struct lease_actions *out, struct error *err);
/* From the program before us in this process: a lease as it was there, the private
 * instants included (copied; renewed at once).  -ERR_LIMIT, -ERR_CONFLICT. */
int lease_carried(struct lease_table *t, const struct lease *from, int64_t now_ms,
		  struct error *err);
struct lease *lease_get(const struct lease_table *t, const char *id); /* or NULL */
/* Borrowed pointers to all leases, in no order; the array is the caller's: free(). */
struct lease **lease_list(const struct lease_table *t, size_t *ret_count);

/* The only mutator.  -ERR_NOT_FOUND, -ERR_CONFLICT (illegal move).  GONE removes it. */
int lease_move(struct lease_table *t, const char *id, enum lease_state next,
	       struct error *err);

/* Everything due at NOW; returns when it wants to run again (INT64_MAX: never). */
int64_t lease_tick(struct lease_table *t, int64_t now_ms, struct lease_actions *out);

/* VALUE of the renew script for ID/TOKEN (1 ok, 2 cancel wanted, 0 lost) sent at SENT.
 * An answer about a lease that is gone or has another token is ignored. */
void lease_renewed(struct lease_table *t, const struct lease_action *asked,
		   int64_t value, int64_t sent_ms, struct lease_actions *out);
/* A renewal that got no answer: ask again after RETRY_MS (never beyond the deadline).
 */
void lease_renew_failed(struct lease_table *t, const struct lease_action *asked,
			int64_t now_ms, int64_t retry_ms);
/* Everything at once, after a reconnect: the next tick renews all. */
void lease_renew_all(struct lease_table *t, int64_t now_ms);
/* A "!<id>" wake-up. */
void lease_cancel_wanted(struct lease_table *t, const char *id,
			 struct lease_actions *out);

#endif
