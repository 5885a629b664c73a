/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group.c - group commit: many works, one transaction, one flush to the disk.
 */
#include <stdlib.h>

#include "api/db/group.h"
#include "api/db/sqlite.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"

void job_fail(struct db_job *job, const struct error *err)
{
	if (job->err == NULL) {
		job->err = xmemdup(err, sizeof(*err));
	} else {
		*job->err = *err;
	}
	job->rc = -err->code;
}

void job_call(struct db_conn *c, struct db_job *job)
{
	struct error err = {0};

	c->deadline_ms = clock_mono_ms() + CONN_STATEMENT_MS;
	job->rc = job->work(c, job->arg, &err);
	c->deadline_ms = 0;
	c->savepoints = 0;
	if (c->open_rows != 0) {
		BUG("a work left %d results open", c->open_rows);
	}
	if (job->rc < 0) {
		if (err.code == 0) {
			(void)err_set(&err, (enum err_code) - job->rc, "%s",
				      err_text(job->rc));
		}
		job_fail(job, &err);
		job->rc = -err.code;
	}
}

/* Negative: SQLite itself has ended the transaction in JOB. */
static int check_tx(const struct db_conn *c, const struct db_job *job,
		    struct error *err)
{
	if (conn_in_tx(c)) {
		return 0;
	}
	return err_set(err, ERR_IO,
		       "the database ended the transaction while another request was "
		       "written (%s); nothing of this request is stored",
		       job->err != NULL ? job->err->msg : "no reason given");
}

/* One work in its savepoint.  Negative: the transaction as a whole is unusable. */
static int run_in_savepoint(struct db_conn *c, struct db_job *job, struct error *err)
{
	int rc = conn_ctl(c, SQL_WORK_SAVE, err);

	if (rc < 0) {
		return rc;
	}
	job_call(c, job);
	rc = check_tx(c, job, err);
	if (rc < 0) {
		return rc;
	}
	if (job->rc < 0) {
		rc = conn_ctl(c, SQL_WORK_BACK, err);
	}
	return rc < 0 ? rc : conn_ctl(c, SQL_WORK_RELEASE, err);
}

/* Fails those from FIRST up to (not including) END that had succeeded. */
static void fail_range(struct db_job *first, const struct db_job *end,
		       const struct error *err)
{
	struct db_job *job;

	for (job = first; job != NULL && job != end; job = TAILQ_NEXT(job, link)) {
		if (job->rc >= 0) {
			job_fail(job, err);
		}
	}
}

static void rollback(struct db_conn *c)
{
	if (conn_in_tx(c) && conn_ctl(c, SQL_TX_ROLLBACK, NULL) < 0) {
		trace("db: rollback failed");
	}
}

/*
 * The only work of its transaction needs no savepoint, which costs a copy of each page
 * that is changed in it.  Negative: it failed, and nothing is left of it.
 */
static int run_alone(struct db_conn *c, struct db_job *job)
{
	struct error err;

	job_call(c, job);
	if (job->rc >= 0 && check_tx(c, job, &err) < 0) {
		job_fail(job, &err);
	}
	if (job->rc < 0) {
		rollback(c);
		return job->rc;
	}
	return 0;
}

/*
 * Runs jobs from FIRST on until all are done or the transaction is lost; returns the
 * job to go on with, NULL at the end.
 */
static struct db_job *run_segment(struct db_conn *c, struct db_job *first)
{
	struct error err;
	struct db_job *job;
	int rc = conn_ctl(c, SQL_TX_BEGIN_WRITE, &err);

	if (rc < 0) {
		fail_range(first, NULL, &err);
		return NULL;
	}
	if (TAILQ_NEXT(first, link) == NULL) {
		if (run_alone(c, first) < 0) {
			return NULL;
		}
		goto commit;
	}
	for (job = first; job != NULL; job = TAILQ_NEXT(job, link)) {
		rc = run_in_savepoint(c, job, &err);
		if (rc < 0) {
			rollback(c);
			job = TAILQ_NEXT(job, link);
			fail_range(first, job, &err);
			return job;
		}
	}
commit:
	rc = conn_ctl(c, SQL_TX_COMMIT, &err);
	if (rc < 0) {
		rollback(c);
		fail_range(first, NULL, &err);
	}
	return NULL;
}

void sqlite_group_run(struct db_conn *c, struct db_jobs *jobs)
{
	struct db_job *job = TAILQ_FIRST(jobs);

	while (job != NULL) {
		job = run_segment(c, job);
	}
}

void sqlite_group_read(struct db_conn *c, struct db_job *job)
{
	struct error err;
	int rc = conn_ctl(c, SQL_TX_BEGIN_READ, &err);

	if (rc < 0) {
		job_fail(job, &err);
		return;
	}
	job_call(c, job);
	if (conn_in_tx(c)) {
		rc = conn_ctl(c, SQL_TX_COMMIT, &err);
		if (rc < 0) {
			rollback(c);
		}
	}
}
