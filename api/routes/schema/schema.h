/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h - checks a JSON value against a JSON Schema (draft 2020-12, core keywords).
 * Pure.
 *
 * Known: type enum const properties patternProperties required additionalProperties
 * propertyNames min/maxProperties items prefixItems contains min/maxContains
 * min/maxItems uniqueItems minimum maximum exclusive* multipleOf min/maxLength pattern
 * anyOf oneOf allOf not if/then/else dependentRequired $ref (local: "#", "#/a/b").
 * Unknown keywords and "format" are ignored.  Patterns are POSIX EREs with \d \w \s
 * translated; one that does not compile, or could be costly,
 * matches everything (pattern.c).
 *
 * The error kept is the one a user needs: of the problems nearest to the root the last,
 * and inside anyOf/oneOf the deepest.  Nesting, problems and steps are bounded.
 */
#ifndef API_ROUTES_SCHEMA_SCHEMA_H
#define API_ROUTES_SCHEMA_SCHEMA_H

#include <jansson.h>

struct error;

#define SCHEMA_DEPTH_MAX  64
#define SCHEMA_ERRORS_MAX 256
#define SCHEMA_STEPS_MAX  100000

enum schema_flags {
	SCHEMA_IGNORE_REQUIRED = 1u << 0, /* drop every "required" */
	SCHEMA_NO_PREPROCESS = 1u << 1,
	SCHEMA_NONE_WITH_DEFAULT = 1u
				   << 2, /* optional with a default may be null, too */
};

/*
 * Before checking, optional properties with a plain type may be null, and a list under
 * "items" becomes prefixItems (schemas made by pydantic 1), unless
 * SCHEMA_NO_PREPROCESS. 0; -ERR_INVALID with "Validation failed for field 'a.b[0]'.
 * Failure reason: ..." or, at the root, "Validation failed. Failure reason: ...";
 * -ERR_LIMIT for circular references, with the text clients know.
 */
int schema_validate(const json_t *value, const json_t *schema, unsigned int flags,
		    struct error *err);

/*
 * All problems, with the place of each ("a.b[0]", "" at the root), in the order of the
 * schema.  0 (FN may not have been called), or -ERR_LIMIT, -ERR_INVALID when the schema
 * itself is at fault.
 */
typedef void (*schema_problem_fn)(const char *where, const char *message, void *arg);
int schema_each_problem(const json_t *value, const json_t *schema, schema_problem_fn fn,
			void *arg, struct error *err);

/* What schema_validate() works with after preprocessing; new reference.  For tests. */
json_t *schema_preprocessed(const json_t *schema, unsigned int flags);

#endif
