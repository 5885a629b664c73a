/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reconciler.c - the walk: epoch, queues, owned runs, pools, waiting runs.
 *
 *	read a slice (reader) -> ask or tell Redis about its rows -> all answered ->
 *next slice
 *
 * Any failure ends the walk; the next one begins from the start.
 */
#include "api/services/reconciler.h"

#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/services/reconcile_rows.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "pools/pools.h"

#define RETRY_MS 2000
#define PING_MS  5000

struct reconciler {
	struct api *api;
	struct loop_timer *timer;
	enum reconcile_phase phase;
	struct rec_slice slice;
	char epoch[UUID_TEXT_SIZE];
	int64_t passes, rebuilds, next_walk_ms;
	int rebuild, rebuilding; /* wanted; this walk is one */
	int under_way;           /* database work and Redis operations */
	int walking, failed, again, stopping;
};

static void next_step(struct reconciler *r);

static void release(struct reconciler *r)
{
	if (r->under_way == 0) {
		rec_slice_release(&r->slice);
		loop_timer_free(r->timer);
		free(r);
	}
}

static void fail(struct reconciler *r, const char *what, const struct error *err)
{
	if (!r->failed) {
		log_warn("reconciler: %s: %s", what, err->msg);
	}
	r->failed = 1;
}

/* One thing that was under way has ended. */
static void ended(struct reconciler *r)
{
	r->under_way--;
	if (r->stopping) {
		release(r);
	} else if (r->under_way == 0) {
		next_step(r);
	}
}

/* ---- Redis answers ---- */

static void on_told(int rc, int64_t value, const struct error *err, void *arg)
{
	struct reconciler *r = arg;

	(void)value;
	if (rc < 0) {
		fail(r, "telling Redis", err);
	}
	ended(r);
}

static void told(struct reconciler *r, int rc, const struct error *err)
{
	if (rc == 0) {
		r->under_way++;
	} else if (rc == -ERR_INVALID) {
		log_error("reconciler: %s",
			  err->msg); /* a name that Redis cannot take */
	} else {
		fail(r, "telling Redis", err);
	}
}

static void note_epoch(int64_t value)
{
	if (value == 0) {
		log_info("redis is empty or new: telling it everything");
	}
}

static void on_epoch(int rc, int64_t value, const struct error *err, void *arg)
{
	struct reconciler *r = arg;

	if (rc < 0) {
		fail(r, "asking Redis for its epoch", err);
	} else {
		note_epoch(value);
	}
	ended(r);
}

/* ---- writing ---- */

struct heal {
	struct reconciler *r;
	struct rec_row row;
	enum reconcile_phase phase;
	enum owned_verdict verdict;
};

static int heal_work(struct tx *tx, void *arg, struct error *err)
{
	const struct heal *h = arg;

	if (h->phase == REC_RUNS) {
		return rec_revive(tx, &h->row.id, h->row.gen, err);
	}
	return h->verdict == OWNED_RETURNED ? rec_returned(tx, &h->row, err)
					    : rec_lost(tx, &h->row, h->phase, err);
}

static void heal_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct heal *h = arg;
	struct reconciler *r = h->r;

	(void)tx;
	if (rc < 0) {
		fail(r, "writing", err);
	}
	free(h->row.owner);
	free(h);
	ended(r);
}

static void heal(struct reconciler *r, const struct rec_row *row,
		 enum owned_verdict verdict)
{
	struct heal *h = xcalloc(1, sizeof(*h));
	struct error err = {0};

	h->r = r;
	h->phase = r->phase;
	h->verdict = verdict;
	h->row.id = row->id;
	h->row.gen = row->gen;
	h->row.fence = row->fence;
	h->row.owner = row->owner != NULL ? xstrdup(row->owner) : NULL;
	if (tx_run(r->api, DB_WRITE, heal_work, h, heal_done, &err) < 0) {
		fail(r, "writing", &err);
		free(h->row.owner);
		free(h);
		return;
	}
	r->under_way++;
}

/* ---- what to do with each row ---- */

static void enqueue(struct reconciler *r, const struct rec_row *row)
{
	struct pools_run run = {
	    .id = row->id_text,
	    .queue = row->queue,
	    .due_ms = row->due_ms,
	    .priority = row->priority,
	    .payload = row->payload,
	    .gen = row->gen,
	    .lane = row->lane,
	    .lane_limit = row->limit,
	    .fence = row->fence,
	};
	struct error err = {0};

	told(r, pools_enqueue(r->api->pools, row->pool, &run, on_told, r, &err), &err);
}

static void waiting_run(struct reconciler *r, const struct rec_row *row,
			const struct pools_info *info)
{
	const char *st = info->state != NULL ? info->state : "";

	if (st[0] == '\0' || info->gen < row->gen ||
	    (r->rebuilding && strcmp(st, "ready") == 0)) {
		enqueue(r, row);
		return;
	}
	if (strcmp(st, "ready") == 0) {
		if (info->queue == NULL || strcmp(info->queue, row->queue) != 0) {
			enqueue(r, row);
		}
		return;
	}
	if (strcmp(st, "leased") != 0 && info->gen == row->gen) {
		heal(r, row, OWNED_LOST);
	}
}

static void on_restored(int rc, const int64_t *values, size_t count,
			const struct error *err, void *arg)
{
	struct reconciler *r = arg;

	(void)values;
	(void)count;
	if (rc < 0) {
		fail(r, "giving a lease back", err);
	}
	ended(r);
}

/* A lease like the one that was lost.  A run that is not Running yet has not begun: its
 * present owner's token stops counting when another worker gets it. */
static void restore(struct reconciler *r, const struct rec_row *row)
{
	struct pools_lease lease = {
	    .token = row->fence,
	    .queue = row->queue,
	    .gen = row->gen,
	    .started = r->phase != REC_PENDING,
	};
	struct error err = {0};

	memcpy(lease.id, row->id_text, sizeof(lease.id));
	told(r,
	     pools_renew(r->api->pools, row->pool,
			 row->owner != NULL ? row->owner : "unknown", POOLS_LEASE_MS,
			 &lease, 1, on_restored, r, &err),
	     &err);
}

static void owned_run(struct reconciler *r, const struct rec_row *row,
		      const struct pools_info *info)
{
	struct owned_facts f = {
	    .now_us = loop_wall_us(r->api->loop),
	    .state_at_us = row->state_at_us,
	    .redis_state = info->state,
	    .expires_ms = info->expires_ms,
	    .pending = r->phase == REC_PENDING,
	};
	enum owned_verdict verdict = owned_decide(&f);

	switch (verdict) {
	case OWNED_RESTORE:
		restore(r, row);
		break;
	case OWNED_LOST:
	case OWNED_RETURNED:
		heal(r, row, verdict);
		break;
	case OWNED_ALIVE:
	case OWNED_WAIT:
		break;
	}
}

/* ---- asking about the runs of one pool ---- */

struct question {
	struct reconciler *r;
	size_t rows[RECONCILE_SLICE];
	size_t count;
};

static void on_info(int rc, const struct pools_info *infos, size_t count,
		    const struct error *err, void *arg)
{
	struct question *q = arg;
	struct reconciler *r = q->r;

	if (rc < 0) {
		fail(r, "asking Redis about runs", err);
	}
	for (size_t i = 0; rc >= 0 && i < count && i < q->count && !r->stopping; i++) {
		const struct rec_row *row = &r->slice.rows[q->rows[i]];

		if (r->phase == REC_RUNS) {
			waiting_run(r, row, &infos[i]);
		} else {
			owned_run(r, row, &infos[i]);
		}
	}
	free(q);
	ended(r);
}

static void ask_pool(struct reconciler *r, size_t first)
{
	const char *pool = r->slice.rows[first].pool;
	const char *ids[RECONCILE_SLICE];
	struct question *q = xcalloc(1, sizeof(*q));
	struct error err = {0};
	int rc;

	q->r = r;
	for (size_t i = first; i < r->slice.count; i++) {
		struct rec_row *row = &r->slice.rows[i];

		if (!row->handled && strcmp(row->pool, pool) == 0 &&
		    (r->phase == REC_RUNS || row->owner != NULL)) {
			row->handled = 1;
			ids[q->count] = row->id_text;
			q->rows[q->count++] = i;
		}
	}
	rc = pools_inspect(r->api->pools, pool, ids, q->count, on_info, q, &err);
	if (rc < 0) {
		free(q);
	}
	told(r, rc, &err);
}

/* Runs of workers without leases: we prolong what stands for one. */
static void hold(struct reconciler *r, struct rec_row *row)
{
	const struct pools_run run = {
	    .id = row->id_text,
	    .queue = row->queue,
	    .lane = row->lane,
	    .gen = row->gen,
	};
	struct error err = {0};

	row->handled = 1;
	told(
	    r,
	    pools_hold(r->api->pools, row->pool, &run, POOLS_HOLD_MS, on_told, r, &err),
	    &err);
}

static int is_run_phase(enum reconcile_phase phase)
{
	return phase == REC_PENDING || phase == REC_RUNNING || phase == REC_CANCELLING;
}

static void handle_slice(struct reconciler *r)
{
	struct pools *p = r->api->pools;
	struct error err = {0};

	for (size_t i = 0; i < r->slice.count && !r->failed; i++) {
		struct rec_row *row = &r->slice.rows[i];

		if (r->phase == REC_POOLS) {
			told(r,
			     pools_set_pool(p, row->pool, row->paused, row->limit,
					    on_told, r, &err),
			     &err);
		} else if (r->phase == REC_QUEUES) {
			told(r,
			     pools_set_queue(p, row->pool, row->queue, row->paused,
					     row->limit, row->priority, on_told, r,
					     &err),
			     &err);
		} else if (is_run_phase(r->phase) && row->owner == NULL) {
			hold(r, row);
		} else if (!row->handled) {
			ask_pool(r, i);
		}
	}
}

/* ---- the walk ---- */

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	struct reconciler *r = arg;

	if (r->phase == REC_EPOCH) {
		return rec_epoch_read(tx, r->epoch, err);
	}
	return rec_slice_read(tx, r->phase, &r->slice, err);
}

static void read_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct reconciler *r = arg;
	struct error why = {0};

	(void)tx;
	if (rc < 0) {
		fail(r, "reading", err);
	} else if (!r->stopping && r->phase == REC_EPOCH) {
		told(r, pools_epoch(r->api->pools, r->epoch, on_epoch, r, &why), &why);
	} else if (!r->stopping) {
		handle_slice(r);
	}
	ended(r);
}

static void read_next(struct reconciler *r)
{
	struct error err = {0};
	enum db_kind kind = r->phase == REC_EPOCH ? DB_WRITE : DB_READ;

	if (tx_run(r->api, kind, read_work, r, read_done, &err) < 0) {
		fail(r, "reading", &err);
		next_step(r);
		return;
	}
	r->under_way++;
}

/* After a whole walk only the epoch is asked for, until the next one. */
static void end_walk(struct reconciler *r)
{
	int64_t wait = r->again ? 0 : (r->failed ? RETRY_MS : RECONCILE_MS);

	rec_slice_release(&r->slice);
	r->walking = 0;
	r->passes += !r->failed;
	r->rebuilds += r->rebuilding && !r->failed;
	r->rebuild |= r->rebuilding && r->failed;
	r->rebuilding = 0;
	r->next_walk_ms = loop_now_ms(r->api->loop) + wait;
	r->again = 0;
	loop_timer_in(r->timer, wait < PING_MS ? wait : PING_MS);
}

static void next_step(struct reconciler *r)
{
	int whole = r->phase == REC_EPOCH || r->slice.count < RECONCILE_SLICE;

	if (r->failed) {
		end_walk(r);
		return;
	}
	if (whole) {
		r->phase = (enum reconcile_phase)(r->phase + 1);
		rec_slice_release(&r->slice);
		memset(&r->slice.last, 0, sizeof(r->slice.last));
		r->slice.last_pool[0] = '\0';
	}
	if (r->phase == REC_DONE) {
		end_walk(r);
		return;
	}
	read_next(r);
}

static void start_walk(struct reconciler *r)
{
	r->walking = 1;
	r->failed = 0;
	r->rebuilding = r->rebuild;
	r->rebuild = 0;
	r->phase = REC_EPOCH;
	read_next(r);
}

static void on_ping(int rc, int64_t value, const struct error *err, void *arg)
{
	struct reconciler *r = arg;

	(void)err;
	r->under_way--;
	if (r->stopping) {
		release(r);
		return;
	}
	if (rc == 0 && value == 0) {
		note_epoch(value);
		reconciler_now(r);
	}
	if (r->walking && r->under_way == 0) {
		next_step(r); /* the walk waited for this answer only */
	}
}

/* Redis may lose its data without losing the connection. */
static void ping(struct reconciler *r)
{
	struct error err = {0};

	if (pools_epoch(r->api->pools, r->epoch, on_ping, r, &err) == 0) {
		r->under_way++;
	}
	loop_timer_in(r->timer, PING_MS);
}

static void on_timer(void *arg)
{
	struct reconciler *r = arg;

	if (r->walking || r->api->pools == NULL) {
		return;
	}
	if (!pools_is_up(r->api->pools)) {
		loop_timer_in(r->timer, 500);
		return;
	}
	if (loop_now_ms(r->api->loop) < r->next_walk_ms) {
		ping(r);
	} else {
		start_walk(r);
	}
}

struct reconciler *reconciler_start(struct api *api)
{
	struct reconciler *r = xcalloc(1, sizeof(*r));

	r->api = api;
	r->timer = loop_timer_new(api->loop, on_timer, r);
	loop_timer_in(r->timer, 1);
	return r;
}

void reconciler_stop(struct reconciler *r)
{
	if (r == NULL) {
		return;
	}
	r->stopping = 1;
	loop_timer_stop(r->timer);
	release(r);
}

void reconciler_now(struct reconciler *r)
{
	if (r == NULL || r->stopping) {
		return;
	}
	r->next_walk_ms = 0;
	if (r->walking) {
		r->again = 1;
	} else {
		loop_timer_in(r->timer, 0);
	}
}

void reconciler_rebuild(struct reconciler *r)
{
	if (r != NULL) {
		r->rebuild = 1;
		reconciler_now(r);
	}
}

int64_t reconciler_rebuilds(const struct reconciler *r)
{
	return r->rebuilds;
}

int64_t reconciler_passes(const struct reconciler *r)
{
	return r->passes;
}
