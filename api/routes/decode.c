/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - one table walk: presence, null, type, limits, unknown keys.
 *
 * The scalar rules are in decode_scalar.c.
 */
#include "api/routes/decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/http/http.h"
#include "api/routes/decode_priv.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/timefmt.h"
#include "base/uuid.h"

void decode_join(char *dst, size_t size, const char *loc, const char *name)
{
	/* what is too long is cut: it names a place for people */
	if (snprintf(dst, size, "%s%s%s", loc, loc[0] != '\0' ? "." : "", name) < 0) {
		dst[0] = '\0';
	}
}

static void bad_length(const struct decode_at *at, size_t got)
{
	char msg[128];
	int few = at->f->min > 0 && got < (size_t)at->f->min;
	int64_t bound = few ? at->f->min : at->f->max;

	if (at->f->type == F_STR) {
		(void)snprintf(msg, sizeof(msg),
			       "String should have at %s %" PRId64 " character%s",
			       few ? "least" : "most", bound, bound == 1 ? "" : "s");
		http_invalid_add(at->v, few ? "string_too_short" : "string_too_long",
				 at->loc, at->value, msg);
		return;
	}
	(void)snprintf(msg, sizeof(msg),
		       "List should have at %s %" PRId64
		       " item%s after validation, not %zu",
		       few ? "least" : "most", bound, bound == 1 ? "" : "s", got);
	http_invalid_add_ctx(
	    at->v, few ? "too_short" : "too_long", at->loc, at->value, msg,
	    json_pack("{s:s,s:I,s:I}", "field_type", "List",
		      few ? "min_length" : "max_length", (json_int_t)bound,
		      "actual_length", (json_int_t)got));
}

/* Code points of valid UTF-8, which is what the reference counts. */
static size_t text_length(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++) {
		n += ((unsigned char)*s & 0xc0) != 0x80;
	}
	return n;
}

static int length_ok(const struct decode_at *at, size_t len)
{
	const struct field *f = at->f;

	if ((f->min != 0 || f->max != 0) &&
	    ((f->min > 0 && len < (size_t)f->min) ||
	     (f->max >= f->min && len > (size_t)f->max))) {
		bad_length(at, len);
		return 0;
	}
	return 1;
}

static void bad_choice(const struct decode_at *at)
{
	struct buf msg;
	size_t i;

	buf_init(&msg);
	buf_adds(&msg, "Input should be ");
	for (i = 0; at->f->choices[i] != NULL; i++) {
		if (i > 0) {
			buf_adds(&msg, at->f->choices[i + 1] != NULL ? ", " : " or ");
		}
		buf_addf(&msg, "'%s'", at->f->choices[i]);
	}
	http_invalid_add(at->v,
			 (at->f->flags & F_LITERAL) != 0 ? "literal_error" : "enum",
			 at->loc, at->value, msg.data);
	buf_release(&msg);
}

static void put_str(const struct decode_at *at)
{
	const char *s = json_string_value(at->value);
	size_t i;

	if (at->f->choices != NULL) {
		for (i = 0; s != NULL && at->f->choices[i] != NULL; i++) {
			if (strcmp(s, at->f->choices[i]) == 0) {
				*(const char **)at->out = s;
				return;
			}
		}
		bad_choice(at);
		return;
	}
	if (s == NULL) {
		http_invalid_add(at->v, "string_type", at->loc, at->value,
				 "Input should be a valid string");
		return;
	}
	if ((at->f->flags & F_NAME) != 0 &&
	    (s[0] == '\0' || strpbrk(s, "/%&><") != NULL)) {
		http_invalid_add(at->v, "string_pattern_mismatch", at->loc, at->value,
				 "String should match pattern '^[^/%&><]+$'");
		return;
	}
	if ((at->f->flags & F_NONEMPTY) != 0 && s[0] == '\0') {
		http_invalid_add(at->v, "string_too_short", at->loc, at->value,
				 "String should have at least 1 character");
		return;
	}
	if (length_ok(at, text_length(s))) {
		*(const char **)at->out = s;
	}
}

static void put_tree(const struct decode_at *at)
{
	json_t **out = at->out;

	if (at->f->type == F_OBJ && !json_is_object(at->value)) {
		if ((at->f->flags & F_MODEL) != 0) {
			decode_not_an_object(at->loc, at->value, at->v);
		} else {
			http_invalid_add(at->v, "dict_type", at->loc, at->value,
					 "Input should be a valid dictionary");
		}
		return;
	}
	if ((at->f->type == F_ARR || at->f->type == F_TAGS) &&
	    !json_is_array(at->value)) {
		http_invalid_add(at->v, "list_type", at->loc, at->value,
				 "Input should be a valid list");
		return;
	}
	if (at->f->type == F_ARR && !length_ok(at, json_array_size(at->value))) {
		return;
	}
	*out = at->value;
}

static void put_tags(const struct decode_at *at)
{
	size_t i, before = http_invalid_count(at->v);
	char loc[DECODE_LOC_MAX], index[24];
	json_t *tag;

	if (!json_is_array(at->value)) {
		put_tree(at);
		return;
	}
	json_array_foreach (at->value, i, tag) {
		if (!json_is_string(tag)) {
			(void)snprintf(index, sizeof(index), "%zu", i);
			decode_join(loc, sizeof(loc), at->loc, index);
			http_invalid_add(at->v, "string_type", loc, tag,
					 "Input should be a valid string");
		}
	}
	if (http_invalid_count(at->v) == before) {
		*(json_t **)at->out = at->value;
	}
}

/* Each value is one of four plain types; one that is none has a problem for each. */
static void put_labels(const struct decode_at *at)
{
	static const struct {
		const char *name, *type, *msg;
	} kinds[] = {
	    {"bool", "bool_type", "Input should be a valid boolean"},
	    {"int", "int_type", "Input should be a valid integer"},
	    {"float", "float_type", "Input should be a valid number"},
	    {"str", "string_type", "Input should be a valid string"},
	};
	size_t i, before = http_invalid_count(at->v);
	char where[DECODE_LOC_MAX], loc[DECODE_LOC_MAX];
	const char *key;
	json_t *v;

	if (!json_is_object(at->value)) {
		http_invalid_add(at->v, "dict_type", at->loc, at->value,
				 "Input should be a valid dictionary");
		return;
	}
	json_object_foreach (at->value, key, v) {
		if (json_is_boolean(v) || json_is_number(v) || json_is_string(v)) {
			continue;
		}
		decode_join(where, sizeof(where), at->loc, key);
		for (i = 0; i < ARRAY_LEN(kinds); i++) {
			decode_join(loc, sizeof(loc), where, kinds[i].name);
			http_invalid_add(at->v, kinds[i].type, loc, v, kinds[i].msg);
		}
	}
	if (http_invalid_count(at->v) == before) {
		*(json_t **)at->out = at->value;
	}
}

void decode_value(const struct decode_at *at)
{
	switch (at->f->type) {
	case F_STR:
		put_str(at);
		return;
	case F_INT:
		decode_int(at);
		return;
	case F_REAL:
		decode_real(at);
		return;
	case F_BOOL:
		decode_bool(at);
		return;
	case F_UUID:
		decode_uuid(at);
		return;
	case F_TIME:
		decode_time(at);
		return;
	case F_TAGS:
		put_tags(at);
		return;
	case F_LABEL_MAP:
		put_labels(at);
		return;
	case F_OBJ:
	case F_ARR:
	case F_ANY:
		put_tree(at);
		return;
	}
	BUG("field %s has no type", at->f->name);
}

static int is_empty(const json_t *v)
{
	return json_is_null(v) || json_is_false(v) ||
	       (json_is_number(v) && json_number_value(v) == 0.0) ||
	       (json_is_string(v) && json_string_length(v) == 0) ||
	       (json_is_array(v) && json_array_size(v) == 0) ||
	       (json_is_object(v) && json_object_size(v) == 0);
}

static void decode_field(const json_t *obj, size_t i, struct decode_at *at,
			 struct decoded *d, const json_t *missing_input)
{
	const struct field *f = at->f;
	int not_null = (f->flags & (F_NOT_NULL | F_REQUIRED)) != 0 && f->type != F_ANY;
	size_t before = http_invalid_count(at->v);

	at->value = json_object_get(obj, f->name);
	if (at->value == NULL) {
		if ((f->flags & F_REQUIRED) != 0) {
			http_invalid_add(at->v, "missing", at->loc, missing_input,
					 "Field required");
		}
		return;
	}
	if ((f->flags & F_OR_MADE) != 0 && is_empty(at->value)) {
		return;
	}
	if (json_is_null(at->value) && f->type != F_ANY && !not_null) {
		d->null |= (uint64_t)1 << i;
		return;
	}
	decode_value(at);
	if (http_invalid_count(at->v) == before) {
		d->present |= (uint64_t)1 << i;
	}
}

static void find_extra(const json_t *obj, const struct field *fields, size_t count,
		       const char *loc, struct http_invalid *v)
{
	char at[DECODE_LOC_MAX];
	const char *key;
	json_t *value;
	size_t i;

	/* jansson's iteration does not change the object, but wants it unqualified */
	json_object_foreach ((json_t *)(uintptr_t)obj, key, value) {
		for (i = 0; i < count && strcmp(fields[i].name, key) != 0; i++) {
		}
		if (i == count) {
			decode_join(at, sizeof(at), loc, key);
			http_invalid_add(v, "extra_forbidden", at, value,
					 "Extra inputs are not permitted");
		}
	}
}

void decode_not_an_object(const char *loc, const json_t *value, struct http_invalid *v)
{
	http_invalid_add(
	    v, "model_attributes_type", loc, value,
	    "Input should be a valid dictionary or object to extract fields from");
}

/* NOLINTNEXTLINE(readability-function-size): the parameters of every caller's table */
size_t decode_object(const json_t *obj, const struct field *fields, size_t count,
		     int forbid, const char *loc, void *out,
		     struct decoded *ret_decoded, struct http_invalid *v)
{
	struct decoded ignored, *d = ret_decoded != NULL ? ret_decoded : &ignored;
	const json_t *missing_input = forbid || loc[0] != '\0' ? obj : NULL;
	size_t i, before = http_invalid_count(v);
	char where[DECODE_LOC_MAX];
	struct decode_at at = {.loc = where, .v = v};

	PRE(count <= 64);
	*d = (struct decoded){0};
	if (!json_is_object(obj)) {
		decode_not_an_object(loc, obj, v);
		return 1;
	}
	for (i = 0; i < count; i++) {
		at.f = &fields[i];
		at.out = (char *)out + fields[i].offset;
		decode_join(where, sizeof(where), loc, fields[i].name);
		decode_field(obj, i, &at, d, missing_input);
	}
	if (forbid) {
		find_extra(obj, fields, count, loc, v);
	}
	return http_invalid_count(v) - before;
}
