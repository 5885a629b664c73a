/* SPDX-License-Identifier: Apache-2.0 */
/*
 * params.h - the parameters of a flow: validation, defaults, and their JSON Schema as
 * deployments carry it.
 */
#ifndef ENGINE_PARAMS_H
#define ENGINE_PARAMS_H

#include <jansson.h>

struct error;
struct plan_flow;

/* Checks V against SCHEMA; WHAT names it in the message ("repo.size"). */
int params_check_value(const json_t *schema, const json_t *v, const char *what,
		       struct error *err);
/*
 * GIVEN (an object, borrowed, may be NULL) completed with the defaults.  Every problem
 * is named: "Validation of flow parameters failed with error: parameter 'n': ...; ...".
 */
int params_complete(const struct plan_flow *flow, const json_t *given,
		    json_t **ret_params, struct error *err);
/* {"title":"Parameters","type":"object","properties":{...},"required":[...]}; new. */
json_t *params_schema(const struct plan_flow *flow);

#endif
