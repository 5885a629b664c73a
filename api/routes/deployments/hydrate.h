/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hydrate.h - values that stand for others: {"__prefect_kind": "json" | "jinja" |
 * "workspace_variable" | "none", ...}, at any depth.
 */
#ifndef API_ROUTES_DEPLOYMENTS_HYDRATE_H
#define API_ROUTES_DEPLOYMENTS_HYDRATE_H

#include <jansson.h>

struct error;
struct tx;

#define HYDRATE_DEPTH_MAX 64

/*
 * *ret_value is a new value without such objects.  Variables are read from TX's
 * connection. -ERR_INVALID with the text for the user.  Templates are rendered without
 * a context: text, literals and undefined names; other expressions are errors.
 */
int hydrate(struct tx *tx, const json_t *value, json_t **ret_value, struct error *err);

/* ---- pure ---- */
/* VAR answers a new reference, or NULL: no such variable. */
typedef json_t *(*hydrate_var_fn)(const char *name, void *arg);
int hydrate_with(const json_t *value, hydrate_var_fn var, void *arg, json_t **ret_value,
		 struct error *err);

#endif
