/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_priv.h - the state behind the session with a worker: control.c moves bytes
 * and takes answers, control_frames.c makes the frames of the engine.
 */
#ifndef ENGINE_SESSION_CONTROL_PRIV_H
#define ENGINE_SESSION_CONTROL_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/uuid.h"
#include "engine/session/session.h"
#include "proto/frame.h"

struct control_call;
struct loop;
struct loop_io;

#define OUT_MAX (8u << 20)

struct control {
	struct session s;
	struct session_ops ops; /* without call when the worker answers none */
	struct loop *loop;
	int fd;
	struct loop_io *io;
	struct buf in, out;
	uint64_t request_id;
	int flush_queued, closing, lost, have_run;
	uint64_t call_id;
	struct control_call *calls; /* requests to the API that wait */
	int drop_queued;
	size_t dropped; /* log lines */
	struct uuid run_id;
};

static inline struct control *control_of(struct session *s)
{
	return container_of(s, struct control, s);
}

/* Queues one frame. */
void control_send(struct control *c, const wf_frame *frame);

/* control_frames.c: hello, and the operations of the session that only send. */
void control_hello(struct control *c);
void control_propose(struct session *s, const struct run_state *state, int force);
void control_task_state(struct session *s, const struct session_task *t);
void control_log(struct session *s, const struct session_log *log);
void control_result(struct session *s, const struct uuid *task_run,
		    const json_t *value);
void control_artifact(struct session *s, const struct uuid *task_run,
		      const json_t *artifact);
void control_set_run(struct session *s, const char *name, const char *version,
		     const char *policy);
void control_heartbeat(struct session *s, size_t running, size_t done);

/* control_call.c */
void control_call(struct session *s, const struct session_call *call);
void control_on_answer(struct control *c, const Wf__Control__ApiAnswer *m);
/* Nobody will answer any more. */
void control_drop_calls(void *arg);
struct session *control_child(struct session *s, const struct session_spec *spec);

#endif
