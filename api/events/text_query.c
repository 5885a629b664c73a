/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_query.c - see text_query.h.
 */
#include "api/events/text_query.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Two-byte UTF-8: Latin-1 C3 80-9E, Greek CE 91-A9, Cyrillic D0 80-AF have their lower
 * case letters at fixed distances; the length never changes. */
static void lower_pair(unsigned char *c)
{
	if (c[0] == 0xc3 && c[1] >= 0x80 && c[1] <= 0x9e && c[1] != 0x97) {
		c[1] = (unsigned char)(c[1] + 0x20);
	} else if (c[0] == 0xce && c[1] >= 0x91 && c[1] <= 0x9f) {
		c[1] = (unsigned char)(c[1] + 0x20);
	} else if (c[0] == 0xce && c[1] >= 0xa0 && c[1] <= 0xa9) {
		c[0] = 0xcf;
		c[1] = (unsigned char)(c[1] - 0x20);
	} else if (c[0] == 0xd0 && c[1] >= 0x90 && c[1] <= 0x9f) {
		c[1] = (unsigned char)(c[1] + 0x20);
	} else if (c[0] == 0xd0 && c[1] >= 0xa0 && c[1] <= 0xaf) {
		c[0] = 0xd1;
		c[1] = (unsigned char)(c[1] - 0x20);
	} else if (c[0] == 0xd0 && c[1] >= 0x80 && c[1] <= 0x8f) {
		c[0] = 0xd1;
		c[1] = (unsigned char)(c[1] + 0x10);
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
