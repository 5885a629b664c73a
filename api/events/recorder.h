/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorder.h - task runs that report what they did: SDK events and native engines.
 *
 * States may arrive twice, in any order, and after their flow run was deleted: a row
 * only moves forward in time, a state is inserted once, and what belongs to nothing is
 * dropped. Database threads only.
 */
#ifndef API_EVENTS_RECORDER_H
#define API_EVENTS_RECORDER_H

#include <stdint.h>

#include <jansson.h>

#include "base/uuid.h"

struct error;
struct tx;

/* Everything is borrowed; JSON as text, NULL = the column's default. */
struct task_record {
	struct uuid id;
	const struct uuid *flow_run_id; /* NULL: outside of a flow */
	const char *name, *task_key, *dynamic_key, *task_version, *cache_key;
	const char *tags, *task_inputs, *empirical_policy, *labels;
	int64_t cache_expiration_us, expected_us, start_us, end_us; /* TIME_NONE */
	int64_t total_us, run_count, flow_run_run_count;
	struct uuid state_id;
	int state_type;
	const char *state_name, *message, *details, *data;
	int64_t state_at_us;
	int first; /* probably the first state of the task: insert before update */
};

/*
 * *ret_id is the id under which the task run is stored (another one with the same keys
 * may have been first).  1: recorded, 0: dropped or seen before.
 */
int task_record_apply(struct tx *tx, const struct task_record *rec, struct uuid *ret_id,
		      struct error *err);

/*
 * An event as a client sent it (validated).  Events that are not
 * "prefect.task-run.*" with prefect.orchestration = client are left alone.
 */
int recorder_apply(struct tx *tx, const json_t *event, struct error *err);

#endif
