/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin.h - a database as a whole, for `wf server database`.  Blocking; not for a
 * process that serves.
 */
#ifndef API_DB_ADMIN_H
#define API_DB_ADMIN_H

#include <stdint.h>

struct error;

/* Makes the database when there is none, and brings its schema up to date. */
int db_upgrade(const char *url, int64_t *ret_from, int64_t *ret_to, struct error *err);
/* Deletes all of it and makes an empty one.  The caller knows that no server runs on a
 * file; for PostgreSQL one that is connected is an error. */
int db_reset(const char *url, struct error *err);
/* Calls FN for each thing that was looked at; BAD: how many are wrong.  The number of
 * wrong ones, or a negative code. */
typedef void (*db_check_fn)(const char *what, int64_t bad, void *arg);
int64_t db_check(const char *url, db_check_fn fn, void *arg, struct error *err);
/* Puts the copy at PATH in the place of the database. */
int db_restore(const char *url, const char *path, struct error *err);

#endif
