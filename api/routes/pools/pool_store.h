/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool_store.h - work pools: rows in memory, their JSON, status changes with events.
 *
 * Admin pause (is_paused) and observed health (status) are separate: only PATCH writes
 * is_paused, and a status is derived from it and from heartbeats.  Database threads
 * only.
 */
#ifndef API_ROUTES_POOLS_POOL_STORE_H
#define API_ROUTES_POOLS_POOL_STORE_H

#include <stdint.h>

#include <jansson.h>

#include "base/uuid.h"

struct db_rows;
struct error;
struct jsonw;
struct tx;

#define POOL_DEFAULT_AGENT "default-agent-pool"
#define POOL_AGENT_TYPE    "prefect-agent"

enum pool_status { POOL_NO_STATUS = 0, POOL_READY, POOL_NOT_READY, POOL_PAUSED };

struct work_pool {
	struct uuid id, default_queue_id, status_event_id;
	int has_default_queue, has_status_event;
	int64_t created_us, updated_us, transitioned_us;
	char *name, *description, *type, *base_job_template, *storage;
	int is_paused;
	int64_t limit; /* -1: none */
	enum pool_status status;
	int64_t active_slots; /* -1: not counted, there is no limit */
};

/* A name that starts with "prefect", in any case, belongs to the product. */
int pool_name_reserved(const char *name);
const char *pool_status_name(enum pool_status s); /* "READY"; NULL for none */

void pool_from_row(struct work_pool *ret_pool, const struct db_rows *r);
void pool_release(struct work_pool *p);
/* Answers 404 by itself: `Work pool "x" not found.` */
int pool_by_name(struct tx *tx, const char *name, struct work_pool *ret_pool,
		 struct error *err);
/* 1 found, 0 not, no answer touched. */
int pool_find(struct tx *tx, const char *name, struct work_pool *ret_pool,
	      struct error *err);
void pool_write(struct jsonw *w, const char *key, const struct work_pool *p);

struct pool_new {
	const char *name, *description, *type;
	const char *base_job_template, *storage; /* JSON text; NULL: {} */
	int is_paused;
	int64_t limit; /* -1: none */
};
/* The pool and its default queue, with their events and outbox rows.  A taken name:
 * -ERR_CONFLICT without an answer. */
int pool_create(struct tx *tx, const struct pool_new *n, struct work_pool *ret_pool,
		struct error *err);
/* Writes and tells a status that differs from the present one; else does nothing. */
int pool_set_status(struct tx *tx, struct work_pool *p, enum pool_status status,
		    struct error *err);
/* READY or NOT_READY by heartbeats, PAUSED by is_paused, none for legacy agents. */
int pool_status_now(struct tx *tx, const struct work_pool *p,
		    enum pool_status *ret_status, struct error *err);
/* "prefect.work-pool.<verb>".  PAYLOAD is taken; without one the default queue is
 * related. */
int pool_emit(struct tx *tx, const struct work_pool *p, const char *verb,
	      json_t *payload, struct error *err);

#endif
