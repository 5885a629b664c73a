/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placeholder.c - one walk over a JSON value, with a resolver per kind of placeholder.
 */
#include "worker/placeholder.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/opts.h"

#define BLOCKS    "prefect.blocks."
#define VARIABLES "prefect.variables."
#define NAME_CHARS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-[]$"
#define DEPTH_MAX 64

/* What a resolver makes of one placeholder. */
enum outcome { KEEP = 0, VALUE, ABSENT };

/* *ret_value: a new reference for VALUE.  A negative code ends the walk. */
typedef int (*resolve_fn)(const char *name, int whole, const void *arg,
			  json_t **ret_value, struct error *err);

struct walk {
	resolve_fn resolve;
	const void *arg;
	int refs; /* resolve {"$ref": {"block_document_id": ID}} too */
};

/* The placeholder at P ("{{"): its name, owned, and its end.  NULL: not one. */
static char *placeholder_at(const char *p, const char **ret_end)
{
	const char *from = p + 2, *to;
	size_t len;

	from += strspn(from, " \t");
	len = strspn(from, NAME_CHARS);
	to = from + len;
	to += strspn(to, " \t");
	if (len == 0 || to[0] != '}' || to[1] != '}') {
		return NULL;
	}
	*ret_end = to + 2;
	return xstrndup(from, len);
}

static void add_text(struct buf *out, const json_t *v)
{
	char *text;

	if (json_is_string(v)) {
		buf_add(out, json_string_value(v), json_string_length(v));
	} else if (json_is_true(v) || json_is_false(v)) {
		buf_adds(out, json_is_true(v) ? "True" : "False");
	} else if (json_is_null(v)) {
		buf_adds(out, "None");
	} else {
		text = json_text(v);
		buf_adds(out, text);
		free(text);
	}
}

/* *ret_json NULL: the value is absent. */
static int walk_string(const struct walk *w, const char *s, json_t **ret_json,
		       struct error *err)
{
	const char *whole_start = s;
	struct buf out;
	int rc = 0, is_whole = 0;

	*ret_json = NULL;
	buf_init(&out);
	while (*s != '\0') {
		const char *at = strstr(s, "{{"), *end = NULL;
		char *name = at != NULL ? placeholder_at(at, &end) : NULL;
		json_t *v = NULL;

		if (at == NULL) {
			buf_adds(&out, s);
			break;
		}
		if (name == NULL) {
			buf_add(&out, s, (size_t)(at + 2 - s));
			s = at + 2;
			continue;
		}
		is_whole = at == whole_start && *end == '\0';
		buf_add(&out, s, (size_t)(at - s));
		rc = w->resolve(name, is_whole, w->arg, &v, err);
		free(name);
		if (rc < 0) {
			goto out;
		}
		if (is_whole && rc != KEEP) {
			*ret_json = v; /* typed; NULL when absent */
			rc = 0;
			goto out;
		}
		if (rc == KEEP) {
			buf_add(&out, at, (size_t)(end - at));
		} else if (rc == VALUE) {
			add_text(&out, v);
		}
		json_decref(v);
		s = end;
	}
	*ret_json = json_stringn(out.data, out.len);
	rc = 0;
out:
	buf_release(&out);
	return rc;
}

static int walk_value(const struct walk *w, const json_t *v, int depth,
		      json_t **ret_json, struct error *err);

/* {"$ref": {"block_document_id": ID}}: the block's data. */
static int is_ref(const struct walk *w, const json_t *v, json_t **ret_json,
		  struct error *err)
{
	const json_t *ref = json_object_get(v, "$ref");
	const char *id = json_string_value(json_object_get(ref, "block_document_id"));
	char *key;
	int rc;

	if (!w->refs || id == NULL) {
		return 0;
	}
	key = xasprintf("id:%s", id);
	rc = w->resolve(key, 1, w->arg, ret_json, err);
	free(key);
	return rc;
}

static int walk_items(const struct walk *w, const json_t *v, int depth, json_t *out,
		      struct error *err)
{
	const char *key;
	size_t i;
	json_t *each, *done;
	int rc;

	json_object_foreach ((json_t *)(uintptr_t)v, key, each) {
		rc = walk_value(w, each, depth + 1, &done, err);
		if (rc < 0) {
			return rc;
		}
		if (done != NULL) {
			json_object_set_new(out, key, done);
		}
	}
	json_array_foreach (v, i, each) {
		rc = walk_value(w, each, depth + 1, &done, err);
		if (rc < 0) {
			return rc;
		}
		if (done != NULL) {
			json_array_append_new(out, done);
		}
	}
	return 0;
}

static int walk_value(const struct walk *w, const json_t *v, int depth,
		      json_t **ret_json, struct error *err)
{
	json_t *out;
	int rc;

	if (depth > DEPTH_MAX) {
		return err_set(err, ERR_INVALID, "nested deeper than %d", DEPTH_MAX);
	}
	if (json_is_string(v)) {
		return walk_string(w, json_string_value(v), ret_json, err);
	}
	if (!json_is_object(v) && !json_is_array(v)) {
		*ret_json = v != NULL ? json_deep_copy(v) : NULL;
		return 0;
	}
	rc = is_ref(w, v, ret_json, err);
	if (rc != 0) {
		return rc < 0 ? rc : 0;
	}
	out = json_is_object(v) ? json_object() : json_array();
	rc = walk_items(w, v, depth, out, err);
	if (rc < 0) {
		json_decref(out);
		return rc;
	}
	*ret_json = out;
	return 0;
}

static int is_reference(const char *name)
{
	return name[0] == '$' || strncmp(name, BLOCKS, strlen(BLOCKS)) == 0 ||
	       strncmp(name, VARIABLES, strlen(VARIABLES)) == 0;
}

/* "a.b[2].c" in ROOT; borrowed, or NULL. */
static json_t *by_path(const json_t *root, const char *path)
{
	json_t *v = (json_t *)(uintptr_t)root;

	while (v != NULL && *path != '\0') {
		if (*path == '[') {
			char *end;
			long n = strtol(path + 1, &end, 10);

			if (*end != ']' || n < 0) {
				return NULL;
			}
			v = json_array_get(v, (size_t)n);
			path = end + 1;
		} else {
			size_t len = strcspn(path, ".[");
			char *key = xstrndup(path, len);

			v = json_object_get(v, key);
			free(key);
			path += len;
		}
		path += *path == '.';
	}
	return v;
}

struct fill_arg {
	const json_t *values;
	unsigned int flags;
};

static int resolve_path(const char *name, int whole, const void *arg,
			json_t **ret_value, struct error *err)
{
	const struct fill_arg *a = arg;
	json_t *v;

	(void)err;
	if (is_reference(name)) {
		return (a->flags & PLACEHOLDER_KEEP_REFS) != 0 ? KEEP : ABSENT;
	}
	v = by_path(a->values, name);
	if (v == NULL) {
		return !whole && (a->flags & PLACEHOLDER_KEEP_UNSET) != 0 ? KEEP
									  : ABSENT;
	}
	*ret_value = json_deep_copy(v);
	return VALUE;
}

int placeholder_fill(const json_t *v, const json_t *values, unsigned int flags,
		     json_t **ret_json, struct error *err)
{
	const struct fill_arg a = {values, flags};
	const struct walk w = {.resolve = resolve_path, .arg = &a};

	return walk_value(&w, v, 0, ret_json, err);
}

/* "slug.name[.path]" behind prefect.blocks. to the key "slug/name"; owned. */
static char *block_key(const char *rest, const char **ret_path)
{
	const char *dot = strchr(rest, '.');
	const char *end;

	if (dot == NULL) {
		return NULL;
	}
	end = dot + 1 + strcspn(dot + 1, ".[");
	*ret_path = *end == '.' ? end + 1 : end;
	return xasprintf("%.*s/%.*s", (int)(dot - rest), rest, (int)(end - dot - 1),
			 dot + 1);
}

static int resolve_block(const char *name, int whole, const void *arg,
			 json_t **ret_value, struct error *err)
{
	const json_t *blocks = arg, *data, *v;
	const char *path = "";
	char *key;

	if (strncmp(name, "id:", 3) == 0) {
		key = xstrdup(name);
	} else if (strncmp(name, BLOCKS, strlen(BLOCKS)) == 0) {
		key = block_key(name + strlen(BLOCKS), &path);
	} else {
		return KEEP;
	}
	if (key == NULL) {
		return err_set(err, ERR_INVALID,
			       "'%s' is not a block: expected prefect.blocks.TYPE.NAME",
			       name);
	}
	data = json_object_get(blocks, key);
	if (data == NULL) {
		int rc = err_set(err, ERR_NOT_FOUND,
				 "block document '%s' does not exist", key);

		free(key);
		return rc;
	}
	free(key);
	if (json_object_size(data) == 1 && json_object_get(data, "value") != NULL &&
	    path[0] == '\0') {
		data = json_object_get(data, "value");
	}
	v = by_path(data, path);
	if (v == NULL) {
		return err_set(err, ERR_NOT_FOUND, "'%s' is not in the block document",
			       name);
	}
	if (!whole && (json_is_object(v) || json_is_array(v))) {
		return err_set(
		    err, ERR_INVALID,
		    "'%s' is an object or a list and cannot stand inside of text",
		    name);
	}
	*ret_value = json_deep_copy(v);
	return VALUE;
}

int placeholder_blocks(const json_t *v, const json_t *blocks, json_t **ret_json,
		       struct error *err)
{
	const struct walk w = {.resolve = resolve_block, .arg = blocks, .refs = 1};

	return walk_value(&w, v, 0, ret_json, err);
}

static int resolve_variable(const char *name, int whole, const void *arg,
			    json_t **ret_value, struct error *err)
{
	const json_t *variables = arg;
	json_t *v;

	(void)whole;
	(void)err;
	if (name[0] == '$') {
		const char *env = opts_env(name + 1);

		*ret_value = env != NULL ? json_string(env) : NULL;
		return env != NULL ? VALUE : KEEP;
	}
	if (strncmp(name, VARIABLES, strlen(VARIABLES)) != 0) {
		return KEEP;
	}
	v = json_object_get(variables, name + strlen(VARIABLES));
	*ret_value = v != NULL ? json_deep_copy(v) : json_string("");
	return VALUE;
}

int placeholder_variables(const json_t *v, const json_t *variables, json_t **ret_json,
			  struct error *err)
{
	const struct walk w = {.resolve = resolve_variable, .arg = variables};

	return walk_value(&w, v, 0, ret_json, err);
}

struct refs_arg {
	json_t *variables, *blocks;
};

static void add_once(json_t *list, const char *text)
{
	size_t i;
	json_t *each;

	json_array_foreach (list, i, each) {
		if (strcmp(json_string_value(each), text) == 0) {
			return;
		}
	}
	json_array_append_new(list, json_string(text));
}

static int note_ref(const char *name, int whole, const void *arg, json_t **ret_value,
		    struct error *err)
{
	const struct refs_arg *a = arg;
	const char *path;
	char *key;

	(void)whole;
	(void)ret_value;
	(void)err;
	if (strncmp(name, VARIABLES, strlen(VARIABLES)) == 0) {
		add_once(a->variables, name + strlen(VARIABLES));
	} else if (strncmp(name, BLOCKS, strlen(BLOCKS)) == 0) {
		key = block_key(name + strlen(BLOCKS), &path);
		if (key != NULL) {
			add_once(a->blocks, key);
		}
		free(key);
	} else if (strncmp(name, "id:", 3) == 0) {
		add_once(a->blocks, name);
	}
	return KEEP;
}

int placeholder_refs(const json_t *v, json_t *variables, json_t *blocks,
		     struct error *err)
{
	const struct refs_arg a = {variables, blocks};
	const struct walk w = {.resolve = note_ref, .arg = &a, .refs = 1};
	json_t *copy = NULL;
	int rc = walk_value(&w, v, 0, &copy, err);

	json_decref(copy);
	return rc;
}
