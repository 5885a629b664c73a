/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - the scheduler's actions on the runs of a C flow.
 */
#include "sdk/src/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/timefmt.h"
#include "engine/expr/name.h"
#include "engine/params.h"
#include "engine/store/store.h"
#include "sdk/src/parts.h"
#include "sdk/src/registry.h"

struct sched_now host_now(const struct host *h)
{
	return runner_now(h->runner);
}

void host_perform(struct host *h)
{
	runner_perform(h->runner);
}

void host_return_now(struct host *h)
{
	struct sched_event ev = {.type = SCHED_EV_RETURNED};

	h->returned = 0;
	runner_feed(h->runner, &ev);
}

static struct host *host_of(const struct runner *r)
{
	return r->ops_arg;
}

/* The entrypoint of a deployment: PROGRAM:FLOW. */
static int host_load(struct runner *r, const char *entrypoint, struct buf *report,
		     struct error *err)
{
	const char *colon = strrchr(entrypoint, ':');
	const wf_flow *def = NULL;
	int rc;

	(void)report;
	rc = registry_find(colon != NULL ? colon + 1 : NULL, &def, err);
	if (rc < 0) {
		return rc;
	}
	host_of(r)->def = def;
	r->flow = registry_plan(def, err);
	return r->flow != NULL ? 0 : -ERR_INVALID;
}

static void host_begin(struct runner *r)
{
	host_of(r)->runner = r;
}

static const char *host_name(const struct runner *r, size_t task)
{
	const struct call *c = host_of(r)->runs[task];

	return c->name != NULL ? c->name : "";
}

/* ---- create ---- */

struct name_arg {
	struct host *h;
	struct call *c;
};

static json_t *name_value(const char *field, void *arg)
{
	const struct name_arg *n = arg;
	const struct runner *r = n->h->runner;
	char id[UUID_TEXT_SIZE];
	json_t *v = json_object_get(n->c->in, field);

	if (v != NULL) {
		return json_incref(v);
	}
	if (strcmp(field, "task.name") == 0) {
		return json_string(registry_plan_task(n->c->task)->name);
	}
	if (strcmp(field, "flow.name") == 0) {
		return json_string(r->flow->name);
	}
	if (strcmp(field, "flow_run.name") == 0) {
		return json_string(r->run_name);
	}
	if (strcmp(field, "flow_run.id") == 0) {
		return json_string(uuid_format(&r->run_id, id));
	}
	v = json_object_get(r->params, field);
	return v != NULL ? json_incref(v) : NULL;
}

static int make_name(struct call *c, unsigned int number, struct error *err)
{
	const struct plan_task *plan = registry_plan_task(c->task);
	struct name_arg arg = {c->h, c};
	struct buf b;
	int rc = 0;

	buf_init(&b);
	if (c->given_name != NULL) {
		buf_adds(&b, c->given_name);
	} else if (plan->run_name == NULL) {
		buf_addf(&b, "%s-%u", plan->name, number);
	} else {
		rc = name_format(plan->run_name, name_value, &arg, host_now(c->h).us,
				 &b, err);
		rc = rc < 0 ? err_wrap(err, "run_name") : 0;
	}
	if (rc == 0) {
		c->name = buf_take(&b, NULL);
	}
	buf_release(&b);
	return rc;
}

/* The arguments of a subflow are checked like those of a run. */
static int complete_params(struct call *c, struct error *err)
{
	const struct plan_flow *flow;
	json_t *params = NULL;

	if (c->task < registry_tasks()) {
		return 0;
	}
	flow = registry_plan(registry_get_flow(c->task - registry_tasks()), err);
	if (flow == NULL || params_complete(flow, c->in, &params, err) < 0) {
		return -ERR_INVALID;
	}
	json_decref(c->in);
	c->in = params;
	return 0;
}

static void host_create(struct runner *r, const struct sched_action *a)
{
	struct call *c = host_of(r)->runs[a->task];
	const struct plan_task *plan = registry_plan_task(c->task);
	struct sched_event ev = {
	    .type = SCHED_EV_PREPARED,
	    .task = a->task,
	    .verdict = SCHED_OK,
	    .error = "NameError",
	};
	int evaluate = !a->blocked && !a->reused;
	struct sched_run run;
	struct error err;
	int rc = 0;

	sched_get_run(r->sched, a->task, &run);
	if (evaluate) {
		rc = complete_params(c, &err);
	}
	if (evaluate && rc == 0) {
		rc = make_name(c, run.number, &err);
	}
	if (c->name == NULL) {
		c->name = xasprintf("%s-%u", plan->name, run.number);
	}
	runner_log_created(r, c->name, plan->name, a->alone, evaluate && rc == 0);
	if (evaluate) {
		ev.verdict = rc < 0 ? SCHED_FAIL : SCHED_OK;
		ev.message = rc < 0 ? err.msg : NULL;
		runner_feed(r, &ev);
	}
}

/* ---- run and stop ---- */

static void go_inline(struct call *c)
{
	c->go = 1;
	if (c->owner != NULL) {
		c->owner->goes++;
		request_check_waits(c->owner);
	}
}

void host_attempt(struct call *c)
{
	struct sched_event ev = {
	    .type = SCHED_EV_ATTEMPT,
	    .task = c->index,
	    .verdict = SCHED_FAIL,
	    .error = "TaskNotStarted",
	};
	struct error err;

	if (registry_get_task(c->task)->run_inline) {
		go_inline(c);
		return;
	}
	json_decref(c->values);
	c->values = NULL;
	c->body = body_start_process(c->h, BODY_TASK, c, &err);
	if (c->body == NULL) {
		ev.message = err.msg;
		runner_feed(c->h->runner, &ev);
	}
}

static void host_run(struct runner *r, size_t task)
{
	struct call *c = host_of(r)->runs[task];

	if (!cache_look(c)) {
		host_attempt(c);
	}
}

static void stop_body(struct runner *r, struct body *b, double grace_s)
{
	int64_t grace_ms = -1;

	if (b == NULL || b->proc == NULL) {
		return;
	}
	b->stopped = 1;
	if (r->cancel_grace_ms >= 0 && r->cancel_grace_ms < (int64_t)(grace_s * 1000)) {
		grace_ms = r->cancel_grace_ms;
	}
	proc_stop(b->proc, PROC_STOP_CANCEL, grace_ms);
}

static void host_stop(struct runner *r, size_t task)
{
	struct host *h = host_of(r);
	struct call *c = task != SCHED_NO_TASK ? h->runs[task] : NULL;
	struct sched_event ev = {
	    .type = SCHED_EV_ATTEMPT, .task = task, .verdict = SCHED_STOPPED};

	if (c == NULL && h->returned) {
		host_return_now(h);
	} else if (c == NULL) {
		stop_body(r, h->flow_body, PLAN_DEFAULT_GRACE_S);
	} else if (c->body != NULL) {
		stop_body(r, c->body, registry_plan_task(c->task)->grace_s);
	} else {
		c->go = 0; /* inline: its process is stopped with its owner */
		runner_feed(r, &ev);
	}
}

/* ---- states ---- */

static void keep_state(struct call *c, const struct run_state *s)
{
	free(c->state_name);
	free(c->state_message);
	c->state_name = xstrdup(s->name);
	c->state_message = xstrdup(s->message != NULL ? s->message : "");
	c->state = (struct wf_state){
	    .type = s->type,
	    .name = c->state_name,
	    .message = c->state_message,
	    .code =
		state_is_final(s->type) || s->scheduled_us != TIME_NONE ? c->code : 0,
	    .at_us = s->at_us,
	    .scheduled_us = s->scheduled_us,
	};
}

static void host_state(struct runner *r, const struct sched_action *a)
{
	struct call *c = host_of(r)->runs[a->task];
	const struct plan_task *plan = registry_plan_task(c->task);
	json_t *tags = runner_tags(r, plan);
	char key[32];
	struct session_task fact = {
	    .plan = plan,
	    .run = &a->run,
	    .name = c->name,
	    .dynamic_key = key,
	    .state = &a->state,
	    .from = a->from,
	    .previous = a->previous,
	    .tags = tags,
	    .inputs = c->inputs,
	    .flow_run_count = sched_run_count(r->sched),
	};

	runner_dynamic_key(r, a->run.number, key, sizeof(key));
	/* the key of a run must tell it apart from those of other tasks of this name */
	if (a->state.type == STATE_COMPLETED) {
		runner_send_result(r, &a->run.id, c->result);
	}
	r->session->ops->task_state(r->session, &fact);
	report_task(r->report, &fact);
	c->state_id = a->state.id;
	keep_state(c, &a->state);
	if (state_is_final(a->state.type) || (a->state.type == STATE_PENDING &&
					      strcmp(a->state.name, "NotReady") == 0)) {
		call_finish(c);
	}
	json_decref(tags);
}

/* The flow's function starts: a new attempt, with nothing of the one before. */
static void host_return(struct runner *r)
{
	struct host *h = host_of(r);
	struct sched_event ev = {.type = SCHED_EV_RETURNED};
	struct run_state failed;
	struct error err;

	cache_close(h);
	host_forget_calls(h);
	json_decref(r->result);
	r->result = NULL;
	h->flow_body = body_start_process(h, BODY_FLOW, NULL, &err);
	if (h->flow_body == NULL) {
		state_init(&failed);
		failed.type = STATE_CRASHED;
		failed.name = "Crashed";
		state_set_message(&failed, err.msg);
		ev.state = &failed;
		runner_feed(r, &ev);
		state_release(&failed);
	}
}

static void host_release(struct runner *r)
{
	(void)r; /* the host belongs to who made it */
}

const struct runner_ops host_ops = {
    .load = host_load,
    .begin = host_begin,
    .name = host_name,
    .create = host_create,
    .run = host_run,
    .stop = host_stop,
    .state = host_state,
    .on_return = host_return,
    .release = host_release,
    .consult = host_consult,
    .hooks = host_hooks,
};

struct host *host_new(struct loop *loop, const wf_flow *def)
{
	struct host *h = xcalloc(1, sizeof(*h));

	h->loop = loop;
	h->def = def;
	h->reuse = json_object();
	h->masks = json_array();
	return h;
}

void host_free(struct host *h)
{
	if (h == NULL) {
		return;
	}
	cache_close(h);
	host_forget_calls(h);
	store_free(h->store);
	free(h->calls);
	free(h->runs);
	json_decref(h->reuse);
	json_decref(h->masks);
	free(h);
}
