/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tmpl.c - values with expressions.
 */
#include "engine/expr/tmpl.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"

#define TMPL_MAX_PARTS 256

enum tmpl_kind { TMPL_CONSTANT = 1, TMPL_EXPR, TMPL_TEXT, TMPL_LIST, TMPL_MAP };

struct tmpl {
	enum tmpl_kind kind;
	json_t *constant;
	struct expr *expr;
	size_t expr_at; /* of the expression's text in the scalar */
	struct tmpl **kids;
	char **keys; /* of a mapping */
	size_t count;
};

static struct tmpl *new_tmpl(enum tmpl_kind kind)
{
	struct tmpl *t = xcalloc(1, sizeof(*t));

	t->kind = kind;
	return t;
}

struct tmpl *tmpl_constant(json_t *v)
{
	struct tmpl *t = new_tmpl(TMPL_CONSTANT);

	t->constant = v;
	return t;
}

struct tmpl *tmpl_list(void)
{
	return new_tmpl(TMPL_LIST);
}

struct tmpl *tmpl_map(void)
{
	return new_tmpl(TMPL_MAP);
}

void tmpl_add(struct tmpl *t, const char *key, struct tmpl *item)
{
	t->kids = xreallocarray(t->kids, t->count + 1, sizeof(struct tmpl *));
	t->kids[t->count] = item;
	if (t->kind == TMPL_MAP) {
		t->keys = xreallocarray(t->keys, t->count + 1, sizeof(*t->keys));
		t->keys[t->count] = xstrdup(key);
	}
	t->count++;
}

void tmpl_free(struct tmpl *t)
{
	size_t i;

	if (t == NULL) {
		return;
	}
	for (i = 0; i < t->count; i++) {
		tmpl_free(t->kids[i]);
		if (t->keys != NULL) {
			free(t->keys[i]);
		}
	}
	free(t->kids);
	free(t->keys);
	expr_free(t->expr);
	json_decref(t->constant);
	free(t);
}

/* The end of the expression that begins at FROM: its "}}", outside of texts; or LEN. */
static size_t find_close(const char *s, size_t len, size_t from)
{
	char quote = '\0';
	size_t i;

	for (i = from; i < len; i++) {
		if (quote != '\0') {
			if (s[i] == '\\') {
				i++;
			} else if (s[i] == quote) {
				quote = '\0';
			}
		} else if (s[i] == '"' || s[i] == '\'') {
			quote = s[i];
		} else if (s[i] == '}' && i + 1 < len && s[i + 1] == '}') {
			return i;
		}
	}
	return len;
}

static size_t find_open(const char *s, size_t len, size_t from)
{
	size_t i;

	for (i = from; i + 1 < len; i++) {
		if (s[i] == '{' && s[i + 1] == '{') {
			return i;
		}
	}
	return len;
}

static int is_blank(const char *s, size_t from, size_t to)
{
	for (; from < to; from++) {
		if (!isspace((unsigned char)s[from])) {
			return 0;
		}
	}
	return 1;
}

static int text_part(const char *s, size_t len, struct tmpl **ret_tmpl,
		     struct error *err)
{
	json_t *v = json_stringn(s, len);

	if (v == NULL) {
		return err_set(err, ERR_INVALID, "the text is not valid UTF-8");
	}
	*ret_tmpl = tmpl_constant(v);
	return 0;
}

static int expr_part(const char *s, size_t from, size_t to, struct tmpl **ret_tmpl,
		     size_t *ret_at, struct error *err)
{
	struct expr *e = NULL;
	size_t at;

	if (expr_parse(s + from, to - from, &e, &at, err) < 0) {
		*ret_at = from + at;
		return -ERR_INVALID;
	}
	*ret_tmpl = new_tmpl(TMPL_EXPR);
	(*ret_tmpl)->expr = e;
	(*ret_tmpl)->expr_at = from;
	return 0;
}

/* One text part or one expression, from *AT on. */
static int parse_part(const char *s, size_t len, size_t *at, struct tmpl *into,
		      size_t *ret_at, struct error *err)
{
	size_t open = find_open(s, len, *at), close;
	struct tmpl *part = NULL;
	int rc;

	*ret_at = *at;
	if (into->count >= TMPL_MAX_PARTS) {
		return err_set(err, ERR_INVALID, "too many expressions in one text");
	}
	if (open > *at) {
		rc = text_part(s + *at, open - *at, &part, err);
		*at = open;
	} else {
		close = find_close(s, len, open + 2);
		if (close >= len) {
			return err_set(err, ERR_INVALID, "'{{' has no closing '}}'");
		}
		rc = expr_part(s, open + 2, close, &part, ret_at, err);
		*at = close + 2;
	}
	if (rc == 0) {
		tmpl_add(into, NULL, part);
	}
	return rc;
}

int tmpl_parse(const char *text, size_t len, struct tmpl **ret_tmpl, size_t *ret_at,
	       struct error *err)
{
	size_t open = find_open(text, len, 0), close, at = 0;
	struct tmpl *t;
	int rc = 0;

	*ret_at = 0;
	if (open >= len) {
		return text_part(text, len, ret_tmpl, err);
	}
	close = find_close(text, len, open + 2);
	if (close < len && is_blank(text, 0, open) && is_blank(text, close + 2, len)) {
		return expr_part(text, open + 2, close, ret_tmpl, ret_at, err);
	}
	t = new_tmpl(TMPL_TEXT);
	while (at < len && rc == 0) {
		rc = parse_part(text, len, &at, t, ret_at, err);
	}
	if (rc < 0) {
		tmpl_free(t);
		return rc;
	}
	*ret_tmpl = t;
	return 0;
}

const json_t *tmpl_get_constant(const struct tmpl *t)
{
	return t->kind == TMPL_CONSTANT ? t->constant : NULL;
}

struct bind_arg {
	expr_ref_fn fn;
	void *arg;
	size_t base;
};

static int bind_shifted(const struct expr_ref *ref, size_t *ret_task, void *arg)
{
	const struct bind_arg *b = arg;
	struct expr_ref shifted = *ref;

	shifted.at += b->base;
	shifted.member_at += b->base;
	return b->fn(&shifted, ret_task, b->arg);
}

int tmpl_bind(struct tmpl *t, expr_ref_fn fn, void *arg)
{
	struct bind_arg b = {.fn = fn, .arg = arg, .base = t->expr_at};
	size_t i;
	int rc = 0;

	if (t->kind == TMPL_EXPR) {
		return expr_bind(t->expr, bind_shifted, &b);
	}
	for (i = 0; i < t->count && rc >= 0; i++) {
		rc = tmpl_bind(t->kids[i], fn, arg);
	}
	return rc;
}

void tmpl_each_task(const struct tmpl *t, expr_task_fn fn, void *arg)
{
	size_t i;

	if (t->kind == TMPL_EXPR) {
		expr_each_task(t->expr, fn, arg);
	}
	for (i = 0; i < t->count; i++) {
		tmpl_each_task(t->kids[i], fn, arg);
	}
}

int tmpl_is_task(const struct tmpl *t, size_t *ret_task)
{
	return t->kind == TMPL_EXPR && expr_is_task(t->expr, ret_task);
}

void json_add_text(struct buf *out, const json_t *v)
{
	char *text;

	if (v == NULL || json_is_null(v)) {
		return;
	}
	if (json_is_string(v)) {
		buf_add(out, json_string_value(v), json_string_length(v));
		return;
	}
	text = json_text(v);
	buf_adds(out, text);
	free(text);
}

static int eval_text(const struct tmpl *t, const struct expr_scope *scope,
		     struct buf *out, struct error *err)
{
	json_t *v = NULL;
	size_t i;

	for (i = 0; i < t->count; i++) {
		if (tmpl_eval(t->kids[i], scope, &v, err) < 0) {
			return -ERR_INVALID;
		}
		json_add_text(out, v);
		json_decref(v);
		if (out->len > EXPR_MAX_RESULT) {
			return err_set(err, ERR_INVALID, "the text is too long");
		}
	}
	return 0;
}

static int eval_many(const struct tmpl *t, const struct expr_scope *scope,
		     json_t **ret_value, struct error *err)
{
	json_t *all = t->kind == TMPL_LIST ? json_array() : json_object(), *v = NULL;
	size_t i;

	for (i = 0; i < t->count; i++) {
		if (tmpl_eval(t->kids[i], scope, &v, err) < 0) {
			json_decref(all);
			return -ERR_INVALID;
		}
		if (t->kind == TMPL_LIST) {
			(void)json_array_append_new(all, v);
		} else {
			(void)json_object_set_new(all, t->keys[i], v);
		}
	}
	*ret_value = all;
	return 0;
}

int tmpl_eval(const struct tmpl *t, const struct expr_scope *scope, json_t **ret_value,
	      struct error *err)
{
	struct buf b;
	int rc;

	switch (t->kind) {
	case TMPL_CONSTANT:
		*ret_value = json_incref(t->constant);
		return 0;
	case TMPL_EXPR:
		return expr_eval_defined(t->expr, scope, ret_value, err);
	case TMPL_LIST:
	case TMPL_MAP:
		return eval_many(t, scope, ret_value, err);
	case TMPL_TEXT:
		break;
	}
	buf_init(&b);
	rc = eval_text(t, scope, &b, err);
	if (rc == 0) {
		*ret_value = json_stringn(b.data, b.len);
	}
	buf_release(&b);
	return rc;
}

int tmpl_eval_text(const struct tmpl *t, const struct expr_scope *scope,
		   struct buf *out, struct error *err)
{
	json_t *v = NULL;

	if (t->kind == TMPL_TEXT) {
		return eval_text(t, scope, out, err);
	}
	if (tmpl_eval(t, scope, &v, err) < 0) {
		return -ERR_INVALID;
	}
	json_add_text(out, v);
	json_decref(v);
	return 0;
}
