/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object.h - "prefect.<kind>.<what>" events about stored objects: created, updated,
 * deleted.
 */
#ifndef API_EVENTS_OBJECT_H
#define API_EVENTS_OBJECT_H

#include <jansson.h>

struct error;
struct tx;
struct uuid;

struct object_event {
	const char *kind, *what; /* "flow", "created": event prefect.flow.created */
	const struct uuid *id;   /* of the resource prefect.<kind>.<id> */
	const char *name;        /* or NULL */
	json_t *related;         /* taken; NULL: none */
	json_t *payload;         /* taken; NULL: empty */
};
int event_object(struct tx *tx, const struct object_event *e, struct error *err);
/* One entry of RELATED: {"prefect.resource.id": "prefect.KIND.ID", role, name}. */
json_t *event_related(const char *kind, const struct uuid *id, const char *role,
		      const char *name);

#endif
