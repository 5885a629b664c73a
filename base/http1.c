/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http1.c - an HTTP/1.x answer (RFC 9112).
 *
 *   STATUS -> HEADER -+-> LENGTH_BODY ------------------------------+-> DONE
 *      ^        |     +-> CLOSE_BODY (until the peer closes) -------+
 *      +- 1xx --+     +-> CHUNK_SIZE -> CHUNK_DATA -> CHUNK_END -+  |
 *                     |       ^  | (size 0)                      |  |
 *                     |       |  +---------> TRAILER ------------|--+
 *                     |       +----------------------------------+  |
 *                     +-> no body ----------------------------------+
 */
#include "base/http1.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"

#define LENGTH_DIGITS_MAX 18
#define CHUNK_DIGITS_MAX  15

void http_answer_init(struct http_answer *a)
{
	*a = (struct http_answer){0};
	buf_init(&a->body);
}

void http_answer_release(struct http_answer *a)
{
	buf_release(&a->body);
	free(a->content_type);
	free(a->location);
	free(a->retry_after);
	http_answer_init(a);
}

void http1_init(struct http1 *p, struct http_answer *answer, size_t max_body,
		int is_head)
{
	*p = (struct http1){
	    .answer = answer,
	    .state = HTTP1_STATUS,
	    .max_body = max_body,
	    .is_head = is_head,
	};
	buf_init(&p->line);
}

void http1_release(struct http1 *p)
{
	buf_release(&p->line);
}

static int broken(struct error *err, const char *what)
{
	return err_set(err, ERR_PROTOCOL, "the answer is not HTTP: %s", what);
}

/* "HTTP/1.1 200 OK" */
static int take_status(struct http1 *p, struct error *err)
{
	const char *s = p->line.data;
	int status = 0;

	if (p->line.len < 12 || strncmp(s, "HTTP/1.", 7) != 0 || s[8] != ' ' ||
	    (s[7] != '0' && s[7] != '1')) {
		return broken(err, "bad status line");
	}
	for (int i = 9; i < 12; i++) {
		if (s[i] < '0' || s[i] > '9') {
			return broken(err, "bad status code");
		}
		status = status * 10 + (s[i] - '0');
	}
	if (status < 100 || (s[12] != '\0' && s[12] != ' ')) {
		return broken(err, "bad status code");
	}
	p->answer->status = status;
	p->keep_alive = s[7] == '1';
	p->chunked = 0;
	p->has_length = 0;
	p->state = HTTP1_HEADER;
	return 0;
}

static int take_length(struct http1 *p, const char *value, struct error *err)
{
	uint64_t n = 0;
	size_t len = strlen(value);

	if (len == 0 || len > LENGTH_DIGITS_MAX || strspn(value, "0123456789") != len) {
		return broken(err, "bad Content-Length");
	}
	for (const char *c = value; *c != '\0'; c++) {
		n = n * 10 + (uint64_t)(*c - '0');
	}
	if (p->has_length && p->left != n) {
		return broken(err, "two different Content-Length headers");
	}
	p->has_length = 1;
	p->left = n;
	return 0;
}

/* Whether the comma separated VALUE has TOKEN, in any case. */
static int has_token(const char *value, const char *token)
{
	size_t n = strlen(token);

	while (*value != '\0') {
		size_t len;

		value += strspn(value, " \t,");
		len = strcspn(value, " \t,");
		if (len == n && strncasecmp(value, token, n) == 0) {
			return 1;
		}
		value += len;
	}
	return 0;
}

static void keep_text(char **dst, const char *value)
{
	free(*dst);
	*dst = xstrdup(value);
}

static int take_header(struct http1 *p, const char *name, const char *value,
		       struct error *err)
{
	if (strcasecmp(name, "Content-Length") == 0) {
		return take_length(p, value, err);
	}
	if (strcasecmp(name, "Transfer-Encoding") == 0) {
		if (strcasecmp(value, "chunked") != 0) {
			return broken(err, "unknown Transfer-Encoding");
		}
		p->chunked = 1;
	} else if (strcasecmp(name, "Connection") == 0) {
		if (has_token(value, "close")) {
			p->keep_alive = 0;
		} else if (has_token(value, "keep-alive")) {
			p->keep_alive = 1;
		}
	} else if (strcasecmp(name, "Content-Type") == 0) {
		keep_text(&p->answer->content_type, value);
	} else if (strcasecmp(name, "Location") == 0) {
		keep_text(&p->answer->location, value);
	} else if (strcasecmp(name, "Retry-After") == 0) {
		keep_text(&p->answer->retry_after, value);
	}
	return 0;
}

/* The empty line: what kind of body follows? */
static int end_of_head(struct http1 *p, struct error *err)
{
	int status = p->answer->status;

	if (status < 200) {
		if (status == 101) {
			return broken(err, "an upgrade that nobody asked for");
		}
		p->state = HTTP1_STATUS;
		return 0;
	}
	if (p->is_head || status == 204 || status == 304) {
		p->state = HTTP1_DONE;
	} else if (p->chunked) {
		p->state = HTTP1_CHUNK_SIZE;
	} else if (!p->has_length) {
		p->keep_alive = 0;
		p->state = HTTP1_CLOSE_BODY;
	} else if (p->left > p->max_body) {
		return err_set(err, ERR_TOO_LARGE,
			       "the answer has %llu bytes; at most %zu are accepted",
			       (unsigned long long)p->left, p->max_body);
	} else {
		p->state = p->left == 0 ? HTTP1_DONE : HTTP1_LENGTH_BODY;
	}
	return 0;
}

static int header_line(struct http1 *p, struct error *err)
{
	char *line = p->line.data;
	char *colon;
	char *value;
	size_t len;

	if (p->line.len == 0) {
		return end_of_head(p, err);
	}
	colon = strchr(line, ':');
	if (colon == NULL || colon == line || line[0] == ' ' || line[0] == '\t') {
		return broken(err, "bad header line");
	}
	*colon = '\0';
	if (strpbrk(line, " \t") != NULL) {
		return broken(err, "space in a header name");
	}
	value = colon + 1 + strspn(colon + 1, " \t");
	len = strlen(value);
	while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t')) {
		value[--len] = '\0';
	}
	return take_header(p, line, value, err);
}

static int take_chunk_size(struct http1 *p, struct error *err)
{
	uint64_t n = 0;
	size_t digits = strspn(p->line.data, "0123456789abcdefABCDEF");
	const char *rest = p->line.data + digits;

	rest += strspn(rest, " \t");
	if (digits == 0 || digits > CHUNK_DIGITS_MAX ||
	    (*rest != '\0' && *rest != ';')) {
		return broken(err, "bad chunk size");
	}
	for (size_t i = 0; i < digits; i++) {
		char c = p->line.data[i];

		n = n * 16 + (uint64_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	p->left = n;
	p->state = n == 0 ? HTTP1_TRAILER : HTTP1_CHUNK_DATA;
	return 0;
}

static int take_line(struct http1 *p, struct error *err)
{
	if (memchr(p->line.data, '\0', p->line.len) != NULL) {
		return broken(err, "NUL in a line");
	}
	switch (p->state) {
	case HTTP1_STATUS:
		return take_status(p, err);
	case HTTP1_HEADER:
		return header_line(p, err);
	case HTTP1_CHUNK_SIZE:
		return take_chunk_size(p, err);
	case HTTP1_CHUNK_END:
		p->state = HTTP1_CHUNK_SIZE;
		return p->line.len == 0 ? 0 : broken(err, "a chunk without its end");
	case HTTP1_TRAILER:
		if (p->line.len == 0) {
			p->state = HTTP1_DONE;
		}
		return 0;
	case HTTP1_LENGTH_BODY:
	case HTTP1_CLOSE_BODY:
	case HTTP1_CHUNK_DATA:
	case HTTP1_DONE:
		break;
	}
	BUG("a line in state %d", (int)p->state);
}

/* Collects up to the end of the line; *ret_used bytes were taken. */
static int feed_line(struct http1 *p, const char *data, size_t len, size_t *ret_used,
		     struct error *err)
{
	const char *nl = memchr(data, '\n', len);
	size_t n = nl == NULL ? len : (size_t)(nl - data) + 1;
	int rc;

	*ret_used = n;
	if (p->state != HTTP1_CHUNK_SIZE && p->state != HTTP1_CHUNK_END) {
		p->head_bytes += n;
	}
	if (p->head_bytes > HTTP1_HEAD_MAX || p->line.len + n > HTTP1_HEAD_MAX) {
		return broken(err, "headers too long");
	}
	buf_add(&p->line, data, n);
	if (nl == NULL) {
		return 0;
	}
	buf_truncate(&p->line, p->line.len - 1);
	if (p->line.len > 0 && p->line.data[p->line.len - 1] == '\r') {
		buf_truncate(&p->line, p->line.len - 1);
	}
	/* buf_truncate of an empty buffer leaves a readable empty string */
	rc = take_line(p, err);
	buf_reset(&p->line);
	return rc;
}

static int feed_body(struct http1 *p, const char *data, size_t len, size_t *ret_used,
		     struct error *err)
{
	size_t n = len;

	if (p->state != HTTP1_CLOSE_BODY && p->left < n) {
		n = (size_t)p->left;
	}
	if (n > p->max_body - p->answer->body.len) {
		return err_set(err, ERR_TOO_LARGE,
			       "the answer is longer than the %zu bytes accepted",
			       p->max_body);
	}
	buf_add(&p->answer->body, data, n);
	*ret_used = n;
	if (p->state == HTTP1_CLOSE_BODY) {
		return 0;
	}
	p->left -= n;
	if (p->left == 0) {
		p->state = p->state == HTTP1_LENGTH_BODY ? HTTP1_DONE : HTTP1_CHUNK_END;
	}
	return 0;
}

static int in_body(const struct http1 *p)
{
	return p->state == HTTP1_LENGTH_BODY || p->state == HTTP1_CLOSE_BODY ||
	       p->state == HTTP1_CHUNK_DATA;
}

int http1_feed(struct http1 *p, const char *data, size_t len, size_t *ret_used,
	       struct error *err)
{
	size_t at = 0;

	while (at < len && p->state != HTTP1_DONE) {
		size_t used = 0;
		int rc;

		p->started = 1;
		if (in_body(p)) {
			rc = feed_body(p, data + at, len - at, &used, err);
		} else {
			rc = feed_line(p, data + at, len - at, &used, err);
		}
		if (rc < 0) {
			return rc;
		}
		at += used;
	}
	*ret_used = at;
	return p->state == HTTP1_DONE;
}

int http1_eof(struct http1 *p, struct error *err)
{
	if (p->state == HTTP1_CLOSE_BODY) {
		p->state = HTTP1_DONE;
	}
	if (p->state == HTTP1_DONE) {
		return 1;
	}
	return err_set(err, ERR_UNAVAILABLE, "the connection was closed %s",
		       p->started ? "in the middle of the answer"
				  : "before an answer came");
}
