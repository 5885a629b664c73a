/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claimer_end.c - settlements: each is tried until Redis has answered it, or until its
 * lease is gone (then the reaper frees the slot).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/claimer_priv.h"
#include "base/backoff.h"
#include "base/carry.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/queue_ext.h"
#include "pools/pools.h"

#define RETRY_MS     100
#define RETRY_CAP_MS 2000
#define FOREIGN_LEASES \
	2 /* lease times for which a lease of an earlier process is tried */

struct ending {
	TAILQ_ENTRY(ending) link;
	struct heap_node retry;
	struct claimer *c;
	char id[LEASE_ID_SIZE];
	uint64_t token;
	enum pools_outcome outcome;
	int64_t due_ms;
	int64_t until_ms; /* INT64_MAX: while the lease is held */
	struct backoff backoff;
	int over; /* completed; waits only for the answer to its last try */
	int in_flight;
	claimer_end_fn fn;
	void *arg;
};

static void ending_free(struct ending *e)
{
	TAILQ_REMOVE(&e->c->endings, e, link);
	heap_remove(&e->c->ending_times, &e->retry);
	free(e);
}

/* Completes once; the object stays until its last try has been answered. */
static void ending_done(struct ending *e, int rc, const struct error *err)
{
	struct claimer *c = e->c;
	claimer_end_fn fn = e->fn;
	void *arg = e->arg;

	if (e->over) {
		return;
	}
	e->over = 1;
	c->ending_count--;
	heap_remove(&c->ending_times, &e->retry);
	const struct lease *l = lease_get(&c->table, e->id);
	if (l != NULL && l->token == e->token && l->state == LEASE_ENDING) {
		(void)lease_move(&c->table, e->id, LEASE_GONE, NULL);
	}
	if (!e->in_flight) {
		ending_free(e);
	}
	if (fn != NULL) {
		fn(rc, err, arg);
	}
}

static void ending_retry(struct ending *e, const struct error *err)
{
	int64_t now = loop_now_ms(e->c->loop);

	if (now >= e->until_ms) {
		ending_done(e, -err->code, err);
		return;
	}
	heap_set(&e->c->ending_times, &e->retry,
		 now + backoff_next(&e->backoff, random_unit()));
	claimer_arm(e->c);
}

static void on_settled(int rc, int64_t value, const struct error *err, void *arg)
{
	struct ending *e = arg;
	struct claimer *c = e->c;
	struct error why = {0};

	e->in_flight = 0;
	if (e->over) {
		ending_free(e);
		return;
	}
	if (rc < 0 && !c->closed && rc != -ERR_PROTOCOL && rc != -ERR_INVALID) {
		ending_retry(e, err);
	} else if (rc < 0) {
		ending_done(e, rc, err); /* another try would get the same answer */
	} else if (value == 1) {
		ending_done(e, 0, NULL);
	} else {
		rc = err_set(&why, ERR_SUPERSEDED, "run %s has a newer owner", e->id);
		ending_done(e, rc, &why);
	}
}

static void ending_try(struct ending *e)
{
	struct error err = {0};
	struct claimer *c = e->c;

	heap_remove(&c->ending_times, &e->retry);
	e->in_flight = 1;
	int rc = pools_settle(c->pools, c->pool, e->id, e->token, e->outcome, e->due_ms,
			      on_settled, e, &err);
	if (rc < 0) {
		e->in_flight = 0;
		ending_retry(e, &err);
	}
}

static struct ending *ending_new(struct claimer *c, const char *run_id, uint64_t token,
				 enum claimer_outcome outcome)
{
	static const enum pools_outcome outcomes[] = {[CLAIMER_DONE] = POOLS_DONE,
						      [CLAIMER_DROP] = POOLS_DROP,
						      [CLAIMER_REQUEUE] =
							  POOLS_REQUEUE};
	struct ending *e = xcalloc(1, sizeof(*e));

	e->c = c;
	(void)snprintf(e->id, sizeof(e->id), "%s", run_id);
	e->token = token;
	e->outcome = outcomes[outcome];
	e->until_ms = INT64_MAX;
	backoff_init(&e->backoff, RETRY_MS, RETRY_CAP_MS);
	TAILQ_INSERT_TAIL(&c->endings, e, link);
	c->ending_count++;
	return e;
}

/* NOLINTNEXTLINE(readability-function-size): callback and error beside the object */
int claimer_end(struct claimer *c, const char *run_id, enum claimer_outcome outcome,
		int64_t due_ms, claimer_end_fn fn, void *arg, struct error *err)
{
	int rc = lease_move(&c->table, run_id, LEASE_ENDING, err);

	if (rc < 0) {
		return rc;
	}
	struct ending *e =
	    ending_new(c, run_id, lease_get(&c->table, run_id)->token, outcome);
	e->due_ms = due_ms;
	e->fn = fn;
	e->arg = arg;
	/* From the timer: a failure must not call FN before this returns. */
	heap_set(&c->ending_times, &e->retry, loop_now_ms(c->loop));
	claimer_arm(c);
	return 0;
}

void claimer_end_token(struct claimer *c, const char *run_id, uint64_t token,
		       enum claimer_outcome outcome)
{
	struct ending *e = ending_new(c, run_id, token, outcome);

	e->until_ms = loop_now_ms(c->loop) + FOREIGN_LEASES * c->lease_ms;
	heap_set(&c->ending_times, &e->retry, loop_now_ms(c->loop));
	claimer_arm(c);
}

size_t claimer_unsettled(const struct claimer *c)
{
	return c->ending_count;
}

int64_t endings_tick(struct claimer *c, int64_t now_ms)
{
	while (heap_min_key(&c->ending_times) <= now_ms) {
		ending_try(
		    container_of(heap_min(&c->ending_times), struct ending, retry));
	}
	return heap_min_key(&c->ending_times);
}

void endings_hurry(struct claimer *c, int64_t now_ms)
{
	struct ending *e;

	TAILQ_FOREACH (e, &c->endings, link) {
		if (heap_contains(&e->retry)) {
			backoff_reset(&e->backoff);
			heap_set(&c->ending_times, &e->retry, now_ms);
		}
	}
}

int endings_lost(struct claimer *c, const char *run_id, uint64_t token)
{
	struct error err = {0};
	struct ending *e;

	TAILQ_FOREACH (e, &c->endings, link) {
		if (!e->over && e->token == token && strcmp(e->id, run_id) == 0) {
			int rc = err_set(
			    &err, ERR_SUPERSEDED,
			    "the lease of run %s ended before it was settled", run_id);
			ending_done(e, rc, &err);
			return 1;
		}
	}
	return 0;
}

void endings_release(struct claimer *c)
{
	struct error err = {0};
	struct ending *e, *next;

	(void)err_set(&err, ERR_CANCELED, "the claimer is being closed");
	TAILQ_FOREACH_SAFE (e, &c->endings, link, next) {
		e->in_flight = 0; /* no answer is to come */
		ending_done(e, -ERR_CANCELED, &err);
	}
}

void endings_carry(const struct claimer *c, struct carry *to)
{
	const struct ending *e;

	TAILQ_FOREACH (e, &c->endings, link) {
		if (!e->over) {
			carry_line(to, json_pack("{s:s, s:s, s:I, s:i, s:I}", "what",
						 "ending", "id", e->id, "token",
						 (json_int_t)e->token, "outcome",
						 (int)e->outcome, "due_ms",
						 (json_int_t)e->due_ms));
		}
	}
}

void ending_carried(struct claimer *c, const json_t *line)
{
	int outcome = (int)carry_int(line, "outcome");
	struct ending *e = ending_new(c, carry_str(line, "id"),
				      (uint64_t)carry_int(line, "token"), CLAIMER_DONE);

	if (outcome == POOLS_DROP || outcome == POOLS_REQUEUE) {
		e->outcome = (enum pools_outcome)outcome;
	}
	e->due_ms = carry_int(line, "due_ms");
	e->until_ms = loop_now_ms(c->loop) + FOREIGN_LEASES * c->lease_ms;
	heap_set(&c->ending_times, &e->retry, loop_now_ms(c->loop));
	claimer_arm(c);
}
