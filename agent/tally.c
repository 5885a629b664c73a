/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally.c - see tally.h.
 */
#include "agent/tally.h"

#include <stdio.h>

void tally_init(struct tally *t)
{
	*t = (struct tally){0};
	backoff_init(&t->backoff, TALLY_BASE_MS, TALLY_CAP_MS);
}

void tally_started(struct tally *t, int64_t now_ms)
{
	t->started_ms = now_ms;
}

int64_t tally_died(struct tally *t, const char *how, int64_t now_ms, double random_01)
{
	if (now_ms - t->started_ms >= TALLY_STABLE_MS) {
		backoff_reset(&t->backoff);
		t->in_a_row = 0;
	}
	t->deaths++;
	t->in_a_row++;
	t->last_death_ms = now_ms;
	(void)snprintf(t->last, sizeof(t->last), "%s", how);
	return backoff_next(&t->backoff, random_01);
}
