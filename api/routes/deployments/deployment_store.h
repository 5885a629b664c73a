/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deployment_store.h - deployments: rows in memory, their JSON, status and events.
 * Database threads only.
 */
#ifndef API_ROUTES_DEPLOYMENTS_DEPLOYMENT_STORE_H
#define API_ROUTES_DEPLOYMENTS_DEPLOYMENT_STORE_H

#include <stdint.h>

#include <jansson.h>

#include "base/uuid.h"

struct db_rows;
struct error;
struct jsonw;
struct tx;

/* JSON columns are texts.  All texts are owned and may be NULL. */
struct deployment {
	struct uuid id, flow_id, work_queue_id, work_pool_id;
	int has_queue, has_pool;
	struct uuid storage_document_id, infrastructure_document_id;
	int has_storage, has_infrastructure;
	int64_t created_us, updated_us, last_polled_us;
	int paused, enforce_parameter_schema, ready;
	char *name, *version, *description, *path, *entrypoint, *work_queue_name;
	char *concurrency_options, *job_variables, *parameters, *tags, *labels;
	char *parameter_openapi_schema, *pull_steps, *created_by, *updated_by,
	    *version_info;
	char *on_lost;
	int64_t max_attempts; /* of a run whose owners are lost */
	char *flow_name, *flow_labels, *work_pool_name, *work_pool_type, *queue_name;
	/* the concurrency limit */
	int has_limit, limit_active;
	struct uuid limit_id;
	int64_t limit_created_us, limit_updated_us, limit, limit_taken;
	char *limit_name;
	double limit_decay;
};

void deployment_from_row(struct deployment *ret_deployment, const struct db_rows *r);
void deployment_release(struct deployment *d);
/* 1 found, 0 not; no answer touched. */
int deployment_find(struct tx *tx, const struct uuid *id,
		    struct deployment *ret_deployment, struct error *err);
int deployment_find_in_flow(struct tx *tx, const struct uuid *flow_id, const char *name,
			    struct deployment *ret_deployment, struct error *err);
/* Answers 404 by itself with TEXT: "Deployment not found" and the like. */
int deployment_get(struct tx *tx, const struct uuid *id, const char *text,
		   struct deployment *ret_deployment, struct error *err);
/* Reads the schedules, too. */
int deployment_write(struct tx *tx, struct jsonw *w, const char *key,
		     const struct deployment *d, struct error *err);
/* All columns that PATCH can change; updated = now. */
int deployment_save(struct tx *tx, const struct deployment *d, struct error *err);

/* READY when READY is set; tells it when it changes. */
int deployment_set_ready(struct tx *tx, struct deployment *d, int ready,
			 struct error *err);
/* "prefect.deployment.<verb>"; PAYLOAD (or NULL) is taken. */
int deployment_emit(struct tx *tx, const struct deployment *d, const char *verb,
		    json_t *payload, struct error *err);
/*
 * Deletes the runs that schedules made and nobody started: those still to come, or with
 * LATE_TOO all.  The scheduler makes them again.  SCHEDULE_ID NULL: of all schedules.
 * Sets FX_SCHEDULES.
 */
int deployment_drop_auto_runs(struct tx *tx, const struct uuid *deployment_id,
			      const struct uuid *schedule_id, int late_too,
			      struct error *err);
/* Deletes all SCHEDULED runs of a deployment that is about to go. */
int deployment_drop_scheduled(struct tx *tx, const struct uuid *deployment_id,
			      struct error *err);

#endif
