/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.c - a connection to either database: statements without rows, savepoints,
 * scripts.
 */
#include <stdlib.h>

#include "api/db/db_priv.h"
#include "api/db/group.h"
#include "base/error.h"

void conn_close(struct db_conn *c)
{
	if (c == NULL) {
		return;
	}
	c->driver->close(c);
	buf_release(&c->text);
	free(c->path);
	free(c);
}

int conn_ctl(struct db_conn *c, enum sql_id id, struct error *err)
{
	return db_exec(c, id, NULL, 0, NULL, err);
}

int conn_script(struct db_conn *c, const char *text, struct error *err)
{
	return c->driver->script(c, text, err);
}

int conn_in_tx(const struct db_conn *c)
{
	return c->driver->in_tx(c);
}

int conn_explain(struct db_conn *c, const char *text, explain_fn fn, void *arg,
		 struct error *err)
{
	return c->driver->explain(c, text, fn, arg, err);
}

int db_exec(struct db_conn *c, enum sql_id id, const struct db_arg *args, size_t nargs,
	    int64_t *ret_changes, struct error *err)
{
	const struct db_call call = {.id = id, .args = args, .nargs = nargs};

	if ((int)nargs != sql_stmts[id].params) {
		BUG("statement %s takes %d arguments, %zu given", sql_stmts[id].name,
		    sql_stmts[id].params, nargs);
	}
	return c->driver->exec(c, &call, ret_changes, err);
}

void group_run(struct db_conn *c, struct db_jobs *jobs)
{
	c->driver->group_run(c, jobs);
}

void group_read(struct db_conn *c, struct db_job *job)
{
	c->driver->group_read(c, job);
}

static int nested(struct db_conn *c, enum sql_id id, int step, struct error *err)
{
	int rc;

	if (step > 0 && c->savepoints >= CONN_SAVEPOINTS_MAX) {
		return err_set(err, ERR_INTERNAL, "savepoints nested too deep");
	}
	if (step <= 0 && c->savepoints == 0) {
		BUG("no savepoint is open");
	}
	rc = conn_ctl(c, id, err);
	if (rc == 0) {
		c->savepoints += step;
	}
	return rc;
}

int db_savepoint(struct db_conn *c, struct error *err)
{
	return nested(c, SQL_NESTED_SAVE, 1, err);
}

int db_release(struct db_conn *c, struct error *err)
{
	return nested(c, SQL_NESTED_RELEASE, -1, err);
}

int db_rollback_to(struct db_conn *c, struct error *err)
{
	int rc = nested(c, SQL_NESTED_BACK, 0, err);

	/* ROLLBACK TO leaves the savepoint open: end it, so that each db_savepoint() is
	 * answered by exactly one of the two. */
	return rc < 0 ? rc : nested(c, SQL_NESTED_RELEASE, -1, err);
}
