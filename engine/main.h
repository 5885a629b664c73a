/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.h - the commands of wf-engine; each is one function in its own file.
 */
#ifndef ENGINE_MAIN_H
#define ENGINE_MAIN_H

struct opt_spec;

extern const struct opt_spec run_spec, check_spec, schema_spec, list_spec;

/* ARGV[0] is the command's name.  They return the exit status. */
int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_schema(int argc, char **argv);
int cmd_list(int argc, char **argv);
/* Started by a worker: FD is the control socket. */
int cmd_worker(int fd);

#endif
