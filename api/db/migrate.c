/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migrate.c - brings the schema up to date at start.
 *
 * All of it happens under the exclusive lock, one transaction per migration: a server
 * that is killed in between starts again at the same migration, and two that start at
 * once do not meet.
 */
#include <string.h>

#include "api/db/db_priv.h"
#include "base/clock.h"
#include "base/error.h"

static int present_version(struct db_conn *c, int64_t *ret_version, struct error *err)
{
	int64_t tables = 0;
	int64_t known = 0;
	int rc = db_one_int(c, SQL_MIGRATION_TABLE_EXISTS, NULL, 0, &known, err);

	if (rc >= 0) {
		rc = db_one_int(c, SQL_SCHEMA_COUNT, NULL, 0, &tables, err);
	}
	if (rc < 0) {
		return rc;
	}
	if (!known && tables > 0) {
		return err_set(err, ERR_CONFLICT,
			       "%s is a database of another program (it has no table "
			       "schema_migration); choose another one",
			       c->path);
	}
	if (!known) {
		rc = conn_ctl(c, SQL_MIGRATION_TABLE, err);
	}
	if (rc >= 0) {
		rc = db_one_int(c, SQL_MIGRATION_VERSION, NULL, 0, ret_version, err);
	}
	return rc < 0 ? rc : 0;
}

static int apply(struct db_conn *c, const struct sql_migration *m, struct error *err)
{
	int rc = conn_script(c, m->text, err);

	if (rc == 0) {
		rc = db_exec(c, SQL_MIGRATION_APPLIED,
			     DB_ARGS(db_a_int(m->version), db_a_text(m->name),
				     db_a_int(clock_wall_us())),
			     3, NULL, err);
	}
	return rc < 0 ? err_wrap(err, "migration %s", m->name) : 0;
}

/* One step in a transaction of its own.  *RET_DONE: nothing is left. */
static int step(struct db_conn *c, int *ret_done, struct error *err)
{
	int64_t version = 0;
	int64_t newest = (int64_t)sql_migration_count;
	int rc = conn_ctl(c, SQL_TX_BEGIN_EXCLUSIVE, err);

	if (rc < 0) {
		return rc;
	}
	rc = present_version(c, &version, err);
	if (rc == 0 && version > newest) {
		rc = err_set(
		    err, ERR_CONFLICT,
		    "the database %s has schema version %lld, this program knows %lld; "
		    "install the newer wf again, or restore a backup made before the "
		    "upgrade",
		    c->path, (long long)version, (long long)newest);
	}
	if (rc == 0 && version < newest) {
		rc = apply(c,
			   c->dialect == DIALECT_PG ? &sql_migrations_pg[version]
						    : &sql_migrations[version],
			   err);
	}
	if (rc == 0) {
		rc = conn_ctl(c, SQL_TX_COMMIT, err);
	}
	if (rc < 0) {
		(void)conn_ctl(c, SQL_TX_ROLLBACK, NULL);
		return rc;
	}
	*ret_done = version >= newest;
	return 0;
}

int migrate(struct db_conn *c, struct error *err)
{
	int done = 0;
	int rc = 0;

	while (rc == 0 && !done) {
		rc = step(c, &done, err);
	}
	return rc;
}
