/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cancellation.c - what a cancelled run leaves behind: task runs and subflows are
 * cancelled, too; a cancellation that nobody carried out in five minutes is carried out
 * on paper.
 */
#include <stdio.h>

#include "api/db/db.h"
#include "api/orchestration/apply.h"
#include "api/services/service.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/uuid.h"

#define CANCEL_BATCH  100
#define CANCELLING_US (300 * 1000000LL)
#define FIRST_LOOK_US (86400 * 1000000LL) /* the first pass looks back a day ... */
#define LATER_LOOK_US \
	(600 * 1000000LL) /* ... later ones ten minutes before the last pass */
#define STATE_CANCELLED  6
#define STATE_CANCELLING 9

#define TIMED_OUT        "Flow run cancellation timed out; marked this flow run as Cancelled."
#define PARENT_GONE      "The parent flow run was cancelled."

struct found {
	struct uuid ids[CANCEL_BATCH], owners[CANCEL_BATCH];
	int has_deployment[CANCEL_BATCH];
	size_t count;
};

static int64_t window(const struct tx *tx, const struct service_pass *p)
{
	return p->last_run_us == 0 ? tx->now_us - FIRST_LOOK_US
				   : p->last_run_us - LATER_LOOK_US;
}

/* First column is the run, the second its owner or deployment. */
static int look(struct tx *tx, enum sql_id stmt, int64_t from_us, struct found *f,
		struct error *err)
{
	struct db_rows *r = NULL;
	int rc =
	    db_query(tx->c, stmt, DB_ARGS(db_a_int(from_us), db_a_int(CANCEL_BATCH)), 2,
		     &r, err);

	f->count = 0;
	while (rc == 0 && f->count < CANCEL_BATCH && (rc = db_next(r, err)) > 0) {
		(void)db_uuid(r, 0, &f->ids[f->count]);
		if (stmt != SQL_CANCELLING_OVERDUE) {
			f->has_deployment[f->count] =
			    db_uuid(r, 1, &f->owners[f->count]);
		}
		f->count++;
		rc = 0;
	}
	db_rows_free(r);
	return rc;
}

static int end_task_run(struct tx *tx, const struct uuid *id,
			const struct uuid *flow_run, struct error *err)
{
	char details[160], a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE];
	struct uuid state;
	int rc;

	uuid_v7(&state, tx->now_us);
	(void)snprintf(details, sizeof(details),
		       "{\"flow_run_id\":\"%s\",\"task_run_id\":\"%s\"}",
		       uuid_format(flow_run, a), uuid_format(id, b));
	rc = db_exec(tx->c, SQL_TASK_RUN_STATE_ADD,
		     DB_ARGS(db_a_uuid(&state), db_a_uuid(id), db_a_time(tx->now_us),
			     db_a_int(STATE_CANCELLED), db_a_text("Cancelled"),
			     db_a_text(PARENT_GONE), db_a_text(details)),
		     7, NULL, err);
	if (rc < 0) {
		return rc;
	}
	return db_exec(tx->c, SQL_TASK_RUN_END_AS,
		       DB_ARGS(db_a_uuid(id), db_a_time(tx->now_us), db_a_uuid(&state),
			       db_a_int(STATE_CANCELLED), db_a_text("Cancelled")),
		       5, NULL, err);
}

static int propose(struct tx *tx, const struct uuid *id, int type, const char *message,
		   int force, struct error *err)
{
	const struct run_simple state = {
	    .type = type, .message = message, .force = force};
	struct orc_result res = {0};
	int rc = run_propose_simple(tx, id, &state, &res, err);

	orc_result_release(&res);
	return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static int end_tasks(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct found f;
	int rc = look(tx, SQL_CANCELLED_TASK_RUNS, window(tx, p), &f, err);

	for (size_t i = 0; rc == 0 && i < f.count; i++) {
		rc = end_task_run(tx, &f.ids[i], &f.owners[i], err);
		p->done++;
	}
	p->more |= f.count == CANCEL_BATCH;
	return rc;
}

/* A deployed subflow has processes of its own: they are asked; others are just gone. */
static int end_subflows(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct found f;
	int rc = look(tx, SQL_CANCELLED_SUBFLOWS, window(tx, p), &f, err);

	for (size_t i = 0; rc == 0 && i < f.count; i++) {
		rc = propose(tx, &f.ids[i],
			     f.has_deployment[i] ? STATE_CANCELLING : STATE_CANCELLED,
			     PARENT_GONE, !f.has_deployment[i], err);
		p->done++;
	}
	p->more |= f.count == CANCEL_BATCH;
	return rc;
}

static int end_overdue(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct found f;
	int rc = look(tx, SQL_CANCELLING_OVERDUE, tx->now_us - CANCELLING_US, &f, err);

	for (size_t i = 0; rc == 0 && i < f.count; i++) {
		rc = propose(tx, &f.ids[i], STATE_CANCELLED, TIMED_OUT, 0, err);
		p->done++;
	}
	p->more |= f.count == CANCEL_BATCH;
	return rc;
}

static int probe(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct found f;
	size_t total = 0;
	int rc = look(tx, SQL_CANCELLED_TASK_RUNS, window(tx, p), &f, err);

	total += f.count;
	if (rc == 0 && total == 0) {
		rc = look(tx, SQL_CANCELLED_SUBFLOWS, window(tx, p), &f, err);
		total += f.count;
	}
	if (rc == 0 && total == 0) {
		rc = look(tx, SQL_CANCELLING_OVERDUE, tx->now_us - CANCELLING_US, &f,
			  err);
		total += f.count;
	}
	return rc < 0 ? rc : total > 0;
}

static int pass(struct tx *tx, struct service_pass *p, struct error *err)
{
	int rc = end_tasks(tx, p, err);

	if (rc == 0) {
		rc = end_subflows(tx, p, err);
	}
	if (rc == 0) {
		rc = end_overdue(tx, p, err);
	}
	return rc;
}

const struct service service_cancellation = {
    .name = "cancellation",
    .interval_ms = 20000,
    .probe = probe,
    .pass = pass,
};
