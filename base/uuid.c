/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uuid.c - RFC 9562 UUIDs.  Any thread.
 */
#include "base/uuid.h"

#include <stdatomic.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"

#define UUID_STR_BUFFERS 8

static void stamp(struct uuid *u, unsigned int version)
{
	u->b[6] = (uint8_t)((u->b[6] & 0x0fu) | (version << 4));
	u->b[8] = (uint8_t)((u->b[8] & 0x3fu) | 0x80u);
}

void uuid_v4(struct uuid *ret_uuid)
{
	random_bytes(ret_uuid->b, sizeof(ret_uuid->b));
	stamp(ret_uuid, 4);
}

/*
 * 48 bits of milliseconds and 12 bits below them (RFC 9562 method 3) form one 60-bit
 * counter; when the clock does not move, or moves back, the counter is the last one
 * plus one.
 */
static uint64_t next_tick(int64_t now_us)
{
	static _Atomic uint64_t last;
	uint64_t us = now_us < 0 ? 0 : (uint64_t)now_us;
	uint64_t now = ((us / 1000) << 12) | ((us % 1000) * 4096 / 1000);
	uint64_t seen = atomic_load(&last);
	uint64_t tick;

	do {
		tick = now > seen ? now : seen + 1;
	} while (!atomic_compare_exchange_weak(&last, &seen, tick));
	return tick;
}

void uuid_v7(struct uuid *ret_uuid, int64_t now_us)
{
	uint64_t tick = next_tick(now_us);

	random_bytes(ret_uuid->b + 8, 8);
	for (int i = 0; i < 6; i++) {
		ret_uuid->b[i] = (uint8_t)(tick >> (52 - 8 * i));
	}
	ret_uuid->b[6] = (uint8_t)((tick >> 8) & 0x0f);
	ret_uuid->b[7] = (uint8_t)tick;
	stamp(ret_uuid, 7);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	if (c >= 'A' && c <= 'F') {
		return c - 'A' + 10;
	}
	return -1;
}

int uuid_parse_n(const char *text, size_t len, struct uuid *ret_uuid)
{
	struct uuid u;
	size_t at = 0;

	if (len != 36 && len != 32) {
		return -ERR_INVALID;
	}
	for (int i = 0; i < 16; i++) {
		int hi;
		int lo;

		if (len == 36 && (i == 4 || i == 6 || i == 8 || i == 10) &&
		    text[at++] != '-') {
			return -ERR_INVALID;
		}
		hi = hex_value(text[at++]);
		lo = hex_value(text[at++]);
		if (hi < 0 || lo < 0) {
			return -ERR_INVALID;
		}
		u.b[i] = (uint8_t)(hi * 16 + lo);
	}
	*ret_uuid = u;
	return 0;
}

int uuid_parse(const char *text, struct uuid *ret_uuid)
{
	return uuid_parse_n(text, strlen(text), ret_uuid);
}

char *uuid_format(const struct uuid *u, char buf[UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *p = buf;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10) {
			*p++ = '-';
		}
		*p++ = digits[u->b[i] >> 4];
		*p++ = digits[u->b[i] & 15];
	}
	*p = '\0';
	return buf;
}

const char *uuid_str(const struct uuid *u)
{
	static _Thread_local char bufs[UUID_STR_BUFFERS][UUID_TEXT_SIZE];
	static _Thread_local unsigned int next;

	return uuid_format(u, bufs[next++ % UUID_STR_BUFFERS]);
}

int uuid_equal(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

int uuid_is_nil(const struct uuid *u)
{
	static const struct uuid nil;

	return uuid_equal(u, &nil);
}
