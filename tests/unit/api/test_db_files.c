/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_db_files.c - migrations, damaged and foreign files, backup, the bounded queue.
 */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/db/db_priv.h"
#include "tests/unit/api/db_fixture.h"

static struct db_fixture fx;

static void start(void)
{
	db_fixture_start(&fx, 0);
}

static void stop(void)
{
	db_fixture_stop(&fx);
}

TestSuite(db_files, .init = start, .fini = stop);

static int open_again(const char *url)
{
	struct db_conf conf = {.url = url};
	struct db *db = NULL;
	int rc = db_open(fx.loop, &conf, &db, &fx.err);

	db_close(db);
	return rc;
}

static int open_file(const char *path)
{
	char url[200];

	(void)snprintf(url, sizeof(url), "sqlite://%s", path);
	return open_again(url);
}

static void insert_flow(const char *name)
{
	struct flow_arg a = {.name = name};

	cr_assert_eq(db_run(fx.db, DB_WRITE, work_flow_insert, &a, &fx.err), 0, "%s",
		     fx.err.msg);
}

static int64_t count_flows(struct db *db)
{
	struct flow_arg a = {0};

	cr_assert_eq(db_run(db, DB_READ, work_flow_count, &a, &fx.err), 0, "%s",
		     fx.err.msg);
	return a.count;
}

static int work_version(struct db_conn *c, void *arg, struct error *err)
{
	int rc = db_one_int(c, SQL_MIGRATION_VERSION, NULL, 0, arg, err);

	return rc < 0 ? rc : 0;
}

Test(db_files, a_restart_keeps_the_data_and_migrates_nothing)
{
	int64_t version = 0;

	insert_flow("a");
	db_fixture_reopen(&fx);
	db_fixture_reopen(&fx);
	cr_expect_eq(count_flows(fx.db), 1);
	cr_assert_eq(db_run(fx.db, DB_READ, work_version, &version, &fx.err), 0);
	cr_expect_eq(version, (int64_t)sql_migration_count);
}

static int work_from_the_future(struct db_conn *c, void *arg, struct error *err)
{
	(void)arg;
	return db_exec(c, SQL_MIGRATION_APPLIED,
		       DB_ARGS(db_a_int(9999), db_a_text("9999_future"), db_a_int(1)),
		       3, NULL, err);
}

Test(db_files, a_newer_schema_is_refused)
{
	cr_assert_eq(db_run(fx.db, DB_WRITE, work_from_the_future, NULL, &fx.err), 0);
	cr_assert_eq(open_again(fx.url), -ERR_CONFLICT);
	cr_expect(strstr(fx.err.msg, "9999") != NULL && strstr(fx.err.msg, "newer wf"),
		  "%s", fx.err.msg);
}

static void write_file(const char *path, const char *text, off_t at)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(pwrite(fd, text, strlen(text), at), (ssize_t)strlen(text));
	(void)close(fd);
}

Test(db_files, a_file_that_is_no_database_is_refused_with_advice)
{
	char path[160];

	db_fixture_needs_file(&fx);
	(void)snprintf(path, sizeof(path), "%s.backup", fx.path);
	write_file(path,
		   "this is not a database, it is a text that somebody put here\n", 0);
	cr_assert_eq(open_file(path), -ERR_IO);
	cr_expect(strstr(fx.err.msg, "damaged") != NULL && strstr(fx.err.msg, "backup"),
		  "%s", fx.err.msg);
}

static int work_foreign_table(struct db_conn *c, void *arg, struct error *err)
{
	(void)arg;
	return conn_script(c, "DROP TABLE schema_migration", err);
}

Test(db_files, a_database_of_another_program_is_refused)
{
	cr_assert_eq(db_run(fx.db, DB_WRITE, work_foreign_table, NULL, &fx.err), 0);
	cr_assert_eq(open_again(fx.url), -ERR_CONFLICT);
	cr_expect(strstr(fx.err.msg, "another program") != NULL, "%s", fx.err.msg);
}

Test(db_files, a_missing_folder_is_told)
{
	db_fixture_needs_file(&fx);
	cr_assert_eq(open_file("/nonexistent/folder/wf.db"), -ERR_IO);
	cr_expect(strstr(fx.err.msg, "folder exists") != NULL, "%s", fx.err.msg);
}

Test(db_files, urls_of_other_kinds_are_refused)
{
	struct db_conf conf = {.url = "mysql://x"};
	struct db *db = NULL;

	cr_expect_eq(db_open(fx.loop, &conf, &db, &fx.err), -ERR_UNSUPPORTED);
	conf.url = "sqlite://relative.db";
	cr_expect_eq(db_open(fx.loop, &conf, &db, &fx.err), -ERR_INVALID);
}

Test(db_files, a_backup_is_a_complete_database)
{
	char path[160], url[200];
	struct db_conf conf = {.url = url};
	struct db *copy = NULL;

	db_fixture_needs_file(&fx);
	insert_flow("a");
	(void)snprintf(path, sizeof(path), "%s.backup", fx.path);
	(void)snprintf(url, sizeof(url), "sqlite://%s", path);
	cr_assert_eq(db_backup(fx.db, path, &fx.err), 0, "%s", fx.err.msg);
	insert_flow("after");
	cr_assert_eq(db_open(fx.loop, &conf, &copy, &fx.err), 0, "%s", fx.err.msg);
	cr_expect_eq(count_flows(copy), 1);
	db_close(copy);
	cr_expect_eq(count_flows(fx.db), 2);
}

Test(db_files, a_backup_that_cannot_be_written_leaves_nothing)
{
	db_fixture_needs_file(&fx);
	cr_expect_lt(db_backup(fx.db, "/nonexistent/copy.db", &fx.err), 0);
}

/* Occupies the writer: tells that it runs, then waits to be let go. */
static int work_wait(struct db_conn *c, void *arg, struct error *err)
{
	const int *fds = arg;
	char byte = 's';

	(void)c;
	(void)err;
	return write(fds[3], &byte, 1) == 1 && read(fds[0], &byte, 1) == 1 ? 0
									   : -ERR_IO;
}

static void queue_start(void)
{
	db_fixture_start(&fx, 4);
}

Test(db_queue, a_full_queue_answers_busy_and_recovers, .init = queue_start,
     .fini = stop)
{
	struct flow_arg args[8] = {0};
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
	int fds[4]; /* go: 0, 1; started: 2, 3 */
	char byte;
	int done = 0, taken = 0, busy = 0;
	int i;

	cr_assert(pipe(fds) == 0 && pipe(fds + 2) == 0);
	cr_assert_eq(db_submit(fx.db, DB_WRITE, work_wait, NULL, fds, &fx.err), 0);
	cr_assert_eq(read(fds[2], &byte, 1), 1);
	for (i = 0; i < 8; i++) {
		args[i] = (struct flow_arg){.name = names[i], .done = &done};
		int rc = db_submit(fx.db, DB_WRITE, work_flow_insert, after_flow,
				   &args[i], &fx.err);

		cr_assert(rc == 0 || rc == -ERR_BUSY);
		taken += rc == 0;
		busy += rc == -ERR_BUSY;
	}
	cr_expect_eq(busy, 4);
	cr_expect_eq(taken, 4);
	cr_assert_eq(write(fds[1], "x", 1), 1);
	db_fixture_wait(&fx, &done, taken);
	cr_expect_eq(count_flows(fx.db), taken);
	cr_expect_eq(db_pending(fx.db), 0);
}
