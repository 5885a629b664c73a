/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - answers to items: made, remembered, packed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/routes/state_json.h"
#include "api/routes/updates/batch.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"

void answer_init(struct item_answer *a, const Wf__Updates__Update *u)
{
	*a = (struct item_answer){.message = NULL};
	wf__updates__update_answer__init(&a->pb);
	wf__control__state__init(&a->pb_state);
	a->pb.id = u->id;
}

void answer_release(struct item_answer *a)
{
	orc_state_release(&a->state);
	free(a->message);
	free(a->data);
	free(a->details);
	free(a->facts);
}

void answer_state(struct item_answer *a, struct orc_state *state)
{
	orc_state_release(&a->state);
	a->state = *state;
	*state = (struct orc_state){.type = 0};
}

static char *text_or_empty(char *text)
{
	return text != NULL ? text : xstrdup("");
}

static void finish_state(struct item_answer *a)
{
	Wf__Control__State *s = &a->pb_state;

	a->message = xstrdup(a->state.message != NULL ? a->state.message : "");
	a->data =
	    text_or_empty(a->state.data != NULL ? json_text(a->state.data) : NULL);
	a->details = text_or_empty(
	    a->state.details != NULL ? json_text(a->state.details) : NULL);
	s->id.data = a->state.id.b;
	s->id.len = sizeof(a->state.id.b);
	s->type = (Wf__Control__StateType)a->state.type;
	s->name = a->state.name;
	s->message = a->message;
	s->timestamp_us = a->state.at_us;
	s->data_json = a->data;
	s->details_json = a->details;
	a->pb.state = s;
}

void answer_finish(struct item_answer *a)
{
	if (a->state.type != 0) {
		finish_state(a);
	}
	if (a->reason[0] != '\0') {
		a->pb.reason = a->reason;
	}
	if (a->facts != NULL) {
		a->pb.facts_json = a->facts;
	}
}

/* ---- remembered answers ---- */

struct stored {
	int answer, has_state;
	struct uuid state_id;
	char reason[512];
};

static void take_stored(const struct db_rows *r, void *arg)
{
	struct stored *s = arg;
	const char *reason = db_text(r, 2);

	s->answer = (int)db_int(r, 0);
	s->has_state = db_uuid(r, 1, &s->state_id);
	(void)snprintf(s->reason, sizeof(s->reason), "%s",
		       reason != NULL ? reason : "");
}

static void take_state(const struct db_rows *r, void *arg)
{
	struct item *it = arg;
	struct uuid id;
	struct orc_state s;
	struct state_row row = {
	    .id = &id,
	    .type = (int)db_int(r, 1),
	    .name = db_text(r, 2),
	    .at_us = db_time(r, 3),
	    .message = db_text(r, 4),
	    .data = db_text(r, 5),
	    .details = db_text(r, 6),
	    .flow_run_id = &it->run,
	};

	if (db_uuid(r, 0, &id)) {
		state_from_row(&s, &row);
		answer_state(it->answer, &s);
	}
}

int applied_find(struct tx *tx, struct item *it, struct error *err)
{
	struct stored s = {.answer = 0};
	int rc = db_one(tx->c, SQL_APPLIED_BY_ID, DB_ARGS(db_a_uuid(&it->id)), 1,
			take_stored, &s, err);

	if (rc <= 0) {
		return rc;
	}
	it->answer->pb.answer = (Wf__Control__Answer)s.answer;
	memcpy(it->answer->reason, s.reason, sizeof(s.reason));
	if (s.has_state) {
		rc = db_one(tx->c, SQL_FLOW_RUN_STATE_BY_ID,
			    DB_ARGS(db_a_uuid(&s.state_id)), 1, take_state, it, err);
	}
	return rc < 0 ? rc : 1;
}

int applied_note(struct tx *tx, const struct item *it, struct error *err)
{
	const struct item_answer *a = it->answer;

	return db_exec(
	    tx->c, SQL_APPLIED_INSERT,
	    DB_ARGS(db_a_uuid(&it->id), db_a_uuid(&it->run), db_a_time(tx->now_us),
		    db_a_int(a->pb.answer),
		    a->state.type != 0 ? db_a_uuid(&a->state.id) : db_a_null(),
		    db_a_text(a->reason[0] != '\0' ? a->reason : NULL)),
	    6, NULL, err);
}
