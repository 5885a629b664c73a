/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_frame.h - the state of a task run as a message, for a worker or for the API.
 */
#ifndef ENGINE_SESSION_TASK_FRAME_H
#define ENGINE_SESSION_TASK_FRAME_H

#include "base/buf.h"
#include "proto/frame.h"

struct session_log;
struct session_task;

struct task_frame {
	Wf__Control__TaskState m; /* borrows the rest, and the task */
	Wf__Control__State state;
	char *inputs, *policy;
	struct buf details;
};

void task_frame_init(struct task_frame *x, const struct session_task *t);
void task_frame_release(struct task_frame *x);
/* M borrows LOG. */
void log_frame_init(Wf__Control__LogLine *m, const struct session_log *log);

#endif
