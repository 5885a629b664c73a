/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.c - state handlers and hooks: the engine's side.  One process calls the whole
 * list; when a handler ends it and may fail (on_error), another one goes on behind it.
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

#define LIST_SECONDS 900.0 /* of all handlers together; each has its own limit */

static void copy_state(struct wf_state *to, const struct wf_state *from)
{
	*to = *from;
	to->name = xstrdup(from->name != NULL ? from->name : "");
	to->message = xstrdup(from->message != NULL ? from->message : "");
	to->data = json_incref(from->data);
}

static void release_state(struct wf_state *s)
{
	free((char *)(uintptr_t)s->name);
	free((char *)(uintptr_t)s->message);
	json_decref(s->data);
}

void gate_release(struct gate *g)
{
	if (g != NULL) {
		release_state(&g->old);
		release_state(&g->neu);
		free(g);
	}
}

static const wf_handler *handlers_of(const struct host *h, const struct call *c)
{
	return c != NULL ? registry_get_task(c->task)->handlers : h->def->handlers;
}

static const wf_action_fn *failures_of(const struct host *h, const struct call *c)
{
	return c != NULL ? registry_get_task(c->task)->on_failure : h->def->on_failure;
}

/* Starts the process; the gate is its body's from then on. */
static int launch(struct host *h, struct call *c, struct gate *g, struct error *err)
{
	struct body *b = body_start_process(h, BODY_HANDLER, c, err);

	b->gate = g;
	b->limit_s = LIST_SECONDS;
	b->start.old = &g->old;
	b->start.neu = &g->neu;
	b->start.hooks = g->hooks;
	b->start.handlers = handlers_of(h, c);
	b->start.on_failure = failures_of(h, c);
	b->start.skip = g->skip;
	if (body_launch(b, err) < 0) {
		b->gate = NULL;
		body_close(b);
		return -1;
	}
	return 0;
}

void gate_open(struct host *h, const struct gate_spec *spec)
{
	struct gate *g = xcalloc(1, sizeof(*g));
	struct error err;

	copy_state(&g->old, spec->old);
	copy_state(&g->neu, spec->neu);
	g->hooks = spec->hooks;
	g->done = spec->done;
	g->arg = spec->arg;
	g->call = spec->call;
	if (launch(h, spec->call, g, &err) < 0) {
		spec->done(h, err.msg, NULL, spec->arg);
		gate_release(g);
	}
}

/* "handler 'x' exited with code 1: no" */
static void describe(const struct body *b, const struct proc_exit *e, struct buf *out)
{
	const char *name = json_string_value(json_object_get(b->at, "n"));
	double seconds = json_real_value(json_object_get(b->at, "s"));
	const char *sig;
	char text[32];

	if (name != NULL) {
		buf_addf(out, "handler '%s' ", name);
	} else {
		buf_adds(out, b->start.hooks != NULL ? "hook " : "handler ");
	}
	if (e->spawn_errno != 0) {
		buf_addf(out, "could not be started: %s", strerror(e->spawn_errno));
	} else if (WIFSIGNALED(e->status) && WTERMSIG(e->status) == SIGALRM) {
		seconds_text(seconds, text, sizeof(text));
		buf_addf(out, "exceeded its timeout of %s second(s)", text);
	} else if (WIFSIGNALED(e->status)) {
		sig = sigabbrev_np(WTERMSIG(e->status));
		buf_addf(out, "was killed by signal %d (SIG%s)", WTERMSIG(e->status),
			 sig != NULL ? sig : "?");
	} else {
		buf_addf(out, "exited with code %d", WEXITSTATUS(e->status));
	}
	if (b->tail != NULL && *b->tail != '\0') {
		buf_addf(out, ": %s", b->tail);
	}
}

/* The handler's failure is tolerated: the rest of the list. */
static int go_on(struct body *b, const char *what)
{
	struct host *h = b->h;
	struct gate *g = b->gate;
	struct error err;
	char *text;
	size_t task = b->call != NULL ? b->call->index : SCHED_NO_TASK;

	text = xasprintf("%s, ignoring", what);
	runner_log(h->runner, task, LEVEL_WARNING,
		   task == SCHED_NO_TASK ? "prefect.flow_runs" : "prefect.task_runs",
		   text);
	free(text);
	g->skip = (size_t)json_integer_value(json_object_get(b->at, "k"));
	return launch(h, b->call, g, &err);
}

void handler_ended(struct body *b, const struct proc_exit *e)
{
	struct host *h = b->h;
	struct gate *g = b->gate;
	const json_t *error = json_object_get(b->end, "error");
	json_t *end = json_incref(b->end);
	struct buf what, message;

	buf_init(&what);
	buf_init(&message);
	if (b->end == NULL) {
		describe(b, e, &what);
		buf_addf(&message, "%s%s",
			 b->start.hooks != NULL
			     ? ""
			     : "Exception raised while calling state handlers: ",
			 what.data);
	} else if (error != NULL) {
		buf_adds(&message, json_string_value(error));
	}
	if (b->end == NULL && json_is_true(json_object_get(b->at, "log")) &&
	    go_on(b, what.data) == 0) {
		b->gate = NULL; /* the next process has it */
		body_close(b);
	} else {
		b->gate = NULL;
		body_close(b);
		g->done(h, message.len > 0 ? message.data : NULL,
			json_object_get(end, "state"), g->arg);
		gate_release(g);
	}
	json_decref(end);
	buf_release(&what);
	buf_release(&message);
}
