/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - the command of a handler or a hook: JSON on its standard input, lines of
 * its outputs to the log, and (of a handler) an answer on its standard output.
 */
#ifndef ENGINE_CHANGE_COMMAND_H
#define ENGINE_CHANGE_COMMAND_H

#include <stddef.h>

struct change_command;
struct error;
struct loop;

#define COMMAND_ANSWER_MAX (1u << 20)

struct change_command_ops {
	void (*log)(int level, const char *text, void *arg);
	/* Once: RC 0 and what it answered, or -code and WHY ("exited with code 1: no").
	 */
	void (*done)(int rc, const char *answer, size_t len, const char *why,
		     void *arg);
};
struct change_command_spec { /* borrowed during the call, except OPS */
	char *const *argv;
	char *const *envp;
	const char *cwd;
	const char *input;
	int log_output; /* standard output is lines for the log, no answer */
	double timeout_s;
	const struct change_command_ops *ops;
	void *arg;
};
int change_command_start(struct loop *loop, const struct change_command_spec *spec,
			 struct change_command **ret_command, struct error *err);

#endif
