/* SPDX-License-Identifier: Apache-2.0 */
/* tpl_json.c - the API's JSON as values of a template, and back. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/timefmt.h"
#include "base/tpl_priv.h"

static int from_json(struct tpl *t, const json_t *j, int depth, struct val *ret)
{
	const char *key;
	json_t *item;
	struct val v;
	size_t i;

	if (depth > TEMPLATE_DEPTH_MAX * 4 || tpl_step(t) < 0) {
		return tpl_fail(t, "the value is nested too deeply");
	}
	switch (j != NULL ? json_typeof(j) : JSON_NULL) {
	case JSON_STRING:
		*ret = v_strn(json_string_value(j), json_string_length(j));
		return 0;
	case JSON_INTEGER:
		*ret = v_int(json_integer_value(j));
		return 0;
	case JSON_REAL:
		*ret = v_float(json_real_value(j));
		return 0;
	case JSON_TRUE:
	case JSON_FALSE:
		*ret = v_bool(json_is_true(j));
		return 0;
	case JSON_ARRAY:
		if (v_list(t, V_LIST, ret) < 0) {
			return -ERR_INVALID;
		}
		json_array_foreach (j, i, item) {
			if (from_json(t, item, depth + 1, &v) < 0 ||
			    v_append(t, *ret, v) < 0) {
				return -ERR_INVALID;
			}
		}
		return 0;
	case JSON_OBJECT:
		if (v_dict(t, ret) < 0) {
			return -ERR_INVALID;
		}
		json_object_foreach ((json_t *)(uintptr_t)j, key, item) {
			if (from_json(t, item, depth + 1, &v) < 0 ||
			    v_dict_set(t, ret->u.m, v_strn(key, strlen(key)), v) < 0) {
				return -ERR_INVALID;
			}
		}
		return 0;
	case JSON_NULL:
	default:
		*ret = v_none();
		return 0;
	}
}

int v_from_json(struct tpl *t, const json_t *j, struct val *ret)
{
	return from_json(t, j, 0, ret);
}

/* ---- models ---- */

/* Fields of models that hold an instant. */
static int is_time_field(const char *key)
{
	static const char *const names[] = {"created",
					    "updated",
					    "timestamp",
					    "occurred",
					    "received",
					    "triggered",
					    "start_time",
					    "end_time",
					    "expected_start_time",
					    "next_scheduled_start_time",
					    "scheduled_time",
					    "last_polled",
					    "last_heartbeat_time",
					    "cache_expiration",
					    NULL};
	size_t i;

	for (i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], key) == 0) {
			return 1;
		}
	}
	return 0;
}

static int model(struct tpl *t, const json_t *j, const char *name, struct val *ret);

static int resource(struct tpl *t, const json_t *j, struct val *ret)
{
	struct val labels;
	struct vobj *o;

	if (v_from_json(t, j, &labels) < 0 || v_obj(t, OBJ_RESOURCE, &o, ret) < 0) {
		return -ERR_INVALID;
	}
	if (labels.type == V_DICT) {
		o->attrs = labels.u.m;
	}
	o->json = j;
	o->model = "resource";
	return 0;
}

static int state_type(struct tpl *t, const json_t *j, struct val *ret)
{
	struct vobj *o;
	int rc = v_obj(t, OBJ_STATE_TYPE, &o, ret);

	if (rc == 0) {
		o->text = json_string_value(j);
		o->json = j;
	}
	return rc;
}

static int field(struct tpl *t, const char *of, const char *key, const json_t *j,
		 struct val *ret)
{
	const char *text = json_string_value(j);
	int64_t at_us;

	if (text != NULL && is_time_field(key) &&
	    time_parse(text, &at_us, NULL, NULL, NULL) == 0) {
		return v_time(t, at_us, ret);
	}
	if (text != NULL && (strcmp(key, "state_type") == 0 ||
			     (strcmp(of, "state") == 0 && strcmp(key, "type") == 0))) {
		return state_type(t, j, ret);
	}
	if (json_is_object(j) && strcmp(key, "state") == 0) {
		return model(t, j, "state", ret);
	}
	if (json_is_object(j) && strcmp(key, "trigger") == 0) {
		return model(t, j, "trigger", ret);
	}
	return v_from_json(t, j, ret);
}

static int model(struct tpl *t, const json_t *j, const char *name, struct val *ret)
{
	const char *key;
	json_t *item;
	struct vobj *o;
	struct val v;

	if (!json_is_object(j)) {
		return v_from_json(t, j, ret);
	}
	if (v_obj(t, OBJ_MODEL, &o, ret) < 0) {
		return -ERR_INVALID;
	}
	o->model = name;
	o->json = j;
	json_object_foreach ((json_t *)(uintptr_t)j, key, item) {
		if (field(t, name, key, item, &v) < 0 ||
		    v_dict_set(t, o->attrs, v_strn(key, strlen(key)), v) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

/* ---- events and firings ---- */

static int set_attr(struct tpl *t, struct val obj, const char *key, struct val v)
{
	return v_dict_set(t, obj.u.o->attrs, v_strn(key, strlen(key)), v);
}

/* role -> the first, role -> all. */
static int by_role(struct tpl *t, struct val list, struct val *one, struct val *all)
{
	struct val *there, more;
	size_t i;

	if (v_dict(t, one) < 0 || v_dict(t, all) < 0) {
		return -ERR_INVALID;
	}
	for (i = 0; i < list.u.l->n; i++) {
		struct val item = list.u.l->v[i], role;

		if (v_attr(t, item, "role", &role) < 0) {
			return -ERR_INVALID;
		}
		if (role.type != V_STR) {
			continue;
		}
		there = v_dict_find(all->u.m, role);
		if (there == NULL) {
			if (v_dict_set(t, one->u.m, role, item) < 0 ||
			    v_list(t, V_LIST, &more) < 0 ||
			    v_dict_set(t, all->u.m, role, more) < 0) {
				return -ERR_INVALID;
			}
			there = v_dict_find(all->u.m, role);
		}
		if (v_append(t, *there, item) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

static int event_url(struct tpl *t, const json_t *j, struct val *ret)
{
	const char *id = json_string_value(json_object_get(j, "id"));
	const char *at = json_string_value(json_object_get(j, "occurred"));
	struct buf b;

	if (t->ctx->ui_base == NULL || id == NULL || at == NULL) {
		*ret = v_none();
		return 0;
	}
	buf_init(&b);
	buf_addf(&b, "%s/events/event/%.10s/%s", t->ctx->ui_base, at, id);
	return v_from_buf(t, &b, ret);
}

static int event(struct tpl *t, const json_t *j, struct val *ret)
{
	struct val list, v, one, all, url;
	json_t *item;
	size_t i;

	if (model(t, j, "event", ret) < 0 || ret->type != V_OBJ) {
		return ret->type == V_OBJ ? -ERR_INVALID
					  : (t->failed ? -ERR_INVALID : 0);
	}
	if (resource(t, json_object_get(j, "resource"), &v) < 0 ||
	    set_attr(t, *ret, "resource", v) < 0 || v_list(t, V_LIST, &list) < 0) {
		return -ERR_INVALID;
	}
	json_array_foreach (json_object_get(j, "related"), i, item) {
		if (resource(t, item, &v) < 0 || v_append(t, list, v) < 0) {
			return -ERR_INVALID;
		}
	}
	return set_attr(t, *ret, "related", list) < 0 ||
		       by_role(t, list, &one, &all) < 0 ||
		       set_attr(t, *ret, "resource_in_role", one) < 0 ||
		       set_attr(t, *ret, "resources_in_role", all) < 0 ||
		       event_url(t, j, &url) < 0 || set_attr(t, *ret, "url", url) < 0
		   ? -ERR_INVALID
		   : 0;
}

static int firing(struct tpl *t, const json_t *j, int depth, struct val *ret)
{
	const json_t *list = json_object_get(j, "triggering_firings");
	const json_t *e = json_object_get(j, "triggering_event");
	struct val v, all;
	json_t *item;
	size_t i;

	if (depth > TEMPLATE_DEPTH_MAX || model(t, j, "firing", ret) < 0) {
		return -ERR_INVALID;
	}
	if (ret->type != V_OBJ) {
		return 0;
	}
	if (json_is_object(e) &&
	    (event(t, e, &v) < 0 || set_attr(t, *ret, "triggering_event", v) < 0)) {
		return -ERR_INVALID;
	}
	if (v_list(t, V_LIST, &all) < 0) {
		return -ERR_INVALID;
	}
	json_array_foreach (list, i, item) {
		if (firing(t, item, depth + 1, &v) < 0 || v_append(t, all, v) < 0) {
			return -ERR_INVALID;
		}
	}
	return set_attr(t, *ret, "triggering_firings", all);
}

static int list_of(struct tpl *t, const struct template_var *var, struct val *ret)
{
	struct val v;
	json_t *item;
	size_t i;

	if (v_list(t, V_LIST, ret) < 0) {
		return -ERR_INVALID;
	}
	json_array_foreach (var->json, i, item) {
		int rc = var->kind == TEMPLATE_EVENTS ? event(t, item, &v)
						      : firing(t, item, 0, &v);

		if (rc < 0 || v_append(t, *ret, v) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

int v_from_var(struct tpl *t, const struct template_var *var, struct val *ret)
{
	struct val v;
	struct vobj *o;

	switch (var->kind) {
	case TEMPLATE_MODEL:
		return model(t, var->json, var->model, ret);
	case TEMPLATE_EVENT:
		return event(t, var->json, ret);
	case TEMPLATE_FIRING:
		return firing(t, var->json, 0, ret);
	case TEMPLATE_EVENTS:
	case TEMPLATE_FIRINGS:
		return list_of(t, var, ret);
	case TEMPLATE_LABELS:
		if (v_from_json(t, var->json, &v) == 0 && v.type == V_DICT) {
			return v_label_node(t, v.u.m, "", ret);
		}
		*ret = v_none();
		return t->failed ? -ERR_INVALID : 0;
	case TEMPLATE_HEADERS:
		if (v_from_json(t, var->json, &v) < 0 ||
		    v_obj(t, OBJ_HEADERS, &o, ret) < 0) {
			return -ERR_INVALID;
		}
		if (v.type == V_DICT) {
			o->attrs = v.u.m;
		}
		return 0;
	case TEMPLATE_PLAIN:
	default:
		return v_from_json(t, var->json, ret);
	}
}

/* ---- back ---- */

static int to_json(struct tpl *t, struct val v, int depth, json_t **ret);

static int list_to_json(struct tpl *t, const struct vlist *l, int depth, json_t **ret)
{
	json_t *out = json_array(), *item;
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (to_json(t, l->v[i], depth + 1, &item) < 0) {
			json_decref(out);
			return -ERR_INVALID;
		}
		(void)json_array_append_new(out, item);
	}
	*ret = out;
	return 0;
}

static int dict_to_json(struct tpl *t, const struct vdict *m, int depth, json_t **ret)
{
	json_t *out = json_object(), *item;
	struct buf key;
	size_t i;

	for (i = 0; i < m->n; i++) {
		struct val k = m->p[i].k;

		if (to_json(t, m->p[i].v, depth + 1, &item) < 0) {
			json_decref(out);
			return -ERR_INVALID;
		}
		buf_init(&key);
		if (k.type == V_BOOL || k.type == V_NONE) {
			buf_adds(&key, k.type == V_NONE ? "null"
				       : k.u.b          ? "true"
							: "false");
		} else {
			v_write(&key, k, 0, 0);
		}
		(void)json_object_setn_new(out, key.data, key.len, item);
		buf_release(&key);
	}
	*ret = out;
	return 0;
}

static int object_to_json(struct tpl *t, const struct vobj *o, int depth, json_t **ret)
{
	char text[TIME_TEXT_SIZE];

	if (o->json != NULL) {
		*ret = json_incref((json_t *)(uintptr_t)o->json);
		return 0;
	}
	if (o->cls == OBJ_TIME) {
		*ret = json_string(time_format(o->at_us, text, sizeof(text)));
		return 0;
	}
	if (o->cls == OBJ_HEADERS || o->cls == OBJ_LABELS || o->cls == OBJ_NAMESPACE) {
		return dict_to_json(t, o->attrs, depth, ret);
	}
	return tpl_fail(t, "the object is not JSON serializable");
}

static int to_json(struct tpl *t, struct val v, int depth, json_t **ret)
{
	if (tpl_step(t) < 0 || depth > TEMPLATE_DEPTH_MAX * 4) {
		return tpl_fail(t, "the value is nested too deeply");
	}
	switch (v.type) {
	case V_NONE:
		*ret = json_null();
		return 0;
	case V_BOOL:
		*ret = json_boolean(v.u.b);
		return 0;
	case V_INT:
		*ret = json_integer(v.u.i);
		return 0;
	case V_FLOAT:
		*ret = json_real(v.u.d);
		break;
	case V_STR:
		*ret = json_stringn(v.u.s, v.len);
		break;
	case V_LIST:
	case V_TUPLE:
		return list_to_json(t, v.u.l, depth, ret);
	case V_DICT:
		return dict_to_json(t, v.u.m, depth, ret);
	case V_OBJ:
		return object_to_json(t, v.u.o, depth, ret);
	case V_UNDEF:
		return tpl_fail(t, "'%s' is undefined: it is not JSON serializable",
				v.u.s);
	case V_MACRO:
	case V_FUNC:
	case V_METHOD:
	default:
		return tpl_fail(t, "Object of type %s is not JSON serializable",
				v_type_name(v));
	}
	return *ret != NULL ? 0 : tpl_fail(t, "the value is not JSON serializable");
}

int v_to_json(struct tpl *t, struct val v, json_t **ret)
{
	return to_json(t, v, 0, ret);
}
