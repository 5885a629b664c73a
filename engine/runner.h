/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner.h - runs one flow run: performs the scheduler's actions and feeds it what
 * happens.
 *
 * It owns the values (parameters, inputs, results) and the processes; the scheduler
 * owns the decisions; the session is told everything.  Single-threaded, on the loop.
 */
#ifndef ENGINE_RUNNER_H
#define ENGINE_RUNNER_H

#include <jansson.h>

#include "engine/show/report.h"
#include "engine/state.h"

struct loop;
struct plan_flow;
struct runner;
struct session;

/* Exit status by the final state. */
enum runner_exit {
	RUNNER_COMPLETED = 0,
	RUNNER_FAILED = 1,   /* FAILED or CRASHED */
	RUNNER_UNUSABLE = 2, /* the flow could not be loaded */
	RUNNER_CANCELLED = 3,
	RUNNER_OPEN = 4,  /* left PAUSED or SCHEDULED */
	RUNNER_LOST = 75, /* superseded, or nobody answered */
};

struct runner *runner_new(struct loop *loop, char *const *base_env);
/*
 * Before runner_start(): the task runs are functions of a C flow instead of the tasks
 * of a file.  OPS and ARG are borrowed.
 */
struct runner_ops;
void runner_set_ops(struct runner *r, const struct runner_ops *ops, void *arg);
void runner_free(struct runner *r); /* accepts NULL */
/* The callbacks for the session. */
extern const struct session_events runner_session_events;
/*
 * SESSION is taken.  FLOW (borrowed) is NULL when the session's entrypoint names it:
 * then it is loaded when the run's facts arrive.  REPORT is borrowed, may be NULL.
 */
void runner_start(struct runner *r, struct session *session,
		  const struct plan_flow *flow, struct report *report);
/* SIGINT, SIGTERM: the run crashes with MESSAGE; the second time nothing is waited for.
 */
void runner_crash(struct runner *r, const char *message);
/* True after a Cancel: a TERM that follows it is part of the same wish. */
int runner_is_stopping(const struct runner *r);

#endif
