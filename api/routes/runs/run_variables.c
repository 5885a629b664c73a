/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_variables.c - may the job variables of a flow run become these?
 */
#include "api/db/db.h"
#include "api/routes/deployments/deployment_store.h"
#include "api/routes/pools/pool_store.h"
#include "api/routes/pools/pool_template.h"
#include "api/routes/runs/runs.h"
#include "api/tx.h"
#include "base/error.h"
#include "proto/frame.h"

struct run_facts_of {
	int type, has_deployment;
	struct uuid deployment_id;
};

static void take_run(const struct db_rows *r, void *arg)
{
	struct run_facts_of *f = arg;

	f->type = (int)db_int(r, 0);
	f->has_deployment = db_uuid(r, 1, &f->deployment_id);
}

/* The pool's defaults, the deployment's, the run's: as a whole against the template. */
static int check_template(struct tx *tx, const struct deployment *d,
			  const json_t *variables, struct error *err)
{
	struct work_pool pool = {.has_default_queue = 0};
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
		vars[1] = variables;
		rc = template_check_variables(base, vars, 2, 1, &why);
		if (rc < 0) {
			rc = tx_detail(tx, err, ERR_INVALID, 422,
				       "Error updating flow run: %s", why.msg);
		}
	}
	json_decref(base);
	json_decref(own);
	pool_release(&pool);
	return rc < 0 ? rc : 0;
}

int run_variables_check(struct tx *tx, const struct uuid *run, const json_t *variables,
			struct error *err)
{
	struct deployment d = {.has_queue = 0};
	struct run_facts_of f = {.type = 0};
	int rc = db_one(tx->c, SQL_FLOW_RUN_STATE_AND_DEPLOYMENT,
			DB_ARGS(db_a_uuid(run)), 1, take_run, &f, err);

	if (rc < 0) {
		return rc;
	}
	if (f.type != WF__CONTROL__STATE_TYPE__SCHEDULED) {
		return tx_detail(
		    tx, err, ERR_USAGE, 400,
		    "Job variables for a flow run in state %s cannot be updated",
		    f.type != 0 ? state_type_text(f.type) : "None");
	}
	rc = f.has_deployment ? deployment_find(tx, &f.deployment_id, &d, err) : 0;
	if (rc == 0) {
		rc = tx_detail(tx, err, ERR_USAGE, 400,
			       "A deployment for the flow run could not be found");
	} else if (rc > 0) {
		rc = check_template(tx, &d, variables, err);
	}
	deployment_release(&d);
	return rc;
}
