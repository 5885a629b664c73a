/* SPDX-License-Identifier: Apache-2.0 */
/*
 * describe.h - what a flow says of itself: name, description, version, parameters'
 * schema.
 *
 * "x.flow.yaml:name" is asked of wf-engine, "x.py:function" of the Python that has
 * Prefect
 * ($WF_PYTHON or python3).
 */
#ifndef CLI_DEPLOY_DESCRIBE_H
#define CLI_DEPLOY_DESCRIBE_H

#include <jansson.h>

struct error;

/* *ret_flow: {"name", "description", "version", "parameter_openapi_schema", "tags",
 * "entrypoint"}; texts may be null. */
int describe_flow(const char *entrypoint, json_t **ret_flow, struct error *err);
int entrypoint_is_native(const char *entrypoint);

#endif
