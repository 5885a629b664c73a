/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_home.h - the data folder of this user, and the server that runs on a data
 * folder.
 */
#ifndef BASE_DATA_HOME_H
#define BASE_DATA_HOME_H

struct error;

/* $XDG_DATA_HOME/wf, else ~/.local/share/wf; owned by the caller. */
char *data_home(void);
/* What `wf server start` wrote into DIR; owned by the caller, NULL: no server. */
char *data_home_url(const char *dir);
/* The same for programs that need one: -ERR_USAGE says how to have a server. */
int data_home_need_url(const char *dir, char **ret_url, struct error *err);

#endif
