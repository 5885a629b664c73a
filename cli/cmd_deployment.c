/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_deployment.c - wf deployment: ls, inspect, delete.  `run` is in
 * cmd_deployment_run.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/deployment.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/spec.h"

struct dep_conf {
	char *id, *output;
	int by_created, all;
};

/* id -> name of the flows that DEPLOYMENTS belong to. */
static int flow_names(struct cli *cli, json_t **ret_names, struct error *err)
{
	json_t *flows = NULL, *names, *f;
	size_t i;
	int rc = client_filter(cli, "/flows/filter", NULL, 0, &flows, err);

	if (rc < 0) {
		return rc;
	}
	names = json_object();
	json_array_foreach (flows, i, f) {
		json_object_set_new(names, member(f, "id"),
				    json_string(member(f, "name")));
	}
	json_decref(flows);
	*ret_names = names;
	return 0;
}

static json_t *ls_filter(const struct dep_conf *c, const struct opts *opts)
{
	json_t *body =
	    json_pack("{s:s}", "sort", c->by_created ? "CREATED_DESC" : "NAME_ASC");

	if (opts->nargs > 0) {
		json_t *any = json_array();

		for (int i = 0; i < opts->nargs; i++) {
			json_array_append_new(any, json_string(opts->args[i]));
		}
		json_object_set_new(body, "flows",
				    json_pack("{s:{s:o}}", "name", "any_", any));
	}
	return body;
}

static void ls_table(struct cli *cli, const json_t *list, const json_t *names)
{
	struct table *t = table_new(cli, "Deployments");
	size_t i;
	json_t *d;

	table_column(t, "Name");
	table_column(t, "ID");
	table_column(t, "Work Pool");
	json_array_foreach (list, i, d) {
		table_cell(t, TONE_LINK, "%s/%s", member(names, member(d, "flow_id")),
			   member(d, "name"));
		table_cell(t, TONE_DIM, "%s", member(d, "id"));
		table_cell(t, TONE_PLAIN, "%s", member(d, "work_pool_name"));
	}
	table_print(t);
	table_free(t);
}

static int dep_ls(struct cli *cli, const void *conf, const struct opts *opts,
		  struct error *err)
{
	const struct dep_conf *c = conf;
	json_t *body, *list = NULL, *names = NULL;
	int json = want_json(c->output, err), rc;

	if (json < 0) {
		return json;
	}
	body = ls_filter(c, opts);
	rc = client_filter(cli, "/deployments/filter", body, 0, &list, err);
	json_decref(body);
	if (rc == 0 && json) {
		print_json(list);
	} else if (rc == 0 && json_array_size(list) == 0) {
		say(cli, TONE_PLAIN, "No deployments found.");
	} else if (rc == 0) {
		rc = flow_names(cli, &names, err);
		if (rc == 0) {
			ls_table(cli, list, names);
		}
	}
	json_decref(names);
	json_decref(list);
	return rc;
}

/* Those that the deployment owns; a server without automations has none. */
static void add_automations(struct cli *cli, json_t *dep)
{
	json_t *list = NULL;

	if (client_get(cli, &list, NULL,
		       "/automations/related-to/prefect.deployment.%s",
		       member(dep, "id")) < 0) {
		list = json_array();
	}
	json_object_set_new(dep, "automations", list);
}

static int dep_inspect(struct cli *cli, const void *conf, const struct opts *opts,
		       struct error *err)
{
	const struct dep_conf *c = conf;
	json_t *dep = NULL;
	int json = want_json(c->output, err), rc;

	rc = json < 0 ? json
		      : client_deployment(cli, opts->nargs > 0 ? opts->args[0] : NULL,
					  c->id, &dep, err);
	if (rc == 0) {
		add_automations(cli, dep);
		json ? print_json(dep) : print_object(cli, dep);
	}
	json_decref(dep);
	return rc;
}

static int delete_all(struct cli *cli, struct error *err)
{
	json_t *list = NULL, *d;
	size_t i;
	int rc = client_filter(cli, "/deployments/filter", NULL, 0, &list, err);

	if (rc == 0 &&
	    !confirm(cli, 1, "Are you sure you want to delete all %zu deployments?",
		     json_array_size(list))) {
		rc = err_set(err, ERR_CANCELED, "Deletion aborted.");
	}
	if (rc == 0) {
		json_array_foreach (list, i, d) {
			rc =
			    client_delete(cli, err, "/deployments/%s", member(d, "id"));
			if (rc < 0) {
				break;
			}
		}
	}
	if (rc == 0) {
		say(cli, TONE_OK, "Deleted %zu deployments.", json_array_size(list));
	}
	json_decref(list);
	return rc;
}

static int dep_delete(struct cli *cli, const void *conf, const struct opts *opts,
		      struct error *err)
{
	const struct dep_conf *c = conf;
	const char *name = opts->nargs > 0 ? opts->args[0] : c->id;
	json_t *dep = NULL;
	int rc;

	if (c->all) {
		return opts->nargs > 0 || c->id[0] != '\0'
			   ? err_set(err, ERR_USAGE,
				     "Give a deployment or --all, not both.")
			   : delete_all(cli, err);
	}
	if (name[0] == '\0') {
		return err_set(
		    err, ERR_USAGE,
		    "Name a deployment, FLOW/DEPLOYMENT, or give its --id or "
		    "--all.");
	}
	rc = client_deployment(cli, opts->nargs > 0 ? opts->args[0] : NULL, c->id, &dep,
			       err);
	if (rc == 0 &&
	    !confirm(cli, 1, "Are you sure you want to delete deployment '%s'?",
		     name)) {
		rc = err_set(err, ERR_CANCELED, "Deletion aborted.");
	}
	if (rc == 0) {
		rc = client_delete(cli, err, "/deployments/%s", member(dep, "id"));
	}
	if (rc == 0) {
		say(cli, TONE_OK, "Deleted deployment '%s'.", name);
	}
	json_decref(dep);
	return rc;
}

static const struct opt ls_opts[] = {
    CLI_BOOL(struct dep_conf, by_created, "by-created", 0, "Newest first."),
    CLI_OUTPUT(struct dep_conf, output),
};
static const struct opt inspect_opts[] = {
    CLI_STR(struct dep_conf, id, "id", 0, "ID", "The deployment by its id."),
    CLI_OUTPUT(struct dep_conf, output),
};
static const struct opt delete_opts[] = {
    CLI_STR(struct dep_conf, id, "id", 0, "ID", "The deployment by its id."),
    CLI_BOOL(struct dep_conf, all, "all", 0, "Delete every deployment."),
};
static const char *const name_arg[] = {"FLOW/DEPLOYMENT"};

static const struct opt_spec ls_spec = {.program = "wf deployment ls",
					.usage = "[FLOW...] [options]",
					.about = "List deployments.",
					.opts = ls_opts,
					.count = ARRAY_LEN(ls_opts),
					.conf_size = sizeof(struct dep_conf),
					.max_args = -1};
static const struct opt_spec inspect_spec = {.program = "wf deployment inspect",
					     .usage = "[FLOW/DEPLOYMENT] [options]",
					     .about = "Show a deployment.",
					     .opts = inspect_opts,
					     .count = ARRAY_LEN(inspect_opts),
					     .conf_size = sizeof(struct dep_conf),
					     .max_args = 1,
					     .arg_names = name_arg};
static const struct opt_spec delete_spec = {
    .program = "wf deployment delete",
    .usage = "[FLOW/DEPLOYMENT] [options]",
    .about = "Delete a deployment and its scheduled runs.",
    .opts = delete_opts,
    .count = ARRAY_LEN(delete_opts),
    .conf_size = sizeof(struct dep_conf),
    .max_args = 1,
    .arg_names = name_arg};

static const struct command commands[] = {
    {"ls", "list", &ls_spec, dep_ls},
    {"inspect", NULL, &inspect_spec, dep_inspect},
    {"run", NULL, &deployment_run_spec, deployment_run},
    {"delete", NULL, &delete_spec, dep_delete},
};

const struct command_group group_deployment = {
    .name = "deployment",
    .alias = "deployments",
    .summary = "List, inspect, run and delete deployments.",
    .commands = commands,
    .count = sizeof(commands) / sizeof(commands[0]),
};
