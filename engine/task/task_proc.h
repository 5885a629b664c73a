/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_proc.h - one attempt of a task as a process: its output, its events, its result.
 *
 * stdout and stderr are pipes; fd 3 of the task is a pipe for NDJSON events.  The
 * result is the file named by WF_RESULT if the task made it, else the event {"result":
 * ...}, else stdout by `outputs`.  Everything that is kept of an output is bounded.
 */
#ifndef ENGINE_TASK_TASK_PROC_H
#define ENGINE_TASK_TASK_PROC_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "engine/plan.h"
#include "engine/sched.h"

struct error;
struct loop;
struct run_state;
struct task_proc;

#define TASK_OUTPUT_MAX   (16u << 20)  /* stdout kept for a result; WF_RESULT */
#define TASK_LINE_MAX     (256u << 10) /* one log line, longer ones are cut */
#define TASK_EVENT_MAX    (4u << 20)   /* one NDJSON line */
#define TASK_STDERR_TAIL  (4u << 10)   /* kept for the log of a failure */
#define TASK_ARTIFACT_MAX (1u << 20)   /* as JSON */

struct task_outcome {
	enum sched_verdict verdict;
	const char *message; /* of a failure */
	const char
	    *error; /* its class: CommandFailed, ResultError, ...; NULL: a state */
	const struct run_state *state; /* SCHED_STATE */
	json_t *value;                 /* result, borrowed; NULL: none was given */
	const char *stderr_tail; /* what the command said last; "" when it was logged */
	int exit_code;           /* -1: none */
	int signo;               /* 0: none */
	int timed_out;
	/* the ends of both outputs, for conditions; borrowed */
	const char *out_end, *err_end;
	size_t out_len, err_len;
};

struct task_proc_ops {
	void (*log)(int level, const char *text, void *arg);
	void (*renamed)(const char *name, void *arg);
	void (*artifact)(const json_t *artifact, void *arg);
	/* Of a generator: one item; VALUE is taken. May be NULL otherwise. */
	void (*yielded)(json_t *value, void *arg);
	/* {"event": ...}; may be NULL. */
	void (*event)(const json_t *event, void *arg);
	/* Once, never before task_proc_start() has returned; the task_proc is gone
	 * after. */
	void (*done)(const struct task_outcome *outcome, void *arg);
};

struct task_proc_spec { /* borrowed during the call, except OPS */
	char *const *argv;
	char *const *envp;
	const char *cwd;
	enum plan_outputs outputs;
	const char *output_path; /* PLAN_OUT_FILE */
	const char *result_path; /* WF_RESULT; removed at the end */
	const char *state_path;  /* WF_STATE; removed at the end */
	int log_prints;
	int generator; /* each line of stdout is an item, by OUTPUTS */
	double timeout_s, grace_s;
	const struct task_proc_ops *ops;
	void *arg;
};

int task_proc_start(struct loop *loop, const struct task_proc_spec *spec,
		    struct task_proc **ret_proc, struct error *err);
/* TERM now, KILL after the grace; it ends with SCHED_STOPPED. GRACE_MS < 0: the task's.
 */
void task_proc_stop(struct task_proc *p, int64_t grace_ms);
/* A generator's output is not read meanwhile, so that it waits. */
void task_proc_hold(struct task_proc *p, int held);

#endif
