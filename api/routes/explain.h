/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.h - why a run waits, or what it does instead: a pure decision over facts.
 *
 * Every reason names its object, says what is the case, and gives the command that
 * changes it.
 */
#ifndef API_ROUTES_EXPLAIN_H
#define API_ROUTES_EXPLAIN_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define EXPLAIN_HOLDERS 5 /* runs named as holders of a limit */

/* Runs that hold the slots of one limit. */
struct explain_slots {
	int64_t limit, taken; /* LIMIT -1: there is none */
	struct {
		char id[37];
		char name[128];
	} holders[EXPLAIN_HOLDERS];
	size_t holder_count;
};

/* Texts are borrowed, NULL when there is no such thing; instants TIME_NONE likewise. */
struct explain_facts {
	int64_t now_us;
	const char *id, *name, *flow;
	int state_type; /* enum StateType */
	const char *state_name, *message;
	int64_t state_at_us, due_us, start_us, end_us;
	const char *owner; /* the wf worker that took it */
	int64_t attempts;
	int retry_in_process;
	/* deployment and schedule */
	const char *deployment;
	int deployment_paused;
	int64_t deployment_polled_us;
	int has_schedule, schedule_active;
	const char *schedule_slug;
	struct explain_slots deployment_slots;
	/* queue and pool */
	const char *queue, *pool, *pool_type;
	int queue_paused, pool_paused;
	struct explain_slots queue_slots, pool_slots;
	int64_t workers_online, workers_known;
	int64_t last_heartbeat_us;
	int64_t ahead; /* runs of the pool that are due before this one */
};

/* {"id","name","state","summary","waiting_for":[{"reason","object","detail","fix"}],...}
 */
json_t *explain(const struct explain_facts *f);

#endif
