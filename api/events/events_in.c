/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events_in.c - /events/in: events of clients, in batches, pongs after their COMMIT.
 */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/events/event_check.h"
#include "api/events/hub.h"
#include "api/events/hub_priv.h"
#include "api/events/ingest.h"
#include "api/fence.h"
#include "api/http/http.h"
#include "api/http/ws.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/metrics.h"

#define BATCHES_MAX 4   /* under way at a time */
#define AGAIN_MS    200 /* before a task run is tried again, times the number of tries */
#define TRIES_MAX   6
#define AGAIN_MAX   10000 /* events that wait for their flow run */
#define BUSY_MS     50

struct in_conn {
	struct ws_conn *conn; /* NULL: closed */
	struct fence fence;   /* the lease with which its process speaks */
	size_t unstored;
	int ping_waits;
};

struct item {
	STAILQ_ENTRY(item) link;
	json_t *event;
	struct in_conn *from; /* NULL: a further try, nobody waits */
	struct fence fence;
	int tries, again, stale;
	int64_t due_ms;
};

STAILQ_HEAD(items, item);

struct ingest {
	struct api *api;
	struct items queue, later;
	size_t queued, late_count;
	int batches, flush_queued;
	struct loop_timer *timer;
};

struct batch {
	struct ingest *in;
	struct items items;
	size_t count;
};

static struct metric events_received = {.name = "wf_events_received_total",
					.help = "Events stored from clients.",
					.type = METRIC_COUNTER};
static struct metric events_dropped = {
    .name = "wf_events_unrecorded_total",
    .help = "Task run events given up since their flow run never appeared.",
    .type = METRIC_COUNTER};

static struct metric events_stale = {
    .name = "wf_events_stale_total",
    .help = "Events of processes whose flow run has a newer owner: dropped.",
    .type = METRIC_COUNTER};

static void flush(struct ingest *in);

/* ---- one socket ---- */

static void in_conn_settle(struct in_conn *ic)
{
	if (ic->conn == NULL) {
		if (ic->unstored == 0) {
			free(ic);
		}
		return;
	}
	if (ic->unstored == 0 && ic->ping_waits) {
		ic->ping_waits = 0;
		ws_pong_release(ic->conn);
	}
	if (ic->unstored < HUB_UNSTORED_MAX / 2) {
		ws_pause(ic->conn, 0);
	}
}

static void item_free(struct item *it)
{
	struct in_conn *ic = it->from;

	if (ic != NULL) {
		ic->unstored--;
		in_conn_settle(ic);
	}
	json_decref(it->event);
	free(it);
}

/* ---- batches ---- */

/* What a process says whose run has a newer owner is nobody's event.  Its socket gets
 * its pongs, or it would send them for ever. */
static int store_item(struct tx *tx, struct item *it, struct error *err)
{
	int rc = it->fence.has
		     ? fence_is_stale(tx, &it->fence.run, it->fence.token, err)
		     : 0;

	it->again = 0;
	it->stale = rc > 0;
	if (rc == 0) {
		rc = ingest_event(tx, it->event, &it->again, err);
	}
	/* INVALID: passed the check, and yet: not worth the others */
	return rc == -ERR_INVALID || rc > 0 ? 0 : rc;
}

static int store_batch(struct tx *tx, void *arg, struct error *err)
{
	struct batch *b = arg;
	struct item *it;
	int rc = 0;

	STAILQ_FOREACH(it, &b->items, link)
	{
		rc = store_item(tx, it, err);
		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

static void arm_later(struct ingest *in)
{
	const struct item *first = STAILQ_FIRST(&in->later);

	if (first != NULL) {
		loop_timer_at(in->timer, first->due_ms);
	}
}

static void try_later(struct ingest *in, struct item *it)
{
	if (it->from != NULL) { /* stored: the client need not wait for the record */
		it->from->unstored--;
		in_conn_settle(it->from);
		it->from = NULL;
	}
	if (++it->tries >= TRIES_MAX || in->late_count >= AGAIN_MAX) {
		metric_add(&events_dropped, 1);
		log_warn("event %s: its flow run is not known, not recorded",
			 json_string_value(json_object_get(it->event, "event")));
		item_free(it);
		return;
	}
	it->due_ms = loop_now_ms(in->api->loop) + (int64_t)AGAIN_MS * it->tries;
	STAILQ_INSERT_TAIL(&in->later, it, link);
	in->late_count++;
	arm_later(in);
}

static void fail_item(struct item *it, const struct error *err)
{
	if (it->from != NULL && it->from->conn != NULL) {
		/* without its pong the client sends them again */
		ws_close(it->from->conn, 1011, "The events could not be stored: %s",
			 err->msg);
	}
	item_free(it);
}

static void on_stored(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct batch *b = arg;
	struct ingest *in = b->in;
	struct item *it;

	(void)tx;
	if (rc < 0) {
		log_error("%zu events of clients not stored: %s", b->count, err->msg);
	} else {
		metric_add(&events_received, (int64_t)b->count);
	}
	in->batches--;
	while ((it = STAILQ_FIRST(&b->items)) != NULL) {
		STAILQ_REMOVE_HEAD(&b->items, link);
		if (rc < 0) {
			fail_item(it, err);
		} else if (it->again) {
			try_later(in, it);
		} else {
			metric_add(&events_stale, it->stale);
			item_free(it);
		}
	}
	free(b);
	flush(in);
}

static struct batch *take_batch(struct ingest *in)
{
	struct batch *b = xcalloc(1, sizeof(*b));
	struct item *it;

	b->in = in;
	STAILQ_INIT(&b->items);
	while (b->count < HUB_BATCH_MAX && (it = STAILQ_FIRST(&in->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&in->queue, link);
		STAILQ_INSERT_TAIL(&b->items, it, link);
		in->queued--;
		b->count++;
	}
	return b;
}

static void put_back(struct ingest *in, struct batch *b)
{
	STAILQ_CONCAT(&b->items, &in->queue);
	STAILQ_CONCAT(&in->queue, &b->items);
	in->queued += b->count;
	free(b);
	loop_timer_in(in->timer, BUSY_MS);
}

static void flush(struct ingest *in)
{
	struct error err = {0};
	struct batch *b;

	while (in->batches < BATCHES_MAX && !STAILQ_EMPTY(&in->queue)) {
		b = take_batch(in);
		if (tx_run(in->api, DB_WRITE, store_batch, b, on_stored, &err) < 0) {
			put_back(in, b);
			return;
		}
		in->batches++;
	}
}

static void on_flush(void *arg)
{
	struct ingest *in = arg;

	in->flush_queued = 0;
	flush(in);
}

static void on_timer(void *arg)
{
	struct ingest *in = arg;
	int64_t now = loop_now_ms(in->api->loop);
	struct item *it;

	while ((it = STAILQ_FIRST(&in->later)) != NULL && it->due_ms <= now) {
		STAILQ_REMOVE_HEAD(&in->later, link);
		in->late_count--;
		STAILQ_INSERT_TAIL(&in->queue, it, link);
		in->queued++;
	}
	arm_later(in);
	flush(in);
}

/* ---- the endpoint ---- */

static void on_open(struct ws_conn *c)
{
	struct in_conn *ic = xcalloc(1, sizeof(*ic));

	ic->conn = c;
	fence_parse(ws_fence(c), &ic->fence);
	ws_set_ctx(c, ic);
}

static void on_message(struct ws_conn *c, const char *data, size_t len)
{
	struct in_conn *ic = ws_ctx(c);
	struct ingest *in = ws_api(c)->hub->ingest;
	struct http_invalid *v = http_invalid_new();
	struct error err = {0};
	struct item *it;
	json_t *event = json_parse(data, len, EVENT_BYTES_MAX, &err);

	if (event == NULL) {
		ws_close(c, 1002, "Invalid event: %s", err.msg);
	} else if (event_check(event, "", v) > 0) {
		hub_close_invalid(c, "event", v);
		json_decref(event);
	} else {
		it = xcalloc(1, sizeof(*it));
		it->event = event;
		it->from = ic;
		it->fence = ic->fence;
		ic->unstored++;
		STAILQ_INSERT_TAIL(&in->queue, it, link);
		in->queued++;
		if (!in->flush_queued) {
			in->flush_queued = 1;
			loop_defer(in->api->loop, on_flush, in);
		}
		if (ic->unstored >= HUB_UNSTORED_MAX) {
			ws_pause(c, 1);
		}
	}
	http_invalid_free(v);
}

static int on_ping(struct ws_conn *c)
{
	struct in_conn *ic = ws_ctx(c);

	if (ic->unstored == 0) {
		return 0;
	}
	ic->ping_waits = 1;
	return 1;
}

static void on_close(struct ws_conn *c)
{
	struct in_conn *ic = ws_ctx(c);

	ic->conn = NULL;
	in_conn_settle(ic);
}

const struct ws_endpoint events_in_socket[] = {
    {.pattern = "/events/in",
     .on_open = on_open,
     .on_message = on_message,
     .on_close = on_close,
     .on_ping = on_ping},
    {.pattern = NULL},
};

/* ---- life ---- */

struct ingest *ingest_new(struct api *api)
{
	struct ingest *in = xcalloc(1, sizeof(*in));

	in->api = api;
	STAILQ_INIT(&in->queue);
	STAILQ_INIT(&in->later);
	in->timer = loop_timer_new(api->loop, on_timer, in);
	metric_register(&events_received);
	metric_register(&events_dropped);
	metric_register(&events_stale);
	return in;
}

void ingest_free(struct ingest *in)
{
	struct item *it;

	while ((it = STAILQ_FIRST(&in->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&in->queue, link);
		item_free(it);
	}
	while ((it = STAILQ_FIRST(&in->later)) != NULL) {
		STAILQ_REMOVE_HEAD(&in->later, link);
		item_free(it);
	}
	loop_timer_free(in->timer);
	free(in);
}
