/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db_fixture.h - a fresh database with its loop, for the tests of api/.
 */
#ifndef TESTS_UNIT_API_DB_FIXTURE_H
#define TESTS_UNIT_API_DB_FIXTURE_H

#include "api/db/db.h"
#include "base/error.h"
#include "base/loop.h"

struct db_fixture {
	char folder[64];
	char path[128];
	char url[300];
	const char *pg_url; /* NULL: SQLite */
	char schema[32];
	struct loop *loop;
	struct db *db;
	struct error err;
};

/* Makes the folder and opens the database; QUEUE_MAX 0: the default. */
void db_fixture_start(struct db_fixture *f, int queue_max);
/* Closes what is open and removes the folder. */
void db_fixture_stop(struct db_fixture *f);
/* Closes and opens again. */
void db_fixture_reopen(struct db_fixture *f);
/* Skips a test that is about the file. */
void db_fixture_needs_file(const struct db_fixture *f);
/* A script in SQLite's spelling. */
int db_fixture_script(struct db_conn *c, const char *text, struct error *err);
/* Turns the loop until *COUNT is at least N. */
void db_fixture_wait(struct db_fixture *f, const int *count, int n);

/* Works for db_run() and db_submit(). */
struct flow_arg {
	const char *name;
	int fail; /* insert, then return an error */
	int64_t count;
	int after_rc;
	char after_msg[512];
	int *done;
	int order;
};
int work_flow_insert(struct db_conn *c, void *arg, struct error *err);
int work_flow_count(struct db_conn *c, void *arg, struct error *err);
void after_flow(int rc, const struct error *err, void *arg);

#endif
