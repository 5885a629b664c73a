/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow_runs.c - flow runs: read, change, label, delete, list (server-contract 2.3).
 */
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/orchestration/orchestration.h"
#include "api/routes/flow_run_json.h"
#include "api/routes/policy_json.h"
#include "api/routes/req.h"
#include "api/routes/runs/flow_run_routes.h"
#include "api/routes/runs/runs.h"
#include "api/services/outbox.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"

#define LABELS_MAX (1u << 20)

const struct list_spec flow_runs_spec = {ENT_FLOW_RUN, SQL_FLOW_RUN_LIST,
					 SQL_FLOW_RUN_COUNT, flow_run_write};

static int not_found(struct tx *tx, struct error *err)
{
	return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Flow run not found");
}

/* ---- read ---- */

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	struct jsonw w;
	int rc;

	jsonw_init(&w, &tx->body);
	rc = flow_run_write_by_id(tx, &w, NULL, &a->id, err);
	return rc == -ERR_NOT_FOUND ? not_found(tx, err) : rc;
}

static void route_read(struct http_req *r)
{
	tx_submit(r, DB_READ, read_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

/* ---- update ---- */

struct update {
	struct req_arg base;
	uint64_t fence;
	const char *name, *flow_version, *infrastructure_pid;
	json_t *parameters, *empirical_policy, *tags, *job_variables;
};
enum { U_NAME, U_VERSION, U_PARAMETERS, U_POLICY, U_TAGS, U_PID, U_VARIABLES };
static const struct field update_fields[] = {
    [U_NAME] = FIELD(struct update, name, F_STR),
    [U_VERSION] = FIELD(struct update, flow_version, F_STR),
    [U_PARAMETERS] = FIELD(struct update, parameters, F_OBJ, .flags = F_NOT_NULL),
    [U_POLICY] = FIELD(struct update, empirical_policy, F_OBJ, .flags = F_NOT_NULL),
    [U_TAGS] = FIELD(struct update, tags, F_TAGS, .flags = F_NOT_NULL),
    [U_PID] = FIELD(struct update, infrastructure_pid, F_STR),
    [U_VARIABLES] = FIELD(struct update, job_variables, F_OBJ),
};

/* The column that keeps an in-process retry out of the queues follows the policy. */
static int in_process(const json_t *policy)
{
	const char *type = json_string_value(json_object_get(policy, "retry_type"));

	return type != NULL && strcmp(type, "in_process") == 0;
}

static int write_update(struct tx *tx, const struct update *a, struct error *err)
{
	const struct decoded *g = &a->base.given;
	json_t *p = a->empirical_policy != NULL
			? flow_policy_decode(a->empirical_policy, "", NULL)
			: NULL;
	char *policy = p != NULL ? json_text(p) : NULL;
	char *parameters = req_json(a->parameters, NULL),
	     *tags = req_json(a->tags, NULL);
	char *variables = req_json(a->job_variables, NULL);
	int rc = db_exec(
	    tx->c, SQL_FLOW_RUN_UPDATE,
	    DB_ARGS(db_a_uuid(&a->base.id), db_a_time(tx->now_us), db_a_text(a->name),
		    db_a_int(DECODED_SET(g, U_VERSION)), db_a_text(a->flow_version),
		    db_a_text(parameters), db_a_text(policy), db_a_text(tags),
		    db_a_int(DECODED_SET(g, U_PID)), db_a_text(a->infrastructure_pid),
		    db_a_int(DECODED_SET(g, U_VARIABLES)), db_a_text(variables),
		    db_a_int(in_process(p))),
	    13, NULL, err);

	json_decref(p);
	free(policy);
	free(parameters);
	free(tags);
	free(variables);
	return rc;
}

static int update_work(struct tx *tx, void *arg, struct error *err)
{
	const struct update *a = arg;
	int64_t found = 0;
	int rc = db_one_int(tx->c, SQL_FLOW_RUN_EXISTS, DB_ARGS(db_a_uuid(&a->base.id)),
			    1, &found, err);

	if (rc < 0) {
		return rc;
	}
	if (!found) {
		return not_found(tx, err);
	}
	rc = fence_check(tx, &a->base.id, a->fence, err);
	if (rc == 0 && DECODED_HAS(&a->base.given, U_VARIABLES)) {
		rc = run_variables_check(tx, &a->base.id, a->job_variables, err);
	}
	if (rc == 0) {
		rc = write_update(tx, a, err);
	}
	return rc < 0 ? rc : req_no_content(tx);
}

static void check_update(void *arg, struct http_invalid *v)
{
	const struct update *a = arg;

	if (a->empirical_policy != NULL) {
		json_decref(
		    flow_policy_decode(a->empirical_policy, "empirical_policy", v));
	}
}

static void route_update(struct http_req *r)
{
	struct update *a = req_arg_new(r, sizeof(*a));

	a->fence = fence_header(r, &a->base.id);
	if (req_body_checked(r, a, update_fields, ARRAY_LEN(update_fields),
			     check_update) < 0) {
		return;
	}
	tx_submit(r, DB_WRITE, update_work, a, req_arg_free);
}

/* ---- labels ---- */

struct labels {
	struct req_arg base;
	uint64_t fence;
};

static void take_text(const struct db_rows *r, void *arg)
{
	const char *s = db_text(r, 0);

	*(char **)arg = xstrdup(s != NULL ? s : "{}");
}

static int labels_work(struct tx *tx, void *arg, struct error *err)
{
	const struct labels *a = arg;
	char *text = NULL;
	json_t *all;
	int rc = fence_check(tx, &a->base.id, a->fence, err);

	if (rc == 0) {
		rc = db_one(tx->c, SQL_FLOW_RUN_LABELS, DB_ARGS(db_a_uuid(&a->base.id)),
			    1, take_text, &text, err);
	}
	if (rc <= 0 || text == NULL) {
		return rc < 0 ? rc
			      : tx_exception(tx, err, ERR_NOT_FOUND, 404,
					     "Flow run with id %s not found",
					     uuid_str(&a->base.id));
	}
	all = json_parse(text, strlen(text), LABELS_MAX, NULL);
	free(text);
	if (!json_is_object(all)) {
		json_decref(all);
		all = json_object();
	}
	json_object_update(all, a->base.body);
	text = json_text(all);
	json_decref(all);
	rc = db_exec(
	    tx->c, SQL_FLOW_RUN_SET_LABELS,
	    DB_ARGS(db_a_uuid(&a->base.id), db_a_time(tx->now_us), db_a_text(text)), 3,
	    NULL, err);
	free(text);
	return rc < 0 ? rc : req_no_content(tx);
}

static void route_labels(struct http_req *r)
{
	struct labels *a = req_arg_new(r, sizeof(*a));
	json_t *body = http_json(r, 0);

	if (body == NULL) {
		req_arg_free(a);
		return;
	}
	a->base.body = json_deep_copy(body);
	a->fence = fence_header(r, &a->base.id);
	tx_submit(r, DB_WRITE, labels_work, a, req_arg_free);
}

/* ---- delete ---- */

static void take_lease(const struct db_rows *r, void *arg)
{
	(void)db_uuid(r, 0, arg);
}

int flow_run_remove(struct tx *tx, const struct uuid *id, struct error *err)
{
	struct uuid lease = {{0}};
	int64_t changes = 0;
	int rc = outbox_cancel(tx, id, err);

	if (rc == 0) {
		rc = db_one(tx->c, SQL_FLOW_RUN_LEASE, DB_ARGS(db_a_uuid(id)), 1,
			    take_lease, &lease, err);
	}
	if (rc > 0 && !uuid_is_nil(&lease)) {
		rc = db_exec(tx->c, SQL_RUN_LEASE_END, DB_ARGS(db_a_uuid(&lease)), 1,
			     NULL, err);
	}
	if (rc >= 0) {
		rc = db_exec(tx->c, SQL_FLOW_RUN_LOGS_DELETE, DB_ARGS(db_a_uuid(id)), 1,
			     NULL, err);
	}
	if (rc >= 0) {
		rc = db_exec(tx->c, SQL_FLOW_RUN_DELETE, DB_ARGS(db_a_uuid(id)), 1,
			     &changes, err);
	}
	if (rc < 0) {
		return rc;
	}
	return changes == 0 ? not_found(tx, err) : 0;
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	int rc = flow_run_remove(tx, &((struct req_arg *)arg)->id, err);

	return rc < 0 ? rc : req_no_content(tx);
}

static void route_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, delete_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

/* ---- lists ---- */

static void route_filter(struct http_req *r)
{
	list_filter(r, &flow_runs_spec);
}

static void route_count(struct http_req *r)
{
	list_count(r, &flow_runs_spec);
}

static void route_paginate(struct http_req *r)
{
	list_paginate(r, &flow_runs_spec);
}

static void route_bulk_delete(struct http_req *r)
{
	list_bulk_delete(r, &flow_runs_spec, flow_run_remove);
}

const struct route routes_flow_runs[] = {
    {"POST", "/flow_runs/", route_flow_run_create, 0, 0},
    {"POST", "/flow_runs/filter", route_filter, 0, 0},
    {"POST", "/flow_runs/count", route_count, 0, 0},
    {"POST", "/flow_runs/paginate", route_paginate, 0, 0},
    {"POST", "/flow_runs/history", route_flow_run_history, 0, 0},
    {"POST", "/flow_runs/lateness", route_flow_run_lateness, 0, 0},
    {"POST", "/flow_runs/bulk_delete", route_bulk_delete, 0, 0},
    {"POST", "/flow_runs/bulk_set_state", route_flow_run_bulk_set_state, 0, 0},
    {"GET", "/flow_runs/{id}", route_read, 0, 0},
    {"PATCH", "/flow_runs/{id}", route_update, 0, 0},
    {"DELETE", "/flow_runs/{id}", route_delete, 0, 0},
    {"PATCH", "/flow_runs/{id}/labels", route_labels, 0, 0},
    {"POST", "/flow_runs/{id}/set_state", route_flow_run_set_state, 0, 0},
    {"POST", "/flow_runs/{id}/resume", route_flow_run_resume, 0, 0},
    {"GET", "/flow_runs/{id}/logs/download", route_flow_run_logs, 0, 0},
    {"GET", "/flow_runs/{id}/graph", route_flow_run_graph_v1, 0, 0},
    {"GET", "/flow_runs/{id}/graph-v2", route_flow_run_graph, 0, 0},
    {"POST", "/flow_runs/{id}/input", route_run_input_create, 0, 0},
    {"POST", "/flow_runs/{id}/input/filter", route_run_input_filter, 0, 0},
    {"GET", "/flow_runs/{id}/input/{key}", route_run_input_read, 0, 0},
    {"DELETE", "/flow_runs/{id}/input/{key}", route_run_input_delete, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
