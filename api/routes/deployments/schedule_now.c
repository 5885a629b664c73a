/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule_now.c - POST /deployments/{id}/schedule: the runs of its active schedules in
 * a span, also one in the past.
 *
 * From start_time on, until there are min_runs of them and start_time + min_time is
 * reached; never behind end_time, never more than max_runs.
 */
#include <math.h>
#include <stdlib.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/deployments/deployment_routes.h"
#include "api/routes/deployments/deployment_store.h"
#include "api/routes/req.h"
#include "api/services/schedule_plan.h"
#include "api/services/schedule_run.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/schedule.h"
#include "base/timefmt.h"

#define SCHEDULES_MAX 1000 /* looked at in one call */
#define RUNS_MAX      1000 /* of one schedule in one call */
#define CHUNK         100

struct span {
	struct req_arg base;
	int64_t start_time, end_time, min_runs, max_runs;
	double min_time;
};
static const struct field span_fields[] = {
    FIELD(struct span, start_time, F_TIME),
    FIELD(struct span, end_time, F_TIME),
    FIELD(struct span, min_time, F_REAL),
    FIELD(struct span, min_runs, F_INT, .max = RUNS_MAX),
    FIELD(struct span, max_runs, F_INT, .max = RUNS_MAX),
};

static int64_t later(int64_t at_us, double seconds)
{
	double sum = (double)at_us + seconds * 1e6;

	return sum < (double)INT64_MAX / 2 ? llround(sum) : INT64_MAX / 2;
}

/* 1: DATE belongs to the span, when COUNT runs were made before it. */
static int wanted(const struct span *s, int64_t date_us, int64_t count)
{
	return date_us <= s->end_time && count < s->max_runs &&
	       (count < s->min_runs || date_us <= later(s->start_time, s->min_time));
}

static int make_all(struct tx *tx, const struct span *s, const struct schedule_due *due,
		    const struct schedule *when, struct error *err)
{
	int64_t dates[CHUNK], from = s->start_time, made = 0;
	struct schedule_parts parts;
	size_t count = CHUNK;
	int rc = 0;

	schedule_parts_init(&parts, due, when);
	while (rc >= 0 && count == CHUNK) {
		rc = schedule_next(when, from, dates, CHUNK, &count, err);
		for (size_t i = 0; rc >= 0 && i < count; i++) {
			if (!wanted(s, dates[i], made)) {
				count = 0; /* the end of the span */
				break;
			}
			rc = schedule_run_make(tx, due, &parts, dates[i], err);
			from = dates[i] + 1;
			made++;
		}
	}
	schedule_parts_release(&parts);
	return rc < 0 ? rc : 0;
}

static int serve(struct tx *tx, const struct span *s, const struct schedule_due *due,
		 struct error *err)
{
	struct schedule *when = NULL;
	json_t *obj = due->schedule != NULL ? json_loads(due->schedule, 0, NULL) : NULL;
	int rc = schedule_from_json(obj, &when, NULL);

	json_decref(obj);
	rc = rc == 0 ? make_all(tx, s, due, when, err) : 0; /* none: makes no runs */
	schedule_free(when);
	return rc;
}

static int schedule_work(struct tx *tx, void *arg, struct error *err)
{
	struct span s = *(const struct span *)arg;
	struct deployment d = {0};
	struct schedule_due due;
	struct db_rows *rows = NULL;
	int rc = deployment_get(tx, &s.base.id, "Deployment not found", &d, err);

	deployment_release(&d);
	if (s.start_time == TIME_NONE) {
		s.start_time = tx->now_us;
	}
	if (s.end_time == TIME_NONE) {
		s.end_time = later(s.start_time, (double)PLAN_MAX_AHEAD_US / 1e6);
	}
	if (rc == 0) {
		rc = db_query(tx->c, SQL_SCHEDULE_ACTIVE_OF,
			      DB_ARGS(db_a_uuid(&s.base.id), db_a_int(SCHEDULES_MAX)),
			      2, &rows, err);
	}
	while (rc == 0 && (rc = db_next(rows, err)) > 0) {
		schedule_due_from_row(&due, rows);
		rc = serve(tx, &s, &due, err);
		schedule_due_release(&due);
	}
	db_rows_free(rows);
	buf_adds(&tx->body, "null");
	return rc;
}

void route_deployment_schedule(struct http_req *r)
{
	struct span *s = req_arg_new(r, sizeof(*s));

	s->start_time = s->end_time = TIME_NONE;
	s->min_time = (double)PLAN_MIN_AHEAD_US / 1e6;
	s->min_runs = PLAN_MIN_RUNS;
	s->max_runs = PLAN_MAX_RUNS;
	if (req_embedded(r, s, span_fields, ARRAY_LEN(span_fields)) == 0) {
		tx_submit(r, DB_WRITE, schedule_work, s, req_arg_free);
	}
}
