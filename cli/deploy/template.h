/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template.h - placeholders of a project file: {{ $NAME }} (environment) and
 * {{ prefect.variables.NAME }}; others stay for the worker, which resolves them at run
 * time.
 */
#ifndef CLI_DEPLOY_TEMPLATE_H
#define CLI_DEPLOY_TEMPLATE_H

#include <jansson.h>

struct cli;
struct error;

/* A copy of V with its placeholders filled.  Unset environment stays as written; an
 * unknown variable becomes empty text; a whole-string variable keeps its JSON type. */
int template_fill(struct cli *cli, const json_t *v, json_t **ret_json,
		  struct error *err);

#endif
