/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_val.c - values: making them, truth, equality, order, membership, walking. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/tpl_priv.h"

void *tpl_alloc(struct tpl *t, size_t size)
{
	void *p = arena_alloc(&t->arena, size);

	if (p == NULL) {
		(void)tpl_fail(t, "the template needs more than %u bytes of memory",
			       TEMPLATE_MEMORY_MAX);
	}
	return p;
}

struct val v_undef(const char *name)
{
	return (struct val){.type = V_UNDEF, .u.s = name};
}

struct val v_none(void)
{
	return (struct val){.type = V_NONE};
}

struct val v_bool(int b)
{
	return (struct val){.type = V_BOOL, .u.b = b != 0};
}

struct val v_int(int64_t i)
{
	return (struct val){.type = V_INT, .u.i = i};
}

struct val v_float(double d)
{
	return (struct val){.type = V_FLOAT, .u.d = d};
}

struct val v_strn(const char *s, size_t len)
{
	return (struct val){.type = V_STR, .len = len, .u.s = s};
}

int v_str(struct tpl *t, const char *s, size_t len, struct val *ret)
{
	char *copy = tpl_alloc(t, len + 1);

	if (copy == NULL) {
		return -ERR_INVALID;
	}
	memcpy(copy, s, len);
	*ret = v_strn(copy, len);
	return 0;
}

int v_strz(struct tpl *t, const char *s, struct val *ret)
{
	return v_str(t, s, strlen(s), ret);
}

int v_from_buf(struct tpl *t, struct buf *b, struct val *ret)
{
	int rc = b->len > TEMPLATE_MEMORY_MAX ? tpl_fail(t, "the text is too long")
					      : v_str(t, b->data, b->len, ret);

	buf_release(b);
	return rc;
}

int v_list(struct tpl *t, enum val_type type, struct val *ret)
{
	struct vlist *l = tpl_alloc(t, sizeof(*l));

	*ret = (struct val){.type = type, .u.l = l};
	return l != NULL ? 0 : -ERR_INVALID;
}

int v_append(struct tpl *t, struct val list, struct val item)
{
	struct vlist *l = list.u.l;

	if (l->n == l->size) {
		size_t size = l->size == 0 ? 8 : l->size * 2;
		struct val *v = tpl_alloc(t, size * sizeof(*v));

		if (v == NULL) {
			return -ERR_INVALID;
		}
		if (l->n > 0) {
			memcpy(v, l->v, l->n * sizeof(*v));
		}
		l->v = v;
		l->size = size;
	}
	l->v[l->n++] = item;
	return 0;
}

int v_dict(struct tpl *t, struct val *ret)
{
	struct vdict *m = tpl_alloc(t, sizeof(*m));

	*ret = (struct val){.type = V_DICT, .u.m = m};
	return m != NULL ? 0 : -ERR_INVALID;
}

struct val *v_dict_get(const struct vdict *m, const char *key, size_t len)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		const struct val *k = &m->p[i].k;

		if (k->type == V_STR && k->len == len &&
		    memcmp(k->u.s, key, len) == 0) {
			return &m->p[i].v;
		}
	}
	return NULL;
}

struct val *v_dict_find(const struct vdict *m, struct val key)
{
	size_t i;

	if (key.type == V_STR) {
		return v_dict_get(m, key.u.s, key.len);
	}
	for (i = 0; i < m->n; i++) {
		if (v_equal(m->p[i].k, key)) {
			return &m->p[i].v;
		}
	}
	return NULL;
}

/* Appends without a look for the key: for what is known to be new. */
static int dict_add(struct tpl *t, struct vdict *m, struct val k, struct val v)
{
	if (m->n == m->size) {
		size_t size = m->size == 0 ? 8 : m->size * 2;
		struct vpair *p = tpl_alloc(t, size * sizeof(*p));

		if (p == NULL) {
			return -ERR_INVALID;
		}
		if (m->n > 0) {
			memcpy(p, m->p, m->n * sizeof(*p));
		}
		m->p = p;
		m->size = size;
	}
	m->p[m->n++] = (struct vpair){k, v};
	return 0;
}

int v_dict_set(struct tpl *t, struct vdict *m, struct val k, struct val v)
{
	struct val *there = v_dict_find(m, k);

	if (there != NULL) {
		*there = v;
		return 0;
	}
	return tpl_step(t) < 0 ? -ERR_INVALID : dict_add(t, m, k, v);
}

int v_obj(struct tpl *t, enum obj_class cls, struct vobj **ret, struct val *ret_val)
{
	struct vobj *o = tpl_alloc(t, sizeof(*o));
	struct val attrs;

	if (o == NULL || v_dict(t, &attrs) < 0) {
		return -ERR_INVALID;
	}
	o->cls = cls;
	o->attrs = attrs.u.m;
	*ret = o;
	*ret_val = v_of_obj(o);
	return 0;
}

struct val v_of_obj(struct vobj *o)
{
	return (struct val){.type = V_OBJ, .u.o = o};
}

int v_time(struct tpl *t, int64_t at_us, struct val *ret)
{
	struct vobj *o;
	int rc = v_obj(t, OBJ_TIME, &o, ret);

	if (rc == 0) {
		o->at_us = at_us;
	}
	return rc;
}

int v_is_key(struct val v)
{
	return v.type != V_LIST && v.type != V_DICT;
}

int v_is_number(struct val v)
{
	return v.type == V_BOOL || v.type == V_INT || v.type == V_FLOAT;
}

double v_number(struct val v)
{
	return v.type == V_FLOAT ? v.u.d
	       : v.type == V_INT ? (double)v.u.i
				 : (double)v.u.b;
}

int64_t v_integer(struct val v)
{
	if (v.type == V_FLOAT && isnan(v.u.d)) {
		return 0;
	}
	if (v.type == V_FLOAT) {
		return v.u.d >= 9.2e18    ? INT64_MAX
		       : v.u.d <= -9.2e18 ? INT64_MIN
					  : (int64_t)v.u.d;
	}
	return v.type == V_INT ? v.u.i : v.type == V_BOOL ? v.u.b : 0;
}

int64_t v_magnitude(struct val v)
{
	int64_t i = v_integer(v);

	return i == INT64_MIN ? INT64_MAX : i < 0 ? -i : i;
}

int v_is_str(struct val v, const char *s)
{
	return v.type == V_STR && v.len == strlen(s) && memcmp(v.u.s, s, v.len) == 0;
}

int v_truth(struct val v)
{
	switch (v.type) {
	case V_UNDEF:
	case V_NONE:
		return 0;
	case V_BOOL:
		return v.u.b;
	case V_INT:
		return v.u.i != 0;
	case V_FLOAT:
		return v.u.d != 0;
	case V_STR:
		return v.len > 0;
	case V_LIST:
	case V_TUPLE:
		return v.u.l->n > 0;
	case V_DICT:
		return v.u.m->n > 0;
	case V_OBJ:
		return v.u.o->cls != OBJ_HEADERS || v.u.o->attrs->n > 0;
	case V_MACRO:
	case V_FUNC:
	case V_METHOD:
	default:
		return 1;
	}
}

static int lists_equal(const struct vlist *a, const struct vlist *b)
{
	size_t i;

	for (i = 0; i < a->n && i < b->n; i++) {
		if (!v_equal(a->v[i], b->v[i])) {
			return 0;
		}
	}
	return a->n == b->n;
}

static int dicts_equal(const struct vdict *a, const struct vdict *b)
{
	size_t i;

	for (i = 0; i < a->n; i++) {
		const struct val *v = v_dict_find(b, a->p[i].k);

		if (v == NULL || !v_equal(a->p[i].v, *v)) {
			return 0;
		}
	}
	return a->n == b->n;
}

static int objects_equal(const struct vobj *a, const struct vobj *b)
{
	if (a == b) {
		return 1;
	}
	if (a->cls != b->cls) {
		return 0;
	}
	if (a->cls == OBJ_TIME) {
		return a->at_us == b->at_us;
	}
	if (a->cls == OBJ_STATE_TYPE) {
		return strcmp(a->text, b->text) == 0;
	}
	return (a->cls == OBJ_MODEL || a->cls == OBJ_RESOURCE) &&
	       dicts_equal(a->attrs, b->attrs);
}

int v_equal(struct val a, struct val b)
{
	if (v_is_number(a) && v_is_number(b)) {
		if (a.type != V_FLOAT && b.type != V_FLOAT) {
			return v_integer(a) == v_integer(b);
		}
		return v_number(a) == v_number(b);
	}
	/* state types are texts too: "RUNNING" */
	if (a.type == V_OBJ && a.u.o->cls == OBJ_STATE_TYPE && b.type == V_STR) {
		return v_is_str(b, a.u.o->text);
	}
	if (b.type == V_OBJ && b.u.o->cls == OBJ_STATE_TYPE && a.type == V_STR) {
		return v_is_str(a, b.u.o->text);
	}
	if (a.type != b.type) {
		return 0;
	}
	switch (a.type) {
	case V_UNDEF:
	case V_NONE:
		return 1;
	case V_STR:
		return a.len == b.len && memcmp(a.u.s, b.u.s, a.len) == 0;
	case V_LIST:
	case V_TUPLE:
		return lists_equal(a.u.l, b.u.l);
	case V_DICT:
		return dicts_equal(a.u.m, b.u.m);
	case V_OBJ:
		return objects_equal(a.u.o, b.u.o);
	case V_BOOL:
	case V_INT:
	case V_FLOAT:
	case V_MACRO:
	case V_FUNC:
	case V_METHOD:
	default:
		return a.u.s == b.u.s;
	}
}

static int sign(double d)
{
	return (d > 0) - (d < 0);
}

/* Of bytes: the order of characters in UTF-8. */
static int compare_texts(struct val a, struct val b)
{
	size_t n = MIN_OF(a.len, b.len);
	int c = memcmp(a.u.s, b.u.s, n);

	return c != 0 ? (c > 0) - (c < 0) : (a.len > b.len) - (a.len < b.len);
}

static int compare_lists(struct tpl *t, const struct vlist *a, const struct vlist *b,
			 int *ret)
{
	size_t i;

	for (i = 0; i < a->n && i < b->n; i++) {
		if (!v_equal(a->v[i], b->v[i])) {
			return v_compare(t, a->v[i], b->v[i], ret);
		}
	}
	*ret = (a->n > b->n) - (a->n < b->n);
	return 0;
}

int v_compare(struct tpl *t, struct val a, struct val b, int *ret)
{
	if (tpl_step(t) < 0) {
		return -ERR_INVALID;
	}
	if (v_is_number(a) && v_is_number(b)) {
		if (a.type != V_FLOAT && b.type != V_FLOAT) {
			int64_t x = v_integer(a), y = v_integer(b);

			*ret = (x > y) - (x < y);
		} else {
			*ret = sign(v_number(a) - v_number(b));
		}
		return 0;
	}
	if (a.type == V_UNDEF || b.type == V_UNDEF) {
		const char *name = a.type == V_UNDEF ? a.u.s : b.u.s;

		return tpl_fail(t, "'%s' is undefined", name);
	}
	if (a.type == V_STR && b.type == V_STR) {
		*ret = compare_texts(a, b);
		return 0;
	}
	if (a.type == b.type && (a.type == V_LIST || a.type == V_TUPLE)) {
		return compare_lists(t, a.u.l, b.u.l, ret);
	}
	if (a.type == V_OBJ && b.type == V_OBJ && a.u.o->cls == OBJ_TIME &&
	    b.u.o->cls == OBJ_TIME) {
		*ret = (a.u.o->at_us > b.u.o->at_us) - (a.u.o->at_us < b.u.o->at_us);
		return 0;
	}
	return tpl_fail(t, "'<' not supported between instances of '%s' and '%s'",
			v_type_name(a), v_type_name(b));
}

int v_order(struct tpl *t, struct val a, struct val b, int case_sensitive, int *ret)
{
	struct buf x, y;

	if (a.type != V_STR || b.type != V_STR || case_sensitive) {
		return v_compare(t, a, b, ret);
	}
	if (tpl_step(t) < 0) {
		return -ERR_INVALID;
	}
	buf_init(&x);
	buf_init(&y);
	text_case(&x, a.u.s, a.len, 'l');
	text_case(&y, b.u.s, b.len, 'l');
	*ret = compare_texts(v_strn(x.data, x.len), v_strn(y.data, y.len));
	buf_release(&x);
	buf_release(&y);
	return 0;
}

int v_in(struct tpl *t, struct val item, struct val in, int *ret)
{
	struct vlist *l;
	size_t i;

	if (in.type == V_STR) {
		if (item.type != V_STR) {
			return tpl_fail(
			    t, "'in <string>' requires string as left operand, not %s",
			    v_type_name(item));
		}
		*ret =
		    item.len == 0 || memmem(in.u.s, in.len, item.u.s, item.len) != NULL;
		return 0;
	}
	if (in.type == V_DICT && !v_is_key(item)) {
		return tpl_fail(t, "unhashable type: '%s'", v_type_name(item));
	}
	if (v_iter(t, in, &l) < 0) {
		return -ERR_INVALID;
	}
	*ret = 0;
	for (i = 0; i < l->n && !*ret; i++) {
		*ret = v_equal(l->v[i], item);
	}
	return 0;
}

const char *v_type_name(struct val v)
{
	switch (v.type) {
	case V_UNDEF:
		return "Undefined";
	case V_NONE:
		return "NoneType";
	case V_BOOL:
		return "bool";
	case V_INT:
		return "int";
	case V_FLOAT:
		return "float";
	case V_STR:
		return "str";
	case V_LIST:
		return "list";
	case V_TUPLE:
		return "tuple";
	case V_DICT:
		return "dict";
	case V_OBJ:
		return v.u.o->cls == OBJ_TIME ? "datetime" : "object";
	case V_MACRO:
		return "Macro";
	case V_FUNC:
	case V_METHOD:
	default:
		return "function";
	}
}

/* ---- texts ---- */

size_t v_chars(struct val s)
{
	size_t i, n = 0;

	for (i = 0; i < s.len; i++) {
		n += ((unsigned char)s.u.s[i] & 0xc0) != 0x80;
	}
	return n;
}

size_t utf8_at(const char *s, size_t len, size_t chars)
{
	size_t i = 0;

	for (; chars > 0 && i < len; chars--) {
		i++;
		while (i < len && ((unsigned char)s[i] & 0xc0) == 0x80) {
			i++;
		}
	}
	return i;
}

/* ---- walking ---- */

static int text_items(struct tpl *t, struct val v, struct val list)
{
	struct val item = v_none();
	size_t at = 0, n;

	while (at < v.len) {
		n = utf8_at(v.u.s + at, v.len - at, 1);
		if (tpl_step(t) < 0 || v_str(t, v.u.s + at, n, &item) < 0 ||
		    v_append(t, list, item) < 0) {
			return -ERR_INVALID;
		}
		at += n;
	}
	return 0;
}

/* (key, value) pairs, or the keys alone. */
static int dict_items(struct tpl *t, const struct vdict *m, struct val list, int pairs)
{
	struct val pair;
	size_t i;

	for (i = 0; i < m->n; i++) {
		if (!pairs) {
			if (v_append(t, list, m->p[i].k) < 0) {
				return -ERR_INVALID;
			}
			continue;
		}
		if (v_list(t, V_TUPLE, &pair) < 0 || v_append(t, pair, m->p[i].k) < 0 ||
		    v_append(t, pair, m->p[i].v) < 0 || v_append(t, list, pair) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

/* Labels at or below a node of the tree, with what follows its path. */
static int label_items(struct tpl *t, const struct vobj *o, struct val list)
{
	size_t n = strlen(o->text), i;
	struct val pair;

	for (i = 0; i < o->attrs->n; i++) {
		struct val k = o->attrs->p[i].k;

		if (n > 0 &&
		    (k.len <= n || memcmp(k.u.s, o->text, n) != 0 || k.u.s[n] != '.')) {
			continue;
		}
		if (n > 0) {
			k = v_strn(k.u.s + n + 1, k.len - n - 1);
		}
		if (v_list(t, V_TUPLE, &pair) < 0 || v_append(t, pair, k) < 0 ||
		    v_append(t, pair, o->attrs->p[i].v) < 0 ||
		    v_append(t, list, pair) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int object_items(struct tpl *t, struct val v, struct val list)
{
	const struct vobj *o = v.u.o;

	switch (o->cls) {
	case OBJ_RESOURCE:
	case OBJ_MODEL:
		return dict_items(t, o->attrs, list, 1);
	case OBJ_HEADERS:
		return dict_items(t, o->attrs, list, 0);
	case OBJ_LABELS:
		return label_items(t, o, list);
	case OBJ_TIME:
	case OBJ_STATE_TYPE:
	case OBJ_LOOP:
	case OBJ_NAMESPACE:
	case OBJ_CYCLER:
	case OBJ_JOINER:
	default:
		return tpl_fail(t, "'%s' object is not iterable", v_type_name(v));
	}
}

int v_iter(struct tpl *t, struct val v, struct vlist **ret)
{
	struct val list;
	int rc;

	if (v.type == V_LIST || v.type == V_TUPLE) {
		*ret = v.u.l;
		return 0;
	}
	if (v_list(t, V_LIST, &list) < 0) {
		return -ERR_INVALID;
	}
	*ret = list.u.l;
	switch (v.type) {
	case V_UNDEF:
		return 0;
	case V_STR:
		return text_items(t, v, list);
	case V_DICT:
		return dict_items(t, v.u.m, list, 0);
	case V_OBJ:
		rc = object_items(t, v, list);
		*ret = list.u.l;
		return rc;
	case V_NONE:
	case V_BOOL:
	case V_INT:
	case V_FLOAT:
	case V_LIST:
	case V_TUPLE:
	case V_MACRO:
	case V_FUNC:
	case V_METHOD:
	default:
		return tpl_fail(t, "'%s' object is not iterable", v_type_name(v));
	}
}

int v_length(struct tpl *t, struct val v, int64_t *ret)
{
	struct vlist *l;

	if (v.type == V_STR) {
		*ret = (int64_t)v_chars(v);
		return 0;
	}
	if (v.type == V_DICT) {
		*ret = (int64_t)v.u.m->n;
		return 0;
	}
	if (v.type != V_UNDEF && v.type != V_LIST && v.type != V_TUPLE &&
	    (v.type != V_OBJ ||
	     (v.u.o->cls != OBJ_RESOURCE && v.u.o->cls != OBJ_LABELS &&
	      v.u.o->cls != OBJ_HEADERS))) {
		return tpl_fail(t, "object of type '%s' has no len()", v_type_name(v));
	}
	if (v_iter(t, v, &l) < 0) {
		return -ERR_INVALID;
	}
	*ret = (int64_t)l->n;
	return 0;
}
