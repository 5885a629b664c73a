/* SPDX-License-Identifier: Apache-2.0 */
/* hydrate.c - values that stand for others. */
#include "api/routes/deployments/hydrate.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/tx.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

#define HYDRATE_JSON_MAX 1048576u

struct hydration {
	hydrate_var_fn var;
	void *arg;
	int depth;
	struct error *err;
};

/* 0 and a new value; 1: leave the member out; negative: error. */
static int convert(struct hydration *h, const json_t *v, json_t **ret_value);

static int missing(struct hydration *h, const char *key)
{
	return err_set(h->err, ERR_INVALID, "Missing '%s' key in __prefect object",
		       key);
}

/* The member KEY, itself hydrated when it is an object; new reference. */
static int operand(struct hydration *h, const json_t *obj, const char *key,
		   json_t **ret_value)
{
	json_t *v = json_object_get(obj, key);

	if (json_is_object(v)) {
		return convert(h, v, ret_value);
	}
	*ret_value = json_incref(v);
	return 0;
}

static int from_json(struct hydration *h, const json_t *obj, json_t **ret_value)
{
	struct error why = {0};
	json_t *text = NULL;
	int rc;

	if (json_object_get(obj, "value") == NULL) {
		return 1;
	}
	rc = operand(h, obj, "value", &text);
	if (rc != 0) {
		return rc;
	}
	if (!json_is_string(text)) {
		*ret_value = text;
		return 0;
	}
	*ret_value = json_parse(json_string_value(text), json_string_length(text),
				HYDRATE_JSON_MAX, &why);
	json_decref(text);
	if (*ret_value == NULL) {
		return err_set(h->err, ERR_INVALID, "Invalid JSON: %s", why.msg);
	}
	return 0;
}

/* What stands between "{{" and "}}": a literal gives itself, a name nothing. */
static int add_expression(struct hydration *h, struct buf *out, const char *s,
			  size_t len)
{
	size_t i = 0;

	while (len > 0 && isspace((unsigned char)s[0])) {
		s++;
		len--;
	}
	while (len > 0 && isspace((unsigned char)s[len - 1])) {
		len--;
	}
	if (len >= 2 && (s[0] == '"' || s[0] == '\'') && s[len - 1] == s[0] &&
	    memchr(s + 1, s[0], len - 2) == NULL) {
		buf_add(out, s + 1, len - 2);
		return 0;
	}
	while (i < len && (isalnum((unsigned char)s[i]) || s[i] == '_')) {
		i++;
	}
	if (i < len || len == 0) {
		return err_set(h->err, ERR_INVALID,
			       "Invalid jinja: the expression '%.*s' is not supported "
			       "in parameters",
			       (int)(len < 100 ? len : 100), s);
	}
	if (isdigit((unsigned char)s[0])) {
		buf_add(out, s, len);
	}
	return 0;
}

static int render(struct hydration *h, struct buf *out, const char *s)
{
	const char *open, *end;
	int rc;

	while ((open = strstr(s, "{{")) != NULL) {
		end = strstr(open, "}}");
		if (end == NULL) {
			return err_set(h->err, ERR_INVALID,
				       "Invalid jinja: unexpected 'end of template'");
		}
		buf_add(out, s, (size_t)(open - s));
		rc = add_expression(h, out, open + 2, (size_t)(end - open - 2));
		if (rc < 0) {
			return rc;
		}
		s = end + 2;
	}
	if (strstr(s, "{%") != NULL) {
		return err_set(
		    h->err, ERR_INVALID,
		    "Invalid jinja: statements are not supported in parameters");
	}
	buf_adds(out, s);
	return 0;
}

static int from_jinja(struct hydration *h, const json_t *obj, json_t **ret_value)
{
	json_t *text = NULL;
	struct buf out;
	int rc;

	if (json_object_get(obj, "template") == NULL) {
		return missing(h, "template");
	}
	rc = operand(h, obj, "template", &text);
	if (rc != 0) {
		return rc;
	}
	if (!json_is_string(text)) {
		json_decref(text);
		return err_set(h->err, ERR_INVALID,
			       "Invalid jinja: the template is no text");
	}
	buf_init(&out);
	rc = render(h, &out, json_string_value(text));
	if (rc == 0) {
		*ret_value = json_stringn(out.data, out.len);
	}
	buf_release(&out);
	json_decref(text);
	return rc;
}

static int from_variable(struct hydration *h, const json_t *obj, json_t **ret_value)
{
	json_t *name = NULL;
	int rc;

	if (json_object_get(obj, "variable_name") == NULL) {
		return 1;
	}
	rc = operand(h, obj, "variable_name", &name);
	if (rc != 0) {
		return rc;
	}
	*ret_value =
	    json_is_string(name) ? h->var(json_string_value(name), h->arg) : NULL;
	if (*ret_value == NULL) {
		rc = err_set(h->err, ERR_INVALID,
			     "Variable '%s' not found in workspace.",
			     json_is_string(name) ? json_string_value(name) : "");
	}
	json_decref(name);
	return rc;
}

static int from_none(struct hydration *h, const json_t *obj, json_t **ret_value)
{
	json_t *v = json_object_get(obj, "value");

	return v != NULL ? convert(h, v, ret_value) : missing(h, "value");
}

static const struct {
	const char *kind;
	int (*convert)(struct hydration *h, const json_t *obj, json_t **ret_value);
} kinds[] = {
    {"none", from_none},
    {"json", from_json},
    {"jinja", from_jinja},
    {"workspace_variable", from_variable},
};

static int from_kind(struct hydration *h, const json_t *obj, const json_t *kind,
		     json_t **ret_value)
{
	json_t *v = json_object_get(obj, "value");

	for (size_t i = 0; json_is_string(kind) && i < sizeof(kinds) / sizeof(kinds[0]);
	     i++) {
		if (strcmp(kinds[i].kind, json_string_value(kind)) == 0) {
			return kinds[i].convert(h, obj, ret_value);
		}
	}
	*ret_value = v != NULL ? json_deep_copy(v) : json_null();
	return 0;
}

static int from_object(struct hydration *h, const json_t *v, json_t **ret_value)
{
	json_t *out = json_object(), *item, *made;
	const char *key;
	int rc = 0;

	json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
		made = NULL;
		rc = convert(h, item, &made);
		if (rc < 0) {
			break;
		}
		if (rc == 0) {
			json_object_set_new(out, key, made);
		}
		rc = 0;
	}
	if (rc < 0) {
		json_decref(out);
		return rc;
	}
	*ret_value = out;
	return 0;
}

static int from_array(struct hydration *h, const json_t *v, json_t **ret_value)
{
	json_t *out = json_array(), *item, *made;
	size_t i;
	int rc = 0;

	json_array_foreach (v, i, item) {
		made = NULL;
		rc = convert(h, item, &made);
		if (rc < 0) {
			break;
		}
		if (rc == 0) {
			json_array_append_new(out, made);
		}
		rc = 0;
	}
	if (rc < 0) {
		json_decref(out);
		return rc;
	}
	*ret_value = out;
	return 0;
}

static int convert(struct hydration *h, const json_t *v, json_t **ret_value)
{
	const json_t *kind = json_object_get(v, "__prefect_kind");
	int rc;

	if (h->depth >= HYDRATE_DEPTH_MAX) {
		return err_set(h->err, ERR_INVALID, "values are nested too deeply");
	}
	h->depth++;
	if (kind != NULL) {
		rc = from_kind(h, v, kind, ret_value);
	} else if (json_is_object(v)) {
		rc = from_object(h, v, ret_value);
	} else if (json_is_array(v)) {
		rc = from_array(h, v, ret_value);
	} else {
		*ret_value = json_deep_copy(v);
		rc = 0;
	}
	h->depth--;
	return rc;
}

int hydrate_with(const json_t *value, hydrate_var_fn var, void *arg, json_t **ret_value,
		 struct error *err)
{
	struct hydration h = {.var = var, .arg = arg, .err = err};
	int rc = convert(&h, value, ret_value);

	if (rc == 1) {
		*ret_value = json_object();
		rc = 0;
	}
	return rc;
}

static void take_json(const struct db_rows *r, void *arg)
{
	const char *s = db_text(r, 0);

	*(json_t **)arg = s != NULL ? json_loads(s, JSON_DECODE_ANY, NULL) : NULL;
}

static json_t *variable_in_db(const char *name, void *arg)
{
	struct tx *tx = arg;
	json_t *v = NULL;

	(void)db_one(tx->c, SQL_VARIABLE_VALUE_BY_NAME, DB_ARGS(db_a_text(name)), 1,
		     take_json, &v, NULL);
	return v;
}

int hydrate(struct tx *tx, const json_t *value, json_t **ret_value, struct error *err)
{
	return hydrate_with(value, variable_in_db, tx, ret_value, err);
}
