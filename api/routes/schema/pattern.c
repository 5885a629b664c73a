/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.c - regular expressions of schemas, by POSIX EREs, as far as that is safe.
 *
 * Patterns come from outside, and compiling a repeated repetition costs exponential
 * time and memory.  So a pattern must be tame: short, no quantifier right behind
 * another, counted repetitions whose product is small, shallow groups, no back
 * references.  What is not tame or does not compile matches everything.
 */
#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes/schema/check.h"
#include "base/buf.h"
#include "base/compiler.h"

#define PATTERN_MAX 256
#define PRODUCT_MAX 1000 /* of all {counts} */
#define GROUPS_MAX  4    /* nested */
#define REPEATS_MAX 24   /* quantifiers in all */

/* Classes of other dialects, outside and inside brackets. */
static void add_class(struct buf *out, char c, int bracket)
{
	static const struct {
		char c;
		const char *set;
	} classes[] = {{'d', "0-9"}, {'w', "[:alnum:]_"}, {'s', "[:space:]"},
		       {'D', "0-9"}, {'W', "[:alnum:]_"}, {'S', "[:space:]"}};

	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		if (classes[i].c != c) {
			continue;
		}
		if (bracket) {
			buf_adds(out, classes[i].set);
		} else {
			buf_addf(out, "[%s%s]", i >= 3 ? "^" : "", classes[i].set);
		}
		return;
	}
	if (bracket) {
		buf_addc(out, c);
	} else {
		buf_addf(out, "\\%c", c);
	}
}

/* "(?:" is a group, a lazy quantifier matches the same texts as the plain one. */
static void translate(struct buf *out, const char *pattern)
{
	int bracket = 0;

	for (const char *p = pattern; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0') {
			add_class(out, *++p, bracket);
			continue;
		}
		if (!bracket && strncmp(p, "(?:", 3) == 0) {
			buf_addc(out, '(');
			p += 2;
			continue;
		}
		bracket = *p == '[' ? 1 : (*p == ']' ? 0 : bracket);
		buf_addc(out, *p);
		if (!bracket && strchr("*+?}", *p) != NULL && p[1] == '?') {
			p++;
		}
	}
}

struct tame {
	int depth, repeats, quantified; /* the last thing was a quantifier */
	long product;
};

/* "{2,5}": multiplies by the largest number; 0 when it is too much. */
static int count_repeat(struct tame *t, const char *p)
{
	long n = 0, most = 1;

	for (p++; *p != '\0' && *p != '}'; p++) {
		n = isdigit((unsigned char)*p) ? n * 10 + (*p - '0') : 0;
		most = n > most ? n : most;
		if (most > PRODUCT_MAX) {
			return 0;
		}
	}
	t->product *= most;
	return t->product <= PRODUCT_MAX;
}

/* One character outside of brackets. */
static int tame_char(struct tame *t, const char *p)
{
	int quantifier = strchr("*+?{", *p) != NULL;

	if (quantifier && (t->quantified || ++t->repeats > REPEATS_MAX)) {
		return 0;
	}
	if (*p == '{' && !count_repeat(t, p)) {
		return 0;
	}
	t->depth += (*p == '(') - (*p == ')');
	/* what stands inside of {} keeps the mark of its '{' */
	t->quantified = quantifier || *p == '}' ||
			(t->quantified && (isdigit((unsigned char)*p) || *p == ','));
	return t->depth <= GROUPS_MAX;
}

static int is_tame(const char *ere)
{
	struct tame t = {.product = 1};
	int bracket = 0;

	if (strlen(ere) > PATTERN_MAX) {
		return 0;
	}
	for (const char *p = ere; *p != '\0'; p++) {
		if (*p == '\\') {
			if (p[1] == '\0' || isdigit((unsigned char)p[1])) {
				return 0;
			}
			p++;
			t.quantified = 0;
			continue;
		}
		if (!bracket && !tame_char(&t, p)) {
			return 0;
		}
		bracket = *p == '[' ? 1 : (*p == ']' ? 0 : bracket);
	}
	return 1;
}

int schema_pattern_matches(const char *pattern, const char *text)
{
	struct buf b;
	regex_t re;
	int match = 1;

	if (strlen(pattern) > PATTERN_MAX) {
		return 1;
	}
	buf_init(&b);
	translate(&b, pattern);
	if (is_tame(b.data) && regcomp(&re, b.data, REG_EXTENDED | REG_NOSUB) == 0) {
		match = regexec(&re, text, 0, NULL, 0) == 0;
		regfree(&re);
	}
	buf_release(&b);
	return match;
}
