/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work_queues.c - /work_queues and /work_pools/{pool}/queues: create, read, delete,
 * list. Changes are in work_queue_update.c, polls in work_pool_runs.c.
 */
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/db/pred.h"
#include "api/http/http.h"
#include "api/routes/body.h"
#include "api/routes/decode.h"
#include "api/routes/filters.h"
#include "api/routes/pools/pool_store.h"
#include "api/routes/pools_tables.h"
#include "api/routes/pools/queue_routes.h"
#include "api/routes/pools/queue_store.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/timefmt.h"

struct queue_create_body {
	json_t *root;
	char *pool; /* NULL: the legacy pool, made when it is missing */
	const char *name, *description;
	int is_paused;
	int64_t concurrency_limit, priority;
	json_t *filter;
	struct decoded has;
};

static const struct field create_fields[] = {
    FIELD(struct queue_create_body, name, F_STR, .flags = F_REQUIRED | F_NAME),
    FIELD(struct queue_create_body, description, F_STR),
    FIELD(struct queue_create_body, is_paused, F_BOOL, .flags = F_NOT_NULL),
    FIELD(struct queue_create_body, concurrency_limit, F_INT, .max = INT64_MAX),
    FIELD(struct queue_create_body, priority, F_INT, .flags = F_GT, .max = INT32_MAX),
    FIELD(struct queue_create_body, filter, F_OBJ),
};
static const struct body_spec create_spec = {create_fields, 6, 1, 0};

static void create_free(void *arg)
{
	struct queue_create_body *b = arg;

	json_decref(b->root);
	free(b->pool);
	free(b);
}

int queue_not_found(struct tx *tx, const char *pool, const char *name,
		    struct error *err)
{
	return tx_detail(tx, err, ERR_NOT_FOUND, 404,
			 "Work pool queue '%s/%s' not found.", pool, name);
}

static int answer_queue(struct tx *tx, const struct work_queue *q, int status)
{
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	queue_write(&w, NULL, q);
	tx->status = status;
	return 0;
}

/* The pool that queues without a pool live in. */
int queue_legacy_pool(struct tx *tx, struct work_pool *ret_pool, int *ret_made,
		      struct error *err)
{
	struct pool_new n = {
	    .name = POOL_DEFAULT_AGENT,
	    .type = POOL_AGENT_TYPE,
	    .limit = -1,
	};
	int rc = pool_find(tx, n.name, ret_pool, err);

	if (ret_made != NULL) {
		*ret_made = rc == 0;
	}
	if (rc == 0) {
		rc = pool_create(tx, &n, ret_pool, err);
	}
	return rc < 0 ? rc : 0;
}

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct queue_create_body *b = arg;
	struct work_pool p = {0};
	struct work_queue q = {0};
	struct queue_new n = {
	    .name = b->name,
	    .description = b->description,
	    .is_paused = b->is_paused,
	    .limit = DECODED_HAS(&b->has, 3) ? b->concurrency_limit : -1,
	    .priority = b->priority,
	};
	int made = 0;
	int rc = b->pool != NULL ? pool_by_name(tx, b->pool, &p, err)
				 : queue_legacy_pool(tx, &p, &made, err);

	if (rc == 0) {
		rc = made && strcmp(b->name, "default") == 0
			 ? MIN_OF(queue_find(tx, &p.default_queue_id, &q, err), 0)
			 : queue_create(tx, &p, &n, &q, err);
		if (rc == -ERR_CONFLICT) {
			rc = tx_detail(tx, err, ERR_CONFLICT, 409,
				       "A work queue with this name already exists in "
				       "work pool '%s'.",
				       p.name);
		}
	}
	if (rc == 0) {
		rc = answer_queue(tx, &q, 201);
	}
	queue_release(&q);
	pool_release(&p);
	return rc;
}

static void create_in(struct http_req *r, const char *pool)
{
	struct queue_create_body *b = xcalloc(1, sizeof(*b));

	b->pool = pool != NULL ? xstrdup(pool) : NULL;
	b->root = body_decode(r, &create_spec, b, &b->has, NULL);
	if (b->root == NULL) {
		create_free(b);
		return;
	}
	tx_submit(r, DB_WRITE, create_work, b, create_free);
}

static void route_create(struct http_req *r)
{
	create_in(r, http_param(r, "work_pool_name"));
}

static void route_create_legacy(struct http_req *r)
{
	create_in(r, NULL);
}

void queue_key_free(void *arg)
{
	struct queue_key *k = arg;

	free(k->pool);
	free(k->name);
	free(k);
}

struct queue_key *queue_key_new(struct http_req *r)
{
	struct queue_key *k = xcalloc(1, sizeof(*k));
	const char *pool = http_param(r, "work_pool_name");
	const char *name = http_param(r, "name");

	if (name == NULL) {
		http_param_uuid(r, "id", &k->id);
		return k;
	}
	k->pool = xstrdup(pool != NULL ? pool : POOL_DEFAULT_AGENT);
	k->name = xstrdup(name);
	k->legacy = pool == NULL;
	return k;
}

int queue_by_key(struct tx *tx, const struct queue_key *k, struct work_queue *ret_queue,
		 struct error *err)
{
	struct work_pool p = {0};
	int rc;

	if (k->name == NULL) {
		rc = queue_find(tx, &k->id, ret_queue, err);
		if (rc == 0) {
			return tx_detail(tx, err, ERR_NOT_FOUND, 404,
					 "work queue not found");
		}
		return rc < 0 ? rc : 0;
	}
	if (!k->legacy) {
		rc = pool_by_name(tx, k->pool, &p, err);
		pool_release(&p);
		if (rc < 0) {
			return rc;
		}
	}
	rc = queue_find_by_name(tx, k->pool, k->name, ret_queue, err);
	if (rc == 0) {
		return k->legacy ? tx_detail(tx, err, ERR_NOT_FOUND, 404,
					     "work queue not found")
				 : queue_not_found(tx, k->pool, k->name, err);
	}
	return rc < 0 ? rc : 0;
}

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	struct work_queue q = {0};
	int rc = queue_by_key(tx, arg, &q, err);

	if (rc == 0) {
		rc = answer_queue(tx, &q, 200);
	}
	queue_release(&q);
	return rc;
}

static void route_read(struct http_req *r)
{
	tx_submit(r, DB_READ, read_work, queue_key_new(r), queue_key_free);
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	struct work_queue q = {0};
	int rc = queue_by_key(tx, arg, &q, err);

	if (rc == 0) {
		rc = queue_delete(tx, &q, err);
		if (rc == -ERR_CONFLICT) {
			rc = tx_detail(tx, err, ERR_CONFLICT, 409,
				       "Work queue '%s' is the default queue of work "
				       "pool '%s' and cannot "
				       "be deleted.",
				       q.name, q.pool_name);
		}
	}
	queue_release(&q);
	tx->empty = rc == 0;
	tx->status = rc == 0 ? 204 : tx->status;
	return rc;
}

static void route_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, delete_work, queue_key_new(r), queue_key_free);
}

static int status_work(struct tx *tx, void *arg, struct error *err)
{
	const struct queue_key *k = arg;
	struct work_queue q = {0};
	int64_t late = 0;
	struct jsonw w;
	int rc = queue_find(tx, &k->id, &q, err);

	if (rc == 0) {
		return tx_exception(tx, err, ERR_NOT_FOUND, 404,
				    "Work queue with id %s not found",
				    uuid_str(&k->id));
	}
	if (rc > 0) {
		rc = db_one_int(tx->c, SQL_WORK_QUEUE_LATE_RUNS,
				DB_ARGS(db_a_uuid(&k->id)), 1, &late, err);
	}
	if (rc >= 0) {
		jsonw_init(&w, &tx->body);
		jsonw_obj(&w, NULL);
		jsonw_bool(&w, "healthy",
			   late == 0 && q.last_polled_us != TIME_NONE &&
			       tx->now_us - q.last_polled_us <= QUEUE_POLLED_US);
		jsonw_int(&w, "late_runs_count", late);
		jsonw_time(&w, "last_polled", q.last_polled_us);
		jsonw_obj(&w, "health_check_policy");
		jsonw_int(&w, "maximum_late_runs", 0);
		jsonw_int(&w, "maximum_seconds_since_last_polled", 60);
		jsonw_obj_end(&w);
		jsonw_obj_end(&w);
		rc = 0;
	}
	queue_release(&q);
	return rc;
}

static void route_status(struct http_req *r)
{
	tx_submit(r, DB_READ, status_work, queue_key_new(r), queue_key_free);
}

struct queue_list {
	struct list_args page;
	struct db_pred *pred;
	char *pool; /* NULL: of all pools, by name */
};

static void queue_list_free(void *arg)
{
	struct queue_list *l = arg;

	pred_free(l->pred);
	free(l->pool);
	free(l);
}

static int select_queues(struct tx *tx, const struct queue_list *l,
			 struct db_rows **ret_rows, struct error *err)
{
	struct work_pool p = {0};
	int rc;

	if (l->pool == NULL) {
		return db_select(tx->c, SQL_WORK_QUEUE_FILTER, NULL, 0, l->pred,
				 SQL_FRAG_NONE, l->page.limit, l->page.offset, ret_rows,
				 err);
	}
	rc = pool_by_name(tx, l->pool, &p, err);
	if (rc == 0) {
		rc = db_select(tx->c, SQL_WORK_QUEUE_OF_POOL, DB_ARGS(db_a_uuid(&p.id)),
			       1, l->pred, SQL_FRAG_NONE, l->page.limit, l->page.offset,
			       ret_rows, err);
	}
	pool_release(&p);
	return rc;
}

static int list_work(struct tx *tx, void *arg, struct error *err)
{
	struct db_rows *rows = NULL;
	struct jsonw w;
	int rc = select_queues(tx, arg, &rows, err);

	if (rc < 0) {
		return rc;
	}
	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	while ((rc = db_next(rows, err)) > 0) {
		struct work_queue q;

		queue_from_row(&q, rows);
		queue_write(&w, NULL, &q);
		queue_release(&q);
	}
	jsonw_arr_end(&w);
	db_rows_free(rows);
	return rc;
}

static void route_list(struct http_req *r)
{
	struct queue_list *l = xcalloc(1, sizeof(*l));
	const char *pool = http_param(r, "work_pool_name");

	l->pool = pool != NULL ? xstrdup(pool) : NULL;
	if (filter_request(r, ENT_WORK_QUEUE, 0, &l->page, &l->pred) < 0) {
		queue_list_free(l);
		return;
	}
	tx_submit(r, DB_READ, list_work, l, queue_list_free);
}

#define POOL_QUEUES "/work_pools/{work_pool_name}/queues"

const struct route work_queue_routes[] = {
    {"POST", POOL_QUEUES, route_create, 0, 0},
    {"POST", POOL_QUEUES "/filter", route_list, 0, 0},
    {"GET", POOL_QUEUES "/{name}", route_read, 0, 0},
    {"PATCH", POOL_QUEUES "/{name}", route_queue_update, 0, 0},
    {"DELETE", POOL_QUEUES "/{name}", route_delete, 0, 0},
    {"POST", "/work_queues/", route_create_legacy, 0, 0},
    {"POST", "/work_queues/filter", route_list, 0, 0},
    {"GET", "/work_queues/name/{name}", route_read, 0, 0},
    {"GET", "/work_queues/{id}", route_read, 0, 0},
    {"PATCH", "/work_queues/{id}", route_queue_update, 0, 0},
    {"DELETE", "/work_queues/{id}", route_delete, 0, 0},
    {"GET", "/work_queues/{id}/status", route_status, 0, 0},
    {0},
};
