/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete.c - candidates for shell completion, from the same tables as everything
 * else.
 */
#include "cli/complete.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static void candidate(const char *word, const char *prefix)
{
	if (strncmp(word, prefix, strlen(prefix)) == 0) {
		(void)puts(word);
	}
}

static void first_words(const char *prefix)
{
	for (size_t i = 0; i < command_group_count; i++) {
		const struct command_group *g = command_groups[i];

		if (g->name != NULL) {
			candidate(g->name, prefix);
		}
		for (size_t j = 0; g->name == NULL && j < g->count; j++) {
			candidate(g->commands[j].name, prefix);
		}
	}
}

static const struct command_group *group_of(const char *word)
{
	for (size_t i = 0; i < command_group_count; i++) {
		const struct command_group *g = command_groups[i];

		if (g->name != NULL &&
		    (strcmp(g->name, word) == 0 ||
		     (g->alias != NULL && strcmp(g->alias, word) == 0))) {
			return g;
		}
	}
	return NULL;
}

static const struct command *command_of(const struct command_group *g, const char *word)
{
	for (size_t i = 0; i < command_group_count; i++) {
		const struct command_group *each = command_groups[i];

		if (each != g && !(g == NULL && each->name == NULL)) {
			continue;
		}
		for (size_t j = 0; j < each->count; j++) {
			if (strcmp(each->commands[j].name, word) == 0) {
				return &each->commands[j];
			}
		}
	}
	return NULL;
}

int complete(int count, char **words)
{
	const char *prefix = count > 0 ? words[count - 1] : "";
	const struct command_group *g = count > 1 ? group_of(words[0]) : NULL;
	const struct command *c;

	if (count <= 1) {
		first_words(prefix);
		return 0;
	}
	if (g != NULL && count == 2) {
		for (size_t j = 0; j < g->count; j++) {
			candidate(g->commands[j].name, prefix);
		}
		return 0;
	}
	c = command_of(g, words[g != NULL ? 1 : 0]);
	if (c != NULL && prefix[0] == '-') {
		opts_complete(c->spec, stdout);
	}
	return 0;
}
