/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_error.c - what SQLite says, in our terms.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/db/sqlite.h"
#include "base/error.h"

/*
 * SQLite does not say which foreign key was violated.  The table is the word behind
 * INSERT INTO, UPDATE or DELETE FROM of the statement's text; name its foreign keys.
 */
static void describe_foreign_key(struct db_conn *c, const char *text, struct buf *out)
{
	static const char *const verbs[] = {"INTO ", "UPDATE ", "DELETE FROM "};
	struct db_rows r = {0};
	struct db_arg arg;
	struct db_call call = {.id = SQL_FOREIGN_KEYS_OF, .nargs = 1};
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
	call.args = &arg;
	if (sqlite_start(c, &call, &r, NULL) == 0) {
		for (i = 0; sqlite3_step(r.stmt) == SQLITE_ROW; i++) {
			buf_addf(out, "%s%s -> %s", i == 0 ? " (one of " : ", ",
				 (const char *)sqlite3_column_text(r.stmt, 0),
				 (const char *)sqlite3_column_text(r.stmt, 1));
		}
		buf_adds(out, i == 0 ? " (referenced by another table)" : ")");
		sqlite_finish(&r);
	}
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

int sqlite_error(struct db_conn *c, int rc, const char *what, const char *text,
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
	return sqlite_error(c, rc, what, NULL, err);
}
