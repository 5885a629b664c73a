/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_frames.c - what the engine tells its worker, as frames.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/session/control_priv.h"
#include "engine/session/task_frame.h"
#include "engine/plan.h"

#ifndef PACKAGE_VERSION
#	define PACKAGE_VERSION "dev"
#endif

static ProtobufCBinaryData id_bytes(const struct uuid *id)
{
	return (ProtobufCBinaryData){.len = sizeof(id->b),
				     .data = (uint8_t *)(uintptr_t)id->b};
}

static char *text_of(const char *s)
{
	static char empty[] = "";

	return s != NULL ? (char *)(uintptr_t)s : empty;
}

void control_hello(struct control *c)
{
	wf_frame f;
	Wf__Control__Hello m;

	wf__control__frame__init(&f);
	wf__control__hello__init(&m);
	m.engine_version = text_of(PACKAGE_VERSION);
	m.pid = (int32_t)getpid();
	m.flow_run_id = id_bytes(&c->run_id);
	f.body_case = WF__CONTROL__FRAME__BODY_HELLO;
	f.hello = &m;
	control_send(c, &f);
}

/* Fills M from STATE; DETAILS holds the JSON that M borrows. */
static void fill_state(Wf__Control__State *m, const struct run_state *state,
		       struct buf *details)
{
	state_details(state, details);
	m->id = id_bytes(&state->id);
	m->type = (Wf__Control__StateType)state->type;
	m->name = text_of(state->name);
	m->message = text_of(state->message);
	m->timestamp_us = state->at_us;
	m->details_json = details->data;
}

void control_propose(struct session *s, const struct run_state *state, int force)
{
	struct control *c = control_of(s);
	wf_frame f;
	Wf__Control__ProposeState m;
	Wf__Control__State st;
	struct buf details;

	wf__control__frame__init(&f);
	wf__control__propose_state__init(&m);
	wf__control__state__init(&st);
	buf_init(&details);
	fill_state(&st, state, &details);
	m.request_id = ++c->request_id;
	m.state = &st;
	m.force = force;
	f.body_case = WF__CONTROL__FRAME__BODY_PROPOSE;
	f.propose = &m;
	control_send(c, &f);
	buf_release(&details);
}

static char **tag_texts(const json_t *tags)
{
	size_t i, n = json_array_size(tags);
	char **all = xcalloc(n + 1, sizeof(*all));

	for (i = 0; i < n; i++) {
		all[i] = text_of(json_string_value(json_array_get(tags, i)));
	}
	return all;
}

static int64_t instant(int64_t at_us)
{
	return at_us == TIME_NONE ? 0 : at_us;
}

void task_frame_init(struct task_frame *x, const struct session_task *t)
{
	Wf__Control__TaskState *m = &x->m;

	wf__control__task_state__init(m);
	wf__control__state__init(&x->state);
	buf_init(&x->details);
	fill_state(&x->state, t->state, &x->details);
	x->inputs = json_text(t->inputs);
	x->policy = xasprintf(
	    "{\"retries\":%d,\"retry_delay\":%lld}", t->plan->retries,
	    (long long)(t->plan->delays.count > 0 ? t->plan->delays.seconds[0] : 0));
	m->task_run_id = id_bytes(&t->run->id);
	m->name = text_of(t->name);
	m->task_key = t->plan->task_key;
	m->dynamic_key = text_of(t->dynamic_key);
	m->n_tags = json_array_size(t->tags);
	m->tags = tag_texts(t->tags);
	m->task_inputs_json = x->inputs;
	m->empirical_policy_json = x->policy;
	m->run_count = t->run->run_count;
	m->flow_run_run_count = t->flow_run_count;
	m->expected_start_us = t->run->expected_us;
	m->start_us = instant(t->run->start_us);
	m->end_us = instant(t->run->end_us);
	m->total_run_time_s = (double)t->run->total_run_us / 1e6;
	m->state = &x->state;
	m->from_type = (Wf__Control__StateType)t->from;
	if (!uuid_is_nil(&t->previous)) {
		m->previous_state_id = id_bytes(&t->previous);
	}
}

void task_frame_release(struct task_frame *x)
{
	free(x->m.tags);
	free(x->inputs);
	free(x->policy);
	buf_release(&x->details);
}

void control_task_state(struct session *s, const struct session_task *t)
{
	struct task_frame x;
	wf_frame f;

	wf__control__frame__init(&f);
	task_frame_init(&x, t);
	f.body_case = WF__CONTROL__FRAME__BODY_TASK_STATE;
	f.task_state = &x.m;
	control_send(control_of(s), &f);
	task_frame_release(&x);
}

void log_frame_init(Wf__Control__LogLine *m, const struct session_log *log)
{
	wf__control__log_line__init(m);
	m->level = log->level;
	m->name = text_of(log->logger);
	m->message = text_of(log->message);
	m->timestamp_us = log->at_us;
	if (log->task_run != NULL) {
		m->task_run_id = id_bytes(log->task_run);
	}
}

static void send_log(struct control *c, const struct session_log *log)
{
	wf_frame f;
	Wf__Control__LogLine m;

	wf__control__frame__init(&f);
	log_frame_init(&m, log);
	f.body_case = WF__CONTROL__FRAME__BODY_LOG;
	f.log = &m;
	control_send(c, &f);
}

void control_log(struct session *s, const struct session_log *log)
{
	struct control *c = control_of(s);
	char text[120];
	struct session_log note = {
	    .level = LEVEL_WARNING,
	    .logger = "prefect.flow_runs",
	    .message = text,
	    .at_us = log->at_us,
	};

	if (c->out.len > OUT_MAX) {
		c->dropped++;
		return;
	}
	if (c->dropped > 0) {
		(void)snprintf(text, sizeof(text),
			       "%zu log lines were dropped: the worker could not take "
			       "them in time",
			       c->dropped);
		c->dropped = 0;
		send_log(c, &note);
	}
	send_log(c, log);
}

void control_result(struct session *s, const struct uuid *task_run, const json_t *value)
{
	wf_frame f;
	Wf__Control__Result m;
	char *text = json_text(value), key[UUID_TEXT_SIZE];

	wf__control__frame__init(&f);
	wf__control__result__init(&m);
	if (task_run != NULL) {
		m.task_run_id = id_bytes(task_run);
	}
	m.key = uuid_format(task_run != NULL ? task_run : &control_of(s)->run_id, key);
	m.json = (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
	f.body_case = WF__CONTROL__FRAME__BODY_RESULT;
	f.result = &m;
	control_send(control_of(s), &f);
	free(text);
}

void control_artifact(struct session *s, const struct uuid *task_run,
		      const json_t *artifact)
{
	wf_frame f;
	Wf__Control__Artifact m;
	char *data = json_text(json_object_get(artifact, "data"));

	wf__control__frame__init(&f);
	wf__control__artifact__init(&m);
	m.key = text_of(json_string_value(json_object_get(artifact, "key")));
	m.type = text_of(json_string_value(json_object_get(artifact, "type")));
	m.description =
	    text_of(json_string_value(json_object_get(artifact, "description")));
	m.data_json = data;
	m.task_run_id = id_bytes(task_run);
	f.body_case = WF__CONTROL__FRAME__BODY_ARTIFACT;
	f.artifact = &m;
	control_send(control_of(s), &f);
	free(data);
}

void control_set_run(struct session *s, const char *name, const char *version,
		     const char *policy)
{
	wf_frame f;
	Wf__Control__SetRun m;

	wf__control__frame__init(&f);
	wf__control__set_run__init(&m);
	m.name = text_of(name);
	m.flow_version = text_of(version);
	m.empirical_policy_json = text_of(policy);
	f.body_case = WF__CONTROL__FRAME__BODY_SET_RUN;
	f.set_run = &m;
	control_send(control_of(s), &f);
}

void control_heartbeat(struct session *s, size_t running, size_t done)
{
	wf_frame f;
	Wf__Control__Heartbeat m;

	wf__control__frame__init(&f);
	wf__control__heartbeat__init(&m);
	m.tasks_running = running;
	m.tasks_done = done;
	f.body_case = WF__CONTROL__FRAME__BODY_HEARTBEAT;
	f.heartbeat = &m;
	control_send(control_of(s), &f);
}
