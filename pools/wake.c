/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wake.c - wake-ups: one subscriber connection for all pools of this process.
 *
 * A subscription counts from its confirmation on: then, and after each reconnect, the
 * callback hears "look at everything", so nothing published before can be missed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "pools/cluster.h"
#include "pools/pools_priv.h"
#include "pools/workers.h"

struct sub {
	char *channel;
	pools_wake_fn fn;
	void *arg;
};

static void sub_free(struct sub *s)
{
	free(s->channel);
	free(s);
}

static void send_channel(struct pools *p, const char *verb, const char *channel)
{
	const char *argv[] = {verb, channel};

	redis_push_send(p->sub, &(struct redis_cmd){.argc = 2, .argv = argv});
}

static void connect_somewhere(struct pools *p);

/* The server is away: every other one of the cluster hears the same. */
static void move_on(int canceled, void *arg)
{
	struct pools *p = arg;

	if (!canceled) {
		redis_free(p->sub);
		connect_somewhere(p);
	}
}

static void on_up(int up, const char *why, void *arg)
{
	struct pools *p = arg;

	(void)why;
	if (!up && p->dest.cluster != NULL) {
		cluster_later(p->dest.cluster, move_on, p);
	}
	if (!up) {
		return;
	}
	for (struct map_iter i = {0}; map_next(&p->subs, &i);) {
		const struct sub *s = i.value;
		send_channel(p, "SUBSCRIBE", s->channel);
	}
}

static void deliver(const struct pools *p, const struct sub *s, const char *what)
{
	if (what[0] == '-') {
		if (p->drain_fn != NULL) {
			p->drain_fn(what + 1, p->drain_arg);
		}
	} else if (what[0] == '=') {
		s->fn(what + 1, NULL, s->arg);
	} else if (what[0] == '!') {
		s->fn(NULL, what + 1, s->arg);
	} else {
		s->fn(NULL, NULL, s->arg);
	}
}

static void on_push(const struct redis_reply *reply, void *arg)
{
	struct pools *p = arg;

	if (redis_count(reply) < 3) {
		return; /* the answer to a ping */
	}
	const char *kind = redis_str(redis_at(reply, 0));
	const struct sub *s = map_get(&p->subs, redis_str(redis_at(reply, 1)));
	if (s != NULL && strcmp(kind, "message") == 0) {
		deliver(p, s, redis_str(redis_at(reply, 2)));
	} else if (s != NULL && strcmp(kind, "subscribe") == 0) {
		deliver(p, s, "*");
	}
}

static void connect_somewhere(struct pools *p)
{
	const struct redis_ops ops = {.up = on_up, .push = on_push, .arg = p};
	struct redis_url url = {0};

	if (p->dest.cluster == NULL) {
		p->sub = redis_new(p->loop, &p->url, &ops);
		return;
	}
	cluster_any_url(p->dest.cluster, p->sub_at++, &url);
	p->sub = redis_new(p->loop, &url, &ops);
	redis_url_release(&url);
}

int pools_subscribe(struct pools *p, const char *pool, pools_wake_fn fn, void *arg,
		    struct error *err)
{
	char *key = pools_key(pool, err);
	int rc = 0;

	if (key == NULL) {
		return -ERR_INVALID;
	}
	struct sub *s = xcalloc(1, sizeof(*s));
	s->channel = xasprintf("%s:wake", key);
	s->fn = fn;
	s->arg = arg;
	free(key);
	if (map_get(&p->subs, s->channel) != NULL) {
		rc = err_set(err, ERR_CONFLICT, "pool %s is subscribed already", pool);
	} else if (map_set(&p->subs, s->channel, s, NULL) < 0) {
		rc = err_set(err, ERR_LIMIT, "%d pools are subscribed already",
			     POOLS_SUBS_MAX);
	}
	if (rc < 0) {
		sub_free(s);
		return rc;
	}
	if (p->sub == NULL) {
		connect_somewhere(p);
	}
	send_channel(p, "SUBSCRIBE", s->channel);
	return 0;
}

int pools_wakes_arrive(const struct pools *p)
{
	return p->sub != NULL && redis_is_up(p->sub);
}

void pools_unsubscribe(struct pools *p, const char *pool)
{
	char *key = pools_key(pool, NULL);

	if (key == NULL) {
		return;
	}
	char *channel = xasprintf("%s:wake", key);
	struct sub *s = map_remove(&p->subs, channel);
	if (s != NULL) {
		send_channel(p, "UNSUBSCRIBE", channel);
		sub_free(s);
	}
	free(channel);
	free(key);
}

void pools_wake_free(struct pools *p)
{
	redis_free(p->sub);
	for (struct map_iter i = {0}; map_next(&p->subs, &i);) {
		sub_free(i.value);
	}
	map_release(&p->subs);
}
