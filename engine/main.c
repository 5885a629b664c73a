/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - wf-engine: runs one native flow run.
 */
#include "engine/main.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/log.h"
#include "base/opts.h"

#ifndef PACKAGE_VERSION
#	define PACKAGE_VERSION "dev"
#endif

static const struct {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *help;
	const struct opt_spec *spec;
} commands[] = {
    {"run", cmd_run, "run a flow of a file", &run_spec},
    {"check", cmd_check, "say everything that is wrong with a file", &check_spec},
    {"schema", cmd_schema, "print the JSON Schema of a flow's parameters",
     &schema_spec},
    {"graph", cmd_graph, "show the tasks of a flow and what waits for what",
     &graph_spec},
    {"test", cmd_test, "run the tests of flow files", &test_spec},
    {"list", cmd_list, "print the flows of a file as JSON", &list_spec},
};

static void usage(FILE *out)
{
	size_t i;

	(void)fputs(
	    "Usage: wf-engine COMMAND [options]\n\n"
	    "Runs one flow run of a YAML flow file. A worker starts it without a "
	    "command.\n\nCommands:\n",
	    out);
	for (i = 0; i < ARRAY_LEN(commands); i++) {
		(void)fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	}
	(void)fputs("\nwf-engine COMMAND --help tells more.\n", out);
}

/* The page that the build installs. */
static int man_page(void)
{
	static const struct opt_spec top = {
	    .program = "wf-engine",
	    .usage = "COMMAND [options]",
	    .about =
		"Runs one flow run of a YAML flow file. A worker starts it without a "
		"command, with the control socket's number in WF_CONTROL_FD.",
	    .examples = "wf-engine run hello.flow.yaml --offline\n"
			"wf-engine check hello.flow.yaml",
	    .exit_text = "0 on success; of a run: 1 Failed or Crashed, 2 the file is "
			 "not valid, 3 "
			 "Cancelled, 4 left unfinished. 64 for wrong usage.",
	};
	const struct opt_spec *specs[ARRAY_LEN(commands)];
	size_t i;

	for (i = 0; i < ARRAY_LEN(commands); i++) {
		specs[i] = commands[i].spec;
	}
	opts_man_tree(&top, 1, specs, ARRAY_LEN(specs), stdout);
	return 0;
}

/* -1 when TEXT is no descriptor. */
static int fd_number(const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);

	return *end == '\0' && fd >= 0 && fd < INT_MAX ? (int)fd : -1;
}

int main(int argc, char **argv)
{
	const char *names[ARRAY_LEN(commands)], *fd = opts_env("WF_CONTROL_FD"), *near;
	size_t i;

	log_init("wf-engine", LOG_LVL_WARN, LOG_FMT_TEXT, -1);
	if (argc < 2 && fd != NULL && *fd != '\0') {
		return cmd_worker(fd_number(fd));
	}
	if (argc < 2) {
		usage(stderr);
		return 64;
	}
	if (strcmp(argv[1], "exec") == 0 && argc == 4) {
		return cmd_exec(argv[2], argv[3], fd != NULL ? fd_number(fd) : -1);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		(void)puts("wf-engine " PACKAGE_VERSION);
		return 0;
	}
	if (strcmp(argv[1], "--man") == 0) {
		return man_page();
	}
	for (i = 0; i < ARRAY_LEN(commands); i++) {
		names[i] = commands[i].name;
		if (strcmp(argv[1], commands[i].name) == 0) {
			return commands[i].fn(argc - 1, argv + 1);
		}
	}
	near = opts_nearest(argv[1], names, ARRAY_LEN(names));
	(void)fprintf(stderr, "wf-engine: unknown command '%s'%s%s%s\n", argv[1],
		      near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
		      near != NULL ? "'?" : "");
	return 64;
}
