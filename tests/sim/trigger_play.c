/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trigger_play.c - a story told to api/triggers, with a store that commits and rolls
 * back as the database does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/triggers/triggers.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "tests/sim/trigger_story.h"

#define LATE_US 100000

/* What stands in the database: bucket name -> row, child id -> row, event id -> row. */
struct rows {
	json_t *buckets, *children, *parked, *done;
};

struct play {
	const struct story *s;
	enum trigger_plant plant;
	struct firings *firings;
	struct triggers *t;
	struct rows rows;
	json_t *events; /* id -> event */
	json_t *automations[STORY_AUTOMATIONS];
	size_t step;
	int64_t now_us;
	int versions, copies;
	int silent; /* the transaction will fail */
};

/* ---- the store ---- */

static struct rows rows_copy(const struct rows *r)
{
	return (struct rows){json_deep_copy(r->buckets), json_deep_copy(r->children),
			     json_deep_copy(r->parked), json_deep_copy(r->done)};
}

static void rows_release(struct rows *r)
{
	json_decref(r->buckets);
	json_decref(r->children);
	json_decref(r->parked);
	json_decref(r->done);
}

static void bucket_name(const struct trigger_bucket *b, char *dst, size_t size)
{
	(void)snprintf(dst, size, "%s %s", uuid_str(&b->trigger), b->key);
}

/* What the store is told must fit what it was told before. */
static void must(struct play *p, int ok, const char *what)
{
	if (!ok) {
		firings_add(p->firings, p->step, 0, p->now_us, what, "the store", 0);
	}
}

static void on_bucket_put(void *arg, const struct trigger_bucket *b)
{
	struct play *p = arg;
	char name[512], ids[3][UUID_TEXT_SIZE];

	bucket_name(b, name, sizeof(name));
	if (p->plant == TPLANT_LOSE_COUNT &&
	    json_object_get(p->rows.buckets, name) != NULL) {
		return;
	}
	(void)json_object_set_new(
	    p->rows.buckets, name,
	    json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s?}", "automation",
		      uuid_format(&b->automation, ids[0]), "trigger",
		      uuid_format(&b->trigger, ids[1]), "key", b->key, "start",
		      (json_int_t)b->start_us, "end", (json_int_t)b->end_us, "count",
		      (json_int_t)b->count, "event",
		      b->has_event ? uuid_format(&b->last_event, ids[2]) : NULL));
}

static void on_bucket_delete(void *arg, const struct trigger_bucket *b)
{
	struct play *p = arg;
	char name[512];

	bucket_name(b, name, sizeof(name));
	must(p, json_object_del(p->rows.buckets, name) == 0, "drop a bucket it lacks");
}

static void on_child_put(void *arg, const struct trigger_child *c)
{
	struct play *p = arg;
	char automation[UUID_TEXT_SIZE];

	(void)json_object_set_new(p->rows.children, uuid_str(&c->child),
				  json_pack("{s:s, s:I, s:o}", "automation",
					    uuid_format(&c->automation, automation),
					    "fired", (json_int_t)c->fired_us, "firing",
					    json_deep_copy(c->firing)));
}

static void on_child_delete(void *arg, const struct trigger_child *c)
{
	struct play *p = arg;

	must(p, json_object_del(p->rows.children, uuid_str(&c->child)) == 0,
	     "drop a child firing it lacks");
}

static void on_park(void *arg, const struct trigger_event *e)
{
	struct play *p = arg;
	const char *id = uuid_str(&e->id);

	must(p, json_object_get(p->rows.parked, id) == NULL, "park an event twice");
	(void)json_object_set_new(p->rows.parked, id, json_integer(e->received_us));
}

static void on_unpark(void *arg, const struct uuid *id)
{
	struct play *p = arg;

	must(p, json_object_del(p->rows.parked, uuid_str(id)) == 0,
	     "unpark an event it lacks");
}

static size_t nested_in(const json_t *firing)
{
	const json_t *list = json_object_get(firing, "triggering_firings");
	size_t n = json_array_size(list), i, sum = n;

	for (i = 0; i < n; i++) {
		sum += nested_in(json_array_get(list, i));
	}
	return sum;
}

static void on_fire(void *arg, const json_t *automation, const json_t *firing)
{
	struct play *p = arg;
	const char *name = json_string_value(json_object_get(automation, "name"));
	size_t i = strtoul(name + strlen("automation "), NULL, 10);
	json_t *n = json_object_get(
	    json_object_get(json_object_get(firing, "triggering_event"), "payload"),
	    "n");
	char event[32] = "none", *labels;

	if (p->silent) {
		return;
	}
	if (n != NULL) {
		(void)snprintf(event, sizeof(event), "%d", (int)json_integer_value(n));
	}
	labels = json_dumps(json_object_get(firing, "triggering_labels"),
			    JSON_SORT_KEYS | JSON_COMPACT);
	firings_add(p->firings, p->step, i, p->now_us,
		    p->s->any_event[i] ? "any" : event, labels, nested_in(firing));
	free(labels);
}

static json_t *on_event_by_id(void *arg, const struct uuid *id)
{
	struct play *p = arg;

	return json_incref(json_object_get(p->events, uuid_str(id)));
}

static int on_was_seen(void *arg, const struct uuid *id)
{
	struct play *p = arg;

	return json_object_get(p->rows.done, uuid_str(id)) != NULL &&
	       json_object_get(p->rows.parked, uuid_str(id)) == NULL;
}

/* ---- life ---- */

static void set(struct play *p, size_t i)
{
	struct error err = {0};

	if (triggers_set(p->t, p->automations[i], p->now_us, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		abort();
	}
}

static void load_buckets(struct play *p)
{
	struct trigger_bucket b = {.count = 0};
	const char *name, *event;
	json_t *v;

	json_object_foreach (p->rows.buckets, name, v) {
		event = json_string_value(json_object_get(v, "event"));
		(void)json_get_uuid(v, "automation", &b.automation, NULL);
		(void)json_get_uuid(v, "trigger", &b.trigger, NULL);
		b.key = json_string_value(json_object_get(v, "key"));
		b.start_us = json_integer_value(json_object_get(v, "start"));
		b.end_us = json_integer_value(json_object_get(v, "end"));
		b.count = json_integer_value(json_object_get(v, "count"));
		b.has_event = event != NULL && uuid_parse(event, &b.last_event) == 0;
		if (p->plant != TPLANT_SWEEP_FIRST ||
		    b.end_us > p->now_us - TRIGGERS_SWEEP_US) {
			triggers_load_bucket(p->t, &b);
		}
	}
}

static void load_children(struct play *p)
{
	const char *id;
	json_t *v;

	json_object_foreach (p->rows.children, id, v) {
		struct trigger_child c = {
		    .fired_us = json_integer_value(json_object_get(v, "fired")),
		    .firing = json_object_get(v, "firing"),
		};

		(void)json_get_uuid(v, "automation", &c.automation, NULL);
		(void)uuid_parse(id, &c.child);
		triggers_load_child(p->t, &c);
	}
}

struct waiting {
	const char *id;
	int64_t received_us;
};

static int by_arrival(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;

	return x->received_us < y->received_us ? -1 : x->received_us > y->received_us;
}

static void load_parked(struct play *p)
{
	struct waiting list[STORY_STEPS];
	size_t n = 0, i;
	const char *id;
	json_t *v;

	json_object_foreach (p->rows.parked, id, v) {
		list[n++] = (struct waiting){id, json_integer_value(v)};
	}
	qsort(list, n, sizeof(list[0]), by_arrival);
	for (i = 0; i < n; i++) {
		json_t *json = json_object_get(p->events, list[i].id);
		struct trigger_event e = {
		    .json = json, .received_us = list[i].received_us, .has_follows = 1};

		(void)uuid_parse(list[i].id, &e.id);
		(void)json_get_uuid(json, "follows", &e.follows, NULL);
		(void)json_get_time(json, "occurred", &e.occurred_us, NULL);
		triggers_load_parked(p->t, &e);
	}
}

static void start(struct play *p)
{
	const struct triggers_conf conf = {0};
	const struct trigger_sink sink = {
	    .bucket_put = on_bucket_put,
	    .bucket_delete = on_bucket_delete,
	    .child_put = on_child_put,
	    .child_delete = on_child_delete,
	    .park = on_park,
	    .unpark = on_unpark,
	    .fire = on_fire,
	    .event_by_id = on_event_by_id,
	    .was_seen = on_was_seen,
	    .arg = p,
	};
	size_t i;

	triggers_free(p->t);
	p->t = triggers_new(&conf, &sink);
	for (i = 0; i < p->s->automation_count; i++) {
		set(p, i);
	}
	if (p->plant != TPLANT_DROP_BUCKETS) {
		load_buckets(p);
	}
	if (p->plant != TPLANT_DROP_CHILDREN) {
		load_children(p);
	}
	if (p->plant != TPLANT_DROP_PARKED) {
		load_parked(p);
	}
}

/* ---- automations ---- */

static void each_trigger(struct play *p, json_t *t, size_t automation, int *counter)
{
	json_int_t threshold = json_integer_value(json_object_get(t, "threshold"));
	char name[64];
	struct uuid id;
	json_t *child;
	size_t i;

	(void)snprintf(name, sizeof(name), "%zu %d %d", automation, p->versions,
		       (*counter)++);
	uuid_from_bytes(&id, name, strlen(name));
	(void)json_object_set_new(t, "id", json_string(uuid_str(&id)));
	if (p->plant == TPLANT_THRESHOLD && threshold > 1) {
		(void)json_object_set_new(t, "threshold", json_integer(threshold + 1));
	} else if (p->plant == TPLANT_ONE_WINDOW) {
		(void)json_object_set_new(t, "for_each", json_array());
	} else if (p->plant == TPLANT_NO_RELATED) {
		(void)json_object_set_new(t, "match_related", json_object());
	}
	json_array_foreach (json_object_get(t, "triggers"), i, child) {
		each_trigger(p, child, automation, counter);
	}
}

/* With trigger ids that nobody had before. */
static void renew(struct play *p, size_t i)
{
	json_t *enabled = json_object_get(p->automations[i], "enabled");
	json_t *next = json_deep_copy(p->s->automations[i]);
	char name[32];
	struct uuid id;
	int counter = 0;

	(void)snprintf(name, sizeof(name), "automation %zu", i);
	uuid_from_bytes(&id, name, strlen(name));
	(void)json_object_set_new(next, "id", json_string(uuid_str(&id)));
	if (enabled != NULL) {
		(void)json_object_set(next, "enabled", enabled);
	}
	p->versions++;
	each_trigger(p, json_object_get(next, "trigger"), i, &counter);
	json_decref(p->automations[i]);
	p->automations[i] = next;
}

/* ---- steps ---- */

static void tell_event(struct play *p, const struct step *s)
{
	struct trigger_event e = {
	    .id = s->id,
	    .follows = s->follows,
	    .has_follows = p->plant != TPLANT_NO_ORDER && s->has_follows,
	    .occurred_us = s->occurred_us,
	    .received_us = s->received_us,
	    .name = json_string_value(json_object_get(s->event, "event")),
	    .resource_id = json_string_value(json_object_get(
		json_object_get(s->event, "resource"), "prefect.resource.id")),
	    .json = s->event,
	};
	char name[32];

	if (p->plant == TPLANT_NO_DEDUP) {
		(void)snprintf(name, sizeof(name), "copy %d", p->copies++);
		uuid_from_bytes(&e.id, name, strlen(name));
	}
	(void)json_object_set(p->events, uuid_str(&e.id), s->event);
	triggers_event(p->t, &e, p->now_us);
	(void)json_object_set_new(p->rows.done, uuid_str(&e.id), json_true());
}

static int64_t tick(struct play *p)
{
	return triggers_tick(p->t, p->now_us);
}

static void wait_until(struct play *p, int64_t until_us)
{
	int64_t late = p->plant == TPLANT_LATE ? LATE_US : 0, at;

	for (;;) {
		at = triggers_deadline(p->t, p->now_us);
		if (at == INT64_MAX || at + late > until_us) {
			break;
		}
		p->now_us = MAX_OF(p->now_us, at) + late;
		(void)tick(p);
		triggers_flush(p->t);
		if (triggers_deadline(p->t, p->now_us) <= p->now_us) {
			(void)fprintf(stderr, "the deadline does not move\n");
			abort();
		}
	}
	p->now_us = until_us;
}

static void do_step(struct play *p, const struct step *s)
{
	switch (s->kind) {
	case STEP_EVENT:
		tell_event(p, s);
		if (s->then_tick) {
			(void)tick(p);
		}
		break;
	case STEP_TICK:
		(void)tick(p);
		break;
	case STEP_WAIT: /* its ticks are before */
		break;
	case STEP_RESTART:
		start(p);
		break;
	case STEP_ENABLE:
	case STEP_DISABLE:
		(void)json_object_set_new(p->automations[s->automation], "enabled",
					  json_boolean(s->kind == STEP_ENABLE));
		set(p, s->automation);
		break;
	case STEP_PUT:
		renew(p, s->automation);
		set(p, s->automation);
		break;
	case STEP_KINDS:
	default:
		break;
	}
}

static void fail_once(struct play *p, const struct step *s)
{
	struct rows before = rows_copy(&p->rows);

	p->silent = 1;
	tell_event(p, s);
	(void)tick(p);
	triggers_flush(p->t);
	p->silent = 0;
	if (p->plant == TPLANT_NO_ROLLBACK) {
		json_t *buckets = json_incref(p->rows.buckets);

		json_decref(before.buckets);
		before.buckets = buckets;
	}
	rows_release(&p->rows);
	p->rows = before;
	start(p);
}

void play_story(const struct story *s, enum trigger_plant plant, struct firings *f)
{
	struct play p = {.s = s, .plant = plant, .firings = f, .now_us = STORY_BASE_US};
	size_t i;

	p.rows =
	    (struct rows){json_object(), json_object(), json_object(), json_object()};
	p.events = json_object();
	for (i = 0; i < s->automation_count; i++) {
		renew(&p, i);
	}
	start(&p);
	for (p.step = 0; p.step < s->step_count; p.step++) {
		const struct step *e = &s->steps[p.step];

		if (e->off) {
			continue;
		}
		if (e->kind == STEP_WAIT) {
			wait_until(&p, e->at_us);
		}
		p.now_us = e->at_us;
		if (e->aborts && e->kind == STEP_EVENT) {
			fail_once(&p, e);
		}
		do_step(&p, e);
		triggers_flush(p.t);
	}
	triggers_free(p.t);
	for (i = 0; i < s->automation_count; i++) {
		json_decref(p.automations[i]);
	}
	json_decref(p.events);
	rows_release(&p.rows);
	firings_sort(f);
}
