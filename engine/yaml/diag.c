/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diag.c - collecting and printing the errors of a file.
 */
#include "engine/yaml/diag.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define DIAG_LINE_MAX 160 /* columns of a quoted source line */

struct diag {
	struct ymark at;
	size_t width;
	size_t order; /* keeps the order of those at one place */
	char *msg;
};

void diags_init(struct diags *d, const char *file, const char *text, size_t len)
{
	memset(d, 0, sizeof(*d));
	d->file = file;
	d->text = text;
	d->len = len;
}

void diags_release(struct diags *d)
{
	size_t i;

	for (i = 0; i < d->count; i++) {
		free(d->items[i].msg);
	}
	free(d->items);
	d->items = NULL;
	d->count = 0;
}

WF_PRINTF(4, 0)
static void add_v(struct diags *d, struct ymark at, size_t width, const char *fmt,
		  va_list ap)
{
	struct buf b;

	if (d->count == DIAG_MAX) {
		d->dropped++;
		return;
	}
	buf_init(&b);
	buf_addv(&b, fmt, ap);
	d->items = xreallocarray(d->items, d->count + 1, sizeof(*d->items));
	d->items[d->count] = (struct diag){
	    .at = at,
	    .width = width,
	    .order = d->count,
	    .msg = buf_take(&b, NULL),
	};
	d->count++;
	buf_release(&b);
}

void diag_add(struct diags *d, struct ymark at, size_t width, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_v(d, at, width, fmt, ap);
	va_end(ap);
}

void diag_node(struct diags *d, const struct ynode *n, const char *fmt, ...)
{
	size_t width = 0;
	va_list ap;

	if (n->kind == YNODE_SCALAR && n->style == YSTYLE_PLAIN) {
		width = n->len;
	} else if (n->kind == YNODE_SCALAR && n->style == YSTYLE_QUOTED) {
		width = n->len + 2;
	}
	va_start(ap, fmt);
	add_v(d, n->at, width, fmt, ap);
	va_end(ap);
}

/* The beginning of line LINE (from 1), or NULL. */
static const char *line_start(const struct diags *d, int line, size_t *ret_len)
{
	const char *p = d->text, *end, *nl;

	if (p == NULL || line < 1) {
		return NULL;
	}
	end = p + d->len;
	while (--line > 0) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL) {
			return NULL;
		}
		p = nl + 1;
	}
	nl = memchr(p, '\n', (size_t)(end - p));
	*ret_len = (size_t)((nl != NULL ? nl : end) - p);
	return p;
}

struct ymark diag_mark(const struct diags *d, const struct ynode *n, size_t offset)
{
	struct ymark at = n->at;
	const char *line;
	size_t i, from = 0, len;

	if (n->style != YSTYLE_LITERAL) {
		/* exact for a scalar on one line without escapes */
		if (n->style != YSTYLE_FOLDED &&
		    memchr(n->text, '\n', n->len) == NULL) {
			at.column += (int)offset + (n->style == YSTYLE_QUOTED);
		}
		return at;
	}
	at.line++;
	for (i = 0; i < offset && i < n->len; i++) {
		if (n->text[i] == '\n') {
			at.line++;
			from = i + 1;
		}
	}
	line = line_start(d, at.line, &len);
	at.column = 1;
	while (line != NULL && len > 0 && *line == ' ' && n->text[from] != ' ') {
		at.column++;
		line++;
		len--;
	}
	at.column += (int)(offset - from);
	return at;
}

static void print_source(const struct diags *d, const struct diag *g, struct buf *out)
{
	size_t len, i, width = g->width > 0 ? g->width : 1;
	const char *line = line_start(d, g->at.line, &len);
	size_t column = (size_t)g->at.column - 1;

	if (line == NULL || g->at.column < 1 || column > len ||
	    column > DIAG_LINE_MAX) {
		return;
	}
	if (len > 0 && line[len - 1] == '\r') {
		len--;
	}
	len = MIN_OF(len, (size_t)DIAG_LINE_MAX);
	buf_addf(out, "%5d | ", g->at.line);
	for (i = 0; i < len; i++) {
		buf_addc(out, (char)((unsigned char)line[i] < 0x20 ? ' ' : line[i]));
	}
	buf_adds(out, "\n      | ");
	for (i = 0; i < column; i++) {
		if (((unsigned char)line[i] & 0xc0) != 0x80) {
			buf_addc(out, ' ');
		}
	}
	buf_addc(out, '^');
	for (i = 1; i < width && column + i < len; i++) {
		if (((unsigned char)line[column + i] & 0xc0) != 0x80) {
			buf_addc(out, '~');
		}
	}
	buf_addc(out, '\n');
}

static int by_place(const void *a, const void *b)
{
	const struct diag *x = a, *y = b;

	if (x->at.line != y->at.line) {
		return x->at.line < y->at.line ? -1 : 1;
	}
	if (x->at.column != y->at.column) {
		return x->at.column < y->at.column ? -1 : 1;
	}
	return x->order < y->order ? -1 : 1;
}

void diags_print(struct diags *d, struct buf *out)
{
	size_t i;

	if (d->count > 1) {
		qsort(d->items, d->count, sizeof(*d->items), by_place);
	}
	for (i = 0; i < d->count; i++) {
		const struct diag *g = &d->items[i];

		if (g->at.line > 0) {
			buf_addf(out, "%s:%d:%d: error: %s\n", d->file, g->at.line,
				 g->at.column, g->msg);
			print_source(d, g, out);
		} else {
			buf_addf(out, "%s: error: %s\n", d->file, g->msg);
		}
	}
	if (d->dropped > 0) {
		buf_addf(out, "%s: %zu more errors are not shown\n", d->file,
			 d->dropped);
	}
}
