/* SPDX-License-Identifier: Apache-2.0 */
/* deployment_store.c - rows and JSON of deployments; events are in deployment_event.c.
 */
#include "api/routes/deployments/deployment_store.h"

#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/routes/deployments/schedule_store.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/timefmt.h"

/* Columns of deployment_by_id. */
enum deployment_col {
	DC_ID,
	DC_CREATED,
	DC_UPDATED,
	DC_NAME,
	DC_VERSION,
	DC_DESCRIPTION,
	DC_FLOW_ID,
	DC_PAUSED,
	DC_OPTIONS,
	DC_JOB_VARIABLES,
	DC_PARAMETERS,
	DC_TAGS,
	DC_LABELS,
	DC_QUEUE_NAME_TEXT,
	DC_QUEUE_ID,
	DC_LAST_POLLED,
	DC_SCHEMA,
	DC_PATH,
	DC_PULL_STEPS,
	DC_ENTRYPOINT,
	DC_STORAGE,
	DC_INFRASTRUCTURE,
	DC_CREATED_BY,
	DC_UPDATED_BY,
	DC_POOL_NAME,
	DC_STATUS,
	DC_ENFORCE,
	DC_LIMIT_ID,
	DC_LIMIT_CREATED,
	DC_LIMIT_UPDATED,
	DC_LIMIT_ACTIVE,
	DC_LIMIT_NAME,
	DC_LIMIT,
	DC_LIMIT_DECAY,
	DC_LIMIT_TAKEN,
	DC_FLOW_NAME,
	DC_POOL_ID,
	DC_POOL_TYPE,
	DC_QUEUE_NAME,
	DC_ON_LOST,
	DC_VERSION_INFO,
	DC_FLOW_LABELS,
	DC_QUEUE_POLLED,
	DC_MAX_ATTEMPTS
};

static char *dup_text(const struct db_rows *r, int col)
{
	const char *s = db_text(r, col);

	return s != NULL ? xstrdup(s) : NULL;
}

static void texts_from_row(struct deployment *d, const struct db_rows *r)
{
	d->name = dup_text(r, DC_NAME);
	d->version = dup_text(r, DC_VERSION);
	d->description = dup_text(r, DC_DESCRIPTION);
	d->path = dup_text(r, DC_PATH);
	d->entrypoint = dup_text(r, DC_ENTRYPOINT);
	d->work_queue_name = dup_text(r, DC_QUEUE_NAME_TEXT);
	d->concurrency_options = dup_text(r, DC_OPTIONS);
	d->job_variables = dup_text(r, DC_JOB_VARIABLES);
	d->parameters = dup_text(r, DC_PARAMETERS);
	d->tags = dup_text(r, DC_TAGS);
	d->labels = dup_text(r, DC_LABELS);
	d->parameter_openapi_schema = dup_text(r, DC_SCHEMA);
	d->pull_steps = dup_text(r, DC_PULL_STEPS);
	d->created_by = dup_text(r, DC_CREATED_BY);
	d->updated_by = dup_text(r, DC_UPDATED_BY);
	d->version_info = dup_text(r, DC_VERSION_INFO);
	d->on_lost = dup_text(r, DC_ON_LOST);
	d->flow_name = dup_text(r, DC_FLOW_NAME);
	d->flow_labels = dup_text(r, DC_FLOW_LABELS);
	d->work_pool_name = dup_text(r, DC_POOL_NAME);
	d->work_pool_type = dup_text(r, DC_POOL_TYPE);
	d->queue_name = dup_text(r, DC_QUEUE_NAME);
	d->limit_name = dup_text(r, DC_LIMIT_NAME);
}

/* The later of the own poll and the queue's (TIME_NONE is smaller than every instant).
 * What asked the queue before the deployment was there did not ask for it. */
static int64_t polled(const struct db_rows *r)
{
	int64_t own = db_time(r, DC_LAST_POLLED), queue = db_time(r, DC_QUEUE_POLLED);

	return own > queue || queue < db_time(r, DC_CREATED) ? own : queue;
}

void deployment_from_row(struct deployment *ret_deployment, const struct db_rows *r)
{
	struct deployment *d = ret_deployment;
	const char *status = db_text(r, DC_STATUS);

	*d = (struct deployment){
	    .created_us = db_time(r, DC_CREATED),
	    .updated_us = db_time(r, DC_UPDATED),
	    .last_polled_us = polled(r),
	    .paused = (int)db_int(r, DC_PAUSED),
	    .enforce_parameter_schema = (int)db_int(r, DC_ENFORCE),
	    .ready = status != NULL && strcmp(status, "READY") == 0,
	    .limit_created_us = db_time(r, DC_LIMIT_CREATED),
	    .limit_updated_us = db_time(r, DC_LIMIT_UPDATED),
	    .limit_active = (int)db_int(r, DC_LIMIT_ACTIVE),
	    .limit = db_int(r, DC_LIMIT),
	    .limit_taken = db_int(r, DC_LIMIT_TAKEN),
	    .limit_decay = db_real(r, DC_LIMIT_DECAY),
	    .max_attempts = db_int(r, DC_MAX_ATTEMPTS),
	};
	(void)db_uuid(r, DC_ID, &d->id);
	(void)db_uuid(r, DC_FLOW_ID, &d->flow_id);
	d->has_queue = db_uuid(r, DC_QUEUE_ID, &d->work_queue_id);
	d->has_pool = db_uuid(r, DC_POOL_ID, &d->work_pool_id);
	d->has_storage = db_uuid(r, DC_STORAGE, &d->storage_document_id);
	d->has_infrastructure =
	    db_uuid(r, DC_INFRASTRUCTURE, &d->infrastructure_document_id);
	d->has_limit = db_uuid(r, DC_LIMIT_ID, &d->limit_id);
	texts_from_row(d, r);
}

void deployment_release(struct deployment *d)
{
	char **texts[] = {&d->name,
			  &d->version,
			  &d->description,
			  &d->path,
			  &d->entrypoint,
			  &d->work_queue_name,
			  &d->concurrency_options,
			  &d->job_variables,
			  &d->parameters,
			  &d->tags,
			  &d->labels,
			  &d->parameter_openapi_schema,
			  &d->pull_steps,
			  &d->created_by,
			  &d->updated_by,
			  &d->version_info,
			  &d->on_lost,
			  &d->flow_name,
			  &d->flow_labels,
			  &d->work_pool_name,
			  &d->work_pool_type,
			  &d->queue_name,
			  &d->limit_name};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		free(*texts[i]);
	}
	*d = (struct deployment){0};
}

static void take_row(const struct db_rows *r, void *arg)
{
	deployment_from_row(arg, r);
}

int deployment_find(struct tx *tx, const struct uuid *id,
		    struct deployment *ret_deployment, struct error *err)
{
	return db_one(tx->c, SQL_DEPLOYMENT_BY_ID, DB_ARGS(db_a_uuid(id)), 1, take_row,
		      ret_deployment, err);
}

int deployment_find_in_flow(struct tx *tx, const struct uuid *flow_id, const char *name,
			    struct deployment *ret_deployment, struct error *err)
{
	return db_one(tx->c, SQL_DEPLOYMENT_BY_FLOW_AND_NAME,
		      DB_ARGS(db_a_uuid(flow_id), db_a_text(name)), 2, take_row,
		      ret_deployment, err);
}

int deployment_get(struct tx *tx, const struct uuid *id, const char *text,
		   struct deployment *ret_deployment, struct error *err)
{
	int rc = deployment_find(tx, id, ret_deployment, err);

	if (rc == 0) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404, "%s", text);
	}
	return rc < 0 ? rc : 0;
}

static void write_limit(struct jsonw *w, const struct deployment *d)
{
	if (!d->has_limit) {
		jsonw_null(w, "global_concurrency_limit");
		return;
	}
	jsonw_obj(w, "global_concurrency_limit");
	jsonw_uuid(w, "id", &d->limit_id);
	jsonw_time(w, "created", d->limit_created_us);
	jsonw_time(w, "updated", d->limit_updated_us);
	jsonw_bool(w, "active", d->limit_active);
	jsonw_str(w, "name", d->limit_name);
	jsonw_int(w, "limit", d->limit);
	jsonw_int(w, "active_slots", d->limit_taken);
	jsonw_real(w, "slot_decay_per_second", d->limit_decay);
	jsonw_obj_end(w);
}

/* Stored as sent; the grace period is always answered. */
static void write_options(struct jsonw *w, const char *text)
{
	json_t *v = text != NULL ? json_loads(text, 0, NULL) : NULL;

	if (json_is_object(v) && json_object_get(v, "grace_period_seconds") == NULL) {
		json_object_set_new(v, "grace_period_seconds", json_null());
	}
	if (json_is_object(v)) {
		jsonw_json(w, "concurrency_options", v);
	} else {
		jsonw_null(w, "concurrency_options");
	}
	json_decref(v);
}

static void write_tail(struct jsonw *w, const struct deployment *d)
{
	jsonw_str(w, "work_queue_name", d->work_queue_name);
	jsonw_uuid(w, "work_queue_id", d->has_queue ? &d->work_queue_id : NULL);
	jsonw_time(w, "last_polled", d->last_polled_us);
	jsonw_raw(w, "parameter_openapi_schema", d->parameter_openapi_schema);
	jsonw_str(w, "path", d->path);
	jsonw_raw(w, "pull_steps", d->pull_steps);
	jsonw_str(w, "entrypoint", d->entrypoint);
	jsonw_uuid(w, "storage_document_id",
		   d->has_storage ? &d->storage_document_id : NULL);
	jsonw_uuid(w, "infrastructure_document_id",
		   d->has_infrastructure ? &d->infrastructure_document_id : NULL);
	jsonw_raw(w, "created_by", d->created_by);
	jsonw_raw(w, "updated_by", d->updated_by);
	jsonw_str(w, "work_pool_name", d->work_pool_name);
	jsonw_str(w, "status", d->ready ? "READY" : "NOT_READY");
	jsonw_bool(w, "enforce_parameter_schema", d->enforce_parameter_schema);
}

int deployment_write(struct tx *tx, struct jsonw *w, const char *key,
		     const struct deployment *d, struct error *err)
{
	int rc;

	jsonw_obj(w, key);
	jsonw_uuid(w, "id", &d->id);
	jsonw_time(w, "created", d->created_us);
	jsonw_time(w, "updated", d->updated_us);
	jsonw_str(w, "name", d->name);
	jsonw_str(w, "version", d->version);
	jsonw_str(w, "description", d->description);
	jsonw_uuid(w, "flow_id", &d->flow_id);
	jsonw_bool(w, "paused", d->paused);
	rc = schedule_write_all(tx, w, "schedules", &d->id, err);
	jsonw_null(w, "concurrency_limit");
	write_limit(w, d);
	write_options(w, d->concurrency_options);
	jsonw_raw(w, "job_variables", d->job_variables);
	jsonw_raw(w, "parameters", d->parameters);
	jsonw_raw(w, "tags", d->tags);
	jsonw_raw(w, "labels", d->labels);
	write_tail(w, d);
	jsonw_obj_end(w);
	return rc;
}

int deployment_save(struct tx *tx, const struct deployment *d, struct error *err)
{
	return db_exec(
	    tx->c, SQL_DEPLOYMENT_UPDATE,
	    DB_ARGS(db_a_uuid(&d->id), db_a_time(tx->now_us), db_a_text(d->version),
		    db_a_text(d->description),
		    db_a_uuid(d->has_queue ? &d->work_queue_id : NULL),
		    db_a_text(d->work_queue_name), db_a_text(d->job_variables),
		    db_a_text(d->path), db_a_text(d->entrypoint), db_a_int(d->paused),
		    db_a_text(d->concurrency_options), db_a_text(d->tags),
		    db_a_text(d->labels), db_a_text(d->parameters),
		    db_a_text(d->pull_steps), db_a_text(d->parameter_openapi_schema),
		    db_a_int(d->enforce_parameter_schema), db_a_text(d->updated_by),
		    db_a_uuid(d->has_infrastructure ? &d->infrastructure_document_id
						    : NULL),
		    db_a_uuid(d->has_storage ? &d->storage_document_id : NULL),
		    db_a_text(d->version_info), db_a_text(d->on_lost),
		    db_a_int(d->max_attempts)),
	    23, NULL, err);
}
