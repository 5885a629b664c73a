/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - the walk: keywords in the schema's order, $ref, and the sentence for the
 * user.
 */
#include "api/routes/schema/check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes/schema/schema.h"
#include "api/routes/schema/text.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

/* A reference token of a JSON pointer: ~1 is '/', ~0 is '~', %25 and the like are rare.
 */
static char *pointer_token(const char *s, size_t len)
{
	char *out = xmalloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '~' && i + 1 < len &&
		    (s[i + 1] == '0' || s[i + 1] == '1')) {
			out[n++] = s[++i] == '0' ? '~' : '/';
		} else {
			out[n++] = s[i];
		}
	}
	out[n] = '\0';
	return out;
}

static const json_t *step(const json_t *at, const char *token)
{
	if (json_is_array(at)) {
		char *end;
		unsigned long i = strtoul(token, &end, 10);

		return *end == '\0' && *token != '\0' ? json_array_get(at, i) : NULL;
	}
	return json_object_get(at, token);
}

static const json_t *resolve(const json_t *root, const char *ref)
{
	const json_t *at = root;
	const char *s = ref + 1;

	if (ref[0] != '#') {
		return NULL;
	}
	while (at != NULL && *s != '\0') {
		size_t len;
		char *token;

		if (*s++ != '/') {
			return NULL;
		}
		len = strcspn(s, "/");
		token = pointer_token(s, len);
		at = step(at, token);
		free(token);
		s += len;
	}
	return at;
}

static void check_ref(const struct schema_at *at)
{
	const char *ref = json_string_value(at->want);
	const json_t *target = ref != NULL ? resolve(at->w->root, ref) : NULL;

	if (target == NULL) {
		if (at->w->unresolved == NULL) {
			at->w->unresolved = xstrdup(ref != NULL ? ref : "?");
		}
		return;
	}
	schema_check(at->w, at->value, target, at->path, at->out);
}

static const struct schema_keyword ref_keywords[] = {
    {"$ref", check_ref},
    {"$dynamicRef", check_ref},
    {NULL, NULL},
};

static const struct schema_keyword *const tables[] = {
    schema_scalar_keywords, schema_object_keywords, schema_array_keywords,
    schema_choice_keywords, ref_keywords,
};

static schema_keyword_fn find_keyword(const char *name)
{
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (const struct schema_keyword *k = tables[t]; k->name != NULL; k++) {
			if (strcmp(k->name, name) == 0) {
				return k->check;
			}
		}
	}
	return NULL;
}

void schema_check(struct schema_walk *w, const json_t *value, const json_t *schema,
		  const struct schema_path *path, struct schema_list *out)
{
	struct schema_at at = {
	    .w = w,
	    .value = value,
	    .schema = schema,
	    .path = path,
	    .out = out,
	};
	const char *name;
	json_t *want;

	if (w->circular || ++w->steps > SCHEMA_STEPS_MAX ||
	    w->depth >= SCHEMA_DEPTH_MAX) {
		w->circular = 1;
		return;
	}
	if (json_is_false(schema)) {
		struct buf b;

		buf_init(&b);
		buf_adds(&b, "False schema does not allow ");
		schema_text(&b, value);
		(void)schema_problem_take(&at, buf_take(&b, NULL));
		buf_release(&b);
		return;
	}
	w->depth++;
	json_object_foreach ((json_t *)(uintptr_t)schema, name, want) {
		schema_keyword_fn check = find_keyword(name);

		w->steps++;
		if (check != NULL) {
			at.want = want;
			check(&at);
		}
	}
	w->depth--;
}

int schema_is_valid(struct schema_walk *w, const json_t *value, const json_t *schema)
{
	struct schema_list l = {0};
	int valid;

	schema_check(w, value, schema, NULL, &l);
	valid = l.count == 0;
	schema_list_release(&l);
	return valid;
}

static int tell(const struct schema_walk *w, const struct schema_list *l,
		struct error *err)
{
	const struct schema_problem *p;
	struct buf where;
	char *path;
	int rc;

	if (w->circular) {
		return err_set(err, ERR_LIMIT,
			       "Invalid schema: Unable to validate schema with "
			       "circular references.");
	}
	if (w->unresolved != NULL) {
		return err_set(err, ERR_INVALID,
			       "Validation failed. Failure reason: PointerToNowhere: "
			       "'%s' does not exist",
			       w->unresolved);
	}
	p = schema_best(l);
	if (p == NULL) {
		return 0;
	}
	if (p->where[0] == '\0') {
		return err_set(err, ERR_INVALID,
			       "Validation failed. Failure reason: %s", p->message);
	}
	/* as Python writes a path: with a name in brackets first it begins at "$" */
	buf_init(&where);
	path = xasprintf("%s%s", p->where[0] == '[' ? "$" : "", p->where);
	schema_text_str(&where, path, strlen(path));
	rc = err_set(err, ERR_INVALID,
		     "Validation failed for field %s. Failure reason: %s", where.data,
		     p->message);
	free(path);
	buf_release(&where);
	return rc;
}

int schema_validate(const json_t *value, const json_t *schema, unsigned int flags,
		    struct error *err)
{
	json_t *mended = schema_preprocessed(schema, flags);
	struct schema_walk w = {.root = mended, .flags = flags};
	struct schema_list l = {0};
	int rc = 0;

	if (mended != NULL) {
		schema_check(&w, value, mended, NULL, &l);
		rc = tell(&w, &l, err);
	}
	schema_list_release(&l);
	free(w.unresolved);
	json_decref(mended);
	return rc;
}

int schema_each_problem(const json_t *value, const json_t *schema, schema_problem_fn fn,
			void *arg, struct error *err)
{
	json_t *mended = schema_preprocessed(schema, 0);
	struct schema_walk w = {.root = mended};
	struct schema_list l = {0};
	int rc = 0;

	if (mended != NULL) {
		schema_check(&w, value, mended, NULL, &l);
	}
	if (w.circular || w.unresolved != NULL) {
		rc = tell(&w, &l, err);
	}
	for (size_t i = 0; rc == 0 && i < l.count; i++) {
		fn(l.items[i].where, l.items[i].message, arg);
	}
	schema_list_release(&l);
	free(w.unresolved);
	json_decref(mended);
	return rc;
}
