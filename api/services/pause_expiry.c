/* SPDX-License-Identifier: Apache-2.0 */
/* pause_expiry.c - paused runs that nobody resumed in time fail. */
#include <jansson.h>

#include "api/db/db.h"
#include "api/orchestration/apply.h"
#include "api/services/service.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"

#define PAUSED_BATCH 200
#define STATE_FAILED 5

struct paused {
	struct uuid ids[PAUSED_BATCH]; /* expired */
	size_t count, seen;
	struct uuid last;
};

static int is_expired(const char *details, int64_t now_us)
{
	json_t *v = details != NULL ? json_loads(details, 0, NULL) : NULL;
	int64_t until = 0;
	int has = json_get_time(v, "pause_timeout", &until, NULL) > 0;

	json_decref(v);
	return has && until < now_us;
}

static int read_slice(struct tx *tx, struct paused *p, struct error *err)
{
	struct db_rows *r = NULL;
	int rc =
	    db_query(tx->c, SQL_PAUSED_RUNS,
		     DB_ARGS(db_a_uuid(&p->last), db_a_int(PAUSED_BATCH)), 2, &r, err);

	p->seen = p->count = 0;
	while (rc == 0 && p->seen < PAUSED_BATCH && (rc = db_next(r, err)) > 0) {
		rc = 0;
		p->seen++;
		(void)db_uuid(r, 0, &p->last);
		if (is_expired(db_text(r, 2), tx->now_us)) {
			p->ids[p->count++] = p->last;
		}
	}
	db_rows_free(r);
	return rc;
}

/* Walks all paused runs until some are expired. */
static int find(struct tx *tx, struct paused *p, struct error *err)
{
	int rc;

	*p = (struct paused){0};
	do {
		rc = read_slice(tx, p, err);
	} while (rc == 0 && p->count == 0 && p->seen == PAUSED_BATCH);
	return rc;
}

static int probe(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct paused list;
	int rc = find(tx, &list, err);

	(void)p;
	return rc < 0 ? rc : list.count > 0;
}

static int pass(struct tx *tx, struct service_pass *p, struct error *err)
{
	const struct run_simple expired = {
	    .type = STATE_FAILED,
	    .message = "The flow was paused and never resumed.",
	    .force = 1,
	};
	struct paused list;
	int rc = find(tx, &list, err);

	for (size_t i = 0; rc == 0 && i < list.count; i++) {
		struct orc_result res = {0};

		rc = run_propose_simple(tx, &list.ids[i], &expired, &res, err);
		orc_result_release(&res);
		rc = rc == -ERR_NOT_FOUND ? 0 : rc;
		p->done++;
		if (service_is_late(p)) {
			break;
		}
	}
	p->more = list.count > 0;
	return rc;
}

const struct service service_pause_expiry = {
    .name = "pause-expiry",
    .interval_ms = 5000,
    .probe = probe,
    .pass = pass,
};
