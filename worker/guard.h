/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h - kills the processes of runs whose leases are not ours any more, also while
 * we cannot: stopped (SIGSTOP, a debugger), swapped out, or stuck.
 *
 * A small process of its own, forked at the start, reads a table that it shares with
 * us: the process group of each run and the instant until which its lease is trusted.
 * It kills what is past its instant.  It dies with us, and so do the runs.
 */
#ifndef WORKER_GUARD_H
#define WORKER_GUARD_H

#include <stdint.h>
#include <sys/types.h>

struct error;
struct guard;
struct loop;

#define GUARD_MAX     10000 /* groups guarded at a time (LEASE_MAX) */
#define GUARD_LOOK_MS 200   /* how late it may be; far below the leases' margin */
#define GUARD_NONE    (-1)

/* NULL and err when there is no memory or process for it. */
struct guard *guard_start(struct loop *loop, struct error *err);
/* Accepts NULL.  Right before proc_fini(), which reaps it without a callback. */
void guard_stop(struct guard *g);
/* A slot for the group of PID, which ends at UNTIL_MS (monotonic) unless it is moved.
 * GUARD_NONE when all are taken; GUARD may be NULL. */
int guard_add(struct guard *g, pid_t pid, int64_t until_ms);
pid_t guard_pid(const struct guard *g); /* 0: none, or G is NULL */
void guard_move(struct guard *g, int slot, int64_t until_ms);
void guard_drop(struct guard *g, int slot);

#endif
