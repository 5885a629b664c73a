/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create.h - makes flow runs: names, labels, idempotency, the first state, the outbox.
 *
 * Used by POST /flow_runs/, deployments' create_flow_run and the scheduler.  Database
 * threads only.
 */
#ifndef API_ORCHESTRATION_CREATE_H
#define API_ORCHESTRATION_CREATE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/uuid.h"

struct error;
struct orc_state;
struct tx;

#define RUN_NAME_SIZE 64

/* Everything is borrowed; pointers NULL = absent = the column's default. */
struct flow_run_new {
	struct uuid flow_id;
	const struct uuid *id; /* NULL: a new v7 */
	const struct uuid *deployment_id;
	const struct uuid *work_queue_id;
	const struct uuid *parent_task_run_id;
	const struct uuid *schedule_id; /* created_by.id when a schedule makes it */
	const struct uuid *infrastructure_document_id;
	const char *name; /* NULL or "": a two-word name */
	const char *deployment_version;
	const char *work_queue_name;
	const char *flow_version;
	const char *idempotency_key;
	const json_t *parameters;
	const json_t *context;
	const json_t *empirical_policy; /* as the client sent it */
	const json_t *tags;
	const json_t
	    *labels; /* of the request; the parent's and the system's are added */
	const json_t *job_variables;
	const json_t *created_by;
	int auto_scheduled;
	int no_event;            /* the scheduler's bulk inserts emit none */
	struct orc_state *state; /* contents taken, also on failure; NULL: Pending */
};

/*
 * *ret_created 0: the idempotency key was used before and *ret_id is that run.  An
 * unknown flow or a violated key: -ERR_CONFLICT.
 */
int flow_run_create(struct tx *tx, const struct flow_run_new *n, struct uuid *ret_id,
		    int *ret_created, struct error *err);

/* "adjective-animal". */
void run_name_make(char buf[RUN_NAME_SIZE]);

#endif
