/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_forker.h - a helper that forks for a process with a large heap.
 *
 * Started before proc_init(), while the process is small and has one thread, it makes
 * the processes of proc_spawn() that have fork_fn and lean_size.  They are ours in
 * every respect, but see memory as it was at the start, and handlers of
 * pthread_atfork() do not run for them.  proc_fini() ends the helper; when it is
 * missing or was killed, proc_spawn() forks.
 */
#ifndef BASE_PROC_FORKER_H
#define BASE_PROC_FORKER_H

struct error;

int proc_forker_start(struct error *err);
void proc_forker_stop(void);
int proc_forker_ready(void);

#endif
