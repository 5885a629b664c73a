/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - opens where runs come from.
 */
#ifndef WORKER_SOURCE_H
#define WORKER_SOURCE_H

struct error;
struct worker;

/* Redis: claims with leases (agent/claimer.h).  Sets w->source and w->source_ops. */
int source_wf_open(struct worker *w, const char *redis_url, struct error *err);
/* POST /work_pools/{name}/get_scheduled_flow_runs every query interval. */
int source_rest_open(struct worker *w, struct error *err);

#endif
