/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_filter_json.c - filters that are ours: links to the page, JSON, CloudEvents. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"
#include "base/tpl_priv.h"
#include "base/uuid.h"

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

	if (b->len > (size_t)TEMPLATE_OUTPUT_MAX * 2) {
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

const struct tpl_filter tpl_json_filters[] = {
    {"ui_url", f_ui_url},
    {"ui_resource_events_url", f_ui_events},
    {"flow_run_id", f_flow_run_id},
    {"tojson", f_tojson},
    {"from_cloud_event", f_from_cloud_event},
    {NULL, NULL},
};
