/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits_v2.c - global concurrency limits: create, read, update, delete.
 * Taking and giving back is in limits_take.c; server-contract 2.13.
 */
#include <stdlib.h>

#include "api/db/pred.h"
#include "api/events/object.h"
#include "api/http/http.h"
#include "api/routes/limit_store.h"
#include "api/routes/list.h"
#include "api/routes/req.h"
#include "api/services/outbox.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/jsonw.h"

static void write_head(struct jsonw *w, const char *key, const struct limit_row *row,
		       int64_t now_us)
{
	jsonw_obj(w, key);
	jsonw_uuid(w, "id", &row->id);
	jsonw_time(w, "created", row->created_us);
	jsonw_time(w, "updated", row->updated_us);
	jsonw_bool(w, "active", row->active);
	jsonw_str(w, "name", row->name);
	jsonw_int(w, "limit", row->s.limit);
	jsonw_int(w, "active_slots", limit_active_slots(&row->s, now_us));
}

static void limit_write(struct jsonw *w, const char *key, const struct db_rows *r,
			int64_t now_us)
{
	struct limit_row row;

	limit_from_row(r, &row);
	write_head(w, key, &row, now_us);
	jsonw_real(w, "slot_decay_per_second", row.s.decay);
	jsonw_obj_end(w);
}

static const struct list_spec limits = {ENT_CONCURRENCY_LIMIT, SQL_LIMIT_LIST,
					SQL_ID_NONE, limit_write};

static int not_found(struct tx *tx, struct error *err)
{
	return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Concurrency Limit not found");
}

static int emit(struct tx *tx, const char *what, const struct limit_row *row,
		struct error *err)
{
	json_t *payload;

	if (row == NULL) {
		return err_set(err, ERR_INTERNAL, "the limit cannot be read back");
	}
	payload = json_object();

	(void)json_object_set_new(payload, "name", json_string(row->name));
	(void)json_object_set_new(payload, "limit", json_integer(row->s.limit));
	(void)json_object_set_new(payload, "active", json_boolean(row->active));
	(void)json_object_set_new(payload, "slot_decay_per_second",
				  json_real(row->s.decay));
	return event_object(tx,
			    &(struct object_event){.kind = "concurrency-limit",
						   .what = what,
						   .id = &row->id,
						   .name = row->name,
						   .payload = payload},
			    err);
}

/* One limit by id or name.  1, 0 or an error; *RET is freed with limits_free(). */
static int find_one(struct tx *tx, const char *text, struct limit_row **ret,
		    struct error *err)
{
	size_t count = 0;
	int rc = limits_find(tx, text, ret, &count, err);

	return rc < 0 ? rc : count > 0;
}

/* ---- create ---- */

struct create {
	struct req_arg base;
	int active;
	const char *name;
	int64_t limit, active_slots, denied_slots;
	double slot_decay_per_second;
};
#define AT_LEAST_0 .flags = F_NOT_NULL, .min = 0, .max = INT64_MAX
static const struct field create_fields[] = {
    FIELD(struct create, active, F_BOOL, .flags = F_NOT_NULL),
    FIELD(struct create, name, F_STR, .flags = F_REQUIRED | F_NAME),
    FIELD(struct create, limit, F_INT, .flags = F_REQUIRED, .min = 0, .max = INT64_MAX),
    FIELD(struct create, active_slots, F_INT, AT_LEAST_0),
    FIELD(struct create, denied_slots, F_INT, AT_LEAST_0),
    FIELD(struct create, slot_decay_per_second, F_REAL, AT_LEAST_0),
};

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct create *a = arg;
	struct limit_row *row = NULL;
	char text[UUID_TEXT_SIZE];
	struct uuid id;
	struct jsonw w;
	int rc;

	uuid_v4(&id);
	rc = db_exec(tx->c, SQL_LIMIT_INSERT,
		     DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us), db_a_int(a->active),
			     db_a_text(a->name), db_a_int(a->limit),
			     db_a_real(a->slot_decay_per_second), db_a_real(0),
			     db_a_int(a->denied_slots)),
		     8, NULL, err);
	if (rc == 0) {
		rc = find_one(tx, uuid_format(&id, text), &row, err);
	}
	if (rc == 1 && a->active_slots > 0) {
		rc = limits_set_active(tx, row, a->active_slots, err);
	}
	if (rc >= 0) {
		rc = emit(tx, "created", row, err);
	}
	if (rc == 0 && row != NULL) {
		row->s.held = a->active_slots;
		row->s.decayed_slots = (double)a->active_slots;
		tx->status = 201;
		jsonw_init(&w, &tx->body);
		write_head(&w, NULL, row, tx->now_us);
		jsonw_int(&w, "denied_slots", a->denied_slots);
		jsonw_real(&w, "slot_decay_per_second", row->s.decay);
		jsonw_real(&w, "avg_slot_occupancy_seconds", row->s.avg_occupancy_s);
		jsonw_obj_end(&w);
	}
	limits_free(row, row != NULL);
	return rc;
}

static void route_create(struct http_req *r)
{
	struct create *a = req_arg_new(r, sizeof(*a));

	a->active = 1;
	if (req_body(r, a, create_fields, ARRAY_LEN(create_fields)) == 0) {
		tx_submit(r, DB_WRITE, create_work, a, req_arg_free);
	}
}

/* ---- read ---- */

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	struct limit_row *row = NULL;
	struct jsonw w;
	int rc = find_one(tx, ((struct req_arg *)arg)->name, &row, err);

	if (rc == 1) {
		jsonw_init(&w, &tx->body);
		write_head(&w, NULL, row, tx->now_us);
		jsonw_real(&w, "slot_decay_per_second", row->s.decay);
		jsonw_obj_end(&w);
	}
	limits_free(row, rc == 1);
	return rc == 0 ? not_found(tx, err) : MIN_OF(rc, 0);
}

static void *path_arg(struct http_req *r, size_t size)
{
	void *a = req_arg_new(r, size);

	req_name(r, a, "id_or_name");
	return a;
}

static void route_read(struct http_req *r)
{
	tx_submit(r, DB_READ, read_work, path_arg(r, sizeof(struct req_arg)),
		  req_arg_free);
}

/* ---- update ---- */

enum { U_ACTIVE, U_NAME, U_LIMIT, U_ACTIVE_SLOTS, U_DENIED, U_DECAY };
static const struct field update_fields[] = {
    [U_ACTIVE] = FIELD(struct create, active, F_BOOL),
    [U_NAME] = FIELD(struct create, name, F_STR, .flags = F_NAME),
    [U_LIMIT] = FIELD(struct create, limit, F_INT, .min = 0, .max = INT64_MAX),
    [U_ACTIVE_SLOTS] =
	FIELD(struct create, active_slots, F_INT, .min = 0, .max = INT64_MAX),
    [U_DENIED] = FIELD(struct create, denied_slots, F_INT, .min = 0, .max = INT64_MAX),
    [U_DECAY] =
	FIELD(struct create, slot_decay_per_second, F_REAL, .min = 0, .max = INT64_MAX),
};

static struct db_arg int_if(const struct decoded *d, int field, int64_t v)
{
	return DECODED_HAS(d, field) ? db_a_int(v) : db_a_null();
}

static int apply_update(struct tx *tx, const struct create *a,
			const struct limit_row *row, struct error *err)
{
	const struct decoded *d = &a->base.given;
	int rc = db_exec(tx->c, SQL_LIMIT_UPDATE,
			 DB_ARGS(db_a_uuid(&row->id), db_a_time(tx->now_us),
				 int_if(d, U_ACTIVE, a->active), db_a_text(a->name),
				 int_if(d, U_LIMIT, a->limit),
				 DECODED_HAS(d, U_DECAY)
				     ? db_a_real(a->slot_decay_per_second)
				     : db_a_null(),
				 int_if(d, U_DENIED, a->denied_slots)),
			 7, NULL, err);

	if (rc == 0 && DECODED_HAS(d, U_ACTIVE_SLOTS)) {
		rc = limits_set_active(tx, row, a->active_slots, err);
	}
	return rc;
}

static int update_work(struct tx *tx, void *arg, struct error *err)
{
	const struct create *a = arg;
	struct limit_row *row = NULL;
	struct limit_row *fresh = NULL;
	char text[UUID_TEXT_SIZE];
	int rc = find_one(tx, a->base.name, &row, err);

	if (rc == 1) {
		rc = apply_update(tx, a, row, err);
		rc = rc < 0 ? rc : outbox_lanes_of_limit(tx, &row->id, err);
		rc = rc < 0 ? rc
			    : find_one(tx, uuid_format(&row->id, text), &fresh, err);
		rc = rc < 0 ? rc : emit(tx, "updated", fresh, err);
		rc = rc < 0 ? rc : req_no_content(tx);
	} else if (rc == 0) {
		rc = not_found(tx, err);
	}
	limits_free(fresh, fresh != NULL);
	limits_free(row, row != NULL);
	return rc;
}

static void route_update(struct http_req *r)
{
	struct create *a = path_arg(r, sizeof(*a));

	if (req_body(r, a, update_fields, ARRAY_LEN(update_fields)) == 0) {
		tx_submit(r, DB_WRITE, update_work, a, req_arg_free);
	}
}

/* ---- delete ---- */

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	struct limit_row *row = NULL;
	int rc = find_one(tx, ((struct req_arg *)arg)->name, &row, err);

	if (rc == 1) {
		rc = db_exec(tx->c, SQL_LIMIT_LEASE_DELETE_OF_LIMIT,
			     DB_ARGS(db_a_uuid(&row->id)), 1, NULL, err);
		rc = rc < 0 ? rc : outbox_lanes_of_limit(tx, &row->id, err);
		rc = rc < 0 ? rc
			    : db_exec(tx->c, SQL_LIMIT_DELETE,
				      DB_ARGS(db_a_uuid(&row->id)), 1, NULL, err);
		rc = rc < 0 ? rc : emit(tx, "deleted", row, err);
		rc = rc < 0 ? rc : req_no_content(tx);
	} else if (rc == 0) {
		rc = not_found(tx, err);
	}
	limits_free(row, row != NULL);
	return rc;
}

static void route_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, delete_work, path_arg(r, sizeof(struct req_arg)),
		  req_arg_free);
}

static void route_filter(struct http_req *r)
{
	list_filter(r, &limits);
}

extern const struct route routes_limits_v2[];
const struct route routes_limits_v2[] = {
    {"POST", "/v2/concurrency_limits/", route_create, 0, 0},
    {"POST", "/v2/concurrency_limits/filter", route_filter, 0, 0},
    {"GET", "/v2/concurrency_limits/{id_or_name}", route_read, 0, 0},
    {"PATCH", "/v2/concurrency_limits/{id_or_name}", route_update, 0, 0},
    {"DELETE", "/v2/concurrency_limits/{id_or_name}", route_delete, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
