/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.c - the other programs of wf, which stand beside it.
 */
#include "base/error.h"
#include "base/proc.h"
#include "cli/cli.h"

char *cli_find_program(const char *name, struct error *err)
{
	char *path = proc_find_program(name);

	if (path == NULL) {
		(void)err_set(err, ERR_NOT_FOUND,
			      "%s is neither beside wf nor in PATH: install wf whole.",
			      name);
	}
	return path;
}
