/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonw.c - JSON writer.  need_comma[] holds, per open level, whether an entry was
 * written and whether the level is an object.
 */
#include "base/jsonw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/timefmt.h"
#include "base/utf8.h"
#include "base/uuid.h"

#define TREE_DEPTH_MAX 2048 /* what jansson's parser accepts */

enum { LEVEL_COMMA = 1u << 0, LEVEL_OBJ = 1u << 1 };

void jsonw_init(struct jsonw *w, struct buf *out)
{
	*w = (struct jsonw){.out = out};
}

static void put_char(struct buf *out, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	switch (c) {
	case '"':
		buf_add(out, "\\\"", 2);
		break;
	case '\\':
		buf_add(out, "\\\\", 2);
		break;
	case '\n':
		buf_add(out, "\\n", 2);
		break;
	case '\r':
		buf_add(out, "\\r", 2);
		break;
	case '\t':
		buf_add(out, "\\t", 2);
		break;
	default:
		buf_add(out, "\\u00", 4);
		buf_addc(out, digits[c >> 4]);
		buf_addc(out, digits[c & 15]);
		break;
	}
}

static void put_string(struct buf *out, const char *s, size_t len)
{
	size_t start = 0;
	size_t at = 0;

	buf_reserve(out, len + 2);
	buf_addc(out, '"');
	while (at < len) {
		unsigned char c = (unsigned char)s[at];
		size_t n = 1;

		if (c >= 0x80) {
			n = utf8_length(s + at, len - at);
		}
		if (n > 0 && c >= 0x20 && c != '"' && c != '\\') {
			at += n;
			continue;
		}
		buf_add(out, s + start, at - start);
		if (n == 0) {
			buf_add(out, "\xef\xbf\xbd", 3);
		} else {
			put_char(out, c);
		}
		start = ++at;
	}
	buf_add(out, s + start, len - start);
	buf_addc(out, '"');
}

/* Comma and key of the next value. */
static void lead(struct jsonw *w, const char *key)
{
	unsigned char *level = &w->need_comma[w->depth];

	PRE((key != NULL) == ((*level & LEVEL_OBJ) != 0));
	if ((*level & LEVEL_COMMA) != 0) {
		buf_addc(w->out, ',');
	}
	*level |= LEVEL_COMMA;
	if (key != NULL) {
		put_string(w->out, key, strlen(key));
		buf_addc(w->out, ':');
	}
}

static void enter(struct jsonw *w, const char *key, char open, unsigned char flags)
{
	lead(w, key);
	buf_addc(w->out, open);
	PRE(w->depth + 1 < (int)ARRAY_LEN(w->need_comma));
	w->need_comma[++w->depth] = flags;
}

static void leave(struct jsonw *w, char close, unsigned char flags)
{
	PRE(w->depth > 0 && (w->need_comma[w->depth] & LEVEL_OBJ) == flags);
	w->depth--;
	buf_addc(w->out, close);
}

void jsonw_obj(struct jsonw *w, const char *key)
{
	enter(w, key, '{', LEVEL_OBJ);
}

void jsonw_obj_end(struct jsonw *w)
{
	leave(w, '}', LEVEL_OBJ);
}

void jsonw_arr(struct jsonw *w, const char *key)
{
	enter(w, key, '[', 0);
}

void jsonw_arr_end(struct jsonw *w)
{
	leave(w, ']', 0);
}

void jsonw_null(struct jsonw *w, const char *key)
{
	lead(w, key);
	buf_add(w->out, "null", 4);
}

void jsonw_strn(struct jsonw *w, const char *key, const char *s, size_t len)
{
	if (s == NULL) {
		jsonw_null(w, key);
		return;
	}
	lead(w, key);
	put_string(w->out, s, len);
}

void jsonw_str(struct jsonw *w, const char *key, const char *s)
{
	jsonw_strn(w, key, s, s == NULL ? 0 : strlen(s));
}

static void put_int(struct buf *out, int64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld", (long long)v);

	buf_add(out, text, (size_t)n);
}

void jsonw_int(struct jsonw *w, const char *key, int64_t v)
{
	lead(w, key);
	put_int(w->out, v);
}

/* The shortest of 15, 16, 17 digits that reads back as V; always with '.' or an
 * exponent. */
static void put_real(struct buf *out, double v)
{
	char text[40];
	char *comma;

	if (!isfinite(v)) {
		buf_add(out, "null", 4); /* JSON has no other word for it */
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v) {
			break;
		}
	}
	comma = strchr(text, ',');
	if (comma != NULL) {
		*comma = '.'; /* the program set a locale with a decimal comma */
	}
	buf_adds(out, text);
	if (strpbrk(text, ".e") == NULL) {
		buf_add(out, ".0", 2);
	}
}

void jsonw_real(struct jsonw *w, const char *key, double v)
{
	lead(w, key);
	put_real(w->out, v);
}

void jsonw_bool(struct jsonw *w, const char *key, int v)
{
	lead(w, key);
	buf_adds(w->out, v ? "true" : "false");
}

void jsonw_uuid(struct jsonw *w, const char *key, const struct uuid *u)
{
	char text[UUID_TEXT_SIZE];

	jsonw_str(w, key, u == NULL ? NULL : uuid_format(u, text));
}

void jsonw_time(struct jsonw *w, const char *key, int64_t at_us)
{
	char text[TIME_TEXT_SIZE];

	jsonw_str(w, key,
		  at_us == TIME_NONE ? NULL : time_format(at_us, text, sizeof(text)));
}

void jsonw_raw(struct jsonw *w, const char *key, const char *json)
{
	lead(w, key);
	buf_adds(w->out, json == NULL || *json == '\0' ? "null" : json);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_tree(struct buf *out, const json_t *v, int sorted, int depth);

static void put_member(struct buf *out, const char *key, const json_t *v, int sorted,
		       int depth)
{
	put_string(out, key, strlen(key));
	buf_addc(out, ':');
	put_tree(out, v, sorted, depth);
}

static void put_sorted(struct buf *out, const json_t *obj, int depth)
{
	size_t count = 0;
	const char **keys = calloc(json_object_size(obj) + 1, sizeof(*keys));
	const char *key;
	json_t *v;

	if (keys == NULL) {
		BUG("out of memory for the keys of an object");
	}
	/* jansson's iteration macro wants a mutable pointer; nothing is changed */
	json_object_foreach ((json_t *)(uintptr_t)obj, key, v) {
		keys[count++] = key;
	}
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < count; i++) {
		if (i > 0) {
			buf_addc(out, ',');
		}
		put_member(out, keys[i], json_object_get(obj, keys[i]), 1, depth);
	}
	free(keys);
}

static void put_object(struct buf *out, const json_t *obj, int sorted, int depth)
{
	const char *key;
	json_t *v;
	int first = 1;

	buf_addc(out, '{');
	if (sorted) {
		put_sorted(out, obj, depth);
		buf_addc(out, '}');
		return;
	}
	json_object_foreach ((json_t *)(uintptr_t)obj, key, v) {
		if (!first) {
			buf_addc(out, ',');
		}
		first = 0;
		put_member(out, key, v, sorted, depth);
	}
	buf_addc(out, '}');
}

static void put_array(struct buf *out, const json_t *arr, int sorted, int depth)
{
	size_t count = json_array_size(arr);

	buf_addc(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0) {
			buf_addc(out, ',');
		}
		put_tree(out, json_array_get(arr, i), sorted, depth);
	}
	buf_addc(out, ']');
}

static void put_tree(struct buf *out, const json_t *v, int sorted, int depth)
{
	if (v == NULL || depth > TREE_DEPTH_MAX) {
		buf_add(out, "null", 4);
		return;
	}
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		put_object(out, v, sorted, depth + 1);
		break;
	case JSON_ARRAY:
		put_array(out, v, sorted, depth + 1);
		break;
	case JSON_STRING:
		put_string(out, json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		put_int(out, json_integer_value(v));
		break;
	case JSON_REAL:
		put_real(out, json_real_value(v));
		break;
	case JSON_TRUE:
		buf_add(out, "true", 4);
		break;
	case JSON_FALSE:
		buf_add(out, "false", 5);
		break;
	case JSON_NULL:
		buf_add(out, "null", 4);
		break;
	}
}

void jsonw_json(struct jsonw *w, const char *key, const json_t *v)
{
	lead(w, key);
	put_tree(w->out, v, 0, 0);
}

void jsonw_tree(struct buf *out, const json_t *v, int sorted)
{
	put_tree(out, v, sorted, 0);
}
