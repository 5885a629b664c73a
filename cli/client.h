/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - calls of the API, blocking, with the errors a person can act on.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <jansson.h>

#include "base/compiler.h"

struct cli;
struct error;

/*
 * METHOD and PATH (below the API URL, e.g. "/work_pools/x"); BODY is taken (NULL:
 * none). 2xx: 0, *ret_json (may be NULL) gets the answer (NULL for 204).  404 is
 * -ERR_NOT_FOUND, 409 -ERR_CONFLICT, 401 -ERR_DENIED, 422 -ERR_INVALID: the message is
 * the server's detail. No server: -ERR_UNAVAILABLE with how to start one.
 */
int client_call(struct cli *cli, const char *method, const char *path, json_t *body,
		json_t **ret_json, struct error *err);
int client_get(struct cli *cli, json_t **ret_json, struct error *err, const char *fmt,
	       ...) WF_PRINTF(4, 5);
int client_post(struct cli *cli, json_t *body, json_t **ret_json, struct error *err,
		const char *fmt, ...) WF_PRINTF(5, 6);
int client_patch(struct cli *cli, json_t *body, struct error *err, const char *fmt, ...)
    WF_PRINTF(4, 5);
int client_delete(struct cli *cli, struct error *err, const char *fmt, ...)
    WF_PRINTF(3, 4);
/* All pages of a POST .../filter route (limit 200 each, at most MAX objects; 0: all).
 * FILTER is borrowed (may be NULL).  *ret_list is a new array. */
int client_filter(struct cli *cli, const char *path, const json_t *filter, size_t max,
		  json_t **ret_list, struct error *err);
/* "flow/deployment" or --id to a deployment object. */
int client_deployment(struct cli *cli, const char *name, const char *id,
		      json_t **ret_json, struct error *err);
/* Text of an object's member, or "" */
const char *member(const json_t *obj, const char *key);

#endif
