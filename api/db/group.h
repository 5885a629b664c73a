/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group.h - works and how they are run on a connection.  Private to api/db/.
 */
#ifndef API_DB_GROUP_H
#define API_DB_GROUP_H

#include "api/db/db_priv.h"
#include "base/queue_ext.h"

struct db_job {
	TAILQ_ENTRY(db_job) link;
	db_work_fn work;
	db_after_fn after;
	void *arg;
	int rc;
	int waited_for; /* db_run(): the caller waits for DONE and owns the job */
	int done;
	struct error *err; /* NULL unless RC is negative; owned */
};
TAILQ_HEAD(db_jobs, db_job);

/*
 * Runs all JOBS in one transaction, each in its savepoint, and commits.  Sets rc and
 * err of each.  A job that fails is rolled back alone; a failing COMMIT fails all that
 * had succeeded.
 */
void group_run(struct db_conn *c, struct db_jobs *jobs);
/* Runs one job in a read transaction: one snapshot for all its statements. */
void group_read(struct db_conn *c, struct db_job *job);
/* Calls the work itself; what it forgot to give back would block every later commit. */
void job_call(struct db_conn *c, struct db_job *job);
/* Takes nothing from ERR but a copy. */
void job_fail(struct db_job *job, const struct error *err);

#endif
