/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db_priv.h - what the files of api/db/ share: connections, predicates, migrations.
 *
 * A connection belongs to one thread at a time.  Tests of this folder may include this
 * file.
 */
#ifndef API_DB_DB_PRIV_H
#define API_DB_DB_PRIV_H

#include <stdint.h>

#include <sqlite3.h>

#include "api/db/db.h"
#include "api/db/pred.h"
#include "api/db/sql.h"
#include "base/buf.h"

#define CONN_COMPOSED_MAX   128   /* composed texts kept prepared per connection */
#define CONN_BUSY_MS        5000  /* wait for another process's lock */
#define CONN_STATEMENT_MS   30000 /* a work that runs longer is interrupted */
#define CONN_SAVEPOINTS_MAX 16

/* A statement whose text was put together by db_select(). */
struct composed {
	uint64_t hash;
	uint64_t used; /* tick of the last use */
	char *text;
	size_t len;
	sqlite3_stmt *stmt;
	int busy;
};

struct db_conn {
	sqlite3 *sq;
	char *path;
	int is_reader;
	sqlite3_stmt *stmts[SQL_ID_MAX];
	unsigned char busy[SQL_ID_MAX];
	struct composed composed[CONN_COMPOSED_MAX];
	size_t composed_count;
	uint64_t tick;
	int savepoints;      /* nested ones that are open */
	int open_rows;       /* results that are not freed yet */
	int64_t deadline_ms; /* of the present work; 0: none */
	struct buf text;     /* scratch of db_select() */
};

/* Before the first connection of the process; later calls change nothing. */
void conn_setup_library(void);
/* PATH is copied.  Sets the pragmas of a writer or reader. */
int conn_open(const char *path, int is_reader, struct db_conn **ret_conn,
	      struct error *err);
void conn_close(struct db_conn *c);
/* Statement without arguments and result. */
int conn_ctl(struct db_conn *c, enum sql_id id, struct error *err);
/* A whole script (a migration). */
int conn_script(struct db_conn *c, const char *text, struct error *err);
/* True while a transaction is open; SQLite itself ends one after some errors. */
int conn_in_tx(const struct db_conn *c);
/* Maps the connection's last error; RC is SQLite's. */
int conn_error(struct db_conn *c, int rc, const char *what, struct error *err);

struct db_rows {
	struct db_conn *c;
	sqlite3_stmt *stmt;
	const char *what;          /* name of the statement */
	unsigned char *busy;       /* flag of the cached statement, or NULL */
	struct composed *composed; /* or NULL */
	int done;
};

/* A statement ready to be bound; db_rows_free() gives it back. */
int rows_prepare(struct db_conn *c, enum sql_id id, struct db_rows *r,
		 struct error *err);
int rows_prepare_text(struct db_conn *c, enum sql_id id, const char *text, size_t len,
		      struct db_rows *r, struct error *err);
int rows_bind(struct db_rows *r, int first, const struct db_arg *args, size_t nargs,
	      int copy, struct error *err);
void rows_finish(struct db_rows *r);

/* The predicate as text, with PRED_MARK where a placeholder goes. */
#define PRED_MARK '\1'
const char *pred_text(const struct db_pred *p);
const struct db_arg *pred_args(const struct db_pred *p, size_t *ret_count);
int pred_is_poisoned(const struct db_pred *p);

/* The text db_select() would run, into OUT; LIMITED adds LIMIT and OFFSET. */
void select_text(enum sql_id id, size_t nargs, const struct db_pred *pred,
		 enum sql_frag order, int limited, struct buf *out);

/* Brings the schema up to date, in one transaction per migration, under the write lock.
 */
int migrate(struct db_conn *c, struct error *err);

/* Calls FN for each line of the query plan of a statement. */
typedef void (*explain_fn)(const char *detail, void *arg);
int conn_explain(struct db_conn *c, const char *text, explain_fn fn, void *arg,
		 struct error *err);

#endif
