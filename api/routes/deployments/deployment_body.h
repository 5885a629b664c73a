/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deployment_body.h - DeploymentCreate and DeploymentUpdate, and the steps that both
 * routes share.
 */
#ifndef API_ROUTES_DEPLOYMENTS_DEPLOYMENT_BODY_H
#define API_ROUTES_DEPLOYMENTS_DEPLOYMENT_BODY_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "api/routes/decode.h"
#include "base/uuid.h"

struct deployment;
struct error;
struct http_req;
struct schedule_in;
struct tx;

enum deployment_field {
	DF_VERSION,
	DF_DESCRIPTION,
	DF_PAUSED,
	DF_SCHEDULES,
	DF_LIMIT,
	DF_OPTIONS,
	DF_GLOBAL_LIMIT,
	DF_PARAMETERS,
	DF_SCHEMA,
	DF_TAGS,
	DF_QUEUE,
	DF_POOL,
	DF_PATH,
	DF_JOB_VARIABLES,
	DF_PULL_STEPS,
	DF_ENTRYPOINT,
	DF_STORAGE,
	DF_INFRASTRUCTURE,
	DF_ENFORCE,
	DF_VERSION_INFO,
	DF_ON_LOST,      /* ours: crash | requeue */
	DF_MAX_ATTEMPTS, /* ours: starts of a run whose owners are lost */
	/* create only */
	DF_NAME,
	DF_FLOW_ID,
	DF_LABELS,
	DF_COUNT
};

#define DEPLOYMENT_MAX_ATTEMPTS 3 /* unless it says otherwise */

struct deployment_body {
	json_t *root;   /* owned; what follows points into it */
	struct uuid id; /* PATCH: of the path */
	const char *name, *version, *description, *path, *entrypoint;
	const char *work_queue_name, *work_pool_name, *on_lost;
	struct uuid flow_id, global_concurrency_limit_id;
	struct uuid storage_document_id, infrastructure_document_id;
	int paused, enforce_parameter_schema;
	int64_t concurrency_limit, max_attempts;
	json_t *schedules, *concurrency_options, *parameters, *parameter_openapi_schema;
	json_t *tags, *labels, *job_variables, *pull_steps, *version_info;
	struct decoded has;
	struct schedule_in *list; /* owned */
	size_t count;
	json_t *creator; /* owned; or NULL */
};

/* NULL: the request has been answered. */
struct deployment_body *deployment_body_decode(struct http_req *r, int create);
void deployment_body_free(void *arg);

/* Writes into D what the body sets (null clears); not queue, limit, schedules, labels.
 */
void deployment_apply(struct deployment *d, const struct deployment_body *b);
/*
 * The pool must exist (404), JOB_VARIABLES must fit it (422, "Error VERB deployment:
 * ..."); the queue is made when it is missing and noted in D.
 */
int deployment_resolve_queue(struct tx *tx, struct deployment *d,
			     const struct deployment_body *b, const char *verb,
			     struct error *err);
/* The limit of the body, also null, becomes the row "deployment:<id>"; a global limit
 * must exist (404). */
int deployment_apply_limit(struct tx *tx, const struct uuid *id,
			   const struct deployment_body *b, struct error *err);
/* 404 "Concurrency limit not found". */
int deployment_check_global_limit(struct tx *tx, const struct deployment_body *b,
				  struct error *err);
/* 409 when a block document of the body does not exist. */
int deployment_check_blocks(struct tx *tx, const struct deployment_body *b,
			    struct error *err);
/* Tells "prefect.deployment.updated" when a field differs. */
int deployment_emit_changes(struct tx *tx, const struct deployment *old,
			    const struct deployment *d, struct error *err);

#endif
