/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle.c - state handlers and hooks, in their process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "sdk/src/body.h"

void body_handle(const struct body_start *start, wf_ctx *ctx)
{
	(void)start;
	(void)ctx;
}

wf_state *wf_handler_error(const wf_obj *o, const char *fmt, ...)
{
	wf_ctx *ctx = wf_obj_ctx(o);
	struct buf b;
	va_list ap;

	buf_init(&b);
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	if (ctx != NULL) {
		ctx->handler_error = keep_text(buf_take(&b, NULL));
	}
	buf_release(&b);
	return NULL;
}
