/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.c - an event that follows another waits for it (events-and-automations 2.3).
 */
#include <stdlib.h>
#include <string.h>

#include "api/triggers/triggers_priv.h"
#include "base/compiler.h"
#include "base/mem.h"

void order_init(struct triggers *t)
{
	map_init(&t->seen, 0);
	map_init(&t->followers, 0);
	map_init(&t->waiting, 0);
	TAILQ_INIT(&t->seen_list);
	TAILQ_INIT(&t->parked);
}

static void parked_free(struct parked *p)
{
	json_decref(p->e.json);
	free(p);
}

void order_release(struct triggers *t)
{
	struct seen *s;
	struct parked *p;

	while ((s = TAILQ_FIRST(&t->seen_list)) != NULL) {
		TAILQ_REMOVE(&t->seen_list, s, link);
		free(s);
	}
	while ((p = TAILQ_FIRST(&t->parked)) != NULL) {
		TAILQ_REMOVE(&t->parked, p, link);
		parked_free(p);
	}
	for (struct map_iter i = {0}; map_next(&t->followers, &i);) {
		free(i.value);
	}
	map_release(&t->seen);
	map_release(&t->followers);
	map_release(&t->waiting);
}

/* ---- ids ---- */

static void forget_old(struct triggers *t, int64_t now_us)
{
	struct seen *s;

	while ((s = TAILQ_FIRST(&t->seen_list)) != NULL &&
	       (now_us - s->at_us >= TRIGGERS_MEMORY_US ||
		map_count(&t->seen) > TRIGGERS_SEEN_MAX)) {
		TAILQ_REMOVE(&t->seen_list, s, link);
		(void)map_remove_n(&t->seen, &s->id, sizeof(s->id));
		free(s);
	}
}

static void mark_seen(struct triggers *t, const struct uuid *id, int64_t now_us)
{
	struct seen *s = map_get_n(&t->seen, id, sizeof(*id));

	if (s != NULL) {
		TAILQ_REMOVE(&t->seen_list, s, link);
	} else {
		s = xcalloc(1, sizeof(*s));
		s->id = *id;
		(void)map_set_n(&t->seen, id, sizeof(*id), s, NULL);
	}
	s->at_us = now_us;
	TAILQ_INSERT_TAIL(&t->seen_list, s, link);
}

static int is_seen(const struct triggers *t, const struct uuid *id)
{
	return map_get_n(&t->seen, id, sizeof(*id)) != NULL;
}

static int leader_is_seen(const struct triggers *t, const struct uuid *id)
{
	return is_seen(t, id) ||
	       (t->sink.was_seen != NULL && t->sink.was_seen(t->sink.arg, id));
}

/* ---- parked events ---- */

void order_park(struct triggers *t, const struct trigger_event *e)
{
	struct parked_list *list =
	    map_get_n(&t->followers, &e->follows, sizeof(e->follows));
	struct parked *p = xcalloc(1, sizeof(*p));

	if (list == NULL) {
		list = xmalloc(sizeof(*list));
		TAILQ_INIT(list);
		(void)map_set_n(&t->followers, &e->follows, sizeof(e->follows), list,
				NULL);
	}
	p->e = *e;
	p->e.json = e->json != NULL ? json_incref(e->json) : e->load(e);
	p->e.load = NULL;
	p->e.name = json_string_value(json_object_get(p->e.json, "event"));
	p->e.resource_id = json_string_value(json_object_get(
	    json_object_get(p->e.json, "resource"), "prefect.resource.id"));
	if (p->e.name == NULL || p->e.resource_id == NULL) {
		p->e.name = p->e.resource_id = "";
	}
	TAILQ_INSERT_TAIL(list, p, follower_link);
	TAILQ_INSERT_TAIL(&t->parked, p, link);
	(void)map_set_n(&t->waiting, &p->e.id, sizeof(p->e.id), p, NULL);
	t->parked_count++;
}

/* Out of both lists; its memory and its row are the caller's. */
static void unpark(struct triggers *t, struct parked *p)
{
	struct parked_list *list =
	    map_get_n(&t->followers, &p->e.follows, sizeof(p->e.follows));

	TAILQ_REMOVE(list, p, follower_link);
	TAILQ_REMOVE(&t->parked, p, link);
	(void)map_remove_n(&t->waiting, &p->e.id, sizeof(p->e.id));
	t->parked_count--;
	if (TAILQ_EMPTY(list)) {
		(void)map_remove_n(&t->followers, &p->e.follows, sizeof(p->e.follows));
		free(list);
	}
	if (t->sink.unpark != NULL) {
		t->sink.unpark(t->sink.arg, &p->e.id);
	}
}

static struct parked *earliest(struct triggers *t, const struct uuid *leader)
{
	struct parked_list *list = map_get_n(&t->followers, leader, sizeof(*leader));
	struct parked *p, *best = NULL;

	if (list != NULL) {
		TAILQ_FOREACH (p, list, follower_link) {
			if (best == NULL || p->e.occurred_us < best->e.occurred_us) {
				best = p;
			}
		}
	}
	return best;
}

static void process(struct triggers *t, const struct trigger_event *e, int64_t now_us,
		    int depth);

static void release_followers(struct triggers *t, const struct uuid *leader,
			      int64_t now_us, int depth)
{
	struct parked *p;

	/* beyond the depth they stay, and are taken for lost later */
	while (depth <= TRIGGERS_DEPTH_MAX && (p = earliest(t, leader)) != NULL) {
		unpark(t, p);
		process(t, &p->e, now_us, depth);
		parked_free(p);
	}
}

static void process(struct triggers *t, const struct trigger_event *e, int64_t now_us,
		    int depth)
{
	evaluate_event(t, e, now_us);
	mark_seen(t, &e->id, now_us);
	release_followers(t, &e->id, now_us, depth + 1);
}

static int has_to_wait(const struct triggers *t, const struct trigger_event *e,
		       int64_t now_us)
{
	return e->has_follows && !uuid_equal(&e->follows, &e->id) &&
	       now_us - e->received_us < TRIGGERS_LOOKBACK_US &&
	       t->parked_count < TRIGGERS_PARKED_MAX && !leader_is_seen(t, &e->follows);
}

void order_event(struct triggers *t, const struct trigger_event *e, int64_t now_us)
{
	forget_old(t, now_us);
	if (is_seen(t, &e->id) ||
	    map_get_n(&t->waiting, &e->id, sizeof(e->id)) != NULL) {
		return;
	}
	t->clock_us = MAX_OF(t->clock_us, MIN_OF(e->occurred_us, now_us));
	t->clock_at_us = now_us;
	if (has_to_wait(t, e, now_us)) {
		order_park(t, e);
		if (t->sink.park != NULL) {
			t->sink.park(t->sink.arg,
				     &TAILQ_LAST(&t->parked, parked_list)->e);
		}
		return;
	}
	process(t, e, now_us, 0);
}

/* Whose leader did not come in 15 minutes. */
void order_release_lost(struct triggers *t, int64_t now_us)
{
	struct parked *p, *best;

	for (;;) {
		best = NULL;
		TAILQ_FOREACH (p, &t->parked, link) {
			/* by arrival: the rest is younger */
			if (p->e.received_us > now_us - TRIGGERS_LOOKBACK_US) {
				break;
			}
			if (best == NULL || p->e.occurred_us < best->e.occurred_us) {
				best = p;
			}
		}
		if (best == NULL) {
			return;
		}
		unpark(t, best);
		process(t, &best->e, now_us, 0);
		parked_free(best);
	}
}

int64_t order_deadline(const struct triggers *t)
{
	const struct parked *p = TAILQ_FIRST(&t->parked);

	return p != NULL ? p->e.received_us + TRIGGERS_LOOKBACK_US : INT64_MAX;
}

int64_t clock_offset(const struct triggers *t)
{
	return t->clock_at_us != 0 && t->clock_us < t->clock_at_us
		   ? t->clock_us - t->clock_at_us
		   : 0;
}
