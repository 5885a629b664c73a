/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deployment_create.c - POST /deployments/: a deployment is known by its flow and name;
 * a second POST changes it.
 */
#include "api/routes/deployments/deployment_body.h"

#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/creator.h"
#include "api/routes/deployments/deployment_routes.h"
#include "api/routes/deployments/deployment_store.h"
#include "api/routes/deployments/schedule_store.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"

/* Labels of the flow, those asked for, and the flow's id. */
static char *labels_of(const struct uuid *flow_id, const char *flow_labels,
		       const json_t *labels)
{
	char id[UUID_TEXT_SIZE], *text;
	json_t *all = flow_labels != NULL ? json_loads(flow_labels, 0, NULL) : NULL;

	if (!json_is_object(all)) {
		json_decref(all);
		all = json_object();
	}
	if (labels != NULL) {
		json_object_update(all, (json_t *)(uintptr_t)labels);
	}
	json_object_set_new(all, "prefect.flow.id",
			    json_string(uuid_format(flow_id, id)));
	text = json_text(all);
	json_decref(all);
	return text;
}

static int insert_row(struct tx *tx, const struct deployment *d, struct error *err)
{
	return db_exec(
	    tx->c, SQL_DEPLOYMENT_INSERT,
	    DB_ARGS(db_a_uuid(&d->id), db_a_time(tx->now_us), db_a_text(d->name),
		    db_a_uuid(&d->flow_id), db_a_text(d->version),
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
	    25, NULL, err);
}

static void set_defaults(struct deployment *d, const struct deployment_body *b)
{
	*d = (struct deployment){
	    .flow_id = b->flow_id,
	    .enforce_parameter_schema = 1,
	    .name = xstrdup(b->name),
	    .job_variables = xstrdup("{}"),
	    .parameters = xstrdup("{}"),
	    .tags = xstrdup("[]"),
	    .pull_steps = xstrdup("[]"),
	    .parameter_openapi_schema = xstrdup("{}"),
	    .on_lost = xstrdup("crash"),
	    .max_attempts = DEPLOYMENT_MAX_ATTEMPTS,
	};
	uuid_v4(&d->id);
}

static int put_schedules(struct tx *tx, const struct uuid *id,
			 const struct deployment_body *b, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->count; i++) {
		if (b->list[i].schedule != NULL) {
			rc = schedule_insert(tx, id, &b->list[i], NULL, err);
		}
	}
	return rc;
}

int deployment_replace_schedules(struct tx *tx, const struct uuid *id,
				 const struct deployment_body *b, struct error *err)
{
	int rc = db_exec(tx->c, SQL_SCHEDULE_DELETE_OF_DEPLOYMENT,
			 DB_ARGS(db_a_uuid(id)), 1, NULL, err);

	return rc == 0 ? put_schedules(tx, id, b, err) : rc;
}

static int change_existing(struct tx *tx, struct deployment *d,
			   const struct deployment_body *b, struct error *err)
{
	int rc = deployment_drop_auto_runs(tx, &d->id, NULL, 0, err);

	if (rc == 0) {
		rc = deployment_save(tx, d, err);
	}
	if (rc == 0) {
		rc = deployment_replace_schedules(tx, &d->id, b, err);
	}
	return rc;
}

static int insert_new(struct tx *tx, struct deployment *d,
		      const struct deployment_body *b, struct error *err)
{
	int rc = insert_row(tx, d, err);

	return rc == 0 ? put_schedules(tx, &d->id, b, err) : rc;
}

/* D is what was before (or the defaults) and becomes what is now. */
static int upsert(struct tx *tx, struct deployment *d, const struct deployment_body *b,
		  int exists, struct error *err)
{
	int rc = deployment_resolve_queue(tx, d, b, "creating", err);

	if (rc == 0) {
		rc = deployment_check_blocks(tx, b, err);
	}
	if (rc < 0) {
		return rc;
	}
	deployment_apply(d, b);
	if (exists && !DECODED_SET(&b->has, DF_PARAMETERS)) { /* others stay */
		free(d->parameters);
		d->parameters = xstrdup("{}");
	}
	if (b->creator != NULL) {
		free(d->updated_by);
		d->updated_by = json_text(b->creator);
	}
	free(d->labels);
	d->labels = labels_of(&b->flow_id, d->flow_labels, b->labels);
	rc = exists ? change_existing(tx, d, b, err) : insert_new(tx, d, b, err);
	if (rc == 0) {
		rc = deployment_apply_limit(tx, &d->id, b, err);
	}
	return rc;
}

static int answer(struct tx *tx, const struct deployment *old, const struct uuid *id,
		  struct error *err)
{
	struct deployment d = {0};
	struct jsonw w;
	int rc = deployment_get(tx, id, "Deployment not found", &d, err);

	if (rc == 0 && old->name != NULL) {
		rc = deployment_emit_changes(tx, old, &d, err);
	} else if (rc == 0) {
		rc = deployment_emit(tx, &d, "created", NULL, err);
	}
	if (rc == 0) {
		jsonw_init(&w, &tx->body);
		rc = deployment_write(tx, &w, NULL, &d, err);
		tx->status = old->name != NULL ? 200 : 201;
	}
	deployment_release(&d);
	return rc;
}

static void take_text(const struct db_rows *r, void *arg)
{
	const char *s = db_text(r, 0);

	*(char **)arg = s != NULL ? xstrdup(s) : NULL;
}

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct deployment_body *b = arg;
	struct deployment d = {0}, old = {0};
	int rc = deployment_check_global_limit(tx, b, err);

	if (rc == 0) {
		rc = deployment_find_in_flow(tx, &b->flow_id, b->name, &old, err);
	}
	if (rc > 0) {
		rc = deployment_find_in_flow(tx, &b->flow_id, b->name, &d, err);
	} else if (rc == 0) {
		set_defaults(&d, b);
		rc = db_one(tx->c, SQL_DEPLOYMENT_FLOW_LABELS,
			    DB_ARGS(db_a_uuid(&b->flow_id)), 1, take_text,
			    &d.flow_labels, err);
	}
	if (rc >= 0) {
		rc = upsert(tx, &d, b, old.name != NULL, err);
	}
	if (rc == 0) {
		rc = answer(tx, &old, &d.id, err);
	}
	tx->fx |= FX_SCHEDULES;
	deployment_release(&old);
	deployment_release(&d);
	return rc;
}

void route_deployment_create(struct http_req *r)
{
	struct deployment_body *b = deployment_body_decode(r, 1);

	if (b != NULL) {
		b->creator = creator_of(r);
		tx_submit(r, DB_WRITE, create_work, b, deployment_body_free);
	}
}
