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

enum sql_dialect { DIALECT_SQLITE, DIALECT_PG, DIALECTS };

/* One statement to run: a named one, or the TEXT that db_select() made of ID. */
struct db_call {
	enum sql_id id;
	const char *text; /* NULL: the named one */
	size_t len;
	const struct db_arg *args;
	size_t nargs;
};

/* Calls FN for each line of the query plan of a statement. */
typedef void (*explain_fn)(const char *detail, void *arg);
int conn_explain(struct db_conn *c, const char *text, explain_fn fn, void *arg,
		 struct error *err);

/* What a database does in its own way. */
struct db_job;
struct db_jobs;
struct db_driver {
	void (*close)(struct db_conn *c);
	int (*exec)(struct db_conn *c, const struct db_call *call, int64_t *ret_changes,
		    struct error *err);
	int (*start)(struct db_conn *c, const struct db_call *call, struct db_rows *r,
		     struct error *err);
	int (*script)(struct db_conn *c, const char *text, struct error *err);
	int (*in_tx)(const struct db_conn *c);
	/* see group.h */
	void (*group_run)(struct db_conn *c, struct db_jobs *jobs);
	void (*group_read)(struct db_conn *c, struct db_job *job);
	/* rows */
	int (*next)(struct db_rows *r, struct error *err);
	void (*finish)(struct db_rows *r);
	int (*is_null)(const struct db_rows *r, int col);
	int64_t (*integer)(const struct db_rows *r, int col);
	double (*real)(const struct db_rows *r, int col);
	const char *(*text)(struct db_rows *r, int col);
	size_t (*len)(const struct db_rows *r, int col);
	const void *(*blob)(const struct db_rows *r, int col);
	int (*col)(const struct db_rows *r, const char *name);
	int (*explain)(struct db_conn *c, const char *text, explain_fn fn, void *arg,
		       struct error *err);
};

struct pg;
struct db_conn {
	const struct db_driver *driver;
	enum sql_dialect dialect;
	char *path;     /* what messages name: the file, or the URL without password */
	int savepoints; /* nested ones that are open */
	int open_rows;  /* results that are not freed yet */
	int64_t deadline_ms; /* of the present work; 0: none */
	struct buf text;     /* scratch of db_select() */
	uint64_t tick;
	struct pg *pg; /* PostgreSQL: see pg.h */
	/* SQLite */
	sqlite3 *sq;
	int is_reader;
	sqlite3_stmt *stmts[SQL_ID_MAX];
	unsigned char busy[SQL_ID_MAX];
	struct composed composed[CONN_COMPOSED_MAX];
	size_t composed_count;
};

/* The path in a URL of SQLite; borrowed. */
int db_path_of_url(const char *url, const char **ret_path, struct error *err);
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

struct pg_result;
struct db_rows {
	struct db_conn *c;
	const char *what; /* name of the statement */
	int done;
	/* SQLite */
	sqlite3_stmt *stmt;
	unsigned char *busy;       /* flag of the cached statement, or NULL */
	struct composed *composed; /* or NULL */
	/* PostgreSQL */
	struct pg_result *res; /* libpq's PGresult: the whole answer */
	int row;
	char scratch[32]; /* of db_text() for a number */
};

/* Runs CALL and gives its rows; freed with db_rows_free(). */
int rows_start(struct db_conn *c, const struct db_call *call, struct db_rows **ret_rows,
	       struct error *err);

/* The predicate as text, with PRED_MARK where a placeholder goes. */
#define PRED_MARK '\1'
const char *pred_text(const struct db_pred *p, enum sql_dialect dialect);
const struct db_arg *pred_args(const struct db_pred *p, size_t *ret_count);
int pred_is_poisoned(const struct db_pred *p);

/* The text db_select() would run, into OUT; LIMITED adds LIMIT and OFFSET. */
struct select {
	enum sql_id id;
	size_t nargs;
	const struct db_pred *pred;
	enum sql_frag order;
	int limited;
};
void select_text(const struct select *s, enum sql_dialect dialect, struct buf *out);

/* Brings the schema up to date, in one transaction per migration, under the write lock.
 */
int migrate(struct db_conn *c, struct error *err);

#endif
