/* SPDX-License-Identifier: Apache-2.0 */
/* trigger_run.h - triggers in virtual time: a store in memory, events, ticks. */
#ifndef TESTS_UNIT_API_TRIGGER_RUN_H
#define TESTS_UNIT_API_TRIGGER_RUN_H

#include <stdint.h>

#include <jansson.h>

#include "api/triggers/triggers.h"

#define RUN_BASE_US 1767225600000000LL /* time 0 of every scenario */

struct trigger_run {
	struct triggers *t;
	json_t *automation;
	json_t *events;   /* id -> event */
	json_t *buckets;  /* "trigger key" -> what was stored */
	json_t *children; /* child id -> {parent, fired, firing} */
	json_t *parked;   /* id -> {event, received} */
	json_t *firings;  /* in their order */
	int loops;
};

void run_open(struct trigger_run *r, const json_t *trigger);
void run_close(struct trigger_run *r);
int64_t run_us(double at);
/* EVENT: {event, resource, related, occurred?, id?, follows?} at AT. */
void run_event(struct trigger_run *r, const json_t *event, double at);
int64_t run_tick(struct trigger_run *r, double at);
void run_enable(struct trigger_run *r, int enabled, double at);
void run_put(struct trigger_run *r, double at);
void run_restart(struct trigger_run *r, double at);

#endif
