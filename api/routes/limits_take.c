/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits_take.c - taking slots of concurrency limits and giving them back, with a lease
 * or without: the acquisition algorithm of server-contract 2.13.
 */
#include <stdlib.h>
#include <string.h>

#include "api/http/http.h"
#include "api/routes/limit_store.h"
#include "api/routes/req.h"
#include "api/tx.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/jsonw.h"

#define LEASE_MIN_S     60
#define LEASE_MAX_S     86400
#define LEASE_DEFAULT_S 300

struct take {
	struct req_arg base;
	json_t *names, *holder;
	int64_t slots;
	const char *mode;
	double lease_duration, occupancy_seconds;
	json_t *create_if_missing;
	/* decoded from holder */
	const char *holder_type;
	struct uuid holder_id;
	int has_holder;
	int with_lease;
};

static int is_rate_limit(const struct take *a)
{
	return a->mode != NULL && strcmp(a->mode, "rate_limit") == 0;
}

/* Requests that can never succeed.  0, or the answer. */
static int check_possible(struct tx *tx, const struct take *a,
			  const struct limit_row *rows, size_t count, struct error *err)
{
	struct buf names;
	size_t i;
	int rc = 0;

	buf_init(&names);
	for (i = 0; i < count; i++) {
		if (!rows[i].active) {
			continue;
		}
		if (a->slots > rows[i].s.limit) {
			rc = tx_detail(tx, err, ERR_INVALID, 422,
				       "Slots requested is greater than the limit");
			break;
		}
		if (is_rate_limit(a) && rows[i].s.decay <= 0) {
			buf_addf(&names, "%s%s", names.len > 0 ? "," : "",
				 rows[i].name);
		}
	}
	if (rc == 0 && names.len > 0) {
		rc = tx_detail(
		    tx, err, ERR_INVALID, 422,
		    "Only concurrency limits with slot decay can be used for rate "
		    "limiting. The following limits do not have a decay "
		    "configured: '%s'",
		    names.data);
	}
	buf_release(&names);
	return rc;
}

static void write_limits(struct jsonw *w, const char *key, const struct limit_row *rows,
			 size_t count)
{
	size_t i;

	jsonw_arr(w, key);
	for (i = 0; i < count; i++) {
		jsonw_obj(w, NULL);
		jsonw_uuid(w, "id", &rows[i].id);
		jsonw_str(w, "name", rows[i].name);
		jsonw_int(w, "limit", rows[i].s.limit);
		jsonw_obj_end(w);
	}
	jsonw_arr_end(w);
}

static void answer(struct tx *tx, const struct take *a, const struct uuid *lease,
		   const struct limit_row *rows, size_t count)
{
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	if (!a->with_lease) {
		write_limits(&w, NULL, rows, count);
		return;
	}
	jsonw_obj(&w, NULL);
	jsonw_uuid(&w, "lease_id", lease);
	write_limits(&w, "limits", rows, count);
	jsonw_obj_end(&w);
}

/* The denial itself is written: this is a successful transaction with a refusal as
 * answer. */
static void answer_locked(struct tx *tx, double wait_s)
{
	tx->status = 423;
	tx->retry_after_s = wait_s;
	buf_adds(&tx->body, "{\"detail\":\"Locked\"}");
}

static int take_work(struct tx *tx, void *arg, struct error *err)
{
	const struct take *a = arg;
	struct limit_row *rows = NULL;
	struct lease_spec spec = {.expires_us = LEASE_FOREVER, .wait_s = 1};
	size_t count = 0;
	int rc = limits_by_name(tx, a->names, "", &rows, &count, err);

	uuid_v4(&spec.lease); /* the answer has one even when no lease is kept */
	if (a->with_lease) {
		spec.expires_us = tx->now_us + (int64_t)(a->lease_duration * 1e6);
		spec.holder_type = a->has_holder ? a->holder_type : NULL;
		spec.holder = a->has_holder ? &a->holder_id : NULL;
	}
	if (rc == 0) {
		rc = check_possible(tx, a, rows, count, err);
	}
	if (rc == 0) {
		rc =
		    count == 0 ? 1 : limits_take(tx, rows, count, a->slots, &spec, err);
	}
	if (rc == 1) {
		answer(tx, a, &spec.lease, rows, count);
	} else if (rc == 0) {
		answer_locked(tx, spec.wait_s);
	}
	limits_free(rows, count);
	return MIN_OF(rc, 0);
}

/* ---- bodies ---- */

static const char *const modes[] = {"concurrency", "rate_limit", NULL};
static const char *const holder_types[] = {"flow_run", "task_run", "deployment", NULL};

static const struct field take_fields[] = {
    FIELD(struct take, slots, F_INT, .flags = F_REQUIRED | F_GT, .min = 0, .max = -1),
    FIELD(struct take, names, F_TAGS, .flags = F_REQUIRED),
    FIELD(struct take, mode, F_STR, .flags = F_LITERAL, .choices = modes),
    FIELD(struct take, create_if_missing, F_ANY),
};
static const struct field lease_fields[] = {
    FIELD(struct take, slots, F_INT, .flags = F_REQUIRED | F_GT, .min = 0, .max = -1),
    FIELD(struct take, names, F_TAGS, .flags = F_REQUIRED),
    FIELD(struct take, mode, F_STR, .flags = F_LITERAL, .choices = modes),
    FIELD(struct take, lease_duration, F_REAL, .min = LEASE_MIN_S, .max = LEASE_MAX_S),
    FIELD(struct take, holder, F_OBJ, .flags = F_MODEL),
};
static const struct field give_fields[] = {
    FIELD(struct take, slots, F_INT, .flags = F_REQUIRED | F_GT, .min = 0, .max = -1),
    FIELD(struct take, names, F_TAGS, .flags = F_REQUIRED),
    FIELD(struct take, occupancy_seconds, F_REAL, .flags = F_GT, .min = 0, .max = -1),
    FIELD(struct take, create_if_missing, F_ANY),
};
struct holder {
	const char *type;
	struct uuid id;
};
static const struct field holder_fields[] = {
    FIELD(struct holder, type, F_STR, .flags = F_REQUIRED, .choices = holder_types),
    FIELD(struct holder, id, F_UUID, .flags = F_REQUIRED),
};

static void check_take(void *arg, struct http_invalid *v)
{
	struct take *a = arg;
	struct holder h = {0};

	if (json_array_size(a->names) > LIMIT_NAMES_MAX) {
		http_invalid_add(
		    v, "too_long", "names", NULL,
		    "List should have at most 1000 items after validation");
	}
	if (a->holder != NULL &&
	    decode_object(a->holder, holder_fields, ARRAY_LEN(holder_fields), 1,
			  "holder", &h, NULL, v) == 0) {
		a->has_holder = 1;
		a->holder_type = h.type;
		a->holder_id = h.id;
	}
}

static struct take *decode_take(struct http_req *r, const struct field *fields,
				size_t count, int with_lease)
{
	struct take *a = req_arg_new(r, sizeof(*a));

	a->lease_duration = LEASE_DEFAULT_S;
	a->occupancy_seconds = -1;
	a->with_lease = with_lease;
	return req_embedded_checked(r, a, fields, count, check_take) < 0 ? NULL : a;
}

static void route_take(struct http_req *r)
{
	struct take *a = decode_take(r, take_fields, ARRAY_LEN(take_fields), 0);

	if (a != NULL) {
		tx_submit(r, DB_WRITE, take_work, a, req_arg_free);
	}
}

static void route_take_lease(struct http_req *r)
{
	struct take *a = decode_take(r, lease_fields, ARRAY_LEN(lease_fields), 1);

	if (a != NULL) {
		tx_submit(r, DB_WRITE, take_work, a, req_arg_free);
	}
}

static int give_work(struct tx *tx, void *arg, struct error *err)
{
	const struct take *a = arg;
	struct limit_row *rows = NULL;
	struct jsonw w;
	size_t count = 0, i;
	int rc = limits_by_name(tx, a->names, "", &rows, &count, err);

	for (i = 0; i < count && rc == 0; i++) {
		rc = limits_give(tx, &rows[i], a->slots, a->occupancy_seconds, err);
	}
	jsonw_init(&w, &tx->body);
	write_limits(&w, NULL, rows, count);
	limits_free(rows, count);
	return rc;
}

static void route_give(struct http_req *r)
{
	struct take *a = decode_take(r, give_fields, ARRAY_LEN(give_fields), 0);

	if (a != NULL) {
		tx_submit(r, DB_WRITE, give_work, a, req_arg_free);
	}
}

/* ---- leases ---- */

struct lease {
	struct req_arg base;
	struct uuid lease_id;
	double lease_duration;
};
static const struct field release_fields[] = {
    FIELD(struct lease, lease_id, F_UUID, .flags = F_REQUIRED),
};
static const struct field renew_fields[] = {
    FIELD(struct lease, lease_duration, F_REAL, .min = LEASE_MIN_S, .max = LEASE_MAX_S),
};

static int release_work(struct tx *tx, void *arg, struct error *err)
{
	int rc = lease_release(tx, &((struct lease *)arg)->lease_id, err);

	return rc < 0 ? rc : req_no_content(tx);
}

static void route_release(struct http_req *r)
{
	struct lease *a = req_arg_new(r, sizeof(*a));

	if (req_embedded(r, a, release_fields, ARRAY_LEN(release_fields)) == 0) {
		tx_submit(r, DB_WRITE, release_work, a, req_arg_free);
	}
}

static int renew_work(struct tx *tx, void *arg, struct error *err)
{
	const struct lease *a = arg;
	int64_t changes = 0;
	int rc =
	    db_exec(tx->c, SQL_LIMIT_LEASE_RENEW,
		    DB_ARGS(db_a_uuid(&a->lease_id),
			    db_a_int(tx->now_us + (int64_t)(a->lease_duration * 1e6))),
		    2, &changes, err);

	if (rc < 0) {
		return rc;
	}
	if (changes == 0) {
		return tx_detail(
		    tx, err, ERR_NOT_FOUND, 410,
		    "Lease not found - it may have expired or been revoked");
	}
	return req_no_content(tx);
}

static void route_renew(struct http_req *r)
{
	struct lease *a = req_arg_new(r, sizeof(*a));

	a->lease_duration = LEASE_DEFAULT_S;
	http_param_uuid(r, "lease_id", &a->lease_id);
	if (req_embedded(r, a, renew_fields, ARRAY_LEN(renew_fields)) == 0) {
		tx_submit(r, DB_WRITE, renew_work, a, req_arg_free);
	}
}

extern const struct route routes_limits_take[];
const struct route routes_limits_take[] = {
    {"POST", "/v2/concurrency_limits/increment", route_take, 0, 0},
    {"POST", "/v2/concurrency_limits/increment-with-lease", route_take_lease, 0, 0},
    {"POST", "/v2/concurrency_limits/decrement", route_give, 0, 0},
    {"POST", "/v2/concurrency_limits/decrement-with-lease", route_release, 0, 0},
    {"POST", "/v2/concurrency_limits/leases/{lease_id}/renew", route_renew, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
