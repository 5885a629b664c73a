/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote.c - a session of one's own with the API: a run started by hand is recorded
 * like one of the Python client.
 *
 * POST /flows/, POST /flow_runs/, then set_state for each proposal, one request after
 * the other; task states as events, log lines in batches.  A cancel is noticed by
 * asking for the run's state every POLL_MS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/session/coolname.h"
#include "engine/plan.h"
#include "engine/session/remote_priv.h"
#include "proto/frame.h"

#define POLL_MS 5000

static int send_http(struct remote *r, const struct remote_req *req, httpc_fn fn,
		     void *arg, struct error *err)
{
	char *url = xasprintf("%s%s", r->url, req->path);
	char *auth = r->auth != NULL ? xasprintf("Authorization: %s", r->auth) : NULL;
	const char *headers[] = {"User-Agent: wf-engine (API 0.8.4)",
				 "X-PREFECT-API-VERSION: 0.8.4", auth, NULL};
	struct httpc_spec spec = {
	    .method = req->method,
	    .url = url,
	    .headers = headers,
	    .body = req->body->len > 0 ? req->body->data : NULL,
	    .body_len = req->body->len,
	    .content_type = req->content_type,
	    .max_body = ANSWER_MAX,
	};
	int rc = httpc_send(r->http, &spec, fn, arg, NULL, err);

	free(url);
	free(auth);
	return rc;
}

int remote_send(struct remote *r, const struct remote_req *req, httpc_fn fn, void *arg,
		struct error *err)
{
	if (r->via != NULL) {
		remote_send_via(r, req, fn, arg);
		return 0;
	}
	return send_http(r, req, fn, arg, err);
}
/* ---- one request after the other ---- */

static void next_call(struct remote *r);

static void free_call(struct call *c)
{
	free(c->path);
	buf_release(&c->body);
	free(c);
}

static void finish_call(struct remote *r, int status, const json_t *body,
			const struct error *err)
{
	struct call *c = TAILQ_FIRST(&r->calls);

	TAILQ_REMOVE(&r->calls, c, link);
	r->calling = 0;
	r->give_up_ms = INT64_MAX;
	backoff_reset(&r->backoff);
	if (c->done != NULL) {
		c->done(r, status, body, err);
	}
	free_call(c);
	next_call(r);
	remote_check_closed(r);
}

static void on_response(int rc, const struct httpc_resp *resp, const struct error *err,
			void *arg)
{
	struct remote *r = arg;
	struct error why;
	int status = resp != NULL ? resp->status : 0;
	json_t *body = NULL;

	if (r->closed) {
		return; /* the session is being freed */
	}
	if ((rc < 0 || status >= 300) && http_is_retryable(rc, status) &&
	    clock_mono_ms() < r->give_up_ms) {
		int64_t delay_ms = backoff_next(&r->backoff, random_unit());

		if (resp != NULL && resp->retry_after_ms > delay_ms) {
			delay_ms = resp->retry_after_ms;
		}
		r->calling = 0;
		loop_timer_in(r->retry, delay_ms);
		return;
	}
	if (rc < 0) {
		why = *err;
	} else if (status >= 300 && resp != NULL) {
		(void)err_set(&why, ERR_UNAVAILABLE, "%s answered status %d: %.200s",
			      r->url, status, resp->body);
	} else if (resp != NULL && resp->len > 0) {
		body = json_parse(resp->body, resp->len, ANSWER_MAX, &why);
	}
	finish_call(r, status, body, &why);
	json_decref(body);
}

static void on_send_failed(void *arg)
{
	struct remote *r = arg;

	on_response(-r->send_error.code, NULL, &r->send_error, r);
}

static void next_call(struct remote *r)
{
	struct call *c = TAILQ_FIRST(&r->calls);
	struct remote_req req;

	if (c == NULL || r->calling || r->closed) {
		return;
	}
	req = (struct remote_req){c->method, c->path, &c->body, NULL};
	r->calling = 1;
	if (r->give_up_ms == INT64_MAX) {
		r->give_up_ms = clock_mono_ms() + REMOTE_GIVE_UP_MS;
	}
	if (remote_send(r, &req, on_response, r, &r->send_error) < 0) {
		loop_defer(r->loop, on_send_failed, r); /* never from inside a call */
	}
}

static void on_retry(void *arg)
{
	next_call(arg);
}

/* Takes PATH; BODY (may be NULL) is emptied. */
static void add_call(struct remote *r, const char *method, char *path, struct buf *body,
		     void (*done)(struct remote *r, int status, const json_t *body,
				  const struct error *err))
{
	struct call *c = xcalloc(1, sizeof(*c));

	c->method = method;
	c->path = path;
	c->done = done;
	buf_init(&c->body);
	if (body != NULL) {
		buf_add(&c->body, body->data, body->len);
		buf_reset(body);
	}
	TAILQ_INSERT_TAIL(&r->calls, c, link);
	next_call(r);
}

static char *run_path(const struct remote *r, const char *behind)
{
	char id[UUID_TEXT_SIZE];

	return xasprintf("/flow_runs/%s%s", uuid_format(&r->run_id, id), behind);
}

/* ---- the beginning ---- */

static void give_up(struct remote *r, const struct error *err)
{
	struct error why;

	(void)err_set(&why, ERR_UNAVAILABLE,
		      "the run cannot be recorded: %s. Start a server (wf server "
		      "start), set WF_API_URL, "
		      "or run with --offline",
		      err->msg);
	r->s.events->on_run(NULL, &why, r->s.arg);
}

static void on_poll_answer(struct remote *r, int status, const json_t *body,
			   const struct error *err)
{
	const json_t *state = json_object_get(body, "state");
	const char *type = json_string_value(json_object_get(state, "type"));
	const char *message = json_string_value(json_object_get(state, "message"));

	(void)status;
	(void)err;
	if (!r->closing && type != NULL &&
	    (strcmp(type, "CANCELLING") == 0 || strcmp(type, "CANCELLED") == 0) &&
	    !r->cancelled) {
		r->cancelled = 1;
		r->s.events->on_cancel(message, 0, r->s.arg);
	}
}

static void on_poll(void *arg)
{
	struct remote *r = arg;

	if (TAILQ_EMPTY(&r->calls) && !r->closing) {
		add_call(r, "GET", run_path(r, ""), NULL, on_poll_answer);
	}
	loop_timer_in(r->poll, POLL_MS);
}

static void on_run_created(struct remote *r, int status, const json_t *body,
			   const struct error *err)
{
	struct session_run run = {.parameters = r->parameters, .tags = r->tags};
	const char *name = json_string_value(json_object_get(body, "name"));
	const char *id = json_string_value(json_object_get(body, "id"));

	(void)status;
	if (id == NULL || name == NULL || uuid_parse(id, &r->run_id) < 0) {
		give_up(r, err);
		return;
	}
	free(r->name);
	r->name = xstrdup(name);
	run.id = r->run_id;
	run.name = name;
	loop_timer_in(r->poll, POLL_MS);
	r->s.events->on_run(&run, NULL, r->s.arg);
}

static void on_flow_created(struct remote *r, int status, const json_t *body,
			    const struct error *err)
{
	const char *id = json_string_value(json_object_get(body, "id"));
	struct buf b;
	struct jsonw w;

	(void)status;
	if (id == NULL || uuid_parse(id, &r->flow_id) < 0) {
		give_up(r, err);
		return;
	}
	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_uuid(&w, "flow_id", &r->flow_id);
	jsonw_str(&w, "flow_version", r->flow->version);
	jsonw_str(&w, "name", r->name);
	jsonw_json(&w, "parameters", r->parameters);
	jsonw_raw(&w, "context", "{}");
	jsonw_json(&w, "tags", r->tags);
	jsonw_uuid(&w, "parent_task_run_id",
		   uuid_is_nil(&r->parent) ? NULL : &r->parent);
	jsonw_obj(&w, "empirical_policy");
	jsonw_int(&w, "retries", r->flow->retries);
	jsonw_int(&w, "retry_delay", r->flow->retry_delay_s);
	jsonw_obj_end(&w);
	jsonw_raw(&w, "state", "{\"type\":\"PENDING\",\"name\":\"Pending\"}");
	jsonw_obj_end(&w);
	add_call(r, "POST", xstrdup("/flow_runs/"), &b, on_run_created);
	buf_release(&b);
}

static void create_flow(struct remote *r)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "name", r->flow->name);
	jsonw_raw(&w, "tags", "[]");
	jsonw_raw(&w, "labels", "{}");
	jsonw_obj_end(&w);
	r->give_up_ms = clock_mono_ms(); /* say at once that nobody is there */
	add_call(r, "POST", xstrdup("/flows/"), &b, on_flow_created);
	buf_release(&b);
}

/* wf-api says so; another server has no such route. */
static void on_info(struct remote *r, int status, const json_t *body,
		    const struct error *err)
{
	if (status == 0) {
		give_up(r, err);
		return;
	}
	r->takes_updates = json_object_get(body, "api_version") != NULL;
	if (r->takes_updates) {
		r->events.path = "/wf/v1/updates";
		r->events.binary = 1;
		uuid_v4(&r->sender);
	}
	create_flow(r);
}

static void remote_open(struct session *s)
{
	struct remote *r = remote_of(s);

	if (r->via != NULL) { /* calls by way of a worker are JSON */
		create_flow(r);
		return;
	}
	r->give_up_ms = clock_mono_ms(); /* say at once that nobody is there */
	add_call(r, "GET", xstrdup("/wf/v1/info"), NULL, on_info);
}

/* ---- states of the flow ---- */

static void parse_state(const json_t *body, struct run_state *state)
{
	const json_t *s = json_object_get(body, "state");
	const char *type = json_string_value(json_object_get(s, "type"));

	state->type = (enum state_type)(type != NULL ? state_type_parse(type) : 0);
	state_set_name(state, json_string_value(json_object_get(s, "name")));
	state_set_message(state, json_string_value(json_object_get(s, "message")));
	(void)json_get_time(s, "timestamp", &state->at_us, NULL);
	(void)json_get_time(json_object_get(s, "state_details"), "scheduled_time",
			    &state->scheduled_us, NULL);
}

static void on_state_answer(struct remote *r, int status, const json_t *body,
			    const struct error *err)
{
	static const struct {
		const char *text;
		enum sched_answer answer;
	} answers[] = {
	    {"ACCEPT", SCHED_ACCEPT},
	    {"REJECT", SCHED_REJECT},
	    {"WAIT", SCHED_WAIT},
	    {"ABORT", SCHED_ABORT},
	};
	const char *text = json_string_value(json_object_get(body, "status"));
	const json_t *details = json_object_get(body, "details");
	struct sched_event ev = {.type = SCHED_EV_ANSWER, .answer = SCHED_UNAVAILABLE};
	struct run_state state;
	size_t i;

	(void)status;
	state_init(&state);
	for (i = 0; text != NULL && i < ARRAY_LEN(answers); i++) {
		if (strcmp(text, answers[i].text) == 0) {
			ev.answer = answers[i].answer;
		}
	}
	if (ev.answer == SCHED_UNAVAILABLE) {
		(void)fprintf(stderr, "wf-engine: the API did not answer a state: %s\n",
			      text == NULL && err != NULL ? err->msg
							  : "unknown answer");
	}
	parse_state(body, &state);
	if (ev.answer == SCHED_REJECT && state.type == STATE_NONE) {
		ev.answer = SCHED_ABORT;
	}
	ev.state = &state;
	ev.delay_ms =
	    (int64_t)(json_number_value(json_object_get(details, "delay_seconds")) *
		      1000);
	ev.message = json_string_value(json_object_get(details, "reason"));
	r->s.events->on_answer(&ev, r->s.arg);
	state_release(&state);
}

static void remote_propose(struct session *s, const struct run_state *state, int force)
{
	struct remote *r = remote_of(s);
	struct jsonw w;
	struct buf b;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_obj(&w, "state");
	jsonw_str(&w, "type", state_type_text((int)state->type));
	jsonw_str(&w, "name", state->name);
	jsonw_str(&w, "message", state->message);
	jsonw_null(&w, "data");
	jsonw_obj(&w, "state_details");
	jsonw_uuid(&w, "flow_run_id", &r->run_id);
	jsonw_uuid(&w, "transition_id", &state->id);
	jsonw_obj_end(&w);
	jsonw_obj_end(&w);
	jsonw_bool(&w, "force", force);
	jsonw_obj_end(&w);
	add_call(r, "POST", run_path(r, "/set_state"), &b, on_state_answer);
	buf_release(&b);
}

static void remote_set_run(struct session *s, const char *name, const char *version,
			   const char *policy)
{
	struct remote *r = remote_of(s);
	struct jsonw w;
	struct buf b;

	(void)version; /* sent when the run was made */
	(void)policy;
	if (name == NULL || strcmp(name, r->name) == 0) {
		return;
	}
	free(r->name);
	r->name = xstrdup(name);
	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "name", name);
	jsonw_obj_end(&w);
	add_call(r, "PATCH", run_path(r, ""), &b, NULL);
	buf_release(&b);
}

/* ---- what needs no answer ---- */

static void remote_task_state(struct session *s, const struct session_task *task)
{
	struct remote *r = remote_of(s);
	struct buf b;

	buf_init(&b);
	if (r->takes_updates) {
		remote_fact_state(r, task);
	} else {
		remote_task_event(r, task, &b);
		remote_feed_add(&r->events, b.data, b.len);
	}
	if (r->events.queue.len > FEED_HIGH) {
		r->s.congested = 1;
	}
	buf_release(&b);
}

static void remote_log(struct session *s, const struct session_log *log)
{
	struct remote *r = remote_of(s);
	struct jsonw w;
	struct buf b;

	if (r->logs.queue.len + r->events.queue.len > FEED_MAX) {
		r->logs.dropped++;
		return;
	}
	if (r->takes_updates) {
		remote_fact_log(r, log);
		return;
	}
	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "name", log->logger);
	jsonw_int(&w, "level", log->level);
	jsonw_str(&w, "message", log->message);
	jsonw_time(&w, "timestamp", log->at_us);
	jsonw_uuid(&w, "flow_run_id", &r->run_id);
	jsonw_uuid(&w, "task_run_id", log->task_run);
	jsonw_obj_end(&w);
	remote_feed_add(&r->logs, b.data, b.len);
	buf_release(&b);
}

/* As wf-api keeps the results that workers report: see docs/adr/0020. */
static void remote_result(struct session *s, const struct uuid *task_run,
			  const json_t *value)
{
	struct remote *r = remote_of(s);
	struct jsonw w;
	struct buf b;

	if (task_run != NULL) {
		return;
	}
	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "type", "result");
	jsonw_json(&w, "data", value);
	jsonw_uuid(&w, "flow_run_id", &r->run_id);
	jsonw_obj_end(&w);
	add_call(r, "POST", xstrdup("/artifacts/"), &b, NULL);
	buf_release(&b);
}

static void remote_artifact(struct session *s, const struct uuid *task_run,
			    const json_t *artifact)
{
	struct remote *r = remote_of(s);
	struct jsonw w;
	struct buf b;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "key", json_string_value(json_object_get(artifact, "key")));
	jsonw_str(&w, "type", json_string_value(json_object_get(artifact, "type")));
	jsonw_str(&w, "description",
		  json_string_value(json_object_get(artifact, "description")));
	jsonw_json(&w, "data", json_object_get(artifact, "data"));
	jsonw_uuid(&w, "flow_run_id", &r->run_id);
	jsonw_uuid(&w, "task_run_id", task_run);
	jsonw_obj_end(&w);
	add_call(r, "POST", xstrdup("/artifacts/"), &b, NULL);
	buf_release(&b);
}

static void remote_heartbeat(struct session *s, size_t running, size_t done)
{
	(void)s;
	(void)running;
	(void)done;
}

/* ---- the end ---- */

static void send_closed(void *arg)
{
	struct remote *r = arg;

	r->s.events->on_closed(r->s.arg);
}

void remote_check_closed(struct remote *r)
{
	if (!r->closing || r->closed || r->calling || !TAILQ_EMPTY(&r->calls) ||
	    r->side_calls > 0 || r->line_count > 0 || r->events.queue.len > 0 ||
	    r->logs.queue.len > 0) {
		return;
	}
	r->closed = 1;
	loop_timer_stop(r->close_timer);
	loop_defer(r->loop, send_closed, r);
}

static void on_close_late(void *arg)
{
	struct remote *r = arg;

	(void)fprintf(stderr, "wf-engine: not everything could be recorded at %s\n",
		      r->url);
	r->closed = 1;
	loop_defer(r->loop, send_closed, r);
}

static void remote_close(struct session *s)
{
	struct remote *r = remote_of(s);

	r->closing = 1;
	loop_timer_stop(r->poll);
	loop_timer_in(r->close_timer, REMOTE_CLOSE_MS);
	remote_feed_flush(&r->events);
	remote_feed_flush(&r->logs);
	remote_check_closed(r);
}

static void remote_free(struct session *s)
{
	struct remote *r = remote_of(s);
	struct call *c;

	r->closed = 1;
	remote_drop_sides(r);
	httpc_free(r->http);
	while ((c = TAILQ_FIRST(&r->calls)) != NULL) {
		TAILQ_REMOVE(&r->calls, c, link);
		free_call(c);
	}
	loop_timer_free(r->retry);
	loop_timer_free(r->poll);
	loop_timer_free(r->close_timer);
	remote_feed_release(&r->events);
	remote_feed_release(&r->logs);
	buf_release(&r->lines);
	json_decref(r->parameters);
	json_decref(r->tags);
	free(r->url);
	free(r->auth);
	free(r->name);
	free(r);
}

static struct session *remote_child(struct session *s, const struct session_spec *spec)
{
	const struct remote *r = remote_of(s);

	if (r->via != NULL) {
		return remote_session_via(spec, r->via);
	}
	return remote_session_new(spec, r->url, r->auth);
}

static const struct session_ops remote_ops = {
    .open = remote_open,
    .propose = remote_propose,
    .task_state = remote_task_state,
    .log = remote_log,
    .result = remote_result,
    .artifact = remote_artifact,
    .set_run = remote_set_run,
    .heartbeat = remote_heartbeat,
    .close = remote_close,
    .free = remote_free,
    .call = remote_call,
    .child = remote_child,
};

struct session *remote_session_via(const struct session_spec *spec, struct session *via)
{
	struct session *s = remote_session_new(spec, "", NULL);

	remote_of(s)->via = via;
	return s;
}

struct session *remote_session_new(const struct session_spec *spec, const char *url,
				   const char *auth)
{
	struct remote *r = xcalloc(1, sizeof(*r));
	size_t i;

	r->s = (struct session){.ops = &remote_ops,
				.events = spec->events,
				.arg = spec->arg,
				.keeps_flow_result = 1};
	r->loop = spec->loop;
	r->flow = spec->flow;
	r->url = xstrdup(url);
	if (*r->url != '\0' && r->url[strlen(r->url) - 1] == '/') {
		r->url[strlen(r->url) - 1] = '\0';
	}
	r->auth = auth != NULL ? xstrdup(auth) : NULL;
	r->name = spec->name != NULL ? xstrdup(spec->name) : coolname();
	r->parameters = json_deep_copy(spec->parameters);
	r->tags = json_array();
	for (i = 0; i < spec->flow->tags.count; i++) {
		(void)json_array_append_new(r->tags,
					    json_string(spec->flow->tags.items[i]));
	}
	for (i = 0; i < json_array_size(spec->tags); i++) {
		(void)json_array_append(r->tags, json_array_get(spec->tags, i));
	}
	if (spec->parent != NULL) {
		r->parent = *spec->parent;
	}
	TAILQ_INIT(&r->calls);
	buf_init(&r->lines);
	r->give_up_ms = INT64_MAX;
	backoff_init(&r->backoff, 200, 10000);
	r->http = httpc_new(spec->loop, 6);
	r->retry = loop_timer_new(spec->loop, on_retry, r);
	r->poll = loop_timer_new(spec->loop, on_poll, r);
	r->close_timer = loop_timer_new(spec->loop, on_close_late, r);
	remote_feed_init(&r->events, r, "/events");
	remote_feed_init(&r->logs, r, "/logs/");
	return &r->s;
}
