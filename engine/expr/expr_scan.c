/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_scan.c - cutting an expression into tokens.
 */
#include "engine/expr/expr_scan.h"

#include <ctype.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"

static int is_name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static int is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static int scan_escape(struct expr_parser *p, char c)
{
	static const char from[] = "nrt0\\'\"";
	static const char to[] = "\n\r\t\0\\'\"";
	const char *hit = c != '\0' ? strchr(from, c) : NULL;

	if (hit == NULL || c == '0') {
		return expr_bad(p, p->end,
				"unknown escape in a text; use \\n \\t \\\\ \\' \\\"");
	}
	buf_addc(&p->text, to[hit - from]);
	return 0;
}

static int scan_text(struct expr_parser *p)
{
	char quote = p->s[p->at];

	buf_reset(&p->text);
	for (p->end = p->at + 1; p->end < p->len && p->s[p->end] != quote; p->end++) {
		if (p->s[p->end] == '\\' && p->end + 1 < p->len) {
			p->end++;
			if (scan_escape(p, p->s[p->end]) < 0) {
				return -ERR_INVALID;
			}
		} else if (p->s[p->end] == '\0') {
			return expr_bad(p, p->end,
					"a text must not contain a zero byte");
		} else {
			buf_addc(&p->text, p->s[p->end]);
		}
	}
	if (p->end >= p->len) {
		return expr_bad(p, p->at, "this text has no closing quote");
	}
	p->end++;
	p->tok = TOK_TEXT;
	return 0;
}

static void scan_number(struct expr_parser *p)
{
	p->tok = TOK_INT;
	p->end = p->at + (p->s[p->at] == '-' ? 1 : 0);
	while (p->end < p->len && isdigit((unsigned char)p->s[p->end])) {
		p->end++;
	}
	if (p->end + 1 < p->len && p->s[p->end] == '.' &&
	    isdigit((unsigned char)p->s[p->end + 1])) {
		p->tok = TOK_REAL;
		for (p->end++;
		     p->end < p->len && isdigit((unsigned char)p->s[p->end]);) {
			p->end++;
		}
	}
	buf_reset(&p->text);
	buf_add(&p->text, p->s + p->at, p->end - p->at);
}

static int scan_op(struct expr_parser *p)
{
	static const struct {
		const char *text;
		enum expr_op op;
	} ops[] = {
	    {"==", EXPR_EQ}, {"!=", EXPR_NE}, {"<=", EXPR_LE},
	    {">=", EXPR_GE}, {"<", EXPR_LT},  {">", EXPR_GT},
	};
	size_t i, n;

	for (i = 0; i < ARRAY_LEN(ops); i++) {
		n = strlen(ops[i].text);
		if (p->len - p->at >= n && memcmp(p->s + p->at, ops[i].text, n) == 0) {
			p->tok = TOK_OP;
			p->op = ops[i].op;
			p->end = p->at + n;
			return 0;
		}
	}
	if (p->s[p->at] == '=') {
		return expr_bad(p, p->at, "use == to compare");
	}
	return expr_bad(p, p->at, "unexpected character");
}

/* Reads the next token. */
int expr_scan(struct expr_parser *p)
{
	char c;

	p->pos = p->end;
	while (p->pos < p->len && isspace((unsigned char)p->s[p->pos])) {
		p->pos++;
	}
	p->at = p->end = p->pos;
	if (p->at >= p->len) {
		p->tok = TOK_END;
		return 0;
	}
	c = p->s[p->at];
	if (is_name_start(c)) {
		while (p->end < p->len && is_name_char(p->s[p->end])) {
			p->end++;
		}
		buf_reset(&p->text);
		buf_add(&p->text, p->s + p->at, p->end - p->at);
		p->tok = TOK_NAME;
		return 0;
	}
	if (c == '"' || c == '\'') {
		return scan_text(p);
	}
	if (isdigit((unsigned char)c) || (c == '-' && p->at + 1 < p->len &&
					  isdigit((unsigned char)p->s[p->at + 1]))) {
		scan_number(p);
		return 0;
	}
	if (c != '\0' && strchr("()[].,|", c) != NULL) {
		p->tok = TOK_CHAR;
		p->end = p->at + 1;
		return 0;
	}
	return scan_op(p);
}
