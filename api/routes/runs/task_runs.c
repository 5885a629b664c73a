/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_runs.c - task runs: read, rename, delete, list, change of state
 * (server-contract 2.4).
 */
#include "api/db/db.h"
#include "api/http/http.h"
#include "api/orchestration/create.h"
#include "api/orchestration/task_apply.h"
#include "api/routes/req.h"
#include "api/routes/runs/flow_run_routes.h"
#include "api/routes/runs/runs.h"
#include "api/routes/runs/task_run_create.h"
#include "api/routes/state_json.h"
#include "api/routes/task_run_json.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/jsonw.h"

const struct list_spec task_runs_spec = {ENT_TASK_RUN, SQL_TASK_RUN_LIST,
					 SQL_TASK_RUN_COUNT, task_run_write};

static int not_found(struct tx *tx, struct error *err)
{
	return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Task not found");
}

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	struct jsonw w;
	int rc;

	jsonw_init(&w, &tx->body);
	rc = task_run_write_by_id(tx, &w, NULL, &a->id, err);
	return rc == -ERR_NOT_FOUND ? not_found(tx, err) : rc;
}

static void route_read(struct http_req *r)
{
	tx_submit(r, DB_READ, read_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

/* ---- update, delete ---- */

struct update {
	struct req_arg base;
	const char *name;
};
static const struct field update_fields[] = {
    FIELD(struct update, name, F_STR),
};

static int update_work(struct tx *tx, void *arg, struct error *err)
{
	const struct update *a = arg;
	const char *name = a->name;
	char made[RUN_NAME_SIZE];
	int64_t changes = 0;
	int rc;

	if (name == NULL && DECODED_SET(&a->base.given, 0)) { /* null: a new one */
		run_name_make(made);
		name = made;
	}
	if (name == NULL) {
		rc = db_one_int(tx->c, SQL_TASK_RUN_STATE_AT,
				DB_ARGS(db_a_uuid(&a->base.id)), 1, &changes, err);
		changes = rc > 0;
		rc = MIN_OF(rc, 0);
	} else {
		rc = db_exec(tx->c, SQL_TASK_RUN_SET_NAME,
			     DB_ARGS(db_a_uuid(&a->base.id), db_a_time(tx->now_us),
				     db_a_text(name)),
			     3, &changes, err);
	}
	if (rc < 0) {
		return rc;
	}
	return changes == 0 ? not_found(tx, err) : req_no_content(tx);
}

static void route_update(struct http_req *r)
{
	struct update *a = req_arg_new(r, sizeof(*a));

	if (req_body(r, a, update_fields, ARRAY_LEN(update_fields)) < 0) {
		return;
	}
	tx_submit(r, DB_WRITE, update_work, a, req_arg_free);
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	int64_t changes = 0;
	int rc = db_exec(tx->c, SQL_TASK_LEASES_END, DB_ARGS(db_a_uuid(&a->id)), 1,
			 NULL, err);

	if (rc == 0) {
		rc = db_exec(tx->c, SQL_TASK_RUN_DELETE, DB_ARGS(db_a_uuid(&a->id)), 1,
			     &changes, err);
	}
	if (rc < 0) {
		return rc;
	}
	return changes == 0 ? not_found(tx, err) : req_no_content(tx);
}

static void route_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, delete_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

/* ---- set_state ---- */

struct set_state {
	struct req_arg base;
	json_t *state_obj;
	int force;
	struct orc_state state; /* owned */
};
static const struct field set_state_fields[] = {
    {.name = "state",
     .type = F_OBJ,
     .offset = offsetof(struct set_state, state_obj),
     .flags = F_REQUIRED | F_NOT_NULL | F_MODEL},
    FIELD(struct set_state, force, F_BOOL),
};

static void set_state_free(void *arg)
{
	struct set_state *a = arg;

	orc_state_release(&a->state);
	req_arg_free(a);
}

static void check(void *arg, struct http_invalid *v)
{
	struct set_state *a = arg;

	if (a->state_obj != NULL) {
		(void)state_decode(a->state_obj, "state", &a->state, v);
	}
	if (http_invalid_count(v) > 0) {
		orc_state_release(&a->state);
	}
}

static int set_state_work(struct tx *tx, void *arg, struct error *err)
{
	const struct set_state *a = arg;
	struct orc_result res = {.wrote = 0};
	struct orc_state state;
	struct task_proposal p = {
	    .task_run_id = a->base.id,
	    .state = &state,
	    .force = a->force,
	};
	int rc;

	orc_state_copy(&state, &a->state);
	rc = task_propose(tx, &p, &res, err);
	if (rc == -ERR_NOT_FOUND) {
		return tx_exception(tx, err, ERR_NOT_FOUND, 404,
				    "Task run with id %s not found",
				    uuid_str(&a->base.id));
	}
	if (rc == 0) {
		orc_result_answer(tx, &res);
	}
	orc_result_release(&res);
	return rc;
}

static void route_set_state(struct http_req *r)
{
	struct set_state *a = req_arg_new(r, sizeof(*a));

	if (req_embedded_checked(r, a, set_state_fields, ARRAY_LEN(set_state_fields),
				 check) < 0) {
		return;
	}
	tx_submit(r, DB_WRITE, set_state_work, a, set_state_free);
}

/* ---- lists ---- */

static void route_filter(struct http_req *r)
{
	list_filter(r, &task_runs_spec);
}

static void route_count(struct http_req *r)
{
	list_count(r, &task_runs_spec);
}

static void route_paginate(struct http_req *r)
{
	static const struct list_spec brief = {
	    ENT_TASK_RUN, SQL_TASK_RUN_LIST, SQL_TASK_RUN_COUNT, task_run_write_brief};

	list_paginate(r, &brief);
}

const struct route routes_task_runs[] = {
    {"POST", "/task_runs/", route_task_run_create, 0, 0},
    {"POST", "/task_runs/filter", route_filter, 0, 0},
    {"POST", "/task_runs/count", route_count, 0, 0},
    {"POST", "/task_runs/paginate", route_paginate, 0, 0},
    {"POST", "/task_runs/history", route_task_run_history, 0, 0},
    {"GET", "/task_runs/{id}", route_read, 0, 0},
    {"PATCH", "/task_runs/{id}", route_update, 0, 0},
    {"DELETE", "/task_runs/{id}", route_delete, 0, 0},
    {"POST", "/task_runs/{id}/set_state", route_set_state, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
