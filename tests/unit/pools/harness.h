/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness.h - a real Redis, a loop, a client, and operations that wait for their
 * answer.
 */
#ifndef TESTS_UNIT_POOLS_HARNESS_H
#define TESTS_UNIT_POOLS_HARNESS_H

#include <stdint.h>

#include "base/error.h"
#include "pools/pools.h"
#include "pools/pools_priv.h"
#include "tests/lib/redis_server.h"

#define H_MAX  300
#define H_TEXT 64
#define POOL   "pool"

struct h_run {
	char id[H_TEXT], queue[H_TEXT],
	    text[H_TEXT]; /* text: payload, verdict or state */
	char worker[H_TEXT];
	uint64_t token, new_token;
	int64_t attempt, due_ms, gen, expires_ms;
	int started;
};
struct harness {
	struct redis_server server;
	struct loop *loop;
	struct pools *pools;
	/* the last answer */
	int done, rc;
	int64_t value;
	struct error err;
	struct h_run run[H_MAX];
	size_t count;
	int64_t values[H_MAX];
};

void h_start(struct harness *h);
void h_stop(struct harness *h);
/* Turns the loop until *FLAG, at most 10 s; fails the test then. */
void h_wait(struct harness *h, const int *flag);
void h_turn_for(struct harness *h, int64_t ms);
int64_t h_now_ms(void); /* Unix */

/* Each returns the script's value or rc < 0; lists are in h->run. */
int64_t h_enqueue(struct harness *h, const char *id, const char *queue, int64_t gen);
int64_t h_enqueue_at(struct harness *h, const char *id, const char *queue, int64_t gen,
		     int64_t due_ms);
/* In queue "q": LANE's run, of which LIMIT (0: none) may be held. */
int64_t h_enqueue_lane(struct harness *h, const char *id, const char *lane,
		       int64_t limit, int64_t due_ms);
int64_t h_hold(struct harness *h, const char *id, const char *lane, int64_t gen,
	       int64_t ms);
int64_t h_set_lane(struct harness *h, const char *lane, int64_t limit);
int64_t h_claim(struct harness *h, const char *worker, int max, int64_t lease_ms);
int64_t h_claim_from(struct harness *h, int max, int64_t prefetch_ms,
		     const char *const *queues);
int64_t h_begin(struct harness *h, const char *id, uint64_t token);
int64_t h_renew(struct harness *h, const struct pools_lease *leases, size_t count,
		int64_t lease_ms);
int64_t h_renew_one(struct harness *h, const char *id, uint64_t token);
int64_t h_settle(struct harness *h, const char *id, uint64_t token,
		 enum pools_outcome oc);
int64_t h_cancel(struct harness *h, const char *id);
int64_t h_reap(struct harness *h);
int64_t h_give_up(struct harness *h, const char *id, uint64_t token);
int64_t h_set_pool(struct harness *h, int paused, int64_t limit);
int64_t h_set_queue(struct harness *h, const char *queue, int paused, int64_t limit,
		    int64_t priority);
/* State of one run in h->run[0]; "" when unknown. */
const char *h_state(struct harness *h, const char *id);
/* A raw command; its integer or text length. */
int64_t h_redis(struct harness *h, const char *const *argv);

void h_on_int(int rc, int64_t value, const struct error *err, void *arg);

#endif
