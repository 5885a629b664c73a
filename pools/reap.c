/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reap.c - runs of owners that are gone.
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "pools/pools_priv.h"

#define REAP_WIDTH 7

/* An operation names its pool, its object, a callback and an error: over six
 * parameters. */
/* NOLINTBEGIN(readability-function-size) */

void pools_on_reap(int rc, const struct redis_reply *reply, const struct error *err,
		   void *arg)
{
	struct reap_call *c = arg;
	struct error why = err != NULL ? *err : (struct error){0};
	struct pools_rows rows = {0};
	struct pools_reaped *runs = NULL;

	rc = pools_check_rows(rc, reply, REAP_WIDTH, -1, &rows, &why);
	if (rows.count > 0) {
		runs = xcalloc(rows.count, sizeof(*runs));
	}
	for (size_t i = 0; runs != NULL && i < rows.count; i++) {
		size_t at = i * REAP_WIDTH;
		runs[i] = (struct pools_reaped){
		    .id = redis_str(redis_at(reply, at)),
		    .verdict = redis_str(redis_at(reply, at + 1)),
		    .old_token = (uint64_t)redis_int(redis_at(reply, at + 2)),
		    .new_token = (uint64_t)redis_int(redis_at(reply, at + 3)),
		    .worker = redis_str(redis_at(reply, at + 4)),
		    .attempts = redis_int(redis_at(reply, at + 5)),
		    .started = redis_int(redis_at(reply, at + 6)) == 1,
		};
	}
	c->fn(rc, runs, rows.count, rc < 0 ? &why : NULL, c->arg);
	free(runs);
	free(c);
}

int pools_reap(struct pools *p, const char *pool, int max, int64_t max_attempts,
	       int64_t backoff_ms, pools_reap_fn fn, void *arg, struct error *err)
{
	struct script_args a;
	int rc = 0;

	if (max < 1 || max > POOLS_RENEW_MAX || max_attempts < 1 || backoff_ms < 0) {
		return err_set(err, ERR_INVALID,
			       "1 to %d runs are reaped at once, not %d",
			       POOLS_RENEW_MAX, max);
	}
	rc = pools_args(&a, pool, err);
	if (rc < 0) {
		return rc;
	}
	script_args_int(&a, max);
	script_args_int(&a, max_attempts);
	script_args_int(&a, backoff_ms);
	script_args_int(&a, p->reap_gap_ms);
	script_args_int(&a, p->reap_grace_ms);
	script_args_int(&a, POOLS_LOST_MS);
	script_args_int(&a, POOLS_FORGET_MS);
	struct reap_call *c = xcalloc(1, sizeof(*c));
	c->fn = fn;
	c->arg = arg;
	rc = script_call(&p->dest, SCRIPT_reap, &a, pools_on_reap, c, err);
	if (rc < 0) {
		free(c);
	}
	return rc;
}

int pools_reaper_lock(struct pools *p, const char *pool, const char *owner,
		      int64_t ttl_ms, pools_int_fn fn, void *arg, struct error *err)
{
	struct script_args a;
	int rc = pools_name_check("owner", owner, err);

	if (rc == 0 && ttl_ms < 1) {
		rc = err_set(err, ERR_INVALID, "a lock needs a time to live");
	}
	if (rc == 0) {
		rc = pools_args(&a, pool, err);
	}
	if (rc < 0) {
		return rc;
	}
	script_args_str(&a, owner);
	script_args_int(&a, ttl_ms);
	return pools_call_int(p, SCRIPT_reaper_lock, &a, fn, arg, err);
}

/* NOLINTEND(readability-function-size) */
