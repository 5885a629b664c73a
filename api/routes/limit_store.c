/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit_store.c - reading limits and changing who holds them.
 */
#include "api/routes/limit_store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/db/pred.h"
#include "api/tx.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/timefmt.h"

enum {
	L_ID,
	L_CREATED,
	L_UPDATED,
	L_ACTIVE,
	L_NAME,
	L_LIMIT,
	L_DECAY,
	L_HELD,
	L_DECAYED,
	L_DECAYED_AT,
	L_DENIED,
	L_AVERAGE
};

void limit_from_row(const struct db_rows *r, struct limit_row *ret)
{
	union {
		const char *from;
		char *to;
	} name = {.from = db_text(r, L_NAME)};

	(void)db_uuid(r, L_ID, &ret->id);
	ret->name = name.to;
	ret->active = (int)db_int(r, L_ACTIVE);
	ret->created_us = db_time(r, L_CREATED);
	ret->updated_us = db_time(r, L_UPDATED);
	ret->s = (struct limit_state){
	    .limit = db_int(r, L_LIMIT),
	    .decay = db_real(r, L_DECAY),
	    .held = db_int(r, L_HELD),
	    .decayed_slots = db_real(r, L_DECAYED),
	    .decayed_at_us = db_time(r, L_DECAYED_AT),
	    .denied = (double)db_int(r, L_DENIED),
	    .avg_occupancy_s = db_real(r, L_AVERAGE),
	    .is_tag = strncmp(ret->name, "tag:", 4) == 0,
	};
}

static void rows_add(struct limit_row **rows, size_t *count, const struct db_rows *r)
{
	struct limit_row *row;

	*rows = xreallocarray(*rows, *count + 1, sizeof(**rows));
	row = &(*rows)[(*count)++];
	limit_from_row(r, row);
	row->name = xstrdup(row->name);
}

static int take_rows(struct db_rows *r, struct limit_row **ret_rows, size_t *ret_count,
		     struct error *err)
{
	struct limit_row *rows = NULL;
	size_t count = 0;
	int rc;

	while ((rc = db_next(r, err)) == 1) {
		rows_add(&rows, &count, r);
	}
	db_rows_free(r);
	if (rc < 0) {
		limits_free(rows, count);
		return rc;
	}
	*ret_rows = rows;
	*ret_count = count;
	return 0;
}

int limits_load(struct tx *tx, const struct db_pred *pred, struct limit_row **ret_rows,
		size_t *ret_count, struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_select(tx->c, SQL_LIMIT_LIST, NULL, 0, pred, SQL_FRAG_NONE, -1, -1,
			   &r, err);

	return rc < 0 ? rc : take_rows(r, ret_rows, ret_count, err);
}

int limits_by_name(struct tx *tx, const json_t *names, const char *prefix,
		   struct limit_row **ret_rows, size_t *ret_count, struct error *err)
{
	size_t n = json_array_size(names);
	char **texts = xcalloc(n + 1, sizeof(*texts));
	struct db_arg *args = xcalloc(n + 1, sizeof(*args));
	struct db_pred *pred = pred_new();
	size_t i;
	int rc;

	for (i = 0; i < n; i++) {
		texts[i] = xasprintf("%s%s", prefix,
				     json_string_value(json_array_get(names, i)));
		args[i] = db_a_text(texts[i]);
	}
	pred_add_list(pred, FRAG_CL_NAME_ANY, args, n);
	rc = limits_load(tx, pred, ret_rows, ret_count, err);
	for (i = 0; i < n; i++) {
		free(texts[i]);
	}
	free(texts);
	free(args);
	pred_free(pred);
	return rc;
}

int limits_find(struct tx *tx, const char *text, struct limit_row **ret_rows,
		size_t *ret_count, struct error *err)
{
	struct db_pred *pred = pred_new();
	struct db_arg arg;
	struct uuid id;
	int rc;

	if (uuid_parse(text, &id) == 0) {
		arg = db_a_uuid(&id);
		pred_add(pred, FRAG_CL_ID, &arg, 1);
	} else {
		arg = db_a_text(text);
		pred_add_list(pred, FRAG_CL_NAME_ANY, &arg, 1);
	}
	rc = limits_load(tx, pred, ret_rows, ret_count, err);
	pred_free(pred);
	return rc;
}

void limits_free(struct limit_row *rows, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		free(rows[i].name);
	}
	free(rows);
}

/* ---- giving back ---- */

/* What a release of SLOTS after OCCUPANCY_S changes in the limit's own row. */
static int account_release(struct tx *tx, const struct limit_row *row, int64_t slots,
			   double occupancy_s, struct error *err)
{
	double average = row->s.avg_occupancy_s;
	double usage = row->s.decayed_slots;
	int64_t at_us = row->s.decayed_at_us;

	if (occupancy_s >= 0) {
		average = limit_new_average(&row->s, slots, occupancy_s);
	}
	if (row->s.decay > 0) {
		usage = fmax(0, limit_usage(&row->s, tx->now_us) - (double)slots);
		at_us = tx->now_us;
	}
	return db_exec(tx->c, SQL_LIMIT_SET_AVERAGE,
		       DB_ARGS(db_a_uuid(&row->id), db_a_real(average),
			       db_a_time(tx->now_us), db_a_real(usage),
			       db_a_time(at_us)),
		       5, NULL, err);
}

int lease_release(struct tx *tx, const struct uuid *lease, struct error *err)
{
	struct limit_row *rows = NULL;
	struct db_rows *r = NULL;
	int64_t created_us = 0;
	size_t count = 0, i;
	int rc = db_one_int(tx->c, SQL_LIMIT_LEASE_CREATED, DB_ARGS(db_a_uuid(lease)),
			    1, &created_us, err);

	if (rc <= 0) {
		return rc;
	}
	rc = db_query(tx->c, SQL_LIMIT_OF_LEASE, DB_ARGS(db_a_uuid(lease)), 1, &r, err);
	if (rc == 0) {
		rc = take_rows(r, &rows, &count, err);
	}
	for (i = 0; i < count && rc == 0; i++) {
		/* "held" of this statement is what the lease itself holds */
		rc = account_release(tx, &rows[i], rows[i].s.held,
				     (double)(tx->now_us - created_us) / 1e6, err);
	}
	limits_free(rows, count);
	if (rc == 0) {
		rc = db_exec(tx->c, SQL_LIMIT_LEASE_DELETE, DB_ARGS(db_a_uuid(lease)),
			     1, NULL, err);
	}
	return rc < 0 ? rc : 1;
}

struct held {
	struct uuid lease;
	int64_t slots;
};

#define HELD_BATCH 64

static int read_unleased(struct tx *tx, const struct limit_row *row, struct held *held,
			 size_t *ret_n, struct error *err)
{
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc =
	    db_query(tx->c, SQL_LIMIT_SLOT_UNLEASED,
		     DB_ARGS(db_a_uuid(&row->id), db_a_int(LEASE_FOREVER)), 2, &r, err);

	if (rc < 0) {
		return rc;
	}
	while (n < HELD_BATCH && (rc = db_next(r, err)) == 1) {
		(void)db_uuid(r, 0, &held[n].lease);
		held[n++].slots = db_int(r, 1);
	}
	db_rows_free(r);
	*ret_n = n;
	return rc < 0 ? rc : 0;
}

/* Removes one record, or lessens it when it holds more than SLOTS. */
static int drop_held(struct tx *tx, const struct limit_row *row, const struct held *h,
		     int64_t slots, struct error *err)
{
	int rc;

	if (h->slots > slots) {
		return db_exec(
		    tx->c, SQL_LIMIT_SLOT_REDUCE,
		    DB_ARGS(db_a_uuid(&row->id), db_a_uuid(&h->lease), db_a_int(slots)),
		    3, NULL, err);
	}
	rc = db_exec(tx->c, SQL_LIMIT_SLOT_DELETE,
		     DB_ARGS(db_a_uuid(&row->id), db_a_uuid(&h->lease)), 2, NULL, err);
	if (rc == 0) {
		rc = db_exec(tx->c, SQL_LIMIT_LEASE_DELETE_EMPTY,
			     DB_ARGS(db_a_uuid(&h->lease)), 1, NULL, err);
	}
	return rc;
}

int limits_give(struct tx *tx, const struct limit_row *row, int64_t slots,
		double occupancy_s, struct error *err)
{
	struct held held[HELD_BATCH];
	int64_t left = slots;
	size_t n = 0, i;
	int rc = 0;

	do {
		rc = read_unleased(tx, row, held, &n, err);
		for (i = 0; i < n && rc == 0 && left > 0; i++) {
			rc = drop_held(tx, row, &held[i], left, err);
			left -= MIN_OF(left, held[i].slots);
		}
	} while (rc == 0 && n == HELD_BATCH && left > 0);
	return rc < 0 ? rc : account_release(tx, row, slots, occupancy_s, err);
}

/* ---- taking ---- */

static double uniform(void)
{
	uint32_t v;

	random_bytes(&v, sizeof(v));
	return (double)v / 4294967296.0;
}

static int add_lease(struct tx *tx, const struct lease_spec *spec,
		     struct uuid *ret_lease, struct error *err)
{
	uuid_v4(ret_lease);
	return db_exec(tx->c, SQL_LIMIT_LEASE_INSERT,
		       DB_ARGS(db_a_uuid(ret_lease), db_a_time(tx->now_us),
			       db_a_int(spec->expires_us), db_a_text(spec->holder_type),
			       db_a_uuid(spec->holder)),
		       5, NULL, err);
}

/* Ends expired leases of the limit that the reaper has not met yet. */
static int reap(struct tx *tx, const struct limit_row *row, struct error *err)
{
	struct uuid ids[HELD_BATCH];
	struct db_rows *r = NULL;
	size_t n = 0, i;
	int rc =
	    db_query(tx->c, SQL_LIMIT_LEASE_EXPIRED_OF_LIMIT,
		     DB_ARGS(db_a_uuid(&row->id), db_a_time(tx->now_us)), 2, &r, err);

	if (rc < 0) {
		return rc;
	}
	while (n < HELD_BATCH && (rc = db_next(r, err)) == 1) {
		n += (size_t)db_uuid(r, 0, &ids[n]);
	}
	db_rows_free(r);
	for (i = 0; i < n && rc >= 0; i++) {
		rc = lease_release(tx, &ids[i], err);
	}
	return rc < 0 ? rc : (int)n;
}

static int all_fit(struct tx *tx, const struct limit_row *rows, size_t count,
		   int64_t slots)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (rows[i].active && !limit_fits(&rows[i].s, slots, tx->now_us)) {
			return 0;
		}
	}
	return 1;
}

/* Once more after the expired leases are gone; the rows are read again in place. */
static int fit_after_reaping(struct tx *tx, struct limit_row *rows, size_t count,
			     int64_t slots, struct error *err)
{
	int reaped = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		struct limit_row *fresh = NULL;
		char id[UUID_TEXT_SIZE];
		size_t n = 0;
		int rc = reap(tx, &rows[i], err);

		if (rc > 0) {
			reaped = 1;
			rc = limits_find(tx, uuid_format(&rows[i].id, id), &fresh, &n,
					 err);
			if (rc == 0 && n == 1) {
				rows[i].s = fresh[0].s;
			}
			limits_free(fresh, n);
		}
		if (rc < 0) {
			return rc;
		}
	}
	return reaped && all_fit(tx, rows, count, slots);
}

static int deny(struct tx *tx, const struct limit_row *rows, size_t count,
		int64_t slots, double *ret_wait_s, struct error *err)
{
	struct limit_state *states = xcalloc(count + 1, sizeof(*states));
	size_t n = 0, i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++) {
		const struct limit_row *row = &rows[i];

		if (!row->active) {
			continue;
		}
		states[n++] = row->s;
		rc = db_exec(
		    tx->c, SQL_LIMIT_SET_USAGE,
		    DB_ARGS(
			db_a_uuid(&row->id), db_a_time(tx->now_us),
			db_a_real(limit_usage(&row->s, tx->now_us)),
			db_a_int((int64_t)limit_denied(&row->s, tx->now_us) + slots)),
		    4, NULL, err);
	}
	*ret_wait_s = limit_retry_after(states, n, slots, tx->now_us, uniform());
	free(states);
	return rc;
}

/* LEASE NULL: no record, the limit's own number is the record. */
static int take_one(struct tx *tx, const struct limit_row *row, int64_t slots,
		    const struct uuid *lease, struct error *err)
{
	double usage = limit_usage(&row->s, tx->now_us);
	int rc =
	    db_exec(tx->c, SQL_LIMIT_SET_USAGE,
		    DB_ARGS(db_a_uuid(&row->id), db_a_time(tx->now_us),
			    db_a_real(row->s.decay > 0 ? usage + (double)slots : 0),
			    db_a_int((int64_t)limit_denied(&row->s, tx->now_us))),
		    4, NULL, err);

	if (rc == 0 && lease != NULL) {
		rc = db_exec(
		    tx->c, SQL_LIMIT_SLOT_INSERT,
		    DB_ARGS(db_a_uuid(&row->id), db_a_uuid(lease), db_a_int(slots)), 3,
		    NULL, err);
	}
	return rc;
}

/* A rate limit without a lease needs no record, every other one does. */
static int needs_record(const struct limit_row *row, const struct lease_spec *spec)
{
	return spec->expires_us != LEASE_FOREVER || spec->holder != NULL ||
	       row->s.decay <= 0;
}

static int take_all(struct tx *tx, const struct limit_row *rows, size_t count,
		    int64_t slots, struct lease_spec *spec, struct error *err)
{
	int records = spec->expires_us != LEASE_FOREVER;
	size_t i;
	int rc = 0;

	for (i = 0; i < count; i++) {
		records |= rows[i].active && needs_record(&rows[i], spec);
	}
	if (records) {
		rc = add_lease(tx, spec, &spec->lease, err);
	}
	for (i = 0; i < count && rc == 0; i++) {
		if (rows[i].active) {
			rc = take_one(
			    tx, &rows[i], slots,
			    needs_record(&rows[i], spec) ? &spec->lease : NULL, err);
		}
	}
	return rc;
}

int limits_take(struct tx *tx, struct limit_row *rows, size_t count, int64_t slots,
		struct lease_spec *spec, struct error *err)
{
	int rc = 1;

	if (!all_fit(tx, rows, count, slots)) {
		rc = fit_after_reaping(tx, rows, count, slots, err);
	}
	if (rc == 0) {
		return deny(tx, rows, count, slots, &spec->wait_s, err);
	}
	if (rc > 0) {
		rc = take_all(tx, rows, count, slots, spec, err);
	}
	return rc < 0 ? rc : 1;
}

int limits_set_active(struct tx *tx, const struct limit_row *row, int64_t slots,
		      struct error *err)
{
	struct lease_spec spec = {.expires_us = LEASE_FOREVER};
	struct uuid lease;
	int rc = db_exec(tx->c, SQL_LIMIT_LEASE_DELETE_OF_LIMIT,
			 DB_ARGS(db_a_uuid(&row->id)), 1, NULL, err);

	if (rc == 0) {
		rc = db_exec(tx->c, SQL_LIMIT_SLOT_DELETE_OF_LIMIT,
			     DB_ARGS(db_a_uuid(&row->id)), 1, NULL, err);
	}
	if (rc == 0) {
		rc = db_exec(tx->c, SQL_LIMIT_SET_USAGE,
			     DB_ARGS(db_a_uuid(&row->id), db_a_time(tx->now_us),
				     db_a_real((double)slots),
				     db_a_int((int64_t)row->s.denied)),
			     4, NULL, err);
	}
	if (rc == 0 && slots > 0) {
		rc = add_lease(tx, &spec, &lease, err);
	}
	if (rc == 0 && slots > 0) {
		rc = db_exec(
		    tx->c, SQL_LIMIT_SLOT_INSERT,
		    DB_ARGS(db_a_uuid(&row->id), db_a_uuid(&lease), db_a_int(slots)), 3,
		    NULL, err);
	}
	return rc;
}
