/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.c - see lease.h.
 */
#include "agent/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/sm.h"

/* Renewals that would be due within this part of the interval come along. */
#define RENEW_SLACK 4

static const struct sm_state states[LEASE_STATE_MAX] = {
    [LEASE_CLAIMED] = {"claimed",
		       SM_TO(LEASE_PENDING) | SM_TO(LEASE_ENDING) | SM_TO(LEASE_GONE),
		       SM_INITIAL},
    [LEASE_PENDING] = {"pending",
		       SM_TO(LEASE_STARTED) | SM_TO(LEASE_ENDING) | SM_TO(LEASE_GONE),
		       0},
    [LEASE_STARTED] = {"started", SM_TO(LEASE_ENDING) | SM_TO(LEASE_GONE), 0},
    [LEASE_ENDING] = {"ending", SM_TO(LEASE_GONE), 0},
    [LEASE_GONE] = {"gone", 0, SM_FINAL},
};

const char *lease_state_name(enum lease_state state)
{
	return states[state].name;
}

int lease_move_allowed(enum lease_state from, enum lease_state to)
{
	return sm_allowed(states, (int)from, (int)to);
}

void lease_actions_init(struct lease_actions *a)
{
	*a = (struct lease_actions){0};
}

void lease_actions_release(struct lease_actions *a)
{
	free(a->items);
	lease_actions_init(a);
}

static void act(struct lease_actions *a, const struct lease *l,
		enum lease_action_kind kind, enum lease_why why)
{
	if (a->count == a->size) {
		a->size = a->size > 0 ? 2 * a->size : 8;
		a->items = xreallocarray(a->items, a->size, sizeof(*a->items));
	}
	struct lease_action *item = &a->items[a->count++];
	*item = (struct lease_action){.kind = kind, .why = why, .token = l->token};
	memcpy(item->id, l->id, sizeof(item->id));
}

int lease_table_init(struct lease_table *t, const struct lease_conf *conf,
		     struct error *err)
{
	if (conf->renew_ms < 1 || conf->margin_ms < 0 ||
	    conf->renew_ms + conf->margin_ms >= conf->lease_ms) {
		return err_set(
		    err, ERR_INVALID,
		    "a lease of %lld ms leaves no room for renewing every %lld ms "
		    "and a margin of %lld ms: make it longer",
		    (long long)conf->lease_ms, (long long)conf->renew_ms,
		    (long long)conf->margin_ms);
	}
	t->conf = *conf;
	map_init(&t->by_id, LEASE_MAX);
	heap_init(&t->by_time);
	return 0;
}

static void lease_free(struct lease *l)
{
	free(l->queue);
	free(l);
}

void lease_table_release(struct lease_table *t)
{
	heap_release(&t->by_time); /* first: it touches its elements */
	for (struct map_iter i = {0}; map_next(&t->by_id, &i);) {
		lease_free(i.value);
	}
	map_release(&t->by_id);
}

size_t lease_table_count(const struct lease_table *t)
{
	return map_count(&t->by_id);
}

size_t lease_table_count_in(const struct lease_table *t, enum lease_state state)
{
	size_t n = 0;

	for (struct map_iter i = {0}; map_next(&t->by_id, &i);) {
		n += ((const struct lease *)i.value)->state == state;
	}
	return n;
}

struct lease *lease_get(const struct lease_table *t, const char *id)
{
	return map_get(&t->by_id, id);
}

struct lease **lease_list(const struct lease_table *t, size_t *ret_count)
{
	struct lease **list = xcalloc(map_count(&t->by_id) + 1, sizeof(struct lease *));
	size_t n = 0;

	for (struct map_iter i = {0}; map_next(&t->by_id, &i);) {
		list[n++] = i.value;
	}
	*ret_count = n;
	return list;
}

static void schedule(struct lease_table *t, struct lease *l)
{
	heap_set(&t->by_time, &l->deadline,
		 MIN_OF(l->renew_at_ms, l->trusted_until_ms));
}

/* The only place that changes a state; a lease that is gone is freed. */
static void lease_set(struct lease_table *t, struct lease *l, enum lease_state next)
{
	PRE(lease_move_allowed(l->state, next));
	l->state = next;
	if (next == LEASE_GONE) {
		heap_remove(&t->by_time, &l->deadline);
		(void)map_remove(&t->by_id, l->id);
		lease_free(l);
	}
}

static void lease_lose(struct lease_table *t, struct lease *l, enum lease_why why,
		       struct lease_actions *out)
{
	act(out, l, l->state == LEASE_STARTED ? LEASE_ACT_KILL : LEASE_ACT_FORGET, why);
	lease_set(t, l, LEASE_GONE);
}

int lease_add(struct lease_table *t, const struct lease_claim *claim,
	      struct lease_actions *out, struct error *err)
{
	struct lease *old = lease_get(t, claim->id);

	if (strlen(claim->id) >= LEASE_ID_SIZE) {
		return err_set(err, ERR_INVALID, "'%.40s' is not a run id", claim->id);
	}
	if (old != NULL && old->token >= claim->token) {
		return err_set(err, ERR_CONFLICT, "run %s is held with a token as new",
			       claim->id);
	}
	if (old != NULL) {
		lease_lose(t, old, LEASE_WHY_TAKEN, out);
	}
	struct lease *l = xcalloc(1, sizeof(*l));
	(void)snprintf(l->id, sizeof(l->id), "%s", claim->id);
	l->token = claim->token;
	l->state = LEASE_CLAIMED;
	l->queue = xstrdup(claim->queue);
	l->gen = claim->gen;
	l->trusted_until_ms = claim->sent_ms + t->conf.lease_ms - t->conf.margin_ms;
	l->renew_at_ms = claim->sent_ms + t->conf.renew_ms;
	if (map_set(&t->by_id, l->id, l, NULL) < 0) {
		lease_free(l);
		return err_set(err, ERR_LIMIT, "%d runs are held already", LEASE_MAX);
	}
	schedule(t, l);
	return 0;
}

int lease_carried(struct lease_table *t, const struct lease *from, int64_t now_ms,
		  struct error *err)
{
	struct lease *l;

	if (from->state < LEASE_CLAIMED || from->state > LEASE_STARTED ||
	    lease_get(t, from->id) != NULL) {
		return err_set(err, ERR_CONFLICT, "run %s cannot be taken over",
			       from->id);
	}
	l = xcalloc(1, sizeof(*l));
	*l = *from;
	l->deadline = (struct heap_node){0};
	l->queue = xstrdup(from->queue);
	l->renew_at_ms = now_ms;
	if (map_set(&t->by_id, l->id, l, NULL) < 0) {
		lease_free(l);
		return err_set(err, ERR_LIMIT, "%d runs are held already", LEASE_MAX);
	}
	schedule(t, l);
	return 0;
}

int lease_move(struct lease_table *t, const char *id, enum lease_state next,
	       struct error *err)
{
	struct lease *l = lease_get(t, id);

	if (l == NULL) {
		return err_set(err, ERR_NOT_FOUND, "run %s is not held", id);
	}
	if (!lease_move_allowed(l->state, next)) {
		return err_set(err, ERR_CONFLICT, "run %s is %s and cannot become %s",
			       id, states[l->state].name, states[next].name);
	}
	lease_set(t, l, next);
	return 0;
}

int64_t lease_tick(struct lease_table *t, int64_t now_ms, struct lease_actions *out)
{
	int64_t limit = now_ms;
	struct heap_node *n;

	while ((n = heap_min(&t->by_time)) != NULL && n->key <= limit) {
		struct lease *l = container_of(n, struct lease, deadline);
		if (l->trusted_until_ms <= now_ms) {
			lease_lose(t, l, LEASE_WHY_UNRENEWED, out);
			continue;
		}
		if (l->renew_at_ms > limit) {
			break; /* only its end is near, and a renewal is under way */
		}
		act(out, l, LEASE_ACT_RENEW, LEASE_WHY_NONE);
		l->renew_at_ms = limit + t->conf.renew_ms;
		schedule(t, l);
		limit = now_ms + t->conf.renew_ms / RENEW_SLACK;
	}
	return heap_min_key(&t->by_time);
}

static struct lease *asked_lease(struct lease_table *t,
				 const struct lease_action *asked)
{
	struct lease *l = lease_get(t, asked->id);
	return l != NULL && l->token == asked->token ? l : NULL;
}

static void want_cancel(struct lease *l, struct lease_actions *out)
{
	if (!l->cancel_told && l->state != LEASE_ENDING) {
		l->cancel_told = 1;
		act(out, l, LEASE_ACT_CANCEL, LEASE_WHY_NONE);
	}
}

void lease_renewed(struct lease_table *t, const struct lease_action *asked,
		   int64_t value, int64_t sent_ms, struct lease_actions *out)
{
	struct lease *l = asked_lease(t, asked);

	if (l == NULL) {
		return;
	}
	if (value == 0) {
		lease_lose(t, l, LEASE_WHY_TAKEN, out);
		return;
	}
	int64_t until = sent_ms + t->conf.lease_ms - t->conf.margin_ms;
	l->trusted_until_ms = MAX_OF(l->trusted_until_ms, until);
	l->renew_at_ms = MAX_OF(l->renew_at_ms, sent_ms + t->conf.renew_ms);
	schedule(t, l);
	if (value == 2) {
		want_cancel(l, out);
	}
}

void lease_renew_failed(struct lease_table *t, const struct lease_action *asked,
			int64_t now_ms, int64_t retry_ms)
{
	struct lease *l = asked_lease(t, asked);

	if (l != NULL) {
		l->renew_at_ms = now_ms + retry_ms;
		schedule(t, l);
	}
}

void lease_renew_all(struct lease_table *t, int64_t now_ms)
{
	for (struct map_iter i = {0}; map_next(&t->by_id, &i);) {
		struct lease *l = i.value;
		l->renew_at_ms = now_ms;
		schedule(t, l);
	}
}

void lease_cancel_wanted(struct lease_table *t, const char *id,
			 struct lease_actions *out)
{
	struct lease *l = lease_get(t, id);

	if (l != NULL) {
		want_cancel(l, out);
	}
}
