/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.c - growing byte buffer.  Before the first byte is added, data points at a shared
 * empty string that is never written to (size 0 marks it).
 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define BUF_FIRST_SIZE 64

static char buf_empty[1];

void buf_init(struct buf *b)
{
	*b = (struct buf){.data = buf_empty};
}

void buf_release(struct buf *b)
{
	if (b->size != 0) {
		free(b->data);
	}
	buf_init(b);
}

void buf_reset(struct buf *b)
{
	buf_truncate(b, 0);
}

void buf_truncate(struct buf *b, size_t len)
{
	if (len > b->len) {
		return;
	}
	b->len = len;
	if (b->size != 0) {
		b->data[len] = '\0';
	}
}

void buf_reserve(struct buf *b, size_t extra)
{
	size_t need;
	size_t size;

	if (__builtin_add_overflow(b->len, extra, &need) ||
	    __builtin_add_overflow(need, 1, &need)) {
		BUG("buffer of %zu bytes cannot grow by %zu", b->len, extra);
	}
	if (need <= b->size) {
		return;
	}
	size = b->size < BUF_FIRST_SIZE ? BUF_FIRST_SIZE : b->size;
	while (size < need) {
		size = size > SIZE_MAX / 2 ? need : size * 2;
	}
	b->data = xrealloc(b->size == 0 ? NULL : b->data, size);
	b->size = size;
	b->data[b->len] = '\0';
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	if (len == 0) {
		return;
	}
	buf_reserve(b, len);
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_addv(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	buf_reserve(b, BUF_FIRST_SIZE);
	n = vsnprintf(b->data + b->len, b->size - b->len, fmt, ap);
	if (n < 0) {
		BUG("bad format \"%s\"", fmt);
	}
	if ((size_t)n >= b->size - b->len) {
		buf_reserve(b, (size_t)n);
		(void)vsnprintf(b->data + b->len, b->size - b->len, fmt, again);
	}
	b->len += (size_t)n;
	va_end(again);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_addv(b, fmt, ap);
	va_end(ap);
}

void buf_consume(struct buf *b, size_t len)
{
	PRE(len <= b->len);
	if (len == 0) {
		return;
	}
	memmove(b->data, b->data + len, b->len - len);
	buf_truncate(b, b->len - len);
}

char *buf_take(struct buf *b, size_t *ret_len)
{
	char *data;

	buf_reserve(b, 0); /* an empty buffer owns nothing yet */
	data = b->data;
	if (ret_len != NULL) {
		*ret_len = b->len;
	}
	buf_init(b);
	return data;
}

void buf_add_u32be(struct buf *b, uint32_t v)
{
	uint8_t bytes[4] = {
	    (uint8_t)(v >> 24),
	    (uint8_t)(v >> 16),
	    (uint8_t)(v >> 8),
	    (uint8_t)v,
	};

	buf_add(b, bytes, sizeof(bytes));
}
