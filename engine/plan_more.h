/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_more.h - what only some tasks have: a cache, a condition for retries, limits, a
 * subflow, a pause.
 */
#ifndef ENGINE_PLAN_MORE_H
#define ENGINE_PLAN_MORE_H

#include <stddef.h>

#include <jansson.h>

#include "engine/plan_types.h"

struct regex;
struct tmpl;

enum plan_cache_policy {
	PLAN_CACHE_INPUTS = 1u << 0,
	PLAN_CACHE_SOURCE = 1u << 1,
	PLAN_CACHE_RUN_ID = 1u << 2,
	PLAN_CACHE_PARAMS = 1u << 3,
	PLAN_CACHE_FILES = 1u << 4,
};
#define PLAN_CACHE_DEFAULT (PLAN_CACHE_INPUTS | PLAN_CACHE_SOURCE | PLAN_CACHE_RUN_ID)
struct plan_cache {
	unsigned int policy;    /* 0: never */
	struct plan_strs minus; /* inputs that do not count */
	struct plan_strs files; /* patterns; of PLAN_CACHE_FILES */
	struct tmpl *key;       /* in place of the policy */
	double expires_s;       /* 0: never */
	int refresh;
	int serializable; /* one computes, the others wait */
};

struct plan_range {
	int from, to;
};
struct plan_retry_if { /* everything that is given must hold */
	struct plan_range *codes;
	size_t code_count;
	int *signals;
	size_t signal_count;
	struct plan_range *attempts;
	size_t attempt_count;
	int timed_out; /* -1: not asked */
	struct regex *out, *err;
	struct tmpl *expr;
	struct plan_retry_if **all, **any, **none;
	size_t all_count, any_count, none_count;
};

struct plan_limit {
	char *name;
	int slots;
	int rate; /* a rate limit: nothing is given back */
	int strict;
	double timeout_s; /* 0: waits for ever */
};
struct plan_limits {
	struct plan_limit *items;
	size_t count;
};

struct plan_uses {        /* another flow as a task */
	char *path;       /* of a file; NULL: the same one */
	char *flow;       /* its name, or NULL */
	char *deployment; /* "flow/name"; the others are NULL then */
	int wait;         /* for the end of a deployment's run */
	struct tmpl *job_variables, *run_name;
};

struct plan_pause {
	double timeout_s;
	json_t *schema; /* of the input, or NULL */
	int suspend;
};

enum plan_commit {
	PLAN_COMMIT_LAZY = 0, /* at the end of the transaction */
	PLAN_COMMIT_EAGER,    /* each run when it is completed */
	PLAN_COMMIT_OFF,      /* never: rolled back at the end */
};
struct plan_txn {
	char *name;
	size_t count; /* tasks */
	int serializable;
	enum plan_commit mode;
};

void plan_cache_free(struct plan_cache *c); /* these accept NULL */
void plan_retry_if_free(struct plan_retry_if *r);
void plan_uses_free(struct plan_uses *u);
void plan_pause_free(struct plan_pause *p);
void plan_limits_release(struct plan_limits *l);

#endif
