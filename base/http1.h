/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http1.h - reading an HTTP/1.x answer, byte by byte as it comes.  Pure: no socket, no
 * clock.
 */
#ifndef BASE_HTTP1_H
#define BASE_HTTP1_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define HTTP1_HEAD_MAX 65536 /* status line and headers, and trailers, together */

struct error;

struct http_answer {
	int status;
	struct buf body;
	char *content_type; /* or NULL; all three are owned */
	char *location;
	char *retry_after; /* as sent */
};
void http_answer_init(struct http_answer *a);
void http_answer_release(struct http_answer *a); /* leaves an initialised one */

enum http1_state {
	HTTP1_STATUS = 1,
	HTTP1_HEADER,
	HTTP1_LENGTH_BODY,
	HTTP1_CLOSE_BODY,
	HTTP1_CHUNK_SIZE,
	HTTP1_CHUNK_DATA,
	HTTP1_CHUNK_END,
	HTTP1_TRAILER,
	HTTP1_DONE
};

struct http1 {
	struct http_answer *answer; /* borrowed */
	int keep_alive;             /* valid when done */
	int started;                /* a byte was seen */
	/* private */
	enum http1_state state;
	struct buf line;
	size_t head_bytes, max_body;
	uint64_t left;
	int is_head, chunked, has_length;
};

/* IS_HEAD: the answer to a HEAD request, which never has a body. */
void http1_init(struct http1 *p, struct http_answer *answer, size_t max_body,
		int is_head);
void http1_release(struct http1 *p);
/* 1 when complete, 0 when more is needed, -ERR_PROTOCOL or -ERR_TOO_LARGE.  *ret_used
 * tells how many bytes were taken; less than LEN only when complete. */
int http1_feed(struct http1 *p, const char *data, size_t len, size_t *ret_used,
	       struct error *err);
/* The peer closed: 1 when that completes the answer, else -ERR_UNAVAILABLE. */
int http1_eof(struct http1 *p, struct error *err);

/* Milliseconds from NOW_US of a Retry-After value: seconds, also with a fraction, or an
 * HTTP date.  -1 for NULL and nonsense; at most one day. */
int64_t http_retry_after_ms(const char *value, int64_t now_us);

#endif
