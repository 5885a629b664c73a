/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.h - the worker's end of fd 3 of a native engine: frames in, frames out.
 *
 * Bounded: an input frame by PROTO_FRAME_MAX, unsent output by CHANNEL_OUT_MAX (then
 * the engine is not reading and the channel is closed).  Reading can be paused:
 * back-pressure. Loop thread only.
 */
#ifndef WORKER_CHANNEL_H
#define WORKER_CHANNEL_H

#include <stdint.h>

#include <jansson.h>

#include "proto/frame.h"

struct channel;
struct error;
struct loop;

#define CHANNEL_OUT_MAX (8u << 20)

struct channel_ops {
	/* A valid frame, borrowed.  A negative return pauses reading after this frame
	 * has been kept back: it is given again after channel_resume(). */
	int (*on_frame)(struct channel *c, const wf_frame *frame, void *arg);
	/* The other end is gone, or broke the protocol (ERR then says how).  Nothing
	 * more comes; close the channel. */
	void (*on_end)(struct channel *c, const struct error *err, void *arg);
};

/* FD (taken) is our end of the socketpair. */
struct channel *channel_open(struct loop *loop, int fd, const struct channel_ops *ops,
			     void *arg);
void channel_close(struct channel *c); /* accepts NULL */
int channel_send(struct channel *c, const wf_frame *frame, struct error *err);
void channel_resume(struct channel *c);
/* A handover to the next program in this process: what is unread and unsent, as members
 * of LINE ("fd", "in", "out"); and the channel again, which counts as just heard. */
struct carry;
void channel_carry(const struct channel *c, struct carry *to, json_t *line);
struct channel *channel_carried(struct loop *loop, const json_t *line,
				const struct channel_ops *ops, void *arg);
/* Monotonic instant of the last byte that came. */
int64_t channel_last_ms(const struct channel *c);

#endif
