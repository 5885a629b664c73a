/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deployment_update.c - PATCH /deployments/{id}.
 *
 * Every PATCH drops the runs that schedules made ahead: the scheduler makes them again
 * from what is true now.
 */
#include "api/routes/deployments/deployment_body.h"

#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/deployments/deployment_routes.h"
#include "api/routes/deployments/deployment_store.h"
#include "api/routes/deployments/hydrate.h"
#include "api/routes/deployments/schedule_store.h"
#include "api/routes/schema/schema.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"

/* Replaces b->parameters, also inside the body that owns them. */
static int hydrate_parameters(struct tx *tx, struct deployment_body *b,
			      struct error *err)
{
	struct error why = {0};
	json_t *v = NULL;

	if (b->parameters == NULL) {
		return 0;
	}
	if (hydrate(tx, b->parameters, &v, &why) < 0) {
		return tx_detail(tx, err, ERR_USAGE, 400,
				 "Error hydrating deployment parameters: %s", why.msg);
	}
	json_object_set_new(b->root, "parameters", v);
	b->parameters = v;
	return 0;
}

/* What would be stored must fit the schema that would be stored, when it is enforced.
 */
static int check_parameters(struct tx *tx, const struct deployment *d,
			    struct error *err)
{
	struct error why = {0};
	json_t *schema, *parameters;
	int rc = 0;

	if (!d->enforce_parameter_schema) {
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
	parameters = json_loads(d->parameters, 0, NULL);
	rc = schema_validate(parameters, schema, SCHEMA_IGNORE_REQUIRED, &why);
	json_decref(parameters);
	json_decref(schema);
	if (rc == -ERR_LIMIT) {
		return tx_detail(tx, err, ERR_INVALID, 422, "%s", why.msg);
	}
	return rc == 0 ? 0
		       : tx_detail(tx, err, ERR_CONFLICT, 409,
				   "Error updating deployment: %s", why.msg);
}

static int write_all(struct tx *tx, struct deployment *d, struct deployment_body *b,
		     struct error *err)
{
	int rc = deployment_patch_schedules(tx, &d->id, b, err);

	if (rc == 0) {
		rc = deployment_resolve_queue(tx, d, b, "updating", err);
	}
	if (rc == 0) {
		rc = deployment_save(tx, d, err);
	}
	if (rc == 0) {
		rc = deployment_drop_auto_runs(tx, &d->id, NULL, 0, err);
	}
	if (rc == 0) {
		rc = deployment_apply_limit(tx, &d->id, b, err);
	}
	return rc;
}

static int emit_changes(struct tx *tx, const struct deployment *old, struct error *err)
{
	struct deployment now = {0};
	int rc = deployment_find(tx, &old->id, &now, err);

	if (rc > 0) {
		rc = deployment_emit_changes(tx, old, &now, err);
	}
	deployment_release(&now);
	return rc;
}

static int update_work(struct tx *tx, void *arg, struct error *err)
{
	struct deployment_body *b = arg;
	struct deployment d = {0}, old = {0};
	int rc = deployment_get(tx, &b->id, "Deployment not found.", &d, err);

	if (rc == 0) {
		rc = deployment_get(tx, &b->id, "Deployment not found.", &old, err);
	}
	if (rc == 0) {
		rc = hydrate_parameters(tx, b, err);
	}
	if (rc == 0) {
		deployment_apply(&d, b);
		rc = check_parameters(tx, &d, err);
	}
	if (rc == 0) {
		rc = deployment_check_global_limit(tx, b, err);
	}
	if (rc == 0) {
		rc = write_all(tx, &d, b, err);
	}
	if (rc == 0) {
		rc = emit_changes(tx, &old, err);
	}
	deployment_release(&old);
	deployment_release(&d);
	tx->empty = rc == 0;
	tx->status = rc == 0 ? 204 : tx->status;
	return rc;
}

void route_deployment_update(struct http_req *r)
{
	struct deployment_body *b = deployment_body_decode(r, 0);

	if (b != NULL) {
		tx_submit(r, DB_WRITE, update_work, b, deployment_body_free);
	}
}
