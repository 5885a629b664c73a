/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lost.c - verdicts about lost runs, and when they come too late.
 */
#include "api/orchestration/lost.h"

#include <stdio.h>

#include "api/orchestration/run_row.h"
#include "api/routes/state_json.h"
#include "api/tx.h"
#include "base/error.h"
#include "pools/pools.h"
#include "proto/frame.h"

#define REQUEUES_MAX 3 /* of a started run whose deployment says on_lost: requeue */
#define TYPE(t)      WF__CONTROL__STATE_TYPE__##t

/* The verdict holds only for the owner it was about, and for a run that is not over. */
static int too_late(const struct run_row *row, const struct run_loss *l,
		    struct orc_result *res)
{
	if (l->new_fence != 0 && l->new_fence < row->run.fence) {
		res->superseded = 1;
		(void)snprintf(res->reason, sizeof(res->reason),
			       "A newer owner of the run exists (token %llu).",
			       (unsigned long long)row->run.fence);
		return 1;
	}
	if (row->current.type == 0 || state_type_is_terminal(row->current.type)) {
		(void)snprintf(res->reason, sizeof(res->reason), "The run is over: %s.",
			       row->current.name);
		return 1;
	}
	/* paused with nobody in charge: suspended runs have no owner to lose */
	if (row->current.type == TYPE(PAUSED) &&
	    orc_detail_true(&row->current, "pause_reschedule")) {
		(void)snprintf(res->reason, sizeof(res->reason),
			       "The run is suspended.");
		return 1;
	}
	return 0;
}

static int propose(struct tx *tx, const struct run_loss *l, struct orc_state *s,
		   int requeued, struct orc_result *res, struct error *err)
{
	struct run_proposal p = {
	    .flow_run_id = l->flow_run_id,
	    .state = s,
	    .policy = ORC_MINIMAL_FLOW,
	    .force = 1,
	    .fence = l->new_fence,
	    .requeued = requeued,
	};

	return run_propose(tx, &p, res, err);
}

static int requeue(struct tx *tx, const struct run_loss *l, int64_t attempt,
		   struct orc_result *res, struct error *err)
{
	struct orc_state s;
	char message[300];

	(void)snprintf(message, sizeof(message),
		       "Lease expired on worker '%s'. Queued again (%lld of %d).",
		       l->worker, (long long)attempt, REQUEUES_MAX);
	orc_state_init(&s, TYPE(SCHEDULED), "AwaitingRetry", message);
	orc_detail_set_time(&s, "scheduled_time", tx->now_us);
	return propose(tx, l, &s, 1, res, err);
}

static int crash(struct tx *tx, const struct run_loss *l, struct orc_result *res,
		 struct error *err)
{
	struct orc_state s;
	char message[300];

	if (l->started) {
		(void)snprintf(message, sizeof(message),
			       "Lease expired on worker '%s'.", l->worker);
	} else {
		(void)snprintf(message, sizeof(message),
			       "Could not be started after %d attempts.",
			       POOLS_MAX_ATTEMPTS);
	}
	orc_state_init(&s, TYPE(CRASHED), NULL, message);
	return propose(tx, l, &s, 0, res, err);
}

int run_lost_apply(struct tx *tx, const struct run_loss *loss,
		   struct orc_result *ret_result, struct error *err)
{
	struct orc_result res = {.status = ORC_ABORT};
	struct run_row row;
	int rc = run_row_load(tx, &loss->flow_run_id, &row, err);

	if (rc == 0 && too_late(&row, loss, &res)) {
		res.state = row.current;
		row.current = (struct orc_state){.type = 0};
	} else if (rc == 0 && loss->started && row.requeue_when_lost &&
		   row.current.type != TYPE(CANCELLING) &&
		   row.attempts < REQUEUES_MAX) {
		rc = requeue(tx, loss, row.attempts + 1, &res, err);
	} else if (rc == 0) {
		rc = crash(tx, loss, &res, err);
	}
	run_row_release(&row);
	if (rc == 0) {
		*ret_result = res;
	}
	return rc;
}
