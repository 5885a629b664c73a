/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis.h - one connection to Redis: commands in, replies out, on the loop.
 *
 * Connects by itself, logs in, selects the database, and connects again with jittered
 * back-off (50 ms to 5 s) for ever.  Commands are answered in order; each has a
 * deadline and completes exactly once, from the loop, never inside redis_send().
 * Commands given while there is no connection wait for it until their deadline.
 * Commands that were written when a connection broke complete with -ERR_UNAVAILABLE:
 * whether they took effect is unknown.  Since replies carry no ids, a command without
 * an answer in time breaks its connection.
 *
 * A subscriber (ops.push given) takes no commands but redis_push_send(); what arrives
 * goes to ops.push.  It is pinged, and broken when nothing comes back.
 */
#ifndef POOLS_REDIS_H
#define POOLS_REDIS_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct loop;
struct redis;
struct redis_reply; /* borrowed, dies when the callback returns */
struct redis_url;

#define REDIS_IN_FLIGHT_MAX 10000
#define REDIS_DEADLINE_MS   5000
#define REDIS_CONNECT_MS    5000
#define REDIS_BACKOFF_MS    50
#define REDIS_BACKOFF_CAP   5000
#define REDIS_PING_MS       5000               /* of a subscriber */
#define REDIS_REPLY_MAX     ((size_t)64 << 20) /* bytes of one reply */

enum redis_type { REDIS_NIL = 1, REDIS_INT, REDIS_STR, REDIS_ARRAY };
enum redis_type redis_type(const struct redis_reply *r);
int64_t redis_int(const struct redis_reply *r); /* also of digits in a string; else 0 */
/* Never NULL, NUL terminated; "" for other types. */
const char *redis_str(const struct redis_reply *r);
size_t redis_len(const struct redis_reply *r);   /* bytes of a string, else 0 */
size_t redis_count(const struct redis_reply *r); /* elements of an array, else 0 */
const struct redis_reply *redis_at(const struct redis_reply *r, size_t i);

/*
 * RC 0 with a reply, or a negative code: an error reply of Redis is -ERR_NOT_FOUND for
 * NOSCRIPT, -ERR_UNAVAILABLE for states that pass (LOADING, READONLY, OOM, ...),
 * -ERR_DENIED for a refused login, else -ERR_PROTOCOL, with its text.
 */
typedef void (*redis_fn)(int rc, const struct redis_reply *reply,
			 const struct error *err, void *arg);

struct redis_ops {
	/* 1 when logged in and ready, 0 when lost, with the reason.  May be NULL. */
	void (*up)(int up, const char *why, void *arg);
	/* NULL for a connection for commands. */
	void (*push)(const struct redis_reply *reply, void *arg);
	void *arg;
};

#define REDIS_ANSWERED "Redis answered: " /* before the text of an error reply */
/* The code (enum err_code) for an error reply of Redis. */
int redis_error_code(const char *text);
/* URL is copied.  The first attempt to connect is made from the loop. */
struct redis *redis_new(struct loop *loop, const struct redis_url *url,
			const struct redis_ops *ops);
/* Completes what is in flight with -ERR_CANCELED.  Allowed in callbacks. */
void redis_free(struct redis *r); /* accepts NULL */

struct redis_cmd {
	int argc;
	const char **argv;
	const size_t *lens;
};
/* Returns 0 when FN will be called; -ERR_BUSY above REDIS_IN_FLIGHT_MAX. */
int redis_send(struct redis *r, const struct redis_cmd *spec, int64_t timeout_ms,
	       redis_fn fn, void *arg, struct error *err);
/* Writes a command on a subscriber; dropped when there is no connection. */
void redis_push_send(struct redis *r, const struct redis_cmd *spec);

int redis_is_up(const struct redis *r);
size_t redis_in_flight(const struct redis *r);

#endif
