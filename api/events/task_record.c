/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_record.c - one recorded state of a task run, into its row and its history.
 */
#include "api/db/db.h"
#include "api/events/recorder.h"
#include "api/tx.h"
#include "base/error.h"
#include "proto/frame.h"

static struct db_arg text_or(const char *s, const char *standard)
{
	return db_a_text(s != NULL ? s : standard);
}

static struct db_arg uuid_or_null(const struct uuid *id)
{
	return id != NULL ? db_a_uuid(id) : db_a_null();
}

static int insert(struct tx *tx, const struct task_record *r, const struct uuid *id,
		  int64_t *ret_changes, struct error *err)
{
	return db_exec(
	    tx->c, SQL_TASK_RECORD_INSERT,
	    DB_ARGS(db_a_uuid(id), db_a_time(tx->now_us), db_a_text(r->name),
		    uuid_or_null(r->flow_run_id), db_a_text(r->task_key),
		    db_a_text(r->dynamic_key), db_a_text(r->task_version),
		    db_a_text(r->cache_key), db_a_time(r->cache_expiration_us),
		    db_a_int(r->flow_run_run_count), text_or(r->empirical_policy, "{}"),
		    text_or(r->task_inputs, "{}"), text_or(r->tags, "[]"),
		    db_a_text(r->labels), db_a_uuid(&r->state_id),
		    db_a_int(r->state_type), db_a_text(r->state_name),
		    db_a_time(r->state_at_us), db_a_int(r->run_count),
		    db_a_time(r->expected_us), db_a_time(r->start_us),
		    db_a_time(r->end_us), db_a_int(r->total_us)),
	    23, ret_changes, err);
}

static int update(struct tx *tx, const struct task_record *r, const struct uuid *id,
		  int64_t *ret_changes, struct error *err)
{
	return db_exec(tx->c, SQL_TASK_RECORD_UPDATE,
		       DB_ARGS(db_a_uuid(id), db_a_time(tx->now_us), db_a_text(r->name),
			       db_a_text(r->task_version), db_a_text(r->cache_key),
			       db_a_time(r->cache_expiration_us),
			       db_a_int(r->flow_run_run_count),
			       text_or(r->empirical_policy, "{}"),
			       text_or(r->task_inputs, "{}"), text_or(r->tags, "[]"),
			       db_a_text(r->labels), db_a_uuid(&r->state_id),
			       db_a_int(r->state_type), db_a_text(r->state_name),
			       db_a_time(r->state_at_us), db_a_int(r->run_count),
			       db_a_time(r->expected_us), db_a_time(r->start_us),
			       db_a_time(r->end_us), db_a_int(r->total_us)),
		       20, ret_changes, err);
}

static void take_id(const struct db_rows *r, void *arg)
{
	(void)db_uuid(r, 0, arg);
}

static void take_nothing(const struct db_rows *r, void *arg)
{
	(void)r;
	(void)arg;
}

/* 1: *id is the stored row's (by the natural key it may be another), 0: no row. */
static int find(struct tx *tx, const struct task_record *r, struct uuid *id,
		struct error *err)
{
	int rc = 0;

	if (r->flow_run_id != NULL) {
		rc = db_one(tx->c, SQL_TASK_RUN_ID_BY_KEYS,
			    DB_ARGS(db_a_uuid(r->flow_run_id), db_a_text(r->task_key),
				    db_a_text(r->dynamic_key)),
			    3, take_id, id, err);
	}
	if (rc == 0) {
		rc = db_one(tx->c, SQL_TASK_RUN_STATE_AT, DB_ARGS(db_a_uuid(&r->id)), 1,
			    take_nothing, NULL, err);
		*id = rc > 0 ? r->id : *id;
	}
	return rc;
}

static int write_row(struct tx *tx, const struct task_record *r, struct uuid *id,
		     struct error *err)
{
	int64_t changes = 0;
	int rc = 0;

	if (r->first) {
		rc = insert(tx, r, id, &changes, err);
	}
	if (rc == 0 && changes == 0) {
		rc = update(tx, r, id, &changes, err);
	}
	if (rc < 0 || changes > 0) {
		return rc < 0 ? rc : 1;
	}
	rc = find(tx, r, id, err);
	if (rc > 0 && !uuid_equal(id, &r->id)) {
		rc = update(tx, r, id, &changes, err);
		return rc < 0 ? rc : 1;
	}
	if (rc == 0 && !r->first) {
		rc = insert(tx, r, id, &changes, err);
		return rc < 0 ? rc : changes > 0;
	}
	return rc; /* 1: the row is newer; 0: the flow run is gone */
}

int task_record_apply(struct tx *tx, const struct task_record *r, struct uuid *ret_id,
		      struct error *err)
{
	struct uuid id = r->id;
	int64_t changes = 0;
	int rc = write_row(tx, r, &id, err);

	if (rc > 0) {
		rc = db_exec(tx->c, SQL_TASK_RUN_STATE_INSERT,
			     DB_ARGS(db_a_uuid(&r->state_id), db_a_uuid(&id),
				     db_a_time(tx->now_us), db_a_int(r->state_type),
				     db_a_time(r->state_at_us),
				     db_a_text(r->state_name), db_a_text(r->message),
				     text_or(r->details, "{}"), db_a_text(r->data)),
			     9, &changes, err);
	}
	if (rc < 0) {
		return rc;
	}
	if (r->state_type == WF__CONTROL__STATE_TYPE__SCHEDULED) {
		tx->fx |= FX_TASKS;
	}
	if (ret_id != NULL) {
		*ret_id = id;
	}
	return changes > 0;
}
