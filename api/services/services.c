/* SPDX-License-Identifier: Apache-2.0 */
/*
 * services.c - the table of services, and the timer that runs them.
 *
 *	due -> probe (reader) -> nothing to do: wait for the interval
 *	                      -> pass (writer, under the leader lease) -> more: again at
 *once
 */
#include "api/services/services.h"

#include <stdlib.h>

#include "api/actions/actions.h"
#include "api/api.h"
#include "api/db/db.h"
#include "api/services/reaper.h"
#include "api/services/reconciler.h"
#include "api/services/service.h"
#include "api/services/trigger_eval.h"
#include "api/tx.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/uuid.h"

#define RETRY_MS 2000 /* after a pass that failed */
#define OTHER_MS 5000 /* while somebody else leads: it may be gone by then */

static const struct service *const table[] = {
    &service_scheduler,    &service_late_runs, &service_pause_expiry,
    &service_cancellation, &service_foreman,   &service_lease_reaper,
    &service_retention,    &service_rollups,
};
#define SERVICES (sizeof(table) / sizeof(table[0]))

static struct metric passes = {
    .name = "wf_services_passes_total",
    .help = "Passes of background services that changed or looked for something.",
    .type = METRIC_COUNTER,
};
static struct metric changed = {
    .name = "wf_services_changes_total",
    .help = "Objects that background services changed.",
    .type = METRIC_COUNTER,
};

struct runner {
	struct heap_node node; /* key: due, monotonic ms; first member */
	const struct service *service;
	struct services *s;
	struct service_pass pass;
	int running, again, leads;
	int woken;   /* something happened since the last pass began */
	int follows; /* the last pass found another leader */
	int64_t last_run_us;
};

struct services {
	struct api *api;
	struct uuid owner; /* this process */
	struct heap heap;
	struct loop_timer *timer;
	struct reconciler *reconciler;
	struct reaper *reaper;
	struct trigger_eval *triggers;
	struct actions *actions;
	struct runner runners[SERVICES];
	int under_way, stopping;
};

static void arm(struct services *s)
{
	loop_timer_at(s->timer, heap_min_key(&s->heap));
}

static void set_due(struct runner *r, int64_t in_ms)
{
	heap_set(&r->s->heap, &r->node, loop_now_ms(r->s->api->loop) + in_ms);
	arm(r->s);
}

static void services_release(struct services *s)
{
	if (s->under_way > 0) {
		return;
	}
	loop_timer_free(s->timer);
	heap_release(&s->heap);
	free(s);
}

/* When to come again: the interval, or sooner when the pass says so. */
static int64_t wait_ms(const struct runner *r)
{
	int64_t ms = r->service->interval_ms;
	int64_t until_ms;

	if (r->pass.more || r->again) {
		return r->again ? 0 : r->service->pause_ms;
	}
	if (r->follows && ms > OTHER_MS) {
		return OTHER_MS;
	}
	if (r->pass.next_us != 0) {
		until_ms = (r->pass.next_us - loop_wall_us(r->s->api->loop)) / 1000 + 1;
		if (until_ms < ms) {
			ms = until_ms > 0 ? until_ms : 0;
		}
	}
	return ms;
}

static void settle(struct runner *r, int rc, const struct error *err)
{
	struct services *s = r->s;

	r->running = 0;
	s->under_way--;
	if (s->stopping) {
		services_release(s);
		return;
	}
	if (rc < 0) {
		log_warn("service %s: %s", r->service->name, err->msg);
		set_due(r, RETRY_MS);
		return;
	}
	metric_add(&changed, r->pass.done);
	r->woken |= r->pass.woken && r->pass.more;
	set_due(r, wait_ms(r));
	r->again = 0;
}

/* ---- the pass ---- */

static int pass_work(struct tx *tx, void *arg, struct error *err)
{
	struct runner *r = arg;
	int64_t fence;
	int rc = service_lease(tx, r->service->name, &r->s->owner, &fence, err);

	r->leads = rc > 0;
	r->follows = rc == 0;
	r->pass.more = 0;
	r->pass.next_us = 0;
	r->pass.done = 0;
	r->pass.began_mono_us = clock_mono_us();
	if (rc <= 0) {
		return rc;
	}
	return r->service->pass(tx, &r->pass, err);
}

static void pass_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct runner *r = arg;

	metric_add(&passes, 1);
	if (rc == 0 && r->leads && !r->pass.woken) {
		r->last_run_us = tx->now_us;
	}
	settle(r, rc, err);
}

static int start_pass(struct runner *r, struct error *err)
{
	r->pass.last_run_us = r->last_run_us;
	return tx_run(r->s->api, DB_WRITE, pass_work, r, pass_done, err);
}

/* ---- the probe ---- */

static int probe_work(struct tx *tx, void *arg, struct error *err)
{
	struct runner *r = arg;
	int rc;

	r->pass = (struct service_pass){.last_run_us = r->last_run_us,
					.woken = r->pass.woken};
	rc = r->service->probe(tx, &r->pass, err);
	r->pass.more = rc > 0;
	return rc < 0 ? rc : 0;
}

static void probe_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct runner *r = arg;
	struct error why = {0};

	(void)tx;
	if (rc < 0 || !r->pass.more || r->s->stopping) {
		settle(r, rc, err);
		return;
	}
	if (start_pass(r, &why) < 0) {
		settle(r, -why.code, &why);
	}
}

static void start(struct runner *r)
{
	struct error err = {0};
	int rc;

	heap_remove(&r->s->heap, &r->node);
	r->running = 1;
	r->again = 0;
	r->pass.woken = r->woken;
	r->woken = 0;
	r->s->under_way++;
	if (r->service->probe != NULL) {
		r->pass.last_run_us = r->last_run_us;
		rc = tx_run(r->s->api, DB_READ, probe_work, r, probe_done, &err);
	} else {
		rc = start_pass(r, &err);
	}
	if (rc < 0) {
		settle(r, rc, &err);
	}
}

static void on_timer(void *arg)
{
	struct services *s = arg;
	int64_t now = loop_now_ms(s->api->loop);

	while (heap_min_key(&s->heap) <= now) {
		start((struct runner *)heap_min(&s->heap));
	}
	arm(s);
}

static int clear_work(struct tx *tx, void *arg, struct error *err)
{
	(void)arg;
	return db_exec(tx->c, SQL_SERVICE_LEASE_CLEAR, NULL, 0, NULL, err);
}

/* The data directory's lock says that whoever held them is dead: nothing is waited for
 * after a crash.  A database elsewhere may have other servers. */
static void clear_leases(struct api *api)
{
	if (api->conf->database_url == NULL || api->conf->database_url[0] == '\0') {
		(void)tx_run(api, DB_WRITE, clear_work, NULL, NULL, NULL);
	}
}

struct services *services_start(struct api *api)
{
	struct services *s = xcalloc(1, sizeof(*s));

	s->api = api;
	uuid_v4(&s->owner);
	heap_init(&s->heap);
	s->timer = loop_timer_new(api->loop, on_timer, s);
	metric_register(&passes);
	metric_register(&changed);
	clear_leases(api);
	for (size_t i = 0; i < SERVICES; i++) {
		s->runners[i].service = table[i];
		s->runners[i].s = s;
		set_due(&s->runners[i], (int64_t)i * 20);
	}
	s->reconciler = reconciler_start(api);
	s->reaper = reaper_start(api);
	s->triggers = trigger_eval_start(api);
	s->actions = actions_start(api);
	return s;
}

void services_stop(struct services *s)
{
	if (s == NULL) {
		return;
	}
	reconciler_stop(s->reconciler);
	reaper_stop(s->reaper);
	trigger_eval_stop(s->triggers);
	actions_stop(s->actions);
	s->stopping = 1;
	service_leases_drop(s->api, &s->owner);
	loop_timer_stop(s->timer);
	services_release(s);
}

static void wake_service(struct services *s, const struct service *service)
{
	for (size_t i = 0; i < SERVICES; i++) {
		struct runner *r = &s->runners[i];

		if (r->service == service) {
			r->woken = 1;
			if (r->running) {
				r->again = 1;
			} else {
				set_due(r, 0);
			}
		}
	}
}

void services_wake(struct services *s, unsigned int fx)
{
	if (s == NULL || s->stopping) {
		return;
	}
	if ((fx & FX_TRIGGERS) != 0) {
		trigger_eval_wake(s->triggers);
	}
	if ((fx & FX_ACTIONS) != 0) {
		actions_wake(s->actions);
	}
	if ((fx & FX_SCHEDULES) != 0) {
		wake_service(s, &service_scheduler);
	}
	if ((fx & FX_SUBFLOWS) != 0) {
		wake_service(s, &service_cancellation);
	}
}

void services_redis_up(struct services *s)
{
	if (s != NULL && !s->stopping) {
		reconciler_now(s->reconciler);
	}
}

void services_rebuild(struct services *s)
{
	if (s != NULL && !s->stopping) {
		reconciler_rebuild(s->reconciler);
	}
}

int64_t services_rebuilds(const struct services *s)
{
	return s != NULL ? reconciler_rebuilds(s->reconciler) : 0;
}
