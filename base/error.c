/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.c - error codes, their properties from ERR_MAP, and messages.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

struct err_info {
	const char *name;
	const char *text;
	int http, exit_status, retry;
};

static const struct err_info err_infos[ERR_CODE_MAX] = {
    [ERR_NONE] = {"NONE", "no error", 200, 0, 0},
#define ERR_INFO_(c, http, exit, retry, text) [ERR_##c] = {#c, text, http, exit, retry},
    ERR_MAP(ERR_INFO_)
#undef ERR_INFO_
};

static const struct err_info *err_info(int code)
{
	if (code < 0 && code > -ERR_CODE_MAX) {
		code = -code;
	}
	if (code < 0 || code >= ERR_CODE_MAX) {
		code = ERR_INTERNAL;
	}
	return &err_infos[code];
}

/* A message cut by the buffer must not end in half a character. */
static void cut_whole_char(char *s)
{
	size_t len = strlen(s), back = 0, need;
	unsigned char c;

	while (back < len && back < 4 &&
	       ((unsigned char)s[len - 1 - back] & 0xc0) == 0x80) {
		back++;
	}
	if (back >= len) {
		return;
	}
	c = (unsigned char)s[len - 1 - back];
	need = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
	if (back < need) {
		s[len - 1 - back] = '\0';
	}
}

/* FMT's arguments may point into err->msg, hence the copy. */
WF_PRINTF(2, 0)
static void format_msg(struct error *err, const char *fmt, va_list ap)
{
	char msg[sizeof(err->msg)];
	int n = vsnprintf(msg, sizeof(msg), fmt, ap);

	if (n < 0) {
		msg[0] = '\0';
	} else if ((size_t)n >= sizeof(msg)) {
		cut_whole_char(msg);
	}
	memcpy(err->msg, msg, strlen(msg) + 1);
}

static void append_msg(struct error *err, const char *more)
{
	size_t len = strlen(err->msg);
	int n = snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", more);

	if (n < 0 || (size_t)n >= sizeof(err->msg) - len) {
		cut_whole_char(err->msg);
	}
}

int err_set(struct error *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	if (err != NULL) {
		va_start(ap, fmt);
		format_msg(err, fmt, ap);
		va_end(ap);
		err->code = (int)code;
	}
	return -(int)code;
}

int err_wrap(struct error *err, const char *fmt, ...)
{
	char before[sizeof(err->msg)];
	va_list ap;

	if (err == NULL) {
		return -ERR_INTERNAL;
	}
	memcpy(before, err->msg, sizeof(before));
	va_start(ap, fmt);
	format_msg(err, fmt, ap);
	va_end(ap);
	append_msg(err, before);
	return -err->code;
}

static enum err_code code_of_errno(int e)
{
	switch (e) {
	case ENOENT:
	case ENOTDIR:
	case ESRCH:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_FORBIDDEN;
	case EEXIST:
	case ENOTEMPTY:
	case EADDRINUSE:
		return ERR_CONFLICT;
	case EINVAL:
	case EILSEQ:
	case EISDIR:
	case ELOOP:
		return ERR_INVALID;
	case ENOMEM:
		return ERR_NOMEM;
	case E2BIG:
	case EFBIG:
	case EMSGSIZE:
	case ENAMETOOLONG:
		return ERR_TOO_LARGE;
	case EAGAIN:
	case EBUSY:
	case EMFILE:
	case ENFILE:
	case ETXTBSY:
		return ERR_BUSY;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	case ECANCELED:
		return ERR_CANCELED;
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENOTCONN:
	case EPIPE:
		return ERR_UNAVAILABLE;
	case ENOSYS:
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
		return ERR_UNSUPPORTED;
	default:
		return ERR_IO;
	}
}

int err_errno(struct error *err, const char *fmt, ...)
{
	int e = errno;
	enum err_code code = code_of_errno(e);
	char text[128];
	va_list ap;

	if (err != NULL) {
		va_start(ap, fmt);
		format_msg(err, fmt, ap);
		va_end(ap);
		append_msg(err, strerror_r(e, text, sizeof(text)));
		err->code = (int)code;
	}
	errno = e;
	return -(int)code;
}

const char *err_name(int code)
{
	return err_info(code)->name;
}

const char *err_text(int code)
{
	return err_info(code)->text;
}

int err_http_status(int code)
{
	return err_info(code)->http;
}

int err_exit_status(int code)
{
	return err_info(code)->exit_status;
}

int err_is_retryable(int code)
{
	return err_info(code)->retry;
}

void bug_at(const char *file, int line, const char *fmt, ...)
{
	struct error err = {0};
	va_list ap;

	va_start(ap, fmt);
	format_msg(&err, fmt, ap);
	va_end(ap);
	log_error("BUG at %s:%d: %s", file, line, err.msg);
	trace_dump(STDERR_FILENO);
	abort();
}
