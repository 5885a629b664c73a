/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin.c - see admin.h.
 */
#include "api/db/admin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/db/backup.h"
#include "api/db/db_priv.h"
#include "api/db/pg.h"
#include "base/error.h"
#include "base/mem.h"

struct checking {
	db_check_fn fn;
	void *arg;
	int64_t bad;
};

static int open_url(const char *url, struct db_conn **ret_conn, struct error *err)
{
	const char *path = NULL;
	int rc;

	conn_setup_library();
	if (pg_is_url(url)) {
		return pg_open(url, ret_conn, err);
	}
	rc = db_path_of_url(url, &path, err);
	return rc < 0 ? rc : conn_open(path, 0, ret_conn, err);
}

static int version_of(struct db_conn *c, int64_t *ret_version, struct error *err)
{
	int64_t known = 0;
	int rc = db_one_int(c, SQL_MIGRATION_TABLE_EXISTS, NULL, 0, &known, err);

	*ret_version = 0;
	if (rc > 0 && known) {
		rc = db_one_int(c, SQL_MIGRATION_VERSION, NULL, 0, ret_version, err);
	}
	return rc < 0 ? rc : 0;
}

int db_upgrade(const char *url, int64_t *ret_from, int64_t *ret_to, struct error *err)
{
	struct db_conn *c = NULL;
	int rc = open_url(url, &c, err);

	rc = rc == 0 ? version_of(c, ret_from, err) : rc;
	rc = rc == 0 ? migrate(c, err) : rc;
	rc = rc == 0 ? version_of(c, ret_to, err) : rc;
	conn_close(c);
	return rc;
}

/* ---- reset ---- */

static int pg_is_free(struct db_conn *c, struct error *err)
{
	int64_t others = 0;
	int rc = db_one_int(c, SQL_CHECK_SESSIONS, NULL, 0, &others, err);

	if (rc >= 0 && others > 0) {
		return err_set(err, ERR_CONFLICT,
			       "a server uses %s: stop all of its servers first",
			       c->path);
	}
	return rc < 0 ? rc : 0;
}

static void take_text(const struct db_rows *r, void *arg)
{
	char **text = arg;

	*text = xstrdup(db_text(r, 0));
}

/* A database of another program is left alone. */
static int is_ours(struct db_conn *c, struct error *err)
{
	int64_t tables = 0, version = 0;
	int rc = db_one_int(c, SQL_SCHEMA_COUNT, NULL, 0, &tables, err);

	rc = rc < 0 ? rc : version_of(c, &version, err);
	if (rc == 0 && tables > 0 && version == 0) {
		return err_set(err, ERR_CONFLICT,
			       "%s is a database of another program (it has no table "
			       "schema_migration)",
			       c->path);
	}
	return rc;
}

static int pg_reset(struct db_conn *c, struct error *err)
{
	char *script = NULL;
	int rc = pg_is_free(c, err);

	rc = rc == 0 ? conn_ctl(c, SQL_TX_BEGIN_EXCLUSIVE, err) : rc;
	if (rc < 0) {
		return rc;
	}
	rc = db_one(c, SQL_RESET_SCRIPT, NULL, 0, take_text, &script, err);
	rc = rc < 0 ? rc : conn_script(c, script, err);
	rc = rc < 0 ? rc : conn_ctl(c, SQL_TX_COMMIT, err);
	if (rc < 0) {
		(void)conn_ctl(c, SQL_TX_ROLLBACK, NULL);
	}
	free(script);
	return rc;
}

static int unlink_with(const char *path, const char *suffix, struct error *err)
{
	char *full = xasprintf("%s%s", path, suffix);
	int rc = 0;

	if (unlink(full) < 0 && errno != ENOENT) {
		rc = err_errno(err, "delete %s", full);
	}
	free(full);
	return rc;
}

static int file_remove(const char *path, struct error *err)
{
	int rc = unlink_with(path, "", err);

	rc = rc == 0 ? unlink_with(path, "-wal", err) : rc;
	return rc == 0 ? unlink_with(path, "-shm", err) : rc;
}

int db_reset(const char *url, struct error *err)
{
	struct db_conn *c = NULL;
	const char *path = NULL;
	int64_t from, to;
	int rc = open_url(url, &c, err);

	rc = rc == 0 ? is_ours(c, err) : rc;
	if (rc == 0 && pg_is_url(url)) {
		rc = pg_reset(c, err);
	}
	conn_close(c);
	if (rc == 0 && !pg_is_url(url)) {
		rc = db_path_of_url(url, &path, err);
		rc = rc == 0 ? file_remove(path, err) : rc;
	}
	return rc == 0 ? db_upgrade(url, &from, &to, err) : rc;
}

/* ---- check ---- */

static void found(struct checking *k, const char *what, int64_t bad)
{
	k->fn(what, bad, k->arg);
	k->bad += bad;
}

static int check_count(struct db_conn *c, enum sql_id id, const char *what,
		       struct checking *k, struct error *err)
{
	int64_t bad = 0;
	int rc = db_one_int(c, id, NULL, 0, &bad, err);

	if (rc >= 0) {
		found(k, what, bad);
	}
	return rc < 0 ? rc : 0;
}

static void take_integrity(const struct db_rows *r, void *arg)
{
	const char *text = db_text(r, 0);
	int ok = strcmp(text, "ok") == 0;

	found(arg, ok ? "pages that are damaged" : text, ok ? 0 : 1);
}

/* What only one of the databases can be asked. */
static int check_own(struct db_conn *c, struct checking *k, struct error *err)
{
	int rc;

	if (c->dialect == DIALECT_PG) {
		return check_count(c, SQL_CHECK_INDEXES, "indexes that are not valid",
				   k, err);
	}
	rc = db_one(c, SQL_INTEGRITY, NULL, 0, take_integrity, k, err);
	return rc < 0 ? rc
		      : check_count(c, SQL_CHECK_FOREIGN_KEYS,
				    "references to rows that are not there", k, err);
}

static int check_rows(struct db_conn *c, struct checking *k, struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_query(c, SQL_CHECK_ROWS, NULL, 0, &r, err);

	while (rc >= 0 && (rc = db_next(r, err)) > 0) {
		found(k, db_text(r, 0), db_int(r, 1));
	}
	db_rows_free(r);
	return rc;
}

int64_t db_check(const char *url, db_check_fn fn, void *arg, struct error *err)
{
	struct checking k = {.fn = fn, .arg = arg};
	struct db_conn *c = NULL;
	int64_t version = 0;
	int rc = open_url(url, &c, err);

	rc = rc == 0 ? is_ours(c, err) : rc;
	rc = rc == 0 ? version_of(c, &version, err) : rc;
	if (rc == 0) {
		found(&k, "schema versions that are missing or unknown",
		      version < (int64_t)sql_migration_count
			  ? (int64_t)sql_migration_count - version
			  : version - (int64_t)sql_migration_count);
	}
	if (rc == 0 && k.bad == 0) {
		rc = check_own(c, &k, err);
		rc = rc == 0 ? check_rows(c, &k, err) : rc;
	}
	conn_close(c);
	return rc < 0 ? rc : k.bad;
}

/* ---- restore ---- */

/* The copy is looked at before anything is replaced. */
static int check_copy(const char *path, struct error *err)
{
	char *url = xasprintf("sqlite://%s", path);
	struct db_conn *c = NULL;
	int64_t version = 0;
	int rc = access(path, R_OK) < 0 ? err_errno(err, "read %s", path)
					: open_url(url, &c, err);

	rc = rc == 0 ? version_of(c, &version, err) : rc;
	if (rc == 0 && version == 0) {
		rc = err_set(err, ERR_INVALID, "%s is no copy of a database of wf",
			     path);
	}
	conn_close(c);
	free(url);
	return rc;
}

int db_restore(const char *url, const char *path, struct error *err)
{
	const char *to = NULL;
	struct db_conn *c = NULL;
	int rc;

	if (pg_is_url(url)) {
		rc = open_url(url, &c, err);
		rc = rc == 0 ? is_ours(c, err) : rc;
		rc = rc == 0 ? pg_is_free(c, err) : rc;
		conn_close(c);
		return rc == 0 ? pg_restore(url, path, err) : rc;
	}
	rc = db_path_of_url(url, &to, err);
	rc = rc == 0 ? check_copy(path, err) : rc;
	rc = rc == 0 ? unlink_with(to, "-wal", err) : rc;
	rc = rc == 0 ? unlink_with(to, "-shm", err) : rc;
	return rc == 0 ? backup_to(path, to, err) : rc;
}
