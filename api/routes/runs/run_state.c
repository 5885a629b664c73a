/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_state.c - POST /flow_runs/{id}/set_state.
 */
#include "api/http/http.h"
#include "api/orchestration/apply.h"
#include "api/routes/req.h"
#include "api/routes/runs/flow_run_routes.h"
#include "api/routes/runs/runs.h"
#include "api/routes/state_json.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"

struct set_state {
	struct req_arg base;
	json_t *state_obj;
	int force;
	struct orc_state state; /* owned */
	uint64_t fence;
	int renews;
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
		orc_state_release(&a->state); /* the request ends here */
	}
}

static int set_state_work(struct tx *tx, void *arg, struct error *err)
{
	const struct set_state *a = arg;
	struct orc_result res = {.wrote = 0};
	struct orc_state state;
	struct run_proposal p = {
	    .flow_run_id = a->base.id,
	    .state = &state,
	    .force = a->force,
	    .fence = a->fence,
	    .renews_leases = a->renews,
	};
	int rc;

	orc_state_copy(&state, &a->state);
	rc = run_propose(tx, &p, &res, err);
	if (rc == -ERR_NOT_FOUND) {
		return tx_exception(tx, err, ERR_NOT_FOUND, 404,
				    "Flow run with id %s not found",
				    uuid_str(&a->base.id));
	}
	if (rc == 0 && res.superseded) {
		rc = tx_detail(tx, err, ERR_SUPERSEDED, 409, "%s", res.reason);
	} else if (rc == 0) {
		orc_result_answer(tx, &res);
	}
	orc_result_release(&res);
	return rc;
}

void route_flow_run_set_state(struct http_req *r)
{
	struct set_state *a = req_arg_new(r, sizeof(*a));

	if (req_embedded_checked(r, a, set_state_fields, ARRAY_LEN(set_state_fields),
				 check) < 0) {
		return;
	}
	a->fence = fence_header(r, &a->base.id);
	a->renews = client_renews_leases(r);
	tx_submit(r, DB_WRITE, set_state_work, a, set_state_free);
}
