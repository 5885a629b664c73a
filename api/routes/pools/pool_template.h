/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool_template.h - base job templates: their form, their defaults, and the job
 * variables of deployments and runs checked against them.  Rendering is the worker's
 * business.  Pure.
 */
#ifndef API_ROUTES_POOLS_POOL_TEMPLATE_H
#define API_ROUTES_POOLS_POOL_TEMPLATE_H

#include <stddef.h>

#include <jansson.h>

struct error;

#define TEMPLATE_DEPTH_MAX 64

/* {} or both keys, and no placeholder without a variable.  -ERR_INVALID with the text
 * that stands behind "Value error, ". */
int template_check(const json_t *base, struct error *err);
/* The defaults fit the schema.  -ERR_INVALID: "Validation failed ...". */
int template_check_defaults(const json_t *base, struct error *err);
/*
 * Pool defaults < VARS[0] < VARS[1]: the whole must fit the schema.  Defaults that do
 * not fit are left out, and then REQUIRED (also check what is required) does not count.
 * NULL entries of VARS are skipped; a template without variables accepts everything.
 */
int template_check_variables(const json_t *base, const json_t *const *vars,
			     size_t count, int required, struct error *err);

#endif
