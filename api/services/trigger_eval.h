/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trigger_eval.h - the service that evaluates triggers: woken by events, by the next
 * deadline, and now and then for what other replicas stored.
 *
 * One process does it, the holder of the leader lease "triggers"; its transaction reads
 * the lease, consumes rows of the feed and writes buckets, firings and actions.  Loop
 * thread only.
 */
#ifndef API_SERVICES_TRIGGER_EVAL_H
#define API_SERVICES_TRIGGER_EVAL_H

struct api;
struct trigger_eval;

struct trigger_eval *trigger_eval_start(struct api *api);
void trigger_eval_wake(struct trigger_eval *e); /* accepts NULL */
void trigger_eval_stop(struct trigger_eval *e); /* accepts NULL; frees */

#endif
