/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tmpl.h - a value that may contain expressions: a constant, one expression (typed),
 * text with expressions in it, or a list or mapping of such values.
 */
#ifndef ENGINE_EXPR_TMPL_H
#define ENGINE_EXPR_TMPL_H

#include <stddef.h>

#include <jansson.h>

#include "engine/expr/expr.h"

struct buf;
struct error;
struct tmpl;

/*
 * Text: without {{ }} a constant text; exactly one {{ e }} and nothing around it is e's
 * typed value; else the parts are put together as text.  On failure *ret_at is the bad
 * byte.
 */
int tmpl_parse(const char *text, size_t len, struct tmpl **ret_tmpl, size_t *ret_at,
	       struct error *err);
struct tmpl *tmpl_constant(json_t *v); /* takes V */
struct tmpl *tmpl_list(void);
struct tmpl *tmpl_map(void);
/* Takes ITEM; KEY is NULL for a list. */
void tmpl_add(struct tmpl *t, const char *key, struct tmpl *item);
void tmpl_free(struct tmpl *t); /* accepts NULL */

/* NULL when T depends on something; else its value, borrowed. */
const json_t *tmpl_get_constant(const struct tmpl *t);
int tmpl_bind(struct tmpl *t, expr_ref_fn fn, void *arg);
void tmpl_each_task(const struct tmpl *t, expr_task_fn fn, void *arg);
/* 1 when T is exactly {{ tasks.NAME }}, of a task that is bound. */
int tmpl_is_task(const struct tmpl *t, size_t *ret_task);
/* New reference.  An undefined expression is an error. */
int tmpl_eval(const struct tmpl *t, const struct expr_scope *scope, json_t **ret_value,
	      struct error *err);
/* The value as an argument or a variable: text as it is, null as nothing, else JSON. */
int tmpl_eval_text(const struct tmpl *t, const struct expr_scope *scope,
		   struct buf *out, struct error *err);
void json_add_text(struct buf *out, const json_t *v);

#endif
