/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retention.c - what is old goes: events after 7 days, logs after 30, ended runs after
 * 90 with all that belongs to them, answers to updates after one.
 *
 * Deletes are small slices by index, and a pass stops after some milliseconds, so that
 * the writer is held for some 10 ms at a time; between passes others have it.
 */
#include "api/db/db.h"
#include "api/services/service.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/uuid.h"

#define DAY_US     (86400 * 1000000LL)
#define EVENTS_US  (7 * DAY_US)
#define LOGS_US    (30 * DAY_US)
#define RUNS_US    (90 * DAY_US)
#define UPDATES_US (1 * DAY_US)
#define SLICE      20 /* rows of one statement */
#define PAUSE_MS   15

static const struct {
	enum sql_id stmt;
	int64_t age_us;
} simple[] = {
    {SQL_RETENTION_EVENTS, EVENTS_US},
    {SQL_RETENTION_LOGS, LOGS_US},
    {SQL_RETENTION_UPDATES, UPDATES_US},
    {SQL_RETENTION_TASK_RUNS, RUNS_US},
};

/* Slices of one statement until nothing is left or the time is up. */
static int drain(struct tx *tx, struct service_pass *p, enum sql_id stmt,
		 const struct db_arg *first, struct error *err)
{
	int64_t changes = SLICE;
	int rc = 0;

	while (rc == 0 && changes == SLICE) {
		if (service_is_late(p)) {
			p->more = 1;
			break;
		}
		rc = db_exec(tx->c, stmt, DB_ARGS(*first, db_a_int(SLICE)), 2, &changes,
			     err);
		p->done += rc == 0 ? changes : 0;
	}
	return rc;
}

/* Everything below the run first, so that no cascade is large. */
static int delete_run(struct tx *tx, struct service_pass *p, const struct uuid *id,
		      struct error *err)
{
	static const enum sql_id parts[] = {SQL_RETENTION_TASKS_OF_RUN,
					    SQL_RETENTION_LOGS_OF_RUN,
					    SQL_RETENTION_ARTIFACTS_OF_RUN};
	struct db_arg run = db_a_uuid(id);
	int rc = 0;

	for (size_t i = 0; rc == 0 && !p->more && i < sizeof(parts) / sizeof(parts[0]);
	     i++) {
		rc = drain(tx, p, parts[i], &run, err);
	}
	if (rc < 0 || p->more) {
		return rc;
	}
	p->done++;
	return db_exec(tx->c, SQL_RETENTION_RUN, DB_ARGS(run), 1, NULL, err);
}

static int read_runs(struct tx *tx, struct uuid *ids, size_t *ret_count,
		     struct error *err)
{
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc = db_query(tx->c, SQL_RETENTION_RUNS,
			  DB_ARGS(db_a_int(tx->now_us - RUNS_US), db_a_int(SLICE)), 2,
			  &r, err);

	while (rc == 0 && n < SLICE && (rc = db_next(r, err)) > 0) {
		(void)db_uuid(r, 0, &ids[n++]);
		rc = 0;
	}
	db_rows_free(r);
	*ret_count = n;
	return rc;
}

static int delete_runs(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct uuid ids[SLICE];
	size_t count = 0;
	int rc = read_runs(tx, ids, &count, err);

	for (size_t i = 0; rc == 0 && !p->more && i < count; i++) {
		rc = delete_run(tx, p, &ids[i], err);
		p->more |= service_is_late(p);
	}
	p->more |= count == SLICE;
	return rc;
}

static int pass(struct tx *tx, struct service_pass *p, struct error *err)
{
	int rc = 0;

	for (size_t i = 0;
	     rc == 0 && !p->more && i < sizeof(simple) / sizeof(simple[0]); i++) {
		struct db_arg before = db_a_int(tx->now_us - simple[i].age_us);

		rc = drain(tx, p, simple[i].stmt, &before, err);
	}
	if (rc == 0 && !p->more) {
		rc = delete_runs(tx, p, err);
	}
	return rc;
}

const struct service service_retention = {
    .name = "retention",
    .interval_ms = 300000,
    .pause_ms = PAUSE_MS,
    .pass = pass,
};
