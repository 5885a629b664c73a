/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_top.c - the commands without a group: version, explain, deploy, init.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/deploy.h"
#include "cli/flow_run.h"
#include "cli/groups.h"
#include "cli/init.h"
#include "cli/output.h"
#include "cli/spec.h"

#ifndef PACKAGE_VERSION
#	define PACKAGE_VERSION "0.1.0"
#endif

struct top_conf {
	char *output;
	int omit_integrations;
};

static int version(struct cli *cli, const void *conf, const struct opts *opts,
		   struct error *err)
{
	const struct top_conf *c = conf;
	json_t *server = NULL, *v;
	struct error ignored;
	int json = want_json(c->output, err);

	(void)opts;
	if (json < 0) {
		return json;
	}
	(void)client_get(cli, &server, &ignored, "/admin/version");
	v = json_pack(
	    "{s:s, s:s, s:s, s:s, s:o}", "Version", PACKAGE_VERSION, "API version",
	    "0.8.4", "Profile", cli->profile, "API URL", cli->api_url, "Server",
	    server != NULL ? json_incref(server) : json_string("not reachable"));
	json ? print_json(v) : print_object(cli, v);
	json_decref(v);
	json_decref(server);
	return 0;
}

static int explain(struct cli *cli, const void *conf, const struct opts *opts,
		   struct error *err)
{
	const struct top_conf *c = conf;
	json_t *run = NULL, *e = NULL, *w;
	size_t i;
	int json = want_json(c->output, err), rc;

	if (json >= 0 && opts->nargs == 2) {
		return strcmp(opts->args[0], "automation") == 0
			   ? automation_explain(cli, opts->args[1], json, err)
			   : err_set(err, ERR_USAGE,
				     "Give the id of a flow run, or: wf explain "
				     "automation NAME");
	}
	rc = json < 0 ? json : flow_run_read(cli, opts->args[0], &run, err);
	if (rc == 0) {
		rc = client_get(cli, &e, err, "/wf/v1/flow_runs/%s/explain",
				opts->args[0]);
		if (rc == -ERR_NOT_FOUND) {
			rc = err_set(err, ERR_UNSUPPORTED,
				     "The server at %s cannot explain runs: it is not "
				     "a wf server.",
				     cli->api_url);
		}
	}
	if (rc == 0 && json) {
		print_json(e);
	} else if (rc == 0) {
		say(cli, tone_of_state(member(run, "state_type")),
		    "Flow run '%s' is %s.", member(run, "name"),
		    member(run, "state_name"));
		if (member(e, "summary")[0] != '\0') {
			say(cli, TONE_PLAIN, "%s", member(e, "summary"));
		}
		json_array_foreach (json_object_get(e, "waiting_for"), i, w) {
			say(cli, TONE_WARN, "• %s", member(w, "detail"));
			if (member(w, "fix")[0] != '\0') {
				say(cli, TONE_PLAIN, "    %s%s%s",
				    tone_on(cli, TONE_LINK), member(w, "fix"),
				    tone_off(cli));
			}
		}
	}
	json_decref(e);
	json_decref(run);
	return rc;
}

static const struct opt version_opts[] = {
    CLI_BOOL(struct top_conf, omit_integrations, "omit-integrations", 0,
	     "Accepted for compatibility."),
    CLI_OUTPUT(struct top_conf, output),
};
static const struct opt output_opts[] = {CLI_OUTPUT(struct top_conf, output)};
static const char *const id_arg[] = {"RUN", "NAME"};

CLI_SPEC(version_spec, "wf version", "[options]",
	 "Show versions and the server in use.", version_opts, struct top_conf, 0,
	 NULL);
static const struct opt_spec explain_spec = {
    .program = "wf explain",
    .usage = "RUN | automation NAME [options]",
    .about = "Say what a flow run waits for, or why an automation did not fire.",
    .opts = output_opts,
    .count = sizeof(output_opts) / sizeof(output_opts[0]),
    .conf_size = sizeof(struct top_conf),
    .min_args = 1,
    .max_args = 2,
    .arg_names = id_arg};

static const struct command commands[] = {
    {"deploy", NULL, &deploy_spec, deploy},
    {"explain", NULL, &explain_spec, explain},
    {"init", NULL, &init_spec, init},
    {"version", NULL, &version_spec, version},
};

const struct command_group group_top = {
    .commands = commands,
    .count = sizeof(commands) / sizeof(commands[0]),
};
