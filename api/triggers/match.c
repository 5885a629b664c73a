/* SPDX-License-Identifier: Apache-2.0 */
/* match.c - see match.h. */
#include "api/triggers/match.h"

#include <stdint.h>
#include <string.h>

#define RELATED "related:"
#define ROLE    "prefect.resource.role"

/* Bytes of the character at S (UTF-8; a stray byte is one). */
static size_t char_len(const char *s)
{
	size_t n = 1;

	if (((unsigned char)*s & 0xc0) != 0xc0) {
		return 1;
	}
	while (((unsigned char)s[n] & 0xc0) == 0x80) {
		n++;
	}
	return n;
}

/* The class at P ("[...]") against the character at S: 1, 0; *RET_END behind it.  A '['
 * that is never closed is a plain character: -1. */
static int match_class(const char *p, const char *s, const char **ret_end)
{
	const char *at = p + 1, *close;
	size_t n = char_len(s);
	int negate = *at == '!', hit = 0;

	at += negate;
	close = *at == '\0' ? NULL : strchr(at + 1, ']');
	if (close == NULL) {
		return -1;
	}
	while (at < close) {
		size_t m = char_len(at);

		if (m == 1 && at[1] == '-' && at + 2 < close) {
			hit |= n == 1 && (unsigned char)*s >= (unsigned char)*at &&
			       (unsigned char)*s <= (unsigned char)at[2];
			at += 3;
			continue;
		}
		hit |= m == n && memcmp(at, s, n) == 0;
		at += m;
	}
	*ret_end = close + 1;
	return hit != negate;
}

/* One character of TEXT by the head of PATTERN: behind it, or NULL. */
static const char *step(const char *p, const char **s)
{
	const char *end = p + 1;
	int hit;

	if (**s == '\0') {
		return NULL;
	}
	if (*p == '?') {
		*s += char_len(*s);
		return end;
	}
	hit = *p == '[' ? match_class(p, *s, &end) : -1;
	if (hit >= 0) {
		*s += char_len(*s);
		return hit ? end : NULL;
	}
	return *p == *(*s)++ ? end : NULL;
}

int match_glob(const char *p, const char *s)
{
	const char *star = NULL, *from = NULL, *next;

	for (;;) {
		if (*p == '*') {
			star = ++p;
			from = s;
			continue;
		}
		if (*p == '\0' && *s == '\0') {
			return 1;
		}
		next = *p != '\0' ? step(p, &s) : NULL;
		if (next != NULL) {
			p = next;
			continue;
		}
		if (star == NULL || *from == '\0') {
			return 0;
		}
		from += char_len(from);
		p = star;
		s = from;
	}
}

int match_pattern(const char *pattern, const char *text)
{
	return *pattern == '!' ? !match_glob(pattern + 1, text)
			       : match_glob(pattern, text);
}

size_t match_literal(const char *pattern)
{
	return strcspn(pattern, "*?[");
}

static int value_matches(const json_t *patterns, const char *value)
{
	json_t *item;
	size_t i;

	if (json_is_string(patterns)) {
		return match_pattern(json_string_value(patterns), value);
	}
	json_array_foreach (patterns, i, item) {
		if (match_pattern(json_string_value(item), value)) {
			return 1;
		}
	}
	return 0;
}

int match_resource(const json_t *spec, const json_t *resource)
{
	const char *label;
	json_t *patterns;

	json_object_foreach ((json_t *)(uintptr_t)spec, label, patterns) {
		const char *value = json_string_value(json_object_get(resource, label));

		if (value == NULL || !value_matches(patterns, value)) {
			return 0;
		}
	}
	return 1;
}

static int any_matches(const json_t *spec, const json_t *related)
{
	json_t *item;
	size_t i;

	if (json_object_size(spec) == 0) {
		return 1;
	}
	json_array_foreach (related, i, item) {
		if (match_resource(spec, item)) {
			return 1;
		}
	}
	return 0;
}

int match_related(const json_t *specs, const json_t *related)
{
	json_t *item;
	size_t i;

	if (!json_is_array(specs)) {
		return any_matches(specs, related);
	}
	json_array_foreach (specs, i, item) {
		if (!any_matches(item, related)) {
			return 0;
		}
	}
	return 1;
}

/* Where the SEG_LEN bytes at SEG are found first in S, or NULL. */
static const char *find(const char *s, const char *seg, size_t seg_len)
{
	return seg_len == 0 ? s : memmem(s, strlen(s), seg, seg_len);
}

/* PATTERN read as text in which '*' is one character or more, from the start of NAME
 * on; what follows is free, so the first place that fits is as good as any. */
static int match_start(const char *pattern, const char *name)
{
	size_t n = strcspn(pattern, "*");

	if (strncmp(pattern, name, n) != 0) {
		return 0;
	}
	name += n;
	for (pattern += n; *pattern == '*'; pattern += n) {
		pattern++;
		n = strcspn(pattern, "*");
		name = *name != '\0' ? find(name + 1, pattern, n) : NULL;
		if (name == NULL) {
			return 0;
		}
		name += n;
	}
	return 1;
}

static int any_of(const json_t *names, const char *name,
		  int (*fn)(const char *pattern, const char *text))
{
	json_t *item;
	size_t i;

	json_array_foreach (names, i, item) {
		if (fn(json_string_value(item), name)) {
			return 1;
		}
	}
	return 0;
}

int match_candidate(const json_t *expect, const json_t *after, const char *name)
{
	if (json_array_size(expect) == 0) {
		return *name != '\0';
	}
	return (any_of(expect, name, match_glob) || any_of(after, name, match_glob)) &&
	       (any_of(expect, name, match_start) || any_of(after, name, match_start));
}

int match_any(const json_t *names, const char *name)
{
	return any_of(names, name, match_pattern);
}

static const json_t *in_role(const json_t *event, const char *role, size_t len)
{
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(event, "related"), i, item) {
		const char *r = json_string_value(json_object_get(item, ROLE));

		if (r != NULL && strlen(r) == len && memcmp(r, role, len) == 0) {
			return item;
		}
	}
	return NULL;
}

const char *match_label(const json_t *event, const char *label)
{
	const char *last = strrchr(label, ':');
	const json_t *r;

	if (strncmp(label, RELATED, sizeof(RELATED) - 1) == 0 &&
	    last >= label + sizeof(RELATED) - 1) {
		const char *role = label + sizeof(RELATED) - 1;

		r = in_role(event, role, (size_t)(last - role));
		if (r != NULL) {
			return json_string_value(json_object_get(r, last + 1));
		}
	}
	return json_string_value(
	    json_object_get(json_object_get(event, "resource"), label));
}
