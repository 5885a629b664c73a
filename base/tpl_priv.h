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

/* ---- arena ---- */
struct arena_chunk;
struct arena {
	struct arena_chunk *head;
	size_t used, max;
};
void *arena_alloc(struct arena *a, size_t size); /* zeroed; NULL above max */
void arena_release(struct arena *a);

/* ---- tokens ---- */
enum tok_type {
	TOK_EOF = 0,
	TOK_DATA,
	TOK_PRINT_BEGIN,
	TOK_PRINT_END,
	TOK_BLOCK_BEGIN,
	TOK_BLOCK_END,
	TOK_NAME,
	TOK_INT,
	TOK_FLOAT,
	TOK_STR,
	TOK_OP
};
struct tok {
	enum tok_type type;
	int line, column;
	const char *s; /* text of data, names, strings (unescaped) */
	size_t len;
	int64_t i;
	double d;
	char op[3];
};
struct toks {
	struct tok *list;
	size_t count, size;
};
int tpl_lex(struct arena *a, const char *text, struct toks *ret_toks,
	    struct template_place *ret_place, struct error *err);

/* ---- values ---- */
enum val_type {
	V_UNDEF = 0,
	V_NONE,
	V_BOOL,
	V_INT,
	V_FLOAT,
	V_STR,
	V_LIST,
	V_TUPLE,
	V_DICT,
	V_OBJ, /* model, resource, time ... */
	V_MACRO,
	V_FUNC,  /* a global function */
	V_METHOD /* of a value */
};
struct val {
	enum val_type type;
	unsigned int markup : 1; /* V_STR: escaped already */
	size_t len;              /* V_STR: bytes */
	union {
		int b;
		int64_t i;
		double d;
		const char *s; /* V_STR; V_UNDEF: its name */
		struct vlist *l;
		struct vdict *m;
		struct vobj *o;
		struct vmacro *macro;
		const struct tpl_func *f;
		struct vmethod *method;
	} u;
};
struct vlist {
	struct val *v;
	size_t n, size;
};
struct vpair {
	struct val k, v;
};
struct vdict {
	struct vpair *p;
	size_t n, size;
};
enum obj_class {
	OBJ_MODEL = 1,
	OBJ_RESOURCE,
	OBJ_LABELS,
	OBJ_TIME,
	OBJ_STATE_TYPE,
	OBJ_HEADERS,
	OBJ_LOOP,
	OBJ_NAMESPACE,
	OBJ_CYCLER,
	OBJ_JOINER
};
struct vobj {
	enum obj_class cls;
	const char *model; /* "flow-run", "event": for ui_url */
	struct vdict *attrs;
	const json_t *json; /* as the API has it; may be NULL */
	int64_t at_us;      /* OBJ_TIME */
	const char *text;   /* OBJ_STATE_TYPE, OBJ_LABELS: its prefix */
	/* OBJ_LOOP */
	struct vlist *items;
	size_t at;
	struct val last;
	int has_last;
};

/* ---- nodes ---- */
enum node_kind {
	N_CONST = 1,
	N_NAME,
	N_ATTR,
	N_ITEM,
	N_SLICE,
	N_CALL,
	N_FILTER,
	N_TEST,
	N_NOT,
	N_NEG,
	N_POS,
	N_BIN,
	N_AND,
	N_OR,
	N_COMPARE,
	N_COND,
	N_LIST,
	N_TUPLE,
	N_DICT,
	N_CONCAT,
	/* statements */
	N_TEXT,
	N_PRINT,
	N_IF,
	N_FOR,
	N_SET,
	N_SET_BLOCK,
	N_WITH,
	N_FILTER_BLOCK,
	N_MACRO,
	N_CALL_BLOCK,
	N_SCOPE,  /* block, autoescape */
	N_REFUSED /* extends, include, import: fails when rendered */
};
struct arg {
	const char *name; /* keyword; NULL: by position */
	struct node *value;
	int spread; /* 1: *x, 2: **x */
};
struct node {
	enum node_kind kind;
	int line, column;
	const char *s; /* name, text */
	size_t len;
	char op[4]; /* N_BIN, N_COMPARE: the first */
	struct val v;
	struct node *a, *b, *c; /* operands, conditions, targets */
	struct node **list;     /* items, body */
	size_t n;
	struct node **other; /* else branch */
	size_t other_n;
	struct arg *args;
	size_t arg_n;
};

struct template
{
	struct arena arena;
	char *text;
	struct node **body;
	size_t n;
	int fors, nest;
};

struct parser {
	struct template *t;
	struct arena *arena;
	struct tok *tok;
	int depth;
	int for_depth;
	struct template_place place;
	struct error *err;
	const char *open[TEMPLATE_DEPTH_MAX + 2]; /* blocks, for messages */
	const char *ends[TEMPLATE_DEPTH_MAX + 2];
	int open_n;
};
struct node *parse_expr(struct parser *p); /* NULL: error set */
struct node *parse_tuple(struct parser *p, int with_cond, int explicit_parens);
struct node *parse_target(struct parser *p);
struct node *parse_filters(struct parser *p, struct node *node, int start_inline);
int parse_call_args(struct parser *p, struct node *call);
struct node *node_new(struct parser *p, enum node_kind kind);
int parse_body(struct parser *p, struct node ***ret, size_t *ret_n,
	       const char *const *ends);
int parse_fail(struct parser *p, const char *fmt, ...) WF_PRINTF(2, 3);
int tok_is_op(const struct parser *p, const char *op);
int tok_is_name(const struct parser *p, const char *name);
int expect_op(struct parser *p, const char *op);
const char *tok_describe(const struct tok *t, char *dst, size_t size);
struct nodes {
	struct node **v;
	size_t n, size;
};
int nodes_add(struct parser *p, struct nodes *l, struct node *n);

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

int tpl_fail(struct tpl *t, const char *fmt, ...) WF_PRINTF(2, 3);
int tpl_step(struct tpl *t);
void *tpl_alloc(struct tpl *t, size_t size); /* NULL after tpl_fail() */
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

/* values */
struct val v_undef(const char *name);
struct val v_none(void);
struct val v_bool(int b);
struct val v_int(int64_t i);
struct val v_float(double d);
struct val v_strn(const char *s, size_t len);                         /* borrowed */
int v_str(struct tpl *t, const char *s, size_t len, struct val *ret); /* copied */
int v_strz(struct tpl *t, const char *s, struct val *ret);
int v_list(struct tpl *t, enum val_type type, struct val *ret);
int v_append(struct tpl *t, struct val list, struct val item);
int v_dict(struct tpl *t, struct val *ret);
int v_dict_set(struct tpl *t, struct vdict *m, struct val k, struct val v);
struct val *v_dict_get(const struct vdict *m, const char *key, size_t len);
struct val *v_dict_find(const struct vdict *m, struct val key);
int v_obj(struct tpl *t, enum obj_class cls, struct vobj **ret, struct val *ret_val);
struct val v_of_obj(struct vobj *o);
int v_time(struct tpl *t, int64_t at_us, struct val *ret);
int v_truth(struct val v);
int v_is_key(struct val v);    /* may be a key: no list, no dictionary */
int v_is_number(struct val v); /* with booleans */
double v_number(struct val v);
int64_t v_integer(struct val v);
int v_is_str(struct val v, const char *s);
int v_equal(struct val a, struct val b);
int v_compare(struct tpl *t, struct val a, struct val b, int *ret);
/* For sorting: texts without regard to case unless CASE_SENSITIVE. */
int v_order(struct tpl *t, struct val a, struct val b, int case_sensitive, int *ret);
int v_in(struct tpl *t, struct val item, struct val in, int *ret);
size_t v_chars(struct val s);                            /* characters of a text */
size_t utf8_at(const char *s, size_t len, size_t chars); /* byte of a character */
int v_length(struct tpl *t, struct val v, int64_t *ret);
/* As a list that may be walked; -1 and an error when it is not iterable. */
int v_iter(struct tpl *t, struct val v, struct vlist **ret);
int v_attr(struct tpl *t, struct val v, const char *name, struct val *ret);
int v_item(struct tpl *t, struct val v, struct val key, struct val *ret);
const char *v_type_name(struct val v);
/* As print does; NULL-safe for everything. */
int v_to_str(struct tpl *t, struct val v, struct val *ret);
void v_write(struct buf *b, struct val v, int repr, int depth);
void v_write_float(struct buf *b, double d);
int v_from_buf(struct tpl *t, struct buf *b, struct val *ret); /* releases B */

/* JSON in and out */
int v_from_json(struct tpl *t, const json_t *j, struct val *ret);
int v_from_var(struct tpl *t, const struct template_var *var, struct val *ret);
int v_to_json(struct tpl *t, struct val v, json_t **ret);
int v_label_node(struct tpl *t, struct vdict *labels, const char *prefix,
		 struct val *ret);
int v_label_children(const struct vdict *labels, const char *prefix);

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

extern const struct tpl_filter tpl_text_filters[], tpl_list_filters[],
    tpl_number_filters[], tpl_human_filters[];
extern const struct tpl_func tpl_functions[];

#endif
