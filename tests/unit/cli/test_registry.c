/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_registry.c - the tables of commands: sorted, unique, complete.
 */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/complete.h"

/* A group without a name (the commands at the top) comes first. */
Test(registry, groups_are_sorted_and_unique)
{
	for (size_t i = 0; i < command_group_count; i++) {
		const struct command_group *g = command_groups[i];

		cr_assert(g->count > 0);
		cr_assert(i == 0 || g->name != NULL);
		cr_assert(g->name == NULL || g->summary != NULL, "%s", g->name);
		if (i > 0 && command_groups[i - 1]->name != NULL) {
			cr_expect_lt(strcmp(command_groups[i - 1]->name, g->name), 0,
				     "%s behind %s", g->name,
				     command_groups[i - 1]->name);
		}
	}
}

static int same_word(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

Test(registry, words_of_a_group_are_unique)
{
	for (size_t i = 0; i < command_group_count; i++) {
		const struct command_group *g = command_groups[i];

		for (size_t a = 0; a < g->count; a++) {
			for (size_t b = a + 1; b < g->count; b++) {
				const struct command *x = &g->commands[a],
						     *y = &g->commands[b];

				cr_expect(!same_word(x->name, y->name) &&
					      !same_word(x->name, y->alias) &&
					      !same_word(x->alias, y->name) &&
					      !same_word(x->alias, y->alias),
					  "%s and %s", x->name, y->name);
			}
		}
	}
}

Test(registry, every_command_is_described_by_its_own_words)
{
	for (size_t i = 0; i < command_group_count; i++) {
		const struct command_group *g = command_groups[i];

		for (size_t j = 0; j < g->count; j++) {
			const struct command *c = &g->commands[j];
			char program[64];

			(void)snprintf(program, sizeof(program), "wf %s%s%s",
				       g->name != NULL ? g->name : "",
				       g->name != NULL ? " " : "", c->name);
			cr_expect_not_null(c->run);
			cr_expect_str_eq(c->spec->program, program);
			cr_expect(c->spec->about != NULL && c->spec->about[0] != '\0');
			for (size_t k = 0; k < c->spec->count; k++) {
				const struct opt *o = &c->spec->opts[k];

				cr_expect(o->help != NULL &&
					      o->help[strlen(o->help) - 1] == '.',
					  "%s --%s", program, o->name);
				cr_expect_lt(o->offset, c->spec->conf_size);
			}
		}
	}
}

static void words(int n, const char *a, const char *b, const char *c)
{
	char *argv[] = {(char *)(uintptr_t)a, (char *)(uintptr_t)b,
			(char *)(uintptr_t)c, NULL};

	cr_assert_eq(complete(n, argv), 0);
	(void)fflush(stdout);
}

Test(complete, the_first_word, .init = cr_redirect_stdout)
{
	words(1, "work-", NULL, NULL);
	cr_assert_stdout_eq_str("work-pool\nwork-queue\n");
}

Test(complete, the_command_of_a_group, .init = cr_redirect_stdout)
{
	words(2, "work-pool", "p", NULL);
	cr_assert_stdout_eq_str("pause\npreview\n");
}

Test(complete, options_of_a_command, .init = cr_redirect_stdout)
{
	words(3, "server", "stop", "-");
	cr_assert_stdout_eq_str("--data-dir\n--help\n--version\n");
}

Test(complete, nothing_for_what_is_unknown, .init = cr_redirect_stdout)
{
	words(2, "nope", "x", NULL);
	words(3, "work-pool", "nope", "-");
	words(3, "work-pool", "create", "x");
	cr_assert_stdout_eq_str("");
}
