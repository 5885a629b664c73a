/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toml.c - a recursive descent reader; see toml.h for the subset.
 */
#include "base/toml.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/utf8.h"

struct toml {
	const char *name;
	const char *at, *end;
	const char *line_start;
	size_t line;
	struct buf
	    table; /* path of the present table, with a dot behind it unless empty */
	struct buf path; /* of the present key */
	struct buf text; /* of the present string */
	struct map seen; /* paths of keys ("k:...") and tables ("t:...") */
	char *items[TOML_MAX_ITEMS];
	size_t count;
	toml_fn fn;
	void *arg;
	struct error *err;
};

/* Column of P in characters, from 1. */
static size_t column(const struct toml *t, const char *p)
{
	const char *s;
	size_t n = 1;

	for (s = t->line_start; s < p; s++) {
		n += ((unsigned char)*s & 0xc0) != 0x80;
	}
	return n;
}

static int fail_at(struct toml *t, const char *p, const char *msg)
{
	return err_set(t->err, ERR_INVALID, "%s:%zu:%zu: %s", t->name, t->line,
		       column(t, p), msg);
}

static int fail(struct toml *t, const char *msg)
{
	return fail_at(t, t->at, msg);
}

static int peek(const struct toml *t)
{
	return t->at < t->end ? (unsigned char)*t->at : -1;
}

static int accept_char(struct toml *t, char c)
{
	if (t->at < t->end && *t->at == c) {
		t->at++;
		return 1;
	}
	return 0;
}

static void skip_blanks(struct toml *t)
{
	while (t->at < t->end && (*t->at == ' ' || *t->at == '\t')) {
		t->at++;
	}
}

static int skip_comment(struct toml *t)
{
	size_t n;

	if (!accept_char(t, '#')) {
		return 0;
	}
	while (t->at < t->end && *t->at != '\n') {
		n = utf8_length(t->at, (size_t)(t->end - t->at));
		if (n == 0) {
			return fail(t, "a comment must be valid UTF-8");
		}
		if (*t->at == '\0') {
			return fail(t, "a NUL byte is not allowed");
		}
		t->at += n;
	}
	return 0;
}

static int accept_newline(struct toml *t)
{
	if (t->at + 1 < t->end && t->at[0] == '\r' && t->at[1] == '\n') {
		t->at++;
	}
	if (!accept_char(t, '\n')) {
		return 0;
	}
	t->line++;
	t->line_start = t->at;
	return 1;
}

/* What may follow a value or a table header on its line. */
static int end_of_line(struct toml *t)
{
	int rc;

	skip_blanks(t);
	rc = skip_comment(t);
	if (rc < 0) {
		return rc;
	}
	if (t->at < t->end && !accept_newline(t)) {
		return fail(t, "expected the end of the line");
	}
	return 0;
}

/* ---- strings ---- */

static int add_code_point(struct toml *t, int digits)
{
	uint32_t c = 0;
	char utf8[4];
	size_t n;
	int i, h;

	for (i = 0; i < digits; i++) {
		h = peek(t);
		if (h < 0 || !isxdigit(h)) {
			return fail(t, "expected a hexadecimal digit");
		}
		c = c << 4 | (uint32_t)(isdigit(h) ? h - '0' : (h | 0x20) - 'a' + 10);
		t->at++;
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
		return fail(t, "this is not a Unicode character");
	}
	if (c < 0x80) {
		utf8[0] = (char)c;
		n = 1;
	} else if (c < 0x800) {
		utf8[0] = (char)(0xc0 | c >> 6);
		n = 2;
	} else if (c < 0x10000) {
		utf8[0] = (char)(0xe0 | c >> 12);
		n = 3;
	} else {
		utf8[0] = (char)(0xf0 | c >> 18);
		n = 4;
	}
	for (i = 1; (size_t)i < n; i++) {
		utf8[i] = (char)(0x80 | (c >> (6 * ((int)n - 1 - i)) & 0x3f));
	}
	buf_add(&t->text, utf8, n);
	return 0;
}

static int escape(struct toml *t)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	int c = peek(t);
	const char *hit = c > 0 ? strchr(from, c) : NULL;

	if (hit != NULL) {
		buf_addc(&t->text, to[hit - from]);
		t->at++;
		return 0;
	}
	if (c == 'u' || c == 'U') {
		t->at++;
		return add_code_point(t, c == 'u' ? 4 : 8);
	}
	return fail(t,
		    "unknown escape; known are \\b \\t \\n \\f \\r \\\" \\\\ \\u \\U");
}

/* "basic" or 'literal' into t->text. */
static int string(struct toml *t)
{
	char quote = *t->at;
	size_t n;
	int c, rc;

	if (t->end - t->at >= 3 && t->at[1] == quote && t->at[2] == quote) {
		return fail(t, "multi-line strings are not supported here; use \\n");
	}
	t->at++;
	buf_reset(&t->text);
	for (;;) {
		c = peek(t);
		if (c < 0 || c == '\n' || c == '\r') {
			return fail(t, "the string does not end on its line");
		}
		if (t->text.len >= TOML_MAX_STRING) {
			return fail(t, "the string is too long");
		}
		if (c == quote) {
			t->at++;
			return 0;
		}
		if (c == '\\' && quote == '"') {
			t->at++;
			rc = escape(t);
			if (rc < 0) {
				return rc;
			}
			continue;
		}
		n = utf8_length(t->at, (size_t)(t->end - t->at));
		if (n == 0 || (c < 0x20 && c != '\t') || c == 0x7f) {
			return fail(
			    t,
			    "a string must be valid UTF-8 without control characters");
		}
		buf_add(&t->text, t->at, n);
		t->at += n;
	}
}

/* ---- keys ---- */

static int is_bare(int c)
{
	return c > 0 && c < 0x80 && (isalnum(c) || c == '_' || c == '-');
}

/* a.b."c d" is appended to t->path. */
static int key(struct toml *t)
{
	const char *start;
	int rc;

	for (;;) {
		skip_blanks(t);
		start = t->at;
		if (peek(t) == '"' || peek(t) == '\'') {
			rc = string(t);
			if (rc < 0) {
				return rc;
			}
			buf_add(&t->path, t->text.data, t->text.len);
		} else {
			while (is_bare(peek(t))) {
				t->at++;
			}
			buf_add(&t->path, start, (size_t)(t->at - start));
		}
		if (t->at == start) {
			return fail(t, "expected a key (letters, digits, - and _)");
		}
		if (t->path.len > TOML_MAX_KEY) {
			return fail_at(t, start, "the key is too long");
		}
		skip_blanks(t);
		if (!accept_char(t, '.')) {
			return 0;
		}
		buf_addc(&t->path, '.');
	}
}

/* A path is used once as a key and once as a table. */
static int once(struct toml *t, char kind, const char *start)
{
	char id[TOML_MAX_KEY + 3];
	void *old = NULL;
	int n = snprintf(id, sizeof(id), "%c:%s", kind, t->path.data);

	if (map_set_n(&t->seen, id, (size_t)n, t, &old) != 0) {
		return fail_at(t, start, "too many keys");
	}
	if (old != NULL) {
		return fail_at(t, start,
			       kind == 't' ? "this table appears twice"
					   : "this key appears twice");
	}
	return 0;
}

/* ---- values ---- */

/* Copies a number without its underscores, which must stand between digits. */
static int number_text(struct toml *t, const char *start)
{
	const char *p;

	buf_reset(&t->text);
	for (p = start; p < t->at; p++) {
		if (*p != '_') {
			buf_addc(&t->text, *p);
		} else if (p == start || p + 1 == t->at ||
			   !isxdigit((unsigned char)p[-1]) ||
			   !isxdigit((unsigned char)p[1])) {
			return fail_at(t, p, "an underscore must stand between digits");
		}
	}
	return 0;
}

static int is_decimal(const char *s, int real)
{
	s += *s == '+' || *s == '-';
	if (!isdigit((unsigned char)*s) ||
	    (s[0] == '0' && isdigit((unsigned char)s[1]))) {
		return 0;
	}
	s += strspn(s, "0123456789");
	if (real && *s == '.') {
		s++;
		if (!isdigit((unsigned char)*s)) {
			return 0;
		}
		s += strspn(s, "0123456789");
	}
	if (real && (*s == 'e' || *s == 'E')) {
		s++;
		s += *s == '+' || *s == '-';
		if (!isdigit((unsigned char)*s)) {
			return 0;
		}
		s += strspn(s, "0123456789");
	}
	return *s == '\0';
}

/* DIGITS have been checked for base 10 only. */
static int integer(struct toml *t, const char *start, const char *digits, int base)
{
	const char *allowed = base == 16  ? "0123456789abcdefABCDEF"
			      : base == 8 ? "01234567"
					  : "01";
	char text[32];
	long long v;

	if (base != 10 &&
	    (*digits == '\0' || digits[strspn(digits, allowed)] != '\0')) {
		return fail_at(t, start, "this is not a number");
	}
	errno = 0;
	v = strtoll(digits, NULL, base);
	if (errno == ERANGE) {
		return fail_at(t, start, "the number does not fit in 64 bits");
	}
	(void)snprintf(text, sizeof(text), "%lld", v);
	buf_reset(&t->text);
	buf_adds(&t->text, text);
	return 0;
}

static int number(struct toml *t, enum toml_type *ret_type)
{
	static const char chars[] = "0123456789abcdefABCDEFxob_+-.:TZ";
	const char *start = t->at, *s;
	int rc, base;

	while (t->at < t->end && *t->at != '\0' && strchr(chars, *t->at) != NULL) {
		t->at++;
	}
	rc = number_text(t, start);
	if (rc < 0) {
		return rc;
	}
	s = t->text.data;
	*ret_type = TOML_INT;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'o' || s[1] == 'b')) {
		base = s[1] == 'x' ? 16 : s[1] == 'o' ? 8 : 2;
		return integer(t, start, s + 2, base);
	}
	if (is_decimal(s, 0)) {
		return integer(t, start, s, 10);
	}
	if (!is_decimal(s, 1)) {
		return fail_at(t, start,
			       strlen(s) >= 8 && strpbrk(s, ":T-") != NULL &&
				       s[0] != '-'
				   ? "dates are not supported here; use a string"
				   : "this is not a value; strings need quotes");
	}
	*ret_type = TOML_REAL;
	return isfinite(strtod(s, NULL)) ? 0
					 : fail_at(t, start, "the number is too large");
}

static int skip_lines(struct toml *t)
{
	int rc;

	do {
		skip_blanks(t);
		rc = skip_comment(t);
		if (rc < 0) {
			return rc;
		}
	} while (accept_newline(t));
	return 0;
}

static int array(struct toml *t)
{
	int rc;

	t->at++;
	for (;;) {
		rc = skip_lines(t);
		if (rc < 0) {
			return rc;
		}
		if (accept_char(t, ']')) {
			return 0;
		}
		if (peek(t) != '"' && peek(t) != '\'') {
			return fail(t, "expected a quoted string or ]");
		}
		if (t->count == TOML_MAX_ITEMS) {
			return fail(t, "the array has too many items");
		}
		rc = string(t);
		if (rc < 0) {
			return rc;
		}
		t->items[t->count++] = xstrndup(t->text.data, t->text.len);
		rc = skip_lines(t);
		if (rc < 0) {
			return rc;
		}
		if (!accept_char(t, ',') && peek(t) != ']') {
			return fail(t, "expected , or ]");
		}
	}
}

static int accept_word(struct toml *t, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n) != 0 ||
	    (t->at + n < t->end && is_bare((unsigned char)t->at[n]))) {
		return 0;
	}
	t->at += n;
	buf_reset(&t->text);
	buf_adds(&t->text, word);
	return 1;
}

static int value(struct toml *t, enum toml_type *ret_type)
{
	int c = peek(t);

	if (c == '"' || c == '\'') {
		*ret_type = TOML_STRING;
		return string(t);
	}
	if (c == '[') {
		*ret_type = TOML_ARRAY;
		return array(t);
	}
	if (c == '{') {
		return fail(t, "inline tables are not supported here; use a [table]");
	}
	if (accept_word(t, "true") || accept_word(t, "false")) {
		*ret_type = TOML_BOOL;
		return 0;
	}
	if (c < 0 || c == '\n' || c == '\r' || c == '#') {
		return fail(t, "expected a value");
	}
	return number(t, ret_type);
}

/* ---- lines ---- */

static void free_items(struct toml *t)
{
	while (t->count > 0) {
		free(t->items[--t->count]);
	}
}

static int give(struct toml *t, struct toml_value *v)
{
	int rc;

	v->text = v->type == TOML_ARRAY ? NULL : t->text.data;
	v->items = t->items;
	v->count = t->count;
	rc = t->fn(t->path.data, v, t->arg, t->err);
	if (rc < 0) {
		err_wrap(t->err, "%s:%zu:%zu", t->name, v->line, v->column);
	}
	return rc;
}

static int key_value(struct toml *t)
{
	const char *start = t->at;
	struct toml_value v = {.line = t->line, .column = column(t, start)};
	int rc;

	buf_reset(&t->path);
	buf_add(&t->path, t->table.data, t->table.len);
	rc = key(t);
	if (rc == 0) {
		rc = once(t, 'k', start);
	}
	if (rc < 0) {
		return rc;
	}
	if (!accept_char(t, '=')) {
		return fail(t, "expected = behind the key");
	}
	skip_blanks(t);
	rc = value(t, &v.type);
	if (rc == 0) {
		rc = end_of_line(t);
	}
	return rc < 0 ? rc : give(t, &v);
}

static int table_header(struct toml *t)
{
	const char *start = t->at++;
	int rc;

	if (peek(t) == '[') {
		return fail_at(t, start, "arrays of tables are not supported here");
	}
	buf_reset(&t->path);
	rc = key(t);
	if (rc == 0) {
		rc = once(t, 't', start);
	}
	if (rc < 0) {
		return rc;
	}
	if (!accept_char(t, ']')) {
		return fail(t, "expected ]");
	}
	buf_reset(&t->table);
	buf_add(&t->table, t->path.data, t->path.len);
	buf_addc(&t->table, '.');
	return end_of_line(t);
}

static int document(struct toml *t)
{
	int rc = 0;

	while (rc == 0) {
		rc = skip_lines(t);
		if (rc < 0 || t->at == t->end) {
			break;
		}
		rc = peek(t) == '[' ? table_header(t) : key_value(t);
		free_items(t);
	}
	return rc;
}

int toml_parse(const char *name, const char *text, size_t len, toml_fn fn, void *arg,
	       struct error *err)
{
	struct toml *t;
	int rc;

	if (len > TOML_MAX_BYTES) {
		return err_set(err, ERR_TOO_LARGE, "%s: larger than %d bytes", name,
			       TOML_MAX_BYTES);
	}
	t = xcalloc(1, sizeof(*t));
	t->name = name;
	t->at = t->line_start = text;
	t->end = text + len;
	t->line = 1;
	t->fn = fn;
	t->arg = arg;
	t->err = err;
	buf_init(&t->table);
	buf_init(&t->path);
	buf_init(&t->text);
	map_init(&t->seen, TOML_MAX_KEYS);
	rc = document(t);
	free_items(t);
	map_release(&t->seen);
	buf_release(&t->table);
	buf_release(&t->path);
	buf_release(&t->text);
	free(t);
	return rc;
}
