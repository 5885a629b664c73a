/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trigger_model.c - the rules of evaluation as they are written, and nothing else: a
 * story is gone through from its start, everything is looked for in plain lists,
 * nothing is stored or loaded.  Numbers are those of the rules (2.3: order; 3.4:
 * matching; 4.2 to 4.7: evaluation).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "tests/sim/trigger_rules.h"
#include "tests/sim/trigger_story.h"

#define S           1000000LL
#define NODES       16
#define BUCKETS     1024
#define LOG         1024
#define LOOK_BACK   (900 * S)
#define REMEMBERED  (1800 * S)
#define SWEEP_AFTER (60 * S)
#define DEPTH       20

struct node {
	const json_t *json;
	size_t automation, index;
	struct node *parent, *children[NODES];
	size_t child_count;
	int64_t next_us; /* the next proactive pass, event time */
	int has_fired;
	int64_t fired_us;
	size_t fired_nested;
};

struct window {
	int used;
	struct node *node;
	char key[256];
	int64_t start_us, end_us, count;
	const struct step *event; /* NULL: none */
};

struct processed {
	struct uuid id;
	int64_t at_us;
	int life; /* how many restarts before it */
};

struct model {
	const struct story *s;
	struct firings *firings;
	struct node nodes[STORY_AUTOMATIONS][NODES];
	size_t node_count[STORY_AUTOMATIONS];
	int enabled[STORY_AUTOMATIONS];
	struct window windows[BUCKETS];
	struct processed log[LOG];
	size_t log_count;
	const struct step *parked[STORY_STEPS];
	size_t parked_count;
	int64_t clock_us, clock_set_us; /* 4.6; clock_set_us 0: never */
	int64_t now_us, last_fired_us;
	size_t step;
	int life, first_tick;
};

/* ---- what a trigger says ---- */

static const json_t *get(const json_t *o, const char *key)
{
	return json_object_get(o, key);
}

static int is_proactive(const struct node *n)
{
	return strcmp(json_string_value(get(n->json, "posture")), "Proactive") == 0;
}

static int64_t within(const struct node *n)
{
	return llround(json_number_value(get(n->json, "within")) * 1e6);
}

static int64_t threshold(const struct node *n)
{
	return json_integer_value(get(n->json, "threshold"));
}

static int is_event_trigger(const struct node *n)
{
	return strcmp(json_string_value(get(n->json, "type")), "event") == 0;
}

static int is_candidate(const struct node *n, const char *name)
{
	const json_t *expect = get(n->json, "expect"), *after = get(n->json, "after");

	if (json_array_size(expect) == 0) {
		return 1;
	}
	return (names_match(expect, name, 'a') || names_match(after, name, 'a')) &&
	       (names_match(expect, name, 'b') || names_match(after, name, 'b'));
}

/* 4.1: the key, written as the labels of the firing. */
static void key_of(const struct node *n, const json_t *event, char *dst, size_t size)
{
	json_t *labels = json_object(), *one;
	char *text;
	size_t i;

	json_array_foreach (get(n->json, "for_each"), i, one) {
		const char *label = json_string_value(one);

		(void)json_object_set_new(labels, label,
					  json_string(find_label(event, label)));
	}
	text = json_dumps(labels, JSON_SORT_KEYS | JSON_COMPACT);
	(void)snprintf(dst, size, "%s", text);
	free(text);
	json_decref(labels);
}

/* ---- windows ---- */

static struct window *window_of(struct model *m, const struct node *n, const char *key)
{
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		struct window *w = &m->windows[i];

		if (w->used && w->node == n && strcmp(w->key, key) == 0) {
			return w;
		}
	}
	return NULL;
}

static struct window *window_new(struct model *m, struct node *n, const char *key)
{
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		struct window *w = &m->windows[i];

		if (!w->used) {
			*w = (struct window){.used = 1, .node = n};
			(void)snprintf(w->key, sizeof(w->key), "%s", key);
			return w;
		}
	}
	abort();
}

static void forget_windows(struct model *m, size_t automation)
{
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		if (m->windows[i].used &&
		    m->windows[i].node->automation == automation) {
			m->windows[i].used = 0;
		}
	}
}

/* ---- 4.5 ---- */

static size_t needed(const struct node *n)
{
	const json_t *require = get(n->json, "require");

	if (strcmp(json_string_value(get(n->json, "type")), "sequence") == 0 ||
	    (json_is_string(require) &&
	     strcmp(json_string_value(require), "all") == 0)) {
		return n->child_count;
	}
	return json_is_string(require) ? 1 : (size_t)json_integer_value(require);
}

static int is_ready(const struct node *n)
{
	const struct node *before = NULL;
	size_t i, rows = 0;

	for (i = 0; i < n->child_count; i++) {
		rows += n->children[i]->has_fired ? 1 : 0;
	}
	if (rows < needed(n)) {
		return 0;
	}
	if (strcmp(json_string_value(get(n->json, "type")), "compound") == 0) {
		return 1;
	}
	for (i = 0; i < n->child_count; i++) {
		if (before != NULL && before->fired_us >= n->children[i]->fired_us) {
			return 0;
		}
		before = n->children[i];
	}
	return 1;
}

static void fires(struct model *m, struct node *n, const struct step *event,
		  const char *labels, size_t nested)
{
	struct node *parent = n->parent;
	char text[32] = "none";
	size_t i, sum = 0;
	/* wall time, which is never the same twice */
	int64_t at_us = MAX_OF(m->now_us, m->last_fired_us + 1);

	m->last_fired_us = at_us;
	if (parent == NULL) {
		if (event != NULL) {
			(void)snprintf(text, sizeof(text), "%d", event->number);
		}
		firings_add(m->firings, m->step, n->automation, m->now_us,
			    m->s->any_event[n->automation] ? "any" : text, labels,
			    nested);
		return;
	}
	if (needed(parent) == 1) { /* 1 */
		fires(m, parent, event, "{}", nested + 1);
		return;
	}
	for (i = 0; i < parent->child_count; i++) { /* 2 */
		struct node *c = parent->children[i];

		if (!json_is_null(get(parent->json, "within")) && c->has_fired &&
		    c->fired_us < at_us - within(parent)) {
			c->has_fired = 0;
		}
	}
	n->has_fired = 1; /* 3 */
	n->fired_us = at_us;
	n->fired_nested = nested;
	if (!is_ready(parent)) { /* 4, 5 */
		return;
	}
	for (i = 0; i < parent->child_count; i++) { /* 6 */
		struct node *c = parent->children[i];

		sum += c->has_fired ? 1 + c->fired_nested : 0;
		c->has_fired = 0;
	}
	fires(m, parent, event, "{}", sum);
}

/* ---- 4.3 ---- */

struct flags {
	int expects, starts;
};

static void evaluate(struct model *m, struct window *w, int64_t now_us,
		     const struct step *e, struct flags f)
{
	struct node *n = w->node;
	int proactive = is_proactive(n), unspent = e != NULL, ready, met;
	int64_t end_us;
	char key[256];

	(void)snprintf(key, sizeof(key), "%s", w->key);
	for (;;) {
		if (now_us < w->start_us) { /* 1 */
			return;
		}
		if (unspent &&
		    ((!proactive && within(n) == 0) || now_us < w->end_us)) { /* 2 */
			w->count++;
			w->event = e;
			unspent = 0;
		}
		ready = !proactive || w->end_us <= now_us; /* 3 */
		met = proactive ? w->count < threshold(n) : w->count >= threshold(n);
		end_us = w->end_us;
		if (ready && met) { /* 4 */
			w->used = 0;
			fires(m, n, e != NULL ? e : w->event, key, 0);
		} else if (now_us < w->end_us) { /* 5 */
			if (e != NULL && proactive && !met && f.starts && f.expects) {
				w->start_us = now_us;
				w->end_us = now_us + within(n);
				w->count = 0;
				w->event = e;
			}
			return;
		}
		if (json_array_size(get(n->json, "after")) > 0) { /* 7 */
			w->used = 0;
			return;
		}
		if (within(n) == 0) {
			return;
		}
		w->used = 0; /* 8 */
		w = window_new(m, n, key);
		w->start_us = MAX_OF(end_us, now_us);
		w->end_us = w->start_us + within(n);
		if (proactive || !unspent) {
			w->count = unspent;
			return;
		}
	}
}

/* ---- 4.2 ---- */

static void react(struct model *m, struct node *n, const struct step *e)
{
	const char *name = json_string_value(get(e->event, "event"));
	int has_after = json_array_size(get(n->json, "after")) > 0;
	struct flags f = {
	    .expects = json_array_size(get(n->json, "expect")) == 0 ||
		       names_match(get(n->json, "expect"), name, 'n'),
	    .starts = has_after && names_match(get(n->json, "after"), name, 'n'),
	};
	struct window *w;
	char key[256];

	key_of(n, e->event, key, sizeof(key));
	w = window_of(m, n, key);
	if (f.starts || (!has_after && f.expects)) { /* 1, 2 */
		if (w == NULL) {
			w = window_new(m, n, key);
			w->start_us = e->occurred_us - (f.starts ? 0 : LOOK_BACK);
			w->end_us = e->occurred_us + within(n);
			w->count = f.starts && f.expects ? -1 : 0;
		}
		w->event = e;
	}
	if (f.expects && w != NULL) { /* 3, 4 */
		evaluate(m, w, e->occurred_us, e, f);
	}
}

static void evaluate_event(struct model *m, const struct step *e)
{
	size_t a, i;

	for (a = 0; a < m->s->automation_count; a++) {
		for (i = 0; i < m->node_count[a]; i++) {
			struct node *n = &m->nodes[a][i];

			if (m->enabled[a] && is_event_trigger(n) &&
			    is_candidate(n,
					 json_string_value(get(e->event, "event"))) &&
			    resource_matches(get(n->json, "match"),
					     get(e->event, "resource")) &&
			    related_match(get(n->json, "match_related"),
					  get(e->event, "related"))) {
				react(m, n, e);
			}
		}
	}
}

/* ---- 2.3 ---- */

static int was_processed(const struct model *m, const struct uuid *id)
{
	size_t i;

	for (i = 0; i < m->log_count; i++) {
		if (uuid_equal(&m->log[i].id, id)) {
			return 1;
		}
	}
	return 0;
}

static int is_repeat(const struct model *m, const struct uuid *id)
{
	size_t i;

	for (i = 0; i < m->log_count; i++) {
		const struct processed *p = &m->log[i];

		if (uuid_equal(&p->id, id) && p->life == m->life &&
		    m->now_us - p->at_us < REMEMBERED) {
			return 1;
		}
	}
	for (i = 0; i < m->parked_count; i++) {
		if (uuid_equal(&m->parked[i]->id, id)) {
			return 1;
		}
	}
	return 0;
}

static void process(struct model *m, const struct step *e, int depth);

/* The one with the smallest `occurred` of those for whom FITS; NULL: none. */
static const struct step *take_parked(struct model *m, const struct uuid *leader)
{
	size_t i, best = SIZE_MAX;
	const struct step *e;

	for (i = 0; i < m->parked_count; i++) {
		int fits = leader != NULL
			       ? uuid_equal(&m->parked[i]->follows, leader)
			       : m->parked[i]->received_us <= m->now_us - LOOK_BACK;

		if (fits && (best == SIZE_MAX || m->parked[i]->occurred_us <
						     m->parked[best]->occurred_us)) {
			best = i;
		}
	}
	if (best == SIZE_MAX) {
		return NULL;
	}
	e = m->parked[best];
	m->parked_count--;
	memmove(&m->parked[best], &m->parked[best + 1],
		(m->parked_count - best) * sizeof(struct step *));
	return e;
}

static void process(struct model *m, const struct step *e, int depth)
{
	const struct step *follower;

	evaluate_event(m, e); /* 6 */
	if (m->log_count == LOG) {
		abort();
	}
	m->log[m->log_count++] =
	    (struct processed){.id = e->id, .at_us = m->now_us, .life = m->life};
	while (depth < DEPTH && (follower = take_parked(m, &e->id)) != NULL) { /* 7 */
		process(m, follower, depth + 1);
	}
}

static void event(struct model *m, const struct step *e)
{
	if (is_repeat(m, &e->id)) { /* 1 */
		return;
	}
	m->clock_us = m->clock_set_us == 0 /* 2 */
			  ? MIN_OF(e->occurred_us, m->now_us)
			  : MAX_OF(m->clock_us, MIN_OF(e->occurred_us, m->now_us));
	m->clock_set_us = m->now_us;
	if (e->has_follows && !uuid_equal(&e->follows, &e->id) && /* 5 */
	    m->now_us - e->received_us < LOOK_BACK && !was_processed(m, &e->follows)) {
		m->parked[m->parked_count++] = e;
		return;
	}
	process(m, e, 0);
}

/* ---- 4.4, 4.6, 4.7 ---- */

static int64_t offset(const struct model *m)
{
	return m->clock_set_us == 0 ? 0 : MIN_OF(m->clock_us - m->clock_set_us, 0);
}

/* Windows of N that are not met, the first end first; NULL: none ends by AS_OF. */
static struct window *due_window(struct model *m, const struct node *n,
				 int64_t as_of_us)
{
	struct window *best = NULL;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		struct window *w = &m->windows[i];

		if (w->used && w->node == n && w->count < threshold(n) &&
		    w->end_us <= as_of_us &&
		    (best == NULL || w->end_us < best->end_us)) {
			best = w;
		}
	}
	return best;
}

static int64_t first_end(const struct model *m, const struct node *n)
{
	int64_t first = INT64_MAX;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		const struct window *w = &m->windows[i];

		if (w->used && w->node == n && w->count < threshold(n)) {
			first = MIN_OF(first, w->end_us);
		}
	}
	return first;
}

static void pass(struct model *m, struct node *n, int64_t as_of_us)
{
	static const struct flags none = {0, 0};
	struct window *w;
	size_t i;

	if (n->next_us <= as_of_us) {
		n->next_us = as_of_us + within(n);                    /* 1 */
		if (json_array_size(get(n->json, "for_each")) == 0 && /* 2 */
		    json_array_size(get(n->json, "after")) == 0 &&
		    window_of(m, n, "{}") == NULL) {
			w = window_new(m, n, "{}");
			w->start_us = as_of_us;
			w->end_us = as_of_us + within(n);
		}
		for (i = 0; i < BUCKETS; i++) { /* 3 */
			w = &m->windows[i];
			if (w->used && w->node == n && w->count >= threshold(n)) {
				w->used = 0;
			}
		}
		while ((w = due_window(m, n, as_of_us)) != NULL) { /* 4 */
			evaluate(m, w, as_of_us, NULL, none);
		}
		n->next_us = MIN_OF(n->next_us, first_end(m, n));
	}
	/* beyond the rules: an absence is noticed when its window ends */
	while ((w = due_window(m, n, as_of_us)) != NULL) {
		evaluate(m, w, as_of_us, NULL, none);
	}
}

static void proactive_pass(struct model *m)
{
	size_t a, i;

	for (a = 0; a < m->s->automation_count; a++) {
		for (i = 0; i < m->node_count[a]; i++) {
			struct node *n = &m->nodes[a][i];

			if (m->enabled[a] && is_event_trigger(n) && is_proactive(n)) {
				pass(m, n, m->now_us + offset(m));
			}
		}
	}
}

static void tick(struct model *m)
{
	const struct step *e;
	size_t i;

	while ((e = take_parked(m, NULL)) != NULL) { /* 2.3, 9 */
		process(m, e, 0);
	}
	if (m->first_tick) { /* R14 */
		proactive_pass(m);
		m->first_tick = 0;
	}
	for (i = 0; i < BUCKETS; i++) {
		struct window *w = &m->windows[i];

		if (w->used && w->end_us <= m->now_us + offset(m) - SWEEP_AFTER) {
			w->used = 0;
		}
	}
	proactive_pass(m);
}

/* When something is to be done next, by looking at everything. */
static int64_t next_deadline(const struct model *m)
{
	int64_t lag = -offset(m), next = INT64_MAX;
	size_t a, i;

	for (i = 0; i < m->parked_count; i++) {
		next = MIN_OF(next, m->parked[i]->received_us + LOOK_BACK);
	}
	for (i = 0; i < BUCKETS; i++) {
		if (m->windows[i].used) {
			next = MIN_OF(next, m->windows[i].end_us + SWEEP_AFTER + lag);
		}
	}
	for (a = 0; a < m->s->automation_count; a++) {
		for (i = 0; i < m->node_count[a]; i++) {
			const struct node *n = &m->nodes[a][i];
			int64_t end_us;

			if (!m->enabled[a] || !is_event_trigger(n) ||
			    !is_proactive(n)) {
				continue;
			}
			end_us = first_end(m, n);
			end_us = MIN_OF(end_us, n->next_us);
			next = end_us < INT64_MAX - lag ? MIN_OF(next, end_us + lag)
							: next;
		}
	}
	return MAX_OF(next, m->now_us);
}

/* ---- automations ---- */

static struct node *add_node(struct model *m, size_t a, const json_t *json)
{
	struct node *children[NODES] = {NULL}, *n;
	size_t count = 0, i;
	json_t *child;

	json_array_foreach (get(json, "triggers"), i, child) {
		children[count++] = add_node(m, a, child);
	}
	n = &m->nodes[a][m->node_count[a]++];
	*n = (struct node){.json = json, .automation = a, .child_count = count};
	for (i = 0; i < count; i++) {
		n->children[i] = children[i];
		children[i]->parent = n;
	}
	return n;
}

/* 4.4: a trigger that was just loaded runs at once */
static void loaded(struct model *m, size_t a)
{
	size_t i;

	for (i = 0; i < m->node_count[a]; i++) {
		m->nodes[a][i].next_us = INT64_MIN;
	}
}

static void define(struct model *m, size_t a)
{
	forget_windows(m, a);
	m->node_count[a] = 0;
	(void)add_node(m, a, get(m->s->automations[a], "trigger"));
	loaded(m, a);
}

/* 4.9 */
static void restart(struct model *m)
{
	size_t a;

	for (a = 0; a < m->s->automation_count; a++) {
		loaded(m, a);
	}
	m->life++;
	m->first_tick = 1;
	m->clock_set_us = 0;
}

static void do_step(struct model *m, const struct step *e)
{
	switch (e->kind) {
	case STEP_EVENT:
		if (e->aborts) {
			restart(m);
		}
		event(m, e);
		if (e->then_tick) {
			tick(m);
		}
		break;
	case STEP_TICK:
		tick(m);
		break;
	case STEP_RESTART:
		restart(m);
		break;
	case STEP_ENABLE:
	case STEP_DISABLE:
		m->enabled[e->automation] = e->kind == STEP_ENABLE;
		loaded(m, e->automation);
		break;
	case STEP_PUT:
		define(m, e->automation);
		break;
	case STEP_WAIT:
	case STEP_KINDS:
	default:
		break;
	}
}

void model_story(const struct story *s, struct firings *f)
{
	static struct model m; /* too large for the stack */
	size_t a;

	memset(&m, 0, sizeof(m));
	m.s = s;
	m.firings = f;
	m.first_tick = 1;
	m.now_us = STORY_BASE_US;
	for (a = 0; a < s->automation_count; a++) {
		m.enabled[a] = json_is_true(get(s->automations[a], "enabled"));
		define(&m, a);
	}
	for (m.step = 0; m.step < s->step_count; m.step++) {
		const struct step *e = &s->steps[m.step];

		while (!e->off && e->kind == STEP_WAIT &&
		       next_deadline(&m) <= e->at_us) {
			m.now_us = next_deadline(&m);
			tick(&m);
		}
		if (!e->off) {
			m.now_us = e->at_us;
			do_step(&m, e);
		}
	}
	firings_sort(f);
}
