/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit.h - what the end of a run's process means: pure.
 */
#ifndef WORKER_EXIT_H
#define WORKER_EXIT_H

#include <stddef.h>
#include <stdint.h>

struct proc_exit;

enum exit_verdict {
	EXIT_CONCLUDED = 1, /* its final (or paused) state is known to the API */
	EXIT_CANCELLED,     /* cancelled by us: Cancelled unless the API knows better */
	EXIT_SILENT,        /* status 0, but nothing was reported: look at the API */
	EXIT_CRASHED,       /* propose Crashed with the message */
	EXIT_LOST,          /* no longer ours: say nothing */
};

struct exit_facts {
	int concluded; /* the engine reported a final or paused state, or was aborted */
	int lost;      /* the lease is gone */
	int cancelling;      /* we were asked to cancel */
	int draining;        /* the worker is going down */
	int64_t cpu_limit_s; /* job variable; 0: none */
	int oom;             /* killed for want of memory, probably: enum oom_verdict */
};

/* MESSAGE gets the state's message for CRASHED and SILENT. */
enum exit_verdict exit_judge(const struct proc_exit *exit,
			     const struct exit_facts *facts, char *message,
			     size_t size);
/* A sentence about a status, in our words: "the process was killed ...". */
const char *exit_explain(int code);

#endif
