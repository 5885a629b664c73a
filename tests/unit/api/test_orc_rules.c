/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_orc_rules.c - rules whose facts no recording can set: no state yet, leases,
 * fences of old clients, late runs, retries of tasks, and the tables themselves.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "api/orchestration/rules.h"
#include "base/timefmt.h"
#include "proto/frame.h"
#include "tests/unit/api/orc_table.h"

#define TYPE(t) WF__CONTROL__STATE_TYPE__##t
#define LEASE   "deployment_concurrency_lease_id"

struct scene {
	struct orc_run run;
	struct orc_state current;
	struct orc_facts facts;
	struct orc_decision d;
};

static void scene_init(struct scene *s, const char *current)
{
	*s = (struct scene){
	    .facts = {.concurrency_limit = -1, .client_renews_leases = 1}};
	orc_run_init(&s->run);
	if (current != NULL) {
		table_state(&s->current, current);
		s->current.at_us = T_NOW - 1000;
	}
	memset(s->facts.fresh_lease.b, 0xab, sizeof(s->facts.fresh_lease.b));
}

static void scene_play(struct scene *s, enum orc_policy policy, const char *proposed)
{
	struct orc_state p;

	table_state(&p, proposed);
	orc_decide(policy, &s->run, &(struct orc_view){&s->current, &s->facts, T_NOW},
		   &p, &s->d);
	orc_state_release(&p);
}

static void scene_release(struct scene *s)
{
	orc_decision_release(&s->d);
	orc_state_release(&s->current);
	orc_run_release(&s->run);
}

static void with_limit(struct scene *s, int64_t limit, int64_t taken)
{
	s->run.has_deployment = 1;
	s->facts.deployment_exists = 1;
	s->facts.concurrency_limit = limit;
	s->facts.slots_taken = taken;
}

/* From no state at all: server-contract 5.3, which no client can reach over REST. */
Test(orchestration, first_state_of_a_run)
{
	static const struct {
		const char *proposed;
		enum orc_status status;
		const char *reason;
	} rows[] = {
	    {"Scheduled", ORC_ACCEPT, ""},
	    {"Late", ORC_REJECT, "Only scheduled flows can be marked late."},
	    {"Pending", ORC_ACCEPT, ""},
	    {"Running", ORC_ACCEPT, ""},
	    {"Paused", ORC_ABORT, "Cannot pause flows with no state."},
	    {"Suspended", ORC_ABORT, "Cannot suspend flows with no state."},
	    {"Cancelling", ORC_ACCEPT, ""},
	    {"Completed", ORC_ACCEPT, ""},
	    {"Failed", ORC_ACCEPT, ""},
	    {"Cancelled", ORC_ACCEPT, ""},
	    {"Crashed", ORC_ACCEPT, ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;

		scene_init(&s, NULL);
		scene_play(&s, ORC_CORE_FLOW, rows[i].proposed);
		cr_expect_eq(s.d.status, rows[i].status, "%s", rows[i].proposed);
		cr_expect_str_eq(s.d.reason, rows[i].reason);
		cr_expect_eq(s.d.writes, rows[i].status == ORC_ACCEPT);
		scene_release(&s);
	}
}

Test(orchestration, a_slot_is_taken_with_its_lease_id)
{
	struct scene s;

	scene_init(&s, "Scheduled");
	with_limit(&s, 2, 1);
	scene_play(&s, ORC_CORE_FLOW, "Pending");
	cr_expect_eq(s.d.status, ORC_ACCEPT);
	cr_expect_eq(s.d.effects, ORC_FX_TAKE_SLOT);
	cr_expect_str_eq(orc_detail_str(&s.d.state, LEASE),
			 "abababab-abab-abab-abab-abababababab");
	scene_release(&s);
}

Test(orchestration, limit_zero_and_missing_deployment_abort)
{
	struct scene s;

	scene_init(&s, "Scheduled");
	with_limit(&s, 0, 0);
	scene_play(&s, ORC_CORE_FLOW, "Pending");
	cr_expect_eq(s.d.status, ORC_ABORT);
	cr_expect_str_eq(s.d.reason,
			 "The deployment concurrency limit is 0. The flow will "
			 "deadlock if submitted again.");
	scene_release(&s);
	scene_init(&s, "Scheduled");
	s.run.has_deployment = 1;
	scene_play(&s, ORC_CORE_FLOW, "Pending");
	cr_expect_str_eq(s.d.reason, "Deployment not found.");
	scene_release(&s);
}

struct slot_row {
	int alive, renews;
	int64_t taken;
	enum orc_status status;
	unsigned int effects;
};

Test(orchestration, the_lease_is_checked_at_the_start)
{
	static const struct slot_row rows[] = {
	    {1, 1, 1, ORC_ACCEPT, ORC_FX_RENEW_SLOT},
	    {0, 1, 0, ORC_ACCEPT, ORC_FX_TAKE_SLOT},
	    {0, 1, 1, ORC_REJECT, ORC_FX_RELEASE_SLOT},
	    {1, 0, 1, ORC_ACCEPT, ORC_FX_KEEP_SLOT},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;

		scene_init(&s, "Pending");
		orc_detail_set_str(&s.current, LEASE,
				   "11111111-1111-4111-8111-111111111111");
		with_limit(&s, 1, rows[i].taken);
		s.facts.lease_alive = rows[i].alive;
		s.facts.client_renews_leases = rows[i].renews;
		scene_play(&s, ORC_CORE_FLOW, "Running");
		cr_expect_eq(s.d.status, rows[i].status, "row %zu", i);
		cr_expect_eq(s.d.effects, rows[i].effects, "row %zu: %u", i,
			     s.d.effects);
		if (rows[i].status == ORC_REJECT) {
			cr_expect_eq(s.d.state.type, TYPE(CANCELLED));
			cr_expect_str_eq(
			    s.d.reason,
			    "Deployment concurrency limit reached after lease expiry.");
		}
		scene_release(&s);
	}
}

Test(orchestration, the_lease_id_is_carried_and_released)
{
	struct scene s;

	scene_init(&s, "Running");
	with_limit(&s, 1, 1);
	orc_detail_set_str(&s.current, LEASE, "11111111-1111-4111-8111-111111111111");
	scene_play(&s, ORC_CORE_FLOW, "Completed");
	cr_expect_str_eq(orc_detail_str(&s.d.state, LEASE),
			 "11111111-1111-4111-8111-111111111111");
	cr_expect_eq(s.d.effects, ORC_FX_RELEASE_SLOT);
	scene_release(&s);
}

Test(orchestration, late_with_a_full_limit_is_cancelled)
{
	struct scene s;

	scene_init(&s, "Scheduled");
	with_limit(&s, 1, 1);
	s.facts.collision_cancel_new = 1;
	scene_play(&s, ORC_MARK_LATE, "Late");
	cr_expect_eq(s.d.status, ORC_REJECT);
	cr_expect_eq(s.d.state.type, TYPE(CANCELLED));
	cr_expect_str_eq(s.d.reason, "Deployment concurrency limit reached.");
	scene_release(&s);
}

Test(orchestration, the_same_transition_id_is_rejected)
{
	struct scene s;
	struct orc_state p;

	scene_init(&s, "Running");
	orc_detail_set_str(&s.current, "transition_id",
			   "11111111-1111-4111-8111-111111111111");
	table_state(&p, "Running");
	orc_detail_set_str(&p, "transition_id", "11111111-1111-4111-8111-111111111111");
	orc_decide(ORC_CORE_FLOW, &s.run,
		   &(struct orc_view){&s.current, &s.facts, T_NOW}, &p, &s.d);
	cr_expect_eq(s.d.status, ORC_REJECT);
	cr_expect_str_eq(s.d.reason,
			 "This run has already made this state transition.");
	orc_state_release(&p);
	scene_release(&s);
}

Test(orchestration, states_of_a_run_never_share_an_instant)
{
	struct scene s;

	scene_init(&s, "Pending");
	s.current.at_us = T_NOW + 5;
	scene_play(&s, ORC_CORE_FLOW, "Running");
	cr_expect_eq(s.d.state.at_us, T_NOW + 6);
	scene_release(&s);
}

Test(orchestration, a_resumed_start_is_not_counted)
{
	struct scene s;

	scene_init(&s, "Pending");
	s.run.run_count = 1;
	json_object_set_new(s.run.empirical_policy, "resuming", json_true());
	scene_play(&s, ORC_CORE_FLOW, "Running");
	cr_expect_eq(s.run.run_count, 1);
	cr_expect_null(json_object_get(s.run.empirical_policy, "resuming"));
	scene_release(&s);
}

Test(orchestration, task_retry_delays_are_a_list_by_attempt)
{
	static const struct {
		int run_count, retriable;
		int64_t delay_s; /* -1: no retry */
	} rows[] = {{1, 1, 1}, {2, 1, 10}, {3, 1, 10}, {4, 1, -1}, {1, 0, -1}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;

		scene_init(&s, "Running");
		s.run.run_count = rows[i].run_count;
		json_object_set_new(s.run.empirical_policy, "retries", json_integer(3));
		json_object_set_new(s.run.empirical_policy, "retry_delay",
				    json_pack("[i,i]", 1, 10));
		scene_play(&s, ORC_CORE_TASK,
			   rows[i].retriable ? "Failed" : "Failed+noretry");
		if (rows[i].delay_s < 0) {
			cr_expect_eq(s.d.status, ORC_ACCEPT, "row %zu", i);
		} else {
			cr_expect_str_eq(s.d.reason, "Retrying");
			cr_expect_eq(orc_detail_time(&s.d.state, "scheduled_time"),
				     T_NOW + rows[i].delay_s * 1000000, "row %zu", i);
		}
		scene_release(&s);
	}
}

Test(orchestration, task_tag_limits)
{
	struct scene s;

	scene_init(&s, "Pending");
	s.facts.tag_slots_full = 1;
	scene_play(&s, ORC_CORE_TASK, "Running");
	cr_expect_eq(s.d.status, ORC_WAIT);
	scene_release(&s);
	scene_init(&s, "Pending");
	s.facts.tag_limit_zero = 1;
	s.facts.tag_name = "db";
	scene_play(&s, ORC_CORE_TASK, "Running");
	cr_expect_eq(s.d.status, ORC_ABORT);
	scene_release(&s);
}

Test(orchestration, cached_result_is_copied)
{
	struct orc_state hit;
	struct scene s;
	struct orc_state p;

	scene_init(&s, "Pending");
	table_state(&hit, "Completed+result");
	s.facts.cached = &hit;
	table_state(&p, "Running");
	orc_detail_set_str(&p, "cache_key", "k");
	orc_decide(ORC_CORE_TASK, &s.run,
		   &(struct orc_view){&s.current, &s.facts, T_NOW}, &p, &s.d);
	cr_expect_eq(s.d.status, ORC_REJECT);
	cr_expect_str_eq(s.d.state.name, "Cached");
	cr_expect_str_eq(s.d.reason, "Retrieved state from cache");
	cr_expect(orc_state_has_result(&s.d.state));
	orc_state_release(&hit);
	orc_state_release(&p);
	scene_release(&s);
}

Test(orchestration, every_policy_fits_its_bounds)
{
	for (int p = ORC_CORE_FLOW; p <= ORC_MINIMAL_TASK; p++) {
		const struct orc_rules *t = orc_rules_of((enum orc_policy)p);
		size_t n = 0;

		cr_assert_not_null(t);
		while (t->rules[n] != NULL) {
			cr_expect_not_null(t->rules[n]->does, "%s", t->rules[n]->name);
			n++;
		}
		cr_expect_leq(n, ORC_RULES_MAX);
	}
	cr_expect_null(orc_rules_of((enum orc_policy)99));
}
