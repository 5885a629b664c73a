/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work_pool_runs.c - polls: which waiting runs a worker, a legacy agent or a serving
 * process may take.  Nothing is reserved: the Pending proposal decides who gets a run.
 */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/body.h"
#include "api/routes/decode.h"
#include "api/routes/deployments/deployment_routes.h"
#include "api/routes/pools/due_runs.h"
#include "api/routes/flow_run_json.h"
#include "api/routes/pools/poll.h"
#include "api/routes/pools/pool_store.h"
#include "api/routes/pools_tables.h"
#include "api/routes/pools/queue_routes.h"
#include "api/routes/pools/queue_store.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"

#define DEPLOYMENTS_PER_POLL_MAX 1000

struct due_request {
	json_t *root; /* owned */
	char *pool;
	struct uuid queue_id;
	json_t *work_queue_names, *deployment_ids;
	int64_t scheduled_before, scheduled_after, limit;
	struct uuid *ids; /* owned: deployment_ids */
	size_t count;
	struct decoded has;
};

#define DUE(member, ftype, ...) FIELD(struct due_request, member, ftype, ##__VA_ARGS__)
static const struct field pool_fields[] = {
    DUE(work_queue_names, F_TAGS),
    DUE(scheduled_before, F_TIME),
    DUE(scheduled_after, F_TIME),
    DUE(limit, F_INT),
};
static const struct body_spec pool_spec = {pool_fields, 4, 0, 1};
static const struct field queue_fields[] = {
    DUE(scheduled_before, F_TIME),
    DUE(limit, F_INT),
};
static const struct body_spec queue_spec = {queue_fields, 2, 0, 1};
static const struct field deployment_fields[] = {
    DUE(deployment_ids, F_ARR, .flags = F_REQUIRED),
    DUE(scheduled_before, F_TIME),
    DUE(limit, F_INT),
};
static const struct body_spec deployment_spec = {deployment_fields, 3, 0, 1};

static void request_free(void *arg)
{
	struct due_request *q = arg;

	json_decref(q->root);
	free(q->pool);
	free(q->ids);
	free(q);
}

/* NULL: answered. */
static struct due_request *request_new(struct http_req *r, const struct body_spec *spec)
{
	struct due_request *q = xcalloc(1, sizeof(*q));

	q->limit = API_DEFAULT_LIMIT;
	q->scheduled_before = INT64_MAX;
	q->scheduled_after = 0;
	q->root = body_decode(r, spec, q, &q->has, NULL);
	if (q->root != NULL && (q->limit < 0 || q->limit > API_DEFAULT_LIMIT)) {
		http_reply_detail(r, 422, "Invalid limit: must be %s.",
				  q->limit < 0 ? "greater than or equal to 0"
					       : "less than or equal to 200");
	} else if (q->root != NULL) {
		return q;
	}
	request_free(q);
	return NULL;
}

/* ---- candidates ---- */

struct queue_room {
	struct uuid id;
	int64_t priority, room;
};

static int add_due_of_queue(struct tx *tx, struct due_list *l,
			    const struct queue_room *room, const struct due_request *q,
			    struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_query(tx->c, SQL_QUEUE_DUE_RUNS,
			  DB_ARGS(db_a_uuid(&room->id), db_a_int(q->scheduled_after),
				  db_a_int(q->scheduled_before), db_a_int(room->room)),
			  4, &r, err);

	while (rc == 0 && (rc = db_next(r, err)) > 0) {
		struct due_run run = {.queue_id = room->id, .priority = room->priority};

		(void)db_uuid(r, 0, &run.id);
		run.due_us = db_time(r, 1);
		due_add(l, &run);
		rc = 0;
	}
	db_rows_free(r);
	return rc;
}

static int name_wanted(const json_t *names, const char *name)
{
	size_t i;
	json_t *v;

	json_array_foreach (names, i, v) {
		if (strcmp(json_string_value(v), name) == 0) {
			return 1;
		}
	}
	return json_array_size(names) == 0;
}

/* Rooms of the wanted, unpaused queues by priority; `busy` is the whole pool's. */
struct pool_rooms {
	struct queue_room *list; /* owned */
	size_t count;
	int64_t busy;
};

static void take_room(struct pool_rooms *rooms, const struct db_rows *r,
		      const struct due_request *q)
{
	struct queue_room room = {.priority = db_int(r, 3)};
	int64_t limit = db_is_null(r, 4) ? -1 : db_int(r, 4);

	rooms->busy += db_int(r, 7);
	(void)db_uuid(r, 0, &room.id);
	room.room = due_room(limit, db_int(r, 7), q->limit);
	if (db_int(r, 2) == 0 && room.room > 0 &&
	    name_wanted(q->work_queue_names, db_text(r, 1))) {
		rooms->list =
		    xreallocarray(rooms->list, rooms->count + 1, sizeof(*rooms->list));
		rooms->list[rooms->count++] = room;
	}
}

static int read_rooms(struct tx *tx, const struct work_pool *pool,
		      const struct due_request *q, struct pool_rooms *rooms,
		      struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_query(tx->c, SQL_WORK_QUEUE_ROOMS, DB_ARGS(db_a_uuid(&pool->id)), 1,
			  &r, err);

	while (rc == 0 && (rc = db_next(r, err)) > 0) {
		take_room(rooms, r, q);
		rc = 0;
	}
	db_rows_free(r);
	return rc;
}

/* Each named queue must exist. */
static int check_names(struct tx *tx, const struct due_request *q, struct error *err)
{
	size_t i;
	json_t *name;
	int rc = 0;

	json_array_foreach (q->work_queue_names, i, name) {
		struct work_queue found = {0};

		rc = queue_find_by_name(tx, q->pool, json_string_value(name), &found,
					err);
		queue_release(&found);
		if (rc == 0) {
			return queue_not_found(tx, q->pool, json_string_value(name),
					       err);
		}
		if (rc < 0) {
			return rc;
		}
	}
	return rc < 0 ? rc : 0;
}

/* Queues come by priority, so a later one cannot displace what already fills the room.
 */
static int collect(struct tx *tx, const struct work_pool *pool,
		   const struct due_request *q, struct due_list *l, struct error *err)
{
	struct pool_rooms rooms = {0};
	int rc = read_rooms(tx, pool, q, &rooms, err);
	int64_t room = due_room(pool->limit, rooms.busy, q->limit);

	for (size_t i = 0; rc == 0 && i < rooms.count && room > 0; i++) {
		if ((int64_t)l->count >= room &&
		    rooms.list[i].priority > rooms.list[i - 1].priority) {
			break;
		}
		rc = add_due_of_queue(tx, l, &rooms.list[i], q, err);
	}
	due_rank(l, room);
	free(rooms.list);
	return rc;
}

static int write_runs(struct tx *tx, const struct due_list *l,
		      const struct uuid *pool_id, struct error *err)
{
	struct jsonw w;
	int rc = 0;

	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	for (size_t i = 0; rc == 0 && i < l->count; i++) {
		if (pool_id == NULL) {
			rc = flow_run_write_by_id(tx, &w, NULL, &l->runs[i].id, err);
			continue;
		}
		jsonw_obj(&w, NULL);
		jsonw_uuid(&w, "work_pool_id", pool_id);
		jsonw_uuid(&w, "work_queue_id", &l->runs[i].queue_id);
		rc = flow_run_write_core_by_id(tx, &w, "flow_run", &l->runs[i].id, err);
		jsonw_obj_end(&w);
	}
	jsonw_arr_end(&w);
	return rc;
}

/* ---- by pool ---- */

static int pool_work(struct tx *tx, void *arg, struct error *err)
{
	const struct due_request *q = arg;
	struct work_pool pool = {0};
	struct due_list l = {0};
	int rc = pool_by_name(tx, q->pool, &pool, err);

	if (rc == 0) {
		rc = check_names(tx, q, err);
	}
	if (rc == 0 && !pool.is_paused) {
		rc = collect(tx, &pool, q, &l, err);
	}
	if (rc == 0) {
		rc = write_runs(tx, &l, &pool.id, err);
	}
	due_release(&l);
	pool_release(&pool);
	return rc;
}

static void route_pool_runs(struct http_req *r)
{
	struct due_request *q = request_new(r, &pool_spec);

	if (q == NULL) {
		return;
	}
	q->pool = xstrdup(http_param(r, "name"));
	poll_pool(http_api(r), q->pool, q->work_queue_names);
	tx_submit(r, DB_READ, pool_work, q, request_free);
}

/* ---- by queue: legacy agents and previews ---- */

static int queue_work(struct tx *tx, void *arg, struct error *err)
{
	const struct due_request *q = arg;
	struct work_queue wq = {0};
	struct queue_room room = {.id = q->queue_id};
	struct due_list l = {0};
	int64_t busy = 0;
	int rc = queue_find(tx, &q->queue_id, &wq, err);

	if (rc == 0) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404, "work queue not found");
	}
	if (rc > 0 && wq.limit >= 0) {
		busy = wq.active_slots;
	}
	room.room = due_room(wq.limit, busy, q->limit);
	if (rc > 0 && !wq.is_paused && room.room > 0) {
		rc = add_due_of_queue(tx, &l, &room, q, err);
	}
	if (rc >= 0) {
		rc = write_runs(tx, &l, NULL, err);
	}
	due_release(&l);
	queue_release(&wq);
	return rc;
}

static void route_queue_runs(struct http_req *r)
{
	struct due_request *q = request_new(r, &queue_spec);
	const char *ui = http_header(r, "x-prefect-ui");

	if (q == NULL) {
		return;
	}
	http_param_uuid(r, "id", &q->queue_id);
	if (ui == NULL || strcmp(ui, "true") != 0) {
		poll_queue(http_api(r), &q->queue_id);
	}
	tx_submit(r, DB_READ, queue_work, q, request_free);
}

/* ---- by deployment: processes that serve ---- */

static int add_due_of_deployment(struct tx *tx, struct due_list *l,
				 const struct uuid *id, const struct due_request *q,
				 struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_query(
	    tx->c, SQL_DEPLOYMENT_DUE_RUNS,
	    DB_ARGS(db_a_uuid(id), db_a_int(q->scheduled_before), db_a_int(q->limit)),
	    3, &r, err);

	while (rc == 0 && (rc = db_next(r, err)) > 0) {
		struct due_run run = {0};

		(void)db_uuid(r, 0, &run.id);
		run.due_us = db_time(r, 1);
		due_add(l, &run);
		rc = 0;
	}
	db_rows_free(r);
	return rc;
}

static int deployment_work(struct tx *tx, void *arg, struct error *err)
{
	const struct due_request *q = arg;
	struct due_list l = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < q->count; i++) {
		rc = add_due_of_deployment(tx, &l, &q->ids[i], q, err);
	}
	if (rc == 0) {
		due_rank(&l, q->limit);
		rc = write_runs(tx, &l, NULL, err);
	}
	due_release(&l);
	return rc;
}

/* Among those before: whoever is named twice is asked once. */
static int has_id(const struct due_request *q, const struct uuid *id)
{
	for (size_t i = 0; i < q->count; i++) {
		if (memcmp(&q->ids[i], id, sizeof(*id)) == 0) {
			return 1;
		}
	}
	return 0;
}

/* 0, or -1: answered. */
static int decode_ids(struct http_req *r, struct due_request *q)
{
	size_t n = json_array_size(q->deployment_ids);
	struct http_invalid *v = http_invalid_new();
	char loc[48];

	if (n > DEPLOYMENTS_PER_POLL_MAX) {
		http_invalid_add(
		    v, "too_long", "deployment_ids", NULL,
		    "List should have at most 1000 items after validation");
		n = 0;
	}
	q->ids = xcalloc(n + 1, sizeof(*q->ids));
	for (size_t i = 0; i < n; i++) {
		json_t *id = json_array_get(q->deployment_ids, i);

		if (json_is_string(id) &&
		    uuid_parse(json_string_value(id), &q->ids[q->count]) == 0) {
			q->count += !has_id(q, &q->ids[q->count]);
		} else {
			(void)snprintf(loc, sizeof(loc), "deployment_ids.%zu", i);
			http_invalid_add(v, "uuid_parsing", loc, id,
					 "Input should be a valid UUID");
		}
	}
	return body_end(r, v);
}

void route_deployment_due_runs(struct http_req *r)
{
	struct due_request *q = request_new(r, &deployment_spec);

	if (q == NULL) {
		return;
	}
	if (decode_ids(r, q) < 0) {
		request_free(q);
		return;
	}
	poll_deployments(http_api(r), q->ids, q->count);
	tx_submit(r, DB_READ, deployment_work, q, request_free);
}

const struct route work_pool_run_routes[] = {
    {"POST", "/work_pools/{name}/get_scheduled_flow_runs", route_pool_runs, 0, 0},
    {"POST", "/work_queues/{id}/get_runs", route_queue_runs, 0, 0},
    {0},
};
