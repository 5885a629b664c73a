/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched_priv.h - the state behind sched.h: sched.c drives the flow, sched_task.c the
 * runs of tasks, sched_map.c the items of for_each, sched_txn.c transactions,
 * sched_queue.c keeps the actions.
 */
#ifndef ENGINE_SCHED_PRIV_H
#define ENGINE_SCHED_PRIV_H

#include "base/compiler.h"
#include "base/heap.h"
#include "engine/plan.h"
#include "engine/sched.h"
#include "engine/sched_parts.h"

enum task_phase {
	TASK_WAITING = 0, /* for its upstream tasks */
	TASK_TO_CREATE,   /* in to_create */
	TASK_EXPANDING,   /* for_each is being evaluated by the shell */
	TASK_MAPPING,     /* its items are under way */
	TASK_CREATED,     /* being prepared by the shell */
	TASK_QUEUED,      /* in ready, fast or granted */
	TASK_ACQUIRING,   /* the shell asks for its limits */
	TASK_CONSULTING,  /* its handlers look at OFFERED */
	TASK_HOOKING,     /* its hooks run */
	TASK_RUNNING,
	TASK_DELAYED, /* in the heap */
	TASK_DONE,
};

struct sched_group {   /* of a task with for_each */
	size_t count;  /* SCHED_STREAM: not yet known */
	size_t avail;  /* items that exist by now */
	size_t next;   /* the next one to become a run */
	size_t open;   /* runs that are not over */
	size_t failed; /* and others that did not complete */
	int queued;    /* in to_create */
	int reused;
	unsigned char *ok; /* items that completed, for a retry of the flow */
	size_t ok_size;
};
struct sched_task {
	const struct plan_task *plan;
	enum task_phase phase;
	enum task_then then;
	size_t index, head, item; /* head: of the task that an item belongs to */
	size_t next;              /* in its queue */
	size_t waiting;           /* upstream tasks that are not done */
	size_t blocker; /* an upstream that did not complete, or SCHED_NO_TASK */
	unsigned int numbers;
	int retries_used;
	unsigned int reusable : 1; /* completed in this process: not repeated */
	unsigned int deaf : 1;     /* a handler failed: they are not asked again */
	unsigned int has_slot : 1;
	unsigned int streamed : 1; /* its streaming consumers were told */
	unsigned int granted : 1;  /* its limits are taken */
	unsigned int called : 1;   /* dynamic: somebody waits for just this one */
	struct sched_run run;
	int64_t attempt_us;
	enum state_type type;
	int64_t state_us;
	struct uuid state_id;
	struct heap_node due;
	struct run_state *offered; /* CONSULTING */
	struct sched_group *group; /* or NULL */
};

/* First in, first out, linked by sched_task.next. */
struct task_queue {
	size_t head, tail, count;
};
struct sched_txn {
	size_t left; /* tasks that are not over */
	int failed, over;
	enum sched_action_type step; /* COMMIT, ROLLBACK; 0: not yet */
	size_t *units;               /* completed runs, in that order */
	size_t count, size, at;
	int waiting; /* for the shell */
};

enum flow_phase { FLOW_NEW = 0, FLOW_ASKING, FLOW_RUNNING, FLOW_ENDING, FLOW_DONE };
enum stop_kind {
	STOP_NONE = 0,
	STOP_TIMEOUT,
	STOP_ERROR,
	STOP_CANCEL,
	STOP_CRASH,
	STOP_LEAVE,
	STOP_LOST
};
enum flow_wait { WAIT_NOTHING = 0, WAIT_CONSULT, WAIT_INFORM, WAIT_HOOKS };
struct sched_tally {
	size_t total, failed, cancelled, not_final;
};

#define SCHED_BLOCK 64 /* units of items that are allocated at once */

struct sched {
	const struct plan_flow *flow;
	struct sched_config config;
	enum flow_phase phase;
	enum flow_wait waits; /* for the shell, beside a proposal in flight */
	int run_count;
	int retrying;  /* the flow was answered AwaitingRetry */
	int invalid;   /* its parameters do not fit */
	int returning; /* the shell evaluates `return` */
	int held;
	int in_flight; /* a proposal waits for its answer */
	int deaf;      /* a handler of the flow failed */
	int ask_fresh; /* the next proposal is a new one */
	enum stop_kind stop;
	char *stop_message;
	struct run_state left_in; /* STOP_LEAVE */
	struct run_state proposal;
	int proposal_force;
	int64_t state_us;
	int64_t wait_at_ms;        /* propose again */
	int64_t deadline_ms;       /* of this attempt of the flow */
	enum sched_answer lost_as; /* why END comes without a state */

	struct sched_task *tasks; /* of the plan, or those that were added */
	size_t count, size;
	struct sched_task **blocks; /* of items */
	size_t block_count;
	size_t free_head, free_count; /* unused ones, linked by next */
	struct task_queue to_create, ready, fast, granted;
	/* dynamic flows: the flow's function runs; what it returned */
	int body, returned;
	struct run_state result;
	size_t lent; /* slots of tasks that wait for others */
	struct heap delayed;
	size_t outstanding; /* CREATED or QUEUED */
	size_t acquiring, running, live, done;
	struct sched_tally tally;
	struct sched_txn *txns;

	struct sched_action *actions;
	size_t actions_head, actions_count, actions_size;
};

static inline int sched_is_item(const struct sched *s, size_t i)
{
	return !s->flow->dynamic && i >= s->flow->count;
}
static inline struct sched_task *sched_unit(const struct sched *s, size_t i)
{
	size_t k;

	if (!sched_is_item(s, i)) {
		return &s->tasks[i];
	}
	k = i - s->flow->count;
	return &s->blocks[k / SCHED_BLOCK][k % SCHED_BLOCK];
}
static inline const struct plan_task *sched_plan(const struct sched *s, size_t i)
{
	return sched_unit(s, i)->plan;
}

#endif
