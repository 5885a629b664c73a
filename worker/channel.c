/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.c - frames over a socketpair, non-blocking.
 */
#include "worker/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/carry.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"

#define READ_CHUNK      16384
#define FRAMES_PER_TURN 256 /* then others get their turn */

struct channel {
	struct loop *loop;
	struct loop_io *io;
	const struct channel_ops *ops;
	void *arg;
	int fd;
	struct buf in, out;
	size_t used; /* of in: frames already handled in this turn */
	int paused, ended, closed, more_scheduled;
	int64_t last_ms;
};

static void interest(struct channel *c)
{
	unsigned int events = 0;

	if (!c->paused && !c->ended) {
		events |= LOOP_READ;
	}
	if (c->out.len > 0) {
		events |= LOOP_WRITE;
	}
	loop_io_set(c->io, events);
}

static void end(struct channel *c, const struct error *err)
{
	if (!c->ended) {
		c->ended = 1;
		buf_reset(&c->out);
		interest(c);
		c->ops->on_end(c, err, c->arg);
	}
}

static void flush_out(struct channel *c)
{
	while (c->out.len > 0) {
		ssize_t n =
		    send(c->fd, c->out.data, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			if (n < 0 && errno != EAGAIN) {
				buf_reset(&c->out); /* the end is seen by reading */
			}
			break;
		}
		buf_consume(&c->out, (size_t)n);
	}
	interest(c);
}

static void handle_more(void *arg);

/* Handles what is complete in the input, up to a number per turn. */
static void handle(struct channel *c)
{
	struct error err = {0};
	wf_frame *f = NULL;
	long n = 0;
	int count = 0;

	while (!c->paused && !c->ended && !c->closed && count++ < FRAMES_PER_TURN) {
		int rc;

		n = frame_unpack(c->in.data + c->used, c->in.len - c->used, &f, &err);
		if (n <= 0) {
			break;
		}
		rc = c->ops->on_frame(c, f, c->arg);
		wf__control__frame__free_unpacked(f, NULL);
		if (c->closed) {
			return;
		}
		if (rc < 0) {
			c->paused = 1;
		} else {
			c->used += (size_t)n;
		}
	}
	buf_consume(&c->in, c->used);
	c->used = 0;
	if (n < 0) {
		end(c, &err);
		return;
	}
	if (count > FRAMES_PER_TURN && !c->more_scheduled) {
		c->more_scheduled = 1;
		loop_defer(c->loop, handle_more, c);
	}
	interest(c);
}

static void free_channel(void *arg)
{
	struct channel *c = arg;

	buf_release(&c->in);
	buf_release(&c->out);
	free(c);
}

static void handle_more(void *arg)
{
	struct channel *c = arg;

	c->more_scheduled = 0;
	if (c->closed) {
		free_channel(c);
	} else {
		handle(c);
	}
}

static void on_io(int fd, unsigned int events, void *arg)
{
	struct channel *c = arg;

	if ((events & LOOP_WRITE) != 0) {
		flush_out(c);
	}
	if ((events & LOOP_READ) != 0 && !c->ended) {
		ssize_t n;

		buf_reserve(&c->in, READ_CHUNK);
		n = recv(fd, c->in.data + c->in.len, READ_CHUNK, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			return;
		}
		if (n <= 0) {
			handle(c);
			if (!c->closed && !c->paused) {
				end(c, NULL);
			}
			return;
		}
		c->last_ms = loop_now_ms(c->loop);
		c->in.len += (size_t)n;
		c->in.data[c->in.len] = '\0';
		handle(c);
	}
}

struct channel *channel_open(struct loop *loop, int fd, const struct channel_ops *ops,
			     void *arg)
{
	struct channel *c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->fd = fd;
	c->ops = ops;
	c->arg = arg;
	c->last_ms = loop_now_ms(loop);
	buf_init(&c->in);
	buf_init(&c->out);
	c->io = loop_io_new(loop, fd, LOOP_READ, on_io, c);
	return c;
}

void channel_close(struct channel *c)
{
	if (c == NULL || c->closed) {
		return;
	}
	c->closed = 1;
	loop_io_free(c->io);
	(void)close(c->fd);
	if (!c->more_scheduled) { /* else handle_more() frees it */
		loop_defer_free(c->loop, free_channel, c);
	}
}

int channel_send(struct channel *c, const wf_frame *frame, struct error *err)
{
	int rc;

	if (c->ended || c->closed) {
		return err_set(err, ERR_UNAVAILABLE, "the engine is gone");
	}
	rc = frame_pack(&c->out, frame, err);
	if (rc < 0) {
		return rc;
	}
	if (c->out.len > CHANNEL_OUT_MAX) {
		return err_set(err, ERR_LIMIT,
			       "the engine does not read its control channel");
	}
	flush_out(c);
	return 0;
}

void channel_resume(struct channel *c)
{
	if (c->paused && !c->closed) {
		c->paused = 0;
		if (!c->more_scheduled) {
			c->more_scheduled = 1;
			loop_defer(c->loop, handle_more, c);
		}
		interest(c);
	}
}

int64_t channel_last_ms(const struct channel *c)
{
	return c->last_ms;
}

void channel_carry(const struct channel *c, struct carry *to, json_t *line)
{
	json_object_set_new(line, "fd", carry_fd(to, c->ended ? -1 : c->fd));
	json_object_set_new(line, "in", carry_bytes(c->in.data, c->in.len));
	json_object_set_new(line, "out", carry_bytes(c->out.data, c->out.len));
}

struct channel *channel_carried(struct loop *loop, const json_t *line,
				const struct channel_ops *ops, void *arg)
{
	int fd = carry_take_fd(line, "fd");
	struct channel *c;

	if (fd < 0) {
		return NULL;
	}
	c = channel_open(loop, fd, ops, arg);
	carry_take_bytes(line, "in", &c->in);
	carry_take_bytes(line, "out", &c->out);
	interest(c);
	if (c->in.len > 0) {
		c->more_scheduled = 1;
		loop_defer(loop, handle_more, c);
	}
	return c;
}
