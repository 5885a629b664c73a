/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64.c - RFC 4648 base64, strict (declared in digest.h).
 */
#include "base/digest.h"
#include "base/error.h"
#include "base/mem.h"

char *base64_encode(const void *data, size_t len)
{
	static const char abc[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *in = data;
	char *out = xmalloc((len + 2) / 3 * 4 + 1);
	char *p = out;

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t v = (uint32_t)in[i] << 16;

		v |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
		v |= left > 2 ? in[i + 2] : 0;
		*p++ = abc[v >> 18];
		*p++ = abc[(v >> 12) & 63];
		*p++ = (char)(left > 1 ? abc[(v >> 6) & 63] : '=');
		*p++ = (char)(left > 2 ? abc[v & 63] : '=');
	}
	*p = '\0';
	return out;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z') {
		return c - 'A';
	}
	if (c >= 'a' && c <= 'z') {
		return c - 'a' + 26;
	}
	if (c >= '0' && c <= '9') {
		return c - '0' + 52;
	}
	if (c == '+' || c == '/') {
		return c == '+' ? 62 : 63;
	}
	return -1;
}

/* Four characters, PAD of them '=', to their 24 bits; -1 when they are not base64. */
static int32_t base64_group(const char *text, int pad)
{
	int32_t v = 0;

	for (int i = 0; i < 4; i++) {
		int d = i >= 4 - pad ? 0 : base64_value(text[i]);

		if (d < 0) {
			return -1;
		}
		v = v * 64 + d;
	}
	/* Bits that no byte uses must be zero: one text per value. */
	return (pad == 1 && (v & 0xff) != 0) || (pad == 2 && (v & 0xffff) != 0) ? -1
										: v;
}

int base64_decode(const char *text, size_t len, void *dst, size_t size, size_t *ret_len)
{
	uint8_t *out = dst;
	size_t at = 0;
	int pad = 0;

	if (len % 4 != 0) {
		return -ERR_INVALID;
	}
	if (len > 0 && text[len - 1] == '=') {
		pad = text[len - 2] == '=' ? 2 : 1;
	}
	if (len / 4 * 3 - (size_t)pad > size) {
		return -ERR_TOO_LARGE;
	}
	for (size_t i = 0; i < len; i += 4) {
		int last = i + 4 == len ? pad : 0;
		int32_t v = base64_group(text + i, last);

		if (v < 0) {
			return -ERR_INVALID;
		}
		for (int k = 0; k < 3 - last; k++) {
			out[at++] = (uint8_t)(v >> (16 - 8 * k));
		}
	}
	*ret_len = at;
	return 0;
}
