/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rest_body.h - an update as the REST call that means the same to a Prefect server:
 * pure.
 */
#ifndef WORKER_REST_BODY_H
#define WORKER_REST_BODY_H

#include <jansson.h>

#include "base/uuid.h"
#include "proto/frame.h"

struct rest_request {
	const char *method;
	char *path;   /* owned by the caller */
	json_t *body; /* owned by the caller */
};

/*
 * Call number STEP (from 0) of those that U takes: 1 with *ret_req, 0 when there is
 * none. Most updates take one; what has no such call (results) takes none; facts about
 * a run together with labels take two.
 */
int rest_request_of(const Wf__Updates__Update *u, const char *run_id, int step,
		    struct rest_request *ret_req);
/* A state as a message; its texts are borrowed from the JSON and from here. */
struct rest_state {
	Wf__Control__State message;
	struct uuid id;
	char *details; /* owned */
};

/* {"id", "type", "name", "state_details", ...}; -1 when it is no state. */
int rest_state_read(const json_t *state, struct rest_state *ret_state);
/* Whether STATE, which is in force, is what PROPOSED asked for: an earlier try came
 * through and only its answer was lost. */
int rest_is_made(const Wf__Control__State *proposed, const json_t *state);
void rest_state_release(struct rest_state *state);
/* The event prefect.task-run.<Name> of a task state (server-contract 9.2). */
json_t *rest_task_event(const Wf__Control__TaskState *t, const char *run_id);

#endif
