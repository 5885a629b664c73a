/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_filter_list.c - filters on lists and dictionaries. */
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/tpl_priv.h"

#define CHUNKS_MAX 10000

/* "a.b.0" of an item; "" is the item itself. */
static int path_of(struct tpl *t, struct val v, const struct val *path, struct val *ret)
{
	const char *s, *dot, *end;
	struct val key;

	*ret = v;
	if (path == NULL || path->type == V_NONE) {
		return 0;
	}
	if (path->type != V_STR) {
		return v_item(t, v, *path, ret);
	}
	end = path->u.s + path->len;
	for (s = path->u.s; s < end; s = dot < end ? dot + 1 : end) {
		dot = memchr(s, '.', (size_t)(end - s));
		dot = dot != NULL ? dot : end;
		if (v_str(t, s, (size_t)(dot - s), &key) < 0) {
			return -ERR_INVALID;
		}
		if (key.len > 0 && strspn(key.u.s, "0123456789") == key.len) {
			key = v_int(strtoll(key.u.s, NULL, 10));
		}
		if (v_item(t, *ret, key, ret) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int f_default(struct tpl *t, struct val in, const struct call *c,
		     struct val *ret)
{
	const struct val *v = call_arg(c, 0, "default_value");
	int falsy = call_flag(c, 1, "boolean", 0);

	(void)t;
	if (in.type == V_UNDEF || (falsy && !v_truth(in))) {
		*ret = v != NULL ? *v : v_strn("", 0);
	} else {
		*ret = in;
	}
	return 0;
}

static int f_join(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	const struct val *by = call_arg(c, 0, "d");
	const struct val *attribute = call_arg(c, 1, "attribute");
	struct vlist *l;
	struct val v;
	struct buf b;
	size_t i;
	int rc = v_iter(t, in, &l);

	buf_init(&b);
	for (i = 0; rc == 0 && i < l->n; i++) {
		rc = path_of(t, l->v[i], attribute, &v);
		if (rc == 0 && i > 0 && by != NULL) {
			v_write(&b, *by, 0, 0);
		}
		if (rc == 0) {
			v_write(&b, v, 0, 0);
		}
	}
	if (rc < 0) {
		buf_release(&b);
		return rc;
	}
	return v_from_buf(t, &b, ret);
}

static int f_length(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	int64_t n = 0;

	(void)c;
	if (v_length(t, in, &n) < 0) {
		return -ERR_INVALID;
	}
	*ret = v_int(n);
	return 0;
}

static int end_of(struct tpl *t, struct val in, int last, struct val *ret)
{
	struct vlist *l;

	if (v_iter(t, in, &l) < 0) {
		return -ERR_INVALID;
	}
	*ret = l->n == 0 ? v_undef("No item, sequence was empty.")
			 : l->v[last ? l->n - 1 : 0];
	return 0;
}

static int f_first(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	(void)c;
	return end_of(t, in, 0, ret);
}

static int f_last(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	(void)c;
	return end_of(t, in, 1, ret);
}

static int copy_list(struct tpl *t, const struct vlist *l, struct val *ret)
{
	size_t i;

	if (v_list(t, V_LIST, ret) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < l->n; i++) {
		if (v_append(t, *ret, l->v[i]) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int f_list(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	struct vlist *l;

	(void)c;
	return v_iter(t, in, &l) < 0 ? -ERR_INVALID : copy_list(t, l, ret);
}

static int f_reverse(struct tpl *t, struct val in, const struct call *c,
		     struct val *ret)
{
	struct vlist *l;
	struct buf b;
	size_t i;

	(void)c;
	if (v_iter(t, in, &l) < 0) {
		return -ERR_INVALID;
	}
	if (in.type == V_STR) {
		buf_init(&b);
		for (i = l->n; i-- > 0;) {
			buf_add(&b, l->v[i].u.s, l->v[i].len);
		}
		return v_from_buf(t, &b, ret);
	}
	if (v_list(t, V_LIST, ret) < 0) {
		return -ERR_INVALID;
	}
	for (i = l->n; i-- > 0;) {
		if (v_append(t, *ret, l->v[i]) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

/* ---- order ---- */

struct sortable {
	struct val v;
	struct val *keys;
};

static int before(struct tpl *t, const struct sortable *a, const struct sortable *b,
		  size_t keys, int case_sensitive, int *ret)
{
	size_t i;

	*ret = 0;
	for (i = 0; i < keys && *ret == 0; i++) {
		if (v_order(t, a->keys[i], b->keys[i], case_sensitive, ret) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

/* Stable, by merging. */
static int merge_sort(struct tpl *t, struct sortable *list, struct sortable *spare,
		      size_t n, const int how[3])
{
	size_t half = n / 2, i = 0, k = half, at = 0;
	int c, rc;

	if (n < 2) {
		return 0;
	}
	rc = merge_sort(t, list, spare, half, how);
	rc = rc < 0 ? rc : merge_sort(t, list + half, spare, n - half, how);
	while (rc == 0 && i < half && k < n) {
		rc = before(t, &list[k], &list[i], (size_t)how[0], how[1], &c);
		c = how[2] ? -c : c;
		spare[at++] = c < 0 ? list[k++] : list[i++];
	}
	if (rc < 0) {
		return rc;
	}
	while (i < half) {
		spare[at++] = list[i++];
	}
	memcpy(list, spare, at * sizeof(*list));
	return 0;
}

/* ATTRIBUTE: "a,b.c" or NULL. */
static int sorted(struct tpl *t, const struct vlist *l, const struct val *attribute,
		  int case_sensitive, int reverse, struct val *ret)
{
	struct sortable *list = tpl_alloc(t, (l->n + 1) * sizeof(*list));
	struct sortable *spare = tpl_alloc(t, (l->n + 1) * sizeof(*spare));
	const char *s =
	    attribute != NULL && attribute->type == V_STR ? attribute->u.s : NULL;
	size_t keys = 1, i, k;
	const char *at;

	for (at = s; at != NULL && *at != '\0'; at++) {
		keys += *at == ',';
	}
	if (list == NULL || spare == NULL) {
		return -ERR_INVALID;
	}
	for (i = 0; i < l->n; i++) {
		list[i].v = l->v[i];
		list[i].keys = tpl_alloc(t, keys * sizeof(struct val));
		if (list[i].keys == NULL) {
			return -ERR_INVALID;
		}
		list[i].keys[0] = l->v[i];
		if (attribute != NULL && s == NULL &&
		    path_of(t, l->v[i], attribute, &list[i].keys[0]) < 0) {
			return -ERR_INVALID;
		}
		for (at = s, k = 0; at != NULL && k < keys; k++) {
			const char *comma = strchrnul(at, ',');
			struct val path;

			if (v_str(t, at, (size_t)(comma - at), &path) < 0 ||
			    path_of(t, l->v[i], &path, &list[i].keys[k]) < 0) {
				return -ERR_INVALID;
			}
			at = *comma == ',' ? comma + 1 : comma;
		}
	}
	if (merge_sort(t, list, spare, l->n,
		       (const int[]){(int)keys, case_sensitive, reverse}) < 0 ||
	    v_list(t, V_LIST, ret) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < l->n; i++) {
		if (v_append(t, *ret, list[i].v) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int f_sort(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	struct vlist *l;

	return v_iter(t, in, &l) < 0 ? -ERR_INVALID
				     : sorted(t, l, call_arg(c, 2, "attribute"),
					      call_flag(c, 1, "case_sensitive", 0),
					      call_flag(c, 0, "reverse", 0), ret);
}

static int f_items(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	struct val m;
	struct call none = {0};

	(void)c;
	if (in.type == V_UNDEF) {
		return v_list(t, V_LIST, ret);
	}
	if (in.type == V_OBJ && in.u.o->cls == OBJ_RESOURCE) {
		struct vlist *l;

		return v_iter(t, in, &l) < 0 ? -ERR_INVALID : copy_list(t, l, ret);
	}
	if (in.type != V_DICT) {
		return tpl_fail(t, "Can only get item pairs from a mapping.");
	}
	return v_attr(t, in, "items", &m) < 0 ? -ERR_INVALID
					      : tpl_call(t, m, &none, ret);
}

static int f_dictsort(struct tpl *t, struct val in, const struct call *c,
		      struct val *ret)
{
	struct val items, by = v_int(0);
	struct call none = {0};

	if (in.type == V_UNDEF) {
		return tpl_fail(t, "'%s' is undefined", in.u.s);
	}
	if (f_items(t, in, &none, &items) < 0) {
		return -ERR_INVALID;
	}
	if (strcmp(call_str(c, 1, "by", "key"), "value") == 0) {
		by = v_int(1);
	}
	return sorted(t, items.u.l, &by, call_flag(c, 0, "case_sensitive", 0),
		      call_flag(c, 2, "reverse", 0), ret);
}

static int extreme(struct tpl *t, struct val in, const struct call *c, int want,
		   struct val *ret)
{
	const struct val *attribute = call_arg(c, 1, "attribute");
	int case_sensitive = call_flag(c, 0, "case_sensitive", 0), cmp;
	struct val best, key, best_key;
	struct vlist *l;
	size_t i;

	if (v_iter(t, in, &l) < 0) {
		return -ERR_INVALID;
	}
	if (l->n == 0) {
		*ret = v_undef("No aggregated item, sequence was empty.");
		return 0;
	}
	best = l->v[0];
	if (path_of(t, best, attribute, &best_key) < 0) {
		return -ERR_INVALID;
	}
	for (i = 1; i < l->n; i++) {
		if (path_of(t, l->v[i], attribute, &key) < 0 ||
		    v_order(t, key, best_key, case_sensitive, &cmp) < 0) {
			return -ERR_INVALID;
		}
		if (cmp == want) {
			best = l->v[i];
			best_key = key;
		}
	}
	*ret = best;
	return 0;
}

static int f_min(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	return extreme(t, in, c, -1, ret);
}

static int f_max(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	return extreme(t, in, c, 1, ret);
}

static int f_sum(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	const struct val *attribute = call_arg(c, 0, "attribute");
	const struct val *start = call_arg(c, 1, "start");
	struct vlist *l;
	struct val v;
	size_t i;

	if (v_iter(t, in, &l) < 0) {
		return -ERR_INVALID;
	}
	*ret = start != NULL ? *start : v_int(0);
	for (i = 0; i < l->n; i++) {
		if (path_of(t, l->v[i], attribute, &v) < 0 ||
		    tpl_binary(t, "+", *ret, v, ret) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int f_unique(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	int case_sensitive = call_flag(c, 0, "case_sensitive", 0);
	const struct val *attribute = call_arg(c, 1, "attribute");
	struct val seen, key, low;
	struct call none = {0};
	struct vlist *l;
	size_t i;
	int there;

	if (v_iter(t, in, &l) < 0 || v_list(t, V_LIST, ret) < 0 ||
	    v_list(t, V_LIST, &seen) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < l->n; i++) {
		if (path_of(t, l->v[i], attribute, &key) < 0) {
			return -ERR_INVALID;
		}
		if (!v_is_key(key)) {
			return tpl_fail(t, "unhashable type: '%s'", v_type_name(key));
		}
		if (key.type == V_STR && !case_sensitive) {
			if (tpl_apply_filter(t, "lower", key, &none, &low) < 0) {
				return -ERR_INVALID;
			}
			key = low;
		}
		if (tpl_step(t) < 0 || v_in(t, key, seen, &there) < 0) {
			return -ERR_INVALID;
		}
		if (!there &&
		    (v_append(t, seen, key) < 0 || v_append(t, *ret, l->v[i]) < 0)) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

/* ---- choosing ---- */

static struct call rest_of(const struct call *c, size_t from)
{
	struct call out = *c;

	out.args = c->n > from ? c->args + from : NULL;
	out.n = c->n > from ? c->n - from : 0;
	return out;
}

static int choose(struct tpl *t, struct val in, const struct call *c, int with_attr,
		  int keep, struct val *ret)
{
	size_t at = with_attr ? 1 : 0, i;
	struct call rest = rest_of(c, at + 1);
	struct vlist *l;
	struct val v;
	int hit;

	if (with_attr && c->n == 0) {
		return tpl_fail(t, "Missing parameter for attribute name");
	}
	if (!v_truth(in)) { /* nothing is walked, whatever it is */
		return v_list(t, V_LIST, ret);
	}
	if (v_iter(t, in, &l) < 0 || v_list(t, V_LIST, ret) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < l->n; i++) {
		if (path_of(t, l->v[i], with_attr ? &c->args[0] : NULL, &v) < 0) {
			return -ERR_INVALID;
		}
		hit = v_truth(v);
		if (c->n > at && (c->args[at].type != V_STR ||
				  tpl_test(t, c->args[at].u.s, v, &rest, &hit) < 0)) {
			return tpl_fail(t, "the name of a test is expected");
		}
		if (hit == keep && v_append(t, *ret, l->v[i]) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int f_select(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	return choose(t, in, c, 0, 1, ret);
}

static int f_reject(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	return choose(t, in, c, 0, 0, ret);
}

static int f_selectattr(struct tpl *t, struct val in, const struct call *c,
			struct val *ret)
{
	return choose(t, in, c, 1, 1, ret);
}

static int f_rejectattr(struct tpl *t, struct val in, const struct call *c,
			struct val *ret)
{
	return choose(t, in, c, 1, 0, ret);
}

static int f_map(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	const struct val *attribute = call_arg(c, SIZE_MAX, "attribute");
	const struct val *standard = call_arg(c, SIZE_MAX, "default");
	struct call rest = rest_of(c, 1);
	struct vlist *l;
	struct val v;
	size_t i;
	int rc;

	if (!v_truth(in)) { /* nothing is walked, whatever it is */
		return v_list(t, V_LIST, ret);
	}
	if (v_iter(t, in, &l) < 0 || v_list(t, V_LIST, ret) < 0) {
		return -ERR_INVALID;
	}
	if (attribute == NULL && (c->n == 0 || c->args[0].type != V_STR)) {
		return tpl_fail(t, "map requires a filter argument");
	}
	for (i = 0; i < l->n; i++) {
		rc = attribute != NULL
			 ? path_of(t, l->v[i], attribute, &v)
			 : tpl_apply_filter(t, c->args[0].u.s, l->v[i], &rest, &v);
		if (rc == 0 && v.type == V_UNDEF && standard != NULL) {
			v = *standard;
		}
		if (rc < 0 || v_append(t, *ret, v) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int f_attr(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	const char *name = call_str(c, 0, "name", NULL);

	if (name == NULL) {
		return tpl_fail(t, "attr needs a name");
	}
	if (in.type == V_DICT && v_dict_get(in.u.m, name, strlen(name)) != NULL) {
		*ret = v_undef(name); /* attributes only, no keys */
		return 0;
	}
	return v_attr(t, in, name, ret);
}

/* ---- shapes ---- */

static int f_groupby(struct tpl *t, struct val in, const struct call *c,
		     struct val *ret)
{
	const struct val *attribute = call_arg(c, 0, "attribute");
	const struct val *standard = call_arg(c, 1, "default");
	int case_sensitive = call_flag(c, 2, "case_sensitive", 0), cmp = 1;
	struct val order, group = v_none(), items = v_none(), key, last = v_none();
	struct vlist *l;
	size_t i;

	if (attribute == NULL || v_iter(t, in, &l) < 0 ||
	    sorted(t, l, attribute, case_sensitive, 0, &order) < 0 ||
	    v_list(t, V_LIST, ret) < 0) {
		return tpl_fail(t, "groupby needs an attribute");
	}
	for (i = 0; i < order.u.l->n; i++) {
		if (path_of(t, order.u.l->v[i], attribute, &key) < 0) {
			return -ERR_INVALID;
		}
		if (key.type == V_UNDEF && standard != NULL) {
			key = *standard;
		}
		if (i > 0 && v_order(t, key, last, case_sensitive, &cmp) < 0) {
			return -ERR_INVALID;
		}
		if (i == 0 || cmp != 0) {
			if (v_list(t, V_TUPLE, &group) < 0 ||
			    v_list(t, V_LIST, &items) < 0 ||
			    v_append(t, group, key) < 0 ||
			    v_append(t, group, items) < 0 ||
			    v_append(t, *ret, group) < 0) {
				return -ERR_INVALID;
			}
		}
		last = key;
		if (v_append(t, items, order.u.l->v[i]) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int f_batch(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	int64_t count = call_int(c, 0, "linecount", 0);
	const struct val *fill = call_arg(c, 1, "fill_with");
	struct val row = v_none();
	struct vlist *l;
	size_t i;

	if (v_iter(t, in, &l) < 0 || v_list(t, V_LIST, ret) < 0) {
		return -ERR_INVALID;
	}
	if (count < 1 || count > CHUNKS_MAX) {
		return tpl_fail(t, "batch needs a number from 1 to %d", CHUNKS_MAX);
	}
	for (i = 0; i < l->n; i++) {
		if (i % (size_t)count == 0 &&
		    (v_list(t, V_LIST, &row) < 0 || v_append(t, *ret, row) < 0)) {
			return -ERR_INVALID;
		}
		if (v_append(t, row, l->v[i]) < 0) {
			return -ERR_INVALID;
		}
	}
	while (fill != NULL && fill->type != V_NONE && row.type == V_LIST &&
	       row.u.l->n < (size_t)count) {
		if (v_append(t, row, *fill) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int f_slice(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	int64_t slices = call_int(c, 0, "slices", 0);
	const struct val *fill = call_arg(c, 1, "fill_with");
	struct val row;
	struct vlist *l;
	size_t i, at = 0, per, more;

	if (v_iter(t, in, &l) < 0 || v_list(t, V_LIST, ret) < 0) {
		return -ERR_INVALID;
	}
	if (slices < 1 || slices > CHUNKS_MAX) {
		return tpl_fail(t, "slice needs a number from 1 to %d", CHUNKS_MAX);
	}
	per = l->n / (size_t)slices;
	more = l->n % (size_t)slices;
	for (i = 0; i < (size_t)slices; i++) {
		size_t end = at + per + (i < more);

		if (v_list(t, V_LIST, &row) < 0 || v_append(t, *ret, row) < 0) {
			return -ERR_INVALID;
		}
		for (; at < end; at++) {
			if (v_append(t, row, l->v[at]) < 0) {
				return -ERR_INVALID;
			}
		}
		if (fill != NULL && fill->type != V_NONE && i >= more &&
		    v_append(t, row, *fill) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

const struct tpl_filter tpl_list_filters[] = {
    {"default", f_default},
    {"d", f_default},
    {"join", f_join},
    {"length", f_length},
    {"count", f_length},
    {"first", f_first},
    {"last", f_last},
    {"list", f_list},
    {"reverse", f_reverse},
    {"sort", f_sort},
    {"items", f_items},
    {"dictsort", f_dictsort},
    {"min", f_min},
    {"max", f_max},
    {"sum", f_sum},
    {"unique", f_unique},
    {"select", f_select},
    {"reject", f_reject},
    {"selectattr", f_selectattr},
    {"rejectattr", f_rejectattr},
    {"map", f_map},
    {"attr", f_attr},
    {"groupby", f_groupby},
    {"batch", f_batch},
    {"slice", f_slice},
    {NULL, NULL},
};
