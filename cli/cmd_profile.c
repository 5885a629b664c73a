/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_profile.c - wf profile: ls, use, create, rename, delete, inspect.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/profile.h"
#include "cli/session.h"
#include "cli/spec.h"

struct profile_conf {
	char *from, *output;
};

static int ls(struct cli *cli, const void *conf, const struct opts *opts,
	      struct error *err)
{
	const struct profile_conf *c = conf;
	char **names;
	json_t *list;
	int json = want_json(c->output, err);

	(void)opts;
	if (json < 0) {
		return json;
	}
	names = profile_names(err);
	if (names == NULL) {
		return -err->code;
	}
	list = json_array();
	for (size_t i = 0; names[i] != NULL; i++) {
		int active = strcmp(names[i], cli->profile) == 0;

		json_array_append_new(
		    list, json_pack("{s:s, s:b}", "name", names[i], "active", active));
		if (!json) {
			say(cli, active ? TONE_OK : TONE_PLAIN, "%s%s",
			    active ? "* " : "  ", names[i]);
		}
		free(names[i]);
	}
	if (json) {
		print_json(list);
	}
	json_decref(list);
	free(names);
	return 0;
}

/* Says which server the new profile leads to; one that does not answer is no error. */
static void tell_server(struct cli *cli, const char *name)
{
	struct error err;

	session_close(cli);
	if (session_open(cli, name, cli->prompt, &err) == 0 &&
	    client_get(cli, NULL, &err, "/health") == 0) {
		say(cli, TONE_OK, "Connected to the server at %s.", cli->api_url);
	} else {
		say(cli, TONE_WARN, "%s", err.msg);
	}
}

static int use(struct cli *cli, const void *conf, const struct opts *opts,
	       struct error *err)
{
	int rc = profile_use(opts->args[0], err);

	(void)conf;
	if (rc == 0) {
		say(cli, TONE_OK, "Using profile '%s'.", opts->args[0]);
		tell_server(cli, opts->args[0]);
	}
	return rc;
}

static int create(struct cli *cli, const void *conf, const struct opts *opts,
		  struct error *err)
{
	const struct profile_conf *c = conf;
	int rc = profile_create(opts->args[0], c->from, err);

	if (rc == 0) {
		say(cli, TONE_OK, "Created profile '%s'.", opts->args[0]);
		say(cli, TONE_DIM,
		    "Use it from now on:      wf profile use %s\n"
		    "Use it for one command:  wf -p %s config view",
		    opts->args[0], opts->args[0]);
	}
	return rc;
}

static int rename_cmd(struct cli *cli, const void *conf, const struct opts *opts,
		      struct error *err)
{
	const char *variable = opts_env("WF_PROFILE");
	int rc = profile_rename(opts->args[0], opts->args[1], err);

	(void)conf;
	if (rc == 0) {
		say(cli, TONE_OK, "Renamed profile '%s' to '%s'.", opts->args[0],
		    opts->args[1]);
	}
	if (rc == 0 && variable != NULL && strcmp(variable, opts->args[0]) == 0) {
		say(cli, TONE_WARN,
		    "The environment variable WF_PROFILE still names '%s': set it to "
		    "'%s'.",
		    opts->args[0], opts->args[1]);
	}
	return rc;
}

static int delete_cmd(struct cli *cli, const void *conf, const struct opts *opts,
		      struct error *err)
{
	int rc;

	(void)conf;
	if (!confirm(cli, 1, "Are you sure you want to delete profile '%s'?",
		     opts->args[0])) {
		return err_set(err, ERR_CANCELED, "Deletion aborted.");
	}
	rc = profile_delete(opts->args[0], err);
	if (rc == 0) {
		say(cli, TONE_OK, "Removed profile '%s'.", opts->args[0]);
	}
	return rc;
}

static void inspect_print(struct cli *cli, const struct profile *p, int json)
{
	json_t *v = json_object();

	for (size_t i = 0; i < profile_count(p); i++) {
		const char *key = profile_key(p, i);
		const char *value =
		    profile_is_secret(key) ? "********" : profile_value(p, i);

		json_object_set_new(v, key, json_string(value));
		if (!json) {
			say(cli, TONE_PLAIN, "%s='%s'", key, value);
		}
	}
	if (json) {
		print_json(v);
	} else if (profile_count(p) == 0) {
		say(cli, TONE_PLAIN, "Profile '%s' is empty.", profile_name(p));
	}
	json_decref(v);
}

static int inspect(struct cli *cli, const void *conf, const struct opts *opts,
		   struct error *err)
{
	const struct profile_conf *c = conf;
	struct profile *p = NULL;
	int json = want_json(c->output, err), rc;

	rc = json < 0 ? json
		      : profile_load(opts->nargs > 0 ? opts->args[0] : NULL, &p, err);
	if (rc == 0) {
		inspect_print(cli, p, json);
	}
	profile_free(p);
	return rc;
}

static const struct opt output_opts[] = {CLI_OUTPUT(struct profile_conf, output)};
static const struct opt create_opts[] = {
    CLI_STR(struct profile_conf, from, "from", 0, "PROFILE",
	    "Copy the settings of this one."),
};
static const char *const name_arg[] = {"NAME"};
static const char *const rename_args[] = {"NAME", "NEW-NAME"};

CLI_SPEC(ls_spec, "wf profile ls", "[options]", "List profiles.", output_opts,
	 struct profile_conf, 0, NULL);
CLI_SPEC0(use_spec, "wf profile use", "NAME", "Make a profile the active one.",
	  struct profile_conf, 1, name_arg);
CLI_SPEC(create_spec, "wf profile create", "NAME [options]", "Create a profile.",
	 create_opts, struct profile_conf, 1, name_arg);
CLI_SPEC0(rename_spec, "wf profile rename", "NAME NEW-NAME", "Rename a profile.",
	  struct profile_conf, 2, rename_args);
CLI_SPEC0(delete_spec, "wf profile delete", "NAME", "Delete a profile.",
	  struct profile_conf, 1, name_arg);
static const struct opt_spec inspect_spec = {.program = "wf profile inspect",
					     .usage = "[NAME] [options]",
					     .about = "Show the settings of a profile.",
					     .opts = output_opts,
					     .count = ARRAY_LEN(output_opts),
					     .conf_size = sizeof(struct profile_conf),
					     .max_args = 1,
					     .arg_names = name_arg};

static const struct command commands[] = {
    {"create", NULL, &create_spec, create},
    {"delete", NULL, &delete_spec, delete_cmd},
    {"inspect", NULL, &inspect_spec, inspect},
    {"ls", "list", &ls_spec, ls},
    {"rename", NULL, &rename_spec, rename_cmd},
    {"use", NULL, &use_spec, use},
};

const struct command_group group_profile = {
    .name = "profile",
    .alias = "profiles",
    .summary = "Named sets of settings.",
    .commands = commands,
    .count = ARRAY_LEN(commands),
};
