/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_native.c - a YAML flow: wf-engine with a control channel at its fd 3
 * (docs/protocol.md).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/carry.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "worker/channel.h"
#include "worker/env.h"
#include "worker/run_priv.h"

#define STUCK_AFTER_MS  (3LL * RUN_HEARTBEAT_MS)
#define CHANNEL_WAIT_MS 2000 /* after the exit, for the rest of the frames */
#define CANCEL_EXTRA_MS 2000 /* to the engine's own grace */

static char *borrow(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* JSON text of a member, owned; "" when it is absent or null. */
static char *json_of(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);

	return v == NULL || json_is_null(v) ? xstrdup("") : json_text(v);
}

static int send_state_answer(struct run *r, Wf__Control__StateAnswer *a)
{
	wf_frame f;
	struct error err;

	wf__control__frame__init(&f);
	f.body_case = WF__CONTROL__FRAME__BODY_STATE_ANSWER;
	f.state_answer = a;
	return r->channel != NULL ? channel_send(r->channel, &f, &err)
				  : -ERR_UNAVAILABLE;
}

static void send_run_spec(struct run *r, struct channel *c)
{
	const json_t *fr = run_fact(r, "flow_run"), *dep = run_fact(r, "deployment");
	const json_t *state = json_object_get(fr, "state");
	Wf__Control__RunSpec spec;
	wf_frame f;
	struct uuid flow, deployment;
	char *params = json_of(fr, "parameters"),
	     *policy = json_of(fr, "empirical_policy");
	char *labels = json_of(fr, "labels"), *context = json_of(fr, "context");
	char *details = json_of(state, "state_details"), *dir = run_working_dir(r);
	const json_t *tags = json_object_get(fr, "tags");
	char **tag_list = xcalloc(json_array_size(tags) + 1, sizeof(*tag_list));
	struct error err;
	int64_t run_count = 0;

	wf__control__run_spec__init(&spec);
	spec.answers_calls = 1;
	wf__control__frame__init(&f);
	(void)json_get_int(fr, "run_count", &run_count, NULL);
	spec.flow_run_id.data = r->uuid.b;
	spec.flow_run_id.len = sizeof(r->uuid.b);
	spec.flow_run_name = borrow(run_text(fr, "name"));
	if (uuid_parse(run_text(fr, "flow_id"), &flow) == 0) {
		spec.flow_id.data = flow.b;
		spec.flow_id.len = sizeof(flow.b);
	}
	if (uuid_parse(run_text(dep, "id"), &deployment) == 0) {
		spec.deployment_id.data = deployment.b;
		spec.deployment_id.len = sizeof(deployment.b);
	}
	spec.entrypoint = borrow(run_text(dep, "entrypoint"));
	spec.deployment_name = borrow(run_text(dep, "name"));
	spec.parameters_json = params;
	spec.empirical_policy_json = policy;
	spec.labels_json = labels;
	spec.context_json = context;
	spec.state_details_json = details;
	spec.working_dir = dir;
	spec.run_count = (int32_t)run_count;
	spec.heartbeat_ms = RUN_HEARTBEAT_MS;
	for (size_t i = 0; i < json_array_size(tags); i++) {
		tag_list[i] = borrow(json_string_value(json_array_get(tags, i)));
	}
	spec.n_tags = json_array_size(tags);
	spec.tags = tag_list;
	f.body_case = WF__CONTROL__FRAME__BODY_RUN_SPEC;
	f.run_spec = &spec;
	if (channel_send(c, &f, &err) < 0) {
		slog_error(r->who, "cannot tell the engine about the run: %s", err.msg);
		proc_stop(r->proc, PROC_STOP_STUCK, 0);
	}
	free(params);
	free(policy);
	free(labels);
	free(context);
	free(details);
	free(dir);
	free(tag_list);
}

static int is_end(int type)
{
	return state_type_is_terminal(type) || type == WF__CONTROL__STATE_TYPE__PAUSED;
}

/* What the answer says about the run as a whole. */
static void learn(struct run *r, const struct proposal *p,
		  const Wf__Updates__UpdateAnswer *a)
{
	int in_force = a->state != NULL ? (int)a->state->type : 0;

	if (a->answer == WF__CONTROL__ANSWER__SUPERSEDED) {
		run_lost(r, "superseded by a newer owner");
	} else if (a->gone) {
		r->concluded = 1;
	} else if (a->answer == WF__CONTROL__ANSWER__ACCEPT) {
		r->concluded = is_end(p->type);
	} else if (a->answer == WF__CONTROL__ANSWER__ABORT ||
		   a->answer == WF__CONTROL__ANSWER__REJECT) {
		/* what is in force: "already Cancelled", or a pause */
		r->concluded = is_end(in_force);
	}
}

static void on_proposed(int rc, const Wf__Updates__UpdateAnswer *a,
			const struct error *err, void *arg)
{
	struct proposal *p = arg;
	struct run *r = p->run;
	Wf__Control__StateAnswer answer;

	wf__control__state_answer__init(&answer);
	answer.request_id = p->request_id;
	TAILQ_REMOVE(&r->proposals, p, link);
	(void)rc; /* negative without an answer */
	if (a == NULL) {
		answer.answer = WF__CONTROL__ANSWER__UNAVAILABLE;
		answer.reason = borrow(err->msg);
		/* journalled: the next process reports it */
		r->concluded |= is_end(p->type);
	} else {
		learn(r, p, a);
		answer.answer =
		    a->gone || a->invalid ? WF__CONTROL__ANSWER__ABORT : a->answer;
		answer.state = a->state;
		answer.delay_s = a->delay_s;
		answer.reason = a->reason;
	}
	(void)send_state_answer(r, &answer);
	free(p);
	run_try_judge(r);
	run_release(r);
}

/* The end of a run whose lease is lost is for whoever reaps it to decide: Crashed, or
 * another attempt. */
static void answer_lost(struct run *r, const Wf__Control__ProposeState *ps)
{
	Wf__Control__StateAnswer answer;

	wf__control__state_answer__init(&answer);
	answer.request_id = ps->request_id;
	answer.answer = WF__CONTROL__ANSWER__SUPERSEDED;
	answer.reason = borrow("the worker has lost its lease of the run");
	(void)send_state_answer(r, &answer);
}

/* Sends the state as the engine gave it, but for why it crashed when that is our doing:
 * it knows of a signal only. */
static int put_state(struct run *r, const Wf__Control__ProposeState *ps,
		     struct proposal *p, struct error *err)
{
	struct update_run u = run_updates(r);
	char *said = ps->state->message;
	int rc;

	if (r->kill && ps->state->type == WF__CONTROL__STATE_TYPE__CRASHED) {
		ps->state->message =
		    borrow("The worker was shut down before the run ended.");
	}
	rc = update_propose_frame(&u, ps, on_proposed, p, &p->id, err);
	ps->state->message = said;
	return rc;
}

static int propose(struct run *r, const Wf__Control__ProposeState *ps,
		   struct error *err)
{
	struct proposal *p;
	int rc;

	if (ps->state == NULL) {
		return 0; /* validated before: cannot be */
	}
	if (r->lost && ps->state->type == WF__CONTROL__STATE_TYPE__CRASHED) {
		answer_lost(r, ps);
		return 0;
	}
	p = xcalloc(1, sizeof(*p));
	*p = (struct proposal){
	    .run = r, .request_id = ps->request_id, .type = (int)ps->state->type};
	TAILQ_INSERT_TAIL(&r->proposals, p, link);
	run_hold(r);
	rc = put_state(r, ps, p, err);
	if (rc < 0) {
		TAILQ_REMOVE(&r->proposals, p, link);
		free(p);
		run_release(r);
	}
	return rc;
}

/* A stuck or stopped engine sends no heartbeat. */
static void watch_heartbeat(struct run *r)
{
	int64_t silent_ms;

	if (r->exited || r->channel == NULL) {
		return;
	}
	silent_ms = loop_now_ms(r->w->loop) - channel_last_ms(r->channel);
	if (silent_ms > STUCK_AFTER_MS) {
		slog_error(r->who, "no heartbeat of its engine for %lld s: stopping it",
			   (long long)(silent_ms / 1000));
		proc_stop(r->proc, PROC_STOP_STUCK,
			  0); /* its own report would hide why */
		return;
	}
	run_timer(r, RUN_HEARTBEAT_MS, watch_heartbeat);
}

/* The timer is the heartbeat watch's again, unless there is still no room. */
static void resume_channel(struct run *r)
{
	run_timer(r, RUN_HEARTBEAT_MS, watch_heartbeat);
	if (r->channel != NULL) {
		channel_resume(r->channel);
	}
}

static int on_frame(struct channel *c, const wf_frame *f, void *arg)
{
	struct run *r = arg;
	struct update_run u = run_updates(r);
	struct error err;
	int rc;

	switch ((int)f->body_case) {
	case WF__CONTROL__FRAME__BODY_HELLO:
		send_run_spec(r, c);
		run_facts_done(r);
		return 0;
	case WF__CONTROL__FRAME__BODY_HEARTBEAT:
		return 0;
	case WF__CONTROL__FRAME__BODY_PROPOSE:
		rc = propose(r, f->propose, &err);
		break;
	case WF__CONTROL__FRAME__BODY_API_CALL:
		run_ask_api(r, f->api_call);
		return 0;
	default:
		rc = update_frame(&u, f, &err);
		break;
	}
	if (rc == -ERR_LIMIT || rc == -ERR_IO) {
		/* back-pressure: the engine waits until there is room again */
		run_timer(r, 200, resume_channel);
		return rc;
	}
	if (rc < 0) {
		slog_warn(r->who, "a frame of the engine is dropped: %s", err.msg);
	}
	return 0;
}

static void on_channel_end(struct channel *c, const struct error *err, void *arg)
{
	struct run *r = arg;

	(void)c;
	r->channel_ended = 1;
	if (err != NULL) {
		slog_error(r->who, "the engine broke the protocol: %s", err->msg);
		if (r->proc != NULL && !r->exited) {
			proc_stop(r->proc, PROC_STOP_STUCK, 0);
		}
	}
	run_try_judge(r);
}

static const struct channel_ops channel_ops = {on_frame, on_channel_end};

static void set_pid(struct run *r)
{
	struct update_run u = run_updates(r);
	char *pid = xasprintf("%d", (int)proc_pid(r->proc));

	(void)update_run_info(&u, pid, NULL, NULL);
	free(pid);
}

/* Without one each engine makes its own. */
static const char *shared_folder(struct worker *w)
{
	struct error err;

	if (w->dir.path == NULL &&
	    rundir_open(&w->dir, env_get(w->environ_, "TMPDIR"), &err) < 0) {
		log_debug("%s", err.msg);
	}
	return w->dir.path;
}

static int start_engine(struct run *r, char *engine, int fd, struct error *err)
{
	const json_t *fr = run_fact(r, "flow_run");
	const struct env_run e = {
	    .flow_run_id = r->id,
	    .flow_id = run_text(fr, "flow_id"),
	    .flow_name = run_text(run_fact(r, "flow"), "name"),
	    .deployment_id = run_text(fr, "deployment_id"),
	    .deployment_name = run_text(run_fact(r, "deployment"), "name"),
	    .worker_name = r->w->conf->name,
	    .run_dir = shared_folder(r->w),
	    .data_dir = r->w->conf->data_dir,
	    .job_env = r->job.env,
	};
	char **env = env_for_native(r->w->environ_, &e);
	const char *entrypoint = run_text(run_fact(r, "deployment"), "entrypoint");
	char *dir = run_working_dir(r);
	/* the engine enters the folder of a C flow and becomes it: see below */
	char *argv[] = {engine,
			run_entrypoint_is_program(entrypoint) ? borrow("exec") : NULL,
			dir != NULL ? dir : borrow(""), borrow(entrypoint), NULL};
	/*
	 * vfork: 0.45 ms of CPU time per run less than fork, most of it page faults of
	 * both afterwards (of 5.9 ms for worker, engine and task).  Until its exec the
	 * child touches nothing but the engine's file: the engine itself enters the
	 * run's folder, which may be a dead network folder.
	 */
	struct proc_spec spec = {
	    .argv = argv,
	    .envp = env,
	    .share_until_exec = 1,
	    .fd = {-1, PROC_FD_PIPE, PROC_FD_PIPE, fd},
	    .kill_grace_ms = r->w->conf->cancel_grace_ms,
	    .new_session = 1,
	    .limits = r->job.limits,
	    .output_fn = run_on_output,
	    .exit_fn = run_on_exit,
	    .arg = r,
	};
	int rc;

	run_confine(r, &spec);
	rc = proc_spawn(r->w->loop, &spec, &r->proc, err);
	free(dir);
	env_free(env);
	return rc;
}

void run_spawn_native(struct run *r)
{
	char *engine = proc_find_program("wf-engine");
	struct error err;
	int fds[2] = {-1, -1};
	int rc;

	if (engine == NULL) {
		run_crash(
		    r,
		    "Flow run could not start: wf-engine is neither beside wf-worker "
		    "nor in PATH.");
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) <
	    0) {
		rc = err_errno(&err, "Flow run could not start: socketpair");
	} else {
		rc = start_engine(r, engine, fds[1], &err);
		(void)close(fds[1]);
	}
	free(engine);
	if (rc < 0) {
		if (fds[0] >= 0) {
			(void)close(fds[0]);
		}
		run_crash(r, err.msg);
		return;
	}
	run_move(r, RUN_RUNNING, "engine started");
	run_hold(r); /* until run_on_exit */
	r->channel = channel_open(r->w->loop, fds[0], &channel_ops, r);
	slog_info(r->who, "started (pid %d)", (int)proc_pid(r->proc));
	set_pid(r);
	run_timer(r, RUN_HEARTBEAT_MS, watch_heartbeat);
}

static void cancel_overdue(struct run *r)
{
	if (r->proc != NULL && !r->exited) {
		proc_stop(r->proc, PROC_STOP_CANCEL, r->w->conf->cancel_grace_ms);
	}
}

void run_native_cancel(struct run *r)
{
	Wf__Control__Cancel cancel;
	wf_frame f;
	struct error err;

	wf__control__cancel__init(&cancel);
	wf__control__frame__init(&f);
	cancel.reason = borrow("cancelled");
	cancel.grace_ms = r->w->conf->cancel_grace_ms;
	f.body_case = WF__CONTROL__FRAME__BODY_CANCEL;
	f.cancel = &cancel;
	if (r->channel == NULL || channel_send(r->channel, &f, &err) < 0) {
		cancel_overdue(r);
		return;
	}
	/* the engine ends its tasks, reports and leaves; else we do */
	r->cancel_by_ms =
	    loop_now_ms(r->w->loop) + r->w->conf->cancel_grace_ms + CANCEL_EXTRA_MS;
	run_timer(r, r->w->conf->cancel_grace_ms + CANCEL_EXTRA_MS, cancel_overdue);
}

/* ---- a handover ---- */

static void await_answer(struct run *r, const json_t *o)
{
	struct proposal *p = xcalloc(1, sizeof(*p));
	struct error err;

	*p = (struct proposal){.run = r,
			       .request_id = (uint64_t)carry_int(o, "request"),
			       .type = (int)carry_int(o, "type")};
	TAILQ_INSERT_TAIL(&r->proposals, p, link);
	run_hold(r);
	if (uuid_parse(carry_str(o, "id"), &p->id) < 0) {
		(void)err_set(&err, ERR_INVALID, "a proposal without an id");
		on_proposed(-ERR_INVALID, NULL, &err, p);
	} else if (backend_await(&r->w->backend, p->id.b, on_proposed, p, &err) < 0) {
		on_proposed(-err.code, NULL, &err, p);
	}
}

void run_native_carried(struct run *r, const json_t *line)
{
	int64_t now_ms = loop_now_ms(r->w->loop);
	size_t i;
	json_t *o;

	r->channel = channel_carried(r->w->loop, json_object_get(line, "channel"),
				     &channel_ops, r);
	r->channel_ended |= r->channel == NULL;
	json_array_foreach (json_object_get(line, "proposals"), i, o) {
		await_answer(r, o);
	}
	if (r->exited) {
		return;
	}
	if (r->cancel_by_ms > 0) {
		run_timer(r, MAX_OF(r->cancel_by_ms - now_ms, (int64_t)0),
			  cancel_overdue);
	} else {
		run_timer(r, RUN_HEARTBEAT_MS, watch_heartbeat);
	}
}
