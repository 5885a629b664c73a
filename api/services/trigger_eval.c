/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trigger_eval.c - the pass, and when it runs.
 *
 *	IDLE --woken, deadline, poll--> PASS (writer) --more--> PASS
 *	                                     +--failed--> state thrown away, retried
 */
#include "api/services/trigger_eval.h"

#include <stdlib.h>

#include "api/api.h"
#include "api/services/service.h"
#include "api/services/trigger_store.h"
#include "api/tx.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/uuid.h"

#define NAME     "triggers"
#define POLL_MS  1000 /* what other replicas stored; also renews the lease */
#define OTHER_MS 5000 /* while somebody else leads */
#define RETRY_MS 1000
#define GAP_MS   4 /* between passes of a busy feed: one COMMIT takes many */

static struct metric fired_total = {
    .name = "wf_triggers_fired_total",
    .help = "Firings of automations.",
    .type = METRIC_COUNTER,
};
static struct metric buckets = {
    .name = "wf_triggers_buckets",
    .help = "Counting windows of triggers that are open.",
    .type = METRIC_GAUGE,
};
static struct metric parked = {
    .name = "wf_triggers_parked",
    .help = "Events that wait for the event they follow.",
    .type = METRIC_GAUGE,
};
static struct metric evaluated_total = {
    .name = "wf_triggers_evaluated_total",
    .help = "Events that were evaluated against the triggers.",
    .type = METRIC_COUNTER,
};

struct trigger_eval {
	struct api *api;
	struct loop_timer *timer;
	struct uuid owner;
	struct trigger_store store; /* of the pass; the loop reads it between passes */
	int tentative; /* a pass has begun and is not known to be committed */
	int running, again, stopping;
	/* of the last pass */
	int leads, more;
	int64_t next_us, started_ms, evaluated;
	struct triggers_stats stats;
};

static int pass_work(struct tx *tx, void *arg, struct error *err)
{
	struct trigger_eval *e = arg;
	int64_t fence;
	int rc = service_lease(tx, NAME, &e->owner, &fence, err);

	e->leads = rc > 0;
	e->more = 0;
	if (rc <= 0) {
		trigger_store_drop(&e->store); /* another one counts on */
		return rc;
	}
	if (e->store.triggers == NULL || e->tentative) {
		rc = trigger_store_load(&e->store, tx, err);
		if (rc < 0) {
			return rc;
		}
	}
	e->tentative = 1;
	rc = trigger_store_pass(&e->store, tx, &e->next_us, &e->more, err);
	triggers_stats(e->store.triggers, &e->stats);
	return rc;
}

static void release(struct trigger_eval *e)
{
	if (!e->running) {
		trigger_store_drop(&e->store);
		loop_timer_free(e->timer);
		free(e);
	}
}

static void plan(struct trigger_eval *e, int rc)
{
	int64_t ms = POLL_MS, until;

	if (rc < 0) {
		ms = RETRY_MS;
	} else if (!e->leads) {
		ms = OTHER_MS;
	} else if (e->more || e->again) {
		until = e->started_ms + GAP_MS - loop_now_ms(e->api->loop);
		ms = e->more || until < 0 ? 0 : until;
	} else if (e->next_us != INT64_MAX) {
		until = (e->next_us - clock_wall_us() + 999) / 1000;
		ms = MIN_OF(ms, MAX_OF(until, 0));
	}
	e->again = 0;
	loop_timer_in(e->timer, ms);
}

static void pass_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct trigger_eval *e = arg;

	(void)tx;
	e->running = 0;
	if (rc < 0) {
		log_warn("service " NAME ": %s", err->msg);
	} else {
		e->tentative = 0;
		metric_add(&fired_total, e->leads ? e->store.fired : 0);
		if (e->stats.evaluated > e->evaluated) {
			metric_add(&evaluated_total, e->stats.evaluated - e->evaluated);
		}
		e->evaluated = e->stats.evaluated;
		metric_set(&buckets, e->stats.buckets);
		metric_set(&parked, e->stats.parked);
	}
	if (e->stopping) {
		release(e);
	} else {
		plan(e, rc);
	}
}

static void on_timer(void *arg)
{
	struct trigger_eval *e = arg;
	struct error err = {0};

	if (e->running) {
		return;
	}
	e->started_ms = loop_now_ms(e->api->loop);
	e->running = 1;
	if (tx_run(e->api, DB_WRITE, pass_work, e, pass_done, &err) < 0) {
		e->running = 0;
		loop_timer_in(e->timer, RETRY_MS);
	}
}

struct trigger_eval *trigger_eval_start(struct api *api)
{
	struct trigger_eval *e = xcalloc(1, sizeof(*e));

	e->api = api;
	uuid_v4(&e->owner);
	e->timer = loop_timer_new(api->loop, on_timer, e);
	metric_register(&fired_total);
	metric_register(&evaluated_total);
	metric_register(&buckets);
	metric_register(&parked);
	loop_timer_in(e->timer, 0);
	return e;
}

void trigger_eval_wake(struct trigger_eval *e)
{
	int64_t wait;

	if (e == NULL || e->stopping) {
		return;
	}
	if (e->running) {
		e->again = 1;
		return;
	}
	wait = e->started_ms + GAP_MS - loop_now_ms(e->api->loop);
	loop_timer_in(e->timer, MAX_OF(wait, 0));
}

void trigger_eval_stop(struct trigger_eval *e)
{
	if (e == NULL) {
		return;
	}
	e->stopping = 1;
	loop_timer_stop(e->timer);
	service_leases_drop(e->api, &e->owner);
	release(e);
}
