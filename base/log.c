/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - log lines.  Each is one write(2), so lines of several processes do not mix.
 * Any thread may log.
 */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/opts.h"

#define LOG_MSG_MAX  4096 /* longer messages are cut, and say so */
#define LOG_LINE_MAX (LOG_MSG_MAX * 2)

struct level_info {
	const char *name;   /* in JSON and on the command line */
	const char *text;   /* padded */
	const char *colour; /* of the level on a terminal */
	int syslog;
};

static const struct level_info levels[] = {
    [LOG_LVL_ERROR] = {"error", "error", "\033[31m", 3},
    [LOG_LVL_WARN] = {"warn", "warn ", "\033[33m", 4},
    [LOG_LVL_INFO] = {"info", "info ", "\033[32m", 6},
    [LOG_LVL_DEBUG] = {"debug", "debug", "\033[2m", 7},
};

static const char *log_program = "wf";
static atomic_int log_level = LOG_LVL_INFO;
static enum log_format log_format = LOG_FMT_TEXT;
static int log_fd = STDERR_FILENO;
static int log_colour;

void log_init(const char *program, enum log_level level, enum log_format format, int fd)
{
	const char *no_color = opts_env("NO_COLOR"), *term = opts_env("TERM");

	log_program = program;
	log_format = format;
	log_fd = fd >= 0 ? fd : STDERR_FILENO;
	log_colour = format == LOG_FMT_TEXT && isatty(log_fd) &&
		     (no_color == NULL || no_color[0] == '\0') &&
		     (term == NULL || strcmp(term, "dumb") != 0);
	log_set_level(level);
}

int log_level_parse(const char *text, enum log_level *ret_level)
{
	int i;

	for (i = LOG_LVL_ERROR; i <= LOG_LVL_DEBUG; i++) {
		if (strcasecmp(text, levels[i].name) == 0) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	}
	if (strcasecmp(text, "warning") == 0) {
		*ret_level = LOG_LVL_WARN;
		return 0;
	}
	if (strcasecmp(text, "critical") == 0) {
		*ret_level = LOG_LVL_ERROR;
		return 0;
	}
	return -ERR_INVALID;
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&log_level, memory_order_relaxed);
}

/* A line being put together; what does not fit is dropped, room for the newline is
 * kept. */
struct line {
	char data[LOG_LINE_MAX];
	size_t len;
};

static void line_add(struct line *l, const char *s)
{
	size_t n = strlen(s), room = sizeof(l->data) - 1 - l->len;

	n = n < room ? n : room;
	memcpy(l->data + l->len, s, n);
	l->len += n;
}

static void line_add_json(struct line *l, const char *s)
{
	/* the text has no control bytes and is valid UTF-8 by now */
	char one[3] = "";

	for (; *s != '\0' && l->len < sizeof(l->data) - 8; s++) {
		if (*s == '"' || *s == '\\') {
			one[0] = '\\';
			one[1] = *s;
		} else {
			one[0] = *s;
			one[1] = '\0';
		}
		line_add(l, one);
	}
}

static void put_text(struct line *l, const struct level_info *lv, const char *who,
		     const char *msg)
{
	char when[32] = "";
	int64_t now_us = clock_wall_us();
	time_t s = (time_t)(now_us / CLOCK_US_PER_S);
	struct tm tm;

	if (log_format == LOG_FMT_SYSLOG) {
		(void)snprintf(when, sizeof(when), "<%d>", lv->syslog);
		line_add(l, when);
	} else if (localtime_r(&s, &tm) != NULL) {
		(void)snprintf(when, sizeof(when), "%02d:%02d:%02d.%03d ", tm.tm_hour,
			       tm.tm_min, tm.tm_sec,
			       (int)(now_us / CLOCK_US_PER_MS % CLOCK_US_PER_MS));
		line_add(l, log_colour ? "\033[2m" : "");
		line_add(l, when);
		line_add(l, log_colour ? "\033[0m" : "");
		line_add(l, log_colour ? lv->colour : "");
		line_add(l, lv->text);
		line_add(l, log_colour ? "\033[0m " : " ");
	}
	line_add(l, log_program);
	line_add(l, ": ");
	if (who != NULL && who[0] != '\0') {
		line_add(l, who);
		line_add(l, " ");
	}
	line_add(l, msg);
	line_add(l, "\n");
}

static void put_json(struct line *l, const struct level_info *lv, const char *who,
		     const char *msg)
{
	char head[128];
	int64_t now_us = clock_wall_us();
	time_t s = (time_t)(now_us / CLOCK_US_PER_S);
	struct tm tm = {0};

	(void)gmtime_r(&s, &tm);
	(void)snprintf(head, sizeof(head),
		       "{\"ts\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\",\"level\":\"%"
		       "s\",\"pid\":%d",
		       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		       tm.tm_min, tm.tm_sec, (int)(now_us % CLOCK_US_PER_S), lv->name,
		       (int)getpid());
	line_add(l, head);
	line_add(l, ",\"program\":\"");
	line_add_json(l, log_program);
	if (who != NULL && who[0] != '\0') {
		line_add(l, "\",\"who\":\"");
		line_add_json(l, who);
	}
	line_add(l, "\",\"msg\":\"");
	line_add_json(l, msg);
	line_add(l, "\"}\n");
}

static void write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n < 0 && errno != EINTR) {
			return; /* nobody to tell */
		}
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
}

static void emit(enum log_level level, const char *who, const char *fmt, va_list ap)
{
	char raw[LOG_MSG_MAX], msg[LOG_MSG_MAX + 512], ident[256] = "";
	const struct level_info *lv = &levels[level];
	struct line line = {.len = 0};
	int n = vsnprintf(raw, sizeof(raw), fmt, ap);

	if (n < 0) {
		return;
	}
	log_escape(msg, sizeof(msg), raw, strlen(raw));
	if ((size_t)n >= sizeof(raw)) {
		(void)snprintf(msg + strnlen(msg, sizeof(msg) - 16), 16, " [cut]");
	}
	if (who != NULL) {
		log_escape(ident, sizeof(ident), who, strlen(who));
	}
	if (log_format == LOG_FMT_JSON) {
		put_json(&line, lv, ident, msg);
	} else {
		put_text(&line, lv, ident, msg);
	}
	write_all(log_fd, line.data, line.len);
}

void log_write(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (level <= log_get_level()) {
		va_start(ap, fmt);
		emit(level, NULL, fmt, ap);
		va_end(ap);
	}
	errno = saved;
}

void slog_write(enum log_level level, const char *who, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (level <= log_get_level()) {
		va_start(ap, fmt);
		emit(level, who, fmt, ap);
		va_end(ap);
	}
	errno = saved;
}

void fatal(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LVL_ERROR, NULL, fmt, ap);
	va_end(ap);
	exit(status);
}

/* Length of the valid UTF-8 sequence at S, 0 when there is none. */
static size_t utf8_len(const unsigned char *s, size_t len)
{
	size_t n, i;

	if (s[0] < 0x80) {
		return 1;
	}
	n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
	if (n == 0 || n > len || s[0] > 0xf4) {
		return 0;
	}
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	/* overlong forms, surrogates, beyond the last code point */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) {
		return 0;
	}
	return n;
}

size_t log_escape(char *dst, size_t size, const char *src, size_t len)
{
	const unsigned char *s = (const unsigned char *)src;
	char hex[5];
	const char *put;
	size_t i = 0, n, in, out = 0;

	if (size == 0) {
		return 0;
	}
	while (i < len) {
		in = utf8_len(s + i, len - i);
		n = in;
		put = src + i;
		if (in == 1 && (s[i] == '\n' || s[i] == '\t' || s[i] == '\r')) {
			put = s[i] == '\n' ? "\\n" : s[i] == '\t' ? "\\t" : "\\r";
			n = 2;
		} else if (in == 0 || (in == 1 && (s[i] < 0x20 || s[i] == 0x7f)) ||
			   (in == 2 && s[i] == 0xc2 && s[i + 1] < 0xa0)) {
			/* no character, a C0 control, or one byte of a C1 control */
			(void)snprintf(hex, sizeof(hex), "\\x%02x", s[i]);
			put = hex;
			n = 4;
			in = 1;
		}
		if (out + n >= size) {
			break;
		}
		memcpy(dst + out, put, n);
		out += n;
		i += in;
	}
	dst[out] = '\0';
	return out;
}
