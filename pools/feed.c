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

#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "pools/cluster.h"
#include "pools/pools_priv.h"

#define READ_BLOCK_MS "4000" /* Redis answers then at the latest */
#define READ_COUNT    "100"  /* messages at once */
#define READ_MS       9000   /* without an answer the connection is broken */
#define AGAIN_MS      500
#define POLL_MS       200 /* in a cluster, whose connections nobody may block */
#define ID_MAX        48
#define ME_MAX        40

struct feed {
	struct pools *p;
	struct redis *read; /* NULL: a cluster */
	struct loop_timer *again;
	char me[ME_MAX];
	char last[ID_MAX]; /* "" until the end of the stream is known */
	feed_fn fn;
	void *arg;
	int asking; /* an answer is to come */
	int gone;   /* freed by it */
};

static void ask(void *arg);

/* The connection to the server that has the stream; NULL while none is known. */
static struct redis *server_of(const struct feed *f)
{
	const struct script_dest *d = &f->p->dest;

	return d->redis != NULL
		   ? d->redis
		   : cluster_redis(d->cluster, FEED_KEY, sizeof(FEED_KEY) - 1);
}

/* 0: there is nothing to do with the answer. */
static int answered(struct feed *f, int rc, const struct error *err)
{
	f->asking = 0;
	if (f->gone) {
		free(f);
		return 0;
	}
	if (rc == -ERR_CANCELED) {
		return 0;
	}
	if (rc < 0) {
		if (f->p->dest.cluster != NULL) {
			cluster_moved(f->p->dest.cluster, err->msg);
		}
		f->last[0] = '\0';
		loop_timer_in(f->again, AGAIN_MS);
		return 0;
	}
	return 1;
}

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

	if (rc < 0 && rc != -ERR_CANCELED && !f->gone) {
		f->fn(NULL, 0, f->arg); /* Redis was away, and may have lost its data */
	}
	if (!answered(f, rc, err)) {
		return;
	}
	if (redis_count(reply) == 0) {
		if (f->read == NULL) {
			loop_timer_in(f->again, POLL_MS);
		} else {
			ask(f);
		}
		return;
	}
	list = redis_at(redis_at(reply, 0), 1);
	for (i = 0; i < redis_count(list); i++) {
		take_message(f, redis_at(list, i));
	}
	ask(f);
}

/* The newest message: what comes behind it is news. */
static void on_last(int rc, const struct redis_reply *reply, const struct error *err,
		    void *arg)
{
	struct feed *f = arg;

	if (!answered(f, rc, err)) {
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
	const char *look[] = {"XREAD",   "COUNT",  READ_COUNT,
			      "STREAMS", FEED_KEY, f->last};
	const char *wait[] = {"XREAD",       "COUNT",   READ_COUNT, "BLOCK",
			      READ_BLOCK_MS, "STREAMS", FEED_KEY,   f->last};
	struct redis *server = f->read != NULL ? f->read : server_of(f);
	int known = f->last[0] != '\0';
	struct redis_cmd cmd = {.argc = ARRAY_LEN(last), .argv = last};

	if (known && f->read != NULL) {
		cmd.argc = ARRAY_LEN(wait);
		cmd.argv = wait;
	} else if (known) {
		cmd.argc = ARRAY_LEN(look);
		cmd.argv = look;
	}
	if (server == NULL || redis_send(server, &cmd, READ_MS,
					 known ? on_messages : on_last, f, NULL) < 0) {
		loop_timer_in(f->again, AGAIN_MS);
	} else {
		f->asking = 1;
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
	if (p->dest.redis != NULL) {
		f->read = redis_new(p->loop, &p->url, &(struct redis_ops){.arg = f});
	}
	ask(f);
	return f;
}

void feed_free(struct feed *f)
{
	struct redis *own;

	if (f == NULL) {
		return;
	}
	loop_timer_free(f->again);
	f->again = NULL;
	own = f->read;
	f->gone = f->asking; /* then the answer, or the end of P, frees it */
	if (!f->asking) {
		free(f);
	}
	redis_free(own);
}

void feed_add(struct feed *f, const char *data, size_t len)
{
	const char *argv[] = {"XADD", FEED_KEY, "MAXLEN", "~", FEED_CAP,
			      "*",    "o",      f->me,    "d", data};
	const size_t lens[] = {4, sizeof(FEED_KEY) - 1, 6, 1,  sizeof(FEED_CAP) - 1, 1,
			       1, strlen(f->me),        1, len};
	struct redis_cmd cmd = {.argc = ARRAY_LEN(argv), .argv = argv, .lens = lens};
	struct redis *server = server_of(f);

	if (len <= FEED_BYTES_MAX && server != NULL) {
		(void)redis_send(server, &cmd, REDIS_DEADLINE_MS, on_added, NULL, NULL);
	}
}
