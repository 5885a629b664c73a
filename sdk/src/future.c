/* SPDX-License-Identifier: Apache-2.0 */
/*
 * future.c - asking the engine for task runs, and waiting for them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "sdk/src/body.h"
#include "sdk/src/registry.h"

/* All futures of this process, by id - 1. */
static wf_fut **futs;
static size_t fut_count, fut_size;

wf_fut *future_of(int id)
{
	return id > 0 && (size_t)id <= fut_count ? futs[id - 1] : NULL;
}

static wf_fut *new_future(wf_ctx *ctx, const wf_task *t)
{
	wf_fut *f = keep_alloc(sizeof(*f));

	if (fut_count == fut_size) {
		fut_size = fut_size * 2 + 64;
		futs = xreallocarray(futs, fut_size, sizeof(wf_fut *));
	}
	futs[fut_count++] = f;
	f->id = (int)fut_count;
	f->ctx = ctx;
	f->task = t;
	f->name = "";
	f->state =
	    (struct wf_state){.name = "", .message = "", .scheduled_us = TIME_NONE};
	return f;
}

/* ---- whose value this is ---- */

#define KNOWN_MAX 1000000
static struct map known; /* a value's address -> its future's id; below 0: yielded */
static int known_ready;

static void note_value(const json_t *v, int id)
{
	uintptr_t at = (uintptr_t)v;

	if (v == NULL || json_is_null(v) || json_is_boolean(v)) {
		return; /* there is only one of each */
	}
	if (!known_ready) {
		map_init(&known, KNOWN_MAX);
		known_ready = 1;
	}
	(void)map_set_n(&known, &at, sizeof(at), (void *)(intptr_t)id, NULL);
}

static int known_id(const json_t *v)
{
	uintptr_t at = (uintptr_t)v;

	return known_ready ? (int)(intptr_t)map_get_n(&known, &at, sizeof(at)) : 0;
}

/* Which arguments are results of other runs: {"param": id}, "gen": id. */
static void add_origins(json_t *in, json_t *msg)
{
	json_t *refs = json_object(), *v;
	const char *key;
	int id;

	json_object_foreach (in, key, v) {
		id = known_id(v);
		if (id > 0) {
			(void)json_object_set_new(refs, key, json_integer(id));
		} else if (id < 0) {
			(void)json_object_set_new(msg, "gen", json_integer(-id));
		}
	}
	(void)json_object_set_new(msg, "refs", refs);
}

/* ---- asking ---- */

struct ask {
	const char *file;
	int line;
	wf_ctx *ctx;
	const wf_task *task;
	int called;
	const wf_futs *after;
	const wf_flow *subflow;
};

static int may_ask(const struct ask *a)
{
	if (body_failed()) {
		return 0;
	}
	if (a->ctx == NULL || a->ctx->ended || body_now == NULL) {
		body_error(a->file, a->line, "%s",
			   a->ctx == NULL ? "the ctx is NULL"
					  : "the flow of this ctx has ended");
		return 0;
	}
	if (a->task == NULL && a->subflow == NULL) {
		body_error(a->file, a->line, "the task is NULL");
		return 0;
	}
	return 1;
}

static json_t *after_ids(const wf_futs *after)
{
	json_t *ids = json_array();
	size_t i;

	for (i = 0; after != NULL && i < after->count; i++) {
		if (after->items[i] != NULL) {
			(void)json_array_append_new(ids,
						    json_integer(after->items[i]->id));
		}
	}
	return ids;
}

/* What functions of the task say about this run. */
static void add_answers(const struct ask *a, wf_json in, json_t *msg)
{
	const char *text;

	if (a->task->cache_key != NULL) {
		text = a->task->cache_key(a->ctx, in);
		if (text != NULL) {
			(void)json_object_set_new(msg, "key", json_string(text));
		}
	}
	if (a->task->run_name_fn != NULL) {
		text = a->task->run_name_fn(a->ctx, in);
		if (text != NULL && *text != '\0') {
			(void)json_object_set_new(msg, "name", json_string(text));
		}
	}
}

/* Takes IN; NULL when it could not be asked for. */
static wf_fut *ask(const struct ask *a, json_t *in)
{
	int number;
	wf_fut *f;
	json_t *msg;

	if (in == NULL || !may_ask(a)) {
		json_decref(in);
		return NULL;
	}
	if (!json_is_object(in)) {
		body_error(a->file, a->line, "the arguments must be an object: {...}");
		json_decref(in);
		return NULL;
	}
	number = a->task != NULL ? registry_task(a->task) : registry_flow(a->subflow);
	if (number < 0) {
		body_error(a->file, a->line,
			   "this task was not declared by WF_TASK (a copy of one?)");
		json_decref(in);
		return NULL;
	}
	f = new_future(a->ctx, a->task);
	msg = json_pack("{s:s, s:i, s:i, s:b, s:b, s:o, s:i}", "op", "submit", "f",
			f->id, "t", number, "flow", a->task == NULL, "call", a->called,
			"after", after_ids(a->after), "as", a->ctx->inline_id);
	if (a->task != NULL) {
		add_answers(a, cooked(in), msg);
	}
	add_origins(in, msg);
	(void)json_object_set_new(msg, "in", in);
	line_send(msg);
	return f;
}

/* ---- waiting ---- */

static void take_done(const json_t *done)
{
	size_t i;
	json_t *one;

	json_array_foreach ((json_t *)(uintptr_t)done, i, one) {
		wf_fut *f =
		    future_of((int)json_integer_value(json_object_get(one, "f")));
		const char *name = json_string_value(json_object_get(one, "run"));

		if (f != NULL && !f->done) {
			f->done = 1;
			f->name = keep_text(xstrdup(name != NULL ? name : ""));
			state_from_json(&f->state, json_object_get(one, "state"));
			note_value(f->state.data, f->id);
		}
	}
}

/* Takes answers until the one of a wait came. */
static void take_answer(void)
{
	json_t *msg, *go;

	for (;;) {
		msg = line_receive();
		go = json_object_get(msg, "go");
		if (go == NULL) {
			break;
		}
		future_run_inline(go);
		json_decref(msg);
	}
	take_done(json_object_get(msg, "done"));
	json_decref(msg);
}

/* Waits until all of LIST (or ANY of them) have ended. */
static void await(wf_fut *const *list, size_t count, int any, int ms)
{
	json_t *ids = json_array();
	size_t i;

	for (i = 0; i < count; i++) {
		if (list[i] != NULL && !list[i]->done) {
			(void)json_array_append_new(ids, json_integer(list[i]->id));
		}
	}
	if (json_array_size(ids) == 0 || !body_online()) {
		json_decref(ids);
		return;
	}
	line_send(json_pack("{s:s, s:o, s:b}", "op", "wait", "f", ids, "any", any));
	if (ms >= 0 && !line_wait(ms)) {
		line_send(json_pack("{s:s}", "op", "unwait"));
	}
	take_answer();
}

void future_wait_all(void)
{
	await(futs, fut_count, 0, -1);
}

bool wf_wait(wf_fut *f, int ms)
{
	if (f == NULL) {
		return true;
	}
	if (!f->done && !body_failed()) {
		await(&f, 1, 0, ms);
	}
	return f->done != 0;
}

bool wf_wait_all(wf_futs *list, int ms)
{
	size_t i;

	if (list == NULL || body_failed()) {
		return true;
	}
	await(list->items, list->count, 0, ms);
	for (i = 0; i < list->count; i++) {
		if (list->items[i] != NULL && !list->items[i]->done) {
			return false;
		}
	}
	return true;
}

/* One that has ended and was not given out, moved to the front of the list's rest. */
static wf_fut *take_done_one(wf_futs *list)
{
	size_t i;

	for (i = list->seen; i < list->count; i++) {
		wf_fut *f = list->items[i];

		if (f == NULL || f->done) {
			/* the order of the items stays: the seen ones are marked */
			memmove(&list->items[list->seen + 1], &list->items[list->seen],
				(i - list->seen) * sizeof(wf_fut *));
			list->items[list->seen++] = f;
			return f;
		}
	}
	return NULL;
}

wf_fut *wf_as_completed(wf_futs *list, int ms)
{
	wf_fut *f;

	if (list == NULL || body_failed()) {
		return NULL;
	}
	while (list->seen < list->count) {
		f = take_done_one(list);
		if (f != NULL) {
			return f;
		}
		await(&list->items[list->seen], list->count - list->seen, 1, ms);
		if (ms >= 0) {
			return take_done_one(list);
		}
	}
	return NULL;
}

size_t wf_left(const wf_futs *list)
{
	return list != NULL ? list->count - list->seen : 0;
}

wf_json wf_get_at(const char *file, int line, wf_fut *f)
{
	if (f == NULL || body_failed()) {
		if (f == NULL) {
			body_error(file, line, "the future is NULL");
		}
		return NULL;
	}
	(void)wf_wait(f, -1);
	if (f->state.type == STATE_COMPLETED) {
		return f->state.data != NULL ? cooked(f->state.data) : wf_null();
	}
	if (f->task != NULL && f->task->allow_failure) {
		return wf_null();
	}
	body_error(file, line, "Task run '%s' ended in state %s: %s", f->name,
		   f->state.name, f->state.message);
	return NULL;
}

const wf_state *wf_state_of(wf_fut *f)
{
	static const struct wf_state none = {
	    .name = "", .message = "", .scheduled_us = TIME_NONE};

	if (f == NULL) {
		return &none;
	}
	(void)wf_wait(f, -1);
	return &f->state;
}

const char *wf_fut_name(wf_fut *f)
{
	(void)wf_wait(f, -1);
	return f != NULL ? f->name : "";
}

wf_futs wf_list(wf_ctx *ctx, size_t count, ...)
{
	wf_futs list = {.items = keep_alloc((count + 1) * sizeof(wf_fut *)),
			.count = count};
	va_list ap;
	size_t i;

	(void)ctx;
	va_start(ap, count);
	for (i = 0; i < count; i++) {
		list.items[i] = va_arg(ap, wf_fut *);
	}
	va_end(ap);
	return list;
}

/* ---- the forms of asking ---- */

#define ASK_WITH_TEMPLATE(f, a)                                   \
	do {                                                      \
		va_list ap;                                       \
		json_t *in = NULL;                                \
		va_start(ap, fmt);                                \
		if (!body_failed()) {                             \
			in = template_make(file, line, fmt, &ap); \
		}                                                 \
		va_end(ap);                                       \
		(f) = ask(a, in);                                 \
	} while (0)

wf_fut *wf_submit_at(const char *file, int line, wf_ctx *ctx, const wf_task *t,
		     const char *fmt, ...)
{
	const struct ask a = {.file = file, .line = line, .ctx = ctx, .task = t};
	wf_fut *f;

	ASK_WITH_TEMPLATE(f, &a);
	return f;
}

wf_fut *wf_submit_after_at(const char *file, int line, wf_ctx *ctx, wf_futs after,
			   const wf_task *t, const char *fmt, ...)
{
	const struct ask a = {
	    .file = file, .line = line, .ctx = ctx, .task = t, .after = &after};
	wf_fut *f;

	ASK_WITH_TEMPLATE(f, &a);
	return f;
}

wf_fut *wf_call_at(const char *file, int line, wf_ctx *ctx, const wf_task *t,
		   const char *fmt, ...)
{
	const struct ask a = {
	    .file = file, .line = line, .ctx = ctx, .task = t, .called = 1};
	wf_fut *f;

	ASK_WITH_TEMPLATE(f, &a);
	(void)wf_wait(f, -1);
	return f;
}

wf_fut *wf_subflow_at(const char *file, int line, wf_ctx *ctx, const wf_flow *flow,
		      const char *fmt, ...)
{
	const struct ask a = {
	    .file = file, .line = line, .ctx = ctx, .subflow = flow, .called = 1};
	wf_fut *f;

	ASK_WITH_TEMPLATE(f, &a);
	(void)wf_wait(f, -1);
	return f;
}

/* ---- map ---- */

#define MAP_ARGS_MAX 16

struct map_args {
	struct wf_map_arg items[MAP_ARGS_MAX];
	size_t count, length;
	int each;
};

static int check_map(const struct ask *a, struct map_args *m)
{
	const char *first = NULL;
	size_t i, n;

	for (i = 0; i < m->count; i++) {
		if (m->items[i].kind != 1) {
			continue;
		}
		if (wf_type(m->items[i].value) != WF_ARRAY) {
			body_error(a->file, a->line,
				   "WF_EACH(\"%s\", ...) needs an array",
				   m->items[i].key);
			return -1;
		}
		n = wf_len(m->items[i].value);
		if (first != NULL && n != m->length) {
			body_error(a->file, a->line,
				   "the arrays of a map must be of equal length: %s "
				   "has %zu, %s has %zu",
				   first, m->length, m->items[i].key, n);
			return -1;
		}
		first = m->items[i].key;
		m->length = n;
	}
	if (first == NULL) {
		body_error(a->file, a->line, "a map needs at least one WF_EACH");
		return -1;
	}
	return 0;
}

wf_futs wf_map_at(const char *file, int line, wf_ctx *ctx, const wf_task *t, ...)
{
	const struct ask a = {.file = file, .line = line, .ctx = ctx, .task = t};
	struct map_args m = {.count = 0};
	wf_futs list = {.items = NULL};
	struct wf_map_arg arg;
	va_list ap;
	size_t i, k;
	json_t *in;

	va_start(ap, t);
	while ((arg = va_arg(ap, struct wf_map_arg)).kind != 0) {
		if (m.count < MAP_ARGS_MAX) {
			m.items[m.count++] = arg;
		}
	}
	va_end(ap);
	if (body_failed() || check_map(&a, &m) < 0) {
		return list;
	}
	list.items = keep_alloc((m.length + 1) * sizeof(wf_fut *));
	for (i = 0; i < m.length; i++) {
		in = json_object();
		for (k = 0; k < m.count; k++) {
			const json_t *v = raw(m.items[k].value);

			v = m.items[k].kind == 1 ? json_array_get(v, i) : v;
			(void)json_object_set(in, m.items[k].key,
					      v != NULL ? (json_t *)(uintptr_t)v
							: json_null());
		}
		list.items[i] = ask(&a, in);
	}
	list.count = m.length;
	return list;
}

/* ---- generators ---- */

void wf_yield(wf_ctx *ctx, wf_json v)
{
	ctx = body_ctx(ctx, "wf_yield");
	if (ctx == NULL || body_failed()) {
		return;
	}
	line_send(json_pack("{s:s, s:O, s:i}", "op", "yield", "v",
			    v != NULL ? raw(v) : json_null(), "as", ctx->inline_id));
}

wf_json wf_next(wf_fut *f)
{
	json_t *msg, *v;

	if (f == NULL || body_failed() || !body_online()) {
		return NULL;
	}
	line_send(
	    json_pack("{s:s, s:i, s:i}", "op", "next", "f", f->id, "i", f->streamed));
	msg = keep(line_receive());
	v = json_object_get(msg, "v");
	if (v == NULL) {
		take_done(json_object_get(msg, "done"));
		return NULL;
	}
	f->streamed++;
	note_value(v, -f->id);
	return cooked(v);
}

/* ---- inline runs ---- */

void future_run_inline(const json_t *go)
{
	wf_fut *f = future_of((int)json_integer_value(json_object_get(go, "f")));
	const char *id = json_string_value(json_object_get(go, "id"));
	wf_ctx *ctx;
	wf_ret ret;
	json_t *end;

	if (f == NULL || f->task == NULL) {
		return;
	}
	ctx = keep_alloc(sizeof(*ctx));
	ctx->parent = f->ctx;
	ctx->inline_id = f->id;
	ctx->flow = f->ctx->flow;
	ctx->task = f->task;
	ctx->params = f->ctx->params;
	ctx->in = keep(json_incref(json_object_get(go, "in")));
	ctx->attempt = (int)json_integer_value(json_object_get(go, "attempt"));
	ctx->obj = (struct wf_obj){
	    .kind = "task",
	    .name = f->task->title != NULL ? f->task->title : f->task->name,
	    .run_name =
		keep_text(xstrdup(json_string_value(json_object_get(go, "name")))),
	    .tags = f->ctx->obj.tags,
	    .ctx = ctx,
	};
	if (id != NULL) {
		(void)strncpy(ctx->obj.run_id, id, sizeof(ctx->obj.run_id) - 1);
	}
	ret = body_run(ctx, f->task->fn);
	end = body_return(ctx, ret);
	(void)json_object_set_new(end, "op", json_string("idone"));
	(void)json_object_set_new(end, "f", json_integer(f->id));
	line_send(end);
}
