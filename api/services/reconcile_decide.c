/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_decide.c - is the owner of a run gone?  Pure. */
#include <string.h>

#include "api/services/reconciler.h"

#define LOST_AFTER_US \
	(60 * 1000000LL) /* a lease of 15 s, and a margin for slow parts */

static int is_old(int64_t since_us, int64_t now_us)
{
	return now_us - since_us > LOST_AFTER_US;
}

enum owned_verdict owned_decide(const struct owned_facts *f)
{
	const char *st = f->redis_state != NULL ? f->redis_state : "";
	int64_t news_us = f->state_at_us;

	if (strcmp(st, "leased") == 0 || strcmp(st, "lost") == 0) {
		if (f->expires_ms > 0 && f->expires_ms * 1000 > news_us) {
			news_us = f->expires_ms * 1000;
		}
		return is_old(news_us, f->now_us) ? OWNED_LOST : OWNED_ALIVE;
	}
	if (st[0] == '\0') {
		return OWNED_RESTORE;
	}
	if (strcmp(st, "ready") == 0) {
		/* given back: the next worker takes it, if it can: a Pending run
		 * occupies a place of its pool for as long as it is Pending */
		return f->pending && is_old(news_us, f->now_us) ? OWNED_RETURNED
								: OWNED_WAIT;
	}
	return is_old(news_us, f->now_us) ? OWNED_LOST : OWNED_WAIT;
}
