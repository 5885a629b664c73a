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

/*
 * KIND "flow", WHAT "created": event prefect.flow.created about prefect.flow.<ID> named
 * NAME. PAYLOAD and RELATED are taken; NULL: empty.
 */
int event_object(struct tx *tx, const char *kind, const char *what,
		 const struct uuid *id, const char *name, json_t *related,
		 json_t *payload, struct error *err);
/* One entry of RELATED: {"prefect.resource.id": "prefect.KIND.ID", role, name}. */
json_t *event_related(const char *kind, const struct uuid *id, const char *role,
		      const char *name);

#endif
