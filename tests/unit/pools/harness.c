/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness.c - see harness.h.
 */
#include "tests/unit/pools/harness.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/loop.h"

#define WAIT_MS      10000
#define RAW_ARGS_MAX 16

void h_start(struct harness *h)
{
	struct error err = {0};

	memset(h, 0, sizeof(*h));
	redis_server_start(&h->server, NULL);
	h->loop = loop_new(&err);
	cr_assert_not_null(h->loop, "%s", err.msg);
	h->pools = pools_new(h->loop, h->server.url, &err);
	cr_assert_not_null(h->pools, "%s", err.msg);
	h->pools->reap_grace_ms = 0;
	cr_assert_eq(h_set_pool(h, 0, POOLS_NO_LIMIT), 1, "%s", h->err.msg);
}

void h_stop(struct harness *h)
{
	pools_free(h->pools);
	loop_free(h->loop);
	redis_server_stop(&h->server);
}

void h_wait(struct harness *h, const int *flag)
{
	int64_t until = clock_mono_ms() + WAIT_MS;

	while (!*flag && clock_mono_ms() < until) {
		(void)loop_turn(h->loop, 100);
	}
	cr_assert(*flag, "no answer in %d ms", WAIT_MS);
}

void h_turn_for(struct harness *h, int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;

	while (clock_mono_ms() < until) {
		(void)loop_turn(h->loop, until - clock_mono_ms());
	}
}

int64_t h_now_ms(void)
{
	return clock_wall_us() / CLOCK_US_PER_MS;
}

static void take(struct harness *h, int rc, const struct error *err)
{
	cr_assert(!h->done, "completed twice");
	h->rc = rc;
	h->err = err != NULL ? *err : (struct error){0};
	h->count = 0;
	h->value = 0;
	h->done = 1;
}

void h_on_int(int rc, int64_t value, const struct error *err, void *arg)
{
	struct harness *h = arg;

	take(h, rc, err);
	h->value = value;
}

static void copy(char dst[H_TEXT], const char *src)
{
	(void)snprintf(dst, H_TEXT, "%s", src != NULL ? src : "");
}

static void on_claim(int rc, const struct pools_claim *c, size_t n,
		     const struct error *err, void *arg)
{
	struct harness *h = arg;

	take(h, rc, err);
	h->count = n;
	for (size_t i = 0; i < n && i < H_MAX; i++) {
		struct h_run *r = &h->run[i];
		*r = (struct h_run){.token = c[i].token,
				    .attempt = c[i].attempt,
				    .due_ms = c[i].due_ms,
				    .gen = c[i].gen};
		copy(r->id, c[i].id);
		copy(r->queue, c[i].queue);
		copy(r->text, c[i].payload);
	}
}

static void on_reap(int rc, const struct pools_reaped *c, size_t n,
		    const struct error *err, void *arg)
{
	struct harness *h = arg;

	take(h, rc, err);
	h->count = n;
	for (size_t i = 0; i < n && i < H_MAX; i++) {
		struct h_run *r = &h->run[i];
		*r = (struct h_run){.token = c[i].old_token,
				    .new_token = c[i].new_token,
				    .attempt = c[i].attempts,
				    .started = c[i].started};
		copy(r->id, c[i].id);
		copy(r->text, c[i].verdict);
		copy(r->worker, c[i].worker);
	}
}

static void on_info(int rc, const struct pools_info *c, size_t n,
		    const struct error *err, void *arg)
{
	struct harness *h = arg;

	take(h, rc, err);
	h->count = n;
	for (size_t i = 0; i < n && i < H_MAX; i++) {
		struct h_run *r = &h->run[i];
		*r = (struct h_run){.token = c[i].token,
				    .attempt = c[i].attempts,
				    .gen = c[i].gen,
				    .expires_ms = c[i].expires_ms,
				    .started = c[i].started};
		copy(r->text, c[i].state);
		copy(r->queue, c[i].queue);
		copy(r->worker, c[i].worker);
	}
}

static void on_renew(int rc, const int64_t *values, size_t n, const struct error *err,
		     void *arg)
{
	struct harness *h = arg;

	take(h, rc, err);
	h->count = n;
	memcpy(h->values, values, n * sizeof(*values));
}

/* RC of the operation's start; waits for its answer. */
static int64_t finish(struct harness *h, int rc)
{
	if (rc < 0) {
		return rc;
	}
	h_wait(h, &h->done);
	return h->rc < 0 ? h->rc : h->value;
}

static int64_t finish_list(struct harness *h, int rc)
{
	int64_t v = finish(h, rc);
	return v < 0 ? v : (int64_t)h->count;
}

int64_t h_enqueue_at(struct harness *h, const char *id, const char *queue, int64_t gen,
		     int64_t due_ms)
{
	struct pools_run run = {.id = id,
				.queue = queue,
				.due_ms = due_ms,
				.priority = 1,
				.payload = "{\"a\":1}",
				.gen = gen};
	h->done = 0;
	return finish(h, pools_enqueue(h->pools, POOL, &run, h_on_int, h, &h->err));
}

int64_t h_enqueue(struct harness *h, const char *id, const char *queue, int64_t gen)
{
	return h_enqueue_at(h, id, queue, gen, 1000);
}

int64_t h_enqueue_lane(struct harness *h, const char *id, const char *lane,
		       int64_t limit, int64_t due_ms)
{
	struct pools_run run = {.id = id,
				.queue = "q",
				.due_ms = due_ms,
				.priority = 1,
				.payload = "{}",
				.gen = 1,
				.lane = lane,
				.lane_limit = limit};
	h->done = 0;
	return finish(h, pools_enqueue(h->pools, POOL, &run, h_on_int, h, &h->err));
}

int64_t h_hold(struct harness *h, const char *id, const char *lane, int64_t gen,
	       int64_t ms)
{
	struct pools_run run = {.id = id, .queue = "q", .gen = gen, .lane = lane};

	h->done = 0;
	return finish(h, pools_hold(h->pools, POOL, &run, ms, h_on_int, h, &h->err));
}

int64_t h_set_lane(struct harness *h, const char *lane, int64_t limit)
{
	h->done = 0;
	return finish(
	    h, pools_set_lane(h->pools, POOL, lane, limit, h_on_int, h, &h->err));
}

int64_t h_claim(struct harness *h, const char *worker, int max, int64_t lease_ms)
{
	h->done = 0;
	return finish_list(h, pools_claim(h->pools, POOL, worker, max, lease_ms, 0,
					  NULL, on_claim, h, &h->err));
}

int64_t h_claim_from(struct harness *h, int max, int64_t prefetch_ms,
		     const char *const *queues)
{
	h->done = 0;
	return finish_list(h, pools_claim(h->pools, POOL, "w1", max, POOLS_LEASE_MS,
					  prefetch_ms, queues, on_claim, h, &h->err));
}

int64_t h_begin(struct harness *h, const char *id, uint64_t token)
{
	h->done = 0;
	return finish(h, pools_start(h->pools, POOL, id, token, h_on_int, h, &h->err));
}

int64_t h_renew(struct harness *h, const struct pools_lease *leases, size_t count,
		int64_t lease_ms)
{
	h->done = 0;
	return finish_list(h, pools_renew(h->pools, POOL, "w1", lease_ms, leases, count,
					  on_renew, h, &h->err));
}

int64_t h_renew_one(struct harness *h, const char *id, uint64_t token)
{
	struct pools_lease l = {.token = token};

	(void)snprintf(l.id, sizeof(l.id), "%s", id);
	int64_t n = h_renew(h, &l, 1, POOLS_LEASE_MS);
	return n < 0 ? n : h->values[0];
}

int64_t h_settle(struct harness *h, const char *id, uint64_t token,
		 enum pools_outcome oc)
{
	h->done = 0;
	return finish(
	    h, pools_settle(h->pools, POOL, id, token, oc, 0, h_on_int, h, &h->err));
}

int64_t h_cancel(struct harness *h, const char *id)
{
	h->done = 0;
	return finish(h, pools_cancel(h->pools, POOL, id, h_on_int, h, &h->err));
}

int64_t h_reap(struct harness *h)
{
	h->done = 0;
	return finish_list(h, pools_reap(h->pools, POOL, 100, POOLS_MAX_ATTEMPTS, 0,
					 on_reap, h, &h->err));
}

int64_t h_give_up(struct harness *h, const char *id, uint64_t token)
{
	const struct pools_token lease = {id, token};

	h->done = 0;
	return finish_list(
	    h, pools_give_up(h->pools, POOL, &lease, 1, on_reap, h, &h->err));
}

int64_t h_set_pool(struct harness *h, int paused, int64_t limit)
{
	h->done = 0;
	return finish(
	    h, pools_set_pool(h->pools, POOL, paused, limit, h_on_int, h, &h->err));
}

int64_t h_set_queue(struct harness *h, const char *queue, int paused, int64_t limit,
		    int64_t priority)
{
	h->done = 0;
	return finish(h, pools_set_queue(h->pools, POOL, queue, paused, limit, priority,
					 h_on_int, h, &h->err));
}

const char *h_state(struct harness *h, const char *id)
{
	h->done = 0;
	int64_t n =
	    finish_list(h, pools_inspect(h->pools, POOL, &id, 1, on_info, h, &h->err));
	cr_assert_eq(n, 1, "%s", h->err.msg);
	return h->run[0].text;
}

static void on_raw(int rc, const struct redis_reply *reply, const struct error *err,
		   void *arg)
{
	struct harness *h = arg;

	take(h, rc, err);
	h->value = rc < 0 ? 0 : redis_int(reply);
	if (rc == 0 && h->value == 0) {
		h->value = (int64_t)strlen(redis_str(reply));
	}
}

int64_t h_redis(struct harness *h, const char *const *argv)
{
	const char *copy_argv[RAW_ARGS_MAX];
	struct redis_cmd cmd = {.argv = copy_argv};

	for (; argv[cmd.argc] != NULL && cmd.argc < RAW_ARGS_MAX; cmd.argc++) {
		copy_argv[cmd.argc] = argv[cmd.argc];
	}
	h->done = 0;
	return finish(h, redis_send(h->pools->dest.redis, &cmd, 0, on_raw, h, &h->err));
}
