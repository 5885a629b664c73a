/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claimer.c - see claimer.h.  A shell: the lease table decides, pools/ talks to Redis.
 *
 * One timer serves four clocks: leases, settlements, claiming, reaping.
 */
#include "agent/claimer.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agent/claimer_priv.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "pools/workers.h"

#define POLL_MS         1000
#define QUIET_PART      2    /* of prefetch: what becomes due is seen long before */
#define HUNGRY_AFTER_MS 2000 /* runs become due without a wake-up */
#define RENEW_CHUNK     500
#define RENEW_RETRY_MS  400

/* ---- time ---- */

/* 75 % to 125 % of MS: processes that started together do not act together. */
static int64_t jittered(int64_t ms)
{
	return (int64_t)((double)ms * (0.75 + random_unit() / 2));
}

void claimer_arm(struct claimer *c)
{
	int64_t at = MIN_OF(c->lease_at_ms, heap_min_key(&c->ending_times));

	if (!c->closed) {
		at = MIN_OF(at, MIN_OF(c->claim_at_ms, c->reap_at_ms));
		loop_timer_at(c->timer, at);
	}
}

/* Lets the lease table be looked at in the next turn. */
static void leases_changed(struct claimer *c)
{
	c->lease_at_ms = loop_now_ms(c->loop);
	claimer_arm(c);
}

void claimer_kick(struct claimer *c)
{
	c->claim_at_ms = loop_now_ms(c->loop);
	claimer_arm(c);
}

/* ---- leases ---- */

struct renewal {
	struct claimer *c;
	int64_t sent_ms;
	size_t count;
	struct lease_action asked[RENEW_CHUNK];
};

static void perform(struct claimer *c, struct lease_actions *actions);

static void on_renewed(int rc, const int64_t *values, size_t count,
		       const struct error *err, void *arg)
{
	struct renewal *r = arg;
	struct claimer *c = r->c;
	struct lease_actions out;

	(void)err; /* the next try, or the end of the trust, tells */
	c->renewed_ms = rc == 0 ? loop_now_ms(c->loop) : c->renewed_ms;
	lease_actions_init(&out);
	for (size_t i = 0; i < r->count && !c->closed; i++) {
		if (rc < 0 || i >= count) {
			lease_renew_failed(&c->table, &r->asked[i],
					   loop_now_ms(c->loop),
					   jittered(RENEW_RETRY_MS));
		} else {
			lease_renewed(&c->table, &r->asked[i], values[i], r->sent_ms,
				      &out);
		}
	}
	free(r);
	if (!c->closed && rc == 0 && c->ops->on_renewed != NULL) {
		c->ops->on_renewed(c->arg);
	}
	if (!c->closed) {
		perform(c, &out);
		leases_changed(c);
	}
	lease_actions_release(&out);
}

static void renew_chunk(struct claimer *c, struct renewal *r)
{
	struct pools_lease leases[RENEW_CHUNK];
	struct error err = {0};
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct lease *l = lease_get(&c->table, r->asked[i].id);
		/* One that ends needs no renewal: settling would make it look lost. */
		if (l != NULL && l->token == r->asked[i].token &&
		    l->state != LEASE_ENDING) {
			r->asked[n] = r->asked[i];
			leases[n] = (struct pools_lease){
			    .token = l->token,
			    .queue = l->queue,
			    .gen = l->gen,
			    .started = l->state == LEASE_STARTED,
			};
			memcpy(leases[n++].id, l->id, sizeof(l->id));
		}
	}
	r->count = n;
	r->sent_ms = loop_now_ms(c->loop);
	int rc = n == 0 ? -ERR_EMPTY
			: pools_renew(c->pools, c->pool, c->worker, c->lease_ms, leases,
				      n, on_renewed, r, &err);
	if (rc < 0) {
		for (size_t i = 0; i < n; i++) {
			lease_renew_failed(&c->table, &r->asked[i], r->sent_ms,
					   jittered(RENEW_RETRY_MS));
		}
		free(r);
	}
}

static void renew(struct claimer *c, const struct lease_actions *actions)
{
	struct renewal *r = NULL;

	for (size_t i = 0; i < actions->count; i++) {
		if (actions->items[i].kind != LEASE_ACT_RENEW) {
			continue;
		}
		if (r == NULL) {
			r = xcalloc(1, sizeof(*r));
			r->c = c;
		}
		r->asked[r->count++] = actions->items[i];
		if (r->count == RENEW_CHUNK) {
			renew_chunk(c, r);
			r = NULL;
		}
	}
	if (r != NULL) {
		renew_chunk(c, r);
	}
}

static void perform_one(struct claimer *c, const struct lease_action *a)
{
	if (a->kind == LEASE_ACT_CANCEL) {
		c->ops->on_cancel(a->id, a->token, c->arg);
	} else if (a->kind == LEASE_ACT_KILL || a->kind == LEASE_ACT_FORGET) {
		if (!endings_lost(c, a->id, a->token)) {
			c->ops->on_lost(a->id, a->token, a->kind == LEASE_ACT_KILL,
					a->why, c->arg);
		}
	}
}

static void perform(struct claimer *c, struct lease_actions *actions)
{
	renew(c, actions);
	for (size_t i = 0; i < actions->count && !c->closed; i++) {
		perform_one(c, &actions->items[i]);
	}
}

static void tick_leases(struct claimer *c, int64_t now)
{
	struct lease_actions actions;

	lease_actions_init(&actions);
	c->lease_at_ms = lease_tick(&c->table, now, &actions);
	perform(c, &actions);
	lease_actions_release(&actions);
	if (!c->closed) {
		c->lease_at_ms = heap_min_key(&c->table.by_time);
	}
}

/* ---- claiming ---- */

static void take_claim(struct claimer *c, const struct pools_claim *p)
{
	struct lease_actions out;
	struct lease_claim lc = {.id = p->id,
				 .queue = p->queue,
				 .token = p->token,
				 .gen = p->gen,
				 .sent_ms = c->claim_sent_ms};
	struct claim claim = {.run_id = p->id,
			      .queue = p->queue,
			      .payload = p->payload,
			      .token = p->token,
			      .attempt = p->attempt,
			      .due_ms = p->due_ms,
			      .gen = p->gen};

	lease_actions_init(&out);
	int rc = c->draining ? -ERR_CANCELED : lease_add(&c->table, &lc, &out, NULL);
	perform(c, &out);
	lease_actions_release(&out);
	if (c->closed) {
		return;
	}
	if (rc == 0) {
		c->ops->on_claim(&claim, c->arg);
	} else if (strlen(p->id) < LEASE_ID_SIZE) {
		claimer_end_token(c, p->id, p->token, CLAIMER_REQUEUE);
	}
}

static void tell_appetite(struct claimer *c, enum claimer_appetite appetite)
{
	if (c->ops->on_appetite != NULL) {
		c->ops->on_appetite(appetite, c->arg);
	}
}

/*
 * There was nothing.  What is new, or becomes free, wakes us; what becomes due without
 * a word is claimed ahead of its time.  So the next look has time: within the prefetch.
 */
static void rest(struct claimer *c)
{
	int64_t ms = c->prefetch_ms / QUIET_PART, now = loop_now_ms(c->loop);

	/* not when a wake-up came together with the answer */
	if (c->claim_at_ms > now && ms > c->poll_ms && pools_wakes_arrive(c->pools)) {
		c->claim_at_ms = now + jittered(ms);
		claimer_arm(c);
	}
}

static void on_claimed(int rc, const struct pools_claim *claims, size_t count,
		       const struct error *err, void *arg)
{
	struct claimer *c = arg;

	(void)err; /* the next poll asks again */
	if (c->closed) {
		return;
	}
	c->claiming = 0;
	if (rc == 0) {
		tell_appetite(c, (int)MIN_OF(count, INT_MAX) >= c->claim_room
				     ? CLAIMER_FULL
				     : CLAIMER_SATED);
	}
	for (size_t i = 0; rc == 0 && i < count && !c->closed; i++) {
		take_claim(c, &claims[i]);
	}
	if (c->closed) {
		return;
	}
	if (count > 0 || c->claim_again) {
		claimer_kick(c); /* there may be more, and slots may be left */
		leases_changed(c);
	} else if (rc == 0) {
		rest(c);
	}
}

static void try_claim(struct claimer *c, int64_t now)
{
	int room;

	c->claim_at_ms = now + jittered(c->poll_ms);
	/* What woke us may be newer than what the claim under way has seen. */
	c->claim_again = c->claiming;
	if (c->draining || c->claiming || !pools_is_up(c->pools)) {
		return;
	}
	room = c->ops->free_slots(c->arg);
	if (room < 1 || c->closed) {
		if (!c->closed && (c->woken || now - c->looked_ms > HUNGRY_AFTER_MS)) {
			c->woken = 0;
			c->looked_ms = now;
			tell_appetite(c, CLAIMER_HUNGRY);
		}
		return;
	}
	c->woken = 0;
	c->claim_sent_ms = c->looked_ms = now;
	c->claim_room = MIN_OF(room, POOLS_CLAIM_MAX);
	c->claiming =
	    pools_claim(c->pools, c->pool, c->worker, room, c->lease_ms, c->prefetch_ms,
			(const char *const *)c->queues, on_claimed, c, NULL) == 0;
}

void claimer_drain(struct claimer *c)
{
	c->draining = 1;
}

void claimer_resume(struct claimer *c)
{
	c->draining = 0;
	claimer_kick(c);
}

/* ---- wake-ups ---- */

static int serves(const struct claimer *c, const char *queue)
{
	if (c->queues == NULL) {
		return 1;
	}
	for (char **q = c->queues; *q != NULL; q++) {
		if (strcmp(*q, queue) == 0) {
			return 1;
		}
	}
	return 0;
}

static void on_wake(const char *queue, const char *run, void *arg)
{
	struct claimer *c = arg;
	struct lease_actions out;

	if (run != NULL) {
		lease_actions_init(&out);
		lease_cancel_wanted(&c->table, run, &out);
		perform(c, &out);
		lease_actions_release(&out);
	} else if (queue == NULL || serves(c, queue)) {
		c->woken = 1;
		claimer_kick(c);
	}
}

static void on_pools_drain(const char *worker, void *arg)
{
	const struct claimer *c = arg;

	if (strcmp(worker, c->worker) == 0 && c->ops->on_drain != NULL) {
		c->ops->on_drain(c->arg);
	}
}

static void on_pools_up(int up, const char *why, void *arg)
{
	struct claimer *c = arg;
	int64_t now = loop_now_ms(c->loop);

	if (up) {
		lease_renew_all(&c->table, now);
		endings_hurry(c, now);
		leases_changed(c);
		claimer_kick(c);
	}
	if (c->ops->on_up != NULL) {
		c->ops->on_up(up, why, c->arg);
	}
}

/* ---- reaping ---- */

static void on_reaped(int rc, const struct pools_reaped *runs, size_t count,
		      const struct error *err, void *arg)
{
	struct claimer *c = arg;

	(void)err;
	c->reaping = 0;
	for (size_t i = 0; rc == 0 && i < count && !c->closed; i++) {
		struct claimer_reaped r = {
		    .run_id = runs[i].id,
		    .worker = runs[i].worker,
		    .requeued = strcmp(runs[i].verdict, "requeued") == 0,
		    .started = runs[i].started,
		    .old_token = runs[i].old_token,
		    .new_token = runs[i].new_token,
		    .attempts = runs[i].attempts,
		};
		c->ops->on_reaped(&r, c->arg);
	}
}

static void try_reap(struct claimer *c, int64_t now)
{
	c->reap_at_ms =
	    c->ops->on_reaped != NULL ? now + jittered(POOLS_REAP_MS) : INT64_MAX;
	if (c->ops->on_reaped != NULL && !c->reaping && pools_is_up(c->pools)) {
		c->reaping =
		    pools_reap(c->pools, c->pool, POOLS_REAP_MAX, POOLS_MAX_ATTEMPTS,
			       POOLS_REAP_BACKOFF_MS, on_reaped, c, NULL) == 0;
	}
}

static void on_timer(void *arg)
{
	struct claimer *c = arg;
	int64_t now = loop_now_ms(c->loop);

	if (c->lease_at_ms <= now) {
		tick_leases(c, now);
	}
	if (!c->closed) {
		(void)endings_tick(c, now);
	}
	if (!c->closed && c->claim_at_ms <= now) {
		try_claim(c, now);
	}
	if (!c->closed && c->reap_at_ms <= now) {
		try_reap(c, now);
	}
	claimer_arm(c);
}

/* ---- starting ---- */

struct starting {
	struct claimer *c;
	char id[LEASE_ID_SIZE];
	uint64_t token;
	claimer_start_fn fn;
	void *arg;
};

static enum claimer_start start_answer(struct starting *s, int64_t value)
{
	struct claimer *c = s->c;
	const struct lease *l = lease_get(&c->table, s->id);

	if (value == 0 || l == NULL || l->token != s->token ||
	    l->trusted_until_ms <= clock_mono_ms()) {
		return CLAIMER_LOST; /* we may have been stopped since we asked */
	}
	if (value == 2) {
		return CLAIMER_CANCEL_WANTED;
	}
	/* It may have been ended while we asked. */
	return lease_move(&c->table, s->id, LEASE_STARTED, NULL) == 0 ? CLAIMER_GO
								      : CLAIMER_LOST;
}

static void on_started(int rc, int64_t value, const struct error *err, void *arg)
{
	struct starting *s = arg;
	struct claimer *c = s->c;
	enum claimer_start answer = CLAIMER_LOST;
	struct lease_action asked = {.token = s->token};
	struct lease_actions out;

	if (rc == 0 && !c->closed) {
		answer = start_answer(s, value);
	}
	s->fn(rc, answer, err, s->arg);
	if (rc == 0 && value == 0 && !c->closed) {
		memcpy(asked.id, s->id, sizeof(asked.id));
		lease_actions_init(&out);
		lease_renewed(&c->table, &asked, 0, 0, &out);
		perform(c, &out);
		lease_actions_release(&out);
	}
	free(s);
}

int claimer_start(struct claimer *c, const char *run_id, claimer_start_fn fn, void *arg,
		  struct error *err)
{
	const struct lease *l = lease_get(&c->table, run_id);

	if (l == NULL) {
		return err_set(err, ERR_NOT_FOUND, "run %s is not held", run_id);
	}
	if (l->state != LEASE_PENDING) {
		return err_set(err, ERR_CONFLICT, "run %s is %s and cannot be started",
			       run_id, lease_state_name(l->state));
	}
	struct starting *s = xcalloc(1, sizeof(*s));
	s->c = c;
	memcpy(s->id, l->id, sizeof(s->id));
	s->token = l->token;
	s->fn = fn;
	s->arg = arg;
	int rc = pools_start(c->pools, c->pool, run_id, l->token, on_started, s, err);
	if (rc < 0) {
		free(s);
	}
	return rc;
}

int claimer_pending(struct claimer *c, const char *run_id, struct error *err)
{
	return lease_move(&c->table, run_id, LEASE_PENDING, err);
}

/* ---- life ---- */

static char **copy_queues(const char *const *queues)
{
	size_t n = 0;

	if (queues == NULL || queues[0] == NULL) {
		return NULL;
	}
	while (queues[n] != NULL) {
		n++;
	}
	char **copy = xcalloc(n + 1, sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		copy[i] = xstrdup(queues[i]);
	}
	return copy;
}

static void free_queues(char **queues)
{
	for (size_t i = 0; queues != NULL && queues[i] != NULL; i++) {
		free(queues[i]);
	}
	free(queues);
}

void claimer_set_queues(struct claimer *c, const char *const *queues)
{
	char **old = c->queues;

	c->queues = copy_queues(queues);
	free_queues(old);
	claimer_kick(c);
}

static void claimer_destroy(void *arg)
{
	struct claimer *c = arg;

	lease_table_release(&c->table);
	heap_release(&c->ending_times);
	free_queues(c->queues);
	free(c->pool);
	free(c->worker);
	free(c);
}

struct claimer *claimer_new(struct loop *loop, const struct claimer_conf *conf,
			    const struct claimer_ops *ops, void *arg, struct error *err)
{
	struct claimer *c = xcalloc(1, sizeof(*c));
	struct lease_conf lease = {
	    .lease_ms = conf->lease_ms > 0 ? conf->lease_ms : POOLS_LEASE_MS,
	    .renew_ms = conf->renew_ms > 0 ? conf->renew_ms : POOLS_RENEW_MS,
	    .margin_ms = LEASE_MARGIN_MS};

	c->loop = loop;
	c->ops = ops;
	c->arg = arg;
	c->pool = xstrdup(conf->pool);
	c->worker = xstrdup(conf->worker);
	c->queues = copy_queues(conf->queues);
	c->lease_ms = lease.lease_ms;
	c->prefetch_ms = conf->prefetch_ms >= 0 ? conf->prefetch_ms : POOLS_PREFETCH_MS;
	c->poll_ms = conf->poll_ms > 0 ? conf->poll_ms : POLL_MS;
	TAILQ_INIT(&c->endings);
	heap_init(&c->ending_times);
	if (lease_table_init(&c->table, &lease, err) < 0) {
		goto fail;
	}
	c->pools = pools_new(loop, conf->redis_url, err);
	if (c->pools == NULL) {
		goto fail;
	}
	pools_on_up(c->pools, on_pools_up, c);
	pools_on_drain(c->pools, on_pools_drain, c);
	if (pools_subscribe(c->pools, c->pool, on_wake, c, err) < 0) {
		pools_free(c->pools);
		goto fail;
	}
	c->timer = loop_timer_new(loop, on_timer, c);
	c->lease_at_ms = INT64_MAX;
	c->claim_at_ms = loop_now_ms(loop);
	c->reap_at_ms = loop_now_ms(loop) + jittered(POOLS_REAP_MS);
	claimer_arm(c);
	return c;
fail:
	claimer_destroy(c);
	return NULL;
}

void claimer_free(struct claimer *c)
{
	if (c == NULL || c->closed) {
		return;
	}
	c->closed = 1;
	pools_free(c->pools); /* completes starts and settlements under way */
	endings_release(c);
	loop_timer_free(c->timer);
	loop_defer_free(c->loop, claimer_destroy, c);
}

void claimer_forget(struct claimer *c, const char *run_id)
{
	(void)lease_move(&c->table, run_id, LEASE_GONE, NULL);
}

int64_t claimer_renewed_ms(const struct claimer *c)
{
	return c->renewed_ms;
}

int claimer_asked(const struct claimer *c)
{
	return c->claiming ? c->claim_room : 0;
}

int claimer_is_up(const struct claimer *c)
{
	return pools_is_up(c->pools);
}

size_t claimer_leases(const struct claimer *c)
{
	return lease_table_count(&c->table);
}

int64_t claimer_trusted_until(const struct claimer *c, const char *run_id)
{
	const struct lease *l = lease_get(&c->table, run_id);
	return l != NULL ? l->trusted_until_ms : 0;
}

uint64_t claimer_token(const struct claimer *c, const char *run_id)
{
	const struct lease *l = lease_get(&c->table, run_id);
	return l != NULL ? l->token : 0;
}
