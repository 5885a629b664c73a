/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deployments.c - /deployments: read, list, delete, pause, resume.  Writing is in
 * deployment_create.c and deployment_update.c, runs are made in deployment_run.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/db/db.h"
#include "api/db/pred.h"
#include "api/http/http.h"
#include "api/routes/body.h"
#include "api/routes/decode.h"
#include "api/routes/deployments/deployment_body.h"
#include "api/routes/deployments/deployment_routes.h"
#include "api/routes/deployments/deployment_store.h"
#include "api/routes/filters.h"
#include "api/routes/pools_tables.h"
#include "api/routes/pools/queue_store.h"
#include "api/services/outbox.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"

struct deployment_key {
	struct uuid id;
	char *flow, *name; /* NULL: by id */
	int paused;
};

static void key_free(void *arg)
{
	struct deployment_key *k = arg;

	free(k->flow);
	free(k->name);
	free(k);
}

static struct deployment_key *key_new(struct http_req *r)
{
	struct deployment_key *k = xcalloc(1, sizeof(*k));
	const char *flow = http_param(r, "flow_name");

	if (flow == NULL) {
		http_param_uuid(r, "id", &k->id);
		return k;
	}
	k->flow = xstrdup(flow);
	k->name = xstrdup(http_param(r, "deployment_name"));
	return k;
}

static void take_row(const struct db_rows *r, void *arg)
{
	deployment_from_row(arg, r);
}

static int by_key(struct tx *tx, const struct deployment_key *k, struct deployment *d,
		  struct error *err)
{
	int rc;

	if (k->name == NULL) {
		return deployment_get(tx, &k->id, "Deployment not found", d, err);
	}
	rc = db_one(tx->c, SQL_DEPLOYMENT_BY_NAMES,
		    DB_ARGS(db_a_text(k->flow), db_a_text(k->name)), 2, take_row, d,
		    err);
	if (rc == 0) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Deployment not found");
	}
	return rc < 0 ? rc : 0;
}

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	struct deployment d = {0};
	struct jsonw w;
	int rc = by_key(tx, arg, &d, err);

	if (rc == 0) {
		jsonw_init(&w, &tx->body);
		rc = deployment_write(tx, &w, NULL, &d, err);
	}
	deployment_release(&d);
	return rc;
}

static void route_read(struct http_req *r)
{
	tx_submit(r, DB_READ, read_work, key_new(r), key_free);
}

/* ---- lists ---- */

struct deployment_list {
	struct list_args page;
	struct db_pred *pred;
	int paged;
};

static void list_free(void *arg)
{
	struct deployment_list *l = arg;

	pred_free(l->pred);
	free(l);
}

/* All rows first: each one then asks for its schedules. */
static int select_all(struct tx *tx, const struct deployment_list *l,
		      struct deployment **ret_list, size_t *ret_count,
		      struct error *err)
{
	struct deployment *list = NULL;
	struct db_rows *rows = NULL;
	size_t n = 0;
	int rc = db_select(tx->c, SQL_DEPLOYMENT_FILTER, NULL, 0, l->pred,
			   l->page.order, l->page.limit, l->page.offset, &rows, err);

	while (rc == 0 && (rc = db_next(rows, err)) > 0) {
		list = xreallocarray(list, n + 1, sizeof(*list));
		deployment_from_row(&list[n++], rows);
		rc = 0;
	}
	db_rows_free(rows);
	*ret_list = list;
	*ret_count = n;
	return rc;
}

static int write_list(struct tx *tx, struct jsonw *w, const char *key,
		      const struct deployment_list *l, struct error *err)
{
	struct deployment *list = NULL;
	size_t count = 0;
	int rc = select_all(tx, l, &list, &count, err);

	jsonw_arr(w, key);
	for (size_t i = 0; i < count; i++) {
		if (rc == 0) {
			rc = deployment_write(tx, w, NULL, &list[i], err);
		}
		deployment_release(&list[i]);
	}
	jsonw_arr_end(w);
	free(list);
	return rc;
}

static int count_all(struct tx *tx, const struct deployment_list *l, int64_t *ret_count,
		     struct error *err)
{
	struct db_rows *rows = NULL;
	int rc = db_select(tx->c, SQL_DEPLOYMENT_COUNT, NULL, 0, l->pred, SQL_FRAG_NONE,
			   -1, -1, &rows, err);

	if (rc == 0 && (rc = db_next(rows, err)) > 0) {
		*ret_count = db_int(rows, 0);
		rc = 0;
	}
	db_rows_free(rows);
	return rc;
}

static int filter_work(struct tx *tx, void *arg, struct error *err)
{
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	return write_list(tx, &w, NULL, arg, err);
}

static int paginate_work(struct tx *tx, void *arg, struct error *err)
{
	const struct deployment_list *l = arg;
	int64_t count = 0;
	struct jsonw w;
	int rc = count_all(tx, l, &count, err);

	if (rc < 0) {
		return rc;
	}
	jsonw_init(&w, &tx->body);
	jsonw_obj(&w, NULL);
	rc = write_list(tx, &w, "results", l, err);
	jsonw_int(&w, "count", count);
	jsonw_int(&w, "limit", l->page.limit);
	jsonw_int(&w, "pages",
		  l->page.limit > 0 ? (count + l->page.limit - 1) / l->page.limit : 0);
	jsonw_int(&w, "page", l->page.page);
	jsonw_obj_end(&w);
	return rc;
}

static int count_work(struct tx *tx, void *arg, struct error *err)
{
	int64_t count = 0;
	int rc = count_all(tx, arg, &count, err);

	buf_addf(&tx->body, "%lld", (long long)count);
	return rc;
}

static struct deployment_list *list_new(struct http_req *r, int paged, int counted)
{
	struct deployment_list *l = xcalloc(1, sizeof(*l));

	if (filter_request(r, ENT_DEPLOYMENT, paged, counted ? NULL : &l->page,
			   &l->pred) < 0) {
		list_free(l);
		return NULL;
	}
	return l;
}

static void route_filter(struct http_req *r)
{
	struct deployment_list *l = list_new(r, 0, 0);

	if (l != NULL) {
		tx_submit(r, DB_READ, filter_work, l, list_free);
	}
}

static void route_paginate(struct http_req *r)
{
	struct deployment_list *l = list_new(r, 1, 0);

	if (l != NULL) {
		tx_submit(r, DB_READ, paginate_work, l, list_free);
	}
}

static void route_count(struct http_req *r)
{
	struct deployment_list *l = list_new(r, 0, 1);

	if (l != NULL) {
		tx_submit(r, DB_READ, count_work, l, list_free);
	}
}

/* ---- delete ---- */

static int delete_one(struct tx *tx, const struct deployment *d, struct error *err)
{
	char name[64], id[UUID_TEXT_SIZE];
	int rc = deployment_drop_auto_runs(tx, &d->id, NULL, 1, err);

	if (rc == 0) {
		rc = deployment_drop_scheduled(tx, &d->id, err);
	}
	if (rc == 0) {
		rc = deployment_emit(tx, d, "deleted", NULL, err);
	}
	(void)snprintf(name, sizeof(name), "deployment:%s", uuid_format(&d->id, id));
	if (rc == 0) {
		rc = db_exec(tx->c, SQL_LIMIT_DELETE_BY_NAME, DB_ARGS(db_a_text(name)),
			     1, NULL, err);
	}
	if (rc == 0) {
		rc = outbox_lane(tx, &d->id, err);
	}
	if (rc == 0) {
		rc = db_exec(tx->c, SQL_DEPLOYMENT_DELETE, DB_ARGS(db_a_uuid(&d->id)),
			     1, NULL, err);
	}
	return rc;
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	struct deployment d = {0};
	int rc = by_key(tx, arg, &d, err);

	if (rc == 0) {
		rc = delete_one(tx, &d, err);
	}
	deployment_release(&d);
	tx->empty = rc == 0;
	tx->status = rc == 0 ? 204 : tx->status;
	return rc;
}

static void route_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, delete_work, key_new(r), key_free);
}

static int bulk_delete_work(struct tx *tx, void *arg, struct error *err)
{
	struct deployment *list = NULL;
	size_t count = 0;
	struct jsonw w;
	int rc = select_all(tx, arg, &list, &count, err);

	jsonw_init(&w, &tx->body);
	jsonw_obj(&w, NULL);
	jsonw_arr(&w, "deleted");
	for (size_t i = 0; i < count; i++) {
		if (rc == 0) {
			rc = delete_one(tx, &list[i], err);
			jsonw_uuid(&w, NULL, &list[i].id);
		}
		deployment_release(&list[i]);
	}
	jsonw_arr_end(&w);
	jsonw_obj_end(&w);
	free(list);
	return rc;
}

static void route_bulk_delete(struct http_req *r)
{
	struct bulk {
		int64_t limit;
	} bulk = {.limit = 50};
	static const struct field fields[] = {
	    FIELD(struct bulk, limit, F_INT, .min = 1, .max = 50),
	};
	static const struct body_spec spec = {fields, 1, 0, 1};
	struct deployment_list *l;
	struct decoded d;
	json_t *body = body_decode(r, &spec, &bulk, &d, NULL);

	if (body == NULL) {
		return;
	}
	json_decref(body);
	l = list_new(r, 0, 1);
	if (l != NULL) {
		l->page.limit = bulk.limit;
		l->page.order = SQL_FRAG_NONE;
		tx_submit(r, DB_WRITE, bulk_delete_work, l, list_free);
	}
}

/* ---- pause ---- */

static int pause_work(struct tx *tx, void *arg, struct error *err)
{
	const struct deployment_key *k = arg;
	struct deployment d = {0}, old = {0};
	int rc = deployment_get(tx, &k->id, "Deployment not found", &old, err);

	if (rc == 0) {
		rc = db_exec(tx->c, SQL_DEPLOYMENT_SET_PAUSED,
			     DB_ARGS(db_a_uuid(&k->id), db_a_time(tx->now_us),
				     db_a_int(k->paused)),
			     3, NULL, err);
	}
	if (rc == 0 && k->paused) {
		rc = deployment_drop_auto_runs(tx, &k->id, NULL, 1, err);
	}
	if (rc == 0) {
		rc = deployment_get(tx, &k->id, "Deployment not found", &d, err);
	}
	if (rc == 0) {
		rc = deployment_emit_changes(tx, &old, &d, err);
		tx->fx |= FX_SCHEDULES;
		buf_adds(&tx->body, "null");
	}
	deployment_release(&old);
	deployment_release(&d);
	return rc;
}

static void set_paused(struct http_req *r, int paused)
{
	struct deployment_key *k = key_new(r);

	k->paused = paused;
	tx_submit(r, DB_WRITE, pause_work, k, key_free);
}

static void route_pause(struct http_req *r)
{
	set_paused(r, 1);
}

static void route_resume(struct http_req *r)
{
	set_paused(r, 0);
}

/* The queue that serves the deployment, as a list of none or one. */
static int queue_check_work(struct tx *tx, void *arg, struct error *err)
{
	struct deployment d = {0};
	struct work_queue q = {0};
	struct jsonw w;
	int rc = by_key(tx, arg, &d, err);

	if (rc < 0) {
		return rc;
	}
	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	if (d.has_queue && (rc = queue_find(tx, &d.work_queue_id, &q, err)) > 0) {
		queue_write_core(&w, NULL, &q);
		rc = 0;
	}
	jsonw_arr_end(&w);
	queue_release(&q);
	deployment_release(&d);
	return rc;
}

static void route_queue_check(struct http_req *r)
{
	tx_submit(r, DB_READ, queue_check_work, key_new(r), key_free);
}

const struct route deployment_routes[] = {
    {"POST", "/deployments/", route_deployment_create, 0, 0},
    {"POST", "/deployments/filter", route_filter, 0, 0},
    {"POST", "/deployments/count", route_count, 0, 0},
    {"POST", "/deployments/paginate", route_paginate, 0, 0},
    {"POST", "/deployments/bulk_delete", route_bulk_delete, 0, 0},
    {"POST", "/deployments/get_scheduled_flow_runs", route_deployment_due_runs, 0, 0},
    {"GET", "/deployments/name/{flow_name}/{deployment_name}", route_read, 0, 0},
    {"GET", "/deployments/{id}", route_read, 0, 0},
    {"PATCH", "/deployments/{id}", route_deployment_update, 0, 0},
    {"DELETE", "/deployments/{id}", route_delete, 0, 0},
    {"POST", "/deployments/{id}/pause_deployment", route_pause, 0, 0},
    {"POST", "/deployments/{id}/schedule", route_deployment_schedule, 0, 0},
    {"POST", "/deployments/{id}/resume_deployment", route_resume, 0, 0},
    {"POST", "/deployments/{id}/create_flow_run", route_deployment_run, 0, 0},
    {"POST", "/deployments/{id}/create_flow_run/bulk", route_deployment_run_bulk, 0, 0},
    {"GET", "/deployments/{id}/work_queue_check", route_queue_check, 0, 0},
    {0},
};
