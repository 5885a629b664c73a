/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.c - what belongs to a process until its end, and its first error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sdk/src/body.h"

#define CHUNK 256

struct chunk {
	struct chunk *next;
	size_t count;
	void *items[CHUNK];
};
/* Two lists, so that a leak checker finds everything. */
static struct chunk *values, *blocks;

wf_ctx *body_now;

static void hang(struct chunk **list, void *item)
{
	struct chunk *c = *list;

	if (c == NULL || c->count == CHUNK) {
		c = xcalloc(1, sizeof(*c));
		c->next = *list;
		*list = c;
	}
	c->items[c->count++] = item;
}

json_t *keep(json_t *v)
{
	if (v != NULL) {
		hang(&values, v);
	}
	return v;
}

char *keep_text(char *s)
{
	hang(&blocks, s);
	return s;
}

void *keep_alloc(size_t size)
{
	void *p = xcalloc(1, size > 0 ? size : 1);

	hang(&blocks, p);
	return p;
}

char *keepf(const char *fmt, ...)
{
	struct buf b;
	va_list ap;

	buf_init(&b);
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	return keep_text(buf_take(&b, NULL));
}

int body_failed(void)
{
	return body_now != NULL && body_now->error != NULL;
}

void body_error(const char *file, int line, const char *fmt, ...)
{
	const char *slash = strrchr(file, '/');
	struct buf b;
	va_list ap;

	if (body_failed()) {
		return;
	}
	buf_init(&b);
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	if (b.len > BODY_MESSAGE_MAX) {
		buf_truncate(&b, BODY_MESSAGE_MAX);
	}
	buf_addf(&b, " (%s:%d)", slash != NULL ? slash + 1 : file, line);
	if (body_now == NULL || body_now->ended) {
		(void)fprintf(stderr, "wf: %s\n", b.data);
		buf_release(&b);
	} else {
		body_now->error = keep_text(buf_take(&b, NULL));
	}
}

/* The place is that of the declaration: these functions do not know their callers. */
wf_ctx *body_ctx(wf_ctx *ctx, const char *function)
{
	const wf_ctx *now = body_now;

	if (ctx != NULL) {
		return ctx;
	}
	if (now != NULL && now->task != NULL) {
		body_error(now->task->file, now->task->line,
			   "%s: the ctx is NULL in %s", function, now->task->name);
	} else if (now != NULL && now->flow != NULL) {
		body_error(now->flow->file, now->flow->line,
			   "%s: the ctx is NULL in %s", function, now->flow->name);
	} else {
		(void)fprintf(stderr, "wf: %s: there is no running task or flow\n",
			      function);
	}
	return body_now;
}

const char *wf_try(wf_ctx *ctx)
{
	const char *error = ctx != NULL ? ctx->error : NULL;

	if (ctx != NULL) {
		ctx->error = NULL;
	}
	return error;
}

const char *wf_fmt(wf_ctx *ctx, const char *fmt, ...)
{
	struct buf b;
	va_list ap;

	(void)ctx;
	buf_init(&b);
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	return keep_text(buf_take(&b, NULL));
}

void *wf_alloc(wf_ctx *ctx, size_t size)
{
	(void)ctx;
	return keep_alloc(size);
}
