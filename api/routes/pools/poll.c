/* SPDX-License-Identifier: Apache-2.0 */
/* poll.c - what a poll leaves behind. */
#include "api/routes/pools/poll.h"

#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/db/db.h"
#include "api/routes/deployments/deployment_store.h"
#include "api/routes/pools/pool_store.h"
#include "api/routes/pools/queue_store.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define POLL_DEPLOYMENTS_MAX 500 /* made READY by one poll; the next one goes on */
#define POLL_QUEUES_MAX      1000

struct poll {
	char *pool; /* by pool ... */
	json_t *names;
	struct uuid queue_id; /* ... or one queue ... */
	struct uuid *ids;     /* ... or deployments */
	size_t count;
};

static void poll_free(struct poll *p)
{
	free(p->pool);
	json_decref(p->names);
	free(p->ids);
	free(p);
}

static int wanted(const json_t *names, const char *name)
{
	size_t i;
	json_t *v;

	json_array_foreach (names, i, v) {
		if (json_is_string(v) && strcmp(json_string_value(v), name) == 0) {
			return 1;
		}
	}
	return json_array_size(names) == 0;
}

/* Deployments of a queue that are not READY, at most POLL_DEPLOYMENTS_MAX. */
static int read_not_ready(struct tx *tx, const struct uuid *queue_id, struct uuid *ids,
			  size_t *ret_count, struct error *err)
{
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc = db_query(tx->c, SQL_DEPLOYMENT_NOT_READY_OF_QUEUE,
			  DB_ARGS(db_a_uuid(queue_id)), 1, &r, err);

	while (rc == 0 && n < POLL_DEPLOYMENTS_MAX && (rc = db_next(r, err)) > 0) {
		(void)db_uuid(r, 0, &ids[n++]);
		rc = 0;
	}
	db_rows_free(r);
	*ret_count = n;
	return rc;
}

static int deployments_ready(struct tx *tx, const struct uuid *queue_id,
			     struct error *err)
{
	struct uuid *ids = xcalloc(POLL_DEPLOYMENTS_MAX, sizeof(*ids));
	size_t count = 0;
	int rc = read_not_ready(tx, queue_id, ids, &count, err);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct deployment d = {0};

		rc = deployment_find(tx, &ids[i], &d, err);
		if (rc > 0) {
			rc = deployment_set_ready(tx, &d, 1, err);
		}
		deployment_release(&d);
	}
	free(ids);
	return rc;
}

static int record_queue(struct tx *tx, const struct uuid *id, struct error *err)
{
	struct work_queue q = {0};
	int rc = queue_find(tx, id, &q, err);

	if (rc > 0) {
		rc = db_exec(tx->c, SQL_WORK_QUEUE_POLLED,
			     DB_ARGS(db_a_uuid(id), db_a_time(tx->now_us)), 2, NULL,
			     err);
	}
	if (rc == 0 && q.name != NULL && q.status == QUEUE_NOT_READY) {
		rc = queue_set_status(tx, &q, QUEUE_READY, err);
	}
	if (rc == 0 && q.name != NULL) {
		rc = deployments_ready(tx, id, err);
	}
	queue_release(&q);
	return rc;
}

/* Columns of work_queue_rooms. */
static int is_due(const struct db_rows *r, const json_t *names, int64_t now_us)
{
	int64_t polled = db_time(r, 6);

	return wanted(names, db_text(r, 1)) &&
	       (polled == TIME_NONE || now_us - polled >= POLL_EVERY_US);
}

int poll_record_pool(struct tx *tx, const struct work_pool *pool, const json_t *names,
		     struct error *err)
{
	struct uuid *ids = xcalloc(POLL_QUEUES_MAX, sizeof(*ids));
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc = db_query(tx->c, SQL_WORK_QUEUE_ROOMS, DB_ARGS(db_a_uuid(&pool->id)), 1,
			  &r, err);

	while (rc == 0 && n < POLL_QUEUES_MAX && (rc = db_next(r, err)) > 0) {
		if (is_due(r, names, tx->now_us)) {
			(void)db_uuid(r, 0, &ids[n++]);
		}
		rc = 0;
	}
	db_rows_free(r);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = record_queue(tx, &ids[i], err);
	}
	free(ids);
	return rc;
}

static int record_deployment(struct tx *tx, const struct uuid *id, struct error *err)
{
	struct deployment d = {0};
	int rc = deployment_find(tx, id, &d, err);

	if (rc > 0 && (d.last_polled_us == TIME_NONE ||
		       tx->now_us - d.last_polled_us >= POLL_EVERY_US)) {
		rc = db_exec(tx->c, SQL_DEPLOYMENT_POLLED,
			     DB_ARGS(db_a_uuid(id), db_a_time(tx->now_us)), 2, NULL,
			     err);
	}
	if (rc >= 0 && d.name != NULL) {
		rc = deployment_set_ready(tx, &d, 1, err);
	}
	deployment_release(&d);
	return rc < 0 ? rc : 0;
}

static int poll_work(struct tx *tx, void *arg, struct error *err)
{
	const struct poll *p = arg;
	struct work_pool pool = {0};
	int rc = 0;

	if (p->pool != NULL) {
		rc = pool_find(tx, p->pool, &pool, err);
		if (rc > 0) {
			rc = poll_record_pool(tx, &pool, p->names, err);
		}
		pool_release(&pool);
		return rc;
	}
	if (p->ids == NULL) {
		return record_queue(tx, &p->queue_id, err);
	}
	for (size_t i = 0; rc == 0 && i < p->count; i++) {
		rc = record_deployment(tx, &p->ids[i], err);
	}
	return rc;
}

static void poll_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	(void)tx;
	if (rc < 0) {
		log_warn("recording a poll: %s", err->msg);
	}
	poll_free(arg);
}

static void start(struct api *api, struct poll *p)
{
	struct error err = {0};

	if (tx_run(api, DB_WRITE, poll_work, p, poll_done, &err) < 0) {
		log_debug("a poll is not recorded: %s", err.msg);
		poll_free(p);
	}
}

void poll_pool(struct api *api, const char *pool, const json_t *names)
{
	struct poll *p = xcalloc(1, sizeof(*p));

	p->pool = xstrdup(pool);
	p->names = names != NULL ? json_deep_copy(names) : NULL;
	start(api, p);
}

void poll_queue(struct api *api, const struct uuid *queue_id)
{
	struct poll *p = xcalloc(1, sizeof(*p));

	p->queue_id = *queue_id;
	start(api, p);
}

void poll_deployments(struct api *api, const struct uuid *ids, size_t count)
{
	struct poll *p = xcalloc(1, sizeof(*p));

	p->ids = xcalloc(count + 1, sizeof(*p->ids));
	memcpy(p->ids, ids, count * sizeof(*ids));
	p->count = count;
	start(api, p);
}
