/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object.c - events about stored objects.
 */
#include "api/events/object.h"

#include <stdio.h>

#include "api/events/emit.h"
#include "base/uuid.h"

#define TEXT_MAX 128

static json_t *resource_id(const char *kind, const struct uuid *id)
{
	char text[TEXT_MAX], uuid[UUID_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "prefect.%s.%s", kind,
		       uuid_format(id, uuid));
	return json_string(text);
}

int event_object(struct tx *tx, const struct object_event *e, struct error *err)
{
	char event[TEXT_MAX];
	json_t *resource = json_object();
	struct event_spec spec = {
	    .name = event,
	    .resource = resource,
	    .related = e->related,
	    .payload = e->payload,
	};

	(void)snprintf(event, sizeof(event), "prefect.%s.%s", e->kind, e->what);
	(void)json_object_set_new(resource, "prefect.resource.id",
				  resource_id(e->kind, e->id));
	if (e->name != NULL) {
		(void)json_object_set_new(resource, "prefect.resource.name",
					  json_string(e->name));
	}
	return event_emit(tx, &spec, NULL, err);
}

json_t *event_related(const char *kind, const struct uuid *id, const char *role,
		      const char *name)
{
	json_t *r = json_object();

	(void)json_object_set_new(r, "prefect.resource.id", resource_id(kind, id));
	(void)json_object_set_new(r, "prefect.resource.role", json_string(role));
	if (name != NULL) {
		(void)json_object_set_new(r, "prefect.resource.name",
					  json_string(name));
	}
	return r;
}
