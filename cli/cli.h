/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - what every command of wf gets, and the tables that list the commands.
 *
 * A command is one struct: its option table (flags, help, completion, man page come
 * from it) and a function.  Commands print through output.h, talk to the API through
 * client.h and return 0 or a negative code with a message; main.c prints it in red and
 * exits 1, or 2 when the words typed cannot be understood (as prefect does).
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stddef.h>

#include "base/opts.h"

struct error;

struct cli {
	const char *program; /* "wf" */
	char *profile;       /* name of the active profile */
	char *api_url; /* "http://127.0.0.1:4200/api", never with a trailing slash */
	char *default_pool;         /* for `wf deploy`, or NULL */
	char *auth;                 /* "user:password", or NULL; secret */
	char *api_key;              /* sent as Bearer, or NULL; secret */
	const char *api_url_source; /* "environment", "profile 'x'", "running server",
				       "default" */
	int prompt;                 /* may ask questions */
	int color;                  /* stdout takes colours */
	int width;                  /* columns of the terminal; 0 when piped */
	int usage;                  /* the error is about the words typed: exit 2 */
};

/* The path of another program of wf: beside this one, or in PATH; the caller frees it.
 * NULL: it is nowhere, which ERR says. */
char *cli_find_program(const char *name, struct error *err);

typedef int (*command_fn)(struct cli *cli, const void *conf, const struct opts *opts,
			  struct error *err);

struct command {
	const char *name;  /* "create" */
	const char *alias; /* "new", or NULL */
	const struct opt_spec *spec;
	command_fn run;
};
struct command_group {
	const char *name;    /* "work-pool"; NULL: the commands are top-level */
	const char *alias;   /* "work-pools" */
	const char *summary; /* one line for `wf --help` */
	const struct command *commands;
	size_t count;
};

/* registry.c: sorted by name; a test checks order and uniqueness. */
extern const struct command_group *const command_groups[];
extern const size_t command_group_count;

/* Runs `wf ARGV`; the exit status. */
int cli_main(int argc, char **argv);

#endif
