/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_flow.c - wf flow: ls, run (hands over to wf-engine).
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/spec.h"

extern char **environ;

struct flow_conf {
	struct opt_list param, tag;
	char *params, *output, *record, *name, *format;
	int64_t limit;
	int offline, quiet, tap;
};

static int flow_ls(struct cli *cli, const void *conf, const struct opts *opts,
		   struct error *err)
{
	const struct flow_conf *c = conf;
	json_t *body, *list = NULL, *f;
	struct table *t;
	size_t i;
	int json = want_json(c->output, err), rc;

	(void)opts;
	if (json < 0) {
		return json;
	}
	body = json_pack("{s:s}", "sort", "CREATED_DESC");
	rc = client_filter(cli, "/flows/filter", body, (size_t)c->limit, &list, err);
	json_decref(body);
	if (rc == 0 && json) {
		print_json(list);
	} else if (rc == 0) {
		t = table_new(cli, "Flows");
		table_column(t, "ID");
		table_column(t, "Name");
		table_column(t, "Created");
		json_array_foreach (list, i, f) {
			char when[64];

			relative_time(f, "created", when, sizeof(when));
			table_cell(t, TONE_DIM, "%s", member(f, "id"));
			table_cell(t, TONE_LINK, "%s", member(f, "name"));
			table_cell(t, TONE_PLAIN, "%s", when);
		}
		table_print(t);
		table_free(t);
	}
	json_decref(list);
	return rc;
}

/* KEY=VALUE for the environment of the engine, unless it is there already. */
static void env_default(const char *name, const char *value)
{
	if (value != NULL && opts_env(name) == NULL) {
		opts_env_set(name, value);
	}
}

static int flow_run(struct cli *cli, const void *conf, const struct opts *opts,
		    struct error *err)
{
	const struct flow_conf *c = conf;
	size_t n = 0;
	char **argv = xcalloc((c->param.count + c->tag.count) * 2 + 16, sizeof(*argv));
	char *engine = cli_find_program("wf-engine", err);
	int rc;

	if (engine == NULL) {
		free(argv);
		return -err->code;
	}
	argv[n++] = engine;
	argv[n++] = (char *)(uintptr_t) "run";
	argv[n++] = opts->args[0];
	for (size_t i = 0; i < c->param.count; i++) {
		argv[n++] = (char *)(uintptr_t) "-p";
		argv[n++] = c->param.items[i];
	}
	for (size_t i = 0; i < c->tag.count; i++) {
		argv[n++] = (char *)(uintptr_t) "--tag";
		argv[n++] = c->tag.items[i];
	}
	if (c->record[0] != '\0') {
		argv[n++] = (char *)(uintptr_t) "--record";
		argv[n++] = c->record;
	}
	if (c->name[0] != '\0') {
		argv[n++] = (char *)(uintptr_t) "--name";
		argv[n++] = c->name;
	}
	if (c->params[0] != '\0') {
		argv[n++] = (char *)(uintptr_t) "--params";
		argv[n++] = c->params;
	}
	if (c->offline) {
		argv[n++] = (char *)(uintptr_t) "--offline";
	} else {
		env_default("WF_API_URL", cli->api_url);
		env_default("WF_API_AUTH_STRING", cli->auth);
	}
	if (c->quiet) {
		argv[n++] = (char *)(uintptr_t) "--quiet";
	}
	if (c->output[0] != '\0') {
		argv[n++] = (char *)(uintptr_t) "-o";
		argv[n++] = c->output;
	}
	rc = proc_exec(argv, environ, err);
	free(engine);
	free(argv);
	return rc;
}

/* Hands over to wf-engine COMMAND FILE... [OPTION [VALUE]]. */
static int engine_files(const char *command, const struct opts *opts,
			const char *option, const char *value, struct error *err)
{
	char *engine = cli_find_program("wf-engine", err), **argv;
	size_t n = 0;
	int i, rc;

	if (engine == NULL) {
		return -err->code;
	}
	argv = xcalloc((size_t)opts->nargs + 5, sizeof(*argv));
	argv[n++] = engine;
	argv[n++] = (char *)(uintptr_t)command;
	for (i = 0; i < opts->nargs; i++) {
		argv[n++] = opts->args[i];
	}
	argv[n++] = (char *)(uintptr_t)option;
	argv[n] = (char *)(uintptr_t)value;
	rc = proc_exec(argv, environ, err);
	free(engine);
	free(argv);
	return rc;
}

static int flow_check(struct cli *cli, const void *conf, const struct opts *opts,
		      struct error *err)
{
	(void)cli;
	(void)conf;
	return engine_files("check", opts, NULL, NULL, err);
}

static int flow_graph(struct cli *cli, const void *conf, const struct opts *opts,
		      struct error *err)
{
	const struct flow_conf *c = conf;

	(void)cli;
	return engine_files("graph", opts, c->format[0] != '\0' ? "--format" : NULL,
			    c->format, err);
}

static int flow_test(struct cli *cli, const void *conf, const struct opts *opts,
		     struct error *err)
{
	const struct flow_conf *c = conf;

	(void)cli;
	return engine_files("test", opts, c->tap ? "--tap" : NULL, NULL, err);
}

static const struct opt graph_opts[] = {
    CLI_STR(struct flow_conf, format, "format", 'f', "FORMAT",
	    "tree (the default), dot or svg."),
};
static const struct opt ls_opts[] = {
    CLI_INT(struct flow_conf, limit, "limit", 0, "15", "N", "At most N flows."),
    CLI_OUTPUT(struct flow_conf, output),
};
static const struct opt run_opts[] = {
    CLI_LIST(struct flow_conf, param, "param", 'p', "KEY=VALUE",
	     "A parameter; the value is JSON, or else text. Repeatable."),
    CLI_STR(struct flow_conf, params, "params", 0, "JSON",
	    "All parameters as one JSON object."),
    CLI_LIST(struct flow_conf, tag, "tag", 't', "TAG",
	     "A tag for the run and its task runs. Repeatable."),
    CLI_STR(struct flow_conf, name, "name", 0, "NAME",
	    "Name of the flow run instead of a made-up one."),
    CLI_STR(struct flow_conf, record, "record", 0, "FILE",
	    "Also write the whole run to FILE, as -o json prints it."),
    CLI_BOOL(struct flow_conf, offline, "offline", 0,
	     "Without a server: record nothing."),
    CLI_BOOL(struct flow_conf, quiet, "quiet", 'q', "Only the result."),
    CLI_OUTPUT(struct flow_conf, output),
};
static const struct opt test_opts[] = {
    CLI_BOOL(struct flow_conf, tap, "tap", 0,
	     "Print TAP (Test Anything Protocol) for other programs."),
};
static const char *const files_arg[] = {"FILE..."};
static const char *const file_arg[] = {"FILE[:NAME]"};

CLI_SPEC(ls_spec, "wf flow ls", "[options]", "List flows.", ls_opts, struct flow_conf,
	 0, NULL);
static const struct opt_spec run_spec = {
    .program = "wf flow run",
    .usage = "FILE[:NAME] [options]",
    .about = "Run a flow of a YAML file here and now.",
    .examples =
	"  wf flow run examples/hello/hello.flow.yaml:hello -p name=world --offline\n",
    .opts = run_opts,
    .count = ARRAY_LEN(run_opts),
    .conf_size = sizeof(struct flow_conf),
    .min_args = 1,
    .max_args = 1,
    .arg_names = file_arg,
};

static const struct opt_spec check_spec = {
    .program = "wf flow check",
    .usage = "FILE[:NAME]",
    .about = "Say everything that is wrong with a flow file.",
    .examples = "wf flow check etl.flow.yaml",
    .conf_size = sizeof(struct flow_conf),
    .min_args = 1,
    .max_args = 1,
    .arg_names = file_arg,
};
static const struct opt_spec graph_spec = {
    .program = "wf flow graph",
    .usage = "FILE[:NAME] [options]",
    .about = "Show the tasks of a flow and what waits for what.",
    .examples = "wf flow graph etl.flow.yaml\n"
		"wf flow graph etl.flow.yaml --format svg > etl.svg",
    .opts = graph_opts,
    .count = sizeof(graph_opts) / sizeof(graph_opts[0]),
    .conf_size = sizeof(struct flow_conf),
    .min_args = 1,
    .max_args = 1,
    .arg_names = file_arg,
};

static const struct opt_spec test_spec = {
    .program = "wf flow test",
    .usage = "FILE... [options]",
    .about = "Run the tests of flow files, without a server and without waiting.",
    .examples = "wf flow test etl.flow.yaml",
    .opts = test_opts,
    .count = sizeof(test_opts) / sizeof(test_opts[0]),
    .conf_size = sizeof(struct flow_conf),
    .min_args = 1,
    .max_args = 1000,
    .arg_names = files_arg,
};

static const struct command commands[] = {
    {"check", NULL, &check_spec, flow_check}, {"graph", NULL, &graph_spec, flow_graph},
    {"ls", "list", &ls_spec, flow_ls},        {"run", NULL, &run_spec, flow_run},
    {"test", NULL, &test_spec, flow_test},
};

const struct command_group group_flow = {
    .name = "flow",
    .alias = "flows",
    .summary = "List flows; check, draw, run and test a YAML flow by hand.",
    .commands = commands,
    .count = sizeof(commands) / sizeof(commands[0]),
};
