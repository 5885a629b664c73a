/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sentinel.c - see sentinel.h.  A connection of its own for each question: they are
 * rare, and a sentinel that was kept would be the one that is cut off.
 */
#include "pools/sentinel.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "pools/redis.h"
#include "pools/url.h"

#define PORT_MAX 65535

struct sentinel_ask {
	struct redis *redis;
	char *service;
	sentinel_fn fn; /* NULL: cancelled */
	void *arg;
};

static void ask_free(struct sentinel_ask *a)
{
	free(a->service);
	free(a);
}

static void on_answer(int rc, const struct redis_reply *reply, const struct error *err,
		      void *arg)
{
	struct sentinel_ask *a = arg;
	struct error why = err != NULL ? *err : (struct error){0};
	const char *host = "";
	int64_t port = 0;

	if (a->fn == NULL) { /* from redis_free() */
		ask_free(a);
		return;
	}
	if (rc == 0 && redis_count(reply) == 2) {
		host = redis_str(redis_at(reply, 0));
		port = redis_int(redis_at(reply, 1));
	}
	if (rc == 0 && (host[0] == '\0' || port < 1 || port > PORT_MAX)) {
		rc = err_set(&why, ERR_UNAVAILABLE,
			     "the sentinel knows no server of the service '%s'",
			     a->service);
	}
	a->fn(rc, host, (int)port, rc < 0 ? &why : NULL, a->arg);
	redis_free(a->redis);
	ask_free(a);
}

struct sentinel_ask *sentinel_ask(struct loop *loop, const struct redis_url *url,
				  unsigned int at, sentinel_fn fn, void *arg,
				  struct error *err)
{
	struct redis_url one = {0};
	const char *argv[] = {"SENTINEL", "get-master-addr-by-name", url->service};
	const struct redis_cmd cmd = {.argc = 3, .argv = argv};
	struct sentinel_ask *a;

	if (redis_url_sentinel(url, at, &one, err) < 0) {
		return NULL;
	}
	a = xcalloc(1, sizeof(*a));
	a->service = xstrdup(url->service);
	a->fn = fn;
	a->arg = arg;
	a->redis = redis_new(loop, &one, &(struct redis_ops){.up = NULL});
	redis_url_release(&one);
	(void)redis_send(a->redis, &cmd, SENTINEL_ASK_MS, on_answer, a, NULL);
	return a;
}

void sentinel_cancel(struct sentinel_ask *a)
{
	if (a != NULL) {
		a->fn = NULL;
		redis_free(a->redis); /* completes the question, which frees A */
	}
}
