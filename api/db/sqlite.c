/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite.c - one connection to SQLite: its settings, its end.
 */
#include "api/db/sqlite.h"

#include <stdlib.h>

#include "api/db/wal_vfs.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"

#define SYNC_FULL    2
#define PROGRESS_OPS 20000 /* virtual machine steps between looks at the clock */

static const enum sql_id common_setup[] = {SQL_SET_FOREIGN_KEYS, SQL_SET_NO_MMAP,
					   SQL_SET_TEMP_MEMORY, SQL_SET_ANALYSIS_LIMIT};
static const enum sql_id writer_setup[] = {SQL_SET_WAL, SQL_SET_SYNC,
					   SQL_SET_CHECKPOINT, SQL_SET_WAL_LIMIT,
					   SQL_SET_CACHE_WRITER};
static const enum sql_id reader_setup[] = {SQL_SET_CACHE_READER, SQL_SET_QUERY_ONLY};

static int on_progress(void *arg)
{
	const struct db_conn *c = arg;

	return c->deadline_ms != 0 && clock_mono_ms() > c->deadline_ms;
}

static int setup(struct db_conn *c, const enum sql_id *ids, size_t count,
		 struct error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++) {
		rc = conn_ctl(c, ids[i], err);
	}
	return rc;
}

void conn_setup_library(void)
{
	/* Counting the memory takes a lock for each malloc and free, of all threads. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	wal_vfs_register();
}

/* What wal_vfs.c depends on. */
static int check_sync(struct db_conn *c, struct error *err)
{
	int64_t level = 0;
	int rc = db_one_int(c, SQL_SYNC_LEVEL, NULL, 0, &level, err);

	if (rc >= 0 && level < SYNC_FULL) {
		rc = err_set(err, ERR_INTERNAL,
			     "%s: SQLite does not take synchronous=FULL", c->path);
	}
	return rc < 0 ? rc : 0;
}

int conn_open(const char *path, int is_reader, struct db_conn **ret_conn,
	      struct error *err)
{
	struct db_conn *c = xcalloc(1, sizeof(*c));
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc;

	c->driver = &sqlite_driver;
	c->dialect = DIALECT_SQLITE;
	c->path = xstrdup(path);
	c->is_reader = is_reader;
	buf_init(&c->text);
	if (!is_reader) {
		flags |= SQLITE_OPEN_CREATE;
	}
	rc = sqlite3_open_v2(path, &c->sq, flags, is_reader ? NULL : WAL_VFS_NAME);
	if (rc != SQLITE_OK) {
		rc = c->sq == NULL
			 ? err_set(err, ERR_NOMEM, "open %s: out of memory", path)
			 : conn_error(c, rc, "open", err);
		goto out;
	}
	(void)sqlite3_busy_timeout(c->sq, CONN_BUSY_MS);
	sqlite3_progress_handler(c->sq, PROGRESS_OPS, on_progress, c);
	rc =
	    setup(c, common_setup, sizeof(common_setup) / sizeof(common_setup[0]), err);
	if (rc == 0 && is_reader) {
		rc = setup(c, reader_setup,
			   sizeof(reader_setup) / sizeof(reader_setup[0]), err);
	} else if (rc == 0) {
		rc = setup(c, writer_setup,
			   sizeof(writer_setup) / sizeof(writer_setup[0]), err);
	}
	if (rc == 0 && !is_reader) {
		rc = check_sync(c, err);
	}
out:
	if (rc < 0) {
		conn_close(c);
		return rc;
	}
	*ret_conn = c;
	return 0;
}

static void driver_close(struct db_conn *c)
{
	size_t i;

	for (i = 0; i < SQL_ID_MAX; i++) {
		(void)sqlite3_finalize(c->stmts[i]);
	}
	for (i = 0; i < c->composed_count; i++) {
		(void)sqlite3_finalize(c->composed[i].stmt);
		free(c->composed[i].text);
	}
	(void)sqlite3_close(c->sq);
}

static int driver_script(struct db_conn *c, const char *text, struct error *err)
{
	int rc = sqlite3_exec(c->sq, text, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : conn_error(c, rc, "script", err);
}

static int driver_in_tx(const struct db_conn *c)
{
	return !sqlite3_get_autocommit(c->sq);
}

const struct db_driver sqlite_driver = {
    .close = driver_close,
    .exec = sqlite_exec,
    .start = sqlite_start,
    .script = driver_script,
    .in_tx = driver_in_tx,
    .group_run = sqlite_group_run,
    .group_read = sqlite_group_read,
    .next = sqlite_next,
    .finish = sqlite_finish,
    .is_null = sqlite_is_null,
    .integer = sqlite_integer,
    .real = sqlite_real,
    .text = sqlite_text,
    .len = sqlite_len,
    .blob = sqlite_blob,
    .col = sqlite_col,
    .explain = sqlite_explain,
};
