/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_server_database.c - wf server database ACTION: hands over to wf-api, which knows
 * databases.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/cmd_server.h"
#include "cli/output.h"
#include "cli/spec.h"

extern char **environ;

struct database_conf {
	char *data_dir, *database_url;
	int yes;
};

/* FILE stays what it is for wf-api. */
static char *absolute(const char *file)
{
	char *cwd = file[0] == '/' ? NULL : getcwd(NULL, 0);
	char *full = cwd != NULL ? xasprintf("%s/%s", cwd, file) : xstrdup(file);

	free(cwd);
	return full;
}

/* What deletes the present contents is asked for. */
static int agreed(const struct cli *cli, const struct database_conf *c,
		  const char *action)
{
	if (c->yes ||
	    (strcmp(action, "reset") != 0 && strcmp(action, "restore") != 0)) {
		return 1;
	}
	return confirm(cli, 0, "This deletes what the database holds now. Go on?");
}

int server_database_run(struct cli *cli, const void *conf, const struct opts *opts,
			struct error *err)
{
	const struct database_conf *c = conf;
	const char *action = opts->args[0];
	char *argv[10] = {NULL};
	size_t n = 0, i;
	int rc;

	if (!agreed(cli, c, action)) {
		return err_set(
		    err, ERR_CANCELED,
		    "Nothing was changed; --yes does it without a question.");
	}
	argv[n] = cli_find_program("wf-api", err);
	if (argv[n++] == NULL) {
		return -err->code;
	}
	cmd_server_url("WF_DATABASE_URL", c->database_url);
	argv[n++] = xstrdup("--database");
	argv[n++] = xstrdup(action);
	if (opts->nargs > 1) {
		argv[n++] = xstrdup("--file");
		argv[n++] = absolute(opts->args[1]);
	}
	if (c->data_dir[0] != '\0') {
		argv[n++] = xstrdup("--data-dir");
		argv[n++] = xstrdup(c->data_dir);
	}
	rc = proc_exec(argv, environ, err);
	for (i = 0; i < n; i++) {
		free(argv[i]);
	}
	return rc;
}

static const struct opt database_opts[] = {
    CLI_STR(struct database_conf, data_dir, "data-dir", 0, "DIR",
	    "Folder of the data; $WF_DATA_DIR or ~/.local/share/wf when not given."),
    CLI_STR(struct database_conf, database_url, "database-url", 0, "URL",
	    "Database; SQLite in the data folder when not given."),
    CLI_BOOL(struct database_conf, yes, "yes", 'y', "Do not ask."),
};

static const char *const arg_names[] = {"ACTION", "FILE", NULL};
const struct opt_spec server_database_spec = {
    .program = "wf server database",
    .usage = "upgrade|reset|backup FILE|restore FILE|check [options]",
    .about = "Upgrade, empty, copy, restore or check the database.",
    .opts = database_opts,
    .count = sizeof(database_opts) / sizeof(database_opts[0]),
    .conf_size = sizeof(struct database_conf),
    .min_args = 1,
    .max_args = 2,
    .arg_names = arg_names,
};
