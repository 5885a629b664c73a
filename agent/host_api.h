/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_api.h - the agent's JSON calls of the API.
 */
#ifndef AGENT_HOST_API_H
#define AGENT_HOST_API_H

#include <jansson.h>

#include "base/compiler.h"

struct host_api;
struct host_conf;
struct httpc;

struct host_api *host_api_new(struct httpc *httpc, const struct host_conf *conf);
void host_api_free(struct host_api *a); /* accepts NULL */

/* Once, from the loop.  STATUS 0: there was no answer, ERR says why.  BODY is borrowed,
 * NULL when the answer is not JSON. */
struct error;
typedef void (*host_api_fn)(int status, const json_t *body, const struct error *err,
			    void *arg);
/* BODY is taken (NULL: none). */
void host_api_call(struct host_api *a, const char *method, json_t *body, host_api_fn fn,
		   void *arg, const char *path, ...) WF_PRINTF(6, 7);

#endif
