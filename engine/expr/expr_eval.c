/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_eval.c - the value of an expression.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "engine/expr/expr.h"
#include "engine/expr/expr_priv.h"

int expr_truth(const json_t *v)
{
	if (v == NULL || json_is_null(v) || json_is_false(v)) {
		return 0;
	}
	if (json_is_number(v)) {
		return json_number_value(v) != 0.0;
	}
	if (json_is_string(v)) {
		return json_string_length(v) > 0;
	}
	if (json_is_array(v)) {
		return json_array_size(v) > 0;
	}
	if (json_is_object(v)) {
		return json_object_size(v) > 0;
	}
	return 1;
}

const char *expr_type_name(const json_t *v)
{
	if (v == NULL) {
		return "an undefined value";
	}
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a text";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		break;
	}
	return "null";
}

int expr_equal(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b)) {
		if (json_is_integer(a) && json_is_integer(b)) {
			return json_integer_value(a) == json_integer_value(b);
		}
		return json_number_value(a) == json_number_value(b);
	}
	return json_equal(a, b);
}

int expr_compare(const json_t *a, const json_t *b, int *ret_bad)
{
	double x, y;

	*ret_bad = 0;
	if (json_is_integer(a) && json_is_integer(b)) {
		json_int_t i = json_integer_value(a), j = json_integer_value(b);

		return i < j ? -1 : i > j;
	}
	if (json_is_number(a) && json_is_number(b)) {
		x = json_number_value(a);
		y = json_number_value(b);
		return x < y ? -1 : x > y;
	}
	if (json_is_string(a) && json_is_string(b)) {
		return strcmp(json_string_value(a), json_string_value(b));
	}
	*ret_bad = 1;
	return 0;
}

/* Appends the path of E as the author wrote it, for messages. */
static void path_text(const struct expr *e, struct buf *out)
{
	if (e->kind == EXPR_NAME) {
		buf_adds(out, e->text);
	} else if (e->kind == EXPR_MEMBER) {
		path_text(e->kids[0], out);
		buf_addf(out, ".%s", e->text);
	} else if (e->kind == EXPR_INDEX) {
		path_text(e->kids[0], out);
		buf_adds(out, "[...]");
	} else {
		buf_adds(out, "the value");
	}
}

static int undefined(const struct expr *e, struct error *err)
{
	struct buf b;
	int rc;

	if (e->kind == EXPR_MEMBER && e->kids[0]->kind == EXPR_NAME &&
	    strcmp(e->kids[0]->text, "secrets") == 0) {
		return err_set(err, ERR_INVALID,
			       "there is no secret '%s': make a block of the type "
			       "Secret with this name, or set the variable "
			       "WF_SECRET_<NAME> (capitals, - becomes _)",
			       e->text);
	}
	buf_init(&b);
	path_text(e, &b);
	rc = err_set(
	    err, ERR_INVALID,
	    "%s is undefined; give a fallback with | default(...) if that may happen",
	    b.data);
	buf_release(&b);
	return rc;
}

static const json_t *root_value(const struct expr *e, const struct expr_scope *s)
{
	const struct {
		const char *name;
		const json_t *value;
	} roots[] = {
	    {"params", s->params},     {"with", s->with}, {"flow_run", s->flow_run},
	    {"task_run", s->task_run}, {"item", s->item},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(roots); i++) {
		if (strcmp(e->text, roots[i].name) == 0) {
			return roots[i].value;
		}
	}
	return json_object_get(s->more, e->text);
}

int expr_is_task(const struct expr *e, size_t *ret_task)
{
	if (e->kind != EXPR_MEMBER || e->task == EXPR_NO_TASK ||
	    e->kids[0]->kind != EXPR_NAME) {
		return 0;
	}
	*ret_task = e->task;
	return 1;
}

/* New reference to a borrowed, possibly const value. */
static json_t *ref_of(const json_t *v)
{
	return v == NULL ? NULL : json_incref((json_t *)(uintptr_t)v);
}

static json_t *member_of(const json_t *of, const char *name)
{
	char *end;
	long i;

	if (json_is_object(of)) {
		return ref_of(json_object_get(of, name));
	}
	if (json_is_array(of)) {
		i = strtol(name, &end, 10);
		if (*end == '\0' && i >= 0) {
			return ref_of(json_array_get(of, (size_t)i));
		}
	}
	return NULL;
}

/* tasks.X, env.X: roots whose members are looked up by the caller. 1 when it was one.
 */
static int special_member(const struct expr *e, const char *name,
			  const struct expr_scope *s, json_t **ret_value)
{
	const struct expr *of = e->kids[0];
	const char *text;

	if (of->kind != EXPR_NAME) {
		return 0;
	}
	if (strcmp(of->text, "tasks") == 0) {
		*ret_value = e->task != EXPR_NO_TASK && s->task != NULL
				 ? ref_of(s->task(e->task, s->arg))
				 : NULL;
		return 1;
	}
	if (strcmp(of->text, "env") == 0) {
		text = name != NULL && s->env != NULL ? s->env(name, s->arg) : NULL;
		*ret_value = text != NULL ? json_string(text) : NULL;
		return 1;
	}
	if (strcmp(of->text, "secrets") == 0) {
		*ret_value = name != NULL && s->secret != NULL
				 ? ref_of(s->secret(name, s->arg))
				 : NULL;
		return 1;
	}
	if (strcmp(of->text, "variables") == 0) {
		*ret_value = name != NULL && s->variable != NULL
				 ? ref_of(s->variable(name, s->arg))
				 : NULL;
		return 1;
	}
	return 0;
}

static json_t *index_of(const json_t *of, const json_t *index)
{
	json_int_t i;

	if (json_is_string(index)) {
		return member_of(of, json_string_value(index));
	}
	if (json_is_array(of) && json_is_integer(index)) {
		i = json_integer_value(index);
		if (i < 0) {
			i += (json_int_t)json_array_size(of);
		}
		return i < 0 ? NULL : ref_of(json_array_get(of, (size_t)i));
	}
	return NULL;
}

static int eval_path(const struct expr *e, const struct expr_scope *s,
		     json_t **ret_value, struct error *err)
{
	json_t *of = NULL, *index = NULL;
	int rc = 0;

	if (e->kind == EXPR_NAME) {
		*ret_value = ref_of(root_value(e, s));
		return 0;
	}
	if (e->kind == EXPR_INDEX) {
		rc = expr_eval(e->kids[1], s, &index, err);
		if (rc == 0 && index == NULL) {
			rc = undefined(e->kids[1], err);
		}
		if (rc < 0) {
			return rc;
		}
	}
	if (special_member(e,
			   e->kind == EXPR_MEMBER ? e->text : json_string_value(index),
			   s, ret_value)) {
		goto out;
	}
	rc = expr_eval(e->kids[0], s, &of, err);
	if (rc == 0) {
		*ret_value = of == NULL               ? NULL
			     : e->kind == EXPR_MEMBER ? member_of(of, e->text)
						      : index_of(of, index);
	}
out:
	json_decref(of);
	json_decref(index);
	return rc;
}

/* The value of a kid that must be there. */
int expr_eval_defined(const struct expr *e, const struct expr_scope *s,
		      json_t **ret_value, struct error *err)
{
	json_t *v = NULL;
	int rc = expr_eval(e, s, &v, err);

	if (rc == 0 && v == NULL) {
		rc = undefined(e, err);
	}
	if (rc == 0) {
		*ret_value = v;
	}
	return rc;
}

static int eval_list(const struct expr *e, const struct expr_scope *s,
		     json_t **ret_value, struct error *err)
{
	json_t *list = json_array(), *v = NULL;
	size_t i;

	for (i = 0; i < e->count; i++) {
		if (expr_eval_defined(e->kids[i], s, &v, err) < 0) {
			json_decref(list);
			return -ERR_INVALID;
		}
		(void)json_array_append_new(list, v);
	}
	*ret_value = list;
	return 0;
}

/* `a or b` gives the first true operand, `a and b` the first false one, as in Python.
 */
static int eval_logic(const struct expr *e, const struct expr_scope *s,
		      json_t **ret_value, struct error *err)
{
	int stop_at = e->kind == EXPR_OR;
	json_t *v = NULL;
	size_t i;

	for (i = 0; i < e->count; i++) {
		json_decref(v);
		v = NULL;
		if (expr_eval(e->kids[i], s, &v, err) < 0) {
			return -ERR_INVALID;
		}
		if (expr_truth(v) == stop_at) {
			break;
		}
	}
	*ret_value = v != NULL ? v : json_false();
	return 0;
}

static int contains(const json_t *what, const json_t *in, int *ret_bad)
{
	size_t i;

	*ret_bad = 0;
	if (json_is_array(in)) {
		for (i = 0; i < json_array_size(in); i++) {
			if (expr_equal(what, json_array_get(in, i))) {
				return 1;
			}
		}
		return 0;
	}
	if (json_is_object(in) && json_is_string(what)) {
		return json_object_get(in, json_string_value(what)) != NULL;
	}
	if (json_is_string(in) && json_is_string(what)) {
		return strstr(json_string_value(in), json_string_value(what)) != NULL;
	}
	*ret_bad = 1;
	return 0;
}

static int compare_values(enum expr_op op, const json_t *a, const json_t *b,
			  json_t **ret_value, struct error *err)
{
	int bad = 0, yes = 0, order;

	if (op == EXPR_EQ || op == EXPR_NE) {
		yes = expr_equal(a, b) == (op == EXPR_EQ);
	} else if (op == EXPR_IN || op == EXPR_NOT_IN) {
		yes = contains(a, b, &bad) == (op == EXPR_IN);
		if (bad) {
			return err_set(err, ERR_INVALID, "cannot look for %s in %s",
				       expr_type_name(a), expr_type_name(b));
		}
	} else {
		order = expr_compare(a, b, &bad);
		if (bad) {
			return err_set(err, ERR_INVALID, "cannot compare %s with %s",
				       expr_type_name(a), expr_type_name(b));
		}
		yes = (op == EXPR_LT && order < 0) || (op == EXPR_LE && order <= 0) ||
		      (op == EXPR_GT && order > 0) || (op == EXPR_GE && order >= 0);
	}
	*ret_value = json_boolean(yes);
	return 0;
}

static int eval_compare(const struct expr *e, const struct expr_scope *s,
			json_t **ret_value, struct error *err)
{
	json_t *a = NULL, *b = NULL;
	int rc = expr_eval_defined(e->kids[0], s, &a, err);

	if (rc == 0) {
		rc = expr_eval_defined(e->kids[1], s, &b, err);
	}
	if (rc == 0) {
		rc = compare_values(e->op, a, b, ret_value, err);
	}
	json_decref(a);
	json_decref(b);
	return rc;
}

#define FILTER_ARGS_MAX 2

static int eval_filter(const struct expr *e, const struct expr_scope *s,
		       json_t **ret_value, struct error *err)
{
	json_t *v = NULL, *args[FILTER_ARGS_MAX] = {NULL};
	size_t i;
	int rc = expr_eval(e->kids[0], s, &v, err);

	if (rc == 0 && v == NULL && strcmp(e->text, "default") != 0) {
		rc = undefined(e->kids[0], err);
	}
	for (i = 1; i < e->count && rc == 0; i++) {
		rc = expr_eval_defined(e->kids[i], s, &args[i - 1], err);
	}
	if (rc == 0) {
		rc =
		    expr_filter_apply(e->filter, v, args, e->count - 1, ret_value, err);
	}
	json_decref(v);
	for (i = 0; i < FILTER_ARGS_MAX; i++) {
		json_decref(args[i]);
	}
	return rc;
}

int expr_eval(const struct expr *e, const struct expr_scope *scope, json_t **ret_value,
	      struct error *err)
{
	json_t *v = NULL;

	switch (e->kind) {
	case EXPR_LITERAL:
		*ret_value = json_incref(e->literal);
		return 0;
	case EXPR_NAME:
	case EXPR_MEMBER:
	case EXPR_INDEX:
		return eval_path(e, scope, ret_value, err);
	case EXPR_LIST:
		return eval_list(e, scope, ret_value, err);
	case EXPR_OR:
	case EXPR_AND:
		return eval_logic(e, scope, ret_value, err);
	case EXPR_NOT:
		if (expr_eval(e->kids[0], scope, &v, err) < 0) {
			return -ERR_INVALID;
		}
		*ret_value = json_boolean(!expr_truth(v));
		json_decref(v);
		return 0;
	case EXPR_COMPARE:
		return eval_compare(e, scope, ret_value, err);
	case EXPR_FILTER:
		return eval_filter(e, scope, ret_value, err);
	}
	return err_set(err, ERR_INTERNAL, "unknown kind of expression %d",
		       (int)e->kind);
}
