/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.h - the processes that simulated workers start: an engine that proposes
 * Running, works (leaving marks), and proposes how it ended.  They belong to the host:
 * when their worker is killed they die a moment later, when it is stopped alone they go
 * on.
 */
#ifndef TESTS_SIM_CHILD_H
#define TESTS_SIM_CHILD_H

#include <stdint.h>

#include "base/uuid.h"
#include "proto/frame.h"

struct channel;
struct proc;
struct sim_node;

/* How an engine behaves: drawn when it starts. */
struct child_plan {
	int64_t work_us; /* until it proposes its end */
	int marks;       /* of work, in between */
	int end;         /* state type it proposes; 0: it leaves without a word */
	int deaf;        /* does not react to a cancellation, nor to TERM */
	int stuck;       /* stops sending heartbeats */
};
extern struct child_plan (*child_draw)(const struct uuid *run);
/* The token of the run that a worker starts a process for (ARG of its proc_spec). */
extern uint64_t (*child_fence)(const void *arg);

/* What the simulator watches: an engine of RUN was started, did some work, is gone. */
struct child_events {
	void (*started)(struct sim_node *host, const struct uuid *run, uint64_t fence);
	void (*worked)(struct sim_node *host, const struct uuid *run, uint64_t fence);
	void (*gone)(struct sim_node *host, const struct uuid *run, uint64_t fence);
};
extern struct child_events child_events;

/* Their worker was killed; POWER: their host too. */
void child_worker_died(struct sim_node *host, int power);
void child_reset(void);
/* Alive on this host. */
int child_count(const struct sim_node *host);

/* ---- between proc.c (engine) and channel.c ---- */

/* A frame for the engine, as far as it looks. */
struct child_in {
	int kind; /* Wf__Control__Frame__BodyCase */
	struct uuid run;
	uint64_t request_id;
	int answer, state_type;
	int64_t delay_us;
};
void child_hears(int end_fd, const struct child_in *in);
/* From the engine; FRAME is borrowed. */
void channel_hears(int end_fd, const wf_frame *frame);
void channel_hangup(int end_fd); /* the engine is gone */
void channel_reset(void);

#endif
