/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.c - which triggers could want an event: by resource id, name, prefix of the
 * name.
 *
 * A trigger stands under the resource ids that it demands when they are plain texts,
 * else under each of its names (or what stands before their first wildcard).
 */
#include <stdlib.h>
#include <string.h>

#include "api/triggers/match.h"
#include "api/triggers/triggers_priv.h"
#include "base/compiler.h"
#include "base/mem.h"

#define ID "prefect.resource.id"

static void list_add(struct index_list *l, struct node *n)
{
	if (l->count == l->size) {
		l->size = l->size == 0 ? 4 : l->size * 2;
		l->nodes = xreallocarray(l->nodes, l->size, sizeof(struct node *));
	}
	l->nodes[l->count++] = n;
}

static void list_remove(struct index_list *l, const struct node *n)
{
	size_t i;

	for (i = 0; i < l->count; i++) {
		if (l->nodes[i] == n) {
			l->nodes[i] = l->nodes[--l->count];
			return;
		}
	}
}

static void key_add(struct map *m, const char *key, size_t len, struct node *n)
{
	struct index_list *l = map_get_n(m, key, len);

	if (l == NULL) {
		l = xcalloc(1, sizeof(*l));
		(void)map_set_n(m, key, len, l, NULL);
	}
	list_add(l, n);
}

static void key_remove(struct map *m, const char *key, size_t len, const struct node *n)
{
	struct index_list *l = map_get_n(m, key, len);

	if (l == NULL) {
		return;
	}
	list_remove(l, n);
	if (l->count == 0) {
		(void)map_remove_n(m, key, len);
		free(l->nodes);
		free(l);
	}
}

void index_init(struct index *x)
{
	memset(x, 0, sizeof(*x));
	map_init(&x->by_resource, 0);
	map_init(&x->by_name, 0);
	map_init(&x->by_prefix, 0);
}

static void map_drop(struct map *m)
{
	for (struct map_iter i = {0}; map_next(m, &i);) {
		free(((struct index_list *)i.value)->nodes);
		free(i.value);
	}
	map_release(m);
}

void index_release(struct index *x)
{
	map_drop(&x->by_resource);
	map_drop(&x->by_name);
	map_drop(&x->by_prefix);
	free(x->all.nodes);
}

static int is_plain(const char *s)
{
	return *s != '!' && s[match_literal(s)] == '\0';
}

/* The demanded resource ids when all of them are plain texts. */
static int plain_ids(const json_t *match, json_t **ret_ids)
{
	json_t *v = json_object_get(match, ID), *item;
	size_t i;

	*ret_ids = v;
	if (json_is_string(v)) {
		return is_plain(json_string_value(v));
	}
	json_array_foreach (v, i, item) {
		if (!is_plain(json_string_value(item))) {
			return 0;
		}
	}
	return json_array_size(v) > 0;
}

static void one_key(struct map *m, const char *key, size_t len, struct node *n, int add)
{
	if (add) {
		key_add(m, key, len, n);
	} else {
		key_remove(m, key, len, n);
	}
}

static void by_ids(struct index *x, struct node *n, const json_t *ids, int add)
{
	json_t *item;
	size_t i;

	if (json_is_string(ids)) {
		one_key(&x->by_resource, json_string_value(ids),
			json_string_length(ids), n, add);
		return;
	}
	json_array_foreach (ids, i, item) {
		one_key(&x->by_resource, json_string_value(item),
			json_string_length(item), n, add);
	}
}

static void by_names(struct index *x, struct node *n, const json_t *names, int add)
{
	json_t *item;
	size_t i;

	json_array_foreach (names, i, item) {
		const char *s = json_string_value(item);
		size_t len = match_literal(s);

		if (s[len] == '\0') {
			one_key(&x->by_name, s, len, n, add);
			continue;
		}
		len = MIN_OF(len, INDEX_PREFIX_MAX);
		one_key(&x->by_prefix, s, len, n, add);
		x->prefix_lens[len] += add ? 1u : -1u;
	}
}

static void change(struct index *x, struct node *n, int add)
{
	json_t *ids;

	if (plain_ids(n->match, &ids)) {
		by_ids(x, n, ids, add);
	} else if (json_array_size(n->expect) == 0) {
		if (add) {
			list_add(&x->all, n);
		} else {
			list_remove(&x->all, n);
		}
	} else {
		by_names(x, n, n->expect, add);
		by_names(x, n, n->after, add);
	}
}

void index_add(struct index *x, struct node *n)
{
	change(x, n, 1);
}

void index_remove(struct index *x, struct node *n)
{
	change(x, n, 0);
}

struct found {
	struct node **nodes;
	size_t count, size;
};

static void take(struct index *x, const struct index_list *l, struct found *f)
{
	size_t i;

	for (i = 0; l != NULL && i < l->count; i++) {
		struct node *n = l->nodes[i];

		if (n->stamp == x->stamp) {
			continue;
		}
		n->stamp = x->stamp;
		if (f->count == f->size) {
			f->size = f->size == 0 ? 16 : f->size * 2;
			f->nodes =
			    xreallocarray(f->nodes, f->size, sizeof(struct node *));
		}
		f->nodes[f->count++] = n;
	}
}

size_t index_find(struct index *x, const char *name, const char *resource_id,
		  struct node ***ret_nodes)
{
	struct found f = {0};
	size_t len = strlen(name), i;

	x->stamp++;
	take(x, map_get(&x->by_resource, resource_id), &f);
	take(x, map_get_n(&x->by_name, name, len), &f);
	take(x, &x->all, &f);
	for (i = 0; i <= len && i <= INDEX_PREFIX_MAX; i++) {
		if (x->prefix_lens[i] > 0) {
			take(x, map_get_n(&x->by_prefix, name, i), &f);
		}
	}
	*ret_nodes = f.nodes;
	return f.count;
}
