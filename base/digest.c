/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.c - digests by libcrypto.  Base64 and randomness live in files of their own,
 * so that a program without digests does not load libcrypto (1.6 MB of memory).
 *
 * The low-level digest calls are used on purpose: the EVP ones load OpenSSL's
 * providers, its configuration and its error texts, which costs an idle worker more
 * memory than all of ours.
 */
#define OPENSSL_API_COMPAT 0x10101000L
#include "base/digest.h"

#include <openssl/sha.h>

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
	for (size_t i = 0; i < sizeof(digest); i++) {
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
