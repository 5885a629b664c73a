/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_updates.c - see watch_updates.h.
 */
#include "tests/sim/watch_updates.h"

#include <stdlib.h>
#include <string.h>

#include "agent/outbox.h"
#include "api/db/db_priv.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "tests/sim/db.h"
#include "tests/sim/sim.h"
#include "tests/sim/watch.h"

/* A sync begins 50 ms after the first update and takes up to 400 ms; the next one may
 * have to wait for it.  Counted while the program is not stopped. */
#define UNSYNCED_US (900 * SIM_MS)

struct put {
	uint8_t id[16];
	const struct sim_node *node;
	int64_t at_us, ran_us;
	int is_state, answered, accepted, excused;
};
static struct map put_map; /* id -> struct put */

void watch_updates_reset(void)
{
	for (struct map_iter i = {0}; map_next(&put_map, &i);) {
		free(i.value);
	}
	map_release(&put_map);
	map_init(&put_map, 0);
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker makes these names */
__typeof__(outbox_put) __wrap_outbox_put, __real_outbox_put;

int __wrap_outbox_put(struct outbox *o, Wf__Updates__Update *u, unsigned int flags,
		      outbox_fn fn, void *arg, struct error *err)
{
	int rc = __real_outbox_put(o, u, flags, fn, arg, err);

	if (rc == 0) {
		struct put *p = xcalloc(1, sizeof(*p));
		memcpy(p->id, u->id.data, sizeof(p->id));
		p->node = sim_node;
		p->at_us = sim_now_us;
		p->ran_us = sim_ran_us(sim_node);
		p->is_state = u->body_case == WF__UPDATES__UPDATE__BODY_FLOW_STATE;
		(void)map_set_n(&put_map, p->id, sizeof(p->id), p, NULL);
	}
	return rc;
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* Accepted for the first time: not from an owner that was replaced before. */
static void check_owner(const Wf__Updates__Update *u)
{
	struct uuid run;

	memcpy(run.b, u->flow_run_id.data, sizeof(run.b));
	if (u->fence < watch_fence_of(&run)) {
		sim_fail("stale-accepted",
			 "a state of run %s with token %llu is accepted after %llu",
			 uuid_str(&run), (unsigned long long)u->fence,
			 (unsigned long long)watch_fence_of(&run));
	}
}

void watch_answers(const Wf__Updates__UpdateBatch *batch, const struct buf *body)
{
	Wf__Updates__UpdateAnswers *all = NULL;

	PRE(answers_unpack(body->data, body->len, &all, NULL) == 0);
	for (size_t i = 0; i < batch->n_items; i++) {
		const Wf__Updates__UpdateAnswer *a = all->answers[i];
		struct put *p = map_get_n(&put_map, batch->items[i]->id.data, 16);

		if (p != NULL && p->is_state && !p->accepted &&
		    a->answer == WF__CONTROL__ANSWER__ACCEPT) {
			check_owner(batch->items[i]);
		}
		if (p != NULL && a->answer != WF__CONTROL__ANSWER__UNAVAILABLE) {
			p->answered = 1;
			p->accepted |=
			    p->is_state && a->answer == WF__CONTROL__ANSWER__ACCEPT;
		}
	}
	wf__updates__update_answers__free_unpacked(all, NULL);
}

void watch_power_failure(const struct sim_node *node)
{
	for (struct map_iter i = {0}; map_next(&put_map, &i);) {
		struct put *p = i.value;
		p->excused |=
		    p->node == node && p->ran_us + UNSYNCED_US > sim_ran_us(node);
	}
}

/* An accepted state is there: by its id, or by the answer that is kept for it. */
static int is_stored(const struct put *p)
{
	sqlite3_stmt *s = NULL;
	int found;

	(void)sqlite3_prepare_v2(sim_db()->sq,
				 "SELECT 1 FROM flow_run_state WHERE id = ?1 UNION ALL "
				 "SELECT 1 FROM applied_update WHERE id = ?1",
				 -1, &s, NULL);
	(void)sqlite3_bind_blob(s, 1, p->id, sizeof(p->id), SQLITE_STATIC);
	found = sqlite3_step(s) == SQLITE_ROW;
	(void)sqlite3_finalize(s);
	return found;
}

void watch_updates_end(void)
{
	for (struct map_iter i = {0}; map_next(&put_map, &i);) {
		const struct put *p = i.value;
		struct uuid id;

		memcpy(id.b, p->id, sizeof(id.b));
		if (!p->answered && !p->excused) {
			sim_fail(
			    "update-lost",
			    "update %s, put by %s at %.3f s, never reached the API",
			    uuid_str(&id), p->node->name, (double)p->at_us / SIM_S);
		}
		if (p->accepted && !is_stored(p)) {
			sim_fail("state-lost", "state %s was accepted and is not there",
				 uuid_str(&id));
		}
	}
}
