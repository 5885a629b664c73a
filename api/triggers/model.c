/* SPDX-License-Identifier: Apache-2.0 */
/* model.c - an automation's JSON (completed, as stored) as a tree of triggers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/triggers/match.h"
#include "api/triggers/triggers_priv.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"

#define DEPTH_MAX 16 /* what routes let in is flatter */

static int64_t us_of(double seconds)
{
	double us = round(seconds * (double)CLOCK_US_PER_S);

	return us > 4e18 ? (int64_t)4e18 : (int64_t)us;
}

static void node_free(struct node *n)
{
	size_t i;

	if (n == NULL) {
		return;
	}
	for (i = 0; i < n->child_count; i++) {
		node_free(n->children[i]);
	}
	free(n->children);
	json_decref(n->fired);
	map_release(&n->buckets);
	heap_release(&n->due);
	free(n);
}

static int event_node(struct node *n, struct error *err)
{
	const char *posture = NULL;
	double within = 0;

	n->type = NODE_EVENT;
	n->match = json_object_get(n->json, "match");
	n->related = json_object_get(n->json, "match_related");
	n->expect = json_object_get(n->json, "expect");
	n->after = json_object_get(n->json, "after");
	n->for_each = json_object_get(n->json, "for_each");
	n->matches_any_related = match_related(n->related, NULL);
	n->threshold = 1;
	if (json_get_str(n->json, "posture", &posture, err) < 0 ||
	    json_get_int(n->json, "threshold", &n->threshold, err) < 0 ||
	    json_get_real(n->json, "within", &within, err) < 0) {
		return -ERR_INVALID;
	}
	n->is_proactive = posture != NULL && strcmp(posture, "Proactive") == 0;
	n->within_us = us_of(within);
	return 0;
}

static struct node *node_new(struct automation *a, struct node *parent, json_t *json,
			     int depth, struct error *err);

static size_t needed(const struct node *n)
{
	const json_t *v = json_object_get(n->json, "require");
	const char *word = json_string_value(v);

	if (n->type == NODE_SEQUENCE) {
		return n->child_count;
	}
	if (json_is_integer(v)) {
		return json_integer_value(v) > 0 ? (size_t)json_integer_value(v) : 1;
	}
	return word != NULL && strcmp(word, "any") == 0 ? 1 : n->child_count;
}

static int composite_node(struct node *n, int depth, struct error *err)
{
	json_t *list = json_object_get(n->json, "triggers"), *item;
	const json_t *within = json_object_get(n->json, "within");
	size_t i;

	n->within_us = json_is_number(within) ? us_of(json_number_value(within)) : -1;
	n->children = xcalloc(json_array_size(list) + 1, sizeof(struct node *));
	json_array_foreach (list, i, item) {
		struct node *child = node_new(n->automation, n, item, depth + 1, err);

		if (child == NULL) {
			return -ERR_INVALID;
		}
		n->children[n->child_count++] = child;
	}
	n->need = needed(n);
	return 0;
}

static struct node *node_new(struct automation *a, struct node *parent, json_t *json,
			     int depth, struct error *err)
{
	struct node *n = xcalloc(1, sizeof(*n));
	const char *type = NULL;
	int rc = -ERR_INVALID;

	n->automation = a;
	n->parent = parent;
	n->json = json;
	map_init(&n->buckets, 0);
	heap_init(&n->due);
	TAILQ_INIT(&n->met);
	if (depth > DEPTH_MAX) {
		err_set(err, ERR_INVALID, "triggers are nested too deeply");
	} else if (json_get_uuid(json, "id", &n->id, err) != 1 ||
		   json_get_str(json, "type", &type, err) != 1) {
		err_set(err, ERR_INVALID, "a trigger lacks its id or type");
	} else if (strcmp(type, "event") == 0) {
		rc = event_node(n, err);
	} else if (strcmp(type, "compound") == 0 || strcmp(type, "sequence") == 0) {
		n->type = *type == 'c' ? NODE_COMPOUND : NODE_SEQUENCE;
		rc = composite_node(n, depth, err);
	} else {
		err_set(err, ERR_INVALID, "trigger of unknown type %s", type);
	}
	if (rc < 0) {
		node_free(n);
		return NULL;
	}
	return n;
}

struct automation *automation_new(const json_t *json, struct error *err)
{
	struct automation *a = xcalloc(1, sizeof(*a));

	a->json = json_deep_copy(json);
	a->enabled = json_is_true(json_object_get(json, "enabled"));
	if (json_get_uuid(json, "id", &a->id, err) == 1) {
		a->root =
		    node_new(a, NULL, json_object_get(a->json, "trigger"), 0, err);
	} else {
		err_set(err, ERR_INVALID, "an automation lacks its id");
	}
	if (a->root == NULL) {
		automation_free(a);
		return NULL;
	}
	return a;
}

void automation_free(struct automation *a)
{
	if (a != NULL) {
		node_free(a->root);
		json_decref(a->json);
		free(a);
	}
}

void node_each(struct node *n, void (*fn)(struct node *n, void *arg), void *arg)
{
	size_t i;

	for (i = 0; i < n->child_count; i++) {
		node_each(n->children[i], fn, arg);
	}
	fn(n, arg);
}

struct node *node_find(struct node *root, const struct uuid *id)
{
	struct node *found = NULL;
	size_t i;

	if (uuid_equal(&root->id, id)) {
		return root;
	}
	for (i = 0; i < root->child_count && found == NULL; i++) {
		found = node_find(root->children[i], id);
	}
	return found;
}
