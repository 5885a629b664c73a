/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_priv.h - the tree behind expr.h, shared by its parser and its evaluator.
 */
#ifndef ENGINE_EXPR_EXPR_PRIV_H
#define ENGINE_EXPR_EXPR_PRIV_H

#include <stddef.h>

#include <jansson.h>

struct error;

enum expr_kind {
	EXPR_LITERAL = 1,
	EXPR_NAME,   /* a root; task_index is set by expr_bind below `tasks` */
	EXPR_MEMBER, /* kids[0].text */
	EXPR_INDEX,  /* kids[0][kids[1]] */
	EXPR_LIST,
	EXPR_OR,
	EXPR_AND,
	EXPR_NOT,
	EXPR_COMPARE,
	EXPR_FILTER, /* kids[0] | text(kids[1..]) */
};
enum expr_op {
	EXPR_EQ = 1,
	EXPR_NE,
	EXPR_LT,
	EXPR_LE,
	EXPR_GT,
	EXPR_GE,
	EXPR_IN,
	EXPR_NOT_IN
};

#define EXPR_NO_TASK ((size_t)-1)

struct expr {
	enum expr_kind kind;
	enum expr_op op;
	size_t at, text_at; /* offsets in the source */
	char *text;         /* name, member or filter */
	size_t filter;      /* index into the filter table */
	size_t task;        /* of a MEMBER below `tasks`, or EXPR_NO_TASK */
	json_t *literal;
	struct expr **kids;
	size_t count;
};

/* Applies filter number FILTER to V (NULL: undefined).  ARGS are borrowed. */
int expr_filter_apply(size_t filter, const json_t *v, json_t *const *args, size_t nargs,
		      json_t **ret_value, struct error *err);
/* The filter's number and how many arguments it takes; -1 when there is no such filter.
 */
int expr_filter_find(const char *name, size_t *ret_min, size_t *ret_max);
/* Order of two values of one type: <0, 0, >0; -ERR in *ret_bad when they have none. */
int expr_compare(const json_t *a, const json_t *b, int *ret_bad);
/* Equality as people expect it: 1 == 1.0, else by type and content. */
int expr_equal(const json_t *a, const json_t *b);
/* "a list", "the text", for messages. */
const char *expr_type_name(const json_t *v);

#endif
