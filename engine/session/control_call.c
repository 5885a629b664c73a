/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_call.c - requests to the API through the worker, which holds the credentials;
 * and sessions of subflows, whose every request goes that way.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "engine/session/control_priv.h"

struct control_call {
	struct control_call *next;
	uint64_t id;
	void (*done)(int status, const json_t *body, const struct error *err,
		     void *arg);
	void *arg;
};

void control_call(struct session *s, const struct session_call *call)
{
	struct control *c = control_of(s);
	struct control_call *w = xcalloc(1, sizeof(*w));
	char *text = call->body != NULL ? json_text(call->body) : xstrdup("");
	Wf__Control__ApiCall m;
	wf_frame f;

	w->id = ++c->call_id;
	w->done = call->done;
	w->arg = call->arg;
	w->next = c->calls;
	c->calls = w;
	wf__control__frame__init(&f);
	wf__control__api_call__init(&m);
	m.request_id = w->id;
	m.method = (char *)(uintptr_t)call->method;
	m.path = (char *)(uintptr_t)call->path;
	m.data_json = text;
	f.body_case = WF__CONTROL__FRAME__BODY_API_CALL;
	f.api_call = &m;
	control_send(c, &f);
	free(text);
	if (c->fd < 0 && !c->drop_queued) {
		c->drop_queued = 1;
		loop_defer(c->loop, control_drop_calls, c);
	}
}

void control_on_answer(struct control *c, const Wf__Control__ApiAnswer *m)
{
	struct control_call **at, *w;
	struct error err;
	json_t *body;

	for (at = &c->calls; *at != NULL && (*at)->id != m->request_id;
	     at = &(*at)->next) {
	}
	w = *at;
	if (w == NULL) {
		return;
	}
	*at = w->next;
	body = *m->data_json != '\0' ? json_parse(m->data_json, strlen(m->data_json),
						  PROTO_FRAME_MAX, NULL)
				     : NULL;
	(void)err_set(&err, ERR_UNAVAILABLE, "%s", m->error);
	w->done(m->status, body, &err, w->arg);
	json_decref(body);
	free(w);
}

void control_drop_calls(void *arg)
{
	struct control *c = arg;
	struct control_call *w;
	struct error err;

	c->drop_queued = 0;
	(void)err_set(&err, ERR_UNAVAILABLE, "the worker is gone");
	while ((w = c->calls) != NULL) {
		c->calls = w->next;
		w->done(0, NULL, &err, w->arg);
		free(w);
	}
}

struct session *control_child(struct session *s, const struct session_spec *spec)
{
	return remote_session_via(spec, s);
}
