/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner_emit.c - events that a task sends by itself.
 */
#include <stdio.h>

#include "base/timefmt.h"
#include "engine/runner_priv.h"

static void on_sent(int status, const json_t *body, const struct error *err, void *arg)
{
	(void)status;
	(void)body;
	(void)err;
	(void)arg;
}

static json_t *related(const char *kind, const struct uuid *id, const char *name)
{
	char text[UUID_TEXT_SIZE], resource[96];
	(void)snprintf(resource, sizeof(resource), "prefect.%s.%s", kind,
		       uuid_format(id, text));
	return json_pack("{s:s, s:s, s:s}", "prefect.resource.id", resource,
			 "prefect.resource.role", kind, "prefect.resource.name", name);
}

void runner_emit(struct runner *r, const struct slot *s, const json_t *event)
{
	char id[UUID_TEXT_SIZE], time[TIME_TEXT_SIZE];
	struct session_call call = {
	    .method = "POST", .path = "/events", .done = on_sent};
	json_t *e = json_copy((json_t *)(uintptr_t)event), *list;
	struct sched_run run;
	struct uuid event_id;

	if (r->session->ops->call == NULL) {
		json_decref(e);
		return;
	}
	sched_get_run(r->sched, s->unit, &run);
	uuid_v7(&event_id, runner_now(r).us);
	(void)json_object_set_new(e, "id", json_string(uuid_format(&event_id, id)));
	(void)json_object_set_new(
	    e, "occurred",
	    json_string(time_format(runner_now(r).us, time, sizeof(time))));
	list = json_object_get(e, "related");
	list = json_is_array(list) ? json_copy(list) : json_array();
	(void)json_array_append_new(list, related("flow-run", &r->run_id, r->run_name));
	(void)json_array_append_new(list, related("task-run", &run.id, s->name));
	(void)json_object_set_new(e, "related", list);
	if (!json_is_object(json_object_get(e, "payload"))) {
		(void)json_object_set_new(e, "payload", json_object());
	}
	list = json_pack("[o]", e);
	call.body = list;
	r->session->ops->call(r->session, &call);
	json_decref(list);
}
