/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_types.h - the small parts that plans are made of.
 */
#ifndef ENGINE_PLAN_TYPES_H
#define ENGINE_PLAN_TYPES_H

#include <stddef.h>

struct plan_handler;
struct tmpl;

struct plan_strs {
	char **items;
	size_t count;
};
/* NAME: value, in the order of the file. */
struct plan_pair {
	char *name;
	struct tmpl *value;
};
struct plan_pairs {
	struct plan_pair *items;
	size_t count;
};
struct plan_delays {
	double *seconds; /* the last one repeats */
	size_t count;
};
struct plan_edges {
	size_t *tasks;
	size_t count;
};
struct plan_handlers { /* called in this order */
	struct plan_handler **items;
	size_t count;
};

enum plan_hook {
	PLAN_ON_RUNNING = 0,
	PLAN_ON_COMPLETION,
	PLAN_ON_FAILURE,
	PLAN_ON_CANCELLATION,
	PLAN_ON_CRASHED,
	PLAN_ON_COMMIT,
	PLAN_ON_ROLLBACK,
	PLAN_HOOK_KINDS
};
struct plan_hooks {
	struct plan_handlers lists[PLAN_HOOK_KINDS];
};

void plan_strs_release(struct plan_strs *s);
void plan_pairs_release(struct plan_pairs *p);

#endif
