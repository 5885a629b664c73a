/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease_reaper.c - concurrency leases that nobody renewed end; their slots are free
 * again, since a slot is nothing but its record.
 */
#include "api/db/db.h"
#include "api/services/service.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/uuid.h"

#define LEASE_BATCH 100

struct expired {
	struct uuid id;
	int64_t created_us;
};

static int read_expired(struct tx *tx, size_t max, struct expired *list,
			size_t *ret_count, struct error *err)
{
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc =
	    db_query(tx->c, SQL_EXPIRED_LEASES,
		     DB_ARGS(db_a_int(tx->now_us), db_a_int((int64_t)max)), 2, &r, err);

	while (rc == 0 && n < max && (rc = db_next(r, err)) > 0) {
		(void)db_uuid(r, 0, &list[n].id);
		list[n++].created_us = db_time(r, 1);
		rc = 0;
	}
	db_rows_free(r);
	*ret_count = n;
	return rc;
}

static int end_lease(struct tx *tx, const struct expired *l, struct error *err)
{
	double age_s = (double)(tx->now_us - l->created_us) / 1e6;
	int rc =
	    db_exec(tx->c, SQL_LEASE_OCCUPANCY,
		    DB_ARGS(db_a_uuid(&l->id), db_a_real(age_s > 0.1 ? age_s : 0.1)), 2,
		    NULL, err);

	if (rc < 0) {
		return rc;
	}
	return db_exec(tx->c, SQL_LEASE_DELETE, DB_ARGS(db_a_uuid(&l->id)), 1, NULL,
		       err);
}

static int probe(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct expired one;
	size_t count = 0;
	int rc = read_expired(tx, 1, &one, &count, err);

	(void)p;
	return rc < 0 ? rc : count > 0;
}

static int pass(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct expired list[LEASE_BATCH];
	size_t count = 0;
	int rc = read_expired(tx, LEASE_BATCH, list, &count, err);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		rc = end_lease(tx, &list[i], err);
		p->done++;
	}
	p->more = count == LEASE_BATCH;
	return rc;
}

const struct service service_lease_reaper = {
    .name = "lease-reaper",
    .interval_ms = 5000,
    .probe = probe,
    .pass = pass,
};
