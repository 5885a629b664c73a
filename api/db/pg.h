/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg.h - a connection to PostgreSQL.  Private to api/db/.
 *
 * A connection is always in pipeline mode: what needs no answer (BEGIN, SAVEPOINT,
 *RELEASE, the write lock, the preparation of a statement) is put in front of the next
 *statement that does, and costs no round trip of its own.
 *
 *	BEGIN  lock  SAVEPOINT  Parse s7  s7 SYNC --->
 *	                                         <--- answers of all of them
 */
#ifndef API_DB_PG_H
#define API_DB_PG_H

#include "api/db/db_priv.h"
#include "api/db/pg_lib.h"
#include "base/error.h"

#define PG_VERSION_MIN   130000
#define PG_PIPE_MAX      64    /* sent and not yet answered */
#define PG_LOCK_MS       20000 /* wait for the writer of another replica */
#define PG_IDLE_TX_MS    15000 /* a transaction whose owner is stopped is ended */
#define PG_CONNECT_S     "5"   /* one attempt to connect */
#define PG_NAME_MAX      24    /* of a prepared statement */
#define PG_SQLSTATE_SIZE 6

enum pg_item_kind {
	PG_I_CTL = 1, /* no result */
	PG_I_XID,     /* the write lock: tells the transaction's id */
	PG_I_PREPARE, /* of statement ID, or of composed text SLOT */
	PG_I_CALL,    /* the statement whose result is waited for */
	PG_I_SYNC,
};

struct pg_item {
	enum pg_item_kind kind;
	enum sql_id id;
	struct pg_composed *composed;
};

/* A text of db_select() that the server keeps prepared under NAME. */
struct pg_composed {
	uint64_t hash;
	uint64_t used;
	char *text;
	size_t len;
	int prepared;
	char name[PG_NAME_MAX];
};

struct pg {
	PGconn *conn; /* NULL: not connected */
	char *url;    /* for libpq; holds the password */
	unsigned char prepared[SQL_ID_MAX];
	struct pg_composed composed[CONN_COMPOSED_MAX];
	size_t composed_count;
	uint64_t names;
	struct pg_item items[PG_PIPE_MAX];
	size_t nitems;
	int in_tx;
	int failed;     /* a statement failed: ROLLBACK (TO) has to come next */
	int tx_useless; /* what stands in front of the first savepoint failed */
	int lost;       /* the connection broke; nothing works until pg_connect() */
	int retry;      /* the server asks for the transaction to be repeated */
	int is_down;    /* the last attempt to connect failed */
	struct error why;
	char xid[32]; /* of the write transaction; "" while unknown */
};

/* What one call says; TEXT NULL: the named statement ID. */
struct pg_call {
	enum sql_id id;
	const char *text;
	size_t len;
	const struct db_arg *args;
	size_t nargs;
};

extern const struct db_driver pg_driver;

/* URL of any spelling that pg_is_url() takes. */
int pg_open(const char *url, struct db_conn **ret_conn, struct error *err);
/* Ends the present connection, if any, and makes a new one; nothing is prepared in it.
 */
int pg_connect(struct db_conn *c, struct error *err);
int pg_is_url(const char *url);
/* The URL in libpq's spelling; owned. */
char *pg_url(const char *url);
/* The same for people: without password; owned. */
char *pg_url_shown(const char *url);

/* Puts a statement without result (a control statement) into the pipeline. */
int pg_ctl(struct db_conn *c, enum sql_id id, struct error *err);
/* The same for the write lock. */
int pg_lock(struct db_conn *c, struct error *err);
/* Sends what waits and reads all answers.  RET (may be NULL) gets the PG_I_CALL's. */
int pg_sync(struct db_conn *c, PGresult **ret, struct error *err);
/* Sends what waits without reading. */
int pg_push(struct db_conn *c, struct error *err);
/* Runs one statement; *RET is freed with PQclear(). */
int pg_run(struct db_conn *c, const struct pg_call *call, PGresult **ret,
	   struct error *err);
void pg_forget(struct pg *pg);

/* The connection's or RES's error in our terms; sets lost, retry, failed.  WHAT: the
 * statement's name. */
int pg_result_error(struct db_conn *c, const PGresult *res, const char *what,
		    struct error *err);
int pg_lost(struct db_conn *c, const char *what, struct error *err);

/* A dump of the database at URL as PATH, and back, by PostgreSQL's own tools. */
int pg_dump(const char *url, const char *path, struct error *err);
int pg_restore(const char *url, const char *path, struct error *err);

/* Works. */
struct db_job;
struct db_jobs;
void pg_group_run(struct db_conn *c, struct db_jobs *jobs);
void pg_group_read(struct db_conn *c, struct db_job *job);

/* Columns (struct db_driver). */
int pg_next(struct db_rows *r, struct error *err);
void pg_finish(struct db_rows *r);
int pg_is_null(const struct db_rows *r, int col);
int64_t pg_integer(const struct db_rows *r, int col);
double pg_real(const struct db_rows *r, int col);
const char *pg_text(struct db_rows *r, int col);
size_t pg_len(const struct db_rows *r, int col);
const void *pg_blob(const struct db_rows *r, int col);
int pg_col(const struct db_rows *r, const char *name);
int pg_explain(struct db_conn *c, const char *text, explain_fn fn, void *arg,
	       struct error *err);

#endif
