/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - the walk of schema_validate(), shared by its keyword files.  Private.
 */
#ifndef API_ROUTES_SCHEMA_CHECK_H
#define API_ROUTES_SCHEMA_CHECK_H

#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/compiler.h"

/* A step below the root: a member or an element. */
struct schema_path {
	const struct schema_path *up;
	const char *key; /* NULL: an element */
	size_t index;
};

struct schema_problem {
	char *where; /* "a.b[0]"; "" at the root */
	char *order; /* sortable form of the path */
	char *message;
	int depth;
	int weak;     /* anyOf, oneOf: a choice failed */
	int off_type; /* the schema asks for another type than the value has */
	struct schema_list *inner; /* problems of the alternatives, or NULL */
};
struct schema_list {
	struct schema_problem *items;
	size_t count, size;
};

struct schema_walk {
	const json_t *root;
	unsigned int flags;
	long steps;
	int depth;
	int circular;     /* gave up: references go round in circles */
	char *unresolved; /* text of a $ref that leads nowhere */
};

/* Adds the problems of VALUE against SCHEMA to OUT. */
void schema_check(struct schema_walk *w, const json_t *value, const json_t *schema,
		  const struct schema_path *path, struct schema_list *out);
int schema_is_valid(struct schema_walk *w, const json_t *value, const json_t *schema);

void schema_list_release(struct schema_list *l);
/* The problem to tell the user about; NULL when there is none. */
const struct schema_problem *schema_best(const struct schema_list *l);

int schema_type_matches(const json_t *value, const json_t *types);
int schema_equal(const json_t *a, const json_t *b);

/* One keyword: WANT is its value in SCHEMA. */
struct schema_at {
	struct schema_walk *w;
	const json_t *want, *value, *schema;
	const struct schema_path *path;
	struct schema_list *out;
};
typedef void (*schema_keyword_fn)(const struct schema_at *at);
struct schema_keyword {
	const char *name;
	schema_keyword_fn check;
};
/* Tables ended by an entry without name, one per file. */
extern const struct schema_keyword schema_scalar_keywords[];
extern const struct schema_keyword schema_object_keywords[];
extern const struct schema_keyword schema_array_keywords[];
extern const struct schema_keyword schema_choice_keywords[];

/* One problem about the value: its text, a space, then the formatted one.  Returns it,
 * or NULL when the list is full. */
struct schema_problem *schema_problem_add(const struct schema_at *at, const char *fmt,
					  ...) WF_PRINTF(2, 3);
/* The same with a ready text, which is taken. */
struct schema_problem *schema_problem_take(const struct schema_at *at, char *message);

/* 1 match, 0 none; a pattern that cannot be compiled matches. */
int schema_pattern_matches(const char *pattern, const char *text);

#endif
