/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_lease.c - leader leases in SQL.  The pass runs in the transaction that read
 * or took the lease, so a leader that lost it cannot write.
 */
#include <stdint.h>
#include <stdlib.h>

#include "api/db/db.h"
#include "api/services/service.h"
#include "api/tx.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/uuid.h"

struct lease_row {
	struct uuid owner;
	int64_t fence, expires_us;
};

static void take_row(const struct db_rows *r, void *arg)
{
	struct lease_row *l = arg;

	(void)db_uuid(r, 0, &l->owner);
	l->fence = db_int(r, 1);
	l->expires_us = db_int(r, 2);
}

int service_lease(struct tx *tx, const char *name, const struct uuid *owner,
		  int64_t *ret_fence, struct error *err)
{
	struct lease_row l = {0};
	int64_t changes = 0;
	int rc = db_one(tx->c, SQL_SERVICE_LEASE_READ, DB_ARGS(db_a_text(name)), 1,
			take_row, &l, err);

	if (rc < 0) {
		return rc;
	}
	*ret_fence = l.fence;
	if (rc > 0 && uuid_equal(&l.owner, owner) &&
	    l.expires_us - tx->now_us > SERVICE_LEASE_US / 3) {
		return 1;
	}
	if (rc > 0 && !uuid_equal(&l.owner, owner) && l.expires_us >= tx->now_us) {
		return 0;
	}
	*ret_fence = uuid_equal(&l.owner, owner) ? l.fence : l.fence + 1;
	rc = db_exec(tx->c, SQL_SERVICE_LEASE_TAKE,
		     DB_ARGS(db_a_text(name), db_a_uuid(owner), db_a_int(tx->now_us),
			     db_a_int(tx->now_us + SERVICE_LEASE_US)),
		     4, &changes, err);
	return rc < 0 ? rc : changes > 0;
}

static int drop_work(struct tx *tx, void *arg, struct error *err)
{
	const struct uuid *owner = arg;

	return db_exec(tx->c, SQL_SERVICE_LEASE_DROP, DB_ARGS(db_a_uuid(owner)), 1,
		       NULL, err);
}

static void drop_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	(void)rc; /* they end by themselves */
	(void)tx;
	(void)err;
	free(arg);
}

void service_leases_drop(struct api *api, const struct uuid *owner)
{
	struct uuid *copy = xmemdup(owner, sizeof(*copy));

	if (tx_run(api, DB_WRITE, drop_work, copy, drop_done, NULL) < 0) {
		free(copy);
	}
}

int service_is_late(const struct service_pass *p)
{
	return clock_mono_us() - p->began_mono_us > SERVICE_SLICE_US;
}
