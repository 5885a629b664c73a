/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db.c - api/db/db.h without threads: a work runs as a whole at one instant, its answer
 * comes later, and never when its API has ended meanwhile.
 */
#include "tests/sim/db.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "api/db/db_priv.h"
#include "api/db/group.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "tests/sim/sim.h"

struct db {
	struct sim_node *node;
	int64_t pending;
};

struct call {
	struct db *db;
	enum db_kind kind;
	struct db_job job;
};

int64_t sim_db_stalled_until_us;
int64_t sim_db_fail_permille;
void (*sim_db_committed)(void);
static struct db_conn *truth;
static char *empty; /* the statements that delete every row */

static void run_sql(const char *sql)
{
	if (sqlite3_exec(truth->sq, sql, NULL, NULL, NULL) != SQLITE_OK) {
		BUG("%s: %s", sql, sqlite3_errmsg(truth->sq));
	}
}

static int add_delete(void *arg, int count, char **values, char **names)
{
	char *longer = xasprintf("DELETE FROM %s;%s", values[0], empty);

	(void)arg;
	(void)count;
	(void)names;
	free(empty);
	empty = longer;
	return 0;
}

/* Another world has the same schema, and so the statements that are prepared already.
 */
void sim_db_reset(void)
{
	struct error err = {0};
	char *prefix;

	sim_db_stalled_until_us = 0;
	sim_db_fail_permille = 0;
	if (truth != NULL) {
		run_sql(empty);
		run_sql(empty); /* what triggers wrote of the deletions */
		return;
	}
	conn_setup_library();
	if (conn_open(":memory:", 0, &truth, &err) < 0 || migrate(truth, &err) < 0) {
		BUG("the database of the simulator: %s", err.msg);
	}
	empty = xstrdup("COMMIT");
	if (sqlite3_exec(truth->sq,
			 "SELECT name FROM sqlite_master WHERE type = 'table' AND name "
			 "<> 'schema_migration' AND name NOT LIKE 'sqlite%' ORDER BY "
			 "rowid",
			 add_delete, NULL, NULL) != SQLITE_OK) {
		BUG("the tables of the simulator: %s", sqlite3_errmsg(truth->sq));
	}
	prefix = xasprintf("BEGIN;%s", empty);
	free(empty);
	empty = prefix;
}

struct db_conn *sim_db(void)
{
	return truth;
}

int db_open(struct loop *loop, const struct db_conf *conf, struct db **ret_db,
	    struct error *err)
{
	(void)loop;
	(void)conf;
	(void)err;
	*ret_db = xcalloc(1, sizeof(**ret_db));
	(*ret_db)->node = sim_node;
	return 0;
}

void db_close(struct db *db)
{
	free(db);
}

static void answer(void *arg)
{
	struct call *c = arg;

	c->db->pending--;
	if (c->job.after != NULL) {
		c->job.after(c->job.rc, c->job.err, c->job.arg);
	}
	free(c->job.err);
	free(c);
}

static int64_t delay_us(void)
{
	int64_t us =
	    rnd_permille(20) ? rnd_range(1, 300 * SIM_MS) : rnd_range(100, 1500);

	if (sim_db_stalled_until_us > sim_now_us) {
		us += sim_db_stalled_until_us - sim_now_us;
	}
	return us;
}

static void run_now(struct call *c)
{
	struct db_jobs jobs = TAILQ_HEAD_INITIALIZER(jobs);
	struct error err = {0};

	if (rnd_permille(sim_db_fail_permille)) {
		(void)err_set(&err, ERR_IO, "the database cannot write: no space left");
		job_fail(&c->job, &err);
	} else if (c->kind == DB_READ) {
		group_read(truth, &c->job);
	} else {
		TAILQ_INSERT_TAIL(&jobs, &c->job, link);
		group_run(truth, &jobs);
		if (sim_db_committed != NULL) {
			sim_db_committed();
		}
	}
}

static void work(void *arg)
{
	struct call *c = arg;

	run_now(c);
	(void)sim_at(c->db->node, sim_now_us + rnd_range(50, 2 * SIM_MS), answer, c);
}

int db_submit(struct db *db, enum db_kind kind, db_work_fn work_fn, db_after_fn after,
	      void *arg, struct error *err)
{
	struct call *c = xcalloc(1, sizeof(*c));

	(void)err;
	*c = (struct call){.db = db,
			   .kind = kind,
			   .job = {.work = work_fn, .after = after, .arg = arg}};
	db->pending++;
	(void)sim_at(db->node, sim_now_us + delay_us(), work, c);
	return 0;
}

int db_run(struct db *db, enum db_kind kind, db_work_fn work_fn, void *arg,
	   struct error *err)
{
	struct call c = {.db = db, .kind = kind, .job = {.work = work_fn, .arg = arg}};

	run_now(&c);
	if (c.job.rc < 0 && err != NULL) {
		*err = *c.job.err;
	}
	free(c.job.err);
	return c.job.rc;
}

int db_is_shared(const struct db *db)
{
	(void)db;
	return 0; /* the peers of the simulator tell each other nothing */
}

int64_t db_pending(const struct db *db)
{
	return db->pending;
}

int db_backup(struct db *db, const char *path, struct error *err)
{
	(void)db;
	(void)path;
	return err_set(err, ERR_UNSUPPORTED, "no backups in the simulator");
}

int db_backup_url(const char *url, const char *path, struct error *err)
{
	(void)url;
	return db_backup(NULL, path, err);
}
