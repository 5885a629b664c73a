/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem.c - allocation that aborts on failure.  Zero sizes give a valid pointer.
 */
#include "base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static void *check(void *p, size_t size)
{
	if (p == NULL) {
		BUG("out of memory: cannot allocate %zu bytes", size);
	}
	return p;
}

void *xmalloc(size_t size)
{
	size = size != 0 ? size : 1;
	return check(malloc(size), size);
}

void *xcalloc(size_t count, size_t size)
{
	if (count == 0 || size == 0) {
		count = size = 1;
	}
	/* calloc checks the product for overflow */
	return check(calloc(count, size), size);
}

void *xrealloc(void *ptr, size_t size)
{
	size = size != 0 ? size : 1;
	return check(realloc(ptr, size), size);
}

void *xreallocarray(void *ptr, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size) {
		BUG("out of memory: %zu elements of %zu bytes", count, size);
	}
	return xrealloc(ptr, count * size);
}

char *xstrdup(const char *s)
{
	return xmemdup(s, strlen(s) + 1);
}

char *xstrndup(const char *s, size_t max)
{
	size_t len = strnlen(s, max);
	char *p = xmalloc(len + 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

void *xmemdup(const void *p, size_t size)
{
	void *copy = xmalloc(size);

	if (size != 0) {
		memcpy(copy, p, size);
	}
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0) {
		BUG("out of memory: cannot format a string");
	}
	return s;
}

void mem_trim(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
}
