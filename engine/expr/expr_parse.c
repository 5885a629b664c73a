/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_parse.c - text to expression tree: recursive descent.
 */
#include "engine/expr/expr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/opts.h"
#include "engine/expr/expr_priv.h"
#include "engine/expr/expr_scan.h"

static int is_char(const struct expr_parser *p, char c)
{
	return p->tok == TOK_CHAR && p->s[p->at] == c;
}

static int is_word(const struct expr_parser *p, const char *word)
{
	return p->tok == TOK_NAME && strcmp(p->text.data, word) == 0;
}

static struct expr *new_expr(enum expr_kind kind, size_t at)
{
	struct expr *e = xcalloc(1, sizeof(*e));

	e->kind = kind;
	e->at = at;
	e->task = EXPR_NO_TASK;
	return e;
}

void expr_free(struct expr *e)
{
	size_t i;

	if (e == NULL) {
		return;
	}
	for (i = 0; i < e->count; i++) {
		expr_free(e->kids[i]);
	}
	free(e->kids);
	free(e->text);
	json_decref(e->literal);
	free(e);
}

/* Takes KID. */
static void add_kid(struct expr *e, struct expr *kid)
{
	e->kids = xreallocarray(e->kids, e->count + 1, sizeof(struct expr *));
	e->kids[e->count++] = kid;
}

static int parse_or(struct expr_parser *p, struct expr **ret_expr);

static int parse_nested(struct expr_parser *p, struct expr **ret_expr)
{
	int rc;

	if (++p->depth > EXPR_MAX_DEPTH) {
		return expr_bad(p, p->at, "the expression is nested too deeply");
	}
	rc = parse_or(p, ret_expr);
	p->depth--;
	return rc;
}

static int expect_char(struct expr_parser *p, char c, const char *what)
{
	if (!is_char(p, c)) {
		return expr_bad(p, p->at, what);
	}
	return expr_scan(p);
}

/* Comma separated expressions up to CLOSE; the opening bracket is already read. */
static int parse_items(struct expr_parser *p, struct expr *into, char close,
		       const char *what)
{
	struct expr *kid = NULL;

	while (!is_char(p, close)) {
		if (parse_nested(p, &kid) < 0) {
			return -ERR_INVALID;
		}
		add_kid(into, kid);
		if (!is_char(p, close) && expect_char(p, ',', what) < 0) {
			return -ERR_INVALID;
		}
	}
	return expr_scan(p);
}

static json_t *number_literal(const struct expr_parser *p)
{
	json_int_t i;

	if (p->tok == TOK_INT) {
		errno = 0;
		i = strtoll(p->text.data, NULL, 10);
		if (errno == 0) {
			return json_integer(i);
		}
	}
	return json_real(strtod(p->text.data, NULL));
}

static json_t *word_literal(const struct expr_parser *p)
{
	if (is_word(p, "true") || is_word(p, "True")) {
		return json_true();
	}
	if (is_word(p, "false") || is_word(p, "False")) {
		return json_false();
	}
	if (is_word(p, "null") || is_word(p, "none") || is_word(p, "None")) {
		return json_null();
	}
	return NULL;
}

static int is_reserved(const struct expr_parser *p)
{
	return is_word(p, "and") || is_word(p, "or") || is_word(p, "not") ||
	       is_word(p, "in");
}

static int parse_name(struct expr_parser *p, struct expr **ret_expr)
{
	json_t *word = word_literal(p);
	struct expr *e;

	if (is_reserved(p)) {
		return expr_bad(p, p->at, "a value is missing here");
	}
	e = new_expr(word != NULL ? EXPR_LITERAL : EXPR_NAME, p->at);
	if (word != NULL) {
		e->literal = word;
	} else {
		e->text = xstrdup(p->text.data);
	}
	*ret_expr = e;
	return 0;
}

static int parse_list(struct expr_parser *p, struct expr **ret_expr)
{
	struct expr *e = new_expr(EXPR_LIST, p->at);

	if (expr_scan(p) < 0 || parse_items(p, e, ']', "a list ends with ]") < 0) {
		expr_free(e);
		return -ERR_INVALID;
	}
	*ret_expr = e;
	return 0;
}

static int parse_paren(struct expr_parser *p, struct expr **ret_expr)
{
	struct expr *e = NULL;

	if (expr_scan(p) < 0 || parse_nested(p, &e) < 0) {
		return -ERR_INVALID;
	}
	if (expect_char(p, ')', "a closing ) is missing") < 0) {
		expr_free(e);
		return -ERR_INVALID;
	}
	*ret_expr = e;
	return 0;
}

static int parse_atom(struct expr_parser *p, struct expr **ret_expr)
{
	struct expr *e = NULL;

	if (is_char(p, '[')) {
		return parse_list(p, ret_expr);
	}
	if (is_char(p, '(')) {
		return parse_paren(p, ret_expr);
	}
	switch (p->tok) {
	case TOK_NAME:
		if (parse_name(p, &e) < 0) {
			return -ERR_INVALID;
		}
		break;
	case TOK_TEXT:
		e = new_expr(EXPR_LITERAL, p->at);
		e->literal = json_stringn(p->text.data, p->text.len);
		if (e->literal == NULL) {
			expr_free(e);
			return expr_bad(p, p->at, "this text is not valid UTF-8");
		}
		break;
	case TOK_INT:
	case TOK_REAL:
		e = new_expr(EXPR_LITERAL, p->at);
		e->literal = number_literal(p);
		break;
	case TOK_END:
		return expr_bad(p, p->at, "a value is missing at the end");
	case TOK_OP:
	case TOK_CHAR:
		return expr_bad(p, p->at, "a value is missing here");
	}
	if (expr_scan(p) < 0) {
		expr_free(e);
		return -ERR_INVALID;
	}
	*ret_expr = e;
	return 0;
}

static int parse_member(struct expr_parser *p, struct expr *of, struct expr **ret_expr)
{
	struct expr *e;

	if (expr_scan(p) < 0) {
		return -ERR_INVALID;
	}
	if (p->tok != TOK_NAME && p->tok != TOK_INT) {
		return expr_bad(p, p->at, "a name must follow the dot");
	}
	e = new_expr(EXPR_MEMBER, of->at);
	e->text = xstrdup(p->text.data);
	e->text_at = p->at;
	add_kid(e, of);
	*ret_expr = e;
	return expr_scan(p);
}

static int parse_index(struct expr_parser *p, struct expr *of, struct expr **ret_expr)
{
	struct expr *e = new_expr(EXPR_INDEX, of->at), *index = NULL;

	add_kid(e, of);
	*ret_expr = e;
	if (expr_scan(p) < 0 || parse_nested(p, &index) < 0) {
		return -ERR_INVALID;
	}
	add_kid(e, index);
	return expect_char(p, ']', "a closing ] is missing");
}

static int parse_post(struct expr_parser *p, struct expr **ret_expr)
{
	struct expr *e = NULL;
	int rc = parse_atom(p, &e), links = 0;

	while (rc == 0 && (is_char(p, '.') || is_char(p, '['))) {
		if (++links > EXPR_MAX_DEPTH) {
			rc = expr_bad(p, p->at, "the path is too long");
		} else if (is_char(p, '.')) {
			rc = parse_member(p, e, &e);
		} else {
			rc = parse_index(p, e, &e);
		}
	}
	if (rc < 0) {
		expr_free(e);
		return rc;
	}
	*ret_expr = e;
	return 0;
}

static int unknown_filter(struct expr_parser *p)
{
	const char *near =
	    opts_nearest(p->text.data, expr_filter_names, expr_filter_count);

	p->bad_at = p->at;
	(void)err_set(p->err, ERR_INVALID, "unknown filter '%.60s'%s%s%s", p->text.data,
		      near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
		      near != NULL ? "'?" : "");
	return -ERR_INVALID;
}

/* Adds one filter around OF; *ret_expr owns OF afterwards, also on failure. */
static int parse_filter(struct expr_parser *p, struct expr *of, struct expr **ret_expr)
{
	struct expr *e = new_expr(EXPR_FILTER, of->at);
	size_t min, max;
	int number;

	add_kid(e, of);
	*ret_expr = e;
	if (expr_scan(p) < 0) {
		return -ERR_INVALID;
	}
	if (p->tok != TOK_NAME) {
		return expr_bad(p, p->at, "the name of a filter must follow |");
	}
	number = expr_filter_find(p->text.data, &min, &max);
	if (number < 0) {
		return unknown_filter(p);
	}
	e->filter = (size_t)number;
	e->text = xstrdup(p->text.data);
	e->text_at = p->at;
	if (expr_scan(p) < 0) {
		return -ERR_INVALID;
	}
	if (is_char(p, '(') && (expr_scan(p) < 0 ||
				parse_items(p, e, ')', "a closing ) is missing") < 0)) {
		return -ERR_INVALID;
	}
	if (e->count - 1 < min || e->count - 1 > max) {
		p->bad_at = e->text_at;
		return err_set(p->err, ERR_INVALID,
			       "the filter '%s' takes %zu%s%s argument%s, not %zu",
			       e->text, min, max > min ? " or " : "",
			       max > min ? "more" : "", max == 1 ? "" : "s",
			       e->count - 1);
	}
	return 0;
}

static int parse_pipe(struct expr_parser *p, struct expr **ret_expr)
{
	struct expr *e = NULL;
	int rc = parse_post(p, &e), filters = 0;

	while (rc == 0 && is_char(p, '|')) {
		rc = ++filters > EXPR_MAX_DEPTH ? expr_bad(p, p->at, "too many filters")
						: parse_filter(p, e, &e);
	}
	if (rc < 0) {
		expr_free(e);
		return rc;
	}
	*ret_expr = e;
	return 0;
}

/* Recognises an operator, "in" or "not in"; 1 when there is one (and it was read). */
static int take_op(struct expr_parser *p, enum expr_op *ret_op)
{
	struct expr_parser ahead;
	int is_in = 0;

	if (p->tok == TOK_OP) {
		*ret_op = p->op;
		return expr_scan(p) < 0 ? -ERR_INVALID : 1;
	}
	if (is_word(p, "in")) {
		*ret_op = EXPR_IN;
		return expr_scan(p) < 0 ? -ERR_INVALID : 1;
	}
	if (!is_word(p, "not")) {
		return 0;
	}
	ahead = *p;
	buf_init(&ahead.text);
	ahead.err = NULL;
	is_in = expr_scan(&ahead) == 0 && is_word(&ahead, "in");
	buf_release(&ahead.text);
	if (!is_in) {
		return 0;
	}
	*ret_op = EXPR_NOT_IN;
	if (expr_scan(p) < 0) { /* to "in" */
		return -ERR_INVALID;
	}
	return expr_scan(p) < 0 ? -ERR_INVALID : 1;
}

static int parse_compare(struct expr_parser *p, struct expr **ret_expr)
{
	struct expr *left = NULL, *right = NULL, *e;
	enum expr_op op = EXPR_EQ;
	int rc = parse_pipe(p, &left);

	if (rc < 0) {
		return rc;
	}
	rc = take_op(p, &op);
	if (rc == 0) {
		*ret_expr = left;
		return 0;
	}
	if (rc < 0 || parse_pipe(p, &right) < 0) {
		expr_free(left);
		return -ERR_INVALID;
	}
	e = new_expr(EXPR_COMPARE, left->at);
	e->op = op;
	add_kid(e, left);
	add_kid(e, right);
	*ret_expr = e;
	return 0;
}

static int parse_not(struct expr_parser *p, struct expr **ret_expr)
{
	struct expr *e, *of = NULL;
	size_t at = p->at;
	int rc;

	if (!is_word(p, "not")) {
		return parse_compare(p, ret_expr);
	}
	if (expr_scan(p) < 0) {
		return -ERR_INVALID;
	}
	if (++p->depth > EXPR_MAX_DEPTH) {
		return expr_bad(p, p->at, "the expression is nested too deeply");
	}
	rc = parse_not(p, &of);
	p->depth--;
	if (rc < 0) {
		return rc;
	}
	e = new_expr(EXPR_NOT, at);
	add_kid(e, of);
	*ret_expr = e;
	return 0;
}

typedef int (*parse_fn)(struct expr_parser *p, struct expr **ret_expr);

/* One kid: the kid itself; several joined by WORD: one node with all of them. */
static int parse_chain(struct expr_parser *p, const char *word, enum expr_kind kind,
		       parse_fn sub, struct expr **ret_expr)
{
	struct expr *first = NULL, *e = NULL, *kid = NULL;

	if (sub(p, &first) < 0) {
		return -ERR_INVALID;
	}
	while (is_word(p, word)) {
		if (e == NULL) {
			e = new_expr(kind, first->at);
			add_kid(e, first);
		}
		if (expr_scan(p) < 0 || sub(p, &kid) < 0) {
			expr_free(e);
			return -ERR_INVALID;
		}
		add_kid(e, kid);
	}
	*ret_expr = e != NULL ? e : first;
	return 0;
}

static int parse_and(struct expr_parser *p, struct expr **ret_expr)
{
	return parse_chain(p, "and", EXPR_AND, parse_not, ret_expr);
}

static int parse_or(struct expr_parser *p, struct expr **ret_expr)
{
	return parse_chain(p, "or", EXPR_OR, parse_and, ret_expr);
}

int expr_parse(const char *text, size_t len, struct expr **ret_expr, size_t *ret_at,
	       struct error *err)
{
	struct error local = {.code = 0};
	struct expr_parser p = {.s = text, .len = len, .err = &local};
	struct expr *e = NULL;
	int rc;

	*ret_at = 0;
	if (len > EXPR_MAX_TEXT) {
		return err_set(err, ERR_INVALID,
			       "the expression is longer than %u bytes", EXPR_MAX_TEXT);
	}
	buf_init(&p.text);
	rc = expr_scan(&p);
	if (rc == 0 && p.tok == TOK_END) {
		rc = expr_bad(&p, 0, "the expression is empty");
	}
	if (rc == 0) {
		rc = parse_or(&p, &e);
	}
	if (rc == 0 && p.tok != TOK_END) {
		rc = expr_bad(&p, p.at, "unexpected text after the expression");
	}
	buf_release(&p.text);
	if (rc < 0) {
		expr_free(e);
		*ret_at = p.bad_at;
		return err_set(err, ERR_INVALID, "%s", local.msg);
	}
	*ret_expr = e;
	return 0;
}

static int bind_one(struct expr *e, expr_ref_fn fn, void *arg)
{
	struct expr_ref ref = {.at = e->at};
	struct expr *root = e->kind == EXPR_NAME ? e : e->kids[0];

	ref.root = root->text;
	ref.at = ref.member_at = root->at;
	if (e->kind == EXPR_MEMBER) {
		ref.member = e->text;
		ref.member_at = e->text_at;
	} else if (e->kind == EXPR_INDEX && e->kids[1]->kind == EXPR_LITERAL) {
		ref.member = json_string_value(e->kids[1]->literal);
		ref.member_at = e->kids[1]->at;
	}
	return fn(&ref, &e->task, arg);
}

int expr_bind(struct expr *e, expr_ref_fn fn, void *arg)
{
	size_t i, first = 0;
	int rc = 0;

	if (e->kind == EXPR_NAME) {
		return bind_one(e, fn, arg);
	}
	if ((e->kind == EXPR_MEMBER || e->kind == EXPR_INDEX) &&
	    e->kids[0]->kind == EXPR_NAME) {
		rc = bind_one(e, fn, arg);
		first = 1;
	}
	for (i = first; i < e->count && rc >= 0; i++) {
		rc = expr_bind(e->kids[i], fn, arg);
	}
	return rc < 0 ? rc : 0;
}

void expr_each_task(const struct expr *e, expr_task_fn fn, void *arg)
{
	size_t i;

	if (e->task != EXPR_NO_TASK) {
		fn(e->task, arg);
	}
	for (i = 0; i < e->count; i++) {
		expr_each_task(e->kids[i], fn, arg);
	}
}
