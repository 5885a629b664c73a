/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body.h - what is sent to the API for a deployment: pure.
 */
#ifndef CLI_DEPLOY_BODY_H
#define CLI_DEPLOY_BODY_H

#include <stdint.h>

#include <jansson.h>

#include "base/opts.h"

struct error;
struct project;

/* The options of `wf deploy`. */
struct deploy_conf {
	struct opt_list name, tag, param, job_variable, cron, interval, rrule, trigger;
	char *file, *pool, *queue, *description, *version, *params, *anchor_date,
	    *timezone;
	char *collision_strategy;
	int64_t concurrency_limit;
	int all, enforce;
};

/* DeploymentCreate without flow_id.  DEP: the filled project entry; FLOW:
 * describe_flow(). Options win over the entry, the entry over what the flow says. */
int body_build(const struct deploy_conf *c, const struct project *p, const json_t *dep,
	       const json_t *flow, json_t **ret_body, struct error *err);

/* The AT-th trigger of deployment NAME (worker-and-engine 7.4) as an AutomationCreate.
 */
json_t *body_automation(const json_t *trigger, const char *name, size_t at,
			const char *id, const char *owner);

/* One entry of `schedules:`; -ERR_INVALID names what is wrong. */
int body_schedule(const json_t *entry, json_t **ret_schedule, struct error *err);

#endif
