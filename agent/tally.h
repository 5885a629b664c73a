/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally.h - the deaths of one worker, and when it is started again.  Pure.
 *
 * The delay doubles with each death, up to TALLY_CAP_MS; a worker that has lived for
 * TALLY_STABLE_MS starts from the beginning.  Half of each delay is random: hosts that
 * lost the same thing do not come back together.
 */
#ifndef AGENT_TALLY_H
#define AGENT_TALLY_H

#include <stdint.h>

#include "base/backoff.h"

#define TALLY_BASE_MS   200
#define TALLY_CAP_MS    60000
#define TALLY_STABLE_MS 60000

struct tally {
	struct backoff backoff;
	uint64_t deaths;   /* ever */
	uint64_t in_a_row; /* without TALLY_STABLE_MS of life between them */
	int64_t started_ms;
	int64_t last_death_ms;
	char last[96]; /* "signal 9 (SIGKILL)" */
};

void tally_init(struct tally *t);
void tally_started(struct tally *t, int64_t now_ms);
/* Counts a death of which HOW is the description; how long to wait before the next
 * start. */
int64_t tally_died(struct tally *t, const char *how, int64_t now_ms, double random_01);

#endif
