/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_worker.c - wf worker: ls, start (hands over to wf-worker).
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/spec.h"

extern char **environ;

struct worker_conf {
	char *pool, *output;
};

/* Appends the workers of POOL, each with its pool's name. */
static int add_workers(struct cli *cli, const char *pool, json_t *into,
		       struct error *err)
{
	char *enc = url_encode(pool),
	     *path = xasprintf("/work_pools/%s/workers/filter", enc);
	json_t *list = NULL, *w;
	size_t i;
	int rc = client_filter(cli, path, NULL, 0, &list, err);

	if (rc == -ERR_NOT_FOUND) {
		rc = err_set(err, ERR_NOT_FOUND, "Work pool '%s' not found!", pool);
	} else if (rc == 0) {
		json_array_foreach (list, i, w) {
			json_object_set_new(w, "work_pool_name", json_string(pool));
		}
		json_array_extend(into, list);
	}
	json_decref(list);
	free(path);
	free(enc);
	return rc;
}

static int all_workers(struct cli *cli, json_t *into, struct error *err)
{
	json_t *pools = NULL, *p;
	size_t i;
	int rc = client_filter(cli, "/work_pools/filter", NULL, 0, &pools, err);

	if (rc == 0) {
		json_array_foreach (pools, i, p) {
			rc = add_workers(cli, member(p, "name"), into, err);
			if (rc < 0) {
				break;
			}
		}
	}
	json_decref(pools);
	return rc;
}

static void ls_table(struct cli *cli, const json_t *list)
{
	struct table *t = table_new(cli, "Workers");
	size_t i;
	json_t *w;

	table_column(t, "Name");
	table_column(t, "Work Pool");
	table_column(t, "Status");
	table_column(t, "Last Heartbeat");
	json_array_foreach (list, i, w) {
		char when[64];
		int online = strcmp(member(w, "status"), "ONLINE") == 0;

		relative_time(w, "last_heartbeat_time", when, sizeof(when));
		table_cell(t, TONE_PLAIN, "%s", member(w, "name"));
		table_cell(t, TONE_LINK, "%s", member(w, "work_pool_name"));
		table_cell(t, online ? TONE_OK : TONE_DIM, "%s", member(w, "status"));
		table_cell(t, TONE_DIM, "%s", when);
	}
	table_print(t);
	table_free(t);
}

static int worker_ls(struct cli *cli, const void *conf, const struct opts *opts,
		     struct error *err)
{
	const struct worker_conf *c = conf;
	json_t *list;
	int json = want_json(c->output, err), rc;

	(void)opts;
	if (json < 0) {
		return json;
	}
	list = json_array();
	rc = c->pool[0] != '\0' ? add_workers(cli, c->pool, list, err)
				: all_workers(cli, list, err);
	if (rc == 0 && json) {
		print_json(list);
	} else if (rc == 0 && json_array_size(list) == 0) {
		say(cli, TONE_PLAIN,
		    "No workers found. Start one with `wf-worker --pool NAME`.");
	} else if (rc == 0) {
		ls_table(cli, list);
	}
	json_decref(list);
	return rc;
}

/* Everything behind `wf worker start` goes to wf-worker as it is. */
static int worker_start(struct cli *cli, const void *conf, const struct opts *opts,
			struct error *err)
{
	char **argv = xcalloc((size_t)opts->nargs + 2, sizeof(*argv));
	int rc;

	(void)cli;
	(void)conf;
	argv[0] = proc_find_program("wf-worker");
	if (argv[0] == NULL) {
		rc = err_set(
		    err, ERR_NOT_FOUND,
		    "wf-worker is neither beside wf nor in PATH: install wf whole.");
	} else {
		for (int i = 0; i < opts->nargs; i++) {
			argv[i + 1] = opts->args[i];
		}
		rc = proc_exec(argv, environ, err);
	}
	free(argv[0]);
	free(argv);
	return rc;
}

static const struct opt ls_opts[] = {
    CLI_STR(struct worker_conf, pool, "pool", 'p', "POOL",
	    "Only workers of this pool."),
    CLI_OUTPUT(struct worker_conf, output),
};

CLI_SPEC(ls_spec, "wf worker ls", "[options]", "List workers.", ls_opts,
	 struct worker_conf, 0, NULL);
static const struct opt_spec start_spec = {
    .program = "wf worker start",
    .usage = "--pool NAME [options of wf-worker]",
    .about = "Start a worker: the same as wf-worker, whose --help has the options.",
    .examples = "  wf worker start --pool tutorial-process-pool\n",
    .conf_size = sizeof(struct worker_conf),
    .max_args = -1,
    .raw = 1};

static const struct command commands[] = {
    {"ls", "list", &ls_spec, worker_ls},
    {"start", NULL, &start_spec, worker_start},
};

const struct command_group group_worker = {
    .name = "worker",
    .alias = "workers",
    .summary = "List and start workers.",
    .commands = commands,
    .count = sizeof(commands) / sizeof(commands[0]),
};
