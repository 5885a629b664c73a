/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db_fixture.c - a fresh database file with its loop, for the tests of api/.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/db/db.h"
#include "base/uuid.h"
#include "tests/unit/api/db_fixture.h"

static const char *const suffixes[] = {
    "", "-wal", "-shm", ".backup", ".backup-wal", ".backup-shm", ".acks"};

static void open_db(struct db_fixture *f, int queue_max)
{
	struct db_conf conf = {.url = f->url, .queue_max = queue_max};

	cr_assert_eq(db_open(f->loop, &conf, &f->db, &f->err), 0, "%s", f->err.msg);
}

void db_fixture_start(struct db_fixture *f, int queue_max)
{
	memset(f, 0, sizeof(*f));
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/wf-db-XXXXXX");
	cr_assert_not_null(mkdtemp(f->folder));
	(void)snprintf(f->path, sizeof(f->path), "%s/wf.db", f->folder);
	(void)snprintf(f->url, sizeof(f->url), "sqlite://%s", f->path);
	f->loop = loop_new(&f->err);
	cr_assert_not_null(f->loop);
	open_db(f, queue_max);
}

void db_fixture_stop(struct db_fixture *f)
{
	char path[160];
	size_t i;

	db_close(f->db);
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
