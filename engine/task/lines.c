/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines.c - cutting output into lines.
 */
#include "engine/task/lines.h"

#include <string.h>

#include "base/compiler.h"
#include "base/utf8.h"

void lines_init(struct lines *l, size_t max, lines_fn fn, void *arg)
{
	buf_init(&l->part);
	l->max = max;
	l->cut = 0;
	l->fn = fn;
	l->arg = arg;
}

void lines_release(struct lines *l)
{
	buf_release(&l->part);
}

static void keep(struct lines *l, const char *data, size_t len)
{
	size_t room = l->max - MIN_OF(l->max, l->part.len);

	if (len > room) {
		l->cut = 1;
		len = room;
	}
	buf_add(&l->part, data, len);
}

static void emit(struct lines *l)
{
	l->fn(l->part.data, l->part.len, l->cut, l->arg);
	buf_reset(&l->part);
	l->cut = 0;
}

void lines_feed(struct lines *l, const char *data, size_t len)
{
	const char *nl;

	while (len > 0 && (nl = memchr(data, '\n', len)) != NULL) {
		size_t n = (size_t)(nl - data);

		if (l->part.len == 0 && n <= l->max && !l->cut) {
			l->fn(data, n, 0, l->arg);
		} else {
			keep(l, data, n);
			emit(l);
		}
		data = nl + 1;
		len -= n + 1;
	}
	keep(l, data, len);
}

void lines_finish(struct lines *l)
{
	if (l->part.len > 0 || l->cut) {
		emit(l);
	}
}

char *text_clean(const char *s, size_t len)
{
	struct buf b;
	size_t n;

	buf_init(&b);
	while (len > 0) {
		n = utf8_length(s, len);
		if (n == 0) {
			buf_adds(&b, "\xef\xbf\xbd");
			n = 1;
		} else if (n == 1 && (unsigned char)*s < 0x20 && *s != '\t' &&
			   *s != '\n' && *s != '\033') {
			buf_addc(&b, ' ');
		} else {
			buf_add(&b, s, n);
		}
		s += n;
		len -= n;
	}
	return buf_take(&b, NULL);
}
