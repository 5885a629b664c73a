/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8.c - well-formed UTF-8 by the Unicode standard: no overlong forms, no surrogates,
 * nothing above U+10FFFF.
 */
#include "base/utf8.h"

size_t utf8_length(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t n;

	if (p[0] < 0x80) {
		return 1;
	}
	if (p[0] < 0xc2 || p[0] > 0xf4) {
		return 0;
	}
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len < n) {
		return 0;
	}
	/* The second byte alone decides about overlong forms, surrogates and the upper
	 * end. */
	if (p[0] == 0xe0 || p[0] == 0xf0) {
		low = p[0] == 0xe0 ? 0xa0 : 0x90;
	} else if (p[0] == 0xed || p[0] == 0xf4) {
		high = p[0] == 0xed ? 0x9f : 0x8f;
	}
	if (p[1] < low || p[1] > high) {
		return 0;
	}
	for (size_t i = 2; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	return n;
}

int utf8_is_valid(const char *s, size_t len)
{
	while (len > 0) {
		size_t n = utf8_length(s, len);

		if (n == 0) {
			return 0;
		}
		s += n;
		len -= n;
	}
	return 1;
}
