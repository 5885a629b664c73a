/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_row.h - a flow run as a decision, its writes and its event need it.
 */
#ifndef API_ORCHESTRATION_RUN_ROW_H
#define API_ORCHESTRATION_RUN_ROW_H

#include <stdint.h>

#include "api/orchestration/orchestration.h"
#include "base/uuid.h"

struct error;
struct tx;

struct run_row {
	struct orc_run run;
	struct orc_state current; /* type 0: none */
	struct orc_facts facts;
	int has_limit, has_lease, has_queue, has_pool;
	struct uuid limit_id, lease_id, queue_id, pool_id;
	int64_t attempts, max_attempts; /* starts that ended with a lost owner */
	struct {                        /* as they are stored */
		int64_t expected_us, next_us, start_us, end_us;
	} stored;
	int requeue_when_lost;
	/* owned; NULL = null */
	char *name, *tags, *created_by, *owner;
	char *flow_name, *flow_tags, *deployment_name, *deployment_tags;
	char *queue_name, *pool_name, *pool_type, *parent_task_name, *parent_task_tags;
};

/* Fills ROW, also on failure (to be released).  -ERR_NOT_FOUND without touching the
 * transaction's answer. */
int run_row_load(struct tx *tx, const struct uuid *id, struct run_row *row,
		 struct error *err);
/* Reads what PENDING needs to know, too: is there a place in its queue and pool? */
int run_row_load_place(struct tx *tx, struct run_row *row, struct error *err);
void run_row_release(struct run_row *row);

/* What was decided, and by whom. */
struct run_change {
	const struct orc_decision *d;
	int intended; /* proposed type, for the event */
	uint64_t fence;
	const char *owner;
	int requeued;
	int no_event;
};
/* Writes d->state: history, run row, lease, outbox, event, parent task run. */
int run_row_write(struct tx *tx, struct run_row *row, const struct run_change *ch,
		  struct error *err);

/* prefect.flow-run.<Name>, server-contract 9.4. */
int run_event_emit(struct tx *tx, const struct run_row *row, int intended,
		   const struct orc_state *to, struct error *err);

#endif
