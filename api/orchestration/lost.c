/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lost.c - verdicts about lost runs, and when they come too late.
 */
#include "api/orchestration/lost.h"

#include <stdio.h>
#include <string.h>

#include "api/db/db.h"
#include "api/orchestration/run_row.h"
#include "api/routes/state_json.h"
#include "api/tx.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/timefmt.h"
#include "pools/pools.h"
#include "proto/frame.h"

#define HISTORY_MAX 20 /* earlier owners that the last message names */
#define AGAIN       " Queued again (attempt "
#define TYPE(t)     WF__CONTROL__STATE_TYPE__##t

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

static void add_why(struct buf *b, const struct run_loss *l)
{
	if (l->why != NULL) {
		buf_adds(b, l->why);
	} else {
		buf_addf(b, "Lease expired on worker '%s'.", l->worker);
	}
}

static int requeue(struct tx *tx, const struct run_loss *l, const struct run_row *row,
		   struct orc_result *res, struct error *err)
{
	struct orc_state s;
	struct buf b;
	int rc;

	buf_init(&b);
	add_why(&b, l);
	buf_addf(&b, AGAIN "%lld of %lld).", (long long)row->attempts + 2,
		 (long long)row->max_attempts);
	orc_state_init(&s, TYPE(SCHEDULED), "AwaitingRetry", b.data);
	orc_detail_set_time(&s, "scheduled_time", tx->now_us);
	rc = propose(tx, l, &s, 1, res, err);
	buf_release(&b);
	return rc;
}

/* " Attempt 3 of 3. Before: 2026-01-01T10:00:00Z Lease expired on worker 'a'." */
static int add_history(struct tx *tx, struct buf *b, const struct run_row *row,
		       struct error *err)
{
	struct db_rows *r = NULL;
	char at[TIME_TEXT_SIZE];
	int rc;

	buf_addf(b, " Attempt %lld of %lld.", (long long)row->attempts + 1,
		 (long long)row->max_attempts);
	rc = db_query(tx->c, SQL_RUN_LOST_OWNERS,
		      DB_ARGS(db_a_uuid(&row->run.id), db_a_int(HISTORY_MAX)), 2, &r,
		      err);
	while (rc == 0 && (rc = db_next(r, err)) > 0) {
		const char *text = db_text(r, 0);
		const char *end = strstr(text, AGAIN);

		buf_addf(b, " Before: %s %.*s",
			 time_format(db_time(r, 1), at, sizeof(at)), (int)(end - text),
			 text);
		rc = 0;
	}
	db_rows_free(r);
	return rc;
}

static int crash(struct tx *tx, const struct run_loss *l, const struct run_row *row,
		 struct orc_result *res, struct error *err)
{
	struct orc_state s;
	struct buf b;
	int rc = 0;

	buf_init(&b);
	if (l->started) {
		add_why(&b, l);
	} else {
		buf_addf(&b, "Could not be started after %d attempts.",
			 POOLS_MAX_ATTEMPTS);
	}
	if (row->attempts > 0) {
		rc = add_history(tx, &b, row, err);
	}
	if (rc == 0) {
		orc_state_init(&s, TYPE(CRASHED), NULL, b.data);
		rc = propose(tx, l, &s, 0, res, err);
	}
	buf_release(&b);
	return rc;
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
		   row.attempts + 1 < row.max_attempts) {
		rc = requeue(tx, loss, &row, &res, err);
	} else if (rc == 0) {
		rc = crash(tx, loss, &row, &res, err);
	}
	run_row_release(&row);
	if (rc == 0) {
		*ret_result = res;
	}
	return rc;
}
