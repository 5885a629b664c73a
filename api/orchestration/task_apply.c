/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_apply.c - a proposal about a task run, from the row to what was written.
 */
#include "api/orchestration/task_apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/routes/state_json.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "base/uuid.h"
#include "proto/frame.h"

#define TEXT_MAX       (1u << 20)
#define TAG_LEASE_US   (60 * INT64_C(1000000))
#define TAG_LIMITS_MAX 64

/* columns of task_run_for_decision */
enum {
	C_NAME,
	C_FLOW_RUN,
	C_RUN_COUNT,
	C_FLOW_RUN_RUN_COUNT,
	C_POLICY,
	C_TAGS,
	C_START,
	C_END,
	C_EXPECTED,
	C_NEXT,
	C_TOTAL,
	C_STATE, /* seven columns */
	C_PARENT_RUN_COUNT = C_STATE + 7,
	C_PARENT_NAME,
	C_PARENT_TYPE,
	C_PARENT_STATE_NAME,
	C_PARENT_DETAILS
};

struct task_row {
	struct orc_run run;
	struct orc_state current, parent, cached;
	struct orc_facts facts;
	int has_flow_run;
	struct uuid flow_run_id;
	char *tags;
	char tag_name[128];
	struct uuid limits[TAG_LIMITS_MAX];
	size_t nlimits;
};

static void row_release(struct task_row *t)
{
	orc_run_release(&t->run);
	orc_state_release(&t->current);
	orc_state_release(&t->parent);
	orc_state_release(&t->cached);
	free(t->tags);
}

/* Seven columns of a state, from COL. */
static int read_state(struct orc_state *s, const struct db_rows *r, int col,
		      const struct uuid *flow_run, const struct uuid *task_run)
{
	struct uuid id;
	struct state_row row = {
	    .id = &id,
	    .type = (int)db_int(r, col + 1),
	    .name = db_text(r, col + 2),
	    .at_us = db_time(r, col + 3),
	    .message = db_text(r, col + 4),
	    .data = db_text(r, col + 5),
	    .details = db_text(r, col + 6),
	    .flow_run_id = flow_run,
	    .task_run_id = task_run,
	};

	if (!db_uuid(r, col, &id)) {
		return 0;
	}
	state_from_row(s, &row);
	return 1;
}

static void read_parent(struct task_row *t, const struct db_rows *r)
{
	struct uuid none = {{0}};
	struct state_row row = {
	    .id = &none,
	    .type = (int)db_int(r, C_PARENT_TYPE),
	    .name = db_text(r, C_PARENT_STATE_NAME),
	    .at_us = TIME_NONE,
	    .details = db_text(r, C_PARENT_DETAILS),
	};

	if (row.type == 0) {
		return;
	}
	state_from_row(&t->parent, &row);
	t->facts.parent_state = &t->parent;
	t->facts.parent_flow_running = row.type == WF__CONTROL__STATE_TYPE__RUNNING;
	t->facts.parent_flow_paused = row.type == WF__CONTROL__STATE_TYPE__PAUSED;
	t->facts.flow_run_run_count = db_int(r, C_PARENT_RUN_COUNT);
}

static void read_run(struct task_row *t, const struct db_rows *r)
{
	const char *policy = db_text(r, C_POLICY);
	json_t *v =
	    policy != NULL ? json_parse(policy, strlen(policy), TEXT_MAX, NULL) : NULL;

	orc_run_init(&t->run);
	if (json_is_object(v)) {
		json_object_update(t->run.empirical_policy, v);
	}
	json_decref(v);
	t->run.run_count = (int)db_int(r, C_RUN_COUNT);
	t->run.flow_run_run_count = db_int(r, C_FLOW_RUN_RUN_COUNT);
	t->run.start_us = db_time(r, C_START);
	t->run.end_us = db_time(r, C_END);
	t->run.expected_start_us = db_time(r, C_EXPECTED);
	t->run.next_scheduled_us = db_time(r, C_NEXT);
	t->run.total_run_time_us = db_int(r, C_TOTAL);
}

static void read_row(struct task_row *t, const struct db_rows *r, const struct uuid *id)
{
	const char *tags = db_text(r, C_TAGS);

	read_run(t, r);
	t->run.id = *id;
	t->has_flow_run = db_uuid(r, C_FLOW_RUN, &t->flow_run_id);
	t->facts.parent_flow_run_id = t->flow_run_id;
	(void)read_state(&t->current, r, C_STATE,
			 t->has_flow_run ? &t->flow_run_id : NULL, id);
	read_parent(t, r);
	t->tags = tags != NULL ? xstrdup(tags) : NULL;
}

static int load_cached(struct tx *tx, struct task_row *t,
		       const struct orc_state *proposed, struct error *err)
{
	const char *key = orc_detail_str(proposed, "cache_key");
	struct db_rows *r = NULL;
	int rc;

	if (proposed->type != WF__CONTROL__STATE_TYPE__RUNNING || key == NULL) {
		return 0;
	}
	rc = db_query(tx->c, SQL_TASK_CACHE_NEWEST,
		      DB_ARGS(db_a_text(key), db_a_time(tx->now_us)), 2, &r, err);
	if (rc == 0) {
		rc = db_next(r, err);
	}
	if (rc > 0 && read_state(&t->cached, r, 0, NULL, NULL)) {
		t->facts.cached = &t->cached;
	}
	db_rows_free(r);
	return rc < 0 ? rc : 0;
}

static void look_at_limit(struct task_row *t, const struct db_rows *r)
{
	int64_t limit = db_int(r, 2);
	const char *name = db_text(r, 1);

	if (t->nlimits == TAG_LIMITS_MAX || !db_uuid(r, 0, &t->limits[t->nlimits])) {
		return;
	}
	t->nlimits++;
	if (limit > 0 && db_int(r, 3) < limit) {
		return;
	}
	t->facts.tag_limit_zero |= limit == 0;
	t->facts.tag_slots_full |= limit > 0;
	(void)snprintf(t->tag_name, sizeof(t->tag_name), "%s",
		       name != NULL && strncmp(name, "tag:", 4) == 0 ? name + 4 : "");
	t->facts.tag_name = t->tag_name;
}

static int load_tags(struct tx *tx, struct task_row *t,
		     const struct orc_state *proposed, struct error *err)
{
	struct db_rows *r = NULL;
	int rc;

	if (proposed->type != WF__CONTROL__STATE_TYPE__RUNNING || t->tags == NULL ||
	    strcmp(t->tags, "[]") == 0) {
		return 0;
	}
	rc = db_query(tx->c, SQL_TASK_TAG_LIMITS, DB_ARGS(db_a_text(t->tags)), 1, &r,
		      err);
	while (rc == 0 && (rc = db_next(r, err)) > 0) {
		look_at_limit(t, r);
		rc = 0;
	}
	db_rows_free(r);
	return rc;
}

static int row_load(struct tx *tx, const struct task_proposal *p, struct task_row *t,
		    struct error *err)
{
	struct db_rows *r = NULL;
	int rc;

	*t = (struct task_row){.has_flow_run = 0};
	t->facts.concurrency_limit = -1;
	rc = db_query(tx->c, SQL_TASK_RUN_FOR_DECISION,
		      DB_ARGS(db_a_uuid(&p->task_run_id)), 1, &r, err);
	if (rc == 0) {
		rc = db_next(r, err);
	}
	if (rc > 0) {
		read_row(t, r, &p->task_run_id);
	}
	db_rows_free(r);
	if (rc == 0) {
		return err_set(err, ERR_NOT_FOUND, "Task run with id %s not found",
			       uuid_str(&p->task_run_id));
	}
	uuid_v7(&t->facts.fresh_state, tx->now_us);
	if (rc > 0) {
		rc = load_cached(tx, t, p->state, err);
	}
	return rc < 0 ? rc : load_tags(tx, t, p->state, err);
}

/* ---- writing ---- */

static int write_history(struct tx *tx, const struct task_row *t,
			 const struct orc_state *s, struct error *err)
{
	char *details = state_details_text(s), *data = state_data_text(s);
	int rc;

	rc = db_exec(
	    tx->c, SQL_TASK_RUN_STATE_INSERT,
	    DB_ARGS(db_a_uuid(&s->id), db_a_uuid(&t->run.id), db_a_time(tx->now_us),
		    db_a_int(s->type), db_a_time(s->at_us), db_a_text(s->name),
		    db_a_text(s->message), db_a_text(details), db_a_text(data)),
	    9, NULL, err);
	free(details);
	free(data);
	return rc;
}

static int write_row(struct tx *tx, const struct task_row *t, const struct orc_state *s,
		     struct error *err)
{
	const struct orc_run *r = &t->run;

	return db_exec(tx->c, SQL_TASK_RUN_MOVE,
		       DB_ARGS(db_a_uuid(&r->id), db_a_time(tx->now_us),
			       db_a_uuid(&s->id), db_a_int(s->type), db_a_text(s->name),
			       db_a_time(s->at_us), db_a_int(r->run_count),
			       db_a_int(r->flow_run_run_count),
			       db_a_time(r->expected_start_us),
			       db_a_time(r->next_scheduled_us), db_a_time(r->start_us),
			       db_a_time(r->end_us), db_a_int(r->total_run_time_us)),
		       13, NULL, err);
}

static int take_tags(struct tx *tx, const struct task_row *t, struct error *err)
{
	struct uuid lease;
	int rc;

	if (t->nlimits == 0) {
		return 0;
	}
	uuid_v4(&lease);
	rc = db_exec(tx->c, SQL_TASK_LEASE_INSERT,
		     DB_ARGS(db_a_uuid(&lease), db_a_time(tx->now_us),
			     db_a_time(tx->now_us + TAG_LEASE_US),
			     db_a_uuid(&t->run.id)),
		     4, NULL, err);
	for (size_t i = 0; rc == 0 && i < t->nlimits; i++) {
		rc = db_exec(tx->c, SQL_RUN_SLOT_INSERT,
			     DB_ARGS(db_a_uuid(&t->limits[i]), db_a_uuid(&lease)), 2,
			     NULL, err);
	}
	return rc;
}

static int cache_result(struct tx *tx, const struct orc_state *s, struct error *err)
{
	struct uuid id;

	uuid_v7(&id, tx->now_us);
	return db_exec(tx->c, SQL_TASK_CACHE_INSERT,
		       DB_ARGS(db_a_uuid(&id),
			       db_a_text(orc_detail_str(s, "cache_key")),
			       db_a_time(orc_detail_time(s, "cache_expiration")),
			       db_a_uuid(&s->id)),
		       4, NULL, err);
}

static int write_effects(struct tx *tx, const struct task_row *t,
			 const struct orc_decision *d, struct error *err)
{
	int rc = 0;

	if ((d->effects & ORC_FX_TAKE_TAGS) != 0) {
		rc = take_tags(tx, t, err);
	}
	if (rc == 0 && (d->effects & ORC_FX_RELEASE_TAGS) != 0) {
		rc = db_exec(tx->c, SQL_TASK_LEASES_END, DB_ARGS(db_a_uuid(&t->run.id)),
			     1, NULL, err);
	}
	if (rc == 0 && (d->effects & ORC_FX_CACHE) != 0) {
		rc = cache_result(tx, &d->state, err);
	}
	return rc;
}

static enum orc_policy policy_of(const struct task_proposal *p)
{
	if (p->force) {
		return ORC_MINIMAL_TASK;
	}
	return orc_detail_true(p->state, "deferred") ? ORC_BACKGROUND_TASK
						     : ORC_CORE_TASK;
}

static int decide_and_write(struct tx *tx, struct task_row *t, struct task_proposal *p,
			    struct orc_result *ret, struct error *err)
{
	struct orc_decision d;
	int rc = 0;

	uuid_v7(&p->state->id, tx->now_us);
	p->state->at_us = tx->now_us;
	orc_decide(policy_of(p), &t->run,
		   &(struct orc_view){&t->current, &t->facts, tx->now_us}, p->state,
		   &d);
	ret->status = d.status;
	ret->delay_s = d.delay_s;
	memcpy(ret->reason, d.reason, sizeof(ret->reason));
	if (d.writes) {
		rc = write_history(tx, t, &d.state, err);
		rc = rc == 0 ? write_row(tx, t, &d.state, err) : rc;
		rc = rc == 0 ? write_effects(tx, t, &d, err) : rc;
		if (d.state.type == WF__CONTROL__STATE_TYPE__SCHEDULED) {
			tx->fx |= FX_TASKS;
		}
		ret->wrote = 1;
		ret->state = d.state;
		d.state = (struct orc_state){.type = 0};
	} else {
		ret->state = t->current;
		t->current = (struct orc_state){.type = 0};
	}
	orc_decision_release(&d);
	return rc;
}

int task_propose(struct tx *tx, struct task_proposal *p, struct orc_result *ret_result,
		 struct error *err)
{
	struct orc_result res = {.status = ORC_ABORT};
	struct task_row t;
	int rc = row_load(tx, p, &t, err);

	if (rc == 0) {
		rc = decide_and_write(tx, &t, p, &res, err);
	}
	row_release(&t);
	orc_state_release(p->state);
	if (rc < 0) {
		orc_result_release(&res);
		return rc;
	}
	*ret_result = res;
	return 0;
}
