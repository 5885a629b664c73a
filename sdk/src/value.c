/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.c - reading and making JSON values; every misuse is an error with its place.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "sdk/src/body.h"

#define SHOWN_MAX 120 /* of a value in a message */

static const char *const type_words[] = {
    "null", "a boolean", "an integer", "a number", "a text", "an array", "an object"};

enum wf_type wf_type(wf_json v)
{
	if (v == NULL) {
		return WF_NULL;
	}
	switch (json_typeof(raw(v))) {
	case JSON_TRUE:
	case JSON_FALSE:
		return WF_BOOL;
	case JSON_INTEGER:
		return WF_INT;
	case JSON_REAL:
		return WF_REAL;
	case JSON_STRING:
		return WF_TEXT;
	case JSON_ARRAY:
		return WF_ARRAY;
	case JSON_OBJECT:
		return WF_OBJECT;
	case JSON_NULL:
		break;
	}
	return WF_NULL;
}

static int fits(const json_t *v, enum wf_type want)
{
	if (want == WF_REAL) {
		return json_is_number(v);
	}
	return v != NULL && wf_type(cooked(v)) == want;
}

static const char *shown(const json_t *v)
{
	char *text = json_text(v);

	if (strlen(text) > SHOWN_MAX) {
		memcpy(text + SHOWN_MAX, "...", 4);
	}
	return keep_text(text);
}

/* The member KEY of type WANT, or NULL after an error (MISSING_OK: only for a type). */
static const json_t *member(const char *file, int line, wf_json v, const char *key,
			    int want, int missing_ok)
{
	const json_t *m;

	if (body_failed()) {
		return NULL;
	}
	if (key == NULL) {
		body_error(file, line, "the key is NULL");
		return NULL;
	}
	if (wf_type(v) != WF_OBJECT) {
		body_error(file, line, "'%s' is looked for in %s, not in an object",
			   key, v == NULL ? "NULL" : type_words[wf_type(v)]);
		return NULL;
	}
	m = json_object_get(raw(v), key);
	if (m == NULL || (json_is_null(m) && want >= 0)) {
		if (!missing_ok) {
			body_error(file, line, "'%s' is missing in %s", key,
				   shown(raw(v)));
		}
		return NULL;
	}
	if (want >= 0 && !fits(m, (enum wf_type)want)) {
		body_error(file, line, "'%s' must be %s, not %s: %s", key,
			   type_words[want], type_words[wf_type(cooked(m))], shown(m));
		return NULL;
	}
	return m;
}

const char *wf_str_at(const char *file, int line, wf_json v, const char *key)
{
	return wf_str_or_at(file, line, v, key, NULL);
}

const char *wf_str_or_at(const char *file, int line, wf_json v, const char *key,
			 const char *def)
{
	const json_t *m = member(file, line, v, key, WF_TEXT, def != NULL);

	if (m != NULL) {
		return json_string_value(m);
	}
	return def != NULL ? def : "";
}

int64_t wf_i64_at(const char *file, int line, wf_json v, const char *key)
{
	return json_integer_value(member(file, line, v, key, WF_INT, 0));
}

int64_t wf_i64_or_at(const char *file, int line, wf_json v, const char *key,
		     int64_t def)
{
	const json_t *m = member(file, line, v, key, WF_INT, 1);

	return m != NULL ? json_integer_value(m) : def;
}

double wf_f64_at(const char *file, int line, wf_json v, const char *key)
{
	return json_number_value(member(file, line, v, key, WF_REAL, 0));
}

double wf_f64_or_at(const char *file, int line, wf_json v, const char *key, double def)
{
	const json_t *m = member(file, line, v, key, WF_REAL, 1);

	return m != NULL ? json_number_value(m) : def;
}

bool wf_flag_at(const char *file, int line, wf_json v, const char *key)
{
	return json_is_true(member(file, line, v, key, WF_BOOL, 0));
}

bool wf_flag_or_at(const char *file, int line, wf_json v, const char *key, bool def)
{
	const json_t *m = member(file, line, v, key, WF_BOOL, 1);

	return m != NULL ? json_is_true(m) : def;
}

wf_json wf_at_at(const char *file, int line, wf_json v, const char *key)
{
	return cooked(member(file, line, v, key, -1, 0));
}

bool wf_has(wf_json v, const char *key)
{
	const json_t *m =
	    v != NULL && key != NULL ? json_object_get(raw(v), key) : NULL;

	return m != NULL && !json_is_null(m);
}

size_t wf_len(wf_json v)
{
	return wf_type(v) == WF_OBJECT ? json_object_size(raw(v))
				       : json_array_size(raw(v));
}

/* The I-th member of an object: the iterator is walked, keys keep their order. */
static void *nth(json_t *obj, size_t i)
{
	void *at = json_object_iter(obj);

	while (i-- > 0 && at != NULL) {
		at = json_object_iter_next(obj, at);
	}
	return at;
}

wf_json wf_item_at(const char *file, int line, wf_json v, size_t i)
{
	if (body_failed()) {
		return NULL;
	}
	if (wf_type(v) != WF_ARRAY && wf_type(v) != WF_OBJECT) {
		body_error(file, line, "item %zu is looked for in %s, not in an array",
			   i, v == NULL ? "NULL" : type_words[wf_type(v)]);
		return NULL;
	}
	if (i >= wf_len(v)) {
		body_error(file, line, "item %zu is looked for in %zu items", i,
			   wf_len(v));
		return NULL;
	}
	return cooked(wf_type(v) == WF_ARRAY ? json_array_get(raw(v), i)
					     : json_object_iter_value(nth(raw(v), i)));
}

const char *wf_key_at(const char *file, int line, wf_json v, size_t i)
{
	if (body_failed()) {
		return "";
	}
	if (wf_type(v) != WF_OBJECT || i >= wf_len(v)) {
		body_error(file, line, "there is no key %zu in %s", i,
			   v == NULL ? "NULL" : shown(raw(v)));
		return "";
	}
	return json_object_iter_key(nth(raw(v), i));
}

static int is_a(const char *file, int line, wf_json v, enum wf_type want)
{
	if (body_failed()) {
		return 0;
	}
	if (!fits(raw(v), want)) {
		body_error(file, line, "the value must be %s, not %s", type_words[want],
			   v == NULL ? "NULL" : shown(raw(v)));
		return 0;
	}
	return 1;
}

const char *wf_as_str_at(const char *file, int line, wf_json v)
{
	return is_a(file, line, v, WF_TEXT) ? json_string_value(raw(v)) : "";
}

int64_t wf_as_i64_at(const char *file, int line, wf_json v)
{
	return is_a(file, line, v, WF_INT) ? json_integer_value(raw(v)) : 0;
}

double wf_as_f64_at(const char *file, int line, wf_json v)
{
	return is_a(file, line, v, WF_REAL) ? json_number_value(raw(v)) : 0;
}

bool wf_as_flag_at(const char *file, int line, wf_json v)
{
	return is_a(file, line, v, WF_BOOL) && json_is_true(raw(v));
}

const char *wf_text(wf_json v)
{
	return v != NULL ? keep_text(json_text(raw(v))) : "null";
}

bool wf_equal(wf_json a, wf_json b)
{
	return json_equal(raw(a), raw(b)) != 0 || a == b;
}

wf_json wf_arr(wf_ctx *ctx)
{
	(void)ctx;
	return cooked(keep(json_array()));
}

wf_json wf_null(void)
{
	return cooked(json_null());
}

wf_json wf_from_text(const char *text)
{
	json_t *v = text != NULL ? json_string(text) : json_null();

	return cooked(keep(v != NULL ? v : json_string("")));
}

wf_json wf_from_i64(int64_t n)
{
	return cooked(keep(json_integer(n)));
}

wf_json wf_from_f64(double n)
{
	json_t *v = json_real(n);

	return cooked(v != NULL ? keep(v) : json_null());
}

wf_json wf_from_flag(bool b)
{
	return cooked(json_boolean(b));
}

void wf_push_at(const char *file, int line, wf_json arr, wf_json v)
{
	if (body_failed()) {
		return;
	}
	if (wf_type(arr) != WF_ARRAY) {
		body_error(file, line, "a value is added to %s, not to an array",
			   arr == NULL ? "NULL" : type_words[wf_type(arr)]);
	} else if (arr == v) {
		body_error(file, line, "an array is added to itself");
	} else {
		(void)json_array_append(raw(arr), v != NULL ? raw(v) : json_null());
	}
}

void wf_set_at(const char *file, int line, wf_json obj, const char *key, wf_json v)
{
	if (body_failed()) {
		return;
	}
	if (wf_type(obj) != WF_OBJECT || key == NULL) {
		body_error(file, line, "a member is set in %s, not in an object",
			   obj == NULL ? "NULL" : type_words[wf_type(obj)]);
	} else if (obj == v || json_object_set(raw(obj), key,
					       v != NULL ? raw(v) : json_null()) != 0) {
		body_error(file, line, "the member '%.60s' cannot be set", key);
	}
}

wf_json wf_parse_at(const char *file, int line, const char *text)
{
	struct error err;
	json_t *v;

	if (body_failed()) {
		return NULL;
	}
	if (text == NULL) {
		body_error(file, line, "the JSON text is NULL");
		return NULL;
	}
	v = json_parse(text, strlen(text), BODY_FRAME_MAX, &err);
	if (v == NULL) {
		body_error(file, line, "this is not JSON: %s", err.msg);
	}
	return cooked(keep(v));
}

wf_json wf_json_at(const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	json_t *v;

	if (body_failed()) {
		return NULL;
	}
	va_start(ap, fmt);
	v = template_make(file, line, fmt, &ap);
	va_end(ap);
	return cooked(keep(v));
}
