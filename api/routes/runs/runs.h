/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runs.h - shared by the routes of flow runs and task runs: lease tokens, client
 * versions, deletion.
 */
#ifndef API_ROUTES_RUNS_RUNS_H
#define API_ROUTES_RUNS_RUNS_H

#include <stdint.h>

#include <jansson.h>

#include "api/fence.h"
#include "api/routes/list.h"
#include "base/uuid.h"

struct error;
struct http_req;
struct tx;

/* The token that X-WF-Fence ("<run id>:<token>") shows for RUN; 0: none, or of another
 * run. */
uint64_t fence_header(const struct http_req *r, const struct uuid *run);
/* The same for whatever run the header names: 1, or 0 without a (good) header. */
int fence_header_any(const struct http_req *r, struct uuid *ret_run,
		     uint64_t *ret_token);
/* In a write that changes RUN: 0, or 409 was answered since a newer owner exists. */
int fence_check(struct tx *tx, const struct uuid *run, uint64_t fence,
		struct error *err);

/* The client renews deployment leases: Prefect >= 3.4.11, or none of Prefect's. */
int client_renews_leases(const struct http_req *r);

/* Job variables change only while the run is SCHEDULED, and have to fit its pool: 0, or
 * 400 or 422 was answered. */
int run_variables_check(struct tx *tx, const struct uuid *run, const json_t *variables,
			struct error *err);

/* With its states, task runs, inputs, logs, slot and queue entry. */
int flow_run_remove(struct tx *tx, const struct uuid *id, struct error *err);

extern const struct list_spec flow_runs_spec, task_runs_spec;

#endif
