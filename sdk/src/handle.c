/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle.c - state handlers and hooks, in their process.
 *
 * The engine is told which handler runs ("at"), so that it can say whose fault the end
 * of the process was; the answer is the state to record, or an error.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/json.h"
#include "base/mem.h"
#include "sdk/src/body.h"

struct handling {
	const struct body_start *start;
	wf_ctx *ctx;
	struct wf_state *neu;
	int replaced;
	char *error;
};

wf_state *wf_handler_error(const wf_obj *o, const char *fmt, ...)
{
	wf_ctx *ctx = wf_obj_ctx(o);
	struct buf b;
	va_list ap;

	buf_init(&b);
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	if (ctx != NULL && ctx->handler_error == NULL) {
		ctx->handler_error = keep_text(buf_take(&b, NULL));
	}
	buf_release(&b);
	return NULL;
}

/* SIGALRM ends the process: the engine knows what that means here. */
static void limit(double seconds)
{
	const struct itimerval t = {
	    .it_value = {.tv_sec = (time_t)seconds,
			 .tv_usec =
			     (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6)}};

	(void)setitimer(ITIMER_REAL, &t, NULL);
}

static const char *name_of(const wf_handler *h, size_t number)
{
	return h->name != NULL ? h->name : keepf("#%zu", number);
}

/* ---- one handler ---- */

static wf_state *call_action(struct handling *x, const wf_handler *h)
{
	const struct wf_obj *o = &x->ctx->obj;
	struct wf_task_run run = {.name = o->run_name, .attempt = x->ctx->attempt};
	void *arg = (void *)(uintptr_t)h->arg;
	int rc;

	if (h->slack != NULL) {
		rc = wf_notify_slack(x->ctx, wf_secret(x->ctx, h->slack),
				     "%s is %s%s%s", o->run_name, x->neu->name,
				     *x->neu->message != '\0' ? ": " : "",
				     x->neu->message);
	} else if (h->mail != NULL) {
		rc = wf_notify_email(x->ctx, h->mail,
				     keepf("%s is %s", o->run_name, x->neu->name), "%s",
				     x->neu->message);
	} else if (h->run_action != NULL) {
		rc = h->run_action(o, &run, x->neu);
	} else {
		rc = h->action(o, x->neu, arg);
	}
	return rc != 0 ? wf_handler_error(o, "answered %d", rc) : NULL;
}

static int refuses(struct handling *x, const char *name, const wf_state *answer)
{
	if (answer == NULL || answer == x->neu) {
		return 0;
	}
	if (state_is_final(x->neu->type) && answer->type == STATE_RUNNING) {
		x->error = keepf("state handler '%s' may not turn a final state into "
				 "RUNNING",
				 name);
		return 1;
	}
	return 0;
}

static int wanted(const struct handling *x, const wf_handler *h)
{
	if (h->check != NULL) {
		return h->check(x->neu);
	}
	return (h->slack == NULL && h->mail == NULL) || wf_is_finished(x->neu);
}

static const char *take_error(wf_ctx *ctx)
{
	const char *text = ctx->handler_error != NULL ? ctx->handler_error : ctx->error;

	ctx->handler_error = NULL;
	ctx->error = NULL;
	return text;
}

static void call_handler(struct handling *x, const wf_handler *h, size_t number)
{
	const char *name = name_of(h, number), *text;
	double seconds = h->timeout > 0 ? h->timeout : HANDLER_SECONDS;
	wf_state *answer;

	if (!wanted(x, h)) {
		return;
	}
	line_send(json_pack("{s:s, s:s, s:f, s:I, s:b}", "op", "at", "n", name, "s",
			    seconds, "k", (json_int_t)number, "log",
			    h->on_error == WF_ERROR_LOGGED));
	limit(seconds);
	answer = h->fn != NULL ? h->fn(&x->ctx->obj, x->start->old, x->neu,
				       (void *)(uintptr_t)h->arg)
			       : call_action(x, h);
	limit(0);
	(void)fflush(NULL);
	text = take_error(x->ctx);
	if (text != NULL && h->on_error == WF_ERROR_LOGGED) {
		wf_logf(x->ctx, WF_WARNING, "handler '%s' failed: %s, ignoring", name,
			text);
	} else if (text != NULL) {
		x->error = keepf("Exception raised while calling state handlers: "
				 "handler '%s' failed: %s",
				 name, text);
	} else if (!refuses(x, name, answer) && answer != NULL && answer != x->neu) {
		x->neu = answer;
		x->replaced = 1;
	}
}

static int is_empty(const wf_handler *h)
{
	return h->fn == NULL && h->action == NULL && h->run_action == NULL &&
	       h->slack == NULL && h->mail == NULL;
}

static void call_handlers(struct handling *x, size_t skip)
{
	size_t i, number = 0;

	for (i = 0; i < WF_MAX_HANDLERS && x->error == NULL; i++) {
		if (!is_empty(&x->start->handlers[i]) && ++number > skip) {
			call_handler(x, &x->start->handlers[i], number);
		}
	}
	for (i = 0; i < WF_MAX_HOOKS && x->error == NULL; i++) {
		wf_handler h = {.check = wf_is_failed,
				.action = x->start->on_failure[i]};

		if (h.action != NULL && ++number > skip) {
			call_handler(x, &h, number);
		}
	}
}

/* ---- hooks ---- */

static void call_hooks(struct handling *x)
{
	size_t i;
	const char *text;

	for (i = 0; i < WF_MAX_HOOKS && x->start->hooks[i] != NULL; i++) {
		wf_logf(x->ctx, WF_INFO,
			"Running hook '#%zu' in response to entering state '%s'", i + 1,
			x->neu->name);
		x->start->hooks[i](&x->ctx->obj, x->neu);
		(void)fflush(NULL);
		text = take_error(x->ctx);
		if (text != NULL) {
			x->error = keepf("An error was encountered while running hook "
					 "'#%zu': %s",
					 i + 1, text);
			wf_logf(x->ctx, WF_ERROR, "%s", x->error);
		} else {
			wf_logf(x->ctx, WF_INFO,
				"Hook '#%zu' finished running successfully", i + 1);
		}
	}
}

void body_handle(const struct body_start *start, wf_ctx *ctx)
{
	struct handling x = {.start = start, .ctx = ctx, .neu = start->neu};
	json_t *end = json_pack("{s:s}", "op", "end");

	if (start->hooks != NULL) {
		call_hooks(&x);
	} else {
		call_handlers(&x, start->skip);
	}
	if (x.error != NULL) {
		(void)json_object_set_new(end, "error", json_string(x.error));
	} else if (x.replaced) {
		(void)json_object_set_new(end, "state", state_to_json(x.neu));
	}
	line_send(end);
}
