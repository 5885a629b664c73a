/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regex.h - regular expressions in time linear in the text: a Thompson automaton, no
 * backtracking, no back references.
 *
 *     . [abc] [^a-z] \d \D \w \W \s \S \b \B \n \t \xHH   x* x+ x? x{2,5}  (also lazy)
 *     a|b  (...)  (?:...)  ^ $  and (?i) at the start
 *
 * Bytes, not characters: a set holds ASCII; a character beyond stands for itself.
 */
#ifndef ENGINE_EXPR_REGEX_H
#define ENGINE_EXPR_REGEX_H

#include <stddef.h>

struct error;
struct regex;

#define REGEX_MAX_TEXT   1024u
#define REGEX_MAX_STATES 20000u

int regex_parse(const char *text, size_t len, struct regex **ret_regex, size_t *ret_at,
		struct error *err);
void regex_free(struct regex *r); /* accepts NULL */
/* Whether it matches anywhere in the LEN bytes of TEXT; `^` and `$` are those of lines.
 */
int regex_search(const struct regex *r, const char *text, size_t len);

#endif
