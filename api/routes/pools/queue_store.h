/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_store.h - work queues: rows in memory, their JSON, priorities, status changes.
 * Database threads only.
 */
#ifndef API_ROUTES_POOLS_QUEUE_STORE_H
#define API_ROUTES_POOLS_QUEUE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/uuid.h"

struct db_rows;
struct error;
struct jsonw;
struct tx;
struct work_pool;

#define QUEUE_POLLED_US (60 * 1000000LL) /* polled within: healthy */

enum queue_status { QUEUE_READY = 1, QUEUE_NOT_READY, QUEUE_PAUSED };

struct work_queue {
	struct uuid id, pool_id, pool_default_queue_id;
	int64_t created_us, updated_us, last_polled_us;
	char *name, *description, *pool_name, *pool_type;
	int is_paused;
	int64_t limit; /* -1: none */
	int64_t priority;
	enum queue_status status;
	int64_t active_slots; /* -1: not counted */
};

const char *queue_status_name(enum queue_status s);
void queue_from_row(struct work_queue *ret_queue, const struct db_rows *r);
void queue_release(struct work_queue *q);
/* 1 found, 0 not; no answer touched. */
int queue_find(struct tx *tx, const struct uuid *id, struct work_queue *ret_queue,
	       struct error *err);
int queue_find_by_name(struct tx *tx, const char *pool, const char *name,
		       struct work_queue *ret_queue, struct error *err);
void queue_write(struct jsonw *w, const char *key, const struct work_queue *q);
/* The same without what it takes from its pool and its runs. */
void queue_write_core(struct jsonw *w, const char *key, const struct work_queue *q);

struct queue_new {
	const char *name, *description;
	int is_paused;
	int64_t limit;    /* -1: none */
	int64_t priority; /* 0: the lowest free one */
};
/* With event and outbox row.  A taken name: -ERR_CONFLICT without an answer. */
int queue_create(struct tx *tx, const struct work_pool *pool, const struct queue_new *n,
		 struct work_queue *ret_queue, struct error *err);
/* The queue NAME of POOL, made when it is missing. */
int queue_ensure(struct tx *tx, const struct work_pool *pool, const char *name,
		 struct work_queue *ret_queue, struct error *err);
/* Writes and tells a status that differs from the present one. */
int queue_set_status(struct tx *tx, struct work_queue *q, enum queue_status status,
		     struct error *err);
/* PAUSED, READY when polled lately, else NOT_READY.  Pure. */
enum queue_status queue_status_at(const struct work_queue *q, int64_t now_us);
/* "prefect.work-queue.<verb>".  PAYLOAD (or NULL) is taken. */
int queue_emit(struct tx *tx, const struct work_queue *q, const char *verb,
	       json_t *payload, struct error *err);
/* Deletes the queue; its waiting runs leave Redis.  -ERR_CONFLICT for a default queue.
 */
int queue_delete(struct tx *tx, const struct work_queue *q, struct error *err);
/* Moves ID to PRIORITY among the queues of its pool: it goes in front of the first
 * other queue with that priority or more, successors that collide get the next number.
 */
int queue_place(struct tx *tx, const struct uuid *pool_id, const struct uuid *id,
		int64_t priority, struct error *err);

/* ---- pure ---- */
struct queue_rank {
	struct uuid id;
	int64_t priority;
	int changed;
};
/* RANKS (count + 1 places) is ordered by priority and does not hold ID yet. */
void queue_ranks_insert(struct queue_rank *ranks, size_t count, const struct uuid *id,
			int64_t priority);
/* The lowest unused positive number. */
int64_t queue_rank_free(const struct queue_rank *ranks, size_t count);

#endif
