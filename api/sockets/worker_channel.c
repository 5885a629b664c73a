/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_channel.c - the channels, their messages and their snapshots.
 */
#include "api/sockets/worker_channel.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "api/api.h"
#include "api/sockets/channel_frame.h"
#include "api/sockets/channel_store.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"

#define COALESCE_MS 50
#define WORKS_MAX   8 /* heartbeats under way on one channel */

/* Close reasons; their codes say whether the client comes again. */
#define AUTHENTICATION "authentication_failed"
#define UNSUPPORTED    "unsupported_version"
#define PROTOCOL       "protocol_error"
#define NOT_KEPT       "heartbeat_persistence_failed"
#define TRANSIENT      "transient_server_error"

enum channel_state { CHANNEL_NEW = 1, CHANNEL_GREETING, CHANNEL_OPEN };

struct channel {
	TAILQ_ENTRY(channel) link;
	struct worker_channels *all;
	struct ws_conn *conn; /* NULL: gone, database work is under way */
	enum channel_state state;
	char *pool, *worker; /* owned */
	struct uuid pool_id, consumer_id;
	char *seen; /* owned; of the last snapshot */
	int64_t sequence;
	int works; /* under way */
	int asking, again;
};

struct worker_channels {
	struct api *api;
	struct loop_timer *timer; /* snapshots that were asked for */
	int armed;
	TAILQ_HEAD(, channel) list;
};

/* One piece of database work of a channel. */
struct work {
	struct channel *ch;
	struct channel_frame frame; /* root NULL: a snapshot */
	struct channel_view view;
	const char *reason; /* of the snapshot */
};

static void channel_free(struct channel *ch)
{
	free(ch->pool);
	free(ch->worker);
	free(ch->seen);
	free(ch);
}

static void refuse(struct channel *ch, const char *reason)
{
	int code = strcmp(reason, PROTOCOL) == 0 ? 1002
		   : strcmp(reason, NOT_KEPT) == 0 || strcmp(reason, TRANSIENT) == 0
		       ? 1011
		       : 1008;

	log_debug("channel of worker %s, pool %s: %s",
		  ch->worker != NULL ? ch->worker : "?", ch->pool, reason);
	ws_close(ch->conn, code, "%s", reason);
}

/* Returns 0 when nobody is there any more; the work is freed by the caller. */
static int came_back(struct work *k)
{
	struct channel *ch = k->ch;

	ch->works--;
	if (ch->conn != NULL) {
		return 1;
	}
	if (ch->works == 0) {
		channel_free(ch);
	}
	return 0;
}

static void work_free(struct work *k)
{
	channel_frame_release(&k->frame);
	free(k->view.seen);
	free(k);
}

static void start(struct channel *ch, struct work *k, enum db_kind kind, tx_work_fn fn,
		  tx_done_fn done)
{
	k->ch = ch;
	ch->works++;
	if (tx_run(ch->all->api, kind, fn, k, done, NULL) < 0) {
		ch->works--;
		ch->asking = 0;
		work_free(k);
		refuse(ch, TRANSIENT);
	}
}

/* ---- snapshots ---- */

static void ask(struct channel *ch, const char *reason);

static int snapshot_work(struct tx *tx, void *arg, struct error *err)
{
	struct work *k = arg;

	free(k->view.seen);
	k->view.seen = NULL;
	return channel_snapshot(tx,
				&(struct channel_about){k->ch->pool, &k->ch->pool_id,
							k->ch->sequence + 1, k->reason},
				&k->view, err);
}

static void send_snapshot(struct channel *ch, struct work *k, const struct tx *tx)
{
	if (k->view.refused != NULL) {
		refuse(ch, k->view.refused);
	} else if (strcmp(k->view.seen, ch->seen) != 0) {
		free(ch->seen);
		ch->seen = k->view.seen;
		k->view.seen = NULL;
		ch->sequence++;
		if (ws_send(ch->conn, tx->body.data, tx->body.len) < 0) {
			refuse(ch, TRANSIENT);
		}
	}
}

static void snapshot_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct work *k = arg;
	struct channel *ch = k->ch;

	if (came_back(k)) {
		ch->asking = 0;
		if (rc == 0) {
			send_snapshot(ch, k, tx);
		} else {
			log_warn("channel of worker %s: %s", ch->worker, err->msg);
		}
		if (ch->again) {
			ask(ch, k->reason);
		}
	}
	work_free(k);
}

static void ask(struct channel *ch, const char *reason)
{
	struct work *k;

	ch->again = ch->asking;
	if (ch->asking || ch->state != CHANNEL_OPEN) {
		return;
	}
	ch->asking = 1;
	k = xcalloc(1, sizeof(*k));
	k->reason = reason;
	start(ch, k, DB_READ, snapshot_work, snapshot_done);
}

static void on_timer(void *arg)
{
	struct worker_channels *w = arg;
	struct channel *ch;

	w->armed = 0;
	TAILQ_FOREACH (ch, &w->list, link) {
		ask(ch, "work_pool_updated");
	}
}

void worker_channels_wake(struct worker_channels *w)
{
	if (w != NULL && !w->armed && !TAILQ_EMPTY(&w->list)) {
		w->armed = 1;
		loop_timer_in(w->timer, COALESCE_MS);
	}
}

/* ---- hello ---- */

static int hello_work(struct tx *tx, void *arg, struct error *err)
{
	struct work *k = arg;

	free(k->view.seen);
	k->view.seen = NULL;
	return channel_hello(tx, k->ch->pool, &k->frame.hello, &k->view, err);
}

static void greet(struct channel *ch, struct work *k, const struct tx *tx)
{
	ch->pool_id = k->view.pool_id;
	ch->seen = k->view.seen;
	k->view.seen = NULL;
	ch->sequence = 1;
	ch->state = CHANNEL_OPEN;
	log_info("worker %s of pool %s is connected", ch->worker, ch->pool);
	(void)ws_send(ch->conn, tx->body.data, tx->body.len);
	ws_pause(ch->conn, 0);
	ask(ch, "work_pool_updated"); /* it may have changed meanwhile */
}

static void hello_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct work *k = arg;
	struct channel *ch = k->ch;

	if (!came_back(k)) {
		work_free(k);
		return;
	}
	if (rc < 0) {
		log_warn("channel of worker %s, pool %s: %s", ch->worker, ch->pool,
			 err->msg);
		refuse(ch, TRANSIENT);
	} else if (k->view.refused != NULL) {
		refuse(ch, k->view.refused);
	} else {
		greet(ch, k, tx);
	}
	work_free(k);
}

/* FRAME is taken. */
static void hello(struct channel *ch, struct channel_frame *frame)
{
	struct work *k = xcalloc(1, sizeof(*k));

	k->frame = *frame;
	ch->worker = xstrdup(frame->hello.worker_name);
	ch->consumer_id = frame->hello.consumer_id;
	ch->state = CHANNEL_GREETING;
	ws_pause(ch->conn, 1);
	start(ch, k, DB_WRITE, hello_work, hello_done);
}

/* ---- heartbeats ---- */

static int beat_work(struct tx *tx, void *arg, struct error *err)
{
	const struct work *k = arg;

	return channel_beat(tx, k->ch->pool, &k->frame.beat, err);
}

static void beat_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct work *k = arg;
	struct channel *ch = k->ch;

	(void)tx;
	if (came_back(k)) {
		if (rc < 0) {
			log_warn("heartbeat of worker %s, pool %s: %s", ch->worker,
				 ch->pool, err->msg);
			refuse(ch, NOT_KEPT);
		} else {
			/* somebody else than this process may have changed the pool */
			ask(ch, "heartbeat_reconciliation");
		}
	}
	work_free(k);
}

/* FRAME is taken. */
static void beat(struct channel *ch, struct channel_frame *frame)
{
	struct work *k;

	if (!uuid_equal(&frame->beat.consumer_id, &ch->consumer_id) ||
	    strcmp(frame->beat.worker_name, ch->worker) != 0) {
		channel_frame_release(frame);
		refuse(ch, PROTOCOL);
		return;
	}
	if (ch->works >= WORKS_MAX) {
		channel_frame_release(frame); /* enough of them say the same */
		return;
	}
	k = xcalloc(1, sizeof(*k));
	k->frame = *frame;
	start(ch, k, DB_WRITE, beat_work, beat_done);
}

/* Nothing was handed out to be cleaned up, so nothing can be acknowledged. */
static void answer_cleanup(struct channel *ch, const struct channel_frame *f)
{
	struct buf text;
	struct jsonw w;

	buf_init(&text);
	jsonw_init(&w, &text);
	channel_begin(&w, "cleanup.operation_result.v1",
		      loop_wall_us(ch->all->api->loop));
	jsonw_uuid(&w, "request_frame_id", &f->id);
	jsonw_uuid(&w, "message_id", &f->cleanup.message_id);
	jsonw_str(&w, "operation", f->cleanup.operation);
	jsonw_str(&w, "status", "unauthorized");
	jsonw_null(&w, "lease_expires_at");
	jsonw_str(&w, "reason", "cleanup_delivery_not_accepted");
	jsonw_null(&w, "detail");
	channel_end(&w);
	(void)ws_send(ch->conn, text.data, text.len);
	buf_release(&text);
}

/* ---- the socket ---- */

static void on_open(struct ws_conn *c)
{
	struct channel *ch = xcalloc(1, sizeof(*ch));

	ch->conn = c;
	ch->all = ws_api(c)->channels;
	ch->state = CHANNEL_NEW;
	ch->pool = xstrdup(ws_param(c, "name"));
	TAILQ_INSERT_TAIL(&ch->all->list, ch, link);
	ws_set_ctx(c, ch);
}

static void first_frame(struct channel *ch, struct channel_frame *f)
{
	if (f->type != FRAME_HELLO) {
		channel_frame_release(f);
		refuse(ch, PROTOCOL);
	} else if (!channel_list_has(f->hello.supported_channel_versions,
				     CHANNEL_VERSION)) {
		channel_frame_release(f);
		refuse(ch, UNSUPPORTED);
	} else {
		hello(ch, f);
	}
}

static void on_message(struct ws_conn *c, const char *data, size_t len)
{
	struct channel *ch = ws_ctx(c);
	struct channel_frame f;
	struct error err = {0};

	if (channel_frame_decode(data, len, &f, &err) < 0) {
		log_debug("channel of pool %s: %s", ch->pool, err.msg);
		refuse(ch, PROTOCOL);
	} else if (ch->state == CHANNEL_NEW) {
		first_frame(ch, &f);
	} else if (f.type == FRAME_BEAT && ch->state == CHANNEL_OPEN) {
		beat(ch, &f);
	} else if (f.type == FRAME_CLEANUP && ch->state == CHANNEL_OPEN) {
		answer_cleanup(ch, &f);
		channel_frame_release(&f);
	} else {
		channel_frame_release(&f);
		refuse(ch, PROTOCOL);
	}
}

static void on_close(struct ws_conn *c)
{
	struct channel *ch = ws_ctx(c);

	TAILQ_REMOVE(&ch->all->list, ch, link);
	ch->conn = NULL;
	if (ch->works == 0) {
		channel_free(ch);
	}
}

const struct ws_endpoint worker_channel_socket[] = {
    {.pattern = "/work_pools/{name}/workers/connect",
     .subprotocol_required = 1,
     .auth_reason = AUTHENTICATION,
     .on_open = on_open,
     .on_message = on_message,
     .on_close = on_close},
    {.pattern = NULL},
};

struct worker_channels *worker_channels_new(struct api *api)
{
	struct worker_channels *w = xcalloc(1, sizeof(*w));

	w->api = api;
	TAILQ_INIT(&w->list);
	w->timer = loop_timer_new(api->loop, on_timer, w);
	return w;
}

void worker_channels_free(struct worker_channels *w)
{
	if (w != NULL) {
		loop_timer_free(w->timer);
		free(w);
	}
}
