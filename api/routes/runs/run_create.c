/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_create.c - POST /flow_runs/.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/orchestration/create.h"
#include "api/orchestration/orchestration.h"
#include "api/routes/flow_run_json.h"
#include "api/routes/policy_json.h"
#include "api/routes/creator.h"
#include "api/routes/req.h"
#include "api/routes/runs/flow_run_routes.h"
#include "api/routes/state_json.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"

#define PARAMETERS_MAX 524288
#define LEGACY_POOL    "default-agent-pool"

struct create {
	struct req_arg base;
	json_t *state_obj, *parameters, *context, *empirical_policy, *tags, *labels,
	    *job_variables;
	const char *name, *flow_version, *idempotency_key, *work_pool_name,
	    *work_queue_name;
	struct uuid flow_id, parent_task_run_id, infrastructure_document_id,
	    deployment_id;
	json_t *creator;        /* owned */
	struct orc_state state; /* owned */
};
enum {
	C_STATE,
	C_NAME,
	C_FLOW,
	C_VERSION,
	C_PARAMETERS,
	C_CONTEXT,
	C_PARENT,
	C_INFRASTRUCTURE,
	C_POLICY,
	C_TAGS,
	C_LABELS,
	C_KEY,
	C_POOL,
	C_QUEUE,
	C_VARIABLES,
	C_DEPLOYMENT
};
#define CF(member, ftype, ...) FIELD(struct create, member, ftype, ##__VA_ARGS__)
static const struct field create_fields[] = {
    [C_STATE] = {.name = "state",
		 .type = F_OBJ,
		 .offset = offsetof(struct create, state_obj),
		 .flags = F_MODEL},
    [C_NAME] = CF(name, F_STR, .flags = F_OR_MADE),
    [C_FLOW] = CF(flow_id, F_UUID, .flags = F_REQUIRED | F_NOT_NULL),
    [C_VERSION] = CF(flow_version, F_STR),
    [C_PARAMETERS] = CF(parameters, F_OBJ, .flags = F_NOT_NULL),
    [C_CONTEXT] = CF(context, F_OBJ, .flags = F_NOT_NULL),
    [C_PARENT] = CF(parent_task_run_id, F_UUID),
    [C_INFRASTRUCTURE] = CF(infrastructure_document_id, F_UUID),
    [C_POLICY] = CF(empirical_policy, F_OBJ, .flags = F_NOT_NULL),
    [C_TAGS] = CF(tags, F_TAGS, .flags = F_NOT_NULL),
    [C_LABELS] = CF(labels, F_LABEL_MAP),
    [C_KEY] = CF(idempotency_key, F_STR),
    [C_POOL] = CF(work_pool_name, F_STR),
    [C_QUEUE] = CF(work_queue_name, F_STR),
    [C_VARIABLES] = CF(job_variables, F_OBJ),
    [C_DEPLOYMENT] = CF(deployment_id, F_UUID),
};

static void create_free(void *arg)
{
	struct create *a = arg;

	json_decref(a->creator);
	orc_state_release(&a->state);
	req_arg_free(a);
}

/* 530008 as "530,008". */
static void grouped(char *buf, size_t size, size_t n)
{
	if (n >= 1000000) {
		(void)snprintf(buf, size, "%zu,%03zu,%03zu", n / 1000000,
			       n / 1000 % 1000, n % 1000);
	} else if (n >= 1000) {
		(void)snprintf(buf, size, "%zu,%03zu", n / 1000, n % 1000);
	} else {
		(void)snprintf(buf, size, "%zu", n);
	}
}

static void check_size(const struct create *a, struct http_invalid *v)
{
	char *text = a->parameters != NULL ? json_text(a->parameters) : NULL;
	size_t len = text != NULL ? strlen(text) : 0;
	char msg[160], number[32];

	free(text);
	if (len <= PARAMETERS_MAX) {
		return;
	}
	grouped(number, sizeof(number), len);
	(void)snprintf(
	    msg, sizeof(msg),
	    "Value error, Flow run parameters must be less than 524,288 bytes "
	    "when serialized "
	    "(got %s bytes).",
	    number);
	http_invalid_add(v, "value_error", "parameters", a->parameters, msg);
}

static void check(void *arg, struct http_invalid *v)
{
	struct create *a = arg;

	if (a->state_obj != NULL) {
		(void)state_decode(a->state_obj, "state", &a->state, v);
	}
	if (a->empirical_policy != NULL) {
		json_decref(
		    flow_policy_decode(a->empirical_policy, "empirical_policy", v));
	}
	check_size(a, v);
	if (http_invalid_count(v) > 0) {
		orc_state_release(&a->state); /* the request ends here */
	}
}

struct queue {
	int has_pool, has_queue;
	struct uuid id;
	char name[256];
};

static void take_queue(const struct db_rows *r, void *arg)
{
	struct queue *q = arg;
	const char *name = db_text(r, 2);

	q->has_pool = 1;
	q->has_queue = db_uuid(r, 1, &q->id);
	(void)snprintf(q->name, sizeof(q->name), "%s", name != NULL ? name : "");
}

/* The named queue of the named pool, or the pool's default. */
static int find_queue(struct tx *tx, const struct create *a, struct queue *q,
		      struct error *err)
{
	const char *pool = a->work_pool_name != NULL ? a->work_pool_name : LEGACY_POOL;
	int rc;

	if (a->work_pool_name == NULL && a->work_queue_name == NULL) {
		return 0;
	}
	rc = db_one(tx->c, SQL_RUN_QUEUE_OF_POOL,
		    DB_ARGS(db_a_text(pool), db_a_text(a->work_queue_name)), 2,
		    take_queue, q, err);
	if (rc < 0) {
		return rc;
	}
	if (!q->has_pool) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404,
				 "Work pool \"%s\" not found.", pool);
	}
	if (!q->has_queue) {
		return tx_detail(
		    tx, err, ERR_NOT_FOUND, 404, "Work pool queue '%s/%s' not found.",
		    pool, a->work_queue_name != NULL ? a->work_queue_name : "default");
	}
	return 0;
}

static const struct uuid *given(const struct create *a, int field,
				const struct uuid *id)
{
	return DECODED_HAS(&a->base.given, field) ? id : NULL;
}

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct create *a = arg;
	struct queue q = {.has_pool = 0};
	struct orc_state state;
	struct flow_run_new n = {
	    .flow_id = a->flow_id,
	    .deployment_id = given(a, C_DEPLOYMENT, &a->deployment_id),
	    .parent_task_run_id = given(a, C_PARENT, &a->parent_task_run_id),
	    .infrastructure_document_id =
		given(a, C_INFRASTRUCTURE, &a->infrastructure_document_id),
	    .name = a->name,
	    .flow_version = a->flow_version,
	    .idempotency_key = a->idempotency_key,
	    .parameters = a->parameters,
	    .context = a->context,
	    .empirical_policy = a->empirical_policy,
	    .tags = a->tags,
	    .labels = a->labels,
	    .job_variables = a->job_variables,
	    .created_by = a->creator,
	};
	struct uuid id;
	struct jsonw w;
	int created = 0;
	int rc = find_queue(tx, a, &q, err);

	if (rc < 0) {
		return rc;
	}
	if (q.has_queue) {
		n.work_queue_id = &q.id;
		n.work_queue_name = q.name;
	}
	if (a->state.type != 0) {
		orc_state_copy(&state, &a->state);
		n.state = &state;
	}
	rc = flow_run_create(tx, &n, &id, &created, err);
	if (rc == 0) {
		tx->status = created ? 201 : 200;
		jsonw_init(&w, &tx->body);
		rc = flow_run_write_by_id(tx, &w, NULL, &id, err);
	}
	return rc;
}

void route_flow_run_create(struct http_req *r)
{
	struct create *a = req_arg_new(r, sizeof(*a));

	if (req_body_checked(r, a, create_fields, ARRAY_LEN(create_fields), check) <
	    0) {
		return;
	}
	a->creator = creator_of(r);
	tx_submit(r, DB_WRITE, create_work, a, create_free);
}
