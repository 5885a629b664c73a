/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_parse.c - expressions, in the order of their precedence. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/tpl_priv.h"

int parse_fail(struct parser *p, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->place = (struct template_place){p->tok->line, p->tok->column};
	return err_set(p->err, ERR_INVALID, "%s", text);
}

const char *tok_describe(const struct tok *t, char *dst, size_t size)
{
	const char *s = "end of template";

	switch (t->type) {
	case TOK_EOF:
		break;
	case TOK_DATA:
		s = "template data / text";
		break;
	case TOK_PRINT_BEGIN:
		s = "begin of print statement";
		break;
	case TOK_PRINT_END:
		s = "end of print statement";
		break;
	case TOK_BLOCK_BEGIN:
		s = "begin of statement block";
		break;
	case TOK_BLOCK_END:
		s = "end of statement block";
		break;
	case TOK_NAME:
		s = t->s;
		break;
	case TOK_INT:
		s = "integer";
		break;
	case TOK_FLOAT:
		s = "float";
		break;
	case TOK_STR:
		s = "string";
		break;
	case TOK_OP:
		s = t->op;
		break;
	}
	(void)snprintf(dst, size, "'%s'", s);
	return dst;
}

struct node *node_new(struct parser *p, enum node_kind kind)
{
	struct node *n = arena_alloc(p->arena, sizeof(*n));

	if (n == NULL) {
		(void)parse_fail(p, "the template is too long");
		return NULL;
	}
	n->kind = kind;
	n->line = p->tok->line;
	n->column = p->tok->column;
	return n;
}

int nodes_add(struct parser *p, struct nodes *l, struct node *n)
{
	if (l->n == l->size) {
		size_t size = l->size == 0 ? 4 : l->size * 2;
		struct node **v = arena_alloc(p->arena, size * sizeof(struct node *));

		if (v == NULL) {
			return parse_fail(p, "the template is too long");
		}
		if (l->n > 0) {
			memcpy(v, l->v, l->n * sizeof(struct node *));
		}
		l->v = v;
		l->size = size;
	}
	l->v[l->n++] = n;
	return 0;
}

int tok_is_op(const struct parser *p, const char *op)
{
	return p->tok->type == TOK_OP && strcmp(p->tok->op, op) == 0;
}

int tok_is_name(const struct parser *p, const char *name)
{
	return p->tok->type == TOK_NAME && strcmp(p->tok->s, name) == 0;
}

int expect_op(struct parser *p, const char *op)
{
	char got[80];

	if (tok_is_op(p, op)) {
		p->tok++;
		return 0;
	}
	return p->tok->type == TOK_EOF
		   ? parse_fail(p, "unexpected end of template, expected '%s'.", op)
		   : parse_fail(p, "expected token '%s', got %s", op,
				tok_describe(p->tok, got, sizeof(got)));
}

struct node *parse_fail_token(struct parser *p, const char *before)
{
	char got[80];

	(void)parse_fail(p, "%s%s", before, tok_describe(p->tok, got, sizeof(got)));
	return NULL;
}

int parse_enter(struct parser *p)
{
	if (++p->depth > TEMPLATE_DEPTH_MAX * 4) {
		return parse_fail(p, "the expression is nested too deeply");
	}
	return 0;
}

/* ---- primary ---- */

static struct node *const_node(struct parser *p, struct val v)
{
	struct node *n = node_new(p, N_CONST);

	if (n != NULL) {
		n->v = v;
		p->tok++;
	}
	return n;
}

struct node *parse_name_node(struct parser *p)
{
	const char *s = p->tok->s;
	struct node *n;

	if (strcmp(s, "true") == 0 || strcmp(s, "True") == 0) {
		return const_node(p, v_bool(1));
	}
	if (strcmp(s, "false") == 0 || strcmp(s, "False") == 0) {
		return const_node(p, v_bool(0));
	}
	if (strcmp(s, "none") == 0 || strcmp(s, "None") == 0) {
		return const_node(p, v_none());
	}
	n = node_new(p, N_NAME);
	if (n != NULL) {
		n->s = s;
		p->tok++;
	}
	return n;
}

/* "a" "b" is "ab". */
static struct node *string_node(struct parser *p)
{
	struct node *n = node_new(p, N_CONST);
	const struct tok *t;
	size_t len = 0;
	char *s;

	for (t = p->tok; t->type == TOK_STR; t++) {
		len += t->len;
	}
	s = n != NULL ? arena_alloc(p->arena, len + 1) : NULL;
	if (s == NULL) {
		return n == NULL ? NULL : parse_fail_token(p, "too long: ");
	}
	n->v = v_strn(s, len);
	for (len = 0; p->tok->type == TOK_STR; p->tok++) {
		memcpy(s + len, p->tok->s, p->tok->len);
		len += p->tok->len;
	}
	return n;
}

static struct node *list_node(struct parser *p)
{
	struct node *n = node_new(p, N_LIST), *item;
	struct nodes l = {0};

	p->tok++;
	while (n != NULL && !tok_is_op(p, "]")) {
		if (l.n > 0 && expect_op(p, ",") < 0) {
			return NULL;
		}
		if (tok_is_op(p, "]")) {
			break;
		}
		item = parse_expr(p);
		if (item == NULL || nodes_add(p, &l, item) < 0) {
			return NULL;
		}
	}
	if (n == NULL || expect_op(p, "]") < 0) {
		return NULL;
	}
	n->list = l.v;
	n->n = l.n;
	return n;
}

/* Keys and values in turn. */
static struct node *dict_node(struct parser *p)
{
	struct node *n = node_new(p, N_DICT), *k, *v;
	struct nodes l = {0};

	p->tok++;
	while (n != NULL && !tok_is_op(p, "}")) {
		if (l.n > 0 && expect_op(p, ",") < 0) {
			return NULL;
		}
		if (tok_is_op(p, "}")) {
			break;
		}
		k = parse_expr(p);
		v = k != NULL && expect_op(p, ":") == 0 ? parse_expr(p) : NULL;
		if (v == NULL || nodes_add(p, &l, k) < 0 || nodes_add(p, &l, v) < 0) {
			return NULL;
		}
	}
	if (n == NULL || expect_op(p, "}") < 0) {
		return NULL;
	}
	n->list = l.v;
	n->n = l.n;
	return n;
}

struct node *parse_primary(struct parser *p)
{
	struct node *n;

	switch (p->tok->type) {
	case TOK_NAME:
		return parse_name_node(p);
	case TOK_STR:
		return string_node(p);
	case TOK_INT:
		return const_node(p, v_int(p->tok->i));
	case TOK_FLOAT:
		return const_node(p, v_float(p->tok->d));
	case TOK_OP:
		if (tok_is_op(p, "(")) {
			p->tok++;
			n = parse_tuple(p, 1, 1);
			return n != NULL && expect_op(p, ")") == 0 ? n : NULL;
		}
		if (tok_is_op(p, "[")) {
			return list_node(p);
		}
		if (tok_is_op(p, "{")) {
			return dict_node(p);
		}
		return parse_fail_token(p, "unexpected ");
	case TOK_EOF:
	case TOK_DATA:
	case TOK_PRINT_BEGIN:
	case TOK_PRINT_END:
	case TOK_BLOCK_BEGIN:
	case TOK_BLOCK_END:
	default:
		return parse_fail_token(p, "unexpected ");
	}
}

/* ---- postfix ---- */

static struct node *slice(struct parser *p, struct node *first)
{
	struct node *n = node_new(p, N_SLICE);
	struct node **to[2];
	int i;

	if (n == NULL) {
		return NULL;
	}
	n->list = arena_alloc(p->arena, 3 * sizeof(struct node *));
	if (n->list == NULL) {
		return parse_fail_token(p, "too long: ");
	}
	n->n = 3;
	n->list[0] = first;
	to[0] = &n->list[1];
	to[1] = &n->list[2];
	for (i = 0; i < 2 && tok_is_op(p, ":"); i++) {
		p->tok++;
		if (!tok_is_op(p, ":") && !tok_is_op(p, "]") && !tok_is_op(p, ",")) {
			*to[i] = parse_expr(p);
			if (*to[i] == NULL) {
				return NULL;
			}
		}
	}
	return n;
}

static struct node *subscript(struct parser *p, struct node *of)
{
	struct node *n = node_new(p, N_ITEM), *key = NULL;

	if (n == NULL) {
		return NULL;
	}
	p->tok++;
	if (!tok_is_op(p, ":")) {
		key = parse_expr(p);
		if (key == NULL) {
			return NULL;
		}
	}
	if (tok_is_op(p, ":")) {
		key = slice(p, key);
	}
	n->a = of;
	n->b = key;
	return key != NULL && expect_op(p, "]") == 0 ? n : NULL;
}

struct node *parse_attribute(struct parser *p, struct node *of)
{
	struct node *n = node_new(p, N_ATTR);

	if (n == NULL) {
		return NULL;
	}
	p->tok++;
	n->a = of;
	if (p->tok->type == TOK_NAME) {
		n->s = p->tok->s;
	} else if (p->tok->type == TOK_INT) {
		n->kind = N_ITEM;
		n->b = const_node(p, v_int(p->tok->i));
		return n->b != NULL ? n : NULL;
	} else {
		return parse_fail_token(p, "expected name or number");
	}
	p->tok++;
	return n;
}

int parse_call_args(struct parser *p, struct node *call)
{
	size_t size = 0;
	int rc = expect_op(p, "(");

	while (rc == 0 && !tok_is_op(p, ")")) {
		struct arg a = {0};

		if (call->arg_n > 0 && (rc = expect_op(p, ",")) < 0) {
			break;
		}
		if (tok_is_op(p, ")")) {
			break;
		}
		if (tok_is_op(p, "*") || tok_is_op(p, "**")) {
			a.spread = (int)strlen(p->tok->op);
			p->tok++;
		} else if (p->tok->type == TOK_NAME && p->tok[1].type == TOK_OP &&
			   strcmp(p->tok[1].op, "=") == 0) {
			a.name = p->tok->s;
			p->tok += 2;
		} else if (call->arg_n > 0 &&
			   call->args[call->arg_n - 1].name != NULL) {
			return parse_fail(
			    p, "invalid syntax for function call expression");
		}
		a.value = parse_expr(p);
		if (a.value == NULL) {
			return -ERR_INVALID;
		}
		if (call->arg_n == size) {
			struct arg *args;

			size = size == 0 ? 4 : size * 2;
			args = arena_alloc(p->arena, size * sizeof(*args));
			if (args == NULL) {
				return parse_fail(p, "the template is too long");
			}
			if (call->arg_n > 0) {
				memcpy(args, call->args, call->arg_n * sizeof(*args));
			}
			call->args = args;
		}
		call->args[call->arg_n++] = a;
	}
	return rc < 0 ? rc : expect_op(p, ")");
}

static struct node *call(struct parser *p, struct node *of)
{
	struct node *n = node_new(p, N_CALL);

	if (n == NULL) {
		return NULL;
	}
	n->a = of;
	return parse_call_args(p, n) == 0 ? n : NULL;
}

struct node *parse_postfix(struct parser *p, struct node *n)
{
	while (n != NULL && p->tok->type == TOK_OP) {
		if (tok_is_op(p, ".")) {
			n = parse_attribute(p, n);
		} else if (tok_is_op(p, "[")) {
			n = subscript(p, n);
		} else if (tok_is_op(p, "(")) {
			n = call(p, n);
		} else {
			break;
		}
	}
	return n;
}

/* ---- filters and tests ---- */

static const char *dotted(struct parser *p)
{
	const char *s = p->tok->s;

	if (p->tok->type != TOK_NAME) {
		char got[80];

		(void)parse_fail(p, "expected token 'name', got %s",
				 tok_describe(p->tok, got, sizeof(got)));
		return NULL;
	}
	p->tok++;
	while (tok_is_op(p, ".") && p->tok[1].type == TOK_NAME) {
		p->tok += 2; /* no such filter is known: refused when it runs */
		s = "unknown";
	}
	return s;
}

static struct node *filter(struct parser *p, struct node *of)
{
	struct node *n = node_new(p, N_FILTER);

	if (n == NULL) {
		return NULL;
	}
	n->a = of;
	n->s = dotted(p);
	if (n->s == NULL || (tok_is_op(p, "(") && parse_call_args(p, n) < 0)) {
		return NULL;
	}
	return n;
}

struct node *parse_filters(struct parser *p, struct node *node, int start_inline)
{
	struct node *n = node;

	while (start_inline || tok_is_op(p, "|")) {
		if (!start_inline) {
			p->tok++;
		}
		start_inline = 0;
		n = filter(p, n);
		if (n == NULL) {
			return NULL;
		}
	}
	return n;
}

static int starts_argument(const struct parser *p)
{
	if (p->tok->type == TOK_NAME) {
		return !tok_is_name(p, "else") && !tok_is_name(p, "or") &&
		       !tok_is_name(p, "and") && !tok_is_name(p, "is");
	}
	return p->tok->type == TOK_STR || p->tok->type == TOK_INT ||
	       p->tok->type == TOK_FLOAT || tok_is_op(p, "[") || tok_is_op(p, "{");
}

static struct node *test(struct parser *p, struct node *of)
{
	struct node *n = node_new(p, N_TEST), *inverted;
	int negated;

	if (n == NULL) {
		return NULL;
	}
	p->tok++;
	negated = tok_is_name(p, "not");
	p->tok += negated;
	n->a = of;
	n->s = dotted(p);
	if (n->s == NULL) {
		return NULL;
	}
	if (tok_is_op(p, "(")) {
		if (parse_call_args(p, n) < 0) {
			return NULL;
		}
	} else if (tok_is_name(p, "is")) {
		(void)parse_fail(p, "You cannot chain multiple tests with is");
		return NULL;
	} else if (starts_argument(p)) {
		struct node *v = parse_postfix(p, parse_primary(p));

		n->args = v != NULL ? arena_alloc(p->arena, sizeof(*n->args)) : NULL;
		if (n->args == NULL) {
			return NULL;
		}
		n->args[0].value = v;
		n->arg_n = 1;
	}
	if (!negated) {
		return n;
	}
	inverted = node_new(p, N_NOT);
	if (inverted != NULL) {
		inverted->a = n;
	}
	return inverted;
}

struct node *parse_filter_expr(struct parser *p, struct node *n)
{
	while (n != NULL) {
		if (tok_is_op(p, "|")) {
			n = parse_filters(p, n, 0);
		} else if (tok_is_name(p, "is")) {
			n = test(p, n);
		} else if (tok_is_op(p, "(")) {
			n = call(p, n);
		} else {
			break;
		}
	}
	return n;
}
