/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox_batch.c - one batch after the other: filling, sending, taking the answers.
 *
 * The journal holds serialized updates; a batch is a header and their bytes one after
 * the other, so that fresh and replayed items take the same way.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/journal.h"
#include "agent/outbox_priv.h"
#include "base/backoff.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/loop.h"
#include "base/mem.h"

#define RUN_RETRY_MS     200
#define RUN_RETRY_CAP_MS 10000
#define TIMEOUT_MS       30000
#define ITEM_TAG         0x22 /* field 4 of UpdateBatch, length-delimited */

/* ---- the end of an item ---- */

static int is_plain(const Wf__Updates__UpdateAnswer *a)
{
	return a->answer == WF__CONTROL__ANSWER__ACCEPT && !a->gone && !a->invalid;
}

/* Acknowledges, forgets and tells.  The item is gone afterwards. */
static void item_answered(struct outbox *o, struct item *item,
			  const Wf__Updates__UpdateAnswer *answer)
{
	struct item copy = *item;
	uint8_t run_id[16];
	struct outbox_verdict v = {.update_id = copy.id,
				   .run_id = run_id,
				   .fence = copy.fence,
				   .replayed = copy.replayed,
				   .body_case = copy.body_case,
				   .state_type = copy.state_type,
				   .answer = answer};

	memcpy(run_id, item->run->id, sizeof(run_id));
	journal_ack(o->journal, item->index);
	items_remove(&o->items, item);
	if (copy.fn != NULL) {
		copy.fn(0, answer, NULL, copy.arg);
	}
	if (!o->closed && o->conf.on_verdict != NULL &&
	    (copy.replayed || !is_plain(answer))) {
		o->conf.on_verdict(&v, o->conf.arg);
	}
}

/* An answer that we make ourselves: nobody could ever accept this item. */
static void item_invalid(struct outbox *o, struct item *item, const char *reason)
{
	Wf__Updates__UpdateAnswer a;
	char *text = xstrdup(reason);

	wf__updates__update_answer__init(&a);
	a.answer = WF__CONTROL__ANSWER__ABORT;
	a.invalid = 1;
	a.reason = text;
	outbox_warn(o, reason);
	item_answered(o, item, &a);
	free(text);
}

/* ---- the end of a batch ---- */

static void release_runs(struct outbox *o, int64_t now)
{
	for (size_t i = 0; i < o->batch_count; i++) {
		struct run *run = o->batch[i] != NULL ? o->batch[i]->run : NULL;
		if (run != NULL && run->in_flight) {
			int64_t until = 0;
			if (run->refusals > 0) {
				struct backoff b;
				backoff_init(&b, RUN_RETRY_MS, RUN_RETRY_CAP_MS);
				b.attempt = MIN_OF(run->refusals - 1, 16);
				until = now + backoff_next(&b, random_unit());
			}
			items_put_back(&o->items, run, until);
		}
	}
	o->batch_count = 0;
}

/* The whole batch is to be sent again. */
static void batch_failed(struct outbox *o, const char *why)
{
	int64_t now = loop_now_ms(o->loop);

	release_runs(o, now);
	o->retry_ms = now + backoff_next(&o->backoff, random_unit());
	outbox_tell_up(o, 0, why);
	outbox_changed(o);
}

/*
 * Later items of a run whose earlier one was not taken are not taken either (the
 * server's rule), so that what stays is a tail of the batch's part for that run.
 */
static void take_answers(struct outbox *o, const Wf__Updates__UpdateAnswers *answers)
{
	const struct run *last = NULL;
	struct run *runs[PROTO_BATCH_MAX] = {NULL};
	size_t run_count = 0, n = o->batch_count;

	/* In the batch, a run's items are neighbours. */
	for (size_t i = 0; i < n; i++) {
		struct run *run = o->batch[i]->run;
		if (run_count == 0 || runs[run_count - 1] != run) {
			runs[run_count++] = run;
		}
	}
	for (size_t i = 0; i < n && !o->closed; i++) {
		const Wf__Updates__UpdateAnswer *a = answers->answers[i];
		struct item *item = o->batch[i];
		if (a->answer == WF__CONTROL__ANSWER__UNAVAILABLE && !a->invalid) {
			continue;
		}
		item->run->refusals = 0;
		o->batch[i] = NULL;
		item_answered(o, item, a);
	}
	if (o->closed) {
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (o->batch[i] != NULL && o->batch[i]->run != last) {
			last = o->batch[i]->run;
			o->batch[i]->run->refusals++;
		}
	}
	release_runs(o, loop_now_ms(o->loop));
	for (size_t i = 0; i < run_count; i++) {
		if (runs[i] != NULL &&
		    runs[i]->in_flight) { /* all its items were answered */
			items_put_back(&o->items, runs[i], 0);
		}
	}
}

static int answers_fit(const struct outbox *o, const Wf__Updates__UpdateAnswers *a,
		       struct error *err)
{
	if (a->n_answers != o->batch_count) {
		return err_set(err, ERR_PROTOCOL, "the API answered %zu of %zu updates",
			       a->n_answers, o->batch_count);
	}
	for (size_t i = 0; i < a->n_answers; i++) {
		if (memcmp(a->answers[i]->id.data, o->batch[i]->id, 16) != 0) {
			return err_set(err, ERR_PROTOCOL,
				       "answer %zu of the API is about another update",
				       i);
		}
	}
	return 0;
}

static void batch_answered(struct outbox *o, const struct httpc_resp *resp)
{
	Wf__Updates__UpdateAnswers *answers = NULL;
	struct error err = {0};
	int rc = answers_unpack(resp->body, resp->len, &answers, &err);

	if (rc == 0) {
		rc = answers_fit(o, answers, &err);
	}
	if (rc < 0) {
		batch_failed(o, err.msg);
	} else {
		backoff_reset(&o->backoff);
		o->retry_ms = 0;
		o->batch_limit = PROTO_BATCH_MAX;
		outbox_tell_up(o, 1, "connected");
		take_answers(o, answers);
	}
	if (answers != NULL) {
		wf__updates__update_answers__free_unpacked(answers, NULL);
	}
}

/* Smaller batches until it fits; a single item that does not fit never will. */
static void batch_too_large(struct outbox *o)
{
	struct item *only = o->batch_count == 1 ? o->batch[0] : NULL;

	o->batch_limit = MAX_OF(o->batch_count / 2, 1);
	if (only != NULL) {
		struct run *run = only->run;
		o->batch_count = 0;
		items_put_back(&o->items, run, 0);
		item_invalid(o, only, "the API refuses an update as too large (413)");
	} else {
		release_runs(o, loop_now_ms(o->loop));
	}
}

static void on_http(int rc, const struct httpc_resp *resp, const struct error *err,
		    void *arg)
{
	struct outbox *o = arg;
	struct error why = {0};

	o->request = NULL;
	o->in_flight = 0;
	if (o->closed) {
		outbox_destroy(o);
		return;
	}
	if (rc < 0) {
		batch_failed(o, err->msg);
	} else if (resp->status == 200) {
		batch_answered(o, resp);
	} else if (resp->status == 413) {
		batch_too_large(o);
	} else {
		(void)err_set(&why, ERR_UNAVAILABLE,
			      "POST %s was answered with status %d", o->url,
			      resp->status);
		batch_failed(o, why.msg);
	}
	if (!o->closed) {
		outbox_check_flushes(o);
		o->send_ms = o->items.unsent > 0 ? loop_now_ms(o->loop) : INT64_MAX;
		o->unblock_ms = items_unblock(&o->items, loop_now_ms(o->loop));
		outbox_changed(o);
	}
}

/* ---- sending ---- */

static void add_varint(struct buf *b, size_t v)
{
	while (v > 0x7f) {
		buf_addc(b, (char)((v & 0x7f) | 0x80));
		v >>= 7;
	}
	buf_addc(b, (char)v);
}

static void batch_header(struct outbox *o, int owner, struct buf *body)
{
	Wf__Updates__UpdateBatch b;

	wf__updates__update_batch__init(&b);
	b.sender = o->sender;
	b.pool = o->pool;
	b.sender_id.data = o->items.owners[owner];
	b.sender_id.len = 16;
	PRE(batch_pack(body, &b, NULL) == 0);
}

enum add_result { ADD_OK, ADD_FULL, ADD_BAD };

static enum add_result add_item(struct outbox *o, struct item *item, struct buf *body,
				struct error *err)
{
	struct buf bytes;
	enum add_result result = ADD_OK;

	buf_init(&bytes);
	if (journal_read(o->journal, item->index, &bytes, err) < 0) {
		result = ADD_BAD;
	} else if (o->batch_count > 0 && body->len + bytes.len > OUTBOX_BATCH_BYTES) {
		result = ADD_FULL;
	} else {
		buf_addc(body, ITEM_TAG);
		add_varint(body, bytes.len);
		buf_add(body, bytes.data, bytes.len);
		item->sent = 1;
		o->batch[o->batch_count++] = item;
	}
	buf_release(&bytes);
	return result;
}

/* Adds the first items of RUN.  Returns 0 when the batch is full. */
static int add_run(struct outbox *o, struct run *run, int owner, struct buf *body)
{
	struct item *item = TAILQ_FIRST(&run->items), *next;
	struct error err = {0};
	enum add_result result = ADD_OK;
	size_t before = o->batch_count;

	while (item != NULL && result == ADD_OK && o->batch_count < o->batch_limit &&
	       item->owner == owner) {
		next = TAILQ_NEXT(item, link);
		result = add_item(o, item, body, &err);
		item = result == ADD_OK ? next : item;
	}
	if (o->batch_count > before) {
		items_take(&o->items, run);
	}
	if (result == ADD_BAD && o->batch_count == before) {
		item_invalid(o, item, err.msg);
		return !o->closed;
	}
	return result != ADD_FULL && o->batch_count < o->batch_limit &&
	       o->batch_count > before;
}

static void fill_batch(struct outbox *o, struct buf *body)
{
	struct run *run = items_next_run(&o->items);
	int owner = run != NULL ? TAILQ_FIRST(&run->items)->owner : 0;
	int more = 1;

	batch_header(o, owner, body);
	while (more && !o->closed && (run = items_next_run(&o->items)) != NULL &&
	       TAILQ_FIRST(&run->items)->owner == owner) {
		more = add_run(o, run, owner, body);
	}
}

void outbox_send_batch(struct outbox *o)
{
	struct buf body;
	struct error err = {0};

	buf_init(&body);
	o->batch_count = 0;
	fill_batch(o, &body);
	if (o->batch_count > 0 && !o->closed) {
		struct httpc_spec spec = {.method = "POST",
					  .url = o->url,
					  .headers = (const char *const *)o->headers,
					  .body = body.data,
					  .body_len = body.len,
					  .content_type = "application/x-protobuf",
					  .timeout_ms = TIMEOUT_MS,
					  .max_body = PROTO_ANSWERS_MAX};
		o->in_flight = 1;
		if (httpc_send(o->httpc, &spec, on_http, o, &o->request, &err) < 0) {
			o->in_flight = 0;
			batch_failed(o, err.msg);
		}
	}
	buf_release(&body);
}
