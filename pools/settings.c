/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.c - pools and queues: pause, limits, priority, removal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "pools/cluster.h"
#include "pools/pools_priv.h"

#define REMOVE_SLICE 1000 /* runs forgotten, or keys looked at, in one step */

/* An operation names its pool, its object, a callback and an error: over six
 * parameters. */
/* NOLINTBEGIN(readability-function-size) */

static int set_pool(struct pools *p, const char *pool, int paused, int64_t limit,
		    int open, pools_int_fn fn, void *arg, struct error *err)
{
	struct script_args a;
	int rc = pools_args(&a, pool, err);

	if (rc < 0) {
		return rc;
	}
	script_args_int(&a, paused != 0);
	script_args_int(&a, limit);
	script_args_int(&a, open);
	return pools_call_int(p, SCRIPT_set_pool, &a, fn, arg, err);
}

int pools_set_pool(struct pools *p, const char *pool, int paused, int64_t limit,
		   pools_int_fn fn, void *arg, struct error *err)
{
	return set_pool(p, pool, paused, limit, 1, fn, arg, err);
}

int pools_change_pool(struct pools *p, const char *pool, int paused, int64_t limit,
		      pools_int_fn fn, void *arg, struct error *err)
{
	return set_pool(p, pool, paused, limit, 0, fn, arg, err);
}

int pools_set_queue(struct pools *p, const char *pool, const char *queue, int paused,
		    int64_t limit, int64_t priority, pools_int_fn fn, void *arg,
		    struct error *err)
{
	struct script_args a;
	int rc = pools_name_check("work queue", queue, err);

	if (rc == 0) {
		rc = pools_args(&a, pool, err);
	}
	if (rc < 0) {
		return rc;
	}
	script_args_str(&a, queue);
	script_args_int(&a, paused != 0);
	script_args_int(&a, limit);
	script_args_int(&a, priority);
	return pools_call_int(p, SCRIPT_set_queue, &a, fn, arg, err);
}

int pools_set_lane(struct pools *p, const char *pool, const char *lane, int64_t limit,
		   pools_int_fn fn, void *arg, struct error *err)
{
	struct script_args a;
	int rc = pools_name_check("deployment", lane, err);

	if (rc == 0) {
		rc = pools_args(&a, pool, err);
	}
	if (rc < 0) {
		return rc;
	}
	script_args_str(&a, lane);
	script_args_int(&a, MAX_OF(limit, 0));
	return pools_call_int(p, SCRIPT_set_lane, &a, fn, arg, err);
}

/* A removal goes on in slices, so that Redis is never kept busy for long. */
struct removal {
	struct pools *p;
	struct redis *redis; /* of a pool: the server that has it */
	char *pool, *queue;  /* of a queue */
	char *pattern;       /* of a pool */
	char cursor[32];
	int64_t removed;
	pools_int_fn fn;
	void *arg;
};

static void removal_done(struct removal *m, int rc, int64_t value,
			 const struct error *err)
{
	m->fn(rc, value, err, m->arg);
	free(m->pool);
	free(m->queue);
	free(m->pattern);
	free(m);
}

static int queue_step(struct removal *m, struct error *err);

static void on_queue_step(int rc, int64_t left, const struct error *err, void *arg)
{
	struct removal *m = arg;
	struct error why = {0};

	if (rc == 0 && left > 0) {
		rc = queue_step(m, &why);
		err = &why;
		if (rc == 0) {
			return;
		}
	}
	removal_done(m, rc, 0, rc < 0 ? err : NULL);
}

static int queue_step(struct removal *m, struct error *err)
{
	struct script_args a;
	int rc = pools_args(&a, m->pool, err);

	if (rc < 0) {
		return rc;
	}
	script_args_str(&a, m->queue);
	script_args_int(&a, REMOVE_SLICE);
	return pools_call_int(m->p, SCRIPT_remove_queue, &a, on_queue_step, m, err);
}

int pools_remove_queue(struct pools *p, const char *pool, const char *queue,
		       pools_int_fn fn, void *arg, struct error *err)
{
	int rc = pools_name_check("work queue", queue, err);

	if (rc == 0) {
		rc = pools_name_check("work pool", pool, err);
	}
	if (rc < 0) {
		return rc;
	}
	struct removal *m = xcalloc(1, sizeof(*m));
	*m = (struct removal){.p = p,
			      .pool = xstrdup(pool),
			      .queue = xstrdup(queue),
			      .fn = fn,
			      .arg = arg};
	rc = queue_step(m, err);
	if (rc < 0) {
		free(m->pool);
		free(m->queue);
		free(m);
	}
	return rc;
}

static int scan_step(struct removal *m, struct error *err);

static void on_unlinked(int rc, const struct redis_reply *reply,
			const struct error *err, void *arg)
{
	struct removal *m = arg;
	struct error why = {0};

	if (rc == 0) {
		m->removed += redis_int(reply);
		if (strcmp(m->cursor, "0") == 0) {
			removal_done(m, 0, m->removed, NULL);
			return;
		}
		rc = scan_step(m, &why);
		err = &why;
	}
	if (rc < 0) {
		removal_done(m, rc, 0, err);
	}
}

static int unlink_keys(struct removal *m, const struct redis_reply *keys,
		       struct error *err)
{
	size_t n = redis_count(keys);
	const char **argv = xcalloc(n + 1, sizeof(*argv));

	argv[0] = "UNLINK";
	for (size_t i = 0; i < n; i++) {
		argv[i + 1] = redis_str(redis_at(keys, i));
	}
	struct redis_cmd cmd = {.argc = (int)n + 1, .argv = argv};
	int rc = redis_send(m->redis, &cmd, 0, on_unlinked, m, err);
	free(argv);
	return rc;
}

static void on_scanned(int rc, const struct redis_reply *reply, const struct error *err,
		       void *arg)
{
	struct removal *m = arg;
	struct error why = {0};

	if (rc == 0 && redis_count(reply) != 2) {
		rc = err_set(&why, ERR_PROTOCOL,
			     "Redis answered SCAN with something else");
		err = &why;
	}
	if (rc == 0) {
		const struct redis_reply *keys = redis_at(reply, 1);
		(void)snprintf(m->cursor, sizeof(m->cursor), "%s",
			       redis_str(redis_at(reply, 0)));
		err = &why;
		if (redis_count(keys) > 0) {
			rc = unlink_keys(m, keys, &why);
		} else if (strcmp(m->cursor, "0") != 0) {
			rc = scan_step(m, &why);
		} else {
			removal_done(m, 0, m->removed, NULL);
			return;
		}
	}
	if (rc < 0) {
		removal_done(m, rc, 0, err);
	}
}

static int scan_step(struct removal *m, struct error *err)
{
	const char *argv[] = {"SCAN", m->cursor, "MATCH", m->pattern, "COUNT", "1000"};
	struct redis_cmd cmd = {.argc = 6, .argv = argv};

	return redis_send(m->redis, &cmd, 0, on_scanned, m, err);
}

/* The key with the characters that SCAN's patterns treat specially escaped. */
static char *glob_of(const char *key)
{
	struct buf b;

	buf_init(&b);
	for (const char *s = key; *s != '\0'; s++) {
		if (strchr("*?[]^\\", *s) != NULL) {
			buf_addc(&b, '\\');
		}
		buf_addc(&b, *s);
	}
	buf_adds(&b, ":*");
	return buf_take(&b, NULL);
}

int pools_remove_pool(struct pools *p, const char *pool, pools_int_fn fn, void *arg,
		      struct error *err)
{
	char *key = pools_key(pool, err);

	if (key == NULL) {
		return -ERR_INVALID;
	}
	struct redis *redis = p->dest.redis;
	if (redis == NULL) {
		redis = cluster_redis(p->dest.cluster, key, strlen(key));
	}
	if (redis == NULL) {
		free(key);
		return err_set(err, ERR_UNAVAILABLE,
			       "no server of the cluster is known to have pool %s",
			       pool);
	}
	struct removal *m = xcalloc(1, sizeof(*m));
	*m = (struct removal){.p = p,
			      .redis = redis,
			      .pattern = glob_of(key),
			      .cursor = "0",
			      .fn = fn,
			      .arg = arg};
	free(key);
	int rc = scan_step(m, err);
	if (rc < 0) {
		free(m->pattern);
		free(m);
	}
	return rc;
}

/* NOLINTEND(readability-function-size) */
