/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reaper.c - the walk over the pools, and what is done about a lost run:
 *
 *	names of pools (reader) -> reap.lua each -> lost: the run ends or is queued
 *again (writer) -> settle.lua: Redis need not report it again
 */
#include "api/services/reaper.h"

#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/orchestration/lost.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/uuid.h"
#include "pools/pools.h"

#define POOLS_SLICE 200 /* pools asked at a time */

static struct metric taken = {
    .name = "wf_reaper_runs_total",
    .help = "Runs taken away from workers that stopped renewing their leases.",
    .type = METRIC_COUNTER,
};

struct reaper {
	struct api *api;
	struct loop_timer *timer;
	char *names[POOLS_SLICE]; /* owned; the slice under way */
	size_t count;
	char *last; /* owned; where the next slice begins; NULL: at the start */
	int under_way, stopping;
};

/* One pool's call, or one lost run. */
struct loss {
	struct reaper *r;
	char *pool, *worker; /* owned */
	struct uuid id;
	uint64_t new_token;
	int started;
};

static void read_names(struct reaper *r);

static void clear_names(struct reaper *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->names[i]);
	}
	r->count = 0;
}

static void release(struct reaper *r)
{
	if (r->under_way == 0) {
		clear_names(r);
		free(r->last);
		loop_timer_free(r->timer);
		free(r);
	}
}

/* One thing that was under way has ended. */
static void ended(struct reaper *r)
{
	r->under_way--;
	if (r->stopping) {
		release(r);
	} else if (r->under_way == 0 && r->last != NULL) {
		read_names(r);
	}
}

static void loss_free(struct loss *l)
{
	free(l->pool);
	free(l->worker);
	free(l);
}

/* ---- lost runs ---- */

static int loss_work(struct tx *tx, void *arg, struct error *err)
{
	const struct loss *l = arg;
	const struct run_loss loss = {
	    .flow_run_id = l->id,
	    .worker = l->worker,
	    .started = l->started,
	    .new_fence = l->new_token,
	};
	struct orc_result res = {.wrote = 0};
	int rc = run_lost_apply(tx, &loss, &res, err);

	orc_result_release(&res);
	return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static void on_settled(int rc, int64_t value, const struct error *err, void *arg)
{
	(void)rc;
	(void)value;
	(void)err;
	ended(arg);
}

/* Written: Redis need not report it again.  (If this fails, it does, and is told that
 * the run is over.) */
static void settle(struct reaper *r, const struct loss *l)
{
	char id[UUID_TEXT_SIZE];

	if (r->api->pools != NULL &&
	    pools_settle(r->api->pools, l->pool, uuid_format(&l->id, id), l->new_token,
			 POOLS_DONE, 0, on_settled, r, NULL) == 0) {
		r->under_way++;
	}
}

static void loss_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct loss *l = arg;
	struct reaper *r = l->r;
	char id[UUID_TEXT_SIZE];

	(void)tx;
	if (rc < 0) {
		log_warn("run %s is lost, but that cannot be written (tried again): %s",
			 uuid_format(&l->id, id), err->msg);
	} else {
		settle(r, l);
	}
	loss_free(l);
	ended(r);
}

static void report(struct reaper *r, const char *pool, const struct pools_reaped *run)
{
	struct loss *l;
	struct error err = {0};

	metric_add(&taken, 1);
	if (strcmp(run->verdict, "requeued") == 0) {
		log_info("run %s of worker '%s' was not started and is delivered again",
			 run->id, run->worker);
		return;
	}
	log_warn("run %s: lease expired on worker '%s'", run->id, run->worker);
	l = xcalloc(1, sizeof(*l));
	if (uuid_parse(run->id, &l->id) < 0) {
		free(l);
		return;
	}
	l->r = r;
	l->pool = xstrdup(pool);
	l->worker = xstrdup(run->worker);
	l->started = run->started;
	l->new_token = run->new_token;
	if (tx_run(r->api, DB_WRITE, loss_work, l, loss_done, &err) < 0) {
		log_warn("run %s is lost, but that cannot be written (tried again): %s",
			 run->id, err.msg);
		loss_free(l);
		return;
	}
	r->under_way++;
}

/* ---- pools ---- */

struct call {
	struct reaper *r;
	char *pool; /* owned */
};

static void reap(struct reaper *r, const char *pool);

static void on_reaped(int rc, const struct pools_reaped *runs, size_t count,
		      const struct error *err, void *arg)
{
	struct call *c = arg;
	struct reaper *r = c->r;

	if (rc < 0 && rc != -ERR_CANCELED) {
		log_debug("reaping pool %s: %s", c->pool, err->msg);
	}
	for (size_t i = 0; rc == 0 && i < count && !r->stopping; i++) {
		report(r, c->pool, &runs[i]);
	}
	if (rc == 0 && count == POOLS_REAP_MAX && !r->stopping) {
		reap(r, c->pool);
	}
	free(c->pool);
	free(c);
	ended(r);
}

static void reap(struct reaper *r, const char *pool)
{
	struct call *c = xcalloc(1, sizeof(*c));
	struct error err = {0};

	c->r = r;
	c->pool = xstrdup(pool);
	if (pools_reap(r->api->pools, pool, POOLS_REAP_MAX, POOLS_MAX_ATTEMPTS,
		       POOLS_REAP_BACKOFF_MS, on_reaped, c, &err) < 0) {
		free(c->pool);
		free(c);
		return;
	}
	r->under_way++;
}

static int names_work(struct tx *tx, void *arg, struct error *err)
{
	struct reaper *r = arg;
	struct db_rows *rows = NULL;
	int rc;

	clear_names(r);
	rc = db_query(
	    tx->c, SQL_REAPER_POOLS,
	    DB_ARGS(db_a_text(r->last != NULL ? r->last : ""), db_a_int(POOLS_SLICE)),
	    2, &rows, err);
	while (rc == 0 && r->count < POOLS_SLICE && (rc = db_next(rows, err)) > 0) {
		r->names[r->count++] = xstrdup(db_text(rows, 0));
		rc = 0;
	}
	db_rows_free(rows);
	return rc;
}

static void names_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct reaper *r = arg;

	(void)tx;
	free(r->last);
	r->last = NULL;
	if (rc < 0) {
		log_warn("reaper: reading the pools: %s", err->msg);
		clear_names(r);
	}
	if (r->count == POOLS_SLICE) {
		r->last = xstrdup(r->names[r->count - 1]);
	}
	for (size_t i = 0; i < r->count && !r->stopping; i++) {
		reap(r, r->names[i]);
	}
	ended(r);
}

static void read_names(struct reaper *r)
{
	struct error err = {0};

	if (tx_run(r->api, DB_READ, names_work, r, names_done, &err) < 0) {
		log_warn("reaper: reading the pools: %s", err.msg);
		free(r->last);
		r->last = NULL;
		return;
	}
	r->under_way++;
}

static void on_timer(void *arg)
{
	struct reaper *r = arg;

	loop_timer_in(r->timer, POOLS_REAP_MS);
	if (r->under_way == 0 && r->api->pools != NULL && pools_is_up(r->api->pools)) {
		read_names(r);
	}
}

struct reaper *reaper_start(struct api *api)
{
	struct reaper *r = xcalloc(1, sizeof(*r));

	r->api = api;
	metric_register(&taken);
	r->timer = loop_timer_new(api->loop, on_timer, r);
	loop_timer_in(r->timer, 1);
	return r;
}

void reaper_stop(struct reaper *r)
{
	if (r == NULL) {
		return;
	}
	r->stopping = 1;
	loop_timer_stop(r->timer);
	release(r);
}
