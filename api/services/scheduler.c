/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduler.c - makes the runs of active schedules ahead of time.
 *
 * A schedule row says when it wants to be looked at again (horizon); null means now.
 * The run of one nominal time has one idempotency key, so a second look makes nothing
 * twice.
 */
#include <stdlib.h>

#include <jansson.h>

#include "api/db/db.h"
#include "api/services/schedule_plan.h"
#include "api/services/schedule_run.h"
#include "api/services/service.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/schedule.h"

#define SCHEDULES_PER_PASS 50

static int set_check(struct tx *tx, const struct uuid *id, int64_t at_us,
		     struct error *err)
{
	return db_exec(tx->c, SQL_SCHEDULE_SET_HORIZON,
		       DB_ARGS(db_a_uuid(id), db_a_int(at_us)), 2, NULL, err);
}

static int make_runs(struct tx *tx, struct service_pass *p,
		     const struct schedule_due *s, const struct schedule *when,
		     struct error *err)
{
	int64_t dates[PLAN_MAX_RUNS];
	struct schedule_plan plan;
	struct schedule_parts parts;
	size_t count = 0;
	int rc = schedule_next(when, tx->now_us, dates, PLAN_MAX_RUNS, &count, err);

	if (rc < 0) {
		return rc;
	}
	schedule_plan(tx->now_us, dates, count, &plan);
	schedule_parts_init(&parts, s, when);
	for (size_t i = 0; rc >= 0 && i < plan.take; i++) {
		rc = schedule_run_make(tx, s, &parts, dates[i], err);
		p->done += rc > 0;
		if (rc > 0 && service_is_late(p) && i + 1 < plan.take) {
			p->more = 1;
			break;
		}
	}
	schedule_parts_release(&parts);
	if (rc < 0 || p->more) {
		return rc < 0 ? rc : 0;
	}
	return set_check(tx, &s->id, plan.check_us, err);
}

/* A schedule that cannot be read must not stop the others: it is looked at again in a
 * day. */
static int serve(struct tx *tx, struct service_pass *p, const struct schedule_due *s,
		 struct error *err)
{
	struct error why = {0};
	struct schedule *when = NULL;
	json_t *obj = s->schedule != NULL ? json_loads(s->schedule, 0, NULL) : NULL;
	int rc = schedule_from_json(obj, &when, &why);

	json_decref(obj);
	if (rc == 0) {
		rc = make_runs(tx, p, s, when, err);
	} else {
		log_warn("schedule %s of deployment %s makes no runs: %s",
			 uuid_str(&s->id), uuid_str(&s->deployment_id), why.msg);
		rc = set_check(tx, &s->id, tx->now_us + 86400 * 1000000LL, err);
	}
	schedule_free(when);
	return rc;
}

static int read_due(struct tx *tx, size_t max, struct schedule_due *list,
		    size_t *ret_count, struct error *err)
{
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc =
	    db_query(tx->c, SQL_SCHEDULE_DUE,
		     DB_ARGS(db_a_int(tx->now_us), db_a_int((int64_t)max)), 2, &r, err);

	while (rc == 0 && n < max && (rc = db_next(r, err)) > 0) {
		schedule_due_from_row(&list[n++], r);
		rc = 0;
	}
	db_rows_free(r);
	*ret_count = n;
	return rc;
}

static int next_check(struct tx *tx, struct service_pass *p, struct error *err)
{
	int64_t at = 0;
	int rc = db_one_int(tx->c, SQL_SCHEDULE_NEXT_HORIZON, NULL, 0, &at, err);

	p->next_us = at;
	return rc < 0 ? rc : 0;
}

static int probe(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct schedule_due one = {0};
	size_t count = 0;
	int rc = read_due(tx, 1, &one, &count, err);

	schedule_due_release(&one);
	if (rc == 0 && count == 0) {
		rc = next_check(tx, p, err);
	}
	return rc < 0 ? rc : count > 0;
}

static int pass(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct schedule_due *list = xcalloc(SCHEDULES_PER_PASS, sizeof(*list));
	size_t count = 0;
	int rc = read_due(tx, SCHEDULES_PER_PASS, list, &count, err);

	for (size_t i = 0; i < count; i++) {
		if (rc == 0 && !p->more) {
			rc = serve(tx, p, &list[i], err);
			p->more |= service_is_late(p) && i + 1 < count;
		}
		schedule_due_release(&list[i]);
	}
	p->more |= count == SCHEDULES_PER_PASS;
	free(list);
	return rc == 0 ? next_check(tx, p, err) : rc;
}

const struct service service_scheduler = {
    .name = "scheduler",
    .interval_ms = 60000,
    .probe = probe,
    .pass = pass,
};
