/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.c - digests by libcrypto, base64, comparison and randomness.
 *
 * The low-level digest calls are used on purpose: the EVP ones load OpenSSL's
 * providers, its configuration and its error texts, which costs an idle worker more
 * memory than all of ours.
 */
#define OPENSSL_API_COMPAT 0x10101000L
#include "base/digest.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/sha.h>

#include "base/error.h"
#include "base/mem.h"

void sha256(const void *data, size_t len, uint8_t ret_digest[32])
{
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	SHA256_Update(&ctx, data, len);
	SHA256_Final(ret_digest, &ctx);
}

void sha256_hex(const void *data, size_t len, char ret_hex[65])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[32];

	sha256(data, len, digest);
	for (int i = 0; i < 32; i++) {
		ret_hex[2 * i] = digits[digest[i] >> 4];
		ret_hex[2 * i + 1] = digits[digest[i] & 15];
	}
	ret_hex[64] = '\0';
}

void sha1(const void *data, size_t len, uint8_t ret_digest[20])
{
	SHA_CTX ctx;

	SHA1_Init(&ctx);
	SHA1_Update(&ctx, data, len);
	SHA1_Final(ret_digest, &ctx);
}

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
		*p++ = left > 1 ? abc[(v >> 6) & 63] : '=';
		*p++ = left > 2 ? abc[v & 63] : '=';
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

int equal_constant_time(const void *a, size_t alen, const void *b, size_t blen)
{
	const volatile uint8_t *x = a;
	const volatile uint8_t *y = b;
	size_t n = alen < blen ? alen : blen;
	unsigned int diff = alen != blen;

	for (size_t i = 0; i < n; i++) {
		diff |= (unsigned int)(x[i] ^ y[i]);
	}
	return diff == 0;
}

void random_bytes(void *dst, size_t len)
{
	uint8_t *p = dst;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			BUG("getrandom: %s", strerror(errno));
		}
		p += n;
		len -= (size_t)n;
	}
}
