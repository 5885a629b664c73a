/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_server.h - what the files of `wf server` share.
 */
#ifndef CLI_CMD_SERVER_H
#define CLI_CMD_SERVER_H

struct cli;
struct error;
struct opt_spec;
struct opts;

/* wf server database */
extern const struct opt_spec server_database_spec;
int server_database_run(struct cli *cli, const void *conf, const struct opts *opts,
			struct error *err);
/* URLs may hold passwords, and everybody can read the arguments of a process: wf-api
 * gets them in its environment. */
void cmd_server_url(const char *variable, const char *url);

#endif
