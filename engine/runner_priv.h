/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner_priv.h - the state behind runner.h: runner.c drives the run, runner_task.c the
 * tasks, runner_values.c evaluates.
 */
#ifndef ENGINE_RUNNER_PRIV_H
#define ENGINE_RUNNER_PRIV_H

#include <jansson.h>

#include "base/rundir.h"
#include "base/uuid.h"
#include "engine/task/envs.h"
#include "engine/expr/expr.h"
#include "engine/plan.h"
#include "engine/runner.h"
#include "engine/sched.h"
#include "engine/session/session.h"

struct buf;
struct task_proc;

#define RESULT_INLINE_MAX (64u << 10) /* a larger result is stored, and told */

struct slot { /* of one task: its present run */
	struct runner *runner;
	const struct plan_task *plan;
	char *name;
	json_t *with;   /* evaluated */
	json_t *inputs; /* task_inputs, for the API */
	json_t *result; /* NULL: none */
	struct task_proc *proc;
	char *inputs_path; /* WF_INPUTS file, or NULL */
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
};
extern const struct runner_ops runner_file_ops;

struct runner {
	struct loop *loop;
	const struct runner_ops *ops;
	void *ops_arg;
	/* The clock of tests: waiting takes no time when nothing runs. */
	int fake_clock;
	int64_t skew_ms;
	struct session *session; /* owned */
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
	struct envs env; /* of the flow */
	struct slot *slots;

	struct run_state state; /* of the flow, as last accepted */
	json_t *result;         /* of `return` */
	int exit_code;
	int performing, ending, stopping, crashes;
	int64_t cancel_grace_ms; /* -1: the tasks' own */
};

struct sched_now runner_now(const struct runner *r);
void runner_log(struct runner *r, size_t task, int level, const char *logger,
		const char *text);
/* Feeds the scheduler; performs its actions unless that is going on already. */
void runner_feed(struct runner *r, const struct sched_event *ev);
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

/* runner_values.c; each returns 0 or -code with a message that names the key. */
int runner_eval_flow_env(struct runner *r, struct error *err);
int runner_eval_inputs(struct slot *s, int *ret_skip, struct error *err);
int runner_eval_name(struct slot *s, unsigned int number, char **ret_name,
		     struct error *err);
int runner_eval_return(struct runner *r, json_t **ret_value, struct error *err);
/* The attempt's command and environment. */
struct command {
	char **argv; /* owned */
	struct envs env;
	char *output_path;
	char *result_path;
};
int runner_eval_command(struct slot *s, const struct sched_run *run,
			struct command *cmd, struct error *err);
void command_release(struct command *cmd);
json_t *runner_task_inputs(struct slot *s);
int runner_flow_name(struct runner *r, char **ret_name, struct error *err);

#endif
