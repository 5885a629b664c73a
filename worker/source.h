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
/*
 * The same polling beside leases, for a time without Redis: while ON runs are asked
 * for, and always whether those that came so are to be cancelled.  Loop thread only.
 */
struct source_rest;
struct source_rest *source_rest_new(struct worker *w);
void source_rest_poll(struct source_rest *s, int on);
void source_rest_free(struct source_rest *s); /* accepts NULL */

/* POST /work_pools/{name}/get_scheduled_flow_runs every query interval. */
int source_rest_open(struct worker *w, struct error *err);

#endif
