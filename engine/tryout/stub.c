/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub.c - attempts without a process.
 *
 * A stub is an object: returns, fails (so many attempts; -1: each), message, exit_code,
 * takes (seconds), prints (list of texts).
 */
#include "engine/tryout/stub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/mem.h"
#include "engine/runner_priv.h"
#include "engine/task/task_proc.h"
#include "engine/tryout/clock.h"

struct stub_run {
	struct slot *slot;
	struct fake_clock *clock;
	struct stub_run *next, **prev;
	struct loop_timer *timer;
	int64_t due_ms;
	int attempt, late; /* longer than the task may run */
};

const json_t *stub_of(const struct slot *s)
{
	return json_object_get(s->runner->stubs, s->plan->key);
}

void stub_free(struct stub_run *b)
{
	if (b == NULL) {
		return;
	}
	*b->prev = b->next;
	if (b->next != NULL) {
		b->next->prev = b->prev;
	}
	loop_timer_free(b->timer);
	free(b);
}

static void give(struct slot *s, const json_t *value, struct task_outcome *o)
{
	json_t *item;
	size_t i;

	o->verdict = SCHED_OK;
	if (!s->plan->generator) {
		o->value = (json_t *)(uintptr_t)value;
		return;
	}
	json_array_foreach ((json_t *)(uintptr_t)value, i, item) {
		runner_map_yield(s, json_incref(item));
	}
}

static void say_lines(const struct slot *s, const json_t *lines)
{
	size_t i;

	for (i = 0; i < json_array_size(lines); i++) {
		runner_log(s->runner, s->unit, LEVEL_INFO, "prefect.task_runs",
			   json_string_value(json_array_get(lines, i)));
	}
}

static void on_due(void *arg)
{
	struct stub_run *b = arg;
	struct slot *s = b->slot;
	const json_t *stub = stub_of(s), *why = json_object_get(stub, "message");
	json_int_t fails = json_integer_value(json_object_get(stub, "fails"));
	struct task_outcome o = {.stderr_tail = "", .out_end = "", .err_end = ""};
	char text[160];

	(void)snprintf(text, sizeof(text),
		       "Task run exceeded timeout of %.15g second(s)",
		       s->plan->timeout_s);
	o.message = text;
	o.exit_code = -1;
	say_lines(s, json_object_get(stub, "prints"));
	if (b->late) {
		o.verdict = SCHED_TIMED_OUT;
	} else if (fails < 0 || b->attempt <= fails) {
		o.exit_code =
		    (int)json_integer_value(json_object_get(stub, "exit_code"));
		(void)snprintf(text, sizeof(text), "Command exited with code %d",
			       o.exit_code);
		o.verdict = SCHED_FAIL;
		o.error = "CommandFailed";
		o.message = why != NULL ? json_string_value(why) : text;
	} else {
		o.exit_code = 0;
		o.message = NULL;
		give(s, json_object_get(stub, "returns"), &o);
	}
	s->stub = NULL;
	stub_free(b);
	runner_task_done(&o, s);
}

/* Counts on when the flow is tried again and its task runs are new ones. */
static int next_attempt(const struct slot *s)
{
	json_t *all = s->runner->clock->attempts;
	char key[64];
	json_int_t n;

	(void)snprintf(key, sizeof(key), "%p-%zu", (const void *)s->plan,
		       sched_item_of(s->runner->sched, s->unit));
	n = json_integer_value(json_object_get(all, key)) + 1;
	(void)json_object_set_new(all, key, json_integer(n));
	return (int)n;
}

void stub_start(struct slot *s, const struct sched_run *run)
{
	struct stub_run *b = xcalloc(1, sizeof(*b));
	double takes = json_number_value(json_object_get(stub_of(s), "takes"));

	b->late = s->plan->timeout_s > 0 && takes > s->plan->timeout_s;
	b->slot = s;
	(void)run;
	b->attempt = next_attempt(s);
	b->clock = s->runner->clock;
	b->due_ms = runner_now(s->runner).ms +
		    (int64_t)((b->late ? s->plan->timeout_s : takes) * 1000);
	b->timer = loop_timer_new(s->runner->loop, on_due, b);
	b->next = b->clock->stubs;
	b->prev = &b->clock->stubs;
	if (b->next != NULL) {
		b->next->prev = &b->next;
	}
	b->clock->stubs = b;
	s->stub = b;
	loop_timer_at(b->timer, b->due_ms - b->clock->skew_ms);
	fake_clock_touch(b->clock);
}

void stub_stop(struct slot *s)
{
	struct task_outcome o = {.verdict = SCHED_STOPPED,
				 .exit_code = -1,
				 .stderr_tail = "",
				 .out_end = "",
				 .err_end = ""};

	stub_free(s->stub);
	s->stub = NULL;
	runner_task_done(&o, s);
}

size_t stub_count(const struct fake_clock *c)
{
	const struct stub_run *b;
	size_t n = 0;

	for (b = c->stubs; b != NULL; b = b->next) {
		n++;
	}
	return n;
}

int64_t stub_due(const struct fake_clock *c)
{
	const struct stub_run *b;
	int64_t due_ms = INT64_MAX;

	for (b = c->stubs; b != NULL; b = b->next) {
		due_ms = MIN_OF(due_ms, b->due_ms);
	}
	return due_ms;
}

void stub_arm(const struct fake_clock *c)
{
	const struct stub_run *b;

	for (b = c->stubs; b != NULL; b = b->next) {
		loop_timer_at(b->timer, b->due_ms - c->skew_ms);
	}
}
