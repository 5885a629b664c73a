/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_config.c - wf config: set, unset, view, validate.
 *
 * Any WF_* or PREFECT_* setting may be kept in a profile; values whose names speak of
 * keys, passwords or authorisation are masked unless asked for.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/profile.h"
#include "cli/spec.h"

struct config_conf {
	char *output;
	int show_secrets, show_sources, hide_sources, show_defaults, yes;
};

#define SETTINGS_MAX 1024

extern char **environ;

static int setting_name_ok(const char *name)
{
	return (strncmp(name, "WF_", 3) == 0 || strncmp(name, "PREFECT_", 8) == 0) &&
	       name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0';
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

/* "[1, 10, 100]" is kept as "1,10,100", the way lists are written in the environment;
 * other texts stay as they are.  TEXT is changed. */
static void plain_list(char *text)
{
	size_t n = strlen(text), out = 0;

	if (n < 2 || text[0] != '[' || text[n - 1] != ']' ||
	    text[1 + strspn(text + 1, "0123456789.,- ")] != ']') {
		return;
	}
	for (size_t i = 1; i + 1 < n; i++) {
		if (text[i] != ' ') {
			text[out++] = text[i];
		}
	}
	text[out] = '\0';
}

/*
 * The assignment that begins at argument *AT, which moves behind it: "VAR=VALUE", or
 * "VAR = VALUE" in pieces, up to the next one.  NULL when there is no "=".
 */
static char *next_assignment(const struct opts *opts, int *at)
{
	const char *first = opts->args[*at];
	struct buf b;
	char *text;

	(*at)++;
	if (strchr(first, '=') != NULL) {
		return xstrdup(first);
	}
	if (*at >= opts->nargs || opts->args[*at][0] != '=') {
		return NULL;
	}
	buf_init(&b);
	buf_addf(&b, "%s=%s", first, opts->args[*at] + 1);
	for ((*at)++; *at < opts->nargs; (*at)++) {
		int named = *at + 1 < opts->nargs && opts->args[*at + 1][0] == '=';

		if (named || strchr(opts->args[*at], '=') != NULL) {
			break;
		}
		if (b.data[b.len - 1] != '=') {
			buf_addc(&b, ' ');
		}
		buf_adds(&b, opts->args[*at]);
	}
	text = buf_take(&b, NULL);
	buf_release(&b);
	return text;
}

static int keep(struct cli *cli, const char *name, char *value, struct error *err)
{
	int rc = check_setting(name, err);

	plain_list(value);
	if (rc == 0) {
		rc = profile_set(cli->profile, name, value, err);
	}
	if (rc == 0) {
		say(cli, TONE_PLAIN, "Set '%s' to '%s'.", name,
		    profile_is_secret(name) ? "********" : value);
		if (opts_env(name) != NULL) {
			say(cli, TONE_WARN,
			    "'%s' is also set by an environment variable, which wins. "
			    "Run `unset %s` to use the new value.",
			    name, name);
		}
	}
	return rc;
}

static int config_set(struct cli *cli, const void *conf, const struct opts *opts,
		      struct error *err)
{
	int rc = 0, i = 0;

	(void)conf;
	while (rc == 0 && i < opts->nargs) {
		const char *given = opts->args[i];
		char *text = next_assignment(opts, &i);
		char *eq = text != NULL ? strchr(text, '=') : NULL;

		if (eq == NULL || eq == text) {
			free(text);
			return err_set(
			    err, ERR_USAGE,
			    "Failed to parse argument '%s'. Use the format 'VAR=VAL'.",
			    given);
		}
		*eq = '\0';
		rc = keep(cli, text, eq + 1, err);
		free(text);
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

/* {"name", "value", "source"} */
static void view_add(json_t *list, const char *name, const char *value,
		     const char *source, const struct config_conf *c)
{
	int hide = profile_is_secret(name) && !c->show_secrets;

	json_array_append_new(list,
			      json_pack("{s:s, s:s, s:s}", "name", name, "value",
					hide ? "********" : value, "source", source));
}

/* The address in use, then environment (it wins) and profile by name. */
static json_t *view_settings(struct cli *cli, const struct profile *p,
			     const struct config_conf *c)
{
	json_t *list = json_array();
	char *names[SETTINGS_MAX];
	size_t n = 0;

	view_add(list, "WF_API_URL", cli->api_url, cli->api_url_source, c);
	for (char **e = environ; *e != NULL && n < SETTINGS_MAX; e++) {
		names[n] = xstrndup(*e, strcspn(*e, "="));
		if (setting_name_ok(names[n])) {
			n++;
		} else {
			free(names[n]);
		}
	}
	for (size_t i = 0; p != NULL && i < profile_count(p) && n < SETTINGS_MAX; i++) {
		if (opts_env(profile_key(p, i)) == NULL) {
			names[n++] = xstrdup(profile_key(p, i));
		}
	}
	qsort(names, n, sizeof(names[0]), by_text);
	for (size_t i = 0; i < n; i++) {
		const char *env = opts_env(names[i]);

		if (strcmp(names[i], "WF_API_URL") != 0) {
			view_add(list, names[i],
				 env != NULL ? env : profile_get(p, names[i]),
				 env != NULL ? "env" : "profile", c);
		}
		free(names[i]);
	}
	return list;
}

static void view_print(struct cli *cli, const struct profile *p, const json_t *list,
		       const struct config_conf *c)
{
	int show = c->show_sources && !c->hide_sources;
	size_t i;
	json_t *s;

	say(cli, TONE_LINK, "WF_PROFILE='%s'%s", cli->profile,
	    p != NULL && profile_is_prefects(p) ? " (of Prefect, read only)" : "");
	json_array_foreach (list, i, s) {
		say(cli, TONE_PLAIN, "%s='%s'%s%s%s%s%s", member(s, "name"),
		    member(s, "value"), tone_on(cli, TONE_DIM), show ? " (from " : "",
		    show ? member(s, "source") : "", show ? ")" : "", tone_off(cli));
	}
}

static int config_view(struct cli *cli, const void *conf, const struct opts *opts,
		       struct error *err)
{
	const struct config_conf *c = conf;
	struct profile *p = NULL;
	json_t *list;
	int json = want_json(c->output, err);

	(void)opts;
	if (json < 0) {
		return json;
	}
	(void)profile_load(cli->profile, &p, NULL);
	list = view_settings(cli, p, c);
	if (json) {
		json_t *v =
		    json_pack("{s:s, s:O}", "profile", cli->profile, "settings", list);

		print_json(v);
		json_decref(v);
	} else {
		view_print(cli, p, list, c);
	}
	json_decref(list);
	profile_free(p);
	return 0;
}

/* Settings are checked when they are set; what is left to say is whether files can be
 * read. */
static int config_validate(struct cli *cli, const void *conf, const struct opts *opts,
			   struct error *err)
{
	struct profile *p = NULL;
	int rc = profile_load(cli->profile, &p, err);

	(void)conf;
	(void)opts;
	profile_free(p);
	if (rc == 0) {
		say(cli, TONE_OK, "Configuration valid!");
	}
	return rc;
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
    CLI_BOOL(struct config_conf, hide_sources, "hide-sources", 0,
	     "The same as --no-show-sources."),
    CLI_BOOL(struct config_conf, show_defaults, "show-defaults", 0,
	     "Accepted for compatibility: every program's --help names its defaults."),
    CLI_OUTPUT(struct config_conf, output),
};
static const struct opt yes_opts[] = {
    CLI_BOOL(struct config_conf, yes, "yes", 'y', "Do not ask."),
};
static const char *const setting_args[] = {"VAR=VALUE"};
static const char *const unset_args[] = {"VAR"};

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

CLI_SPEC0(validate_spec, "wf config validate", "",
	  "Check that the settings can be read.", struct config_conf, 0, NULL);

static const struct command config_commands[] = {
    {"set", NULL, &set_spec, config_set},
    {"unset", NULL, &unset_spec, config_unset},
    {"validate", NULL, &validate_spec, config_validate},
    {"view", NULL, &view_spec, config_view},
};
const struct command_group group_config = {
    .name = "config",
    .summary = "Keep settings: the server's address and more.",
    .commands = config_commands,
    .count = ARRAY_LEN(config_commands),
};
