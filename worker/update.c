/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update.c - updates about runs.
 */
#include "worker/update.h"

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/proc.h"

#define LOGGER "prefect.flow_runs.worker"

/* protobuf-c has no const: it only reads what it packs. */
static char *text(const char *s)
{
	return (char *)(uintptr_t)(s != NULL ? s : "");
}

static void begin(Wf__Updates__Update *u, const struct update_run *r)
{
	wf__updates__update__init(u);
	u->flow_run_id.data = (uint8_t *)(uintptr_t)r->id.b;
	u->flow_run_id.len = sizeof(r->id.b);
	u->fence = r->fence;
}

int update_propose(const struct update_run *r, const struct update_state *s,
		   int64_t now_us, outbox_fn fn, void *arg, struct error *err)
{
	Wf__Updates__Update u;
	Wf__Updates__FlowState fs;
	Wf__Control__State st;
	struct uuid id;

	begin(&u, r);
	wf__updates__flow_state__init(&fs);
	wf__control__state__init(&st);
	uuid_v7(&id, now_us);
	if (s->ret_id != NULL) {
		*s->ret_id = id;
	}
	st.id.data = id.b;
	st.id.len = sizeof(id.b);
	st.type = (Wf__Control__StateType)s->type;
	st.name = text(s->name != NULL ? s->name : state_type_default_name(s->type));
	st.message = text(s->message);
	st.timestamp_us = now_us;
	fs.state = &st;
	fs.force = s->force;
	fs.want_spec = s->want_facts;
	u.id = st.id;
	u.occurred_us = now_us;
	u.body_case = WF__UPDATES__UPDATE__BODY_FLOW_STATE;
	u.flow_state = &fs;
	return backend_put(r->backend, &u, OUTBOX_URGENT, fn, arg, err);
}

int update_propose_frame(const struct update_run *r, const Wf__Control__ProposeState *p,
			 outbox_fn fn, void *arg, struct uuid *ret_id,
			 struct error *err)
{
	Wf__Updates__Update u;
	Wf__Updates__FlowState fs;

	begin(&u, r);
	wf__updates__flow_state__init(&fs);
	fs.state = p->state;
	fs.force = p->force;
	/* not the state's id: proposing the same state again (WAIT) is a new update */
	uuid_v7(ret_id, clock_wall_us());
	u.id.data = ret_id->b;
	u.id.len = sizeof(ret_id->b);
	u.occurred_us = p->state->timestamp_us;
	u.body_case = WF__UPDATES__UPDATE__BODY_FLOW_STATE;
	u.flow_state = &fs;
	return backend_put(r->backend, &u, OUTBOX_URGENT, fn, arg, err);
}

int update_log(const struct update_run *r, int level, const char *message,
	       int64_t now_us, struct error *err)
{
	Wf__Updates__Update u;
	Wf__Updates__Logs logs;
	Wf__Control__LogLine line;
	Wf__Control__LogLine *lines[] = {&line};

	begin(&u, r);
	wf__updates__logs__init(&logs);
	wf__control__log_line__init(&line);
	line.level = level;
	line.name = text(LOGGER);
	line.message = text(message);
	line.timestamp_us = now_us;
	logs.n_lines = 1;
	logs.lines = lines;
	u.occurred_us = now_us;
	u.body_case = WF__UPDATES__UPDATE__BODY_LOGS;
	u.logs = &logs;
	return backend_put(r->backend, &u, 0, NULL, NULL, err);
}

int update_run_info(const struct update_run *r, const char *pid,
		    const char *labels_json, struct error *err)
{
	Wf__Updates__Update u;
	Wf__Updates__RunInfo info;

	begin(&u, r);
	wf__updates__run_info__init(&info);
	info.infrastructure_pid = text(pid);
	info.labels_json = text(labels_json);
	u.body_case = WF__UPDATES__UPDATE__BODY_RUN_INFO;
	u.run_info = &info;
	return backend_put(r->backend, &u, 0, NULL, NULL, err);
}

static int frame_log(const struct update_run *r, Wf__Control__LogLine *line,
		     struct error *err)
{
	Wf__Updates__Update u;
	Wf__Updates__Logs logs;

	begin(&u, r);
	wf__updates__logs__init(&logs);
	logs.n_lines = 1;
	logs.lines = &line;
	u.occurred_us = line->timestamp_us;
	u.body_case = WF__UPDATES__UPDATE__BODY_LOGS;
	u.logs = &logs;
	return backend_put(r->backend, &u, 0, NULL, NULL, err);
}

static int frame_set_run(const struct update_run *r, const Wf__Control__SetRun *s,
			 struct error *err)
{
	Wf__Updates__Update u;
	Wf__Updates__RunInfo info;

	begin(&u, r);
	wf__updates__run_info__init(&info);
	info.name = s->name;
	info.flow_version = s->flow_version;
	info.empirical_policy_json = s->empirical_policy_json;
	u.body_case = WF__UPDATES__UPDATE__BODY_RUN_INFO;
	u.run_info = &info;
	return backend_put(r->backend, &u, 0, NULL, NULL, err);
}

static int frame_task(const struct update_run *r, Wf__Control__TaskState *t,
		      struct error *err)
{
	Wf__Updates__Update u;

	begin(&u, r);
	if (t->state != NULL) {
		u.id = t->state->id; /* a state is applied once */
		u.occurred_us = t->state->timestamp_us;
	}
	u.body_case = WF__UPDATES__UPDATE__BODY_TASK_STATE;
	u.task_state = t;
	return backend_put(r->backend, &u, 0, NULL, NULL, err);
}

int update_frame(const struct update_run *r, const wf_frame *f, struct error *err)
{
	Wf__Updates__Update u;

	switch ((int)f->body_case) {
	case WF__CONTROL__FRAME__BODY_TASK_STATE:
		return frame_task(r, f->task_state, err);
	case WF__CONTROL__FRAME__BODY_LOG:
		return frame_log(r, f->log, err);
	case WF__CONTROL__FRAME__BODY_SET_RUN:
		return frame_set_run(r, f->set_run, err);
	case WF__CONTROL__FRAME__BODY_RESULT:
		begin(&u, r);
		u.body_case = WF__UPDATES__UPDATE__BODY_RESULT;
		u.result = f->result;
		return backend_put(r->backend, &u, 0, NULL, NULL, err);
	case WF__CONTROL__FRAME__BODY_ARTIFACT:
		begin(&u, r);
		u.body_case = WF__UPDATES__UPDATE__BODY_ARTIFACT;
		u.artifact = f->artifact;
		return backend_put(r->backend, &u, 0, NULL, NULL, err);
	default:
		return err_set(err, ERR_PROTOCOL,
			       "a frame of kind %d is not for the worker",
			       (int)f->body_case);
	}
}

int update_lost(const struct update_run *r, const char *worker, int started,
		const char *reason, uint64_t new_fence, struct error *err)
{
	Wf__Updates__Update u;
	Wf__Updates__Lost lost;

	begin(&u, r);
	wf__updates__lost__init(&lost);
	lost.worker = text(worker);
	lost.started = started;
	lost.reason = text(reason);
	lost.new_fence = new_fence;
	u.body_case = WF__UPDATES__UPDATE__BODY_LOST;
	u.lost = &lost;
	return backend_put(r->backend, &u, OUTBOX_URGENT, NULL, NULL, err);
}

int update_usage(const struct update_run *r, const struct proc_exit *exit, int oom,
		 struct error *err)
{
	Wf__Updates__Update u;
	Wf__Updates__Usage usage;

	begin(&u, r);
	wf__updates__usage__init(&usage);
	usage.cpu_us = (uint64_t)exit->cpu_us;
	usage.peak_rss_kb = (uint64_t)exit->max_rss_kb;
	usage.read_bytes = (uint64_t)exit->read_bytes;
	usage.written_bytes = (uint64_t)exit->written_bytes;
	usage.oom = oom != 0;
	u.body_case = WF__UPDATES__UPDATE__BODY_USAGE;
	u.usage = &usage;
	return backend_put(r->backend, &u, 0, NULL, NULL, err);
}
