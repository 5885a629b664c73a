/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - JSON values in messages. */
#include "api/routes/schema/text.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/jsonw.h"

static void add_escaped(struct buf *out, unsigned char c)
{
	switch (c) {
	case '\n':
		buf_adds(out, "\\n");
		break;
	case '\r':
		buf_adds(out, "\\r");
		break;
	case '\t':
		buf_adds(out, "\\t");
		break;
	default:
		buf_addf(out, "\\x%02x", c);
		break;
	}
}

/* Single quotes, unless the text holds one and no double quote. */
void schema_text_str(struct buf *out, const char *s, size_t len)
{
	char quote = '\'';

	if (memchr(s, '\'', len) != NULL && memchr(s, '"', len) == NULL) {
		quote = '"';
	}
	buf_addc(out, quote);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == (unsigned char)quote || c == '\\') {
			buf_addc(out, '\\');
			buf_addc(out, (char)c);
		} else if (c < 0x20 || c == 0x7f) {
			add_escaped(out, c);
		} else {
			buf_addc(out, (char)c);
		}
	}
	buf_addc(out, quote);
}

static void add_real(struct buf *out, double d)
{
	struct buf b;
	struct jsonw w;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_real(&w, NULL, d);
	if (strpbrk(b.data, ".eE") == NULL) {
		buf_adds(&b, ".0");
	}
	buf_add(out, b.data, b.len);
	buf_release(&b);
}

static void add_value(struct buf *out, const json_t *v, size_t end)
{
	const char *key;
	json_t *item;
	size_t i, n = 0;

	if (out->len > end) {
		return;
	}
	switch (json_typeof(v)) {
	case JSON_STRING:
		schema_text_str(out, json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		buf_addf(out, "%lld", (long long)json_integer_value(v));
		break;
	case JSON_REAL:
		add_real(out, json_real_value(v));
		break;
	case JSON_TRUE:
		buf_adds(out, "True");
		break;
	case JSON_FALSE:
		buf_adds(out, "False");
		break;
	case JSON_NULL:
		buf_adds(out, "None");
		break;
	case JSON_ARRAY:
		buf_addc(out, '[');
		json_array_foreach (v, i, item) {
			buf_adds(out, i > 0 ? ", " : "");
			add_value(out, item, end);
		}
		buf_addc(out, ']');
		break;
	case JSON_OBJECT:
		buf_addc(out, '{');
		json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
			buf_adds(out, n++ > 0 ? ", " : "");
			schema_text_str(out, key, strlen(key));
			buf_adds(out, ": ");
			add_value(out, item, end);
		}
		buf_addc(out, '}');
		break;
	}
}

void schema_text(struct buf *out, const json_t *v)
{
	size_t start = out->len;

	add_value(out, v, start + SCHEMA_TEXT_MAX);
	if (out->len > start + SCHEMA_TEXT_MAX) {
		buf_truncate(out, start + SCHEMA_TEXT_MAX);
		while (out->len > start &&
		       ((unsigned char)out->data[out->len - 1] & 0xc0) == 0x80) {
			buf_truncate(out, out->len - 1);
		}
		buf_adds(out, "...");
	}
}
