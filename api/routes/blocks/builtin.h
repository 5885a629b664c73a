/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin.h - the block types that are there from the start, each with a schema.
 *
 * Clients that have a class of the same slug register their own schema beside ours when
 * they save; ours serves those that have none (REST, wf itself).
 */
#ifndef API_ROUTES_BLOCKS_BUILTIN_H
#define API_ROUTES_BLOCKS_BUILTIN_H

#include <stdint.h>

#include <jansson.h>

struct db_conn;
struct error;

#define BUILTIN_FIELDS_MAX 12

enum builtin_flags {
	BUILTIN_REQUIRED = 1u << 0,
	BUILTIN_SECRET = 1u << 1,      /* hidden, sealed */
	BUILTIN_SECRET_KEYS = 1u << 2, /* an object, each value of which is hidden */
	BUILTIN_NULL = 1u << 3         /* null is the default */
};

struct builtin_field {
	const char *name;
	const char *type; /* of JSON schema; NULL: anything */
	const char *title, *description;
	const char *standard; /* default, as JSON; NULL: none */
	unsigned int flags;   /* enum builtin_flags */
	const char *choices;  /* "GET POST PUT", or NULL */
};

struct builtin_block {
	const char *slug, *name, *model, *description;
	const char *capabilities; /* "read-path write-path" */
	int is_protected;
	struct builtin_field
	    fields[BUILTIN_FIELDS_MAX]; /* ends with one without name */
};

/* Ends with an entry without slug. */
extern const struct builtin_block builtin_blocks[];

/* "fields" of the schema of B; new reference.  Pure. */
json_t *builtin_schema(const struct builtin_block *b);
/* Adds those that are missing.  Database threads, in a write. */
int block_builtins_install(struct db_conn *c, int64_t now_us, struct error *err);

#endif
