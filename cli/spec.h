/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec.h - shorthand for the option tables of commands: options of a command line only
 * (no environment, no file).
 */
#ifndef CLI_SPEC_H
#define CLI_SPEC_H

#include <stddef.h>

#include "base/opts.h"

#define CLI_STR(st, member, nm, ltr, meta, text)                                     \
	{                                                                            \
		.name = nm, .letter = ltr, .type = OPT_TYPE_STR, OPT_AT(st, member), \
		.def = "", .metavar = meta, .help = text, .flags = OPT_F_FLAGONLY    \
	}
#define CLI_LIST(st, member, nm, ltr, meta, text)                                     \
	{                                                                             \
		.name = nm, .letter = ltr, .type = OPT_TYPE_LIST, OPT_AT(st, member), \
		.metavar = meta, .help = text, .flags = OPT_F_FLAGONLY                \
	}
#define CLI_INT(st, member, nm, ltr, dflt, meta, text)                               \
	{                                                                            \
		.name = nm, .letter = ltr, .type = OPT_TYPE_INT, OPT_AT(st, member), \
		.def = dflt, .metavar = meta, .help = text, .flags = OPT_F_FLAGONLY  \
	}
#define CLI_BOOL(st, member, nm, ltr, text)                                           \
	{                                                                             \
		.name = nm, .letter = ltr, .type = OPT_TYPE_BOOL, OPT_AT(st, member), \
		.help = text, .flags = OPT_F_FLAGONLY                                 \
	}
#define CLI_OUTPUT(st, member) \
	CLI_STR(st, member, "output", 'o', "json", "Print JSON instead of text.")

/* static const struct opt_spec VAR: a command with the options TABLE and N arguments.
 */
#define CLI_SPEC(var, prog, args_usage, text, table, st, n, names)                  \
	static const struct opt_spec var = {.program = prog,                        \
					    .usage = args_usage,                    \
					    .about = text,                          \
					    .opts = table,                          \
					    .count =                                \
						sizeof(table) / sizeof((table)[0]), \
					    .conf_size = sizeof(st),                \
					    .min_args = n,                          \
					    .max_args = n,                          \
					    .arg_names = names}
/* The same without options. */
#define CLI_SPEC0(var, prog, args_usage, text, st, n, names)         \
	static const struct opt_spec var = {.program = prog,         \
					    .usage = args_usage,     \
					    .about = text,           \
					    .opts = NULL,            \
					    .count = 0,              \
					    .conf_size = sizeof(st), \
					    .min_args = n,           \
					    .max_args = n,           \
					    .arg_names = names}

#endif
