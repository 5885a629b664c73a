/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workers.c - see workers.h.
 */
#include "pools/workers.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "pools/pools_priv.h"

/* An operation names its pool, its object, a callback and an error: over six
 * parameters. */
/* NOLINTBEGIN(readability-function-size) */

int pools_give_up(struct pools *p, const char *pool, const struct pools_token *leases,
		  size_t count, pools_reap_fn fn, void *arg, struct error *err)
{
	struct script_args a;
	int rc = 0;

	if (count < 1 || count > POOLS_RENEW_MAX) {
		return err_set(err, ERR_INVALID,
			       "1 to %d leases are given up at once, not %zu",
			       POOLS_RENEW_MAX, count);
	}
	rc = pools_args(&a, pool, err);
	if (rc < 0) {
		return rc;
	}
	script_args_int(&a, POOLS_MAX_ATTEMPTS);
	script_args_int(&a, POOLS_LOST_MS);
	for (size_t i = 0; i < count; i++) {
		script_args_str(&a, leases[i].id);
		script_args_u64(&a, leases[i].token);
	}
	struct reap_call *c = xcalloc(1, sizeof(*c));
	c->fn = fn;
	c->arg = arg;
	rc = script_call(&p->dest, SCRIPT_give_up, &a, pools_on_reap, c, err);
	if (rc < 0) {
		free(c);
	}
	return rc;
}

int pools_drain_worker(struct pools *p, const char *pool, const char *worker,
		       pools_int_fn fn, void *arg, struct error *err)
{
	struct script_args a;
	int rc = pools_name_check("worker", worker, err);

	if (rc == 0) {
		rc = pools_args(&a, pool, err);
	}
	if (rc < 0) {
		return rc;
	}
	script_args_str(&a, worker);
	return pools_call_int(p, SCRIPT_drain_worker, &a, fn, arg, err);
}

/* NOLINTEND(readability-function-size) */

void pools_on_drain(struct pools *p, pools_drain_fn fn, void *arg)
{
	p->drain_fn = fn;
	p->drain_arg = arg;
}
