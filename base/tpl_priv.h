/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tpl_priv.h - inside the template engine: arena, tokens, nodes, values, rendering.
 *
 *	text --tpl_lex--> tokens --tpl_parse, tpl_stmt--> nodes --tpl_exec, tpl_eval-->
 *	output
 *
 * Nodes live in the template's arena, values in that of one rendering: nothing is freed
 * one by one.
 */
#ifndef BASE_TPL_PRIV_H
#define BASE_TPL_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/template.h"
#include "base/tpl_node.h"
#include "base/tpl_value.h"

/* ---- rendering ---- */
struct frame {
	struct frame *up;
	struct vdict vars;
	int is_macro;
};
struct tpl {
	const struct template_context *ctx;
	struct arena arena;
	struct buf *out;
	size_t out_start;
	int64_t steps, loops;
	int depth;
	struct frame *frame;
	struct frame *globals;
	const struct node *at;
	struct error *err;
	int failed;
};
struct vmacro {
	const struct node *node;
	struct frame *frame;
	const struct node *caller_body; /* of a call block */
};
struct call {
	struct val *args;
	size_t n;
	struct vpair *kw; /* keys are V_STR */
	size_t kw_n;
};
struct tpl_func {
	const char *name;
	int (*fn)(struct tpl *t, const struct call *c, struct val *ret);
};
struct tpl_filter {
	const char *name;
	/* C's arguments are those behind the value. */
	int (*fn)(struct tpl *t, struct val in, const struct call *c, struct val *ret);
};
struct vmethod {
	struct val self;
	const char *name;
};

void tpl_set_error(struct tpl *t, const char *fmt, ...) WF_PRINTF(2, 3);
/* Always negative, which whoever reads one file alone (a compiler) should know. */
#define tpl_fail(t, ...) (tpl_set_error((t), __VA_ARGS__), -ERR_INVALID)
int tpl_step(struct tpl *t);
void *tpl_alloc(struct tpl *t, size_t size); /* NULL after tpl_fail() */
/* RET is none when it fails. */
int tpl_eval(struct tpl *t, const struct node *n, struct val *ret);
int tpl_exec(struct tpl *t, struct node *const *body, size_t n);
int tpl_print(struct tpl *t, struct val v);
int tpl_lookup(struct tpl *t, const char *name, struct val *ret);
int tpl_assign(struct tpl *t, const struct node *target, struct val v);
struct frame *tpl_push(struct tpl *t, struct frame *up); /* NULL: failed */
int tpl_call(struct tpl *t, struct val f, const struct call *c, struct val *ret);
int tpl_call_macro(struct tpl *t, const struct vmacro *m, const struct call *c,
		   struct val *ret);
int tpl_call_method(struct tpl *t, const struct vmethod *m, const struct call *c,
		    struct val *ret);
int tpl_call_loop(struct tpl *t, struct vobj *o, const char *name, const struct call *c,
		  struct val *ret);
int tpl_eval_args(struct tpl *t, const struct node *n, struct call *ret);
int tpl_test(struct tpl *t, const char *name, struct val v, const struct call *c,
	     int *ret);
int tpl_apply_filter(struct tpl *t, const char *name, struct val in,
		     const struct call *c, struct val *ret);
int tpl_binary(struct tpl *t, const char *op, struct val a, struct val b,
	       struct val *ret);

/* arguments of filters: by position or by name */
const struct val *call_arg(const struct call *c, size_t at, const char *name);
int64_t call_int(const struct call *c, size_t at, const char *name, int64_t standard);
int call_flag(const struct call *c, size_t at, const char *name, int standard);
const char *call_str(const struct call *c, size_t at, const char *name,
		     const char *standard);

/* texts */
int text_of(struct tpl *t, struct val v, const char **ret, size_t *ret_len);
void text_case(struct buf *b, const char *s, size_t len, char how); /* u l t c s */
int text_percent(struct tpl *t, struct val fmt, struct val args, struct val *ret);
int text_format(struct tpl *t, struct val fmt, const struct call *c, struct val *ret);
void text_escape(struct buf *b, const char *s, size_t len);

extern const struct tpl_filter tpl_text_filters[], tpl_json_filters[],
    tpl_list_filters[], tpl_number_filters[], tpl_human_filters[];
extern const struct tpl_func tpl_functions[];

#endif
