/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg.c - one connection to PostgreSQL: its URL, its session, its end.
 */
#include "api/db/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"

/* Spellings of the scheme; SQLAlchemy's are what Prefect's settings hold. */
static const char *const schemes[] = {"postgresql://", "postgres://",
				      "postgresql+asyncpg://", "postgresql+psycopg://",
				      "postgresql+psycopg2://"};

static const char *after_scheme(const char *url)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(schemes); i++) {
		if (strncmp(url, schemes[i], strlen(schemes[i])) == 0) {
			return url + strlen(schemes[i]);
		}
	}
	return NULL;
}

int pg_is_url(const char *url)
{
	return after_scheme(url) != NULL;
}

char *pg_url(const char *url)
{
	return xasprintf("%s%s", schemes[0], after_scheme(url));
}

static const char *part(const PQconninfoOption *parts, const char *keyword)
{
	for (; parts->keyword != NULL; parts++) {
		if (strcmp(parts->keyword, keyword) == 0) {
			return parts->val;
		}
	}
	return NULL;
}

char *pg_url_shown(const char *url)
{
	char *own, *shown, *msg = NULL;
	PQconninfoOption *parts;
	const char *user, *host, *port, *name;

	if (pg_lib_load(NULL) < 0) {
		return xstrdup("postgresql://?");
	}
	own = pg_url(url);
	parts = PQconninfoParse(own, &msg);
	free(own);
	if (parts == NULL) {
		PQfreemem(msg);
		return xstrdup("postgresql://?");
	}
	user = part(parts, "user");
	host = part(parts, "host");
	port = part(parts, "port");
	name = part(parts, "dbname");
	shown = xasprintf("postgresql://%s%s%s%s%s/%s", user != NULL ? user : "",
			  user != NULL ? "@" : "", host != NULL ? host : "",
			  port != NULL ? ":" : "", port != NULL ? port : "",
			  name != NULL ? name : "");
	PQconninfoFree(parts);
	return shown;
}

/* Libraries do not write to standard error. */
static void no_notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

/* PQerrorMessage() is some lines; the last one says why. */
static const char *last_line(const char *msg, int *ret_len)
{
	size_t end = strlen(msg), start;

	while (end > 0 && msg[end - 1] == '\n') {
		end--;
	}
	for (start = end; start > 0 && msg[start - 1] != '\n'; start--) {
	}
	*ret_len = (int)(end - start);
	return msg + start;
}

static int refused(struct db_conn *c, struct error *err)
{
	PGconn *conn = c->pg->conn;
	int len, denied;
	const char *why = last_line(PQerrorMessage(conn), &len);

	denied = strstr(why, "authentication failed") != NULL;
	if (PQconnectionNeedsPassword(conn)) {
		return err_set(err, ERR_DENIED,
			       "%s wants a password: write it into the URL, "
			       "PGPASSWORD or the file that PGPASSFILE names",
			       c->path);
	}
	if (denied) {
		return err_set(err, ERR_DENIED,
			       "%s: %.*s; check the user and the password", c->path,
			       len, why);
	}
	return err_set(err, ERR_UNAVAILABLE,
		       "cannot connect to %s: %.*s; check that PostgreSQL runs there",
		       c->path, len, why);
}

static int session(struct db_conn *c, struct error *err)
{
	char statement[16], lock[16], idle[16];

	(void)snprintf(statement, sizeof(statement), "%d", CONN_STATEMENT_MS);
	(void)snprintf(lock, sizeof(lock), "%d", PG_LOCK_MS);
	(void)snprintf(idle, sizeof(idle), "%d", PG_IDLE_TX_MS);
	return db_exec(c, SQL_PG_SESSION,
		       DB_ARGS(db_a_text(statement), db_a_text(lock), db_a_text(idle)),
		       3, NULL, err);
}

static void disconnect(struct pg *pg)
{
	PQfinish(pg->conn);
	pg->conn = NULL;
	pg_forget(pg);
	pg->in_tx = 0;
	pg->failed = 0;
	pg->tx_useless = 0;
	pg->lost = 0;
	pg->retry = 0;
	pg->xid[0] = '\0';
}

int pg_connect(struct db_conn *c, struct error *err)
{
	/* what stands in front of the URL are defaults that it may change */
	static const char *const keys[] = {"fallback_application_name",
					   "connect_timeout",
					   "keepalives_idle",
					   "keepalives_interval",
					   "keepalives_count",
					   "tcp_user_timeout",
					   "dbname",
					   "client_encoding",
					   NULL};
	const char *const values[] = {"wf-api", PG_CONNECT_S, "10",   "5", "3",
				      "15000",  c->pg->url,   "UTF8", NULL};
	struct pg *pg = c->pg;
	int rc;

	disconnect(pg);
	pg->conn = PQconnectdbParams(keys, values, 1);
	if (pg->conn == NULL) {
		return err_set(err, ERR_NOMEM, "connect: out of memory");
	}
	if (PQstatus(pg->conn) != CONNECTION_OK) {
		rc = refused(c, err);
		goto fail;
	}
	(void)PQsetNoticeProcessor(pg->conn, no_notice, NULL);
	if (PQserverVersion(pg->conn) < PG_VERSION_MIN) {
		rc = err_set(err, ERR_UNSUPPORTED,
			     "%s is PostgreSQL %d; wf needs version %d or newer",
			     c->path, PQserverVersion(pg->conn) / 10000,
			     PG_VERSION_MIN / 10000);
		goto fail;
	}
	if (!PQenterPipelineMode(pg->conn)) {
		rc = err_set(err, ERR_INTERNAL, "libpq: no pipeline mode");
		goto fail;
	}
	rc = session(c, err);
	if (rc < 0) {
		goto fail;
	}
	pg->is_down = 0;
	return 0;
fail:
	disconnect(pg);
	pg->is_down = 1;
	return rc;
}

int pg_open(const char *url, struct db_conn **ret_conn, struct error *err)
{
	struct db_conn *c = xcalloc(1, sizeof(*c));
	int rc;

	rc = pg_lib_load(err);
	if (rc < 0) {
		free(c);
		return rc;
	}
	c->driver = &pg_driver;
	c->dialect = DIALECT_PG;
	c->path = pg_url_shown(url);
	buf_init(&c->text);
	c->pg = xcalloc(1, sizeof(*c->pg));
	c->pg->url = pg_url(url);
	rc = pg_connect(c, err);
	if (rc < 0) {
		conn_close(c);
		return rc;
	}
	*ret_conn = c;
	return 0;
}

static void driver_close(struct db_conn *c)
{
	disconnect(c->pg);
	free(c->pg->url);
	free(c->pg);
}

static int driver_start(struct db_conn *c, const struct db_call *call,
			struct db_rows *r, struct error *err)
{
	const struct pg_call pc = {.id = call->id,
				   .text = call->text,
				   .len = call->len,
				   .args = call->args,
				   .nargs = call->nargs};

	*r = (struct db_rows){.c = c, .what = sql_stmts[call->id].name, .row = -1};
	return pg_run(c, &pc, &r->res, err);
}

static int is_ctl(enum sql_id id)
{
	switch ((int)id) {
	case SQL_TX_BEGIN_WRITE:
	case SQL_TX_BEGIN_READ:
	case SQL_TX_BEGIN_EXCLUSIVE:
	case SQL_WORK_SAVE:
	case SQL_WORK_RELEASE:
	case SQL_WORK_BACK:
	case SQL_NESTED_SAVE:
	case SQL_NESTED_RELEASE:
	case SQL_NESTED_BACK:
		return 1;
	default:
		return 0;
	}
}

/* Control statements wait for the next statement; the end of a transaction does not. */
static int control(struct db_conn *c, enum sql_id id, struct error *err)
{
	struct pg *pg = c->pg;
	int rc;

	if (id == SQL_NESTED_BACK || id == SQL_WORK_BACK || id == SQL_TX_ROLLBACK) {
		pg->failed = pg->lost;
	}
	if (id == SQL_TX_BEGIN_WRITE || id == SQL_TX_BEGIN_EXCLUSIVE) {
		pg->xid[0] = '\0';
	}
	rc = pg_ctl(c, id, err);
	if (rc == 0 && (id == SQL_TX_BEGIN_WRITE || id == SQL_TX_BEGIN_EXCLUSIVE)) {
		rc = pg_lock(c, err);
	}
	if (id == SQL_TX_BEGIN_WRITE || id == SQL_TX_BEGIN_READ ||
	    id == SQL_TX_BEGIN_EXCLUSIVE) {
		pg->in_tx = 1;
	}
	return rc;
}

static int driver_exec(struct db_conn *c, const struct db_call *call,
		       int64_t *ret_changes, struct error *err)
{
	struct db_rows r;
	int rc;

	if (is_ctl(call->id)) {
		return control(c, call->id, err);
	}
	if (call->id == SQL_TX_COMMIT || call->id == SQL_TX_ROLLBACK) {
		rc = control(c, call->id, err);
		rc = rc == 0 ? pg_sync(c, NULL, err) : rc;
		c->pg->in_tx = 0;
		c->pg->tx_useless = 0;
		return rc;
	}
	rc = driver_start(c, call, &r, err);
	if (rc == 0 && ret_changes != NULL) {
		*ret_changes = strtoll(PQcmdTuples(r.res), NULL, 10);
	}
	PQclear(r.res);
	return rc;
}

/* A script is more statements than a pipeline takes. */
static int driver_script(struct db_conn *c, const char *text, struct error *err)
{
	PGresult *res;
	int rc = pg_sync(c, NULL, err);

	if (rc < 0) {
		return rc;
	}
	if (!PQexitPipelineMode(c->pg->conn)) {
		return pg_lost(c, "script", err);
	}
	res = PQexec(c->pg->conn, text);
	if (PQresultStatus(res) != PGRES_COMMAND_OK &&
	    PQresultStatus(res) != PGRES_TUPLES_OK) {
		rc = pg_result_error(c, res, "script", err);
	}
	PQclear(res);
	(void)PQenterPipelineMode(c->pg->conn);
	return rc;
}

static int driver_in_tx(const struct db_conn *c)
{
	return c->pg->in_tx;
}

const struct db_driver pg_driver = {
    .close = driver_close,
    .exec = driver_exec,
    .start = driver_start,
    .script = driver_script,
    .in_tx = driver_in_tx,
    .group_run = pg_group_run,
    .group_read = pg_group_read,
    .next = pg_next,
    .finish = pg_finish,
    .is_null = pg_is_null,
    .integer = pg_integer,
    .real = pg_real,
    .text = pg_text,
    .len = pg_len,
    .blob = pg_blob,
    .col = pg_col,
    .explain = pg_explain,
};
