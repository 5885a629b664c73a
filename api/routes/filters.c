/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filters.c - walks a filter object along its table: problems to one side, fragments
 * with bound values to the other.
 *
 * Null members are absent.  A sub-filter whose members are all absent is TRUE, which is
 * what an empty group of the predicate is.
 */
#include "api/routes/filters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/pred.h"
#include "api/events/text_query.h"
#include "api/http/http.h"
#include "api/routes/decode_priv.h"
#include "api/routes/filters_priv.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "proto/frame.h"

static const char *const operators[] = {"and_", "or_", NULL};
static const char *const state_types[] = {
    "SCHEDULED", "PENDING", "RUNNING", "COMPLETED",  "FAILED",
    "CANCELLED", "CRASHED", "PAUSED",  "CANCELLING", NULL};
static const char *const worker_states[] = {"ONLINE", "OFFLINE", NULL};

struct walk {
	struct db_pred *p;
	struct http_invalid *v;
};

/* One scalar through the decoder of request bodies, so that its problems read the same.
 */
static int scalar(const struct walk *w, enum field_type type,
		  const char *const *choices, json_t *value, const char *loc, void *out)
{
	struct field f = {.name = "value", .type = type, .choices = choices};
	struct decode_at at = {
	    .f = &f, .value = value, .loc = loc, .out = out, .v = w->v};
	size_t before = http_invalid_count(w->v);

	decode_value(&at);
	return http_invalid_count(w->v) == before;
}

static int item_arg(const struct walk *w, const struct filter_node *n, json_t *value,
		    const char *loc, struct db_arg *ret)
{
	char text[UUID_TEXT_SIZE];
	const char *s = NULL;
	struct uuid id;

	switch ((int)n->type) {
	case N_UUIDS:
		if (!scalar(w, F_UUID, NULL, value, loc, &id)) {
			return 0;
		}
		*ret = db_a_blob(xmemdup(id.b, sizeof(id.b)), sizeof(id.b));
		return 1;
	case N_UUID_TEXTS:
		if (!scalar(w, F_UUID, NULL, value, loc, &id)) {
			return 0;
		}
		*ret = db_a_text(xstrdup(uuid_format(&id, text)));
		return 1;
	case N_STATES:
		if (!scalar(w, F_STR, state_types, value, loc, &s)) {
			return 0;
		}
		*ret = db_a_int(state_type_parse(s));
		return 1;
	case N_WORKER_STATES:
		if (!scalar(w, F_STR, worker_states, value, loc, &s)) {
			return 0;
		}
		break;
	default:
		if (!scalar(w, F_STR, NULL, value, loc, &s)) {
			return 0;
		}
		break;
	}
	*ret = db_a_textn(xmemdup(s, json_string_length(value) + 1),
			  json_string_length(value));
	return 1;
}

static void free_args(struct db_arg *args, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		free((void *)(uintptr_t)args[i].p);
	}
	free(args);
}

/* Each prefix is a LIKE of its own; their wildcards are escaped. */
static void add_prefixes(const struct walk *w, const struct filter_node *n,
			 const struct db_arg *args, size_t count)
{
	struct db_arg arg;
	struct buf b;
	size_t i, k;

	if (count == 0) {
		pred_add_false(w->p);
		return;
	}
	buf_init(&b);
	pred_open(w->p, 1);
	for (i = 0; i < count; i++) {
		const char *s = args[i].p;

		buf_reset(&b);
		for (k = 0; k < args[i].len; k++) {
			if (s[k] == '%' || s[k] == '_' || s[k] == '\\') {
				buf_addc(&b, '\\');
			}
			buf_addc(&b, s[k]);
		}
		buf_addc(&b, '%');
		arg = db_a_textn(b.data, b.len);
		pred_add(w->p, n->frag, &arg, 1);
	}
	pred_close(w->p);
	buf_release(&b);
}

static void add_list(const struct walk *w, const struct filter_node *n,
		     const struct db_arg *args, size_t count)
{
	if (count == 0 && (n->flags & NODE_EMPTY_TRUE) != 0) {
		return;
	}
	if (n->type == N_PREFIXES) {
		add_prefixes(w, n, args, count);
	} else {
		pred_add_list(w->p, n->frag, args, count);
	}
}

static void walk_list(const struct walk *w, const struct filter_node *n, json_t *value,
		      const char *loc)
{
	size_t before = http_invalid_count(w->v);
	size_t count = 0, i;
	char at[DECODE_LOC_MAX], index[24];
	struct db_arg *args;
	json_t *item;

	if (!json_is_array(value)) {
		http_invalid_add(w->v, "list_type", loc, value,
				 "Input should be a valid list");
		return;
	}
	args = xcalloc(json_array_size(value) + 1, sizeof(*args));
	json_array_foreach (value, i, item) {
		(void)snprintf(index, sizeof(index), "%zu", i);
		decode_join(at, sizeof(at), loc, index);
		count += (size_t)item_arg(w, n, item, at, &args[count]);
	}
	if (http_invalid_count(w->v) == before) {
		add_list(w, n, args, count);
	}
	free_args(args, count);
}

/* A list of tags is bound as one JSON value. */
static void walk_tags(const struct walk *w, const struct filter_node *n, json_t *value,
		      const char *loc)
{
	json_t *tags = NULL;
	struct db_arg arg;
	char *text;

	if (!scalar(w, F_TAGS, NULL, value, loc, &tags)) {
		return;
	}
	if (json_array_size(tags) == 0) {
		if (n->type == N_TAGS_ANY) {
			pred_add_false(w->p);
		}
		return;
	}
	text = json_text(tags);
	arg = db_a_text(text);
	pred_add(w->p, n->frag, &arg, 1);
	free(text);
}

static void walk_like(const struct walk *w, const struct filter_node *n, json_t *value,
		      const char *loc)
{
	const char *s = NULL;
	struct db_arg arg;
	char *pattern;

	if (!scalar(w, F_STR, NULL, value, loc, &s) || *s == '\0') {
		return;
	}
	pattern = xasprintf("%%%s%%", s);
	arg = db_a_text(pattern);
	pred_add(w->p, n->frag, &arg, 1);
	free(pattern);
}

static void add_term(const struct walk *w, enum sql_frag frag, const char *term)
{
	struct db_arg arg;
	struct buf b;

	buf_init(&b);
	buf_addc(&b, '%');
	for (; *term != '\0'; term++) {
		if (*term == '%' || *term == '_' || *term == '\\') {
			buf_addc(&b, '\\');
		}
		buf_addc(&b, *term);
	}
	buf_addc(&b, '%');
	arg = db_a_textn(b.data, b.len);
	pred_add(w->p, frag, &arg, 1);
	buf_release(&b);
}

static void walk_text_query(const struct walk *w, const struct filter_node *n,
			    json_t *value, const char *loc)
{
	struct field f = {
	    .name = "query", .type = F_STR, .flags = F_NOT_NULL, .max = TEXT_QUERY_MAX};
	const char *s = NULL;
	struct decode_at at = {
	    .f = &f, .value = value, .loc = loc, .out = &s, .v = w->v};
	size_t before = http_invalid_count(w->v);
	struct text_query q;
	size_t i;

	decode_value(&at);
	if (http_invalid_count(w->v) != before) {
		return;
	}
	text_query_parse(&q, s);
	pred_open(w->p, 0);
	for (i = 0; i < q.count; i++) {
		if (q.terms[i].kind != TEXT_ANY) {
			add_term(w,
				 q.terms[i].kind == TEXT_REQUIRED ? n->frag
								  : n->frag_else,
				 q.terms[i].text);
		}
	}
	if (q.any_count > 0) {
		pred_open(w->p, 1);
		for (i = 0; i < q.count; i++) {
			if (q.terms[i].kind == TEXT_ANY) {
				add_term(w, n->frag, q.terms[i].text);
			}
		}
		pred_close(w->p);
	}
	pred_close(w->p);
	text_query_release(&q);
}

static void walk_leaf(const struct walk *w, const struct filter_node *n, json_t *value,
		      const char *loc)
{
	struct db_arg arg;
	int64_t i = 0;
	int flag = 0;

	switch (n->type) {
	case N_UUIDS:
	case N_UUID_TEXTS:
	case N_TEXTS:
	case N_STATES:
	case N_WORKER_STATES:
	case N_PREFIXES:
		walk_list(w, n, value, loc);
		return;
	case N_TAGS_ALL:
	case N_TAGS_ANY:
		walk_tags(w, n, value, loc);
		return;
	case N_LIKE:
		walk_like(w, n, value, loc);
		return;
	case N_TEXT_QUERY:
		walk_text_query(w, n, value, loc);
		return;
	case N_BOOL:
		if (scalar(w, F_BOOL, NULL, value, loc, &flag)) {
			pred_add(w->p, flag ? n->frag : n->frag_else, NULL, 0);
		}
		return;
	case N_INT:
	case N_TIME:
		if (scalar(w, n->type == N_INT ? F_INT : F_TIME, NULL, value, loc,
			   &i)) {
			arg = db_a_int(i);
			pred_add(w->p, n->frag, &arg, 1);
		}
		return;
	case N_IGNORED:
		return;
	case N_GROUP:
		break;
	}
	BUG("filter node %s is no leaf", n->name);
}

static const struct filter_node *find_node(const struct filter_node *nodes,
					   const char *key)
{
	for (; nodes->name != NULL; nodes++) {
		if (strcmp(nodes->name, key) == 0) {
			return nodes;
		}
	}
	return NULL;
}

/* Reads "operator"; unknown keys are problems. */
static int check_keys(const struct walk *w, const struct filter_node *nodes,
		      unsigned int flags, json_t *obj, const char *loc)
{
	const char *op = "and_";
	char at[DECODE_LOC_MAX];
	const char *key;
	json_t *value;

	json_object_foreach (obj, key, value) {
		decode_join(at, sizeof(at), loc, key);
		if ((flags & NODE_OPERATOR) != 0 && strcmp(key, "operator") == 0) {
			(void)scalar(w, F_STR, operators, value, at, &op);
		} else if (find_node(nodes, key) == NULL) {
			http_invalid_add(w->v, "extra_forbidden", at, value,
					 "Extra inputs are not permitted");
		}
	}
	return strcmp(op, "or_") == 0;
}

static int is_given(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);

	return v != NULL && !json_is_null(v);
}

static void walk_node(const struct walk *w, const struct filter_node *n, json_t *value,
		      const char *loc);

/* What a group adds beside its members; 1: its members do not count. */
static int group_special(const struct walk *w, const struct filter_node *n,
			 const json_t *obj)
{
	if ((n->flags & NODE_XOR) != 0 && is_given(obj, "any_") &&
	    json_array_size(json_object_get(obj, "not_any_")) > 0) {
		return 1;
	}
	if ((n->flags & NODE_HAS_PARENT) != 0 && !is_given(obj, "any_") &&
	    json_object_get(obj, "is_null_") == NULL) {
		pred_add(w->p, n->frag, NULL, 0);
	}
	return 0;
}

static void walk_members(const struct walk *w, const struct filter_node *group,
			 json_t *obj, const char *loc)
{
	/* beside a list "is_null_": false is what it is without being said */
	int listed = (group->flags & NODE_HAS_PARENT) != 0 && is_given(obj, "any_");
	const struct filter_node *nodes = group->members;
	char at[DECODE_LOC_MAX];

	for (; nodes->name != NULL; nodes++) {
		json_t *value = json_object_get(obj, nodes->name);

		if (listed && json_is_false(value)) {
			continue;
		}

		if (value == NULL && (nodes->flags & NODE_HIDE_DEFAULT) != 0) {
			pred_add(w->p, nodes->frag, NULL, 0);
		}
		decode_join(at, sizeof(at), loc, nodes->name);
		if (value == NULL && nodes->type == N_TEXT_QUERY) {
			http_invalid_add(w->v, "missing", at, obj, "Field required");
		}
		if (value == NULL ||
		    (json_is_null(value) && nodes->type != N_TEXT_QUERY)) {
			continue;
		}
		walk_node(w, nodes, value, at);
	}
}

static void walk_node(const struct walk *w, const struct filter_node *n, json_t *value,
		      const char *loc)
{
	int is_or;

	if (n->type != N_GROUP) {
		walk_leaf(w, n, value, loc);
		return;
	}
	if (!json_is_object(value)) {
		decode_not_an_object(loc, value, w->v);
		return;
	}
	is_or = check_keys(w, n->members, n->flags, value, loc);
	pred_open(w->p, is_or);
	if (!group_special(w, n, value)) {
		walk_members(w, n, value, loc);
	}
	pred_close(w->p);
}

static const struct filter_entity *entity_get(enum entity ent)
{
	const struct filter_entity *e = filter_entity_runs(ent);

	return e != NULL ? e : filter_entity_other(ent);
}

size_t filter_add(struct db_pred *p, const json_t *filter, enum entity entity,
		  const char *loc, struct http_invalid *v)
{
	const struct filter_entity *e = entity_get(entity);
	struct filter_node root = {.name = "", .type = N_GROUP};
	struct walk w = {.p = p, .v = v};
	size_t before = http_invalid_count(v);

	if (e == NULL) {
		BUG("entity %d has no filter", (int)entity);
	}
	root.members = e->nodes;
	root.flags = e->flags;
	walk_node(&w, &root, (json_t *)(uintptr_t)filter, loc);
	return http_invalid_count(v) - before;
}

static int relation_given(const json_t *body, const struct filter_relation *rel)
{
	const struct filter_relation *in;

	if (is_given(body, rel->key)) {
		return 1;
	}
	for (in = rel->inside; in != NULL && in->key != NULL; in++) {
		if (relation_given(body, in)) {
			return 1;
		}
	}
	return 0;
}

/* The list of {"id": {"any_": list}}, when that is all a filter says. */
static json_t *only_ids(const json_t *filter)
{
	const json_t *id = json_object_get(filter, "id");
	json_t *any = json_object_get(id, "any_"), *v;
	const char *key;

	json_object_foreach ((json_t *)(uintptr_t)filter, key, v) {
		if (strcmp(key, "id") != 0 && !json_is_null(v)) {
			return NULL;
		}
	}
	json_object_foreach ((json_t *)(uintptr_t)id, key, v) {
		if (strcmp(key, "any_") != 0 && !json_is_null(v)) {
			return NULL;
		}
	}
	return json_is_array(any) ? any : NULL;
}

/* Runs of flows, task runs of flow runs by id: the column is asked, so that an index
 * leads.  1: done. */
static int add_by_column(struct db_pred *p, const json_t *body,
			 const struct filter_relation *rel, struct http_invalid *v)
{
	const struct filter_node node = {
	    .name = "any_",
	    .type = N_UUIDS,
	    .frag = rel->exists == FRAG_X_FR_F ? FRAG_FR_FLOW_ANY : FRAG_TR_RUN_ANY,
	};
	const struct filter_relation *in;
	struct walk w = {.p = p, .v = v};
	char loc[DECODE_LOC_MAX];
	json_t *ids = only_ids(json_object_get(body, rel->key));

	if (ids == NULL ||
	    (rel->exists != FRAG_X_FR_F && rel->exists != FRAG_X_TR_FR)) {
		return 0;
	}
	for (in = rel->inside; in != NULL && in->key != NULL; in++) {
		if (relation_given(body, in)) {
			return 0;
		}
	}
	decode_join(loc, sizeof(loc), rel->key, "id.any_");
	walk_node(&w, &node, ids, loc);
	return 1;
}

static void add_relations(struct db_pred *p, const json_t *body,
			  const struct filter_relation *rel, struct http_invalid *v)
{
	for (; rel != NULL && rel->key != NULL; rel++) {
		if (!relation_given(body, rel) || add_by_column(p, body, rel, v)) {
			continue;
		}
		pred_open_in(p, rel->exists, 0);
		if (is_given(body, rel->key)) {
			(void)filter_add(p, json_object_get(body, rel->key),
					 rel->entity, rel->key, v);
		}
		add_relations(p, body, rel->inside, v);
		pred_close(p);
	}
}

int filter_decode(const json_t *body, enum entity target, struct db_pred **ret,
		  struct http_invalid *v)
{
	const struct filter_entity *e = entity_get(target);
	size_t before = http_invalid_count(v);
	struct db_pred *p = pred_new();
	json_t *empty = NULL;

	if (e != NULL && is_given(body, e->key)) {
		(void)filter_add(p, json_object_get(body, e->key), target, e->key, v);
	} else if (e != NULL && target == ENT_BLOCK_DOCUMENT) {
		empty = json_object();
		(void)filter_add(p, empty, target, e->key, v);
		json_decref(empty);
	}
	if (e != NULL) {
		add_relations(p, body, e->relations, v);
	}
	if (http_invalid_count(v) != before) {
		pred_free(p);
		return -ERR_INVALID;
	}
	*ret = p;
	return 0;
}
