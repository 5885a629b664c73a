/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_wf.c - runs from Redis: the claimer's events to runs and back.
 */
#include "worker/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/claimer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "worker/guard.h"
#include "worker/agent_link.h"
#include "worker/run.h"
#include "worker/update.h"
#include "worker/worker.h"

#define LATER_MS  5000 /* RUN_OUT_LATER */
#define PAUSE_MS  2000 /* of claiming, after a run had to be handed back at once */
#define CLAIM_MAX 100  /* runs that one claim may bring */

struct source {
	struct worker *w;
	struct claimer *claimer;
	int64_t paused_until_ms; /* no claims before */
	struct loop_timer *patience;
	struct source_rest *rest; /* made when Redis was away for too long */
	int polling;              /* it is: runs come without leases */
};

static int free_slots(void *arg)
{
	const struct source *s = arg;
	int n = worker_free_slots(s->w);

	s->w->looked_ms = loop_now_ms(s->w->loop); /* a claim is about to be tried */
	if (loop_now_ms(s->w->loop) < s->paused_until_ms) {
		n = 0; /* a journal that takes nothing (a full disk) would not take the
			  next one either */
	}
	/* the slots that we ask for count as taken until the answer is there */
	s->w->limit_claimed =
	    n > 0 ? (int64_t)map_count(&s->w->runs) + MIN_OF(n, CLAIM_MAX) : 0;
	return n > CLAIM_MAX ? CLAIM_MAX : n;
}

static void on_appetite(enum claimer_appetite appetite, void *arg)
{
	const struct source *s = arg;

	agent_link_appetite(s->w->link, appetite == CLAIMER_FULL     ? LINK_WANT_MANY
					: appetite == CLAIMER_HUNGRY ? LINK_WANT_ONE
								     : LINK_WANT_NONE);
}

static void on_claim(const struct claim *c, void *arg)
{
	struct source *s = arg;
	const struct worker_offer offer = {c->run_id, c->token, c->attempt};
	struct error err;

	if (worker_offer(s->w, &offer, &err) < 0) {
		log_warn("run %s is handed back: %s", c->run_id, err.msg);
		s->paused_until_ms = loop_now_ms(s->w->loop) + PAUSE_MS;
		(void)claimer_end(s->claimer, c->run_id, CLAIMER_REQUEUE, 0, NULL, NULL,
				  NULL);
	}
}

static void on_cancel(const char *run_id, uint64_t token, void *arg)
{
	const struct source *s = arg;

	(void)token;
	worker_cancel(s->w, run_id);
}

static void on_lost(const char *run_id, uint64_t token, int started, enum lease_why why,
		    void *arg)
{
	const struct source *s = arg;

	(void)started;
	worker_lost(s->w, run_id, token,
		    why == LEASE_WHY_TAKEN ? "another worker owns it"
					   : "its lease could not be renewed");
}

static void on_reaped(const struct claimer_reaped *d, void *arg)
{
	struct source *s = arg;
	struct update_run u = {.backend = &s->w->backend, .fence = d->new_token};
	char *reason;
	struct error err;

	if (d->requeued) {
		log_info("run %s of worker '%s' was not started and is delivered again",
			 d->run_id, d->worker);
		return;
	}
	if (uuid_parse(d->run_id, &u.id) < 0) {
		return;
	}
	reason = d->started ? xasprintf("Lease expired on worker '%s'.", d->worker)
			    : xasprintf("Could not be started after %lld attempts.",
					(long long)d->attempts);
	log_warn("run %s: %s", d->run_id, reason);
	if (update_lost(&u, d->worker, d->started, reason, d->new_token, &err) < 0) {
		log_error("run %s: its loss cannot be reported: %s", d->run_id,
			  err.msg);
	} else {
		/* journalled, so it arrives: Redis need not report it again */
		claimer_end_token(s->claimer, d->run_id, d->new_token, CLAIMER_DONE);
	}
	free(reason);
}

static void on_renewed(void *arg)
{
	worker_trust(((struct source *)arg)->w);
}

/* Redis does not come back: slower, and without leases, but runs run. */
static void on_impatient(void *arg)
{
	struct source *s = arg;

	log_warn("Redis has been away for %.0f s: the API is asked for runs every "
		 "%lld s until it is back; they have no leases",
		 (double)s->w->conf->redis_patience_ms / 1000.0,
		 (long long)s->w->conf->query_s);
	s->polling = 1;
	if (s->rest == NULL) {
		s->rest = source_rest_new(s->w);
	} else {
		source_rest_poll(s->rest, 1);
	}
}

static void on_up(int up, const char *reason, void *arg)
{
	struct source *s = arg;

	if (up) {
		log_info("Redis is reachable");
		loop_timer_stop(s->patience);
		if (s->polling) {
			s->polling = 0;
			source_rest_poll(s->rest, 0);
		}
	} else {
		if (!s->polling && !s->w->draining) {
			loop_timer_in(s->patience, s->w->conf->redis_patience_ms);
		}
		log_warn("Redis is not reachable (%s): no new runs; running ones go on",
			 reason);
	}
}

static void on_drain(void *arg)
{
	const struct source *s = arg;

	s->w->on_drain(s->w);
}

static const struct claimer_ops claimer_ops = {
    .free_slots = free_slots,
    .on_claim = on_claim,
    .on_cancel = on_cancel,
    .on_lost = on_lost,
    .on_reaped = on_reaped,
    .on_appetite = on_appetite,
    .on_drain = on_drain,
    .on_up = on_up,
    .on_renewed = on_renewed,
};

struct start_call {
	void (*fn)(int answer, void *arg);
	void *arg;
};

static void on_start(int rc, enum claimer_start answer, const struct error *err,
		     void *arg)
{
	struct start_call *c = arg;
	int n = rc < 0                            ? -1
		: answer == CLAIMER_GO            ? 1
		: answer == CLAIMER_CANCEL_WANTED ? 2
						  : 0;

	(void)err;
	c->fn(n, c->arg);
	free(c);
}

static void start_later(void *arg)
{
	struct start_call *c = arg;

	c->fn(0, c->arg);
	free(c);
}

/* A run that came from the API while Redis was away. */
static int has_no_lease(const struct source *s, const char *run_id_text)
{
	const struct run *r = map_get(&s->w->runs, run_id_text);

	return r != NULL && run_fence(r) == 0;
}

static void start_at_once(void *arg)
{
	struct start_call *c = arg;

	c->fn(1, c->arg);
	free(c);
}

static void start(void *self, const char *run_id, void (*fn)(int answer, void *arg),
		  void *arg)
{
	struct source *s = self;
	struct start_call *c = xcalloc(1, sizeof(*c));
	struct error err;

	*c = (struct start_call){fn, arg};
	if (has_no_lease(s, run_id)) {
		loop_defer(s->w->loop, start_at_once, c);
		return;
	}
	(void)claimer_pending(s->claimer, run_id, NULL);
	if (claimer_start(s->claimer, run_id, on_start, c, &err) < 0) {
		loop_defer(s->w->loop, start_later, c); /* not held any more */
	}
}

/* A lease that is being ended: the agent's table keeps it until that is done. */
struct end_call {
	struct source *s;
	char id[UUID_TEXT_SIZE];
	uint64_t token;
};

static void on_ended(int rc, const struct error *err, void *arg)
{
	struct end_call *c = arg;

	(void)err;
	if (rc != -ERR_CANCELED) { /* settled, or not ours any more */
		agent_link_drop(c->s->w->link, c->id, c->token, 1);
	}
	free(c);
}

static void end(void *self, const char *run_id, int outcome)
{
	struct source *s = self;
	struct error err;

	if (has_no_lease(s, run_id)) {
		return;
	}
	if (outcome == 0) {
		claimer_forget(s->claimer, run_id);
		return;
	}
	const enum claimer_outcome to = outcome == RUN_OUT_DONE   ? CLAIMER_DONE
					: outcome == RUN_OUT_DROP ? CLAIMER_DROP
								  : CLAIMER_REQUEUE;

	const int64_t due_ms =
	    outcome == RUN_OUT_LATER
		? loop_wall_us(s->w->loop) / CLOCK_US_PER_MS + LATER_MS
		: 0;

	struct end_call *c = NULL;

	if (s->w->link != NULL) {
		c = xcalloc(1, sizeof(*c));
		c->s = s;
		c->token = claimer_token(s->claimer, run_id);
		(void)snprintf(c->id, sizeof(c->id), "%s", run_id);
		agent_link_ending(s->w->link, run_id);
	}
	if (claimer_end(s->claimer, run_id, to, due_ms, c != NULL ? on_ended : NULL, c,
			&err) < 0) {
		log_debug("run %s: its lease cannot be ended: %s", run_id, err.msg);
		if (c != NULL) {
			on_ended(-err.code, &err, c);
		}
	}
}

static void kick(void *self)
{
	const struct source *s = self;

	claimer_kick(s->claimer);
	if (s->polling && !s->w->draining) {
		source_rest_poll(s->rest, 1);
	}
}

static void drain(void *self)
{
	struct source *s = self;

	claimer_drain(s->claimer);
	loop_timer_stop(s->patience);
	if (s->polling) {
		s->polling = 0;
		source_rest_poll(s->rest, 0);
	}
}

static size_t unsettled(const void *self)
{
	return claimer_unsettled(((const struct source *)self)->claimer);
}

static int64_t trusted_until(const void *self, const char *run_id)
{
	return claimer_trusted_until(((const struct source *)self)->claimer, run_id);
}

static void free_source(void *self)
{
	struct source *s = self;

	claimer_free(s->claimer);
	source_rest_free(s->rest);
	loop_timer_free(s->patience);
	free(s);
}

static void set_queues(void *self)
{
	const struct source *s = self;

	claimer_set_queues(s->claimer, worker_queues(s->w));
}

static int64_t renewed_ms(const void *self)
{
	return claimer_renewed_ms(((const struct source *)self)->claimer);
}

static int asked(const void *self)
{
	return claimer_asked(((const struct source *)self)->claimer);
}

static int is_quiet(const void *self)
{
	return claimer_is_quiet(((const struct source *)self)->claimer);
}

static void carry(const void *self, struct carry *to)
{
	claimer_carry(((const struct source *)self)->claimer, to);
}

static int carried(void *self, const json_t *line, struct error *err)
{
	return claimer_carried(((struct source *)self)->claimer, line, err);
}

static const struct source_ops ops = {
    .is_quiet = is_quiet,
    .carry = carry,
    .carried = carried,
    .start = start,
    .end = end,
    .kick = kick,
    .drain = drain,
    .unsettled = unsettled,
    .free = free_source,
    .trusted_until = trusted_until,
    .set_queues = set_queues,
    .renewed_ms = renewed_ms,
    .asked = asked,
};

int source_wf_open(struct worker *w, const char *redis_url, struct error *err)
{
	struct source *s = xcalloc(1, sizeof(*s));
	const struct claimer_conf conf = {
	    .redis_url = redis_url,
	    .pool = w->conf->pool,
	    .worker = w->conf->name,
	    .queues = worker_queues(w),
	    .prefetch_ms = w->conf->prefetch_s * 1000,
	};

	s->w = w;
	s->patience = loop_timer_new(w->loop, on_impatient, s);
	s->claimer = claimer_new(w->loop, &conf, &claimer_ops, s, err);
	if (s->claimer == NULL) {
		loop_timer_free(s->patience);
		free(s);
		return -err->code;
	}
	w->guard = guard_start(w->loop, err);
	if (w->guard == NULL) {
		log_warn("%s: processes end with their leases only while the worker "
			 "itself runs",
			 err->msg);
	}
	w->source = s;
	w->source_ops = &ops;
	return 0;
}
