/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rest_body.c - set_state, PATCH, logs, events and artifacts out of updates.
 */
#include "worker/rest_body.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "base/uuid.h"

#define TEXT_JSON_MAX (4u << 20)

static int uuid_text(const ProtobufCBinaryData *b, char text[UUID_TEXT_SIZE])
{
	struct uuid u;

	if (b->len != sizeof(u.b)) {
		return 0;
	}
	memcpy(u.b, b->data, sizeof(u.b));
	(void)uuid_format(&u, text);
	return 1;
}

static json_t *from_text(const char *text, json_t *otherwise)
{
	json_t *v = text != NULL && text[0] != '\0'
			? json_parse(text, strlen(text), TEXT_JSON_MAX, NULL)
			: NULL;

	if (v == NULL) {
		return otherwise;
	}
	json_decref(otherwise);
	return v;
}

static json_t *time_json(int64_t at_us)
{
	char text[TIME_TEXT_SIZE];

	return at_us == 0 ? json_null()
			  : json_string(time_format(at_us, text, sizeof(text)));
}

static json_t *text_json(const char *s)
{
	return s != NULL && s[0] != '\0' ? json_string(s) : json_null();
}

/* The state's id goes as transition_id: a server that has it already says so. */
static json_t *state_body(const Wf__Control__State *s)
{
	json_t *details = from_text(s->details_json, json_object());
	char id[UUID_TEXT_SIZE];

	if (uuid_text(&s->id, id)) {
		json_object_set_new(details, "transition_id", json_string(id));
	}
	return json_pack(
	    "{s:s, s:o, s:o, s:o, s:o}", "type", state_type_text((int)s->type), "name",
	    text_json(s->name), "message", text_json(s->message), "data",
	    from_text(s->data_json, json_null()), "state_details", details);
}

static json_t *log_bodies(const Wf__Updates__Logs *logs, const char *run_id)
{
	json_t *list = json_array();
	char task[UUID_TEXT_SIZE];

	for (size_t i = 0; i < logs->n_lines; i++) {
		const Wf__Control__LogLine *l = logs->lines[i];
		json_t *o = json_pack(
		    "{s:s, s:i, s:s, s:o, s:s}", "name",
		    l->name != NULL && l->name[0] != '\0' ? l->name
							  : "prefect.flow_runs",
		    "level", (int)l->level, "message", l->message, "timestamp",
		    time_json(l->timestamp_us), "flow_run_id", run_id);

		if (uuid_text(&l->task_run_id, task)) {
			json_object_set_new(o, "task_run_id", json_string(task));
		}
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *info_body(const Wf__Updates__RunInfo *i)
{
	json_t *o = json_object();

	if (i->infrastructure_pid[0] != '\0') {
		json_object_set_new(o, "infrastructure_pid",
				    json_string(i->infrastructure_pid));
	}
	if (i->name[0] != '\0') {
		json_object_set_new(o, "name", json_string(i->name));
	}
	if (i->flow_version[0] != '\0') {
		json_object_set_new(o, "flow_version", json_string(i->flow_version));
	}
	if (i->empirical_policy_json[0] != '\0') {
		json_object_set_new(o, "empirical_policy",
				    from_text(i->empirical_policy_json, json_object()));
	}
	return o;
}

static json_t *task_resource(const Wf__Control__TaskState *t, const char *task_id)
{
	const Wf__Control__State *s = t->state;
	char id[64], count[16], when[TIME_TEXT_SIZE];

	(void)snprintf(id, sizeof(id), "prefect.task-run.%s", task_id);
	(void)snprintf(count, sizeof(count), "%d", (int)t->run_count);
	return json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "prefect.resource.id", id,
	    "prefect.resource.name", t->name, "prefect.run-count", count,
	    "prefect.state-message", s->message, "prefect.state-name", s->name,
	    "prefect.state-timestamp", time_format(s->timestamp_us, when, sizeof(when)),
	    "prefect.state-type", state_type_text((int)s->type),
	    "prefect.orchestration", "client");
}

static json_t *task_run_json(const Wf__Control__TaskState *t)
{
	json_t *tags = json_array();
	json_t *o;

	for (size_t i = 0; i < t->n_tags; i++) {
		json_array_append_new(tags, json_string(t->tags[i]));
	}
	o = json_pack(
	    "{s:s, s:s, s:s, s:o, s:o, s:o, s:i, s:i, s:f}", "name", t->name,
	    "task_key", t->task_key, "dynamic_key", t->dynamic_key, "empirical_policy",
	    from_text(t->empirical_policy_json, json_object()), "tags", tags,
	    "task_inputs", from_text(t->task_inputs_json, json_object()), "run_count",
	    (int)t->run_count, "flow_run_run_count", (int)t->flow_run_run_count,
	    "total_run_time", t->total_run_time_s);
	if (t->expected_start_us != 0) {
		json_object_set_new(o, "expected_start_time",
				    time_json(t->expected_start_us));
	}
	if (t->start_us != 0) {
		json_object_set_new(o, "start_time", time_json(t->start_us));
	}
	if (t->end_us != 0) {
		json_object_set_new(o, "end_time", time_json(t->end_us));
	}
	if (t->task_version[0] != '\0') {
		json_object_set_new(o, "task_version", json_string(t->task_version));
	}
	return o;
}

json_t *rest_task_event(const Wf__Control__TaskState *t, const char *run_id)
{
	const Wf__Control__State *s = t->state;
	char task[UUID_TEXT_SIZE] = "", event_id[UUID_TEXT_SIZE] = "",
	     follows[UUID_TEXT_SIZE];
	char name[160], flow_run[64];
	json_t *payload, *event, *validated = state_body(s);
	const char *from = state_type_text((int)t->from_type);

	(void)uuid_text(&t->task_run_id, task);
	(void)uuid_text(&s->id, event_id);
	(void)snprintf(name, sizeof(name), "prefect.task-run.%s", s->name);
	(void)snprintf(flow_run, sizeof(flow_run), "prefect.flow-run.%s", run_id);
	payload = json_pack("{s:{s:o, s:s}, s:n, s:o, s:o}", "intended", "from",
			    from != NULL ? json_string(from) : json_null(), "to",
			    state_type_text((int)s->type), "initial_state",
			    "validated_state", validated, "task_run", task_run_json(t));
	event = json_pack("{s:s, s:o, s:s, s:o, s:[{s:s, s:s}], s:o}", "id", event_id,
			  "occurred", time_json(s->timestamp_us), "event", name,
			  "resource", task_resource(t, task), "related",
			  "prefect.resource.id", flow_run, "prefect.resource.role",
			  "flow-run", "payload", payload);
	if (uuid_text(&t->previous_state_id, follows)) {
		json_object_set_new(event, "follows", json_string(follows));
	}
	return event;
}

static json_t *artifact_body(const Wf__Control__Artifact *a, const char *run_id)
{
	char task[UUID_TEXT_SIZE];
	json_t *o = json_pack(
	    "{s:o, s:o, s:o, s:o, s:s}", "key", text_json(a->key), "type",
	    text_json(a->type), "description", text_json(a->description), "data",
	    from_text(a->data_json, json_null()), "flow_run_id", run_id);

	if (uuid_text(&a->task_run_id, task)) {
		json_object_set_new(o, "task_run_id", json_string(task));
	}
	return o;
}

/* A run's labels have a route of their own. */
static int run_info_request(const Wf__Updates__RunInfo *i, const char *run_id, int step,
			    struct rest_request *req)
{
	req->method = "PATCH";
	req->body = info_body(i);
	if (json_object_size(req->body) > 0 && step-- == 0) {
		req->path = xasprintf("/flow_runs/%s", run_id);
		return 1;
	}
	json_decref(req->body);
	if (i->labels_json[0] == '\0' || step != 0) {
		return 0;
	}
	req->body = from_text(i->labels_json, json_object());
	req->path = xasprintf("/flow_runs/%s/labels", run_id);
	return 1;
}

int rest_request_of(const Wf__Updates__Update *u, const char *run_id, int step,
		    struct rest_request *ret_req)
{
	struct rest_request req = {.method = "POST"};

	if (step > 0 && u->body_case != WF__UPDATES__UPDATE__BODY_RUN_INFO) {
		return 0;
	}
	switch ((int)u->body_case) {
	case WF__UPDATES__UPDATE__BODY_FLOW_STATE:
		req.path = xasprintf("/flow_runs/%s/set_state", run_id);
		req.body =
		    json_pack("{s:o, s:b}", "state", state_body(u->flow_state->state),
			      "force", (int)u->flow_state->force);
		break;
	case WF__UPDATES__UPDATE__BODY_LOGS:
		req.path = xstrdup("/logs/");
		req.body = log_bodies(u->logs, run_id);
		break;
	case WF__UPDATES__UPDATE__BODY_TASK_STATE:
		req.path = xstrdup("/events");
		req.body = json_pack("[o]", rest_task_event(u->task_state, run_id));
		break;
	case WF__UPDATES__UPDATE__BODY_ARTIFACT:
		req.path = xstrdup("/artifacts/");
		req.body = artifact_body(u->artifact, run_id);
		break;
	case WF__UPDATES__UPDATE__BODY_RUN_INFO:
		if (!run_info_request(u->run_info, run_id, step, &req)) {
			return 0;
		}
		break;
	default:
		return 0;
	}
	*ret_req = req;
	return 1;
}

int rest_state_read(const json_t *state, struct rest_state *ret_state)
{
	const char *id = json_string_value(json_object_get(state, "id"));
	const char *type = json_string_value(json_object_get(state, "type"));
	const char *name = json_string_value(json_object_get(state, "name"));
	const char *message = json_string_value(json_object_get(state, "message"));
	const json_t *details = json_object_get(state, "state_details");
	Wf__Control__State *m = &ret_state->message;
	int t = type != NULL ? state_type_parse(type) : 0;

	if (t == 0 || id == NULL || uuid_parse(id, &ret_state->id) < 0) {
		return -1;
	}
	wf__control__state__init(m);
	ret_state->details = NULL;
	m->id.data = ret_state->id.b;
	m->id.len = sizeof(ret_state->id.b);
	m->type = (Wf__Control__StateType)t;
	m->name = (char *)(uintptr_t)(name != NULL ? name : "");
	m->message = (char *)(uintptr_t)(message != NULL ? message : "");
	(void)json_get_time(state, "timestamp", &m->timestamp_us, NULL);
	if (json_is_object(details)) {
		ret_state->details = json_text(details);
		m->details_json = ret_state->details;
	}
	return 0;
}

int rest_is_made(const Wf__Control__State *proposed, const json_t *state)
{
	const char *was = json_string_value(
	    json_object_get(json_object_get(state, "state_details"), "transition_id"));
	struct uuid id;

	return was != NULL && uuid_parse(was, &id) == 0 &&
	       proposed->id.len == sizeof(id.b) &&
	       memcmp(proposed->id.data, id.b, sizeof(id.b)) == 0;
}

void rest_state_release(struct rest_state *state)
{
	free(state->details);
}
