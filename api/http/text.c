/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - percent-encoding and query strings.
 */
#include "api/http/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/utf8.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (isxdigit((unsigned char)c)) {
		return tolower((unsigned char)c) - 'a' + 10;
	}
	return -1;
}

int text_decode(const char *src, size_t len, int plus, char *dst)
{
	size_t i, out = 0;
	int high, low;

	for (i = 0; i < len; i++) {
		high = src[i] == '%' && len - i > 2 ? hex_value(src[i + 1]) : -1;
		low = high >= 0 ? hex_value(src[i + 2]) : -1;
		if (low >= 0) {
			dst[out++] = (char)(unsigned char)(high * 16 + low);
			i += 2;
		} else {
			dst[out++] = src[i];
			if (plus && src[i] == '+') {
				dst[out - 1] = ' ';
			}
		}
	}
	dst[out] = '\0';
	if (strlen(dst) != out || !utf8_is_valid(dst, out)) {
		return -ERR_INVALID;
	}
	return 0;
}

char *text_query_value(const char *query, const char *name)
{
	char *found = NULL, *part;
	const char *end, *eq;

	while (query != NULL && *query != '\0') {
		end = strchrnul(query, '&');
		eq = memchr(query, '=', (size_t)(end - query));
		part = xmalloc((size_t)(end - query) + 1);
		if (text_decode(query, (size_t)((eq != NULL ? eq : end) - query), 1,
				part) == 0 &&
		    strcmp(part, name) == 0) {
			free(found);
			found = NULL;
			eq = eq != NULL ? eq + 1 : end;
			if (text_decode(eq, (size_t)(end - eq), 1, part) == 0) {
				found = part;
				part = NULL;
			}
		}
		free(part);
		query = end + (*end == '&');
	}
	return found;
}
