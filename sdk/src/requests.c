/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests.c - what a function asks of the engine, one message after the other.
 */
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "sdk/src/host.h"
#include "sdk/src/parts.h"
#include "sdk/src/registry.h"

#define MASK_MIN 4 /* shorter ones would hide half of all lines */

static int int_of(const json_t *msg, const char *key)
{
	return (int)json_integer_value(json_object_get(msg, key));
}

static struct call *call_at(const struct body *b, int fut)
{
	return fut > 0 && (size_t)fut <= b->call_count ? b->calls[fut - 1] : NULL;
}

/* The task run that a message is about: the body's own, or an inline one in it. */
static struct call *subject(const struct body *b, const json_t *msg)
{
	struct call *c = call_at(b, int_of(msg, "as"));

	return c != NULL ? c : b->call;
}

static size_t index_of(const struct call *c)
{
	return c != NULL ? c->index : SCHED_NO_TASK;
}

/* ---- logs and the like ---- */

static void take_log(struct body *b, const json_t *msg)
{
	size_t task = index_of(subject(b, msg));
	const json_t *m = json_object_get(msg, "m");
	char *text =
	    host_masked(b->h, text_clean(json_string_value(m), json_string_length(m)));

	runner_log(b->h->runner, task, int_of(msg, "l"),
		   task == SCHED_NO_TASK ? "prefect.flow_runs" : "prefect.task_runs",
		   text);
	free(text);
}

static void take_name(struct body *b, const json_t *msg)
{
	struct call *c = subject(b, msg);
	const json_t *n = json_object_get(msg, "n");

	if (c != NULL && json_string_length(n) > 0) {
		free(c->name);
		c->name = text_clean(json_string_value(n), json_string_length(n));
	}
}

static void take_artifact(struct body *b, const json_t *msg)
{
	struct runner *r = b->h->runner;
	const struct call *c = subject(b, msg);
	struct sched_run run;

	if (c == NULL || c->index == SCHED_NO_TASK) {
		r->session->ops->artifact(r->session, NULL, json_object_get(msg, "v"));
		return;
	}
	sched_get_run(r->sched, c->index, &run);
	r->session->ops->artifact(r->session, &run.id, json_object_get(msg, "v"));
}

/* ---- requests to the API ---- */

static void on_rest(int status, const json_t *body, const struct error *err, void *arg)
{
	struct rest *r = arg;
	json_t *answer;

	if (r->body != NULL) {
		answer = json_pack("{s:i}", "status", status);
		if (body != NULL) {
			(void)json_object_set(answer, "body",
					      (json_t *)(uintptr_t)body);
		}
		if (status == 0 && err != NULL) {
			(void)json_object_set_new(answer, "why", json_string(err->msg));
		}
		r->body->rest = NULL;
		body_send(r->body, answer);
	}
	free(r);
}

/* Through the session: it knows the API and how to log in there. */
static void take_rest(struct body *b, const json_t *msg)
{
	struct session *s = b->h->runner->session;
	struct rest *r;
	struct session_call call = {
	    .method = json_string_value(json_object_get(msg, "method")),
	    .path = json_string_value(json_object_get(msg, "path")),
	    .done = on_rest,
	};

	if (s->ops->call == NULL || call.method == NULL || call.path == NULL ||
	    b->rest != NULL) {
		body_send(b, json_pack("{s:i, s:s}", "status", 0, "why",
				       "this run has no server (--offline)"));
		return;
	}
	if (!json_is_null(json_object_get(msg, "body"))) {
		call.body = json_object_get(msg, "body");
	}
	r = xcalloc(1, sizeof(*r));
	r->body = b;
	b->rest = r;
	call.arg = r;
	s->ops->call(s, &call);
}

/* The run goes on elsewhere when somebody resumes it. */
static void take_leave(struct body *b, const json_t *msg)
{
	struct sched_event leave = {.type = SCHED_EV_LEAVE};
	struct run_state left;

	(void)msg;
	state_init(&left);
	left.type = STATE_PAUSED;
	left.name = "Suspended";
	leave.state = &left;
	runner_feed(b->h->runner, &leave);
	state_release(&left);
}

static void take_print(struct body *b, const json_t *msg)
{
	const json_t *t = json_object_get(msg, "t");

	body_printed(b, int_of(msg, "s"), json_string_value(t), json_string_length(t));
}

static void take_mask(struct body *b, const json_t *msg)
{
	const json_t *v = json_object_get(msg, "v");

	if (json_string_length(v) >= MASK_MIN) {
		(void)json_array_append(b->h->masks, (json_t *)(uintptr_t)v);
	}
}

char *host_masked(const struct host *h, char *text)
{
	struct buf b;
	size_t i, n;
	json_t *v;
	char *hit, *at;

	json_array_foreach (h->masks, i, v) {
		n = json_string_length(v);
		if (strstr(text, json_string_value(v)) == NULL) {
			continue;
		}
		buf_init(&b);
		for (at = text; (hit = strstr(at, json_string_value(v))) != NULL;
		     at = hit + n) {
			buf_add(&b, at, (size_t)(hit - at));
			buf_adds(&b, "********");
		}
		buf_adds(&b, at);
		free(text);
		text = buf_take(&b, NULL);
	}
	return text;
}

static void take_params(struct body *b, const json_t *msg)
{
	(void)msg;
	body_send(b, json_pack("{s:O}", "params", b->start.params));
}

/* Which handler runs: "" none. */
static void take_at(struct body *b, const json_t *msg)
{
	json_decref(b->at);
	b->at = json_incref((json_t *)(uintptr_t)msg);
	b->at_count++;
}

/* ---- waiting ---- */

static void send_go(struct body *b, struct call *c)
{
	char id[UUID_TEXT_SIZE];
	struct sched_run run;

	sched_get_run(b->h->runner->sched, c->index, &run);
	c->go = 0;
	c->lends = 1; /* its process has a slot, or needs none */
	sched_lend(b->h->runner->sched, 1, host_now(b->h));
	body_send(b, json_pack("{s:{s:i, s:s, s:s, s:O, s:i}}", "go", "f", c->fut,
			       "name", c->name, "id", uuid_format(&run.id, id), "in",
			       c->in, "attempt", run.run_count));
}

static void finish_wait(struct body *b)
{
	struct wait *w = &b->waits[--b->wait_count];
	json_t *done = json_array();
	size_t i;

	for (i = 0; i < w->count; i++) {
		w->calls[i]->waited &= ~(1ull << b->wait_count);
		if (w->calls[i]->done) {
			(void)json_array_append_new(done, call_done_json(w->calls[i]));
		}
	}
	free(w->calls);
	w->calls = NULL;
	if (b->call != NULL && b->wait_count == 0) {
		sched_lend(b->h->runner->sched, -1, host_now(b->h));
	}
	body_send(b, json_pack("{s:o}", "done", done));
}

static void check_next(struct body *b)
{
	struct call *c = b->next_of;

	if (c == NULL) {
		return;
	}
	if (b->next_index < json_array_size(c->values)) {
		b->next_of = NULL;
		body_send(b, json_pack("{s:O}", "v",
				       json_array_get(c->values, b->next_index)));
	} else if (c->done) {
		b->next_of = NULL;
		body_send(b, json_pack("{s:[o]}", "done", call_done_json(c)));
	}
}

void request_check_waits(struct body *b)
{
	struct wait *w;
	size_t i;

	check_next(b);
	if (b->wait_count == 0) {
		return;
	}
	w = &b->waits[b->wait_count - 1];
	if (w->left == 0) {
		finish_wait(b);
		return;
	}
	for (i = 0; b->goes > 0 && i < w->count; i++) {
		if (w->calls[i]->go) {
			b->goes--;
			send_go(b, w->calls[i]);
			return;
		}
	}
}

static void take_wait(struct body *b, const json_t *msg)
{
	const json_t *ids = json_object_get(msg, "f");
	struct wait *w;
	size_t i, done = 0;
	json_t *id;

	if (b->wait_count == HOST_WAITS_MAX) {
		body_send(b, json_pack("{s:[]}", "done"));
		return;
	}
	w = &b->waits[b->wait_count];
	*w = (struct wait){.any = json_is_true(json_object_get(msg, "any"))};
	w->calls = xcalloc(json_array_size(ids) + 1, sizeof(struct call *));
	json_array_foreach ((json_t *)(uintptr_t)ids, i, id) {
		struct call *c = call_at(b, (int)json_integer_value(id));

		if (c == NULL) {
			continue;
		}
		w->calls[w->count++] = c;
		c->waited |= 1ull << b->wait_count;
		done += c->done != 0;
	}
	w->left = w->any && done > 0 ? 0 : w->count - done;
	b->wait_count++;
	if (b->call != NULL && b->wait_count == 1) {
		sched_lend(b->h->runner->sched, 1, host_now(b->h));
		host_perform(b->h);
	}
	request_check_waits(b);
}

/* The body waited long enough; its answer may be on its way already. */
static void take_unwait(struct body *b)
{
	if (b->wait_count > 0) {
		b->waits[b->wait_count - 1].left = 0;
		finish_wait(b);
	}
}

void request_inline_ended(struct body *b, const json_t *msg)
{
	struct call *c = call_at(b, int_of(msg, "f"));

	if (c != NULL) {
		call_take_back(c);
	}
	if (c != NULL && !c->done) {
		attempt_judge_return(c, msg);
	}
	request_check_waits(b);
}

/* ---- generators ---- */

static void take_yield(struct body *b, const json_t *msg)
{
	struct call *c = subject(b, msg);

	if (c == NULL) {
		return;
	}
	if (c->values == NULL) {
		c->values = json_array();
	}
	(void)json_array_append(c->values, json_object_get(msg, "v"));
	if (c->owner != NULL) {
		check_next(c->owner);
	}
}

static void take_next(struct body *b, const json_t *msg)
{
	b->next_of = call_at(b, int_of(msg, "f"));
	b->next_index = (size_t)int_of(msg, "i");
	if (b->next_of == NULL) {
		body_send(b, json_pack("{s:[]}", "done"));
	}
	check_next(b);
}

/* ---- the table ---- */

static void take_end(struct body *b, const json_t *msg)
{
	json_decref(b->end);
	b->end = json_incref((json_t *)(uintptr_t)msg);
}

static void take_unwait_msg(struct body *b, const json_t *msg)
{
	(void)msg;
	take_unwait(b);
}

static const struct {
	const char *op;
	void (*fn)(struct body *b, const json_t *msg);
} requests[] = {
    {"artifact", take_artifact},
    {"at", take_at},
    {"mask", take_mask},
    {"end", take_end},
    {"idone", request_inline_ended},
    {"log", take_log},
    {"leave", take_leave},
    {"rest", take_rest},
    {"txn", txn_request},
    {"params", take_params},
    {"print", take_print},
    {"name", take_name},
    {"next", take_next},
    {"submit", call_submit},
    {"unwait", take_unwait_msg},
    {"wait", take_wait},
    {"yield", take_yield},
};

void request_take(struct body *b, json_t *msg)
{
	const char *op = json_string_value(json_object_get(msg, "op"));
	size_t i;

	for (i = 0; op != NULL && i < ARRAY_LEN(requests); i++) {
		if (strcmp(op, requests[i].op) == 0) {
			requests[i].fn(b, msg);
			break;
		}
	}
	json_decref(msg);
}
