/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_state.c - states of native task runs: recorded like those of events, and told as
 * events themselves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/events/emit.h"
#include "api/events/recorder.h"
#include "api/orchestration/run_row.h"
#include "api/routes/state_json.h"
#include "api/routes/updates/batch.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define JSON_MAX (4u << 20)
#define US_PER_S 1e6

void run_context_forget(struct run_context *rc)
{
	json_decref(rc->related);
	*rc = (struct run_context){.known = 0};
}

static json_t *related(const char *kind, const struct uuid *id, const char *role,
		       const char *name)
{
	char text[UUID_TEXT_SIZE];
	json_t *obj = json_object();

	uuid_format(id, text);
	json_object_set_new(obj, "prefect.resource.id",
			    json_sprintf("prefect.%s.%s", kind, text));
	json_object_set_new(obj, "prefect.resource.role", json_string(role));
	if (name != NULL) {
		json_object_set_new(obj, "prefect.resource.name", json_string(name));
	}
	return obj;
}

static json_t *related_of(const struct run_row *row)
{
	json_t *list = json_array(), *pool;

	json_array_append_new(list,
			      related("flow-run", &row->run.id, "flow-run", row->name));
	json_array_append_new(
	    list, related("flow", &row->run.flow_id, "flow", row->flow_name));
	if (row->run.has_deployment && row->deployment_name != NULL) {
		json_array_append_new(list,
				      related("deployment", &row->run.deployment_id,
					      "deployment", row->deployment_name));
	}
	if (row->has_queue) {
		json_array_append_new(list, related("work-queue", &row->queue_id,
						    "work-queue", row->queue_name));
	}
	if (row->has_pool) {
		pool = related("work-pool", &row->pool_id, "work-pool", row->pool_name);
		json_object_set_new(pool, "prefect.work-pool.type",
				    json_string(row->pool_type));
		json_array_append_new(list, pool);
	}
	return list;
}

int run_context_get(struct tx *tx, struct run_context *rc, const struct uuid *run,
		    struct error *err)
{
	struct run_row row;
	int code;

	if (rc->known && uuid_equal(&rc->run, run)) {
		return 0;
	}
	run_context_forget(rc);
	code = run_row_load(tx, run, &row, err);
	if (code == 0 || code == -ERR_NOT_FOUND) {
		rc->run = *run;
		rc->known = 1;
		rc->missing = code != 0;
		rc->fence = row.run.fence;
		rc->related = code == 0 ? related_of(&row) : NULL;
		code = 0;
	}
	run_row_release(&row);
	return code;
}

/* ---- the event ---- */

static json_t *tags_and_related(const Wf__Control__TaskState *t,
				const struct run_context *rc)
{
	json_t *list = json_array(), *obj;

	for (size_t i = 0; i < t->n_tags; i++) {
		obj = json_object();
		json_object_set_new(obj, "prefect.resource.id",
				    json_sprintf("prefect.tag.%s", t->tags[i]));
		json_object_set_new(obj, "prefect.resource.role", json_string("tag"));
		json_array_append_new(list, obj);
	}
	json_array_extend(list, rc->related);
	return list;
}

static json_t *resource_of(const Wf__Control__TaskState *t, const struct task_record *r,
			   const struct uuid *id)
{
	char at[TIME_TEXT_SIZE], text[UUID_TEXT_SIZE];
	json_t *obj = json_object();

	time_format(r->state_at_us, at, sizeof(at));
	at[strcspn(at, "Z")] = '\0';
	json_object_set_new(obj, "prefect.resource.id",
			    json_sprintf("prefect.task-run.%s", uuid_format(id, text)));
	json_object_set_new(obj, "prefect.resource.name", json_string(t->name));
	json_object_set_new(obj, "prefect.run-count", json_sprintf("%d", t->run_count));
	json_object_set_new(obj, "prefect.state-message",
			    json_string(r->message != NULL ? r->message : ""));
	json_object_set_new(obj, "prefect.state-name", json_string(r->state_name));
	json_object_set_new(obj, "prefect.state-timestamp",
			    json_sprintf("%s+00:00", at));
	json_object_set_new(obj, "prefect.state-type",
			    json_string(state_type_text(r->state_type)));
	return obj;
}

static json_t *type_or_null(int type)
{
	return type != 0 ? json_string(state_type_text(type)) : json_null();
}

static json_t *json_or(const char *text, json_t *standard)
{
	json_t *v = text != NULL && text[0] != '\0'
			? json_parse(text, strlen(text), JSON_MAX, NULL)
			: NULL;

	if (v == NULL) {
		return standard;
	}
	json_decref(standard);
	return v;
}

static json_t *states_of(const Wf__Control__TaskState *t, const struct task_record *r)
{
	json_t *obj = json_object(), *to = json_object();
	json_t *from = json_null();

	json_object_set_new(to, "type", json_string(state_type_text(r->state_type)));
	json_object_set_new(to, "name", json_string(r->state_name));
	json_object_set_new(to, "message",
			    json_string(r->message != NULL ? r->message : ""));
	json_object_set_new(to, "state_details", json_or(r->details, json_object()));
	json_object_set_new(to, "data", json_or(r->data, json_null()));
	if (t->from_type != 0) {
		from = json_object();
		json_object_set_new(from, "type", type_or_null((int)t->from_type));
		json_object_set_new(
		    from, "name",
		    json_string(state_type_default_name((int)t->from_type)));
	}
	json_object_set_new(obj, "initial_state", from);
	json_object_set_new(obj, "validated_state", to);
	return obj;
}

static void set_time(json_t *obj, const char *key, int64_t at_us)
{
	char text[TIME_TEXT_SIZE];

	if (at_us != TIME_NONE) {
		json_object_set_new(
		    obj, key, json_string(time_format(at_us, text, sizeof(text))));
	}
}

static json_t *task_of(const Wf__Control__TaskState *t, const struct task_record *r)
{
	json_t *obj = json_object();

	json_object_set_new(obj, "name", json_string(t->name));
	json_object_set_new(obj, "task_key", json_string(t->task_key));
	json_object_set_new(obj, "dynamic_key", json_string(t->dynamic_key));
	json_object_set_new(obj, "empirical_policy",
			    json_or(r->empirical_policy, json_object()));
	json_object_set_new(obj, "tags", json_or(r->tags, json_array()));
	json_object_set_new(obj, "labels", json_or(r->labels, json_object()));
	json_object_set_new(obj, "task_inputs", json_or(r->task_inputs, json_object()));
	json_object_set_new(obj, "run_count", json_integer(t->run_count));
	json_object_set_new(obj, "flow_run_run_count",
			    json_integer(t->flow_run_run_count));
	set_time(obj, "expected_start_time", r->expected_us);
	set_time(obj, "start_time", r->start_us);
	set_time(obj, "end_time", r->end_us);
	json_object_set_new(obj, "total_run_time", json_real(t->total_run_time_s));
	if (r->cache_key != NULL) {
		json_object_set_new(obj, "cache_key", json_string(r->cache_key));
	}
	return obj;
}

static int emit(struct tx *tx, const Wf__Control__TaskState *t,
		const struct task_record *r, const struct uuid *id,
		const struct run_context *rc, struct error *err)
{
	json_t *payload = states_of(t, r), *pair = json_object();
	struct uuid previous;
	char name[192];
	struct event_spec spec = {
	    .name = name,
	    .id = &r->state_id,
	    .occurred_us = r->state_at_us,
	    .resource = resource_of(t, r, id),
	    .related = tags_and_related(t, rc),
	    .payload = payload,
	};

	json_object_set_new(pair, "from", type_or_null((int)t->from_type));
	json_object_set_new(pair, "to", type_or_null(r->state_type));
	json_object_set_new(payload, "intended", pair);
	json_object_set_new(payload, "task_run", task_of(t, r));
	(void)snprintf(name, sizeof(name), "prefect.task-run.%s", r->state_name);
	if (t->previous_state_id.len == sizeof(previous.b)) {
		memcpy(previous.b, t->previous_state_id.data, sizeof(previous.b));
		spec.follows = &previous;
	}
	return event_emit(tx, &spec, NULL, err);
}

/* ---- the record ---- */

static const char *text_or_null(const char *s)
{
	return s != NULL && s[0] != '\0' ? s : NULL;
}

static int64_t time_or_none(int64_t at_us)
{
	return at_us > 0 ? at_us : TIME_NONE;
}

static char *tags_text(const Wf__Control__TaskState *t)
{
	json_t *list = json_array();
	char *text;

	for (size_t i = 0; i < t->n_tags; i++) {
		json_array_append_new(list, json_string(t->tags[i]));
	}
	text = json_text(list);
	json_decref(list);
	return text;
}

static void record_of(struct task_record *r, const struct item *it, const char *tags)
{
	const Wf__Control__TaskState *t = it->u->task_state;
	const Wf__Control__State *s = t->state;

	*r = (struct task_record){
	    .flow_run_id = &it->run,
	    .name = t->name,
	    .task_key = t->task_key,
	    .dynamic_key = t->dynamic_key,
	    .task_version = text_or_null(t->task_version),
	    .cache_key = text_or_null(t->cache_key),
	    .tags = tags,
	    .task_inputs = text_or_null(t->task_inputs_json),
	    .empirical_policy = text_or_null(t->empirical_policy_json),
	    .labels = text_or_null(t->labels_json),
	    .cache_expiration_us = time_or_none(t->cache_expiration_us),
	    .expected_us = time_or_none(t->expected_start_us),
	    .start_us = time_or_none(t->start_us),
	    .end_us = time_or_none(t->end_us),
	    .total_us = (int64_t)(t->total_run_time_s * US_PER_S + 0.5),
	    .run_count = t->run_count,
	    .flow_run_run_count = t->flow_run_run_count,
	    .state_id = it->id,
	    .state_type = (int)s->type,
	    .state_name =
		s->name[0] != '\0' ? s->name : state_type_default_name((int)s->type),
	    .message = text_or_null(s->message),
	    .details = text_or_null(s->details_json),
	    .data = text_or_null(s->data_json),
	    .state_at_us = time_or_none(s->timestamp_us),
	    .first = t->from_type == 0,
	};
	memcpy(r->id.b, t->task_run_id.data, sizeof(r->id.b));
	if (s->id.len == sizeof(r->state_id.b)) {
		memcpy(r->state_id.b, s->id.data, sizeof(r->state_id.b));
	}
}

static int superseded(struct item *it, const struct run_context *rc)
{
	if (it->u->fence == 0 || it->u->fence >= rc->fence) {
		return 0;
	}
	it->answer->pb.answer = WF__CONTROL__ANSWER__SUPERSEDED;
	(void)snprintf(it->answer->reason, sizeof(it->answer->reason),
		       "A newer owner of the run exists (token %llu).",
		       (unsigned long long)rc->fence);
	return 1;
}

int item_task_state(struct tx *tx, struct item *it, struct run_context *rc,
		    struct error *err)
{
	const Wf__Control__TaskState *t = it->u->task_state;
	struct task_record r;
	struct uuid id;
	char *tags;
	int code;

	if (t->task_run_id.len != sizeof(id.b) || t->state == NULL ||
	    t->state->type == 0 || t->task_key[0] == '\0') {
		return err_set(
		    err, ERR_INVALID,
		    "a task state needs task_run_id, task_key and a state with a type");
	}
	code = run_context_get(tx, rc, &it->run, err);
	if (code < 0) {
		return code;
	}
	if (rc->missing) {
		return err_set(err, ERR_NOT_FOUND, "Flow run with id %s not found",
			       uuid_str(&it->run));
	}
	if (superseded(it, rc)) {
		return 0;
	}
	tags = tags_text(t);
	record_of(&r, it, tags);
	if (r.state_at_us == TIME_NONE) {
		r.state_at_us = tx->now_us;
	}
	code = task_record_apply(tx, &r, &id, err);
	if (code > 0) {
		code = emit(tx, t, &r, &id, rc, err);
	}
	it->answer->pb.answer = WF__CONTROL__ANSWER__ACCEPT;
	free(tags);
	return code < 0 ? code : 0;
}
