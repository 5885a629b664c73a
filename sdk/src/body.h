/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body.h - the inside of a process that runs a function: its context, its arena, its
 * line to the engine.
 *
 * Frames on the line, both ways: u32 length in the byte order of the host, JSON text.
 * The process asks, the engine answers in order; what needs no answer gets none.  The
 * memory of a process is given back by its end only: everything hangs in one list.
 */
#ifndef SDK_SRC_BODY_H
#define SDK_SRC_BODY_H

#include <stdarg.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/uuid.h"
#include "engine/state.h"
#include "wf.h"

#define BODY_FD          3
#define BODY_FRAME_MAX   (64u << 20)
#define BODY_MESSAGE_MAX 4096
#define FUT_KEY          "\001fut" /* {"\001fut": ID}: the result of another run */
#define HANDLER_SECONDS  30.0      /* of a handler without a limit of its own */

struct wf_state {
	enum state_type type;
	const char *name, *message; /* never NULL */
	json_t *data;               /* or NULL */
	int code;
	int64_t at_us, scheduled_us; /* TIME_NONE: none */
};
struct wf_obj {
	const char *kind, *name, *run_name;
	char run_id[UUID_TEXT_SIZE];
	json_t *tags;
	wf_ctx *ctx;
};
struct wf_task_run {
	const char *name;
	int attempt;
};
struct wf_return {
	enum { RET_VALUE = 1, RET_NONE, RET_STATE } kind;
	json_t *value;
	struct wf_state state;
	int by_user; /* a state of its own, not a failure */
};
struct wf_fut {
	int id;
	wf_ctx *ctx;
	const wf_task *task;
	int done, streamed; /* values of a generator that were taken */
	const char *name;
	struct wf_state state;
};
struct wf_ctx {
	wf_ctx *parent; /* the caller's, of an inline run */
	int inline_id;  /* > 0: of an inline run, its future */
	const wf_flow *flow;
	const wf_task *task; /* NULL: the flow itself */
	struct wf_obj obj;
	json_t *in, *params;
	int attempt;
	int ended;
	char *error;         /* the first one; NULL: none */
	char *handler_error; /* of wf_handler_error() */
	json_t *limits;      /* held ones: name -> lease id */
	int pauses;
};

/* What a new process starts with: memory that it shares with the engine, or, when that
 * would cost more (see base/proc_forker.c), a copy of this and a first frame. */
struct body_start {
	const wf_flow *flow;
	const wf_task *task;
	struct wf_obj obj;
	json_t *in, *params;
	int attempt;
	/* of a handler's or hook's process; NULL: the function itself runs */
	struct wf_state *old, *neu;
	const wf_hook_fn *hooks; /* WF_MAX_HOOKS of them, or NULL: handlers run */
	const wf_handler *handlers;
	const wf_action_fn *on_failure;
	size_t skip;  /* handlers that were called already */
	int captured; /* what it prints becomes log lines */
	int lean;     /* the forker's child: objects and JSON come over the line */
};
extern wf_ctx *body_now; /* the running function's; NULL: none */
/* The fork_fn of the engine's processes: runs it all, returns the exit status. */
int body_main(void *arg);
/* In tests and beside runs: a context for values, without an engine. */
int body_online(void);

/* ---- arena ---- */
json_t *keep(json_t *v);  /* taken; NULL stays NULL */
char *keep_text(char *s); /* taken */
char *keepf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void *keep_alloc(size_t size);
static inline json_t *raw(wf_json v)
{
	return (json_t *)(uintptr_t)v;
}
static inline wf_json cooked(const json_t *v)
{
	return (wf_json)(uintptr_t)v;
}

/* ---- errors ---- */
/* Remembers the first one with its place; without a running function it is printed. */
void body_error(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int body_failed(void); /* an error is pending: calls do nothing */
/* CTX.  When it is NULL: that is an error, and the running function's; NULL: none. */
wf_ctx *body_ctx(wf_ctx *ctx, const char *function);

/* ---- templates (template.c) ---- */
/* New reference, or NULL after body_error(). */
json_t *template_make(const char *file, int line, const char *fmt, va_list *ap);

/* ---- the line (line.c) ---- */
/* MSG is taken.  The process ends when the engine is gone. */
void line_send(json_t *msg);
json_t *line_receive(void); /* new reference */
/* Waits for something to receive; 0 after MS. */
int line_wait(int ms);

/* ---- futures (future.c) ---- */
/* Runs an inline attempt that the engine asks for: {"f", "attempt", "name", "id"}. */
void future_run_inline(const json_t *go);
wf_fut *future_of(int id);
/* Waits for everything that this process asked for. */
void future_wait_all(void);
/* The member `end` of a return value, for the engine; RET may be NULL. */
json_t *body_return(wf_ctx *ctx, wf_ret ret);
wf_ret body_run(wf_ctx *ctx, wf_fn fn);
void state_from_json(struct wf_state *s, const json_t *j);
json_t *state_to_json(const struct wf_state *s);
/* Runs the handlers or hooks of START. */
void body_handle(const struct body_start *start, wf_ctx *ctx);

/* ---- what is printed (print.c) ---- */
/* stdout and stderr go over the line, in order with everything else. */
void print_capture(void);

/* ---- REST (rest.c) ---- */
/* 0 and the answer (may be NULL), or -1 with the reason in WHY. */
int rest_call(const char *method, const char *path, const json_t *body, json_t **ret,
	      char *why, size_t size);
const char *rest_env(const char *const *names);
/* The status of the answer, 0: there was none (WHY says why); *ret may be NULL. */
int rest_status(const char *method, const char *path, const json_t *body, json_t **ret,
		char *why, size_t size);
/* The limits that CTX holds. */
void rest_release_all(wf_ctx *ctx);

#endif
