/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite.c - one connection: settings, prepared statements, errors in our terms.
 *
 * Every named statement is prepared once per connection and kept; composed texts are
 * kept in a list of CONN_COMPOSED_MAX, the least recently used one goes.  A statement
 * that is still giving rows is prepared a second time for a nested use, and that copy
 * is not kept.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "api/db/db_priv.h"
#include "api/db/wal_vfs.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"

#define SYNC_FULL    2
#define PROGRESS_OPS 20000 /* virtual machine steps between looks at the clock */

static const enum sql_id common_setup[] = {SQL_SET_FOREIGN_KEYS, SQL_SET_NO_MMAP,
					   SQL_SET_TEMP_MEMORY, SQL_SET_ANALYSIS_LIMIT};
static const enum sql_id writer_setup[] = {SQL_SET_WAL, SQL_SET_SYNC,
					   SQL_SET_CHECKPOINT, SQL_SET_WAL_LIMIT,
					   SQL_SET_CACHE_WRITER};
static const enum sql_id reader_setup[] = {SQL_SET_CACHE_READER, SQL_SET_QUERY_ONLY};

static int on_progress(void *arg)
{
	const struct db_conn *c = arg;

	return c->deadline_ms != 0 && clock_mono_ms() > c->deadline_ms;
}

/*
 * SQLite does not say which foreign key was violated.  The table is the word behind
 * INSERT INTO, UPDATE or DELETE FROM of the statement's text; name its foreign keys.
 */
static void describe_foreign_key(struct db_conn *c, const char *text, struct buf *out)
{
	static const char *const verbs[] = {"INTO ", "UPDATE ", "DELETE FROM "};
	struct db_rows r = {0};
	struct db_arg arg;
	const char *table = NULL;
	size_t i;

	for (i = 0; text != NULL && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		table = strstr(text, verbs[i]);
		if (table != NULL) {
			table += strlen(verbs[i]);
			break;
		}
	}
	if (table == NULL) {
		return;
	}
	arg = db_a_textn(table, strcspn(table, " (\n"));
	buf_addf(out, " of table %.*s", (int)arg.len, table);
	if (rows_prepare(c, SQL_FOREIGN_KEYS_OF, &r, NULL) < 0) {
		return;
	}
	if (rows_bind(&r, 1, &arg, 1, 1, NULL) == 0) {
		for (i = 0; sqlite3_step(r.stmt) == SQLITE_ROW; i++) {
			buf_addf(out, "%s%s -> %s", i == 0 ? " (one of " : ", ",
				 (const char *)sqlite3_column_text(r.stmt, 0),
				 (const char *)sqlite3_column_text(r.stmt, 1));
		}
		buf_adds(out, i == 0 ? " (referenced by another table)" : ")");
	}
	rows_finish(&r);
}

static int constraint_error(struct db_conn *c, int extended, const char *what,
			    const char *text, struct error *err)
{
	char msg[256];
	struct buf detail;
	int rc;

	(void)snprintf(msg, sizeof(msg), "%s", sqlite3_errmsg(c->sq));
	if (extended == SQLITE_CONSTRAINT_DATATYPE) {
		return err_set(err, ERR_INTERNAL, "%s: %s", what, msg);
	}
	buf_init(&detail);
	if (extended == SQLITE_CONSTRAINT_FOREIGNKEY) {
		describe_foreign_key(c, text, &detail);
	}
	rc = err_set(err, ERR_CONFLICT, "%s: %s%s", what, msg, detail.data);
	buf_release(&detail);
	return rc;
}

static int text_error(struct db_conn *c, int rc, const char *what, const char *text,
		      struct error *err)
{
	int extended = sqlite3_extended_errcode(c->sq);
	const char *msg = sqlite3_errmsg(c->sq);

	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
		return constraint_error(c, extended, what, text, err);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(
		    err, ERR_BUSY,
		    "%s: the database %s is locked by another process for more than "
		    "%d ms; try again",
		    what, c->path, CONN_BUSY_MS);
	case SQLITE_FULL:
		return err_set(
		    err, ERR_IO,
		    "%s: no space left for the database %s; free space in its file "
		    "system",
		    what, c->path);
	case SQLITE_IOERR:
		return err_set(err, ERR_IO,
			       "%s: cannot read or write the database %s: %s", what,
			       c->path, strerror(sqlite3_system_errno(c->sq)));
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(
		    err, ERR_IO,
		    "%s: the database %s is damaged (%s); stop the server, move the "
		    "file "
		    "away and put the latest backup in its place, or save what can be "
		    "read with: sqlite3 FILE .recover",
		    what, c->path, msg);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return err_set(err, ERR_IO,
			       "%s: cannot write the database %s (%s); check that the "
			       "folder exists "
			       "and belongs to the user of the server",
			       what, c->path, msg);
	case SQLITE_INTERRUPT:
		return err_set(err, ERR_TIMEOUT,
			       "%s: not finished after %d s; narrow the filter or ask "
			       "for fewer rows",
			       what, CONN_STATEMENT_MS / 1000);
	case SQLITE_TOOBIG:
		return err_set(err, ERR_TOO_LARGE, "%s: value too large", what);
	case SQLITE_NOMEM:
		return err_set(err, ERR_NOMEM, "%s: out of memory", what);
	default:
		return err_set(err, ERR_INTERNAL, "%s: %s", what, msg);
	}
}

int conn_error(struct db_conn *c, int rc, const char *what, struct error *err)
{
	return text_error(c, rc, what, NULL, err);
}

int conn_ctl(struct db_conn *c, enum sql_id id, struct error *err)
{
	return db_exec(c, id, NULL, 0, NULL, err);
}

static int setup(struct db_conn *c, const enum sql_id *ids, size_t count,
		 struct error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++) {
		rc = conn_ctl(c, ids[i], err);
	}
	return rc;
}

void conn_setup_library(void)
{
	/* Counting the memory takes a lock for each malloc and free, of all threads. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	wal_vfs_register();
}

/* What wal_vfs.c depends on. */
static int check_sync(struct db_conn *c, struct error *err)
{
	int64_t level = 0;
	int rc = db_one_int(c, SQL_SYNC_LEVEL, NULL, 0, &level, err);

	if (rc >= 0 && level < SYNC_FULL) {
		rc = err_set(err, ERR_INTERNAL,
			     "%s: SQLite does not take synchronous=FULL", c->path);
	}
	return rc < 0 ? rc : 0;
}

int conn_open(const char *path, int is_reader, struct db_conn **ret_conn,
	      struct error *err)
{
	struct db_conn *c = xcalloc(1, sizeof(*c));
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc;

	c->path = xstrdup(path);
	c->is_reader = is_reader;
	buf_init(&c->text);
	if (!is_reader) {
		flags |= SQLITE_OPEN_CREATE;
	}
	rc = sqlite3_open_v2(path, &c->sq, flags, is_reader ? NULL : WAL_VFS_NAME);
	if (rc != SQLITE_OK) {
		rc = c->sq == NULL
			 ? err_set(err, ERR_NOMEM, "open %s: out of memory", path)
			 : conn_error(c, rc, "open", err);
		goto out;
	}
	(void)sqlite3_busy_timeout(c->sq, CONN_BUSY_MS);
	sqlite3_progress_handler(c->sq, PROGRESS_OPS, on_progress, c);
	rc =
	    setup(c, common_setup, sizeof(common_setup) / sizeof(common_setup[0]), err);
	if (rc == 0 && is_reader) {
		rc = setup(c, reader_setup,
			   sizeof(reader_setup) / sizeof(reader_setup[0]), err);
	} else if (rc == 0) {
		rc = setup(c, writer_setup,
			   sizeof(writer_setup) / sizeof(writer_setup[0]), err);
	}
	if (rc == 0 && !is_reader) {
		rc = check_sync(c, err);
	}
out:
	if (rc < 0) {
		conn_close(c);
		return rc;
	}
	*ret_conn = c;
	return 0;
}

void conn_close(struct db_conn *c)
{
	size_t i;

	if (c == NULL) {
		return;
	}
	for (i = 0; i < SQL_ID_MAX; i++) {
		(void)sqlite3_finalize(c->stmts[i]);
	}
	for (i = 0; i < c->composed_count; i++) {
		(void)sqlite3_finalize(c->composed[i].stmt);
		free(c->composed[i].text);
	}
	(void)sqlite3_close(c->sq);
	buf_release(&c->text);
	free(c->path);
	free(c);
}

int conn_script(struct db_conn *c, const char *text, struct error *err)
{
	int rc = sqlite3_exec(c->sq, text, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : conn_error(c, rc, "script", err);
}

int conn_in_tx(const struct db_conn *c)
{
	return !sqlite3_get_autocommit(c->sq);
}

static int prepare(struct db_conn *c, const char *what, const char *text, size_t len,
		   sqlite3_stmt **ret_stmt, struct error *err)
{
	int rc = sqlite3_prepare_v3(c->sq, text, (int)len + 1,
				    SQLITE_PREPARE_PERSISTENT, ret_stmt, NULL);

	if (rc != SQLITE_OK) {
		(void)text_error(c, rc, what, NULL, err);
		return err_wrap(err, "prepare");
	}
	return 0;
}

int rows_prepare(struct db_conn *c, enum sql_id id, struct db_rows *r,
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

int rows_prepare_text(struct db_conn *c, enum sql_id id, const char *text, size_t len,
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

int rows_bind(struct db_rows *r, int first, const struct db_arg *args, size_t nargs,
	      int copy, struct error *err)
{
	size_t i;

	for (i = 0; i < nargs; i++) {
		int rc = bind_one(r->stmt, first + (int)i, &args[i],
				  copy ? SQLITE_TRANSIENT : SQLITE_STATIC);

		if (rc != SQLITE_OK) {
			return conn_error(r->c, rc, r->what, err);
		}
	}
	return 0;
}

void rows_finish(struct db_rows *r)
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

int db_exec(struct db_conn *c, enum sql_id id, const struct db_arg *args, size_t nargs,
	    int64_t *ret_changes, struct error *err)
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
	rc = rows_bind(&r, 1, args, nargs, 0, err);
	if (rc == 0) {
		int step;

		do {
			step = sqlite3_step(r.stmt);
		} while (step == SQLITE_ROW);
		if (step != SQLITE_DONE) {
			rc = text_error(c, step, r.what, sql_stmts[id].text, err);
		}
	}
	if (rc == 0 && ret_changes != NULL) {
		*ret_changes = sqlite3_changes64(c->sq);
	}
	rows_finish(&r);
	return rc;
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

int conn_explain(struct db_conn *c, const char *text, explain_fn fn, void *arg,
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
