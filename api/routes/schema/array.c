/* SPDX-License-Identifier: Apache-2.0 */
/* array.c - keywords about arrays. */
#include "api/routes/schema/check.h"

#include "api/routes/schema/schema.h"
#include "api/routes/schema/text.h"

#define UNIQUE_MAX 2000 /* elements compared pairwise; longer lists pass */

static void check_element(const struct schema_at *at, size_t index,
			  const json_t *schema)
{
	struct schema_path here = {.up = at->path, .index = index};

	schema_check(at->w, json_array_get(at->value, index), schema, &here, at->out);
}

static void too_many_items(const struct schema_at *at, size_t prefix, size_t total)
{
	json_t *rest = json_array();
	struct buf b;

	for (size_t i = prefix; i < total; i++) {
		json_array_append(rest, json_array_get(at->value, i));
	}
	buf_init(&b);
	buf_addf(&b, "Expected at most %zu %s but found %zu extra: ", prefix,
		 prefix != 1 ? "items" : "item", total - prefix);
	schema_text(&b, total - prefix == 1 ? json_array_get(rest, 0) : rest);
	(void)schema_problem_take(at, buf_take(&b, NULL));
	buf_release(&b);
	json_decref(rest);
}

static void check_items(const struct schema_at *at)
{
	size_t prefix = json_array_size(json_object_get(at->schema, "prefixItems"));
	size_t total = json_array_size(at->value);

	if (!json_is_array(at->value) || total <= prefix || json_is_array(at->want)) {
		return;
	}
	if (json_is_false(at->want)) {
		too_many_items(at, prefix, total);
		return;
	}
	for (size_t i = prefix; i < total; i++) {
		check_element(at, i, at->want);
	}
}

static void check_prefix(const struct schema_at *at)
{
	size_t i;
	json_t *schema;

	if (!json_is_array(at->value)) {
		return;
	}
	json_array_foreach (at->want, i, schema) {
		if (i < json_array_size(at->value)) {
			check_element(at, i, schema);
		}
	}
}

static void check_contains(const struct schema_at *at)
{
	const json_t *min = json_object_get(at->schema, "minContains");
	const json_t *max = json_object_get(at->schema, "maxContains");
	json_int_t low = json_is_integer(min) ? json_integer_value(min) : 1;
	json_int_t matches = 0;
	size_t i;
	json_t *v;

	if (!json_is_array(at->value)) {
		return;
	}
	json_array_foreach (at->value, i, v) {
		matches += schema_is_valid(at->w, v, at->want);
	}
	if (json_is_integer(max) && matches > json_integer_value(max)) {
		(void)schema_problem_add(
		    at, "has too many items matching the given schema");
	} else if (matches < low) {
		(void)schema_problem_add(
		    at, "does not contain items matching the given schema");
	}
}

static void check_min_items(const struct schema_at *at)
{
	json_int_t min = json_integer_value(at->want);

	if (json_is_array(at->value) && (json_int_t)json_array_size(at->value) < min) {
		(void)schema_problem_add(
		    at, "%s", min == 1 ? "should be non-empty" : "is too short");
	}
}

static void check_max_items(const struct schema_at *at)
{
	json_int_t max = json_integer_value(at->want);

	if (json_is_array(at->value) && json_is_integer(at->want) &&
	    (json_int_t)json_array_size(at->value) > max) {
		(void)schema_problem_add(
		    at, "%s", max == 0 ? "is expected to be empty" : "is too long");
	}
}

static void check_unique(const struct schema_at *at)
{
	size_t n = json_array_size(at->value);

	if (!json_is_array(at->value) || !json_is_true(at->want) || n > UNIQUE_MAX) {
		return;
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n; j++) {
			if (schema_equal(json_array_get(at->value, i),
					 json_array_get(at->value, j))) {
				(void)schema_problem_add(at, "has non-unique elements");
				return;
			}
		}
	}
}

const struct schema_keyword schema_array_keywords[] = {
    {"items", check_items},
    {"prefixItems", check_prefix},
    {"contains", check_contains},
    {"minItems", check_min_items},
    {"maxItems", check_max_items},
    {"uniqueItems", check_unique},
    {NULL, NULL},
};
