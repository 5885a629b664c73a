/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots.h - the slot budget of a host, shared by the workers of its pools.  Pure.
 *
 * A grant says how many runs a worker may hold.  The sum of all grants never exceeds
 * the limit: a grant that was lowered counts in full until the worker has acknowledged
 * it, and a worker that holds more than its grant counts with what it holds.
 *
 * Each worker gets what it holds; the rest goes, one slot at a time, to the one that is
 * furthest below its share (slots by weight) among those that want more; what nobody
 * wants is spread by weight, so that work which comes finds a slot without asking.  A
 * grant is lowered only when somebody else needs it.  Runs are never taken away: a pool
 * that comes late gets its share as the runs of the others end.
 */
#ifndef AGENT_SLOTS_H
#define AGENT_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#define SLOTS_SHARERS_MAX 256
#define SLOTS_LIMIT_MAX   10000
#define SLOTS_WANT_MANY   10000 /* "as many as there are" */

struct slots_sharer {
	int used;      /* this entry is somebody */
	int weight;    /* >= 1 */
	int held;      /* runs that it holds, and claims under way */
	int want;      /* how many more it could use now */
	int granted;   /* last grant that was told */
	uint32_t told; /* its number: grants are counted */
	int believed;  /* the largest grant that it may still go by */
	int finite;    /* takes no more: its grant is what it holds (draining) */
};

struct slots {
	int limit; /* of the host */
	int open;  /* 0: admission is closed, nobody gets a free slot */
	struct slots_sharer sharer[SLOTS_SHARERS_MAX];
};

void slots_init(struct slots *s, int limit);
/* The index of a new sharer, or -1 when there is no room. */
int slots_add(struct slots *s, int weight);
void slots_remove(struct slots *s, int i);
/* What a worker reports: it holds HELD, could use WANT more, and goes by the grant
 * number SEEN. */
void slots_report(struct slots *s, int i, int held, int want, uint32_t seen);

struct slots_change {
	int sharer, grant;
	uint32_t number;
};
/* Works out the grants; those that changed go into OUT (room for SLOTS_SHARERS_MAX) and
 * count as told.  Returns how many. */
size_t slots_balance(struct slots *s, struct slots_change *out);

int slots_held(const struct slots *s);
/* The most runs that may exist now: never above the limit, but for runs that are held
 * above it already (a limit that was lowered). */
int slots_committed(const struct slots *s);

#endif
