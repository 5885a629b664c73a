/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - the event loop of a process: one event_base, a cached clock, deferred calls.
 *
 * loop_run() turns EVLOOP_ONCE plus per-turn work: refresh the clock, run deferred
 * calls, free deferred objects.  Nothing run from the loop may block; a turn above 50
 * ms is logged in debug.  One timer per module: keep a deadline heap and re-arm one
 * struct loop_timer. Loop thread only, except loop_post(), which any thread may call.
 * SIGPIPE is ignored from loop_new() on.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdint.h>

struct event_base;
struct loop;
struct loop_timer;
struct loop_signal;
struct loop_io;
struct error;

typedef void (*loop_fn)(void *arg);
typedef void (*loop_io_fn)(int fd, unsigned int events, void *arg);
typedef void (*loop_signal_fn)(int signo, void *arg);

struct loop *loop_new(struct error *err); /* NULL and err on failure */
void loop_free(struct loop *loop); /* runs what is still deferred or posted first */
struct event_base *loop_base(struct loop *loop); /* borrowed */
int loop_run(struct loop *loop); /* until loop_stop(); returns its code */
void loop_stop(struct loop *loop, int code);
/* One turn, for tests and the CLI; a negative wait has no limit.  1 after loop_stop().
 */
int loop_turn(struct loop *loop, int64_t max_wait_ms);

/* The clock of this turn.  loop_now_ms is monotonic, loop_wall_us is Unix time. */
int64_t loop_now_ms(const struct loop *loop);
int64_t loop_wall_us(const struct loop *loop);

/* Calls FN(ARG) later in this turn or in the next one, never before returning. */
void loop_defer(struct loop *loop, loop_fn fn, void *arg);
/* The same, for destructors: run after all other deferred calls of the turn. */
void loop_defer_free(struct loop *loop, loop_fn fn, void *arg);
/* From any thread: FN(ARG) runs on the loop thread.  Bounded only by memory: callers
 * bound. */
void loop_post(struct loop *loop, loop_fn fn, void *arg);

/* One-shot timer owned by a module. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn fn, void *arg);
void loop_timer_free(struct loop_timer *t); /* accepts NULL */
/* Arms (or re-arms) for the monotonic instant AT_MS; INT64_MAX disarms. */
void loop_timer_at(struct loop_timer *t, int64_t at_ms);
void loop_timer_in(struct loop_timer *t, int64_t in_ms);
void loop_timer_stop(struct loop_timer *t);

enum loop_io_events { LOOP_READ = 1u << 0, LOOP_WRITE = 1u << 1 };
/* Persistent, level-triggered interest in FD (borrowed).  NULL when FD cannot be
 * watched (a regular file). */
struct loop_io *loop_io_new(struct loop *loop, int fd, unsigned int events,
			    loop_io_fn fn, void *arg);
void loop_io_set(struct loop_io *io, unsigned int events);
void loop_io_free(struct loop_io *io); /* accepts NULL; does not close the descriptor */

struct loop_signal *loop_signal_new(struct loop *loop, int signo, loop_signal_fn fn,
				    void *arg);
void loop_signal_free(struct loop_signal *s); /* accepts NULL */

#endif
