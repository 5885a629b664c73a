/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow_state.c - items about the flow run itself: proposals and verdicts of the reaper.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/orchestration/apply.h"
#include "api/orchestration/run_row.h"
#include "api/routes/state_json.h"
#include "api/routes/updates/batch.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define JSON_MAX     (4u << 20)
#define REQUEUES_MAX 3 /* of a started run whose deployment says on_lost: requeue */
#define TYPE(t)      WF__CONTROL__STATE_TYPE__##t
#define ANSWER(a)    WF__CONTROL__ANSWER__##a

static json_t *json_or_null(const char *text)
{
	return text != NULL && text[0] != '\0'
		   ? json_parse(text, strlen(text), JSON_MAX, NULL)
		   : NULL;
}

static void state_of(struct orc_state *s, const Wf__Control__State *pb,
		     const struct uuid *id)
{
	json_t *details = json_or_null(pb->details_json);

	orc_state_init(s, (int)pb->type, pb->name[0] != '\0' ? pb->name : NULL,
		       pb->message[0] != '\0' ? pb->message : NULL);
	s->id = *id;
	if (pb->id.len == sizeof(s->id.b)) {
		memcpy(s->id.b, pb->id.data, sizeof(s->id.b));
	}
	s->at_us = pb->timestamp_us > 0 ? pb->timestamp_us : TIME_NONE;
	s->data = json_or_null(pb->data_json);
	if (json_is_object(details)) {
		json_decref(s->details);
		s->details = state_details_decode(details, "", NULL);
	}
	json_decref(details);
}

static Wf__Control__Answer answer_of(const struct orc_result *r)
{
	if (r->superseded) {
		return ANSWER(SUPERSEDED);
	}
	switch (r->status) {
	case ORC_ACCEPT:
		return ANSWER(ACCEPT);
	case ORC_REJECT:
		return ANSWER(REJECT);
	case ORC_WAIT:
		return ANSWER(WAIT);
	case ORC_ABORT:
	default:
		return ANSWER(ABORT);
	}
}

static void fill(struct item *it, struct orc_result *r)
{
	it->answer->pb.answer = answer_of(r);
	it->answer->pb.delay_s = (double)r->delay_s;
	memcpy(it->answer->reason, r->reason, sizeof(r->reason));
	answer_state(it->answer, &r->state);
}

static int add_facts(struct tx *tx, struct item *it, const Wf__Updates__FlowState *fs,
		     struct error *err)
{
	if (!fs->want_spec || it->answer->pb.answer != ANSWER(ACCEPT)) {
		return 0;
	}
	return run_facts(tx, &it->run, &it->answer->facts, err);
}

int item_flow_state(struct tx *tx, struct item *it, struct error *err)
{
	const Wf__Updates__FlowState *fs = it->u->flow_state;
	struct orc_result res = {.wrote = 0};
	struct orc_state state;
	struct run_proposal p = {
	    .flow_run_id = it->run,
	    .state = &state,
	    .force = fs->force,
	    .fence = it->u->fence,
	    .owner = it->batch->sender[0] != '\0' ? it->batch->sender : NULL,
	    .keep_state_id = 1,
	};
	int rc = applied_find(tx, it, err);

	if (rc != 0) {
		return rc < 0 ? rc : add_facts(tx, it, fs, err);
	}
	if (fs->state == NULL || fs->state->type == 0) {
		return err_set(err, ERR_INVALID,
			       "a flow state needs a state with a type");
	}
	state_of(&state, fs->state, &it->id);
	rc = run_propose(tx, &p, &res, err);
	if (rc == 0) {
		fill(it, &res);
		/* what may be asked again is not remembered */
		if (res.status != ORC_WAIT && !res.superseded) {
			rc = applied_note(tx, it, err);
		}
	}
	orc_result_release(&res);
	return rc < 0 ? rc : add_facts(tx, it, fs, err);
}

/* ---- lost owners ---- */

static int propose_lost(struct tx *tx, struct item *it, struct run_proposal *p,
			struct error *err)
{
	struct orc_result res = {.wrote = 0};
	int rc = run_propose(tx, p, &res, err);

	if (rc == 0) {
		fill(it, &res);
		rc = applied_note(tx, it, err);
	}
	orc_result_release(&res);
	return rc;
}

static int requeue(struct tx *tx, struct item *it, const char *worker, int64_t attempt,
		   struct error *err)
{
	struct orc_state s;
	struct run_proposal p = {
	    .flow_run_id = it->run,
	    .state = &s,
	    .policy = ORC_MINIMAL_FLOW,
	    .force = 1,
	    .fence = it->u->lost->new_fence,
	    .requeued = 1,
	};
	char message[300];

	(void)snprintf(message, sizeof(message),
		       "Lease expired on worker '%s'. Queued again (%lld of %d).",
		       worker, (long long)attempt, REQUEUES_MAX);
	orc_state_init(&s, TYPE(SCHEDULED), "AwaitingRetry", message);
	orc_detail_set_time(&s, "scheduled_time", tx->now_us);
	return propose_lost(tx, it, &p, err);
}

static int crash(struct tx *tx, struct item *it, const char *worker, int started,
		 struct error *err)
{
	struct orc_state s;
	struct run_proposal p = {
	    .flow_run_id = it->run,
	    .state = &s,
	    .policy = ORC_MINIMAL_FLOW,
	    .force = 1,
	    .fence = it->u->lost->new_fence,
	};
	char message[300];

	if (started) {
		(void)snprintf(message, sizeof(message),
			       "Lease expired on worker '%s'.", worker);
	} else {
		(void)snprintf(message, sizeof(message),
			       "Could not be started after 3 attempts.");
	}
	orc_state_init(&s, TYPE(CRASHED), NULL, message);
	return propose_lost(tx, it, &p, err);
}

/* The verdict holds only for the owner it was about, and for a run that is not over. */
static int verdict_is_stale(const struct run_row *row, struct item *it)
{
	struct item_answer *a = it->answer;
	uint64_t fence = it->u->lost->new_fence;

	if (fence != 0 && fence < row->run.fence) {
		a->pb.answer = ANSWER(SUPERSEDED);
		(void)snprintf(a->reason, sizeof(a->reason),
			       "A newer owner of the run exists (token %llu).",
			       (unsigned long long)row->run.fence);
		return 1;
	}
	if (row->current.type == 0 || state_type_is_terminal(row->current.type)) {
		a->pb.answer = ANSWER(ABORT);
		(void)snprintf(a->reason, sizeof(a->reason), "The run is over: %s.",
			       row->current.name);
		return 1;
	}
	/* paused with nobody in charge: suspended runs have no owner to lose */
	if (row->current.type == TYPE(PAUSED) &&
	    orc_detail_true(&row->current, "pause_reschedule")) {
		a->pb.answer = ANSWER(ABORT);
		(void)snprintf(a->reason, sizeof(a->reason), "The run is suspended.");
		return 1;
	}
	return 0;
}

int item_lost(struct tx *tx, struct item *it, struct error *err)
{
	const Wf__Updates__Lost *lost = it->u->lost;
	struct run_row row;
	int rc = applied_find(tx, it, err);

	if (rc != 0) {
		return rc < 0 ? rc : 0;
	}
	rc = run_row_load(tx, &it->run, &row, err);
	if (rc == 0 && verdict_is_stale(&row, it)) {
		answer_state(it->answer, &row.current);
	} else if (rc == 0 && lost->started && row.requeue_when_lost &&
		   row.current.type != TYPE(CANCELLING) &&
		   row.attempts < REQUEUES_MAX) {
		rc = requeue(tx, it, lost->worker, row.attempts + 1, err);
	} else if (rc == 0) {
		rc = crash(tx, it, lost->worker, lost->started, err);
	}
	run_row_release(&row);
	return rc;
}
