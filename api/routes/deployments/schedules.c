/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedules.c - /deployments/{id}/schedules: list, add, change, remove.
 */
#include <stdlib.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/body.h"
#include "api/routes/deployments/deployment_store.h"
#include "api/routes/pools_tables.h"
#include "api/routes/deployments/schedule_store.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"

struct schedule_request {
	json_t *root; /* owned */
	struct uuid deployment_id, schedule_id;
	struct schedule_in *list; /* owned */
	size_t count;
};

static void request_free(void *arg)
{
	struct schedule_request *q = arg;

	schedule_list_free(q->list, q->count);
	json_decref(q->root);
	free(q);
}

static struct schedule_request *request_new(struct http_req *r, json_t *body)
{
	struct schedule_request *q = xcalloc(1, sizeof(*q));

	q->root = json_incref(body);
	http_param_uuid(r, "id", &q->deployment_id);
	return q;
}

static int deployment_must_exist(struct tx *tx, const struct uuid *id, const char *text,
				 struct error *err)
{
	struct deployment d = {0};
	int rc = deployment_get(tx, id, text, &d, err);

	deployment_release(&d);
	return rc;
}

static int list_work(struct tx *tx, void *arg, struct error *err)
{
	const struct schedule_request *q = arg;
	struct jsonw w;
	int rc =
	    deployment_must_exist(tx, &q->deployment_id, "Deployment not found.", err);

	if (rc == 0) {
		jsonw_init(&w, &tx->body);
		rc = schedule_write_all(tx, &w, NULL, &q->deployment_id, err);
	}
	return rc;
}

static void route_list(struct http_req *r)
{
	tx_submit(r, DB_READ, list_work, request_new(r, NULL), request_free);
}

static int write_by_id(struct tx *tx, struct jsonw *w, const struct uuid *id,
		       struct error *err)
{
	struct schedule_row row = {0};
	int rc = schedule_find(tx, id, &row, err);

	if (rc > 0) {
		schedule_write(w, NULL, &row);
	}
	schedule_row_release(&row);
	return rc < 0 ? rc : 0;
}

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct schedule_request *q = arg;
	struct uuid id;
	struct jsonw w;
	int rc =
	    deployment_must_exist(tx, &q->deployment_id, "Deployment not found.", err);

	if (rc < 0) {
		return rc;
	}
	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	for (size_t i = 0; rc == 0 && i < q->count; i++) {
		rc = schedule_insert(tx, &q->deployment_id, &q->list[i], &id, err);
		if (rc == 0) {
			rc = write_by_id(tx, &w, &id, err);
		}
	}
	jsonw_arr_end(&w);
	if (rc == 0) {
		rc = db_exec(
		    tx->c, SQL_DEPLOYMENT_TOUCH,
		    DB_ARGS(db_a_uuid(&q->deployment_id), db_a_time(tx->now_us)), 2,
		    NULL, err);
	}
	tx->status = 201;
	return rc;
}

static void route_create(struct http_req *r)
{
	json_t *body = http_json_any(r);
	struct schedule_request *q;
	struct http_invalid *v;

	if (body == NULL) {
		return;
	}
	v = http_invalid_new();
	if (!json_is_array(body)) {
		http_invalid_add(v, "list_type", "", body,
				 "Input should be a valid list");
		http_reply_invalid(r, v);
		return;
	}
	q = request_new(r, body);
	q->list = schedule_decode_list(body, 1, "", http_arrived_us(r), &q->count, v);
	if (body_end(r, v) < 0) {
		request_free(q);
		return;
	}
	tx_submit(r, DB_WRITE, create_work, q, request_free);
}

/* The schedule of the path, which must belong to the deployment of the path. */
static int schedule_of_path(struct tx *tx, const struct schedule_request *q,
			    struct schedule_row *ret_row, struct error *err)
{
	int rc =
	    deployment_must_exist(tx, &q->deployment_id, "Deployment not found.", err);

	if (rc == 0) {
		rc = schedule_find(tx, &q->schedule_id, ret_row, err);
		if (rc == 0 || (rc > 0 && !uuid_equal(&ret_row->deployment_id,
						      &q->deployment_id))) {
			rc = tx_detail(tx, err, ERR_NOT_FOUND, 404,
				       "Schedule not found.");
		}
	}
	return rc < 0 ? rc : 0;
}

static int update_work(struct tx *tx, void *arg, struct error *err)
{
	const struct schedule_request *q = arg;
	struct schedule_row row = {0};
	int rc = schedule_of_path(tx, q, &row, err);

	if (rc == 0) {
		rc = schedule_change(tx, &row, &q->list[0], err);
	}
	if (rc == 0) {
		rc = deployment_drop_auto_runs(tx, &q->deployment_id, &q->schedule_id,
					       0, err);
	}
	schedule_row_release(&row);
	tx->empty = rc == 0;
	tx->status = rc == 0 ? 204 : tx->status;
	return rc;
}

static void route_update(struct http_req *r)
{
	json_t *body = http_json(r, 0);
	struct schedule_request *q;
	struct http_invalid *v;

	if (body == NULL) {
		return;
	}
	q = request_new(r, body);
	http_param_uuid(r, "schedule_id", &q->schedule_id);
	v = http_invalid_new();
	q->list = xcalloc(1, sizeof(*q->list));
	q->count = 1;
	schedule_decode(body, 0, "", http_arrived_us(r), &q->list[0], v);
	if (body_end(r, v) < 0) {
		request_free(q);
		return;
	}
	tx_submit(r, DB_WRITE, update_work, q, request_free);
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	const struct schedule_request *q = arg;
	struct schedule_row row = {0};
	int rc = schedule_of_path(tx, q, &row, err);

	if (rc == 0) {
		rc = deployment_drop_auto_runs(tx, &q->deployment_id, &q->schedule_id,
					       1, err);
	}
	if (rc == 0) {
		rc = db_exec(tx->c, SQL_SCHEDULE_DELETE,
			     DB_ARGS(db_a_uuid(&q->schedule_id)), 1, NULL, err);
	}
	schedule_row_release(&row);
	tx->empty = rc == 0;
	tx->status = rc == 0 ? 204 : tx->status;
	return rc;
}

static void route_delete(struct http_req *r)
{
	struct schedule_request *q = request_new(r, NULL);

	http_param_uuid(r, "schedule_id", &q->schedule_id);
	tx_submit(r, DB_WRITE, delete_work, q, request_free);
}

const struct route schedule_routes[] = {
    {"GET", "/deployments/{id}/schedules", route_list, 0, 0},
    {"POST", "/deployments/{id}/schedules", route_create, 0, 0},
    {"PATCH", "/deployments/{id}/schedules/{schedule_id}", route_update, 0, 0},
    {"DELETE", "/deployments/{id}/schedules/{schedule_id}", route_delete, 0, 0},
    {0},
};
