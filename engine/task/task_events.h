/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_events.h - the NDJSON lines that a task writes to its fd 3.
 *
 *     {"result": ANY}                         the task's result (the last one counts)
 *     {"log": {"level": "ERROR", "message": "..."}}
 *     {"name": "new-run-name"}
 *     {"artifact": {"key": "...", "type": "markdown", "data": ...}}
 *     {"state": {"type": "FAILED", "name": "...", "message": "...", "data": ANY,
 *                "retriable": false}}
 *     {"yield": ANY}                          one item of a generator
 *     {"event": {"event": "...", "resource": {...}, "payload": {...}}}
 *
 * A parser of hostile input: bounded, fuzzed, never fatal.
 */
#ifndef ENGINE_TASK_TASK_EVENTS_H
#define ENGINE_TASK_TASK_EVENTS_H

#include <stddef.h>

#include <jansson.h>

#include "engine/state.h"

struct error;

enum task_event_type {
	TASK_EV_RESULT = 1,
	TASK_EV_LOG,
	TASK_EV_NAME,
	TASK_EV_ARTIFACT,
	TASK_EV_STATE,
	TASK_EV_YIELD,
	TASK_EV_EVENT,
};
struct task_event {
	enum task_event_type type;
	json_t *value;          /* result, artifact, data of a state; owned, or NULL */
	char *text;             /* log message, name; owned */
	int level;              /* of a log line */
	struct run_state state; /* owned */
};

/* One line without its newline. */
int task_event_parse(const char *line, size_t len, struct task_event *ret_event,
		     struct error *err);
void task_event_release(struct task_event *e);

#endif
