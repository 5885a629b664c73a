/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guesses.c - a bucket of attempts for each address.
 */
#include "api/http/guesses.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "base/map.h"
#include "base/mem.h"

struct guesser {
	TAILQ_ENTRY(guesser) link; /* the last to fail is the last */
	char *address;
	int64_t full_ms; /* when all attempts are back */
};

struct guesses {
	struct map by_address;
	TAILQ_HEAD(, guesser) list;
};

struct guesses *guesses_new(void)
{
	struct guesses *g = xcalloc(1, sizeof(*g));

	map_init(&g->by_address, GUESSES_MAX + 1);
	TAILQ_INIT(&g->list);
	return g;
}

static void forget(struct guesses *g, struct guesser *x)
{
	(void)map_remove(&g->by_address, x->address);
	TAILQ_REMOVE(&g->list, x, link);
	free(x->address);
	free(x);
}

void guesses_free(struct guesses *g)
{
	struct guesser *x;

	if (g == NULL) {
		return;
	}
	while ((x = TAILQ_FIRST(&g->list)) != NULL) {
		forget(g, x);
	}
	map_release(&g->by_address);
	free(g);
}

int64_t guesses_wait_ms(struct guesses *g, const char *address, int64_t now_ms)
{
	const struct guesser *x = map_get(&g->by_address, address);
	int64_t left_ms;

	if (x == NULL) {
		return 0;
	}
	left_ms = x->full_ms - now_ms - (int64_t)(GUESSES_FREE - 1) * GUESSES_EACH_MS;
	return left_ms > 0 ? left_ms : 0;
}

void guesses_failed(struct guesses *g, const char *address, int64_t now_ms)
{
	struct guesser *x = map_get(&g->by_address, address);

	if (x == NULL) {
		if (map_count(&g->by_address) >= GUESSES_MAX) {
			forget(g, TAILQ_FIRST(&g->list));
		}
		x = xcalloc(1, sizeof(*x));
		x->address = xstrdup(address);
		(void)map_set(&g->by_address, address, x, NULL);
	} else {
		TAILQ_REMOVE(&g->list, x, link);
	}
	TAILQ_INSERT_TAIL(&g->list, x, link);
	x->full_ms = (x->full_ms > now_ms ? x->full_ms : now_ms) + GUESSES_EACH_MS;
}
