/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - finds the command, loads its options, runs it, prints its error.
 *
 *	wf [--profile NAME] [--no-prompt] GROUP COMMAND [options]
 */
#include <ctype.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/complete.h"
#include "cli/man.h"
#include "cli/output.h"
#include "cli/session.h"

#ifndef PACKAGE_VERSION
#	define PACKAGE_VERSION "0.1.0"
#endif

struct globals {
	const char *profile;
	int prompt; /* -1: not said */
	int at;     /* index of the first word */
};

static int is_option(const char *arg, const char *longer, const char *shorter)
{
	return strcmp(arg, longer) == 0 ||
	       (shorter != NULL && strcmp(arg, shorter) == 0);
}

static int parse_globals(int argc, char **argv, struct globals *g, struct error *err)
{
	g->profile = NULL;
	g->prompt = -1;
	for (g->at = 1; g->at < argc && argv[g->at][0] == '-'; g->at++) {
		const char *a = argv[g->at];

		if (is_option(a, "--profile", "-p") && g->at + 1 < argc) {
			g->profile = argv[++g->at];
		} else if (is_option(a, "--prompt", NULL)) {
			g->prompt = 1;
		} else if (is_option(a, "--no-prompt", NULL)) {
			g->prompt = 0;
		} else if (is_option(a, "--version", "-v") || strcmp(a, "-V") == 0 ||
			   is_option(a, "--help", "-h")) {
			return 0;
		} else {
			return err_set(err, ERR_USAGE,
				       "Unknown option '%s'. See `wf --help`.", a);
		}
	}
	return 0;
}

/* "  NAME   TEXT", folded at the width of the terminal (80 in a pipe). */
static void help_line(const char *name, int column, const char *text)
{
	int width = session_width(80) - column - 3, len;

	(void)printf("  %-*s ", column, name);
	while (*text != '\0') {
		len = (int)strlen(text);
		if (width >= 12 && len > width) {
			for (len = width; len > 0 && text[len] != ' '; len--) {
			}
			len = len > 0 ? len : width;
		}
		(void)printf("%.*s\n", len, text);
		text += len;
		text += strspn(text, " ");
		if (*text != '\0') {
			(void)printf("  %*s ", column, "");
		}
	}
}

static void help_all(void)
{
	(void)printf(
	    "Usage: wf [--profile NAME] [--no-prompt] COMMAND ...\n\n"
	    "wf runs workflows: flows in YAML, C or Python, on work pools, at scale.\n"
	    "`wf COMMAND --help` explains a command.\n\nCommands\n");
	for (size_t i = 0; i < command_group_count; i++) {
		const struct command_group *g = command_groups[i];

		if (g->name != NULL) {
			help_line(g->name, 12, g->summary);
			continue;
		}
		for (size_t j = 0; j < g->count; j++) {
			help_line(g->commands[j].name, 12, g->commands[j].spec->about);
		}
	}
	(void)printf("\nOptions\n"
		     "  -p, --profile NAME  use this profile\n"
		     "      --no-prompt     never ask\n"
		     "  -v, --version       print the version\n"
		     "  -h, --help          this text\n");
}

static void help_group(const struct command_group *g)
{
	(void)printf("Usage: wf %s COMMAND ...\n\n%s\n\nCommands\n", g->name,
		     g->summary);
	for (size_t j = 0; j < g->count; j++) {
		help_line(g->commands[j].name, 24, g->commands[j].spec->about);
	}
}

static int named(const char *word, const char *name, const char *alias)
{
	return (name != NULL && strcmp(word, name) == 0) ||
	       (alias != NULL && strcmp(word, alias) == 0);
}

static const struct command *command_in(const struct command_group *g, const char *word)
{
	for (size_t j = 0; j < g->count; j++) {
		if (named(word, g->commands[j].name, g->commands[j].alias)) {
			return &g->commands[j];
		}
	}
	return NULL;
}

/* "`wf flow run` or `wf deployment run`": the commands of groups that are called WORD.
 */
static int verb_hint(const char *word, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < command_group_count && len < size; i++) {
		const struct command_group *g = command_groups[i];
		const struct command *c = g->name != NULL ? command_in(g, word) : NULL;

		if (c != NULL) {
			len +=
			    (size_t)snprintf(buf + len, size - len, "%s`wf %s %s`",
					     len > 0 ? " or " : "", g->name, c->name);
		}
	}
	return len > 0 && len < size;
}

static int unknown(const struct command_group *g, const char *word, struct error *err)
{
	const char *names[256] = {NULL};
	char verbs[256];
	size_t n = 0;
	const char *near;

	for (size_t i = 0; g == NULL && i < command_group_count; i++) {
		const struct command_group *each = command_groups[i];

		if (each->name != NULL && n < ARRAY_LEN(names)) {
			names[n++] = each->name;
		}
		for (size_t j = 0; each->name == NULL && j < each->count; j++) {
			if (n < ARRAY_LEN(names)) {
				names[n++] = each->commands[j].name;
			}
		}
	}
	for (size_t j = 0; g != NULL && j < g->count && n < ARRAY_LEN(names); j++) {
		names[n++] = g->commands[j].name;
	}
	near = opts_nearest(word, names, n);
	if (g == NULL && near == NULL && verb_hint(word, verbs, sizeof(verbs))) {
		return err_set(err, ERR_USAGE, "No such command '%s'. Did you mean %s?",
			       word, verbs);
	}
	return err_set(
	    err, ERR_USAGE, "No such command '%s%s%s'.%s%s%s See `wf %s%s--help`.",
	    g != NULL ? g->name : "", g != NULL ? " " : "", word,
	    near != NULL ? " Did you mean '" : "", near != NULL ? near : "",
	    near != NULL ? "'?" : "", g != NULL ? g->name : "", g != NULL ? " " : "");
}

/* The command that ARGV[*at] (and the word behind it) names; *at moves to its last
 * word. */
static int find_command(int argc, char **argv, int *at,
			const struct command **ret_command, struct error *err)
{
	const char *word = argv[*at];

	for (size_t i = 0; i < command_group_count; i++) {
		const struct command_group *g = command_groups[i];
		const struct command *c;

		if (g->name == NULL) {
			c = command_in(g, word);
			if (c != NULL) {
				*ret_command = c;
				return 0;
			}
			continue;
		}
		if (!named(word, g->name, g->alias)) {
			continue;
		}
		if (*at + 1 >= argc || is_option(argv[*at + 1], "--help", "-h")) {
			help_group(g);
			*ret_command = NULL;
			return 0;
		}
		c = command_in(g, argv[*at + 1]);
		if (c == NULL) {
			return unknown(g, argv[*at + 1], err);
		}
		(*at)++;
		*ret_command = c;
		return 0;
	}
	return unknown(NULL, word, err);
}

static int has_option(const struct opt_spec *spec, const char *name)
{
	for (size_t i = 0; i < spec->count; i++) {
		if (strcmp(spec->opts[i].name, name) == 0) {
			return 1;
		}
	}
	return 0;
}

/*
 * Options of the session may also stand behind the command: takes them out of ARGV
 * (unless the command has an option of that name).  Returns how many words are left.
 */
static int take_session(const struct opt_spec *spec, int argc, char **argv,
			struct globals *g)
{
	int n = 1;

	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];

		if (strcmp(a, "--") == 0) {
			while (i < argc) {
				argv[n++] = argv[i++];
			}
		} else if (strcmp(a, "--profile") == 0 && i + 1 < argc &&
			   !has_option(spec, "profile")) {
			g->profile = argv[++i];
		} else if (strncmp(a, "--profile=", 10) == 0 &&
			   !has_option(spec, "profile")) {
			g->profile = a + 10;
		} else if (strcmp(a, "--prompt") == 0) {
			g->prompt = 1;
		} else if (strcmp(a, "--no-prompt") == 0) {
			g->prompt = 0;
		} else {
			argv[n++] = argv[i];
		}
	}
	return n;
}

/* The command's words go to another program; --help alone is ours. */
static int run_raw(struct cli *cli, const struct globals *g, const struct command *c,
		   int argc, char **argv, struct error *err)
{
	const struct opts opts = {.args = argv + 1, .nargs = argc - 1};
	int rc;

	if (argc == 2 && is_option(argv[1], "--help", "-h")) {
		opts_help(c->spec, stdout);
		return 0;
	}
	rc = session_open(cli, g->profile, g->prompt, err);
	if (rc == 0) {
		rc = c->run(cli, NULL, &opts, err);
	}
	session_close(cli);
	return rc;
}

static int run_command(struct cli *cli, struct globals *g, const struct command *c,
		       int argc, char **argv, struct error *err)
{
	void *conf;
	struct opts opts = {0};
	int rc;

	if (c->spec->raw) {
		return run_raw(cli, g, c, argc, argv, err);
	}
	argc = take_session(c->spec, argc, argv, g);
	conf = xcalloc(1, c->spec->conf_size > 0 ? c->spec->conf_size : 1);
	rc = opts_load(c->spec, argc, argv, NULL, conf, &opts, err);
	if (rc < 0) {
		cli->usage = 1;
		err->msg[0] = (char)toupper((unsigned char)err->msg[0]);
		free(conf);
		return rc;
	}
	if (opts.want_help) {
		opts_help(c->spec, stdout);
	} else {
		rc = session_open(cli, g->profile, g->prompt, err);
		if (rc == 0) {
			rc = c->run(cli, conf, &opts, err);
		}
		session_close(cli);
	}
	opts_release(c->spec, conf, &opts);
	free(conf);
	return rc;
}

static int dispatch(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct globals g;
	const struct command *c = NULL;
	int rc = parse_globals(argc, argv, &g, err);

	if (rc < 0) {
		cli->usage = 1;
		return rc;
	}
	if (g.at < argc && (is_option(argv[g.at], "--version", "-v") ||
			    strcmp(argv[g.at], "-V") == 0)) {
		(void)puts(PACKAGE_VERSION);
		return 0;
	}
	if (g.at >= argc || argv[g.at][0] == '-') {
		help_all();
		return 0;
	}
	if (strcmp(argv[g.at], "__complete") == 0) {
		return complete(argc - g.at - 1, argv + g.at + 1);
	}
	if (strcmp(argv[g.at], "__man") == 0) {
		return man_page();
	}
	if (strcmp(argv[g.at], "__commands") == 0) {
		return list_commands();
	}
	rc = find_command(argc, argv, &g.at, &c, err);
	if (rc < 0 || c == NULL) {
		cli->usage = rc < 0;
		return rc;
	}
	return run_command(cli, &g, c, argc - g.at, argv + g.at, err);
}

int cli_main(int argc, char **argv)
{
	struct cli cli = {.program = "wf"};
	struct error err = {0};
	int rc;

	(void)setlocale(LC_CTYPE, "");
	rc = dispatch(&cli, argc, argv, &err);
	if (rc < 0 && err.msg[0] != '\0') {
		say(&cli, TONE_BAD, "%s", err.msg);
	}
	if (fflush(stdout) != 0) {
		return 1;
	}
	return rc >= 0 ? rc : cli.usage ? 2 : 1;
}
