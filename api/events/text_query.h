/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_query.h - the text search of events and logs: bare terms are ORed, +term is
 * required, -term and !term exclude, double quotes group; substring, case-insensitive.
 */
#ifndef API_EVENTS_TEXT_QUERY_H
#define API_EVENTS_TEXT_QUERY_H

#include <stddef.h>

#define TEXT_QUERY_MAX 200 /* characters of a query */
#define TEXT_TERMS_MAX 100

enum text_term_kind { TEXT_ANY = 1, TEXT_REQUIRED, TEXT_EXCLUDED };

struct text_term {
	enum text_term_kind kind;
	const char *text; /* lower case, into the buffer */
};

struct text_query {
	struct text_term terms[TEXT_TERMS_MAX];
	size_t count;
	size_t any_count; /* terms of kind TEXT_ANY */
	char *buffer;     /* owned */
};

/* TEXT is cut to TEXT_QUERY_MAX characters by the caller's validation. */
void text_query_parse(struct text_query *q, const char *text);
void text_query_release(struct text_query *q);
/* HAYSTACK must be lower case already: text_lower(). */
int text_query_matches(const struct text_query *q, const char *haystack);
/* ASCII and Latin-1, Greek, Cyrillic letters to lower case, in place; length is kept.
 */
void text_lower(char *s);

#endif
