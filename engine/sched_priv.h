/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched_priv.h - the state behind sched.h: sched.c drives the flow, sched_task.c the
 * tasks, sched_queue.c keeps the actions.
 */
#ifndef ENGINE_SCHED_PRIV_H
#define ENGINE_SCHED_PRIV_H

#include "base/compiler.h"
#include "base/heap.h"
#include "engine/plan.h"
#include "engine/sched.h"

enum task_phase {
	TASK_WAITING = 0, /* for its upstream tasks */
	TASK_TO_CREATE,   /* in to_create */
	TASK_CREATED,     /* being prepared by the shell */
	TASK_QUEUED,      /* in ready */
	TASK_RUNNING,
	TASK_DELAYED, /* in the heap */
	TASK_DONE,
};
struct sched_task {
	const struct plan_task *plan;
	enum task_phase phase;
	size_t next;    /* in its queue */
	size_t waiting; /* upstream tasks that are not done */
	size_t blocker; /* an upstream that did not complete, or SCHED_NO_TASK */
	unsigned int numbers;
	int retries_used;
	int reusable; /* completed in this process: a retried flow does not repeat it */
	int called;   /* dynamic: somebody waits for just this one */
	struct sched_run run;
	int64_t attempt_us;
	enum state_type type;
	int64_t state_us;
	struct uuid state_id;
	struct heap_node due;
};

/* First in, first out, linked by sched_task.next. */
struct task_queue {
	size_t head, tail, count;
};

enum flow_phase { FLOW_NEW = 0, FLOW_ASKING, FLOW_RUNNING, FLOW_ENDING, FLOW_DONE };
enum stop_kind { STOP_NONE = 0, STOP_TIMEOUT, STOP_CANCEL, STOP_CRASH, STOP_LOST };

struct sched {
	const struct plan_flow *flow;
	struct sched_config config;
	enum flow_phase phase;
	int run_count;
	int retrying;  /* the flow was answered AwaitingRetry */
	int invalid;   /* its parameters do not fit */
	int returning; /* the shell evaluates `return` */
	int held;
	int in_flight; /* a proposal waits for its answer */
	enum stop_kind stop;
	char *stop_message;
	struct run_state proposal;
	int proposal_force;
	int64_t state_us;
	int64_t wait_at_ms;        /* propose again */
	int64_t deadline_ms;       /* of this attempt of the flow */
	enum sched_answer lost_as; /* why END comes without a state */

	struct sched_task *tasks;
	size_t count, size;
	/* dynamic flows: the flow's function runs; what it returned */
	int body, returned;
	struct run_state result;
	size_t lent; /* slots of tasks that wait for others */
	struct task_queue to_create, ready;
	struct heap delayed;
	size_t outstanding; /* CREATED or QUEUED */
	size_t running, done;

	struct sched_action *actions;
	size_t actions_head, actions_count, actions_size;
};

/* sched_queue.c: a zeroed action at the end of the list. */
struct sched_action *sched_push(struct sched *s, enum sched_action_type type,
				size_t task);
void sched_log(struct sched *s, size_t task, int level, const char *fmt, ...)
    WF_PRINTF(4, 5);
void sched_log_finished(struct sched *s, size_t task, const struct run_state *state);

/* sched_task.c */
void sched_tasks_reset(struct sched *s, struct sched_now now);
/* Creates and starts what may be; everything that makes room calls it. */
void sched_pump(struct sched *s, struct sched_now now);
void sched_task_prepared(struct sched *s, const struct sched_event *ev,
			 struct sched_now now);
void sched_task_ended(struct sched *s, const struct sched_event *ev,
		      struct sched_now now);
void sched_tasks_due(struct sched *s, struct sched_now now);
/* Cancels those that did not start: the function of the flow has ended. */
void sched_tasks_drop(struct sched *s, struct sched_now now);
/* Stops the running ones, cancels those that wait. */
void sched_tasks_stop(struct sched *s, struct sched_now now);
int sched_tasks_over(const struct sched *s);

#endif
