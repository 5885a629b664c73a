/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.h - SHA-256, SHA-1 (WebSocket handshake only), base64, constant-time compare.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

void sha256(const void *data, size_t len, uint8_t ret_digest[32]);
void sha256_hex(const void *data, size_t len, char ret_hex[65]);
void sha1(const void *data, size_t len, uint8_t ret_digest[20]);
char *base64_encode(const void *data, size_t len); /* owned, NUL terminated */
/* Standard alphabet, padded, nothing else.  0, -ERR_INVALID, or -ERR_TOO_LARGE for
 * SIZE. */
int base64_decode(const char *text, size_t len, void *dst, size_t size,
		  size_t *ret_len);
int equal_constant_time(const void *a, size_t alen, const void *b, size_t blen);
void random_bytes(void *dst, size_t len);

#endif
