/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.c - the life of one run in Redis: enqueue, claim, start, renew, settle, cancel.
 */
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "pools/pools_priv.h"

#define CLAIM_WIDTH 7

/* An operation names its pool, its object, a callback and an error: over six
 * parameters. */
/* NOLINTBEGIN(readability-function-size) */

static int run_args(struct script_args *a, const char *pool, const char *id,
		    struct error *err)
{
	int rc = pools_name_check("run", id, err);

	if (rc == 0) {
		rc = pools_args(a, pool, err);
	}
	if (rc == 0) {
		script_args_str(a, id);
	}
	return rc;
}

static const char *pools_lane(const struct pools_run *run)
{
	return run->lane != NULL && run->lane[0] != '\0' ? run->lane : "-";
}

int pools_enqueue(struct pools *p, const char *pool, const struct pools_run *run,
		  pools_int_fn fn, void *arg, struct error *err)
{
	struct script_args a;
	int rc = pools_name_check("work queue", run->queue, err);

	if (rc == 0 && strlen(run->payload) > POOLS_PAYLOAD_MAX) {
		return err_set(err, ERR_INVALID,
			       "the payload of run %s is above %u bytes", run->id,
			       POOLS_PAYLOAD_MAX);
	}
	if (rc == 0) {
		rc = run_args(&a, pool, run->id, err);
	}
	if (rc < 0) {
		return rc;
	}
	script_args_str(&a, run->queue);
	script_args_int(&a, run->due_ms);
	script_args_int(&a, run->priority);
	script_args_str(&a, run->payload);
	script_args_int(&a, run->gen);
	script_args_str(&a, pools_lane(run));
	script_args_int(&a, MAX_OF(run->lane_limit, 0));
	script_args_u64(&a, run->fence);
	return pools_call_int(p, SCRIPT_enqueue, &a, fn, arg, err);
}

int pools_hold(struct pools *p, const char *pool, const struct pools_run *run,
	       int64_t ms, pools_int_fn fn, void *arg, struct error *err)
{
	struct script_args a;
	int rc = pools_name_check("work queue", run->queue, err);

	if (rc == 0) {
		rc = run_args(&a, pool, run->id, err);
	}
	if (rc < 0) {
		return rc;
	}
	script_args_str(&a, run->queue);
	script_args_str(&a, pools_lane(run));
	script_args_int(&a, run->gen);
	script_args_int(&a, ms);
	return pools_call_int(p, SCRIPT_hold, &a, fn, arg, err);
}

struct claim_call {
	pools_claim_fn fn;
	void *arg;
};

static void on_claim(int rc, const struct redis_reply *reply, const struct error *err,
		     void *arg)
{
	struct claim_call *c = arg;
	struct error why = err != NULL ? *err : (struct error){0};
	struct pools_rows rows = {0};
	struct pools_claim *claims = NULL;

	rc = pools_check_rows(rc, reply, CLAIM_WIDTH, -1, &rows, &why);
	if (rows.count > 0) {
		claims = xcalloc(rows.count, sizeof(*claims));
	}
	for (size_t i = 0; claims != NULL && i < rows.count; i++) {
		size_t at = i * CLAIM_WIDTH;
		claims[i] = (struct pools_claim){
		    .id = redis_str(redis_at(reply, at)),
		    .token = (uint64_t)redis_int(redis_at(reply, at + 1)),
		    .queue = redis_str(redis_at(reply, at + 2)),
		    .attempt = redis_int(redis_at(reply, at + 3)),
		    .due_ms = redis_int(redis_at(reply, at + 4)),
		    .payload = redis_str(redis_at(reply, at + 5)),
		    .gen = redis_int(redis_at(reply, at + 6)),
		};
	}
	c->fn(rc, claims, rows.count, rc < 0 ? &why : NULL, c->arg);
	free(claims);
	free(c);
}

static int add_queues(struct script_args *a, const char *const *queues,
		      struct error *err)
{
	int rc = 0;

	for (; rc == 0 && queues != NULL && *queues != NULL; queues++) {
		rc = pools_name_check("work queue", *queues, err);
		script_args_str(a, *queues);
	}
	return rc;
}

int pools_claim(struct pools *p, const char *pool, const char *worker, int max,
		int64_t lease_ms, int64_t prefetch_ms, const char *const *queues,
		pools_claim_fn fn, void *arg, struct error *err)
{
	struct script_args a;
	int rc = pools_name_check("worker", worker, err);

	if (rc == 0 && (max < 1 || lease_ms < 1 || prefetch_ms < 0)) {
		rc = err_set(err, ERR_INVALID,
			     "a claim needs at least one free slot and a lease");
	}
	if (rc == 0) {
		rc = pools_args(&a, pool, err);
	}
	if (rc < 0) {
		return rc;
	}
	script_args_str(&a, worker);
	script_args_int(&a, lease_ms);
	script_args_int(&a, MIN_OF(max, POOLS_CLAIM_MAX));
	script_args_int(&a, prefetch_ms);
	rc = add_queues(&a, queues, err);
	if (rc < 0) {
		script_args_release(&a);
		return rc;
	}
	struct claim_call *c = xcalloc(1, sizeof(*c));
	c->fn = fn;
	c->arg = arg;
	rc = script_call(&p->dest, SCRIPT_claim, &a, on_claim, c, err);
	if (rc < 0) {
		free(c);
	}
	return rc;
}

int pools_start(struct pools *p, const char *pool, const char *id, uint64_t token,
		pools_int_fn fn, void *arg, struct error *err)
{
	struct script_args a;
	int rc = run_args(&a, pool, id, err);

	if (rc < 0) {
		return rc;
	}
	script_args_u64(&a, token);
	return pools_call_int(p, SCRIPT_start, &a, fn, arg, err);
}

struct renew_call {
	pools_renew_fn fn;
	void *arg;
	size_t count;
};

static void on_renew(int rc, const struct redis_reply *reply, const struct error *err,
		     void *arg)
{
	struct renew_call *c = arg;
	struct error why = err != NULL ? *err : (struct error){0};
	struct pools_rows rows = {0};

	rc = pools_check_rows(rc, reply, 1, (long)c->count, &rows, &why);
	int64_t *values = xcalloc(c->count, sizeof(*values));
	for (size_t i = 0; i < rows.count; i++) {
		values[i] = redis_int(redis_at(reply, i));
	}
	c->fn(rc, values, rows.count, rc < 0 ? &why : NULL, c->arg);
	free(values);
	free(c);
}

int pools_renew(struct pools *p, const char *pool, const char *worker, int64_t lease_ms,
		const struct pools_lease *leases, size_t count, pools_renew_fn fn,
		void *arg, struct error *err)
{
	struct script_args a;
	int rc = pools_name_check("worker", worker, err);

	if (rc == 0 && (count < 1 || count > POOLS_RENEW_MAX || lease_ms < 1)) {
		rc = err_set(err, ERR_INVALID,
			     "1 to %d leases are renewed at once, not %zu",
			     POOLS_RENEW_MAX, count);
	}
	if (rc == 0) {
		rc = pools_args(&a, pool, err);
	}
	if (rc < 0) {
		return rc;
	}
	script_args_str(&a, worker);
	script_args_int(&a, lease_ms);
	for (size_t i = 0; i < count; i++) {
		script_args_str(&a, leases[i].id);
		script_args_u64(&a, leases[i].token);
		script_args_str(&a, leases[i].queue != NULL ? leases[i].queue : "");
		script_args_int(&a, leases[i].gen);
		script_args_int(&a, leases[i].started != 0);
	}
	struct renew_call *c = xcalloc(1, sizeof(*c));
	c->fn = fn;
	c->arg = arg;
	c->count = count;
	rc = script_call(&p->dest, SCRIPT_renew, &a, on_renew, c, err);
	if (rc < 0) {
		free(c);
	}
	return rc;
}

int pools_settle(struct pools *p, const char *pool, const char *id, uint64_t token,
		 enum pools_outcome outcome, int64_t due_ms, pools_int_fn fn, void *arg,
		 struct error *err)
{
	static const char *const names[] = {
	    [POOLS_DONE] = "done", [POOLS_DROP] = "drop", [POOLS_REQUEUE] = "requeue"};
	struct script_args a;
	int rc = run_args(&a, pool, id, err);

	if (rc < 0) {
		return rc;
	}
	script_args_u64(&a, token);
	script_args_str(&a, names[outcome]);
	script_args_int(&a, due_ms);
	script_args_int(&a, POOLS_TOMBSTONE_S);
	return pools_call_int(p, SCRIPT_settle, &a, fn, arg, err);
}

int pools_cancel(struct pools *p, const char *pool, const char *id, pools_int_fn fn,
		 void *arg, struct error *err)
{
	struct script_args a;
	int rc = run_args(&a, pool, id, err);

	if (rc < 0) {
		return rc;
	}
	script_args_int(&a, POOLS_TOMBSTONE_S);
	return pools_call_int(p, SCRIPT_cancel, &a, fn, arg, err);
}

/* NOLINTEND(readability-function-size) */
