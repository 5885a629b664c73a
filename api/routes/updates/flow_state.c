/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow_state.c - items about the flow run itself: proposals and verdicts of the reaper.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/orchestration/apply.h"
#include "api/orchestration/lost.h"
#include "api/routes/state_json.h"
#include "api/routes/updates/batch.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define JSON_MAX  (4u << 20)
#define ANSWER(a) WF__CONTROL__ANSWER__##a

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

int item_lost(struct tx *tx, struct item *it, struct error *err)
{
	const Wf__Updates__Lost *lost = it->u->lost;
	const struct run_loss loss = {
	    .flow_run_id = it->run,
	    .worker = lost->worker,
	    .started = lost->started,
	    .new_fence = lost->new_fence,
	    .why = lost->reason[0] != '\0' ? lost->reason : NULL,
	};
	struct orc_result res = {.wrote = 0};
	int rc = applied_find(tx, it, err);

	if (rc != 0) {
		return rc < 0 ? rc : 0;
	}
	rc = run_lost_apply(tx, &loss, &res, err);
	if (rc == 0) {
		fill(it, &res);
		/* a verdict that came too late may be asked again */
		rc = res.wrote ? applied_note(tx, it, err) : 0;
	}
	orc_result_release(&res);
	return rc;
}
