/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_resume.c - POST /flow_runs/{id}/resume: checks the input, proposes the next
 * state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/orchestration/apply.h"
#include "api/orchestration/run_row.h"
#include "api/routes/deployments/hydrate.h"
#include "api/routes/req.h"
#include "api/routes/runs/flow_run_routes.h"
#include "api/routes/runs/runs.h"
#include "api/routes/schema/schema.h"
#include "api/routes/state_json.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "proto/frame.h"

#define SCHEMA_MAX (4u << 20)

struct resume {
	struct req_arg base;
	json_t *run_input;
	int renews;
};
static const struct field resume_fields[] = {
    FIELD(struct resume, run_input, F_OBJ),
};

/* {"state": ..., "status": ..., "details": {"type": "abort_details", ...}} */
static void answer(struct tx *tx, const struct orc_state *state, const char *status,
		   const char *reason)
{
	struct jsonw w;

	tx->status = 200;
	jsonw_init(&w, &tx->body);
	jsonw_obj(&w, NULL);
	if (state != NULL) {
		state_write(&w, "state", state);
	} else {
		jsonw_null(&w, "state");
	}
	jsonw_str(&w, "status", status);
	jsonw_obj(&w, "details");
	jsonw_str(&w, "type", "abort_details");
	jsonw_str(&w, "reason", reason);
	jsonw_obj_end(&w);
	jsonw_obj_end(&w);
}

static void take_text(const struct db_rows *r, void *arg)
{
	*(char **)arg = xstrdup(db_text(r, 0));
}

/* The stored schema against the hydrated input.  0 good; -ERR_INVALID with the reason.
 */
static int check_input(struct tx *tx, const struct resume *a, const char *schema_key,
		       json_t **ret_input, struct error *why, struct error *err)
{
	char *text = NULL;
	json_t *schema,
	    *raw = a->run_input != NULL ? json_incref(a->run_input) : json_object();
	int rc = db_one(tx->c, SQL_RUN_INPUT_BY_KEY,
			DB_ARGS(db_a_uuid(&a->base.id), db_a_text(schema_key)), 2,
			take_text, &text, err);

	if (rc <= 0) {
		json_decref(raw);
		return rc < 0
			   ? rc
			   : err_set(why, ERR_INVALID, "Run input schema not found.");
	}
	schema = json_parse(text, strlen(text), SCHEMA_MAX, NULL);
	free(text);
	if (schema == NULL) {
		json_decref(raw);
		return err_set(why, ERR_INVALID, "Run input schema is not valid JSON.");
	}
	rc = hydrate(tx, raw, ret_input, why);
	json_decref(raw);
	if (rc == 0 && schema != NULL) {
		rc = schema_validate(*ret_input, schema, 0, why);
	}
	json_decref(schema);
	return rc < 0 ? -ERR_INVALID : 0;
}

static int store_response(struct tx *tx, const struct resume *a, const char *key,
			  const json_t *input, struct error *err)
{
	struct uuid id;
	char *text;
	int rc;

	if (key == NULL || json_object_size(input) == 0) {
		return 0;
	}
	text = json_text(input);
	uuid_v7(&id, tx->now_us);
	rc = db_exec(tx->c, SQL_RUN_INPUT_INSERT,
		     DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us),
			     db_a_uuid(&a->base.id), db_a_text(key), db_a_text(text),
			     db_a_null()),
		     6, NULL, err);
	free(text);
	return rc;
}

static int propose(struct tx *tx, const struct resume *a,
		   const struct orc_state *paused, struct orc_result *ret,
		   struct error *err)
{
	struct orc_state next;
	struct run_proposal p = {
	    .flow_run_id = a->base.id,
	    .state = &next,
	    .renews_leases = a->renews,
	};

	if (orc_detail_true(paused, "pause_reschedule")) {
		orc_state_init(&next, WF__CONTROL__STATE_TYPE__SCHEDULED, "Resuming",
			       NULL);
		orc_detail_set_time(&next, "scheduled_time", tx->now_us);
	} else {
		orc_state_init(&next, WF__CONTROL__STATE_TYPE__RUNNING, NULL, NULL);
	}
	return run_propose(tx, &p, ret, err);
}

static int resume_paused(struct tx *tx, const struct resume *a,
			 const struct orc_state *paused, struct error *err)
{
	const json_t *keys = json_object_get(paused->details, "run_input_keyset");
	const char *schema_key = json_string_value(json_object_get(keys, "schema"));
	struct orc_result res = {.wrote = 0};
	struct error why = {0};
	json_t *input = NULL;
	char reason[600];
	int rc = 0;

	if (schema_key != NULL) {
		rc = check_input(tx, a, schema_key, &input, &why, err);
	}
	if (rc == -ERR_INVALID) {
		(void)snprintf(
		    reason, sizeof(reason), "%s%s",
		    strncmp(why.msg, "Run input", 9) == 0 ? "" : "Reason: ", why.msg);
		answer(tx, paused, "REJECT", reason);
		json_decref(input);
		return 0;
	}
	if (rc == 0) {
		rc = propose(tx, a, paused, &res, err);
	}
	if (rc == 0 && res.status == ORC_ACCEPT) {
		rc = store_response(
		    tx, a, json_string_value(json_object_get(keys, "response")), input,
		    err);
	}
	if (rc == 0) {
		orc_result_answer(tx, &res);
	}
	orc_result_release(&res);
	json_decref(input);
	return rc;
}

static int resume_work(struct tx *tx, void *arg, struct error *err)
{
	const struct resume *a = arg;
	struct run_row row;
	int rc = run_row_load(tx, &a->base.id, &row, err);

	if (rc == -ERR_NOT_FOUND) {
		rc = tx_exception(tx, err, ERR_NOT_FOUND, 404,
				  "Flow run with id %s not found",
				  uuid_str(&a->base.id));
	} else if (rc == 0 && row.current.type != WF__CONTROL__STATE_TYPE__PAUSED) {
		answer(tx, NULL, "ABORT",
		       "Cannot resume a flow run that is not paused.");
	} else if (rc == 0) {
		rc = resume_paused(tx, a, &row.current, err);
	}
	run_row_release(&row);
	return rc;
}

void route_flow_run_resume(struct http_req *r)
{
	struct resume *a = req_arg_new(r, sizeof(*a));

	if (req_embedded(r, a, resume_fields, ARRAY_LEN(resume_fields)) < 0) {
		return;
	}
	a->renews = client_renews_leases(r);
	tx_submit(r, DB_WRITE, resume_work, a, req_arg_free);
}
