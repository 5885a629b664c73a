/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollups.c - adds what ended, changed or went (run_delta) to the cells that dashboards
 * count (run_cell).  Who counts adds what is not in them yet, so it need not hurry: the
 * more it takes at once, the fewer cells are written.
 */
#include "api/db/db.h"
#include "api/services/service.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"

#define SLICE    250 /* some 10 ms of the writer */
#define PAUSE_MS 15

/* Is there something? */
static int probe(struct tx *tx, struct service_pass *p, struct error *err)
{
	int64_t newest = 0;
	int rc =
	    db_one_int(tx->c, SQL_ROLLUP_NEWEST, DB_ARGS(db_a_int(1)), 1, &newest, err);

	(void)p;
	return rc < 0 ? rc : newest > 0;
}

static int pass(struct tx *tx, struct service_pass *p, struct error *err)
{
	int64_t newest = 0, folded = 0;
	int rc = db_one_int(tx->c, SQL_ROLLUP_NEWEST, DB_ARGS(db_a_int(SLICE)), 1,
			    &newest, err);

	if (rc < 0 || newest == 0) {
		return MIN_OF(rc, 0);
	}
	rc = db_exec(tx->c, SQL_ROLLUP_FOLD, DB_ARGS(db_a_int(newest)), 1, NULL, err);
	if (rc == 0) {
		rc = db_exec(tx->c, SQL_ROLLUP_FOLDED, DB_ARGS(db_a_int(newest)), 1,
			     &folded, err);
	}
	if (rc == 0) {
		rc = db_exec(tx->c, SQL_ROLLUP_EMPTY, NULL, 0, NULL, err);
	}
	p->done += folded;
	p->more = folded == SLICE;
	return rc;
}

const struct service service_rollups = {
    .name = "rollups",
    .interval_ms = 2000,
    .pause_ms = PAUSE_MS,
    .probe = probe,
    .pass = pass,
};
