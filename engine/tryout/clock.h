/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - the clock of tests: when nothing really runs, the time of what is due comes
 * at once.
 *
 * One clock for a run and its subflows.  Commands that do run take their real time;
 * delays of retries, limits of time, pauses and stubs take none.
 */
#ifndef ENGINE_TRYOUT_CLOCK_H
#define ENGINE_TRYOUT_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct loop;
struct loop_timer;
struct runner;
struct stub_run;

#define FAKE_RUNNERS_MAX 1024

struct fake_clock {
	int64_t skew_ms; /* ahead of the real clock */
	struct runner *runners[FAKE_RUNNERS_MAX];
	size_t count;
	struct stub_run *stubs; /* that wait for their end; a list */
	json_t *attempts;       /* of stubs so far, also before retries of the flow */
	struct loop_timer *quiet;
};

void fake_clock_init(struct fake_clock *c, struct loop *loop);
void fake_clock_release(struct fake_clock *c);
/* C may be NULL: the real clock. */
void fake_clock_add(struct fake_clock *c, struct runner *r);
void fake_clock_remove(struct fake_clock *c, const struct runner *r);
/* What is due has changed. */
void fake_clock_touch(struct fake_clock *c);

#endif
