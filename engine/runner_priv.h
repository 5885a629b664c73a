/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner_priv.h - the state behind runner.h: runner.c drives the run, runner_task.c the
 * tasks, runner_values.c evaluates.
 */
#ifndef ENGINE_RUNNER_PRIV_H
#define ENGINE_RUNNER_PRIV_H

#include <jansson.h>

#include "base/error.h"
#include "base/rundir.h"
#include "base/uuid.h"
#include "engine/expr/expr.h"
#include "engine/plan.h"
#include "engine/runner.h"
#include "engine/sched.h"
#include "engine/session/session.h"
#include "engine/task/envs.h"

struct buf;
struct task_proc;

#define RESULT_INLINE_MAX (64u << 10) /* a larger result is stored, and told */

struct change;
struct fake_clock;
struct httpc;
struct limits;
struct lookup;
struct map_state;
struct store;
struct stub_run;
struct sub;
struct wait;

struct slot { /* of one unit: its present run */
	struct runner *runner;
	const struct plan_task *plan;
	size_t unit;
	char *name;
	json_t *item;   /* of for_each: its values and `index`; or NULL */
	json_t *with;   /* evaluated */
	json_t *inputs; /* task_inputs, for the API */
	json_t *result; /* NULL: none */
	json_t *data;   /* of a state that is not Completed, or NULL */
	struct task_proc *proc;
	char *inputs_path;     /* WF_INPUTS file, or NULL */
	struct run_state last; /* as recorded */
	int exit_code, signo;  /* of the last attempt; -1, 0: none */
	struct map_state *map; /* of a task with for_each, or NULL */
	size_t yielded;        /* items of a generator */
	struct change *change; /* handlers or hooks under way */
	char *cache_key;       /* of this run; NULL: not cached */
	int lock_fd;           /* on the key; -1: none */
	struct lookup *lookup; /* of the key, under way */
	struct limits *limits; /* taken or waited for */
	struct sub *sub;       /* the run of a subflow */
	struct wait *wait;     /* a pause */
	struct stub_run *stub; /* an attempt that a test stands in for */
};

/* Who makes and runs the tasks: those of a file, or the functions of a C flow. */
struct runner_ops {
	/* The flow called ENTRYPOINT (of the session) becomes r->flow. */
	int (*load)(struct runner *r, const char *entrypoint, struct buf *report,
		    struct error *err);
	void (*begin)(struct runner *r); /* the scheduler is there */
	const char *(*name)(const struct runner *r, size_t task);
	/* The scheduler's actions; TASK of stop may be SCHED_NO_TASK: the flow itself.
	 */
	void (*create)(struct runner *r, const struct sched_action *a);
	void (*run)(struct runner *r, size_t task);
	void (*stop)(struct runner *r, size_t task);
	void (*state)(struct runner *r, const struct sched_action *a);
	void (*on_return)(struct runner *r);
	void (*release)(struct runner *r);
	/* These may be NULL: then the answer is that all is well. */
	void (*expand)(struct runner *r, size_t task);
	void (*consult)(struct runner *r, const struct sched_action *a);
	void (*hooks)(struct runner *r, const struct sched_action *a);
	void (*acquire)(struct runner *r, size_t task);
	void (*commit)(struct runner *r, size_t task);
	void (*rollback)(struct runner *r, size_t task);
	void (*forget)(struct runner *r, size_t task);
};
extern const struct runner_ops runner_file_ops;

struct runner {
	struct loop *loop;
	const struct runner_ops *ops;
	void *ops_arg;
	struct fake_clock *clock; /* of tests, borrowed; NULL: the real one */
	const json_t *stubs;      /* of `wf flow test`, by task; NULL: no such test */
	const char *test_store;   /* where its results go */
	struct session *session;  /* owned */
	struct report *report;
	struct sched *sched;
	const struct plan_flow *flow;
	struct plan_file *file; /* owned, when the session named it */
	struct loop_timer *timer, *beat;
	int64_t heartbeat_ms;

	struct uuid run_id;
	char *run_name, *deployment;
	json_t *params, *tags;
	json_t *flow_run;                    /* the root of that name in expressions */
	int flow_run_count, first_run_count; /* now; before this process */
	char *cwd;
	struct rundir dir;
	const char *shared_dir; /* of the worker; NULL: none */
	char *const *environ;
	struct envs env;          /* of the flow */
	struct slot *slots;       /* of the plan's tasks */
	struct slot **item_slots; /* of items, by unit; blocks */
	size_t item_blocks;
	size_t *generators; /* tasks */
	size_t generator_count;

	struct runner_store {
		char *where;
		struct store *store;
	} * stores;
	size_t store_count;
	size_t storing;           /* results on their way to a store */
	struct httpc *http;       /* for notifications; made when needed */
	json_t *secrets, *blocks; /* by name; what could not be read is not in there */
	json_t *variables;
	/* facts for runner_go() */
	json_t *given_params, *given_policy;
	int given_run_count;
	enum sched_event_type start_type;
	struct error start_error;
	char *start_report; /* what is wrong with the file */
	size_t fetching;    /* secrets, variables, blocks on their way */
	struct change *change;
	struct run_state last;        /* of the flow, before the present proposal */
	struct runner *parent_runner; /* of a subflow; NULL: none */
	/* of a subflow: its end is known; all is sent (in place of ending the loop) */
	void (*on_over)(struct runner *r, void *arg);
	void (*on_closed)(struct runner *r, void *arg);
	void *on_over_arg;
	void (*on_named)(struct sub *b); /* its name is known; on_over_arg */
	int depth;                       /* of subflows */
	int log_prints;                  /* inherited */
	int freeing;
	int64_t no_tag_limits_ms; /* until then the tags of the run have none */
	struct run_state state;   /* of the flow, as last accepted */
	json_t *result;           /* of `return` */
	int exit_code;
	int performing, ending, stopping, crashes;
	int64_t cancel_grace_ms; /* -1: the tasks' own */
};

struct sched_now runner_now(const struct runner *r);
void runner_log(struct runner *r, size_t task, int level, const char *logger,
		const char *text);
/* Feeds the scheduler; performs its actions unless that is going on already. */
void runner_feed(struct runner *r, const struct sched_event *ev);
/* The timer, by what is due. */
void runner_arm(struct runner *r);
/* Performs what calls of the scheduler beside the events decided. */
void runner_perform(struct runner *r);

/* Sends a value that is not null, or where a large one is stored; TASK_RUN NULL: of the
 * flow. */
void runner_send_result(struct runner *r, const struct uuid *task_run,
			const json_t *value);

/* runner_begin.c: RUN NULL: NONE says why there is nothing to run. */
int runner_load_file(struct runner *r, const char *entrypoint, struct buf *report,
		     struct error *err);
void runner_begin(struct runner *r, const struct session_run *run,
		  const struct error *none);

/* Everything that the flow names has been read: on to the scheduler. */
void runner_go(struct runner *r);

/* "12", or "12-1" in a process that runs the flow again. */
void runner_dynamic_key(const struct runner *r, unsigned int number, char *buf,
			size_t size);
/* "Created task run ...", and how it goes on when it WILL_RUN. */
void runner_log_created(struct runner *r, const char *name, const char *task, int alone,
			int will_run);
/* The tags of the run and of PLAN; a new reference. */
json_t *runner_tags(const struct runner *r, const struct plan_task *plan);

/* runner_task.c */
void runner_task_create(struct runner *r, const struct sched_action *a);
void runner_task_run(struct runner *r, size_t task);
void runner_task_stop(struct runner *r, size_t task);
void runner_task_state(struct runner *r, const struct sched_action *a);
void runner_slot_release(struct slot *s);
struct task_outcome;
/* An attempt of the task of S ended. */
void runner_task_done(const struct task_outcome *o, struct slot *s);

#include "engine/runner_parts.h"

#endif
