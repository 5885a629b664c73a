/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete.c - candidates for shell completion, from the same tables as everything
 * else.
 */
#include "cli/complete.h"

#include <stdio.h>
#include <stdlib.h>
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
	static const char *const global[] = {"--profile", "--prompt", "--no-prompt",
					     "--version", "--help"};

	for (size_t i = 0; prefix[0] == '-' && i < sizeof(global) / sizeof(global[0]);
	     i++) {
		candidate(global[i], prefix);
	}
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

/* The options of a command that begin with PREFIX, each once. */
static void options(const struct opt_spec *spec, const char *prefix)
{
	char *text = NULL, *line, *rest = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	int versions = 0; /* a command may have a --version of its own */

	if (f == NULL) {
		return;
	}
	opts_complete(spec, f);
	if (fclose(f) == 0) {
		for (line = strtok_r(text, "\n", &rest); line != NULL;
		     line = strtok_r(NULL, "\n", &rest)) {
			if (strcmp(line, "--version") != 0 || versions++ == 0) {
				candidate(line, prefix);
			}
		}
	}
	free(text);
}

/* How many words stand in front of the group: --profile NAME, --no-prompt. */
static int global_words(int count, char **words)
{
	int at = 0;

	while (at < count - 1 && words[at][0] == '-') {
		at +=
		    strcmp(words[at], "--profile") == 0 || strcmp(words[at], "-p") == 0
			? 2
			: 1;
	}
	return at < count ? at : count - 1;
}

static int complete_words(int count, char **words)
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
		options(c->spec, prefix);
	}
	return 0;
}

int complete(int count, char **words)
{
	int skip = count > 0 ? global_words(count, words) : 0;

	return complete_words(count - skip, words + skip);
}
