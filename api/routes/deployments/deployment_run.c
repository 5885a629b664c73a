/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deployment_run.c - POST /deployments/{id}/create_flow_run, one or many.
 *
 * Parameters: the deployment's, then the request's, hydrated, then checked against the
 * schema. Job variables: the pool's defaults, the deployment's, the request's, checked
 * as a whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/orchestration/create.h"
#include "api/orchestration/orchestration.h"
#include "api/routes/body.h"
#include "api/routes/creator.h"
#include "api/routes/decode.h"
#include "api/routes/deployments/deployment_routes.h"
#include "api/routes/deployments/deployment_store.h"
#include "api/routes/flow_run_json.h"
#include "api/routes/deployments/hydrate.h"
#include "api/routes/pools/pool_store.h"
#include "api/routes/pools/pool_template.h"
#include "api/routes/pools/queue_store.h"
#include "api/routes/schema/schema.h"
#include "api/routes/state_json.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "proto/frame.h"

#define RUN_PARAMETERS_MAX 524288
#define RUN_BULK_MAX       100
#define STATE_SCHEDULED    1

struct run_body {
	json_t *state_obj, *parameters, *context, *empirical_policy, *tags, *labels;
	json_t *job_variables;
	const char *name, *idempotency_key, *work_queue_name;
	int enforce_parameter_schema;
	struct uuid infrastructure_document_id, parent_task_run_id;
	struct decoded has;
	struct orc_state state; /* owned; type 0: none */
	const json_t *creator;
	int bulk; /* one of many */
};

enum run_field {
	RF_STATE,
	RF_NAME,
	RF_PARAMETERS,
	RF_ENFORCE,
	RF_CONTEXT,
	RF_INFRASTRUCTURE,
	RF_POLICY,
	RF_TAGS,
	RF_KEY,
	RF_LABELS,
	RF_PARENT,
	RF_QUEUE,
	RF_JOB_VARIABLES,
	RF_COUNT
};

#define RB(member, ftype, ...) FIELD(struct run_body, member, ftype, ##__VA_ARGS__)
static const struct field run_fields[] = {
    [RF_STATE] = {.name = "state",
		  .type = F_OBJ,
		  .offset = offsetof(struct run_body, state_obj),
		  .flags = F_MODEL},
    [RF_NAME] = RB(name, F_STR, .flags = F_OR_MADE),
    [RF_PARAMETERS] = RB(parameters, F_OBJ, .flags = F_NOT_NULL),
    [RF_ENFORCE] = RB(enforce_parameter_schema, F_BOOL),
    [RF_CONTEXT] = RB(context, F_OBJ, .flags = F_NOT_NULL),
    [RF_INFRASTRUCTURE] = RB(infrastructure_document_id, F_UUID),
    [RF_POLICY] = RB(empirical_policy, F_OBJ, .flags = F_NOT_NULL),
    [RF_TAGS] = RB(tags, F_TAGS, .flags = F_NOT_NULL),
    [RF_KEY] = RB(idempotency_key, F_STR),
    [RF_LABELS] = RB(labels, F_LABEL_MAP),
    [RF_PARENT] = RB(parent_task_run_id, F_UUID),
    [RF_QUEUE] = RB(work_queue_name, F_STR),
    [RF_JOB_VARIABLES] = RB(job_variables, F_OBJ),
};

/* All runs of one request. */
struct run_request {
	json_t *root;    /* owned */
	json_t *creator; /* owned; or NULL */
	struct uuid deployment_id;
	struct run_body *runs; /* owned */
	size_t count;
	int bulk;
};

static void request_free(void *arg)
{
	struct run_request *q = arg;

	for (size_t i = 0; i < q->count; i++) {
		orc_state_release(&q->runs[i].state);
	}
	free(q->runs);
	json_decref(q->creator);
	json_decref(q->root);
	free(q);
}

static void check_size(const struct run_body *b, const char *loc,
		       struct http_invalid *v)
{
	char *text = b->parameters != NULL ? json_text(b->parameters) : NULL;
	char where[64], msg[128];
	size_t len = text != NULL ? strlen(text) : 0;

	free(text);
	if (len <= RUN_PARAMETERS_MAX) {
		return;
	}
	(void)snprintf(where, sizeof(where), "%s%sparameters", loc,
		       loc[0] != '\0' ? "." : "");
	(void)snprintf(msg, sizeof(msg),
		       "Value error, Flow run parameters size of %zu bytes exceeds the "
		       "limit of %d bytes",
		       len, RUN_PARAMETERS_MAX);
	http_invalid_add(v, "value_error", where, NULL, msg);
}

static void decode_run(struct run_body *b, const json_t *obj, const char *loc,
		       struct http_invalid *v)
{
	char where[64];

	(void)decode_object(obj, run_fields, RF_COUNT, 1, loc, b, &b->has, v);
	if (b->state_obj != NULL) {
		(void)snprintf(where, sizeof(where), "%s%sstate", loc,
			       loc[0] != '\0' ? "." : "");
		(void)state_decode(b->state_obj, where, &b->state, v);
	}
	check_size(b, loc, v);
}

/* ---- in the transaction ---- */

struct run_made {
	struct uuid id;
	int created; /* 0: the idempotency key was used before */
};

/* New reference; -ERR when the request was answered. */
static int parameters_of(struct tx *tx, const struct deployment *d,
			 const struct run_body *b, json_t **ret_parameters,
			 struct error *err)
{
	struct error why = {0};
	json_t *merged = json_loads(d->parameters, 0, NULL);
	int rc;

	if (merged == NULL) {
		merged = json_object();
	}
	if (b->parameters != NULL) {
		json_object_update(merged, b->parameters);
	}
	rc = hydrate(tx, merged, ret_parameters, &why);
	json_decref(merged);
	if (rc < 0) {
		return tx_detail(
		    tx, err, ERR_USAGE, 400, "%s%s",
		    b->bulk ? "" : "Error hydrating flow run parameters: ", why.msg);
	}
	return 0;
}

static int check_parameters(struct tx *tx, const struct deployment *d,
			    const struct run_body *b, const json_t *parameters,
			    struct error *err)
{
	int enforce = DECODED_HAS(&b->has, RF_ENFORCE) ? b->enforce_parameter_schema
						       : d->enforce_parameter_schema;
	struct error why = {0};
	json_t *schema;
	int rc;

	if (!enforce) {
		return 0;
	}
	schema = d->parameter_openapi_schema != NULL
		     ? json_loads(d->parameter_openapi_schema, JSON_DECODE_ANY, NULL)
		     : NULL;
	if (!json_is_object(schema)) {
		json_decref(schema);
		return tx_detail(tx, err, ERR_CONFLICT, 409,
				 "Error updating deployment: Cannot update parameters "
				 "because parameter "
				 "schema enforcement is enabled and the deployment "
				 "does not have a valid "
				 "parameter schema.");
	}
	rc = schema_validate(parameters, schema, 0, &why);
	json_decref(schema);
	if (rc == -ERR_LIMIT) {
		return tx_detail(tx, err, ERR_INVALID, 422, "%s", why.msg);
	}
	return rc == 0 ? 0
		       : tx_detail(tx, err, ERR_CONFLICT, 409, "%s: %s",
				   b->bulk ? "Parameter validation failed"
					   : "Error creating flow run",
				   why.msg);
}

static int check_job_variables(struct tx *tx, const struct deployment *d,
			       const struct run_body *b, struct error *err)
{
	struct work_pool pool = {0};
	struct error why = {0};
	json_t *base = NULL, *own = NULL;
	const json_t *vars[2];
	int rc;

	if (d->work_pool_name == NULL) {
		return 0;
	}
	rc = pool_find(tx, d->work_pool_name, &pool, err);
	if (rc > 0) {
		base = json_loads(pool.base_job_template, 0, NULL);
		own = json_loads(d->job_variables, 0, NULL);
		vars[0] = own;
		vars[1] = b->job_variables;
		rc = template_check_variables(base, vars, 2, 1, &why);
		if (rc < 0) {
			rc = tx_detail(tx, err, ERR_INVALID, 422,
				       "Error creating flow run: %s", why.msg);
		}
	}
	json_decref(base);
	json_decref(own);
	pool_release(&pool);
	return rc < 0 ? rc : 0;
}

/* A queue of the deployment's pool by the name the request gives. */
static int queue_of(struct tx *tx, const struct deployment *d, const struct run_body *b,
		    struct uuid *ret_id, struct error *err)
{
	const char *name = b->work_queue_name;
	struct work_pool pool = {0};
	struct work_queue q = {0};
	int rc;

	if (d->work_pool_name == NULL && b->bulk) {
		return tx_detail(tx, err, ERR_USAGE, 400,
				 "Cannot create flow run in work queue %s because "
				 "deployment is not associated with a work pool.",
				 name);
	}
	if (d->work_pool_name == NULL) {
		return tx_detail(tx, err, ERR_USAGE, 400,
				 "Cannot create flow run in work queue %s because "
				 "deployment %s is not "
				 "associated with a work pool. Please remove "
				 "work_pool_name and try again.",
				 name, uuid_str(&d->id));
	}
	rc = pool_by_name(tx, d->work_pool_name, &pool, err);
	if (rc == 0) {
		rc = queue_ensure(tx, &pool, name, &q, err);
	}
	*ret_id = q.id;
	queue_release(&q);
	pool_release(&pool);
	return rc;
}

/* Union, the deployment's first; new reference. */
static json_t *tags_of(const struct deployment *d, const json_t *tags)
{
	json_t *all = json_loads(d->tags, 0, NULL), *tag, *have;
	size_t i, k;

	if (!json_is_array(all)) {
		json_decref(all);
		all = json_array();
	}
	json_array_foreach (tags, i, tag) {
		int found = 0;

		json_array_foreach (all, k, have) {
			found |= json_equal(have, tag);
		}
		if (!found) {
			json_array_append(all, tag);
		}
	}
	return all;
}

/* Scheduled for now, unless the request brought a state. */
static void default_state(struct run_body *b, int64_t now_us)
{
	char text[TIME_TEXT_SIZE];

	if (b->state.type != 0) {
		return;
	}
	b->state = (struct orc_state){.type = STATE_SCHEDULED, .name = "Scheduled"};
	b->state.details = json_pack("{s:s}", "scheduled_time",
				     time_format(now_us, text, sizeof(text)));
}

static int insert_run(struct tx *tx, const struct deployment *d, struct run_body *b,
		      const json_t *parameters, struct run_made *ret_made,
		      struct error *err)
{
	struct uuid queue_id = d->work_queue_id;
	struct orc_state state; /* a copy: a retried transaction needs it again */
	json_t *tags = tags_of(d, b->tags), *none = json_object();
	struct flow_run_new n = {
	    .flow_id = d->flow_id,
	    .deployment_id = &d->id,
	    .work_queue_id = d->has_queue ? &queue_id : NULL,
	    .parent_task_run_id =
		DECODED_HAS(&b->has, RF_PARENT) ? &b->parent_task_run_id : NULL,
	    .name = b->name,
	    .deployment_version = d->version,
	    .work_queue_name = d->work_queue_name,
	    .idempotency_key = b->idempotency_key,
	    .parameters = parameters,
	    .context = b->context,
	    .empirical_policy = b->empirical_policy,
	    .tags = tags,
	    .labels = b->labels,
	    .job_variables =
		DECODED_SET(&b->has, RF_JOB_VARIABLES) ? b->job_variables : none,
	    .created_by = b->creator,
	    .state = &state,
	};
	int rc = 0;

	if (DECODED_HAS(&b->has, RF_INFRASTRUCTURE)) {
		n.infrastructure_document_id = &b->infrastructure_document_id;
	} else if (d->has_infrastructure) {
		n.infrastructure_document_id = &d->infrastructure_document_id;
	}
	if (b->work_queue_name != NULL && b->work_queue_name[0] != '\0') {
		rc = queue_of(tx, d, b, &queue_id, err);
		n.work_queue_id = &queue_id;
		n.work_queue_name = b->work_queue_name;
	}
	if (rc == 0) {
		default_state(b, tx->now_us);
		orc_state_copy(&state, &b->state);
		rc = flow_run_create(tx, &n, &ret_made->id, &ret_made->created, err);
	}
	json_decref(none);
	json_decref(tags);
	return rc;
}

static int create_one(struct tx *tx, const struct deployment *d, struct run_body *b,
		      struct run_made *ret_made, struct error *err)
{
	json_t *parameters = NULL;
	int rc = parameters_of(tx, d, b, &parameters, err);

	if (rc == 0) {
		rc = check_parameters(tx, d, b, parameters, err);
	}
	if (rc == 0) {
		rc = check_job_variables(tx, d, b, err);
	}
	if (rc == 0) {
		rc = insert_run(tx, d, b, parameters, ret_made, err);
	}
	json_decref(parameters);
	return rc;
}

static int run_work(struct tx *tx, void *arg, struct error *err)
{
	struct run_request *q = arg;
	struct deployment d = {0};
	struct run_made made = {.created = 0};
	struct jsonw w;
	int rc = deployment_get(tx, &q->deployment_id, "Deployment not found", &d, err);

	if (rc == 0) {
		rc = create_one(tx, &d, &q->runs[0], &made, err);
	}
	if (rc == 0) {
		jsonw_init(&w, &tx->body);
		rc = flow_run_write_by_id(tx, &w, NULL, &made.id, err);
		tx->status = made.created ? 201 : 200;
	}
	deployment_release(&d);
	return rc;
}

/* One run of many: its failure is its own. */
static int bulk_one(struct tx *tx, const struct deployment *d, struct run_body *b,
		    struct jsonw *w, struct error *err)
{
	struct error why = {0};
	struct run_made made = {.created = 0};
	int rc = db_savepoint(tx->c, err);

	if (rc < 0) {
		return rc;
	}
	rc = create_one(tx, d, b, &made, &why);
	tx->keep_answer = 0;
	jsonw_obj(w, NULL);
	jsonw_uuid(w, "flow_run_id", rc == 0 ? &made.id : NULL);
	jsonw_str(w, "status", rc == 0 ? "CREATED" : "FAILED");
	jsonw_str(w, "error", rc == 0 ? NULL : why.msg);
	jsonw_obj_end(w);
	return rc == 0 ? db_release(tx->c, err) : db_rollback_to(tx->c, err);
}

static int bulk_work(struct tx *tx, void *arg, struct error *err)
{
	struct run_request *q = arg;
	struct deployment d = {0};
	struct buf out;
	struct jsonw w;
	int rc = deployment_get(tx, &q->deployment_id, "Deployment not found", &d, err);

	if (rc < 0) {
		return rc;
	}
	buf_init(&out); /* failures of single runs write into tx->body */
	jsonw_init(&w, &out);
	jsonw_obj(&w, NULL);
	jsonw_arr(&w, "results");
	for (size_t i = 0; rc == 0 && i < q->count; i++) {
		q->runs[i].bulk = 1;
		rc = bulk_one(tx, &d, &q->runs[i], &w, err);
	}
	jsonw_arr_end(&w);
	jsonw_obj_end(&w);
	buf_reset(&tx->body);
	buf_add(&tx->body, out.data, out.len);
	tx->status = 200;
	buf_release(&out);
	deployment_release(&d);
	return rc;
}

/* ---- handlers ---- */

static struct run_request *request_new(struct http_req *r, json_t *body, size_t count)
{
	struct run_request *q = xcalloc(1, sizeof(*q));

	q->root = json_incref(body);
	q->creator = creator_of(r);
	http_param_uuid(r, "id", &q->deployment_id);
	q->runs = xcalloc(count + 1, sizeof(*q->runs));
	q->count = count;
	for (size_t i = 0; i < count; i++) {
		q->runs[i].creator = q->creator;
	}
	return q;
}

void route_deployment_run(struct http_req *r)
{
	json_t *body = http_json(r, 0);
	struct http_invalid *v;
	struct run_request *q;

	if (body == NULL) {
		return;
	}
	q = request_new(r, body, 1);
	v = http_invalid_new();
	decode_run(&q->runs[0], body, "", v);
	if (body_end(r, v) < 0) {
		request_free(q);
		return;
	}
	tx_submit(r, DB_WRITE, run_work, q, request_free);
}

void route_deployment_run_bulk(struct http_req *r)
{
	json_t *body = http_json_any(r);
	struct http_invalid *v;
	struct run_request *q;
	char loc[24];

	if (body == NULL) {
		return;
	}
	v = http_invalid_new();
	if (!json_is_array(body)) {
		http_invalid_add(v, "list_type", "", body,
				 "Input should be a valid list");
		http_reply_invalid(r, v);
		return;
	}
	if (json_array_size(body) > RUN_BULK_MAX) {
		http_invalid_free(v);
		http_reply_detail(r, 400,
				  "Cannot create more than %d flow runs at once.",
				  RUN_BULK_MAX);
		return;
	}
	q = request_new(r, body, json_array_size(body));
	for (size_t i = 0; i < q->count; i++) {
		(void)snprintf(loc, sizeof(loc), "%zu", i);
		decode_run(&q->runs[i], json_array_get(body, i), loc, v);
	}
	if (body_end(r, v) < 0) {
		request_free(q);
		return;
	}
	tx_submit(r, DB_WRITE, bulk_work, q, request_free);
}
