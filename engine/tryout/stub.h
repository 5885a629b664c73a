/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub.h - what a test says of a task instead of running it: it takes a time, fails so
 * many times, returns a value.
 */
#ifndef ENGINE_TRYOUT_STUB_H
#define ENGINE_TRYOUT_STUB_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct fake_clock;
struct sched_run;
struct slot;
struct stub_run;

/* The stub of the task of S in `stubs`, or NULL. */
const json_t *stub_of(const struct slot *s);
/* An attempt: ends by runner_task_done() when its time has come. */
void stub_start(struct slot *s, const struct sched_run *run);
void stub_stop(struct slot *s);     /* the attempt ends as stopped */
void stub_free(struct stub_run *b); /* accepts NULL */

/* For the clock: those that run, when the first one ends, and timers anew. */
size_t stub_count(const struct fake_clock *c);
int64_t stub_due(const struct fake_clock *c);
void stub_arm(const struct fake_clock *c);

#endif
