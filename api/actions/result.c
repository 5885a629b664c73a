/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.c - the two events that tell how an action went (events-and-automations 5.3),
 * in the transaction that deletes its row.
 */
#include <stdlib.h>
#include <string.h>

#include "api/actions/actions_priv.h"
#include "api/db/db.h"
#include "api/events/emit.h"
#include "api/services/service.h"
#include "api/services/trigger_fire.h"
#include "api/tx.h"
#include "base/json.h"
#include "base/mem.h"

#define FOLLOWS_US (5LL * 60 * 1000000)

static json_t *related_of(const struct job *j)
{
	json_t *list = json_deep_copy(j->related);
	const char *state = json_string_value(json_object_get(j->body, "state_event"));
	const char *event = json_string_value(json_object_get(j->event, "id"));

	if (state != NULL) {
		(void)json_array_append_new(
		    list, event_as_related(state, "automation-triggered-event"));
	}
	if (event != NULL) {
		(void)json_array_append_new(
		    list, event_as_related(event, "triggering-event"));
	}
	return list;
}

static json_t *payload_of(const struct job *j)
{
	return json_pack("{s:O, s:s, s:O}", "action_index",
			 json_object_get(j->body, "action_index"), "action_type",
			 j->type, "invocation", json_object_get(j->body, "invocation"));
}

static int emit_triggered(struct tx *tx, const struct job *j, struct uuid *ret_id,
			  struct error *err)
{
	struct event_spec spec = {
	    .name = "prefect.automation.action.triggered",
	    .id = ret_id,
	    .resource = automation_resource(j->automation, 1),
	    .related = related_of(j),
	    .payload = payload_of(j),
	};
	struct uuid follows;
	int64_t occurred = 0;

	uuid_v7(ret_id, tx->now_us);
	(void)json_get_time(j->firing, "triggered", &spec.occurred_us, NULL);
	if (json_get_uuid(j->event, "id", &follows, NULL) == 1 &&
	    json_get_time(j->event, "occurred", &occurred, NULL) == 1 &&
	    llabs(spec.occurred_us - occurred) < FOLLOWS_US) {
		spec.follows = &follows;
	}
	return event_emit(tx, &spec, NULL, err);
}

static int emit_result(struct tx *tx, const struct job *j, const struct uuid *follows,
		       struct error *err)
{
	struct event_spec spec = {
	    .name = j->reason[0] == '\0' ? "prefect.automation.action.executed"
					 : "prefect.automation.action.failed",
	    .resource = automation_resource(j->automation, 1),
	    .related = related_of(j),
	    .payload = payload_of(j),
	    .follows = follows,
	};

	(void)json_object_update(spec.payload, j->details);
	if (j->reason[0] != '\0') {
		(void)json_object_set_new(spec.payload, "reason",
					  json_string(j->reason));
	}
	return event_emit(tx, &spec, NULL, err);
}

static int emit_loaded(struct tx *tx, const json_t *b, struct error *err)
{
	const char *slug = json_string_value(json_object_get(b, "slug"));
	const char *id = json_string_value(json_object_get(b, "id"));
	const char *name = json_string_value(json_object_get(b, "name"));
	char *event, *resource, *type;
	struct event_spec spec = {0};
	int rc;

	if (slug == NULL || id == NULL) {
		return 0;
	}
	event = xasprintf("prefect.block.%s.loaded", slug);
	resource = xasprintf("prefect.block-document.%s", id);
	type = xasprintf("prefect.block-type.%s", slug);
	spec.name = event;
	spec.resource = json_pack("{s:s, s:s?}", "prefect.resource.id", resource,
				  "prefect.resource.name", name);
	spec.related = json_pack("[{s:s, s:s}]", "prefect.resource.id", type,
				 "prefect.resource.role", "block-type");
	rc = event_emit(tx, &spec, NULL, err);
	free(event);
	free(resource);
	free(type);
	return rc;
}

int result_write(struct tx *tx, const struct job *j, const struct uuid *owner,
		 struct error *err)
{
	int64_t fence, changes = 0;
	struct uuid triggered;
	int rc = service_lease(tx, "actions", owner, &fence, err);

	if (rc <= 0) {
		return rc; /* the new leader does it again, and tells */
	}
	rc = db_exec(tx->c, SQL_ACTION_DELETE, DB_ARGS(db_a_int(j->row)), 1, &changes,
		     err);
	if (rc < 0 || changes == 0) {
		return rc;
	}
	if (j->loaded != NULL) {
		rc = emit_loaded(tx, j->loaded, err);
	}
	rc = rc < 0 ? rc : emit_triggered(tx, j, &triggered, err);
	rc = rc < 0 ? rc : emit_result(tx, j, &triggered, err);
	return rc < 0 ? rc : 1;
}
