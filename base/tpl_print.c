/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_print.c - values as text: str() and repr() as Python writes them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "base/tpl_priv.h"

/* Shortest that reads back the same, in Python's layout. */
void v_write_float(struct buf *b, double d)
{
	char text[40], digits[40];
	int prec, exp10, n, i;
	const char *e;

	if (isnan(d) || isinf(d)) {
		buf_adds(b, isnan(d) ? "nan" : d > 0 ? "inf" : "-inf");
		return;
	}
	for (prec = 0; prec < 17; prec++) {
		(void)snprintf(text, sizeof(text), "%.*e", prec, d);
		if (strtod(text, NULL) == d) {
			break;
		}
	}
	(void)snprintf(text, sizeof(text), "%.*e", prec, d);
	e = strchr(text, 'e');
	exp10 = (int)strtol(e + 1, NULL, 10);
	for (n = 0, i = text[0] == '-'; text + i < e; i++) {
		if (text[i] != '.') {
			digits[n++] = text[i];
		}
	}
	digits[n] = '\0';
	if (text[0] == '-') {
		buf_addc(b, '-');
	}
	if (exp10 < -4 || exp10 >= 16) {
		buf_addc(b, digits[0]);
		if (n > 1) {
			buf_addf(b, ".%s", digits + 1);
		}
		buf_addf(b, "e%c%02d", exp10 < 0 ? '-' : '+', abs(exp10));
	} else if (exp10 < 0) {
		buf_adds(b, "0.");
		for (i = -1; i > exp10; i--) {
			buf_addc(b, '0');
		}
		buf_adds(b, digits);
	} else {
		for (i = 0; i <= exp10 || i < n; i++) {
			if (i == exp10 + 1) {
				buf_addc(b, '.');
			}
			buf_addc(b, (char)(i < n ? digits[i] : '0'));
		}
		if (n <= exp10 + 1) {
			buf_adds(b, ".0");
		}
	}
}

/* 'text', or "text" when it holds a ' and no ". */
static void write_repr(struct buf *b, const char *s, size_t len)
{
	char q =
	    memchr(s, '\'', len) != NULL && memchr(s, '"', len) == NULL ? '"' : '\'';
	size_t i;

	buf_addc(b, q);
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == (unsigned char)q || c == '\\') {
			buf_addc(b, '\\');
			buf_addc(b, (char)c);
		} else if (c == '\n') {
			buf_adds(b, "\\n");
		} else if (c == '\r') {
			buf_adds(b, "\\r");
		} else if (c == '\t') {
			buf_adds(b, "\\t");
		} else if (c < 0x20 || c == 0x7f) {
			buf_addf(b, "\\x%02x", c);
		} else {
			buf_addc(b, (char)c);
		}
	}
	buf_addc(b, q);
}

static void write_time(struct buf *b, int64_t at_us, int repr)
{
	struct civil c;

	civil_from_us(at_us, &c);
	if (repr) {
		buf_addf(b, "datetime.datetime(%d, %d, %d, %d, %d", c.year, c.month,
			 c.day, c.hour, c.minute);
		if (c.second != 0 || c.us != 0) {
			buf_addf(b, ", %d", c.second);
		}
		if (c.us != 0) {
			buf_addf(b, ", %d", c.us);
		}
		buf_adds(b, ", tzinfo=datetime.timezone.utc)");
		return;
	}
	buf_addf(b, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour,
		 c.minute, c.second);
	if (c.us != 0) {
		buf_addf(b, ".%06d", c.us);
	}
	buf_adds(b, "+00:00");
}

static void write_dict(struct buf *b, const struct vdict *m, int depth)
{
	size_t i;

	buf_addc(b, '{');
	for (i = 0; i < m->n; i++) {
		buf_adds(b, i > 0 ? ", " : "");
		v_write(b, m->p[i].k, 1, depth + 1);
		buf_adds(b, ": ");
		v_write(b, m->p[i].v, 1, depth + 1);
	}
	buf_addc(b, '}');
}

static void write_list(struct buf *b, const struct vlist *l, int tuple, int depth)
{
	size_t i;

	buf_addc(b, tuple ? '(' : '[');
	for (i = 0; i < l->n; i++) {
		buf_adds(b, i > 0 ? ", " : "");
		v_write(b, l->v[i], 1, depth + 1);
	}
	if (tuple && l->n == 1) {
		buf_addc(b, ',');
	}
	buf_addc(b, tuple ? ')' : ']');
}

/* field=repr field=repr */
static void write_fields(struct buf *b, const struct vdict *m, const char *between,
			 int depth)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		buf_adds(b, i > 0 ? between : "");
		buf_add(b, m->p[i].k.u.s, m->p[i].k.len);
		buf_addc(b, '=');
		v_write(b, m->p[i].v, 1, depth + 1);
	}
}

static void write_object(struct buf *b, const struct vobj *o, int repr, int depth)
{
	const struct val *v;

	switch (o->cls) {
	case OBJ_TIME:
		write_time(b, o->at_us, repr);
		break;
	case OBJ_STATE_TYPE:
		buf_addf(b, repr ? "<StateType.%s: '%s'>" : "StateType.%s", o->text,
			 o->text);
		break;
	case OBJ_LABELS:
		v = v_dict_get(o->attrs, o->text, strlen(o->text));
		if (v != NULL) {
			v_write(b, *v, repr, depth + 1);
		} else if (repr) {
			buf_adds(b, "''");
		}
		break;
	case OBJ_HEADERS:
		write_dict(b, o->attrs, depth);
		break;
	case OBJ_MODEL:
	case OBJ_RESOURCE:
		if (repr) {
			buf_addf(b, "%s(", o->model != NULL ? o->model : "Resource");
			write_fields(b, o->attrs, ", ", depth);
			buf_addc(b, ')');
		} else {
			write_fields(b, o->attrs, " ", depth);
		}
		break;
	case OBJ_LOOP:
		buf_addf(b, "<LoopContext %zu/%zu>", o->at + 1, o->items->n);
		break;
	case OBJ_NAMESPACE:
		buf_adds(b, "<Namespace ");
		write_dict(b, o->attrs, depth);
		buf_addc(b, '>');
		break;
	case OBJ_CYCLER:
	case OBJ_JOINER:
	default:
		buf_adds(b, "<object>");
		break;
	}
}

void v_write(struct buf *b, struct val v, int repr, int depth)
{
	if (depth > TEMPLATE_DEPTH_MAX || b->len > (size_t)TEMPLATE_OUTPUT_MAX * 2) {
		buf_adds(b, "...");
		return;
	}
	switch (v.type) {
	case V_UNDEF:
		buf_adds(b, repr ? "Undefined" : "");
		break;
	case V_NONE:
		buf_adds(b, "None");
		break;
	case V_BOOL:
		buf_adds(b, v.u.b ? "True" : "False");
		break;
	case V_INT:
		buf_addf(b, "%lld", (long long)v.u.i);
		break;
	case V_FLOAT:
		v_write_float(b, v.u.d);
		break;
	case V_STR:
		if (repr) {
			write_repr(b, v.u.s, v.len);
		} else {
			buf_add(b, v.u.s, v.len);
		}
		break;
	case V_LIST:
	case V_TUPLE:
		write_list(b, v.u.l, v.type == V_TUPLE, depth);
		break;
	case V_DICT:
		write_dict(b, v.u.m, depth);
		break;
	case V_OBJ:
		write_object(b, v.u.o, repr, depth);
		break;
	case V_MACRO:
		buf_addf(b, "<Macro '%s'>", v.u.macro->node->s);
		break;
	case V_FUNC:
	case V_METHOD:
	default:
		buf_adds(b, "<function>");
		break;
	}
}

int v_to_str(struct tpl *t, struct val v, struct val *ret)
{
	struct buf b;

	if (v.type == V_STR) {
		*ret = v;
		return 0;
	}
	buf_init(&b);
	v_write(&b, v, 0, 0);
	return v_from_buf(t, &b, ret);
}

int text_of(struct tpl *t, struct val v, const char **ret, size_t *ret_len)
{
	struct val s;
	int rc = v_to_str(t, v, &s);

	if (rc == 0) {
		*ret = s.u.s;
		*ret_len = s.len;
	}
	return rc;
}
