/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_scan.c - json_check(): is a text JSON that json_parse() takes?
 *
 * The everyday text (ASCII, short numbers, no \u, few keys) is recognised in one pass
 * that builds nothing.  Whatever is not surely right, and whatever is wrong, goes to
 * json_parse(), so that both always agree and errors have their words.
 */
#include <string.h>

#include <xxhash.h>

#include "base/error.h"
#include "base/json.h"

#define DEPTH_MAX  32
#define KEYS_MAX   256 /* of all open objects together */
#define DIGITS_MAX 15  /* any such number fits its type */

struct scan {
	const unsigned char *p, *end;
	int depth;
	size_t count;
	uint64_t keys[KEYS_MAX]; /* hashes; an open object's are the last ones */
};

static int value(struct scan *s);

static void space(struct scan *s)
{
	while (s->p < s->end &&
	       (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t')) {
		s->p++;
	}
}

static int next_is(struct scan *s, int c)
{
	space(s);
	if (s->p < s->end && *s->p == c) {
		s->p++;
		return 1;
	}
	return 0;
}

static int word(struct scan *s, const char *text, size_t len)
{
	if ((size_t)(s->end - s->p) < len || memcmp(s->p, text, len) != 0) {
		return 0;
	}
	s->p += len;
	return 1;
}

/* Behind the opening quote.  ESCAPES: whether they are allowed. */
static int string(struct scan *s, int escapes)
{
	for (; s->p < s->end; s->p++) {
		if (*s->p == '"') {
			s->p++;
			return 1;
		}
		if (*s->p < 0x20 || *s->p >= 0x7f) {
			return 0;
		}
		if (*s->p == '\\') {
			s->p++;
			if (!escapes || s->p == s->end || *s->p == '\0' ||
			    strchr("\"\\/bfnrt", *s->p) == NULL) {
				return 0;
			}
		}
	}
	return 0;
}

static size_t digits(struct scan *s)
{
	const unsigned char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9') {
		s->p++;
	}
	return (size_t)(s->p - from);
}

static int number(struct scan *s)
{
	const unsigned char *first;
	size_t n;

	if (*s->p == '-') {
		s->p++;
	}
	first = s->p;
	n = digits(s);
	if (n == 0 || n > DIGITS_MAX || (n > 1 && *first == '0')) {
		return 0;
	}
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		n = digits(s);
		if (n == 0 || n > DIGITS_MAX) {
			return 0;
		}
	}
	return s->p == s->end || (*s->p != 'e' && *s->p != 'E');
}

/* A key that its object does not have yet. */
static int key(struct scan *s, size_t first)
{
	const unsigned char *from;
	uint64_t hash;

	if (!next_is(s, '"')) {
		return 0;
	}
	from = s->p;
	if (!string(s, 0) || s->count == KEYS_MAX) {
		return 0;
	}
	hash = XXH3_64bits(from, (size_t)(s->p - from));
	for (size_t i = first; i < s->count; i++) {
		if (s->keys[i] == hash) {
			return 0;
		}
	}
	s->keys[s->count++] = hash;
	return next_is(s, ':');
}

static int object(struct scan *s)
{
	size_t first = s->count;

	if (next_is(s, '}')) {
		return 1;
	}
	do {
		if (!key(s, first) || !value(s)) {
			return 0;
		}
	} while (next_is(s, ','));
	s->count = first;
	return next_is(s, '}');
}

static int array(struct scan *s)
{
	if (next_is(s, ']')) {
		return 1;
	}
	do {
		if (!value(s)) {
			return 0;
		}
	} while (next_is(s, ','));
	return next_is(s, ']');
}

static int value(struct scan *s)
{
	int ok;

	space(s);
	if (s->p == s->end || s->depth == DEPTH_MAX) {
		return 0;
	}
	switch (*s->p) {
	case '{':
	case '[':
		s->depth++;
		ok = *s->p++ == '{' ? object(s) : array(s);
		s->depth--;
		return ok;
	case '"':
		s->p++;
		return string(s, 1);
	case 't':
		return word(s, "true", 4);
	case 'f':
		return word(s, "false", 5);
	case 'n':
		return word(s, "null", 4);
	default:
		return number(s);
	}
}

int json_check(const char *text, size_t len, size_t max, int *ret_is_object,
	       struct error *err)
{
	struct scan s = {.p = (const unsigned char *)text};
	json_t *v;

	s.end = s.p + len;
	space(&s);
	*ret_is_object = s.p < s.end && *s.p == '{';
	if (len <= max && value(&s)) {
		space(&s);
		if (s.p == s.end) {
			return 0;
		}
	}
	v = json_parse(text, len, max, err);
	if (v == NULL) {
		return len > max ? -ERR_TOO_LARGE : -ERR_INVALID;
	}
	*ret_is_object = json_is_object(v);
	json_decref(v);
	return 0;
}
