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

int db_query(struct db_conn *c, enum sql_id id, const struct db_arg *args, size_t nargs,
	     struct db_rows **ret_rows, struct error *err)
{
	struct db_rows r;
	int rc = rows_prepare(c, id, &r, err);

	if (rc < 0) {
		return rc;
	}
	if ((int)nargs != sql_stmts[id].params) {
		BUG("statement %s takes %d arguments, %zu given", r.what,
		    sql_stmts[id].params, nargs);
	}
	rc = rows_bind(&r, 1, args, nargs, 1, err);
	if (rc < 0) {
		rows_finish(&r);
		return rc;
	}
	*ret_rows = xmemdup(&r, sizeof(r));
	c->open_rows++;
	return 0;
}

int db_next(struct db_rows *r, struct error *err)
{
	int rc;

	if (r->done) {
		return 0;
	}
	rc = sqlite3_step(r->stmt);
	if (rc == SQLITE_ROW) {
		return 1;
	}
	r->done = 1;
	return rc == SQLITE_DONE ? 0 : conn_error(r->c, rc, r->what, err);
}

void db_rows_free(struct db_rows *r)
{
	if (r == NULL) {
		return;
	}
	rows_finish(r);
	r->c->open_rows--;
	free(r);
}

int db_is_null(const struct db_rows *r, int col)
{
	return sqlite3_column_type(r->stmt, col) == SQLITE_NULL;
}

int64_t db_int(const struct db_rows *r, int col)
{
	return sqlite3_column_int64(r->stmt, col);
}

int64_t db_time(const struct db_rows *r, int col)
{
	return db_is_null(r, col) ? TIME_NONE : sqlite3_column_int64(r->stmt, col);
}

double db_real(const struct db_rows *r, int col)
{
	return sqlite3_column_double(r->stmt, col);
}

const char *db_text(const struct db_rows *r, int col)
{
	return (const char *)sqlite3_column_text(r->stmt, col);
}

size_t db_len(const struct db_rows *r, int col)
{
	return (size_t)sqlite3_column_bytes(r->stmt, col);
}

const void *db_blob(const struct db_rows *r, int col)
{
	return sqlite3_column_blob(r->stmt, col);
}

int db_uuid(const struct db_rows *r, int col, struct uuid *ret_uuid)
{
	const void *p = sqlite3_column_blob(r->stmt, col);

	if (p == NULL ||
	    sqlite3_column_bytes(r->stmt, col) != (int)sizeof(ret_uuid->b)) {
		return 0;
	}
	memcpy(ret_uuid->b, p, sizeof(ret_uuid->b));
	return 1;
}

int db_col(const struct db_rows *r, const char *name)
{
	int count = sqlite3_column_count(r->stmt);
	int i;

	for (i = 0; i < count; i++) {
		if (strcmp(sqlite3_column_name(r->stmt, i), name) == 0) {
			return i;
		}
	}
	return -1;
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
