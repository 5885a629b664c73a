/* SPDX-License-Identifier: Apache-2.0 */
/*
 * params.c - the parameters of a deployment's run, rendered (6.5): texts that are
 * templates, values that stand for others, types kept.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api/actions/actions_priv.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"

#define KIND      "__prefect_kind"
#define DEPTH_MAX 64

struct walk {
	const struct job *j;
	struct error *err;
	int depth;
};

static void collect(const json_t *v, struct buf *out, int depth)
{
	const char *key;
	json_t *item;
	size_t i;

	if (depth > DEPTH_MAX) {
		return;
	}
	if (json_is_string(v)) {
		buf_adds(out, json_string_value(v));
		buf_addc(out, '\n');
	}
	json_array_foreach (v, i, item) {
		collect(item, out, depth + 1);
	}
	json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
		const char *kind = json_string_value(json_object_get(item, KIND));

		if (kind != NULL && strcmp(kind, "workspace_variable") == 0) {
			buf_adds(out, "variables\n");
		}
		collect(item, out, depth + 1);
	}
}

char *params_texts(const json_t *parameters)
{
	struct buf b;

	buf_init(&b);
	collect(parameters, &b, 0);
	return buf_take(&b, NULL);
}

/* "{{ x }}" and nothing else: the value keeps its type. */
static int is_lone(const char *s)
{
	size_t n;

	while (isspace((unsigned char)*s)) {
		s++;
	}
	n = strlen(s);
	while (n > 0 && isspace((unsigned char)s[n - 1])) {
		n--;
	}
	return n >= 4 && strncmp(s, "{{", 2) == 0 && strncmp(s + n - 2, "}}", 2) == 0 &&
	       strstr(s + 2, "{{") == NULL;
}

static int render_text(const struct walk *w, const char *text, json_t **ret)
{
	struct buf b;
	int rc;

	buf_init(&b);
	rc = context_render(w->j, text, &b, w->err);
	if (rc == 0) {
		*ret = json_stringn(b.data, b.len);
		rc = *ret != NULL ? 0
				  : err_set(w->err, ERR_INVALID,
					    "the rendered text is not UTF-8");
	}
	buf_release(&b);
	return rc < 0 ? err_wrap(w->err, "Invalid jinja") : rc;
}

static int text_value(const struct walk *w, const char *text, json_t **ret)
{
	if (template_is_plain(text)) {
		*ret = json_string(text);
		return 0;
	}
	if (is_lone(text)) {
		return context_value(w->j, text, ret, w->err) < 0
			   ? err_wrap(w->err, "Invalid jinja")
			   : 0;
	}
	return render_text(w, text, ret);
}

static int convert(struct walk *w, const json_t *v, int in_list, json_t **ret);

/* The operand of a kind object: hydrated when it is one itself. */
static int operand(struct walk *w, json_t *v, json_t **ret)
{
	if (json_is_object(v)) {
		return convert(w, v, 0, ret);
	}
	*ret = json_incref(v);
	return 0;
}

static int kind_json(struct walk *w, const json_t *v, json_t **ret)
{
	json_t *text = NULL;
	int rc;

	if (json_object_get(v, "value") == NULL) {
		return 1;
	}
	rc = operand(w, json_object_get(v, "value"), &text);
	if (rc == 0 && json_is_string(text)) {
		*ret = json_parse(json_string_value(text), json_string_length(text),
				  ACTIONS_JSON_MAX, w->err);
		json_decref(text);
		return *ret != NULL ? 0 : err_wrap(w->err, "Invalid JSON");
	}
	*ret = text;
	return rc;
}

static int kind_jinja(struct walk *w, const json_t *v, json_t **ret)
{
	json_t *text = NULL;
	int rc;

	if (json_object_get(v, "template") == NULL) {
		return err_set(w->err, ERR_INVALID,
			       "Missing 'template' key in __prefect object");
	}
	rc = operand(w, json_object_get(v, "template"), &text);
	if (rc == 0 && !json_is_string(text)) {
		rc = err_set(w->err, ERR_INVALID, "Invalid jinja: it is no text");
	}
	rc = rc == 0 ? render_text(w, json_string_value(text), ret) : rc;
	json_decref(text);
	return rc;
}

static int kind_variable(struct walk *w, const json_t *v, json_t **ret)
{
	const char *name = json_string_value(json_object_get(v, "variable_name"));
	json_t *value;

	if (name == NULL) {
		return 1;
	}
	value = json_object_get(json_object_get(w->j->objects, "variables"), name);
	if (value == NULL) {
		return err_set(w->err, ERR_INVALID,
			       "Variable '%s' not found in workspace.", name);
	}
	*ret = json_incref(value);
	return 0;
}

/* 0; 1: the entry is left out. */
static int kind_value(struct walk *w, const json_t *v, json_t **ret)
{
	const char *kind = json_string_value(json_object_get(v, KIND));
	json_t *value = json_object_get(v, "value");

	if (kind != NULL && strcmp(kind, "none") == 0) {
		return value == NULL
			   ? err_set(w->err, ERR_INVALID,
				     "Missing 'value' key in __prefect object")
			   : convert(w, value, 0, ret);
	}
	if (kind != NULL && strcmp(kind, "json") == 0) {
		return kind_json(w, v, ret);
	}
	if (kind != NULL && strcmp(kind, "jinja") == 0) {
		return kind_jinja(w, v, ret);
	}
	if (kind != NULL && strcmp(kind, "workspace_variable") == 0) {
		return kind_variable(w, v, ret);
	}
	*ret = value != NULL ? json_incref(value) : json_null();
	return 0;
}

static int convert_list(struct walk *w, const json_t *v, json_t **ret)
{
	json_t *out = json_array(), *item, *value = NULL;
	size_t i;
	int rc = 0;

	json_array_foreach (v, i, item) {
		value = NULL;
		rc = convert(w, item, 1, &value);
		if (rc < 0) {
			json_decref(out);
			return rc;
		}
		if (rc == 0) {
			(void)json_array_append_new(out, value);
		}
	}
	*ret = out;
	return 0;
}

static int convert_object(struct walk *w, const json_t *v, json_t **ret)
{
	json_t *out = json_object(), *item, *value;
	const char *key;
	int rc;

	json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
		value = NULL;
		rc = convert(w, item, 0, &value);
		if (rc < 0) {
			json_decref(out);
			return err_wrap(w->err, "%s", key);
		}
		if (rc == 0) {
			(void)json_object_set_new(out, key, value);
		}
	}
	*ret = out;
	return 0;
}

static int convert(struct walk *w, const json_t *v, int in_list, json_t **ret)
{
	int rc;

	if (++w->depth > DEPTH_MAX) {
		return err_set(w->err, ERR_INVALID, "parameters are nested too deeply");
	}
	if (json_is_string(v)) {
		rc = text_value(w, json_string_value(v), ret);
	} else if (json_is_array(v) && !in_list) {
		rc = convert_list(w, v, ret);
	} else if (json_is_object(v)) {
		rc = json_object_get(v, KIND) != NULL ? kind_value(w, v, ret)
						      : convert_object(w, v, ret);
	} else {
		*ret = json_incref((json_t *)(uintptr_t)v);
		rc = 0;
	}
	w->depth--;
	return rc;
}

/* The schema types NAME as exactly a text (R18). */
static int is_text(const json_t *schema, const char *name)
{
	const char *type = json_string_value(json_object_get(
	    json_object_get(json_object_get(schema, "properties"), name), "type"));

	return type != NULL && strcmp(type, "string") == 0;
}

static int has_kind(const json_t *v, int depth)
{
	const char *key;
	json_t *item;
	size_t i;

	if (depth > DEPTH_MAX || json_object_get(v, KIND) != NULL) {
		return 1;
	}
	json_array_foreach (v, i, item) {
		if (has_kind(item, depth + 1)) {
			return 1;
		}
	}
	json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
		if (has_kind(item, depth + 1)) {
			return 1;
		}
	}
	return 0;
}

int params_render(const struct job *j, const json_t *parameters, const json_t *schema,
		  json_t **ret, struct error *err)
{
	struct walk w = {.j = j, .err = err};
	json_t *out = NULL, *item, *text;
	const char *key;
	int rc = convert(&w, parameters, 0, &out);

	if (rc != 0) {
		if (rc > 0) {
			*ret = json_object();
		}
		return MIN_OF(rc, 0);
	}
	json_object_foreach ((json_t *)(uintptr_t)parameters, key, item) {
		json_t *value = json_object_get(out, key);

		if (json_is_string(item) && value != NULL && !json_is_string(value) &&
		    is_text(schema, key)) {
			rc = render_text(&w, json_string_value(item), &text);
			if (rc < 0) {
				json_decref(out);
				return rc;
			}
			(void)json_object_set_new(out, key, text);
		} else if (value != NULL && has_kind(value, 0)) {
			/* what an event brought is data: the API takes the value of a
			 * kind that it does not know as it is */
			(void)json_object_set_new(
			    out, key,
			    json_pack("{s:s, s:O}", KIND, "final", "value", value));
		}
	}
	*ret = out;
	return 0;
}
