/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease_reaper.c - concurrency leases that nobody renewed are given back, as if their
 * holders had done it.
 */
#include "api/db/db.h"
#include "api/routes/limit_store.h"
#include "api/services/service.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/uuid.h"

#define LEASE_BATCH 100

static int read_expired(struct tx *tx, size_t max, struct uuid *ids, size_t *ret_count,
			struct error *err)
{
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc =
	    db_query(tx->c, SQL_EXPIRED_LEASES,
		     DB_ARGS(db_a_int(tx->now_us), db_a_int((int64_t)max)), 2, &r, err);

	while (rc == 0 && n < max && (rc = db_next(r, err)) > 0) {
		(void)db_uuid(r, 0, &ids[n++]);
		rc = 0;
	}
	db_rows_free(r);
	*ret_count = n;
	return rc;
}

static int probe(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct uuid one;
	size_t count = 0;
	int rc = read_expired(tx, 1, &one, &count, err);

	(void)p;
	return rc < 0 ? rc : count > 0;
}

static int pass(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct uuid ids[LEASE_BATCH];
	size_t count = 0;
	int rc = read_expired(tx, LEASE_BATCH, ids, &count, err);

	for (size_t i = 0; rc >= 0 && i < count; i++) {
		rc = lease_release(tx, &ids[i], err);
		p->done++;
	}
	p->more = count == LEASE_BATCH;
	return rc < 0 ? rc : 0;
}

const struct service service_lease_reaper = {
    .name = "lease-reaper",
    .interval_ms = 5000,
    .probe = probe,
    .pass = pass,
};
