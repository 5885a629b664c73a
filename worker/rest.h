/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rest.h - asynchronous JSON calls of the API, with the worker's credentials and
 * attribution.
 */
#ifndef WORKER_REST_H
#define WORKER_REST_H

#include <stdint.h>

#include <jansson.h>

#include "base/compiler.h"

struct error;
struct httpc;
struct rest;

struct rest_conf {
	const char *api_url; /* ".../api" */
	const char *auth;    /* "user:password", or NULL */
	const char *api_key; /* Bearer, or NULL */
	const char *worker;
};

/* Strings are copied; HTTPC is borrowed. */
struct rest *rest_new(struct httpc *httpc, const struct rest_conf *conf);
void rest_free(struct rest *r); /* accepts NULL */
const char *rest_url(const struct rest *r);

/*
 * Once, from the loop.  RC 0: STATUS is 2xx, BODY (borrowed) its JSON or NULL.  RC < 0:
 * STATUS is 0 when there was no answer; ERR says what went wrong, with the server's own
 * words.
 */
typedef void (*rest_fn)(int rc, int status, const json_t *body, const struct error *err,
			void *arg);
/* BODY is taken (NULL: none).  PATH below the API URL. */
int rest_call(struct rest *r, const char *method, json_t *body, rest_fn fn, void *arg,
	      const char *path, ...) WF_PRINTF(6, 7);
/* The same with the header X-WF-Fence for RUN_ID (text) when TOKEN is not 0. */
struct rest_spec {
	const char *method, *path;
	json_t *body; /* taken; NULL: none */
	const char *run_id;
	uint64_t token;
};
int rest_send(struct rest *r, const struct rest_spec *spec, rest_fn fn, void *arg);

#endif
