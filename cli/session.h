/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - which server, as whom: environment, the active profile, a running local
 * server.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

struct cli;
struct error;

/* PROFILE NULL: the active one.  0 or -code (unknown profile, unreadable file). */
int session_open(struct cli *cli, const char *profile, int prompt, struct error *err);
void session_close(struct cli *cli);
/* Columns of the terminal that stdout is; OTHERWISE when it is none. */
int session_width(int otherwise);
/* The data folder of a local server: WF_DATA_DIR, or the XDG default.  Owned. */
char *session_data_dir(void);

#endif
