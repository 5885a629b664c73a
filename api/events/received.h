/* SPDX-License-Identifier: Apache-2.0 */
/* received.h - a stored event as the JSON that clients, triggers and templates see. */
#ifndef API_EVENTS_RECEIVED_H
#define API_EVENTS_RECEIVED_H

#include <stdint.h>

#include <jansson.h>

#include "base/uuid.h"

struct error;
struct tx;

struct received_parts {
	struct uuid id, follows;
	int has_follows;
	int64_t occurred_us, received_us;
	const char *name, *resource, *related, *payload; /* the last three: JSON */
};
/* New reference, or NULL when a text is no JSON. */
json_t *received_event(const struct received_parts *p);
/* By id: new reference, NULL when there is none.  Database threads. */
json_t *received_by_id(struct tx *tx, const struct uuid *id, struct error *err);

#endif
