/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claimer_priv.h - shared by claimer.c (claiming, leases) and claimer_end.c (settling).
 */
#ifndef AGENT_CLAIMER_PRIV_H
#define AGENT_CLAIMER_PRIV_H

#include <stdint.h>
#include <sys/queue.h>

#include "agent/claimer.h"
#include "base/heap.h"

struct ending;
TAILQ_HEAD(ending_list, ending);

struct claimer {
	struct loop *loop;
	struct pools *pools;
	struct loop_timer *timer;
	const struct claimer_ops *ops;
	void *arg;
	char *pool, *worker;
	char **queues; /* NULL-terminated, or NULL */
	int64_t lease_ms, prefetch_ms, poll_ms;
	struct lease_table table;
	int64_t lease_at_ms, claim_at_ms, reap_at_ms;
	int64_t claim_sent_ms, renewed_ms;
	int claim_room;    /* what the claim under way asked for */
	int woken;         /* since the last claim was sent */
	int64_t looked_ms; /* last claim, or last word that we are hungry */
	int claiming, claim_again, reaping, draining, closed;
	struct ending_list endings;
	struct heap ending_times; /* those that wait for their next try */
	size_t ending_count;
};

void claimer_arm(struct claimer *c);

/* Tries what is due; returns when it wants to run again. */
int64_t endings_tick(struct claimer *c, int64_t now_ms);
/* Redis is back: try all now. */
void endings_hurry(struct claimer *c, int64_t now_ms);
/* The lease is gone: its settlement is over.  1 when there was one. */
int endings_lost(struct claimer *c, const char *run_id, uint64_t token);
void endings_release(struct claimer *c);
/* For a handover: the settlements that wait, as lines; and one of them. */
void endings_carry(const struct claimer *c, struct carry *to);
void ending_carried(struct claimer *c, const json_t *line);

#endif
