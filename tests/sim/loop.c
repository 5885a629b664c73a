/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c - base/loop.h on virtual time: a loop for each program of the world, or one
 * that belongs to no node (the contract tests of pools/).
 */
#include "base/loop.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "tests/sim/sim.h"

#define SIGNALS_MAX 64

struct deferred {
	STAILQ_ENTRY(deferred) link;
	loop_fn fn;
	void *arg;
};
STAILQ_HEAD(deferred_list, deferred);

struct loop_signal {
	struct loop *loop;
	int signo;
	loop_signal_fn fn;
	void *arg;
};

struct loop {
	struct sim_node *node;
	struct deferred_list calls, frees;
	struct loop_signal *signals[SIGNALS_MAX];
	int stopped, code, turn_due;
};

struct loop_timer {
	struct loop *loop;
	struct sim_event *event;
	int64_t at_ms;
	loop_fn fn;
	void *arg;
};

struct loop *loop_new(struct error *err)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	(void)err;
	loop->node = sim_node;
	STAILQ_INIT(&loop->calls);
	STAILQ_INIT(&loop->frees);
	if (sim_node != NULL) {
		sim_node->loop = loop;
	}
	return loop;
}

static void list_run(struct deferred_list *list)
{
	struct deferred_list now = STAILQ_HEAD_INITIALIZER(now);
	struct deferred *d;

	STAILQ_CONCAT(&now, list);
	while ((d = STAILQ_FIRST(&now)) != NULL) {
		STAILQ_REMOVE_HEAD(&now, link);
		d->fn(d->arg);
		free(d);
	}
}

static void next_turn(void *arg)
{
	((struct loop *)arg)->turn_due = 0;
}

void sim_loop_after(struct loop *loop)
{
	list_run(&loop->calls);
	list_run(&loop->frees);
	if (!loop->turn_due &&
	    (!STAILQ_EMPTY(&loop->calls) || !STAILQ_EMPTY(&loop->frees))) {
		loop->turn_due = 1;
		(void)sim_at(loop->node, sim_now_us, next_turn, loop);
	}
}

void loop_free(struct loop *loop)
{
	if (loop == NULL) {
		return;
	}
	for (int i = 0; i < SIGNALS_MAX; i++) {
		list_run(&loop->calls);
		list_run(&loop->frees);
	}
	if (loop->node != NULL && loop->node->loop == loop) {
		loop->node->loop = NULL;
	}
	free(loop);
}

int loop_turn(struct loop *loop, int64_t max_wait_ms)
{
	int64_t until = max_wait_ms < 0 ? INT64_MAX : sim_now_us + max_wait_ms * SIM_MS;

	if (!STAILQ_EMPTY(&loop->calls) || !STAILQ_EMPTY(&loop->frees)) {
		until = sim_now_us;
	}
	if (sim_next_us() <= until) {
		(void)sim_step();
	} else if (until != INT64_MAX) {
		sim_now_us = until;
	}
	list_run(&loop->calls);
	list_run(&loop->frees);
	return loop->stopped;
}

void loop_stop(struct loop *loop, int code)
{
	loop->stopped = 1;
	loop->code = code;
	if (loop->node != NULL) { /* the program ends: see sim_node_kill() */
		loop->node->up = 0;
	}
}

int64_t loop_now_ms(const struct loop *loop)
{
	(void)loop;
	return clock_mono_ms();
}

int64_t loop_wall_us(const struct loop *loop)
{
	(void)loop;
	return clock_wall_us();
}

static void list_add(struct deferred_list *list, loop_fn fn, void *arg)
{
	struct deferred *d = xmalloc(sizeof(*d));

	*d = (struct deferred){.fn = fn, .arg = arg};
	STAILQ_INSERT_TAIL(list, d, link);
}

void loop_defer(struct loop *loop, loop_fn fn, void *arg)
{
	list_add(&loop->calls, fn, arg);
}

void loop_defer_free(struct loop *loop, loop_fn fn, void *arg)
{
	list_add(&loop->frees, fn, arg);
}

void loop_post(struct loop *loop, loop_fn fn, void *arg)
{
	list_add(&loop->calls, fn, arg);
}

/* ---- timers ---- */

static void fire(void *arg)
{
	struct loop_timer *t = arg;

	t->event = NULL;
	t->at_ms = INT64_MAX;
	t->fn(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn fn, void *arg)
{
	struct loop_timer *t = xcalloc(1, sizeof(*t));

	*t =
	    (struct loop_timer){.loop = loop, .fn = fn, .arg = arg, .at_ms = INT64_MAX};
	return t;
}

void loop_timer_stop(struct loop_timer *t)
{
	if (t->event != NULL) {
		sim_cancel(t->event);
		t->event = NULL;
	}
	t->at_ms = INT64_MAX;
}

void loop_timer_free(struct loop_timer *t)
{
	if (t != NULL) {
		loop_timer_stop(t);
		free(t);
	}
}

void loop_timer_at(struct loop_timer *t, int64_t at_ms)
{
	int64_t wait_us;

	if (at_ms == t->at_ms && t->event != NULL) {
		return;
	}
	loop_timer_stop(t);
	t->at_ms = at_ms;
	if (at_ms != INT64_MAX) {
		wait_us = sim_true_us(t->loop->node, at_ms * SIM_MS - clock_mono_us());
		t->event = sim_at(t->loop->node, sim_now_us + wait_us, fire, t);
	}
}

void loop_timer_in(struct loop_timer *t, int64_t in_ms)
{
	loop_timer_at(t, clock_mono_ms() + in_ms);
}

/* ---- signals ---- */

struct loop_signal *loop_signal_new(struct loop *loop, int signo, loop_signal_fn fn,
				    void *arg)
{
	struct loop_signal *s = xcalloc(1, sizeof(*s));

	*s = (struct loop_signal){loop, signo, fn, arg};
	loop->signals[signo] = s;
	return s;
}

void loop_signal_free(struct loop_signal *s)
{
	if (s != NULL) {
		s->loop->signals[s->signo] = NULL;
		free(s);
	}
}

struct signal_event {
	struct sim_node *node;
	int signo;
};

static void deliver(void *arg)
{
	struct signal_event *e = arg;
	const struct loop_signal *s =
	    e->node->loop != NULL ? e->node->loop->signals[e->signo] : NULL;

	if (s != NULL) {
		s->fn(e->signo, s->arg);
	}
	free(e);
}

void sim_signal(struct sim_node *node, int signo)
{
	struct signal_event *e = xmalloc(sizeof(*e));

	*e = (struct signal_event){node, signo};
	(void)sim_at(node, sim_now_us, deliver, e);
}

/* ---- programs ---- */

void sim_node_start(struct sim_node *node)
{
	node->inc++;
	node->up = 1;
	node->loop = NULL;
}

void sim_node_kill(struct sim_node *node)
{
	node->up = 0;
	node->loop = NULL;
}

/* ---- what no simulated program does ---- */

struct event_base *loop_base(struct loop *loop)
{
	(void)loop;
	BUG("libevent in the simulator");
}

int loop_run(struct loop *loop)
{
	(void)loop;
	BUG("loop_run() in the simulator");
}

struct loop_io *loop_io_new(struct loop *loop, int fd, unsigned int events,
			    loop_io_fn fn, void *arg)
{
	(void)loop;
	(void)events;
	(void)fn;
	(void)arg;
	BUG("descriptor %d is watched in the simulator", fd);
}

void loop_io_set(struct loop_io *io, unsigned int events)
{
	(void)io;
	(void)events;
}

void loop_io_free(struct loop_io *io)
{
	(void)io;
}
