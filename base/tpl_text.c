/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_text.c - case, escaping, the two ways to format, arguments of calls. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tpl_priv.h"

#define WIDTH_MAX 10000

const struct val *call_arg(const struct call *c, size_t at, const char *name)
{
	size_t i;

	if (at < c->n) {
		return &c->args[at];
	}
	for (i = 0; i < c->kw_n; i++) {
		if (v_is_str(c->kw[i].k, name)) {
			return &c->kw[i].v;
		}
	}
	return NULL;
}

int64_t call_int(const struct call *c, size_t at, const char *name, int64_t standard)
{
	const struct val *v = call_arg(c, at, name);

	return v != NULL && v_is_number(*v) ? v_integer(*v) : standard;
}

int call_flag(const struct call *c, size_t at, const char *name, int standard)
{
	const struct val *v = call_arg(c, at, name);

	return v != NULL ? v_truth(*v) : standard;
}

/* Texts of the arena end with a NUL, constants of the template too. */
const char *call_str(const struct call *c, size_t at, const char *name,
		     const char *standard)
{
	const struct val *v = call_arg(c, at, name);

	return v != NULL && v->type == V_STR ? v->u.s : standard;
}

/* ---- case ---- */

/* Two-byte letters whose cases are a fixed distance apart: Latin-1, Greek, Cyrillic. */
static unsigned int change_case(unsigned int cp, int upper)
{
	if ((cp >= 0xe0 && cp <= 0xfe && cp != 0xf7) ||
	    (cp >= 0x3b1 && cp <= 0x3c9 && cp != 0x3c2) ||
	    (cp >= 0x430 && cp <= 0x44f)) {
		return upper ? cp - 32 : cp;
	}
	if ((cp >= 0xc0 && cp <= 0xde && cp != 0xd7) || (cp >= 0x391 && cp <= 0x3a9) ||
	    (cp >= 0x410 && cp <= 0x42f)) {
		return upper ? cp : cp + 32;
	}
	if (cp >= 0x100 && cp <= 0x137) {
		return upper ? cp & ~1u : cp | 1u;
	}
	if (cp >= 0x450 && cp <= 0x45f) {
		return upper ? cp - 80 : cp;
	}
	if (cp >= 0x400 && cp <= 0x40f) {
		return upper ? cp : cp + 80;
	}
	return cp;
}

static void put_cased(struct buf *b, const char *s, size_t n, int upper)
{
	unsigned int cp;

	if (n == 1) {
		buf_addc(b, (char)(upper ? toupper((unsigned char)*s)
					 : tolower((unsigned char)*s)));
		return;
	}
	if (n != 2) {
		buf_add(b, s, n);
		return;
	}
	cp = ((unsigned int)s[0] & 0x1f) << 6 | ((unsigned int)s[1] & 0x3f);
	if (cp == 0xdf && upper) {
		buf_adds(b, "SS");
		return;
	}
	cp = change_case(cp, upper);
	buf_addc(b, (char)(0xc0 | cp >> 6));
	buf_addc(b, (char)(0x80 | (cp & 0x3f)));
}

static int is_upper(const char *s, size_t n)
{
	struct buf b;
	int changed;

	buf_init(&b);
	put_cased(&b, s, n, 0);
	changed = b.len != n || memcmp(b.data, s, n) != 0;
	buf_release(&b);
	return changed;
}

static int is_letter(const char *s, size_t n)
{
	return n > 1 || isalpha((unsigned char)*s);
}

/* u upper, l lower, c capitalize, t title (Python's), s swapcase */
void text_case(struct buf *b, const char *s, size_t len, char how)
{
	size_t at = 0, n;
	int start = 1, upper;

	while (at < len) {
		n = utf8_at(s + at, len - at, 1);
		upper = how == 'u'   ? 1
			: how == 's' ? !is_upper(s + at, n)
			: how == 'l' ? 0
				     : start;
		put_cased(b, s + at, n, upper);
		start = how == 't' && !is_letter(s + at, n);
		at += n;
	}
}

void text_escape(struct buf *b, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		switch (s[i]) {
		case '&':
			buf_adds(b, "&amp;");
			break;
		case '<':
			buf_adds(b, "&lt;");
			break;
		case '>':
			buf_adds(b, "&gt;");
			break;
		case '"':
			buf_adds(b, "&#34;");
			break;
		case '\'':
			buf_adds(b, "&#39;");
			break;
		default:
			buf_addc(b, s[i]);
		}
	}
}

/* ---- one value by a specification ---- */

struct spec {
	char fill, align, sign, type, comma; /* align, sign, comma: 0 is none */
	int alt, zero, width, has_prec, prec;
};

static int read_int(const char **s, const char *end)
{
	int v = 0;

	while (*s < end && isdigit((unsigned char)**s)) {
		v = v < WIDTH_MAX ? v * 10 + (**s - '0') : v;
		(*s)++;
	}
	return v;
}

/* "[[fill]align][sign][#][0][width][,][.precision][type]" */
static void read_spec(const char *s, const char *end, struct spec *p)
{
	*p = (struct spec){.fill = ' '};
	if (end - s > 1 && strchr("<>=^", s[1]) != NULL) {
		p->fill = *s++;
		p->align = *s++;
	} else if (s < end && strchr("<>=^", *s) != NULL) {
		p->align = *s++;
	}
	if (s < end && strchr("+- ", *s) != NULL) {
		p->sign = *s++;
	}
	if (s < end && *s == '#') {
		p->alt = 1;
		s++;
	}
	if (s < end && *s == '0') {
		p->zero = 1;
		s++;
	}
	p->width = read_int(&s, end);
	if (s < end && (*s == ',' || *s == '_')) {
		p->comma = *s++;
	}
	if (s < end && *s == '.') {
		s++;
		p->has_prec = 1;
		p->prec = read_int(&s, end);
	}
	if (s < end) {
		p->type = *s;
	}
}

static void add_commas(struct buf *b, char comma)
{
	size_t end = 0, i;
	struct buf out;

	while (end < b->len && isdigit((unsigned char)b->data[end])) {
		end++;
	}
	buf_init(&out);
	for (i = 0; i < b->len; i++) {
		if (i > 0 && i < end && (end - i) % 3 == 0) {
			buf_addc(&out, comma);
		}
		buf_addc(&out, b->data[i]);
	}
	buf_reset(b);
	buf_add(b, out.data, out.len);
	buf_release(&out);
}

/* The digits of a number without its sign; 0: it is no number for this type. */
static int digits_of(struct buf *b, struct val v, const struct spec *p)
{
	double d = v_number(v) < 0 ? -v_number(v) : v_number(v);
	long long i = (long long)v_integer(v);
	unsigned long long u =
	    i < 0 ? 0ull - (unsigned long long)i : (unsigned long long)i;
	int prec = p->has_prec ? (p->prec > 100 ? 100 : p->prec) : 6;

	switch (p->type) {
	case 'd':
	case 'i':
	case 'u':
		buf_addf(b, "%llu", u);
		return 1;
	case 'x':
		buf_addf(b, p->alt ? "0x%llx" : "%llx", u);
		return 1;
	case 'X':
		buf_addf(b, p->alt ? "0X%llX" : "%llX", u);
		return 1;
	case 'o':
		buf_addf(b, p->alt ? "0o%llo" : "%llo", u);
		return 1;
	case 'f':
	case 'F':
		buf_addf(b, "%.*f", prec, d);
		return 1;
	case 'e':
		buf_addf(b, "%.*e", prec, d);
		return 1;
	case 'E':
		buf_addf(b, "%.*E", prec, d);
		return 1;
	case 'g':
		buf_addf(b, "%.*g", prec, d);
		return 1;
	case 'G':
		buf_addf(b, "%.*G", prec, d);
		return 1;
	case '%':
		buf_addf(b, "%.*f%%", prec, d * 100);
		return 1;
	default:
		return 0;
	}
}

/* ALIGN when P names none. */
static void pad(struct buf *out, const char *s, size_t len, size_t chars,
		const struct spec *p, char align)
{
	size_t gap =
	    p->width > 0 && (size_t)p->width > chars ? (size_t)p->width - chars : 0;
	size_t before, i;

	align = (char)(p->align != '\0' ? p->align : align);
	before = align == '<' ? 0 : align == '^' ? gap / 2 : gap;
	for (i = 0; i < before; i++) {
		buf_addc(out, p->fill);
	}
	buf_add(out, s, len);
	for (i = before; i < gap; i++) {
		buf_addc(out, p->fill);
	}
}

/* What stands in front of the digits; 0: nothing. */
static char sign_of(const struct spec *p, int negative)
{
	if (negative) {
		return '-';
	}
	return (char)(p->sign == '-' ? '\0' : p->sign);
}

static int format_number(struct tpl *t, struct buf *out, struct val v, struct spec *p)
{
	int negative = v_number(v) < 0;
	char sign = sign_of(p, negative);
	struct buf b;

	if (p->type == '\0' && v.type != V_FLOAT) {
		p->type = 'd';
	}
	if (v.type == V_FLOAT && strchr("diouxX", p->type) != NULL && p->type != '\0') {
		return tpl_fail(
		    t, "Unknown format code '%c' for object of type 'float'", p->type);
	}
	buf_init(&b);
	if (p->type == '\0' && !p->has_prec) {
		v_write_float(&b, negative ? -v_number(v) : v_number(v));
	} else if (p->type == '\0') {
		buf_addf(&b, "%.*g", p->prec > 0 ? p->prec : 1,
			 negative ? -v_number(v) : v_number(v));
	} else if (!digits_of(&b, v, p)) {
		buf_release(&b);
		return tpl_fail(t, "Unknown format code '%c'", p->type);
	}
	if (p->comma != '\0') {
		add_commas(&b, p->comma);
	}
	if (p->zero || p->align == '=') {
		size_t used = b.len + (sign != '\0');

		if (sign != '\0') {
			buf_addc(out, sign);
		}
		for (; used < (size_t)p->width; used++) {
			buf_addc(out, (char)(p->zero ? '0' : p->fill));
		}
		buf_add(out, b.data, b.len);
	} else {
		struct buf whole;

		buf_init(&whole);
		if (sign != '\0') {
			buf_addc(&whole, sign);
		}
		buf_add(&whole, b.data, b.len);
		pad(out, whole.data, whole.len, whole.len, p, '>');
		buf_release(&whole);
	}
	buf_release(&b);
	return 0;
}

static int format_one(struct tpl *t, struct buf *out, struct val v, struct spec *p)
{
	struct val s;

	if (v_is_number(v) && !(v.type == V_BOOL && p->type == '\0') &&
	    p->type != 's') {
		return format_number(t, out, v, p);
	}
	if (v_to_str(t, v, &s) < 0) {
		return -ERR_INVALID;
	}
	if (p->type != '\0' && p->type != 's') {
		return tpl_fail(t, "Unknown format code '%c' for object of type '%s'",
				p->type, v_type_name(v));
	}
	if (p->has_prec) {
		s.len = utf8_at(s.u.s, s.len, (size_t)p->prec);
	}
	pad(out, s.u.s, s.len, v_chars(s), p, '<');
	return 0;
}

/* ---- "%s" ---- */

static int percent_value(struct tpl *t, struct val args, const char **s,
			 const char *end, size_t *next, struct val *ret)
{
	const char *close;
	const struct val *hit;

	if (**s == '(' && args.type == V_DICT) {
		close = memchr(*s, ')', (size_t)(end - *s));
		if (close == NULL) {
			return tpl_fail(t, "incomplete format key");
		}
		hit = v_dict_get(args.u.m, *s + 1, (size_t)(close - *s) - 1);
		*s = close + 1;
		if (hit == NULL) {
			return tpl_fail(t, "the format names a key that is not there");
		}
		*ret = *hit;
		*next = SIZE_MAX;
		return 0;
	}
	if (args.type == V_TUPLE) {
		if (*next >= args.u.l->n) {
			return tpl_fail(t, "not enough arguments for format string");
		}
		*ret = args.u.l->v[(*next)++];
		return 0;
	}
	if ((*next)++ > 0) {
		return tpl_fail(t, "not enough arguments for format string");
	}
	*ret = args;
	return 0;
}

static int percent_one(struct tpl *t, struct buf *out, struct val args, const char **s,
		       const char *end, size_t *next)
{
	struct spec p = {.fill = ' ', .align = '>'};
	const char *key = *s, *flags;
	struct val v, text;

	if (key < end && *key == '(') {
		const char *close = memchr(key, ')', (size_t)(end - key));

		*s = close != NULL ? close + 1 : end;
	}
	for (flags = "-+ #0"; *s < end && strchr(flags, **s) != NULL; (*s)++) {
		if (**s == '-') {
			p.align = '<';
		} else if (**s == '+' || **s == ' ') {
			p.sign = **s;
		}
		p.alt |= **s == '#';
		p.zero |= **s == '0';
	}
	p.width = read_int(s, end);
	if (*s < end && **s == '.') {
		(*s)++;
		p.has_prec = 1;
		p.prec = read_int(s, end);
	}
	if (*s >= end) {
		return tpl_fail(t, "incomplete format");
	}
	p.type = *(*s)++;
	if (percent_value(t, args, &key, end, next, &v) < 0) {
		return -ERR_INVALID;
	}
	if (p.type == 'r') {
		struct buf b;

		buf_init(&b);
		v_write(&b, v, 1, 0);
		if (v_from_buf(t, &b, &text) < 0) {
			return -ERR_INVALID;
		}
		v = text;
		p.type = 's';
	}
	if (p.type != 's' && !v_is_number(v)) {
		return tpl_fail(t, "%%%c format: a real number is required, not %s",
				p.type, v_type_name(v));
	}
	if (p.type == 's') {
		p.zero = 0;
	} else if (v.type == V_FLOAT && strchr("diuxXo", p.type) != NULL) {
		v = v_int(v_integer(v));
	}
	p.zero = p.align == '<' ? 0 : p.zero;
	return format_one(t, out, v, &p);
}

int text_percent(struct tpl *t, struct val fmt, struct val args, struct val *ret)
{
	const char *s = fmt.u.s, *end = s + fmt.len;
	size_t next = 0;
	struct buf b;

	buf_init(&b);
	while (s < end) {
		if (*s != '%') {
			buf_addc(&b, *s++);
			continue;
		}
		s++;
		if (s < end && *s == '%') {
			buf_addc(&b, *s++);
			continue;
		}
		if (percent_one(t, &b, args, &s, end, &next) < 0) {
			buf_release(&b);
			return -ERR_INVALID;
		}
	}
	if (args.type == V_TUPLE && next < args.u.l->n) {
		buf_release(&b);
		return tpl_fail(t,
				"not all arguments converted during string formatting");
	}
	if (args.type != V_TUPLE && args.type != V_DICT && next == 0) {
		buf_release(&b);
		return tpl_fail(t,
				"not all arguments converted during string formatting");
	}
	return v_from_buf(t, &b, ret);
}

/* ---- "{}".format() ---- */

/* "0.a[b]" : the argument, then attributes and items. */
static int format_field(struct tpl *t, const char *s, const char *end,
			const struct call *c, size_t *next, struct val *ret)
{
	const char *p = s;
	char name[128];
	size_t n;

	while (p < end && *p != '.' && *p != '[') {
		p++;
	}
	n = (size_t)(p - s);
	if (n >= sizeof(name)) {
		return tpl_fail(t, "the name in the format is too long");
	}
	memcpy(name, s, n);
	name[n] = '\0';
	if (n == 0 || isdigit((unsigned char)name[0])) {
		size_t at = n == 0 ? (*next)++ : (size_t)strtoul(name, NULL, 10);

		if (at >= c->n) {
			return tpl_fail(t,
					"Replacement index %zu out of range for "
					"positional args tuple",
					at);
		}
		*ret = c->args[at];
	} else {
		const struct val *hit = call_arg(c, SIZE_MAX, name);

		if (hit == NULL) {
			return tpl_fail(t, "the format names '%s', which is not given",
					name);
		}
		*ret = *hit;
	}
	while (p < end) {
		char kind = *p++;
		const char *from = p;
		struct val key;

		while (p < end && (kind == '[' ? *p != ']' : *p != '.' && *p != '[')) {
			p++;
		}
		if (v_str(t, from, (size_t)(p - from), &key) < 0) {
			return -ERR_INVALID;
		}
		if (kind == '[' && key.len > 0 && isdigit((unsigned char)key.u.s[0])) {
			key = v_int(strtoll(key.u.s, NULL, 10));
		}
		if ((kind == '[' ? v_item(t, *ret, key, ret)
				 : v_attr(t, *ret, key.u.s, ret)) < 0) {
			return -ERR_INVALID;
		}
		p += kind == '[' && p < end;
	}
	return 0;
}

static int format_braces(struct tpl *t, struct buf *b, const char *s, const char *end,
			 const struct call *c, size_t *next)
{
	const char *colon = memchr(s, ':', (size_t)(end - s));
	const char *stop = colon != NULL ? colon : end;
	const char *bang = memchr(s, '!', (size_t)(stop - s));
	struct spec p;
	struct val v, text;

	if (format_field(t, s, bang != NULL ? bang : stop, c, next, &v) < 0) {
		return -ERR_INVALID;
	}
	if (bang != NULL && bang + 1 < stop && bang[1] == 'r') {
		struct buf r;

		buf_init(&r);
		v_write(&r, v, 1, 0);
		if (v_from_buf(t, &r, &text) < 0) {
			return -ERR_INVALID;
		}
		v = text;
	}
	read_spec(colon != NULL ? colon + 1 : end, end, &p);
	if (colon == NULL && v.type == V_OBJ) {
		v_write(b, v, 0, 0);
		return 0;
	}
	return format_one(t, b, v, &p);
}

int text_format(struct tpl *t, struct val fmt, const struct call *c, struct val *ret)
{
	const char *s = fmt.u.s, *end = s + fmt.len, *close;
	size_t next = 0;
	struct buf b;
	int rc = 0;

	buf_init(&b);
	while (rc == 0 && s < end) {
		if ((*s == '{' || *s == '}') && s + 1 < end && s[1] == *s) {
			buf_addc(&b, *s);
			s += 2;
		} else if (*s == '{') {
			close = memchr(s, '}', (size_t)(end - s));
			rc = close == NULL
				 ? tpl_fail(t, "expected '}' before end of string")
				 : format_braces(t, &b, s + 1, close, c, &next);
			s = close != NULL ? close + 1 : end;
		} else if (*s == '}') {
			rc = tpl_fail(t, "Single '}' encountered in format string");
		} else {
			buf_addc(&b, *s++);
		}
	}
	if (rc < 0) {
		buf_release(&b);
		return rc;
	}
	return v_from_buf(t, &b, ret);
}
