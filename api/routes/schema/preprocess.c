/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preprocess.c - mends schemas that older pydantic versions make: optional fields that
 * may be null without saying so, tuples under "items".
 */
#include "api/routes/schema/schema.h"

#include <stdint.h>
#include <string.h>

static int in_list(const json_t *list, const char *key)
{
	size_t i;
	json_t *v;

	json_array_foreach (list, i, v) {
		if (json_is_string(v) && strcmp(json_string_value(v), key) == 0) {
			return 1;
		}
	}
	return 0;
}

/* {"type": T, ...} -> {"anyOf": [{"type": T}, {"type": "null"}], ...} */
static void allow_null(json_t *prop, int required, unsigned int flags)
{
	json_t *type = json_object_get(prop, "type");

	if (required || type == NULL ||
	    (json_is_string(type) && strcmp(json_string_value(type), "null") == 0)) {
		return;
	}
	if (json_object_get(prop, "default") != NULL &&
	    !(flags & SCHEMA_NONE_WITH_DEFAULT)) {
		return;
	}
	json_object_set_new(prop, "anyOf",
			    json_pack("[{s:O}, {s:s}]", "type", type, "type", "null"));
	json_object_del(prop, "type");
}

static void tuple_items(json_t *prop)
{
	json_t *items = json_object_get(prop, "items");

	if (json_is_array(items) && json_array_size(items) > 0 &&
	    json_object_get(prop, "prefixItems") == NULL) {
		json_object_set(prop, "prefixItems", items);
		json_object_del(prop, "items");
	}
}

static void mend_properties(json_t *schema, unsigned int flags, int depth)
{
	json_t *props = json_object_get(schema, "properties");
	const json_t *required = json_object_get(schema, "required");
	const char *key;
	json_t *prop;

	if (depth > SCHEMA_DEPTH_MAX || !json_is_object(props)) {
		return;
	}
	json_object_foreach (props, key, prop) {
		if (!json_is_object(prop)) {
			continue;
		}
		allow_null(prop, in_list(required, key), flags);
		tuple_items(prop);
		mend_properties(prop, flags, depth + 1);
	}
}

json_t *schema_preprocessed(const json_t *schema, unsigned int flags)
{
	json_t *s = json_deep_copy(schema);
	json_t *defs = json_object_get(s, "definitions");
	const char *key;
	json_t *def;

	if (s == NULL || (flags & SCHEMA_NO_PREPROCESS)) {
		return s;
	}
	mend_properties(s, flags, 0);
	json_object_foreach (defs, key, def) {
		mend_properties(def, flags, 0);
	}
	return s;
}
