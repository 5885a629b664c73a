/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_filter_text.c - filters on texts, JSON, links. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"
#include "base/tpl_priv.h"

#define INDENT_MAX 1000

static int cased(struct tpl *t, struct val in, char how, struct val *ret)
{
	const char *s;
	size_t len;
	struct buf b;

	if (text_of(t, in, &s, &len) < 0) {
		return -ERR_INVALID;
	}
	buf_init(&b);
	text_case(&b, s, len, how);
	return v_from_buf(t, &b, ret);
}

static int f_upper(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	(void)c;
	return cased(t, in, 'u', ret);
}

static int f_lower(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	(void)c;
	return cased(t, in, 'l', ret);
}

static int f_capitalize(struct tpl *t, struct val in, const struct call *c,
			struct val *ret)
{
	(void)c;
	return cased(t, in, 'c', ret);
}

/* Words begin after spaces, dashes and opening brackets. */
static int f_title(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	const char *s;
	size_t len, at = 0, n;
	int start = 1;
	struct buf b;

	(void)c;
	if (text_of(t, in, &s, &len) < 0) {
		return -ERR_INVALID;
	}
	buf_init(&b);
	while (at < len) {
		n = utf8_at(s + at, len - at, 1);
		text_case(&b, s + at, n, start ? 'u' : 'l');
		start = n == 1 && (isspace((unsigned char)s[at]) ||
				   strchr("-({[<", s[at]) != NULL);
		at += n;
	}
	return v_from_buf(t, &b, ret);
}

static int f_trim(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	const char *chars = call_str(c, 0, "chars", NULL), *s;
	size_t len, from = 0;

	if (text_of(t, in, &s, &len) < 0) {
		return -ERR_INVALID;
	}
	while (from < len && (chars != NULL ? strchr(chars, s[from]) != NULL
					    : isspace((unsigned char)s[from]))) {
		from++;
	}
	while (len > from && (chars != NULL ? strchr(chars, s[len - 1]) != NULL
					    : isspace((unsigned char)s[len - 1]))) {
		len--;
	}
	return v_str(t, s + from, len - from, ret);
}

static int f_replace(struct tpl *t, struct val in, const struct call *c,
		     struct val *ret)
{
	const struct val *from = call_arg(c, 0, "old"), *to = call_arg(c, 1, "new");
	struct val args[3], s, method;
	struct call inner = {.args = args, .n = 2};
	const struct val *max = call_arg(c, 2, "count");

	if (from == NULL || to == NULL || v_to_str(t, in, &s) < 0 ||
	    v_to_str(t, *from, &args[0]) < 0 || v_to_str(t, *to, &args[1]) < 0) {
		return tpl_fail(t, "replace needs two texts");
	}
	if (max != NULL && max->type != V_NONE) {
		args[2] = *max;
		inner.n = 3;
	}
	return v_attr(t, s, "replace", &method) < 0 ? -ERR_INVALID
						    : tpl_call(t, method, &inner, ret);
}

static int f_string(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	(void)c;
	return v_to_str(t, in, ret);
}

static int f_escape(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	const char *s;
	size_t len;
	struct buf b;

	(void)c;
	if (in.type == V_STR && in.markup) {
		*ret = in;
		return 0;
	}
	if (text_of(t, in, &s, &len) < 0) {
		return -ERR_INVALID;
	}
	buf_init(&b);
	text_escape(&b, s, len);
	if (v_from_buf(t, &b, ret) < 0) {
		return -ERR_INVALID;
	}
	ret->markup = 1;
	return 0;
}

static int f_forceescape(struct tpl *t, struct val in, const struct call *c,
			 struct val *ret)
{
	in.markup = 0;
	return f_escape(t, in, c, ret);
}

static int f_safe(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	(void)c;
	if (v_to_str(t, in, ret) < 0) {
		return -ERR_INVALID;
	}
	ret->markup = 1;
	return 0;
}

/* Tags and comments out, runs of space to one. */
static int f_striptags(struct tpl *t, struct val in, const struct call *c,
		       struct val *ret)
{
	const char *s, *end, *close;
	size_t len;
	int gap = 0;
	struct buf b;

	(void)c;
	if (text_of(t, in, &s, &len) < 0) {
		return -ERR_INVALID;
	}
	buf_init(&b);
	for (end = s + len; s < end;) {
		if (*s == '<' && (close = memchr(s, '>', (size_t)(end - s))) != NULL) {
			s = close + 1;
			continue;
		}
		if (isspace((unsigned char)*s)) {
			gap = b.len > 0;
		} else {
			if (gap) {
				buf_addc(&b, ' ');
			}
			gap = 0;
			buf_addc(&b, *s);
		}
		s++;
	}
	return v_from_buf(t, &b, ret);
}

static int f_truncate(struct tpl *t, struct val in, const struct call *c,
		      struct val *ret)
{
	int64_t length = call_int(c, 0, "length", 255);
	int kill = call_flag(c, 1, "killwords", 0);
	const char *end = call_str(c, 2, "end", "...");
	int64_t leeway = call_int(c, 3, "leeway", 5);
	int64_t tail = (int64_t)v_chars(v_strn(end, strlen(end))), longest;
	struct val s = in;
	size_t cut;
	struct buf b;

	if (__builtin_add_overflow(length, leeway, &longest)) {
		longest = INT64_MAX;
	}
	if (in.type != V_STR && in.type != V_UNDEF) {
		int64_t items = 0;

		if (v_length(t, in, &items) == 0 && items <= longest) {
			*ret = in; /* short enough is short enough */
			return 0;
		}
		return tpl_fail(t, "truncate needs a text, not %s", v_type_name(in));
	}
	if (v_to_str(t, in, &s) < 0) {
		return -ERR_INVALID;
	}
	if (length < tail) {
		return tpl_fail(t, "expected length >= %lld, got %lld", (long long)tail,
				(long long)length);
	}
	if ((int64_t)v_chars(s) <= longest) {
		*ret = s;
		return 0;
	}
	cut = utf8_at(s.u.s, s.len, (size_t)(length - tail));
	if (!kill) {
		const char *space = memrchr(s.u.s, ' ', cut);

		cut = space != NULL ? (size_t)(space - s.u.s) : cut;
	}
	buf_init(&b);
	buf_add(&b, s.u.s, cut);
	buf_adds(&b, end);
	return v_from_buf(t, &b, ret);
}

static int f_indent(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	const struct val *w = call_arg(c, 0, "width");
	int first = call_flag(c, 1, "first", 0), blank = call_flag(c, 2, "blank", 0);
	int64_t width = call_int(c, 0, "width", 4), i;
	const char *s, *end, *nl;
	size_t len;
	struct buf b, pad;

	if (in.type != V_STR) {
		return tpl_fail(t, "indent needs a text, not %s", v_type_name(in));
	}
	if (text_of(t, in, &s, &len) < 0) {
		return -ERR_INVALID;
	}
	if (width > INDENT_MAX) {
		return tpl_fail(t, "indent: the width is too large");
	}
	buf_init(&b);
	buf_init(&pad);
	if (w != NULL && w->type == V_STR) {
		buf_add(&pad, w->u.s, w->len);
	} else {
		for (i = 0; i < width; i++) {
			buf_addc(&pad, ' ');
		}
	}
	for (end = s + len, i = 0; s <= end && b.len < TEMPLATE_OUTPUT_MAX; i++) {
		nl = memchr(s, '\n', (size_t)(end - s));
		nl = nl != NULL ? nl : end;
		if ((i > 0 || first) && (blank || nl > s || (i == 0 && first))) {
			buf_add(&b, pad.data, pad.len);
		}
		buf_add(&b, s, (size_t)(nl - s));
		if (nl < end) {
			buf_addc(&b, '\n');
		}
		s = nl + 1;
	}
	buf_release(&pad);
	return v_from_buf(t, &b, ret);
}

static int f_wordcount(struct tpl *t, struct val in, const struct call *c,
		       struct val *ret)
{
	const char *s;
	size_t len, i;
	int64_t n = 0;
	int word = 0;

	(void)c;
	if (text_of(t, in, &s, &len) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < len; i++) {
		int is = isalnum((unsigned char)s[i]) || s[i] == '_' ||
			 ((unsigned char)s[i] & 0x80) != 0;

		n += is && !word;
		word = is;
	}
	*ret = v_int(n);
	return 0;
}

static int f_center(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	struct val s, method, width = v_int(call_int(c, 0, "width", 80));
	struct call inner = {.args = &width, .n = 1};

	return v_to_str(t, in, &s) < 0 || v_attr(t, s, "center", &method) < 0
		   ? -ERR_INVALID
		   : tpl_call(t, method, &inner, ret);
}

static int f_format(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	struct val s, args;
	size_t i;

	if (v_to_str(t, in, &s) < 0) {
		return -ERR_INVALID;
	}
	if (c->kw_n > 0) {
		if (v_dict(t, &args) < 0) {
			return -ERR_INVALID;
		}
		for (i = 0; i < c->kw_n; i++) {
			if (v_dict_set(t, args.u.m, c->kw[i].k, c->kw[i].v) < 0) {
				return -ERR_INVALID;
			}
		}
		return text_percent(t, s, args, ret);
	}
	if (v_list(t, V_TUPLE, &args) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < c->n; i++) {
		if (v_append(t, args, c->args[i]) < 0) {
			return -ERR_INVALID;
		}
	}
	return text_percent(t, s, args, ret);
}

/* ---- links ---- */

static void url_quote(struct buf *b, const char *s, size_t len, int query)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char ch = (unsigned char)s[i];

		if (isalnum(ch) || strchr("_.-~", ch) != NULL ||
		    (ch == '/' && !query)) {
			buf_addc(b, (char)ch);
		} else if (ch == ' ' && query) {
			buf_addc(b, '+');
		} else {
			buf_addf(b, "%%%02X", ch);
		}
	}
}

static int quote_pair(struct tpl *t, struct buf *b, struct val k, struct val v)
{
	const char *s;
	size_t len;

	if (text_of(t, k, &s, &len) < 0) {
		return -ERR_INVALID;
	}
	if (b->len > 0) {
		buf_addc(b, '&');
	}
	url_quote(b, s, len, 1);
	buf_addc(b, '=');
	if (text_of(t, v, &s, &len) < 0) {
		return -ERR_INVALID;
	}
	url_quote(b, s, len, 1);
	return 0;
}

static int f_urlencode(struct tpl *t, struct val in, const struct call *c,
		       struct val *ret)
{
	const char *s;
	size_t len, i;
	struct buf b;
	int rc = 0;

	(void)c;
	buf_init(&b);
	if (in.type == V_DICT) {
		for (i = 0; rc == 0 && i < in.u.m->n; i++) {
			rc = quote_pair(t, &b, in.u.m->p[i].k, in.u.m->p[i].v);
		}
	} else if (in.type == V_LIST || in.type == V_TUPLE) {
		for (i = 0; rc == 0 && i < in.u.l->n; i++) {
			struct vlist *l;

			rc = v_iter(t, in.u.l->v[i], &l);
			rc = rc == 0 && l->n == 2
				 ? quote_pair(t, &b, l->v[0], l->v[1])
				 : tpl_fail(t, "urlencode needs pairs");
		}
	} else if ((rc = text_of(t, in, &s, &len)) == 0) {
		url_quote(&b, s, len, 0);
	}
	if (rc < 0) {
		buf_release(&b);
		return rc;
	}
	return v_from_buf(t, &b, ret);
}

const struct tpl_filter tpl_text_filters[] = {
    {"upper", f_upper},
    {"lower", f_lower},
    {"capitalize", f_capitalize},
    {"title", f_title},
    {"trim", f_trim},
    {"replace", f_replace},
    {"string", f_string},
    {"escape", f_escape},
    {"e", f_escape},
    {"forceescape", f_forceescape},
    {"safe", f_safe},
    {"striptags", f_striptags},
    {"truncate", f_truncate},
    {"indent", f_indent},
    {"wordcount", f_wordcount},
    {"center", f_center},
    {"format", f_format},
    {"urlencode", f_urlencode},
    {NULL, NULL},
};
