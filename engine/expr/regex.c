/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regex.c - text to a program for a set of threads, and running it.
 *
 * The parser emits instructions directly; a repetition with counts copies the
 * instructions of what it repeats.  All threads take each byte together, so that a
 * search costs at most bytes x instructions.
 */
#include "engine/expr/regex.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define MAX_DEPTH  50
#define MAX_REPEAT 1000

enum op {
	OP_SET = 1,
	OP_SPLIT,
	OP_JUMP,
	OP_BOL,
	OP_EOL,
	OP_WORD,
	OP_NOT_WORD,
	OP_MATCH
};

struct inst {
	enum op op;
	uint32_t a, b;   /* SPLIT, JUMP: relative to the instruction */
	uint32_t set[8]; /* SET: 256 bits */
};
struct regex {
	struct inst *code;
	size_t count, size;
};
struct parser {
	const char *s;
	size_t len, at;
	struct regex *r;
	int fold, depth;
	struct error *err;
};

static int bad(struct parser *p, const char *what)
{
	return err_set(p->err, ERR_INVALID, "regular expression: %s", what);
}

static int emit(struct parser *p, const struct inst *in)
{
	struct regex *r = p->r;

	if (r->count >= REGEX_MAX_STATES) {
		return bad(p, "it is too large");
	}
	if (r->count == r->size) {
		r->size = r->size == 0 ? 64 : r->size * 2;
		r->code = xreallocarray(r->code, r->size, sizeof(*r->code));
	}
	r->code[r->count++] = *in;
	return 0;
}

static int emit_op(struct parser *p, enum op op)
{
	struct inst in = {.op = op};

	return emit(p, &in);
}

/* Makes room for one instruction at AT; jumps are relative and stay inside of what is
 * moved. */
static int insert(struct parser *p, size_t at, enum op op, int32_t a, int32_t b)
{
	struct inst in = {.op = op, .a = (uint32_t)a, .b = (uint32_t)b};
	struct regex *r = p->r;

	if (emit(p, &in) < 0) {
		return -ERR_INVALID;
	}
	memmove(r->code + at + 1, r->code + at, (r->count - 1 - at) * sizeof(*r->code));
	r->code[at] = in;
	return 0;
}

static void add(struct inst *in, unsigned int c)
{
	in->set[c / 32] |= 1u << (c % 32);
}

static void add_range(struct parser *p, struct inst *in, unsigned int from,
		      unsigned int to)
{
	unsigned int c;

	for (c = from; c <= to && c < 256; c++) {
		add(in, c);
		if (p->fold && c < 128) {
			add(in, (unsigned int)tolower((int)c));
			add(in, (unsigned int)toupper((int)c));
		}
	}
}

static void invert(struct inst *in)
{
	size_t i;

	for (i = 0; i < 8; i++) {
		in->set[i] = ~in->set[i];
	}
}

/* \d \w \s and their opposites; 0 when C is none of them. */
static int add_class(struct inst *in, char c)
{
	struct inst one = {.op = OP_SET};
	unsigned int i;
	int kind = tolower((unsigned char)c);

	if (strchr("dws", kind) == NULL) {
		return 0;
	}
	for (i = 0; i < 128; i++) {
		if ((kind == 'd' && isdigit((int)i)) ||
		    (kind == 'w' && (isalnum((int)i) || i == '_')) ||
		    (kind == 's' && isspace((int)i))) {
			add(&one, i);
		}
	}
	if (isupper((unsigned char)c)) {
		invert(&one);
	}
	for (i = 0; i < 8; i++) {
		in->set[i] |= one.set[i];
	}
	return 1;
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

/* The byte behind a backslash; negative: bad. */
static int escaped(struct parser *p)
{
	char c = p->s[p->at++];

	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case 'f':
		return '\f';
	case 'v':
		return '\v';
	case 'x':
		if (p->at + 2 <= p->len && hex_digit(p->s[p->at]) >= 0 &&
		    hex_digit(p->s[p->at + 1]) >= 0) {
			p->at += 2;
			return hex_digit(p->s[p->at - 2]) * 16 +
			       hex_digit(p->s[p->at - 1]);
		}
		return bad(p, "\\x needs two hexadecimal digits");
	default:
		break;
	}
	if (isalnum((unsigned char)c)) {
		return bad(p,
			   "this escape is not known (there are no back references)");
	}
	return (unsigned char)c;
}

/* One member of [...]: a byte, or -2 when it was a class. */
static int set_member(struct parser *p, struct inst *in)
{
	if (p->s[p->at] != '\\') {
		return (unsigned char)p->s[p->at++];
	}
	if (++p->at >= p->len) {
		return bad(p, "it ends with a backslash");
	}
	if (add_class(in, p->s[p->at])) {
		p->at++;
		return -1000;
	}
	return escaped(p);
}

static int parse_set(struct parser *p)
{
	struct inst in = {.op = OP_SET};
	int inverted = 0, first = 1, from, to;

	if (p->at < p->len && p->s[p->at] == '^') {
		inverted = 1;
		p->at++;
	}
	while (p->at < p->len && (p->s[p->at] != ']' || first)) {
		first = 0;
		from = to = set_member(p, &in);
		if (from == -1000) {
			continue;
		}
		if (from >= 0 && p->at + 1 < p->len && p->s[p->at] == '-' &&
		    p->s[p->at + 1] != ']') {
			p->at++;
			to = set_member(p, &in);
		}
		if (from < 0 || to < 0) {
			return to == -1000 ? bad(p, "a range needs two characters")
					   : -ERR_INVALID;
		}
		if (to < from) {
			return bad(p, "a range goes backwards");
		}
		add_range(p, &in, (unsigned int)from, (unsigned int)to);
	}
	if (p->at >= p->len) {
		return bad(p, "[ has no closing ]");
	}
	p->at++;
	if (inverted) {
		invert(&in);
	}
	return emit(p, &in);
}

static int parse_either(struct parser *p);

static int parse_group(struct parser *p)
{
	if (p->at + 1 < p->len && p->s[p->at] == '?') {
		if (p->s[p->at + 1] != ':') {
			return bad(p, "of (?...) only (?:...) is known");
		}
		p->at += 2;
	}
	if (++p->depth > MAX_DEPTH) {
		return bad(p, "it is nested too deeply");
	}
	if (parse_either(p) < 0) {
		return -ERR_INVALID;
	}
	p->depth--;
	if (p->at >= p->len) {
		return bad(p, "( has no closing )");
	}
	p->at++;
	return 0;
}

static int parse_escape(struct parser *p)
{
	struct inst in = {.op = OP_SET};
	char c;
	int byte;

	if (p->at >= p->len) {
		return bad(p, "it ends with a backslash");
	}
	c = p->s[p->at];
	if (c == 'b' || c == 'B') {
		p->at++;
		return emit_op(p, c == 'b' ? OP_WORD : OP_NOT_WORD);
	}
	if (add_class(&in, c)) {
		p->at++;
		return emit(p, &in);
	}
	byte = escaped(p);
	if (byte < 0) {
		return -ERR_INVALID;
	}
	add_range(p, &in, (unsigned int)byte, (unsigned int)byte);
	return emit(p, &in);
}

static int parse_atom(struct parser *p)
{
	struct inst in = {.op = OP_SET};
	char c = p->s[p->at++];

	switch (c) {
	case '(':
		return parse_group(p);
	case '[':
		return parse_set(p);
	case '\\':
		return parse_escape(p);
	case '^':
		return emit_op(p, OP_BOL);
	case '$':
		return emit_op(p, OP_EOL);
	case '.':
		add(&in, '\n');
		invert(&in);
		return emit(p, &in);
	case '*':
	case '+':
	case '?':
		p->at--;
		return bad(p, "there is nothing to repeat");
	default:
		add_range(p, &in, (unsigned char)c, (unsigned char)c);
		return emit(p, &in);
	}
}

static int copy_code(struct parser *p, size_t from, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct inst in = p->r->code[from + i];

		if (emit(p, &in) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

/* What begins at FROM, MIN to MAX times; MAX negative: no end. */
static int repeat(struct parser *p, size_t from, int min, int max)
{
	size_t n = p->r->count - from;
	int i, made = MAX_OF(min, 1);

	for (i = 1; i < made; i++) {
		if (copy_code(p, from, n) < 0) {
			return -ERR_INVALID;
		}
	}
	if (max < 0) { /* the last copy again and again */
		size_t last = p->r->count - n;
		struct inst back = {
		    .op = OP_SPLIT, .a = (uint32_t) - (int32_t)n, .b = 1};

		if (emit(p, &back) < 0) {
			return -ERR_INVALID;
		}
		return min > 0 ? 0 : insert(p, last, OP_SPLIT, 1, (int32_t)(n + 2));
	}
	for (; made < max; made++) {
		size_t at = p->r->count;

		if (copy_code(p, from, n) < 0 ||
		    insert(p, at, OP_SPLIT, 1, (int32_t)(n + 1)) < 0) {
			return -ERR_INVALID;
		}
	}
	if (max == 0) {
		p->r->count = from;
		return 0;
	}
	return min > 0 ? 0 : insert(p, from, OP_SPLIT, 1, (int32_t)(n + 1));
}

static int number(struct parser *p)
{
	int v = 0, digits = 0;

	while (p->at < p->len && isdigit((unsigned char)p->s[p->at]) && digits < 5) {
		v = v * 10 + (p->s[p->at++] - '0');
		digits++;
	}
	return digits > 0 && v <= MAX_REPEAT ? v : -1;
}

/* {2} {2,} {2,5}; the brace is read. */
static int parse_counts(struct parser *p, int *ret_min, int *ret_max)
{
	int min = number(p), max = min;

	if (min < 0) {
		return bad(p, "{ needs a number up to 1000 (a literal one is \\{)");
	}
	if (p->at < p->len && p->s[p->at] == ',') {
		p->at++;
		max = p->at < p->len && p->s[p->at] == '}' ? -1 : number(p);
		if (max >= 0 && max < min) {
			return bad(p, "the counts of {} go backwards");
		}
		if (max < 0 && !(p->at < p->len && p->s[p->at] == '}')) {
			return bad(p, "{} needs numbers up to 1000");
		}
	}
	if (p->at >= p->len || p->s[p->at] != '}') {
		return bad(p, "{ has no closing }");
	}
	p->at++;
	*ret_min = min;
	*ret_max = max;
	return 0;
}

static int parse_piece(struct parser *p)
{
	size_t from = p->r->count;
	int min = 0, max = -1;

	if (parse_atom(p) < 0) {
		return -ERR_INVALID;
	}
	if (p->at >= p->len || strchr("*+?{", p->s[p->at]) == NULL) {
		return 0;
	}
	switch (p->s[p->at++]) {
	case '*':
		break;
	case '+':
		min = 1;
		break;
	case '?':
		max = 1;
		break;
	default:
		if (parse_counts(p, &min, &max) < 0) {
			return -ERR_INVALID;
		}
		break;
	}
	if (p->at < p->len && p->s[p->at] == '?') {
		p->at++; /* lazy: the same when only the match counts */
	}
	return p->r->count == from ? 0 : repeat(p, from, min, max);
}

static int parse_row(struct parser *p)
{
	while (p->at < p->len && p->s[p->at] != '|' && p->s[p->at] != ')') {
		if (parse_piece(p) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int parse_either(struct parser *p)
{
	size_t from = p->r->count, jump;

	if (parse_row(p) < 0) {
		return -ERR_INVALID;
	}
	if (p->at < p->len && p->s[p->at] == '|') {
		p->at++;
		if (insert(p, from, OP_SPLIT, 1, 0) < 0) {
			return -ERR_INVALID;
		}
		jump = p->r->count;
		if (emit_op(p, OP_JUMP) < 0) {
			return -ERR_INVALID;
		}
		p->r->code[from].b = (uint32_t)(p->r->count - from);
		if (++p->depth > MAX_DEPTH) {
			return bad(p, "it has too many alternatives");
		}
		if (parse_either(p) < 0) {
			return -ERR_INVALID;
		}
		p->depth--;
		p->r->code[jump].a = (uint32_t)(p->r->count - jump);
	}
	return 0;
}

int regex_parse(const char *text, size_t len, struct regex **ret_regex, size_t *ret_at,
		struct error *err)
{
	struct parser p = {
	    .s = text, .len = len, .r = xcalloc(1, sizeof(struct regex)), .err = err};
	int rc;

	if (len > REGEX_MAX_TEXT) {
		rc = bad(&p, "it is too long");
	} else {
		if (len >= 4 && strncmp(text, "(?i)", 4) == 0) {
			p.fold = 1;
			p.at = 4;
		}
		rc = parse_either(&p);
		if (rc == 0 && p.at < len) {
			rc = bad(&p, ") has no opening (");
		}
	}
	if (rc == 0) {
		rc = emit_op(&p, OP_MATCH);
	}
	if (rc < 0) {
		*ret_at = p.at;
		regex_free(p.r);
		return rc;
	}
	*ret_regex = p.r;
	return 0;
}

void regex_free(struct regex *r)
{
	if (r != NULL) {
		free(r->code);
		free(r);
	}
}

/* ---- running ---- */

struct threads {
	uint32_t *list;
	size_t count;
	uint32_t *mark; /* generation by instruction */
	uint32_t *stack;
	uint32_t generation;
};
struct place {
	int before, after; /* bytes, or -1 at the ends */
};

static int is_word(int c)
{
	return c >= 0 && c < 128 && (isalnum(c) || c == '_');
}

static int holds(enum op op, const struct place *at)
{
	int edge = is_word(at->before) != is_word(at->after);

	switch (op) {
	case OP_BOL:
		return at->before < 0 || at->before == '\n';
	case OP_EOL:
		return at->after < 0 || at->after == '\n';
	case OP_WORD:
		return edge;
	case OP_NOT_WORD:
		return !edge;
	case OP_SET:
	case OP_SPLIT:
	case OP_JUMP:
	case OP_MATCH:
		break;
	}
	return 0;
}

/* Adds the thread at PC with all it reaches without a byte; 1 when that is a match. */
static int follow(const struct regex *r, struct threads *t, uint32_t pc,
		  const struct place *at)
{
	size_t depth = 0;

	t->stack[depth++] = pc;
	while (depth > 0) {
		const struct inst *in;

		pc = t->stack[--depth];
		if (t->mark[pc] == t->generation) {
			continue;
		}
		t->mark[pc] = t->generation;
		in = &r->code[pc];
		switch (in->op) {
		case OP_MATCH:
			return 1;
		case OP_SET:
			t->list[t->count++] = pc;
			break;
		case OP_JUMP:
			t->stack[depth++] = pc + in->a;
			break;
		case OP_SPLIT:
			t->stack[depth++] = pc + in->a;
			t->stack[depth++] = pc + in->b;
			break;
		case OP_BOL:
		case OP_EOL:
		case OP_WORD:
		case OP_NOT_WORD:
			if (holds(in->op, at)) {
				t->stack[depth++] = pc + 1;
			}
			break;
		}
	}
	return 0;
}

static int run(const struct regex *r, struct threads *now, struct threads *next,
	       const char *text, size_t len)
{
	struct threads *swap;
	size_t i, k;

	for (i = 0;; i++) {
		struct place at = {i > 0 ? (unsigned char)text[i - 1] : -1,
				   i < len ? (unsigned char)text[i] : -1};

		if (follow(r, now, 0, &at)) {
			return 1;
		}
		if (i >= len) {
			return 0;
		}
		next->count = 0;
		next->generation++;
		at.before = (unsigned char)text[i];
		at.after = i + 1 < len ? (unsigned char)text[i + 1] : -1;
		for (k = 0; k < now->count; k++) {
			uint32_t pc = now->list[k];
			unsigned int c = (unsigned char)text[i];

			if ((r->code[pc].set[c / 32] >> (c % 32) & 1) != 0 &&
			    follow(r, next, pc + 1, &at)) {
				return 1;
			}
		}
		swap = now;
		now = next;
		next = swap;
	}
}

static void threads_init(struct threads *t, size_t n)
{
	t->list = xcalloc(n, sizeof(*t->list));
	t->mark = xcalloc(n, sizeof(*t->mark));
	t->stack = xcalloc(2 * n + 2, sizeof(*t->stack));
	t->count = 0;
	t->generation = 1;
}

static void threads_release(struct threads *t)
{
	free(t->list);
	free(t->mark);
	free(t->stack);
}

int regex_search(const struct regex *r, const char *text, size_t len)
{
	struct threads a, b;
	int hit;

	threads_init(&a, r->count);
	threads_init(&b, r->count);
	hit = run(r, &a, &b, text, len);
	threads_release(&a);
	threads_release(&b);
	return hit;
}
