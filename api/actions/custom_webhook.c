/* SPDX-License-Identifier: Apache-2.0 */
/* custom_webhook.c - placeholders in braces, then the request they make. */
#include "api/actions/custom_webhook.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api/actions/actions_priv.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/mem.h"

#define DEPTH_MAX 32

/* What "{{ name }}" may stand for. */
static json_t *names_of(const json_t *data, const char *subject, const char *body)
{
	json_t *secrets = json_object_get(data, "secrets");
	json_t *out = json_is_object(secrets) ? json_copy(secrets) : json_object();

	(void)json_object_set_new(out, "subject",
				  json_string(*subject != '\0' ? subject : "null"));
	(void)json_object_set_new(out, "body", json_string(body));
	(void)json_object_set(out, "name", json_object_get(data, "name"));
	return out;
}

/* The placeholder at S: its name into NAME, behind it returned; NULL: it is none. */
static const char *placeholder(const char *s, char *name, size_t size)
{
	size_t n = 0;

	if (strncmp(s, "{{", 2) != 0) {
		return NULL;
	}
	for (s += 2; isspace((unsigned char)*s);) {
		s++;
	}
	while (*s != '\0' &&
	       (isalnum((unsigned char)*s) || strchr("_.-[]", *s) != NULL)) {
		if (n + 1 < size) {
			name[n++] = *s;
		}
		s++;
	}
	name[n] = '\0';
	while (isspace((unsigned char)*s)) {
		s++;
	}
	return n > 0 && strncmp(s, "}}", 2) == 0 ? s + 2 : NULL;
}

static void add_value(struct buf *b, const json_t *v)
{
	char *text;

	if (json_is_string(v)) {
		buf_adds(b, json_string_value(v));
	} else if (v != NULL) {
		text = json_text(v);
		buf_adds(b, text);
		free(text);
	}
}

static char *filled(const json_t *names, const char *s)
{
	char name[128];
	const char *end;
	struct buf b;

	buf_init(&b);
	while (*s != '\0') {
		end = placeholder(s, name, sizeof(name));
		if (end != NULL && json_object_get(names, name) != NULL) {
			add_value(&b, json_object_get(names, name));
			s = end;
		} else {
			buf_addc(&b, *s++);
		}
	}
	return buf_take(&b, NULL);
}

/* The same in all texts of V; a text that is one placeholder becomes its value. */
static json_t *filled_json(const json_t *names, const json_t *v, int depth)
{
	const char *key, *s = json_string_value(v), *end;
	char name[128], *text;
	json_t *item, *out;
	size_t i;

	if (depth > DEPTH_MAX) {
		return json_null();
	}
	if (s != NULL) {
		end = placeholder(s, name, sizeof(name));
		if (end != NULL && *end == '\0' &&
		    json_object_get(names, name) != NULL) {
			return json_incref(json_object_get(names, name));
		}
		text = filled(names, s);
		out = json_string(text);
		free(text);
		return out;
	}
	if (json_is_array(v)) {
		out = json_array();
		json_array_foreach (v, i, item) {
			(void)json_array_append_new(
			    out, filled_json(names, item, depth + 1));
		}
		return out;
	}
	if (json_is_object(v)) {
		out = json_object();
		json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
			text = filled(names, key);
			(void)json_object_set_new(out, text,
						  filled_json(names, item, depth + 1));
			free(text);
		}
		return out;
	}
	return json_incref((json_t *)(uintptr_t)v);
}

/* {"a": 1} as "a=1"; BETWEEN '&' (encoded) or "; " (cookies). */
static char *pairs(const json_t *map, int cookies)
{
	const char *key;
	json_t *v;
	struct buf b, value;
	char *coded;

	buf_init(&b);
	json_object_foreach ((json_t *)(uintptr_t)map, key, v) {
		buf_init(&value);
		add_value(&value, v);
		buf_adds(&b, b.len == 0 ? "" : cookies ? "; " : "&");
		if (cookies) {
			buf_addf(&b, "%s=%s", key, value.data);
		} else {
			coded = url_encode(key);
			buf_addf(&b, "%s=", coded);
			free(coded);
			coded = url_encode(value.data);
			buf_adds(&b, coded);
			free(coded);
		}
		buf_release(&value);
	}
	return buf_take(&b, NULL);
}

static void set_body(struct send *s, const json_t *names, const json_t *data)
{
	const json_t *json = json_object_get(data, "json_data");
	const json_t *form = json_object_get(data, "form_data");
	json_t *body;

	if (json_is_object(json) || json_is_array(json)) {
		send_json(s, filled_json(names, json, 0));
	} else if (json_is_string(form)) {
		s->body = filled(names, json_string_value(form));
		s->content_type = xstrdup("");
	} else if (json_is_object(form)) {
		body = filled_json(names, form, 0);
		s->body = pairs(body, 0);
		s->content_type = xstrdup("application/x-www-form-urlencoded");
		json_decref(body);
	}
}

static void set_headers(struct send *s, const json_t *names, const json_t *data)
{
	json_t *headers = filled_json(names, json_object_get(data, "headers"), 0);
	json_t *cookies = filled_json(names, json_object_get(data, "cookies"), 0);
	const char *key;
	char *text;
	json_t *v;

	send_header(s, "user-agent: Prefect Notifications");
	json_object_foreach (headers, key, v) {
		if (json_is_string(v)) {
			send_header(s, "%s: %s", key, json_string_value(v));
		}
	}
	if (json_object_size(cookies) > 0) {
		text = pairs(cookies, 1);
		send_header(s, "Cookie: %s", text);
		free(text);
	}
	json_decref(headers);
	json_decref(cookies);
}

int custom_webhook_build(struct job *j, const json_t *data, const char *subject,
			 const char *body, struct error *err)
{
	const char *url = json_string_value(json_object_get(data, "url"));
	const char *method = json_string_value(json_object_get(data, "method"));
	json_t *names = names_of(data, subject, body), *params;
	char *address, *query, *whole;
	struct send *s;

	if (url == NULL) {
		json_decref(names);
		return err_set(err, ERR_INVALID, "the block lacks url");
	}
	address = filled(names, url);
	params = filled_json(names, json_object_get(data, "params"), 0);
	if (json_object_size(params) > 0) {
		query = pairs(params, 0);
		whole = xasprintf("%s%c%s", address, strchr(address, '?') ? '&' : '?',
				  query);
		free(query);
		free(address);
		address = whole;
	}
	s = send_add(j, method != NULL ? method : "POST", address);
	set_headers(s, names, data);
	set_body(s, names, data);
	json_decref(params);
	json_decref(names);
	free(address);
	return 0;
}
