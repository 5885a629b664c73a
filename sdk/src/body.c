/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body.c - runs one function in its process and tells the engine how it ended.
 */
#include "sdk/src/body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"

static struct wf_return *new_return(int kind, json_t *value)
{
	struct wf_return *r = keep_alloc(sizeof(*r));

	r->kind = kind;
	r->value = keep(value);
	return r;
}

wf_ret wf_ok(wf_ctx *ctx, wf_json value)
{
	(void)ctx;
	return new_return(RET_VALUE,
			  value != NULL ? json_incref(raw(value)) : json_null());
}

wf_ret wf_ok_text(wf_ctx *ctx, const char *text)
{
	return wf_ok(ctx, wf_from_text(text));
}

wf_ret wf_ok_i64(wf_ctx *ctx, int64_t n)
{
	return wf_ok(ctx, wf_from_i64(n));
}

wf_ret wf_ok_f64(wf_ctx *ctx, double n)
{
	return wf_ok(ctx, wf_from_f64(n));
}

wf_ret wf_ok_bool(wf_ctx *ctx, bool b)
{
	return wf_ok(ctx, wf_from_flag(b));
}

wf_ret wf_none(wf_ctx *ctx)
{
	(void)ctx;
	return new_return(RET_NONE, NULL);
}

static WF_PRINTF(3, 0) struct wf_return *failure(int code, wf_json data,
						 const char *fmt, va_list *ap)
{
	struct wf_return *r = new_return(RET_STATE, NULL);
	struct buf b;

	buf_init(&b);
	buf_addv(&b, fmt, *ap);
	r->state = (struct wf_state){
	    .type = STATE_FAILED,
	    .name = "Failed",
	    .message = keep_text(buf_take(&b, NULL)),
	    .data = data != NULL ? raw(data) : NULL,
	    .code = code,
	    .scheduled_us = TIME_NONE,
	};
	return r;
}

wf_ret wf_fail(wf_ctx *ctx, int code, const char *fmt, ...)
{
	struct wf_return *r;
	va_list ap;

	(void)ctx;
	va_start(ap, fmt);
	r = failure(code, NULL, fmt, &ap);
	va_end(ap);
	return r;
}

wf_ret wf_fail_with(wf_ctx *ctx, wf_json data, const char *fmt, ...)
{
	struct wf_return *r;
	va_list ap;

	(void)ctx;
	va_start(ap, fmt);
	r = failure(0, data, fmt, &ap);
	va_end(ap);
	r->by_user = 1;
	return r;
}

wf_ret wf_return_state(wf_ctx *ctx, const wf_state *s)
{
	struct wf_return *r;

	if (s == NULL) {
		return wf_none(ctx);
	}
	r = new_return(RET_STATE, NULL);
	r->state = *s;
	r->by_user = 1;
	return r;
}

wf_ret wf_all(wf_ctx *ctx, const wf_futs *futs)
{
	size_t i, failed = 0, cancelled = 0, open = 0,
		  n = futs != NULL ? futs->count : 0;
	char text[80];
	wf_state *s;

	for (i = 0; i < n; i++) {
		const wf_state *one = wf_state_of(futs->items[i]);

		failed += one->type == STATE_FAILED || one->type == STATE_CRASHED;
		cancelled += one->type == STATE_CANCELLED;
		open += !state_is_final(one->type);
	}
	if (cancelled > 0) {
		(void)snprintf(text, sizeof(text), "%zu/%zu states cancelled.",
			       cancelled, n);
		s = wf_cancelled(ctx, text);
	} else if (failed > 0 || open > 0) {
		(void)snprintf(text, sizeof(text), "%zu/%zu states %s",
			       failed > 0 ? failed : open, n,
			       failed > 0 ? "failed." : "are not final.");
		s = wf_failed(ctx, text, NULL);
	} else {
		s = wf_completed(ctx, "All states completed.", NULL);
	}
	return wf_return_state(ctx, s);
}

/* ---- running ---- */

wf_ret body_run(wf_ctx *ctx, wf_fn fn)
{
	wf_ctx *before = body_now;
	wf_ret ret;

	body_now = ctx;
	ret = fn(ctx, cooked(ctx->in));
	rest_release_all(ctx);
	ctx->ended = 1;
	body_now = before;
	return ret;
}

/* False when the failure of CTX is not to be tried again. */
static int wants_retry(wf_ctx *ctx, const struct wf_state *s)
{
	struct wf_task_run run = {.name = ctx->obj.run_name, .attempt = ctx->attempt};

	return ctx->task == NULL || ctx->task->retry_if == NULL ||
	       ctx->task->retry_if(ctx->task, &run, s);
}

json_t *body_return(wf_ctx *ctx, wf_ret ret)
{
	struct wf_state error = {
	    .type = STATE_FAILED, .name = "Failed", .scheduled_us = TIME_NONE};
	const struct wf_state *s = NULL;
	json_t *out = json_object();

	if (ctx->error != NULL) {
		error.message = ctx->error;
		s = &error;
	} else if (ret != NULL && ret->kind == RET_STATE) {
		s = &ret->state;
	} else if (ret != NULL && ret->kind == RET_VALUE) {
		(void)json_object_set(out, "value", ret->value);
	}
	if (s != NULL) {
		(void)json_object_set_new(out, "state", state_to_json(s));
		(void)json_object_set_new(
		    out, "own", json_boolean(ctx->error == NULL && ret->by_user));
		if (s->type == STATE_FAILED) {
			(void)json_object_set_new(out, "retry",
						  json_boolean(wants_retry(ctx, s)));
		}
	}
	return out;
}

static void run_function(const struct body_start *start, wf_ctx *ctx)
{
	wf_fn fn = ctx->task != NULL ? ctx->task->fn : ctx->flow->fn;
	wf_ret ret = body_run(ctx, fn);
	json_t *end;

	(void)start;
	(void)fflush(NULL); /* what it printed comes before its end */
	body_now = ctx;
	end = body_return(ctx, ret);
	(void)json_object_set_new(end, "op", json_string("end"));
	line_send(end);
}

static int ask_params; /* they did not come with the start */

static wf_state *state_of(const json_t *msg, const char *key)
{
	const json_t *j = json_object_get(msg, key);
	wf_state *s;

	if (j == NULL) {
		return NULL;
	}
	s = keep_alloc(sizeof(*s));
	state_from_json(s, j);
	if (json_is_true(json_object_get(j, "null"))) {
		s->data = json_null();
	}
	return s;
}

/* What start_json() of bodies.c sent; the pointers of START are the engine's. */
static void receive_start(struct body_start *start)
{
	json_t *msg;

	body_now = keep_alloc(sizeof(*body_now)); /* the line is open */
	msg = keep(line_receive());
	start->obj = (struct wf_obj){
	    .kind = json_string_value(json_object_get(msg, "kind")),
	    .name = json_string_value(json_object_get(msg, "name")),
	    .run_name = json_string_value(json_object_get(msg, "run")),
	    .tags = json_object_get(msg, "tags"),
	};
	(void)strncpy(start->obj.run_id, json_string_value(json_object_get(msg, "id")),
		      sizeof(start->obj.run_id) - 1);
	start->in = json_object_get(msg, "in");
	ask_params = json_is_true(json_object_get(msg, "ask"));
	start->params = ask_params ? NULL : start->in;
	start->old = state_of(msg, "old");
	start->neu = state_of(msg, "new");
}

int body_main(void *arg)
{
	struct body_start *start = arg;
	wf_ctx *ctx;

	if (start->lean) {
		receive_start(start);
	}
	ctx = keep_alloc(sizeof(*ctx));
	ctx->flow = start->flow;
	ctx->task = start->task;
	ctx->obj = start->obj;
	ctx->obj.ctx = ctx;
	ctx->in = start->in != NULL ? start->in : keep(json_object());
	ctx->params = start->params;
	ctx->attempt = start->attempt;
	body_now = ctx;
	if (start->captured && body_online()) {
		print_capture();
	}
	if (start->neu != NULL) {
		body_handle(start, ctx);
	} else {
		run_function(start, ctx);
	}
	return 0;
}

/* ---- the run ---- */

void wf_logf(wf_ctx *ctx, int level, const char *fmt, ...)
{
	struct buf b;
	va_list ap;
	json_t *text;

	buf_init(&b);
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	if (body_now == NULL || !body_online()) {
		(void)fprintf(stderr, "%s\n", b.data);
		buf_release(&b);
		return;
	}
	text = json_stringn(b.data, b.len);
	if (text == NULL) {
		text = json_string("a line that is not UTF-8");
	}
	line_send(json_pack("{s:s, s:i, s:o, s:i}", "op", "log", "l", level, "m", text,
			    "as", ctx != NULL ? ctx->inline_id : 0));
	buf_release(&b);
}

const wf_obj *wf_self(wf_ctx *ctx)
{
	ctx = body_ctx(ctx, "wf_self");
	return ctx != NULL ? &ctx->obj : NULL;
}

int wf_attempt(wf_ctx *ctx)
{
	ctx = body_ctx(ctx, "wf_attempt");
	return ctx != NULL ? ctx->attempt : 0;
}

wf_json wf_params(wf_ctx *ctx)
{
	static json_t *answer; /* the same for all contexts of a process */

	ctx = body_ctx(ctx, "wf_params");
	if (ctx == NULL) {
		return NULL;
	}
	if (ctx->params == NULL && ask_params) {
		ask_params = 0;
		line_send(json_pack("{s:s}", "op", "params"));
		answer = keep(line_receive());
	}
	return cooked(ctx->params != NULL ? ctx->params
					  : json_object_get(answer, "params"));
}

void wf_set_name(wf_ctx *ctx, const char *name)
{
	ctx = body_ctx(ctx, "wf_set_name");
	if (name == NULL || *name == '\0' || ctx == NULL || ctx->task == NULL ||
	    body_failed()) {
		return;
	}
	ctx->obj.run_name = keep_text(xstrdup(name));
	line_send(json_pack("{s:s, s:s, s:i}", "op", "name", "n", name, "as",
			    ctx->inline_id));
}

static void artifact(wf_ctx *ctx, const char *type, const char *key, json_t *data)
{
	ctx = body_ctx(ctx, "wf_artifact");
	if (ctx == NULL || body_failed()) {
		json_decref(data);
		return;
	}
	line_send(json_pack("{s:s, s:{s:s, s:s?, s:o}, s:i}", "op", "artifact", "v",
			    "type", type, "key", key, "data", data, "as",
			    ctx->inline_id));
}

static json_t *text_of(const char *s)
{
	json_t *v = json_string(s != NULL ? s : "");

	return v != NULL ? v : json_string("");
}

void wf_artifact_markdown(wf_ctx *ctx, const char *key, const char *markdown)
{
	artifact(ctx, "markdown", key, text_of(markdown));
}

void wf_artifact_table(wf_ctx *ctx, const char *key, wf_json rows)
{
	char *text = json_text(rows != NULL ? raw(rows) : json_null());

	artifact(ctx, "table", key, text_of(text));
	free(text);
}

void wf_artifact_link(wf_ctx *ctx, const char *key, const char *url, const char *text)
{
	const char *shown = text != NULL ? text : url;

	artifact(ctx, "markdown", key,
		 text_of(wf_fmt(ctx, "[%s](%s)", shown != NULL ? shown : "",
				url != NULL ? url : "")));
}

void wf_artifact_image(wf_ctx *ctx, const char *key, const char *url)
{
	artifact(ctx, "image", key, text_of(url));
}

void wf_artifact_progress(wf_ctx *ctx, const char *key, double percent)
{
	json_t *v = json_real(percent);

	artifact(ctx, "progress", key, v != NULL ? v : json_real(0));
}

/* ---- transactions ---- */

static int ask_txn(const char *what)
{
	json_t *answer;
	int failed;

	if (strcmp(what, "begin") != 0) {
		future_wait_all(); /* its runs are over before it is */
	}
	line_send(json_pack("{s:s, s:s}", "op", "txn", "a", what));
	if (strcmp(what, "begin") == 0 || !body_online()) {
		return 0;
	}
	answer = line_receive();
	failed = json_is_true(json_object_get(answer, "failed"));
	json_decref(answer);
	return failed;
}

void wf_txn_begin(wf_ctx *ctx)
{
	(void)ctx;
	if (!body_failed()) {
		(void)ask_txn("begin");
	}
}

void wf_txn_begin_as(wf_ctx *ctx, enum wf_commit mode)
{
	static const char *const words[] = {"lazy", "eager", "off"};

	(void)ctx;
	if (!body_failed() && (unsigned int)mode < 3) {
		line_send(json_pack("{s:s, s:s, s:s}", "op", "txn", "a", "begin",
				    "mode", words[mode]));
	}
}

void wf_txn_commit_at(const char *file, int line, wf_ctx *ctx)
{
	(void)ctx;
	if (!body_failed() && ask_txn("commit")) {
		body_error(file, line,
			   "a hook of the commit failed: the transaction was rolled "
			   "back");
	}
}

void wf_txn_rollback(wf_ctx *ctx)
{
	(void)ctx;
	if (!body_failed()) {
		(void)ask_txn("rollback");
	}
}
