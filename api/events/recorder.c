/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorder.c - task runs out of the SDK's events (server-contract 9.3).
 */
#include "api/events/recorder.h"

#include <stdlib.h>
#include <string.h>

#include "api/orchestration/orchestration.h"
#include "api/routes/policy_json.h"
#include "api/routes/state_json.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "proto/frame.h"

#define EVENT_PREFIX "prefect.task-run"
#define TASK_PREFIX  "prefect.task-run."
#define FLOW_PREFIX  "prefect.flow-run."
#define US_PER_S     1e6

/* Texts that a record borrows. */
struct parts {
	struct task_record rec;
	struct uuid flow_run_id;
	char *tags, *task_inputs, *empirical_policy, *labels, *details, *data;
};

static void parts_release(struct parts *p)
{
	free(p->tags);
	free(p->task_inputs);
	free(p->empirical_policy);
	free(p->labels);
	free(p->details);
	free(p->data);
}

static int id_after(const char *text, const char *prefix, struct uuid *ret_id)
{
	size_t n = strlen(prefix);

	return text != NULL && strncmp(text, prefix, n) == 0 &&
	       uuid_parse(text + n, ret_id) == 0;
}

static int is_ours(const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	const char *by = json_string_value(json_object_get(
	    json_object_get(event, "resource"), "prefect.orchestration"));

	return name != NULL && by != NULL && strcmp(by, "client") == 0 &&
	       strncmp(name, EVENT_PREFIX, sizeof(EVENT_PREFIX) - 1) == 0;
}

static void read_flow_run(struct parts *p, const json_t *event)
{
	size_t i;
	json_t *v;

	json_array_foreach (json_object_get(event, "related"), i, v) {
		const char *role =
		    json_string_value(json_object_get(v, "prefect.resource.role"));
		const char *id =
		    json_string_value(json_object_get(v, "prefect.resource.id"));

		if (role != NULL && strcmp(role, "flow-run") == 0 &&
		    id_after(id, FLOW_PREFIX, &p->flow_run_id)) {
			p->rec.flow_run_id = &p->flow_run_id;
			return;
		}
	}
}

static char *object_text(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_object(v) || json_is_array(v) ? json_text(v) : NULL;
}

static char *policy_text(const json_t *obj)
{
	json_t *p =
	    task_policy_decode(json_object_get(obj, "empirical_policy"), "", NULL);
	char *text = json_text(p);

	json_decref(p);
	return text;
}

static int read_task(struct parts *p, const json_t *task, struct error *err)
{
	struct task_record *r = &p->rec;
	double total = 0;

	r->cache_expiration_us = r->expected_us = r->start_us = r->end_us = TIME_NONE;
	if (json_get_str(task, "name", &r->name, err) < 0 ||
	    json_get_str(task, "task_key", &r->task_key, err) < 0 ||
	    json_get_str(task, "dynamic_key", &r->dynamic_key, err) < 0 ||
	    json_get_str(task, "task_version", &r->task_version, err) < 0 ||
	    json_get_str(task, "cache_key", &r->cache_key, err) < 0 ||
	    json_get_time(task, "cache_expiration", &r->cache_expiration_us, err) < 0 ||
	    json_get_time(task, "expected_start_time", &r->expected_us, err) < 0 ||
	    json_get_time(task, "start_time", &r->start_us, err) < 0 ||
	    json_get_time(task, "end_time", &r->end_us, err) < 0 ||
	    json_get_int(task, "run_count", &r->run_count, err) < 0 ||
	    json_get_int(task, "flow_run_run_count", &r->flow_run_run_count, err) < 0 ||
	    json_get_real(task, "total_run_time", &total, err) < 0) {
		return -ERR_INVALID;
	}
	if (r->name == NULL || r->task_key == NULL || r->dynamic_key == NULL) {
		return err_set(err, ERR_INVALID,
			       "the task_run of a task run event needs name, task_key "
			       "and dynamic_key");
	}
	r->total_us = (int64_t)(total * US_PER_S + 0.5);
	r->tags = p->tags = object_text(task, "tags");
	r->task_inputs = p->task_inputs = object_text(task, "task_inputs");
	r->labels = p->labels = object_text(task, "labels");
	r->empirical_policy = p->empirical_policy = policy_text(task);
	return 0;
}

static int read_state(struct parts *p, const json_t *event, const json_t *state,
		      struct error *err)
{
	struct task_record *r = &p->rec;
	const char *type = NULL, *name = NULL, *message = NULL;
	struct orc_state s;

	r->state_at_us = TIME_NONE;
	if (json_get_uuid(event, "id", &r->state_id, err) <= 0 ||
	    json_get_time(event, "occurred", &r->state_at_us, err) <= 0 ||
	    json_get_str(state, "type", &type, err) <= 0 ||
	    json_get_str(state, "name", &name, err) < 0 ||
	    json_get_str(state, "message", &message, err) < 0 ||
	    state_type_parse(type) == 0) {
		return err_set(err, ERR_INVALID,
			       "a task run event needs id, occurred and a "
			       "validated_state with a type");
	}
	r->state_type = state_type_parse(type);
	r->state_name = name != NULL ? name : state_type_default_name(r->state_type);
	r->message = message;
	orc_state_init(&s, r->state_type, name, NULL);
	json_decref(s.details);
	s.details =
	    state_details_decode(json_object_get(state, "state_details"), "", NULL);
	s.data = json_incref(json_object_get(state, "data"));
	r->details = p->details = state_details_text(&s);
	r->data = p->data = state_data_text(&s);
	orc_state_release(&s);
	return 0;
}

int recorder_apply(struct tx *tx, const json_t *event, struct error *err)
{
	struct parts p = {.rec = {.state_type = 0}};
	const json_t *payload = json_object_get(event, "payload");
	const json_t *resource = json_object_get(event, "resource");
	const char *id;
	int rc;

	if (!is_ours(event)) {
		return 0;
	}
	id = json_string_value(json_object_get(resource, "prefect.resource.id"));
	if (!id_after(id, TASK_PREFIX, &p.rec.id)) {
		return err_set(
		    err, ERR_INVALID,
		    "a task run event needs the resource id prefect.task-run.<uuid>");
	}
	read_flow_run(&p, event);
	p.rec.first = !json_is_object(json_object_get(payload, "initial_state"));
	rc = read_task(&p, json_object_get(payload, "task_run"), err);
	if (rc == 0) {
		rc = read_state(&p, event, json_object_get(payload, "validated_state"),
				err);
	}
	if (rc == 0) {
		rc = task_record_apply(tx, &p.rec, NULL, err);
	}
	parts_release(&p);
	return rc < 0 ? rc : 0;
}
