/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr.h - the expressions inside {{ }}: paths, literals, comparison, and/or/not, in,
 * filters.
 *
 * Parsed when the file is loaded, with positions; evaluated without side effects. There
 * are no calls, no loops and no assignment: evaluation is bounded by the size of the
 * expression and of the values.  An expression is immutable and may be shared.
 *
 *     or     := and ("or" and)*              and  := not ("and" not)*
 *     not    := "not" not | cmp              cmp  := pipe (op pipe)?
 *     op     := == != < <= > >= in "not in"  pipe := post ("|" filter)*
 *     filter := name ["(" [or ("," or)*] ")"]
 *     post   := atom ("." name | "[" or "]")*
 *     atom   := number | text | true | false | null | none | name | "(" or ")"
 *             | "[" [or ("," or)*] "]"
 */
#ifndef ENGINE_EXPR_EXPR_H
#define ENGINE_EXPR_EXPR_H

#include <stddef.h>

#include <jansson.h>

struct error;
struct expr;

#define EXPR_MAX_TEXT   16384u
#define EXPR_MAX_DEPTH  48
#define EXPR_MAX_RESULT (16u << 20) /* of join and of texts put together */

/* What the names mean.  Everything is borrowed; a NULL root does not exist here. */
struct expr_scope {
	const json_t *params, *with, *flow_run, *task_run, *item;
	/* The result of a task, borrowed; NULL: it has none (failed, skipped). */
	json_t *(*task)(size_t index, void *arg);
	const char *(*env)(const char *name, void *arg); /* NULL: not set */
	void *arg;
	/* Further names, as the members of an object; or NULL. */
	const json_t *more;
	/* secrets.NAME, variables.NAME: borrowed, NULL: there is none of this name. */
	json_t *(*secret)(const char *name, void *arg);
	json_t *(*variable)(const char *name, void *arg);
};

/*
 * Parses LEN bytes.  On failure the message is in ERR and *ret_at tells the offending
 * byte.
 */
int expr_parse(const char *text, size_t len, struct expr **ret_expr, size_t *ret_at,
	       struct error *err);
void expr_free(struct expr *e); /* accepts NULL */

/*
 * *ret_value is a new reference, or NULL when the value is undefined: a path that leads
 * nowhere.  Using an undefined value in anything but `default` is an error that names
 * it.
 */
int expr_eval(const struct expr *e, const struct expr_scope *scope, json_t **ret_value,
	      struct error *err);
/* The same, but an undefined value is an error that names its path. */
int expr_eval_defined(const struct expr *e, const struct expr_scope *scope,
		      json_t **ret_value, struct error *err);

/*
 * Calls FN for each path of E that begins with a name: ROOT, the next member (NULL when
 * there is none or it is computed) and the offset in the text.  FN may set *task_index
 * for a path of `tasks`; a negative answer stops the walk and is returned.
 */
struct expr_ref {
	const char *root;
	const char *member;
	size_t at; /* of the root */
	size_t member_at;
};
typedef int (*expr_ref_fn)(const struct expr_ref *ref, size_t *ret_task, void *arg);
int expr_bind(struct expr *e, expr_ref_fn fn, void *arg);

/* Calls FN for every task that E refers to, as often as it does. */
typedef void (*expr_task_fn)(size_t task, void *arg);
void expr_each_task(const struct expr *e, expr_task_fn fn, void *arg);

/* 1 when E is exactly tasks.NAME, bound. */
int expr_is_task(const struct expr *e, size_t *ret_task);

/* Truth: false, null, 0, "", [] and {} are false; so is undefined (NULL). */
int expr_truth(const json_t *v);
/* The names of all filters, for messages. */
extern const char *const expr_filter_names[];
extern const size_t expr_filter_count;

#endif
