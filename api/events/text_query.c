/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_query.c - see text_query.h.
 */
#include "api/events/text_query.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/mem.h"

/* Two-byte UTF-8: Latin-1 C3 80-9E, Greek CE 91-A9, Cyrillic D0 80-AF have their lower
 * case letters at fixed distances; the length never changes. */
static const struct {
	unsigned char lead, from, to; /* of upper case letters */
	unsigned char lead_to;
	signed char distance;
} pairs[] = {
    {0xc3, 0x80, 0x96, 0xc3, 0x20}, {0xc3, 0x98, 0x9e, 0xc3, 0x20},
    {0xce, 0x91, 0x9f, 0xce, 0x20}, {0xce, 0xa0, 0xa9, 0xcf, -0x20},
    {0xd0, 0x90, 0x9f, 0xd0, 0x20}, {0xd0, 0xa0, 0xaf, 0xd1, -0x20},
    {0xd0, 0x80, 0x8f, 0xd1, 0x10},
};

static void lower_pair(unsigned char *c)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(pairs); i++) {
		if (c[0] == pairs[i].lead && c[1] >= pairs[i].from &&
		    c[1] <= pairs[i].to) {
			c[0] = pairs[i].lead_to;
			c[1] = (unsigned char)(c[1] + pairs[i].distance);
			return;
		}
	}
}

void text_lower(char *s)
{
	unsigned char *c = (unsigned char *)s;

	for (; *c != '\0'; c++) {
		if (*c < 0x80) {
			*c = (unsigned char)tolower(*c);
		} else if (c[1] != '\0') {
			lower_pair(c);
		}
	}
}

/* A quoted phrase from IN (behind the quote) to OUT, unescaped; returns behind its end.
 */
static const char *take_phrase(const char *in, char **out)
{
	for (; *in != '\0' && *in != '"'; in++) {
		if (*in == '\\' && (in[1] == '"' || in[1] == '\\')) {
			in++;
		}
		*(*out)++ = *in;
	}
	return *in == '"' ? in + 1 : in;
}

static const char *take_word(const char *in, char **out)
{
	while (*in != '\0' && !isspace((unsigned char)*in) && *in != '"') {
		*(*out)++ = *in++;
	}
	return in;
}

static int is_blank(const char *s)
{
	return s[strspn(s, " \t\r\n\v\f")] == '\0';
}

void text_query_parse(struct text_query *q, const char *text)
{
	enum text_term_kind kind;
	char *out, *term;

	memset(q, 0, sizeof(*q));
	/* every term is at least one character of text, plus its end */
	q->buffer = out = xmalloc(2 * strlen(text) + 2);
	while (*text != '\0' && q->count < TEXT_TERMS_MAX) {
		if (isspace((unsigned char)*text)) {
			text++;
			continue;
		}
		kind = TEXT_ANY;
		if (strchr("-!+", *text) != NULL) {
			kind = *text == '+' ? TEXT_REQUIRED : TEXT_EXCLUDED;
			text++;
			if (*text == '\0' || isspace((unsigned char)*text)) {
				continue; /* a sign alone means nothing */
			}
		}
		term = out;
		text =
		    *text == '"' ? take_phrase(text + 1, &out) : take_word(text, &out);
		*out++ = '\0';
		if (is_blank(term)) {
			continue;
		}
		text_lower(term);
		q->terms[q->count++] = (struct text_term){.kind = kind, .text = term};
		q->any_count += kind == TEXT_ANY;
	}
}

void text_query_release(struct text_query *q)
{
	free(q->buffer);
	q->buffer = NULL;
	q->count = 0;
}

int text_query_matches(const struct text_query *q, const char *haystack)
{
	size_t i;
	int any = q->any_count == 0;

	for (i = 0; i < q->count; i++) {
		int found = strstr(haystack, q->terms[i].text) != NULL;

		if ((q->terms[i].kind == TEXT_REQUIRED && !found) ||
		    (q->terms[i].kind == TEXT_EXCLUDED && found)) {
			return 0;
		}
		any |= q->terms[i].kind == TEXT_ANY && found;
	}
	return any;
}
