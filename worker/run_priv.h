/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_priv.h - the inside of a run, shared by run.c (machine), run_start.c (job,
 * lookups), run_native.c, run_python.c (processes) and run_end.c (exit, final state).
 */
#ifndef WORKER_RUN_PRIV_H
#define WORKER_RUN_PRIV_H

#include <jansson.h>

#include "base/proc.h"
#include "proto/frame.h"
#include "base/uuid.h"
#include "worker/job_template.h"
#include "worker/py_control.h"
#include "worker/run.h"
#include "worker/tail.h"
#include "worker/update.h"

struct channel;

enum run_state {
	RUN_CLAIMED = 1, /* Pending is proposed, its answer is awaited */
	RUN_PREPARING,   /* blocks and variables are looked up */
	RUN_STARTING,    /* the source is asked whether it still is ours */
	RUN_RUNNING,     /* the process runs */
	RUN_REPORTING,   /* it has ended (or never started): its final state is reported
			  */
	RUN_DONE,
	RUN_STATE_MAX
};

/* A proposal of the engine that is with the API. */
struct proposal {
	TAILQ_ENTRY(proposal) link;
	struct run *run;
	struct uuid id; /* of the update */
	uint64_t request_id;
	int type;
};
TAILQ_HEAD(proposal_list, proposal);

#define RUN_MARK_SIZE 64

struct run {
	TAILQ_ENTRY(run) link;
	struct worker *w;
	char id[UUID_TEXT_SIZE];
	struct uuid uuid;
	uint64_t fence;
	int64_t attempt;
	enum run_state state;
	int waiting; /* callbacks that will still come: the struct lives until 0 */

	json_t *facts;  /* {"flow_run", "deployment", "flow", "work_pool"} */
	struct job job; /* valid from STARTING on */
	int native;
	char *who; /* "run=<name>" for the log */

	struct proc *proc;
	struct cgroup *cgroup;                 /* while the process runs; or NULL */
	char marks[PROC_MARKS][RUN_MARK_SIZE]; /* of its environment */
	int guard_slot;                        /* while the process runs */
	struct channel *channel;               /* native */
	struct py_attempt *attempt_py;         /* Python */
	char *temp_dir;                        /* removed at the end */
	struct tail tail;
	struct loop_timer *timer; /* heartbeat watch; retries */
	void (*on_timer)(struct run *r);
	struct proc_exit exit;     /* valid when exited */
	int oom;                   /* enum oom_verdict */
	int exited, channel_ended; /* with the next: when to judge */
	struct proposal_list proposals;
	struct uuid report_id; /* of the final report, in REPORTING */
	int64_t cancel_by_ms;  /* native: it was asked to end until then; 0: no */
	int start_tries, waits;

	int concluded; /* a final or paused state is in force at the API */
	int cancelling, lost, kill;
	int frame_limit; /* the backend was full: the channel is paused */
};

#define RUN_HEARTBEAT_MS 5000

/* From here on its processes end with its lease, whatever becomes of us. */
void run_guarded(struct run *r);
/* The only place that assigns a state. */
void run_move(struct run *r, enum run_state next, const char *reason);
/* Who writes about this run. */
struct update_run run_updates(const struct run *r);
void run_hold(struct run *r);    /* a callback will come */
void run_release(struct run *r); /* it came; may free R */
void run_timer(struct run *r, int64_t in_ms, void (*fn)(struct run *r));
/* Ends the machine: tells the source OUTCOME (0: nothing, it is lost). */
void run_finish(struct run *r, int outcome, const char *reason);
/* Reports Crashed with MESSAGE (before or after the process), then finishes. */
void run_crash(struct run *r, const char *message);
void run_report_cancelled(struct run *r, const char *message);
void run_log(struct run *r, int level, const char *fmt, ...) WF_PRINTF(3, 4);

/* The process has what it needs: only the name is kept. */
void run_facts_done(struct run *r);
/* "flow_run" etc. of the facts; never NULL but perhaps a JSON null. */
const json_t *run_fact(const struct run *r, const char *what);
const char *run_text(const json_t *obj, const char *key); /* "" when absent */

/* run_start.c */
void run_prepare(struct run *r);
void run_ask_source(struct run *r);
/* Absolute working folder of the job, owned; NULL: a temporary one is wanted. */
char *run_working_dir(const struct run *r);

/* run_confine.c: how its processes are found and limited; SPEC gets marks and group. */
void run_confine(struct run *r, struct proc_spec *spec);
/* After the end: what the group knows better; the group is removed. */
void run_unconfine(struct run *r);
json_t *run_confined(const struct run *r); /* for a handover */
void run_confine_carried(struct run *r, const char *name, struct proc_spec *spec);

/* run_native.c, run_python.c: spawn; on failure the run crashes with the reason. */
void run_spawn_native(struct run *r);
int run_entrypoint_is_program(const char *entrypoint); /* run_start.c */
void run_spawn_python(struct run *r);
void run_native_cancel(struct run *r);
void run_python_cancel(struct run *r);

/* The parts of a handover (run_carry.c) that are theirs. */
void run_native_carried(struct run *r, const json_t *line);
void run_report_carried(struct run *r);

/* run_end.c */
void run_on_output(struct proc *p, int stream, const char *data, size_t len, void *arg);
void run_on_exit(struct proc *p, const struct proc_exit *exit, void *arg);
/* Judges when process, channel and proposals are all through. */
void run_try_judge(struct run *r);
/* run_ask.c: the engine wants something of the API. */
void run_ask_api(struct run *r, const Wf__Control__ApiCall *m);

#endif
