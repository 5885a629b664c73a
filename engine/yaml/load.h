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
};
#define ROOTS_FLOW_ENV (ROOT_PARAMS | ROOT_ENV | ROOT_FLOW_RUN)
#define ROOTS_RETURN   (ROOTS_FLOW_ENV | ROOT_TASKS)
#define ROOTS_INPUT    ROOTS_RETURN                               /* with, if */
#define ROOTS_START    (ROOTS_RETURN | ROOT_WITH | ROOT_TASK_RUN) /* cmd, env, outputs */

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

/* The parts, one file each. */
void load_params(struct loader *l, const struct ynode *n, void *obj);
void load_tasks(struct loader *l, const struct ynode *n, struct plan_flow *flow);
void load_defaults(struct loader *l, const struct ynode *n);
struct plan_flow *load_flow(struct loader *l, const struct ynode *key,
			    const struct ynode *value);
/* References and needs to edges; unknown names and cycles are noted. */
void load_bind(struct loader *l, const struct ynode *tasks);

#endif
