/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - one flow run on this worker, from the claim to its end.
 */
#ifndef WORKER_RUN_H
#define WORKER_RUN_H

#include "worker/worker.h"

/* Starts the machine (drawing in run.c); NULL when nothing can be recorded now. */
struct run *run_new(struct worker *w, const struct worker_offer *offer);
const char *run_id(const struct run *r);
const char *run_name(const struct run *r); /* the flow run's name, or its id */
const char *run_state_text(const struct run *r);
uint64_t run_fence(const struct run *r);
int run_is_started(const struct run *r);

/* Somebody wants it cancelled.  Idempotent. */
void run_cancel(struct run *r);
/* It belongs to somebody else now: kill, say nothing. */
void run_lost(struct run *r, const char *why);
/* Its lease was renewed: its processes may go on. */
void run_trust(struct run *r);
/* The worker goes down: a run that has not started is handed back; KILL ends a started
 * one. */
void run_drain(struct run *r, int kill);

/*
 * A handover to the next program in this process: a run whose process runs, or whose
 * end is being reported, as a line; others are busy (-ERR_BUSY) for a moment, or until
 * they are handed back.  Native runs keep their channel, Python ones their attempt.
 */
struct carry;
int run_carry(struct run *r, struct carry *to);
/* Goes on with it.  On failure its process is killed. */
int run_carried(struct worker *w, const json_t *line, struct error *err);
/* Gives a run back that has not started. */
void run_hand_back(struct run *r);

#endif
