/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay_rows.h - outbox rows as the operations they mean now.  Private to the relay and
 * its tests.
 */
#ifndef API_SERVICES_RELAY_ROWS_H
#define API_SERVICES_RELAY_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"

struct db_rows;
struct error;
struct tx;

enum relay_op {
	RELAY_NOTHING = 0, /* the object is in a state that needs nothing said */
	RELAY_ENQUEUE,
	RELAY_CANCEL,
	RELAY_SET_POOL,
	RELAY_SET_QUEUE,
	RELAY_REMOVE_QUEUE,
	RELAY_REMOVE_POOL,
	RELAY_HOLD, /* a worker without leases has it */
	RELAY_SET_LANE,
};

struct relay_row {
	int64_t id; /* of the outbox row */
	enum relay_op op;
	char *pool, *queue, *payload; /* owned */
	char run_id[UUID_TEXT_SIZE], lane[UUID_TEXT_SIZE];
	int64_t due_ms, priority, gen, limit; /* HOLD, SET_LANE, ENQUEUE: of the lane */
	uint64_t fence;
	int open; /* RELAY_SET_POOL: also one that Redis does not know */
	int paused;
};

#define RELAY_BATCH 256

/* Up to MAX rows behind AFTER_ID, in order.  RET_ROWS has room for MAX. */
int relay_rows_read(struct tx *tx, int64_t after_id, size_t max,
		    struct relay_row *ret_rows, size_t *ret_count, struct error *err);
void relay_row_release(struct relay_row *r);
/* {"flow_run_id","name","deployment_id"}: what a worker needs before it asks; owned. */
char *relay_payload(const char *run_id, const char *name,
		    const struct uuid *deployment_id);
/* Multi-step operations: nothing else may be under way. */
int relay_op_is_alone(enum relay_op op);

#endif
