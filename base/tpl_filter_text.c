/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_filter_text.c - filters on texts, JSON, links. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"
#include "base/json.h"
#include "base/tpl_priv.h"
#include "base/uuid.h"

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
	int64_t tail = (int64_t)v_chars(v_strn(end, strlen(end)));
	struct val s = in;
	size_t cut;
	struct buf b;

	if (in.type != V_STR && in.type != V_UNDEF) {
		int64_t items = 0;

		if (v_length(t, in, &items) == 0 && items <= length + leeway) {
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
	if ((int64_t)v_chars(s) <= length + leeway) {
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
	const char *s, *end, *nl;
	size_t len, i;
	struct buf b, pad;

	if (in.type != V_STR) {
		return tpl_fail(t, "indent needs a text, not %s", v_type_name(in));
	}
	if (text_of(t, in, &s, &len) < 0) {
		return -ERR_INVALID;
	}
	if (w != NULL && v_is_number(*w) && v_integer(*w) > TEMPLATE_RANGE_MAX * 10) {
		return tpl_fail(t, "indent: the width is too large");
	}
	buf_init(&b);
	buf_init(&pad);
	if (w != NULL && w->type == V_STR) {
		buf_add(&pad, w->u.s, w->len);
	} else {
		for (i = 0; i < (size_t)call_int(c, 0, "width", 4); i++) {
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

/* "prefect.flow-run.ID" of a resource; its kind and id. */
static int resource_parts(const struct vobj *o, const char **ret_kind,
			  size_t *ret_kind_len, const char **ret_id)
{
	const char *id =
	    json_string_value(json_object_get(o->json, "prefect.resource.id"));
	const char *dot = id != NULL ? strrchr(id, '.') : NULL;

	if (dot == NULL || strncmp(id, "prefect.", 8) != 0 || dot < id + 8) {
		return 0;
	}
	*ret_kind = id + 8;
	*ret_kind_len = (size_t)(dot - id) - 8;
	*ret_id = dot + 1;
	return 1;
}

static const char *ui_path(const char *kind, size_t len)
{
	static const char *const paths[][2] = {
	    {"flow", "flows/flow"},
	    {"flow-run", "runs/flow-run"},
	    {"task-run", "runs/task-run"},
	    {"block", "blocks/block"},
	    {"block-document", "blocks/block"},
	    {"work-pool", "work-pools/work-pool"},
	    {"work-queue", "work-queues/work-queue"},
	    {"concurrency-limit", "concurrency-limits/concurrency-limit"},
	    {"deployment", "deployments/deployment"},
	    {"automation", "automations/automation"}};
	size_t i;

	for (i = 0; i < ARRAY_LEN(paths); i++) {
		if (strlen(paths[i][0]) == len && memcmp(paths[i][0], kind, len) == 0) {
			return paths[i][1];
		}
	}
	return NULL;
}

static int f_ui_url(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	const struct vobj *o = in.type == V_OBJ ? in.u.o : NULL;
	const char *kind, *id, *path, *name;
	size_t len;
	struct buf b;

	(void)c;
	*ret = v_none();
	if (o == NULL || o->json == NULL || t->ctx->ui_base == NULL ||
	    (o->cls != OBJ_MODEL && o->cls != OBJ_RESOURCE)) {
		return 0;
	}
	if (o->cls == OBJ_MODEL && o->model != NULL && strcmp(o->model, "event") == 0) {
		return v_attr(t, in, "url", ret);
	}
	if (o->cls == OBJ_RESOURCE) {
		if (!resource_parts(o, &kind, &len, &id)) {
			return 0;
		}
		name = json_string_value(
		    json_object_get(o->json, "prefect.resource.name"));
	} else {
		kind = o->model != NULL ? o->model : "";
		len = strlen(kind);
		id = json_string_value(json_object_get(o->json, "id"));
		name = json_string_value(json_object_get(o->json, "name"));
	}
	path = ui_path(kind, len);
	if (len == 9 && memcmp(kind, "work-pool", 9) == 0) {
		id = name;
	}
	if (path == NULL || id == NULL) {
		return 0;
	}
	buf_init(&b);
	buf_addf(&b, "%s/%s/%s", t->ctx->ui_base, path, id);
	return v_from_buf(t, &b, ret);
}

static int f_ui_events(struct tpl *t, struct val in, const struct call *c,
		       struct val *ret)
{
	static const char *const kinds[] = {"automation", "deployment", "flow",
					    "flow-run",   "task-run",   "work-queue",
					    "work-pool"};
	const struct vobj *o = in.type == V_OBJ ? in.u.o : NULL;
	const char *id;
	struct buf b;
	size_t i;

	(void)c;
	*ret = v_none();
	if (o == NULL || t->ctx->ui_base == NULL || o->json == NULL) {
		return 0;
	}
	buf_init(&b);
	if (o->cls == OBJ_RESOURCE) {
		id = json_string_value(json_object_get(o->json, "prefect.resource.id"));
		buf_addf(&b, "%s/events?resource=%s", t->ctx->ui_base, id ? id : "");
		return v_from_buf(t, &b, ret);
	}
	id = json_string_value(json_object_get(o->json, "id"));
	for (i = 0; o->model != NULL && id != NULL && i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i], o->model) == 0) {
			buf_addf(&b, "%s/events?resource=prefect.%s.%s",
				 t->ctx->ui_base, o->model, id);
			return v_from_buf(t, &b, ret);
		}
	}
	buf_release(&b);
	return 0;
}

static int f_flow_run_id(struct tpl *t, struct val in, const struct call *c,
			 struct val *ret)
{
	const char *s, *hit;
	size_t len;
	struct uuid id;

	(void)c;
	*ret = v_none();
	if (in.type == V_NONE || in.type == V_UNDEF || text_of(t, in, &s, &len) < 0) {
		return t->failed ? -ERR_INVALID : 0;
	}
	hit = memmem(s, len, "flow-run/", 9);
	if (hit != NULL && len - (size_t)(hit + 9 - s) >= 36 &&
	    uuid_parse_n(hit + 9, 36, &id) == 0) {
		return v_str(t, hit + 9, 36, ret);
	}
	return 0;
}

/* ---- JSON ---- */

static void json_string_to(struct buf *b, const char *s, size_t len)
{
	size_t i = 0;

	buf_addc(b, '"');
	while (i < len) {
		unsigned char ch = (unsigned char)s[i];
		size_t n = utf8_at(s + i, len - i, 1);
		unsigned long cp = ch;

		if (n == 2) {
			cp = (ch & 0x1ful) << 6 | ((unsigned char)s[i + 1] & 0x3ful);
		} else if (n == 3) {
			cp = (ch & 0x0ful) << 12 |
			     ((unsigned char)s[i + 1] & 0x3ful) << 6 |
			     ((unsigned char)s[i + 2] & 0x3ful);
		} else if (n == 4) {
			cp = (ch & 0x07ul) << 18 |
			     ((unsigned char)s[i + 1] & 0x3ful) << 12 |
			     ((unsigned char)s[i + 2] & 0x3ful) << 6 |
			     ((unsigned char)s[i + 3] & 0x3ful);
		}
		if (cp > 0xffff) {
			cp -= 0x10000;
			buf_addf(b, "\\u%04lx\\u%04lx", 0xd800 + (cp >> 10),
				 0xdc00 + (cp & 0x3ff));
		} else if (ch == '"' || ch == '\\') {
			buf_addf(b, "\\%c", ch);
		} else if (ch == '\n') {
			buf_adds(b, "\\n");
		} else if (ch == '\r') {
			buf_adds(b, "\\r");
		} else if (ch == '\t') {
			buf_adds(b, "\\t");
		} else if (ch == '\b') {
			buf_adds(b, "\\b");
		} else if (ch == '\f') {
			buf_adds(b, "\\f");
		} else if (cp < 0x20 || cp >= 0x7f || strchr("<>&'", (int)cp) != NULL) {
			buf_addf(b, "\\u%04lx", cp);
		} else {
			buf_addc(b, (char)ch);
		}
		i += n;
	}
	buf_addc(b, '"');
}

static void newline(struct buf *b, int64_t indent, int depth)
{
	int64_t i;

	if (indent >= 0) {
		buf_addc(b, '\n');
		for (i = 0; i < indent * depth; i++) {
			buf_addc(b, ' ');
		}
	}
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void json_to(struct buf *b, const json_t *j, int64_t indent, int depth);

static void object_to(struct buf *b, const json_t *j, int64_t indent, int depth)
{
	size_t n = json_object_size(j), i = 0;
	const char **keys = calloc(n + 1, sizeof(*keys)), *key;
	json_t *v;

	json_object_foreach ((json_t *)(uintptr_t)j, key, v) {
		if (keys != NULL && i < n) {
			keys[i++] = key;
		}
	}
	n = i;
	if (keys != NULL) {
		qsort(keys, n, sizeof(*keys), compare_keys);
	}
	buf_addc(b, '{');
	for (i = 0; i < n; i++) {
		buf_adds(b, i > 0 ? (indent >= 0 ? "," : ", ") : "");
		newline(b, indent, depth + 1);
		json_string_to(b, keys[i], strlen(keys[i]));
		buf_adds(b, ": ");
		json_to(b, json_object_get(j, keys[i]), indent, depth + 1);
	}
	if (n > 0) {
		newline(b, indent, depth);
	}
	buf_addc(b, '}');
	free(keys);
}

static void json_to(struct buf *b, const json_t *j, int64_t indent, int depth)
{
	json_t *item;
	size_t i;

	if (b->len > TEMPLATE_OUTPUT_MAX * 2) {
		return;
	}
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		object_to(b, j, indent, depth);
		break;
	case JSON_ARRAY:
		buf_addc(b, '[');
		json_array_foreach (j, i, item) {
			buf_adds(b, i > 0 ? (indent >= 0 ? "," : ", ") : "");
			newline(b, indent, depth + 1);
			json_to(b, item, indent, depth + 1);
		}
		if (json_array_size(j) > 0) {
			newline(b, indent, depth);
		}
		buf_addc(b, ']');
		break;
	case JSON_STRING:
		json_string_to(b, json_string_value(j), json_string_length(j));
		break;
	case JSON_INTEGER:
		buf_addf(b, "%lld", (long long)json_integer_value(j));
		break;
	case JSON_REAL:
		v_write_float(b, json_real_value(j));
		break;
	case JSON_TRUE:
		buf_adds(b, "true");
		break;
	case JSON_FALSE:
		buf_adds(b, "false");
		break;
	case JSON_NULL:
	default:
		buf_adds(b, "null");
		break;
	}
}

static int f_tojson(struct tpl *t, struct val in, const struct call *c, struct val *ret)
{
	const struct val *indent = call_arg(c, 0, "indent");
	int64_t width = indent != NULL && indent->type == V_INT ? indent->u.i : -1;
	json_t *j = NULL;
	struct buf b;

	if (width > 32 || v_to_json(t, in, &j) < 0) {
		return tpl_fail(t, "tojson: the indent is too large");
	}
	buf_init(&b);
	json_to(&b, j, width, 0);
	json_decref(j);
	return v_from_buf(t, &b, ret);
}

/* A CloudEvent in structured or binary form as an event (8.2). */
static const char *header_of(const struct call *c, const char *name)
{
	const struct val *h = call_arg(c, 0, "headers");
	const struct vdict *m = h == NULL           ? NULL
				: h->type == V_OBJ  ? h->u.o->attrs
				: h->type == V_DICT ? h->u.m
						    : NULL;
	size_t i;

	for (i = 0; m != NULL && i < m->n; i++) {
		if (m->p[i].k.type == V_STR && m->p[i].v.type == V_STR &&
		    strncasecmp(m->p[i].k.u.s, name, m->p[i].k.len) == 0 &&
		    strlen(name) == m->p[i].k.len) {
			return m->p[i].v.u.s;
		}
	}
	return NULL;
}

static json_t *binary_attributes(const struct call *c)
{
	const struct val *h = call_arg(c, 0, "headers");
	const struct vdict *m = h != NULL && h->type == V_OBJ ? h->u.o->attrs : NULL;
	json_t *out = json_object();
	char name[64];
	size_t i, k;

	for (i = 0; m != NULL && i < m->n; i++) {
		const struct val *key = &m->p[i].k, *v = &m->p[i].v;

		if (key->type != V_STR || v->type != V_STR || key->len < 4 ||
		    key->len - 3 >= sizeof(name) ||
		    strncasecmp(key->u.s, "ce-", 3) != 0) {
			continue;
		}
		for (k = 3; k < key->len; k++) {
			name[k - 3] = (char)tolower((unsigned char)key->u.s[k]);
		}
		name[key->len - 3] = '\0';
		(void)json_object_set_new(out, name, json_stringn(v->u.s, v->len));
	}
	return out;
}

static json_t *from_attributes(json_t *attrs, json_t *data)
{
	const char *type = json_string_value(json_object_get(attrs, "type"));
	const char *subject = json_string_value(json_object_get(attrs, "subject"));
	const char *source = json_string_value(json_object_get(attrs, "source"));
	const char *id = json_string_value(json_object_get(attrs, "id"));
	json_t *time = json_object_get(attrs, "time");
	struct uuid uuid;
	json_t *out;

	if (subject == NULL) {
		subject = source;
	}
	if (type == NULL || subject == NULL) {
		return NULL;
	}
	out = json_pack("{s:s, s:{s:s}, s:{s:O, s:O}}", "event", type, "resource",
			"prefect.resource.id", subject, "payload", "data",
			data != NULL ? data : json_null(), "cloudevents", attrs);
	if (id != NULL && uuid_parse(id, &uuid) == 0) {
		(void)json_object_set_new(out, "id", json_string(id));
	}
	if (json_is_string(time)) {
		(void)json_object_set(out, "occurred", time);
	}
	return out;
}

static int f_from_cloud_event(struct tpl *t, struct val in, const struct call *c,
			      struct val *ret)
{
	const char *type = header_of(c, "content-type");
	json_t *body = NULL, *attrs, *data, *event;
	struct buf b;

	if (v_to_json(t, in, &body) < 0) {
		return -ERR_INVALID;
	}
	if (type != NULL &&
	    strncasecmp(type, "application/cloudevents+json", 28) == 0) {
		attrs = json_is_object(body) ? json_copy(body) : json_object();
		data = json_incref(json_object_get(attrs, "data"));
		(void)json_object_del(attrs, "data");
	} else {
		attrs = binary_attributes(c);
		data = json_incref(body);
	}
	event = from_attributes(attrs, data);
	json_decref(attrs);
	json_decref(data);
	json_decref(body);
	if (event == NULL) {
		return tpl_fail(t, "the request is no CloudEvent: it lacks type, or "
				   "subject and source");
	}
	buf_init(&b);
	json_to(&b, event, -1, 0);
	json_decref(event);
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
    {"ui_url", f_ui_url},
    {"ui_resource_events_url", f_ui_events},
    {"flow_run_id", f_flow_run_id},
    {"tojson", f_tojson},
    {"from_cloud_event", f_from_cloud_event},
    {NULL, NULL},
};
