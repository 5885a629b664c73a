/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toml.h - reader of the TOML subset of our configuration files.
 *
 * Tables, dotted and quoted keys, strings, integers, floats, booleans and arrays of
 * strings. Not: dates, multi-line strings, inline tables, arrays of tables, other
 * arrays; each is an error that says so.  Errors begin with "file:line:column: ". Input
 * is untrusted: every size is bounded.  Pure, any thread.
 */
#ifndef BASE_TOML_H
#define BASE_TOML_H

#include <stddef.h>

struct error;

#define TOML_MAX_BYTES  1048576
#define TOML_MAX_KEY    255 /* of a whole path */
#define TOML_MAX_STRING 65536
#define TOML_MAX_ITEMS  1024 /* of one array */
#define TOML_MAX_KEYS   4096

enum toml_type { TOML_STRING = 1, TOML_INT, TOML_REAL, TOML_BOOL, TOML_ARRAY };

struct toml_value {
	enum toml_type type;
	const char
	    *text; /* scalars: unescaped string, decimal number, "true" or "false" */
	char *const *items; /* array: strings */
	size_t count;
	size_t line, column; /* of the key, from 1 */
};

/* PATH is "table.key".  Everything is borrowed.  A negative result stops the reading;
 * the message in ERR then gets the position in front. */
typedef int (*toml_fn)(const char *path, const struct toml_value *value, void *arg,
		       struct error *err);

/* NAME is used in messages.  TEXT need not be terminated.  0, or -ERR_INVALID etc. */
int toml_parse(const char *name, const char *text, size_t len, toml_fn fn, void *arg,
	       struct error *err);

#endif
