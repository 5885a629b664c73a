/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compose.c - what a firing leads to: its automation's, or that of the composite
 * trigger it is a child of (events-and-automations 4.5).
 */
#include <stdlib.h>
#include <string.h>

#include "api/triggers/triggers_priv.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "base/timefmt.h"

static void set_time(json_t *obj, const char *key, int64_t at_us)
{
	char text[TIME_TEXT_SIZE];

	(void)json_object_set_new(obj, key,
				  json_string(time_format(at_us, text, sizeof(text))));
}

/* LABELS and EVENT (may be NULL) are taken.  Two firings never have the same time: the
 * order of a sequence is read from it. */
json_t *firing_new(struct triggers *t, const struct node *n, json_t *labels,
		   json_t *event, int64_t now_us, int64_t *ret_at_us)
{
	json_t *f = json_object();
	char id[UUID_TEXT_SIZE];
	struct uuid uuid;

	t->last_fired_us = MAX_OF(now_us, t->last_fired_us + 1);
	uuid_v7(&uuid, now_us);
	(void)json_object_set_new(f, "id", json_string(uuid_format(&uuid, id)));
	(void)json_object_set(f, "trigger", n->json);
	(void)json_object_set_new(f, "trigger_states", json_pack("[s]", "Triggered"));
	set_time(f, "triggered", t->last_fired_us);
	(void)json_object_set_new(f, "triggering_labels",
				  labels != NULL ? labels : json_object());
	(void)json_object_set_new(f, "triggering_firings", json_array());
	(void)json_object_set_new(f, "triggering_event",
				  event != NULL ? event : json_null());
	(void)json_object_set_new(f, "triggering_value", json_null());
	if (ret_at_us != NULL) {
		*ret_at_us = t->last_fired_us;
	}
	return f;
}

/* ---- runaway ---- */

/* Did the automation itself cause the event of the firing: is it about the automation,
 * or related to it? */
static int is_own_doing(const struct automation *a, const json_t *firing)
{
	const json_t *event = json_object_get(firing, "triggering_event");
	const char *id;
	char self[64], text[UUID_TEXT_SIZE];
	json_t *r;
	size_t i;

	(void)stpcpy(stpcpy(self, "prefect.automation."), uuid_format(&a->id, text));
	id = json_string_value(
	    json_object_get(json_object_get(event, "resource"), "prefect.resource.id"));
	if (id != NULL && strcmp(id, self) == 0) {
		return 1;
	}
	json_array_foreach (json_object_get(event, "related"), i, r) {
		id = json_string_value(json_object_get(r, "prefect.resource.id"));
		if (id != NULL && strcmp(id, self) == 0) {
			return 1;
		}
	}
	return 0;
}

/* 1: the automation runs in a circle and is held. */
static int is_held(struct triggers *t, struct automation *a, const json_t *firing,
		   int64_t now_us)
{
	if (!is_own_doing(a, firing)) {
		return 0;
	}
	if (now_us < a->held_until_us) {
		return 1;
	}
	if (now_us - a->loop_from_us >= TRIGGERS_LOOP_US) {
		a->loop_from_us = now_us;
		a->loop_count = 0;
	}
	if (++a->loop_count <= TRIGGERS_LOOP_MAX) {
		return 0;
	}
	a->held_until_us = now_us + TRIGGERS_LOOP_US;
	a->loop_count = 0;
	if (t->sink.loop != NULL) {
		t->sink.loop(t->sink.arg, a->json, a->held_until_us);
	}
	return 1;
}

/* FIRING is taken. */
static void act(struct triggers *t, struct automation *a, json_t *firing,
		int64_t now_us)
{
	if (!is_held(t, a, firing, now_us)) {
		t->fired++;
		if (t->sink.fire != NULL) {
			t->sink.fire(t->sink.arg, a->json, firing);
		}
	}
	json_decref(firing);
}

/* ---- composites ---- */

static struct trigger_child view_of(const struct node *n)
{
	return (struct trigger_child){
	    .automation = n->automation->id,
	    .parent = n->parent->id,
	    .child = n->id,
	    .fired_us = n->fired_us,
	    .firing = n->fired,
	};
}

static void forget(struct triggers *t, struct node *n)
{
	struct trigger_child view = view_of(n);

	if (n->fired == NULL) {
		return;
	}
	if (t->sink.child_delete != NULL) {
		t->sink.child_delete(t->sink.arg, &view);
	}
	json_decref(n->fired);
	n->fired = NULL;
}

static void remember(struct triggers *t, struct node *n, json_t *firing, int64_t at_us)
{
	struct trigger_child view;

	json_decref(n->fired);
	n->fired = firing;
	n->fired_us = at_us;
	view = view_of(n);
	if (t->sink.child_put != NULL) {
		t->sink.child_put(t->sink.arg, &view);
	}
}

static int is_ready(const struct node *parent)
{
	size_t i, have = 0;
	int64_t before = INT64_MIN;

	for (i = 0; i < parent->child_count; i++) {
		const struct node *n = parent->children[i];

		if (n->fired == NULL) {
			continue;
		}
		have++;
		if (parent->type == NODE_SEQUENCE) {
			if (n->fired_us <= before) {
				return 0;
			}
			before = n->fired_us;
		}
	}
	return have >= parent->need;
}

/* The firing of PARENT out of FIRINGS (taken) and the event of LAST. */
static json_t *combined(struct triggers *t, const struct node *parent, json_t *firings,
			const json_t *last, int64_t now_us)
{
	json_t *f = firing_new(t, parent, NULL,
			       json_incref(json_object_get(last, "triggering_event")),
			       now_us, NULL);

	(void)json_object_set_new(f, "triggering_firings", firings);
	return f;
}

/* FIRING is taken.  The firing of the parent, or NULL. */
static json_t *child_fired(struct triggers *t, struct node *n, json_t *firing,
			   int64_t now_us)
{
	struct node *parent = n->parent;
	int64_t at_us = t->last_fired_us;
	json_t *list, *out;
	size_t i;

	if (parent->need == 1) {
		out = combined(t, parent, json_pack("[O]", firing), firing, now_us);
		json_decref(firing);
		return out;
	}
	for (i = 0; i < parent->child_count && parent->within_us >= 0; i++) {
		if (parent->children[i]->fired_us < at_us - parent->within_us) {
			forget(t, parent->children[i]);
		}
	}
	remember(t, n, firing, at_us);
	if (!is_ready(parent)) {
		return NULL;
	}
	list = json_array();
	for (i = 0; i < parent->child_count; i++) {
		if (parent->children[i]->fired != NULL) {
			(void)json_array_append(list, parent->children[i]->fired);
		}
	}
	out = combined(t, parent, list, firing, now_us);
	for (i = 0; i < parent->child_count; i++) {
		forget(t, parent->children[i]);
	}
	return out;
}

void node_fired(struct triggers *t, struct node *n, json_t *firing, int64_t now_us)
{
	while (firing != NULL && n->parent != NULL) {
		firing = child_fired(t, n, firing, now_us);
		n = n->parent;
	}
	if (firing != NULL) {
		act(t, n->automation, firing, now_us);
	}
}
