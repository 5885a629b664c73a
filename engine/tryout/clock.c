/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.c - skipping the time in which nothing happens.
 */
#include "engine/tryout/clock.h"

#include "base/loop.h"
#include "engine/runner_priv.h"
#include "engine/tryout/stub.h"

#define QUIET_MS 1 /* what is deferred comes first */

/* Attempts that really run: without stubs, and without subflows, whose tasks count. */
static size_t busy(const struct fake_clock *c)
{
	size_t i, running, done, all = 0, waiting = stub_count(c);

	for (i = 0; i < c->count; i++) {
		const struct runner *r = c->runners[i];

		if (r->sched == NULL) {
			return 1; /* it begins */
		}
		sched_counts(r->sched, &running, &done);
		all += running;
		if (r->parent_runner != NULL && !r->ending) {
			waiting++;
		}
	}
	return all > waiting ? all - waiting : 0;
}

static void on_quiet(void *arg)
{
	struct fake_clock *c = arg;
	int64_t due_ms = stub_due(c), now_ms;
	size_t i;

	if (c->count == 0 || busy(c) > 0) {
		return;
	}
	for (i = 0; i < c->count; i++) {
		if (!c->runners[i]->ending) {
			due_ms = MIN_OF(due_ms, sched_due(c->runners[i]->sched));
		}
	}
	now_ms = runner_now(c->runners[0]).ms;
	if (due_ms == INT64_MAX || due_ms <= now_ms) {
		return;
	}
	c->skew_ms += due_ms - now_ms + 1; /* a part of now_ms is cut off */
	for (i = 0; i < c->count; i++) {
		runner_arm(c->runners[i]);
	}
	stub_arm(c);
}

void fake_clock_init(struct fake_clock *c, struct loop *loop)
{
	*c = (struct fake_clock){.quiet = loop_timer_new(loop, on_quiet, c),
				 .attempts = json_object()};
}

void fake_clock_release(struct fake_clock *c)
{
	loop_timer_free(c->quiet);
	c->quiet = NULL;
	json_decref(c->attempts);
}

void fake_clock_add(struct fake_clock *c, struct runner *r)
{
	if (c != NULL && c->count < FAKE_RUNNERS_MAX) {
		c->runners[c->count++] = r;
	}
}

void fake_clock_remove(struct fake_clock *c, const struct runner *r)
{
	size_t i;

	for (i = 0; c != NULL && i < c->count; i++) {
		if (c->runners[i] == r) {
			c->runners[i] = c->runners[--c->count];
			fake_clock_touch(c);
			return;
		}
	}
}

void fake_clock_touch(struct fake_clock *c)
{
	if (c->quiet != NULL) {
		loop_timer_in(c->quiet, QUIET_MS);
	}
}
