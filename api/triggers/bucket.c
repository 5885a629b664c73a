/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bucket.c - counting windows: where they stand, when they are due, what of them has to
 * be stored.
 */
#include <stdlib.h>
#include <string.h>

#include "api/triggers/triggers_priv.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"

struct bucket *bucket_get(const struct node *n, const char *key)
{
	return map_get(&n->buckets, key);
}

void node_schedule(struct triggers *t, struct node *n)
{
	int64_t key = heap_min_key(&n->due);

	if (key == INT64_MAX || !n->automation->enabled) {
		heap_remove(&t->alarms, &n->alarm);
	} else {
		heap_set(&t->alarms, &n->alarm, key);
	}
}

static void touch(struct triggers *t, struct bucket *b)
{
	if (!b->is_dirty) {
		b->is_dirty = 1;
		TAILQ_INSERT_TAIL(&t->dirty, b, dirty_link);
	}
}

/* Proactive ones wait for their end while they are not met. */
static void place(struct triggers *t, struct bucket *b)
{
	struct node *n = b->node;
	unsigned int met = b->count >= n->threshold;

	heap_set(&t->sweep, &b->sweep, b->end_us);
	if (!n->is_proactive) {
		return;
	}
	if (b->is_met && !met) {
		TAILQ_REMOVE(&n->met, b, met_link);
	} else if (!b->is_met && met) {
		heap_remove(&n->due, &b->due);
		TAILQ_INSERT_TAIL(&n->met, b, met_link);
	}
	b->is_met = met ? 1 : 0;
	if (!met) {
		heap_set(&n->due, &b->due, b->end_us);
	}
	node_schedule(t, n);
}

struct bucket *bucket_open(struct triggers *t, struct node *n, const char *key)
{
	struct bucket *b;

	if (t->bucket_count >= TRIGGERS_BUCKETS_MAX) {
		return NULL;
	}
	b = xcalloc(1, sizeof(*b));
	b->node = n;
	b->key = xstrdup(key);
	(void)map_set(&n->buckets, key, b, NULL);
	t->bucket_count++;
	return b;
}

void bucket_set(struct triggers *t, struct bucket *b, int64_t start_us, int64_t end_us,
		int64_t count)
{
	b->start_us = start_us;
	b->end_us = end_us;
	b->count = count;
	place(t, b);
	touch(t, b);
}

void bucket_count(struct triggers *t, struct bucket *b)
{
	b->count++;
	place(t, b);
	touch(t, b);
}

void bucket_note(struct triggers *t, struct bucket *b, const struct uuid *event)
{
	b->has_event = event != NULL;
	if (event != NULL) {
		b->last_event = *event;
	}
	touch(t, b);
}

static void bucket_free(struct bucket *b)
{
	free(b->key);
	free(b);
}

/* Out of all structures; freed by the next flush when it is stored. */
void bucket_drop(struct triggers *t, struct bucket *b)
{
	struct node *n = b->node;

	(void)map_remove(&n->buckets, b->key);
	heap_remove(&t->sweep, &b->sweep);
	heap_remove(&n->due, &b->due);
	if (b->is_met) {
		TAILQ_REMOVE(&n->met, b, met_link);
	}
	node_schedule(t, n);
	t->bucket_count--;
	b->is_dead = 1;
	if (b->is_stored) {
		touch(t, b);
	} else {
		if (b->is_dirty) {
			TAILQ_REMOVE(&t->dirty, b, dirty_link);
		}
		bucket_free(b);
	}
}

void bucket_sweep(struct triggers *t, int64_t until_us)
{
	while (heap_min_key(&t->sweep) <= until_us) {
		bucket_drop(t, container_of(heap_min(&t->sweep), struct bucket, sweep));
	}
}

static struct trigger_bucket view_of(const struct bucket *b)
{
	return (struct trigger_bucket){
	    .automation = b->node->automation->id,
	    .trigger = b->node->id,
	    .key = b->key,
	    .start_us = b->start_us,
	    .end_us = b->end_us,
	    .count = b->count,
	    .last_event = b->last_event,
	    .has_event = b->has_event,
	};
}

static void tell(struct triggers *t, struct bucket *b)
{
	struct trigger_bucket view = view_of(b);

	if (b->is_dead && t->sink.bucket_delete != NULL) {
		t->sink.bucket_delete(t->sink.arg, &view);
	} else if (!b->is_dead && t->sink.bucket_put != NULL) {
		t->sink.bucket_put(t->sink.arg, &view);
	}
}

/* The dead first: one of the same key may have come after it. */
void triggers_flush(struct triggers *t)
{
	struct bucket_list living = TAILQ_HEAD_INITIALIZER(living);
	struct bucket *b;

	while ((b = TAILQ_FIRST(&t->dirty)) != NULL) {
		TAILQ_REMOVE_HEAD(&t->dirty, dirty_link);
		if (b->is_dead) {
			tell(t, b);
			bucket_free(b);
		} else {
			TAILQ_INSERT_TAIL(&living, b, dirty_link);
		}
	}
	while ((b = TAILQ_FIRST(&living)) != NULL) {
		TAILQ_REMOVE_HEAD(&living, dirty_link);
		tell(t, b);
		b->is_dirty = 0;
		b->is_stored = 1;
	}
}

void node_drop_buckets(struct triggers *t, struct node *n)
{
	for (struct map_iter i = {0}; map_next(&n->buckets, &i);) {
		bucket_drop(t, i.value);
	}
	/* what is dead must not point to a node that goes */
	triggers_flush(t);
}

static struct node *find_node(const struct triggers *t, const struct uuid *automation,
			      const struct uuid *trigger)
{
	const struct automation *a =
	    map_get_n(&t->automations, automation, sizeof(*automation));

	return a != NULL ? node_find(a->root, trigger) : NULL;
}

void triggers_load_bucket(struct triggers *t, const struct trigger_bucket *v)
{
	struct node *n = find_node(t, &v->automation, &v->trigger);
	struct bucket *b;

	if (n == NULL || n->type != NODE_EVENT) {
		return;
	}
	b = bucket_open(t, n, v->key);
	if (b == NULL) {
		return;
	}
	b->start_us = v->start_us;
	b->end_us = v->end_us;
	b->count = v->count;
	b->last_event = v->last_event;
	b->has_event = v->has_event ? 1 : 0;
	b->is_stored = 1;
	place(t, b);
}

void triggers_load_child(struct triggers *t, const struct trigger_child *c)
{
	struct node *n = find_node(t, &c->automation, &c->child);

	if (n != NULL && n->parent != NULL && n->fired == NULL) {
		n->fired = json_deep_copy(c->firing);
		n->fired_us = c->fired_us;
		t->last_fired_us = MAX_OF(t->last_fired_us, c->fired_us);
	}
}
