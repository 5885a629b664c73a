/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests.h - the `tests` of a flow file: read, and compared with what a run was.
 */
#ifndef ENGINE_TRYOUT_TESTS_H
#define ENGINE_TRYOUT_TESTS_H

#include <stddef.h>

#include <jansson.h>

struct loader;
struct ynode;

#define TESTS_MAX 1000u

struct test_case {
	const struct ynode *key;    /* its name and place */
	const struct ynode *expect; /* or NULL */
	char *flow;                 /* NULL: the only one of the file */
	json_t *params, *stubs, *env;
};
struct test_cases {
	struct test_case *items;
	size_t count;
};

/* N is the value of `tests`; problems are noted in L, whose file has its flows. */
void tests_load(struct loader *l, const struct ynode *n, struct test_cases *ret);
void tests_release(struct test_cases *t);

/* Notes in L where the record DOC of a run is not as CASE says; DOC NULL: only whether
 * the expectations can be understood. */
void expect_check(struct loader *l, const struct test_case *c, const json_t *doc);

#endif
