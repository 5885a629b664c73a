/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_eval.c - the values of expressions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/tpl_priv.h"

static int eval_list(struct tpl *t, const struct node *n, enum val_type type,
		     struct val *ret)
{
	struct val item;
	size_t i;

	if (v_list(t, type, ret) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < n->n; i++) {
		if (tpl_eval(t, n->list[i], &item) < 0 || v_append(t, *ret, item) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int eval_dict(struct tpl *t, const struct node *n, struct val *ret)
{
	struct val k, v;
	size_t i;

	if (v_dict(t, ret) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i + 1 < n->n; i += 2) {
		if (tpl_eval(t, n->list[i], &k) < 0 ||
		    tpl_eval(t, n->list[i + 1], &v) < 0 ||
		    v_dict_set(t, ret->u.m, k, v) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int eval_concat(struct tpl *t, const struct node *n, struct val *ret)
{
	struct buf b;
	struct val v;
	size_t i;

	buf_init(&b);
	for (i = 0; i < n->n; i++) {
		if (tpl_eval(t, n->list[i], &v) < 0) {
			buf_release(&b);
			return -ERR_INVALID;
		}
		v_write(&b, v, 0, 0);
	}
	return v_from_buf(t, &b, ret);
}

/* ---- slices ---- */

static int bound(struct tpl *t, const struct node *n, int *has, int64_t *ret)
{
	struct val v = v_none();

	if (n != NULL && tpl_eval(t, n, &v) < 0) {
		return -ERR_INVALID;
	}
	*has = v.type != V_NONE;
	if (*has && v.type != V_INT && v.type != V_BOOL) {
		return tpl_fail(t, "slice indices must be integers or None");
	}
	*ret = v_integer(v);
	return 0;
}

static int64_t clip(int64_t i, int64_t len, int64_t low, int64_t high)
{
	if (i < 0) {
		i = i < -len - 1 ? -len - 1 : i;
		i += len;
	}
	return i < low ? low : i > high ? high : i;
}

static int slice_of(struct tpl *t, struct val v, const int64_t at[3], const int has[3],
		    struct val *ret)
{
	int64_t step = has[2] ? at[2] : 1, len, start, stop, i;
	struct val chars = v;
	struct buf b;

	if (v.type == V_UNDEF) {
		*ret = v;
		return 0;
	}
	if (v.type == V_STR) {
		struct vlist *l;

		if (v_iter(t, v, &l) < 0) {
			return -ERR_INVALID;
		}
		chars = (struct val){.type = V_LIST, .u.l = l};
	} else if (v.type != V_LIST && v.type != V_TUPLE) {
		*ret = v_undef("slice");
		return 0;
	}
	if (step == 0) {
		return tpl_fail(t, "slice step cannot be zero");
	}
	len = (int64_t)chars.u.l->n;
	start = has[0] ? clip(at[0], len, step > 0 ? 0 : -1, step > 0 ? len : len - 1)
		       : (step > 0 ? 0 : len - 1);
	stop = has[1] ? clip(at[1], len, step > 0 ? 0 : -1, step > 0 ? len : len - 1)
		      : (step > 0 ? len : -1);
	step = step > len + 1 ? len + 1 : step < -len - 1 ? -len - 1 : step;
	if (v.type == V_STR) {
		buf_init(&b);
		for (i = start; step > 0 ? i < stop : i > stop; i += step) {
			buf_add(&b, chars.u.l->v[i].u.s, chars.u.l->v[i].len);
		}
		return v_from_buf(t, &b, ret);
	}
	if (v_list(t, v.type, ret) < 0) {
		return -ERR_INVALID;
	}
	for (i = start; step > 0 ? i < stop : i > stop; i += step) {
		if (v_append(t, *ret, chars.u.l->v[i]) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int eval_item(struct tpl *t, const struct node *n, struct val *ret)
{
	struct val of, key;
	int64_t at[3];
	int has[3], i;

	if (tpl_eval(t, n->a, &of) < 0) {
		return -ERR_INVALID;
	}
	if (n->b->kind == N_SLICE) {
		for (i = 0; i < 3; i++) {
			if (bound(t, n->b->list[i], &has[i], &at[i]) < 0) {
				return -ERR_INVALID;
			}
		}
		return slice_of(t, of, at, has, ret);
	}
	if (tpl_eval(t, n->b, &key) < 0) {
		return -ERR_INVALID;
	}
	return v_item(t, of, key, ret);
}

/* ---- arithmetic ---- */

static int unsupported(struct tpl *t, const char *op, struct val a, struct val b)
{
	if (a.type == V_UNDEF || b.type == V_UNDEF) {
		return tpl_fail(t, "'%s' is undefined",
				a.type == V_UNDEF ? a.u.s : b.u.s);
	}
	return tpl_fail(t, "unsupported operand type(s) for %s: '%s' and '%s'", op,
			v_type_name(a), v_type_name(b));
}

static int too_large(struct tpl *t)
{
	return tpl_fail(t, "the integer is too large");
}

static int int_power(struct tpl *t, int64_t base, int64_t exp, struct val *ret)
{
	int64_t out = 1;

	if (exp < 0) {
		if (base == 0) {
			return tpl_fail(t, "zero to a negative power");
		}
		*ret = v_float(pow((double)base, (double)exp));
		return 0;
	}
	while (exp > 0) {
		if ((exp & 1) != 0 && __builtin_mul_overflow(out, base, &out)) {
			return too_large(t);
		}
		exp >>= 1;
		if (exp > 0 && __builtin_mul_overflow(base, base, &base)) {
			return too_large(t);
		}
	}
	*ret = v_int(out);
	return 0;
}

static int64_t floor_mod(int64_t a, int64_t b)
{
	int64_t r = b == -1 ? 0 : a % b;

	return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static int int_math(struct tpl *t, const char *op, int64_t a, int64_t b,
		    struct val *ret)
{
	int64_t r = 0;
	int over = 0;

	if (strcmp(op, "**") == 0) {
		return int_power(t, a, b, ret);
	}
	if ((*op == '/' || *op == '%') && b == 0) {
		return tpl_fail(t, *op == '/' && op[1] == '\0'
				       ? "division by zero"
				       : "integer division or modulo by zero");
	}
	if (strcmp(op, "/") == 0) {
		*ret = v_float((double)a / (double)b);
		return 0;
	}
	if (strcmp(op, "+") == 0) {
		over = __builtin_add_overflow(a, b, &r);
	} else if (strcmp(op, "-") == 0) {
		over = __builtin_sub_overflow(a, b, &r);
	} else if (strcmp(op, "*") == 0) {
		over = __builtin_mul_overflow(a, b, &r);
	} else if (strcmp(op, "%") == 0) {
		r = floor_mod(a, b);
	} else {
		over = a == INT64_MIN && b == -1;
		r = over ? 0 : (a - floor_mod(a, b)) / b;
	}
	*ret = v_int(r);
	return over ? too_large(t) : 0;
}

static int float_math(struct tpl *t, const char *op, double a, double b,
		      struct val *ret)
{
	double r;

	if ((*op == '/' || *op == '%') && b == 0) {
		return tpl_fail(t,
				*op == '%' ? "float modulo" : "float division by zero");
	}
	if (strcmp(op, "+") == 0) {
		r = a + b;
	} else if (strcmp(op, "-") == 0) {
		r = a - b;
	} else if (strcmp(op, "*") == 0) {
		r = a * b;
	} else if (strcmp(op, "/") == 0) {
		r = a / b;
	} else if (strcmp(op, "**") == 0) {
		r = pow(a, b);
	} else {
		double m = fmod(a, b);

		m = m == 0 ? copysign(0, b) : (m < 0) != (b < 0) ? m + b : m;
		r = *op == '%' ? m : floor((a - m) / b + 0.5);
	}
	*ret = v_float(r);
	return 0;
}

static int joined(struct tpl *t, struct val a, struct val b, struct val *ret)
{
	struct buf buf;
	size_t i;

	if (a.type == V_STR) {
		buf_init(&buf);
		buf_add(&buf, a.u.s, a.len);
		buf_add(&buf, b.u.s, b.len);
		return v_from_buf(t, &buf, ret);
	}
	if (v_list(t, a.type, ret) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < a.u.l->n + b.u.l->n; i++) {
		if (v_append(t, *ret,
			     i < a.u.l->n ? a.u.l->v[i] : b.u.l->v[i - a.u.l->n]) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int repeated(struct tpl *t, struct val v, int64_t times, struct val *ret)
{
	struct buf b;
	int64_t i, size = (int64_t)(v.type == V_STR ? v.len : v.u.l->n);

	if (times > 0 && size > 0 && times > TEMPLATE_REPEAT_MAX / size) {
		return tpl_fail(t, "a repeated text may have %d characters at most",
				TEMPLATE_REPEAT_MAX);
	}
	if (v.type == V_STR) {
		buf_init(&b);
		for (i = 0; i < times && size > 0; i++) {
			buf_add(&b, v.u.s, v.len);
		}
		return v_from_buf(t, &b, ret);
	}
	if (v_list(t, v.type, ret) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < times * size; i++) {
		if (v_append(t, *ret, v.u.l->v[i % size]) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int is_sequence(struct val v)
{
	return v.type == V_STR || v.type == V_LIST || v.type == V_TUPLE;
}

static int is_integer(struct val v)
{
	return v.type == V_INT || v.type == V_BOOL;
}

int tpl_binary(struct tpl *t, const char *op, struct val a, struct val b,
	       struct val *ret)
{
	if (v_is_number(a) && v_is_number(b)) {
		if (a.type == V_FLOAT || b.type == V_FLOAT) {
			return float_math(t, op, v_number(a), v_number(b), ret);
		}
		return int_math(t, op, v_integer(a), v_integer(b), ret);
	}
	if (strcmp(op, "+") == 0 && a.type == b.type && is_sequence(a)) {
		return joined(t, a, b, ret);
	}
	if (strcmp(op, "*") == 0 && is_sequence(a) && is_integer(b)) {
		return repeated(t, a, v_integer(b), ret);
	}
	if (strcmp(op, "*") == 0 && is_sequence(b) && is_integer(a)) {
		return repeated(t, b, v_integer(a), ret);
	}
	if (strcmp(op, "%") == 0 && a.type == V_STR) {
		return text_percent(t, a, b, ret);
	}
	if (strcmp(op, "+") == 0 && a.type == V_STR && b.type != V_UNDEF) {
		return tpl_fail(t, "can only concatenate str (not \"%s\") to str",
				v_type_name(b));
	}
	return unsupported(t, op, a, b);
}

static int eval_sign(struct tpl *t, const struct node *n, struct val *ret)
{
	if (tpl_eval(t, n->a, ret) < 0) {
		return -ERR_INVALID;
	}
	if (!v_is_number(*ret)) {
		return ret->type == V_UNDEF
			   ? tpl_fail(t, "'%s' is undefined", ret->u.s)
			   : tpl_fail(t, "bad operand type for unary %s: '%s'",
				      n->kind == N_NEG ? "-" : "+", v_type_name(*ret));
	}
	if (n->kind == N_POS) {
		*ret = ret->type == V_BOOL ? v_int(ret->u.b) : *ret;
		return 0;
	}
	if (ret->type == V_FLOAT) {
		*ret = v_float(-ret->u.d);
		return 0;
	}
	if (v_integer(*ret) == INT64_MIN) {
		return too_large(t);
	}
	*ret = v_int(-v_integer(*ret));
	return 0;
}

/* ---- comparisons ---- */

static int compare_one(struct tpl *t, const char *op, struct val a, struct val b,
		       int *ret)
{
	int c = 0;

	if (strcmp(op, "==") == 0 || strcmp(op, "!=") == 0) {
		*ret = v_equal(a, b) == (*op == '=');
		return 0;
	}
	if (strcmp(op, "in") == 0 || strcmp(op, "ni") == 0) {
		if (v_in(t, a, b, &c) < 0) {
			return -ERR_INVALID;
		}
		*ret = c == (*op == 'i');
		return 0;
	}
	if (v_compare(t, a, b, &c) < 0) {
		return -ERR_INVALID;
	}
	if ((a.type == V_FLOAT && isnan(a.u.d)) ||
	    (b.type == V_FLOAT && isnan(b.u.d))) {
		*ret = 0;
		return 0;
	}
	*ret = *op == '<' ? (op[1] == '=' ? c <= 0 : c < 0)
			  : (op[1] == '=' ? c >= 0 : c > 0);
	return 0;
}

static int eval_compare(struct tpl *t, const struct node *n, struct val *ret)
{
	struct val a, b;
	int hit = 1;
	size_t i;

	if (tpl_eval(t, n->list[0], &a) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < n->other_n && hit; i++) {
		if (tpl_eval(t, n->list[i + 1], &b) < 0 ||
		    compare_one(t, n->other[i]->op, a, b, &hit) < 0) {
			return -ERR_INVALID;
		}
		a = b;
	}
	*ret = v_bool(hit);
	return 0;
}

/* ---- calls ---- */

static int add_kw(struct tpl *t, struct call *c, size_t *size, struct val k,
		  struct val v)
{
	if (c->kw_n == *size) {
		struct vpair *kw;

		*size = *size == 0 ? 4 : *size * 2;
		kw = tpl_alloc(t, *size * sizeof(*kw));
		if (kw == NULL) {
			return -ERR_INVALID;
		}
		if (c->kw_n > 0) {
			memcpy(kw, c->kw, c->kw_n * sizeof(*kw));
		}
		c->kw = kw;
	}
	c->kw[c->kw_n++] = (struct vpair){k, v};
	return 0;
}

static int spread(struct tpl *t, const struct arg *a, struct val v, struct val list,
		  struct call *c, size_t *kw_size)
{
	struct vlist *l;
	size_t i;

	if (a->spread == 2) {
		if (v.type != V_DICT) {
			return tpl_fail(t, "argument after ** must be a mapping");
		}
		for (i = 0; i < v.u.m->n; i++) {
			if (add_kw(t, c, kw_size, v.u.m->p[i].k, v.u.m->p[i].v) < 0) {
				return -ERR_INVALID;
			}
		}
		return 0;
	}
	if (v_iter(t, v, &l) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < l->n; i++) {
		if (v_append(t, list, l->v[i]) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

int tpl_eval_args(struct tpl *t, const struct node *n, struct call *ret)
{
	struct val list, v;
	size_t i, kw_size = 0;
	int rc = v_list(t, V_LIST, &list);

	*ret = (struct call){0};
	for (i = 0; rc == 0 && i < n->arg_n; i++) {
		const struct arg *a = &n->args[i];

		rc = tpl_eval(t, a->value, &v);
		if (rc == 0 && a->spread > 0) {
			rc = spread(t, a, v, list, ret, &kw_size);
		} else if (rc == 0 && a->name != NULL) {
			rc = add_kw(t, ret, &kw_size, v_strn(a->name, strlen(a->name)),
				    v);
		} else if (rc == 0) {
			rc = v_append(t, list, v);
		}
	}
	if (rc == 0) {
		ret->args = list.u.l->v;
		ret->n = list.u.l->n;
	}
	return rc;
}

int tpl_call(struct tpl *t, struct val f, const struct call *c, struct val *ret)
{
	switch (f.type) {
	case V_UNDEF:
		return tpl_fail(t, "'%s' is undefined", f.u.s);
	case V_MACRO:
		return tpl_call_macro(t, f.u.macro, c, ret);
	case V_FUNC:
		return f.u.f->fn(t, c, ret);
	case V_METHOD:
		return tpl_call_method(t, f.u.method, c, ret);
	case V_OBJ:
		if (f.u.o->cls == OBJ_JOINER) {
			return tpl_call_loop(t, f.u.o, "", c, ret);
		}
		return tpl_fail(t, "'%s' object is not callable", v_type_name(f));
	case V_NONE:
	case V_BOOL:
	case V_INT:
	case V_FLOAT:
	case V_STR:
	case V_LIST:
	case V_TUPLE:
	case V_DICT:
	default:
		return tpl_fail(t, "'%s' object is not callable", v_type_name(f));
	}
}

static int eval_call(struct tpl *t, const struct node *n, struct val *ret)
{
	struct val f;
	struct call c;

	if (tpl_eval(t, n->a, &f) < 0 || tpl_eval_args(t, n, &c) < 0) {
		return -ERR_INVALID;
	}
	return tpl_call(t, f, &c, ret);
}

static int eval_filter(struct tpl *t, const struct node *n, struct val *ret)
{
	struct val in;
	struct call c;

	if (tpl_eval(t, n->a, &in) < 0 || tpl_eval_args(t, n, &c) < 0) {
		return -ERR_INVALID;
	}
	return tpl_apply_filter(t, n->s, in, &c, ret);
}

static int eval_test(struct tpl *t, const struct node *n, struct val *ret)
{
	struct val in;
	struct call c;
	int hit = 0;

	if (tpl_eval(t, n->a, &in) < 0 || tpl_eval_args(t, n, &c) < 0 ||
	    tpl_test(t, n->s, in, &c, &hit) < 0) {
		return -ERR_INVALID;
	}
	*ret = v_bool(hit);
	return 0;
}

static int eval_logic(struct tpl *t, const struct node *n, struct val *ret)
{
	if (tpl_eval(t, n->a, ret) < 0) {
		return -ERR_INVALID;
	}
	if (n->kind == N_NOT) {
		*ret = v_bool(!v_truth(*ret));
		return 0;
	}
	return v_truth(*ret) == (n->kind == N_AND) ? tpl_eval(t, n->b, ret) : 0;
}

static int eval_cond(struct tpl *t, const struct node *n, struct val *ret)
{
	struct val hit;

	if (tpl_eval(t, n->a, &hit) < 0) {
		return -ERR_INVALID;
	}
	if (v_truth(hit)) {
		return tpl_eval(t, n->b, ret);
	}
	if (n->c != NULL) {
		return tpl_eval(t, n->c, ret);
	}
	*ret = v_undef("the inline if-expression without an else");
	return 0;
}

static int eval_binary(struct tpl *t, const struct node *n, struct val *ret)
{
	struct val a, b;

	if (tpl_eval(t, n->a, &a) < 0 || tpl_eval(t, n->b, &b) < 0) {
		return -ERR_INVALID;
	}
	t->at = n;
	return tpl_binary(t, n->op, a, b, ret);
}

static int eval_attr(struct tpl *t, const struct node *n, struct val *ret)
{
	struct val of;

	return tpl_eval(t, n->a, &of) < 0 ? -ERR_INVALID : v_attr(t, of, n->s, ret);
}

static int dispatch(struct tpl *t, const struct node *n, struct val *ret)
{
	switch (n->kind) {
	case N_CONST:
		*ret = n->v;
		return 0;
	case N_NAME:
		return tpl_lookup(t, n->s, ret);
	case N_ATTR:
		return eval_attr(t, n, ret);
	case N_ITEM:
		return eval_item(t, n, ret);
	case N_CALL:
		return eval_call(t, n, ret);
	case N_FILTER:
		return eval_filter(t, n, ret);
	case N_TEST:
		return eval_test(t, n, ret);
	case N_NOT:
	case N_AND:
	case N_OR:
		return eval_logic(t, n, ret);
	case N_NEG:
	case N_POS:
		return eval_sign(t, n, ret);
	case N_BIN:
		return eval_binary(t, n, ret);
	case N_COMPARE:
		return eval_compare(t, n, ret);
	case N_COND:
		return eval_cond(t, n, ret);
	case N_LIST:
		return eval_list(t, n, V_LIST, ret);
	case N_TUPLE:
		return eval_list(t, n, V_TUPLE, ret);
	case N_DICT:
		return eval_dict(t, n, ret);
	case N_CONCAT:
		return eval_concat(t, n, ret);
	case N_SLICE:
	case N_TEXT:
	case N_PRINT:
	case N_IF:
	case N_FOR:
	case N_SET:
	case N_SET_BLOCK:
	case N_WITH:
	case N_FILTER_BLOCK:
	case N_MACRO:
	case N_CALL_BLOCK:
	case N_SCOPE:
	case N_REFUSED:
	default:
		BUG("node %d is no expression", (int)n->kind);
	}
}

int tpl_eval(struct tpl *t, const struct node *n, struct val *ret)
{
	int rc;

	*ret = v_none();
	if (tpl_step(t) < 0) {
		return -ERR_INVALID;
	}
	if (++t->depth > TEMPLATE_DEPTH_MAX * 8) {
		return tpl_fail(t, "the template calls itself too deeply");
	}
	t->at = n;
	rc = dispatch(t, n, ret);
	t->depth--;
	return rc;
}
