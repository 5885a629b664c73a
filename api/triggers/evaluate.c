/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evaluate.c - events against buckets, and buckets against time
 * (events-and-automations 4.2, 4.3, 4.4).
 */
#include <stdlib.h>
#include <string.h>

#include "api/triggers/match.h"
#include "api/triggers/triggers_priv.h"
#include "base/compiler.h"
#include "base/json.h"
#include "base/mem.h"

#define NO_KEY "[]"

/* What is being looked at. */
struct look {
	struct triggers *t;
	struct node *node;
	const struct trigger_event *e; /* NULL: time has passed */
	json_t *json;                  /* of E, once somebody asked */
	int64_t now_us;                /* event time */
	int64_t wall_us;
	int expects, starts;
};

/* Most events are only counted: their JSON is made when a rule reads it.  NULL: it is
 * gone. */
static json_t *event_of(struct look *l)
{
	if (l->json == NULL) {
		l->json = l->e->json != NULL   ? json_incref(l->e->json)
			  : l->e->load != NULL ? l->e->load(l->e)
					       : NULL;
	}
	return l->json;
}

/* ---- keys ---- */

static char *key_of(struct look *l)
{
	const struct node *n = l->node;
	json_t *list, *label;
	const json_t *event;
	char *text;
	size_t i;

	if (json_array_size(n->for_each) == 0) {
		return xstrdup(NO_KEY);
	}
	list = json_array();
	event = event_of(l);

	json_array_foreach (n->for_each, i, label) {
		const char *v = match_label(event, json_string_value(label));

		(void)json_array_append_new(list, json_string(v != NULL ? v : ""));
	}
	text = json_text(list);
	json_decref(list);
	return text;
}

static json_t *labels_of(const struct node *n, const char *key)
{
	json_t *list = json_loads(key, 0, NULL), *out = json_object(), *label;
	size_t i;

	json_array_foreach (n->for_each, i, label) {
		(void)json_object_set(out, json_string_value(label),
				      json_array_get(list, i));
	}
	json_decref(list);
	return out;
}

/* ---- 4.3 ---- */

static void fire(struct look *l, struct bucket *b)
{
	struct triggers *t = l->t;
	json_t *event = NULL, *firing;

	if (l->e != NULL) {
		event = json_incref(event_of(l));
	} else if (b->has_event && t->sink.event_by_id != NULL) {
		event = t->sink.event_by_id(t->sink.arg, &b->last_event);
	}
	firing =
	    firing_new(t, l->node, labels_of(l->node, b->key), event, l->wall_us, NULL);
	bucket_drop(t, b);
	node_fired(t, l->node, firing, l->wall_us);
}

/* Step 8: the window after this one.  1: look again with the event. */
static int renew(const struct look *l, struct bucket *b, int64_t end_us, int unspent)
{
	const struct node *n = l->node;
	int64_t start = MAX_OF(end_us, l->now_us);
	int again = unspent && !n->is_proactive;

	bucket_set(l->t, b, start, start + n->within_us, unspent && !again ? 1 : 0);
	bucket_note(l->t, b, NULL);
	return again;
}

/* Steps 1 to 5 for B.  1: done; 0: go on with 7. */
static int judge(struct look *l, struct bucket **b, int *unspent)
{
	struct node *n = l->node;
	struct bucket *k = *b;
	int met;

	if (l->now_us < k->start_us) {
		return 1;
	}
	if (*unspent &&
	    ((!n->is_proactive && n->within_us == 0) || l->now_us < k->end_us)) {
		bucket_count(l->t, k);
		bucket_note(l->t, k, &l->e->id);
		*unspent = 0;
	}
	met = n->is_proactive ? k->count < n->threshold : k->count >= n->threshold;
	if (met && (!n->is_proactive || k->end_us <= l->now_us)) {
		fire(l, k);
		*b = NULL;
		return 0;
	}
	if (l->now_us < k->end_us) {
		if (l->e != NULL && n->is_proactive && !met && l->starts &&
		    l->expects) {
			bucket_set(l->t, k, l->now_us, l->now_us + n->within_us, 0);
			bucket_note(l->t, k, &l->e->id);
		}
		return 1;
	}
	return 0;
}

static void evaluate(struct look *l, struct bucket *b, const char *key)
{
	struct node *n = l->node;
	int unspent = l->e != NULL;
	int64_t end_us;

	do {
		end_us = b->end_us;
		if (judge(l, &b, &unspent)) {
			return;
		}
		if (json_array_size(n->after) > 0) {
			if (b != NULL) {
				bucket_drop(l->t, b);
			}
			return;
		}
		if (n->within_us == 0) {
			return;
		}
		if (b == NULL) {
			b = bucket_open(l->t, n, key);
		}
	} while (b != NULL && renew(l, b, end_us, unspent));
}

/* ---- 4.2 ---- */

static struct bucket *ensure(const struct look *l, const char *key, int64_t start_us,
			     int64_t count)
{
	struct bucket *b = bucket_get(l->node, key);

	if (b == NULL) {
		b = bucket_open(l->t, l->node, key);
		if (b == NULL) {
			return NULL;
		}
		bucket_set(l->t, b, start_us, l->now_us + l->node->within_us, count);
	}
	bucket_note(l->t, b, &l->e->id);
	return b;
}

static void react(struct look *l)
{
	struct node *n = l->node;
	int has_after = json_array_size(n->after) > 0;
	struct bucket *b;
	char *key;

	l->starts = has_after && match_any(n->after, l->e->name);
	l->expects =
	    json_array_size(n->expect) == 0 || match_any(n->expect, l->e->name);
	if (!l->starts && !l->expects) {
		return;
	}
	key = key_of(l);
	if (l->starts) {
		b = ensure(l, key, l->now_us, l->expects ? -1 : 0);
	} else if (!has_after) {
		b = ensure(l, key, l->now_us - TRIGGERS_LOOKBACK_US, 0);
	} else {
		b = bucket_get(n, key);
	}
	if (l->expects && b != NULL) {
		evaluate(l, b, key);
	}
	free(key);
}

static int wants(struct look *l)
{
	const struct node *n = l->node;

	if (!match_candidate(n->expect, n->after, l->e->name)) {
		return 0;
	}
	if (json_object_size(n->match) == 0 && n->matches_any_related) {
		return 1;
	}
	return event_of(l) != NULL &&
	       match_resource(n->match, json_object_get(l->json, "resource")) &&
	       match_related(n->related, json_object_get(l->json, "related"));
}

static int by_rank(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;

	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* The triggers of an automation see an event in the order in which they are written:
 * the same firings come after a restart. */
static void in_order(struct node **nodes, size_t n)
{
	size_t i;

	for (i = 1; i < n; i++) {
		if (nodes[i - 1]->rank > nodes[i]->rank) {
			qsort(nodes, n, sizeof(struct node *), by_rank);
			return;
		}
	}
}

void evaluate_event(struct triggers *t, const struct trigger_event *e, int64_t now_us)
{
	struct look l = {.t = t, .e = e, .now_us = e->occurred_us, .wall_us = now_us};
	struct node **nodes = NULL;
	size_t n = index_find(&t->index, e->name, e->resource_id, &nodes), i;

	t->evaluated++;
	in_order(nodes, n);
	for (i = 0; i < n; i++) {
		l.node = nodes[i];
		if (wants(&l)) {
			react(&l);
		}
	}
	json_decref(l.json);
	free(nodes);
}

enum trigger_miss trigger_fits(const json_t *trigger, const json_t *event)
{
	const json_t *expect = json_object_get(trigger, "expect");
	const json_t *after = json_object_get(trigger, "after");
	const char *name = json_string_value(json_object_get(event, "event"));

	if (name == NULL || !match_candidate(expect, after, name) ||
	    (json_array_size(expect) > 0 && !match_any(expect, name) &&
	     !match_any(after, name))) {
		return TRIGGER_MISS_NAME;
	}
	if (!match_resource(json_object_get(trigger, "match"),
			    json_object_get(event, "resource"))) {
		return TRIGGER_MISS_MATCH;
	}
	return match_related(json_object_get(trigger, "match_related"),
			     json_object_get(event, "related"))
		   ? TRIGGER_FITS
		   : TRIGGER_MISS_RELATED;
}

/* ---- 4.4 ---- */

/* Each round drops a bucket or moves its end behind now. */
static void evaluate_due(struct look *l)
{
	struct node *n = l->node;

	while (heap_min_key(&n->due) <= l->now_us) {
		struct bucket *b = container_of(heap_min(&n->due), struct bucket, due);
		char *key = xstrdup(b->key);

		evaluate(l, b, key);
		free(key);
	}
}

static int opens_alone(const struct triggers *t, const struct node *n)
{
	return json_array_size(n->for_each) == 0 &&
	       (json_array_size(n->after) == 0 || t->conf.after_ignored);
}

static void drop_met(const struct look *l)
{
	struct node *n = l->node;
	struct bucket *b;

	while ((b = TAILQ_FIRST(&n->met)) != NULL) {
		int64_t end_us = b->end_us;

		bucket_drop(l->t, b);
		if (l->t->conf.contiguous_windows && opens_alone(l->t, n)) {
			b = bucket_open(l->t, n, NO_KEY);
			if (b != NULL) {
				end_us = MAX_OF(end_us, l->now_us);
				bucket_set(l->t, b, end_us, end_us + n->within_us, 0);
			}
		}
	}
}

static void full_pass(struct look *l)
{
	struct node *n = l->node;
	int64_t next = l->now_us + n->within_us, end;
	struct bucket *b;

	if (opens_alone(l->t, n) && bucket_get(n, NO_KEY) == NULL) {
		b = bucket_open(l->t, n, NO_KEY);
		if (b != NULL) {
			bucket_set(l->t, b, l->now_us, next, 0);
		}
	}
	drop_met(l);
	evaluate_due(l);
	end = heap_min_key(&n->due);
	heap_set(&l->t->passes, &n->pass, MIN_OF(next, end));
}

void evaluate_absences(struct triggers *t, int64_t now_us)
{
	struct look l = {.t = t, .now_us = now_us + clock_offset(t), .wall_us = now_us};

	while (heap_min_key(&t->passes) <= l.now_us) {
		l.node = container_of(heap_min(&t->passes), struct node, pass);
		full_pass(&l);
	}
	while (heap_min_key(&t->alarms) <= l.now_us) {
		l.node = container_of(heap_min(&t->alarms), struct node, alarm);
		evaluate_due(&l);
	}
}
