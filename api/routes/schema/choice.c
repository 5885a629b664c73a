/* SPDX-License-Identifier: Apache-2.0 */
/* choice.c - keywords that combine schemas. */
#include "api/routes/schema/check.h"

#include <stdlib.h>

#include "api/routes/schema/schema.h"
#include "api/routes/schema/text.h"
#include "base/mem.h"

/* Takes the contents of INNER. */
static void none_fits(const struct schema_at *at, struct schema_list *inner)
{
	struct schema_problem *p =
	    schema_problem_add(at, "is not valid under any of the given schemas");

	if (p == NULL) {
		schema_list_release(inner);
		return;
	}
	p->weak = 1;
	p->inner = xmalloc(sizeof(*p->inner));
	*p->inner = *inner;
	*inner = (struct schema_list){0};
}

/* Index of the first alternative that fits, or the number of them; INNER gets the
 * problems. */
static size_t first_fit(const struct schema_at *at, struct schema_list *inner)
{
	size_t i, n = json_array_size(at->want);

	for (i = 0; i < n; i++) {
		struct schema_list l = {0};

		schema_check(at->w, at->value, json_array_get(at->want, i), at->path,
			     &l);
		if (l.count == 0) {
			schema_list_release(&l);
			return i;
		}
		if (inner->count == 0) {
			schema_list_release(inner);
			*inner = l;
			continue;
		}
		if (inner->count + l.count > SCHEMA_ERRORS_MAX) {
			schema_list_release(&l);
			continue;
		}
		inner->items = xreallocarray(inner->items, inner->count + l.count,
					     sizeof(*inner->items));
		inner->size = inner->count + l.count;
		for (size_t k = 0; k < l.count; k++) {
			inner->items[inner->count++] = l.items[k];
		}
		free(l.items);
	}
	return i;
}

static void check_any(const struct schema_at *at)
{
	struct schema_list inner = {0};

	if (json_is_array(at->want) &&
	    first_fit(at, &inner) == json_array_size(at->want)) {
		none_fits(at, &inner);
	}
	schema_list_release(&inner);
}

/* All that fit are named, the first of them last. */
static void several_fit(const struct schema_at *at, size_t first, size_t second)
{
	struct schema_problem *p;
	struct buf b;

	buf_init(&b);
	for (size_t i = second; i < json_array_size(at->want); i++) {
		json_t *schema = json_array_get(at->want, i);

		if (i == second || schema_is_valid(at->w, at->value, schema)) {
			schema_text(&b, schema);
			buf_adds(&b, ", ");
		}
	}
	schema_text(&b, json_array_get(at->want, first));
	p = schema_problem_add(at, "is valid under each of %s", b.data);
	if (p != NULL) {
		p->weak = 1;
	}
	buf_release(&b);
}

static void check_one(const struct schema_at *at)
{
	struct schema_list inner = {0};
	size_t n = json_array_size(at->want);
	size_t first;

	if (!json_is_array(at->want)) {
		return;
	}
	first = first_fit(at, &inner);
	if (first == n) {
		none_fits(at, &inner);
	}
	schema_list_release(&inner);
	for (size_t i = first + 1; i < n; i++) {
		if (schema_is_valid(at->w, at->value, json_array_get(at->want, i))) {
			several_fit(at, first, i);
			return;
		}
	}
}

static void check_all(const struct schema_at *at)
{
	size_t i;
	json_t *schema;

	json_array_foreach (at->want, i, schema) {
		schema_check(at->w, at->value, schema, at->path, at->out);
	}
}

static void check_not(const struct schema_at *at)
{
	struct buf b;

	if (!schema_is_valid(at->w, at->value, at->want)) {
		return;
	}
	buf_init(&b);
	schema_text(&b, at->want);
	(void)schema_problem_add(at, "should not be valid under %s", b.data);
	buf_release(&b);
}

static void check_if(const struct schema_at *at)
{
	const json_t *branch = json_object_get(
	    at->schema, schema_is_valid(at->w, at->value, at->want) ? "then" : "else");

	if (branch != NULL) {
		schema_check(at->w, at->value, branch, at->path, at->out);
	}
}

const struct schema_keyword schema_choice_keywords[] = {
    {"anyOf", check_any}, {"oneOf", check_one}, {"allOf", check_all},
    {"not", check_not},   {"if", check_if},     {NULL, NULL},
};
