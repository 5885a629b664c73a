/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - what a person (or a program) at the terminal sees of a run: log lines, a
 * live table of tasks, or one JSON document at the end.
 */
#ifndef ENGINE_SHOW_REPORT_H
#define ENGINE_SHOW_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "engine/sched.h"
#include "engine/state.h"

struct loop;
struct plan_flow;
struct report;
struct session_task;

enum report_style {
	REPORT_NONE = 0, /* under a worker */
	REPORT_LINES,    /* log lines on stderr */
	REPORT_LIVE,     /* the same above a live table; stderr is a terminal */
	REPORT_QUIET,    /* errors only */
	REPORT_JSON,     /* nothing until the end, then the record on stdout */
	REPORT_KEEP,     /* the record, for report_take() */
};

struct report *report_new(struct loop *loop, enum report_style style, int colour,
			  const struct plan_flow *flow);
void report_free(struct report *r); /* accepts NULL */
/* At the end the whole run is also written to the file PATH. */
void report_keep(struct report *r, const char *path, const struct plan_flow *flow);
/* That of a subflow whose task run is TASK_RUN: its lines go where R's go.  Owned by R;
 * NULL when R is. */
struct report *report_child(struct report *r, const struct uuid *task_run,
			    const struct plan_flow *flow);
void report_begin(struct report *r, const char *run_name, const struct uuid *run_id);
void report_tags(struct report *r, const json_t *tags);
/* WHO is the run's name for "Flow run 'x'", or NULL for a plain logger. */
void report_log(struct report *r, int level, const char *logger, const char *who,
		const char *message, int64_t at_us);
void report_flow_state(struct report *r, const struct run_state *state);
void report_task(struct report *r, const struct session_task *task);
/* The end: the table is wiped, the result (may be NULL) is shown. */
void report_end(struct report *r, const struct run_state *state, int run_count,
		const json_t *result);
/* The record of REPORT_KEEP after the end, owned; NULL: there was no end. */
char *report_take(struct report *r);

#endif
