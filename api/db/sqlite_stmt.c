/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_stmt.c - prepared statements of a connection to SQLite, their values and rows.
 *
 * Every named statement is prepared once per connection and kept; composed texts are
 * kept in a list of CONN_COMPOSED_MAX, the least recently used one goes.  A statement
 * that is still giving rows is prepared a second time for a nested use, and that copy
 * is not kept.
 */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "api/db/sqlite.h"
#include "base/error.h"
#include "base/mem.h"

static int prepare(struct db_conn *c, const char *what, const char *text, size_t len,
		   sqlite3_stmt **ret_stmt, struct error *err)
{
	int rc = sqlite3_prepare_v3(c->sq, text, (int)len + 1,
				    SQLITE_PREPARE_PERSISTENT, ret_stmt, NULL);

	if (rc != SQLITE_OK) {
		(void)sqlite_error(c, rc, what, NULL, err);
		return err_wrap(err, "prepare");
	}
	return 0;
}

static int prepare_named(struct db_conn *c, enum sql_id id, struct db_rows *r,
			 struct error *err)
{
	const struct sql_stmt *s = &sql_stmts[id];
	sqlite3_stmt *extra = NULL;
	int rc;

	*r = (struct db_rows){.c = c, .what = s->name};
	if ((s->flags & (SQL_F_WHERE | SQL_F_ORDER)) != 0) {
		BUG("statement %s has a predicate: use db_select()", s->name);
	}
	if (c->busy[id]) {
		rc = prepare(c, s->name, s->text, strlen(s->text), &extra, err);
		r->stmt = extra;
		return rc;
	}
	if (c->stmts[id] == NULL) {
		rc = prepare(c, s->name, s->text, strlen(s->text), &c->stmts[id], err);
		if (rc < 0) {
			return rc;
		}
	}
	c->busy[id] = 1;
	r->busy = &c->busy[id];
	r->stmt = c->stmts[id];
	return 0;
}

/* A place for a new composed statement: a free one, else the least recently used idle
 * one. */
static struct composed *composed_place(struct db_conn *c)
{
	struct composed *best = NULL;
	size_t i;

	if (c->composed_count < CONN_COMPOSED_MAX) {
		return &c->composed[c->composed_count++];
	}
	for (i = 0; i < c->composed_count; i++) {
		struct composed *e = &c->composed[i];

		if (!e->busy && (best == NULL || e->used < best->used)) {
			best = e;
		}
	}
	if (best != NULL) {
		(void)sqlite3_finalize(best->stmt);
		free(best->text);
		*best = (struct composed){0};
	}
	return best;
}

static struct composed *composed_find(struct db_conn *c, uint64_t hash,
				      const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < c->composed_count; i++) {
		struct composed *e = &c->composed[i];

		if (e->hash == hash && e->len == len && !e->busy && e->stmt != NULL &&
		    memcmp(e->text, text, len) == 0) {
			return e;
		}
	}
	return NULL;
}

static int prepare_text(struct db_conn *c, enum sql_id id, const char *text, size_t len,
			struct db_rows *r, struct error *err)
{
	const char *what = sql_stmts[id].name;
	uint64_t hash = XXH3_64bits(text, len);
	struct composed *e = composed_find(c, hash, text, len);
	sqlite3_stmt *stmt = NULL;
	int rc;

	*r = (struct db_rows){.c = c, .what = what};
	if (e == NULL) {
		rc = prepare(c, what, text, len, &stmt, err);
		if (rc < 0) {
			return rc;
		}
		e = composed_place(c);
		if (e == NULL) { /* all are giving rows: this one is not kept */
			r->stmt = stmt;
			return 0;
		}
		*e = (struct composed){.hash = hash,
				       .len = len,
				       .stmt = stmt,
				       .text = xmemdup(text, len + 1)};
	}
	e->busy = 1;
	e->used = ++c->tick;
	r->composed = e;
	r->stmt = e->stmt;
	return 0;
}

static int bind_one(sqlite3_stmt *stmt, int at, const struct db_arg *a,
		    sqlite3_destructor_type life)
{
	switch (a->type) {
	case DB_T_NULL:
		return sqlite3_bind_null(stmt, at);
	case DB_T_INT:
		return sqlite3_bind_int64(stmt, at, a->i);
	case DB_T_REAL:
		return sqlite3_bind_double(stmt, at, a->d);
	case DB_T_TEXT:
		return sqlite3_bind_text64(stmt, at, a->p, a->len, life, SQLITE_UTF8);
	case DB_T_BLOB:
		return sqlite3_bind_blob64(stmt, at, a->p, a->len, life);
	default:
		BUG("bad type %d of argument %d", (int)a->type, at);
	}
}

static int bind_all(struct db_rows *r, const struct db_arg *args, size_t nargs,
		    int copy, struct error *err)
{
	size_t i;

	for (i = 0; i < nargs; i++) {
		int rc = bind_one(r->stmt, 1 + (int)i, &args[i],
				  copy ? SQLITE_TRANSIENT : SQLITE_STATIC);

		if (rc != SQLITE_OK) {
			return conn_error(r->c, rc, r->what, err);
		}
	}
	return 0;
}

void sqlite_finish(struct db_rows *r)
{
	if (r->stmt == NULL) {
		return;
	}
	(void)sqlite3_reset(r->stmt);
	(void)sqlite3_clear_bindings(r->stmt);
	if (r->busy != NULL) {
		*r->busy = 0;
	} else if (r->composed != NULL) {
		r->composed->busy = 0;
	} else {
		(void)sqlite3_finalize(r->stmt);
	}
	r->stmt = NULL;
}

static int prepare_call(struct db_conn *c, const struct db_call *call,
			struct db_rows *r, struct error *err)
{
	return call->text == NULL
		   ? prepare_named(c, call->id, r, err)
		   : prepare_text(c, call->id, call->text, call->len, r, err);
}

int sqlite_start(struct db_conn *c, const struct db_call *call, struct db_rows *r,
		 struct error *err)
{
	int rc = prepare_call(c, call, r, err);

	if (rc < 0) {
		return rc;
	}
	rc = bind_all(r, call->args, call->nargs, 1, err);
	if (rc < 0) {
		sqlite_finish(r);
	}
	return rc;
}

int sqlite_exec(struct db_conn *c, const struct db_call *call, int64_t *ret_changes,
		struct error *err)
{
	struct db_rows r;
	int rc = prepare_call(c, call, &r, err);

	if (rc < 0) {
		return rc;
	}
	rc = bind_all(&r, call->args, call->nargs, 0, err);
	if (rc == 0) {
		int step;

		do {
			step = sqlite3_step(r.stmt);
		} while (step == SQLITE_ROW);
		if (step != SQLITE_DONE) {
			rc = sqlite_error(c, step, r.what, sql_stmts[call->id].text,
					  err);
		}
	}
	if (rc == 0 && ret_changes != NULL) {
		*ret_changes = sqlite3_changes64(c->sq);
	}
	sqlite_finish(&r);
	return rc;
}

int sqlite_next(struct db_rows *r, struct error *err)
{
	int rc = sqlite3_step(r->stmt);

	if (rc == SQLITE_ROW) {
		return 1;
	}
	return rc == SQLITE_DONE ? 0 : conn_error(r->c, rc, r->what, err);
}

int sqlite_is_null(const struct db_rows *r, int col)
{
	return sqlite3_column_type(r->stmt, col) == SQLITE_NULL;
}

int64_t sqlite_integer(const struct db_rows *r, int col)
{
	return sqlite3_column_int64(r->stmt, col);
}

double sqlite_real(const struct db_rows *r, int col)
{
	return sqlite3_column_double(r->stmt, col);
}

const char *sqlite_text(struct db_rows *r, int col)
{
	return (const char *)sqlite3_column_text(r->stmt, col);
}

size_t sqlite_len(const struct db_rows *r, int col)
{
	return (size_t)sqlite3_column_bytes(r->stmt, col);
}

const void *sqlite_blob(const struct db_rows *r, int col)
{
	return sqlite3_column_blob(r->stmt, col);
}

int sqlite_col(const struct db_rows *r, const char *name)
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

int sqlite_explain(struct db_conn *c, const char *text, explain_fn fn, void *arg,
		   struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	buf_reset(&c->text);
	buf_addf(&c->text, "EXPLAIN QUERY PLAN %s", text);
	rc = prepare(c, "explain", c->text.data, c->text.len, &stmt, err);
	if (rc < 0) {
		return rc;
	}
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		fn((const char *)sqlite3_column_text(stmt, 3), arg);
	}
	(void)sqlite3_finalize(stmt);
	return 0;
}
