/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_params.c - the parameters of a flow: each becomes a JSON Schema.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "engine/params.h"
#include "engine/yaml/load.h"
#include "engine/yaml/scalar.h"

#define MAX_PARAMS 500u

static const char *const type_names[] = {"string",    "integer", "number",
					 "boolean",   "array",   "object",
					 "date-time", "enum",    "any"};

static void copy_value(struct loader *l, const struct ynode *n, json_t *schema,
		       const char *key)
{
	json_t *v = load_json(l, n);

	if (v != NULL) {
		(void)json_object_set_new(schema, key, v);
	}
}

static void schema_type(struct loader *l, const struct ynode *n, void *obj)
{
	char *type = NULL, hint[80];
	size_t i;

	if (load_text(l, n, "type", &type) < 0) {
		return;
	}
	for (i = 0; i < ARRAY_LEN(type_names) && strcmp(type, type_names[i]) != 0;
	     i++) {
	}
	if (i == ARRAY_LEN(type_names)) {
		diag_node(l->d, n,
			  "unknown type '%.60s' (string, integer, number, boolean, "
			  "array, object, "
			  "date-time or enum)%s",
			  type,
			  load_hint(type, type_names, ARRAY_LEN(type_names), hint,
				    sizeof(hint)));
	} else if (strcmp(type, "date-time") == 0) {
		(void)json_object_set_new(obj, "type", json_string("string"));
		(void)json_object_set_new(obj, "format", json_string("date-time"));
	} else if (strcmp(type, "enum") != 0 && strcmp(type, "any") != 0) {
		(void)json_object_set_new(obj, "type", json_string(type));
	}
	free(type);
}

static void schema_text(struct loader *l, const struct ynode *n, json_t *schema,
			const char *key)
{
	char *text = NULL;

	if (load_text(l, n, key, &text) == 0) {
		(void)json_object_set_new(schema, key, json_string(text));
	}
	free(text);
}

static void schema_title(struct loader *l, const struct ynode *n, void *obj)
{
	schema_text(l, n, obj, "title");
}

static void schema_description(struct loader *l, const struct ynode *n, void *obj)
{
	schema_text(l, n, obj, "description");
}

static void schema_format(struct loader *l, const struct ynode *n, void *obj)
{
	if (n->kind != YNODE_SCALAR || strcmp(n->text, "date-time") != 0) {
		diag_node(l->d, n, "'format' can only be date-time in this version");
		return;
	}
	schema_text(l, n, obj, "format");
}

static void schema_default(struct loader *l, const struct ynode *n, void *obj)
{
	copy_value(l, n, obj, "default");
}

static void schema_enum(struct loader *l, const struct ynode *n, void *obj)
{
	if (n->kind != YNODE_SEQ || n->count == 0) {
		diag_node(l->d, n, "'enum' must be a list of the allowed values");
		return;
	}
	copy_value(l, n, obj, "enum");
}

static void schema_items(struct loader *l, const struct ynode *n, void *obj)
{
	(void)json_object_set_new(obj, "items", load_schema(l, n, "'items'"));
}

static void schema_properties(struct loader *l, const struct ynode *n, void *obj)
{
	json_t *all;
	size_t i;

	if (n->kind != YNODE_MAP) {
		diag_node(l->d, n, "'properties' must be a mapping");
		return;
	}
	all = json_object();
	for (i = 0; i < n->count; i++) {
		(void)json_object_set_new(
		    all, ymap_key(n, i)->text,
		    load_schema(l, ymap_value(n, i), "a property"));
	}
	(void)json_object_set_new(obj, "properties", all);
}

static void schema_required(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_strs strs = {NULL, 0};
	json_t *all = json_array();
	size_t i;

	(void)load_strs(l, n, "required", &strs);
	for (i = 0; i < strs.count; i++) {
		(void)json_array_append_new(all, json_string(strs.items[i]));
		free(strs.items[i]);
	}
	free(strs.items);
	(void)json_object_set_new(obj, "required", all);
}

static void schema_number(struct loader *l, const struct ynode *n, json_t *schema,
			  const char *key)
{
	double v;

	if (load_real(l, n, key, -1e300, 1e300, &v) == 0) {
		copy_value(l, n, schema, key);
	}
}

static void schema_more(struct loader *l, const struct ynode *n, void *obj)
{
	if (n->kind == YNODE_MAP) {
		(void)json_object_set_new(obj, "additionalProperties",
					  load_schema(l, n, "'additionalProperties'"));
	} else {
		copy_value(l, n, obj, "additionalProperties");
	}
}

#define SCHEMA_NUMBER(fn_name, key)                                             \
	static void fn_name(struct loader *l, const struct ynode *n, void *obj) \
	{                                                                       \
		schema_number(l, n, obj, key);                                  \
	}
SCHEMA_NUMBER(schema_minimum, "minimum")
SCHEMA_NUMBER(schema_maximum, "maximum")
SCHEMA_NUMBER(schema_ex_minimum, "exclusiveMinimum")
SCHEMA_NUMBER(schema_ex_maximum, "exclusiveMaximum")
SCHEMA_NUMBER(schema_min_length, "minLength")
SCHEMA_NUMBER(schema_max_length, "maxLength")
SCHEMA_NUMBER(schema_min_items, "minItems")
SCHEMA_NUMBER(schema_max_items, "maxItems")

static const struct field schema_fields[] = {
    {"additionalProperties", FIELD_FN, .fn = schema_more},
    {"default", FIELD_FN, .fn = schema_default},
    {"description", FIELD_FN, .fn = schema_description},
    {"enum", FIELD_FN, .fn = schema_enum},
    {"exclusiveMaximum", FIELD_FN, .fn = schema_ex_maximum},
    {"exclusiveMinimum", FIELD_FN, .fn = schema_ex_minimum},
    {"format", FIELD_FN, .fn = schema_format},
    {"items", FIELD_FN, .fn = schema_items},
    {"maxItems", FIELD_FN, .fn = schema_max_items},
    {"maxLength", FIELD_FN, .fn = schema_max_length},
    {"maximum", FIELD_FN, .fn = schema_maximum},
    {"minItems", FIELD_FN, .fn = schema_min_items},
    {"minLength", FIELD_FN, .fn = schema_min_length},
    {"minimum", FIELD_FN, .fn = schema_minimum},
    {.name = "pattern", .type = FIELD_LATER},
    {"properties", FIELD_FN, .fn = schema_properties},
    {"required", FIELD_FN, .fn = schema_required},
    {"title", FIELD_FN, .fn = schema_title},
    {"type", FIELD_FN, .fn = schema_type},
};

/* The depth of schemas is that of the document. */
json_t *load_schema(struct loader *l, const struct ynode *n, const char *what)
{
	json_t *schema = json_object();
	const struct ynode *type = ymap_get(n, "type");

	load_fields(l, n, schema_fields, ARRAY_LEN(schema_fields), what, schema);
	if (type != NULL && type->kind == YNODE_SCALAR &&
	    strcmp(type->text, "enum") == 0 && ymap_get(n, "enum") == NULL) {
		diag_node(l->d, type,
			  "the type enum needs the key 'enum' with the values");
	}
	return schema;
}

static void check_default(struct loader *l, const struct ynode *n,
			  const struct plan_param *p)
{
	const struct ynode *node = ymap_get(n, "default");
	struct error err;

	if (node == NULL || p->def == NULL || json_is_null(p->def)) {
		return;
	}
	if (params_check_value(p->schema, p->def, p->name, &err) < 0) {
		diag_node(l->d, node, "the default does not fit: %s", err.msg);
	}
}

static void load_param(struct loader *l, const struct ynode *key,
		       const struct ynode *value, struct plan_flow *f)
{
	struct plan_param *p = &f->params[f->param_count++];
	json_t *def;

	p->name = xstrdup(key->text);
	if (!isalpha((unsigned char)key->text[0]) ||
	    key->text[strspn(key->text,
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			     "0123456789_-")] != '\0') {
		diag_node(
		    l->d, key,
		    "'%.80s' cannot name a parameter: use letters, digits, _ and -",
		    key->text);
	}
	p->schema = load_schema(l, value, "a parameter");
	def = json_object_get(p->schema, "default");
	if (def != NULL) {
		p->def = json_incref(def);
		(void)json_object_del(p->schema, "default");
	}
	p->required = p->def == NULL;
	if (value->kind == YNODE_MAP) {
		check_default(l, value, p);
	}
}

void load_params(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_flow *f = obj;
	char buf[80];
	size_t i;

	if (n->kind != YNODE_MAP || n->count > MAX_PARAMS) {
		diag_node(l->d, n,
			  "'params' must be a mapping of at most %u parameters, not %s",
			  MAX_PARAMS,
			  n->kind == YNODE_MAP ? "so many"
					       : ynode_describe(n, buf, sizeof(buf)));
		return;
	}
	f->params = xcalloc(n->count + 1, sizeof(*f->params));
	for (i = 0; i < n->count; i++) {
		load_param(l, ymap_key(n, i), ymap_value(n, i), f);
	}
}
