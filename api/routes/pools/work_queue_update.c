/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work_queue_update.c - PATCH of a queue, by pool and name or by id.
 *
 * By name, a priority is a place: the queues behind it are renumbered.  By id it is a
 * number and nothing else moves.
 */
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/body.h"
#include "api/routes/changes.h"
#include "api/routes/decode.h"
#include "api/routes/pools/queue_routes.h"
#include "api/routes/pools/queue_store.h"
#include "api/services/outbox.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/timefmt.h"

struct queue_update_body {
	json_t *root;
	struct queue_key *key;
	const char *name, *description;
	int is_paused;
	int64_t concurrency_limit, priority, last_polled;
	json_t *filter;
	struct decoded has;
};

enum queue_field {
	QF_NAME,
	QF_DESCRIPTION,
	QF_PAUSED,
	QF_LIMIT,
	QF_PRIORITY,
	QF_POLLED,
	QF_FILTER
};

static const struct field fields[] = {
    [QF_NAME] = FIELD(struct queue_update_body, name, F_STR),
    [QF_DESCRIPTION] = FIELD(struct queue_update_body, description, F_STR),
    [QF_PAUSED] =
	FIELD(struct queue_update_body, is_paused, F_BOOL, .flags = F_NOT_NULL),
    [QF_LIMIT] =
	FIELD(struct queue_update_body, concurrency_limit, F_INT, .max = INT64_MAX),
    [QF_PRIORITY] = FIELD(struct queue_update_body, priority, F_INT, .flags = F_GT,
			  .max = INT32_MAX),
    [QF_POLLED] = FIELD(struct queue_update_body, last_polled, F_TIME),
    [QF_FILTER] = FIELD(struct queue_update_body, filter, F_OBJ),
};
static const struct body_spec spec = {fields, 7, 1, 0};

static void update_free(void *arg)
{
	struct queue_update_body *b = arg;

	json_decref(b->root);
	if (b->key != NULL) {
		queue_key_free(b->key);
	}
	free(b);
}

static void replace_text(char **dst, const char *value)
{
	free(*dst);
	*dst = xstrdup(value != NULL ? value : "");
}

static void apply(struct work_queue *q, const struct queue_update_body *b)
{
	if (DECODED_HAS(&b->has, QF_NAME)) {
		replace_text(&q->name, b->name);
	}
	if (DECODED_SET(&b->has, QF_DESCRIPTION)) {
		replace_text(&q->description, b->description);
	}
	if (DECODED_HAS(&b->has, QF_PAUSED)) {
		q->is_paused = b->is_paused;
	}
	if (DECODED_SET(&b->has, QF_LIMIT)) {
		q->limit = DECODED_HAS(&b->has, QF_LIMIT) ? b->concurrency_limit : -1;
	}
	if (DECODED_HAS(&b->has, QF_PRIORITY)) {
		q->priority = b->priority;
	}
	if (DECODED_HAS(&b->has, QF_POLLED)) {
		q->last_polled_us = b->last_polled;
	}
}

static int write_row(struct tx *tx, const struct work_queue *q, struct error *err)
{
	return db_exec(tx->c, SQL_WORK_QUEUE_UPDATE,
		       DB_ARGS(db_a_uuid(&q->id), db_a_time(tx->now_us),
			       db_a_text(q->name), db_a_text(q->description),
			       db_a_int(q->is_paused),
			       q->limit >= 0 ? db_a_int(q->limit) : db_a_null(),
			       db_a_int(q->priority), db_a_time(q->last_polled_us)),
		       8, NULL, err);
}

/* A renamed queue is a new one for Redis: its runs move before the old one is
 * forgotten. */
static int tell_redis(struct tx *tx, const struct work_queue *old,
		      const struct work_queue *q, struct error *err)
{
	int rc = outbox_queue(tx, &q->id, err);

	if (rc == 0 && strcmp(old->name, q->name) != 0) {
		rc = outbox_queue_runs(tx, &q->id, err);
		if (rc == 0) {
			rc = outbox_queue_gone(tx, old->pool_name, old->name, err);
		}
	}
	return rc;
}

static int emit_changes(struct tx *tx, const struct work_queue *old,
			const struct work_queue *q, struct error *err)
{
	struct changes c;
	int rc = 0;

	changes_init(&c);
	changes_text(&c, "name", old->name, q->name);
	changes_text(&c, "description", old->description, q->description);
	changes_int(&c, "concurrency_limit", old->limit, q->limit);
	changes_int(&c, "priority", old->priority, q->priority);
	if (changes_any(&c)) {
		rc = queue_emit(tx, q, "updated", changes_payload(&c), err);
	}
	changes_release(&c);
	return rc;
}

static int change(struct tx *tx, const struct queue_update_body *b,
		  const struct work_queue *old, struct work_queue *q, struct error *err)
{
	int rc;

	apply(q, b);
	rc = write_row(tx, q, err);
	if (rc == 0 && DECODED_HAS(&b->has, QF_PRIORITY) && b->key->name != NULL) {
		rc = queue_place(tx, &q->pool_id, &q->id, q->priority, err);
	}
	if (rc == 0) {
		rc = tell_redis(tx, old, q, err);
	}
	if (rc == 0 &&
	    (DECODED_HAS(&b->has, QF_PAUSED) || DECODED_HAS(&b->has, QF_POLLED))) {
		rc = queue_set_status(tx, q, queue_status_at(q, tx->now_us), err);
	}
	if (rc == 0) {
		rc = emit_changes(tx, old, q, err);
	}
	return rc;
}

static int is_null(const struct queue_update_body *b, int field)
{
	return DECODED_SET(&b->has, field) && !DECODED_HAS(&b->has, field);
}

static int update_work(struct tx *tx, void *arg, struct error *err)
{
	const struct queue_update_body *b = arg;
	struct work_queue q = {0}, old = {0};
	int rc;

	if (b->key->name == NULL) {
		rc = queue_find(tx, &b->key->id, &q, err);
		if (rc == 0) {
			return tx_detail(tx, err, ERR_NOT_FOUND, 404,
					 "Work Queue %s not found",
					 uuid_str(&b->key->id));
		}
	} else {
		rc = queue_by_key(tx, b->key, &q, err);
	}
	if (rc >= 0) {
		rc = queue_find(tx, &q.id, &old, err);
	}
	if (rc >= 0 && (is_null(b, QF_PRIORITY) || is_null(b, QF_DESCRIPTION))) {
		rc = err_set(err, ERR_CONFLICT,
			     "a work queue has a priority and a description");
	} else if (rc >= 0) {
		rc = change(tx, b, &old, &q, err);
	}
	if (rc == -ERR_CONFLICT && strcmp(old.name, q.name) != 0 && !tx->keep_answer) {
		rc = tx_detail(
		    tx, err, ERR_CONFLICT, 409,
		    "A work queue with the name '%s' already exists in work pool '%s'.",
		    q.name, q.pool_name);
	}
	queue_release(&old);
	queue_release(&q);
	tx->empty = rc == 0;
	tx->status = rc == 0 ? 204 : tx->status;
	return rc;
}

void route_queue_update(struct http_req *r)
{
	struct queue_update_body *b = xcalloc(1, sizeof(*b));

	b->last_polled = TIME_NONE;
	b->root = body_decode(r, &spec, b, &b->has, NULL);
	if (b->root == NULL) {
		update_free(b);
		return;
	}
	b->key = queue_key_new(r);
	tx_submit(r, DB_WRITE, update_work, b, update_free);
}
