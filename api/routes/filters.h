/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filters.h - the filter, sort and page part of a list request
 *(server-contract 1.4, 1.5).
 *
 * A filter body becomes a predicate over the target's table by its fixed alias;
 *statements that take the predicate name their tables so: flow f, flow_run fr, task_run
 *tr, deployment d, deployment_schedule ds, work_pool wp, work_queue wq, worker w, log
 *l, artifact a, artifact_collection ac (joined with its latest artifact a), variable v,
 *automation au, block_type bt, block_schema bs, block_document bd Filters of other
 *entities become EXISTS with the same aliases inside; joins of the outer statement use
 *other names.
 */
#ifndef API_ROUTES_FILTERS_H
#define API_ROUTES_FILTERS_H

#include <stdint.h>

#include <jansson.h>

#include "api/db/db.h"

struct db_pred;
struct http_invalid;
struct http_req;

enum entity {
	ENT_FLOW = 1,
	ENT_FLOW_RUN,
	ENT_TASK_RUN,
	ENT_DEPLOYMENT,
	ENT_DEPLOYMENT_SCHEDULE,
	ENT_WORK_POOL,
	ENT_WORK_QUEUE,
	ENT_WORKER,
	ENT_LOG,
	ENT_ARTIFACT,
	ENT_ARTIFACT_COLLECTION,
	ENT_VARIABLE,
	ENT_AUTOMATION,
	ENT_BLOCK_TYPE,
	ENT_BLOCK_SCHEMA,
	ENT_BLOCK_DOCUMENT,
	ENT_SAVED_SEARCH,      /* lists only: no filter, one order */
	ENT_CONCURRENCY_LIMIT, /* likewise */
	ENT_MAX
};

/*
 * Decodes the filters of BODY (object; other keys are ignored) for a list of TARGET.
 * Problems go to V.  *ret (owned, pred_free()) may get more members of the caller's:
 * they are ANDed. Returns 0, or -ERR_INVALID (then *ret is untouched).
 */
int filter_decode(const json_t *body, enum entity target, struct db_pred **ret,
		  struct http_invalid *v);

/* One entity's filter object alone, below LOC ("flow_runs"), for a predicate over its
 * alias. Members are added to P.  Returns the number of problems. */
size_t filter_add(struct db_pred *p, const json_t *filter, enum entity entity,
		  const char *loc, struct http_invalid *v);

struct list_args {
	int64_t limit, offset;
	int64_t page;        /* /paginate: 1.. */
	enum sql_frag order; /* SQL_FRAG_NONE for entities without a sort */
};

/*
 * limit and sort with offset, or with page when PAGED (offset is computed then).
 * Problems go to V.  Returns 0, or a negative code when the request has been answered
 * already (a limit that is out of range has an answer of its own shape).
 */
int list_args_decode(struct http_req *r, const json_t *body, enum entity target,
		     int paged, struct list_args *ret, struct http_invalid *v);

/* "sort" alone; without one *RET_ORDER stays as it is.  Problems go to V. */
void list_sort_decode(const json_t *body, enum entity target, enum sql_frag *ret_order,
		      struct http_invalid *v);

/*
 * The whole head of a filter route: body (may be empty), list_args (LA may be NULL: a
 * count), filter.  Returns 0 and *ret_pred (owned), or a negative code when the request
 * has been answered already.
 */
int filter_request(struct http_req *r, enum entity target, int paged,
		   struct list_args *la, struct db_pred **ret_pred);

#endif
