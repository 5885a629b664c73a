/* SPDX-License-Identifier: Apache-2.0 */
/* trigger_fire.h - what a firing leaves in the database: an event, rows of actions. */
#ifndef API_SERVICES_TRIGGER_FIRE_H
#define API_SERVICES_TRIGGER_FIRE_H

#include <stdint.h>

#include <jansson.h>

struct error;
struct tx;

/* prefect.automation.triggered, and one row per action (events-and-automations 4.8). */
int trigger_fire(struct tx *tx, const json_t *automation, const json_t *firing,
		 struct error *err);
/* prefect.automation.held: it woke itself too often. */
int trigger_held(struct tx *tx, const json_t *automation, int64_t until_us,
		 struct error *err);

/* The resource of an automation's events: id, name; TRIGGER_TYPE adds the type of its
 * trigger.  New reference. */
json_t *automation_resource(const json_t *automation, int trigger_type);
/* {"prefect.resource.id": "prefect.event.ID", role}; new reference. */
json_t *event_as_related(const char *id, const char *role);

#endif
