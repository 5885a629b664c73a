/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits_v1.c - the older routes of tag limits: server-contract 2.13.  The limit of a
 * tag is the global limit named "tag:TAG"; a slot belongs to the task run that holds
 * its lease.
 */
#include <stdlib.h>

#include "api/db/pred.h"
#include "api/events/object.h"
#include "api/http/http.h"
#include "api/routes/filters.h"
#include "api/routes/limit_store.h"
#include "api/routes/req.h"
#include "api/services/outbox.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"

#define TAG_PREFIX     "tag:"
#define TAG_PREFIX_LEN 4
#define FULL_RETRY_S   30 /* Retry-After of a full limit on these routes */

static int not_found(struct tx *tx, struct error *err)
{
	return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Concurrency limit not found");
}

static int write_holders(struct tx *tx, struct jsonw *w, const struct limit_row *row,
			 struct error *err)
{
	struct db_rows *r = NULL;
	struct uuid id;
	int rc = db_query(tx->c, SQL_LIMIT_SLOT_HOLDERS, DB_ARGS(db_a_uuid(&row->id)),
			  1, &r, err);

	if (rc < 0) {
		return rc;
	}
	jsonw_arr(w, "active_slots");
	while ((rc = db_next(r, err)) == 1) {
		jsonw_uuid(w, NULL, db_uuid(r, 0, &id) ? &id : NULL);
	}
	jsonw_arr_end(w);
	db_rows_free(r);
	return rc;
}

static int write_limit(struct tx *tx, struct jsonw *w, const struct limit_row *row,
		       struct error *err)
{
	int rc;

	jsonw_obj(w, NULL);
	jsonw_uuid(w, "id", &row->id);
	jsonw_time(w, "created", row->created_us);
	jsonw_time(w, "updated", row->updated_us);
	jsonw_str(w, "tag", row->name + TAG_PREFIX_LEN);
	jsonw_int(w, "concurrency_limit", row->s.limit);
	rc = write_holders(tx, w, row, err);
	jsonw_obj_end(w);
	return rc;
}

/* The tag limit of the path, by tag or by id.  1, 0 or an error. */
static int find(struct tx *tx, const struct req_arg *a, struct limit_row **ret,
		struct error *err)
{
	char uuid[UUID_TEXT_SIZE];
	char *name = a->name != NULL ? xasprintf(TAG_PREFIX "%s", a->name)
				     : xstrdup(uuid_format(&a->id, uuid));
	size_t count = 0;
	int rc = limits_find(tx, name, ret, &count, err);

	free(name);
	if (rc == 0 && count > 0 && !(*ret)->s.is_tag) {
		limits_free(*ret, count);
		*ret = NULL;
		count = 0;
	}
	return rc < 0 ? rc : count > 0;
}

static int emit(struct tx *tx, const char *what, const struct limit_row *row,
		struct error *err)
{
	json_t *payload;

	if (row == NULL) {
		return err_set(err, ERR_INTERNAL, "the limit cannot be read back");
	}
	payload = json_pack("{s:s,s:I,s:b,s:f}", "name", row->name, "limit",
			    (json_int_t)row->s.limit, "active", row->active,
			    "slot_decay_per_second", row->s.decay);

	return event_object(tx,
			    &(struct object_event){.kind = "concurrency-limit",
						   .what = what,
						   .id = &row->id,
						   .name = row->name,
						   .payload = payload},
			    err);
}

/* ---- create ---- */

struct create {
	struct req_arg base;
	const char *tag;
	int64_t concurrency_limit;
};
static const struct field create_fields[] = {
    FIELD(struct create, tag, F_STR, .flags = F_REQUIRED),
    FIELD(struct create, concurrency_limit, F_INT, .flags = F_REQUIRED),
};

static int put(struct tx *tx, const struct create *a, const struct limit_row *row,
	       struct error *err)
{
	char *name;
	struct uuid id;
	int rc;

	if (row != NULL) {
		return db_exec(tx->c, SQL_LIMIT_UPDATE,
			       DB_ARGS(db_a_uuid(&row->id), db_a_time(tx->now_us),
				       db_a_null(), db_a_null(),
				       db_a_int(a->concurrency_limit), db_a_null(),
				       db_a_null()),
			       7, NULL, err);
	}
	uuid_v4(&id);
	name = xasprintf(TAG_PREFIX "%s", a->tag);
	rc = db_exec(tx->c, SQL_LIMIT_INSERT,
		     DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us), db_a_int(1),
			     db_a_text(name), db_a_int(a->concurrency_limit),
			     db_a_real(0), db_a_real(0), db_a_int(0)),
		     8, NULL, err);
	free(name);
	return rc;
}

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	struct create *a = arg;
	struct limit_row *before = NULL;
	struct limit_row *after = NULL;
	struct jsonw w;
	int rc;

	free(a->base.name);
	a->base.name = xstrdup(a->tag);
	rc = find(tx, &a->base, &before, err);
	tx->status = rc == 1 ? 200 : 201;
	rc = rc < 0 ? rc : put(tx, a, before, err);
	rc = rc < 0 ? rc : find(tx, &a->base, &after, err);
	rc = rc < 0 ? rc : emit(tx, before == NULL ? "created" : "updated", after, err);
	if (rc == 0 && after != NULL) {
		jsonw_init(&w, &tx->body);
		rc = write_limit(tx, &w, after, err);
	}
	limits_free(before, before != NULL);
	limits_free(after, after != NULL);
	return rc;
}

static void route_create(struct http_req *r)
{
	struct create *a = req_arg_new(r, sizeof(*a));

	if (req_body(r, a, create_fields, ARRAY_LEN(create_fields)) == 0) {
		tx_submit(r, DB_WRITE, create_work, a, req_arg_free);
	}
}

/* ---- read, delete ---- */

static void *path_arg(struct http_req *r, size_t size)
{
	void *a = req_arg_new(r, size);

	if (http_param(r, "tag") != NULL) {
		req_name(r, a, "tag");
	}
	return a;
}

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	struct limit_row *row = NULL;
	struct jsonw w;
	int rc = find(tx, arg, &row, err);

	if (rc == 1) {
		jsonw_init(&w, &tx->body);
		rc = write_limit(tx, &w, row, err);
	} else if (rc == 0) {
		rc = not_found(tx, err);
	}
	limits_free(row, row != NULL);
	return rc;
}

static void route_read(struct http_req *r)
{
	tx_submit(r, DB_READ, read_work, path_arg(r, sizeof(struct req_arg)),
		  req_arg_free);
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	struct limit_row *row = NULL;
	int rc = find(tx, arg, &row, err);

	if (rc == 0) {
		return not_found(tx, err);
	}
	if (rc == 1) {
		rc = db_exec(tx->c, SQL_LIMIT_LEASE_DELETE_OF_LIMIT,
			     DB_ARGS(db_a_uuid(&row->id)), 1, NULL, err);
		rc = rc < 0 ? rc : outbox_lanes_of_limit(tx, &row->id, err);
		rc = rc < 0 ? rc
			    : db_exec(tx->c, SQL_LIMIT_DELETE,
				      DB_ARGS(db_a_uuid(&row->id)), 1, NULL, err);
		rc = rc < 0 ? rc : emit(tx, "deleted", row, err);
		buf_adds(&tx->body, "null");
	}
	limits_free(row, row != NULL);
	return rc;
}

static void route_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, delete_work, path_arg(r, sizeof(struct req_arg)),
		  req_arg_free);
}

/* ---- list ---- */

struct list_tags {
	struct req_arg base;
	struct list_args la;
};

static int filter_work(struct tx *tx, void *arg, struct error *err)
{
	const struct list_tags *a = arg;
	struct limit_row *rows = NULL;
	size_t count = 0, i, first, end;
	struct jsonw w;
	int rc;

	pred_add(a->base.pred, FRAG_CL_IS_TAG, NULL, 0);
	rc = limits_load(tx, a->base.pred, &rows, &count, err);
	first = (size_t)MIN_OF(a->la.offset, (int64_t)count);
	end = MIN_OF(count, first + (size_t)a->la.limit);
	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	for (i = first; i < end && rc == 0; i++) {
		rc = write_limit(tx, &w, &rows[i], err);
	}
	jsonw_arr_end(&w);
	limits_free(rows, count);
	return rc;
}

static void route_filter(struct http_req *r)
{
	struct list_tags *a = req_arg_new(r, sizeof(*a));

	if (filter_request(r, ENT_CONCURRENCY_LIMIT, 0, &a->la, &a->base.pred) < 0) {
		req_arg_free(a);
		return;
	}
	tx_submit(r, DB_READ, filter_work, a, req_arg_free);
}

/* ---- reset ---- */

struct reset {
	struct req_arg base;
	json_t *slot_override;
};
static const struct field reset_fields[] = {
    FIELD(struct reset, slot_override, F_TAGS),
};

static int add_holder(struct tx *tx, const struct limit_row *row,
		      const struct uuid *holder, struct error *err)
{
	struct uuid lease;
	int rc;

	uuid_v4(&lease);
	rc = db_exec(tx->c, SQL_LIMIT_LEASE_INSERT,
		     DB_ARGS(db_a_uuid(&lease), db_a_time(tx->now_us),
			     db_a_int(LEASE_FOREVER), db_a_text("task_run"),
			     db_a_uuid(holder)),
		     5, NULL, err);
	if (rc == 0) {
		rc = db_exec(
		    tx->c, SQL_LIMIT_SLOT_INSERT,
		    DB_ARGS(db_a_uuid(&row->id), db_a_uuid(&lease), db_a_int(1)), 3,
		    NULL, err);
	}
	return rc;
}

static int reset_work(struct tx *tx, void *arg, struct error *err)
{
	const struct reset *a = arg;
	struct limit_row *row = NULL;
	struct uuid holder;
	json_t *item;
	size_t i;
	int rc = find(tx, &a->base, &row, err);

	if (rc == 0) {
		return not_found(tx, err);
	}
	if (rc == 1) {
		rc = limits_set_active(tx, row, 0, err);
	}
	json_array_foreach (a->slot_override, i, item) {
		if (rc == 0 && uuid_parse(json_string_value(item), &holder) == 0) {
			rc = add_holder(tx, row, &holder, err);
		}
	}
	buf_adds(&tx->body, "null");
	limits_free(row, row != NULL);
	return rc;
}

static void check_reset(void *arg, struct http_invalid *v)
{
	const struct reset *a = arg;
	struct uuid id;
	json_t *item;
	size_t i;

	json_array_foreach (a->slot_override, i, item) {
		if (uuid_parse(json_string_value(item), &id) < 0) {
			http_invalid_add(v, "uuid_parsing", "slot_override", item,
					 "Input should be a valid UUID");
		}
	}
}

static void route_reset(struct http_req *r)
{
	struct reset *a = path_arg(r, sizeof(*a));

	if (req_embedded_checked(r, a, reset_fields, ARRAY_LEN(reset_fields),
				 check_reset) == 0) {
		tx_submit(r, DB_WRITE, reset_work, a, req_arg_free);
	}
}

/* ---- increment, decrement ---- */

struct slots {
	struct req_arg base;
	json_t *names;
	struct uuid task_run_id;
};
static const struct field slots_fields[] = {
    FIELD(struct slots, names, F_TAGS, .flags = F_REQUIRED),
    FIELD(struct slots, task_run_id, F_UUID, .flags = F_REQUIRED),
};

/* SKIP: of the names; "tag:" is left out of, and kept in, one answer each. */
static void write_minimal(struct tx *tx, const struct limit_row *rows, size_t count,
			  size_t skip)
{
	struct jsonw w;
	size_t i;

	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	for (i = 0; i < count; i++) {
		jsonw_obj(&w, NULL);
		jsonw_uuid(&w, "id", &rows[i].id);
		jsonw_str(&w, "name", rows[i].name + skip);
		jsonw_int(&w, "limit", rows[i].s.limit);
		jsonw_obj_end(&w);
	}
	jsonw_arr_end(&w);
}

static int locked(struct tx *tx, struct error *err, int64_t limit, const char *tag)
{
	int rc =
	    limit == 0
		? tx_detail(tx, err, ERR_LIMIT, 423,
			    "The concurrency limit on tag \"%s\" is 0 and will "
			    "deadlock if the task tries to run again.",
			    tag)
		: tx_detail(tx, err, ERR_LIMIT, 423,
			    "Concurrency limit for the %s tag has been reached", tag);

	tx->retry_after_s = FULL_RETRY_S;
	return rc;
}

/* Is the task run among the holders already?  1, 0 or an error. */
static int holds(struct tx *tx, const struct limit_row *row, const struct uuid *holder,
		 struct error *err)
{
	return db_one(tx->c, SQL_LIMIT_SLOT_OF_HOLDER,
		      DB_ARGS(db_a_uuid(&row->id), db_a_uuid(holder)), 2, NULL, NULL,
		      err);
}

static int increment_work(struct tx *tx, void *arg, struct error *err)
{
	const struct slots *a = arg;
	struct limit_row *rows = NULL;
	size_t count = 0, i;
	int rc = limits_by_name(tx, a->names, TAG_PREFIX, &rows, &count, err);

	for (i = 0; i < count && rc == 0; i++) {
		const char *tag = rows[i].name + TAG_PREFIX_LEN;
		int held = holds(tx, &rows[i], &a->task_run_id, err);

		if (held < 0) {
			rc = held;
		} else if (held == 0 && (rows[i].s.limit <= 0 ||
					 !limit_fits(&rows[i].s, 1, tx->now_us))) {
			rc = locked(tx, err, rows[i].s.limit, tag);
		} else if (held == 0) {
			rc = add_holder(tx, &rows[i], &a->task_run_id, err);
		}
	}
	if (rc == 0) {
		write_minimal(tx, rows, count, TAG_PREFIX_LEN);
	}
	limits_free(rows, count);
	return rc;
}

static int give_back(struct tx *tx, const struct limit_row *row,
		     const struct uuid *holder, struct error *err)
{
	struct db_rows *r = NULL;
	struct uuid lease;
	int found = 0;
	int rc = db_query(tx->c, SQL_LIMIT_SLOT_OF_HOLDER,
			  DB_ARGS(db_a_uuid(&row->id), db_a_uuid(holder)), 2, &r, err);

	if (rc == 0) {
		rc = db_next(r, err);
	}
	if (rc == 1) {
		found = db_uuid(r, 0, &lease);
	}
	db_rows_free(r);
	if (found) {
		rc = db_exec(tx->c, SQL_LIMIT_SLOT_DELETE,
			     DB_ARGS(db_a_uuid(&row->id), db_a_uuid(&lease)), 2, NULL,
			     err);
	}
	if (found && rc == 0) {
		rc = db_exec(tx->c, SQL_LIMIT_LEASE_DELETE_EMPTY,
			     DB_ARGS(db_a_uuid(&lease)), 1, NULL, err);
	}
	return rc < 0 ? rc : 0;
}

static int decrement_work(struct tx *tx, void *arg, struct error *err)
{
	const struct slots *a = arg;
	struct limit_row *rows = NULL;
	size_t count = 0, i;
	int rc = limits_by_name(tx, a->names, TAG_PREFIX, &rows, &count, err);

	for (i = 0; i < count && rc == 0; i++) {
		rc = give_back(tx, &rows[i], &a->task_run_id, err);
	}
	if (rc == 0) {
		write_minimal(tx, rows, count, 0);
	}
	limits_free(rows, count);
	return rc;
}

static void submit_slots(struct http_req *r, tx_work_fn work)
{
	struct slots *a = req_arg_new(r, sizeof(*a));

	if (req_embedded(r, a, slots_fields, ARRAY_LEN(slots_fields)) == 0) {
		tx_submit(r, DB_WRITE, work, a, req_arg_free);
	}
}

static void route_increment(struct http_req *r)
{
	submit_slots(r, increment_work);
}

static void route_decrement(struct http_req *r)
{
	submit_slots(r, decrement_work);
}

extern const struct route routes_limits_v1[];
const struct route routes_limits_v1[] = {
    {"POST", "/concurrency_limits/", route_create, 0, 0},
    {"POST", "/concurrency_limits/filter", route_filter, 0, 0},
    {"POST", "/concurrency_limits/increment", route_increment, 0, 0},
    {"POST", "/concurrency_limits/decrement", route_decrement, 0, 0},
    {"GET", "/concurrency_limits/tag/{tag}", route_read, 0, 0},
    {"DELETE", "/concurrency_limits/tag/{tag}", route_delete, 0, 0},
    {"POST", "/concurrency_limits/tag/{tag}/reset", route_reset, 0, 0},
    {"GET", "/concurrency_limits/{id}", route_read, 0, 0},
    {"DELETE", "/concurrency_limits/{id}", route_delete, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
