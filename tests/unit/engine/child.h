/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.h - the built wf-engine as a child of a test.
 */
#ifndef TESTS_ENGINE_CHILD_H
#define TESTS_ENGINE_CHILD_H

#include <sys/types.h>

#include <jansson.h>

struct child {
	char dir[64]; /* a temporary folder, the child's current one and TMPDIR */
	int status;   /* exit status, 128 + signal */
	char *out, *err;
	json_t *record; /* of -o json */
};

/* Writes FLOWS (below "version: 1\nflows:\n") to DIR/t.flow.yaml. */
void child_init(struct child *c, const char *flows);
void child_release(struct child *c); /* the folder must be empty but for the file */
/* wf-engine run --offline -o json t.flow.yaml ARGS... (NULL terminated, at most 8) */
void child_run(struct child *c, const char *const *args);
/* wf-engine ARGS... as they are. */
void child_exec(struct child *c, const char *const *args);
/* Starts it with stdio to /dev/null; FD (or -1) becomes 3 in the child. */
pid_t child_start(struct child *c, const char *const *args, int fd);
int child_wait(pid_t pid); /* status as above; fails the test after 20 s */

/* "Pending,Running,Completed" of the task run NAME; "" when there is none. */
const char *child_states(const struct child *c, const char *name);
const json_t *child_task(const struct child *c, const char *name);
const char *child_message(const struct child *c,
			  const char *name); /* of its last state */
/* True when a log line's "source - message" contains TEXT. */
int child_logged(const struct child *c, const char *text);
/* "Completed: All states completed." of the flow. */
const char *child_flow(const struct child *c);

#endif
