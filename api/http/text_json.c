/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_json.c - where a strict JSON text breaks, in the words and offsets of Python's
 * json.
 *
 * Only run on texts that were refused already, so it is made for exactness, not for
 * speed.
 */
#include "api/http/text.h"

#include <ctype.h>
#include <string.h>

#define DEPTH_MAX 2048

struct scan {
	const char *at, *end;
	const char *problem; /* NULL while all is well */
	const char *where;
	char stack[DEPTH_MAX]; /* '{' or '[' of the open containers */
	size_t depth;
};

static void fail(struct scan *s, const char *problem, const char *where)
{
	if (s->problem == NULL) {
		s->problem = problem;
		s->where = where;
	}
}

static void skip_space(struct scan *s)
{
	while (s->at < s->end &&
	       (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')) {
		s->at++;
	}
}

static int peek(const struct scan *s)
{
	return s->at < s->end ? (unsigned char)*s->at : -1;
}

static void scan_escape(struct scan *s, const char *start)
{
	int i;

	s->at++;
	if (s->at == s->end) {
		fail(s, "Unterminated string starting at", start);
		return;
	}
	if (*s->at != 'u') {
		if (strchr("\"\\/bfnrt", *s->at) == NULL) {
			fail(s, "Invalid \\escape", s->at - 1);
		}
		s->at++;
		return;
	}
	for (i = 1; i <= 4; i++) {
		if (s->at + i >= s->end || !isxdigit((unsigned char)s->at[i])) {
			fail(s, "Invalid \\uXXXX escape", s->at);
			return;
		}
	}
	s->at += 5;
}

static void scan_string(struct scan *s)
{
	const char *start = s->at++;

	while (s->problem == NULL) {
		if (s->at == s->end) {
			fail(s, "Unterminated string starting at", start);
		} else if (*s->at == '"') {
			s->at++;
			return;
		} else if (*s->at == '\\') {
			scan_escape(s, start);
		} else if ((unsigned char)*s->at < 0x20) {
			fail(s, "Invalid control character at", s->at);
		} else {
			s->at++;
		}
	}
}

static int scan_digits(struct scan *s)
{
	const char *start = s->at;

	while (isdigit(peek(s))) {
		s->at++;
	}
	return s->at > start;
}

static void scan_number(struct scan *s)
{
	const char *start = s->at, *mark;

	s->at += *s->at == '-';
	if (peek(s) == '0') {
		s->at++;
	} else if (!scan_digits(s)) {
		fail(s, "Expecting value", start);
		return;
	}
	mark = s->at;
	if (peek(s) == '.') {
		s->at++;
		if (!scan_digits(s)) {
			s->at = mark;
			return;
		}
		mark = s->at;
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		s->at++;
		s->at += peek(s) == '+' || peek(s) == '-';
		if (!scan_digits(s)) {
			s->at = mark;
		}
	}
}

static void scan_word(struct scan *s)
{
	static const char *const words[] = {"true",     "false",     "null", "NaN",
					    "Infinity", "-Infinity", NULL};
	int i;

	for (i = 0; words[i] != NULL; i++) {
		if ((size_t)(s->end - s->at) >= strlen(words[i]) &&
		    memcmp(s->at, words[i], strlen(words[i])) == 0) {
			s->at += strlen(words[i]);
			return;
		}
	}
	if (peek(s) == '-' || isdigit(peek(s))) {
		scan_number(s);
		return;
	}
	fail(s, "Expecting value", s->at);
}

/* After '{' or ',' inside an object: the key and its colon. */
static void scan_key(struct scan *s)
{
	skip_space(s);
	if (peek(s) != '"') {
		fail(s, "Expecting property name enclosed in double quotes", s->at);
		return;
	}
	scan_string(s);
	skip_space(s);
	if (s->problem == NULL && peek(s) != ':') {
		fail(s, "Expecting ':' delimiter", s->at);
		return;
	}
	s->at++;
	skip_space(s);
}

static void scan_open(struct scan *s)
{
	int is_obj = *s->at == '{';

	if (s->depth == DEPTH_MAX) {
		fail(s, "Nested too deeply", s->at);
		return;
	}
	s->stack[s->depth++] = *s->at++;
	skip_space(s);
	if (peek(s) == (is_obj ? '}' : ']')) {
		return; /* empty: closed by scan_close() */
	}
	if (is_obj) {
		scan_key(s);
	}
}

/* After a value: closes containers as far as they end here.  1: another value follows.
 */
static int scan_close(struct scan *s)
{
	while (s->problem == NULL && s->depth > 0) {
		skip_space(s);
		if (peek(s) == (s->stack[s->depth - 1] == '{' ? '}' : ']')) {
			s->at++;
			s->depth--;
			continue;
		}
		if (peek(s) != ',') {
			fail(s, "Expecting ',' delimiter", s->at);
			return 0;
		}
		s->at++;
		skip_space(s);
		if (s->stack[s->depth - 1] == '{') {
			scan_key(s);
		}
		return 1;
	}
	return 0;
}

static int is_empty_container(const struct scan *s)
{
	return s->depth > 0 && peek(s) == (s->stack[s->depth - 1] == '{' ? '}' : ']');
}

const char *text_json_problem(const char *text, size_t len, size_t *ret_offset)
{
	struct scan s = {.at = text, .end = text + len};
	const char *p;
	int more = 1;

	skip_space(&s);
	while (more && s.problem == NULL) {
		if (peek(&s) == '{' || peek(&s) == '[') {
			scan_open(&s);
			if (s.problem != NULL || !is_empty_container(&s)) {
				continue;
			}
		} else if (peek(&s) == '"') {
			scan_string(&s);
		} else {
			scan_word(&s);
		}
		more = s.problem == NULL && scan_close(&s);
	}
	skip_space(&s);
	if (s.problem == NULL && s.at < s.end) {
		fail(&s, "Extra data", s.at);
	}
	*ret_offset = 0;
	for (p = text; s.problem != NULL && p < s.where; p++) {
		*ret_offset += ((unsigned char)*p & 0xc0) != 0x80;
	}
	return s.problem;
}
