/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.c - worker/channel.h: frames between a simulated worker and its engine.  The
 * two ends of a pair have the numbers 2n (worker) and 2n + 1 (engine).
 */
#include "worker/channel.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/queue_ext.h"
#include "tests/sim/child.h"
#include "tests/sim/sim.h"

struct held {
	TAILQ_ENTRY(held) link;
	int is_end;
	struct buf bytes;
};
TAILQ_HEAD(held_list, held);

struct channel {
	TAILQ_ENTRY(channel) link;
	int fd, closed, paused, due;
	struct sim_node *node;
	unsigned int inc;
	struct held_list in;
	const struct channel_ops *ops;
	void *arg;
	int64_t last_ms;
};
static TAILQ_HEAD(channel_list, channel) channels = TAILQ_HEAD_INITIALIZER(channels);

void channel_reset(void)
{
	TAILQ_INIT(&channels);
}

static struct channel *of(int engine_fd)
{
	struct channel *c;

	TAILQ_FOREACH (c, &channels, link) {
		if (c->fd == engine_fd - 1) {
			return c;
		}
	}
	return NULL;
}

struct channel *channel_open(struct loop *loop, int fd, const struct channel_ops *ops,
			     void *arg)
{
	struct channel *c = xcalloc(1, sizeof(*c));

	(void)loop;
	c->fd = fd;
	c->node = sim_node;
	c->inc = sim_node->inc;
	c->ops = ops;
	c->arg = arg;
	c->last_ms = clock_mono_ms();
	TAILQ_INIT(&c->in);
	TAILQ_INSERT_TAIL(&channels, c, link);
	return c;
}

void channel_carry(const struct channel *c, struct carry *to, json_t *line)
{
	(void)c;
	(void)to;
	(void)line;
}

struct channel *channel_carried(struct loop *loop, const json_t *line,
				const struct channel_ops *ops, void *arg)
{
	(void)loop;
	(void)line;
	(void)ops;
	(void)arg;
	return NULL;
}

void channel_close(struct channel *c)
{
	if (c != NULL && !c->closed) {
		c->closed = 1;
		TAILQ_REMOVE(&channels, c, link);
	}
}

int64_t channel_last_ms(const struct channel *c)
{
	return c->last_ms;
}

/* ---- to the engine ---- */

int channel_send(struct channel *c, const wf_frame *f, struct error *err)
{
	struct child_in in = {.kind = (int)f->body_case};

	(void)err;
	if (f->body_case == WF__CONTROL__FRAME__BODY_RUN_SPEC) {
		memcpy(in.run.b, f->run_spec->flow_run_id.data, sizeof(in.run.b));
	} else if (f->body_case == WF__CONTROL__FRAME__BODY_STATE_ANSWER) {
		in.request_id = f->state_answer->request_id;
		in.answer = (int)f->state_answer->answer;
		in.state_type = f->state_answer->state != NULL
				    ? (int)f->state_answer->state->type
				    : 0;
		in.delay_us = (int64_t)(f->state_answer->delay_s * 1e6);
	}
	child_hears(c->fd + 1, &in);
	return 0;
}

/* ---- from the engine ---- */

static void read_some(void *arg);

static void look_soon(struct channel *c)
{
	if (!c->due && !c->paused && !TAILQ_EMPTY(&c->in)) {
		c->due = 1;
		(void)sim_at(c->node, sim_now_us + rnd_range(20, 500), read_some, c);
	}
}

static void take(struct channel *c, struct held *h)
{
	wf_frame *f;
	int rc = 0;

	c->last_ms = clock_mono_ms();
	if (h->is_end) {
		c->ops->on_end(c, NULL, c->arg);
	} else {
		f = wf__control__frame__unpack(NULL, h->bytes.len,
					       (const uint8_t *)h->bytes.data);
		PRE(f != NULL);
		rc = c->ops->on_frame(c, f, c->arg);
		wf__control__frame__free_unpacked(f, NULL);
	}
	if (rc < 0) {
		c->paused = 1;
		return;
	}
	TAILQ_REMOVE(&c->in, h, link);
	buf_release(&h->bytes);
	free(h);
}

static void read_some(void *arg)
{
	struct channel *c = arg;

	c->due = 0;
	if (!c->closed && !c->paused && !TAILQ_EMPTY(&c->in)) {
		take(c, TAILQ_FIRST(&c->in));
	}
	if (!c->closed) {
		look_soon(c);
	}
}

void channel_resume(struct channel *c)
{
	c->paused = 0;
	look_soon(c);
}

static struct held *hold(int end_fd)
{
	struct channel *c = of(end_fd);
	struct held *h;

	if (c == NULL || !c->node->up || c->node->inc != c->inc) {
		return NULL;
	}
	h = xcalloc(1, sizeof(*h));
	buf_init(&h->bytes);
	TAILQ_INSERT_TAIL(&c->in, h, link);
	look_soon(c);
	return h;
}

void channel_hears(int end_fd, const wf_frame *f)
{
	struct held *h = hold(end_fd);

	if (h != NULL) {
		size_t n = wf__control__frame__get_packed_size(f);
		buf_reserve(&h->bytes, n);
		h->bytes.len =
		    wf__control__frame__pack(f, (uint8_t *)(void *)h->bytes.data);
	}
}

void channel_hangup(int end_fd)
{
	struct held *h = hold(end_fd);

	if (h != NULL) {
		h->is_end = 1;
	}
}
