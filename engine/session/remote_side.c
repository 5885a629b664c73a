/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote_side.c - requests of the runner beside the row of remote.c, and the way of all
 * requests through another session.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "engine/session/remote_priv.h"

struct via_call {
	struct via_call *next;
	struct remote *r;
	httpc_fn fn; /* NULL: nobody waits */
	void *arg;
};

static void on_via(int status, const json_t *body, const struct error *err, void *arg)
{
	struct via_call *v = arg;
	struct via_call **at;
	char *text = body != NULL ? json_text(body) : xstrdup("");
	struct httpc_resp resp = {.status = status,
				  .body = text,
				  .len = strlen(text),
				  .content_type = "application/json",
				  .retry_after_ms = -1};

	if (v->fn == NULL) {
		free(text);
		free(v);
		return;
	}
	for (at = &v->r->vias; *at != v; at = &(*at)->next) {
	}
	*at = v->next;
	v->fn(status == 0 ? -ERR_UNAVAILABLE : 0, status == 0 ? NULL : &resp, err,
	      v->arg);
	free(text);
	free(v);
}

void remote_send_via(struct remote *r, const struct remote_req *req, httpc_fn fn,
		     void *arg)
{
	struct session_call call = {
	    .method = req->method, .path = req->path, .done = on_via};
	struct via_call *v = xcalloc(1, sizeof(*v));
	json_t *body = req->body->len > 0 ? json_parse(req->body->data, req->body->len,
						       (size_t)16 << 20, NULL)
					  : NULL;

	v->r = r;
	v->fn = fn;
	v->arg = arg;
	v->next = r->vias;
	r->vias = v;
	call.body = body;
	call.arg = v;
	r->via->ops->call(r->via, &call);
	json_decref(body);
}

/* ---- requests of the runner, beside the row ---- */

struct side_call {
	struct side_call *next;
	int asked; /* an answer will come */
	struct remote *r;
	void (*done)(int status, const json_t *body, const struct error *err,
		     void *arg);
	void *arg;
	char *method, *path;
	struct buf body;
	struct loop_timer *timer;
	struct backoff backoff;
	int64_t give_up_ms;
	struct error err;
};

static void side_free(struct side_call *c)
{
	struct side_call **at;

	for (at = &c->r->sides; *at != NULL && *at != c; at = &(*at)->next) {
	}
	if (*at == c) {
		*at = c->next;
	}
	loop_timer_free(c->timer);
	buf_release(&c->body);
	free(c->method);
	free(c->path);
	free(c);
}

static void side_answer(struct side_call *c, int status, const json_t *body,
			const struct error *err)
{
	struct remote *r = c->r;

	c->done(status, body, err, c->arg);
	side_free(c);
	r->side_calls--;
	remote_check_closed(r);
}

static void on_side(int rc, const struct httpc_resp *resp, const struct error *err,
		    void *arg)
{
	struct side_call *c = arg;
	int status = resp != NULL ? resp->status : 0;
	json_t *body = NULL;

	c->asked = 0;
	if (c->r->closed) { /* the session is being freed */
		c->done(0, NULL, err, c->arg);
		side_free(c);
		return;
	}
	if ((rc < 0 || status >= 500 || status == 429) &&
	    clock_mono_ms() < c->give_up_ms) {
		loop_timer_in(c->timer, backoff_next(&c->backoff, random_unit()));
		return;
	}
	if (resp != NULL && resp->len > 0) {
		body = json_parse(resp->body, resp->len, ANSWER_MAX, NULL);
	}
	if (status == 423 && resp != NULL && resp->retry_after_ms >= 0) {
		json_decref(body);
		body = json_pack("{s:I}", "retry_after_ms",
				 (json_int_t)resp->retry_after_ms);
	}
	side_answer(c, status, body, err);
	json_decref(body);
}

static void side_failed(void *arg)
{
	struct side_call *c = arg;

	on_side(-c->err.code, NULL, &c->err, c);
}

static void side_send(void *arg)
{
	struct side_call *c = arg;
	struct remote_req req = {c->method, c->path, &c->body, NULL};

	c->asked = 1;
	if (remote_send(c->r, &req, on_side, c, &c->err) < 0) {
		loop_defer(c->r->loop, side_failed, c);
	}
}

void remote_call(struct session *s, const struct session_call *call)
{
	struct remote *r = remote_of(s);
	struct side_call *c = xcalloc(1, sizeof(*c));
	char *text;

	c->r = r;
	c->done = call->done;
	c->arg = call->arg;
	c->method = xstrdup(call->method);
	c->path = xstrdup(call->path);
	buf_init(&c->body);
	if (call->body != NULL) {
		text = json_text(call->body);
		buf_adds(&c->body, text);
		free(text);
	}
	c->timer = loop_timer_new(r->loop, side_send, c);
	backoff_init(&c->backoff, 200, 5000);
	c->give_up_ms = clock_mono_ms() + REMOTE_CLOSE_MS;
	r->side_calls++;
	c->next = r->sides;
	r->sides = c;
	side_send(c);
}

/* Those that wait for another try get no answer any more. */
void remote_drop_sides(struct remote *r)
{
	struct side_call *c, *next;
	struct via_call *v;
	struct error err;

	(void)err_set(&err, ERR_CANCELED, "the session ends");
	while ((v = r->vias) != NULL) {
		httpc_fn fn = v->fn;

		r->vias = v->next;
		v->fn = NULL; /* its answer frees it */
		fn(-ERR_CANCELED, NULL, &err, v->arg);
	}
	for (c = r->sides; c != NULL; c = next) {
		next = c->next;
		if (!c->asked) {
			c->done(0, NULL, &err, c->arg);
			side_free(c);
		}
	}
}
