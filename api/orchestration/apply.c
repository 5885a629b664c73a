/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply.c - a proposal about a flow run, from the row to what was written.
 */
#include "api/orchestration/apply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/orchestration/run_row.h"
#include "api/routes/state_json.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/timefmt.h"
#include "base/uuid.h"
#include "proto/frame.h"

void orc_result_release(struct orc_result *r)
{
	if (r != NULL) {
		orc_state_release(&r->state);
	}
}

static void answer_current(struct run_row *row, struct orc_result *ret)
{
	ret->state = row->current;
	row->current = (struct orc_state){.type = 0};
}

static void WF_PRINTF(3, 4)
    abort_with(struct orc_result *ret, struct run_row *row, const char *fmt, ...)
{
	va_list ap;

	ret->status = ORC_ABORT;
	va_start(ap, fmt);
	(void)vsnprintf(ret->reason, sizeof(ret->reason), fmt, ap);
	va_end(ap);
	answer_current(row, ret);
}

/*
 * What a lease token alone decides.  1: *ret is the answer.  A late owner of a run
 * changes nothing, and a token never takes a run out of a terminal state.
 */
static int decided_by_fence(struct run_row *row, const struct run_proposal *p,
			    struct orc_result *ret)
{
	if (p->fence == 0) {
		return 0;
	}
	if (p->fence < row->run.fence) {
		ret->superseded = 1;
		abort_with(
		    ret, row,
		    "A newer owner of flow run %s exists (token %llu, not %llu).",
		    uuid_str(&row->run.id), (unsigned long long)row->run.fence,
		    (unsigned long long)p->fence);
		return 1;
	}
	if (!p->force && state_type_is_terminal(row->current.type) &&
	    !state_type_is_terminal(p->state->type)) {
		abort_with(ret, row, "Run is already in terminal state %s.",
			   state_type_text(row->current.type));
		return 1;
	}
	row->facts.fenced = 1;
	/* a worker without leases that was faster has nothing that can be taken over */
	row->facts.takeover = p->fence > row->run.fence && row->owner != NULL;
	return 0;
}

/* The same state again (by its client-made id): 1, and what is stored is the answer. */
static int seen_before(struct tx *tx, const struct run_proposal *p, struct run_row *row,
		       struct orc_result *ret, struct error *err)
{
	struct db_rows *rows = NULL;
	int rc;

	if (!p->keep_state_id) {
		return 0;
	}
	rc = db_query(tx->c, SQL_FLOW_RUN_STATE_BY_ID,
		      DB_ARGS(db_a_uuid(&p->state->id)), 1, &rows, err);
	if (rc == 0) {
		rc = db_next(rows, err);
	}
	db_rows_free(rows);
	if (rc > 0) {
		ret->status = ORC_ACCEPT;
		ret->duplicate = 1;
		answer_current(row, ret);
	}
	return rc;
}

/* Nothing is written, but a token was shown or a rule changed the policy. */
static int note(struct tx *tx, const struct run_row *row, const struct run_proposal *p,
		const json_t *policy_before, struct error *err)
{
	uint64_t fence = p->fence > row->run.fence ? p->fence : row->run.fence;
	char *policy;
	int rc;

	if (fence == row->run.fence &&
	    json_equal(policy_before, row->run.empirical_policy)) {
		return 0;
	}
	policy = json_text(row->run.empirical_policy);
	rc = db_exec(tx->c, SQL_FLOW_RUN_NOTE,
		     DB_ARGS(db_a_uuid(&row->run.id), db_a_int((int64_t)fence),
			     db_a_text(row->owner != NULL ? p->owner : NULL),
			     db_a_text(policy)),
		     4, NULL, err);
	free(policy);
	return rc;
}

/* Force is for people and services: the owner of a lease ends a run once. */
static enum orc_policy policy_of(const struct run_row *row,
				 const struct run_proposal *p)
{
	if (p->policy != 0) {
		return p->policy;
	}
	if (p->fence != 0 && state_type_is_terminal(row->current.type)) {
		return ORC_CORE_FLOW;
	}
	return p->force ? ORC_MINIMAL_FLOW : ORC_CORE_FLOW;
}

static void stamp(struct tx *tx, const struct run_proposal *p)
{
	if (!p->keep_state_id) {
		uuid_v7(&p->state->id, tx->now_us);
		p->state->at_us = tx->now_us;
	} else if (p->state->at_us == TIME_NONE || p->state->at_us > tx->now_us) {
		p->state->at_us = tx->now_us; /* a client's clock that runs ahead */
	}
}

static int decide_and_write(struct tx *tx, struct run_row *row, struct run_proposal *p,
			    struct orc_result *ret, struct error *err)
{
	json_t *policy_before = json_deep_copy(row->run.empirical_policy);
	struct orc_decision d;
	struct run_change ch = {
	    .d = &d,
	    .intended = p->state->type,
	    .fence = p->fence,
	    .owner = p->owner,
	    .requeued = p->requeued,
	};
	int rc;

	stamp(tx, p);
	row->facts.client_renews_leases = p->renews_leases;
	if (p->requeued) {
		json_object_del(row->run.empirical_policy, "retry_type");
	}
	orc_decide(policy_of(row, p), &row->run,
		   &(struct orc_view){&row->current, &row->facts, tx->now_us}, p->state,
		   &d);
	ret->status = d.status;
	ret->delay_s = d.delay_s;
	memcpy(ret->reason, d.reason, sizeof(ret->reason));
	if (d.writes) {
		rc = run_row_write(tx, row, &ch, err);
		ret->wrote = 1;
		ret->state = d.state;
		d.state = (struct orc_state){.type = 0};
	} else {
		rc = note(tx, row, p, policy_before, err);
		answer_current(row, ret);
	}
	json_decref(policy_before);
	orc_decision_release(&d);
	return rc;
}

int run_propose(struct tx *tx, struct run_proposal *p, struct orc_result *ret_result,
		struct error *err)
{
	struct orc_result res = {.status = ORC_ABORT};
	struct run_row row;
	int rc = run_row_load(tx, &p->flow_run_id, &row, err);

	if (rc == 0) {
		rc = seen_before(tx, p, &row, &res, err);
	}
	if (rc == 0 && p->state->type == WF__CONTROL__STATE_TYPE__PENDING) {
		rc = run_row_load_place(tx, &row, err);
	}
	if (rc == 0 && !decided_by_fence(&row, p, &res)) {
		rc = decide_and_write(tx, &row, p, &res, err);
	}
	run_row_release(&row);
	orc_state_release(p->state);
	if (rc < 0) {
		orc_result_release(&res);
		return rc;
	}
	*ret_result = res;
	return 0;
}

int run_propose_simple(struct tx *tx, const struct uuid *flow_run_id,
		       const struct run_simple *s, struct orc_result *ret_result,
		       struct error *err)
{
	struct orc_state state;
	struct run_proposal p = {
	    .flow_run_id = *flow_run_id,
	    .state = &state,
	    .force = s->force,
	    .requeued = s->requeued,
	};

	orc_state_init(&state, s->type, s->name, s->message);
	return run_propose(tx, &p, ret_result, err);
}

/* ---- the answer ---- */

static void write_status(struct jsonw *w, const struct orc_result *r)
{
	static const char *const status[] = {"", "ACCEPT", "REJECT", "WAIT", "ABORT"};

	jsonw_str(w, "status", status[r->status]);
}

void orc_result_write(struct jsonw *w, const struct orc_result *r, int status_first)
{
	static const char *const type[] = {"", "accept_details", "reject_details",
					   "wait_details", "abort_details"};

	if (status_first) {
		write_status(w, r);
	}
	if (r->state.type != 0) {
		state_write(w, "state", &r->state);
	} else {
		jsonw_null(w, "state");
	}
	if (!status_first) {
		write_status(w, r);
	}
	jsonw_obj(w, "details");
	jsonw_str(w, "type", type[r->status]);
	if (r->status == ORC_WAIT) {
		jsonw_int(w, "delay_seconds", r->delay_s);
	}
	if (r->status != ORC_ACCEPT) {
		jsonw_str(w, "reason", r->reason);
	}
	jsonw_obj_end(w);
}

void orc_result_answer(struct tx *tx, const struct orc_result *r)
{
	struct jsonw w;

	tx->status = r->wrote ? 201 : 200;
	jsonw_init(&w, &tx->body);
	jsonw_obj(&w, NULL);
	orc_result_write(&w, r, 0);
	jsonw_obj_end(&w);
}
