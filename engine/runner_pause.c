/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner_pause.c - a task that waits for somebody: `pause` keeps the process and asks
 * the API whether the run goes on, `suspend` ends it, and the run goes on in another
 * process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/params.h"
#include "engine/runner_priv.h"
#include "proto/frame.h"

#define POLL_FIRST_MS 200
#define POLL_MAX_MS   5000

struct wait {
	struct slot *slot; /* NULL: nobody waits */
	struct runner *runner;
	struct loop_timer *timer;
	int64_t poll_ms, give_up_ms;
	char *key, *keyset_key; /* of the pause; of its response */
	int asking;
};

static void wait_free(struct wait *w)
{
	loop_timer_free(w->timer);
	free(w->key);
	free(w->keyset_key);
	free(w);
}

void runner_pause_stop(struct slot *s)
{
	struct wait *w = s->wait;

	if (w == NULL) {
		return;
	}
	s->wait = NULL;
	w->slot = NULL;
	if (w->asking == 0) {
		wait_free(w);
	}
}

/* 1: somebody still waits. */
static int answered(struct wait *w)
{
	w->asking--;
	if (w->slot != NULL) {
		return 1;
	}
	if (w->asking == 0) {
		wait_free(w);
	}
	return 0;
}

static void finish(struct wait *w, enum sched_verdict verdict, const char *message)
{
	struct slot *s = w->slot;
	struct sched_event ev = {
	    .type = SCHED_EV_ATTEMPT,
	    .task = s->unit,
	    .verdict = verdict,
	    .message = message,
	    .error = message != NULL ? "FlowPauseError" : NULL,
	    .no_retry = 1,
	};

	runner_pause_stop(s);
	runner_feed(s->runner, &ev);
}

static void call(struct wait *w, const char *method, const char *behind,
		 const json_t *body,
		 void (*done)(int status, const json_t *body, const struct error *err,
			      void *arg))
{
	char id[UUID_TEXT_SIZE];
	char *path =
	    xasprintf("/flow_runs/%s%s", uuid_format(&w->runner->run_id, id), behind);
	struct session_call c = {
	    .method = method, .path = path, .body = body, .done = done, .arg = w};

	w->asking++;
	w->runner->session->ops->call(w->runner->session, &c);
	free(path);
}

/* ---- going on ---- */

static void on_input(int status, const json_t *body, const struct error *err, void *arg)
{
	struct wait *w = arg;
	const struct plan_pause *p;
	struct error why;
	json_t *value = NULL;
	char message[600];

	(void)err;
	if (!answered(w)) {
		return;
	}
	p = w->slot->plan->pause;
	if (status >= 200 && status < 300) {
		value = json_is_string(body)
			    ? json_parse(json_string_value(body),
					 json_string_length(body), 1u << 20, NULL)
			    : json_incref((json_t *)(uintptr_t)body);
	}
	if (value == NULL) {
		value = json_object();
	}
	if (params_check_value(p->schema, value, "input", &why) < 0) {
		(void)snprintf(message, sizeof(message),
			       "The input of the resumed run does not fit: %.500s",
			       why.msg);
		json_decref(value);
		finish(w, SCHED_FAIL, message);
		return;
	}
	json_decref(w->slot->result);
	w->slot->result = value;
	finish(w, SCHED_OK, NULL);
}

static void resumed(struct wait *w)
{
	char *behind;

	if (w->slot->plan->pause->schema == NULL) {
		finish(w, SCHED_OK, NULL);
		return;
	}
	behind = xasprintf("/input/%s", w->keyset_key);
	call(w, "GET", behind, NULL, on_input);
	free(behind);
}

/* The next look, or the end of the patience. */
static void look_later(struct wait *w)
{
	int64_t left_ms = w->give_up_ms - runner_now(w->runner).ms;

	loop_timer_in(w->timer, MAX_OF(MIN_OF(w->poll_ms, left_ms), 1));
}

static void on_state(int status, const json_t *body, const struct error *err, void *arg)
{
	struct wait *w = arg;
	const char *type =
	    json_string_value(json_object_get(json_object_get(body, "state"), "type"));

	(void)err;
	if (!answered(w)) {
		return;
	}
	if (status >= 200 && status < 300 && type != NULL &&
	    strcmp(type, "RUNNING") == 0) {
		resumed(w);
	} else if (type != NULL && strcmp(type, "PAUSED") != 0) {
		finish(w, SCHED_FAIL, "The run was taken out of its pause.");
	} else if (runner_now(w->runner).ms >= w->give_up_ms) {
		finish(w, SCHED_FAIL, "Flow run was paused and never resumed.");
	} else {
		w->poll_ms = MIN_OF(w->poll_ms * 2, POLL_MAX_MS);
		look_later(w);
	}
}

static void poll(void *arg)
{
	call(arg, "GET", "", NULL, on_state);
}

/* ---- pausing ---- */

static void on_paused(int status, const json_t *body, const struct error *err,
		      void *arg)
{
	struct wait *w = arg;
	const char *answer = json_string_value(json_object_get(body, "status"));
	const json_t *state = json_object_get(body, "state");
	const char *type = json_string_value(json_object_get(state, "type"));
	struct sched_event leave = {.type = SCHED_EV_LEAVE};
	struct run_state left;
	char message[500];

	if (!answered(w)) {
		return;
	}
	if (answer != NULL && strcmp(answer, "ACCEPT") == 0) {
		runner_log(w->runner, SCHED_NO_TASK, LEVEL_INFO, "prefect.flow_runs",
			   w->slot->plan->pause->suspend
			       ? "Suspending the flow run: it goes on in another "
				 "process when it is resumed"
			       : "Pausing the flow run until it is resumed");
		if (!w->slot->plan->pause->suspend) {
			look_later(w);
			return;
		}
		state_init(&left);
		left.type = STATE_PAUSED;
		left.name = "Suspended";
		leave.state = &left;
		runner_feed(w->runner, &leave);
		state_release(&left);
		return;
	}
	if (answer != NULL && strcmp(answer, "REJECT") == 0 && type != NULL &&
	    strcmp(type, "RUNNING") == 0) {
		resumed(w); /* this pause was over before: the run began again */
		return;
	}
	(void)snprintf(
	    message, sizeof(message), "The run could not be paused: %.400s",
	    status == 0 ? err->msg
	    : json_object_get(json_object_get(body, "details"), "reason") != NULL
		? json_string_value(
		      json_object_get(json_object_get(body, "details"), "reason"))
		: "the API refused");
	finish(w, SCHED_FAIL, message);
}

static void propose(struct wait *w)
{
	const struct plan_pause *p = w->slot->plan->pause;
	const char *name = p->suspend ? "Suspended" : "Paused";
	char time[TIME_TEXT_SIZE], flow_run[UUID_TEXT_SIZE];
	json_t *details, *body;

	details = json_pack(
	    "{s:s, s:s, s:b, s:s}", "flow_run_id",
	    uuid_format(&w->runner->run_id, flow_run), "pause_key", w->key,
	    "pause_reschedule", p->suspend, "pause_timeout",
	    time_format(runner_now(w->runner).us + (int64_t)(p->timeout_s * 1e6), time,
			sizeof(time)));
	if (p->schema != NULL) {
		char *base =
		    xasprintf("%s-%s", p->suspend ? "suspended" : "paused", w->key);
		char *schema = xasprintf("%s-schema", base);
		char *description = xasprintf("%s-description", base);

		w->keyset_key = xasprintf("%s-response", base);
		(void)json_object_set_new(details, "run_input_keyset",
					  json_pack("{s:s, s:s, s:s}", "schema", schema,
						    "response", w->keyset_key,
						    "description", description));
		free(base);
		free(schema);
		free(description);
	}
	body = json_pack("{s:{s:s, s:s, s:o}, s:b}", "state", "type", "PAUSED", "name",
			 name, "state_details", details, "force", 0);
	call(w, "POST", "/set_state", body, on_paused);
	json_decref(body);
}

static void on_schema(int status, const json_t *body, const struct error *err,
		      void *arg)
{
	struct wait *w = arg;

	(void)status;
	(void)body;
	(void)err;
	if (answered(w)) {
		propose(w);
	}
}

static void send_schema(struct wait *w)
{
	const struct plan_pause *p = w->slot->plan->pause;
	char *key =
	    xasprintf("%s-%s-schema", p->suspend ? "suspended" : "paused", w->key);
	char *text = json_text(p->schema);
	json_t *body = json_pack("{s:s, s:s}", "key", key, "value", text);

	call(w, "POST", "/input", body, on_schema);
	json_decref(body);
	free(key);
	free(text);
}

void runner_pause_start(struct slot *s, const struct sched_run *run)
{
	struct runner *r = s->runner;
	struct sched_event ev = {
	    .type = SCHED_EV_ATTEMPT,
	    .task = s->unit,
	    .verdict = SCHED_FAIL,
	    .message = "A pause needs a server that can resume the run.",
	    .error = "FlowPauseError",
	    .no_retry = 1,
	};
	struct wait *w;

	(void)run;
	if (r->session->ops->call == NULL) {
		runner_feed(r, &ev);
		return;
	}
	w = s->wait = xcalloc(1, sizeof(*w));
	w->slot = s;
	w->runner = r;
	w->poll_ms = POLL_FIRST_MS;
	w->give_up_ms = runner_now(r).ms + (int64_t)(s->plan->pause->timeout_s * 1000);
	w->key = xstrdup(s->plan->key);
	w->timer = loop_timer_new(r->loop, poll, w);
	if (s->plan->pause->schema != NULL) {
		send_schema(w);
	} else {
		propose(w);
	}
}
