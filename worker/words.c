/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.c - splits a command line into words as a POSIX shell does, without expanding.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "worker/job_template.h"

#define WORDS_MAX 4096

/* Behind an opening quote: appends up to the closing one; the place behind it, or NULL.
 */
static const char *quoted(const char *p, char quote, struct buf *word)
{
	for (; *p != '\0' && *p != quote; p++) {
		if (quote == '"' && *p == '\\' && p[1] != '\0' &&
		    strchr("\"\\$`\n", p[1])) {
			p++;
		}
		buf_addc(word, *p);
	}
	return *p == quote ? p + 1 : NULL;
}

/* One word from P; the place behind it, or NULL for an open quote. */
static const char *one_word(const char *p, struct buf *word)
{
	while (*p != '\0' && strchr(" \t\r\n", *p) == NULL) {
		if (*p == '\'' || *p == '"') {
			p = quoted(p + 1, *p, word);
			if (p == NULL) {
				return NULL;
			}
		} else if (*p == '\\' && p[1] != '\0') {
			buf_addc(word, p[1]);
			p += 2;
		} else {
			buf_addc(word, *p++);
		}
	}
	return p;
}

int words_split(const char *command, char ***ret_words, struct error *err)
{
	char **words = xcalloc(1, sizeof(*words));
	const char *p = command;
	struct buf word;
	size_t n = 0;
	int rc = 0;

	buf_init(&word);
	for (p += strspn(p, " \t\r\n"); *p != '\0'; p += strspn(p, " \t\r\n")) {
		buf_reset(&word);
		p = one_word(p, &word);
		if (p == NULL) {
			rc = err_set(err, ERR_INVALID, "a quote is not closed in: %s",
				     command);
			break;
		}
		if (n == WORDS_MAX) {
			rc = err_set(err, ERR_TOO_LARGE, "more than %d words",
				     WORDS_MAX);
			break;
		}
		words = xreallocarray(words, n + 2, sizeof(*words));
		words[n++] = xstrdup(word.data);
		words[n] = NULL;
	}
	buf_release(&word);
	if (rc < 0) {
		words_free(words);
		return rc;
	}
	*ret_words = words;
	return 0;
}

void words_free(char **words)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
		free(words[i]);
	}
	free(words);
}
