/* SPDX-License-Identifier: Apache-2.0 */
/* object.c - keywords about objects. */
#include "api/routes/schema/check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes/schema/schema.h"
#include "api/routes/schema/text.h"
#include "base/mem.h"

static void check_member(const struct schema_at *at, const char *key,
			 const json_t *value, const json_t *schema)
{
	struct schema_path here = {.up = at->path, .key = key};

	schema_check(at->w, value, schema, &here, at->out);
}

static void check_properties(const struct schema_at *at)
{
	const char *key;
	json_t *schema;

	if (!json_is_object(at->value)) {
		return;
	}
	json_object_foreach ((json_t *)(uintptr_t)at->want, key, schema) {
		const json_t *v = json_object_get(at->value, key);

		if (v != NULL) {
			check_member(at, key, v, schema);
		}
	}
}

static void check_pattern_properties(const struct schema_at *at)
{
	const char *pattern, *key;
	json_t *schema, *v;

	if (!json_is_object(at->value)) {
		return;
	}
	json_object_foreach ((json_t *)(uintptr_t)at->want, pattern, schema) {
		json_object_foreach ((json_t *)(uintptr_t)at->value, key, v) {
			if (schema_pattern_matches(pattern, key)) {
				check_member(at, key, v, schema);
			}
		}
	}
}

static void check_required(const struct schema_at *at)
{
	size_t i;
	json_t *name;

	if (!json_is_object(at->value) || (at->w->flags & SCHEMA_IGNORE_REQUIRED)) {
		return;
	}
	json_array_foreach (at->want, i, name) {
		struct buf b;

		if (!json_is_string(name) ||
		    json_object_get(at->value, json_string_value(name)) != NULL) {
			continue;
		}
		buf_init(&b);
		schema_text(&b, name);
		buf_adds(&b, " is a required property");
		(void)schema_problem_take(at, buf_take(&b, NULL));
		buf_release(&b);
	}
}

/* A member that neither properties nor patternProperties speak about. */
static int is_extra(const json_t *schema, const char *key)
{
	json_t *patterns = json_object_get(schema, "patternProperties");
	const char *pattern;
	json_t *v;

	if (json_object_get(json_object_get(schema, "properties"), key) != NULL) {
		return 0;
	}
	json_object_foreach (patterns, pattern, v) {
		if (schema_pattern_matches(pattern, key)) {
			return 0;
		}
	}
	return 1;
}

static int compare_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static void extras_problem(const struct schema_at *at, const char **extras,
			   size_t count)
{
	struct buf b;

	qsort(extras, count, sizeof(*extras), compare_text);
	buf_init(&b);
	buf_adds(&b, "Additional properties are not allowed (");
	for (size_t i = 0; i < count && i < 20; i++) {
		buf_adds(&b, i > 0 ? ", " : "");
		schema_text_str(&b, extras[i], strlen(extras[i]));
	}
	buf_addf(&b, " %s unexpected)", count == 1 ? "was" : "were");
	(void)schema_problem_take(at, buf_take(&b, NULL));
	buf_release(&b);
}

static void check_additional(const struct schema_at *at)
{
	const char **extras;
	const char *key;
	json_t *v;
	size_t count = 0;

	if (!json_is_object(at->value) || json_is_true(at->want)) {
		return;
	}
	extras = xcalloc(json_object_size(at->value) + 1, sizeof(*extras));
	json_object_foreach ((json_t *)(uintptr_t)at->value, key, v) {
		if (!is_extra(at->schema, key)) {
			continue;
		}
		if (json_is_object(at->want)) {
			check_member(at, key, v, at->want);
		} else {
			extras[count++] = key;
		}
	}
	if (count > 0) {
		extras_problem(at, extras, count);
	}
	free((void *)extras);
}

static void check_names(const struct schema_at *at)
{
	const char *key;
	json_t *v;

	if (!json_is_object(at->value)) {
		return;
	}
	json_object_foreach ((json_t *)(uintptr_t)at->value, key, v) {
		json_t *name = json_string(key);

		if (name != NULL) {
			schema_check(at->w, name, at->want, at->path, at->out);
		}
		json_decref(name);
	}
}

static void check_min_properties(const struct schema_at *at)
{
	json_int_t min = json_integer_value(at->want);

	if (json_is_object(at->value) &&
	    (json_int_t)json_object_size(at->value) < min) {
		(void)schema_problem_add(at, "%s",
					 min == 1 ? "should be non-empty"
						  : "does not have enough properties");
	}
}

static void check_max_properties(const struct schema_at *at)
{
	json_int_t max = json_integer_value(at->want);

	if (json_is_object(at->value) && json_is_integer(at->want) &&
	    (json_int_t)json_object_size(at->value) > max) {
		(void)schema_problem_add(at, "%s",
					 max == 0 ? "is expected to be empty"
						  : "has too many properties");
	}
}

static void check_dependent(const struct schema_at *at)
{
	const char *key;
	json_t *needs, *need;
	size_t i;

	if (!json_is_object(at->value)) {
		return;
	}
	json_object_foreach ((json_t *)(uintptr_t)at->want, key, needs) {
		if (json_object_get(at->value, key) == NULL) {
			continue;
		}
		json_array_foreach (needs, i, need) {
			const char *name = json_string_value(need);
			struct buf b;

			if (name == NULL || json_object_get(at->value, name) != NULL) {
				continue;
			}
			buf_init(&b);
			schema_text(&b, need);
			buf_adds(&b, " is a dependency of ");
			schema_text_str(&b, key, strlen(key));
			(void)schema_problem_take(at, buf_take(&b, NULL));
			buf_release(&b);
		}
	}
}

const struct schema_keyword schema_object_keywords[] = {
    {"properties", check_properties},
    {"patternProperties", check_pattern_properties},
    {"required", check_required},
    {"additionalProperties", check_additional},
    {"propertyNames", check_names},
    {"minProperties", check_min_properties},
    {"maxProperties", check_max_properties},
    {"dependentRequired", check_dependent},
    {NULL, NULL},
};
