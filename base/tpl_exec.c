/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_exec.c - statements: output, scopes, loops, macros; the two entry points. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/tpl_priv.h"

void tpl_set_error(struct tpl *t, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	if (t->failed) {
		return;
	}
	t->failed = 1;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (t->at != NULL) {
		(void)err_set(t->err, ERR_INVALID, "%s (line %d, column %d)", text,
			      t->at->line, t->at->column);
	} else {
		(void)err_set(t->err, ERR_INVALID, "%s", text);
	}
}

int tpl_step(struct tpl *t)
{
	return ++t->steps > TEMPLATE_STEPS_MAX
		   ? tpl_fail(t, "the template takes more than %d steps",
			      TEMPLATE_STEPS_MAX)
		   : (t->failed ? -ERR_INVALID : 0);
}

static int put(struct tpl *t, const char *s, size_t len)
{
	if (len > TEMPLATE_OUTPUT_MAX ||
	    t->out->len - t->out_start > TEMPLATE_OUTPUT_MAX - len) {
		return tpl_fail(t, "the output is longer than %u bytes",
				TEMPLATE_OUTPUT_MAX);
	}
	buf_add(t->out, s, len);
	return 0;
}

int tpl_print(struct tpl *t, struct val v)
{
	const char *s;
	size_t len;

	return text_of(t, v, &s, &len) < 0 ? -ERR_INVALID : put(t, s, len);
}

/* ---- names ---- */

struct frame *tpl_push(struct tpl *t, struct frame *up)
{
	struct frame *f = tpl_alloc(t, sizeof(*f));

	if (f != NULL) {
		f->up = up;
	}
	return f;
}

int tpl_lookup(struct tpl *t, const char *name, struct val *ret)
{
	const struct template_var *var;
	const struct tpl_func *f;
	const struct frame *frame;
	size_t len = strlen(name);

	for (frame = t->frame; frame != NULL; frame = frame->up) {
		const struct val *v = v_dict_get(&frame->vars, name, len);

		if (v != NULL) {
			*ret = *v;
			return 0;
		}
	}
	for (var = t->ctx->vars; var != NULL && var->name != NULL; var++) {
		if (strcmp(var->name, name) == 0) {
			/* made once */
			if (v_from_var(t, var, ret) < 0) {
				return -ERR_INVALID;
			}
			return v_dict_set(t, &t->globals->vars, v_strn(var->name, len),
					  *ret);
		}
	}
	for (f = tpl_functions; f->name != NULL; f++) {
		if (strcmp(f->name, name) == 0) {
			*ret = (struct val){.type = V_FUNC, .u.f = f};
			return 0;
		}
	}
	*ret = v_undef(name);
	return 0;
}

int tpl_assign(struct tpl *t, const struct node *target, struct val v)
{
	struct val ns;
	struct vlist *l;
	size_t i;

	if (target->kind == N_NAME) {
		return v_dict_set(t, &t->frame->vars,
				  v_strn(target->s, strlen(target->s)), v);
	}
	if (target->kind == N_ATTR) {
		if (tpl_eval(t, target->a, &ns) < 0) {
			return -ERR_INVALID;
		}
		if (ns.type != V_OBJ || ns.u.o->cls != OBJ_NAMESPACE) {
			return tpl_fail(
			    t, "cannot assign attribute on non-namespace object");
		}
		return v_dict_set(t, ns.u.o->attrs,
				  v_strn(target->s, strlen(target->s)), v);
	}
	if (v_iter(t, v, &l) < 0) {
		return -ERR_INVALID;
	}
	if (l->n != target->n) {
		return l->n > target->n
			   ? tpl_fail(t, "too many values to unpack (expected %zu)",
				      target->n)
			   : tpl_fail(t,
				      "not enough values to unpack (expected %zu, got "
				      "%zu)",
				      target->n, l->n);
	}
	for (i = 0; i < l->n; i++) {
		if (tpl_assign(t, target->list[i], l->v[i]) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

/* ---- output into a value ---- */

static int capture(struct tpl *t, struct node *const *body, size_t n, struct val *ret)
{
	struct buf b, *out = t->out;
	size_t start = t->out_start;
	int rc;

	buf_init(&b);
	t->out = &b;
	t->out_start = 0;
	rc = tpl_exec(t, body, n);
	t->out = out;
	t->out_start = start;
	if (rc < 0) {
		buf_release(&b);
		return rc;
	}
	return v_from_buf(t, &b, ret);
}

/* ---- loops ---- */

static int keep_wanted(struct tpl *t, const struct node *n, struct vlist **items)
{
	struct frame *outer = t->frame;
	struct val kept, hit;
	size_t i;

	if (v_list(t, V_LIST, &kept) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < (*items)->n; i++) {
		t->frame = tpl_push(t, outer);
		if (t->frame == NULL || tpl_assign(t, n->a, (*items)->v[i]) < 0 ||
		    tpl_eval(t, n->c, &hit) < 0 ||
		    (v_truth(hit) && v_append(t, kept, (*items)->v[i]) < 0)) {
			t->frame = outer;
			return -ERR_INVALID;
		}
	}
	t->frame = outer;
	*items = kept.u.l;
	return 0;
}

static int run_loop(struct tpl *t, const struct node *n, struct vlist *items)
{
	struct frame *outer = t->frame;
	struct vobj *loop;
	struct val v;
	int rc = v_obj(t, OBJ_LOOP, &loop, &v);

	if (rc < 0) {
		return rc;
	}
	loop->items = items;
	for (loop->at = 0; rc == 0 && loop->at < items->n; loop->at++) {
		if (++t->loops > TEMPLATE_LOOPS_MAX) {
			rc = tpl_fail(t, "the loops take more than %d rounds",
				      TEMPLATE_LOOPS_MAX);
			break;
		}
		t->frame = tpl_push(t, outer);
		if (t->frame == NULL) {
			rc = -ERR_INVALID;
			break;
		}
		rc = v_dict_set(t, &t->frame->vars, v_strn("loop", 4), v);
		rc = rc < 0 ? rc : tpl_assign(t, n->a, items->v[loop->at]);
		rc = rc < 0 ? rc : tpl_exec(t, n->list, n->n);
	}
	t->frame = outer;
	return rc;
}

static int exec_for(struct tpl *t, const struct node *n)
{
	struct val v;
	struct vlist *items;

	if (tpl_eval(t, n->b, &v) < 0) {
		return -ERR_INVALID;
	}
	t->at = n->b;
	if (v_iter(t, v, &items) < 0 ||
	    (n->c != NULL && keep_wanted(t, n, &items) < 0)) {
		return -ERR_INVALID;
	}
	if (items->n == 0) {
		struct frame *outer = t->frame;
		int rc;

		t->frame = tpl_push(t, outer);
		rc =
		    t->frame != NULL ? tpl_exec(t, n->other, n->other_n) : -ERR_INVALID;
		t->frame = outer;
		return rc;
	}
	return run_loop(t, n, items);
}

/* ---- macros ---- */

static int exec_macro(struct tpl *t, const struct node *n)
{
	struct vmacro *m = tpl_alloc(t, sizeof(*m));

	if (m == NULL) {
		return -ERR_INVALID;
	}
	m->node = n;
	m->frame = t->frame;
	return v_dict_set(t, &t->frame->vars, v_strn(n->s, strlen(n->s)),
			  (struct val){.type = V_MACRO, .u.macro = m});
}

/* The values of the macro's arguments into the new frame. */
static int bind(struct tpl *t, const struct node *n, const struct call *c)
{
	size_t i, k;

	if (c->n > n->arg_n) {
		return tpl_fail(t, "macro '%s' takes not more than %zu argument(s)",
				n->s != NULL ? n->s : "caller", n->arg_n);
	}
	for (i = 0; i < n->arg_n; i++) {
		struct val v = v_undef(n->args[i].name);
		size_t len = strlen(n->args[i].name);

		if (i < c->n) {
			v = c->args[i];
		} else if (n->args[i].value != NULL &&
			   tpl_eval(t, n->args[i].value, &v) < 0) {
			return -ERR_INVALID;
		}
		for (k = 0; k < c->kw_n; k++) {
			if (v_is_str(c->kw[k].k, n->args[i].name)) {
				v = c->kw[k].v;
			}
		}
		if (v_dict_set(t, &t->frame->vars, v_strn(n->args[i].name, len), v) <
		    0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

int tpl_call_macro(struct tpl *t, const struct vmacro *m, const struct call *c,
		   struct val *ret)
{
	struct frame *outer = t->frame;
	size_t k;
	int rc;

	if (t->depth > TEMPLATE_DEPTH_MAX * 6) {
		return tpl_fail(t, "the template calls itself too deeply");
	}
	t->depth += 8;
	t->frame = tpl_push(t, m->frame);
	rc = t->frame != NULL ? bind(t, m->node, c) : -ERR_INVALID;
	for (k = 0; rc == 0 && k < c->kw_n; k++) {
		if (v_is_str(c->kw[k].k, "caller")) {
			rc = v_dict_set(t, &t->frame->vars, c->kw[k].k, c->kw[k].v);
		}
	}
	rc = rc < 0 ? rc : capture(t, m->node->list, m->node->n, ret);
	t->frame = outer;
	t->depth -= 8;
	return rc;
}

static int exec_call_block(struct tpl *t, const struct node *n)
{
	struct vmacro *caller = tpl_alloc(t, sizeof(*caller));
	struct vpair *kw;
	struct call c;
	struct val f, out;

	if (caller == NULL || tpl_eval(t, n->a->a, &f) < 0 ||
	    tpl_eval_args(t, n->a, &c) < 0) {
		return -ERR_INVALID;
	}
	caller->node = n;
	caller->frame = t->frame;
	kw = tpl_alloc(t, (c.kw_n + 1) * sizeof(*kw));
	if (kw == NULL) {
		return -ERR_INVALID;
	}
	if (c.kw_n > 0) {
		memcpy(kw, c.kw, c.kw_n * sizeof(*kw));
	}
	kw[c.kw_n++] =
	    (struct vpair){v_strn("caller", 6), {.type = V_MACRO, .u.macro = caller}};
	c.kw = kw;
	return tpl_call(t, f, &c, &out) < 0 ? -ERR_INVALID : tpl_print(t, out);
}

/* ---- the others ---- */

static int exec_if(struct tpl *t, const struct node *n)
{
	struct val v;

	if (tpl_eval(t, n->a, &v) < 0) {
		return -ERR_INVALID;
	}
	return v_truth(v) ? tpl_exec(t, n->list, n->n)
			  : tpl_exec(t, n->other, n->other_n);
}

static int exec_set(struct tpl *t, const struct node *n)
{
	struct val v;

	return tpl_eval(t, n->b, &v) < 0 ? -ERR_INVALID : tpl_assign(t, n->a, v);
}

/* The body's text through the filters of N->c. */
static int filtered_body(struct tpl *t, const struct node *n, struct val *ret)
{
	struct frame *outer = t->frame;
	int rc;

	t->frame = tpl_push(t, outer);
	rc = t->frame != NULL ? capture(t, n->list, n->n, ret) : -ERR_INVALID;
	if (rc == 0 && n->c != NULL) {
		rc = v_dict_set(t, &t->frame->vars, v_strn("\001body", 5), *ret);
		rc = rc < 0 ? rc : tpl_eval(t, n->c, ret);
	}
	t->frame = outer;
	return rc;
}

static int exec_with(struct tpl *t, const struct node *n)
{
	struct frame *outer = t->frame, *inner = tpl_push(t, outer);
	struct val v;
	size_t i;
	int rc = inner != NULL ? 0 : -ERR_INVALID;

	for (i = 0; rc == 0 && i + 1 < n->other_n; i += 2) {
		rc = tpl_eval(t, n->other[i + 1], &v);
		t->frame = inner;
		rc = rc < 0 ? rc : tpl_assign(t, n->other[i], v);
		t->frame = outer;
	}
	t->frame = inner;
	rc = rc < 0 ? rc : tpl_exec(t, n->list, n->n);
	t->frame = outer;
	return rc;
}

static int exec_one(struct tpl *t, const struct node *n)
{
	struct val v;

	switch (n->kind) {
	case N_TEXT:
		return put(t, n->s, n->len);
	case N_PRINT:
		return tpl_eval(t, n->a, &v) < 0 ? -ERR_INVALID : tpl_print(t, v);
	case N_IF:
		return exec_if(t, n);
	case N_FOR:
		return exec_for(t, n);
	case N_SET:
		return exec_set(t, n);
	case N_SET_BLOCK:
		return filtered_body(t, n, &v) < 0 ? -ERR_INVALID
						   : tpl_assign(t, n->a, v);
	case N_FILTER_BLOCK:
		return filtered_body(t, n, &v) < 0 ? -ERR_INVALID : tpl_print(t, v);
	case N_WITH:
		return exec_with(t, n);
	case N_MACRO:
		return exec_macro(t, n);
	case N_CALL_BLOCK:
		return exec_call_block(t, n);
	case N_SCOPE:
		return filtered_body(t, n, &v) < 0 ? -ERR_INVALID : tpl_print(t, v);
	case N_REFUSED:
		return tpl_fail(
		    t, "templates cannot use '%s': there is nothing to load", n->s);
	case N_CONST:
	case N_NAME:
	case N_ATTR:
	case N_ITEM:
	case N_SLICE:
	case N_CALL:
	case N_FILTER:
	case N_TEST:
	case N_NOT:
	case N_NEG:
	case N_POS:
	case N_BIN:
	case N_AND:
	case N_OR:
	case N_COMPARE:
	case N_COND:
	case N_LIST:
	case N_TUPLE:
	case N_DICT:
	case N_CONCAT:
	default:
		BUG("node %d is no statement", (int)n->kind);
	}
}

int tpl_exec(struct tpl *t, struct node *const *body, size_t n)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < n; i++) {
		t->at = body[i];
		rc = tpl_step(t);
		rc = rc < 0 ? rc : exec_one(t, body[i]);
	}
	return rc;
}

/* ---- entry points ---- */

static int start(struct tpl *t, const struct template_context *ctx, struct buf *out,
		 struct error *err)
{
	*t = (struct tpl){.ctx = ctx, .out = out, .out_start = out->len, .err = err};
	t->arena.max = TEMPLATE_MEMORY_MAX;
	t->globals = tpl_push(t, NULL);
	t->frame = tpl_push(t, t->globals);
	return t->frame != NULL && t->globals != NULL ? 0 : -ERR_INVALID;
}

int template_render(const struct template *t, const struct template_context *ctx,
		    struct buf *out, struct error *err)
{
	struct tpl r;
	size_t before = out->len;
	int rc = start(&r, ctx, out, err);

	rc = rc < 0 ? rc : tpl_exec(&r, t->body, t->n);
	arena_release(&r.arena);
	if (rc < 0) {
		buf_truncate(out, before);
	}
	return rc;
}

int template_is_expression(const struct template *t)
{
	return t->n == 1 && t->body[0]->kind == N_PRINT;
}

int template_value(const struct template *t, const struct template_context *ctx,
		   json_t **ret_value, struct error *err)
{
	struct tpl r;
	struct buf none;
	struct val v;
	int rc;

	PRE(template_is_expression(t));
	buf_init(&none);
	rc = start(&r, ctx, &none, err);
	rc = rc < 0 ? rc : tpl_eval(&r, t->body[0]->a, &v);
	rc = rc < 0 ? rc : v_to_json(&r, v, ret_value);
	arena_release(&r.arena);
	buf_release(&none);
	return rc;
}
