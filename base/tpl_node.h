/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_node.h - tokens, nodes and the parser, in the template's arena.  Private to the
 * template engine. */
#ifndef BASE_TPL_NODE_H
#define BASE_TPL_NODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/template.h"
#include "base/tpl_value.h"

struct error;

/* ---- tokens ---- */
enum tok_type {
	TOK_EOF = 0,
	TOK_DATA,
	TOK_PRINT_BEGIN,
	TOK_PRINT_END,
	TOK_BLOCK_BEGIN,
	TOK_BLOCK_END,
	TOK_NAME,
	TOK_INT,
	TOK_FLOAT,
	TOK_STR,
	TOK_OP
};
struct tok {
	enum tok_type type;
	int line, column;
	const char *s; /* text of data, names, strings (unescaped) */
	size_t len;
	int64_t i;
	double d;
	char op[3];
};
struct toks {
	struct tok *list;
	size_t count, size;
};
int tpl_lex(struct arena *a, const char *text, struct toks *ret_toks,
	    struct template_place *ret_place, struct error *err);

/* ---- nodes ---- */
enum node_kind {
	N_CONST = 1,
	N_NAME,
	N_ATTR,
	N_ITEM,
	N_SLICE,
	N_CALL,
	N_FILTER,
	N_TEST,
	N_NOT,
	N_NEG,
	N_POS,
	N_BIN,
	N_AND,
	N_OR,
	N_COMPARE,
	N_COND,
	N_LIST,
	N_TUPLE,
	N_DICT,
	N_CONCAT,
	/* statements */
	N_TEXT,
	N_PRINT,
	N_IF,
	N_FOR,
	N_SET,
	N_SET_BLOCK,
	N_WITH,
	N_FILTER_BLOCK,
	N_MACRO,
	N_CALL_BLOCK,
	N_SCOPE,  /* block, autoescape */
	N_REFUSED /* extends, include, import: fails when rendered */
};
struct arg {
	const char *name; /* keyword; NULL: by position */
	struct node *value;
	int spread; /* 1: *x, 2: **x */
};
struct node {
	enum node_kind kind;
	int line, column;
	const char *s; /* name, text */
	size_t len;
	char op[4]; /* N_BIN, N_COMPARE: the first */
	struct val v;
	struct node *a, *b, *c; /* operands, conditions, targets */
	struct node **list;     /* items, body */
	size_t n;
	struct node **other; /* else branch */
	size_t other_n;
	struct arg *args;
	size_t arg_n;
};

struct template
{
	struct arena arena;
	char *text;
	struct node **body;
	size_t n;
	int fors, nest;
};

struct parser {
	struct template *t;
	struct arena *arena;
	struct tok *tok;
	int depth;
	int for_depth;
	struct template_place place;
	struct error *err;
	const char *open[TEMPLATE_DEPTH_MAX + 2]; /* blocks, for messages */
	const char *ends[TEMPLATE_DEPTH_MAX + 2];
	int open_n;
};
struct node *parse_expr(struct parser *p); /* NULL: error set */
struct node *parse_tuple(struct parser *p, int with_cond, int explicit_parens);
struct node *parse_target(struct parser *p);
struct node *parse_filters(struct parser *p, struct node *node, int start_inline);
int parse_call_args(struct parser *p, struct node *call);
int parse_enter(struct parser *p); /* one level deeper; fails when too deep */
struct node *parse_fail_token(struct parser *p, const char *before);
struct node *parse_name_node(struct parser *p);
struct node *parse_primary(struct parser *p);
struct node *parse_attribute(struct parser *p, struct node *of);
struct node *parse_postfix(struct parser *p, struct node *n);
struct node *parse_filter_expr(struct parser *p, struct node *n);
struct node *node_new(struct parser *p, enum node_kind kind);
int parse_body(struct parser *p, struct node ***ret, size_t *ret_n,
	       const char *const *ends);
int parse_fail(struct parser *p, const char *fmt, ...) WF_PRINTF(2, 3);
int tok_is_op(const struct parser *p, const char *op);
int tok_is_name(const struct parser *p, const char *name);
int expect_op(struct parser *p, const char *op);
const char *tok_describe(const struct tok *t, char *dst, size_t size);
struct nodes {
	struct node **v;
	size_t n, size;
};
int nodes_add(struct parser *p, struct nodes *l, struct node *n);

#endif
