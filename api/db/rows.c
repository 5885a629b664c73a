/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.c - results: stepping, columns, and the short forms for one row.
 */
#include <stdlib.h>
#include <string.h>

#include "api/db/db_priv.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "base/uuid.h"

int rows_start(struct db_conn *c, const struct db_call *call, struct db_rows **ret_rows,
	       struct error *err)
{
	struct db_rows r = {0};
	int rc = c->driver->start(c, call, &r, err);

	if (rc < 0) {
		return rc;
	}
	*ret_rows = xmemdup(&r, sizeof(r));
	c->open_rows++;
	return 0;
}

int db_query(struct db_conn *c, enum sql_id id, const struct db_arg *args, size_t nargs,
	     struct db_rows **ret_rows, struct error *err)
{
	const struct sql_stmt *s = &sql_stmts[id];
	const struct db_call call = {.id = id, .args = args, .nargs = nargs};

	if ((s->flags & (SQL_F_WHERE | SQL_F_ORDER)) != 0) {
		BUG("statement %s has a predicate: use db_select()", s->name);
	}
	if ((int)nargs != s->params) {
		BUG("statement %s takes %d arguments, %zu given", s->name, s->params,
		    nargs);
	}
	return rows_start(c, &call, ret_rows, err);
}

int db_next(struct db_rows *r, struct error *err)
{
	int rc;

	if (r->done) {
		return 0;
	}
	rc = r->c->driver->next(r, err);
	r->done = rc <= 0;
	return rc;
}

void db_rows_free(struct db_rows *r)
{
	if (r == NULL) {
		return;
	}
	r->c->driver->finish(r);
	r->c->open_rows--;
	free(r);
}

int db_is_null(const struct db_rows *r, int col)
{
	return r->c->driver->is_null(r, col);
}

int64_t db_int(const struct db_rows *r, int col)
{
	return r->c->driver->integer(r, col);
}

int64_t db_time(const struct db_rows *r, int col)
{
	return db_is_null(r, col) ? TIME_NONE : db_int(r, col);
}

double db_real(const struct db_rows *r, int col)
{
	return r->c->driver->real(r, col);
}

const char *db_text(const struct db_rows *r, int col)
{
	/* the place for the text of a number is not what the caller sees as its rows */
	union {
		const struct db_rows *from;
		struct db_rows *to;
	} u = {.from = r};

	return r->c->driver->text(u.to, col);
}

size_t db_len(const struct db_rows *r, int col)
{
	return r->c->driver->len(r, col);
}

const void *db_blob(const struct db_rows *r, int col)
{
	return r->c->driver->blob(r, col);
}

int db_uuid(const struct db_rows *r, int col, struct uuid *ret_uuid)
{
	const void *p = db_blob(r, col);

	if (p == NULL || db_len(r, col) != sizeof(ret_uuid->b)) {
		return 0;
	}
	memcpy(ret_uuid->b, p, sizeof(ret_uuid->b));
	return 1;
}

int db_col(const struct db_rows *r, const char *name)
{
	return r->c->driver->col(r, name);
}

/* NOLINTNEXTLINE(readability-function-size): the interface of db.h */
int db_one(struct db_conn *c, enum sql_id id, const struct db_arg *args, size_t nargs,
	   void (*fn)(const struct db_rows *r, void *arg), void *arg, struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_query(c, id, args, nargs, &r, err);

	if (rc == 0) {
		rc = db_next(r, err);
	}
	if (rc == 1 && fn != NULL) {
		fn(r, arg);
	}
	db_rows_free(r);
	return rc;
}

static void take_int(const struct db_rows *r, void *arg)
{
	*(int64_t *)arg = db_int(r, 0);
}

int db_one_int(struct db_conn *c, enum sql_id id, const struct db_arg *args,
	       size_t nargs, int64_t *ret_int, struct error *err)
{
	return db_one(c, id, args, nargs, take_int, ret_int, err);
}
