/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - jansson with our limits.
 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/timefmt.h"
#include "base/uuid.h"

json_t *json_parse_at(const char *text, size_t len, size_t max, size_t *ret_offset,
		      struct error *err)
{
	json_error_t je;
	json_t *v;

	if (len > max) {
		err_set(err, ERR_TOO_LARGE,
			"JSON of %zu bytes; at most %zu are accepted", len, max);
		return NULL;
	}
	v = json_loadb(text, len,
		       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &je);
	if (v != NULL) {
		return v;
	}
	if (ret_offset != NULL) {
		*ret_offset = je.position < 0 ? 0 : (size_t)je.position;
	}
	err_set(err, ERR_INVALID, "JSON: %s (line %d, column %d, byte %d)", je.text,
		je.line, je.column, je.position);
	return NULL;
}

json_t *json_parse(const char *text, size_t len, size_t max, struct error *err)
{
	return json_parse_at(text, len, max, NULL, err);
}

static const char *type_name(const json_t *v)
{
	if (v == NULL) {
		return "nothing";
	}
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		return "null";
	}
	return "unknown";
}

static int wrong_type(const json_t *v, const char *key, const char *want,
		      struct error *err)
{
	return err_set(err, ERR_INVALID, "\"%s\" must be %s, not %s", key, want,
		       type_name(v));
}

/* 1 and the member, 0 when absent or null, -ERR_INVALID when OBJ is no object. */
static int member(const json_t *obj, const char *key, json_t **ret_v, struct error *err)
{
	json_t *v;

	if (obj != NULL && !json_is_object(obj)) {
		return err_set(err, ERR_INVALID,
			       "an object is needed to read \"%s\" from, not %s", key,
			       type_name(obj));
	}
	v = json_object_get(obj, key);
	if (v == NULL || json_is_null(v)) {
		return 0;
	}
	*ret_v = v;
	return 1;
}

int json_get_str(const json_t *obj, const char *key, const char **ret_str,
		 struct error *err)
{
	json_t *v = NULL;
	int rc = member(obj, key, &v, err);

	if (rc <= 0) {
		return rc;
	}
	if (!json_is_string(v)) {
		return wrong_type(v, key, "a string", err);
	}
	if (strlen(json_string_value(v)) != json_string_length(v)) {
		return err_set(err, ERR_INVALID, "\"%s\" must not hold a NUL character",
			       key);
	}
	*ret_str = json_string_value(v);
	return 1;
}

int json_get_int(const json_t *obj, const char *key, int64_t *ret_int,
		 struct error *err)
{
	json_t *v = NULL;
	int rc = member(obj, key, &v, err);

	if (rc <= 0) {
		return rc;
	}
	if (!json_is_integer(v)) {
		return wrong_type(v, key, "an integer", err);
	}
	*ret_int = json_integer_value(v);
	return 1;
}

int json_get_real(const json_t *obj, const char *key, double *ret_real,
		  struct error *err)
{
	json_t *v = NULL;
	int rc = member(obj, key, &v, err);

	if (rc <= 0) {
		return rc;
	}
	if (!json_is_number(v)) {
		return wrong_type(v, key, "a number", err);
	}
	*ret_real = json_number_value(v);
	return 1;
}

int json_get_bool(const json_t *obj, const char *key, int *ret_bool, struct error *err)
{
	json_t *v = NULL;
	int rc = member(obj, key, &v, err);

	if (rc <= 0) {
		return rc;
	}
	if (!json_is_boolean(v)) {
		return wrong_type(v, key, "true or false", err);
	}
	*ret_bool = json_is_true(v);
	return 1;
}

int json_get_obj(const json_t *obj, const char *key, json_t **ret_obj,
		 struct error *err)
{
	json_t *v = NULL;
	int rc = member(obj, key, &v, err);

	if (rc <= 0) {
		return rc;
	}
	if (!json_is_object(v)) {
		return wrong_type(v, key, "an object", err);
	}
	*ret_obj = v;
	return 1;
}

int json_get_arr(const json_t *obj, const char *key, json_t **ret_arr,
		 struct error *err)
{
	json_t *v = NULL;
	int rc = member(obj, key, &v, err);

	if (rc <= 0) {
		return rc;
	}
	if (!json_is_array(v)) {
		return wrong_type(v, key, "an array", err);
	}
	*ret_arr = v;
	return 1;
}

int json_get_uuid(const json_t *obj, const char *key, struct uuid *ret_uuid,
		  struct error *err)
{
	const char *text = NULL;
	int rc = json_get_str(obj, key, &text, err);

	if (rc <= 0) {
		return rc;
	}
	if (uuid_parse(text, ret_uuid) < 0) {
		return err_set(err, ERR_INVALID, "\"%s\" must be a UUID", key);
	}
	return 1;
}

int json_get_time(const json_t *obj, const char *key, int64_t *ret_at_us,
		  struct error *err)
{
	const char *text = NULL;
	int rc = json_get_str(obj, key, &text, err);

	if (rc <= 0) {
		return rc;
	}
	if (time_parse(text, ret_at_us, NULL, NULL, err) < 0) {
		return err_wrap(err, "\"%s\"", key);
	}
	return 1;
}

int json_has(const json_t *obj, const char *key)
{
	return json_object_get(obj, key) != NULL;
}

char *json_text(const json_t *v)
{
	struct buf b;

	buf_init(&b);
	jsonw_tree(&b, v, 0);
	return buf_take(&b, NULL);
}

char *json_text_sorted(const json_t *v)
{
	struct buf b;

	buf_init(&b);
	jsonw_tree(&b, v, 1);
	return buf_take(&b, NULL);
}

/* Merges SRC into DST, which is ours alone at every level that it changes. */
static void merge_into(json_t *dst, const json_t *src)
{
	const char *key;
	json_t *v;

	/* jansson's iteration macro wants a mutable pointer; nothing is changed */
	json_object_foreach ((json_t *)(uintptr_t)src, key, v) {
		json_t *old = json_object_get(dst, key);

		if (json_is_object(old) && json_is_object(v)) {
			merge_into(old, v);
		} else {
			json_object_set_new(dst, key, json_deep_copy(v));
		}
	}
}

json_t *json_merged(const json_t *base, const json_t *over)
{
	json_t *out;

	if (!json_is_object(base) || !json_is_object(over)) {
		return json_deep_copy(over != NULL ? over : base);
	}
	out = json_deep_copy(base);
	if (out != NULL) {
		merge_into(out, over);
	}
	return out;
}
