/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inspect.c - what Redis knows: about runs, and whether it still knows anything.
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "pools/cluster.h"
#include "pools/pools_priv.h"

#define INFO_WIDTH 8
#define EPOCH_KEY  "wf:epoch"

/* An operation names its pool, its object, a callback and an error: over six
 * parameters. */
/* NOLINTBEGIN(readability-function-size) */

struct info_call {
	pools_info_fn fn;
	void *arg;
	size_t count;
};

static const char *text_or_null(const struct redis_reply *r)
{
	const char *s = redis_str(r);
	return s[0] != '\0' ? s : NULL;
}

static void on_info(int rc, const struct redis_reply *reply, const struct error *err,
		    void *arg)
{
	struct info_call *c = arg;
	struct error why = err != NULL ? *err : (struct error){0};
	struct pools_rows rows = {0};

	rc = pools_check_rows(rc, reply, INFO_WIDTH, (long)c->count, &rows, &why);
	struct pools_info *infos = xcalloc(c->count, sizeof(*infos));
	for (size_t i = 0; i < rows.count; i++) {
		size_t at = i * INFO_WIDTH;
		infos[i] = (struct pools_info){
		    .state = text_or_null(redis_at(reply, at)),
		    .queue = text_or_null(redis_at(reply, at + 1)),
		    .worker = text_or_null(redis_at(reply, at + 2)),
		    .gen = redis_int(redis_at(reply, at + 3)),
		    .attempts = redis_int(redis_at(reply, at + 4)),
		    .expires_ms = redis_int(redis_at(reply, at + 5)),
		    .token = (uint64_t)redis_int(redis_at(reply, at + 6)),
		    .started = redis_int(redis_at(reply, at + 7)) == 1,
		};
	}
	c->fn(rc, infos, rows.count, rc < 0 ? &why : NULL, c->arg);
	free(infos);
	free(c);
}

int pools_inspect(struct pools *p, const char *pool, const char *const *ids,
		  size_t count, pools_info_fn fn, void *arg, struct error *err)
{
	struct script_args a;
	int rc;

	if (count < 1 || count > POOLS_INSPECT_MAX) {
		return err_set(err, ERR_INVALID,
			       "1 to %d runs are inspected at once, not %zu",
			       POOLS_INSPECT_MAX, count);
	}
	rc = pools_args(&a, pool, err);
	if (rc < 0) {
		return rc;
	}
	for (size_t i = 0; i < count; i++) {
		script_args_str(&a, ids[i]);
	}
	struct info_call *c = xcalloc(1, sizeof(*c));
	c->fn = fn;
	c->arg = arg;
	c->count = count;
	rc = script_call(&p->dest, SCRIPT_inspect, &a, on_info, c, err);
	if (rc < 0) {
		free(c);
	}
	return rc;
}

static int epoch_at(struct pools *p, const char *key, const char *marker,
		    pools_int_fn fn, void *arg, struct error *err)
{
	struct script_args a;

	script_args_init(&a, key);
	script_args_str(&a, marker);
	return pools_call_int(p, SCRIPT_epoch, &a, fn, arg, err);
}

/* A marker on each server of a cluster: one that lost its data is noticed. */
struct epoch_calls {
	size_t left;
	int rc;
	int64_t known; /* 1 when all are */
	struct error err;
	pools_int_fn fn;
	void *arg;
};

static void on_one_epoch(int rc, int64_t value, const struct error *err, void *arg)
{
	struct epoch_calls *e = arg;

	if (rc < 0) {
		e->rc = rc;
		e->err = *err;
	}
	e->known &= value;
	if (--e->left == 0) {
		e->fn(e->rc, e->known, e->rc < 0 ? &e->err : NULL, e->arg);
		free(e);
	}
}

/* NOLINTNEXTLINE(readability-function-size): callback and error beside the object */
static int epoch_of_cluster(struct pools *p, const char *marker, pools_int_fn fn,
			    void *arg, struct error *err)
{
	struct epoch_calls *e = xcalloc(1, sizeof(*e));
	size_t count = 0, sent = 0;
	char **tags = cluster_tags(p->dest.cluster, &count);
	int rc = 0;

	*e = (struct epoch_calls){.known = 1, .fn = fn, .arg = arg};
	if (count == 0) {
		rc = err_set(&e->err, ERR_UNAVAILABLE,
			     "no server of the cluster is known yet");
	}
	for (size_t i = 0; i < count; i++) {
		char *key = xasprintf(EPOCH_KEY ":%s", tags[i]);

		rc = rc == 0 ? epoch_at(p, key, marker, on_one_epoch, e, &e->err) : rc;
		sent += rc == 0;
		free(key);
		free(tags[i]);
	}
	free(tags);
	if (sent == 0) {
		if (err != NULL) {
			*err = e->err;
		}
		free(e);
		return rc;
	}
	e->left = sent; /* whose answers are still to come */
	e->rc = rc;
	return 0;
}

int pools_epoch(struct pools *p, const char *epoch, pools_int_fn fn, void *arg,
		struct error *err)
{
	int rc = pools_name_check("epoch", epoch, err);

	if (rc < 0) {
		return rc;
	}
	char *marker = xasprintf("%s.%d", epoch, POOLS_LAYOUT);
	rc = p->dest.cluster != NULL ? epoch_of_cluster(p, marker, fn, arg, err)
				     : epoch_at(p, EPOCH_KEY, marker, fn, arg, err);
	free(marker);
	return rc;
}

/* NOLINTEND(readability-function-size) */
