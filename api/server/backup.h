/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup.h - wf-api --backup FILE: a copy of the database, also of a running server.
 */
#ifndef API_SERVER_BACKUP_H
#define API_SERVER_BACKUP_H

struct server_conf;

/* Writes the copy and says so; returns the exit status. */
int server_backup(const struct server_conf *conf);

#endif
