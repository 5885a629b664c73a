/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_method.c - methods of texts, dictionaries, lists, times; what loops can do. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/timefmt.h"
#include "base/tpl_priv.h"

#define SPACE "\t\n\v\f\r "

static int need_str(struct tpl *t, const struct call *c, size_t at, struct val *ret)
{
	*ret = v_strn("", 0);
	if (at >= c->n || c->args[at].type != V_STR) {
		return tpl_fail(t, "the method expects a text as argument %zu", at + 1);
	}
	*ret = c->args[at];
	return 0;
}

/* ---- cutting ---- */

static int strip(struct tpl *t, struct val s, const struct call *c, int left, int right,
		 struct val *ret)
{
	struct val chars = v_strn(SPACE, sizeof(SPACE) - 1);
	size_t from = 0, to = s.len;

	if (c->n > 0 && c->args[0].type == V_STR) {
		chars = c->args[0];
	}
	while (left && from < to && memchr(chars.u.s, s.u.s[from], chars.len) != NULL) {
		from++;
	}
	while (right && to > from &&
	       memchr(chars.u.s, s.u.s[to - 1], chars.len) != NULL) {
		to--;
	}
	return v_str(t, s.u.s + from, to - from, ret);
}

static int add_span(struct tpl *t, struct val list, const char *s, size_t len)
{
	struct val v;

	return v_str(t, s, len, &v) < 0 ? -ERR_INVALID : v_append(t, list, v);
}

static int split_space(struct tpl *t, struct val s, int64_t max, struct val list)
{
	size_t at = 0, from;

	for (;;) {
		while (at < s.len && isspace((unsigned char)s.u.s[at])) {
			at++;
		}
		if (at == s.len) {
			return 0;
		}
		from = at;
		if (max == 0) {
			size_t end = s.len;

			while (end > from && isspace((unsigned char)s.u.s[end - 1])) {
				end--;
			}
			return add_span(t, list, s.u.s + from, end - from);
		}
		while (at < s.len && !isspace((unsigned char)s.u.s[at])) {
			at++;
		}
		if (add_span(t, list, s.u.s + from, at - from) < 0) {
			return -ERR_INVALID;
		}
		max--;
	}
}

static int split(struct tpl *t, struct val s, const struct call *c, struct val *ret)
{
	const struct val *sep = call_arg(c, 0, "sep");
	int64_t max = call_int(c, 1, "maxsplit", -1);
	const char *at = s.u.s, *end = s.u.s + s.len, *hit;

	if (v_list(t, V_LIST, ret) < 0) {
		return -ERR_INVALID;
	}
	if (sep == NULL || sep->type != V_STR) {
		return split_space(t, s, max, *ret);
	}
	if (sep->len == 0) {
		return tpl_fail(t, "empty separator");
	}
	while (max != 0 &&
	       (hit = memmem(at, (size_t)(end - at), sep->u.s, sep->len)) != NULL) {
		if (add_span(t, *ret, at, (size_t)(hit - at)) < 0) {
			return -ERR_INVALID;
		}
		at = hit + sep->len;
		max--;
	}
	return add_span(t, *ret, at, (size_t)(end - at));
}

static const char *find_last(const char *s, size_t len, struct val part)
{
	size_t i;

	for (i = len + 1; part.len <= len && i-- > 0;) {
		if (i + part.len <= len && memcmp(s + i, part.u.s, part.len) == 0) {
			return s + i;
		}
	}
	return NULL;
}

static int rsplit(struct tpl *t, struct val s, const struct call *c, struct val *ret)
{
	const struct val *sep = call_arg(c, 0, "sep");
	int64_t max = call_int(c, 1, "maxsplit", -1);
	struct val back;
	size_t len = s.len, i;
	const char *hit;

	if (max < 0 || sep == NULL || sep->type != V_STR || sep->len == 0) {
		return split(t, s, c, ret);
	}
	if (v_list(t, V_LIST, &back) < 0 || v_list(t, V_LIST, ret) < 0) {
		return -ERR_INVALID;
	}
	while (max-- > 0 && (hit = find_last(s.u.s, len, *sep)) != NULL) {
		size_t from = (size_t)(hit - s.u.s) + sep->len;

		if (add_span(t, back, s.u.s + from, len - from) < 0) {
			return -ERR_INVALID;
		}
		len = (size_t)(hit - s.u.s);
	}
	if (add_span(t, back, s.u.s, len) < 0) {
		return -ERR_INVALID;
	}
	for (i = back.u.l->n; i-- > 0;) {
		if (v_append(t, *ret, back.u.l->v[i]) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int splitlines(struct tpl *t, struct val s, struct val *ret)
{
	size_t at = 0, n;

	if (v_list(t, V_LIST, ret) < 0) {
		return -ERR_INVALID;
	}
	while (at < s.len) {
		const char *nl = memchr(s.u.s + at, '\n', s.len - at);

		n = nl != NULL ? (size_t)(nl - s.u.s) - at : s.len - at;
		if (add_span(t, *ret, s.u.s + at,
			     n > 0 && s.u.s[at + n - 1] == '\r' ? n - 1 : n) < 0) {
			return -ERR_INVALID;
		}
		at += n + 1;
	}
	return 0;
}

static int partition(struct tpl *t, struct val s, const struct call *c, int last,
		     struct val *ret)
{
	struct val sep;
	const char *hit;
	size_t at;

	if (need_str(t, c, 0, &sep) < 0 || v_list(t, V_TUPLE, ret) < 0) {
		return -ERR_INVALID;
	}
	hit = last ? find_last(s.u.s, s.len, sep)
		   : memmem(s.u.s, s.len, sep.u.s, sep.len);
	if (hit == NULL) {
		return add_span(t, *ret, s.u.s, last ? 0 : s.len) < 0 ||
			       add_span(t, *ret, "", 0) < 0 ||
			       add_span(t, *ret, s.u.s, last ? s.len : 0) < 0
			   ? -ERR_INVALID
			   : 0;
	}
	at = (size_t)(hit - s.u.s);
	return add_span(t, *ret, s.u.s, at) < 0 ||
		       add_span(t, *ret, sep.u.s, sep.len) < 0 ||
		       add_span(t, *ret, hit + sep.len, s.len - at - sep.len) < 0
		   ? -ERR_INVALID
		   : 0;
}

/* ---- looking ---- */

static int affix(struct tpl *t, struct val s, const struct call *c, int end,
		 struct val *ret)
{
	struct vlist one = {.v = c->args, .n = 1}, *l = &one;
	size_t i;
	int hit = 0;

	if (c->n == 0) {
		return tpl_fail(t, "the method expects a text");
	}
	if (c->args[0].type == V_TUPLE) {
		l = c->args[0].u.l;
	} else if (c->args[0].type != V_STR) {
		return tpl_fail(t, "the method expects a text, not %s",
				v_type_name(c->args[0]));
	}
	for (i = 0; i < l->n; i++) {
		struct val a = l->v[i];

		hit |= a.type == V_STR && a.len <= s.len &&
		       memcmp(end ? s.u.s + s.len - a.len : s.u.s, a.u.s, a.len) == 0;
	}
	*ret = v_bool(hit);
	return 0;
}

static int find(struct tpl *t, struct val s, const struct call *c, const char *name,
		struct val *ret)
{
	struct val part;
	const char *hit;

	if (need_str(t, c, 0, &part) < 0) {
		return -ERR_INVALID;
	}
	hit = name[0] == 'r'
		  ? find_last(s.u.s, s.len, part)
		  : (part.len == 0 ? s.u.s : memmem(s.u.s, s.len, part.u.s, part.len));
	if (hit == NULL && strcmp(name, "index") == 0) {
		return tpl_fail(t, "substring not found");
	}
	*ret = v_int(
	    hit != NULL ? (int64_t)v_chars(v_strn(s.u.s, (size_t)(hit - s.u.s))) : -1);
	return 0;
}

static int count(struct tpl *t, struct val s, const struct call *c, struct val *ret)
{
	struct val part;
	const char *at = s.u.s, *end = s.u.s + s.len;
	int64_t n = 0;

	if (need_str(t, c, 0, &part) < 0) {
		return -ERR_INVALID;
	}
	if (part.len == 0) {
		*ret = v_int((int64_t)v_chars(s) + 1);
		return 0;
	}
	while ((at = memmem(at, (size_t)(end - at), part.u.s, part.len)) != NULL) {
		n++;
		at += part.len;
	}
	*ret = v_int(n);
	return 0;
}

static int fits(unsigned char c, const char *name)
{
	if (strcmp(name, "isspace") == 0) {
		return isspace(c);
	}
	if (strcmp(name, "isalpha") == 0) {
		return isalpha(c) || c >= 0x80;
	}
	if (strcmp(name, "isalnum") == 0) {
		return isalnum(c) || c >= 0x80;
	}
	if (strcmp(name, "isupper") == 0) {
		return !islower(c);
	}
	if (strcmp(name, "islower") == 0) {
		return !isupper(c);
	}
	return isdigit(c);
}

static int kind_of(struct val s, const char *name)
{
	int cased = strcmp(name, "isupper") == 0 || strcmp(name, "islower") == 0;
	int letters = 0;
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (!fits((unsigned char)s.u.s[i], name)) {
			return 0;
		}
		letters |= isalpha((unsigned char)s.u.s[i]);
	}
	return s.len > 0 && (!cased || letters);
}

/* ---- making ---- */

static int replace(struct tpl *t, struct val s, const struct call *c, struct val *ret)
{
	struct val from, to;
	int64_t max = call_int(c, 2, "count", -1);
	const char *at = s.u.s, *end = s.u.s + s.len, *hit;
	struct buf b;

	if (need_str(t, c, 0, &from) < 0 || need_str(t, c, 1, &to) < 0) {
		return -ERR_INVALID;
	}
	buf_init(&b);
	while (max != 0 && from.len > 0 &&
	       (hit = memmem(at, (size_t)(end - at), from.u.s, from.len)) != NULL &&
	       b.len < TEMPLATE_OUTPUT_MAX) {
		buf_add(&b, at, (size_t)(hit - at));
		buf_add(&b, to.u.s, to.len);
		at = hit + from.len;
		max--;
	}
	buf_add(&b, at, (size_t)(end - at));
	return v_from_buf(t, &b, ret);
}

static int join(struct tpl *t, struct val s, const struct call *c, struct val *ret)
{
	struct vlist *l;
	struct buf b;
	size_t i;

	if (c->n == 0 || v_iter(t, c->args[0], &l) < 0) {
		return tpl_fail(t, "join() takes exactly one argument");
	}
	buf_init(&b);
	for (i = 0; i < l->n; i++) {
		if (l->v[i].type != V_STR) {
			buf_release(&b);
			return tpl_fail(t,
					"sequence item %zu: expected str instance, %s "
					"found",
					i, v_type_name(l->v[i]));
		}
		if (i > 0) {
			buf_add(&b, s.u.s, s.len);
		}
		buf_add(&b, l->v[i].u.s, l->v[i].len);
	}
	return v_from_buf(t, &b, ret);
}

static int fill_to(struct tpl *t, struct val s, const struct call *c, const char *name,
		   struct val *ret)
{
	int64_t width = call_int(c, 0, "width", 0), chars = (int64_t)v_chars(s), before;
	int64_t gap = width > chars ? width - chars : 0, i;
	char fill = ' ';
	struct buf b;

	if (c->n > 1 && c->args[1].type == V_STR && c->args[1].len == 1) {
		fill = c->args[1].u.s[0];
	}
	if (width > TEMPLATE_REPEAT_MAX) {
		return tpl_fail(t, "a text may be padded to %d characters at most",
				TEMPLATE_REPEAT_MAX);
	}
	before = *name == 'r' ? gap : *name == 'c' ? gap / 2 + (gap & width & 1) : 0;
	buf_init(&b);
	for (i = 0; i < before; i++) {
		buf_addc(&b, fill);
	}
	buf_add(&b, s.u.s, s.len);
	for (i = before; i < gap; i++) {
		buf_addc(&b, fill);
	}
	return v_from_buf(t, &b, ret);
}

static int zfill(struct tpl *t, struct val s, const struct call *c, struct val *ret)
{
	int64_t width = call_int(c, 0, "width", 0), i = (int64_t)v_chars(s);
	int sign = s.len > 0 && (*s.u.s == '-' || *s.u.s == '+');
	struct buf b;

	if (width > TEMPLATE_REPEAT_MAX) {
		return tpl_fail(t, "a text may be padded to %d characters at most",
				TEMPLATE_REPEAT_MAX);
	}
	buf_init(&b);
	buf_add(&b, s.u.s, sign ? 1 : 0);
	for (; i < width; i++) {
		buf_addc(&b, '0');
	}
	buf_add(&b, s.u.s + sign, s.len - (size_t)sign);
	return v_from_buf(t, &b, ret);
}

static int cased(struct tpl *t, struct val s, char how, struct val *ret)
{
	struct buf b;

	buf_init(&b);
	text_case(&b, s.u.s, s.len, how);
	return v_from_buf(t, &b, ret);
}

static int remove_affix(struct tpl *t, struct val s, const struct call *c, int end,
			struct val *ret)
{
	struct val part, hit;

	if (need_str(t, c, 0, &part) < 0 || affix(t, s, c, end, &hit) < 0) {
		return -ERR_INVALID;
	}
	if (!hit.u.b) {
		*ret = s;
		return 0;
	}
	return v_str(t, end ? s.u.s : s.u.s + part.len, s.len - part.len, ret);
}

static int text_method(struct tpl *t, struct val s, const char *name,
		       const struct call *c, struct val *ret)
{
	static const char *const cases[][2] = {{"upper", "u"},    {"lower", "l"},
					       {"casefold", "l"}, {"title", "t"},
					       {"swapcase", "s"}, {"capitalize", "c"}};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		if (strcmp(name, cases[i][0]) == 0) {
			return cased(t, s, cases[i][1][0], ret);
		}
	}
	if (strstr(name, "strip") != NULL) {
		return strip(t, s, c, *name != 'r', *name != 'l', ret);
	}
	if (strcmp(name, "split") == 0) {
		return split(t, s, c, ret);
	}
	if (strcmp(name, "rsplit") == 0) {
		return rsplit(t, s, c, ret);
	}
	if (strcmp(name, "splitlines") == 0) {
		return splitlines(t, s, ret);
	}
	if (strstr(name, "partition") != NULL) {
		return partition(t, s, c, *name == 'r', ret);
	}
	if (strcmp(name, "replace") == 0) {
		return replace(t, s, c, ret);
	}
	if (strcmp(name, "startswith") == 0 || strcmp(name, "endswith") == 0) {
		return affix(t, s, c, *name == 'e', ret);
	}
	if (strcmp(name, "removeprefix") == 0 || strcmp(name, "removesuffix") == 0) {
		return remove_affix(t, s, c, name[6] == 's', ret);
	}
	if (strcmp(name, "join") == 0) {
		return join(t, s, c, ret);
	}
	if (strcmp(name, "format") == 0) {
		return text_format(t, s, c, ret);
	}
	if (strcmp(name, "index") == 0 || strcmp(name, "find") == 0 ||
	    strcmp(name, "rfind") == 0) {
		return find(t, s, c, name, ret);
	}
	if (strcmp(name, "count") == 0) {
		return count(t, s, c, ret);
	}
	if (strcmp(name, "zfill") == 0) {
		return zfill(t, s, c, ret);
	}
	if (strcmp(name, "center") == 0 || strcmp(name, "ljust") == 0 ||
	    strcmp(name, "rjust") == 0) {
		return fill_to(t, s, c, name, ret);
	}
	if (strncmp(name, "is", 2) == 0) {
		*ret = v_bool(kind_of(s, name));
		return 0;
	}
	return tpl_fail(t, "the method %s is not known", name);
}

/* ---- the others ---- */

static int dict_method(struct tpl *t, const struct vdict *m, const char *name,
		       const struct call *c, struct val *ret)
{
	const struct val *hit;
	struct val pair;
	size_t i;

	if (strcmp(name, "get") == 0) {
		hit = c->n > 0 ? v_dict_find(m, c->args[0]) : NULL;
		*ret = hit != NULL ? *hit : c->n > 1 ? c->args[1] : v_none();
		return 0;
	}
	if (strcmp(name, "copy") == 0) {
		*ret =
		    (struct val){.type = V_DICT, .u.m = (struct vdict *)(uintptr_t)m};
		return 0;
	}
	if (v_list(t, V_LIST, ret) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < m->n; i++) {
		if (*name == 'k') {
			pair = m->p[i].k;
		} else if (*name == 'v') {
			pair = m->p[i].v;
		} else if (v_list(t, V_TUPLE, &pair) < 0 ||
			   v_append(t, pair, m->p[i].k) < 0 ||
			   v_append(t, pair, m->p[i].v) < 0) {
			return -ERR_INVALID;
		}
		if (v_append(t, *ret, pair) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int list_method(struct tpl *t, struct val self, const char *name,
		       const struct call *c, struct val *ret)
{
	int64_t n = 0;
	size_t i;

	if (strcmp(name, "copy") == 0) {
		*ret = self;
		return 0;
	}
	for (i = 0; c->n > 0 && i < self.u.l->n; i++) {
		if (v_equal(self.u.l->v[i], c->args[0])) {
			if (*name == 'i') {
				*ret = v_int((int64_t)i);
				return 0;
			}
			n++;
		}
	}
	if (*name == 'i') {
		return tpl_fail(t, "the value is not in list");
	}
	*ret = v_int(n);
	return 0;
}

static int time_method(struct tpl *t, const struct vobj *o, const char *name,
		       const struct call *c, struct val *ret)
{
	char text[256];
	struct civil at;

	civil_from_us(o->at_us, &at);
	if (strcmp(name, "timestamp") == 0) {
		*ret = v_float((double)o->at_us / 1e6);
		return 0;
	}
	if (strcmp(name, "date") == 0) {
		(void)snprintf(text, sizeof(text), "%04d-%02d-%02d", at.year, at.month,
			       at.day);
	} else if (strcmp(name, "isoformat") == 0) {
		(void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d",
			       at.year, at.month, at.day, at.hour, at.minute,
			       at.second);
		(void)snprintf(text + 19, sizeof(text) - 19,
			       at.us != 0 ? ".%06d+00:00" : "+00:00", at.us);
	} else if (civil_strftime(text, sizeof(text), call_str(c, 0, "format", ""),
				  &at) < 0) {
		return tpl_fail(t, "strftime: unknown directive");
	}
	return v_strz(t, text, ret);
}

int tpl_call_loop(struct tpl *t, struct vobj *o, const char *name, const struct call *c,
		  struct val *ret)
{
	struct val now;
	size_t i;

	if (o->cls == OBJ_JOINER) {
		*ret = o->has_last ? o->last : v_strn("", 0);
		o->has_last = 1;
		return 0;
	}
	if (o->cls == OBJ_CYCLER) {
		*ret = o->items->v[o->at];
		o->at = *name == 'n' ? (o->at + 1) % o->items->n : 0;
		return 0;
	}
	if (strcmp(name, "cycle") == 0) {
		if (c->n == 0) {
			return tpl_fail(t, "no items for cycling given");
		}
		*ret = c->args[o->at % c->n];
		return 0;
	}
	if (v_list(t, V_TUPLE, &now) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < c->n; i++) {
		if (v_append(t, now, c->args[i]) < 0) {
			return -ERR_INVALID;
		}
	}
	*ret = v_bool(!o->has_last || !v_equal(o->last, now));
	o->last = now;
	o->has_last = 1;
	return 0;
}

int tpl_call_method(struct tpl *t, const struct vmethod *m, const struct call *c,
		    struct val *ret)
{
	switch (m->self.type) {
	case V_STR:
		return text_method(t, m->self, m->name, c, ret);
	case V_DICT:
		return dict_method(t, m->self.u.m, m->name, c, ret);
	case V_LIST:
	case V_TUPLE:
		return list_method(t, m->self, m->name, c, ret);
	case V_OBJ:
		if (m->self.u.o->cls == OBJ_TIME) {
			return time_method(t, m->self.u.o, m->name, c, ret);
		}
		if (m->self.u.o->cls == OBJ_HEADERS) {
			return dict_method(t, m->self.u.o->attrs, m->name, c, ret);
		}
		return tpl_call_loop(t, m->self.u.o, m->name, c, ret);
	case V_UNDEF:
	case V_NONE:
	case V_BOOL:
	case V_INT:
	case V_FLOAT:
	case V_MACRO:
	case V_FUNC:
	case V_METHOD:
	default:
		return tpl_fail(t, "the method %s is not known", m->name);
	}
}
