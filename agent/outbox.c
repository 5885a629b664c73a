/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.c - see outbox.h.  Items in, the clocks, opening and closing; batches are in
 * outbox_batch.c, the queues in outbox_items.c.
 *
 * Syncing to disk runs beside sending: an item whose answer comes within SYNC_MS needs
 * none.
 */
#include "agent/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "agent/aiosync.h"
#include "agent/journal.h"
#include "agent/outbox_priv.h"
#include "base/backoff.h"
#include "base/compiler.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/loop.h"
#include "base/mem.h"

#define SYNC_MS      50
#define RETRY_MS     100
#define RETRY_CAP_MS 10000
#define UPDATES_PATH "/wf/v1/updates"

/* The last part of it: what an answer that comes late still needs. */
void outbox_destroy(void *arg)
{
	struct outbox *o = arg;

	for (size_t i = 0; o->headers[i] != NULL; i++) {
		free(o->headers[i]);
	}
	free(o->url);
	free(o->sender);
	free(o->pool);
	free(o);
}

/* ---- time ---- */

int outbox_is_due(const struct outbox *o)
{
	return o->items.urgent > 0 || o->items.unsent >= PROTO_BATCH_MAX;
}

void outbox_arm(struct outbox *o)
{
	int64_t at = INT64_MAX;

	if (o->closed) {
		return;
	}
	if (!o->in_flight && o->items.unsent > 0) {
		at = MAX_OF(outbox_is_due(o) ? 0 : o->send_ms, o->retry_ms);
	}
	at = MIN_OF(at, o->unblock_ms);
	if (!o->syncing) {
		at = MIN_OF(at, o->sync_ms);
	}
	loop_timer_at(o->timer, at);
}

/* Something may be sent; the first item starts the wait for more. */
void outbox_changed(struct outbox *o)
{
	if (o->items.unsent == 0) {
		o->send_ms = INT64_MAX;
	} else if (o->send_ms == INT64_MAX) {
		o->send_ms = loop_now_ms(o->loop) + o->conf.batch_ms;
	}
	outbox_arm(o);
}

void outbox_warn(const struct outbox *o, const char *text)
{
	if (o->conf.on_warning != NULL) {
		o->conf.on_warning(text, o->conf.arg);
	}
}

void outbox_tell_up(struct outbox *o, int up, const char *why)
{
	if (o->told_up != up && o->conf.on_up != NULL && !o->closed) {
		o->told_up = up;
		o->conf.on_up(up, why, o->conf.arg);
	}
}

/* ---- flushing ---- */

void outbox_check_flushes(struct outbox *o)
{
	struct flush *f;

	while (!o->closed && (f = TAILQ_FIRST(&o->flushes)) != NULL &&
	       journal_oldest(o->journal) >= f->upto) {
		struct flush copy = *f;

		TAILQ_REMOVE_HEAD(&o->flushes, link);
		free(f);
		copy.fn(copy.arg);
	}
}

/* ---- syncing ---- */

static void on_synced(int rc, const struct error *err, void *arg)
{
	struct outbox *o = arg;
	struct error why = {0};
	uint64_t upto = 0;

	o->syncing = 0;
	if (rc == 0) {
		journal_synced(o->journal, o->sync_upto);
	} else if (!o->sync_failed) {
		why = *err;
		(void)err_wrap(&why, "the journal in %s", journal_path(o->journal));
		outbox_warn(o, why.msg);
	}
	o->sync_failed = rc < 0;
	if (!o->closed) {
		int more = journal_unsynced(o->journal, &upto) >= 0;
		o->sync_ms = more ? loop_now_ms(o->loop) + SYNC_MS : INT64_MAX;
		outbox_arm(o);
	}
}

static void try_sync(struct outbox *o)
{
	int fd = journal_unsynced(o->journal, &o->sync_upto);

	o->sync_ms = INT64_MAX;
	if (fd >= 0) {
		o->syncing = aiosync_start(o->sync, fd, on_synced, o, NULL) == 0;
	}
}

static void on_timer(void *arg)
{
	struct outbox *o = arg;
	int64_t now = loop_now_ms(o->loop);

	outbox_check_flushes(o);
	if (o->closed) {
		return;
	}
	o->unblock_ms = items_unblock(&o->items, now);
	outbox_changed(o);
	if (!o->in_flight && o->items.unsent > 0 && now >= o->retry_ms &&
	    (outbox_is_due(o) || now >= o->send_ms)) {
		outbox_send_batch(o);
	}
	if (!o->closed && !o->syncing && now >= o->sync_ms) {
		try_sync(o);
	}
	outbox_arm(o);
}

/* ---- items ---- */

static void item_fill(struct outbox *o, struct item *item, const Wf__Updates__Update *u)
{
	memcpy(item->id, u->id.data, 16);
	item->fence = u->fence;
	item->body_case = (int)u->body_case;
	item->put_ms = loop_now_ms(o->loop);
	if (u->body_case == WF__UPDATES__UPDATE__BODY_FLOW_STATE &&
	    u->flow_state->state != NULL) {
		item->state_type = (int)u->flow_state->state->type;
	}
}

static int check_update(const struct outbox *o, const Wf__Updates__Update *u,
			struct error *err)
{
	if (o->closed) {
		return err_set(err, ERR_CANCELED, "the outbox is being closed");
	}
	if (u->id.len != 16 || u->flow_run_id.len != 16) {
		return err_set(err, ERR_INVALID,
			       "an update needs its id and its run's id");
	}
	if (map_get_n(&o->items.by_id, u->id.data, 16) != NULL) {
		return err_set(err, ERR_CONFLICT, "this update was put already");
	}
	if (map_count(&o->items.by_id) >= OUTBOX_ITEMS_MAX) {
		return err_set(err, ERR_LIMIT, "%d updates wait for the API already",
			       OUTBOX_ITEMS_MAX);
	}
	return 0;
}

/* Packs and appends; 0 and *ret_index. */
static int journal_update(struct outbox *o, const Wf__Updates__Update *u,
			  uint64_t *ret_index, struct error *err)
{
	size_t size = wf__updates__update__get_packed_size(u);

	if (size > PROTO_FRAME_MAX - OUTBOX_BATCH_HEADER) {
		return err_set(err, ERR_TOO_LARGE,
			       "an update of %zu bytes does not fit into a batch of %u",
			       size, PROTO_FRAME_MAX);
	}
	uint8_t *bytes = xmalloc(size);
	(void)wf__updates__update__pack(u, bytes);
	int rc = journal_append(o->journal, bytes, size, ret_index, err);
	free(bytes);
	return rc;
}

int outbox_put(struct outbox *o, Wf__Updates__Update *u, unsigned int flags,
	       outbox_fn fn, void *arg, struct error *err)
{
	uint64_t index = 0;
	int rc = check_update(o, u, err);

	if (rc < 0) {
		return rc;
	}
	u->seq = o->seq + 1;
	u->occurred_us = u->occurred_us != 0 ? u->occurred_us : loop_wall_us(o->loop);
	rc = journal_update(o, u, &index, err);
	if (rc < 0) {
		return rc;
	}
	o->seq++;
	o->next_index = index + 1;
	struct item *item = xcalloc(1, sizeof(*item));
	item_fill(o, item, u);
	item->index = index;
	item->urgent = (flags & OUTBOX_URGENT) != 0;
	item->fn = fn;
	item->arg = arg;
	/* Both are bounded alike and there is room: see check_update(). */
	PRE(items_add(&o->items, items_run(&o->items, u->flow_run_id.data), item) == 0);
	o->sync_ms = MIN_OF(o->sync_ms, loop_now_ms(o->loop) + SYNC_MS);
	outbox_changed(o);
	return 0;
}

int outbox_withdraw(struct outbox *o, const uint8_t update_id[16])
{
	struct item *item = map_get_n(&o->items.by_id, update_id, 16);

	if (item == NULL) {
		return 0;
	}
	item->fn = NULL;
	if (item->sent || item->replayed) {
		return 0;
	}
	journal_ack(o->journal, item->index);
	items_remove(&o->items, item);
	o->unblock_ms = loop_now_ms(o->loop); /* a flush may be complete now */
	outbox_changed(o);
	return 1;
}

int outbox_leave(struct outbox *o, const char **ret_path)
{
	*ret_path = journal_path(o->journal);
	return journal_leave(o->journal);
}

int outbox_await(struct outbox *o, const uint8_t update_id[16], outbox_fn fn, void *arg,
		 struct error *err)
{
	struct item *item = map_get_n(&o->items.by_id, update_id, 16);

	if (item == NULL) {
		return err_set(err, ERR_NOT_FOUND,
			       "the journal does not have this update any more");
	}
	item->fn = fn;
	item->arg = arg;
	return 0;
}

void outbox_flush(struct outbox *o, void (*fn)(void *arg), void *arg)
{
	struct flush *f = xcalloc(1, sizeof(*f));

	f->upto = o->next_index;
	f->fn = fn;
	f->arg = arg;
	TAILQ_INSERT_TAIL(&o->flushes, f, link);
	o->unblock_ms = loop_now_ms(o->loop);
	outbox_arm(o);
}

size_t outbox_pending(const struct outbox *o)
{
	return map_count(&o->items.by_id);
}

size_t outbox_pending_run(const struct outbox *o, const uint8_t run_id[16])
{
	const struct run *run = map_get_n(&o->items.runs, run_id, 16);
	return run != NULL ? run->count : 0;
}

int outbox_is_up(const struct outbox *o)
{
	return o->told_up != 0 && o->retry_ms == 0;
}

int64_t outbox_lag_ms(const struct outbox *o)
{
	int64_t now = loop_now_ms(o->loop), oldest = now;

	for (struct map_iter i = {0}; map_next(&o->items.by_id, &i);) {
		oldest = MIN_OF(oldest, ((const struct item *)i.value)->put_ms);
	}
	return now - oldest;
}

/* ---- opening ---- */

struct replay {
	struct outbox *o;
	uint64_t *bad; /* records to be dropped, owned */
	size_t bad_count;
};

static void on_replay(uint64_t index, const uint8_t owner[16], const void *data,
		      size_t len, void *arg)
{
	struct replay *r = arg;
	struct outbox *o = r->o;
	Wf__Updates__Update *u = wf__updates__update__unpack(NULL, len, data);
	struct item *item = xcalloc(1, sizeof(*item));
	struct run *run = NULL;

	if (u != NULL && check_update(o, u, NULL) == 0) {
		run = items_run(&o->items, u->flow_run_id.data);
		item_fill(o, item, u);
		item->index = index;
		item->owner = items_owner(&o->items, owner);
		item->replayed = 1;
	}
	if (run == NULL || items_add(&o->items, run, item) < 0) {
		free(item);
		r->bad = xreallocarray(r->bad, r->bad_count + 1, sizeof(*r->bad));
		r->bad[r->bad_count++] = index;
	}
	if (u != NULL) {
		wf__updates__update__free_unpacked(u, NULL);
	}
}

static void tell_damage(struct outbox *o, const struct journal_stats *stats,
			const struct replay *r)
{
	char *text;

	if (stats->dropped_bytes > 0) {
		text = xasprintf(
		    "%llu bytes at the end of %s were damaged and are dropped",
		    (unsigned long long)stats->dropped_bytes, stats->dropped_file);
		outbox_warn(o, text);
		free(text);
	}
	if (r->bad_count > 0) {
		text =
		    xasprintf("%zu records of the journal in %s are no updates or are "
			      "there twice, and are dropped",
			      r->bad_count, journal_path(o->journal));
		outbox_warn(o, text);
		free(text);
	}
}

static int open_journal(struct outbox *o, uint64_t *ret_replayed, struct error *err)
{
	struct journal_conf conf = {.dir = o->conf.dir,
				    .max_bytes = o->conf.max_bytes,
				    .held_path = o->conf.held_path,
				    .held_fd = o->conf.held_fd};
	struct journal_stats stats = {0};
	struct replay r = {.o = o};
	int rc;

	memcpy(conf.owner, o->conf.sender_id, sizeof(conf.owner));
	rc = journal_open(&conf, on_replay, &r, &stats, &o->journal, err);
	if (rc == 0) {
		for (size_t i = 0; i < r.bad_count; i++) {
			journal_ack(o->journal, r.bad[i]);
		}
		tell_damage(o, &stats, &r);
		if (ret_replayed != NULL) {
			*ret_replayed = stats.replayed - r.bad_count;
		}
	}
	free(r.bad);
	return rc;
}

static int copy_headers(struct outbox *o, const struct outbox_conf *conf,
			struct error *err)
{
	size_t n = 0;

	if (conf->auth != NULL) {
		char *code = base64_encode(conf->auth, strlen(conf->auth));
		o->headers[n++] = xasprintf("Authorization: Basic %s", code);
		free(code);
	}
	for (size_t i = 0; conf->headers != NULL && conf->headers[i] != NULL; i++) {
		if (n == OUTBOX_HEADERS_MAX - 1) {
			return err_set(err, ERR_INVALID, "more than %d HTTP headers",
				       OUTBOX_HEADERS_MAX - 1);
		}
		o->headers[n++] = xstrdup(conf->headers[i]);
	}
	return 0;
}

int outbox_open(struct loop *loop, struct httpc *httpc, const struct outbox_conf *conf,
		struct outbox **ret_outbox, uint64_t *ret_replayed, struct error *err)
{
	struct outbox *o = xcalloc(1, sizeof(*o));
	size_t len = strlen(conf->api_url);

	o->loop = loop;
	o->httpc = httpc;
	o->conf = *conf;
	o->conf.batch_ms = conf->batch_ms > 0 ? conf->batch_ms : OUTBOX_BATCH_MS;
	while (len > 0 && conf->api_url[len - 1] == '/') {
		len--;
	}
	o->url = xasprintf("%.*s%s", (int)len, conf->api_url, UPDATES_PATH);
	o->sender = xstrdup(conf->sender);
	o->pool = xstrdup(conf->pool);
	items_init(&o->items, conf->sender_id);
	TAILQ_INIT(&o->flushes);
	backoff_init(&o->backoff, RETRY_MS, RETRY_CAP_MS);
	o->send_ms = o->sync_ms = o->unblock_ms = INT64_MAX;
	o->told_up = -1;
	o->batch_limit = PROTO_BATCH_MAX;
	int rc = copy_headers(o, conf, err);
	if (rc == 0) {
		rc = open_journal(o, ret_replayed, err);
	}
	if (rc < 0) {
		items_release(&o->items);
		outbox_destroy(o);
		return rc;
	}
	o->next_index = journal_next(o->journal);
	o->sync_ms = loop_now_ms(loop);
	o->sync = aiosync_new(loop);
	o->timer = loop_timer_new(loop, on_timer, o);
	outbox_changed(o);
	*ret_outbox = o;
	return 0;
}

/* Callbacks may put or withdraw nothing any more: they see a closed outbox. */
static void cancel_items(struct outbox *o)
{
	struct error err = {0};

	(void)err_set(&err, ERR_CANCELED,
		      "the outbox is being closed; the next process sends this update");
	for (struct map_iter i = {0}; map_next(&o->items.by_id, &i);) {
		struct item *item = i.value;
		outbox_fn fn = item->fn;
		item->fn = NULL;
		if (fn != NULL) {
			fn(-ERR_CANCELED, NULL, &err, item->arg);
		}
	}
}

void outbox_close(struct outbox *o)
{
	struct flush *f;

	if (o == NULL || o->closed) {
		return;
	}
	o->closed = 1;
	cancel_items(o);
	while ((f = TAILQ_FIRST(&o->flushes)) != NULL) {
		TAILQ_REMOVE(&o->flushes, f, link);
		free(f);
	}
	loop_timer_free(o->timer);
	aiosync_free(o->sync);
	journal_close(o->journal);
	items_release(&o->items);
	if (o->request != NULL) {
		httpc_cancel(o->request); /* its callback comes later, and frees */
	} else {
		loop_defer_free(o->loop, outbox_destroy, o);
	}
}
