/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fields.c - walking a mapping by its table, and the typed values of keys.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/opts.h"
#include "engine/expr/name.h"
#include "engine/expr/tmpl.h"
#include "engine/yaml/load.h"
#include "engine/yaml/scalar.h"

const char *load_hint(const char *word, const char *const *names, size_t count,
		      char *buf, size_t size)
{
	/* one or two letters are near to everything */
	const char *near = strlen(word) > 2 ? opts_nearest(word, names, count) : NULL;

	buf[0] = '\0';
	if (near != NULL) {
		(void)snprintf(buf, size, "; did you mean '%s'?", near);
	}
	return buf;
}

static void unknown_key(struct loader *l, const struct ynode *key,
			const struct field *fields, size_t count, const char *what)
{
	const char **names = xcalloc(count + 1, sizeof(*names));
	char hint[128];
	size_t i;

	for (i = 0; i < count; i++) {
		names[i] = fields[i].name;
	}
	diag_node(l->d, key, "unknown key '%.80s' of %s%s", key->text, what,
		  load_hint(key->text, names, count, hint, sizeof(hint)));
	free(names);
}

int load_flag(struct loader *l, const struct ynode *n, const char *what, int *ret)
{
	struct yscalar s = {.type = YSCALAR_STR};
	char buf[80];

	if (n->kind == YNODE_SCALAR) {
		yscalar_resolve(n, &s);
	}
	if (s.type == YSCALAR_BOOL) {
		*ret = (int)s.i;
		return 0;
	}
	if (n->kind == YNODE_SCALAR && yscalar_is_old_bool(n)) {
		diag_node(l->d, n,
			  "'%s' must be true or false; '%s' is text in YAML 1.2", what,
			  n->text);
	} else {
		diag_node(l->d, n, "'%s' must be true or false, not %s", what,
			  ynode_describe(n, buf, sizeof(buf)));
	}
	return -ERR_INVALID;
}

int load_real(struct loader *l, const struct ynode *n, const char *what, double min,
	      double max, double *ret_real)
{
	struct yscalar s = {.type = YSCALAR_STR};
	char buf[80];

	if (n->kind == YNODE_SCALAR) {
		yscalar_resolve(n, &s);
	}
	if (s.type != YSCALAR_INT && s.type != YSCALAR_REAL) {
		diag_node(l->d, n, "'%s' must be a number, not %s", what,
			  ynode_describe(n, buf, sizeof(buf)));
		return -ERR_INVALID;
	}
	if (!(s.r >= min && s.r <= max)) {
		diag_node(l->d, n, "'%s' must be between %.15g and %.15g, not %s", what,
			  min, max, n->text);
		return -ERR_INVALID;
	}
	*ret_real = s.r;
	return 0;
}

static void load_int(struct loader *l, const struct ynode *n, const struct field *f,
		     int *ret_int)
{
	struct yscalar s = {.type = YSCALAR_STR};
	double real;
	char buf[80];

	if (n->kind == YNODE_SCALAR) {
		yscalar_resolve(n, &s);
	}
	if (s.type != YSCALAR_INT) {
		diag_node(l->d, n, "'%s' must be a whole number, not %s", f->name,
			  ynode_describe(n, buf, sizeof(buf)));
	} else if (load_real(l, n, f->name, f->min, f->max, &real) == 0) {
		*ret_int = (int)s.i;
	}
}

int load_text(struct loader *l, const struct ynode *n, const char *what,
	      char **ret_text)
{
	struct yscalar s = {.type = YSCALAR_NULL};
	char buf[80];

	if (n->kind == YNODE_SCALAR) {
		yscalar_resolve(n, &s);
	}
	if (n->kind != YNODE_SCALAR || s.type != YSCALAR_STR) {
		diag_node(l->d, n, "'%s' must be text, not %s%s", what,
			  ynode_describe(n, buf, sizeof(buf)),
			  n->kind == YNODE_SCALAR && s.type != YSCALAR_NULL
			      ? "; put it in quotes"
			      : "");
		return -ERR_INVALID;
	}
	if (strlen(n->text) != n->len) {
		diag_node(l->d, n, "'%s' must not contain a zero byte", what);
		return -ERR_INVALID;
	}
	free(*ret_text);
	*ret_text = xstrdup(n->text);
	return 0;
}

static const struct field *find_field(const struct field *fields, size_t count,
				      const char *name)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(fields[i].name, name) == 0) {
			return &fields[i];
		}
	}
	return NULL;
}

static void load_field(struct loader *l, const struct ynode *key,
		       const struct ynode *value, const struct field *f, void *obj)
{
	void *at = (char *)obj + f->offset;

	switch (f->type) {
	case FIELD_TEXT:
		(void)load_text(l, value, f->name, at);
		break;
	case FIELD_BOOL:
		(void)load_flag(l, value, f->name, at);
		break;
	case FIELD_INT:
		load_int(l, value, f, at);
		break;
	case FIELD_REAL:
		(void)load_real(l, value, f->name, f->min, f->max, at);
		break;
	case FIELD_FN:
		f->fn(l, value, obj);
		break;
	case FIELD_LATER:
		diag_node(l->d, key, "'%s' is not supported by this version yet",
			  f->name);
		break;
	}
}

void load_fields(struct loader *l, const struct ynode *map, const struct field *fields,
		 size_t count, const char *what, void *obj)
{
	const struct field *f;
	char buf[80];
	size_t i;

	if (map->kind != YNODE_MAP) {
		diag_node(l->d, map, "%s must be a mapping, not %s", what,
			  ynode_describe(map, buf, sizeof(buf)));
		return;
	}
	for (i = 0; i < map->count; i++) {
		f = find_field(fields, count, ymap_key(map, i)->text);
		if (f == NULL) {
			unknown_key(l, ymap_key(map, i), fields, count, what);
		} else {
			load_field(l, ymap_key(map, i), ymap_value(map, i), f, obj);
		}
	}
}

static int has_str(const struct plan_strs *strs, const char *s)
{
	size_t i;

	for (i = 0; i < strs->count; i++) {
		if (strcmp(strs->items[i], s) == 0) {
			return 1;
		}
	}
	return 0;
}

#define LOAD_MAX_STRS 200

int load_strs(struct loader *l, const struct ynode *n, const char *what,
	      struct plan_strs *strs)
{
	char buf[80];
	size_t i;

	if (n->kind != YNODE_SEQ) {
		diag_node(l->d, n, "'%s' must be a list of texts, not %s", what,
			  ynode_describe(n, buf, sizeof(buf)));
		return -ERR_INVALID;
	}
	if (n->count > LOAD_MAX_STRS) {
		diag_node(l->d, n, "'%s' must have at most %d items", what,
			  LOAD_MAX_STRS);
		return -ERR_INVALID;
	}
	for (i = 0; i < n->count; i++) {
		char *text = NULL;

		if (load_text(l, n->items[i], what, &text) < 0) {
			continue;
		}
		if (has_str(strs, text)) {
			free(text);
			continue;
		}
		strs->items =
		    xreallocarray(strs->items, strs->count + 1, sizeof(*strs->items));
		strs->items[strs->count++] = text;
	}
	return 0;
}

static void add_pending(struct loader *l, struct tmpl *t, const struct ynode *n,
			unsigned int roots)
{
	if (l->pending_count == l->pending_size) {
		l->pending_size = l->pending_size == 0 ? 64 : l->pending_size * 2;
		l->pending =
		    xreallocarray(l->pending, l->pending_size, sizeof(*l->pending));
	}
	l->pending[l->pending_count++] =
	    (struct pending){.tmpl = t, .node = n, .task = l->task, .roots = roots};
}

static struct tmpl *scalar_tmpl(struct loader *l, const struct ynode *n,
				unsigned int roots, int as_text)
{
	struct tmpl *t = NULL;
	struct yscalar s;
	struct error err;
	size_t at = 0;
	json_t *v;

	yscalar_resolve(n, &s);
	if (s.type == YSCALAR_NULL && as_text) {
		return tmpl_constant(json_string(""));
	}
	if (s.type != YSCALAR_STR && !as_text) {
		v = load_json(l, n);
		return v != NULL ? tmpl_constant(v) : NULL;
	}
	if (tmpl_parse(n->text, n->len, &t, &at, &err) < 0) {
		diag_add(l->d, diag_mark(l->d, n, at), 0, "%s", err.msg);
		return NULL;
	}
	if (tmpl_get_constant(t) == NULL) {
		add_pending(l, t, n, roots);
	}
	return t;
}

struct tmpl *load_tmpl(struct loader *l, const struct ynode *n, unsigned int roots)
{
	struct tmpl *all, *item;
	size_t i;

	if (n->kind == YNODE_SCALAR) {
		return scalar_tmpl(l, n, roots, 0);
	}
	all = n->kind == YNODE_SEQ ? tmpl_list() : tmpl_map();
	for (i = 0; i < n->count; i++) {
		item = load_tmpl(
		    l, n->kind == YNODE_SEQ ? n->items[i] : ymap_value(n, i), roots);
		if (item != NULL) {
			tmpl_add(all,
				 n->kind == YNODE_SEQ ? NULL : ymap_key(n, i)->text,
				 item);
		}
	}
	return all;
}

struct tmpl *load_text_tmpl(struct loader *l, const struct ynode *n, const char *what,
			    unsigned int roots)
{
	char buf[80];

	if (n->kind != YNODE_SCALAR) {
		diag_node(l->d, n, "'%s' must be text, not %s", what,
			  ynode_describe(n, buf, sizeof(buf)));
		return NULL;
	}
	if (strlen(n->text) != n->len) {
		diag_node(l->d, n, "'%s' must not contain a zero byte", what);
		return NULL;
	}
	return scalar_tmpl(l, n, roots, 1);
}

static int is_env_name(const char *s)
{
	return *s != '\0' && strspn(s, "0123456789") == 0 &&
	       s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			   "0123456789_")] == '\0';
}

/* Forgets the registration of a template that a task's own value replaces. */
static void drop_pending(struct loader *l, const struct tmpl *t)
{
	size_t i;

	for (i = l->pending_count; i > 0 && l->pending[i - 1].task == l->task; i--) {
		if (l->pending[i - 1].tmpl == t) {
			l->pending[i - 1].tmpl = NULL;
		}
	}
}

/* Takes T. */
static void set_env(struct loader *l, struct plan_pairs *env, const char *name,
		    struct tmpl *t)
{
	size_t k;

	for (k = 0; k < env->count; k++) {
		if (strcmp(env->items[k].name, name) == 0) {
			drop_pending(l, env->items[k].value);
			tmpl_free(env->items[k].value);
			env->items[k].value = t;
			return;
		}
	}
	env->items = xreallocarray(env->items, k + 1, sizeof(*env->items));
	env->items[k] = (struct plan_pair){.name = xstrdup(name), .value = t};
	env->count++;
}

void load_env(struct loader *l, const struct ynode *n, struct plan_pairs *env,
	      unsigned int roots)
{
	const struct ynode *key;
	struct tmpl *t;
	char buf[80];
	size_t i;

	if (n->kind != YNODE_MAP) {
		diag_node(l->d, n, "'env' must be a mapping, not %s",
			  ynode_describe(n, buf, sizeof(buf)));
		return;
	}
	if (n->count > LOAD_MAX_STRS) {
		diag_node(l->d, n, "'env' must have at most %d entries", LOAD_MAX_STRS);
		return;
	}
	for (i = 0; i < n->count; i++) {
		key = ymap_key(n, i);
		if (!is_env_name(key->text)) {
			diag_node(l->d, key, "'%.80s' cannot be the name of a variable",
				  key->text);
			continue;
		}
		t = load_text_tmpl(l, ymap_value(n, i), key->text, roots);
		if (t != NULL) {
			set_env(l, env, key->text, t);
		}
	}
}

struct name_tmpl *load_name(struct loader *l, const struct ynode *n)
{
	struct name_tmpl *name = NULL;
	struct error err;
	char *text = NULL;
	size_t at = 0;

	if (load_text(l, n, "the name template", &text) < 0) {
		return NULL;
	}
	if (name_parse(text, &name, &at, &err) < 0) {
		diag_add(l->d, diag_mark(l->d, n, at), 0, "%s", err.msg);
		name = NULL;
	}
	free(text);
	return name;
}

static json_t *scalar_json(struct loader *l, const struct ynode *n)
{
	struct yscalar s;
	json_t *v = NULL;

	yscalar_resolve(n, &s);
	switch (s.type) {
	case YSCALAR_NULL:
		return json_null();
	case YSCALAR_BOOL:
		return json_boolean(s.i);
	case YSCALAR_INT:
		return json_integer(s.i);
	case YSCALAR_REAL:
		v = json_real(s.r); /* NULL for infinity and NaN, which JSON lacks */
		break;
	case YSCALAR_STR:
		v = json_stringn(n->text, n->len);
		break;
	}
	if (v == NULL) {
		diag_node(l->d, n, "this value cannot be written as JSON");
	}
	return v;
}

json_t *load_json(struct loader *l, const struct ynode *n)
{
	json_t *all, *item;
	size_t i;

	if (n->kind == YNODE_SCALAR) {
		return scalar_json(l, n);
	}
	all = n->kind == YNODE_SEQ ? json_array() : json_object();
	for (i = 0; i < n->count; i++) {
		item =
		    load_json(l, n->kind == YNODE_SEQ ? n->items[i] : ymap_value(n, i));
		if (item == NULL) {
			json_decref(all);
			return NULL;
		}
		if (n->kind == YNODE_SEQ) {
			(void)json_array_append_new(all, item);
		} else {
			(void)json_object_set_new(all, ymap_key(n, i)->text, item);
		}
	}
	return all;
}
