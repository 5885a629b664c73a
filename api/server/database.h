/* SPDX-License-Identifier: Apache-2.0 */
/*
 * database.h - wf-api --database ACTION and --backup FILE: the database as a whole.
 */
#ifndef API_SERVER_DATABASE_H
#define API_SERVER_DATABASE_H

struct server_conf;

/* Is there something to do but serving? */
int server_database_wanted(const struct server_conf *conf);
/* Does it and prints what became of it; the exit status. */
int server_database(const struct server_conf *conf);

#endif
