/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h - growing byte buffer, always NUL terminated behind its length.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct buf {
	char *data; /* never NULL after buf_init */
	size_t len;
	size_t size; /* private */
};

void buf_init(struct buf *b);
void buf_release(struct buf *b);
void buf_reset(struct buf *b); /* len = 0, keeps the memory */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) WF_PRINTF(2, 3);
void buf_addv(struct buf *b, const char *fmt, va_list ap) WF_PRINTF(2, 0);
void buf_reserve(struct buf *b, size_t extra);
void buf_consume(struct buf *b, size_t len); /* drops from the front */
void buf_truncate(struct buf *b, size_t len);
/* Gives the memory away; the buffer is empty afterwards.  Free with free(). */
char *buf_take(struct buf *b, size_t *ret_len);
void buf_add_u32be(struct buf *b, uint32_t v);
/* Reads a whole file, at most MAX bytes.  0 or -code (-ERR_TOO_LARGE, -ERR_NOT_FOUND,
 * ...) */
struct error;
int buf_read_file(struct buf *b, const char *path, size_t max, struct error *err);
int buf_read_fd(struct buf *b, int fd, size_t max, struct error *err);
/* Atomically and durably (temporary file, fsync, rename, fsync of the folder). */
int file_write_atomic(const char *path, const void *data, size_t len, int mode,
		      struct error *err);
int mkdir_p(const char *path, int mode, struct error *err);

#endif
