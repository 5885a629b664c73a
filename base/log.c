/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - log lines.  Each is one write(2), so lines of several processes do not mix.
 * Any thread may log.
 */
#include "base/log.h"

#include <errno.h>
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
#include "base/utf8.h"

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

int log_start(const char *program, const char *level, const char *format,
	      struct error *err)
{
	static const char *const formats[] = {[LOG_FMT_TEXT] = "text",
					      [LOG_FMT_JSON] = "json",
					      [LOG_FMT_SYSLOG] = "syslog"};
	enum log_format f = LOG_FMT_TEXT;
	enum log_level l;

	if (log_level_parse(level, &l) < 0) {
		return err_set(err, ERR_USAGE,
			       "--log-level is error, warn, info or debug, not '%s'.",
			       level);
	}
	while (f <= LOG_FMT_SYSLOG && strcmp(format, formats[f]) != 0) {
		f = (enum log_format)(f + 1);
	}
	if (f > LOG_FMT_SYSLOG) {
		return err_set(err, ERR_USAGE,
			       "--log-format is text, json or syslog, not '%s'.",
			       format);
	}
	log_init(program, l, f, -1);
	return 0;
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&log_level, memory_order_relaxed);
}

/* What stands for the character of IN bytes (0: not a character) at S, into BUF. */
static const char *replacement(const char *s, size_t in, int json, char *buf,
			       size_t size)
{
	unsigned char c = (unsigned char)*s;
	int c1 = in == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0;

	if (in == 1 && (c == '\n' || c == '\t' || c == '\r')) {
		return c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
	}
	if (in == 1 && json && (c == '"' || c == '\\')) {
		return c == '"' ? "\\\"" : "\\\\";
	}
	if (in == 0 && json) {
		return "\\ufffd";
	}
	if (in == 0 || c1 || (in == 1 && (c < 0x20 || c == 0x7f))) {
		c = c1 ? (unsigned char)s[1] : c;
		(void)snprintf(buf, size, json ? "\\u%04x" : "\\x%02x", c);
		return buf;
	}
	return NULL;
}

static size_t escape(char *dst, size_t size, const char *src, size_t len, int json)
{
	char buf[8];
	const char *put;
	size_t i = 0, n, in, out = 0;

	if (size == 0) {
		return 0;
	}
	while (i < len) {
		in = utf8_length(src + i, len - i);
		put = replacement(src + i, in, json, buf, sizeof(buf));
		n = put != NULL ? strlen(put) : in;
		if (out + n >= size) {
			break;
		}
		memcpy(dst + out, put != NULL ? put : src + i, n);
		out += n;
		i += in != 0 ? in : 1;
	}
	dst[out] = '\0';
	return out;
}

size_t log_escape(char *dst, size_t size, const char *src, size_t len)
{
	return escape(dst, size, src, len, 0);
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
	if (who[0] != '\0') {
		line_add(l, who);
		line_add(l, " ");
	}
	line_add(l, msg);
	line_add(l, "\n");
}

static void put_json(struct line *l, const struct level_info *lv, const char *who,
		     const char *msg)
{
	char date[32], head[96];
	int64_t now_us = clock_wall_us();
	time_t s = (time_t)(now_us / CLOCK_US_PER_S);
	struct tm tm;

	if (gmtime_r(&s, &tm) == NULL ||
	    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
		date[0] = '\0';
	}
	(void)snprintf(head, sizeof(head),
		       "{\"ts\":\"%s.%06dZ\",\"level\":\"%s\",\"pid\":%d", date,
		       (int)(now_us % CLOCK_US_PER_S), lv->name, (int)getpid());
	line_add(l, head);
	line_add(l, ",\"program\":\"");
	line_add(l, log_program);
	if (who[0] != '\0') {
		line_add(l, "\",\"who\":\"");
		line_add(l, who);
	}
	line_add(l, "\",\"msg\":\"");
	line_add(l, msg);
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

WF_PRINTF(3, 0)
static void emit(enum log_level level, const char *who, const char *fmt, va_list ap)
{
	char raw[LOG_MSG_MAX], msg[LOG_MSG_MAX + LOG_MSG_MAX / 2], ident[256] = "";
	static const char cut[] = " [cut]";
	int json = log_format == LOG_FMT_JSON, n;
	struct line line;
	size_t len;

	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	if (n < 0) {
		return;
	}
	len = escape(msg, sizeof(msg) - sizeof(cut), raw, strlen(raw), json);
	if ((size_t)n >= sizeof(raw) || len >= sizeof(msg) - sizeof(cut) - 8) {
		memcpy(msg + len, cut, sizeof(cut));
	}
	if (who != NULL) {
		escape(ident, sizeof(ident), who, strlen(who), json);
	}
	line.len = 0;
	if (json) {
		put_json(&line, &levels[level], ident, msg);
	} else {
		put_text(&line, &levels[level], ident, msg);
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
