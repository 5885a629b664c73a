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

#endif
