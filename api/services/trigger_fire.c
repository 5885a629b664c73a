/* SPDX-License-Identifier: Apache-2.0 */
/* trigger_fire.c - see trigger_fire.h. */
#include "api/services/trigger_fire.h"

#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/events/emit.h"
#include "api/events/received.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "base/uuid.h"

json_t *automation_resource(const json_t *automation, int trigger_type)
{
	const char *id = json_string_value(json_object_get(automation, "id"));
	const json_t *trigger = json_object_get(automation, "trigger");
	json_t *posture = json_object_get(trigger, "posture");
	json_t *out = json_object();
	char *text = xasprintf("prefect.automation.%s", id != NULL ? id : "");

	(void)json_object_set_new(out, "prefect.resource.id", json_string(text));
	(void)json_object_set(out, "prefect.resource.name",
			      json_object_get(automation, "name"));
	if (trigger_type) {
		(void)json_object_set(out, "prefect.trigger-type",
				      json_object_get(trigger, "type"));
	}
	if (posture != NULL) {
		(void)json_object_set(out, "prefect.posture", posture);
	}
	free(text);
	return out;
}

json_t *event_as_related(const char *id, const char *role)
{
	char *text = xasprintf("prefect.event.%s", id);
	json_t *out = json_pack("{s:s, s:s}", "prefect.resource.id", text,
				"prefect.resource.role", role);

	free(text);
	return out;
}

static int emit_triggered(struct tx *tx, const json_t *automation, const json_t *firing,
			  const struct uuid *id, struct error *err)
{
	json_t *event = json_object_get(firing, "triggering_event");
	const char *event_id = json_string_value(json_object_get(event, "id"));
	struct event_spec spec = {
	    .name = "prefect.automation.triggered",
	    .id = id,
	    .resource = automation_resource(automation, 0),
	    .related = json_array(),
	    .payload = json_pack("{s:O, s:O}", "triggering_labels",
				 json_object_get(firing, "triggering_labels"),
				 "triggering_event", event),
	};

	(void)json_get_time(firing, "triggered", &spec.occurred_us, NULL);
	if (event_id != NULL) {
		(void)json_array_append_new(
		    spec.related, event_as_related(event_id, "triggering-event"));
	}
	return event_emit(tx, &spec, NULL, err);
}

/* What one list of actions is done for. */
struct order {
	const json_t *automation, *firing;
	json_t *event; /* the triggering event of its actions; may be null */
	const char *state_event;
	json_int_t index; /* counts through all lists */
};

static int add_actions(struct tx *tx, struct order *o, const char *list,
		       struct error *err)
{
	json_t *action;
	size_t i;
	int rc = 0;

	json_array_foreach (json_object_get(o->automation, list), i, action) {
		char invocation[UUID_TEXT_SIZE];
		struct uuid uuid, automation = {{0}};
		json_t *body;
		char *text;

		if (rc < 0) {
			break;
		}
		uuid_v4(&uuid);
		(void)json_get_uuid(o->automation, "id", &automation, NULL);
		body = json_pack("{s:s, s:I, s:O, s:O, s:O, s:O, s:s}", "invocation",
				 uuid_format(&uuid, invocation), "action_index",
				 o->index++, "action", action, "automation",
				 o->automation, "firing", o->firing, "event", o->event,
				 "state_event", o->state_event);
		text = json_text(body);
		rc = db_exec(tx->c, SQL_ACTION_INSERT,
			     DB_ARGS(db_a_uuid(&automation), db_a_text(text),
				     db_a_int(tx->now_us)),
			     3, NULL, err);
		free(text);
		json_decref(body);
		tx->fx |= FX_ACTIONS;
	}
	return rc;
}

int trigger_fire(struct tx *tx, const json_t *automation, const json_t *firing,
		 struct error *err)
{
	char text[UUID_TEXT_SIZE];
	struct order o = {
	    .automation = automation, .firing = firing, .state_event = text};
	struct uuid id;
	json_t *triggered;
	int rc;

	uuid_v7(&id, tx->now_us);
	(void)uuid_format(&id, text);
	rc = emit_triggered(tx, automation, firing, &id, err);
	o.event = json_object_get(firing, "triggering_event");
	rc = rc < 0 ? rc : add_actions(tx, &o, "actions", err);
	if (rc == 0 &&
	    json_array_size(json_object_get(automation, "actions_on_trigger")) > 0) {
		triggered = received_by_id(tx, &id, err);
		o.event = triggered != NULL ? triggered : json_null();
		rc = add_actions(tx, &o, "actions_on_trigger", err);
		json_decref(triggered);
	}
	return rc;
}

int trigger_held(struct tx *tx, const json_t *automation, int64_t until_us,
		 struct error *err)
{
	char until[TIME_TEXT_SIZE];
	struct event_spec spec = {
	    .name = "prefect.automation.held",
	    .resource = automation_resource(automation, 1),
	    .payload = json_pack(
		"{s:s, s:s}", "reason",
		"The automation fires on what it did itself; it is held for a minute. "
		"Narrow its trigger with match, match_related or for_each.",
		"until", time_format(until_us, until, sizeof(until))),
	};

	return event_emit(tx, &spec, NULL, err);
}
