/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - a whole run as one JSON document (run -o json): states, task runs, log
 * lines.
 */
#ifndef ENGINE_SHOW_RECORD_H
#define ENGINE_SHOW_RECORD_H

#include <stdint.h>

#include <jansson.h>

struct plan_flow;
struct record;
struct run_state;
struct session_task;
struct uuid;

#define RECORD_LOG_MAX 100000 /* further lines are counted only */

struct record *record_new(const struct plan_flow *flow);
void record_free(struct record *r); /* accepts NULL */
void record_begin(struct record *r, const char *run_name, const struct uuid *run_id);
void record_log(struct record *r, int level, const char *who, const char *message,
		int64_t at_us);
void record_flow_state(struct record *r, const struct run_state *state);
void record_task(struct record *r, const struct session_task *task);
/* TEXT, the document of a subflow, becomes the `child` of its task run. */
void record_child(struct record *r, const struct uuid *task_run, const char *text);
void record_tags(struct record *r, const json_t *tags);
/* The document, owned by the caller. */
char *record_finish(struct record *r, const struct run_state *state, int run_count,
		    const json_t *result);

#endif
