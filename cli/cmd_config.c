/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_config.c - wf config: set, unset, view; wf profile: ls, use, create, delete,
 * inspect.
 *
 * Any WF_* or PREFECT_* setting may be kept in a profile; values whose names speak of
 * keys, passwords or authorisation are masked unless asked for.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/profile.h"
#include "cli/spec.h"

struct config_conf {
	char *from, *output;
	int show_secrets, show_sources, yes;
};

extern char **environ;

static int setting_name_ok(const char *name)
{
	return (strncmp(name, "WF_", 3) == 0 || strncmp(name, "PREFECT_", 8) == 0) &&
	       name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0';
}

static int is_secret(const char *name)
{
	return strstr(name, "AUTH_STRING") != NULL ||
	       strstr(name, "PASSWORD") != NULL || strstr(name, "SECRET") != NULL ||
	       (strlen(name) > 4 && strcmp(name + strlen(name) - 4, "_KEY") == 0) ||
	       strstr(name, "REDIS_URL") != NULL ||
	       strstr(name, "DATABASE_URL") != NULL;
}

static int check_setting(const char *name, struct error *err)
{
	if (strcmp(name, "PREFECT_HOME") == 0 ||
	    strcmp(name, "PREFECT_PROFILES_PATH") == 0 ||
	    strcmp(name, "WF_CONFIG_DIR") == 0) {
		return err_set(err, ERR_USAGE,
			       "Setting '%s' cannot be kept in a profile: it says "
			       "where the profiles are.",
			       name);
	}
	if (!setting_name_ok(name)) {
		return err_set(
		    err, ERR_USAGE,
		    "Unknown setting name '%s': settings begin with WF_ or PREFECT_.",
		    name);
	}
	return 0;
}

static int config_set(struct cli *cli, const void *conf, const struct opts *opts,
		      struct error *err)
{
	int rc = 0;

	(void)conf;
	for (int i = 0; rc == 0 && i < opts->nargs; i++) {
		const char *eq = strchr(opts->args[i], '=');
		char *name;

		if (eq == NULL || eq == opts->args[i]) {
			return err_set(
			    err, ERR_USAGE,
			    "Failed to parse argument '%s'. Use the format 'VAR=VAL'.",
			    opts->args[i]);
		}
		name = xstrndup(opts->args[i], (size_t)(eq - opts->args[i]));
		rc = check_setting(name, err);
		if (rc == 0) {
			rc = profile_set(cli->profile, name, eq + 1, err);
		}
		if (rc == 0) {
			say(cli, TONE_PLAIN, "Set '%s' to '%s'.", name,
			    is_secret(name) ? "********" : eq + 1);
			if (opts_env(name) != NULL) {
				say(cli, TONE_WARN,
				    "'%s' is also set by an environment variable, "
				    "which wins. "
				    "Run `unset %s` to use the new value.",
				    name, name);
			}
		}
		free(name);
	}
	if (rc == 0) {
		say(cli, TONE_OK, "Updated profile '%s'.", cli->profile);
	}
	return rc;
}

static int config_unset(struct cli *cli, const void *conf, const struct opts *opts,
			struct error *err)
{
	struct profile *p = NULL;
	int rc = profile_load(NULL, &p, err);

	(void)conf;
	for (int i = 0; rc == 0 && i < opts->nargs; i++) {
		rc = check_setting(opts->args[i], err);
		if (rc == 0 &&
		    (profile_is_prefects(p) || profile_get(p, opts->args[i]) == NULL)) {
			rc = err_set(err, ERR_NOT_FOUND,
				     "'%s' is not set in profile '%s' of wf.",
				     opts->args[i], cli->profile);
		}
		if (rc == 0) {
			rc = profile_set(cli->profile, opts->args[i], NULL, err);
		}
		if (rc == 0) {
			say(cli, TONE_PLAIN, "Unset '%s'.", opts->args[i]);
		}
	}
	if (rc == 0) {
		say(cli, TONE_OK, "Updated profile '%s'.", cli->profile);
	}
	profile_free(p);
	return rc;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *view_line(const char *name, const char *value, const char *source,
		       const struct config_conf *c)
{
	int hide = is_secret(name) && !c->show_secrets;

	return c->show_sources ? xasprintf("%s='%s' (from %s)", name,
					   hide ? "********" : value, source)
			       : xasprintf("%s='%s'", name, hide ? "********" : value);
}

/* Environment first: it wins over the profile. */
static size_t view_lines(const struct profile *p, const struct config_conf *c,
			 char **lines, size_t max)
{
	size_t n = 0;

	for (char **e = environ; *e != NULL && n < max; e++) {
		const char *eq = strchr(*e, '=');
		char *name = eq != NULL ? xstrndup(*e, (size_t)(eq - *e)) : NULL;

		if (name != NULL && setting_name_ok(name)) {
			lines[n++] = view_line(name, eq + 1, "env", c);
		}
		free(name);
	}
	for (size_t i = 0; i < profile_count(p) && n < max; i++) {
		if (opts_env(profile_key(p, i)) == NULL) {
			lines[n++] = view_line(profile_key(p, i), profile_value(p, i),
					       "profile", c);
		}
	}
	return n;
}

static int config_view(struct cli *cli, const void *conf, const struct opts *opts,
		       struct error *err)
{
	const struct config_conf *c = conf;
	struct profile *p = NULL;
	char *lines[1024];
	size_t n;
	int rc = profile_load(cli->profile, &p, NULL);

	(void)opts;
	(void)err;
	say(cli, TONE_LINK, "WF_PROFILE='%s'%s", cli->profile,
	    rc == 0 && profile_is_prefects(p) ? " (of Prefect, read only)" : "");
	say(cli, TONE_PLAIN, "WF_API_URL='%s' (from %s)", cli->api_url,
	    cli->api_url_source);
	if (rc < 0) {
		return 0;
	}
	n = view_lines(p, c, lines, ARRAY_LEN(lines));
	qsort(lines, n, sizeof(lines[0]), by_text);
	for (size_t i = 0; i < n; i++) {
		if (strncmp(lines[i], "WF_API_URL=", 11) != 0) {
			say(cli, TONE_PLAIN, "%s", lines[i]);
		}
		free(lines[i]);
	}
	profile_free(p);
	return 0;
}

static int profile_ls(struct cli *cli, const void *conf, const struct opts *opts,
		      struct error *err)
{
	char **names = profile_names(err);

	(void)conf;
	(void)opts;
	if (names == NULL) {
		return -err->code;
	}
	for (size_t i = 0; names[i] != NULL; i++) {
		int active = strcmp(names[i], cli->profile) == 0;

		say(cli, active ? TONE_OK : TONE_PLAIN, "%s%s", active ? "* " : "  ",
		    names[i]);
		free(names[i]);
	}
	free(names);
	return 0;
}

static int profile_use_cmd(struct cli *cli, const void *conf, const struct opts *opts,
			   struct error *err)
{
	int rc = profile_use(opts->args[0], err);

	(void)conf;
	if (rc == 0) {
		say(cli, TONE_OK, "Using profile '%s'.", opts->args[0]);
	}
	return rc;
}

static int profile_create_cmd(struct cli *cli, const void *conf,
			      const struct opts *opts, struct error *err)
{
	const struct config_conf *c = conf;
	int rc = profile_create(opts->args[0], c->from, err);

	if (rc == 0) {
		say(cli, TONE_OK,
		    "Created profile '%s'. Use it with `wf profile use %s`.",
		    opts->args[0], opts->args[0]);
	}
	return rc;
}

static int profile_delete_cmd(struct cli *cli, const void *conf,
			      const struct opts *opts, struct error *err)
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

static int profile_inspect(struct cli *cli, const void *conf, const struct opts *opts,
			   struct error *err)
{
	struct profile *p = NULL;
	int rc = profile_load(opts->nargs > 0 ? opts->args[0] : NULL, &p, err);

	(void)conf;
	if (rc < 0) {
		return rc;
	}
	if (profile_count(p) == 0) {
		say(cli, TONE_PLAIN, "Profile '%s' is empty.", profile_name(p));
	}
	for (size_t i = 0; i < profile_count(p); i++) {
		say(cli, TONE_PLAIN, "%s='%s'", profile_key(p, i),
		    is_secret(profile_key(p, i)) ? "********" : profile_value(p, i));
	}
	profile_free(p);
	return 0;
}

static const struct opt view_opts[] = {
    CLI_BOOL(struct config_conf, show_secrets, "show-secrets", 0,
	     "Do not mask secrets."),
    {.name = "show-sources",
     .type = OPT_TYPE_BOOL,
     OPT_AT(struct config_conf, show_sources),
     .def = "true",
     .help = "Do not say where each value comes from.",
     .flags = OPT_F_FLAGONLY},
};
static const struct opt yes_opts[] = {
    CLI_BOOL(struct config_conf, yes, "yes", 'y', "Do not ask."),
};
static const struct opt create_opts[] = {
    CLI_STR(struct config_conf, from, "from", 0, "PROFILE",
	    "Copy the settings of this one."),
};
static const char *const setting_args[] = {"VAR=VALUE"};
static const char *const unset_args[] = {"VAR"};
static const char *const name_arg[] = {"NAME"};

static const struct opt_spec set_spec = {
    .program = "wf config set",
    .usage = "VAR=VALUE...",
    .about = "Keep settings in the active profile.",
    .examples = "  wf config set WF_API_URL=http://127.0.0.1:4200/api\n",
    .conf_size = sizeof(struct config_conf),
    .min_args = 1,
    .max_args = -1,
    .arg_names = setting_args};
static const struct opt_spec unset_spec = {
    .program = "wf config unset",
    .usage = "VAR...",
    .about = "Remove settings from the active profile.",
    .opts = yes_opts,
    .count = ARRAY_LEN(yes_opts),
    .conf_size = sizeof(struct config_conf),
    .min_args = 1,
    .max_args = -1,
    .arg_names = unset_args};
CLI_SPEC(view_spec, "wf config view", "[options]", "Show the settings in force.",
	 view_opts, struct config_conf, 0, NULL);

CLI_SPEC0(ls_spec, "wf profile ls", "", "List profiles.", struct config_conf, 0, NULL);
CLI_SPEC0(use_spec, "wf profile use", "NAME", "Make a profile the active one.",
	  struct config_conf, 1, name_arg);
CLI_SPEC(create_spec, "wf profile create", "NAME [options]", "Create a profile.",
	 create_opts, struct config_conf, 1, name_arg);
CLI_SPEC0(delete_spec, "wf profile delete", "NAME", "Delete a profile.",
	  struct config_conf, 1, name_arg);
static const struct opt_spec inspect_spec = {.program = "wf profile inspect",
					     .usage = "[NAME]",
					     .about = "Show the settings of a profile.",
					     .conf_size = sizeof(struct config_conf),
					     .max_args = 1,
					     .arg_names = name_arg};

static const struct command config_commands[] = {
    {"set", NULL, &set_spec, config_set},
    {"unset", NULL, &unset_spec, config_unset},
    {"view", NULL, &view_spec, config_view},
};
static const struct command profile_commands[] = {
    {"create", NULL, &create_spec, profile_create_cmd},
    {"delete", NULL, &delete_spec, profile_delete_cmd},
    {"inspect", NULL, &inspect_spec, profile_inspect},
    {"ls", "list", &ls_spec, profile_ls},
    {"use", NULL, &use_spec, profile_use_cmd},
};

const struct command_group group_config = {
    .name = "config",
    .summary = "Keep settings: the server's address and more.",
    .commands = config_commands,
    .count = ARRAY_LEN(config_commands),
};
const struct command_group group_profile = {
    .name = "profile",
    .alias = "profiles",
    .summary = "Named sets of settings.",
    .commands = profile_commands,
    .count = ARRAY_LEN(profile_commands),
};
