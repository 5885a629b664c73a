/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup.h - a complete, durable copy of the database at DB_PATH as PATH.  Private to
 * api/db/.
 */
#ifndef API_DB_BACKUP_H
#define API_DB_BACKUP_H

#include "api/db/db_priv.h"

/* Gives the finished file PART its name PATH, both on disk. */
int backup_publish(const char *part, const char *path, struct error *err);
int backup_to(const char *db_path, const char *path, struct error *err);

#endif
