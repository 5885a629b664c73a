/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h - error codes and the struct that carries a message to the caller.
 *
 * Functions return 0 or -ERR_x and fill the caller's struct error, which may be NULL
 * and is never touched on success.  Libraries do not log; the edge logs once or
 * answers. Three tiers: BUG() for what cannot happen, struct error for what can,
 * fatal() (log.h) at start-up only.  Remote input never reaches BUG().
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/compiler.h"

/*        code          http exit retry text */
#define ERR_MAP(X)                                               \
	X(INVALID, 422, 65, 0, "invalid input")                  \
	X(NOT_FOUND, 404, 66, 0, "not found")                    \
	X(CONFLICT, 409, 73, 0, "conflicting state")             \
	X(UNAVAILABLE, 503, 69, 1, "service unavailable")        \
	X(TIMEOUT, 504, 75, 1, "timed out")                      \
	X(CANCELED, 499, 130, 0, "canceled")                     \
	X(DENIED, 401, 77, 0, "not authorised")                  \
	X(FORBIDDEN, 403, 77, 0, "forbidden")                    \
	X(TOO_LARGE, 413, 65, 0, "too large")                    \
	X(BUSY, 503, 75, 1, "busy")                              \
	X(LIMIT, 429, 75, 1, "limit reached")                    \
	X(SUPERSEDED, 409, 75, 0, "superseded by a newer owner") \
	X(EMPTY, 404, 0, 0, "nothing to do")                     \
	X(PROTOCOL, 502, 76, 0, "protocol error")                \
	X(IO, 500, 74, 1, "input/output error")                  \
	X(NOMEM, 500, 71, 1, "out of memory")                    \
	X(USAGE, 400, 64, 0, "wrong usage")                      \
	X(UNSUPPORTED, 501, 69, 0, "not supported")              \
	X(INTERNAL, 500, 70, 0, "internal error")

enum err_code {
	ERR_NONE = 0,
#define ERR_ENUM_(c, http, exit, retry, text) ERR_##c,
	ERR_MAP(ERR_ENUM_)
#undef ERR_ENUM_
	    ERR_CODE_MAX
};

struct error {
	int code; /* enum err_code, positive */
	char msg[512];
};

/* Sets code and message; returns -CODE, so that `return err_set(...)` is one line. */
int err_set(struct error *err, enum err_code code, const char *fmt, ...)
    WF_PRINTF(3, 4);

/* Puts "context: " in front of the message; keeps the code.  Returns -err->code. */
int err_wrap(struct error *err, const char *fmt, ...) WF_PRINTF(2, 3);

/* Maps the present errno to a code and appends its text: "context: No such file". */
int err_errno(struct error *err, const char *fmt, ...) WF_PRINTF(2, 3);

/* All four accept a code of either sign. */
const char *err_name(int code); /* "NOT_FOUND" */
const char *err_text(int code); /* "not found" */
int err_http_status(int code);
int err_exit_status(int code); /* sysexits(3) */
int err_is_retryable(int code);

/* Aborts after printing where and why; only for internal contradictions. */
void bug_at(const char *file, int line, const char *fmt, ...) WF_NORETURN
    WF_PRINTF(3, 4);
#define BUG(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)
#define PRE(cond)                                              \
	do {                                                   \
		if (!(cond)) {                                 \
			BUG("precondition failed: %s", #cond); \
		}                                              \
	} while (0)

#endif
