/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block_json.c - checksums of block schemas, secrets of block documents.
 */
#include "api/routes/blocks/block_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/jsonw.h"
#include "base/mem.h"

#define HIDDEN      "********"
#define DEFINITIONS "#/definitions/"

/* ---- JSON as Python writes it: sorted keys, ", " and ": ", ASCII only ---- */

/* One character of valid UTF-8; moves *AT behind it. */
static unsigned int next_char(const char **at)
{
	const unsigned char *s = (const unsigned char *)*at;
	int more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : s[0] >= 0xc0 ? 1 : 0;
	unsigned int c = more == 0 ? s[0] : s[0] & (0x3fu >> more);

	for (s++; more > 0 && (*s & 0xc0) == 0x80; more--, s++) {
		c = c << 6 | (*s & 0x3fu);
	}
	*at = (const char *)s;
	return c;
}

static void put_char(struct buf *b, unsigned int c)
{
	static const char plain[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	const char *p;

	for (p = plain; *p != '\0'; p += 2) {
		if (c == (unsigned char)p[0]) {
			buf_addc(b, '\\');
			buf_addc(b, p[1]);
			return;
		}
	}
	if (c >= 0x10000) {
		c -= 0x10000;
		buf_addf(b, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
	} else if (c < 0x20 || c > 0x7e) {
		buf_addf(b, "\\u%04x", c);
	} else {
		buf_addc(b, (char)c);
	}
}

static void put_text(struct buf *b, const char *s, size_t len)
{
	const char *end = s + len;

	buf_addc(b, '"');
	while (s < end) {
		put_char(b, next_char(&s));
	}
	buf_addc(b, '"');
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_value(struct buf *b, const json_t *v, int depth);

static void put_object(struct buf *b, const json_t *v, int depth)
{
	const char **keys = xcalloc(json_object_size(v) + 1, sizeof(*keys));
	const char *key;
	json_t *value;
	size_t n = 0, i;

	json_object_foreach ((json_t *)(uintptr_t)v, key, value) {
		keys[n++] = key;
	}
	qsort(keys, n, sizeof(*keys), compare_keys);
	buf_addc(b, '{');
	for (i = 0; i < n; i++) {
		buf_adds(b, i > 0 ? ", " : "");
		put_text(b, keys[i], strlen(keys[i]));
		buf_adds(b, ": ");
		put_value(b, json_object_get(v, keys[i]), depth);
	}
	buf_addc(b, '}');
	free(keys);
}

static void put_real(struct buf *b, double d)
{
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_real(&w, NULL, d);
}

static void put_value(struct buf *b, const json_t *v, int depth)
{
	size_t i;

	if (depth > 200) {
		return;
	}
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		put_object(b, v, depth + 1);
		return;
	case JSON_ARRAY:
		buf_addc(b, '[');
		for (i = 0; i < json_array_size(v); i++) {
			buf_adds(b, i > 0 ? ", " : "");
			put_value(b, json_array_get(v, i), depth + 1);
		}
		buf_addc(b, ']');
		return;
	case JSON_STRING:
		put_text(b, json_string_value(v), json_string_length(v));
		return;
	case JSON_INTEGER:
		buf_addf(b, "%lld", (long long)json_integer_value(v));
		return;
	case JSON_REAL:
		put_real(b, json_real_value(v));
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_adds(b, json_is_true(v) ? "true" : "false");
		return;
	case JSON_NULL:
		buf_adds(b, "null");
		return;
	}
}

/* ---- checksum ---- */

static void drop_secret_fields(json_t *v, int depth)
{
	const char *key;
	json_t *item;
	size_t i;

	if (depth > 200) {
		return;
	}
	if (json_is_object(v)) {
		(void)json_object_del(v, "secret_fields");
		json_object_foreach (v, key, item) {
			drop_secret_fields(item, depth + 1);
		}
	}
	json_array_foreach (v, i, item) {
		drop_secret_fields(item, depth + 1);
	}
}

/* Moves what is reachable through $ref and is no block from DEFS to KEPT. */
static void follow_refs(const json_t *v, const json_t *defs, json_t *kept, int depth)
{
	const char *key;
	const char *ref = json_string_value(json_object_get(v, "$ref"));
	json_t *item;
	size_t i;

	if (depth > 200) {
		return;
	}
	if (ref != NULL && strncmp(ref, DEFINITIONS, sizeof(DEFINITIONS) - 1) == 0) {
		const char *name = ref + sizeof(DEFINITIONS) - 1;

		item = json_object_get(defs, name);
		if (item != NULL && json_object_get(item, "block_type_slug") == NULL &&
		    json_object_get(kept, name) == NULL) {
			(void)json_object_set(kept, name, item);
			follow_refs(item, defs, kept, depth + 1);
		}
	}
	json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
		follow_refs(item, defs, kept, depth + 1);
	}
	json_array_foreach (v, i, item) {
		follow_refs(item, defs, kept, depth + 1);
	}
}

void block_checksum(const json_t *fields, char ret[BLOCK_CHECKSUM_SIZE])
{
	json_t *copy = json_deep_copy(fields);
	json_t *defs = json_incref(json_object_get(copy, "definitions"));
	json_t *kept = json_object();
	struct buf b;
	char hex[65];

	drop_secret_fields(copy, 0);
	(void)json_object_del(copy, "definitions");
	follow_refs(copy, defs, kept, 0);
	if (json_object_size(kept) > 0) {
		(void)json_object_set(copy, "definitions", kept);
	}
	buf_init(&b);
	buf_adds(&b, "[[");
	put_value(&b, copy, 0);
	buf_adds(&b, "], {}]");
	sha256_hex(b.data, b.len, hex);
	(void)snprintf(ret, BLOCK_CHECKSUM_SIZE, "sha256:%s", hex);
	buf_release(&b);
	json_decref(kept);
	json_decref(defs);
	json_decref(copy);
}

/* ---- secrets ---- */

/* What "*" stands for: each value, also in objects. */
static json_t *hidden(json_t *v, int depth)
{
	json_t *out, *item;
	const char *key;

	if (!json_is_object(v) || depth > BLOCK_DEPTH_MAX) {
		return json_string(HIDDEN);
	}
	out = json_object();
	json_object_foreach (v, key, item) {
		json_object_set_new(out, key, hidden(item, depth + 1));
	}
	return out;
}

static void hide_path(json_t *v, const char *path, int depth)
{
	size_t len = strcspn(path, ".");
	int last = path[len] == '\0';
	const char *key;
	json_t *item;
	void *next;

	if (!json_is_object(v) || depth > BLOCK_DEPTH_MAX) {
		return;
	}
	json_object_foreach_safe(v, next, key, item)
	{
		int all = len == 1 && path[0] == '*';

		if (!all && (strlen(key) != len || strncmp(key, path, len) != 0)) {
			continue;
		}
		if (all || (!last && path[len + 1] == '*')) {
			(void)json_object_set_new(v, key, hidden(item, depth));
		} else if (!last) {
			hide_path(item, path + len + 1, depth + 1);
		} else if (!json_is_null(item)) {
			(void)json_object_set_new(v, key, json_string(HIDDEN));
		}
	}
}

void block_hide_secrets(json_t *data, const json_t *fields)
{
	json_t *path;
	size_t i;

	json_array_foreach (json_object_get(fields, "secret_fields"), i, path) {
		if (json_is_string(path)) {
			hide_path(data, json_string_value(path), 0);
		}
	}
}

void block_keep_secrets(json_t *next, const json_t *before)
{
	const char *key;
	json_t *item;
	void *at;

	json_object_foreach_safe(next, at, key, item)
	{
		json_t *old = json_object_get(before, key);

		if (old == NULL) {
			continue;
		}
		if (json_is_string(item) &&
		    strcmp(json_string_value(item), HIDDEN) == 0) {
			(void)json_object_set(next, key, old);
		} else if (json_is_object(item)) {
			block_keep_secrets(item, old);
		}
	}
}

const char *block_reference_of(const json_t *v)
{
	return json_string_value(
	    json_object_get(json_object_get(v, "$ref"), "block_document_id"));
}
