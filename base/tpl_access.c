/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_access.c - x.a and x['a']: what a template may see of a value. */
#include <string.h>
#include <strings.h>

#include "base/timefmt.h"
#include "base/tpl_priv.h"

/* Methods by type of value; sorted by nothing, few. */
static const char *const text_methods[] = {
    "upper",      "lower",    "strip",      "lstrip",       "rstrip",       "split",
    "rsplit",     "replace",  "startswith", "endswith",     "join",         "title",
    "capitalize", "format",   "index",      "find",         "count",        "swapcase",
    "center",     "ljust",    "rjust",      "zfill",        "isdigit",      "isalpha",
    "isupper",    "islower",  "isspace",    "isalnum",      "splitlines",   "partition",
    "rpartition", "casefold", "isnumeric",  "removeprefix", "removesuffix", "rfind",
    "expandtabs", NULL};
static const char *const dict_methods[] = {"items", "keys", "values",
					   "get",   "copy", NULL};
static const char *const list_methods[] = {"index", "count", "copy", NULL};
static const char *const time_methods[] = {"isoformat", "strftime", "timestamp", "date",
					   NULL};
/* They change what they are called on: refused. */
static const char *const changing[] = {
    "append", "extend", "insert",     "pop",     "remove", "reverse", "sort",
    "clear",  "update", "setdefault", "popitem", "add",    "discard", NULL};

static int is_one_of(const char *const *list, const char *name)
{
	for (; *list != NULL; list++) {
		if (strcmp(*list, name) == 0) {
			return 1;
		}
	}
	return 0;
}

static const char *const *methods_of(struct val v)
{
	static const char *const none[] = {NULL};

	switch (v.type) {
	case V_STR:
		return text_methods;
	case V_DICT:
		return dict_methods;
	case V_LIST:
	case V_TUPLE:
		return list_methods;
	case V_OBJ:
		return v.u.o->cls == OBJ_TIME      ? time_methods
		       : v.u.o->cls == OBJ_HEADERS ? dict_methods
						   : none;
	case V_UNDEF:
	case V_NONE:
	case V_BOOL:
	case V_INT:
	case V_FLOAT:
	case V_MACRO:
	case V_FUNC:
	case V_METHOD:
	default:
		return none;
	}
}

static int method(struct tpl *t, struct val self, const char *name, struct val *ret)
{
	struct vmethod *m = tpl_alloc(t, sizeof(*m));

	if (m == NULL) {
		return -ERR_INVALID;
	}
	*m = (struct vmethod){.self = self, .name = name};
	*ret = (struct val){.type = V_METHOD, .u.method = m};
	return 0;
}

static int call_changing(struct tpl *t, const struct call *c, struct val *ret)
{
	(void)c;
	(void)ret;
	return tpl_fail(t, "templates cannot change values");
}

static const struct tpl_func changing_func = {"changing", call_changing};

/* ---- objects ---- */

static int loop_attr(struct tpl *t, const struct val v, const char *name,
		     struct val *ret)
{
	const struct vobj *o = v.u.o;
	int64_t at = (int64_t)o->at, n = (int64_t)o->items->n;

	if (strcmp(name, "index") == 0) {
		*ret = v_int(at + 1);
	} else if (strcmp(name, "index0") == 0) {
		*ret = v_int(at);
	} else if (strcmp(name, "revindex") == 0) {
		*ret = v_int(n - at);
	} else if (strcmp(name, "revindex0") == 0) {
		*ret = v_int(n - at - 1);
	} else if (strcmp(name, "first") == 0) {
		*ret = v_bool(at == 0);
	} else if (strcmp(name, "last") == 0) {
		*ret = v_bool(at == n - 1);
	} else if (strcmp(name, "length") == 0) {
		*ret = v_int(n);
	} else if (strcmp(name, "depth") == 0) {
		*ret = v_int(1);
	} else if (strcmp(name, "depth0") == 0) {
		*ret = v_int(0);
	} else if (strcmp(name, "previtem") == 0) {
		*ret =
		    at > 0 ? o->items->v[at - 1] : v_undef("there is no previous item");
	} else if (strcmp(name, "nextitem") == 0) {
		*ret =
		    at + 1 < n ? o->items->v[at + 1] : v_undef("there is no next item");
	} else if (strcmp(name, "cycle") == 0 || strcmp(name, "changed") == 0) {
		return method(t, v, name, ret);
	} else {
		*ret = v_undef(name);
	}
	return 0;
}

static int time_attr(struct tpl *t, struct val v, const char *name, struct val *ret)
{
	struct civil c;

	civil_from_us(v.u.o->at_us, &c);
	if (strcmp(name, "year") == 0) {
		*ret = v_int(c.year);
	} else if (strcmp(name, "month") == 0) {
		*ret = v_int(c.month);
	} else if (strcmp(name, "day") == 0) {
		*ret = v_int(c.day);
	} else if (strcmp(name, "hour") == 0) {
		*ret = v_int(c.hour);
	} else if (strcmp(name, "minute") == 0) {
		*ret = v_int(c.minute);
	} else if (strcmp(name, "second") == 0) {
		*ret = v_int(c.second);
	} else if (strcmp(name, "microsecond") == 0) {
		*ret = v_int(c.us);
	} else if (is_one_of(time_methods, name)) {
		return method(t, v, name, ret);
	} else {
		*ret = v_undef(name);
	}
	return 0;
}

int v_label_children(const struct vdict *labels, const char *prefix)
{
	size_t n = strlen(prefix), i;

	for (i = 0; i < labels->n; i++) {
		const struct val *k = &labels->p[i].k;

		if (k->len > n && memcmp(k->u.s, prefix, n) == 0 && k->u.s[n] == '.') {
			return 1;
		}
	}
	return 0;
}

int v_label_node(struct tpl *t, struct vdict *labels, const char *prefix,
		 struct val *ret)
{
	struct vobj *o;
	int rc = v_obj(t, OBJ_LABELS, &o, ret);

	if (rc == 0) {
		o->attrs = labels;
		o->text = prefix;
	}
	return rc;
}

/* The node at PATH + '.' + NAME, or undefined. */
static int label_attr(struct tpl *t, const struct vobj *o, const char *name, size_t len,
		      struct val *ret)
{
	size_t n = strlen(o->text);
	char *path = tpl_alloc(t, n + len + 2);

	if (path == NULL) {
		return -ERR_INVALID;
	}
	memcpy(path, o->text, n);
	if (n > 0) {
		path[n++] = '.';
	}
	memcpy(path + n, name, len);
	if (v_dict_get(o->attrs, path, n + len) == NULL &&
	    !v_label_children(o->attrs, path)) {
		*ret = v_undef(name);
		return 0;
	}
	return v_label_node(t, o->attrs, path, ret);
}

static const struct val *header(const struct vdict *m, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		const struct val *k = &m->p[i].k;

		if (k->len == len && strncasecmp(k->u.s, name, len) == 0) {
			return &m->p[i].v;
		}
	}
	return NULL;
}

/* Resources have id, name and role of their labels. */
static const struct val *resource_attr(const struct vdict *m, const char *name)
{
	static const char *const labels[][2] = {{"id", "prefect.resource.id"},
						{"name", "prefect.resource.name"},
						{"role", "prefect.resource.role"}};
	size_t i;

	for (i = 0; i < 3; i++) {
		if (strcmp(name, labels[i][0]) == 0) {
			return v_dict_get(m, labels[i][1], strlen(labels[i][1]));
		}
	}
	return NULL;
}

static int object_attr(struct tpl *t, struct val v, const char *name, struct val *ret)
{
	struct vobj *o = v.u.o;
	const struct val *hit = NULL;

	switch (o->cls) {
	case OBJ_LOOP:
		return loop_attr(t, v, name, ret);
	case OBJ_TIME:
		return time_attr(t, v, name, ret);
	case OBJ_LABELS:
		return label_attr(t, o, name, strlen(name), ret);
	case OBJ_STATE_TYPE:
		*ret = strcmp(name, "value") == 0 || strcmp(name, "name") == 0
			   ? v_strn(o->text, strlen(o->text))
			   : v_undef(name);
		return 0;
	case OBJ_RESOURCE:
		if (strcmp(name, "labels") == 0) {
			return v_label_node(t, o->attrs, "", ret);
		}
		hit = resource_attr(o->attrs, name);
		break;
	case OBJ_HEADERS:
		if (is_one_of(dict_methods, name)) {
			return method(t, v, name, ret);
		}
		hit = header(o->attrs, name, strlen(name));
		break;
	case OBJ_CYCLER:
		if (strcmp(name, "next") == 0 || strcmp(name, "reset") == 0) {
			return method(t, v, name, ret);
		}
		if (strcmp(name, "current") == 0) {
			*ret = o->items->v[o->at];
			return 0;
		}
		break;
	case OBJ_MODEL:
	case OBJ_NAMESPACE:
	case OBJ_JOINER:
	default:
		break;
	}
	if (hit == NULL) {
		hit = v_dict_get(o->attrs, name, strlen(name));
	}
	*ret = hit != NULL ? *hit : v_undef(name);
	return 0;
}

int v_attr(struct tpl *t, struct val v, const char *name, struct val *ret)
{
	const struct val *hit;

	if (v.type == V_UNDEF) {
		*ret = v;
		return 0;
	}
	if (name[0] == '_' && v.type != V_DICT) {
		*ret = v_undef(name);
		return 0;
	}
	if (v.type == V_OBJ) {
		return object_attr(t, v, name, ret);
	}
	if (is_one_of(methods_of(v), name)) {
		return method(t, v, name, ret);
	}
	hit = v.type == V_DICT ? v_dict_get(v.u.m, name, strlen(name)) : NULL;
	if (hit != NULL) {
		*ret = *hit;
	} else if ((v.type == V_DICT || v.type == V_LIST) &&
		   is_one_of(changing, name)) {
		*ret = (struct val){.type = V_FUNC, .u.f = &changing_func};
	} else {
		*ret = v_undef(name);
	}
	return 0;
}

static int index_item(struct val v, struct val key, struct val *ret)
{
	int64_t i = v_integer(key), n = (int64_t)v.u.l->n;

	i = i < 0 ? i + n : i;
	*ret = i >= 0 && i < n ? v.u.l->v[i] : v_undef("item");
	return 0;
}

static int text_item(struct tpl *t, struct val v, struct val key, struct val *ret)
{
	int64_t i = v_integer(key), n = (int64_t)v_chars(v);
	size_t at;

	i = i < 0 ? i + n : i;
	if (i < 0 || i >= n) {
		*ret = v_undef("item");
		return 0;
	}
	at = utf8_at(v.u.s, v.len, (size_t)i);
	return v_str(t, v.u.s + at, utf8_at(v.u.s + at, v.len - at, 1), ret);
}

static int named_item(struct tpl *t, struct val v, struct val key, struct val *ret)
{
	const struct vobj *o = v.u.o;
	const struct val *hit = NULL;
	struct val name;

	if (o->cls == OBJ_LABELS) {
		size_t n = strlen(o->text);
		char *path = tpl_alloc(t, n + key.len + 2);

		if (path == NULL) {
			return -ERR_INVALID;
		}
		memcpy(path, o->text, n);
		path[n] = '.';
		memcpy(path + n + (n > 0), key.u.s, key.len);
		hit = v_dict_get(o->attrs, path, n + (n > 0) + key.len);
	} else if (o->cls == OBJ_HEADERS) {
		hit = header(o->attrs, key.u.s, key.len);
	} else if (o->cls == OBJ_RESOURCE) {
		hit = v_dict_get(o->attrs, key.u.s, key.len);
	}
	if (hit != NULL) {
		*ret = *hit;
		return 0;
	}
	return v_str(t, key.u.s, key.len, &name) < 0 ? -ERR_INVALID
						     : v_attr(t, v, name.u.s, ret);
}

int v_item(struct tpl *t, struct val v, struct val key, struct val *ret)
{
	const struct val *hit;
	struct val name;

	if (v.type == V_UNDEF) {
		*ret = v;
		return 0;
	}
	if (v.type == V_DICT) {
		hit = v_dict_find(v.u.m, key);
		if (hit != NULL) {
			*ret = *hit;
			return 0;
		}
	}
	if ((v.type == V_LIST || v.type == V_TUPLE) &&
	    (key.type == V_INT || key.type == V_BOOL)) {
		return index_item(v, key, ret);
	}
	if (v.type == V_STR && (key.type == V_INT || key.type == V_BOOL)) {
		return text_item(t, v, key, ret);
	}
	if (key.type != V_STR) {
		*ret = v_undef("item");
		return 0;
	}
	if (v.type == V_OBJ) {
		return named_item(t, v, key, ret);
	}
	return v_str(t, key.u.s, key.len, &name) < 0 ? -ERR_INVALID
						     : v_attr(t, v, name.u.s, ret);
}
