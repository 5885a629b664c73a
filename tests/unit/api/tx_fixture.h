/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tx_fixture.h - transactions against a fresh database, with a clock of the test's own.
 */
#ifndef TESTS_UNIT_API_TX_FIXTURE_H
#define TESTS_UNIT_API_TX_FIXTURE_H

#include <jansson.h>

#include "api/tx.h"
#include "base/uuid.h"
#include "tests/unit/api/db_fixture.h"

struct tx_fixture {
	struct db_fixture base;
	int64_t now_us; /* of the next transaction */
	struct buf body;
	int status;
	unsigned int fx;
	struct error err;
};

void tx_fixture_start(struct tx_fixture *f);
void tx_fixture_stop(struct tx_fixture *f);
/* Runs FN as one write; its code.  The answer is left in body, status, fx. */
int tx_fixture_run(struct tx_fixture *f, tx_work_fn fn, void *arg);
/* The body as JSON; a new reference. */
json_t *tx_fixture_json(struct tx_fixture *f);
/* First column of the first row of a statement without arguments. */
int64_t tx_fixture_count(struct tx_fixture *f, enum sql_id id);

/* A flow, a pool with a queue, a deployment on it (LIMIT -1: none). */
struct scene_ids {
	struct uuid flow, pool, queue, deployment, limit;
	const char *on_lost; /* set before; NULL: crash */
};
void scene_make(struct tx_fixture *f, struct scene_ids *ids, int64_t limit,
		const char *strategy);

#endif
