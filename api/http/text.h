/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - percent-encoding, query strings, and where the reference's JSON parser would
 * stop. Pure.
 */
#ifndef API_HTTP_TEXT_H
#define API_HTTP_TEXT_H

#include <stddef.h>

/*
 * Percent-decodes LEN bytes into DST (LEN + 1 bytes).  PLUS: '+' is a space.
 * -ERR_INVALID: a NUL byte or something that is not UTF-8; a stray '%' stands for
 * itself.
 */
int text_decode(const char *src, size_t len, int plus, char *dst);

/* The decoded value of NAME in a query string (NULL: none), owned; the last one when it
 * is there several times.  NULL when absent or not text. */
char *text_query_value(const char *query, const char *name);

/*
 * Where and why Python's json module refuses TEXT: the answer to malformed JSON quotes
 * it. *ret_offset counts characters.  NULL: it would take the text.
 */
const char *text_json_problem(const char *text, size_t len, size_t *ret_offset);

#endif
