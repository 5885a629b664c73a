/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_write.c - what one accepted state change writes, all in its transaction.
 */
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/orchestration/apply.h"
#include "api/orchestration/run_row.h"
#include "api/orchestration/task_apply.h"
#include "api/routes/state_json.h"
#include "api/services/outbox.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/uuid.h"
#include "proto/frame.h"

#define US_PER_S INT64_C(1000000)
#define TYPE(t)  WF__CONTROL__STATE_TYPE__##t

static int write_history(struct tx *tx, const struct run_row *row,
			 const struct orc_state *s, struct error *err)
{
	char *details = state_details_text(s), *data = state_data_text(s);
	int rc;

	rc = db_exec(
	    tx->c, SQL_FLOW_RUN_STATE_INSERT,
	    DB_ARGS(db_a_uuid(&s->id), db_a_uuid(&row->run.id), db_a_time(tx->now_us),
		    db_a_int(s->type), db_a_time(s->at_us), db_a_text(s->name),
		    db_a_text(s->message), db_a_text(details), db_a_text(data)),
	    9, NULL, err);
	free(details);
	free(data);
	return rc;
}

static int in_process(const struct run_row *row)
{
	const char *type =
	    json_string_value(json_object_get(row->run.empirical_policy, "retry_type"));

	return type != NULL && strcmp(type, "in_process") == 0;
}

/* A worker without leases takes the run: whoever had it before has it no more. */
static int disowned(const struct run_row *row, const struct run_change *ch)
{
	return ch->fence == 0 && row->current.type == TYPE(SCHEDULED) &&
	       (ch->d->state.type == TYPE(PENDING) ||
		ch->d->state.type == TYPE(RUNNING));
}

/* Only those that changed. */
static int write_times(struct tx *tx, const struct run_row *row, struct error *err)
{
	const struct orc_run *r = &row->run;
	int rc = 0;

	if (r->expected_start_us != row->stored.expected_us ||
	    r->next_scheduled_us != row->stored.next_us) {
		rc = db_exec(tx->c, SQL_FLOW_RUN_MOVE_DUE,
			     DB_ARGS(db_a_uuid(&r->id), db_a_time(r->expected_start_us),
				     db_a_time(r->next_scheduled_us)),
			     3, NULL, err);
	}
	if (rc == 0 && r->start_us != row->stored.start_us) {
		rc = db_exec(tx->c, SQL_FLOW_RUN_MOVE_START,
			     DB_ARGS(db_a_uuid(&r->id), db_a_time(r->start_us)), 2,
			     NULL, err);
	}
	if (rc == 0 && r->end_us != row->stored.end_us) {
		rc = db_exec(tx->c, SQL_FLOW_RUN_MOVE_END,
			     DB_ARGS(db_a_uuid(&r->id), db_a_time(r->end_us)), 2, NULL,
			     err);
	}
	return rc;
}

static int write_run(struct tx *tx, const struct run_row *row,
		     const struct run_change *ch, unsigned int delivery,
		     struct error *err)
{
	const struct orc_state *s = &ch->d->state;
	const struct orc_run *r = &row->run;
	char *policy = json_text(r->empirical_policy);
	int rc;

	rc = db_exec(
	    tx->c, SQL_FLOW_RUN_MOVE,
	    DB_ARGS(db_a_uuid(&r->id), db_a_time(tx->now_us), db_a_uuid(&s->id),
		    db_a_int(s->type), db_a_text(s->name), db_a_time(s->at_us),
		    db_a_int(r->run_count), db_a_int(r->total_run_time_us),
		    db_a_text(policy), db_a_int(in_process(row)),
		    row->has_lease ? db_a_uuid(&row->lease_id) : db_a_null(),
		    db_a_int((delivery & ORC_FX_ENQUEUE) != 0),
		    db_a_int((int64_t)(ch->fence > r->fence ? ch->fence : r->fence)),
		    db_a_text(ch->owner), db_a_int(row->attempts + (ch->requeued != 0)),
		    db_a_int(disowned(row, ch))),
	    16, NULL, err);
	free(policy);
	return rc < 0 ? rc : write_times(tx, row, err);
}

static int end_lease(struct tx *tx, struct run_row *row, struct error *err)
{
	if (!row->has_lease) {
		return 0;
	}
	row->has_lease = 0;
	return db_exec(tx->c, SQL_RUN_LEASE_END, DB_ARGS(db_a_uuid(&row->lease_id)), 1,
		       NULL, err);
}

static int take_lease(struct tx *tx, struct run_row *row, struct error *err)
{
	int rc = end_lease(tx, row, err);

	if (rc == 0) {
		row->lease_id = row->facts.fresh_lease;
		row->has_lease = 1;
		rc = db_exec(
		    tx->c, SQL_RUN_LEASE_INSERT,
		    DB_ARGS(db_a_uuid(&row->lease_id), db_a_time(tx->now_us),
			    db_a_time(tx->now_us + row->facts.grace_s * US_PER_S),
			    db_a_uuid(&row->run.id)),
		    4, NULL, err);
	}
	if (rc == 0) {
		rc = db_exec(
		    tx->c, SQL_RUN_SLOT_INSERT,
		    DB_ARGS(db_a_uuid(&row->limit_id), db_a_uuid(&row->lease_id)), 2,
		    NULL, err);
	}
	return rc;
}

static int lease_until(struct tx *tx, const struct run_row *row, int64_t at_us,
		       struct error *err)
{
	if (!row->has_lease) {
		return 0;
	}
	return db_exec(tx->c, SQL_RUN_LEASE_EXPIRES,
		       DB_ARGS(db_a_uuid(&row->lease_id), db_a_int(at_us)), 2, NULL,
		       err);
}

static int write_slot(struct tx *tx, struct run_row *row, unsigned int fx,
		      struct error *err)
{
	int rc = 0;

	if ((fx & ORC_FX_TAKE_SLOT) != 0) {
		rc = take_lease(tx, row, err);
	} else if ((fx & ORC_FX_RENEW_SLOT) != 0) {
		rc = lease_until(tx, row, tx->now_us + row->facts.grace_s * US_PER_S,
				 err);
	} else if ((fx & ORC_FX_RELEASE_SLOT) != 0) {
		rc = end_lease(tx, row, err);
	}
	if (rc == 0 && (fx & ORC_FX_KEEP_SLOT) != 0) {
		rc = lease_until(tx, row, INT64_MAX, err);
	}
	return rc;
}

static int write_outbox(struct tx *tx, const struct run_row *row, unsigned int delivery,
			struct error *err)
{
	if ((delivery & ORC_FX_ENQUEUE) != 0) {
		return outbox_run(tx, &row->run.id, err);
	}
	if ((delivery & (ORC_FX_DEQUEUE | ORC_FX_CANCEL_RUNNING)) != 0) {
		return outbox_cancel(tx, &row->run.id, err);
	}
	return 0;
}

/* UpdateSubflowParentTask: the placeholder in the parent shows what its subflow is. */
static int write_parent_task(struct tx *tx, const struct run_row *row,
			     const struct orc_state *s, struct error *err)
{
	struct task_proposal p = {.task_run_id = row->run.parent_task_run_id,
				  .force = 1};
	struct orc_result result = {.wrote = 0};
	struct orc_state copy;
	char text[UUID_TEXT_SIZE];
	int rc;

	if (!row->run.has_parent_task) {
		return 0;
	}
	orc_state_copy(&copy, s);
	orc_detail_set_str(&copy, "child_flow_run_id", uuid_format(&row->run.id, text));
	p.state = &copy;
	rc = task_propose(tx, &p, &result, err);
	orc_state_release(&copy);
	orc_result_release(&result);
	return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static void take_id(const struct db_rows *r, void *arg)
{
	(void)db_uuid(r, 0, arg);
}

/* A slot of a deployments' limit is free: whoever waits longest comes now, instead of
 * when its own delay is over. */
static int hand_over_slot(struct tx *tx, const struct uuid *limit_id, struct error *err)
{
	struct run_proposal p = {.force = 1};
	struct orc_result result = {.wrote = 0};
	struct orc_state s;
	int rc = db_one(tx->c, SQL_RUN_AWAITS_SLOT, DB_ARGS(db_a_uuid(limit_id)), 1,
			take_id, &p.flow_run_id, err);

	if (rc <= 0) {
		return rc;
	}
	orc_state_init(&s, TYPE(SCHEDULED), NULL, NULL);
	orc_detail_set_time(&s, "scheduled_time", tx->now_us);
	p.state = &s;
	rc = run_propose(tx, &p, &result, err);
	orc_result_release(&result);
	return rc;
}

static void take_one(const struct db_rows *r, void *arg)
{
	*(int64_t *)arg = db_int(r, 0);
}

/* Deployed subflows of a cancelled run are cancelled by a service, now. */
static int wake_for_subflows(struct tx *tx, const struct run_row *row,
			     const struct orc_state *s, struct error *err)
{
	int64_t one;
	int rc;

	if (s->type != TYPE(CANCELLED)) {
		return 0;
	}
	rc = db_one(tx->c, SQL_RUN_HAS_SUBFLOWS, DB_ARGS(db_a_uuid(&row->run.id)), 1,
		    take_one, &one, err);
	tx->fx |= rc > 0 ? FX_SUBFLOWS : 0;
	return rc < 0 ? rc : 0;
}

int run_row_write(struct tx *tx, struct run_row *row, const struct run_change *ch,
		  struct error *err)
{
	const struct orc_state *s = &ch->d->state;
	unsigned int delivery =
	    orc_delivery(&row->run, &row->current, s, ch->fence > 0);
	int had_lease = row->has_lease;
	int rc = write_history(tx, row, s, err);

	if (rc == 0) {
		rc = write_slot(tx, row, ch->d->effects, err);
	}
	if (rc == 0) {
		rc = write_run(tx, row, ch, delivery, err);
	}
	if (rc == 0) {
		rc = write_outbox(tx, row, delivery, err);
	}
	if (rc == 0 && !ch->no_event) {
		rc = run_event_emit(tx, row, ch->intended, s, err);
	}
	if (rc == 0) {
		rc = write_parent_task(tx, row, s, err);
	}
	if (rc == 0) {
		rc = wake_for_subflows(tx, row, s, err);
	}
	if (rc == 0 && had_lease && !row->has_lease && row->has_limit) {
		rc = hand_over_slot(tx, &row->limit_id, err);
	}
	return rc;
}
