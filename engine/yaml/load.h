/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - the inside of the loader: tables of keys, typed values, pending references.
 *
 * A mapping is loaded by walking a table of struct field.  Every problem is noted in
 * the loader's diags and loading goes on, so that one run shows all errors of a file.
 */
#ifndef ENGINE_YAML_LOAD_H
#define ENGINE_YAML_LOAD_H

#include <stddef.h>

#include <jansson.h>

#include "base/map.h"
#include "engine/plan.h"
#include "engine/yaml/diag.h"
#include "engine/yaml/node.h"

enum roots { /* what an expression may name where it stands */
	     ROOT_PARAMS = 1u << 0,
	     ROOT_TASKS = 1u << 1,
	     ROOT_WITH = 1u << 2,
	     ROOT_ENV = 1u << 3,
	     ROOT_FLOW_RUN = 1u << 4,
	     ROOT_TASK_RUN = 1u << 5,
	     ROOT_ITEM = 1u << 6,
	     ROOT_SECRETS = 1u << 7,
	     ROOT_VARIABLES = 1u << 8,
	     ROOT_CHANGE = 1u << 9,   /* object, old_state, new_state, args */
	     ROOT_ATTEMPT = 1u << 10, /* of retry_if: attempt, exit_code ... */
};
#define ROOTS_FLOW_ENV \
	(ROOT_PARAMS | ROOT_ENV | ROOT_FLOW_RUN | ROOT_SECRETS | ROOT_VARIABLES)
#define ROOTS_RETURN (ROOTS_FLOW_ENV | ROOT_TASKS)
#define ROOTS_EACH   ROOTS_RETURN               /* for_each, if */
#define ROOTS_INPUT  (ROOTS_RETURN | ROOT_ITEM) /* with */
#define ROOTS_START \
	(ROOTS_INPUT | ROOT_WITH | ROOT_TASK_RUN) /* cmd, env, outputs, cache.key */
#define ROOTS_CHANGE (ROOTS_FLOW_ENV | ROOT_CHANGE)
#define ROOTS_RETRY  (ROOTS_FLOW_ENV | ROOT_ATTEMPT)

/* A template whose names are looked at when all tasks of the flow are known. */
struct pending {
	struct tmpl *tmpl; /* borrowed */
	const struct ynode *node;
	struct plan_task *task; /* NULL: of the flow */
	unsigned int roots;
};
/* An upstream named by `needs`. */
struct pending_need {
	struct plan_task *task;
	const struct ynode *node;
};

struct loader {
	struct diags *d;
	struct plan_file *file;
	/* the flow being loaded */
	struct plan_flow *flow;
	struct plan_task *task; /* the task being loaded, or NULL */
	struct map task_index;  /* key -> index + 1 */
	struct pending *pending;
	size_t pending_count, pending_size;
	struct pending_need *needs;
	size_t needs_count, needs_size;
	const struct ynode
	    *defaults; /* of the flow's tasks, once it is known to be good */
	/* of the file: what handlers refer to by name; or NULL */
	const struct ynode *actions, *checks, *handlers;
	/* flows of this file that tasks name, looked up when all are known */
	struct pending_flow {
		const struct ynode *node;
		const char *name; /* borrowed from the plan */
	} * uses;
	size_t uses_count;
};

enum field_type {
	FIELD_TEXT = 1, /* char * */
	FIELD_BOOL,     /* int */
	FIELD_INT,      /* int */
	FIELD_REAL,     /* double */
	FIELD_FN,       /* FN does it */
	FIELD_LATER,    /* known, refused: not supported by this version yet */
};
typedef void (*field_fn)(struct loader *l, const struct ynode *value, void *obj);
struct field {
	const char *name;
	enum field_type type;
	size_t offset;
	double min, max;
	field_fn fn;
};
#define FIELD_AT(st, member) .offset = offsetof(st, member)

/* Loads MAP (what: "a task") by FIELDS into OBJ. */
void load_fields(struct loader *l, const struct ynode *map, const struct field *fields,
		 size_t count, const char *what, void *obj);

/* Typed values; 0, or -ERR_INVALID after noting the problem.  WHAT names the key. */
int load_text(struct loader *l, const struct ynode *n, const char *what,
	      char **ret_text);
int load_real(struct loader *l, const struct ynode *n, const char *what, double min,
	      double max, double *ret_real);
int load_strs(struct loader *l, const struct ynode *n, const char *what,
	      struct plan_strs *strs);
/* A template, registered for binding. NULL after noting the problem. */
struct tmpl *load_tmpl(struct loader *l, const struct ynode *n, unsigned int roots);
/* Scalars only; numbers become their text. */
struct tmpl *load_text_tmpl(struct loader *l, const struct ynode *n, const char *what,
			    unsigned int roots);
void load_env(struct loader *l, const struct ynode *n, struct plan_pairs *env,
	      unsigned int roots);
struct name_tmpl *load_name(struct loader *l, const struct ynode *n);
/* A constant, owned; NULL after noting the problem. */
json_t *load_json(struct loader *l, const struct ynode *n);
/* "; did you mean 'x'?" or nothing. */
const char *load_hint(const char *word, const char *const *names, size_t count,
		      char *buf, size_t size);

/* Whether N is a mapping, else the problem is noted. */
int load_is_map(struct loader *l, const struct ynode *n, const char *what);
/* One text or a list of them. */
int load_some(struct loader *l, const struct ynode *n, const char *what,
	      struct plan_strs *strs);
int load_flag(struct loader *l, const struct ynode *n, const char *what, int *ret);
/* 30, 1.5s, 10m, 1h, 2d as seconds. */
int load_span(struct loader *l, const struct ynode *n, const char *what,
	      double *ret_seconds);
void load_pairs(struct loader *l, const struct ynode *n, const char *what,
		struct plan_pairs *pairs, unsigned int roots);
void load_argv(struct loader *l, const struct ynode *n, unsigned int roots,
	       struct tmpl ***ret_argv, size_t *ret_argc);

/* load_handler.c, load_notify.c, load_when.c, load_cache.c, load_more.c */
void load_handlers(struct loader *l, const struct ynode *n, struct plan_handlers *to);
void load_on_failure(struct loader *l, const struct ynode *n, struct plan_handlers *to);
void load_hooks(struct loader *l, const struct ynode *n, struct plan_hooks **hooks);
struct plan_when *load_when(struct loader *l, const struct ynode *n);
struct plan_notify *load_notify(struct loader *l, const struct ynode *n);
void load_check_names(struct loader *l);
void load_cache(struct loader *l, const struct ynode *n, struct plan_cache **cache);
void load_retry_if(struct loader *l, const struct ynode *n,
		   struct plan_retry_if **retry_if);
void load_limits(struct loader *l, const struct ynode *n, struct plan_limits *limits);
struct plan_uses *load_uses(struct loader *l, const struct ynode *n);
struct plan_pause *load_pause(struct loader *l, const struct ynode *n, int suspend);
void load_txns(struct loader *l, const struct ynode *n, struct plan_flow *flow);
json_t *load_schema(struct loader *l, const struct ynode *n, const char *what);

/* The parts, one file each. */
void load_params(struct loader *l, const struct ynode *n, void *obj);
void load_tasks(struct loader *l, const struct ynode *n, struct plan_flow *flow);
void load_defaults(struct loader *l, const struct ynode *n);
struct plan_flow *load_flow(struct loader *l, const struct ynode *key,
			    const struct ynode *value);
/* References and needs to edges; unknown names and cycles are noted. */
void load_bind(struct loader *l, const struct ynode *tasks);

#endif
