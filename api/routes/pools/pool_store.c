/* SPDX-License-Identifier: Apache-2.0 */
/* pool_store.c - rows, JSON and events of work pools. */
#include "api/routes/pools/pool_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "api/db/db.h"
#include "api/events/emit.h"
#include "api/routes/pools/queue_store.h"
#include "api/services/outbox.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/timefmt.h"

/* Columns of work_pool_by_name. */
enum pool_col {
	PC_ID,
	PC_CREATED,
	PC_UPDATED,
	PC_NAME,
	PC_DESCRIPTION,
	PC_TYPE,
	PC_TEMPLATE,
	PC_PAUSED,
	PC_LIMIT,
	PC_STATUS,
	PC_DEFAULT_QUEUE,
	PC_STORAGE,
	PC_STATUS_EVENT,
	PC_TRANSITIONED,
	PC_ACTIVE
};

#define POOL_FOLLOW_US (600 * 1000000LL) /* a status event follows one this young */

static const char *const status_names[] = {
    [POOL_READY] = "READY",
    [POOL_NOT_READY] = "NOT_READY",
    [POOL_PAUSED] = "PAUSED",
};
static const char *const status_verbs[] = {
    [POOL_READY] = "ready",
    [POOL_NOT_READY] = "not-ready",
    [POOL_PAUSED] = "paused",
};

int pool_name_reserved(const char *name)
{
	return strncasecmp(name, "prefect", 7) == 0;
}

const char *pool_status_name(enum pool_status s)
{
	return s == POOL_NO_STATUS ? NULL : status_names[s];
}

static enum pool_status status_from(const char *text)
{
	for (int s = POOL_READY; text != NULL && s <= POOL_PAUSED; s++) {
		if (strcmp(status_names[s], text) == 0) {
			return (enum pool_status)s;
		}
	}
	return POOL_NO_STATUS;
}

static char *dup_text(const struct db_rows *r, int col)
{
	const char *s = db_text(r, col);

	return s != NULL ? xstrdup(s) : NULL;
}

void pool_from_row(struct work_pool *ret_pool, const struct db_rows *r)
{
	*ret_pool = (struct work_pool){
	    .created_us = db_time(r, PC_CREATED),
	    .updated_us = db_time(r, PC_UPDATED),
	    .transitioned_us = db_time(r, PC_TRANSITIONED),
	    .name = dup_text(r, PC_NAME),
	    .description = dup_text(r, PC_DESCRIPTION),
	    .type = dup_text(r, PC_TYPE),
	    .base_job_template = dup_text(r, PC_TEMPLATE),
	    .storage = dup_text(r, PC_STORAGE),
	    .is_paused = (int)db_int(r, PC_PAUSED),
	    .limit = db_is_null(r, PC_LIMIT) ? -1 : db_int(r, PC_LIMIT),
	    .status = status_from(db_text(r, PC_STATUS)),
	    .active_slots = db_is_null(r, PC_ACTIVE) ? -1 : db_int(r, PC_ACTIVE),
	};
	(void)db_uuid(r, PC_ID, &ret_pool->id);
	ret_pool->has_default_queue =
	    db_uuid(r, PC_DEFAULT_QUEUE, &ret_pool->default_queue_id);
	ret_pool->has_status_event =
	    db_uuid(r, PC_STATUS_EVENT, &ret_pool->status_event_id);
}

void pool_release(struct work_pool *p)
{
	free(p->name);
	free(p->description);
	free(p->type);
	free(p->base_job_template);
	free(p->storage);
	*p = (struct work_pool){0};
}

static void take_row(const struct db_rows *r, void *arg)
{
	pool_from_row(arg, r);
}

int pool_find(struct tx *tx, const char *name, struct work_pool *ret_pool,
	      struct error *err)
{
	return db_one(tx->c, SQL_WORK_POOL_BY_NAME, DB_ARGS(db_a_text(name)), 1,
		      take_row, ret_pool, err);
}

int pool_by_name(struct tx *tx, const char *name, struct work_pool *ret_pool,
		 struct error *err)
{
	int rc = pool_find(tx, name, ret_pool, err);

	if (rc == 0) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404,
				 "Work pool \"%s\" not found.", name);
	}
	return rc < 0 ? rc : 0;
}

static void write_storage(struct jsonw *w, const char *text)
{
	static const char *const keys[] = {"bundle_upload_step",
					   "bundle_execution_step",
					   "default_result_storage_block_id"};
	json_t *v = text != NULL ? json_loads(text, 0, NULL) : NULL;

	jsonw_obj(w, "storage_configuration");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *member = json_object_get(v, keys[i]);

		if (member != NULL) {
			jsonw_json(w, keys[i], member);
		} else {
			jsonw_null(w, keys[i]);
		}
	}
	jsonw_obj_end(w);
	json_decref(v);
}

void pool_write(struct jsonw *w, const char *key, const struct work_pool *p)
{
	jsonw_obj(w, key);
	jsonw_uuid(w, "id", &p->id);
	jsonw_time(w, "created", p->created_us);
	jsonw_time(w, "updated", p->updated_us);
	jsonw_str(w, "name", p->name);
	jsonw_str(w, "description", p->description);
	jsonw_str(w, "type", p->type);
	jsonw_raw(w, "base_job_template", p->base_job_template);
	jsonw_bool(w, "is_paused", p->is_paused);
	if (p->limit >= 0) {
		jsonw_int(w, "concurrency_limit", p->limit);
	} else {
		jsonw_null(w, "concurrency_limit");
	}
	jsonw_str(w, "status", pool_status_name(p->status));
	jsonw_uuid(w, "default_queue_id",
		   p->has_default_queue ? &p->default_queue_id : NULL);
	write_storage(w, p->storage);
	if (p->active_slots >= 0) {
		jsonw_int(w, "active_slots", p->active_slots);
	} else {
		jsonw_null(w, "active_slots");
	}
	jsonw_obj_end(w);
}

static json_t *resource(const struct work_pool *p, int role)
{
	char id[UUID_TEXT_SIZE];
	json_t *r = json_object();

	json_object_set_new(
	    r, "prefect.resource.id",
	    json_sprintf("prefect.work-pool.%s", uuid_format(&p->id, id)));
	json_object_set_new(r, "prefect.resource.name", json_string(p->name));
	json_object_set_new(r, "prefect.work-pool.type", json_string(p->type));
	if (role) {
		json_object_set_new(r, "prefect.resource.role",
				    json_string("work-pool"));
	}
	return r;
}

/* PREFIX and ID in role ROLE. */
static void relate(json_t *list, const char *prefix, const char *id, const char *role)
{
	json_t *r = json_object();

	json_object_set_new(r, "prefect.resource.id", json_sprintf("%s%s", prefix, id));
	json_object_set_new(r, "prefect.resource.role", json_string(role));
	json_array_append_new(list, r);
}

static json_t *related(const struct work_pool *p)
{
	json_t *list = json_array();
	json_t *storage = p->storage != NULL ? json_loads(p->storage, 0, NULL) : NULL;
	const char *block = json_string_value(
	    json_object_get(storage, "default_result_storage_block_id"));
	char id[UUID_TEXT_SIZE];

	if (p->has_default_queue) {
		relate(list, "prefect.work-queue.",
		       uuid_format(&p->default_queue_id, id), "default-queue");
	}
	if (block != NULL) {
		relate(list, "prefect.block-document.", block, "result-storage");
	}
	json_decref(storage);
	return list;
}

int pool_emit(struct tx *tx, const struct work_pool *p, const char *verb,
	      json_t *payload, struct error *err)
{
	char name[64];
	struct event_spec spec = {.name = name, .payload = payload};

	(void)snprintf(name, sizeof(name), "prefect.work-pool.%s", verb);
	spec.resource = resource(p, 1);
	spec.related = payload == NULL ? related(p) : NULL;
	return event_emit(tx, &spec, NULL, err);
}

static int emit_status(struct tx *tx, const struct work_pool *p, const struct uuid *id,
		       const struct uuid *follows, struct error *err)
{
	char name[64];
	struct event_spec spec = {.name = name, .id = id, .follows = follows};

	(void)snprintf(name, sizeof(name), "prefect.work-pool.%s",
		       status_verbs[p->status]);
	spec.resource = resource(p, 0);
	return event_emit(tx, &spec, NULL, err);
}

int pool_set_status(struct tx *tx, struct work_pool *p, enum pool_status status,
		    struct error *err)
{
	int recent = p->has_status_event && p->transitioned_us != TIME_NONE &&
		     tx->now_us - p->transitioned_us < POOL_FOLLOW_US;
	struct uuid follows = p->status_event_id, id;
	int rc;

	if (status == p->status || status == POOL_NO_STATUS) {
		return 0;
	}
	uuid_v7(&id, tx->now_us);
	rc = db_exec(tx->c, SQL_WORK_POOL_SET_STATUS,
		     DB_ARGS(db_a_uuid(&p->id), db_a_time(tx->now_us),
			     db_a_text(status_names[status]), db_a_uuid(&id)),
		     4, NULL, err);
	if (rc < 0) {
		return rc;
	}
	p->status = status;
	p->has_status_event = 1;
	p->status_event_id = id;
	p->transitioned_us = tx->now_us;
	return emit_status(tx, p, &id, recent ? &follows : NULL, err);
}

int pool_status_now(struct tx *tx, const struct work_pool *p,
		    enum pool_status *ret_status, struct error *err)
{
	int64_t online = 0;
	int rc;

	*ret_status = POOL_NO_STATUS;
	if (strcmp(p->type, POOL_AGENT_TYPE) == 0) {
		return 0;
	}
	if (p->is_paused) {
		*ret_status = POOL_PAUSED;
		return 0;
	}
	rc = db_one_int(tx->c, SQL_WORK_POOL_ONLINE_WORKERS,
			DB_ARGS(db_a_uuid(&p->id), db_a_time(tx->now_us)), 2, &online,
			err);
	*ret_status = online > 0 ? POOL_READY : POOL_NOT_READY;
	return rc < 0 ? rc : 0;
}

static int insert_pool(struct tx *tx, const struct pool_new *n, const struct uuid *id,
		       const char *status, struct error *err)
{
	return db_exec(
	    tx->c, SQL_WORK_POOL_INSERT,
	    DB_ARGS(
		db_a_uuid(id), db_a_time(tx->now_us), db_a_text(n->name),
		db_a_text(n->description), db_a_text(n->type),
		db_a_text(n->base_job_template != NULL ? n->base_job_template : "{}"),
		db_a_int(n->is_paused),
		n->limit >= 0 ? db_a_int(n->limit) : db_a_null(), db_a_text(status),
		db_a_text(n->storage != NULL ? n->storage : "{}")),
	    10, NULL, err);
}

/* Events in the reference's order: queue created, pool created, pool status. */
static int create_default_queue(struct tx *tx, struct work_pool *p, struct error *err)
{
	struct queue_new qn = {
	    .name = "default",
	    .description = "The work pool's default queue.",
	    .limit = -1,
	    .priority = 1,
	};
	struct work_queue q = {0};
	int rc = queue_create(tx, p, &qn, &q, err);

	if (rc == 0) {
		p->default_queue_id = q.id;
		p->has_default_queue = 1;
		rc =
		    db_exec(tx->c, SQL_WORK_POOL_SET_DEFAULT_QUEUE,
			    DB_ARGS(db_a_uuid(&p->id), db_a_uuid(&q.id)), 2, NULL, err);
	}
	queue_release(&q);
	return rc;
}

int pool_create(struct tx *tx, const struct pool_new *n, struct work_pool *ret_pool,
		struct error *err)
{
	struct work_pool p = {0};
	struct uuid id, event_id;
	enum pool_status status = n->is_paused ? POOL_PAUSED : POOL_NOT_READY;
	int rc;

	if (strcmp(n->type, POOL_AGENT_TYPE) == 0) {
		status = POOL_NO_STATUS;
	}
	uuid_v4(&id);
	rc = insert_pool(tx, n, &id, pool_status_name(status), err);
	if (rc == 0) {
		rc = outbox_pool(tx, n->name, err);
	}
	if (rc < 0) {
		return rc;
	}
	rc = pool_find(tx, n->name, &p, err);
	if (rc == 1) {
		rc = create_default_queue(tx, &p, err);
	}
	if (rc == 0) {
		rc = pool_emit(tx, &p, "created", NULL, err);
	}
	if (rc == 0 && status != POOL_NO_STATUS) {
		uuid_v7(&event_id, tx->now_us);
		rc = emit_status(tx, &p, &event_id, NULL, err);
	}
	if (rc < 0) {
		pool_release(&p);
		return rc;
	}
	*ret_pool = p;
	return 0;
}
