/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inspect.c - what Redis knows: about runs, and whether it still knows anything.
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
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
	rc = script_call(p->redis, SCRIPT_inspect, &a, on_info, c, err);
	if (rc < 0) {
		free(c);
	}
	return rc;
}

int pools_epoch(struct pools *p, const char *epoch, pools_int_fn fn, void *arg,
		struct error *err)
{
	struct script_args a;
	int rc = pools_name_check("epoch", epoch, err);

	if (rc < 0) {
		return rc;
	}
	char *marker = xasprintf("%s.%d", epoch, POOLS_LAYOUT);
	script_args_init(&a, EPOCH_KEY);
	script_args_str(&a, marker);
	free(marker);
	return pools_call_int(p, SCRIPT_epoch, &a, fn, arg, err);
}

/* NOLINTEND(readability-function-size) */
