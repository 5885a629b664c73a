/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name.c - run names from templates.
 */
#include "engine/expr/name.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/expr/tmpl.h"

#define NAME_MAX_PARTS 64
#define NAME_MAX_WIDTH 200

struct name_part {
	char *text;   /* literal, or the field's name */
	char *format; /* NULL for a literal; "" without a format */
	int repr;
};
struct name_tmpl {
	struct name_part *parts;
	size_t count;
};

void name_free(struct name_tmpl *n)
{
	size_t i;

	if (n == NULL) {
		return;
	}
	for (i = 0; i < n->count; i++) {
		free(n->parts[i].text);
		free(n->parts[i].format);
	}
	free(n->parts);
	free(n);
}

const char *name_field(const struct name_tmpl *n, size_t i)
{
	size_t k;

	for (k = 0; k < n->count; k++) {
		if (n->parts[k].format != NULL && i-- == 0) {
			return n->parts[k].text;
		}
	}
	return NULL;
}

static void add_part(struct name_tmpl *n, char *text, char *format, int repr)
{
	n->parts = xreallocarray(n->parts, n->count + 1, sizeof(*n->parts));
	n->parts[n->count++] =
	    (struct name_part){.text = text, .format = format, .repr = repr};
}

/* "name", "name!r", "name:>4": S is behind the brace; returns the length up to "}". */
static int parse_field(struct name_tmpl *n, const char *s, size_t *ret_used,
		       struct error *err)
{
	size_t len = strcspn(s, "}"), name = strcspn(s, ":!}");
	int repr = 0;
	const char *format = s + name;

	if (s[len] != '}') {
		return err_set(err, ERR_INVALID, "'{' has no closing '}'");
	}
	if (name == 0) {
		return err_set(
		    err, ERR_INVALID,
		    "a name is missing between '{' and '}' (write {{ for a brace)");
	}
	if (*format == '!') {
		if (strchr("rsa", format[1]) == NULL || format[1] == '\0') {
			return err_set(err, ERR_INVALID,
				       "only !r, !s and !a are known");
		}
		repr = format[1] != 's';
		format += 2;
	}
	if (*format == ':') {
		format++;
	} else if (format != s + len) {
		return err_set(err, ERR_INVALID, "unexpected text in '{%.*s}'",
			       (int)len, s);
	}
	add_part(n, xstrndup(s, name), xstrndup(format, (size_t)(s + len - format)),
		 repr);
	*ret_used = len + 1;
	return 0;
}

/* Literal text up to the next field; doubled braces become single ones. */
static int parse_literal(struct name_tmpl *n, const char *s, size_t *ret_used,
			 struct error *err)
{
	struct buf b;
	size_t i = 0;
	int rc = 0;

	buf_init(&b);
	while (s[i] != '\0') {
		if ((s[i] == '{' || s[i] == '}') && s[i + 1] == s[i]) {
			i++;
		} else if (s[i] == '{') {
			break;
		} else if (s[i] == '}') {
			rc = err_set(err, ERR_INVALID,
				     "'}' without '{' (write }} for one)");
			break;
		}
		buf_addc(&b, s[i++]);
	}
	*ret_used = i;
	if (rc == 0 && b.len > 0) {
		add_part(n, buf_take(&b, NULL), NULL, 0);
	}
	buf_release(&b);
	return rc;
}

int name_parse(const char *text, struct name_tmpl **ret_name, size_t *ret_at,
	       struct error *err)
{
	struct name_tmpl *n = xcalloc(1, sizeof(*n));
	size_t at = 0, used = 0;
	int rc = 0;

	while (rc == 0 && text[at] != '\0') {
		*ret_at = at;
		if (n->count >= NAME_MAX_PARTS || at > NAME_MAX_LEN) {
			rc = err_set(err, ERR_INVALID, "the name template is too long");
		} else if (text[at] == '{' && text[at + 1] != '{') {
			rc = parse_field(n, text + at + 1, &used, err);
			used++;
		} else {
			rc = parse_literal(n, text + at, &used, err);
			*ret_at = at + used;
		}
		at += rc == 0 ? used : 0;
	}
	if (rc < 0) {
		name_free(n);
		return rc;
	}
	*ret_name = n;
	return 0;
}

/* [[fill]align][sign][0][width][,][.precision][type] */
struct spec {
	char fill, align, sign, type;
	int width, precision, comma;
};

static int read_number(const char **s, int max, int *ret_number)
{
	int v = 0;

	while (isdigit((unsigned char)**s)) {
		v = v * 10 + (**s - '0');
		if (v > max) {
			return -ERR_INVALID;
		}
		(*s)++;
	}
	*ret_number = v;
	return 0;
}

static int parse_spec(const char *s, struct spec *sp, struct error *err)
{
	const char *whole = s;

	*sp = (struct spec){.fill = ' ', .precision = -1};
	if (*s != '\0' && s[1] != '\0' && strchr("<>^=", s[1]) != NULL) {
		sp->fill = *s;
		sp->align = s[1];
		s += 2;
	} else if (*s != '\0' && strchr("<>^=", *s) != NULL) {
		sp->align = *s++;
	}
	if (*s == '+' || *s == '-' || *s == ' ') {
		sp->sign = *s++;
	}
	if (*s == '0') {
		sp->fill = '0';
		sp->align = (char)(sp->align == '\0' ? '=' : sp->align);
		s++;
	}
	if (read_number(&s, NAME_MAX_WIDTH, &sp->width) < 0) {
		return err_set(err, ERR_INVALID, "the width in '%s' is too large",
			       whole);
	}
	if (*s == ',') {
		sp->comma = 1;
		s++;
	}
	if (*s == '.') {
		s++;
		if (read_number(&s, NAME_MAX_WIDTH, &sp->precision) < 0) {
			return err_set(err, ERR_INVALID,
				       "the precision in '%s' is too large", whole);
		}
	}
	if (*s != '\0' && strchr("sdfFeEgGxX%", *s) != NULL) {
		sp->type = *s++;
	}
	if (*s != '\0') {
		return err_set(err, ERR_INVALID, "unknown format '%s'", whole);
	}
	return 0;
}

static void add_padded(struct buf *out, const struct spec *sp, const char *text,
		       char default_align)
{
	int len = 0, left, pad, i;
	const char *p;
	char align = (char)(sp->align != '\0' ? sp->align : default_align);

	for (p = text; *p != '\0'; p++) {
		len += ((unsigned char)*p & 0xc0) != 0x80;
	}
	pad = sp->width > len ? sp->width - len : 0;
	left = align == '<' ? 0 : align == '^' ? pad / 2 : pad;
	if (align == '=' && (*text == '-' || *text == '+')) {
		buf_addc(out, *text++);
	}
	for (i = 0; i < left; i++) {
		buf_addc(out, sp->fill);
	}
	buf_adds(out, text);
	for (i = left; i < pad; i++) {
		buf_addc(out, sp->fill);
	}
}

/* Thousands separators into the digits before the point. */
static void add_commas(char *text, size_t size)
{
	char *digits = text + (*text == '-' || *text == '+' ? 1 : 0);
	size_t n = strspn(digits, "0123456789"), i;

	for (i = 3; i < n; i += 3) {
		char *at = digits + n - i;

		if (strlen(text) + 2 > size) {
			return;
		}
		memmove(at + 1, at, strlen(at) + 1);
		*at = ',';
	}
}

static void format_real(double v, const struct spec *sp, char *text, size_t size)
{
	int precision = sp->precision >= 0 ? sp->precision : 6;

	switch (sp->type) {
	case 'e':
	case 'E':
		(void)snprintf(text, size, "%.*e", precision, v);
		break;
	case 'g':
	case 'G':
	case '\0':
		(void)snprintf(text, size, "%.*g", sp->precision >= 0 ? precision : 15,
			       v);
		break;
	case '%':
		(void)snprintf(text, size, "%.*f%%", precision, v * 100);
		break;
	default:
		(void)snprintf(text, size, "%.*f", precision, v);
		break;
	}
}

static void format_number(const json_t *v, const struct spec *sp, struct buf *out)
{
	char text[512];
	int whole = json_is_integer(v) && strchr("fFeEgG%", sp->type) == NULL;

	if ((json_is_integer(v) && sp->type == '\0' && sp->precision < 0) || whole) {
		long long i = json_integer_value(v);

		(void)snprintf(text, sizeof(text),
			       sp->type == 'x'   ? "%llx"
			       : sp->type == 'X' ? "%llX"
						 : "%lld",
			       i);
	} else {
		format_real(json_number_value(v), sp, text, sizeof(text));
	}
	if (sp->sign == '+' && *text != '-') {
		memmove(text + 1, text, strlen(text) + 1);
		*text = '+';
	}
	if (sp->comma) {
		add_commas(text, sizeof(text));
	}
	add_padded(out, sp, text, '>');
}

static int format_time(const char *format, const json_t *v, struct buf *out,
		       struct error *err)
{
	struct civil c;
	int64_t at_us;
	char text[256];
	int offset_s = 0, n;

	if (!json_is_string(v) ||
	    time_parse(json_string_value(v), &at_us, &offset_s, NULL, err) < 0) {
		return err_set(err, ERR_INVALID, "the format '%s' needs a time",
			       format);
	}
	civil_from_us(at_us + offset_s * 1000000LL, &c);
	n = civil_strftime(text, sizeof(text), format, &c);
	if (n < 0) {
		return err_set(err, ERR_INVALID, "unknown time format '%s'", format);
	}
	buf_adds(out, text);
	return 0;
}

static void cut_utf8(struct buf *b, size_t chars)
{
	size_t i, n = 0;

	for (i = 0; i < b->len; i++) {
		if (((unsigned char)b->data[i] & 0xc0) != 0x80 && n++ == chars) {
			buf_truncate(b, i);
			return;
		}
	}
}

static int format_value(const struct name_part *part, const json_t *v, struct buf *out,
			struct error *err)
{
	struct spec sp;
	struct buf text;

	if (strchr(part->format, '%') != NULL && !json_is_number(v)) {
		return format_time(part->format, v, out, err);
	}
	if (parse_spec(part->format, &sp, err) < 0) {
		return -ERR_INVALID;
	}
	if (json_is_number(v) && !part->repr && sp.type != 's') {
		format_number(v, &sp, out);
		return 0;
	}
	buf_init(&text);
	if (part->repr && json_is_string(v)) {
		buf_addf(&text, "'%s'", json_string_value(v));
	} else {
		json_add_text(&text, v);
	}
	if (sp.precision >= 0) {
		cut_utf8(&text, (size_t)sp.precision);
	}
	add_padded(out, &sp, text.data, '<');
	buf_release(&text);
	return 0;
}

int name_format(const struct name_tmpl *n, name_lookup_fn lookup, void *arg,
		int64_t now_us, struct buf *out, struct error *err)
{
	char now[TIME_TEXT_SIZE];
	json_t *v;
	size_t i;
	int rc = 0;

	for (i = 0; i < n->count && rc == 0; i++) {
		const struct name_part *part = &n->parts[i];

		if (part->format == NULL) {
			buf_adds(out, part->text);
			continue;
		}
		v = lookup(part->text, arg);
		if (v == NULL && strcmp(part->text, "date") == 0) {
			v = json_string(time_format(now_us, now, sizeof(now)));
		}
		if (v == NULL) {
			return err_set(err, ERR_INVALID, "nothing is named '%s'",
				       part->text);
		}
		rc = format_value(part, v, out, err);
		json_decref(v);
	}
	if (rc == 0 && out->len > NAME_MAX_LEN) {
		rc = err_set(err, ERR_INVALID, "the name is longer than %u bytes",
			     NAME_MAX_LEN);
	}
	return rc;
}
