/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_filter_number.c - filters on numbers and times; tests; global functions. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/tpl_priv.h"

static int f_int(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	int64_t standard = call_int(c, 0, "default", 0);
	int base = (int)call_int(c, 1, "base", 10);
	const char *s;
	char *end;
	size_t len;

	if (in.type == V_UNDEF) {
		return tpl_fail(t, "'%s' is undefined", in.u.s);
	}
	if (v_is_number(in)) {
		*ret = v_int(v_integer(in));
		return 0;
	}
	*ret = v_int(standard);
	if (in.type != V_STR || text_of(t, in, &s, &len) < 0) {
		return t->failed ? -ERR_INVALID : 0;
	}
	{
		long long i = strtoll(s, &end, base >= 2 && base <= 36 ? base : 10);

		while (isspace((unsigned char)*end)) {
			end++;
		}
		if (end != s && *end == '\0') {
			*ret = v_int(i);
			return 0;
		}
	}
	{
		double d = strtod(s, &end);

		if (end != s && *end == '\0' && isfinite(d)) {
			*ret = v_int(v_integer(v_float(d)));
		}
	}
	return 0;
}

static int f_float(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	const struct val *standard = call_arg(c, 0, "default");
	char *end;
	double d;

	if (in.type == V_UNDEF) {
		return tpl_fail(t, "'%s' is undefined", in.u.s);
	}
	if (v_is_number(in)) {
		*ret = v_float(v_number(in));
		return 0;
	}
	*ret = standard != NULL ? *standard : v_float(0);
	if (in.type == V_STR && in.len > 0 && in.len < 400) {
		char text[400];

		memcpy(text, in.u.s, in.len);
		text[in.len] = '\0';
		d = strtod(text, &end);
		while (isspace((unsigned char)*end)) {
			end++;
		}
		if (end != text && *end == '\0') {
			*ret = v_float(d);
		}
	}
	return 0;
}

static int f_abs(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	(void)c;
	if (!v_is_number(in)) {
		return tpl_fail(t, "bad operand type for abs(): '%s'", v_type_name(in));
	}
	*ret = in.type == V_FLOAT ? v_float(fabs(in.u.d)) : v_int(v_magnitude(in));
	return 0;
}

/* To the nearest, ties to even, as decimal text is read. */
static double round_half_even(double d, int64_t precision)
{
	char text[400];

	if (precision >= 0) {
		(void)snprintf(text, sizeof(text), "%.*f",
			       (int)(precision > 100 ? 100 : precision), d);
		return strtod(text, NULL);
	}
	if (precision < -308) {
		return 0; /* above every number */
	}
	return nearbyint(d / pow(10, (double)-precision)) * pow(10, (double)-precision);
}

static int f_round(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	int64_t precision = call_int(c, 0, "precision", 0);
	const char *method = call_str(c, 1, "method", "common");
	double d = v_number(in), scale = pow(10, (double)precision);

	if (!v_is_number(in)) {
		return tpl_fail(t, "type %s doesn't define __round__ method",
				v_type_name(in));
	}
	if (strcmp(method, "ceil") == 0) {
		*ret = v_float(ceil(d * scale) / scale);
	} else if (strcmp(method, "floor") == 0) {
		*ret = v_float(floor(d * scale) / scale);
	} else if (strcmp(method, "common") == 0) {
		*ret = in.type == V_FLOAT ? v_float(round_half_even(d, precision))
		       : precision >= 0
			   ? v_int(v_integer(in))
			   : v_int(v_integer(v_float(round_half_even(d, precision))));
	} else {
		return tpl_fail(t, "method must be common, ceil or floor");
	}
	return 0;
}

static int f_filesizeformat(struct tpl *t, struct val in, const struct call *c,
			    struct val *ret)
{
	static const char *const units[][2] = {
	    {"kB", "KiB"}, {"MB", "MiB"}, {"GB", "GiB"}, {"TB", "TiB"},
	    {"PB", "PiB"}, {"EB", "EiB"}, {"ZB", "ZiB"}, {"YB", "YiB"}};
	int binary = call_flag(c, 0, "binary", 0);
	double base = binary ? 1024 : 1000, bytes, unit = base;
	struct val number;
	struct call none = {0};
	char text[400];
	size_t i;

	if (f_float(t, in, &none, &number) < 0) {
		return -ERR_INVALID;
	}
	if (!v_is_number(in) && (in.type != V_STR || number.u.d == 0)) {
		return tpl_fail(t, "filesizeformat needs a number");
	}
	bytes = number.type == V_FLOAT ? number.u.d : 0;
	if (bytes == 1) {
		return v_strz(t, "1 Byte", ret);
	}
	if (bytes < base) {
		(void)snprintf(text, sizeof(text), "%.0f Bytes", trunc(bytes) + 0.0);
		return v_strz(t, text, ret);
	}
	for (i = 0; i < ARRAY_LEN(units); i++) {
		unit = pow(base, (double)i + 2);
		if (bytes < unit) {
			break;
		}
	}
	i = MIN_OF(i, ARRAY_LEN(units) - 1);
	(void)snprintf(text, sizeof(text), "%.1f %s", base * bytes / unit,
		       units[i][binary ? 1 : 0]);
	return v_strz(t, text, ret);
}

const struct tpl_filter tpl_number_filters[] = {
    {"int", f_int},
    {"float", f_float},
    {"abs", f_abs},
    {"round", f_round},
    {"filesizeformat", f_filesizeformat},
    {NULL, NULL},
};

int tpl_apply_filter(struct tpl *t, const char *name, struct val in,
		     const struct call *c, struct val *ret)
{
	static const struct tpl_filter *const tables[] = {
	    tpl_text_filters, tpl_json_filters, tpl_list_filters, tpl_number_filters,
	    tpl_human_filters};
	const struct tpl_filter *f;
	size_t i;

	if (tpl_step(t) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < ARRAY_LEN(tables); i++) {
		for (f = tables[i]; f->name != NULL; f++) {
			if (strcmp(f->name, name) == 0) {
				return f->fn(t, in, c, ret);
			}
		}
	}
	return tpl_fail(t, "No filter named '%s'.", name);
}

/* ---- tests ---- */

static int type_test(const char *name, struct val v, int *ret)
{
	if (strcmp(name, "defined") == 0) {
		*ret = v.type != V_UNDEF;
	} else if (strcmp(name, "undefined") == 0) {
		*ret = v.type == V_UNDEF;
	} else if (strcmp(name, "none") == 0) {
		*ret = v.type == V_NONE;
	} else if (strcmp(name, "string") == 0) {
		*ret = v.type == V_STR;
	} else if (strcmp(name, "number") == 0) {
		*ret = v_is_number(v);
	} else if (strcmp(name, "integer") == 0) {
		*ret = v.type == V_INT;
	} else if (strcmp(name, "float") == 0) {
		*ret = v.type == V_FLOAT;
	} else if (strcmp(name, "boolean") == 0) {
		*ret = v.type == V_BOOL;
	} else if (strcmp(name, "true") == 0) {
		*ret = v.type == V_BOOL && v.u.b;
	} else if (strcmp(name, "false") == 0) {
		*ret = v.type == V_BOOL && !v.u.b;
	} else if (strcmp(name, "mapping") == 0) {
		*ret =
		    v.type == V_DICT || (v.type == V_OBJ && v.u.o->cls == OBJ_HEADERS);
	} else if (strcmp(name, "sequence") == 0) {
		*ret = v.type == V_STR || v.type == V_LIST || v.type == V_TUPLE ||
		       v.type == V_DICT || v.type == V_UNDEF;
	} else if (strcmp(name, "iterable") == 0) {
		*ret = v.type == V_STR || v.type == V_LIST || v.type == V_TUPLE ||
		       v.type == V_DICT || v.type == V_UNDEF ||
		       (v.type == V_OBJ && v.u.o->cls <= OBJ_LABELS);
	} else if (strcmp(name, "callable") == 0) {
		*ret = v.type == V_MACRO || v.type == V_FUNC || v.type == V_METHOD;
	} else if (strcmp(name, "escaped") == 0) {
		*ret = v.type == V_STR && v.markup;
	} else {
		return 0;
	}
	return 1;
}

static int number_test(struct tpl *t, const char *name, struct val v,
		       const struct call *c, int *ret)
{
	struct val r = v_none(), by = v_int(2);

	if (strcmp(name, "divisibleby") == 0) {
		by = c->n > 0 ? c->args[0] : v_none();
	}
	if (tpl_binary(t, "%", v, by, &r) < 0) {
		return -ERR_INVALID;
	}
	*ret = v_equal(r, v_int(strcmp(name, "odd") == 0));
	return 0;
}

static int order_test(struct tpl *t, const char *name, struct val v,
		      const struct call *c, int *ret)
{
	static const char *const names[][2] = {
	    {"eq", "=="},         {"equalto", "=="}, {"==", "=="}, {"ne", "!="},
	    {"!=", "!="},         {"lt", "<"},       {"<", "<"},   {"lessthan", "<"},
	    {"le", "<="},         {"<=", "<="},      {"gt", ">"},  {">", ">"},
	    {"greaterthan", ">"}, {"ge", ">="},      {">=", ">="}};
	size_t i;
	int cmp = 0;

	for (i = 0; i < ARRAY_LEN(names) && strcmp(names[i][0], name) != 0; i++) {
	}
	if (i == ARRAY_LEN(names)) {
		return tpl_fail(t, "No test named '%s'.", name);
	}
	if (c->n == 0) {
		return tpl_fail(t, "the test '%s' needs a value", name);
	}
	if (names[i][1][0] == '=' || names[i][1][0] == '!') {
		*ret = v_equal(v, c->args[0]) == (names[i][1][0] == '=');
		return 0;
	}
	if (v_compare(t, v, c->args[0], &cmp) < 0) {
		return -ERR_INVALID;
	}
	cmp = names[i][1][0] == '>' ? -cmp : cmp;
	*ret = names[i][1][1] == '=' ? cmp <= 0 : cmp < 0;
	return 0;
}

int tpl_test(struct tpl *t, const char *name, struct val v, const struct call *c,
	     int *ret)
{
	struct val s;

	if (tpl_step(t) < 0) {
		return -ERR_INVALID;
	}
	if (type_test(name, v, ret)) {
		return 0;
	}
	if (strcmp(name, "even") == 0 || strcmp(name, "odd") == 0 ||
	    strcmp(name, "divisibleby") == 0) {
		return number_test(t, name, v, c, ret);
	}
	if (strcmp(name, "in") == 0) {
		return c->n > 0 ? v_in(t, v, c->args[0], ret)
				: tpl_fail(t, "the test 'in' needs a value");
	}
	if (strcmp(name, "sameas") == 0) {
		*ret = c->n > 0 && v.type == c->args[0].type && v_equal(v, c->args[0]);
		return 0;
	}
	if (strcmp(name, "lower") == 0 || strcmp(name, "upper") == 0) {
		struct call none = {0};

		if (v_to_str(t, v, &s) < 0 ||
		    v_attr(t, s, *name == 'l' ? "islower" : "isupper", &s) < 0 ||
		    tpl_call(t, s, &none, &s) < 0) {
			return -ERR_INVALID;
		}
		*ret = v_truth(s);
		return 0;
	}
	if (strcmp(name, "filter") == 0 || strcmp(name, "test") == 0) {
		return tpl_fail(t, "the test '%s' is not supported", name);
	}
	return order_test(t, name, v, c, ret);
}

/* ---- functions ---- */

static int fn_range(struct tpl *t, const struct call *c, struct val *ret)
{
	int64_t start = c->n > 1 ? v_integer(c->args[0]) : 0;
	int64_t stop = c->n > 0 ? v_integer(c->args[c->n > 1 ? 1 : 0]) : 0;
	int64_t step = c->n > 2 ? v_integer(c->args[2]) : 1, n;
	size_t k;

	for (k = 0; k < c->n; k++) {
		if (c->args[k].type != V_INT && c->args[k].type != V_BOOL) {
			return c->args[k].type == V_UNDEF
				   ? tpl_fail(t, "'%s' is undefined", c->args[k].u.s)
				   : tpl_fail(t,
					      "'%s' object cannot be interpreted as an "
					      "integer",
					      v_type_name(c->args[k]));
		}
	}
	if (c->n == 0 || c->n > 3 || step == 0) {
		return tpl_fail(t, step == 0 ? "range() arg 3 must not be zero"
					     : "range expects 1 to 3 arguments");
	}
	n = step > 0 ? (stop > start ? (stop - start - 1) / step + 1 : 0)
		     : (start > stop ? (start - stop - 1) / -step + 1 : 0);
	if (n > TEMPLATE_RANGE_MAX) {
		return tpl_fail(t,
				"Range too big. The sandbox blocks ranges larger than "
				"MAX_RANGE (%d).",
				TEMPLATE_RANGE_MAX);
	}
	if (v_list(t, V_LIST, ret) < 0) {
		return -ERR_INVALID;
	}
	for (; n > 0; n--, start += step) {
		if (v_append(t, *ret, v_int(start)) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int keywords(struct tpl *t, const struct call *c, struct vdict *m)
{
	size_t i;

	for (i = 0; i < c->kw_n; i++) {
		if (v_dict_set(t, m, c->kw[i].k, c->kw[i].v) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int fn_dict(struct tpl *t, const struct call *c, struct val *ret)
{
	size_t i;

	if (v_dict(t, ret) < 0) {
		return -ERR_INVALID;
	}
	if (c->n > 0 && c->args[0].type == V_DICT) {
		for (i = 0; i < c->args[0].u.m->n; i++) {
			if (v_dict_set(t, ret->u.m, c->args[0].u.m->p[i].k,
				       c->args[0].u.m->p[i].v) < 0) {
				return -ERR_INVALID;
			}
		}
	}
	return keywords(t, c, ret->u.m);
}

static int fn_namespace(struct tpl *t, const struct call *c, struct val *ret)
{
	struct vobj *o;

	return v_obj(t, OBJ_NAMESPACE, &o, ret) < 0 ? -ERR_INVALID
						    : keywords(t, c, o->attrs);
}

static int fn_cycler(struct tpl *t, const struct call *c, struct val *ret)
{
	struct vobj *o;
	struct val list;
	size_t i;

	if (c->n == 0) {
		return tpl_fail(t, "at least one item has to be provided");
	}
	if (v_obj(t, OBJ_CYCLER, &o, ret) < 0 || v_list(t, V_LIST, &list) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < c->n; i++) {
		if (v_append(t, list, c->args[i]) < 0) {
			return -ERR_INVALID;
		}
	}
	o->items = list.u.l;
	return 0;
}

static int fn_joiner(struct tpl *t, const struct call *c, struct val *ret)
{
	struct vobj *o;
	const char *sep = call_str(c, 0, "sep", ", ");

	if (v_obj(t, OBJ_JOINER, &o, ret) < 0) {
		return -ERR_INVALID;
	}
	o->last = v_strn(sep, strlen(sep));
	return 0;
}

const struct tpl_func tpl_functions[] = {
    {"range", fn_range},   {"dict", fn_dict},     {"namespace", fn_namespace},
    {"cycler", fn_cycler}, {"joiner", fn_joiner}, {NULL, NULL},
};
