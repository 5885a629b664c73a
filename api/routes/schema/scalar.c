/* SPDX-License-Identifier: Apache-2.0 */
/* scalar.c - keywords about one value: type, enum, const, numbers, strings. */
#include "api/routes/schema/check.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "api/routes/schema/schema.h"
#include "api/routes/schema/text.h"

static int is_type(const json_t *v, const char *type)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		return strcmp(type, "string") == 0;
	case JSON_INTEGER:
		return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
	case JSON_REAL:
		return strcmp(type, "number") == 0 ||
		       (strcmp(type, "integer") == 0 &&
			json_real_value(v) == floor(json_real_value(v)));
	case JSON_TRUE:
	case JSON_FALSE:
		return strcmp(type, "boolean") == 0;
	case JSON_NULL:
		return strcmp(type, "null") == 0;
	case JSON_ARRAY:
		return strcmp(type, "array") == 0;
	case JSON_OBJECT:
		return strcmp(type, "object") == 0;
	}
	return 0;
}

int schema_type_matches(const json_t *value, const json_t *types)
{
	size_t i;
	json_t *t;

	if (json_is_string(types)) {
		return is_type(value, json_string_value(types));
	}
	json_array_foreach (types, i, t) {
		if (json_is_string(t) && is_type(value, json_string_value(t))) {
			return 1;
		}
	}
	return 0;
}

/* 1 and 1.0 are the same number. */
int schema_equal(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b)) {
		return json_number_value(a) == json_number_value(b);
	}
	return json_equal(a, b);
}

static void check_type(const struct schema_at *at)
{
	struct buf b;
	size_t i;
	json_t *t;

	if (schema_type_matches(at->value, at->want) ||
	    (!json_is_string(at->want) && !json_is_array(at->want))) {
		return;
	}
	buf_init(&b);
	if (json_is_string(at->want)) {
		schema_text(&b, at->want);
	}
	json_array_foreach (at->want, i, t) {
		buf_adds(&b, i > 0 ? ", " : "");
		schema_text(&b, t);
	}
	(void)schema_problem_add(at, "is not of type %s", b.data);
	buf_release(&b);
}

static void check_enum(const struct schema_at *at)
{
	struct buf b;
	size_t i;
	json_t *v;

	json_array_foreach (at->want, i, v) {
		if (schema_equal(v, at->value)) {
			return;
		}
	}
	buf_init(&b);
	schema_text(&b, at->want);
	(void)schema_problem_add(at, "is not one of %s", b.data);
	buf_release(&b);
}

static void check_const(const struct schema_at *at)
{
	struct buf b;

	if (schema_equal(at->want, at->value)) {
		return;
	}
	buf_init(&b);
	schema_text(&b, at->want);
	buf_adds(&b, " was expected");
	(void)schema_problem_take(at, buf_take(&b, NULL));
	buf_release(&b);
}

static void bound_problem(const struct schema_at *at, const char *text)
{
	struct buf b;

	buf_init(&b);
	schema_text(&b, at->want);
	(void)schema_problem_add(at, "%s %s", text, b.data);
	buf_release(&b);
}

static int numbers(const struct schema_at *at)
{
	return json_is_number(at->value) && json_is_number(at->want);
}

static void check_minimum(const struct schema_at *at)
{
	if (numbers(at) && json_number_value(at->value) < json_number_value(at->want)) {
		bound_problem(at, "is less than the minimum of");
	}
}

static void check_maximum(const struct schema_at *at)
{
	if (numbers(at) && json_number_value(at->value) > json_number_value(at->want)) {
		bound_problem(at, "is greater than the maximum of");
	}
}

static void check_above(const struct schema_at *at)
{
	if (numbers(at) &&
	    json_number_value(at->value) <= json_number_value(at->want)) {
		bound_problem(at, "is less than or equal to the minimum of");
	}
}

static void check_below(const struct schema_at *at)
{
	if (numbers(at) &&
	    json_number_value(at->value) >= json_number_value(at->want)) {
		bound_problem(at, "is greater than or equal to the maximum of");
	}
}

static void check_multiple(const struct schema_at *at)
{
	double q;

	if (!numbers(at) || json_number_value(at->want) == 0) {
		return;
	}
	q = json_number_value(at->value) / json_number_value(at->want);
	if (q != floor(q)) {
		bound_problem(at, "is not a multiple of");
	}
}

/* Code points, not bytes. */
static json_int_t text_length(const json_t *v)
{
	const char *s = json_string_value(v);
	size_t len = json_string_length(v);
	json_int_t n = 0;

	for (size_t i = 0; i < len; i++) {
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	}
	return n;
}

static void check_min_length(const struct schema_at *at)
{
	json_int_t min = json_integer_value(at->want);

	if (json_is_string(at->value) && text_length(at->value) < min) {
		(void)schema_problem_add(
		    at, "%s", min == 1 ? "should be non-empty" : "is too short");
	}
}

static void check_max_length(const struct schema_at *at)
{
	json_int_t max = json_integer_value(at->want);

	if (json_is_string(at->value) && json_is_integer(at->want) &&
	    text_length(at->value) > max) {
		(void)schema_problem_add(
		    at, "%s", max == 0 ? "is expected to be empty" : "is too long");
	}
}

static void check_pattern(const struct schema_at *at)
{
	struct buf b;

	if (!json_is_string(at->value) || !json_is_string(at->want) ||
	    schema_pattern_matches(json_string_value(at->want),
				   json_string_value(at->value))) {
		return;
	}
	buf_init(&b);
	schema_text(&b, at->want);
	(void)schema_problem_add(at, "does not match %s", b.data);
	buf_release(&b);
}

const struct schema_keyword schema_scalar_keywords[] = {
    {"type", check_type},
    {"enum", check_enum},
    {"const", check_const},
    {"minimum", check_minimum},
    {"maximum", check_maximum},
    {"exclusiveMinimum", check_above},
    {"exclusiveMaximum", check_below},
    {"multipleOf", check_multiple},
    {"minLength", check_min_length},
    {"maxLength", check_max_length},
    {"pattern", check_pattern},
    {NULL, NULL},
};
