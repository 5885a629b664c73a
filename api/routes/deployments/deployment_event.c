/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deployment_event.c - what deployments tell, their status, and the runs made ahead.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/db/db.h"
#include "api/events/emit.h"
#include "api/routes/deployments/deployment_store.h"
#include "api/services/outbox.h"
#include "api/tx.h"
#include "base/error.h"

#define AUTO_RUNS_SLICE 200

/* {"prefect.resource.id": "prefect.<kind>.<id>", name}; NAME may be NULL. */
static json_t *related(const char *kind, const struct uuid *id, const char *name)
{
	char text[UUID_TEXT_SIZE];
	json_t *r = json_object();

	json_object_set_new(r, "prefect.resource.id",
			    json_sprintf("prefect.%s.%s", kind, uuid_format(id, text)));
	if (name != NULL) {
		json_object_set_new(r, "prefect.resource.name", json_string(name));
	}
	return r;
}

static void set_role(json_t *r, const char *role)
{
	json_object_set_new(r, "prefect.resource.role", json_string(role));
}

/* Objects that have no name here: blocks, the limit. */
static void relate(json_t *list, int has, const char *kind, const struct uuid *id,
		   const char *role)
{
	json_t *r;

	if (has) {
		r = related(kind, id, NULL);
		set_role(r, role);
		json_array_append_new(list, r);
	}
}

static json_t *all_related(const struct deployment *d)
{
	json_t *list = json_array(), *r = related("flow", &d->flow_id, d->flow_name);

	set_role(r, "flow");
	json_array_append_new(list, r);
	if (d->has_queue && d->queue_name != NULL) {
		r = related("work-queue", &d->work_queue_id, d->queue_name);
		set_role(r, "work-queue");
		json_array_append_new(list, r);
	}
	if (d->has_pool && d->work_pool_name != NULL) {
		r = related("work-pool", &d->work_pool_id, d->work_pool_name);
		json_object_set_new(r, "prefect.work-pool.type",
				    json_string(d->work_pool_type));
		set_role(r, "work-pool");
		json_array_append_new(list, r);
	}
	relate(list, d->has_storage, "block-document", &d->storage_document_id,
	       "storage");
	relate(list, d->has_infrastructure, "block-document",
	       &d->infrastructure_document_id, "infrastructure");
	relate(list, d->has_limit, "concurrency-limit", &d->limit_id,
	       "concurrency-limit");
	return list;
}

int deployment_emit(struct tx *tx, const struct deployment *d, const char *verb,
		    json_t *payload, struct error *err)
{
	char name[64];
	struct event_spec spec = {.name = name, .payload = payload};

	(void)snprintf(name, sizeof(name), "prefect.deployment.%s", verb);
	spec.resource = related("deployment", &d->id, d->name);
	spec.related = all_related(d);
	return event_emit(tx, &spec, NULL, err);
}

int deployment_set_ready(struct tx *tx, struct deployment *d, int ready,
			 struct error *err)
{
	int rc;

	if (d->ready == ready) {
		return 0;
	}
	rc = db_exec(
	    tx->c, SQL_DEPLOYMENT_SET_STATUS,
	    DB_ARGS(db_a_uuid(&d->id), db_a_text(ready ? "READY" : "NOT_READY")), 2,
	    NULL, err);
	if (rc < 0) {
		return rc;
	}
	d->ready = ready;
	return deployment_emit(tx, d, ready ? "ready" : "not-ready", NULL, err);
}

/* Up to AUTO_RUNS_SLICE ids. */
struct run_slice {
	struct uuid ids[AUTO_RUNS_SLICE];
	size_t count;
};

static int read_runs(struct tx *tx, enum sql_id stmt, const struct uuid *key,
		     int64_t from_us, struct run_slice *s, struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_query(
	    tx->c, stmt,
	    DB_ARGS(db_a_uuid(key), db_a_time(from_us), db_a_int(AUTO_RUNS_SLICE)), 3,
	    &r, err);

	s->count = 0;
	while (rc == 0 && s->count < AUTO_RUNS_SLICE && (rc = db_next(r, err)) > 0) {
		(void)db_uuid(r, 0, &s->ids[s->count++]);
		rc = 0;
	}
	db_rows_free(r);
	return rc;
}

static int drop_runs(struct tx *tx, enum sql_id stmt, const struct uuid *key,
		     int64_t from_us, struct error *err)
{
	struct run_slice s = {.count = AUTO_RUNS_SLICE};
	int rc = 0;

	while (rc == 0 && s.count == AUTO_RUNS_SLICE) {
		rc = read_runs(tx, stmt, key, from_us, &s, err);
		for (size_t i = 0; rc == 0 && i < s.count; i++) {
			rc = outbox_cancel(tx, &s.ids[i], err);
			if (rc == 0) {
				rc = db_exec(tx->c, SQL_AUTO_RUN_DELETE,
					     DB_ARGS(db_a_uuid(&s.ids[i])), 1, NULL,
					     err);
			}
		}
	}
	return rc;
}

int deployment_drop_auto_runs(struct tx *tx, const struct uuid *deployment_id,
			      const struct uuid *schedule_id, int late_too,
			      struct error *err)
{
	const struct uuid *key = schedule_id != NULL ? schedule_id : deployment_id;
	int64_t from_us = late_too ? 0 : tx->now_us;
	int rc;

	tx->fx |= FX_SCHEDULES;
	rc = drop_runs(
	    tx, schedule_id != NULL ? SQL_SCHEDULE_AUTO_RUNS : SQL_DEPLOYMENT_AUTO_RUNS,
	    key, from_us, err);
	if (rc < 0) {
		return rc;
	}
	return db_exec(tx->c,
		       schedule_id != NULL ? SQL_SCHEDULE_RESET_HORIZON_OF
					   : SQL_SCHEDULE_RESET_HORIZON,
		       DB_ARGS(db_a_uuid(key)), 1, NULL, err);
}

int deployment_drop_scheduled(struct tx *tx, const struct uuid *deployment_id,
			      struct error *err)
{
	return drop_runs(tx, SQL_DEPLOYMENT_SCHEDULED_RUNS, deployment_id, 0, err);
}
