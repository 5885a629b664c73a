/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rest_body.h - an update as the REST call that means the same to a Prefect server:
 * pure.
 */
#ifndef WORKER_REST_BODY_H
#define WORKER_REST_BODY_H

#include <jansson.h>

#include "proto/frame.h"

struct rest_request {
	const char *method;
	char *path;   /* owned by the caller */
	json_t *body; /* owned by the caller */
};

/* 1 with *ret_req, 0 when there is no such call (results, artifacts without a key). */
int rest_request_of(const Wf__Updates__Update *u, const char *run_id,
		    struct rest_request *ret_req);
/* {"type", "name", ...} to a message whose texts are borrowed from STATE. */
int rest_state_read(const json_t *state, Wf__Control__State *ret_state);
/* The event prefect.task-run.<Name> of a task state (server-contract 9.2). */
json_t *rest_task_event(const Wf__Control__TaskState *t, const char *run_id);

#endif
