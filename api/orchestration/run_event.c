/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_event.c - prefect.flow-run.<Name>: what a written state tells the world.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/events/emit.h"
#include "api/orchestration/run_row.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/json.h"
#include "base/timefmt.h"
#include "base/uuid.h"
#include "proto/frame.h"

#define TAGS_MAX          64
#define FOLLOWS_WITHIN_US (300 * INT64_C(1000000))
#define TEXT_MAX          (1u << 20)

static void put_id(json_t *obj, const char *kind, const struct uuid *id)
{
	char text[96], hex[UUID_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "prefect.%s.%s", kind, uuid_format(id, hex));
	json_object_set_new(obj, "prefect.resource.id", json_string(text));
}

static json_t *related(json_t *list, const char *kind, const struct uuid *id,
		       const char *role, const char *name)
{
	json_t *obj = json_object();

	put_id(obj, kind, id);
	json_object_set_new(obj, "prefect.resource.role", json_string(role));
	if (name != NULL) {
		json_object_set_new(obj, "prefect.resource.name", json_string(name));
	}
	json_array_append_new(list, obj);
	return obj;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The union of the tags of flow, deployment, run and parent task run, sorted. */
static void related_tags(json_t *list, const struct run_row *row)
{
	const char *texts[] = {row->flow_tags, row->deployment_tags, row->tags,
			       row->parent_task_tags};
	json_t *parsed[ARRAY_LEN(texts)] = {NULL};
	const char *tags[TAGS_MAX];
	size_t n = 0, i, k;
	json_t *v;

	for (k = 0; k < ARRAY_LEN(texts); k++) {
		if (texts[k] == NULL || strcmp(texts[k], "[]") == 0) {
			continue;
		}
		parsed[k] = json_parse(texts[k], strlen(texts[k]), TEXT_MAX, NULL);
		json_array_foreach (parsed[k], i, v) {
			if (n < TAGS_MAX && json_is_string(v)) {
				tags[n++] = json_string_value(v);
			}
		}
	}
	qsort(tags, n, sizeof(tags[0]), by_text);
	for (i = 0; i < n; i++) {
		if (i > 0 && strcmp(tags[i], tags[i - 1]) == 0) {
			continue;
		}
		v = json_object();
		json_object_set_new(v, "prefect.resource.id",
				    json_sprintf("prefect.tag.%s", tags[i]));
		json_object_set_new(v, "prefect.resource.role", json_string("tag"));
		json_array_append_new(list, v);
	}
	for (k = 0; k < ARRAY_LEN(texts); k++) {
		json_decref(parsed[k]);
	}
}

/* Deployments and automations that made the run. */
static void related_creator(json_t *list, const struct run_row *row)
{
	const char *type, *name = NULL;
	struct uuid id;
	json_t *by;

	if (row->created_by == NULL) {
		return;
	}
	by = json_parse(row->created_by, strlen(row->created_by), TEXT_MAX, NULL);
	type = json_string_value(json_object_get(by, "type"));
	(void)json_get_str(by, "display_value", &name, NULL);
	if (type != NULL && json_get_uuid(by, "id", &id, NULL) > 0) {
		if (strcmp(type, "DEPLOYMENT") == 0) {
			related(list, "deployment", &id, "creator", name);
		} else if (strcmp(type, "AUTOMATION") == 0) {
			related(list, "automation", &id, "creator", name);
		}
	}
	json_decref(by);
}

static json_t *all_related(const struct run_row *row)
{
	json_t *list = json_array(), *pool;

	related(list, "flow", &row->run.flow_id, "flow", row->flow_name);
	if (row->run.has_deployment && row->deployment_name != NULL) {
		related(list, "deployment", &row->run.deployment_id, "deployment",
			row->deployment_name);
	}
	if (row->has_queue && row->queue_name != NULL) {
		related(list, "work-queue", &row->queue_id, "work-queue",
			row->queue_name);
	}
	if (row->has_pool) {
		pool = related(list, "work-pool", &row->pool_id, "work-pool",
			       row->pool_name);
		json_object_set_new(pool, "prefect.work-pool.type",
				    json_string(row->pool_type));
	}
	if (row->run.has_parent_task) {
		related(list, "task-run", &row->run.parent_task_run_id, "task-run",
			row->parent_task_name);
	}
	related_tags(list, row);
	related_creator(list, row);
	return list;
}

static json_t *state_payload(const struct orc_state *s)
{
	json_t *obj;

	if (s->type == 0) {
		return json_null();
	}
	obj = json_object();
	json_object_set_new(obj, "type", json_string(state_type_text(s->type)));
	json_object_set_new(obj, "name", json_string(s->name));
	if (s->message != NULL && s->message[0] != '\0') {
		json_object_set_new(obj, "message", json_string(s->message));
	}
	if (s->type == WF__CONTROL__STATE_TYPE__PAUSED) {
		json_object_set_new(obj, "pause_reschedule",
				    json_string(orc_detail_true(s, "pause_reschedule")
						    ? "true"
						    : "false"));
	}
	return obj;
}

static json_t *type_or_null(int type)
{
	return type != 0 ? json_string(state_type_text(type)) : json_null();
}

static json_t *payload(const struct run_row *row, int intended,
		       const struct orc_state *to)
{
	json_t *obj = json_object(), *pair = json_object();

	json_object_set_new(pair, "from", type_or_null(row->current.type));
	json_object_set_new(pair, "to", type_or_null(intended));
	json_object_set_new(obj, "intended", pair);
	json_object_set_new(obj, "initial_state", state_payload(&row->current));
	json_object_set_new(obj, "validated_state", state_payload(to));
	return obj;
}

static json_t *resource(const struct run_row *row, const struct orc_state *to)
{
	json_t *obj = json_object();
	char at[TIME_TEXT_SIZE];

	time_format(to->at_us, at, sizeof(at));
	at[strcspn(at, "Z")] = '\0';
	put_id(obj, "flow-run", &row->run.id);
	json_object_set_new(obj, "prefect.resource.name", json_string(row->name));
	json_object_set_new(obj, "prefect.run-count",
			    json_sprintf("%d", row->run.run_count));
	json_object_set_new(obj, "prefect.state-message",
			    json_string(to->message != NULL ? to->message : ""));
	json_object_set_new(obj, "prefect.state-name", json_string(to->name));
	json_object_set_new(obj, "prefect.state-timestamp",
			    json_sprintf("%s+00:00", at));
	json_object_set_new(obj, "prefect.state-type",
			    json_string(state_type_text(to->type)));
	return obj;
}

int run_event_emit(struct tx *tx, const struct run_row *row, int intended,
		   const struct orc_state *to, struct error *err)
{
	char name[192];
	struct event_spec spec = {
	    .name = name,
	    .id = &to->id,
	    .occurred_us = to->at_us,
	    .resource = resource(row, to),
	    .related = all_related(row),
	    .payload = payload(row, intended, to),
	};

	(void)snprintf(name, sizeof(name), "prefect.flow-run.%s", to->name);
	if (row->current.type != 0 &&
	    to->at_us - row->current.at_us <= FOLLOWS_WITHIN_US) {
		spec.follows = &row->current.id;
	}
	return event_emit(tx, &spec, NULL, err);
}
