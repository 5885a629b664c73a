/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_run_apply.c - proposals against a real database: what is written, for whom,
 * once.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "api/orchestration/apply.h"
#include "api/orchestration/create.h"
#include "api/routes/flow_run_json.h"
#include "base/jsonw.h"
#include "base/uuid.h"
#include "proto/frame.h"
#include "tests/unit/api/orc_table.h"
#include "tests/unit/api/tx_fixture.h"

#define TYPE(t) WF__CONTROL__STATE_TYPE__##t

static struct tx_fixture f;
static struct scene_ids ids;

static void setup(void)
{
	tx_fixture_start(&f);
	ids = (struct scene_ids){.on_lost = NULL};
}

static void teardown(void)
{
	tx_fixture_stop(&f);
}
TestSuite(run_apply, .init = setup, .fini = teardown);

/* ---- helpers ---- */

struct new_run {
	struct flow_run_new n;
	const char *token;
	struct uuid id;
	int created;
};

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	struct new_run *a = arg;
	struct orc_state s;

	if (a->token != NULL) {
		table_state(&s, a->token);
		a->n.state = &s;
	}
	return flow_run_create(tx, &a->n, &a->id, &a->created, err);
}

static struct uuid make_run(const char *token, int deployed)
{
	struct new_run a = {.token = token};

	a.n.flow_id = ids.flow;
	if (deployed) {
		a.n.deployment_id = &ids.deployment;
		a.n.work_queue_id = &ids.queue;
		a.n.work_queue_name = "default";
	}
	cr_assert_eq(tx_fixture_run(&f, create_work, &a), 0, "%s", f.err.msg);
	cr_assert(a.created);
	return a.id;
}

struct play {
	struct uuid run;
	const char *token;
	int force;
	uint64_t fence;
	int renews;
	const struct uuid *state_id;
	struct orc_result res;
};

static int play_work(struct tx *tx, void *arg, struct error *err)
{
	struct play *p = arg;
	struct orc_state s;
	struct run_proposal prop = {
	    .flow_run_id = p->run,
	    .state = &s,
	    .force = p->force,
	    .fence = p->fence,
	    .owner = p->fence != 0 ? "host-1" : NULL,
	    .renews_leases = p->renews,
	};
	int rc;

	table_state(&s, p->token);
	if (p->state_id != NULL) {
		s.id = *p->state_id;
		prop.keep_state_id = 1;
	}
	rc = run_propose(tx, &prop, &p->res, err);
	if (rc == 0) {
		orc_result_answer(tx, &p->res);
	}
	return rc;
}

static struct orc_result play(struct uuid run, const char *token, int force,
			      uint64_t fence)
{
	struct play p = {
	    .run = run, .token = token, .force = force, .fence = fence, .renews = 1};

	cr_assert_eq(tx_fixture_run(&f, play_work, &p), 0, "%s", f.err.msg);
	orc_state_release(&p.res.state);
	return p.res;
}

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	return flow_run_write_by_id(tx, &w, NULL, arg, err);
}

static json_t *read_run(struct uuid run)
{
	cr_assert_eq(tx_fixture_run(&f, read_work, &run), 0, "%s", f.err.msg);
	return tx_fixture_json(&f);
}

static void expect_str(const json_t *obj, const char *key, const char *want)
{
	const char *got = json_string_value(json_object_get(obj, key));

	cr_expect(got != NULL && strcmp(got, want) == 0, "%s is %s, not %s", key,
		  got != NULL ? got : "null", want);
}

/* Keys and their order as the reference answers them (golden 01#4). */
static void expect_keys(json_t *run)
{
	static const char *const keys[] = {"id",
					   "created",
					   "updated",
					   "name",
					   "flow_id",
					   "state_id",
					   "deployment_id",
					   "deployment_version",
					   "work_queue_id",
					   "work_queue_name",
					   "flow_version",
					   "parameters",
					   "idempotency_key",
					   "context",
					   "empirical_policy",
					   "tags",
					   "labels",
					   "parent_task_run_id",
					   "state_type",
					   "state_name",
					   "run_count",
					   "expected_start_time",
					   "next_scheduled_start_time",
					   "start_time",
					   "end_time",
					   "total_run_time",
					   "estimated_run_time",
					   "estimated_start_time_delta",
					   "auto_scheduled",
					   "infrastructure_document_id",
					   "infrastructure_pid",
					   "created_by",
					   "work_pool_id",
					   "work_pool_name",
					   "state",
					   "job_variables"};
	const char *key;
	json_t *v;
	size_t i = 0;

	json_object_foreach (run, key, v) {
		cr_assert_lt(i, sizeof(keys) / sizeof(keys[0]), "%s", key);
		cr_expect_str_eq(key, keys[i]);
		i++;
	}
	cr_expect_eq(i, sizeof(keys) / sizeof(keys[0]));
}

/* ---- creation ---- */

Test(run_apply, a_new_run_has_name_labels_state_and_outbox_row)
{
	struct uuid id;
	json_t *run, *labels;

	scene_make(&f, &ids, -1, NULL);
	id = make_run("Scheduled", 1);
	cr_expect(f.fx & FX_OUTBOX);
	run = read_run(id);
	labels = json_object_get(run, "labels");
	expect_str(run, "state_type", "SCHEDULED");
	expect_str(run, "work_pool_name", "local");
	expect_str(run, "work_queue_name", "default");
	cr_expect_not_null(
	    strchr(json_string_value(json_object_get(run, "name")), '-'));
	cr_expect_not_null(json_object_get(labels, "prefect.flow.id"));
	cr_expect_not_null(json_object_get(labels, "prefect.deployment.id"));
	expect_keys(run);
	cr_expect_eq(json_object_size(json_object_get(json_object_get(run, "state"),
						      "state_details")),
		     18);
	json_decref(run);
}

Test(run_apply, an_idempotency_key_makes_one_run)
{
	struct new_run a = {.token = "Pending"};
	struct uuid first;

	scene_make(&f, &ids, -1, NULL);
	a.n.flow_id = ids.flow;
	a.n.idempotency_key = "k";
	cr_assert_eq(tx_fixture_run(&f, create_work, &a), 0);
	first = a.id;
	cr_expect_eq(a.created, 1);
	cr_assert_eq(tx_fixture_run(&f, create_work, &a), 0);
	cr_expect_eq(a.created, 0);
	cr_expect(uuid_equal(&first, &a.id));
}

Test(run_apply, an_unknown_flow_is_a_conflict)
{
	struct new_run a = {.token = NULL};

	uuid_v4(&a.n.flow_id);
	cr_expect_eq(tx_fixture_run(&f, create_work, &a), -ERR_CONFLICT);
}

/* ---- proposals ---- */

Test(run_apply, a_run_walks_to_its_end)
{
	static const char *const walk[] = {"Pending", "Submitting", "Running",
					   "Completed"};
	struct uuid id;
	json_t *run;

	scene_make(&f, &ids, -1, NULL);
	id = make_run("Scheduled", 1);
	for (size_t i = 0; i < 4; i++) {
		struct orc_result r = play(id, walk[i], 0, 0);

		cr_expect_eq(r.status, ORC_ACCEPT, "%s: %s", walk[i], r.reason);
		cr_expect_eq(f.status, 201);
	}
	run = read_run(id);
	expect_str(run, "state_name", "Completed");
	cr_expect_eq(json_integer_value(json_object_get(run, "run_count")), 1);
	cr_expect_gt(json_number_value(json_object_get(run, "total_run_time")), 0.9);
	json_decref(run);
	cr_expect_eq(tx_fixture_count(&f, SQL_EVENT_COUNT), 5);
}

Test(run_apply, only_one_of_fifty_pending_proposals_is_accepted)
{
	struct uuid id;
	int accepted = 0;

	scene_make(&f, &ids, -1, NULL);
	id = make_run("Scheduled", 1);
	for (int i = 0; i < 50; i++) {
		accepted += play(id, "Pending", 0, 0).status == ORC_ACCEPT;
	}
	cr_expect_eq(accepted, 1);
}

Test(run_apply, unknown_run)
{
	struct play p = {.token = "Running"};

	uuid_v4(&p.run);
	cr_expect_eq(tx_fixture_run(&f, play_work, &p), -ERR_NOT_FOUND);
	cr_expect_not_null(strstr(f.err.msg, "not found"));
}

/* ---- fences ---- */

Test(run_apply, a_stale_token_is_superseded)
{
	struct uuid id;
	struct orc_result r;

	scene_make(&f, &ids, -1, NULL);
	id = make_run("Scheduled", 1);
	cr_expect_eq(play(id, "Pending", 0, 7).status, ORC_ACCEPT);
	cr_expect_eq(f.fx & FX_OUTBOX, 0, "a claimed run is not told to Redis");
	r = play(id, "Running", 0, 6);
	cr_expect(r.superseded);
	cr_expect_eq(r.wrote, 0);
	cr_expect_eq(play(id, "Running", 0, 7).status, ORC_ACCEPT);
	r = play(id, "Completed", 0, 6);
	cr_expect(r.superseded);
}

Test(run_apply, a_newer_token_takes_a_pending_run_over)
{
	struct uuid id;
	struct orc_result r;

	scene_make(&f, &ids, -1, NULL);
	id = make_run("Scheduled", 1);
	cr_expect_eq(play(id, "Pending", 0, 7).status, ORC_ACCEPT);
	cr_expect_eq(play(id, "Pending", 0, 7).status, ORC_ABORT);
	cr_expect_eq(play(id, "Pending", 0, 9).status, ORC_ACCEPT);
	r = play(id, "Running", 0, 7);
	cr_expect(r.superseded);
}

/* Prefect's worker was faster than the claim: the run is its, and stays so. */
Test(run_apply, a_token_takes_nothing_from_a_worker_without_leases)
{
	struct uuid id;

	scene_make(&f, &ids, -1, NULL);
	id = make_run("Scheduled", 1);
	cr_expect_eq(play(id, "Pending", 0, 0).status, ORC_ACCEPT);
	cr_expect_eq(play(id, "Pending", 0, 7).status, ORC_ABORT);
	cr_expect_eq(play(id, "Running", 0, 0).status, ORC_ACCEPT);
}

Test(run_apply, a_token_never_leaves_a_terminal_state)
{
	struct uuid id;
	struct orc_result r;

	scene_make(&f, &ids, -1, NULL);
	id = make_run("Scheduled", 1);
	play(id, "Pending", 0, 7);
	play(id, "Running", 0, 7);
	play(id, "Crashed", 1, 0);
	cr_expect(f.fx & FX_OUTBOX, "its owner is told to stop");
	r = play(id, "Running", 0, 7);
	cr_expect_eq(r.status, ORC_ABORT);
	cr_expect_str_eq(r.reason, "Run is already in terminal state CRASHED.");
	r = play(id, "Completed", 0, 7);
	cr_expect_eq(r.status, ORC_REJECT);
	r = play(id, "Pending", 0, 9);
	cr_expect_eq(r.status, ORC_ABORT);
}

Test(run_apply, the_same_state_id_is_applied_once)
{
	struct uuid state;
	struct play p = {.token = "Pending", .fence = 3, .state_id = &state};

	scene_make(&f, &ids, -1, NULL);
	p.run = make_run("Scheduled", 1);
	uuid_v7(&state, f.now_us);
	cr_assert_eq(tx_fixture_run(&f, play_work, &p), 0, "%s", f.err.msg);
	cr_expect_eq(p.res.status, ORC_ACCEPT);
	cr_expect_eq(p.res.duplicate, 0);
	orc_result_release(&p.res);
	cr_assert_eq(tx_fixture_run(&f, play_work, &p), 0);
	cr_expect_eq(p.res.status, ORC_ACCEPT);
	cr_expect_eq(p.res.duplicate, 1);
	orc_result_release(&p.res);
}

/* ---- retries, pause, cancel ---- */

Test(run_apply, an_in_process_retry_stays_with_its_process)
{
	struct new_run a = {.token = "Scheduled"};
	struct orc_result r;
	json_t *run;

	scene_make(&f, &ids, -1, NULL);
	a.n.flow_id = ids.flow;
	a.n.deployment_id = &ids.deployment;
	a.n.work_queue_id = &ids.queue;
	a.n.empirical_policy = json_pack("{s:i,s:i}", "retries", 1, "retry_delay", 0);
	cr_assert_eq(tx_fixture_run(&f, create_work, &a), 0, "%s", f.err.msg);
	json_decref((json_t *)(uintptr_t)a.n.empirical_policy);
	play(a.id, "Pending", 0, 4);
	play(a.id, "Running", 0, 4);
	r = play(a.id, "Failed", 0, 4);
	cr_expect_eq(r.status, ORC_REJECT);
	cr_expect_str_eq(r.reason, "Retrying");
	cr_expect_eq(f.fx & FX_OUTBOX, 0, "no queue hears of it");
	run = read_run(a.id);
	expect_str(run, "state_name", "AwaitingRetry");
	expect_str(json_object_get(run, "empirical_policy"), "retry_type",
		   "in_process");
	json_decref(run);
	cr_expect_eq(play(a.id, "Retrying", 0, 4).status, ORC_ACCEPT);
	cr_expect_eq(f.fx & FX_OUTBOX, 0);
	cr_expect_eq(play(a.id, "Failed", 0, 4).status, ORC_ACCEPT);
}

Test(run_apply, suspend_and_resume_through_the_queue)
{
	struct uuid id;
	json_t *run;

	scene_make(&f, &ids, -1, NULL);
	id = make_run("Scheduled", 1);
	play(id, "Pending", 0, 4);
	play(id, "Running", 0, 4);
	cr_expect_eq(play(id, "Suspended", 0, 4).status, ORC_ACCEPT);
	cr_expect_eq(play(id, "Resuming", 0, 0).status, ORC_ACCEPT);
	cr_expect(f.fx & FX_OUTBOX);
	play(id, "Pending", 0, 5);
	play(id, "Running", 0, 5);
	run = read_run(id);
	cr_expect_eq(json_integer_value(json_object_get(run, "run_count")), 1);
	json_decref(run);
}

struct cancel_row {
	const char *current;
	enum orc_status status;
	const char *ends; /* state name afterwards */
};

Test(run_apply, cancel_in_each_state)
{
	static const struct cancel_row rows[] = {
	    {"Scheduled", ORC_REJECT, "Cancelled"},
	    {"Pending", ORC_ACCEPT, "Cancelling"},
	    {"Running", ORC_ACCEPT, "Cancelling"},
	    {"Paused", ORC_ACCEPT, "Cancelling"},
	    {"Suspended", ORC_REJECT, "Cancelled"},
	    {"Cancelling", ORC_REJECT, "Cancelling"},
	    {"Completed", ORC_ABORT, "Completed"},
	    {"Failed", ORC_ABORT, "Failed"},
	};

	scene_make(&f, &ids, -1, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct uuid id = make_run(rows[i].current, 1);
		struct orc_result r = play(id, "Cancelling", 0, 0);
		json_t *run;

		cr_expect_eq(r.status, rows[i].status, "%s: %s", rows[i].current,
			     r.reason);
		/* a suspended run is in no queue and has no owner */
		cr_expect_eq((f.fx & FX_OUTBOX) != 0,
			     r.wrote && strcmp(rows[i].current, "Suspended") != 0, "%s",
			     rows[i].current);
		run = read_run(id);
		expect_str(run, "state_name", rows[i].ends);
		json_decref(run);
	}
}

/* ---- deployment concurrency ---- */

Test(run_apply, a_full_limit_enqueues_the_second_run)
{
	struct uuid one, two;
	struct orc_result r;
	json_t *run;

	scene_make(&f, &ids, 1, "{\"collision_strategy\":\"ENQUEUE\"}");
	one = make_run("Scheduled", 1);
	two = make_run("Scheduled", 1);
	cr_expect_eq(play(one, "Pending", 0, 0).status, ORC_ACCEPT);
	run = read_run(one);
	cr_expect(json_is_string(json_object_get(
	    json_object_get(json_object_get(run, "state"), "state_details"),
	    "deployment_concurrency_lease_id")));
	json_decref(run);
	r = play(two, "Pending", 0, 0);
	cr_expect_eq(r.status, ORC_REJECT);
	cr_expect_str_eq(r.reason, "Deployment concurrency limit reached.");
	cr_expect(f.fx & FX_OUTBOX);
	cr_expect_eq(play(one, "Running", 0, 0).status, ORC_ACCEPT);
	cr_expect_eq(play(one, "Completed", 0, 0).status, ORC_ACCEPT);
	cr_expect_eq(play(two, "Pending", 0, 0).status, ORC_ACCEPT);
}

Test(run_apply, a_full_limit_cancels_the_second_run)
{
	struct uuid one, two;
	json_t *run;

	scene_make(&f, &ids, 1, "{\"collision_strategy\":\"CANCEL_NEW\"}");
	one = make_run("Scheduled", 1);
	two = make_run("Scheduled", 1);
	play(one, "Pending", 0, 0);
	cr_expect_eq(play(two, "Pending", 0, 0).status, ORC_REJECT);
	run = read_run(two);
	expect_str(run, "state_type", "CANCELLED");
	json_decref(run);
}
