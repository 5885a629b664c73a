/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_group.c - works in transactions of PostgreSQL: groups, retries, lost connections.
 *
 * As with SQLite, a group is one transaction with a savepoint for each work, and one
 * writer of all replicas is at work at a time (the write lock): works need no other
 * locks, and what they read stays true until they commit.  A transaction that the
 * server did not commit (deadlock, restart, lost connection) is run again from its
 * start; of one whose COMMIT was sent but not answered its id tells what became of it.
 * Nothing is answered before that is known.
 */
#include <stdlib.h>
#include <string.h>

#include "api/db/group.h"
#include "api/db/pg.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#define RETRIES_MAX    8 /* of a transaction that meets others */
#define RETRY_BASE_MS  5
#define RETRY_CAP_MS   200
#define RECONNECT_MS   5000 /* requests wait that long for the server to come back */
#define RECONNECT_BASE 20
#define RECONNECT_CAP  500

enum outcome {
	DONE = 1,
	REPEAT,  /* nothing is stored */
	UNKNOWN, /* COMMIT was sent, its answer did not come */
};

/* A transaction's tries. */
struct tries {
	struct backoff pause, connect;
	int64_t until_ms; /* the connection has to be back by then */
	int count;
};

static void tries_init(struct tries *t, const struct pg *pg)
{
	memset(t, 0, sizeof(*t));
	backoff_init(&t->pause, RETRY_BASE_MS, RETRY_CAP_MS);
	backoff_init(&t->connect, RECONNECT_BASE, RECONNECT_CAP);
	/* while the server is known to be away nobody waits for it */
	t->until_ms = clock_mono_ms() + (pg->is_down ? 0 : RECONNECT_MS);
}

static int connect_until(struct db_conn *c, struct tries *t, struct error *err)
{
	int rc = pg_connect(c, err);

	while (rc < 0 && clock_mono_ms() < t->until_ms) {
		clock_sleep_ms(backoff_next(&t->connect, random_unit()));
		rc = pg_connect(c, err);
	}
	return rc;
}

/* Makes the connection ready for another try.  Negative: there is none. */
static int recover(struct db_conn *c, struct tries *t, struct error *err)
{
	struct pg *pg = c->pg;

	if (pg->conn != NULL && !pg->lost) {
		pg->retry = 0;
		(void)conn_ctl(c, SQL_TX_ROLLBACK, NULL);
		clock_sleep_ms(backoff_next(&t->pause, random_unit()));
	}
	if (++t->count > RETRIES_MAX) {
		*err = pg->why;
		return -err->code;
	}
	return pg->conn == NULL || pg->lost ? connect_until(c, t, err) : 0;
}

static int must_repeat(const struct pg *pg)
{
	return pg->lost || pg->retry;
}

/* A work that went on after a statement of it failed has written only half. */
static void check_swallowed(const struct pg *pg, struct db_job *job)
{
	struct error err;

	if (job->rc >= 0 && pg->failed) {
		err = pg->why;
		err_wrap(&err, "a request went on after a failed statement");
		job_fail(job, &err);
	}
}

static enum outcome commit(struct db_conn *c, struct db_jobs *jobs)
{
	struct pg *pg = c->pg;
	struct error err = {0};
	struct db_job *job;
	int rc = 0;

	if (pg->xid[0] == '\0') { /* without it a lost COMMIT tells nothing */
		rc = pg_sync(c, NULL, &err);
	}
	if (must_repeat(pg)) {
		return REPEAT;
	}
	rc = rc == 0 ? conn_ctl(c, SQL_TX_COMMIT, &err) : rc;
	if (pg->lost) {
		return UNKNOWN;
	}
	if (pg->retry) {
		return REPEAT;
	}
	if (rc < 0) {
		(void)conn_ctl(c, SQL_TX_ROLLBACK, NULL);
		for (job = TAILQ_FIRST(jobs); job != NULL;
		     job = TAILQ_NEXT(job, link)) {
			if (job->rc >= 0) {
				job_fail(job, &err);
			}
		}
	}
	return DONE;
}

static void fail_all(struct db_jobs *jobs, const struct error *err)
{
	struct db_job *job;

	for (job = TAILQ_FIRST(jobs); job != NULL; job = TAILQ_NEXT(job, link)) {
		job_fail(job, err);
	}
}

/* The only work of its transaction needs no savepoint. */
static enum outcome run_alone(struct db_conn *c, struct db_jobs *jobs)
{
	struct db_job *job = TAILQ_FIRST(jobs);

	job_call(c, job);
	if (must_repeat(c->pg)) {
		return REPEAT;
	}
	check_swallowed(c->pg, job);
	if (job->rc < 0) {
		(void)conn_ctl(c, SQL_TX_ROLLBACK, NULL);
		return c->pg->lost ? REPEAT : DONE;
	}
	return commit(c, jobs);
}

static enum outcome run_many(struct db_conn *c, struct db_jobs *jobs)
{
	struct pg *pg = c->pg;
	struct db_job *job;

	for (job = TAILQ_FIRST(jobs); job != NULL; job = TAILQ_NEXT(job, link)) {
		(void)conn_ctl(c, SQL_WORK_SAVE, NULL);
		job_call(c, job);
		if (must_repeat(pg)) {
			return REPEAT;
		}
		if (pg->tx_useless) {
			fail_all(jobs, &pg->why);
			(void)conn_ctl(c, SQL_TX_ROLLBACK, NULL);
			return DONE;
		}
		check_swallowed(pg, job);
		if (job->rc < 0) {
			(void)conn_ctl(c, SQL_WORK_BACK, NULL);
		}
		(void)conn_ctl(c, SQL_WORK_RELEASE, NULL);
		if (pg->lost) {
			return REPEAT;
		}
	}
	return commit(c, jobs);
}

static enum outcome run_once(struct db_conn *c, struct db_jobs *jobs)
{
	struct db_job *job;

	for (job = TAILQ_FIRST(jobs); job != NULL; job = TAILQ_NEXT(job, link)) {
		free(job->err);
		job->err = NULL;
		job->rc = 0;
	}
	if (conn_ctl(c, SQL_TX_BEGIN_WRITE, NULL) < 0) {
		return REPEAT;
	}
	return TAILQ_NEXT(TAILQ_FIRST(jobs), link) == NULL ? run_alone(c, jobs)
							   : run_many(c, jobs);
}

static void take_status(const struct db_rows *r, void *arg)
{
	const char *text = db_text(r, 0);
	enum outcome *out = arg;

	*out = text == NULL                     ? UNKNOWN
	       : strcmp(text, "committed") == 0 ? DONE
	       : strcmp(text, "aborted") == 0   ? REPEAT
						: UNKNOWN;
}

/* After a lost COMMIT: was it done?  The server may still be at it. */
static enum outcome ask_outcome(struct db_conn *c, const char *xid, struct tries *t)
{
	enum outcome out = UNKNOWN;
	struct error err;
	int rc;

	while (connect_until(c, t, &err) == 0) {
		rc = db_one(c, SQL_PG_TX_STATUS, DB_ARGS(db_a_text(xid)), 1,
			    take_status, &out, &err);
		if (rc >= 0 && out != UNKNOWN) {
			return out;
		}
		if (rc < 0 && !c->pg->lost) {
			(void)conn_ctl(c, SQL_TX_ROLLBACK, NULL);
			if (err.code == ERR_INVALID) {
				/* "is in the future": a crash of the server forgot that
				 * it had given this id, so nothing of it was stored */
				return REPEAT;
			}
		}
		if (clock_mono_ms() >= t->until_ms) {
			break;
		}
		clock_sleep_ms(backoff_next(&t->connect, random_unit()));
	}
	return UNKNOWN;
}

static void fail_unknown(const struct db_conn *c, struct db_jobs *jobs)
{
	struct db_job *job;
	struct error err;

	(void)err_set(
	    &err, ERR_UNAVAILABLE,
	    "the connection to the database %s was lost while this was "
	    "committed: it may be stored or not; look before you send it again",
	    c->path);
	for (job = TAILQ_FIRST(jobs); job != NULL; job = TAILQ_NEXT(job, link)) {
		if (job->rc >= 0) {
			job_fail(job, &err);
		}
	}
}

void pg_group_run(struct db_conn *c, struct db_jobs *jobs)
{
	struct tries t;
	struct error err = {0};
	enum outcome out;
	char xid[sizeof(c->pg->xid)];

	tries_init(&t, c->pg);
	for (;;) {
		out = run_once(c, jobs);
		if (out == UNKNOWN) {
			memcpy(xid, c->pg->xid, sizeof(xid));
			t.until_ms = clock_mono_ms() + RECONNECT_MS;
			out = ask_outcome(c, xid, &t);
		}
		if (out == DONE) {
			return;
		}
		if (out == UNKNOWN) {
			fail_unknown(c, jobs);
			return;
		}
		if (recover(c, &t, &err) < 0) {
			fail_all(jobs, &err);
			return;
		}
	}
}

void pg_group_read(struct db_conn *c, struct db_job *job)
{
	struct pg *pg = c->pg;
	struct tries t;
	struct error err = {0};

	tries_init(&t, pg);
	for (;;) {
		free(job->err);
		job->err = NULL;
		job->rc = 0;
		if (conn_ctl(c, SQL_TX_BEGIN_READ, NULL) == 0) {
			job_call(c, job);
		}
		if (!must_repeat(pg)) {
			break;
		}
		if (recover(c, &t, &err) < 0) {
			job_fail(job, &err);
			return;
		}
	}
	check_swallowed(pg, job);
	/* nobody waits for the end of a transaction that wrote nothing */
	if (pg_ctl(c, pg->failed ? SQL_TX_ROLLBACK : SQL_TX_COMMIT, &err) == 0) {
		(void)pg_push(c, &err);
	}
	pg->in_tx = 0;
	pg->failed = pg->lost;
	pg->tx_useless = 0;
}
