/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_store.c - claims of background task runs.
 */
#include "api/sockets/task_store.h"

#include "api/db/db.h"
#include "api/routes/task_run_json.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/jsonw.h"

static void take_id(const struct db_rows *r, void *arg)
{
	(void)db_uuid(r, 0, arg);
}

static int take(struct tx *tx, const struct uuid *id, const char *client,
		struct error *err)
{
	struct jsonw w;
	int rc = db_exec(tx->c, SQL_TASK_CLAIM_TAKE,
			 DB_ARGS(db_a_uuid(id), db_a_text(client),
				 db_a_time(tx->now_us + TASK_CLAIM_US)),
			 3, NULL, err);

	if (rc == 0) {
		jsonw_init(&w, &tx->body);
		rc = task_run_write_by_id(tx, &w, NULL, id, err);
	}
	return rc < 0 ? rc : 1;
}

int task_claim(struct tx *tx, const struct task_wanted *w, struct uuid *ret_id,
	       struct error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < w->count; i++) {
		const char *key = w->keys[(w->first + i) % w->count];

		rc = db_one(tx->c, SQL_TASK_CLAIM_NEXT,
			    DB_ARGS(db_a_text(key), db_a_time(tx->now_us)), 2, take_id,
			    ret_id, err);
	}
	return rc > 0 ? take(tx, ret_id, w->client, err) : rc;
}

int task_claim_drop(struct tx *tx, const struct uuid *id, const char *client,
		    struct error *err)
{
	tx->fx |= FX_TASKS;
	return db_exec(tx->c, SQL_TASK_CLAIM_DROP,
		       DB_ARGS(db_a_uuid(id), db_a_text(client)), 2, NULL, err);
}

int task_claim_taken(struct tx *tx, const struct uuid *id, const char *client,
		     struct error *err)
{
	return db_exec(tx->c, SQL_TASK_CLAIM_TAKEN,
		       DB_ARGS(db_a_uuid(id), db_a_text(client)), 2, NULL, err);
}

int task_claims_keep(struct tx *tx, const char *client, struct error *err)
{
	int rc = db_exec(tx->c, SQL_TASK_CLAIM_DROP_BEGUN, DB_ARGS(db_a_text(client)),
			 1, NULL, err);

	if (rc == 0) {
		rc = db_exec(
		    tx->c, SQL_TASK_CLAIM_EXTEND,
		    DB_ARGS(db_a_text(client), db_a_time(tx->now_us + TASK_CLAIM_US)),
		    2, NULL, err);
	}
	return rc;
}

int task_claims_begin(struct tx *tx, const char *client, struct error *err)
{
	int rc = db_exec(tx->c, SQL_TASK_CLAIM_DROP_UNTAKEN, DB_ARGS(db_a_text(client)),
			 1, NULL, err);

	return rc == 0 ? task_claims_keep(tx, client, err) : rc;
}

int task_claims_forget_old(struct tx *tx, struct error *err)
{
	return db_exec(tx->c, SQL_TASK_CLAIM_DROP_OLD,
		       DB_ARGS(db_a_time(tx->now_us - TASK_CLAIM_US)), 1, NULL, err);
}
