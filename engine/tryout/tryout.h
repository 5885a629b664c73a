/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tryout.h - a whole run without a server and by the clock of tests: what `wf flow
 * test` and wf_test_flow() do.
 */
#ifndef ENGINE_TRYOUT_TRYOUT_H
#define ENGINE_TRYOUT_TRYOUT_H

#include <jansson.h>

struct builtin;
struct error;
struct plan_flow;

struct tryout {
	const struct plan_flow *flow;
	const json_t *params;
	const struct builtin *builtin; /* of a C flow; NULL: of a file */
	const json_t *stubs;           /* of a file: see stub.c; not NULL */
	const char *store;             /* of a file: where results go */
};

/* The record of the run (as run -o json prints it), owned; NULL and ERR on failure. */
char *tryout_run(const struct tryout *t, struct error *err);

#endif
