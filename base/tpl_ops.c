/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_ops.c - operators in the order of their precedence; tuples; what is assigned to.
 */
#include <string.h>

#include "base/compiler.h"
#include "base/tpl_priv.h"

/* ---- operators ---- */

static struct node *unary(struct parser *p, int with_filter)
{
	struct node *n;

	if (parse_enter(p) < 0) {
		return NULL;
	}
	if (tok_is_op(p, "-") || tok_is_op(p, "+")) {
		n = node_new(p, tok_is_op(p, "-") ? N_NEG : N_POS);
		if (n == NULL) {
			return NULL;
		}
		p->tok++;
		n->a = unary(p, 0);
		if (n->a == NULL) {
			return NULL;
		}
	} else {
		n = parse_primary(p);
	}
	n = parse_postfix(p, n);
	p->depth--;
	return with_filter ? parse_filter_expr(p, n) : n;
}

static struct node *level(struct parser *p, int at);

static struct node *concat(struct parser *p)
{
	struct node *first = level(p, 1), *n, *item;
	struct nodes l = {0};

	if (first == NULL || !tok_is_op(p, "~")) {
		return first;
	}
	n = node_new(p, N_CONCAT);
	if (n == NULL || nodes_add(p, &l, first) < 0) {
		return NULL;
	}
	while (tok_is_op(p, "~")) {
		p->tok++;
		item = level(p, 1);
		if (item == NULL || nodes_add(p, &l, item) < 0) {
			return NULL;
		}
	}
	n->list = l.v;
	n->n = l.n;
	return n;
}

/* Left to right: 0 sums (of concatenations), 1 products (of powers), 2 powers. */
static struct node *level(struct parser *p, int at)
{
	static const char *const ops[][5] = {{"+", "-"}, {"*", "/", "//", "%"}, {"**"}};
	struct node *left = at == 0 ? concat(p) : at == 1 ? level(p, 2) : unary(p, 1);
	struct node *n;
	int i;

	while (left != NULL && p->tok->type == TOK_OP) {
		for (i = 0; ops[at][i] != NULL && !tok_is_op(p, ops[at][i]); i++) {
		}
		if (ops[at][i] == NULL) {
			break;
		}
		n = node_new(p, N_BIN);
		if (n == NULL) {
			return NULL;
		}
		memcpy(n->op, ops[at][i], strlen(ops[at][i]) + 1);
		p->tok++;
		n->a = left;
		n->b = at == 0 ? concat(p) : at == 1 ? level(p, 2) : unary(p, 1);
		left = n->b != NULL ? n : NULL;
	}
	return left;
}

/* "in" and "not in" are "in" and "ni". */
static const char *compare_op(struct parser *p)
{
	static const char *const ops[] = {"==", "!=", "<", "<=", ">", ">="};
	size_t i;

	for (i = 0; i < ARRAY_LEN(ops); i++) {
		if (tok_is_op(p, ops[i])) {
			p->tok++;
			return ops[i];
		}
	}
	if (tok_is_name(p, "in")) {
		p->tok++;
		return "in";
	}
	if (tok_is_name(p, "not") && p->tok[1].type == TOK_NAME &&
	    strcmp(p->tok[1].s, "in") == 0) {
		p->tok += 2;
		return "ni";
	}
	return NULL;
}

/* a < b < c: the operands in list, the operators in N_COMPARE nodes of other. */
static struct node *compare(struct parser *p)
{
	struct node *first = level(p, 0), *n = NULL, *o;
	struct nodes operands = {0}, ops = {0};
	const char *op;

	while (first != NULL && (op = compare_op(p)) != NULL) {
		if (n == NULL) {
			n = node_new(p, N_COMPARE);
			if (n == NULL || nodes_add(p, &operands, first) < 0) {
				return NULL;
			}
		}
		o = node_new(p, N_COMPARE);
		if (o == NULL) {
			return NULL;
		}
		memcpy(o->op, op, strlen(op) + 1);
		o->a = level(p, 0);
		if (o->a == NULL || nodes_add(p, &ops, o) < 0 ||
		    nodes_add(p, &operands, o->a) < 0) {
			return NULL;
		}
	}
	if (n == NULL) {
		return first;
	}
	n->list = operands.v;
	n->n = operands.n;
	n->other = ops.v;
	n->other_n = ops.n;
	return n;
}

static struct node *not_expr(struct parser *p)
{
	struct node *n;

	if (!tok_is_name(p, "not")) {
		return compare(p);
	}
	if (parse_enter(p) < 0) {
		return NULL;
	}
	n = node_new(p, N_NOT);
	if (n == NULL) {
		return NULL;
	}
	p->tok++;
	n->a = not_expr(p);
	p->depth--;
	return n->a != NULL ? n : NULL;
}

static struct node *logic(struct parser *p, int is_or)
{
	struct node *left = is_or ? logic(p, 0) : not_expr(p), *n;

	while (left != NULL && tok_is_name(p, is_or ? "or" : "and")) {
		n = node_new(p, is_or ? N_OR : N_AND);
		if (n == NULL) {
			return NULL;
		}
		p->tok++;
		n->a = left;
		n->b = is_or ? logic(p, 0) : not_expr(p);
		left = n->b != NULL ? n : NULL;
	}
	return left;
}

struct node *parse_expr(struct parser *p)
{
	struct node *value, *n;

	if (parse_enter(p) < 0) {
		return NULL;
	}
	value = logic(p, 1);
	while (value != NULL && tok_is_name(p, "if")) {
		n = node_new(p, N_COND);
		if (n == NULL) {
			return NULL;
		}
		p->tok++;
		n->b = value;
		n->a = logic(p, 1);
		if (n->a == NULL) {
			return NULL;
		}
		if (tok_is_name(p, "else")) {
			p->tok++;
			n->c = parse_expr(p);
			if (n->c == NULL) {
				return NULL;
			}
		}
		value = n;
	}
	p->depth--;
	return value;
}

static int is_tuple_end(const struct parser *p)
{
	return p->tok->type == TOK_PRINT_END || p->tok->type == TOK_BLOCK_END ||
	       tok_is_op(p, ")");
}

struct node *parse_tuple(struct parser *p, int with_cond, int explicit_parens)
{
	struct node *n, *item;
	struct nodes l = {0};
	int is_tuple = 0;

	for (;;) {
		if (l.n > 0 && expect_op(p, ",") < 0) {
			return NULL;
		}
		if (is_tuple_end(p)) {
			break;
		}
		item = with_cond ? parse_expr(p) : logic(p, 1);
		if (item == NULL || nodes_add(p, &l, item) < 0) {
			return NULL;
		}
		if (!tok_is_op(p, ",")) {
			break;
		}
		is_tuple = 1;
	}
	if (!is_tuple && l.n > 0) {
		return l.v[0];
	}
	if (!is_tuple && !explicit_parens) {
		return parse_fail_token(p, "Expected an expression, got ");
	}
	n = node_new(p, N_TUPLE);
	if (n != NULL) {
		n->list = l.v;
		n->n = l.n;
	}
	return n;
}

/* Names to assign to: a, "a, b", "(a, b)", "ns.a". */
struct node *parse_target(struct parser *p)
{
	struct node *n, *item;
	struct nodes l = {0};
	int is_tuple = 0, parens = tok_is_op(p, "(");

	p->tok += parens;
	do {
		if (l.n > 0) {
			p->tok++;
			is_tuple = 1;
		}
		if (is_tuple && p->tok->type != TOK_NAME && !tok_is_op(p, "(")) {
			break;
		}
		if (tok_is_op(p, "(")) {
			item = p->depth < TEMPLATE_DEPTH_MAX ? parse_target(p) : NULL;
		} else if (p->tok->type != TOK_NAME || tok_is_name(p, "in")) {
			return parse_fail_token(p, "expected token 'name', got ");
		} else {
			item = parse_name_node(p);
			if (item != NULL && item->kind != N_NAME) {
				(void)parse_fail(p, "can't assign to 'const'");
				return NULL;
			}
			if (item != NULL && tok_is_op(p, ".")) {
				item = parse_attribute(p, item);
			}
		}
		if (item == NULL || nodes_add(p, &l, item) < 0) {
			return NULL;
		}
	} while (tok_is_op(p, ","));
	if (parens && expect_op(p, ")") < 0) {
		return NULL;
	}
	if (!is_tuple) {
		return l.v[0];
	}
	n = node_new(p, N_TUPLE);
	if (n != NULL) {
		n->list = l.v;
		n->n = l.n;
	}
	return n;
}
