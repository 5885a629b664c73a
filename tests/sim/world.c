/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.c - virtual time: events in the order of their instants, one at a time.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/mem.h"
#include "tests/sim/sim.h"

#define SEQ_BITS   20 /* events at one instant keep the order in which they were made */
#define RESUME_GAP 10

struct sim_event {
	struct heap_node node; /* first member */
	struct sim_node *at;
	unsigned int inc;
	int host; /* not bound to the incarnation */
	int64_t at_us;
	sim_fn fn;
	void *arg;
};

int64_t sim_now_us;
uint64_t sim_steps;
int sim_tracing;
struct sim_node *sim_node, *sim_last_node;

static struct heap events;
static uint64_t seq;
static uint64_t rnd_state[2];
static char failure[64], failure_detail[1024];

/* ---- xoroshiro128+, seeded by splitmix64 ---- */

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

void rnd_seed(uint64_t seed)
{
	rnd_state[0] = splitmix(&seed);
	rnd_state[1] = splitmix(&seed);
}

uint64_t rnd(void)
{
	uint64_t a = rnd_state[0], b = rnd_state[1], sum = a + b;

	b ^= a;
	rnd_state[0] = rotl(a, 24) ^ b ^ (b << 16);
	rnd_state[1] = rotl(b, 37);
	return sum;
}

int64_t rnd_range(int64_t from, int64_t to)
{
	return from + (int64_t)(rnd() % (uint64_t)(to - from + 1));
}

int rnd_permille(int64_t p)
{
	return (int64_t)(rnd() % 1000) < p;
}

/* ---- events ---- */

void sim_world_reset(uint64_t seed)
{
	rnd_seed(seed);
	heap_init(&events); /* what the last world left is left */
	sim_now_us = 0;
	sim_steps = 0;
	seq = 0;
	sim_node = NULL;
	failure[0] = failure_detail[0] = '\0';
}

static struct sim_event *add(struct sim_node *node, int64_t at_us, sim_fn fn, void *arg)
{
	struct sim_event *e = xcalloc(1, sizeof(*e));

	e->at = node;
	e->inc = node != NULL ? node->inc : 0;
	e->at_us = at_us > sim_now_us ? at_us : sim_now_us;
	e->fn = fn;
	e->arg = arg;
	heap_set(&events, &e->node,
		 (int64_t)((uint64_t)e->at_us << SEQ_BITS |
			   (seq++ & ((1U << SEQ_BITS) - 1))));
	return e;
}

struct sim_event *sim_at(struct sim_node *node, int64_t at_us, sim_fn fn, void *arg)
{
	return add(node, at_us, fn, arg);
}

struct sim_event *sim_at_inc(struct sim_node *node, unsigned int inc, int64_t at_us,
			     sim_fn fn, void *arg)
{
	struct sim_event *e = add(node, at_us, fn, arg);

	e->inc = inc;
	return e;
}

struct sim_event *sim_at_host(struct sim_node *node, int64_t at_us, sim_fn fn,
			      void *arg)
{
	struct sim_event *e = add(node, at_us, fn, arg);

	e->host = 1;
	return e;
}

void sim_cancel(struct sim_event *e)
{
	heap_remove(&events, &e->node);
	free(e);
}

int64_t sim_next_us(void)
{
	const struct heap_node *n = heap_min(&events);

	return n != NULL ? n->key >> SEQ_BITS : INT64_MAX;
}

static int is_over(const struct sim_event *e)
{
	return e->at != NULL && !e->host && (!e->at->up || e->at->inc != e->inc);
}

int64_t sim_ran_us(const struct sim_node *n)
{
	return (n->resume_us > sim_now_us ? n->resume_us : sim_now_us) - n->stood_us;
}

int sim_step(void)
{
	struct sim_event *e = (struct sim_event *)heap_min(&events);
	struct sim_node *n;

	if (e == NULL) {
		return 0;
	}
	sim_now_us = e->at_us;
	n = sim_last_node = e->at;
	if (n != NULL && n->resume_us > sim_now_us) {
		/* stopped: later, in the same order */
		e->at_us = n->resume_us + (e->host ? 50 * SIM_MS : RESUME_GAP);
		heap_set(&events, &e->node,
			 (int64_t)((uint64_t)e->at_us << SEQ_BITS |
				   (seq++ & ((1U << SEQ_BITS) - 1))));
		return 1;
	}
	heap_remove(&events, &e->node);
	if (!is_over(e)) {
		sim_steps++;
		sim_node = n;
		e->fn(e->arg);
		if (n != NULL && n->up && n->loop != NULL) {
			sim_loop_after(n->loop);
		}
		sim_node = NULL;
	}
	free(e);
	return 1;
}

/* ---- history ---- */

void sim_trace_line(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)printf("%10.4f %-7s %s\n", (double)sim_now_us / SIM_S,
		     sim_node != NULL ? sim_node->name : "-", text);
}

void sim_fail(const char *invariant, const char *fmt, ...)
{
	va_list ap;

	if (failure[0] != '\0') {
		return;
	}
	(void)snprintf(failure, sizeof(failure), "%s", invariant);
	va_start(ap, fmt);
	(void)vsnprintf(failure_detail, sizeof(failure_detail), fmt, ap);
	va_end(ap);
	sim_trace("FAILED %s: %s", failure, failure_detail);
}

const char *sim_failure(void)
{
	return failure[0] != '\0' ? failure : NULL;
}

const char *sim_failure_detail(void)
{
	return failure_detail;
}
