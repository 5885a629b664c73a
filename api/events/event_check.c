/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_check.c - see event_check.h.
 */
#include "api/events/event_check.h"

#include <stdio.h>
#include <string.h>

#include "api/http/http.h"
#include "api/routes/decode.h"
#include "base/compiler.h"
#include "base/uuid.h"

#define LOC_MAX 256

struct parts {
	int64_t occurred;
	const char *event;
	json_t *resource, *related, *payload;
	struct uuid id, follows;
};
static const struct field fields[] = {
    FIELD(struct parts, occurred, F_TIME, .flags = F_REQUIRED),
    FIELD(struct parts, event, F_STR, .flags = F_REQUIRED, .max = EVENT_NAME_MAX),
    FIELD(struct parts, resource, F_OBJ, .flags = F_REQUIRED),
    FIELD(struct parts, related, F_ARR, .flags = F_NOT_NULL),
    FIELD(struct parts, payload, F_OBJ, .flags = F_NOT_NULL),
    FIELD(struct parts, id, F_UUID, .flags = F_REQUIRED),
    FIELD(struct parts, follows, F_UUID),
};

static void check_labels(const json_t *labels, const char *loc, int is_related,
			 struct http_invalid *v)
{
	char at[LOC_MAX];
	const char *name;
	json_t *value;

	if (!json_is_object(labels)) {
		http_invalid_add(v, "dict_type", loc, labels,
				 "Input should be a valid dictionary");
		return;
	}
	if (json_object_get(labels, "prefect.resource.id") == NULL) {
		http_invalid_add(v, "value_error", loc, labels,
				 "Value error, Resources must include the "
				 "prefect.resource.id label");
	} else if (is_related &&
		   json_object_get(labels, "prefect.resource.role") == NULL) {
		http_invalid_add(v, "value_error", loc, labels,
				 "Value error, Related Resources must include the "
				 "prefect.resource.role label");
	} else if (json_object_size(labels) > EVENT_LABELS_MAX) {
		http_invalid_add(
		    v, "value_error", loc, NULL,
		    "Value error, The maximum number of labels per resource "
		    "is 500");
		return;
	}
	json_object_foreach ((json_t *)(uintptr_t)labels, name, value) {
		if (!json_is_string(value)) {
			(void)snprintf(at, sizeof(at), "%s.%s", loc, name);
			http_invalid_add(v, "string_type", at, value,
					 "Input should be a valid string");
		}
	}
}

size_t event_check(const json_t *event, const char *loc, struct http_invalid *v)
{
	size_t i, before = http_invalid_count(v);
	const char *dot = loc[0] != '\0' ? "." : "";
	struct parts p = {0};
	char at[LOC_MAX];
	json_t *r;

	decode_object(event, fields, ARRAY_LEN(fields), 0, loc, &p, NULL, v);
	if (http_invalid_count(v) > before) {
		return http_invalid_count(v) - before;
	}
	(void)snprintf(at, sizeof(at), "%s%sresource", loc, dot);
	check_labels(p.resource, at, 0, v);
	if (json_array_size(p.related) > EVENT_RELATED_MAX) {
		(void)snprintf(at, sizeof(at), "%s%srelated", loc, dot);
		http_invalid_add(
		    v, "value_error", at, NULL,
		    "Value error, The maximum number of related resources is "
		    "100");
		return 1;
	}
	json_array_foreach (p.related, i, r) {
		(void)snprintf(at, sizeof(at), "%s%srelated.%zu", loc, dot, i);
		check_labels(r, at, 1, v);
	}
	return http_invalid_count(v) - before;
}

int event_is_client_task_run(const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	const char *who = json_string_value(json_object_get(
	    json_object_get(event, "resource"), "prefect.orchestration"));

	return name != NULL && who != NULL &&
	       strncmp(name, "prefect.task-run.", strlen("prefect.task-run.")) == 0 &&
	       strcmp(who, "client") == 0;
}
