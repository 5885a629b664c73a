/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db_fixture.c - a fresh database with its loop, for the tests of api/: a SQLite file,
 * or a schema of its own in the PostgreSQL that WF_TEST_PG_URL names.
 */
#include <criterion/criterion.h>

#include <libpq-fe.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/db/db_priv.h"
#include "base/uuid.h"
#include "tests/unit/api/db_fixture.h"

static const char *const suffixes[] = {
    "", "-wal", "-shm", ".backup", ".backup-wal", ".backup-shm", ".acks"};

/* One statement outside of the database under test. */
static void pg_say(const char *url, const char *text)
{
	PGconn *conn = PQconnectdb(url);
	PGresult *res = PQexec(conn, text);

	cr_assert_eq(PQresultStatus(res), PGRES_COMMAND_OK, "%s: %s", text,
		     PQerrorMessage(conn));
	PQclear(res);
	PQfinish(conn);
}

static void pg_schema(const struct db_fixture *f, const char *verb, const char *tail)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "SET client_min_messages = warning; %s %s%s",
		       verb, f->schema, tail);
	pg_say(f->pg_url, text);
}

void db_fixture_needs_file(const struct db_fixture *f)
{
	if (f->pg_url != NULL) {
		cr_skip("of SQLite only");
	}
}

static char *in_pg_spelling(const char *text)
{
	char *out = malloc(2 * strlen(text) + 1), *to = out;

	for (; *text != '\0'; text++) {
		if ((text[0] == 'x' || text[0] == 'X') && text[1] == '\'') {
			(void)memcpy(to, "'\\x", 3);
			to += 3;
			text++;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
	return out;
}

int db_fixture_script(struct db_conn *c, const char *text, struct error *err)
{
	char *pg = c->dialect == DIALECT_PG ? in_pg_spelling(text) : NULL;
	int rc = conn_script(c, pg != NULL ? pg : text, err);

	free(pg);
	return rc;
}

static void open_db(struct db_fixture *f, int queue_max)
{
	struct db_conf conf = {.url = f->url, .queue_max = queue_max};

	cr_assert_eq(db_open(f->loop, &conf, &f->db, &f->err), 0, "%s", f->err.msg);
}

void db_fixture_start(struct db_fixture *f, int queue_max)
{
	static int count;

	memset(f, 0, sizeof(*f));
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/wf-db-XXXXXX");
	cr_assert_not_null(mkdtemp(f->folder));
	(void)snprintf(f->path, sizeof(f->path), "%s/wf.db", f->folder);
	(void)snprintf(f->url, sizeof(f->url), "sqlite://%s", f->path);
	f->pg_url = getenv("WF_TEST_PG_URL");
	if (f->pg_url != NULL) {
		(void)snprintf(f->schema, sizeof(f->schema), "unit_%d_%d",
			       (int)getpid(), ++count);
		(void)snprintf(f->url, sizeof(f->url), "%s&options=-csearch_path%%3D%s",
			       f->pg_url, f->schema);
		pg_schema(f, "CREATE SCHEMA", "");
	}
	f->loop = loop_new(&f->err);
	cr_assert_not_null(f->loop);
	open_db(f, queue_max);
}

void db_fixture_stop(struct db_fixture *f)
{
	char path[160];
	size_t i;

	db_close(f->db);
	if (f->pg_url != NULL) {
		pg_schema(f, "DROP SCHEMA", " CASCADE");
	}
	loop_free(f->loop);
	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
		(void)unlink(path);
	}
	(void)rmdir(f->folder);
}

void db_fixture_reopen(struct db_fixture *f)
{
	db_close(f->db);
	f->db = NULL;
	open_db(f, 0);
}

void db_fixture_wait(struct db_fixture *f, const int *count, int n)
{
	int turns = 0;

	while (*count < n && turns++ < 10000) {
		(void)loop_turn(f->loop, 1000);
	}
	cr_assert_geq(*count, n);
}

int work_flow_insert(struct db_conn *c, void *arg, struct error *err)
{
	struct flow_arg *a = arg;
	struct uuid id;
	int rc;

	uuid_v4(&id);
	rc = db_exec(c, SQL_FLOW_INSERT,
		     DB_ARGS(db_a_uuid(&id), db_a_int(1), db_a_text(a->name),
			     db_a_text("[]"), db_a_null()),
		     5, NULL, err);
	if (rc == 0 && a->fail) {
		rc = err_set(err, ERR_INVALID, "%s was told to fail", a->name);
	}
	return rc;
}

int work_flow_count(struct db_conn *c, void *arg, struct error *err)
{
	struct flow_arg *a = arg;
	struct db_rows *r = NULL;
	int rc =
	    db_select(c, SQL_FLOW_COUNT, NULL, 0, NULL, SQL_FRAG_NONE, -1, -1, &r, err);

	if (rc == 0) {
		rc = db_next(r, err);
	}
	if (rc == 1) {
		a->count = db_int(r, 0);
	}
	db_rows_free(r);
	return rc < 0 ? rc : 0;
}

void after_flow(int rc, const struct error *err, void *arg)
{
	struct flow_arg *a = arg;

	a->after_rc = rc;
	(void)snprintf(a->after_msg, sizeof(a->after_msg), "%s",
		       err == NULL ? "" : err->msg);
	a->order = ++*a->done;
}
