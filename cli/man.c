/* SPDX-License-Identifier: Apache-2.0 */
/*
 * man.c - one manual page for the whole tree of commands, from the tables of the
 * commands.
 */
#include "cli/man.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/spec.h"

struct globals {
	char *profile;
	int prompt;
};

static const struct opt global_opts[] = {
    CLI_STR(struct globals, profile, "profile", 'p', "NAME", "Use this profile."),
    {.name = "prompt",
     .type = OPT_TYPE_BOOL,
     OPT_AT(struct globals, prompt),
     .def = "true",
     .help = "Never ask. Without it questions are asked on a terminal only.",
     .flags = OPT_F_FLAGONLY},
};

static const struct opt_spec top = {
    .program = "wf",
    .usage = "[--profile NAME] [--no-prompt] COMMAND ...",
    .about = "Runs workflows: flows in YAML and Python, on work pools, at scale. Every "
	     "command explains itself with --help.",
    .examples = "wf server start --background\n"
		"wf work-pool create tutorial-process-pool\n"
		"wf deploy --all\n"
		"wf deployment run hello/hello --watch\n",
    .opts = global_opts,
    .count = ARRAY_LEN(global_opts),
    .conf_size = sizeof(struct globals),
    .exit_text = "0 on success, 1 when something went wrong or the usage is wrong.",
};

static size_t all_commands(const struct opt_spec ***ret)
{
	size_t n = 0, at = 0;

	for (size_t i = 0; i < command_group_count; i++) {
		n += command_groups[i]->count;
	}
	*ret = xcalloc(n + 1, sizeof(const struct opt_spec *));
	for (size_t i = 0; i < command_group_count; i++) {
		for (size_t j = 0; j < command_groups[i]->count; j++) {
			(*ret)[at++] = command_groups[i]->commands[j].spec;
		}
	}
	return n;
}

int man_page(void)
{
	const struct opt_spec **specs;
	size_t n = all_commands(&specs);

	opts_man_tree(&top, 1, specs, n, stdout);
	free(specs);
	return 0;
}

int list_commands(void)
{
	const struct opt_spec **specs;
	size_t n = all_commands(&specs);

	for (size_t i = 0; i < n; i++) {
		(void)printf("%s\n", specs[i]->program);
	}
	free(specs);
	return 0;
}
