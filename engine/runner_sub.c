/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner_sub.c - another flow as a task: in this process, with a runner and a session
 * of its own, or as a run of a deployment.
 *
 * The task run is recorded first, then the child's run, which names it as its parent;
 * the API mirrors the child's states to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "engine/expr/tmpl.h"
#include "engine/plan.h"
#include "engine/runner_priv.h"
#include "engine/tryout/clock.h"
#include "proto/frame.h"

#define MAX_DEPTH 16
#define POLL_MS   1000
#define POLL_MAX  5000

struct sub {
	struct slot *slot; /* NULL: nobody waits any more */
	struct runner *parent, *child;
	struct plan_file *file; /* of another file; owned */
	const struct plan_flow *flow;
	struct report *report;
	struct run_state end;
	json_t *result;
	/* of a deployment */
	char *run_id;
	struct loop_timer *timer;
	int64_t poll_ms;
	int asking, over, has_end;
};

static void sub_free(struct sub *b)
{
	runner_free(b->child);
	plan_free(b->file);
	state_release(&b->end);
	json_decref(b->result);
	loop_timer_free(b->timer);
	free(b->run_id);
	free(b);
}

static void sub_free_later(void *arg)
{
	sub_free(arg);
}

static void end_with(struct slot *s, enum sched_verdict verdict,
		     const struct run_state *state, const char *message)
{
	struct sched_event ev = {
	    .type = SCHED_EV_ATTEMPT,
	    .task = s->unit,
	    .verdict = verdict,
	    .state = state,
	    .message = message,
	    .error = message != NULL ? "SubflowError" : NULL,
	};

	runner_feed(s->runner, &ev);
}

/* The child's end is that of the task. */
static void conclude(struct sub *b)
{
	struct slot *s = b->slot;

	if (s == NULL || b->over) {
		return;
	}
	b->over = 1;
	if (b->end.type == STATE_COMPLETED) {
		json_decref(s->result);
		s->result = b->result != NULL ? json_incref(b->result) : json_null();
	}
	if (!state_is_final(b->end.type)) {
		end_with(s, SCHED_FAIL, NULL, "The subflow did not reach an end.");
	} else {
		end_with(s, SCHED_STATE, &b->end, NULL);
	}
}

/* ---- in this process ---- */

static void on_over(struct runner *child, void *arg)
{
	struct sub *b = arg;

	state_copy(&b->end, &child->state);
	b->result = json_incref(child->result);
	b->has_end = 1;
}

/* The child has sent everything. */
static void on_closed(struct runner *child, void *arg)
{
	struct sub *b = arg;

	(void)child;
	if (b->slot == NULL) {
		loop_defer_free(b->parent->loop, sub_free_later, b);
		return;
	}
	if (!b->has_end) {
		b->end.type = STATE_CRASHED;
		b->end.name = "Crashed";
		state_set_message(&b->end, "The subflow's run could not be recorded.");
	}
	conclude(b);
}

static char *file_of(const struct runner *r, const char *path)
{
	const char *own = r->flow->file != NULL ? r->flow->file->path : "";
	const char *slash = strrchr(own, '/');

	if (*path == '/') {
		return xstrdup(path);
	}
	if (strncmp(path, "./", 2) == 0) {
		path += 2;
	}
	return slash != NULL ? xasprintf("%.*s/%s", (int)(slash - own), own, path)
			     : xstrdup(path);
}

static int find_flow(struct sub *b, const struct plan_uses *u, struct error *err)
{
	struct buf report;
	char *path;
	int rc;

	if (u->path == NULL) {
		b->flow = plan_find(b->parent->flow->file, u->flow, err);
		return b->flow != NULL ? 0 : -ERR_NOT_FOUND;
	}
	path = file_of(b->parent, u->path);
	buf_init(&report);
	rc = plan_load(path, &b->file, &report, err);
	if (rc < 0 && report.len > 0) {
		rc = err_set(err, ERR_INVALID, "%.440s", report.data);
	}
	if (rc == 0) {
		b->flow = plan_find(b->file, u->flow, err);
		rc = b->flow != NULL ? 0 : -ERR_NOT_FOUND;
	}
	buf_release(&report);
	free(path);
	return rc;
}

static void announce(struct sub *b)
{
	char text[1300];

	(void)snprintf(text, sizeof(text),
		       "Created subflow run '%.600s' for flow '%.600s'",
		       b->child->run_name, b->flow->name);
	runner_log(b->parent, SCHED_NO_TASK, LEVEL_INFO, "prefect.flow_runs", text);
}

static void start_child(struct sub *b, const struct uuid *task_run)
{
	struct runner *r = b->parent;
	struct session_spec spec = {
	    .loop = r->loop,
	    .events = &runner_session_events,
	    .flow = b->flow,
	    .parameters = b->slot->with,
	    .tags = r->tags,
	    .parent = task_run,
	    .skew_ms = r->clock != NULL ? &r->clock->skew_ms : NULL,
	};

	b->child = runner_new(r->loop, r->env.items);
	b->child->depth = r->depth + 1;
	b->child->parent_runner = r;
	b->child->on_over = on_over;
	b->child->on_closed = on_closed;
	b->child->on_over_arg = b;
	b->child->on_named = announce;
	b->child->clock = r->clock;
	b->child->stubs = r->stubs;
	b->child->test_store = r->test_store;
	b->child->log_prints = r->flow->log_prints == 1 ||
			       (r->flow->log_prints == PLAN_INHERIT && r->log_prints);
	spec.arg = b->child;
	b->report = report_child(r->report, task_run, b->flow);
	runner_start(b->child, r->session->ops->child(r->session, &spec), b->flow,
		     b->report);
}

static void on_tracked(int status, const json_t *body, const struct error *err,
		       void *arg)
{
	struct sub *b = arg;
	struct sched_run run;
	char why[400];

	(void)body;
	b->asking--;
	if (b->slot == NULL) {
		sub_free(b);
		return;
	}
	if (status < 200 || status >= 300) {
		(void)snprintf(why, sizeof(why),
			       "the subflow's task run could not be recorded: %.300s",
			       status == 0 ? err->msg : "the API refused");
		b->over = 1;
		end_with(b->slot, SCHED_FAIL, NULL, why);
		return;
	}
	sched_get_run(b->parent->sched, b->slot->unit, &run);
	if (b->slot->plan->uses->deployment != NULL) {
		runner_sub_deploy(b, &run.id);
	} else {
		start_child(b, &run.id);
	}
}

/* The task run, by the API: the child's run refers to it. */
static void track(struct sub *b, const struct sched_run *run)
{
	struct runner *r = b->parent;
	struct slot *s = b->slot;
	char id[UUID_TEXT_SIZE], flow_run[UUID_TEXT_SIZE], key[48];
	json_t *body, *tags = runner_tags(r, s->plan);
	struct session_call call = {
	    .method = "POST", .path = "/task_runs/", .done = on_tracked, .arg = b};

	runner_dynamic_key(r, run->number, key, sizeof(key));
	body =
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:O, s:{s:s, s:s}}", "id",
		      uuid_format(&run->id, id), "flow_run_id",
		      uuid_format(&r->run_id, flow_run), "task_key", s->plan->task_key,
		      "dynamic_key", key, "name", s->name, "tags", tags, "task_inputs",
		      s->inputs, "state", "type", "PENDING", "name", "Pending");
	call.body = body;
	b->asking++;
	r->session->ops->call(r->session, &call);
	json_decref(body);
}

void runner_sub_start(struct slot *s, const struct sched_run *run)
{
	struct runner *r = s->runner;
	const struct plan_uses *u = s->plan->uses;
	struct sub *b = xcalloc(1, sizeof(*b));
	struct error err;
	int rc = 0;

	runner_sub_free(s); /* of an attempt before */
	s->sub = b;
	b->slot = s;
	b->parent = r;
	b->poll_ms = POLL_MS;
	state_init(&b->end);
	if (r->depth >= MAX_DEPTH) {
		rc = err_set(&err, ERR_LIMIT,
			     "subflows are nested more than %d deep: does a flow use "
			     "itself?",
			     MAX_DEPTH);
	} else if (u->deployment != NULL && r->session->ops->call == NULL) {
		rc = err_set(&err, ERR_UNAVAILABLE,
			     "a run of the deployment '%s' needs a server",
			     u->deployment);
	} else if (u->deployment == NULL) {
		rc = find_flow(b, u, &err);
	}
	if (rc < 0) {
		b->over = 1;
		end_with(s, SCHED_FAIL, NULL, err.msg);
	} else if (r->session->ops->call != NULL) {
		track(b, run);
	} else {
		start_child(b, &run->id);
	}
}

void runner_sub_stop(struct slot *s)
{
	struct sub *b = s->sub;
	struct sched_event ev = {.type = SCHED_EV_CANCEL};

	if (b == NULL || b->over) {
		return;
	}
	if (b->child != NULL && b->child->sched != NULL) {
		b->child->stopping = 1;
		runner_feed(b->child, &ev); /* its end is the task's */
		return;
	}
	if (b->run_id != NULL) {
		runner_sub_cancel(b);
	}
	b->over = 1;
	end_with(s, SCHED_STOPPED, NULL, NULL);
}

void runner_sub_free(struct slot *s)
{
	struct sub *b = s->sub;

	if (b == NULL) {
		return;
	}
	s->sub = NULL;
	b->slot = NULL;
	if (b->asking == 0) {
		sub_free(b);
	}
}

/* ---- a run of a deployment ---- */

static void on_polled(int status, const json_t *body, const struct error *err,
		      void *arg)
{
	struct sub *b = arg;
	const json_t *state = json_object_get(body, "state");
	const char *type = json_string_value(json_object_get(state, "type"));

	(void)err;
	b->asking--;
	if (b->slot == NULL) {
		sub_free(b);
		return;
	}
	if (status >= 200 && status < 300 && type != NULL) {
		b->end.type = (enum state_type)state_type_parse(type);
		state_set_name(&b->end,
			       json_string_value(json_object_get(state, "name")));
		state_set_message(&b->end,
				  json_string_value(json_object_get(state, "message")));
	}
	if (state_is_final(b->end.type)) {
		conclude(b);
		return;
	}
	b->poll_ms = MIN_OF(b->poll_ms * 2, POLL_MAX);
	loop_timer_in(b->timer, b->poll_ms);
}

static void poll(void *arg)
{
	struct sub *b = arg;
	char *path = xasprintf("/flow_runs/%s", b->run_id);
	struct session_call call = {
	    .method = "GET", .path = path, .done = on_polled, .arg = b};

	b->asking++;
	b->parent->session->ops->call(b->parent->session, &call);
	free(path);
}

static void on_submitted(int status, const json_t *body, const struct error *err,
			 void *arg)
{
	struct sub *b = arg;
	const char *id = json_string_value(json_object_get(body, "id"));
	const char *name = json_string_value(json_object_get(body, "name"));
	char text[600];

	b->asking--;
	if (b->slot == NULL) {
		sub_free(b);
		return;
	}
	if (status < 200 || status >= 300 || id == NULL) {
		(void)snprintf(text, sizeof(text),
			       "the deployment '%.200s' could not be run: %.200s",
			       b->slot->plan->uses->deployment,
			       status == 0 ? err->msg : "the API refused");
		b->over = 1;
		end_with(b->slot, SCHED_FAIL, NULL, text);
		return;
	}
	b->run_id = xstrdup(id);
	if (b->over) { /* stopped while the API made it */
		runner_sub_cancel(b);
		return;
	}
	(void)snprintf(text, sizeof(text),
		       "Created subflow run '%.200s' for deployment '%.200s'",
		       name != NULL ? name : id, b->slot->plan->uses->deployment);
	runner_log(b->parent, SCHED_NO_TASK, LEVEL_INFO, "prefect.flow_runs", text);
	b->result = json_pack("{s:s, s:s?}", "flow_run_id", id, "name", name);
	if (!b->slot->plan->uses->wait) {
		b->end.type = STATE_COMPLETED;
		b->end.name = "Completed";
		conclude(b);
		return;
	}
	b->timer = loop_timer_new(b->parent->loop, poll, b);
	loop_timer_in(b->timer, b->poll_ms);
}

static json_t *submission(struct sub *b, const struct uuid *task_run, struct error *err)
{
	struct slot *s = b->slot;
	const struct plan_uses *u = s->plan->uses;
	struct values v = {.runner = b->parent, .env = &b->parent->env};
	struct expr_scope scope = runner_scope(&v, s->with, NULL);
	char id[UUID_TEXT_SIZE], *name = NULL;
	json_t *body = json_pack(
	    "{s:O, s:s, s:s, s:O, s:{s:s, s:s}}", "parameters", s->with,
	    "parent_task_run_id", uuid_format(task_run, id), "idempotency_key", id,
	    "tags", b->parent->tags, "state", "type", "SCHEDULED", "name", "Scheduled");
	json_t *job = NULL;

	scope.item = s->item;
	if (u->job_variables != NULL) {
		if (tmpl_eval(u->job_variables, &scope, &job, err) < 0) {
			json_decref(body);
			return NULL;
		}
		(void)json_object_set_new(body, "job_variables", job);
	}
	if (u->run_name != NULL) {
		if (runner_eval_text(u->run_name, &scope, "flow_run_name", &name, err) <
		    0) {
			json_decref(body);
			return NULL;
		}
		(void)json_object_set_new(body, "name", json_string(name));
		free(name);
	}
	return body;
}

static void on_deployment(int status, const json_t *body, const struct error *err,
			  void *arg)
{
	struct sub *b = arg;
	const char *id = json_string_value(json_object_get(body, "id"));
	struct session_call call = {.method = "POST", .done = on_submitted, .arg = b};
	struct sched_run run;
	struct error why;
	char text[500], *path;
	json_t *request;

	b->asking--;
	if (b->slot == NULL) {
		sub_free(b);
		return;
	}
	if (id == NULL) {
		(void)snprintf(text, sizeof(text),
			       "there is no deployment '%.200s': %.200s",
			       b->slot->plan->uses->deployment,
			       status == 0 ? err->msg : "the API does not know it");
		b->over = 1;
		end_with(b->slot, SCHED_FAIL, NULL, text);
		return;
	}
	sched_get_run(b->parent->sched, b->slot->unit, &run);
	request = submission(b, &run.id, &why);
	if (request == NULL) {
		b->over = 1;
		end_with(b->slot, SCHED_FAIL, NULL, why.msg);
		return;
	}
	path = xasprintf("/deployments/%s/create_flow_run", id);
	call.path = path;
	call.body = request;
	b->asking++;
	b->parent->session->ops->call(b->parent->session, &call);
	json_decref(request);
	free(path);
}

void runner_sub_deploy(struct sub *b, const struct uuid *task_run)
{
	const char *full = b->slot->plan->uses->deployment;
	const char *slash = strchr(full, '/');
	char *flow = xstrndup(full, (size_t)(slash - full));
	char *a = url_encode(flow), *z = url_encode(slash + 1);
	char *path = xasprintf("/deployments/name/%s/%s", a, z);
	struct session_call call = {
	    .method = "GET", .path = path, .done = on_deployment, .arg = b};

	(void)task_run;
	b->asking++;
	b->parent->session->ops->call(b->parent->session, &call);
	free(flow);
	free(a);
	free(z);
	free(path);
}

static void on_cancelled(int status, const json_t *body, const struct error *err,
			 void *arg)
{
	(void)status;
	(void)body;
	(void)err;
	(void)arg;
}

void runner_sub_cancel(struct sub *b)
{
	char *path = xasprintf("/flow_runs/%s/set_state", b->run_id);
	json_t *body = json_pack("{s:{s:s, s:s}}", "state", "type", "CANCELLING",
				 "name", "Cancelling");
	struct session_call call = {
	    .method = "POST", .path = path, .body = body, .done = on_cancelled};

	b->parent->session->ops->call(b->parent->session, &call);
	json_decref(body);
	free(path);
}
