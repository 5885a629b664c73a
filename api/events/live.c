/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live.c - frames in a buffer.
 */
#include "api/events/live.h"

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

void live_add(struct buf *b, const char *json, size_t len)
{
	PRE(len <= UINT32_MAX);
	buf_add_u32be(b, (uint32_t)len);
	buf_add(b, json, len);
}

int live_next(const struct buf *b, size_t *at, const char **ret_json, size_t *ret_len)
{
	const unsigned char *p = (const unsigned char *)b->data + *at;
	size_t len;

	if (*at + 4 > b->len) {
		return 0;
	}
	len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	PRE(len <= b->len - *at - 4);
	*ret_json = (const char *)p + 4;
	*ret_len = len;
	*at += 4 + len;
	return 1;
}
