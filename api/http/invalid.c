/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invalid.c - the list of validation problems and its JSON form.
 *
 * Most problem types carry a "ctx" whose content is said in the message already; it is
 * taken from there, so that callers give a type and a message and nothing else.
 */
#include "api/http/http.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/http_priv.h"
#include "base/buf.h"
#include "base/mem.h"

#define INVALID_MAX 64

struct http_invalid {
	json_t *items;    /* array */
	const char *root; /* first element of every loc: "body", "query", "path" */
};

struct http_invalid *http_invalid_new(void)
{
	struct http_invalid *v = xcalloc(1, sizeof(*v));

	v->items = json_array();
	v->root = "body";
	return v;
}

void http_invalid_free(struct http_invalid *v)
{
	if (v != NULL) {
		json_decref(v->items);
		free(v);
	}
}

void http_invalid_root(struct http_invalid *v, const char *root)
{
	v->root = root;
}

size_t http_invalid_count(const struct http_invalid *v)
{
	return json_array_size(v->items);
}

static int is_index(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (!isdigit((unsigned char)s[i])) {
			return 0;
		}
	}
	return len > 0 && len < 10;
}

/* "schedules.0.schedule" -> ["body", "schedules", 0, "schedule"] */
static json_t *loc_json(const char *root, const char *loc)
{
	json_t *list = json_array();
	size_t len;

	json_array_append_new(list, json_string(root));
	while (loc != NULL && *loc != '\0') {
		len = strcspn(loc, ".");
		if (is_index(loc, len)) {
			json_array_append_new(list,
					      json_integer(strtol(loc, NULL, 10)));
		} else {
			json_array_append_new(list, json_stringn(loc, len));
		}
		loc += len;
		loc += *loc == '.';
	}
	return list;
}

static json_t *number_json(const char *text)
{
	char *end;
	long long i = strtoll(text, &end, 10);

	return *end == '.' ? json_real(strtod(text, NULL)) : json_integer(i);
}

struct ctx_rule {
	const char *type;   /* of the problem */
	const char *key;    /* in ctx */
	const char *before; /* the value follows this text of the message */
	int number;
};

static const struct ctx_rule ctx_rules[] = {
    {"enum", "expected", "Input should be ", 0},
    {"literal_error", "expected", "Input should be ", 0},
    {"uuid_parsing", "error", "valid UUID, ", 0},
    {"datetime_from_date_parsing", "error", "datetime or date, ", 0},
    {"greater_than", "gt", "greater than ", 1},
    {"greater_than_equal", "ge", "or equal to ", 1},
    {"less_than", "lt", "less than ", 1},
    {"less_than_equal", "le", "or equal to ", 1},
    {"string_too_short", "min_length", "at least ", 1},
    {"string_too_long", "max_length", "at most ", 1},
    {"string_pattern_mismatch", "pattern", "match pattern '", 0},
};

static json_t *ctx_of(const char *type, const char *msg)
{
	const char *at;
	size_t i, len;
	json_t *value;

	if (strcmp(type, "value_error") == 0) {
		return json_pack("{s:{}}", "error");
	}
	for (i = 0; i < ARRAY_LEN(ctx_rules); i++) {
		if (strcmp(type, ctx_rules[i].type) != 0) {
			continue;
		}
		at = strstr(msg, ctx_rules[i].before);
		if (at == NULL) {
			return NULL;
		}
		at += strlen(ctx_rules[i].before);
		len = strlen(at);
		if (strcmp(ctx_rules[i].key, "pattern") == 0 && len > 0) {
			len--; /* the closing quote */
		}
		value = ctx_rules[i].number ? number_json(at) : json_stringn(at, len);
		return json_pack("{s:o}", ctx_rules[i].key, value);
	}
	return NULL;
}

void http_invalid_add_ctx(struct http_invalid *v, const char *type, const char *loc,
			  const json_t *input, const char *msg, json_t *ctx)
{
	json_t *item;

	if (json_array_size(v->items) >= INVALID_MAX) {
		json_decref(ctx);
		return;
	}
	item = json_object();
	json_object_set_new(item, "type", json_string(type));
	json_object_set_new(item, "loc", loc_json(v->root, loc));
	json_object_set_new(item, "msg", json_string(msg));
	json_object_set_new(item, "input",
			    input != NULL ? json_deep_copy(input) : json_null());
	if (ctx == NULL) {
		ctx = ctx_of(type, msg);
	}
	if (ctx != NULL) {
		json_object_set_new(item, "ctx", ctx);
	}
	json_array_append_new(v->items, item);
}

void http_invalid_add(struct http_invalid *v, const char *type, const char *loc,
		      const json_t *input, const char *msg)
{
	http_invalid_add_ctx(v, type, loc, input, msg, NULL);
}

void http_invalid_describe(const struct http_invalid *v, char *dst, size_t size)
{
	const json_t *item = json_array_get(v->items, 0);
	const json_t *loc = json_object_get(item, "loc"), *part;
	const char *msg = json_string_value(json_object_get(item, "msg"));
	struct buf b;
	size_t i;

	buf_init(&b);
	buf_adds(&b, msg != NULL ? msg : "invalid");
	for (i = 1; i < json_array_size(loc); i++) { /* behind "body" */
		part = json_array_get(loc, i);
		buf_adds(&b, i == 1 ? " at " : ".");
		if (json_is_integer(part)) {
			buf_addf(&b, "%lld", (long long)json_integer_value(part));
		} else {
			buf_adds(&b, json_string_value(part));
		}
	}
	(void)snprintf(dst, size, "%s", b.data);
	buf_release(&b);
}

json_t *http_invalid_json(const struct http_invalid *v, json_t *request_body)
{
	json_t *answer = json_object();

	json_object_set_new(answer, "exception_message",
			    json_string("Invalid request received."));
	json_object_set(answer, "exception_detail", v->items);
	if (request_body != NULL) {
		json_object_set(answer, "request_body", request_body);
	} else {
		json_object_set_new(answer, "request_body", json_null());
	}
	return answer;
}
