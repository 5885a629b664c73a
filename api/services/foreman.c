/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreman.c - what nobody looks after any more: workers go OFFLINE, pools, deployments
 * and queues NOT_READY.  Pauses are not its business.
 */
#include <stdlib.h>

#include "api/db/db.h"
#include "api/routes/deployments/deployment_store.h"
#include "api/routes/pools/pool_store.h"
#include "api/routes/pools/queue_store.h"
#include "api/services/service.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/mem.h"

#define STALE_US      (60 * 1000000LL)
#define FOREMAN_BATCH 200

static int64_t stale_since(const struct tx *tx)
{
	return tx->now_us - STALE_US;
}

/* First column of STMT as ids. */
static int read_ids(struct tx *tx, enum sql_id stmt, struct uuid *ids,
		    size_t *ret_count, struct error *err)
{
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc = db_query(tx->c, stmt, DB_ARGS(db_a_int(stale_since(tx))), 1, &r, err);

	while (rc == 0 && n < FOREMAN_BATCH && (rc = db_next(r, err)) > 0) {
		(void)db_uuid(r, 0, &ids[n++]);
		rc = 0;
	}
	db_rows_free(r);
	*ret_count = n;
	return rc;
}

static int read_names(struct tx *tx, char **names, size_t *ret_count, struct error *err)
{
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc = db_query(tx->c, SQL_WORK_POOL_READY_WITHOUT_WORKER, NULL, 0, &r, err);

	while (rc == 0 && n < FOREMAN_BATCH && (rc = db_next(r, err)) > 0) {
		names[n++] = xstrdup(db_text(r, 0));
		rc = 0;
	}
	db_rows_free(r);
	*ret_count = n;
	return rc;
}

static int check_pools(struct tx *tx, struct service_pass *p, struct error *err)
{
	char *names[FOREMAN_BATCH];
	size_t count = 0;
	int rc = read_names(tx, names, &count, err);

	for (size_t i = 0; i < count; i++) {
		struct work_pool pool = {0};

		if (rc == 0 && (rc = pool_find(tx, names[i], &pool, err)) > 0) {
			rc = pool_set_status(tx, &pool, POOL_NOT_READY, err);
			p->done++;
		}
		pool_release(&pool);
		free(names[i]);
	}
	return rc;
}

static int check_deployments(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct uuid ids[FOREMAN_BATCH];
	size_t count = 0;
	int rc = read_ids(tx, SQL_DEPLOYMENT_STALE, ids, &count, err);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct deployment d = {0};

		rc = deployment_find(tx, &ids[i], &d, err);
		if (rc > 0) {
			rc = deployment_set_ready(tx, &d, 0, err);
			p->done++;
		}
		deployment_release(&d);
	}
	p->more |= count == FOREMAN_BATCH;
	return rc;
}

static int check_queues(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct uuid ids[FOREMAN_BATCH];
	size_t count = 0;
	int rc = read_ids(tx, SQL_WORK_QUEUE_STALE, ids, &count, err);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct work_queue q = {0};

		rc = queue_find(tx, &ids[i], &q, err);
		if (rc > 0) {
			rc = queue_set_status(tx, &q, QUEUE_NOT_READY, err);
			p->done++;
		}
		queue_release(&q);
	}
	p->more |= count == FOREMAN_BATCH;
	return rc;
}

static int pass(struct tx *tx, struct service_pass *p, struct error *err)
{
	int64_t offline = 0;
	int rc = db_exec(tx->c, SQL_WORKER_MARK_OFFLINE, DB_ARGS(db_a_time(tx->now_us)),
			 1, &offline, err);

	p->done += offline;
	if (rc == 0) {
		rc = check_pools(tx, p, err);
	}
	if (rc == 0) {
		rc = check_deployments(tx, p, err);
	}
	if (rc == 0) {
		rc = check_queues(tx, p, err);
	}
	return rc;
}

const struct service service_foreman = {
    .name = "foreman",
    .interval_ms = 5000,
    .pass = pass,
};
