/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox_items.c - unanswered items by run.  Order is kept within a run: only its first
 * items are ever sent, and only in one batch at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/outbox_priv.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/queue_ext.h"

#define OWNERS_MAX 1000

void items_init(struct items *t, const uint8_t sender_id[16])
{
	*t = (struct items){0};
	map_init(&t->by_id, OUTBOX_ITEMS_MAX);
	map_init(&t->runs, OUTBOX_ITEMS_MAX);
	TAILQ_INIT(&t->ready);
	TAILQ_INIT(&t->blocked);
	(void)items_owner(t, sender_id);
}

void items_release(struct items *t)
{
	for (struct map_iter i = {0}; map_next(&t->by_id, &i);) {
		free(i.value);
	}
	for (struct map_iter i = {0}; map_next(&t->runs, &i);) {
		free(i.value);
	}
	map_release(&t->by_id);
	map_release(&t->runs);
	free(t->owners);
}

int items_owner(struct items *t, const uint8_t owner[16])
{
	for (int i = 0; i < t->owner_count; i++) {
		if (memcmp(t->owners[i], owner, 16) == 0) {
			return i;
		}
	}
	if (t->owner_count == OWNERS_MAX) {
		return 0; /* seq numbers may repeat then; ids still make it idempotent
			   */
	}
	t->owners =
	    xreallocarray(t->owners, (size_t)t->owner_count + 1, sizeof(*t->owners));
	memcpy(t->owners[t->owner_count], owner, 16);
	return t->owner_count++;
}

static void ready_add(struct items *t, struct run *run)
{
	if (run->in_ready || run->in_flight || run->blocked_ms != 0 ||
	    run->count == 0) {
		return;
	}
	run->in_ready = 1;
	t->unsent += run->count;
	t->urgent += run->urgent;
	if (run->urgent > 0) {
		TAILQ_INSERT_HEAD(&t->ready, run, link);
	} else {
		TAILQ_INSERT_TAIL(&t->ready, run, link);
	}
}

static void ready_remove(struct items *t, struct run *run)
{
	if (!run->in_ready) {
		return;
	}
	run->in_ready = 0;
	TAILQ_REMOVE(&t->ready, run, link);
	t->unsent -= run->count;
	t->urgent -= run->urgent;
}

struct run *items_run(struct items *t, const uint8_t id[16])
{
	struct run *run = map_get_n(&t->runs, id, 16);

	if (run != NULL) {
		return run;
	}
	run = xcalloc(1, sizeof(*run));
	memcpy(run->id, id, 16);
	TAILQ_INIT(&run->items);
	if (map_set_n(&t->runs, id, 16, run, NULL) < 0) {
		free(run);
		return NULL;
	}
	return run;
}

void items_run_unneeded(struct items *t, struct run *run)
{
	if (run->count > 0 || run->in_flight) {
		return;
	}
	ready_remove(t, run);
	if (run->blocked_ms != 0) {
		TAILQ_REMOVE(&t->blocked, run, link);
	}
	(void)map_remove_n(&t->runs, run->id, 16);
	free(run);
}

int items_add(struct items *t, struct run *run, struct item *item)
{
	if (map_get_n(&t->by_id, item->id, 16) != NULL) {
		return -ERR_CONFLICT;
	}
	if (map_set_n(&t->by_id, item->id, 16, item, NULL) < 0) {
		return -ERR_LIMIT;
	}
	item->run = run;
	TAILQ_INSERT_TAIL(&run->items, item, link);
	run->count++;
	run->urgent += (size_t)item->urgent;
	if (!run->in_ready) {
		ready_add(t, run);
		return 0;
	}
	t->unsent++;
	if (item->urgent) {
		t->urgent++;
		TAILQ_REMOVE(&t->ready, run, link);
		TAILQ_INSERT_HEAD(&t->ready, run, link);
	}
	return 0;
}

void items_remove(struct items *t, struct item *item)
{
	struct run *run = item->run;
	int was_ready = run->in_ready;

	ready_remove(t, run);
	TAILQ_REMOVE(&run->items, item, link);
	run->count--;
	run->urgent -= (size_t)item->urgent;
	(void)map_remove_n(&t->by_id, item->id, 16);
	free(item);
	if (was_ready) {
		ready_add(t, run);
	}
	items_run_unneeded(t, run);
}

struct run *items_next_run(struct items *t)
{
	return TAILQ_FIRST(&t->ready);
}

void items_take(struct items *t, struct run *run)
{
	ready_remove(t, run);
	run->in_flight = 1;
}

void items_put_back(struct items *t, struct run *run, int64_t until_ms)
{
	run->in_flight = 0;
	if (until_ms != 0 && run->count > 0) {
		run->blocked_ms = until_ms;
		TAILQ_INSERT_TAIL(&t->blocked, run, link);
		return;
	}
	ready_add(t, run);
	items_run_unneeded(t, run);
}

int64_t items_unblock(struct items *t, int64_t now_ms)
{
	struct run *run, *next;
	int64_t at = INT64_MAX;

	TAILQ_FOREACH_SAFE (run, &t->blocked, link, next) {
		if (run->blocked_ms <= now_ms) {
			TAILQ_REMOVE(&t->blocked, run, link);
			run->blocked_ms = 0;
			ready_add(t, run);
		} else {
			at = MIN_OF(at, run->blocked_ms);
		}
	}
	return at;
}
