/* SPDX-License-Identifier: Apache-2.0 */
/* target.c - what an action is done to, read from the event (5.2).  Pure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/actions/actions_priv.h"
#include "base/mem.h"

#define PREFIX "prefect."

/* 1: of KIND; then *RET_OK tells whether its id is one. */
static int is_kind(const json_t *resource, const char *kind, struct uuid *ret_id,
		   int *ret_ok)
{
	const char *id =
	    json_string_value(json_object_get(resource, "prefect.resource.id"));
	const char *dot = id != NULL ? strrchr(id, '.') : NULL;
	size_t n = strlen(kind), pre = sizeof(PREFIX) - 1;

	if (dot == NULL || strncmp(id, PREFIX, pre) != 0 ||
	    (size_t)(dot - id) != pre + n || memcmp(id + pre, kind, n) != 0) {
		return 0;
	}
	*ret_ok = uuid_parse(dot + 1, ret_id) == 0;
	return 1;
}

int target_infer(const struct job *j, const char *kind, struct uuid *ret_id)
{
	json_t *item;
	size_t i;
	int ok = 0;

	if (is_kind(json_object_get(j->event, "resource"), kind, ret_id, &ok)) {
		return ok;
	}
	json_array_foreach (json_object_get(j->event, "related"), i, item) {
		if (is_kind(item, kind, ret_id, &ok)) {
			return ok;
		}
	}
	return 0;
}

int target_flow_run(const struct job *j, struct uuid *ret_id)
{
	static const char flow_run[] = PREFIX "flow-run.";
	const char *label = json_string_value(json_object_get(
	    json_object_get(j->firing, "triggering_labels"), "prefect.resource.id"));

	if (label != NULL && strncmp(label, flow_run, sizeof(flow_run) - 1) == 0 &&
	    uuid_parse(label + sizeof(flow_run) - 1, ret_id) == 0) {
		return 1;
	}
	return target_infer(j, "flow-run", ret_id);
}

json_t *target_entry(const char *kind, const struct uuid *id, const char *name)
{
	char text[UUID_TEXT_SIZE];
	char *resource = xasprintf(PREFIX "%s.%s", kind, uuid_format(id, text));
	json_t *out = json_pack("{s:s, s:s}", "prefect.resource.id", resource,
				"prefect.resource.role", "target");

	if (name != NULL) {
		(void)json_object_set_new(out, "prefect.resource.name",
					  json_string(name));
	}
	free(resource);
	return out;
}
