/* SPDX-License-Identifier: Apache-2.0 */
/* late_runs.c - runs that should have been taken 15 s ago are named Late. */
#include <jansson.h>

#include "api/db/db.h"
#include "api/orchestration/apply.h"
#include "api/services/service.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/timefmt.h"

#define LATE_AFTER_US   (15 * 1000000LL)
#define LATE_BATCH      100
#define STATE_SCHEDULED 1

struct late_run {
	struct uuid id;
	int64_t due_us;
};

static int read_late(struct tx *tx, size_t max, struct late_run *list,
		     size_t *ret_count, struct error *err)
{
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc = db_query(
	    tx->c, SQL_LATE_RUNS_DUE,
	    DB_ARGS(db_a_int(tx->now_us - LATE_AFTER_US), db_a_int((int64_t)max)), 2,
	    &r, err);

	while (rc == 0 && n < max && (rc = db_next(r, err)) > 0) {
		(void)db_uuid(r, 0, &list[n].id);
		list[n++].due_us = db_time(r, 1);
		rc = 0;
	}
	db_rows_free(r);
	*ret_count = n;
	return rc;
}

static int mark(struct tx *tx, const struct late_run *run, struct error *err)
{
	char text[TIME_TEXT_SIZE];
	struct orc_state state = {.type = STATE_SCHEDULED, .name = "Late"};
	struct run_proposal p = {
	    .flow_run_id = run->id,
	    .state = &state,
	    .policy = ORC_MARK_LATE,
	};
	struct orc_result res = {0};
	int rc;

	state.details = json_pack("{s:s}", "scheduled_time",
				  time_format(run->due_us, text, sizeof(text)));
	rc = run_propose(tx, &p, &res, err);
	orc_result_release(&res);
	return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static int probe(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct late_run one;
	size_t count = 0;
	int rc = read_late(tx, 1, &one, &count, err);

	(void)p;
	return rc < 0 ? rc : count > 0;
}

static int pass(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct late_run list[LATE_BATCH];
	size_t count = 0;
	int rc = read_late(tx, LATE_BATCH, list, &count, err);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		rc = mark(tx, &list[i], err);
		p->done++;
		if (service_is_late(p)) {
			p->more = 1;
			break;
		}
	}
	p->more |= count == LATE_BATCH;
	return rc;
}

const struct service service_late_runs = {
    .name = "late-runs",
    .interval_ms = 5000,
    .probe = probe,
    .pass = pass,
};
