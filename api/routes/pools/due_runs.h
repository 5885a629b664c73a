/* SPDX-License-Identifier: Apache-2.0 */
/*
 * due_runs.h - which waiting runs a poll gets (server-contract 7.4): candidates of
 * several queues or deployments, ranked.  Pure.
 */
#ifndef API_ROUTES_POOLS_DUE_RUNS_H
#define API_ROUTES_POOLS_DUE_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"

struct due_run {
	struct uuid id, queue_id;
	int64_t priority, due_us;
	size_t order; /* of arrival: keeps the sort stable */
};
struct due_list {
	struct due_run *runs; /* owned */
	size_t count, size;
};

void due_add(struct due_list *l, const struct due_run *run);
void due_release(struct due_list *l);
/* By priority, then due time; keeps at most MAX. */
void due_rank(struct due_list *l, int64_t max);
/* Free places: LIMIT -1 is none, CAP bounds the answer; never below 0. */
int64_t due_room(int64_t limit, int64_t busy, int64_t cap);

#endif
