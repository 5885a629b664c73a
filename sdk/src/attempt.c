/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attempt.c - how an attempt of a task, or of the flow, ended.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "sdk/src/host.h"
#include "sdk/src/parts.h"
#include "sdk/src/registry.h"

/* The function did not return: "Task function was killed by signal 11 (SIGSEGV)". */
static int describe_death(const char *what, const struct proc_exit *e, char *text,
			  size_t size)
{
	const char *name;

	if (e->spawn_errno != 0) {
		(void)snprintf(text, size, "%s could not be started: %s", what,
			       strerror(e->spawn_errno));
		return 0;
	}
	if (WIFSIGNALED(e->status)) {
		name = sigabbrev_np(WTERMSIG(e->status));
		(void)snprintf(text, size, "%s was killed by signal %d (SIG%s)%s", what,
			       WTERMSIG(e->status), name != NULL ? name : "?",
			       WCOREDUMP(e->status) ? "; a core was dumped" : "");
		return 128 + WTERMSIG(e->status);
	}
	(void)snprintf(text, size, "%s called exit(%d) and did not return", what,
		       WEXITSTATUS(e->status));
	return WEXITSTATUS(e->status);
}

static void set_result(struct call *c, json_t *value)
{
	json_decref(c->result);
	c->result = value;
}

/* A state that the function returned, as the engine knows them. */
static void to_run_state(const json_t *j, struct run_state *s)
{
	state_init(s);
	s->type = (enum state_type)json_integer_value(json_object_get(j, "type"));
	state_set_name(s, json_string_value(json_object_get(j, "name")));
	state_set_message(s, json_string_value(json_object_get(j, "message")));
}

void attempt_judge_return(struct call *c, const json_t *end)
{
	const json_t *state = json_object_get(end, "state");
	json_t *value = json_object_get(end, "value");
	struct sched_event ev = {
	    .type = SCHED_EV_ATTEMPT, .task = c->index, .verdict = SCHED_OK};
	struct run_state given;

	c->code = 0;
	if (state == NULL) {
		if (value == NULL && c->values != NULL) {
			value = c->values;
		}
		set_result(c, value != NULL ? json_incref(value) : json_null());
		if (!cache_keep(c)) {
			runner_feed(c->h->runner, &ev);
		}
		return;
	}
	to_run_state(state, &given);
	value = json_object_get(state, "data");
	set_result(c, json_is_null(value) ? NULL : json_incref(value));
	c->code = (int)json_integer_value(json_object_get(state, "code"));
	ev.no_retry = json_is_false(json_object_get(end, "retry"));
	ev.message = given.message != NULL ? given.message : "";
	if (json_is_true(json_object_get(end, "own"))) {
		ev.verdict = SCHED_STATE;
		ev.state = &given;
		if (given.type == STATE_COMPLETED && c->result == NULL) {
			set_result(c, json_null());
		}
	} else {
		ev.verdict = SCHED_FAIL;
		ev.error = "TaskFailed";
	}
	runner_feed(c->h->runner, &ev);
	state_release(&given);
}

/* retry_if of a function that cannot be asked any more: in a process of its own. */
struct question {
	const wf_task *task;
	struct wf_task_run run;
	struct wf_state state;
};

static int answer(void *arg)
{
	struct question *q = arg;

	return q->task->retry_if(q->task, &q->run, &q->state) ? 0 : 1;
}

static int may_retry(struct call *c, const char *name, const char *message)
{
	const wf_task *t = registry_get_task(c->task);
	struct question q = {.task = t};
	struct sched_run run;
	struct error err;
	int status = 0;
	pid_t pid;

	if (t->retry_if == NULL) {
		return 1;
	}
	sched_get_run(c->h->runner->sched, c->index, &run);
	q.run = (struct wf_task_run){.name = c->name, .attempt = run.run_count};
	q.state = (struct wf_state){.type = STATE_FAILED,
				    .name = name,
				    .message = message,
				    .code = c->code,
				    .scheduled_us = INT64_MIN};
	pid = proc_fork_fn(answer, &q, &err);
	return pid < 0 || proc_fn_wait(pid, 1, &status, &err) < 0 || status == 0;
}

void attempt_ended(struct body *b, const struct proc_exit *e)
{
	struct call *c = b->call;
	struct runner *r = b->h->runner;
	struct sched_event ev = {.type = SCHED_EV_ATTEMPT, .verdict = SCHED_FAIL};
	char text[300], seconds[32];
	json_t *end = b->end;

	b->end = NULL;
	if (c == NULL) {
		body_close(b);
		json_decref(end);
		return;
	}
	ev.task = c->index;
	if (e->reason == PROC_STOP_TIMEOUT) {
		seconds_text(registry_plan_task(c->task)->timeout_s, seconds,
			     sizeof(seconds));
		(void)snprintf(text, sizeof(text),
			       "Task run exceeded timeout of %s second(s)", seconds);
		ev.verdict = SCHED_TIMED_OUT;
	} else if (b->stopped) {
		ev.verdict = SCHED_STOPPED;
	} else if (end != NULL) {
		body_close(b);
		attempt_judge_return(c, end);
		json_decref(end);
		return;
	} else {
		c->code = describe_death("Task function", e, text, sizeof(text));
		ev.error = "TaskCrashed";
	}
	if (ev.verdict != SCHED_STOPPED) {
		ev.message = text;
		ev.no_retry = !may_retry(
		    c, ev.verdict == SCHED_TIMED_OUT ? "TimedOut" : "Failed", text);
	}
	set_result(c, NULL);
	body_close(b);
	json_decref(end);
	runner_feed(r, &ev);
}

/* ---- the flow ---- */

static int all_completed(const struct host *h)
{
	size_t i;

	for (i = 0; i < h->run_count; i++) {
		if (h->runs[i]->state.type != STATE_COMPLETED) {
			return 0;
		}
	}
	return h->run_count > 0;
}

/* 1 when STATE is the flow's; 0: its task runs decide. */
static int flow_state(struct host *h, const json_t *end, struct run_state *s)
{
	const json_t *state = json_object_get(end, "state");
	json_t *value = json_object_get(end, "value");

	if (state != NULL) {
		to_run_state(state, s);
		value = json_object_get(state, "data");
	}
	if (value != NULL && !json_is_null(value)) {
		json_decref(h->runner->result);
		h->runner->result = json_incref(value);
	}
	if (state == NULL && json_object_get(end, "value") == NULL) {
		return 0;
	}
	if (state == NULL) {
		s->type = STATE_COMPLETED;
		s->name = "Completed";
		if (all_completed(h)) {
			state_set_message(s, "All states completed.");
		}
	}
	return 1;
}

void flow_ended(struct body *b, const struct proc_exit *e)
{
	struct host *h = b->h;
	struct sched_event ev = {.type = SCHED_EV_RETURNED};
	struct run_state s;
	char text[300];
	json_t *end = b->end;
	int stopped = b->stopped;

	b->end = NULL;
	body_close(b);
	state_init(&s);
	if (end != NULL && !stopped) {
		ev.state = flow_state(h, end, &s) ? &s : NULL;
	} else if (!stopped) {
		(void)describe_death("Flow function", e, text, sizeof(text));
		s.type = STATE_CRASHED;
		s.name = "Crashed";
		state_set_message(&s, text);
		ev.state = &s;
	}
	if (ev.state == NULL && h->waiting > 0 && !stopped) {
		h->returned = 1;
	} else {
		runner_feed(h->runner, &ev);
	}
	state_release(&s);
	json_decref(end);
}
