/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.c - sends outbox rows to Redis, in order, and deletes what was answered.
 *
 *	wake -> read behind the last row known -> send each -> answered -> delete
 *(coalesced)
 *
 * A round goes on while everything succeeds: further rows are read while older ones are
 *under way.  After a failure nothing new is sent; when all is answered, the relay
 *starts over from the first row that is left, with back-off.  Removals are several
 *commands long and run alone.
 */
#include "api/services/relay.h"

#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/db/db.h"
#include "api/services/relay_rows.h"
#include "api/tx.h"
#include "base/backoff.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "pools/pools.h"

#define DELETE_MAX 512
/* A deletion is a commit of its own, with a flush to the disk, unless it meets others:
 * at 20 ms it was one for two runs. */
#define DELETE_DELAY_MS 250
#define SAFETY_MS       30000 /* looks by itself this often */
#define PROTOCOL_TRIES                                                 \
	5 /* a row that Redis refuses is given up after so many rounds \
	   */

static struct metric sent = {
    .name = "wf_relay_sent_total",
    .help = "Outbox rows that Redis has answered for.",
    .type = METRIC_COUNTER,
};
static struct metric failed = {
    .name = "wf_relay_failed_total",
    .help = "Outbox operations that failed and are tried again.",
    .type = METRIC_COUNTER,
};

struct relay {
	struct api *api;
	struct loop_timer *wake_timer, *delete_timer;
	struct backoff backoff;
	struct relay_row rows[RELAY_BATCH]; /* read, not sent yet: from `at` on */
	size_t at, count;
	int64_t last_id; /* of the rows read in this round */
	int64_t in_flight;
	int64_t done[DELETE_MAX]; /* answered, to be deleted */
	size_t done_count;
	int64_t refused_id; /* the row that Redis refuses, and how often */
	int refused;
	int reading, deleting, alone, dirty, broken, stopping;
};

/* One operation under way. */
struct flight {
	struct relay *r;
	int64_t id;
	int alone;
};

static void pump(struct relay *r);

/* ---- deleting ---- */

struct deletion {
	struct relay *r;
	int64_t ids[DELETE_MAX];
	size_t count;
};

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	const struct deletion *d = arg;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < d->count; i++) {
		rc = db_exec(tx->c, SQL_OUTBOX_DELETE, DB_ARGS(db_a_int(d->ids[i])), 1,
			     NULL, err);
	}
	return rc;
}

static void relay_release(struct relay *r)
{
	if (r->stopping && !r->reading && !r->deleting && r->in_flight == 0) {
		loop_timer_free(r->wake_timer);
		loop_timer_free(r->delete_timer);
		for (size_t i = r->at; i < r->count; i++) {
			relay_row_release(&r->rows[i]);
		}
		free(r);
	}
}

/* A row that could not be deleted is sent again in the next round: no harm. */
static void delete_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct deletion *d = arg;
	struct relay *r = d->r;

	(void)tx;
	r->deleting = 0;
	free(d);
	if (rc < 0) {
		log_warn("outbox: deleting what was sent: %s", err->msg);
	}
	if (r->stopping) {
		relay_release(r);
		return;
	}
	if (r->done_count > 0) {
		loop_timer_in(r->delete_timer, DELETE_DELAY_MS);
	}
	pump(r);
}

static void delete_now(struct relay *r)
{
	struct deletion *d;
	struct error err = {0};

	if (r->deleting || r->done_count == 0 || r->stopping) {
		return;
	}
	d = xcalloc(1, sizeof(*d));
	d->r = r;
	d->count = r->done_count;
	memcpy(d->ids, r->done, r->done_count * sizeof(r->done[0]));
	if (tx_run(r->api, DB_WRITE, delete_work, d, delete_done, &err) < 0) {
		free(d);
		loop_timer_in(r->delete_timer, DELETE_DELAY_MS);
		return;
	}
	r->done_count = 0;
	r->deleting = 1;
}

static void on_delete_timer(void *arg)
{
	delete_now(arg);
}

static void row_done(struct relay *r, int64_t id)
{
	metric_add(&sent, 1);
	if (r->done_count == DELETE_MAX) {
		/* cannot be: in flight and done together are bounded by DELETE_MAX */
		r->broken = 1;
		return;
	}
	r->done[r->done_count++] = id;
	if (r->done_count >= RELAY_BATCH) {
		delete_now(r);
	} else if (r->done_count == 1) {
		loop_timer_in(r->delete_timer, DELETE_DELAY_MS);
	}
}

/* ---- sending ---- */

static void note_failure(struct relay *r, int64_t id, int rc, const struct error *err)
{
	metric_add(&failed, 1);
	if (rc == -ERR_PROTOCOL || rc == -ERR_INVALID) {
		r->refused = r->refused_id == id ? r->refused + 1 : 1;
		r->refused_id = id;
		if (rc == -ERR_INVALID || r->refused >= PROTOCOL_TRIES) {
			log_error("outbox row %lld is given up, Redis refuses it: %s",
				  (long long)id, err->msg);
			row_done(r, id);
			return;
		}
	}
	if (!r->broken) {
		log_warn("telling Redis failed, trying again: %s", err->msg);
	}
	r->broken = 1;
}

static void on_answer(int rc, int64_t value, const struct error *err, void *arg)
{
	struct flight *f = arg;
	struct relay *r = f->r;

	(void)value;
	r->in_flight--;
	if (f->alone) {
		r->alone = 0;
	}
	if (r->stopping) {
		free(f);
		relay_release(r);
		return;
	}
	if (rc < 0) {
		note_failure(r, f->id, rc, err);
	} else {
		row_done(r, f->id);
	}
	free(f);
	pump(r);
}

static int send_row(struct relay *r, const struct relay_row *row, struct flight *f,
		    struct error *err)
{
	struct pools *p = r->api->pools;
	struct pools_run run = {
	    .id = row->run_id,
	    .queue = row->queue,
	    .due_ms = row->due_ms,
	    .priority = row->priority,
	    .payload = row->payload,
	    .gen = row->gen,
	    .lane = row->lane,
	    .lane_limit = row->limit,
	    .fence = row->fence,
	};

	switch (row->op) {
	case RELAY_ENQUEUE:
		return pools_enqueue(p, row->pool, &run, on_answer, f, err);
	case RELAY_CANCEL:
		return pools_cancel(p, row->pool, row->run_id, on_answer, f, err);
	case RELAY_HOLD:
		return pools_hold(p, row->pool, &run, POOLS_HOLD_MS, on_answer, f, err);
	case RELAY_SET_LANE:
		return pools_set_lane(p, row->pool, row->lane, row->limit, on_answer, f,
				      err);
	case RELAY_SET_POOL:
		return (row->open ? pools_set_pool : pools_change_pool)(
		    p, row->pool, row->paused, row->limit, on_answer, f, err);
	case RELAY_SET_QUEUE:
		return pools_set_queue(p, row->pool, row->queue, row->paused,
				       row->limit, row->priority, on_answer, f, err);
	case RELAY_REMOVE_QUEUE:
		return pools_remove_queue(p, row->pool, row->queue, on_answer, f, err);
	case RELAY_REMOVE_POOL:
		return pools_remove_pool(p, row->pool, on_answer, f, err);
	case RELAY_NOTHING:
		break;
	}
	return 1;
}

/* 1 sent or settled, 0 has to wait. */
static int take_one(struct relay *r)
{
	struct relay_row *row = &r->rows[r->at];
	struct error err = {0};
	struct flight *f;
	int rc;

	if (r->alone || (relay_op_is_alone(row->op) && r->in_flight > 0) ||
	    r->in_flight + (int64_t)r->done_count >= RELAY_IN_FLIGHT_MAX) {
		return 0;
	}
	f = xcalloc(1, sizeof(*f));
	*f =
	    (struct flight){.r = r, .id = row->id, .alone = relay_op_is_alone(row->op)};
	rc = send_row(r, row, f, &err);
	if (rc == 0) {
		r->in_flight++;
		r->alone = f->alone;
	} else {
		free(f);
		if (rc > 0) {
			row_done(r, row->id);
		} else {
			note_failure(r, row->id, rc, &err);
		}
	}
	relay_row_release(row);
	r->at++;
	return 1;
}

/* ---- reading ---- */

struct reading {
	struct relay *r;
	int64_t after_id;
	struct relay_row rows[RELAY_BATCH];
	size_t count;
};

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	struct reading *rd = arg;

	for (size_t i = 0; i < rd->count; i++) {
		relay_row_release(&rd->rows[i]); /* a retried transaction */
	}
	rd->count = 0;
	return relay_rows_read(tx, rd->after_id, RELAY_BATCH, rd->rows, &rd->count,
			       err);
}

static void read_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct reading *rd = arg;
	struct relay *r = rd->r;

	(void)tx;
	r->reading = 0;
	if (rc < 0 || r->stopping) {
		for (size_t i = 0; i < rd->count; i++) {
			relay_row_release(&rd->rows[i]);
		}
		rd->count = 0;
	}
	if (r->stopping) {
		free(rd);
		relay_release(r);
		return;
	}
	if (rc < 0) {
		log_warn("outbox: reading: %s", err->msg);
		r->broken = 1;
	}
	memcpy(r->rows, rd->rows, rd->count * sizeof(r->rows[0]));
	r->at = 0;
	r->count = rd->count;
	if (rd->count > 0) {
		r->last_id = r->rows[rd->count - 1].id;
	}
	if (rd->count == RELAY_BATCH) {
		r->dirty = 1;
	}
	free(rd);
	pump(r);
}

static void start_read(struct relay *r)
{
	struct reading *rd = xcalloc(1, sizeof(*rd));
	struct error err = {0};

	rd->r = r;
	rd->after_id = r->last_id;
	if (tx_run(r->api, DB_READ, read_work, rd, read_done, &err) < 0) {
		free(rd);
		loop_timer_in(r->wake_timer, 100);
		return;
	}
	r->dirty = 0;
	r->reading = 1;
}

/* All answered and deleted: the next look is from the start again. */
static void end_round(struct relay *r)
{
	if (r->done_count > 0) {
		/* what comes meanwhile is read behind last_id */
		if (r->broken) {
			delete_now(r);
		}
		return;
	}
	r->last_id = 0;
	if (r->broken) {
		r->broken = 0;
		r->dirty = 1;
		loop_timer_in(r->wake_timer, backoff_next(&r->backoff, random_unit()));
		return;
	}
	backoff_reset(&r->backoff);
	loop_timer_in(r->wake_timer, SAFETY_MS);
}

static void drop_unsent(struct relay *r)
{
	for (; r->at < r->count; r->at++) {
		relay_row_release(&r->rows[r->at]);
	}
}

static void pump(struct relay *r)
{
	while (r->at < r->count && !r->broken && take_one(r)) {
	}
	if (r->broken) {
		drop_unsent(r);
	}
	if (r->at < r->count || r->reading) {
		return;
	}
	if (r->dirty && !r->broken) {
		start_read(r);
		return;
	}
	if (r->in_flight == 0 && !r->deleting) {
		end_round(r);
	}
}

void relay_wake(struct relay *r)
{
	if (r == NULL || r->stopping) {
		return;
	}
	r->dirty = 1;
	if (r->api->pools == NULL || r->broken) {
		return;
	}
	pump(r);
}

static void on_wake_timer(void *arg)
{
	struct relay *r = arg;

	if (r->api->pools != NULL && !pools_is_up(r->api->pools)) {
		/* operations would only wait for their deadline */
		loop_timer_in(r->wake_timer, 200);
		return;
	}
	relay_wake(r);
}

struct relay *relay_new(struct api *api)
{
	struct relay *r = xcalloc(1, sizeof(*r));

	r->api = api;
	r->wake_timer = loop_timer_new(api->loop, on_wake_timer, r);
	r->delete_timer = loop_timer_new(api->loop, on_delete_timer, r);
	backoff_init(&r->backoff, 50, 5000);
	metric_register(&sent);
	metric_register(&failed);
	loop_timer_in(r->wake_timer, 1);
	return r;
}

void relay_free(struct relay *r)
{
	if (r == NULL) {
		return;
	}
	r->stopping = 1;
	loop_timer_stop(r->wake_timer);
	loop_timer_stop(r->delete_timer);
	relay_release(r);
}

int64_t relay_in_flight(const struct relay *r)
{
	return r->in_flight;
}
