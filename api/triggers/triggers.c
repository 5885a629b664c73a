/* SPDX-License-Identifier: Apache-2.0 */
/* triggers.c - the whole: automations come and go, events and ticks are passed on. */
#include "api/triggers/triggers.h"

#include <stdlib.h>

#include "api/triggers/triggers_priv.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"

struct triggers *triggers_new(const struct triggers_conf *conf,
			      const struct trigger_sink *sink)
{
	struct triggers *t = xcalloc(1, sizeof(*t));

	t->conf = *conf;
	t->sink = *sink;
	map_init(&t->automations, TRIGGERS_AUTOMATIONS_MAX);
	index_init(&t->index);
	heap_init(&t->passes);
	heap_init(&t->alarms);
	heap_init(&t->sweep);
	TAILQ_INIT(&t->dirty);
	t->clock_us = INT64_MIN;
	order_init(t);
	return t;
}

struct walk {
	struct triggers *t;
	int64_t now_us;
	const struct automation *next; /* what replaces it; NULL: nothing */
};

static void node_activate(struct node *n, void *arg)
{
	const struct walk *w = arg;

	w->t->node_count++;
	n->rank = ++w->t->last_rank;
	if (n->type != NODE_EVENT || !n->automation->enabled) {
		return;
	}
	index_add(&w->t->index, n);
	if (n->is_proactive) {
		heap_set(&w->t->passes, &n->pass, INT64_MIN); /* at once */
		node_schedule(w->t, n);
	}
}

static void node_deactivate(struct node *n, void *arg)
{
	const struct walk *w = arg;

	w->t->node_count--;
	if (n->type == NODE_EVENT && n->automation->enabled) {
		index_remove(&w->t->index, n);
	}
	heap_remove(&w->t->passes, &n->pass);
	heap_remove(&w->t->alarms, &n->alarm);
}

/* An event that is looked for in the same way goes on where it was. */
static void take_buckets(struct node *to, struct node *from)
{
	for (struct map_iter i = {0}; map_next(&from->buckets, &i);) {
		((struct bucket *)i.value)->node = to;
	}
	map_release(&to->buckets);
	heap_release(&to->due);
	to->buckets = from->buckets;
	to->due = from->due;
	TAILQ_CONCAT(&to->met, &from->met, met_link);
	map_init(&from->buckets, 0);
	heap_init(&from->due);
}

/* What is counted moves to the node of the same id. */
static void node_hand_over(struct node *n, void *arg)
{
	const struct walk *w = arg;
	struct node *to = w->next != NULL ? node_find(w->next->root, &n->id) : NULL;

	if (to == NULL || to->type != n->type || n->type != NODE_EVENT) {
		node_drop_buckets(w->t, n);
	} else {
		take_buckets(to, n);
	}
	if (n->fired != NULL && to != NULL && to->parent != NULL) {
		to->fired = n->fired;
		to->fired_us = n->fired_us;
		n->fired = NULL;
	} else if (n->fired != NULL && w->t->sink.child_delete != NULL) {
		struct trigger_child c = {.automation = n->automation->id,
					  .parent = n->parent->id,
					  .child = n->id};

		w->t->sink.child_delete(w->t->sink.arg, &c);
	}
}

static void retire(struct triggers *t, struct automation *a,
		   const struct automation *next)
{
	struct walk w = {.t = t, .next = next};

	triggers_flush(t); /* buckets that are dead still point to their nodes */
	node_each(a->root, node_deactivate, &w);
	node_each(a->root, node_hand_over, &w);
	automation_free(a);
}

int triggers_set(struct triggers *t, const json_t *automation, int64_t now_us,
		 struct error *err)
{
	struct automation *a = automation_new(automation, err), *before;
	struct walk w = {.t = t, .now_us = now_us};
	void *old = NULL;

	if (a == NULL) {
		return -ERR_INVALID;
	}
	if (map_set_n(&t->automations, &a->id, sizeof(a->id), a, &old) < 0) {
		automation_free(a);
		return err_set(err, ERR_LIMIT, "more than %d automations",
			       TRIGGERS_AUTOMATIONS_MAX);
	}
	before = old;
	if (before != NULL) {
		a->held_until_us = before->held_until_us;
		retire(t, before, a);
	}
	node_each(a->root, node_activate, &w);
	return 0;
}

void triggers_remove(struct triggers *t, const struct uuid *automation)
{
	struct automation *a =
	    map_remove_n(&t->automations, automation, sizeof(*automation));

	if (a != NULL) {
		retire(t, a, NULL);
	}
}

void triggers_free(struct triggers *t)
{
	if (t == NULL) {
		return;
	}
	t->sink = (struct trigger_sink){0}; /* nothing of this is to be stored */
	for (struct map_iter i = {0}; map_next(&t->automations, &i);) {
		retire(t, i.value, NULL);
	}
	triggers_flush(t);
	map_release(&t->automations);
	index_release(&t->index);
	heap_release(&t->passes);
	heap_release(&t->alarms);
	heap_release(&t->sweep);
	order_release(t);
	free(t);
}

void triggers_load_parked(struct triggers *t, const struct trigger_event *e)
{
	order_park(t, e);
}

void triggers_event(struct triggers *t, const struct trigger_event *e, int64_t now_us)
{
	order_event(t, e, now_us);
}

int64_t triggers_deadline(const struct triggers *t, int64_t now_us)
{
	int64_t lag = -clock_offset(t);
	int64_t at, k = MIN_OF(heap_min_key(&t->passes), heap_min_key(&t->alarms));

	at = k < INT64_MAX - lag ? k + lag : INT64_MAX;
	k = heap_min_key(&t->sweep);
	at = MIN_OF(at, k < INT64_MAX - lag - TRIGGERS_SWEEP_US
			    ? k + lag + TRIGGERS_SWEEP_US
			    : INT64_MAX);
	at = MIN_OF(at, order_deadline(t));
	return MAX_OF(at, now_us);
}

int64_t triggers_tick(struct triggers *t, int64_t now_us)
{
	order_release_lost(t, now_us);
	if (!t->swept) {
		/* what ended while nobody looked is an absence first */
		evaluate_absences(t, now_us);
		t->swept = 1;
	}
	bucket_sweep(t, now_us + clock_offset(t) - TRIGGERS_SWEEP_US);
	evaluate_absences(t, now_us);
	return triggers_deadline(t, now_us + 1);
}

int triggers_wanted(struct triggers *t, const char *name, const char *resource_id)
{
	struct node **nodes = NULL;
	size_t n = index_find(&t->index, name, resource_id, &nodes);

	free(nodes);
	return n > 0;
}

void triggers_stats(const struct triggers *t, struct triggers_stats *ret_stats)
{
	*ret_stats = (struct triggers_stats){
	    .automations = (int64_t)map_count(&t->automations),
	    .nodes = t->node_count,
	    .buckets = t->bucket_count,
	    .parked = t->parked_count,
	    .evaluated = t->evaluated,
	    .fired = t->fired,
	};
}
