/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lost.h - what becomes of a run whose owner stopped renewing its lease (ADR 12).
 *
 * Told by workers (updates RPC) and by the reaper of the API; whoever comes second
 * finds the run elsewhere and changes nothing.  Database threads only.
 */
#ifndef API_ORCHESTRATION_LOST_H
#define API_ORCHESTRATION_LOST_H

#include <stdint.h>

#include "api/orchestration/apply.h"

struct run_loss {
	struct uuid flow_run_id;
	const char *worker; /* the owner that is gone */
	const char *why;    /* NULL: its lease expired */
	int started;
	uint64_t new_fence; /* the token that the reaper gave out */
};

/*
 * Started: Crashed, with what happened to earlier owners, or queued again when its
 * deployment says on_lost: requeue and max_attempts is not reached.  Never started:
 * Crashed (the reaper requeues by itself while there are attempts left). res->wrote is
 * 0, with a reason and the state in force, when the run is over, suspended, or owned by
 * somebody else by now.
 */
int run_lost_apply(struct tx *tx, const struct run_loss *loss,
		   struct orc_result *ret_result, struct error *err);

#endif
