/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_lex.c - text to tokens: delimiters, whitespace control, raw blocks, expressions.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/tpl_priv.h"

#define BRACKETS_MAX 200
#define TOKENS_MAX   200000

struct arena_chunk {
	struct arena_chunk *next;
	size_t at, size;
	_Alignas(16) char data[];
};
#define CHUNK_SIZE ((size_t)8192)

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *c = a->head;
	void *p;

	size = (size + 15) & ~(size_t)15;
	if (size > a->max - a->used) {
		return NULL;
	}
	a->used += size;
	if (c == NULL || c->size - c->at < size) {
		size_t want = size > CHUNK_SIZE ? size : CHUNK_SIZE;

		c = calloc(1, sizeof(*c) + want);
		if (c == NULL) {
			return NULL;
		}
		c->size = want;
		c->next = a->head;
		a->head = c;
	}
	p = c->data + c->at;
	c->at += size;
	return p;
}

void arena_release(struct arena *a)
{
	struct arena_chunk *c;

	while ((c = a->head) != NULL) {
		a->head = c->next;
		free(c);
	}
	a->used = 0;
}

struct lexer {
	struct arena *arena;
	const char *text, *at;
	struct toks *toks;
	struct error *err;
	struct template_place *place;
	int line;
	const char *line_at; /* where the line starts */
	const char *counted; /* up to where LINE is right */
	int strip_next;      /* the next data loses its leading space */
};

static void count_to(struct lexer *x, const char *to)
{
	for (; x->counted < to; x->counted++) {
		if (*x->counted == '\n') {
			x->line++;
			x->line_at = x->counted + 1;
		}
	}
}

static int fail_at(struct lexer *x, const char *at)
{
	count_to(x, at);
	if (x->place != NULL) {
		x->place->line = x->line;
		x->place->column = (int)(at - x->line_at) + 1;
	}
	return -ERR_INVALID;
}

static struct tok *add(struct lexer *x, enum tok_type type, const char *at)
{
	struct toks *l = x->toks;
	struct tok *t;

	if (l->count == l->size) {
		size_t size = l->size == 0 ? 64 : l->size * 2;
		struct tok *list = size > TOKENS_MAX
				       ? NULL
				       : arena_alloc(x->arena, size * sizeof(*list));

		if (list == NULL) {
			(void)err_set(x->err, ERR_INVALID, "the template is too long");
			(void)fail_at(x, at);
			return NULL;
		}
		if (l->count > 0) {
			memcpy(list, l->list, l->count * sizeof(*list));
		}
		l->list = list;
		l->size = size;
	}
	count_to(x, at);
	t = &l->list[l->count++];
	t->type = type;
	t->line = x->line;
	t->column = (int)(at - x->line_at) + 1;
	return t;
}

/* ---- data ---- */

static int add_data(struct lexer *x, const char *from, const char *to, int strip_end)
{
	struct tok *t;

	if (x->strip_next) {
		while (from < to && isspace((unsigned char)*from)) {
			from++;
		}
		x->strip_next = 0;
	}
	while (strip_end && to > from && isspace((unsigned char)to[-1])) {
		to--;
	}
	if (from == to) {
		return 0;
	}
	t = add(x, TOK_DATA, from);
	if (t == NULL) {
		return -ERR_INVALID;
	}
	t->s = from;
	t->len = (size_t)(to - from);
	return 0;
}

/* ---- expressions ---- */

static const char *const operators[] = {
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
    "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};

/* Digits with single underscores between them. */
static const char *digits(const char *s, int (*is)(int))
{
	while (is((unsigned char)*s) || (*s == '_' && is((unsigned char)s[1]))) {
		s++;
	}
	return s;
}

static int is_binary(int c)
{
	return c == '0' || c == '1';
}

static int is_octal(int c)
{
	return c >= '0' && c <= '7';
}

static void clean_number(const char *s, const char *end, char *dst, size_t size)
{
	size_t n = 0;

	for (; s < end && n + 1 < size; s++) {
		if (*s != '_') {
			dst[n++] = *s;
		}
	}
	dst[n] = '\0';
}

static int radix_number(struct lexer *x, struct tok *t, int radix, int (*is)(int))
{
	const char *end = digits(x->at + 2, is);
	char text[80];

	clean_number(x->at + 2, end, text, sizeof(text));
	errno = 0;
	t->i = strtoll(text, NULL, radix);
	x->at = end;
	return errno == 0 ? 0
			  : err_set(x->err, ERR_INVALID, "the integer is too large");
}

static int number(struct lexer *x)
{
	struct tok *t = add(x, TOK_INT, x->at);
	const char *end;
	char text[400];
	int is_float = 0;

	if (t == NULL) {
		return -ERR_INVALID;
	}
	if (*x->at == '0' && (x->at[1] == 'x' || x->at[1] == 'X') &&
	    isxdigit((unsigned char)x->at[2])) {
		return radix_number(x, t, 16, isxdigit);
	}
	if (*x->at == '0' && (x->at[1] == 'o' || x->at[1] == 'O') &&
	    is_octal(x->at[2])) {
		return radix_number(x, t, 8, is_octal);
	}
	if (*x->at == '0' && (x->at[1] == 'b' || x->at[1] == 'B') &&
	    is_binary(x->at[2])) {
		return radix_number(x, t, 2, is_binary);
	}
	end = digits(x->at, isdigit);
	if (*end == '.' && isdigit((unsigned char)end[1])) {
		is_float = 1;
		end = digits(end + 1, isdigit);
	}
	if (*end == 'e' || *end == 'E') {
		const char *e = end + 1 + (end[1] == '+' || end[1] == '-');

		if (isdigit((unsigned char)*e)) {
			is_float = 1;
			end = digits(e, isdigit);
		}
	}
	clean_number(x->at, end, text, sizeof(text));
	x->at = end;
	errno = 0;
	if (is_float) {
		t->type = TOK_FLOAT;
		t->d = strtod(text, NULL);
		return 0;
	}
	t->i = strtoll(text, NULL, 10);
	return errno == 0 ? 0
			  : err_set(x->err, ERR_INVALID, "the integer is too large");
}

static size_t put_utf8(char *dst, unsigned long cp)
{
	if (cp < 0x80) {
		dst[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		dst[0] = (char)(0xc0 | cp >> 6);
		dst[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		dst[0] = (char)(0xe0 | cp >> 12);
		dst[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		dst[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	dst[0] = (char)(0xf0 | cp >> 18);
	dst[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	dst[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	dst[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

/* The escape at *S ("\n"), which is moved behind it; bytes into DST. */
static size_t unescape(const char **s, const char *end, char *dst)
{
	static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
	const char *p = *s + 1, *hit = p < end ? strchr(from, *p) : NULL;
	size_t want = *p == 'x' ? 2 : *p == 'u' ? 4 : *p == 'U' ? 8 : 0, i;
	char hex[9] = {0};

	if (hit != NULL && *p != '\0') {
		*s = p + 1;
		dst[0] = to[hit - from];
		return 1;
	}
	if (*p == '\n') {
		*s = p + 1;
		return 0;
	}
	for (i = 0; i < want && p + 1 + i < end && isxdigit((unsigned char)p[1 + i]);
	     i++) {
		hex[i] = p[1 + i];
	}
	if (want > 0 && i == want && strtoul(hex, NULL, 16) <= 0x10ffff) {
		*s = p + 1 + want;
		return put_utf8(dst, strtoul(hex, NULL, 16));
	}
	*s = p;
	dst[0] = '\\';
	return 1;
}

static int string(struct lexer *x)
{
	const char *begin = x->at, quote = *begin, *end = begin + 1, *s;
	struct tok *t;
	char *dst;

	while (*end != '\0' && *end != quote) {
		end += *end == '\\' && end[1] != '\0' ? 2 : 1;
	}
	if (*end == '\0') {
		(void)err_set(x->err, ERR_INVALID, "unexpected char %s at %zu",
			      quote == '\'' ? "\"'\"" : "'\"'",
			      (size_t)(begin - x->text));
		return fail_at(x, begin);
	}
	t = add(x, TOK_STR, begin);
	dst = arena_alloc(x->arena, (size_t)(end - begin) * 2 + 1);
	if (t == NULL || dst == NULL) {
		return fail_at(x, begin);
	}
	t->s = dst;
	for (s = begin + 1; s < end;) {
		if (*s == '\\') {
			t->len += unescape(&s, end, dst + t->len);
		} else {
			dst[t->len++] = *s++;
		}
	}
	dst[t->len] = '\0';
	x->at = end + 1;
	return 0;
}

static int is_name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_' || ((unsigned char)c & 0x80) != 0;
}

static int name(struct lexer *x)
{
	const char *end = x->at;
	struct tok *t = add(x, TOK_NAME, x->at);
	char *copy;

	while (is_name_start(*end) || isdigit((unsigned char)*end)) {
		end++;
	}
	copy = arena_alloc(x->arena, (size_t)(end - x->at) + 1);
	if (t == NULL || copy == NULL) {
		return fail_at(x, x->at);
	}
	memcpy(copy, x->at, (size_t)(end - x->at));
	t->s = copy;
	t->len = (size_t)(end - x->at);
	x->at = end;
	return 0;
}

static int bad_char(struct lexer *x)
{
	char c = *x->at;

	(void)err_set(x->err, ERR_INVALID,
		      c == '\'' ? "unexpected char \"%c\" at %zu"
				: "unexpected char '%c' at %zu",
		      c, (size_t)(x->at - x->text));
	return fail_at(x, x->at);
}

static int operator(struct lexer *x, char *stack, int *depth)
{
	static const char open[] = "([{", close[] = ")]}";
	const char *o, *c;
	struct tok *t;
	size_t i, n;

	for (i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		n = strlen(operators[i]);
		if (strncmp(x->at, operators[i], n) == 0) {
			break;
		}
	}
	if (i == sizeof(operators) / sizeof(operators[0])) {
		return bad_char(x);
	}
	o = n == 1 ? strchr(open, *x->at) : NULL;
	c = n == 1 ? strchr(close, *x->at) : NULL;
	if (o != NULL && *depth < BRACKETS_MAX) {
		stack[(*depth)++] = close[o - open];
	} else if (o != NULL || (c != NULL && *depth == 0)) {
		(void)err_set(x->err, ERR_INVALID, "unexpected '%c'", *x->at);
		return fail_at(x, x->at);
	} else if (c != NULL && stack[--*depth] != *c) {
		(void)err_set(x->err, ERR_INVALID, "unexpected '%c', expected '%c'",
			      *x->at, stack[*depth]);
		return fail_at(x, x->at);
	}
	t = add(x, TOK_OP, x->at);
	if (t == NULL) {
		return -ERR_INVALID;
	}
	memcpy(t->op, operators[i], n);
	x->at += n;
	return 0;
}

/* From behind the opening delimiter to behind END ("}}" or "%}"). */
static int expression(struct lexer *x, const char *end, enum tok_type end_type)
{
	char stack[BRACKETS_MAX];
	int depth = 0, rc = 0;

	while (rc == 0) {
		while (isspace((unsigned char)*x->at)) {
			x->at++;
		}
		if (*x->at == '\0') {
			return 0; /* the parser says what is missing */
		}
		if (depth == 0 && (*x->at == '-' || *x->at == '+') &&
		    strncmp(x->at + 1, end, 2) == 0) {
			x->strip_next = *x->at == '-';
			x->at++;
		}
		if (depth == 0 && strncmp(x->at, end, 2) == 0) {
			rc = add(x, end_type, x->at) != NULL ? 0 : -ERR_INVALID;
			x->at += 2;
			return rc;
		}
		if (isdigit((unsigned char)*x->at)) {
			rc = number(x);
		} else if (*x->at == '"' || *x->at == '\'') {
			rc = string(x);
		} else if (is_name_start(*x->at)) {
			rc = name(x);
		} else {
			rc = operator(x, stack, &depth);
		}
	}
	return x->place != NULL && x->place->line == 0 ? fail_at(x, x->at) : rc;
}

/* ---- delimiters ---- */

/* "{%- raw -%}" at S: behind it, or NULL. */
static const char *tag(const char *s, const char *word, int *ret_strip_before,
		       int *ret_strip_after)
{
	const char *p = s + 2;

	*ret_strip_before = *p == '-';
	p += *p == '-' || *p == '+';
	while (isspace((unsigned char)*p)) {
		p++;
	}
	if (strncmp(p, word, strlen(word)) != 0) {
		return NULL;
	}
	p += strlen(word);
	while (isspace((unsigned char)*p)) {
		p++;
	}
	*ret_strip_after = *p == '-';
	p += *p == '-' || *p == '+';
	return strncmp(p, "%}", 2) == 0 ? p + 2 : NULL;
}

static int raw_block(struct lexer *x, const char *body, int strip)
{
	const char *end = body, *after;
	int before = 0, behind = 0, rc;

	x->strip_next = strip;
	for (;;) {
		end = strstr(end, "{%");
		if (end == NULL) {
			(void)err_set(x->err, ERR_INVALID,
				      "Missing end of raw directive");
			return fail_at(x, x->at);
		}
		after = tag(end, "endraw", &before, &behind);
		if (after != NULL) {
			break;
		}
		end += 2;
	}
	rc = add_data(x, body, end, before);
	x->strip_next = behind;
	x->at = after;
	return rc;
}

static int comment(struct lexer *x)
{
	const char *end = strstr(x->at + 2, "#}");

	if (end == NULL) {
		(void)err_set(x->err, ERR_INVALID, "Missing end of comment tag");
		return fail_at(x, x->at);
	}
	x->strip_next = end > x->at + 2 && end[-1] == '-';
	x->at = end + 2;
	return 0;
}

static const char *next_delimiter(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '{' && (s[1] == '{' || s[1] == '%' || s[1] == '#')) {
			return s;
		}
	}
	return s;
}

static int delimiter(struct lexer *x, const char *from)
{
	char kind = x->at[1];
	int strip = x->at[2] == '-', before, behind, rc;
	const char *body = kind == '%' ? tag(x->at, "raw", &before, &behind) : NULL;

	rc = add_data(x, from, x->at, strip);
	if (rc < 0) {
		return rc;
	}
	if (kind == '#') {
		return comment(x);
	}
	if (body != NULL) {
		return raw_block(x, body, behind);
	}
	if (add(x, kind == '{' ? TOK_PRINT_BEGIN : TOK_BLOCK_BEGIN, x->at) == NULL) {
		return -ERR_INVALID;
	}
	x->at += 2 + (strip || x->at[2] == '+');
	return kind == '{' ? expression(x, "}}", TOK_PRINT_END)
			   : expression(x, "%}", TOK_BLOCK_END);
}

int tpl_lex(struct arena *a, const char *text, struct toks *ret_toks,
	    struct template_place *ret_place, struct error *err)
{
	struct lexer x = {.arena = a,
			  .text = text,
			  .at = text,
			  .toks = ret_toks,
			  .err = err,
			  .place = ret_place,
			  .line = 1,
			  .line_at = text,
			  .counted = text};
	int rc = 0;

	while (rc == 0 && *x.at != '\0') {
		const char *from = x.at;

		x.at = next_delimiter(from);
		rc = *x.at == '\0' ? add_data(&x, from, x.at, 0) : delimiter(&x, from);
	}
	if (rc == 0 && add(&x, TOK_EOF, x.at) == NULL) {
		rc = -ERR_INVALID;
	}
	if (rc == 0 && ret_toks->count > 1) {
		/* what is missing at the end is missing behind the last word */
		ret_toks->list[ret_toks->count - 1].line =
		    ret_toks->list[ret_toks->count - 2].line;
	}
	return rc;
}
