/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed.c - see feed.h.
 *
 *	START --last id--> READING --messages--> READING ...
 *	   ^                  |
 *	   +--- no answer ----+   (the position is kept: a gap is seen by its id)
 */
#include "pools/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/loop.h"
#include "pools/pools_priv.h"

#define READ_BLOCK_MS "4000" /* Redis answers then at the latest */
#define READ_COUNT    "100"  /* messages at once */
#define READ_MS       9000   /* without an answer the connection is broken */
#define AGAIN_MS      500
#define ID_MAX        48
#define ME_MAX        40

struct feed {
	struct pools *p;
	struct redis *read;
	struct loop_timer *again;
	char me[ME_MAX];
	char last[ID_MAX]; /* "" until the end of the stream is known */
	feed_fn fn;
	void *arg;
};

static void ask(void *arg);

static void remember(struct feed *f, const struct redis_reply *id)
{
	(void)snprintf(f->last, sizeof(f->last), "%s", redis_str(id));
}

/* [id, [field, value, ...]] */
static void take_message(struct feed *f, const struct redis_reply *m)
{
	const struct redis_reply *fields = redis_at(m, 1);
	const struct redis_reply *data;

	remember(f, redis_at(m, 0));
	if (redis_count(fields) < 4 ||
	    strcmp(redis_str(redis_at(fields, 1)), f->me) == 0) {
		return;
	}
	data = redis_at(fields, 3);
	f->fn(redis_str(data), redis_len(data), f->arg);
}

/* [[key, [message, ...]]], or nil when nothing came. */
static void on_messages(int rc, const struct redis_reply *reply,
			const struct error *err, void *arg)
{
	struct feed *f = arg;
	const struct redis_reply *list;
	size_t i;

	(void)err;
	if (rc == -ERR_CANCELED) {
		return;
	}
	if (rc < 0) {
		f->fn(NULL, 0, f->arg); /* Redis was away, and may have lost its data */
		f->last[0] = '\0';
		loop_timer_in(f->again, AGAIN_MS);
		return;
	}
	if (redis_count(reply) > 0) {
		list = redis_at(redis_at(reply, 0), 1);
		for (i = 0; i < redis_count(list); i++) {
			take_message(f, redis_at(list, i));
		}
	}
	ask(f);
}

/* The newest message: what comes behind it is news. */
static void on_last(int rc, const struct redis_reply *reply, const struct error *err,
		    void *arg)
{
	struct feed *f = arg;

	(void)err;
	if (rc == -ERR_CANCELED) {
		return;
	}
	if (rc < 0) {
		loop_timer_in(f->again, AGAIN_MS);
		return;
	}
	(void)snprintf(f->last, sizeof(f->last), "0-0");
	if (redis_count(reply) > 0) {
		remember(f, redis_at(redis_at(reply, 0), 0));
	}
	ask(f);
}

static void ask(void *arg)
{
	struct feed *f = arg;
	const char *last[] = {"XREVRANGE", FEED_KEY, "+", "-", "COUNT", "1"};
	const char *next[] = {"XREAD",       "COUNT",   READ_COUNT, "BLOCK",
			      READ_BLOCK_MS, "STREAMS", FEED_KEY,   f->last};
	int known = f->last[0] != '\0';
	struct redis_cmd cmd = {
	    .argc = known ? (int)(sizeof(next) / sizeof(next[0]))
			  : (int)(sizeof(last) / sizeof(last[0])),
	    .argv = known ? next : last,
	};

	if (redis_send(f->read, &cmd, READ_MS, known ? on_messages : on_last, f, NULL) <
	    0) {
		loop_timer_in(f->again, AGAIN_MS);
	}
}

static void on_added(int rc, const struct redis_reply *reply, const struct error *err,
		     void *arg)
{
	(void)rc;
	(void)reply;
	(void)err;
	(void)arg;
}

struct feed *feed_new(struct pools *p, const char *me, feed_fn fn, void *arg)
{
	struct feed *f = xcalloc(1, sizeof(*f));

	f->p = p;
	f->fn = fn;
	f->arg = arg;
	(void)snprintf(f->me, sizeof(f->me), "%s", me);
	f->again = loop_timer_new(p->loop, ask, f);
	f->read = redis_new(p->loop, &p->url, &(struct redis_ops){.arg = f});
	ask(f);
	return f;
}

void feed_free(struct feed *f)
{
	if (f == NULL) {
		return;
	}
	redis_free(f->read);
	loop_timer_free(f->again);
	free(f);
}

void feed_add(struct feed *f, const char *data, size_t len)
{
	const char *argv[] = {"XADD", FEED_KEY, "MAXLEN", "~", FEED_CAP,
			      "*",    "o",      f->me,    "d", data};
	const size_t lens[] = {4, sizeof(FEED_KEY) - 1, 6, 1,  sizeof(FEED_CAP) - 1, 1,
			       1, strlen(f->me),        1, len};
	struct redis_cmd cmd = {
	    .argc = (int)(sizeof(argv) / sizeof(argv[0])), .argv = argv, .lens = lens};

	if (len <= FEED_BYTES_MAX) {
		(void)redis_send(f->p->redis, &cmd, REDIS_DEADLINE_MS, on_added, NULL,
				 NULL);
	}
}
