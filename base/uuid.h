/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uuid.h - RFC 9562 UUIDs: v4 (random), v7 (time-ordered, monotonic within a process),
 * v5-like deterministic ids by SHA-256.
 */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stddef.h>
#include <stdint.h>

#define UUID_TEXT_SIZE 37

struct uuid {
	uint8_t b[16];
};

void uuid_v4(struct uuid *ret_uuid);
void uuid_v7(struct uuid *ret_uuid, int64_t now_us);
/* Deterministic (version 8): the first 128 bits of SHA-256 over the bytes. */
void uuid_from_bytes(struct uuid *ret_uuid, const void *data, size_t len);
/* Hyphenated or dashless, either case, optional braces refused.  0 or -ERR_INVALID. */
int uuid_parse(const char *text, struct uuid *ret_uuid);
int uuid_parse_n(const char *text, size_t len, struct uuid *ret_uuid);
char *uuid_format(const struct uuid *u, char buf[UUID_TEXT_SIZE]); /* returns buf */
/* For messages only: one of eight rotating static buffers. */
const char *uuid_str(const struct uuid *u);
int uuid_equal(const struct uuid *a, const struct uuid *b);
int uuid_is_nil(const struct uuid *u);

#endif
