/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work_pools.c - /work_pools: create, read, update, delete, list.
 */
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/db/pred.h"
#include "api/events/emit.h"
#include "api/http/http.h"
#include "api/routes/body.h"
#include "api/routes/changes.h"
#include "api/routes/decode.h"
#include "api/routes/filters.h"
#include "api/routes/pools/pool_store.h"
#include "api/routes/pools/pool_template.h"
#include "api/routes/pools/queue_store.h"
#include "api/routes/pools_tables.h"
#include "api/services/outbox.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"

/* WorkPoolCreate and WorkPoolUpdate; the bits of `has` are the places in the table. */
struct pool_body {
	json_t *root; /* owned */
	char *path_name;
	const char *name, *description, *type;
	json_t *base_job_template, *storage_configuration;
	int is_paused;
	int64_t concurrency_limit;
	struct decoded has;
};

enum pool_field {
	PF_DESCRIPTION,
	PF_PAUSED,
	PF_TEMPLATE,
	PF_LIMIT,
	PF_STORAGE,
	PF_NAME,
	PF_TYPE
};

static const struct field create_fields[] = {
    [PF_DESCRIPTION] = FIELD(struct pool_body, description, F_STR),
    [PF_PAUSED] = FIELD(struct pool_body, is_paused, F_BOOL, .flags = F_NOT_NULL),
    [PF_TEMPLATE] =
	FIELD(struct pool_body, base_job_template, F_OBJ, .flags = F_NOT_NULL),
    [PF_LIMIT] = FIELD(struct pool_body, concurrency_limit, F_INT, .max = INT64_MAX),
    [PF_STORAGE] = FIELD(struct pool_body, storage_configuration, F_OBJ),
    [PF_NAME] = FIELD(struct pool_body, name, F_STR, .flags = F_REQUIRED | F_NAME),
    [PF_TYPE] = FIELD(struct pool_body, type, F_STR, .flags = F_NOT_NULL),
};
static const struct body_spec create_spec = {create_fields, 7, 1, 0};
/* The first five are WorkPoolUpdate's. */
static const struct field update_fields[] = {
    [PF_DESCRIPTION] = FIELD(struct pool_body, description, F_STR),
    [PF_PAUSED] = FIELD(struct pool_body, is_paused, F_BOOL),
    [PF_TEMPLATE] = FIELD(struct pool_body, base_job_template, F_OBJ),
    [PF_LIMIT] = FIELD(struct pool_body, concurrency_limit, F_INT, .max = INT64_MAX),
    [PF_STORAGE] = FIELD(struct pool_body, storage_configuration, F_OBJ),
};
static const struct body_spec update_spec = {update_fields, 5, 1, 0};

static void pool_body_free(void *arg)
{
	struct pool_body *b = arg;

	json_decref(b->root);
	free(b->path_name);
	free(b);
}

static void check_template(struct http_invalid *v, const struct pool_body *b)
{
	struct error err = {0};

	if (b->base_job_template != NULL &&
	    template_check(b->base_job_template, &err) < 0) {
		body_value_error(v, "base_job_template", b->base_job_template, &err);
	}
}

static void check_name(struct http_invalid *v, const struct pool_body *b)
{
	static const char blank[] = " \t\r\n\"'";

	if (b->name != NULL && strspn(b->name, blank) == strlen(b->name)) {
		http_invalid_add(v, "value_error", "name",
				 json_object_get(b->root, "name"),
				 "Value error, name cannot be an empty string");
	}
}

static int answer_pool(struct tx *tx, const struct work_pool *p, int status)
{
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	pool_write(&w, NULL, p);
	tx->status = status;
	return 0;
}

static int check_defaults(struct tx *tx, const json_t *base, struct error *err)
{
	struct error why = {0};

	if (base == NULL || template_check_defaults(base, &why) == 0) {
		return 0;
	}
	return tx_detail(tx, err, ERR_INVALID, 422,
			 "Validation failed for work pool's job variable defaults: %s",
			 why.msg);
}

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct pool_body *b = arg;
	struct work_pool p = {0};
	char *base =
	    b->base_job_template != NULL ? json_text(b->base_job_template) : NULL;
	char *storage = b->storage_configuration != NULL
			    ? json_text(b->storage_configuration)
			    : NULL;
	struct pool_new n = {
	    .name = b->name,
	    .description = b->description,
	    .type = b->type != NULL ? b->type : POOL_AGENT_TYPE,
	    .base_job_template = base,
	    .storage = storage,
	    .is_paused = b->is_paused,
	    .limit = DECODED_HAS(&b->has, PF_LIMIT) ? b->concurrency_limit : -1,
	};
	int rc = check_defaults(tx, b->base_job_template, err);

	if (rc == 0) {
		rc = pool_create(tx, &n, &p, err);
		if (rc == -ERR_CONFLICT) {
			rc = tx_detail(tx, err, ERR_CONFLICT, 409,
				       "A work pool with this name already exists.");
		}
	}
	if (rc == 0) {
		rc = answer_pool(tx, &p, 201);
	}
	free(base);
	free(storage);
	pool_release(&p);
	return rc;
}

static void route_pool_create(struct http_req *r)
{
	struct pool_body *b = xcalloc(1, sizeof(*b));
	struct http_invalid *v = NULL;

	b->root = body_decode(r, &create_spec, b, &b->has, &v);
	if (b->root == NULL) {
		pool_body_free(b);
		return;
	}
	check_template(v, b);
	check_name(v, b);
	if (body_end(r, v) < 0) {
		pool_body_free(b);
		return;
	}
	if (pool_name_reserved(b->name)) {
		http_reply_detail(r, 403,
				  "Work pools starting with 'Prefect' are reserved for "
				  "internal use.");
		pool_body_free(b);
		return;
	}
	tx_submit(r, DB_WRITE, create_work, b, pool_body_free);
}

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	struct work_pool p = {0};
	int rc = pool_by_name(tx, arg, &p, err);

	if (rc == 0) {
		rc = answer_pool(tx, &p, 200);
	}
	pool_release(&p);
	return rc;
}

static void route_pool_read(struct http_req *r)
{
	tx_submit(r, DB_READ, read_work, xstrdup(http_param(r, "name")), free);
}

static void replace_text(char **dst, const char *value)
{
	free(*dst);
	*dst = value != NULL ? xstrdup(value) : NULL;
}

static void replace_json(char **dst, const json_t *value)
{
	free(*dst);
	*dst = json_text(value);
}

/* null for a column that has none */
static int check_nulls(const struct pool_body *b, struct error *err)
{
	for (int i = 0; i < 2; i++) {
		int field = i == 0 ? PF_PAUSED : PF_TEMPLATE;

		if (DECODED_SET(&b->has, field) && !DECODED_HAS(&b->has, field)) {
			return err_set(err, ERR_CONFLICT,
				       "a work pool has a value here, not null");
		}
	}
	return 0;
}

/* Absent: unchanged.  null: description and limit are cleared. */
static void apply(struct work_pool *p, const struct pool_body *b)
{
	if (DECODED_SET(&b->has, PF_DESCRIPTION)) {
		replace_text(&p->description, b->description);
	}
	if (DECODED_HAS(&b->has, PF_PAUSED)) {
		p->is_paused = b->is_paused;
	}
	if (DECODED_HAS(&b->has, PF_TEMPLATE)) {
		replace_json(&p->base_job_template, b->base_job_template);
	}
	if (DECODED_SET(&b->has, PF_LIMIT)) {
		p->limit = DECODED_HAS(&b->has, PF_LIMIT) ? b->concurrency_limit : -1;
	}
	if (DECODED_HAS(&b->has, PF_STORAGE)) {
		replace_json(&p->storage, b->storage_configuration);
	}
}

static int write_update(struct tx *tx, struct work_pool *p, const struct pool_body *b,
			struct error *err)
{
	enum pool_status status;
	int rc = db_exec(
	    tx->c, SQL_WORK_POOL_UPDATE,
	    DB_ARGS(db_a_uuid(&p->id), db_a_time(tx->now_us), db_a_text(p->description),
		    db_a_text(p->base_job_template), db_a_int(p->is_paused),
		    p->limit >= 0 ? db_a_int(p->limit) : db_a_null(),
		    db_a_text(p->storage)),
	    7, NULL, err);

	if (rc == 0 &&
	    (DECODED_HAS(&b->has, PF_PAUSED) || DECODED_SET(&b->has, PF_LIMIT))) {
		rc = outbox_pool(tx, p->name, err);
	}
	if (rc == 0 && DECODED_HAS(&b->has, PF_PAUSED)) {
		rc = pool_status_now(tx, p, &status, err);
		if (rc == 0) {
			rc = pool_set_status(tx, p, status, err);
		}
	}
	return rc;
}

/* Reserved pools: only pause and limit may change. */
static int reserved_change(const struct work_pool *p, const struct pool_body *b)
{
	return pool_name_reserved(p->name) &&
	       (DECODED_SET(&b->has, PF_DESCRIPTION) ||
		DECODED_SET(&b->has, PF_TEMPLATE) || DECODED_SET(&b->has, PF_STORAGE));
}

/* Tells what changed; status changes have events of their own. */
static int emit_changes(struct tx *tx, const struct work_pool *old,
			const struct work_pool *p, struct error *err)
{
	struct changes c;
	int rc = 0;

	changes_init(&c);
	changes_text(&c, "description", old->description, p->description);
	changes_json_text(&c, "base_job_template", old->base_job_template,
			  p->base_job_template);
	changes_int(&c, "concurrency_limit", old->limit, p->limit);
	changes_json_text(&c, "storage_configuration", old->storage, p->storage);
	if (changes_any(&c)) {
		rc = pool_emit(tx, p, "updated", changes_payload(&c), err);
	}
	changes_release(&c);
	return rc;
}

static int update_work(struct tx *tx, void *arg, struct error *err)
{
	const struct pool_body *b = arg;
	struct work_pool p = {0}, old = {0};
	int rc = pool_by_name(tx, b->path_name, &p, err);

	if (rc == 0 && reserved_change(&p, b)) {
		rc = tx_detail(tx, err, ERR_FORBIDDEN, 403,
			       "Work pools starting with 'Prefect' are reserved for "
			       "internal use and can "
			       "only be updated to set concurrency limits or pause.");
	}
	if (rc == 0) { /* defaults of variables are looked at when a pool is made */
		rc = check_nulls(b, err);
	}
	if (rc == 0) {
		rc = pool_by_name(tx, b->path_name, &old, err);
	}
	if (rc == 0) {
		apply(&p, b);
		rc = write_update(tx, &p, b, err);
	}
	if (rc == 0) {
		rc = emit_changes(tx, &old, &p, err);
	}
	pool_release(&old);
	pool_release(&p);
	tx->fx |= FX_POOLS;
	tx->empty = rc == 0;
	tx->status = rc == 0 ? 204 : tx->status;
	return rc;
}

static void route_pool_update(struct http_req *r)
{
	struct pool_body *b = xcalloc(1, sizeof(*b));
	struct http_invalid *v = NULL;

	b->path_name = xstrdup(http_param(r, "name"));
	b->root = body_decode(r, &update_spec, b, &b->has, &v);
	if (b->root == NULL) {
		pool_body_free(b);
		return;
	}
	check_template(v, b);
	if (body_end(r, v) < 0) {
		pool_body_free(b);
		return;
	}
	tx_submit(r, DB_WRITE, update_work, b, pool_body_free);
}

#define QUEUES_TOLD 200

/* Its queues go with it, and say so. */
static int emit_queues_deleted(struct tx *tx, const struct work_pool *p,
			       struct error *err)
{
	struct uuid ids[QUEUES_TOLD];
	struct work_queue q;
	struct db_rows *rows = NULL;
	size_t n = 0;
	int rc =
	    db_query(tx->c, SQL_WORK_QUEUE_IDS_OF_POOL,
		     DB_ARGS(db_a_uuid(&p->id), db_a_int(QUEUES_TOLD)), 2, &rows, err);

	while (rc >= 0 && n < QUEUES_TOLD && (rc = db_next(rows, err)) > 0) {
		(void)db_uuid(rows, 0, &ids[n++]);
	}
	db_rows_free(rows);
	for (size_t i = 0; rc >= 0 && i < n; i++) {
		rc = queue_find(tx, &ids[i], &q, err);
		if (rc == 1) {
			rc = queue_emit(tx, &q, "deleted", NULL, err);
			queue_release(&q);
		}
	}
	return MIN_OF(rc, 0);
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	struct work_pool p = {0};
	int rc = pool_by_name(tx, arg, &p, err);

	if (rc == 0 && pool_name_reserved(p.name)) {
		rc = tx_detail(tx, err, ERR_FORBIDDEN, 403,
			       "Work pools starting with 'Prefect' are reserved for "
			       "internal use and can not "
			       "be deleted.");
	}
	rc = rc < 0 ? rc : emit_queues_deleted(tx, &p, err);
	rc = rc < 0 ? rc : pool_emit(tx, &p, "deleted", NULL, err);
	if (rc == 0) {
		rc = outbox_pool_gone(tx, p.name, err);
	}
	if (rc == 0) {
		rc = db_exec(tx->c, SQL_WORK_POOL_DELETE, DB_ARGS(db_a_uuid(&p.id)), 1,
			     NULL, err);
	}
	pool_release(&p);
	tx->empty = rc == 0;
	tx->status = rc == 0 ? 204 : tx->status;
	return rc;
}

static void route_pool_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, delete_work, xstrdup(http_param(r, "name")), free);
}

struct pool_list {
	struct list_args page;
	struct db_pred *pred;
};

static void pool_list_free(void *arg)
{
	struct pool_list *l = arg;

	pred_free(l->pred);
	free(l);
}

static int list_work(struct tx *tx, void *arg, struct error *err)
{
	const struct pool_list *l = arg;
	struct db_rows *rows = NULL;
	struct jsonw w;
	int rc = db_select(tx->c, SQL_WORK_POOL_FILTER, NULL, 0, l->pred, SQL_FRAG_NONE,
			   l->page.limit, l->page.offset, &rows, err);

	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	while (rc >= 0 && (rc = db_next(rows, err)) > 0) {
		struct work_pool p;

		pool_from_row(&p, rows);
		pool_write(&w, NULL, &p);
		pool_release(&p);
	}
	jsonw_arr_end(&w);
	db_rows_free(rows);
	return rc;
}

static void route_pool_list(struct http_req *r)
{
	struct pool_list *l = xcalloc(1, sizeof(*l));

	if (filter_request(r, ENT_WORK_POOL, 0, &l->page, &l->pred) < 0) {
		pool_list_free(l);
		return;
	}
	tx_submit(r, DB_READ, list_work, l, pool_list_free);
}

static int count_work(struct tx *tx, void *arg, struct error *err)
{
	const struct pool_list *l = arg;
	struct db_rows *rows = NULL;
	int rc = db_select(tx->c, SQL_WORK_POOL_COUNT, NULL, 0, l->pred, SQL_FRAG_NONE,
			   -1, -1, &rows, err);

	if (rc == 0 && (rc = db_next(rows, err)) > 0) {
		buf_addf(&tx->body, "%lld", (long long)db_int(rows, 0));
		rc = 0;
	}
	db_rows_free(rows);
	return rc;
}

static void route_pool_count(struct http_req *r)
{
	struct pool_list *l = xcalloc(1, sizeof(*l));

	if (filter_request(r, ENT_WORK_POOL, 0, NULL, &l->pred) < 0) {
		pool_list_free(l);
		return;
	}
	tx_submit(r, DB_READ, count_work, l, pool_list_free);
}

const struct route work_pool_routes[] = {
    {"POST", "/work_pools/", route_pool_create, 0, 0},
    {"POST", "/work_pools/filter", route_pool_list, 0, 0},
    {"POST", "/work_pools/count", route_pool_count, 0, 0},
    {"GET", "/work_pools/{name}", route_pool_read, 0, 0},
    {"PATCH", "/work_pools/{name}", route_pool_update, 0, 0},
    {"DELETE", "/work_pools/{name}", route_pool_delete, 0, 0},
    {0},
};
