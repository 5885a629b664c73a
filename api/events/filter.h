/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.h - the EventFilter of the API: decoding, and matching an event in memory.
 *
 * Used for live sockets, for their backfill and for POST /events/filter, where SQL
 * narrows by the members below (times, names, resource ids) and event_filter_matches()
 * decides. Semantics: members are ANDed; an empty list or an absent member means any;
 * several related or any_resource filters must each find a resource.  Pure; no clock.
 */
#ifndef API_EVENTS_FILTER_H
#define API_EVENTS_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "api/events/text_query.h"

struct http_invalid;

#define EVENT_FILTER_PARTS_MAX 32 /* related and any_resource filters, each */

/* Criteria on one resource; arrays of strings, borrowed from the root, NULL = any. */
struct event_resource_filter {
	const json_t *id;
	const json_t *id_prefix;
	const json_t *labels;             /* object: label -> text or list of texts */
	const json_t *role;               /* related only */
	const json_t *resources_in_roles; /* related only: [[id, role], ...] */
};

struct event_filter {
	json_t *root;               /* owned; what follows points into it */
	int64_t since_us, until_us; /* inclusive; TIME_NONE: not given */
	const json_t *prefix, *exclude_prefix, *name, *exclude_name;
	int has_resource;
	struct event_resource_filter resource; /* of the primary resource */
	int distinct; /* one event per resource id: the caller's business */
	struct event_resource_filter related[EVENT_FILTER_PARTS_MAX];
	size_t related_count;
	struct event_resource_filter any_resource[EVENT_FILTER_PARTS_MAX];
	size_t any_resource_count;
	const json_t *id; /* array of UUID texts (canonical form not guaranteed) */
	const char *text; /* the raw query, or NULL */
	struct text_query query;
	int ascending; /* "order": "ASC" */
};

/*
 * OBJ is the filter (NULL or null: an empty one), borrowed.  Problems are added to V
 * below LOC ("filter").  Returns their number; FILTER must be released in any case.
 */
size_t event_filter_decode(struct event_filter *filter, json_t *obj, const char *loc,
			   struct http_invalid *v);
void event_filter_release(struct event_filter *filter);

/* EVENT is an event object as clients send and receive it.  OCCURRED_US is its time.
 * Nothing is allocated unless there is a text query. */
int event_filter_matches(const struct event_filter *filter, const json_t *event,
			 int64_t occurred_us);

/* "a*" prefix, "!x" negation; a NULL value never matches.  Also for triggers. */
int event_label_matches(const char *expected, const char *value);

#endif
