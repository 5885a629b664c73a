/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - log lines on stderr, as text or JSON lines, and the trace ring.
 *
 * error: someone must act.  warn: degraded but handled.  info: one line per life-cycle
 * event. debug: for developers; its arguments are not evaluated when off.  errno is
 * preserved. Control bytes in arguments are escaped.  Never pass a secret.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>

#include "base/compiler.h"

struct error;

enum log_level { LOG_LVL_ERROR = 1, LOG_LVL_WARN, LOG_LVL_INFO, LOG_LVL_DEBUG };
enum log_format { LOG_FMT_TEXT = 1, LOG_FMT_JSON, LOG_FMT_SYSLOG /* "<6>" prefix */ };

/* PROGRAM is borrowed for ever.  FD -1 means stderr.  May be called again to
 * reconfigure. */
void log_init(const char *program, enum log_level level, enum log_format format,
	      int fd);
/* The same from the words of --log-level and --log-format, to stderr; -ERR_USAGE names
 * the wrong one. */
int log_start(const char *program, const char *level, const char *format,
	      struct error *err);
int log_level_parse(const char *text,
		    enum log_level *ret_level); /* 0 or -ERR_INVALID */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

void log_write(enum log_level level, const char *fmt, ...) WF_PRINTF(2, 3);
/* The same with the identity of an object in front: slog(LOG_LVL_INFO, "run=…", "…").
 */
void slog_write(enum log_level level, const char *who, const char *fmt, ...)
    WF_PRINTF(3, 4);

#define log_error(...) log_write(LOG_LVL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LVL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LVL_INFO, __VA_ARGS__)
#define log_debug(...)                                         \
	do {                                                   \
		if (log_get_level() >= LOG_LVL_DEBUG) {        \
			log_write(LOG_LVL_DEBUG, __VA_ARGS__); \
		}                                              \
	} while (0)
#define slog_error(who, ...) slog_write(LOG_LVL_ERROR, who, __VA_ARGS__)
#define slog_warn(who, ...)  slog_write(LOG_LVL_WARN, who, __VA_ARGS__)
#define slog_info(who, ...)  slog_write(LOG_LVL_INFO, who, __VA_ARGS__)
#define slog_debug(who, ...)                                         \
	do {                                                         \
		if (log_get_level() >= LOG_LVL_DEBUG) {              \
			slog_write(LOG_LVL_DEBUG, who, __VA_ARGS__); \
		}                                                    \
	} while (0)

/* Start-up only: logs as error and exits with STATUS (sysexits). */
void fatal(int status, const char *fmt, ...) WF_NORETURN WF_PRINTF(2, 3);

/* A fixed ring of the last 256 trace records; kept even when debug is off, dumped by
 * BUG() and on SIGUSR1.  Cheap: one vsnprintf into a slot. */
void trace(const char *fmt, ...) WF_PRINTF(1, 2);
void trace_dump(int fd);

/* Escapes control bytes of SRC (LEN bytes) into DST; always terminated.  Returns
 * length. */
size_t log_escape(char *dst, size_t size, const char *src, size_t len);

#endif
