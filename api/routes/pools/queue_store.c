/* SPDX-License-Identifier: Apache-2.0 */
/* queue_store.c - rows, JSON and events of work queues. */
#include "api/routes/pools/queue_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/db/db.h"
#include "api/events/emit.h"
#include "api/routes/pools/pool_store.h"
#include "api/services/outbox.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/timefmt.h"

/* Columns of work_queue_by_id. */
enum queue_col {
	QC_ID,
	QC_CREATED,
	QC_UPDATED,
	QC_NAME,
	QC_DESCRIPTION,
	QC_PAUSED,
	QC_LIMIT,
	QC_PRIORITY,
	QC_POOL_ID,
	QC_LAST_POLLED,
	QC_STATUS,
	QC_STATUS_EVENT,
	QC_POOL_NAME,
	QC_POOL_TYPE,
	QC_POOL_DEFAULT,
	QC_ACTIVE
};

static const char *const status_names[] = {
    [QUEUE_READY] = "READY",
    [QUEUE_NOT_READY] = "NOT_READY",
    [QUEUE_PAUSED] = "PAUSED",
};
static const char *const status_verbs[] = {
    [QUEUE_READY] = "ready",
    [QUEUE_NOT_READY] = "not-ready",
    [QUEUE_PAUSED] = "paused",
};

const char *queue_status_name(enum queue_status s)
{
	return status_names[s];
}

static enum queue_status status_from(const char *text)
{
	for (int s = QUEUE_READY; text != NULL && s <= QUEUE_PAUSED; s++) {
		if (strcmp(status_names[s], text) == 0) {
			return (enum queue_status)s;
		}
	}
	return QUEUE_NOT_READY;
}

static char *dup_text(const struct db_rows *r, int col)
{
	const char *s = db_text(r, col);

	return s != NULL ? xstrdup(s) : NULL;
}

void queue_from_row(struct work_queue *ret_queue, const struct db_rows *r)
{
	*ret_queue = (struct work_queue){
	    .created_us = db_time(r, QC_CREATED),
	    .updated_us = db_time(r, QC_UPDATED),
	    .last_polled_us = db_time(r, QC_LAST_POLLED),
	    .name = dup_text(r, QC_NAME),
	    .description = dup_text(r, QC_DESCRIPTION),
	    .pool_name = dup_text(r, QC_POOL_NAME),
	    .pool_type = dup_text(r, QC_POOL_TYPE),
	    .is_paused = (int)db_int(r, QC_PAUSED),
	    .limit = db_is_null(r, QC_LIMIT) ? -1 : db_int(r, QC_LIMIT),
	    .priority = db_int(r, QC_PRIORITY),
	    .status = status_from(db_text(r, QC_STATUS)),
	    .active_slots = db_is_null(r, QC_ACTIVE) ? -1 : db_int(r, QC_ACTIVE),
	};
	(void)db_uuid(r, QC_ID, &ret_queue->id);
	(void)db_uuid(r, QC_POOL_ID, &ret_queue->pool_id);
	(void)db_uuid(r, QC_POOL_DEFAULT, &ret_queue->pool_default_queue_id);
}

void queue_release(struct work_queue *q)
{
	free(q->name);
	free(q->description);
	free(q->pool_name);
	free(q->pool_type);
	*q = (struct work_queue){0};
}

static void take_row(const struct db_rows *r, void *arg)
{
	queue_from_row(arg, r);
}

int queue_find(struct tx *tx, const struct uuid *id, struct work_queue *ret_queue,
	       struct error *err)
{
	return db_one(tx->c, SQL_WORK_QUEUE_BY_ID, DB_ARGS(db_a_uuid(id)), 1, take_row,
		      ret_queue, err);
}

int queue_find_by_name(struct tx *tx, const char *pool, const char *name,
		       struct work_queue *ret_queue, struct error *err)
{
	return db_one(tx->c, SQL_WORK_QUEUE_BY_NAME,
		      DB_ARGS(db_a_text(pool), db_a_text(name)), 2, take_row, ret_queue,
		      err);
}

static void write_number(struct jsonw *w, const char *key, int64_t v)
{
	if (v >= 0) {
		jsonw_int(w, key, v);
	} else {
		jsonw_null(w, key);
	}
}

static void write_core(struct jsonw *w, const char *key, const struct work_queue *q)
{
	jsonw_obj(w, key);
	jsonw_uuid(w, "id", &q->id);
	jsonw_time(w, "created", q->created_us);
	jsonw_time(w, "updated", q->updated_us);
	jsonw_str(w, "name", q->name);
	jsonw_str(w, "description", q->description);
	jsonw_bool(w, "is_paused", q->is_paused);
	write_number(w, "concurrency_limit", q->limit);
	jsonw_int(w, "priority", q->priority);
	jsonw_uuid(w, "work_pool_id", &q->pool_id);
	jsonw_null(w, "filter");
	jsonw_time(w, "last_polled", q->last_polled_us);
}

void queue_write_core(struct jsonw *w, const char *key, const struct work_queue *q)
{
	write_core(w, key, q);
	jsonw_obj_end(w);
}

void queue_write(struct jsonw *w, const char *key, const struct work_queue *q)
{
	write_core(w, key, q);
	jsonw_str(w, "work_pool_name", q->pool_name);
	jsonw_str(w, "status", status_names[q->status]);
	write_number(w, "active_slots", q->active_slots);
	jsonw_obj_end(w);
}

int queue_emit(struct tx *tx, const struct work_queue *q, const char *verb,
	       json_t *payload, struct error *err)
{
	char id[UUID_TEXT_SIZE], name[64];
	struct event_spec spec = {.name = name, .payload = payload};
	json_t *self = json_object(), *pool = json_object();

	(void)snprintf(name, sizeof(name), "prefect.work-queue.%s", verb);
	json_object_set_new(
	    self, "prefect.resource.id",
	    json_sprintf("prefect.work-queue.%s", uuid_format(&q->id, id)));
	json_object_set_new(self, "prefect.resource.name", json_string(q->name));
	json_object_set_new(self, "prefect.resource.role", json_string("work-queue"));
	json_object_set_new(
	    pool, "prefect.resource.id",
	    json_sprintf("prefect.work-pool.%s", uuid_format(&q->pool_id, id)));
	json_object_set_new(pool, "prefect.resource.name", json_string(q->pool_name));
	json_object_set_new(pool, "prefect.work-pool.type", json_string(q->pool_type));
	json_object_set_new(pool, "prefect.resource.role", json_string("work-pool"));
	spec.resource = self;
	spec.related = json_array();
	json_array_append_new(spec.related, pool);
	return event_emit(tx, &spec, NULL, err);
}

int queue_set_status(struct tx *tx, struct work_queue *q, enum queue_status status,
		     struct error *err)
{
	int rc;

	if (status == q->status) {
		return 0;
	}
	rc = db_exec(tx->c, SQL_WORK_QUEUE_SET_STATUS,
		     DB_ARGS(db_a_uuid(&q->id), db_a_time(tx->now_us),
			     db_a_text(status_names[status]), db_a_null()),
		     4, NULL, err);
	if (rc < 0) {
		return rc;
	}
	q->status = status;
	return queue_emit(tx, q, status_verbs[status], NULL, err);
}

enum queue_status queue_status_at(const struct work_queue *q, int64_t now_us)
{
	if (q->is_paused) {
		return QUEUE_PAUSED;
	}
	if (q->last_polled_us != TIME_NONE &&
	    now_us - q->last_polled_us <= QUEUE_POLLED_US) {
		return QUEUE_READY;
	}
	return QUEUE_NOT_READY;
}

static int insert_queue(struct tx *tx, const struct work_pool *pool,
			const struct queue_new *n, const struct uuid *id,
			struct error *err)
{
	return db_exec(tx->c, SQL_WORK_QUEUE_INSERT,
		       DB_ARGS(db_a_uuid(id), db_a_time(tx->now_us), db_a_text(n->name),
			       db_a_text(n->description != NULL ? n->description : ""),
			       db_a_int(n->is_paused),
			       n->limit >= 0 ? db_a_int(n->limit) : db_a_null(),
			       db_a_int(n->priority > 0 ? n->priority : INT32_MAX),
			       db_a_uuid(&pool->id)),
		       8, NULL, err);
}

int queue_create(struct tx *tx, const struct work_pool *pool, const struct queue_new *n,
		 struct work_queue *ret_queue, struct error *err)
{
	struct work_queue q = {0};
	struct uuid id;
	int rc;

	uuid_v4(&id);
	rc = insert_queue(tx, pool, n, &id, err);
	if (rc == 0) {
		rc = queue_place(tx, &pool->id, &id, n->priority, err);
	}
	if (rc == 0) {
		rc = outbox_queue(tx, &id, err);
	}
	if (rc == 0) {
		rc = queue_find(tx, &id, &q, err);
	}
	if (rc > 0) {
		rc = queue_emit(tx, &q, "created", NULL, err);
	}
	if (rc < 0) {
		queue_release(&q);
		return rc;
	}
	*ret_queue = q;
	return 0;
}

int queue_ensure(struct tx *tx, const struct work_pool *pool, const char *name,
		 struct work_queue *ret_queue, struct error *err)
{
	struct queue_new n = {.name = name, .limit = -1};
	int rc = queue_find_by_name(tx, pool->name, name, ret_queue, err);

	if (rc == 0) {
		return queue_create(tx, pool, &n, ret_queue, err);
	}
	return rc < 0 ? rc : 0;
}

int queue_delete(struct tx *tx, const struct work_queue *q, struct error *err)
{
	int rc;

	if (uuid_equal(&q->id, &q->pool_default_queue_id)) {
		return err_set(err, ERR_CONFLICT,
			       "work queue %s/%s is the default queue of its pool; "
			       "delete the pool instead",
			       q->pool_name, q->name);
	}
	rc = outbox_queue_gone(tx, q->pool_name, q->name, err);
	if (rc == 0) {
		rc = queue_emit(tx, q, "deleted", NULL, err);
	}
	if (rc == 0) {
		rc = db_exec(tx->c, SQL_WORK_QUEUE_DELETE, DB_ARGS(db_a_uuid(&q->id)),
			     1, NULL, err);
	}
	return rc;
}
