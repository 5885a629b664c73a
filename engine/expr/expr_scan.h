/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_scan.h - the tokens of expressions.
 */
#ifndef ENGINE_EXPR_EXPR_SCAN_H
#define ENGINE_EXPR_EXPR_SCAN_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "engine/expr/expr_priv.h"

enum expr_tok {
	TOK_END = 0,
	TOK_NAME,
	TOK_TEXT,
	TOK_INT,
	TOK_REAL,
	TOK_OP,   /* one of the comparison operators */
	TOK_CHAR, /* ( ) [ ] . , | */
};

struct expr_parser {
	const char *s;
	size_t len, pos;
	/* the present token, from AT to END */
	enum expr_tok tok;
	size_t at, end;
	enum expr_op op;
	struct buf text;
	int depth;
	size_t bad_at;
	struct error *err;
};

/* Reads the next token; 0, or -ERR_INVALID by expr_bad(). */
int expr_scan(struct expr_parser *p);
/* Notes the place and the reason of an error. */
static inline int expr_bad(struct expr_parser *p, size_t at, const char *what)
{
	p->bad_at = at;
	(void)err_set(p->err, ERR_INVALID, "%s", what);
	return -ERR_INVALID;
}

#endif
