/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite.h - what the files of the SQLite side share.  Private to api/db/.
 */
#ifndef API_DB_SQLITE_H
#define API_DB_SQLITE_H

#include "api/db/db_priv.h"
#include "api/db/group.h"

extern const struct db_driver sqlite_driver;

/* RC in our terms; TEXT (or NULL) is the statement's. */
int sqlite_error(struct db_conn *c, int rc, const char *what, const char *text,
		 struct error *err);

/* What struct db_driver asks for. */
int sqlite_exec(struct db_conn *c, const struct db_call *call, int64_t *ret_changes,
		struct error *err);
int sqlite_start(struct db_conn *c, const struct db_call *call, struct db_rows *r,
		 struct error *err);
int sqlite_next(struct db_rows *r, struct error *err);
void sqlite_finish(struct db_rows *r);
int sqlite_is_null(const struct db_rows *r, int col);
int64_t sqlite_integer(const struct db_rows *r, int col);
double sqlite_real(const struct db_rows *r, int col);
const char *sqlite_text(struct db_rows *r, int col);
size_t sqlite_len(const struct db_rows *r, int col);
const void *sqlite_blob(const struct db_rows *r, int col);
int sqlite_col(const struct db_rows *r, const char *name);
int sqlite_explain(struct db_conn *c, const char *text, explain_fn fn, void *arg,
		   struct error *err);
void sqlite_group_run(struct db_conn *c, struct db_jobs *jobs);
void sqlite_group_read(struct db_conn *c, struct db_job *job);

#endif
