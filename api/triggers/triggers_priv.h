/* SPDX-License-Identifier: Apache-2.0 */
/*
 * triggers_priv.h - inside the evaluation: automations, the tree of their triggers,
 * buckets.
 *
 *	bucket: OPEN --event counts--> threshold met: reactive fires, proactive
 *SATISFIED OPEN --end passes--> proactive fires, reactive is renewed or dropped
 *		SATISFIED --next pass of its trigger--> deleted
 */
#ifndef API_TRIGGERS_TRIGGERS_PRIV_H
#define API_TRIGGERS_TRIGGERS_PRIV_H

#include <stdint.h>

#include "api/triggers/triggers.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/queue_ext.h"

enum node_type { NODE_EVENT = 1, NODE_COMPOUND, NODE_SEQUENCE };

struct bucket {
	struct heap_node due;   /* event time; in node->due while it can still fire */
	struct heap_node sweep; /* event time; in triggers->sweep */
	TAILQ_ENTRY(bucket) met_link;
	TAILQ_ENTRY(bucket) dirty_link;
	struct node *node;
	char *key;
	int64_t start_us, end_us, count;
	struct uuid last_event;
	unsigned int has_event : 1, is_met : 1, is_dirty : 1, is_stored : 1,
	    is_dead : 1;
};
TAILQ_HEAD(bucket_list, bucket);

struct automation;
struct node {
	enum node_type type;
	struct uuid id;
	struct automation *automation;
	struct node *parent;
	struct node **children;
	size_t child_count;
	json_t *json;      /* borrowed from the automation */
	int64_t within_us; /* composite: -1 no limit */
	/* event triggers */
	json_t *match, *related, *expect, *after, *for_each; /* borrowed */
	int is_proactive, matches_any_related;
	int64_t threshold;
	struct map buckets;
	struct heap due; /* proactive buckets that are not met */
	struct bucket_list met;
	struct heap_node pass;  /* event time; in triggers->passes */
	struct heap_node alarm; /* event time: head of DUE; in triggers->alarms */
	uint64_t stamp;         /* the last look-up that found it */
	uint64_t rank;          /* grows in the order of loading and of definition */
	/* composite triggers */
	size_t need;
	/* child of a composite: its last firing */
	json_t *fired;
	int64_t fired_us;
};

struct automation {
	struct uuid id;
	json_t *json;
	struct node *root;
	int enabled;
	/* firings by its own doing */
	int64_t loop_from_us, held_until_us;
	int loop_count;
};

struct parked {
	TAILQ_ENTRY(parked) link; /* by arrival */
	TAILQ_ENTRY(parked) follower_link;
	struct trigger_event e; /* json owned; name, resource_id point into it */
};
TAILQ_HEAD(parked_list, parked);

struct index_list { /* nodes of one key */
	struct node **nodes;
	size_t count, size;
};
#define INDEX_PREFIX_MAX 256
struct index {
	struct map by_resource, by_name, by_prefix; /* -> struct index_list */
	struct index_list all;
	unsigned int prefix_lens[INDEX_PREFIX_MAX + 1]; /* how many of each length */
	uint64_t stamp;
};

struct triggers {
	struct triggers_conf conf;
	struct trigger_sink sink;
	struct map automations; /* uuid -> struct automation */
	struct index index;
	struct heap passes, alarms, sweep;
	struct bucket_list dirty;
	uint64_t last_rank;
	int64_t bucket_count, node_count, evaluated, fired;
	/* events clock */
	int64_t clock_us, clock_at_us;
	int64_t last_fired_us;
	int swept; /* the first tick has been */
	/* order */
	struct map seen; /* uuid -> struct seen */
	TAILQ_HEAD(, seen) seen_list;
	struct map followers; /* leader uuid -> struct parked_list */
	struct map waiting;   /* own uuid -> struct parked */
	struct parked_list parked;
	int64_t parked_count;
};

struct seen {
	TAILQ_ENTRY(seen) link;
	struct uuid id;
	int64_t at_us;
};

/* model.c */
struct automation *automation_new(const json_t *json, struct error *err);
void automation_free(struct automation *a);
/* In each node of the tree, children first. */
void node_each(struct node *n, void (*fn)(struct node *n, void *arg), void *arg);
struct node *node_find(struct node *root, const struct uuid *id);

/* index.c */
void index_init(struct index *x);
void index_release(struct index *x);
void index_add(struct index *x, struct node *n);
void index_remove(struct index *x, struct node *n);
/* Calls FN for each node that could want the event, once; 0: nobody. */
size_t index_find(struct index *x, const char *name, const char *resource_id,
		  struct node ***ret_nodes);

/* bucket.c */
struct bucket *bucket_get(const struct node *n, const char *key);
struct bucket *bucket_open(struct triggers *t, struct node *n, const char *key);
void bucket_set(struct triggers *t, struct bucket *b, int64_t start_us, int64_t end_us,
		int64_t count);
void bucket_count(struct triggers *t, struct bucket *b);
void bucket_note(struct triggers *t, struct bucket *b, const struct uuid *event);
void bucket_drop(struct triggers *t, struct bucket *b);
void bucket_sweep(struct triggers *t, int64_t until_us);
void node_drop_buckets(struct triggers *t, struct node *n);
void node_schedule(struct triggers *t, struct node *n); /* keeps its alarm right */

/* evaluate.c */
void evaluate_event(struct triggers *t, const struct trigger_event *e, int64_t now_us);
void evaluate_absences(struct triggers *t, int64_t now_us);

/* compose.c: N has fired */
void node_fired(struct triggers *t, struct node *n, json_t *firing, int64_t now_us);
json_t *firing_new(struct triggers *t, const struct node *n, json_t *labels,
		   json_t *event, int64_t now_us, int64_t *ret_at_us);

/* order.c */
void order_init(struct triggers *t);
void order_release(struct triggers *t);
void order_event(struct triggers *t, const struct trigger_event *e, int64_t now_us);
void order_release_lost(struct triggers *t, int64_t now_us);
int64_t order_deadline(const struct triggers *t);
void order_park(struct triggers *t, const struct trigger_event *e);

/* the offset of the events clock, never positive */
int64_t clock_offset(const struct triggers *t);

#endif
