/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - the invariants.  two-owners: no run is executed by two live owners, nor
 * does an owner go on after a newer one has begun.  two-leases: two workers do not
 * trust a started lease of one run.  terminal-is-final: a run ends once.  zombie:
 * nothing works on for a run that is long over.  limit: none is exceeded.
 * stale-accepted: no state of an owner that was replaced is accepted.  update-lost:
 * what a worker journalled reaches the API, but for what a power failure takes within
 * the time of a sync.  state-lost: an accepted state is stored.  leak: when all is
 * quiet no lease, slot, outbox row or unanswered update is left.  termination: every
 * run ends when the faults have stopped.
 */
#ifndef TESTS_SIM_WATCH_H
#define TESTS_SIM_WATCH_H

#include <stdint.h>

#include "base/uuid.h"
#include "proto/frame.h"

struct buf;
struct sim_node;

extern int watch_data_lost;        /* Redis has forgotten something */
extern int watch_claims_forgotten; /* Redis came back without its last second */
void watch_reset(void);
/* After each event of NODE (NULL: of the world). */
void watch_step(const struct sim_node *node);
/* 1: everything has ended and nothing is left; else *ret_what is what is missing. */
int watch_is_quiet(const char **ret_what);
/* At the end, when quiet. */
void watch_end(void);

/* The largest token that the row of a run had before this transaction. */
uint64_t watch_fence_of(const struct uuid *run);
/* The API applied a batch; BODY is its answer. */
void watch_answers(const Wf__Updates__UpdateBatch *batch, const struct buf *body);

#endif
