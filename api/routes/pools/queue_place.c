/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_place.c - priorities of the queues of one pool: 1 is polled first.
 */
#include <stdlib.h>

#include "api/db/db.h"
#include "api/routes/pools/queue_store.h"
#include "api/services/outbox.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/mem.h"

#define QUEUES_PER_POOL_MAX 10000

int64_t queue_rank_free(const struct queue_rank *ranks, size_t count)
{
	int64_t want = 1;

	for (size_t i = 0; i < count; i++) {
		if (ranks[i].priority == want) {
			want++;
		} else if (ranks[i].priority > want) {
			break;
		}
	}
	return want;
}

void queue_ranks_insert(struct queue_rank *ranks, size_t count, const struct uuid *id,
			int64_t priority)
{
	size_t at = 0;
	int64_t last = 0;

	while (at < count && ranks[at].priority < priority) {
		at++;
	}
	for (size_t i = count; i > at; i--) {
		ranks[i] = ranks[i - 1];
	}
	ranks[at] = (struct queue_rank){.id = *id, .priority = priority, .changed = 1};
	for (size_t i = 0; i <= count; i++) {
		if (ranks[i].priority <= last) {
			ranks[i].priority = last + 1;
			ranks[i].changed = 1;
		}
		last = ranks[i].priority;
	}
}

/* All queues of the pool but ID, in order; one place more than *ret_count. */
static int read_ranks(struct tx *tx, const struct uuid *pool_id, const struct uuid *id,
		      struct queue_rank **ret_ranks, size_t *ret_count,
		      struct error *err)
{
	struct queue_rank *ranks = xcalloc(1, sizeof(*ranks));
	struct db_rows *r = NULL;
	size_t count = 0;
	int rc = db_query(tx->c, SQL_WORK_QUEUE_PRIORITIES, DB_ARGS(db_a_uuid(pool_id)),
			  1, &r, err);

	while (rc == 0 && count < QUEUES_PER_POOL_MAX) {
		struct queue_rank rank = {0};

		rc = db_next(r, err);
		if (rc <= 0) {
			break;
		}
		rc = 0;
		(void)db_uuid(r, 0, &rank.id);
		rank.priority = db_int(r, 1);
		if (!uuid_equal(&rank.id, id)) {
			ranks = xreallocarray(ranks, count + 2, sizeof(*ranks));
			ranks[count++] = rank;
		}
	}
	db_rows_free(r);
	if (rc < 0) {
		free(ranks);
		return rc;
	}
	*ret_ranks = ranks;
	*ret_count = count;
	return 0;
}

int queue_place(struct tx *tx, const struct uuid *pool_id, const struct uuid *id,
		int64_t priority, struct error *err)
{
	struct queue_rank *ranks = NULL;
	size_t count = 0;
	int rc = read_ranks(tx, pool_id, id, &ranks, &count, err);

	if (rc < 0) {
		return rc;
	}
	if (priority <= 0) {
		priority = queue_rank_free(ranks, count);
	}
	queue_ranks_insert(ranks, count, id, priority);
	for (size_t i = 0; i <= count && rc == 0; i++) {
		if (!ranks[i].changed) {
			continue;
		}
		rc = db_exec(tx->c, SQL_WORK_QUEUE_SET_PRIORITY,
			     DB_ARGS(db_a_uuid(&ranks[i].id), db_a_time(tx->now_us),
				     db_a_int(ranks[i].priority)),
			     3, NULL, err);
		if (rc == 0 && !uuid_equal(&ranks[i].id, id)) {
			rc = outbox_queue(tx, &ranks[i].id, err);
		}
	}
	free(ranks);
	return rc;
}
