/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db.h - the database behind wf-api: work runs in pool threads, completions on the
 * loop.
 *
 * One interface for SQLite and PostgreSQL.  SQLite: one writer thread with group commit
 * (drain the queue, BEGIN IMMEDIATE, each work in a savepoint, one COMMIT at
 * synchronous=FULL, then answer all) and N readers with query_only.  PostgreSQL: the
 * same with N + 1 connections; one writer of all servers is at work at a time, and a
 * work that the database did not commit runs again.  A work function
 * touches nothing but its own argument and its connection.  Statements are named
 * (sql_gen.h, made from api/db/sql/); no SQL text outside of api/db/.
 *
 * Values: uuid = 16 bytes, instants = int64 Unix microseconds (null = TIME_NONE),
 * booleans = 0/1, JSON = text, state types = enum StateType of proto/control.proto.
 */
#ifndef API_DB_DB_H
#define API_DB_DB_H

#include <stddef.h>
#include <stdint.h>

#include "api/db/sql_gen.h" /* enum sql_id, enum sql_frag */

struct buf;
struct db;
struct db_conn;
struct db_pred;
struct db_rows;
struct error;
struct loop;
struct uuid;

struct db_conf {
	const char *url;   /* "sqlite:///abs/path.db" or "postgresql://..." */
	int readers;       /* 0: 2, or 4 for PostgreSQL */
	int queue_max;     /* works waiting; 0: 20000; -ERR_BUSY above */
	int64_t group_max; /* works per commit; 0: 500, or 64 for PostgreSQL */
};

/* Opens, migrates under a lock (blocking; start-up only). */
int db_open(struct loop *loop, const struct db_conf *conf, struct db **ret_db,
	    struct error *err);
/* Finishes what is queued, joins the threads. */
void db_close(struct db *db);

/* May other servers use the same database?  (PostgreSQL) */
int db_is_shared(const struct db *db);
/* URL without its password, for messages; owned. */
char *db_url_shown(const char *url);

enum db_kind { DB_READ = 1, DB_WRITE };
/* In a pool thread.  A negative return rolls this work back (its savepoint alone). */
typedef int (*db_work_fn)(struct db_conn *c, void *arg, struct error *err);
/* On the loop, after COMMIT.  RC is the work's, or the commit's failure. */
typedef void (*db_after_fn)(int rc, const struct error *err, void *arg);

int db_submit(struct db *db, enum db_kind kind, db_work_fn work, db_after_fn after,
	      void *arg, struct error *err);
/* Blocking, from the loop thread at start-up, and in tests. */
int db_run(struct db *db, enum db_kind kind, db_work_fn work, void *arg,
	   struct error *err);
int64_t db_pending(const struct db *db);
int db_backup(struct db *db, const char *path,
	      struct error *err); /* online, blocking */
/* The same for the database of another process; blocking. */
int db_backup_url(const char *url, const char *path, struct error *err);

struct db_arg {
	enum { DB_T_NULL, DB_T_INT, DB_T_REAL, DB_T_TEXT, DB_T_BLOB } type;
	int64_t i;
	double d;
	const void *p; /* borrowed until the call returns */
	size_t len;
};
/* Constructors; text and uuid NULL and TIME_NONE become SQL NULL. */
struct db_arg db_a_null(void);
struct db_arg db_a_int(int64_t v);
struct db_arg db_a_real(double v);
struct db_arg db_a_text(const char *s);
struct db_arg db_a_textn(const char *s, size_t len);
struct db_arg db_a_uuid(const struct uuid *u);
struct db_arg db_a_time(int64_t at_us);
struct db_arg db_a_blob(const void *p, size_t len);
#define DB_ARGS(...)        \
	(struct db_arg[])   \
	{                   \
		__VA_ARGS__ \
	}

/* One statement without result.  *ret_changes may be NULL.  Constraint: -ERR_CONFLICT.
 */
int db_exec(struct db_conn *c, enum sql_id id, const struct db_arg *args, size_t nargs,
	    int64_t *ret_changes, struct error *err);
/* Rows; freed with db_rows_free() (accepts NULL), also after an error of db_next(). */
int db_query(struct db_conn *c, enum sql_id id, const struct db_arg *args, size_t nargs,
	     struct db_rows **ret_rows, struct error *err);
/* 1: a row, 0: end, negative: error. */
int db_next(struct db_rows *r, struct error *err);
void db_rows_free(struct db_rows *r);

/* Columns of the present row; text is borrowed until db_next().  */
int db_is_null(const struct db_rows *r, int col);
int64_t db_int(const struct db_rows *r, int col);  /* null: 0 */
int64_t db_time(const struct db_rows *r, int col); /* null: TIME_NONE */
double db_real(const struct db_rows *r, int col);
const char *db_text(const struct db_rows *r, int col); /* null: NULL */
size_t db_len(const struct db_rows *r, int col);
const void *db_blob(const struct db_rows *r, int col);
int db_uuid(const struct db_rows *r, int col,
	    struct uuid *ret_uuid); /* 1, or 0 = null */
/* Position of a column by its name in the statement (for wide rows; cache it), -1 if
 * none. */
int db_col(const struct db_rows *r, const char *name);

/*
 * One row or none: FN(rows) is called once for the first row.  Returns 1, 0 (no row) or
 * a negative code.  For the many "read one thing" places.
 */
int db_one(struct db_conn *c, enum sql_id id, const struct db_arg *args, size_t nargs,
	   void (*fn)(const struct db_rows *r, void *arg), void *arg,
	   struct error *err);
/* First column of the first row as integer; *ret_int untouched when there is no row. */
int db_one_int(struct db_conn *c, enum sql_id id, const struct db_arg *args,
	       size_t nargs, int64_t *ret_int, struct error *err);

/*
 * A statement whose text holds {where} (and {order}): PRED fills it (NULL: true), ORDER
 * is a fragment that is a whole ORDER BY list (SQL_FRAG_NONE: none).  LIMIT/OFFSET -1:
 * none. ARGS are bound first, in the order of their ?N, then the predicate's.
 */
int db_select(struct db_conn *c, enum sql_id id, const struct db_arg *args,
	      size_t nargs, const struct db_pred *pred, enum sql_frag order,
	      int64_t limit, int64_t offset, struct db_rows **ret_rows,
	      struct error *err);

/* Nested savepoint inside a work: all or nothing. */
int db_savepoint(struct db_conn *c, struct error *err);
int db_release(struct db_conn *c, struct error *err);
int db_rollback_to(struct db_conn *c, struct error *err);

#endif
