/* SPDX-License-Identifier: Apache-2.0 */
/*
 * states.c - states and objects as C values.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "proto/frame.h"
#include "sdk/src/body.h"

static const struct wf_state no_state = {
    .name = "", .message = "", .scheduled_us = TIME_NONE};

static const struct wf_state *safe(const wf_state *s)
{
	return s != NULL ? s : &no_state;
}

const char *wf_state_type(const wf_state *s)
{
	return safe(s)->type != STATE_NONE ? state_type_text((int)s->type) : "";
}

const char *wf_state_name(const wf_state *s)
{
	return safe(s)->name;
}

const char *wf_message(const wf_state *s)
{
	return safe(s)->message;
}

wf_json wf_data(const wf_state *s)
{
	return cooked(safe(s)->data);
}

int wf_fail_code(const wf_state *s)
{
	return safe(s)->code;
}

static const char *instant(int64_t at_us)
{
	char text[TIME_TEXT_SIZE];

	if (at_us == TIME_NONE || at_us == 0) {
		return "";
	}
	return keep_text(xstrdup(time_format(at_us, text, sizeof(text))));
}

const char *wf_timestamp(const wf_state *s)
{
	return instant(safe(s)->at_us);
}

const char *wf_scheduled_time(const wf_state *s)
{
	return instant(safe(s)->scheduled_us);
}

/* Counted from the state's own time: what the clock of a test says, too. */
double wf_scheduled_in(const wf_state *s)
{
	double in;

	s = safe(s);
	if (s->scheduled_us == TIME_NONE) {
		return 0;
	}
	in = (double)(s->scheduled_us - s->at_us) / 1e6;
	return in > 0 ? in : 0;
}

bool wf_is(const wf_state *s, const char *name)
{
	return name != NULL && strcmp(safe(s)->name, name) == 0;
}

bool wf_is_failed(const wf_state *s)
{
	return safe(s)->type == STATE_FAILED;
}

bool wf_is_completed(const wf_state *s)
{
	return safe(s)->type == STATE_COMPLETED;
}

bool wf_is_finished(const wf_state *s)
{
	return state_is_final(safe(s)->type);
}

bool wf_is_retrying(const wf_state *s)
{
	return wf_is(s, "AwaitingRetry") || wf_is(s, "Retrying");
}

bool wf_is_running(const wf_state *s)
{
	return safe(s)->type == STATE_RUNNING;
}

static wf_state *make(enum state_type type, const char *name, const char *message,
		      wf_json data)
{
	struct wf_state *s = keep_alloc(sizeof(*s));

	s->type = type;
	s->name = name;
	s->message = keep_text(xstrdup(message != NULL ? message : ""));
	s->data = data != NULL ? raw(data) : NULL;
	s->at_us = clock_wall_us();
	s->scheduled_us = TIME_NONE;
	return s;
}

wf_state *wf_completed(wf_ctx *ctx, const char *message, wf_json data)
{
	(void)ctx;
	return make(STATE_COMPLETED, "Completed", message, data);
}

wf_state *wf_failed(wf_ctx *ctx, const char *message, wf_json data)
{
	(void)ctx;
	return make(STATE_FAILED, "Failed", message, data);
}

wf_state *wf_cancelled(wf_ctx *ctx, const char *message)
{
	(void)ctx;
	return make(STATE_CANCELLED, "Cancelled", message, NULL);
}

wf_state *wf_named(wf_state *s, const char *name)
{
	if (s != NULL && name != NULL && *name != '\0') {
		s->name = keep_text(xstrdup(name));
	}
	return s;
}

json_t *state_to_json(const struct wf_state *s)
{
	json_t *message = json_string(s->message != NULL ? s->message : "");

	return json_pack("{s:i, s:s, s:o, s:O?, s:i, s:I, s:I}", "type", (int)s->type,
			 "name", s->name, "message",
			 message != NULL ? message : json_string("not UTF-8"), "data",
			 s->data, "code", s->code, "at", (json_int_t)s->at_us, "due",
			 (json_int_t)s->scheduled_us);
}

void state_from_json(struct wf_state *s, const json_t *j)
{
	const char *name = json_string_value(json_object_get(j, "name"));
	const char *message = json_string_value(json_object_get(j, "message"));
	json_t *data = json_object_get(j, "data");

	s->type = (enum state_type)json_integer_value(json_object_get(j, "type"));
	s->name = keep_text(xstrdup(name != NULL ? name : ""));
	s->message = keep_text(xstrdup(message != NULL ? message : ""));
	s->data = keep(json_is_null(data) ? NULL : json_incref(data));
	s->code = (int)json_integer_value(json_object_get(j, "code"));
	s->at_us = json_integer_value(json_object_get(j, "at"));
	s->scheduled_us = json_object_get(j, "due") != NULL
			      ? json_integer_value(json_object_get(j, "due"))
			      : TIME_NONE;
}

/* ---- objects ---- */

const char *wf_kind(const wf_obj *o)
{
	return o != NULL ? o->kind : "";
}

const char *wf_name(const wf_obj *o)
{
	return o != NULL ? o->name : "";
}

const char *wf_run_name(const wf_obj *o)
{
	return o != NULL ? o->run_name : "";
}

const char *wf_run_id(const wf_obj *o)
{
	return o != NULL ? o->run_id : "";
}

wf_json wf_tags(const wf_obj *o)
{
	return o != NULL ? cooked(o->tags) : NULL;
}

wf_ctx *wf_obj_ctx(const wf_obj *o)
{
	return o != NULL ? o->ctx : NULL;
}

int wf_task_run_attempt(const wf_task_run *r)
{
	return r != NULL ? r->attempt : 0;
}

const char *wf_task_run_name(const wf_task_run *r)
{
	return r != NULL ? r->name : "";
}
