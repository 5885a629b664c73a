/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup.c - a copy of the running database.
 *
 * The copy is one read transaction of a connection of its own: writers go on meanwhile
 * (WAL), and the result is the state of one commit.  It appears under its name only
 * when complete.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/db/backup.h"
#include "base/error.h"
#include "base/mem.h"

static int copy(struct db_conn *from, const char *path, struct error *err)
{
	struct db_conn to = {.path = NULL};
	sqlite3_backup *b;
	int rc;

	to.path = xstrdup(path);
	rc = sqlite3_open_v2(path, &to.sq, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			     NULL);
	if (rc != SQLITE_OK) {
		rc = conn_error(&to, rc, "backup", err);
		goto out;
	}
	b = sqlite3_backup_init(to.sq, "main", from->sq, "main");
	if (b == NULL) {
		rc = conn_error(&to, sqlite3_errcode(to.sq), "backup", err);
		goto out;
	}
	rc = sqlite3_backup_step(b, -1);
	(void)sqlite3_backup_finish(b);
	rc = rc == SQLITE_DONE ? 0 : conn_error(&to, rc, "backup", err);
out:
	(void)sqlite3_close(to.sq);
	free(to.path);
	return rc;
}

static int sync_path(const char *path, int flags, struct error *err)
{
	int fd = open(path, flags | O_CLOEXEC);
	int rc = 0;

	if (fd < 0 || fsync(fd) < 0) {
		rc = err_errno(err, "backup: sync %s", path);
	}
	if (fd >= 0) {
		(void)close(fd);
	}
	return rc;
}

int backup_publish(const char *part, const char *path, struct error *err)
{
	char *folder = xstrdup(path);
	int rc = sync_path(part, O_RDWR, err);

	if (rc == 0 && rename(part, path) < 0) {
		rc = err_errno(err, "backup: rename %s to %s", part, path);
	}
	if (rc == 0) {
		rc = sync_path(dirname(folder), O_RDONLY | O_DIRECTORY, err);
	}
	free(folder);
	return rc;
}

int backup_to(const char *db_path, const char *path, struct error *err)
{
	struct db_conn *from = NULL;
	char *part = xasprintf("%s.part", path);
	int rc;

	(void)unlink(part);
	rc = conn_open(db_path, 1, &from, err);
	if (rc == 0) {
		rc = copy(from, part, err);
	}
	rc = rc == 0 ? backup_publish(part, path, err) : rc;
	if (rc < 0) {
		(void)unlink(part);
	}
	conn_close(from);
	free(part);
	return rc;
}
