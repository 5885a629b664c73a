/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deployment_parts.c - the steps that creating and changing a deployment share.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/routes/changes.h"
#include "api/routes/deployments/deployment_body.h"
#include "api/routes/deployments/deployment_store.h"
#include "api/routes/pools/pool_store.h"
#include "api/routes/pools/pool_template.h"
#include "api/routes/pools/queue_routes.h"
#include "api/routes/pools/queue_store.h"
#include "api/services/outbox.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"

static void put_text(char **dst, const char *value)
{
	free(*dst);
	*dst = value != NULL ? xstrdup(value) : NULL;
}

/* VALUE NULL: EMPTY ("{}" or NULL). */
static void put_json(char **dst, const json_t *value, const char *empty)
{
	free(*dst);
	*dst =
	    value != NULL ? json_text(value) : (empty != NULL ? xstrdup(empty) : NULL);
}

#define SCHEMA_OF_NOTHING "{\"type\":\"object\",\"properties\":{}}"

static void apply_texts(struct deployment *d, const struct deployment_body *b)
{
	const struct {
		enum deployment_field f;
		char **dst;
		const char *value;
	} texts[] = {
	    {DF_VERSION, &d->version, b->version},
	    {DF_DESCRIPTION, &d->description, b->description},
	    {DF_PATH, &d->path, b->path},
	    {DF_ENTRYPOINT, &d->entrypoint, b->entrypoint},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (DECODED_SET(&b->has, texts[i].f)) {
			put_text(texts[i].dst, texts[i].value);
		}
	}
	if (DECODED_HAS(&b->has, DF_ON_LOST)) {
		put_text(&d->on_lost, b->on_lost);
	}
	if (DECODED_HAS(&b->has, DF_MAX_ATTEMPTS)) {
		d->max_attempts = b->max_attempts;
	}
}

static void apply_json(struct deployment *d, const struct deployment_body *b)
{
	const struct {
		enum deployment_field f;
		char **dst;
		const json_t *value;
		const char *empty;
	} docs[] = {
	    {DF_OPTIONS, &d->concurrency_options, b->concurrency_options, NULL},
	    {DF_SCHEMA, &d->parameter_openapi_schema, b->parameter_openapi_schema,
	     NULL},
	    {DF_TAGS, &d->tags, b->tags, "[]"},
	    {DF_PULL_STEPS, &d->pull_steps, b->pull_steps, NULL},
	    {DF_VERSION_INFO, &d->version_info, b->version_info, NULL},
	};

	for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++) {
		if (DECODED_SET(&b->has, docs[i].f)) {
			put_json(docs[i].dst, docs[i].value, docs[i].empty);
		}
	}
	if (b->parameter_openapi_schema != NULL &&
	    json_is_object(b->parameter_openapi_schema) &&
	    json_object_size(b->parameter_openapi_schema) == 0) {
		put_text(&d->parameter_openapi_schema, SCHEMA_OF_NOTHING);
	}
	/* null leaves these alone */
	if (b->parameters != NULL) {
		put_json(&d->parameters, b->parameters, "{}");
	}
	if (b->job_variables != NULL) {
		put_json(&d->job_variables, b->job_variables, "{}");
	}
}

void deployment_apply(struct deployment *d, const struct deployment_body *b)
{
	apply_texts(d, b);
	apply_json(d, b);
	if (DECODED_HAS(&b->has, DF_PAUSED)) {
		d->paused = b->paused;
	}
	if (DECODED_HAS(&b->has, DF_ENFORCE)) {
		d->enforce_parameter_schema = b->enforce_parameter_schema;
	}
	if (DECODED_SET(&b->has, DF_STORAGE)) {
		d->has_storage = DECODED_HAS(&b->has, DF_STORAGE);
		d->storage_document_id = b->storage_document_id;
	}
	if (DECODED_SET(&b->has, DF_INFRASTRUCTURE)) {
		d->has_infrastructure = DECODED_HAS(&b->has, DF_INFRASTRUCTURE);
		d->infrastructure_document_id = b->infrastructure_document_id;
	}
}

static int check_job_variables(struct tx *tx, const struct work_pool *pool,
			       const json_t *job_variables, const char *verb,
			       struct error *err)
{
	struct error why = {0};
	json_t *base;
	int rc;

	if (json_object_size(job_variables) == 0 || pool->base_job_template == NULL) {
		return 0;
	}
	base = json_loads(pool->base_job_template, 0, NULL);
	rc = template_check_variables(base, &job_variables, 1, 0, &why);
	json_decref(base);
	if (rc == 0) {
		return 0;
	}
	return tx_detail(tx, err, ERR_INVALID, 422, "Error %s deployment: %s", verb,
			 why.msg);
}

static void take_queue(struct deployment *d, struct work_queue *q)
{
	d->has_queue = 1;
	d->work_queue_id = q->id;
	put_text(&d->work_queue_name, q->name);
}

/* The pool's queue QUEUE, or its default queue. */
static int queue_in_pool(struct tx *tx, struct deployment *d,
			 const struct work_pool *pool, const char *queue,
			 struct error *err)
{
	struct work_queue q = {0};
	int rc;

	if (queue != NULL) {
		rc = queue_ensure(tx, pool, queue, &q, err);
	} else {
		rc = queue_find(tx, &pool->default_queue_id, &q, err);
	}
	if (rc >= 0 && q.name != NULL) {
		take_queue(d, &q);
	}
	queue_release(&q);
	return rc < 0 ? rc : 0;
}

static int named_pool(struct tx *tx, struct deployment *d,
		      const struct deployment_body *b, const char *verb,
		      struct error *err)
{
	struct work_pool pool = {0};
	int rc;

	if (strcmp(b->work_pool_name, POOL_DEFAULT_AGENT) == 0) {
		rc = queue_legacy_pool(tx, &pool, NULL, err);
	} else {
		rc = pool_by_name(tx, b->work_pool_name, &pool, err);
		if (rc == 0) {
			rc =
			    check_job_variables(tx, &pool, b->job_variables, verb, err);
		}
	}
	if (rc == 0) {
		rc = queue_in_pool(tx, d, &pool, b->work_queue_name, err);
	}
	pool_release(&pool);
	return rc;
}

/* A queue without a pool: in the deployment's own pool if it has one, else in the
 * legacy one. */
static int queue_alone(struct tx *tx, struct deployment *d,
		       const struct deployment_body *b, struct error *err)
{
	struct work_pool pool = {0};
	int rc = d->has_pool && d->work_pool_name != NULL
		     ? pool_by_name(tx, d->work_pool_name, &pool, err)
		     : queue_legacy_pool(tx, &pool, NULL, err);

	if (rc == 0) {
		rc = queue_in_pool(tx, d, &pool, b->work_queue_name, err);
	}
	pool_release(&pool);
	return rc;
}

int deployment_resolve_queue(struct tx *tx, struct deployment *d,
			     const struct deployment_body *b, const char *verb,
			     struct error *err)
{
	if (b->work_pool_name != NULL && b->work_pool_name[0] != '\0') {
		return named_pool(tx, d, b, verb, err);
	}
	if (strcmp(verb, "updating") == 0 && DECODED_SET(&b->has, DF_POOL)) {
		d->has_queue = 0; /* the name stays, unless nobody gave it */
		if (DECODED_SET(&b->has, DF_QUEUE) ||
		    (d->work_queue_name != NULL &&
		     strcmp(d->work_queue_name, "default") == 0)) {
			put_text(&d->work_queue_name, b->work_queue_name);
		}
		return 0;
	}
	if (b->work_queue_name != NULL) {
		return queue_alone(tx, d, b, err);
	}
	return 0;
}

int deployment_check_global_limit(struct tx *tx, const struct deployment_body *b,
				  struct error *err)
{
	int64_t found = 0;
	int rc;

	if (!DECODED_HAS(&b->has, DF_GLOBAL_LIMIT)) {
		return 0;
	}
	rc = db_one_int(tx->c, SQL_LIMIT_EXISTS,
			DB_ARGS(db_a_uuid(&b->global_concurrency_limit_id)), 1, &found,
			err);
	if (rc >= 0 && found == 0) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404,
				 "Concurrency limit not found");
	}
	return rc < 0 ? rc : 0;
}

static int block_exists(struct tx *tx, const struct uuid *id, const char *kind,
			struct error *err)
{
	int64_t found = 0;
	int rc = db_one_int(tx->c, SQL_DEPLOYMENT_BLOCK_EXISTS, DB_ARGS(db_a_uuid(id)),
			    1, &found, err);

	if (rc >= 0 && found == 0) {
		return tx_detail(
		    tx, err, ERR_CONFLICT, 409,
		    "Error creating deployment. Could not find %s block with id: %s.",
		    kind, uuid_str(id));
	}
	return rc < 0 ? rc : 0;
}

int deployment_check_blocks(struct tx *tx, const struct deployment_body *b,
			    struct error *err)
{
	int rc = 0;

	if (DECODED_HAS(&b->has, DF_STORAGE)) {
		rc = block_exists(tx, &b->storage_document_id, "storage", err);
	}
	if (rc == 0 && DECODED_HAS(&b->has, DF_INFRASTRUCTURE)) {
		rc = block_exists(tx, &b->infrastructure_document_id, "infrastructure",
				  err);
	}
	return rc;
}

static void take_id(const struct db_rows *r, void *arg)
{
	(void)db_uuid(r, 0, arg);
}

static int own_limit(struct tx *tx, const struct uuid *id, const char *name,
		     int64_t limit, struct error *err)
{
	struct uuid limit_id;
	int rc;

	uuid_v4(&limit_id);
	rc = db_exec(tx->c, SQL_DEPLOYMENT_LIMIT_UPSERT,
		     DB_ARGS(db_a_uuid(&limit_id), db_a_time(tx->now_us),
			     db_a_text(name), db_a_int(limit)),
		     4, NULL, err);
	if (rc == 0) {
		rc = db_one(tx->c, SQL_LIMIT_ID_BY_NAME, DB_ARGS(db_a_text(name)), 1,
			    take_id, &limit_id, err);
	}
	if (rc < 0) {
		return rc;
	}
	return db_exec(
	    tx->c, SQL_DEPLOYMENT_SET_LIMIT,
	    DB_ARGS(db_a_uuid(id), db_a_time(tx->now_us), db_a_uuid(&limit_id)), 3,
	    NULL, err);
}

int deployment_apply_limit(struct tx *tx, const struct uuid *id,
			   const struct deployment_body *b, struct error *err)
{
	char text[UUID_TEXT_SIZE], name[64];
	int rc = 0;

	(void)snprintf(name, sizeof(name), "deployment:%s", uuid_format(id, text));
	if (DECODED_HAS(&b->has, DF_LIMIT)) {
		rc = own_limit(tx, id, name, b->concurrency_limit, err);
	} else if (DECODED_SET(&b->has, DF_LIMIT)) {
		rc = db_exec(tx->c, SQL_LIMIT_DELETE_BY_NAME, DB_ARGS(db_a_text(name)),
			     1, NULL, err);
	}
	if (rc == 0 && DECODED_SET(&b->has, DF_GLOBAL_LIMIT) &&
	    !DECODED_HAS(&b->has, DF_LIMIT)) {
		rc = db_exec(tx->c, SQL_DEPLOYMENT_SET_LIMIT,
			     DB_ARGS(db_a_uuid(id), db_a_time(tx->now_us),
				     db_a_uuid(DECODED_HAS(&b->has, DF_GLOBAL_LIMIT)
						   ? &b->global_concurrency_limit_id
						   : NULL)),
			     3, NULL, err);
	}
	if (rc == 0) {
		rc = outbox_lane(tx, id, err);
	}
	return rc;
}

static void change_uuid(struct changes *c, const char *field, const struct uuid *from,
			const struct uuid *to)
{
	char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE];

	changes_text(c, field, from != NULL ? uuid_format(from, a) : NULL,
		     to != NULL ? uuid_format(to, b) : NULL);
}

int deployment_emit_changes(struct tx *tx, const struct deployment *old,
			    const struct deployment *d, struct error *err)
{
	struct changes c;
	int rc = 0;

	changes_init(&c);
	changes_text(&c, "description", old->description, d->description);
	changes_json_text(&c, "tags", old->tags, d->tags);
	changes_json_text(&c, "parameters", old->parameters, d->parameters);
	changes_json_text(&c, "parameter_openapi_schema", old->parameter_openapi_schema,
			  d->parameter_openapi_schema);
	changes_bool(&c, "enforce_parameter_schema", old->enforce_parameter_schema,
		     d->enforce_parameter_schema);
	changes_text(&c, "entrypoint", old->entrypoint, d->entrypoint);
	changes_text(&c, "path", old->path, d->path);
	changes_json_text(&c, "pull_steps", old->pull_steps, d->pull_steps);
	change_uuid(&c, "work_queue_id", old->has_queue ? &old->work_queue_id : NULL,
		    d->has_queue ? &d->work_queue_id : NULL);
	changes_json_text(&c, "infra_overrides", old->job_variables, d->job_variables);
	changes_bool(&c, "paused", old->paused, d->paused);
	changes_json_text(&c, "labels", old->labels, d->labels);
	changes_text(&c, "version", old->version, d->version);
	change_uuid(&c, "concurrency_limit_id", old->has_limit ? &old->limit_id : NULL,
		    d->has_limit ? &d->limit_id : NULL);
	changes_json_text(&c, "concurrency_options", old->concurrency_options,
			  d->concurrency_options);
	if (changes_any(&c)) {
		rc = deployment_emit(tx, d, "updated", changes_payload(&c), err);
	}
	changes_release(&c);
	return rc;
}
