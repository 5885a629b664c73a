/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_row.c - reads a flow run with everything that its rules may ask.
 */
#include "api/orchestration/run_row.h"

#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/routes/state_json.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define POLICY_MAX      (1u << 20)
#define DEFAULT_GRACE_S 300 /* initial_deployment_lease_duration */

/* columns of flow_run_for_decision */
enum {
	C_FLOW_ID,
	C_DEPLOYMENT_ID,
	C_PARENT_TASK,
	C_RUN_COUNT,
	C_PID,
	C_POLICY,
	C_START,
	C_END,
	C_EXPECTED,
	C_NEXT,
	C_TOTAL,
	C_FENCE,
	C_LEASE,
	C_NAME,
	C_TAGS,
	C_CREATED_BY,
	C_QUEUE_ID,
	C_IN_PROCESS,
	C_ATTEMPTS,
	C_OWNER,
	C_STATE_ID,
	C_STATE_TYPE,
	C_STATE_NAME,
	C_STATE_AT,
	C_MESSAGE,
	C_DATA,
	C_DETAILS,
	C_FLOW_NAME,
	C_FLOW_TAGS,
	C_D_ID,
	C_D_NAME,
	C_D_TAGS,
	C_D_OPTIONS,
	C_D_ON_LOST,
	C_LIMIT_ID,
	C_LIMIT,
	C_QUEUE_NAME,
	C_POOL_ID,
	C_POOL_NAME,
	C_POOL_TYPE,
	C_PARENT_NAME,
	C_D_MAX_ATTEMPTS,
	C_PARENT_TAGS
};

static char *dup_text(const struct db_rows *r, int col)
{
	const char *s = db_text(r, col);

	return s != NULL ? xstrdup(s) : NULL;
}

static void read_run(struct orc_run *run, const struct db_rows *r)
{
	const char *policy = db_text(r, C_POLICY);
	json_t *v = NULL;

	orc_run_init(run);
	(void)db_uuid(r, C_FLOW_ID, &run->flow_id);
	run->has_deployment = db_uuid(r, C_DEPLOYMENT_ID, &run->deployment_id);
	run->has_parent_task = db_uuid(r, C_PARENT_TASK, &run->parent_task_run_id);
	run->run_count = (int)db_int(r, C_RUN_COUNT);
	run->has_pid = !db_is_null(r, C_PID);
	if (policy != NULL && strcmp(policy, "{}") != 0) {
		v = json_parse(policy, strlen(policy), POLICY_MAX, NULL);
	}
	if (json_is_object(v)) {
		json_object_update(run->empirical_policy, v);
	}
	json_decref(v);
	run->start_us = db_time(r, C_START);
	run->end_us = db_time(r, C_END);
	run->expected_start_us = db_time(r, C_EXPECTED);
	run->next_scheduled_us = db_time(r, C_NEXT);
	run->total_run_time_us = db_int(r, C_TOTAL);
	run->fence = (uint64_t)db_int(r, C_FENCE);
}

static void read_state(struct orc_state *s, const struct db_rows *r,
		       const struct uuid *run)
{
	struct uuid id;
	struct state_row row = {
	    .id = &id,
	    .type = (int)db_int(r, C_STATE_TYPE),
	    .name = db_text(r, C_STATE_NAME),
	    .at_us = db_time(r, C_STATE_AT),
	    .message = db_text(r, C_MESSAGE),
	    .data = db_text(r, C_DATA),
	    .details = db_text(r, C_DETAILS),
	    .flow_run_id = run,
	};

	if (db_uuid(r, C_STATE_ID, &id)) {
		state_from_row(s, &row);
	}
}

static void read_deployment(struct run_row *row, const struct db_rows *r)
{
	const char *options = db_text(r, C_D_OPTIONS);
	const char *on_lost = db_text(r, C_D_ON_LOST);
	const char *strategy = NULL;
	json_t *v = NULL;

	row->facts.deployment_exists = !db_is_null(r, C_D_ID);
	row->facts.concurrency_limit = -1;
	row->facts.grace_s = DEFAULT_GRACE_S;
	row->max_attempts = db_int(r, C_D_MAX_ATTEMPTS);
	row->requeue_when_lost = on_lost != NULL && strcmp(on_lost, "requeue") == 0;
	row->has_limit = db_uuid(r, C_LIMIT_ID, &row->limit_id);
	if (row->has_limit) {
		row->facts.concurrency_limit = db_int(r, C_LIMIT);
	}
	if (options != NULL) {
		v = json_parse(options, strlen(options), POLICY_MAX, NULL);
	}
	strategy = json_string_value(json_object_get(v, "collision_strategy"));
	row->facts.collision_cancel_new =
	    strategy != NULL && strcmp(strategy, "CANCEL_NEW") == 0;
	(void)json_get_int(v, "grace_period_seconds", &row->facts.grace_s, NULL);
	json_decref(v);
}

static void read_texts(struct run_row *row, const struct db_rows *r)
{
	row->name = dup_text(r, C_NAME);
	row->tags = dup_text(r, C_TAGS);
	row->created_by = dup_text(r, C_CREATED_BY);
	row->owner = dup_text(r, C_OWNER);
	row->flow_name = dup_text(r, C_FLOW_NAME);
	row->flow_tags = dup_text(r, C_FLOW_TAGS);
	row->deployment_name = dup_text(r, C_D_NAME);
	row->deployment_tags = dup_text(r, C_D_TAGS);
	row->queue_name = dup_text(r, C_QUEUE_NAME);
	row->pool_name = dup_text(r, C_POOL_NAME);
	row->pool_type = dup_text(r, C_POOL_TYPE);
	row->parent_task_name = dup_text(r, C_PARENT_NAME);
	row->parent_task_tags = dup_text(r, C_PARENT_TAGS);
}

static void read_row(struct run_row *row, const struct db_rows *r,
		     const struct uuid *id)
{
	read_run(&row->run, r);
	row->run.id = *id;
	read_state(&row->current, r, id);
	read_deployment(row, r);
	read_texts(row, r);
	row->has_lease = db_uuid(r, C_LEASE, &row->lease_id);
	row->has_queue = db_uuid(r, C_QUEUE_ID, &row->queue_id);
	row->has_pool = db_uuid(r, C_POOL_ID, &row->pool_id);
	row->attempts = db_int(r, C_ATTEMPTS);
	row->stored.expected_us = row->run.expected_start_us;
	row->stored.next_us = row->run.next_scheduled_us;
	row->stored.start_us = row->run.start_us;
	row->stored.end_us = row->run.end_us;
}

static int load_slots(struct tx *tx, struct run_row *row, struct error *err)
{
	int64_t alive = 0;
	int rc;

	if (!row->has_limit) {
		return 0;
	}
	rc = db_one_int(tx->c, SQL_RUN_SLOTS_TAKEN, DB_ARGS(db_a_uuid(&row->limit_id)),
			1, &row->facts.slots_taken, err);
	if (rc >= 0 && row->has_lease) {
		rc = db_one_int(tx->c, SQL_RUN_LEASE_ALIVE,
				DB_ARGS(db_a_uuid(&row->lease_id)), 1, &alive, err);
		row->facts.lease_alive = alive != 0;
	}
	return rc < 0 ? rc : 0;
}

int run_row_load(struct tx *tx, const struct uuid *id, struct run_row *row,
		 struct error *err)
{
	struct db_rows *rows = NULL;
	int rc;

	*row = (struct run_row){.has_limit = 0};
	rc = db_query(tx->c, SQL_FLOW_RUN_FOR_DECISION, DB_ARGS(db_a_uuid(id)), 1,
		      &rows, err);
	if (rc == 0) {
		rc = db_next(rows, err);
	}
	if (rc > 0) {
		read_row(row, rows, id);
	}
	db_rows_free(rows);
	if (rc == 0) {
		return err_set(err, ERR_NOT_FOUND, "Flow run with id %s not found",
			       uuid_str(id));
	}
	if (rc < 0) {
		return rc;
	}
	uuid_v4(&row->facts.fresh_lease);
	uuid_v4(&row->facts.fresh_key);
	uuid_v7(&row->facts.fresh_state, tx->now_us);
	return load_slots(tx, row, err);
}

static void take_place(const struct db_rows *r, void *arg)
{
	struct orc_facts *f = arg;
	static const char *const names[] = {"pool", "queue"};

	for (int i = 0; i < 2 && f->full_place == NULL; i++) {
		if (!db_is_null(r, 2 * i) && db_int(r, 2 * i + 1) >= db_int(r, 2 * i)) {
			f->full_place = names[i];
			f->place_limit = db_int(r, 2 * i);
			f->place_busy = db_int(r, 2 * i + 1);
		}
	}
}

int run_row_load_place(struct tx *tx, struct run_row *row, struct error *err)
{
	int rc;

	if (!row->has_queue) {
		return 0;
	}
	rc = db_one(tx->c, SQL_RUN_PLACE, DB_ARGS(db_a_uuid(&row->queue_id)), 1,
		    take_place, &row->facts, err);
	return rc < 0 ? rc : 0;
}

void run_row_release(struct run_row *row)
{
	orc_run_release(&row->run);
	orc_state_release(&row->current);
	free(row->name);
	free(row->tags);
	free(row->created_by);
	free(row->owner);
	free(row->flow_name);
	free(row->flow_tags);
	free(row->deployment_name);
	free(row->deployment_tags);
	free(row->queue_name);
	free(row->pool_name);
	free(row->pool_type);
	free(row->parent_task_name);
	free(row->parent_task_tags);
}
