/* SPDX-License-Identifier: Apache-2.0 */
/*
 * params.c - checking values against the subset of JSON Schema that flow files can say.
 */
#include "engine/params.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/timefmt.h"
#include "engine/expr/expr_priv.h"
#include "engine/plan.h"

#define PATH_MAX_LEN 200

/* "the integer 7", "the text \"abc\"": what was given, short. */
static void describe(const json_t *v, char *buf, size_t size)
{
	char *text = json_text(v);

	if (json_is_string(v)) {
		(void)snprintf(buf, size, "the text %.60s", text);
	} else {
		(void)snprintf(buf, size, "%s: %.60s", expr_type_name(v), text);
	}
	free(text);
}

static int fits_type(const json_t *v, const char *type)
{
	if (strcmp(type, "string") == 0) {
		return json_is_string(v);
	}
	if (strcmp(type, "integer") == 0) {
		return json_is_integer(v) ||
		       (json_is_real(v) &&
			rint(json_real_value(v)) == json_real_value(v));
	}
	if (strcmp(type, "number") == 0) {
		return json_is_number(v);
	}
	if (strcmp(type, "boolean") == 0) {
		return json_is_boolean(v);
	}
	if (strcmp(type, "array") == 0) {
		return json_is_array(v);
	}
	return strcmp(type, "object") != 0 || json_is_object(v);
}

static int check_type(const json_t *schema, const json_t *v, const char *what,
		      struct error *err)
{
	const char *type = json_string_value(json_object_get(schema, "type"));
	const char *format = json_string_value(json_object_get(schema, "format"));
	char given[128];
	int64_t at_us;

	if (type != NULL && !fits_type(v, type)) {
		describe(v, given, sizeof(given));
		return err_set(err, ERR_INVALID,
			       "parameter '%s': must be of type %s, not %s", what,
			       format != NULL ? format : type, given);
	}
	if (format != NULL && json_is_string(v) &&
	    time_parse(json_string_value(v), &at_us, NULL, NULL, NULL) < 0) {
		describe(v, given, sizeof(given));
		return err_set(
		    err, ERR_INVALID,
		    "parameter '%s': must be a time like 2026-08-01T12:00:00Z, not %s",
		    what, given);
	}
	return 0;
}

static int check_enum(const json_t *schema, const json_t *v, const char *what,
		      struct error *err)
{
	const json_t *allowed = json_object_get(schema, "enum");
	char *text;
	size_t i;
	int rc;

	if (allowed == NULL) {
		return 0;
	}
	for (i = 0; i < json_array_size(allowed); i++) {
		if (expr_equal(v, json_array_get(allowed, i))) {
			return 0;
		}
	}
	text = json_text(allowed);
	rc = err_set(err, ERR_INVALID, "parameter '%s': must be one of %.200s", what,
		     text);
	free(text);
	return rc;
}

static int check_bound(const json_t *schema, const char *key, double v, int lower,
		       int exclusive)
{
	const json_t *bound = json_object_get(schema, key);
	double b = json_number_value(bound);

	if (bound == NULL) {
		return 1;
	}
	if (lower) {
		return exclusive ? v > b : v >= b;
	}
	return exclusive ? v < b : v <= b;
}

static int check_bounds(const json_t *schema, const json_t *v, const char *what,
			struct error *err)
{
	double n;

	if (json_is_number(v)) {
		n = json_number_value(v);
		if (!check_bound(schema, "minimum", n, 1, 0) ||
		    !check_bound(schema, "exclusiveMinimum", n, 1, 1) ||
		    !check_bound(schema, "maximum", n, 0, 0) ||
		    !check_bound(schema, "exclusiveMaximum", n, 0, 1)) {
			return err_set(err, ERR_INVALID,
				       "parameter '%s': %.15g is out of range", what,
				       n);
		}
	}
	if (json_is_string(v)) {
		n = (double)json_string_length(v);
		if (!check_bound(schema, "minLength", n, 1, 0) ||
		    !check_bound(schema, "maxLength", n, 0, 0)) {
			return err_set(
			    err, ERR_INVALID,
			    "parameter '%s': a text of %.0f bytes is too %s", what, n,
			    check_bound(schema, "minLength", n, 1, 0) ? "long"
								      : "short");
		}
	}
	if (json_is_array(v)) {
		n = (double)json_array_size(v);
		if (!check_bound(schema, "minItems", n, 1, 0) ||
		    !check_bound(schema, "maxItems", n, 0, 0)) {
			return err_set(
			    err, ERR_INVALID,
			    "parameter '%s': a list of %.0f is too %s", what, n,
			    check_bound(schema, "minItems", n, 1, 0) ? "long"
								     : "short");
		}
	}
	return 0;
}

static int check_items(const json_t *schema, const json_t *v, const char *what,
		       struct error *err)
{
	const json_t *items = json_object_get(schema, "items");
	char path[PATH_MAX_LEN];
	size_t i;

	if (items == NULL || !json_is_array(v)) {
		return 0;
	}
	for (i = 0; i < json_array_size(v); i++) {
		(void)snprintf(path, sizeof(path), "%.150s[%zu]", what, i);
		if (params_check_value(items, json_array_get(v, i), path, err) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int check_members(const json_t *schema, const json_t *v, const char *what,
			 struct error *err)
{
	const json_t *props = json_object_get(schema, "properties"), *sub;
	const json_t *more = json_object_get(schema, "additionalProperties");
	char path[PATH_MAX_LEN];
	const char *key;
	json_t *item;

	json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
		(void)snprintf(path, sizeof(path), "%.100s.%.80s", what, key);
		sub = json_object_get(props, key);
		if (sub == NULL && json_is_false(more)) {
			return err_set(err, ERR_INVALID, "parameter '%s': is not known",
				       path);
		}
		if (sub == NULL && json_is_object(more)) {
			sub = more;
		}
		if (sub != NULL && params_check_value(sub, item, path, err) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int check_object(const json_t *schema, const json_t *v, const char *what,
			struct error *err)
{
	const json_t *required = json_object_get(schema, "required");
	const char *name;
	size_t i;

	if (!json_is_object(v)) {
		return 0;
	}
	for (i = 0; i < json_array_size(required); i++) {
		name = json_string_value(json_array_get(required, i));
		if (name != NULL && json_object_get(v, name) == NULL) {
			return err_set(err, ERR_INVALID,
				       "parameter '%s.%s': is missing", what, name);
		}
	}
	return check_members(schema, v, what, err);
}

/* Recursion is bounded by the depth of the schema, which is that of its file. */
int params_check_value(const json_t *schema, const json_t *v, const char *what,
		       struct error *err)
{
	int rc = check_type(schema, v, what, err);

	if (rc == 0) {
		rc = check_enum(schema, v, what, err);
	}
	if (rc == 0) {
		rc = check_bounds(schema, v, what, err);
	}
	if (rc == 0) {
		rc = check_items(schema, v, what, err);
	}
	if (rc == 0) {
		rc = check_object(schema, v, what, err);
	}
	return rc;
}

static const struct plan_param *find_param(const struct plan_flow *flow,
					   const char *name)
{
	size_t i;

	for (i = 0; i < flow->param_count; i++) {
		if (strcmp(flow->params[i].name, name) == 0) {
			return &flow->params[i];
		}
	}
	return NULL;
}

static void unknown_param(const struct plan_flow *flow, const char *name,
			  struct buf *problems)
{
	const char **names = xcalloc(flow->param_count + 1, sizeof(*names)), *near;
	size_t i;

	for (i = 0; i < flow->param_count; i++) {
		names[i] = flow->params[i].name;
	}
	near = opts_nearest(name, names, flow->param_count);
	buf_addf(problems, "%sparameter '%.80s': the flow has none of this name%s%s%s",
		 problems->len > 0 ? "; " : "", name,
		 near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
		 near != NULL ? "'?" : "");
	free(names);
}

static void complete_one(const struct plan_param *p, const json_t *given, json_t *out,
			 struct buf *problems)
{
	json_t *v = json_object_get(given, p->name);
	struct error err;

	if (v == NULL && p->required) {
		buf_addf(problems, "%sparameter '%s': is missing and has no default",
			 problems->len > 0 ? "; " : "", p->name);
		return;
	}
	if (v == NULL) {
		(void)json_object_set(out, p->name, p->def);
		return;
	}
	/* null stands for "none" where the default is null */
	if (!(json_is_null(v) && json_is_null(p->def)) &&
	    params_check_value(p->schema, v, p->name, &err) < 0) {
		buf_addf(problems, "%s%s", problems->len > 0 ? "; " : "", err.msg);
		return;
	}
	(void)json_object_set(out, p->name, v);
}

int params_complete(const struct plan_flow *flow, const json_t *given,
		    json_t **ret_params, struct error *err)
{
	json_t *out = json_object(), *item;
	struct buf problems;
	const char *key;
	size_t i;
	int rc = 0;

	buf_init(&problems);
	for (i = 0; i < flow->param_count; i++) {
		complete_one(&flow->params[i], given, out, &problems);
	}
	json_object_foreach ((json_t *)(uintptr_t)given, key, item) {
		if (find_param(flow, key) == NULL) {
			unknown_param(flow, key, &problems);
		}
	}
	if (problems.len > 0) {
		rc = err_set(err, ERR_INVALID,
			     "Validation of flow parameters failed with error: %s",
			     problems.data);
		json_decref(out);
	} else {
		*ret_params = out;
	}
	buf_release(&problems);
	return rc;
}

json_t *params_schema(const struct plan_flow *flow)
{
	json_t *props = json_object(), *required = json_array(), *one;
	size_t i;

	for (i = 0; i < flow->param_count; i++) {
		const struct plan_param *p = &flow->params[i];

		one = json_copy(p->schema);
		if (json_object_get(one, "title") == NULL) {
			(void)json_object_set_new(one, "title", json_string(p->name));
		}
		(void)json_object_set_new(one, "position", json_integer((json_int_t)i));
		if (p->def != NULL) {
			(void)json_object_set(one, "default", p->def);
		} else {
			(void)json_array_append_new(required, json_string(p->name));
		}
		(void)json_object_set_new(props, p->name, one);
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:{}}", "title", "Parameters", "type",
			 "object", "properties", props, "required", required,
			 "definitions");
}
