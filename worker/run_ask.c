/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_ask.c - requests of an engine to the API: the worker sends them with its own
 * credentials and gives the answer back.  Only what a flow needs may be asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "proto/frame.h"
#include "worker/channel.h"
#include "worker/rest.h"
#include "worker/run_priv.h"
#include "worker/worker.h"

#define BODY_MAX (4u << 20)

static const char *const allowed[] = {
    "/artifacts/",      "/block_types/slug/",
    "/deployments/",    "/events",
    "/flow_runs/",      "/flows/",
    "/logs/",           "/task_runs/",
    "/variables/name/", "/v2/concurrency_limits/",
};

struct ask {
	struct run *run;
	uint64_t id;
	int suspends; /* when it is accepted the process ends, and that is right */
};

static int is_allowed(const char *path)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(allowed); i++) {
		if (strncmp(path, allowed[i], strlen(allowed[i])) == 0) {
			return strstr(path, "..") == NULL &&
			       strpbrk(path, " \r\n") == NULL;
		}
	}
	return 0;
}

static void answer(struct run *r, uint64_t id, int status, const json_t *body,
		   const char *why)
{
	Wf__Control__ApiAnswer a;
	char *text = body != NULL ? json_text(body) : xstrdup("");
	struct error err;
	wf_frame f;

	wf__control__frame__init(&f);
	wf__control__api_answer__init(&a);
	a.request_id = id;
	a.status = status;
	a.data_json = text;
	a.error = (char *)(uintptr_t)why;
	f.body_case = WF__CONTROL__FRAME__BODY_API_ANSWER;
	f.api_answer = &a;
	if (r->channel != NULL) {
		(void)channel_send(r->channel, &f, &err);
	}
	free(text);
}

static void on_answer(int rc, int status, const json_t *body, const struct error *err,
		      void *arg)
{
	struct ask *a = arg;
	struct run *r = a->run;
	const char *said = json_string_value(json_object_get(body, "status"));

	if (a->suspends && said != NULL && strcmp(said, "ACCEPT") == 0) {
		r->concluded = 1;
	}
	answer(r, a->id, status, body, rc < 0 ? err->msg : "");
	free(a);
	run_release(r);
}

/* A state that gives the run back: it goes on in another process. */
static int is_suspension(const json_t *body)
{
	const json_t *state = json_object_get(body, "state");

	return json_is_true(json_object_get(json_object_get(state, "state_details"),
					    "pause_reschedule"));
}

void run_ask_api(struct run *r, const Wf__Control__ApiCall *m)
{
	struct rest_spec spec = {.method = m->method, .path = m->path};
	struct ask *a;

	if (r->lost || !is_allowed(m->path)) {
		answer(r, m->request_id, 0, NULL,
		       r->lost ? "the worker has lost its lease of the run"
			       : "an engine may not ask for this");
		return;
	}
	if (*m->data_json != '\0') {
		spec.body =
		    json_parse(m->data_json, strlen(m->data_json), BODY_MAX, NULL);
	}
	a = xcalloc(1, sizeof(*a));
	a->run = r;
	a->id = m->request_id;
	a->suspends = is_suspension(spec.body);
	run_hold(r);
	if (rest_send(r->w->rest, &spec, on_answer, a) < 0) {
		free(a);
		answer(r, m->request_id, 0, NULL, "the request could not be sent");
		run_release(r);
	}
}
