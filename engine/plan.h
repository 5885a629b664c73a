/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what a flow is: the immutable result of loading a file.
 *
 * A plan_file holds the flows of one file; a flow holds its tasks in the order of the
 * file, with the edges of the graph in both directions.  Nothing in here changes after
 * loading.
 */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "engine/plan_handler.h"
#include "engine/plan_more.h"
#include "engine/plan_types.h"

struct buf;
struct error;
struct name_tmpl;
struct tmpl;

#define PLAN_MAX_TASKS       100000u
#define PLAN_MAX_RETRIES     10000
#define PLAN_MAX_DELAYS      50
#define PLAN_MAX_WORKERS     1024
#define PLAN_DEFAULT_WORKERS 16
#define PLAN_DEFAULT_GRACE_S 5.0
#define PLAN_INHERIT         (-1)
#define PLAN_MAX_PARALLEL    100000
#define PLAN_NO_TASK         ((size_t)-1)

enum plan_outputs {
	PLAN_OUT_NONE = 0,
	PLAN_OUT_JSON,
	PLAN_OUT_TEXT,
	PLAN_OUT_LINES,
	PLAN_OUT_FILE,
};

struct plan_task {
	size_t index;
	char *key;
	char *name; /* shown; the key itself unless given */
	char *description;
	char *task_key; /* <key>-<8 hex of its text>: names the task across runs */
	char *source;   /* sha256 of its text, for the cache */
	/* what to run: exactly one of these */
	char *script;
	struct tmpl **argv;
	size_t argc;
	struct plan_uses *uses;
	struct plan_pause *pause;

	struct plan_pairs with;
	struct plan_pairs env;
	struct tmpl *cond; /* "if"; NULL: always */
	enum plan_outputs outputs;
	int line;                 /* in the file */
	struct tmpl *output_file; /* PLAN_OUT_FILE */
	struct plan_delays delays;
	double jitter;
	double timeout_s; /* 0: none */
	double grace_s;
	int log_prints; /* 0, 1, PLAN_INHERIT */
	int allow_failure;
	struct plan_strs tags;
	struct name_tmpl *run_name; /* or NULL */

	struct plan_pairs each; /* for_each: lists of equal length */
	struct plan_strs unmapped;
	int max_parallel; /* 0: as many as there are workers */
	int generator;
	size_t stream_of; /* the generator whose items for_each takes as they come */
	int keeps_value;  /* its result is used by something else than a stream */
	int retries;

	struct plan_cache *cache; /* these five: or NULL */
	struct plan_retry_if *retry_if;
	struct plan_hooks *hooks;
	struct tmpl *storage_key;
	char *storage;                 /* result_storage */
	struct plan_handlers handlers; /* state_handlers, then on_failure */
	struct plan_limits limits;
	int persist_result; /* 0, 1, PLAN_INHERIT */
	size_t txn;         /* number of its transaction, from 1; 0: none */

	struct plan_edges upstream;
	struct plan_edges downstream;
};

struct plan_param {
	char *name;
	json_t *schema; /* JSON Schema of the value */
	json_t *def;    /* or NULL */
	int required;
};

struct plan_flow {
	char *name;
	char *description;
	const char *version; /* of the file, borrowed */
	int line;
	struct plan_param *params;
	size_t param_count;
	struct name_tmpl *run_name; /* or NULL */
	int retries;
	int64_t retry_delay_s;
	double timeout_s; /* 0: none */
	int log_prints;
	struct plan_strs tags;
	struct plan_pairs env;
	int max_workers;
	struct plan_task **tasks;
	size_t count;
	struct tmpl *ret; /* "return"; NULL: nothing */
	int dynamic;      /* a function makes the runs: see sched_add() */

	const struct plan_file *file; /* or NULL */
	struct plan_handlers handlers;
	struct plan_hooks *hooks;            /* or NULL */
	struct plan_strs secrets, variables; /* that expressions name */
	struct plan_txn *txns;
	size_t txn_count;
	char *storage;      /* result_storage, or NULL */
	int persist_result; /* 0, 1, PLAN_INHERIT */
	int suspends;       /* some task does */
};

struct plan_file {
	char *path;
	char *version; /* first 32 hex digits of the file's sha256 */
	struct plan_flow **flows;
	size_t count;
};

/*
 * Loads and checks a file.  0, or -ERR_INVALID with all errors as text appended to
 * REPORT (places, source lines), or another code in ERR when it could not be read.
 */
int plan_load(const char *path, struct plan_file **ret_file, struct buf *report,
	      struct error *err);
/* The same from memory; NAME stands in the messages. */
int plan_parse(const char *name, const char *text, size_t len,
	       struct plan_file **ret_file, struct buf *report);
void plan_free(struct plan_file *f); /* accepts NULL */

/* NAME may be NULL when the file has one flow.  NULL and ERR when there is no such
 * flow. */
struct plan_flow *plan_find(const struct plan_file *f, const char *name,
			    struct error *err);

/* Private to the loader. */
void plan_flow_free(struct plan_flow *f);
void plan_task_free(struct plan_task *t);

#endif
