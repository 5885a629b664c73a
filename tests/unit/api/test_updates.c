/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_updates.c - the updates RPC against a real database: every kind of item,
 * duplicates, tokens, lost owners.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "api/orchestration/create.h"
#include "api/orchestration/orchestration.h"
#include "api/routes/flow_run_json.h"
#include "api/routes/updates/batch.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "tests/unit/api/orc_table.h"
#include "tests/unit/api/tx_fixture.h"

#define TYPE(t)   WF__CONTROL__STATE_TYPE__##t
#define ANSWER(a) WF__CONTROL__ANSWER__##a
#define ITEMS_MAX 8

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
TestSuite(updates, .init = setup, .fini = teardown);

/* ---- a batch under construction ---- */

struct maker {
	Wf__Updates__UpdateBatch batch;
	Wf__Updates__Update u[ITEMS_MAX], *list[ITEMS_MAX];
	Wf__Updates__FlowState fs[ITEMS_MAX];
	Wf__Control__State s[ITEMS_MAX];
	Wf__Control__TaskState t[ITEMS_MAX];
	Wf__Updates__Lost lost[ITEMS_MAX];
	Wf__Updates__Logs logs[ITEMS_MAX];
	Wf__Control__LogLine line;
	Wf__Control__LogLine *lines[1];
	Wf__Updates__RunInfo info;
	Wf__Control__Result result;
	Wf__Control__Artifact artifact;
	struct uuid id[ITEMS_MAX], run, task;
	size_t n;
	Wf__Updates__UpdateAnswers *answers;
};

static void maker_init(struct maker *m, const struct uuid *run)
{
	memset(m, 0, sizeof(*m));
	wf__updates__update_batch__init(&m->batch);
	m->batch.sender = (char *)(uintptr_t) "w1";
	m->run = *run;
	uuid_v7(&m->task, f.now_us);
}

static Wf__Updates__Update *add(struct maker *m, uint64_t fence)
{
	size_t i = m->n++;
	Wf__Updates__Update *u = &m->u[i];

	wf__updates__update__init(u);
	uuid_v7(&m->id[i], f.now_us);
	u->id = (ProtobufCBinaryData){16, m->id[i].b};
	u->flow_run_id = (ProtobufCBinaryData){16, m->run.b};
	u->fence = fence;
	m->list[i] = u;
	return u;
}

static void set_state(struct maker *m, Wf__Control__State *s, size_t i, int type)
{
	wf__control__state__init(s);
	s->id = (ProtobufCBinaryData){16, m->id[i].b};
	s->type = (Wf__Control__StateType)type;
	s->timestamp_us = f.now_us;
}

static Wf__Updates__FlowState *add_state(struct maker *m, int type, uint64_t fence)
{
	Wf__Updates__Update *u = add(m, fence);
	size_t i = m->n - 1;

	wf__updates__flow_state__init(&m->fs[i]);
	set_state(m, &m->s[i], i, type);
	m->fs[i].state = &m->s[i];
	u->body_case = WF__UPDATES__UPDATE__BODY_FLOW_STATE;
	u->flow_state = &m->fs[i];
	return &m->fs[i];
}

static Wf__Control__TaskState *add_task(struct maker *m, int from, int type,
					uint64_t fence)
{
	Wf__Updates__Update *u = add(m, fence);
	size_t i = m->n - 1;

	wf__control__task_state__init(&m->t[i]);
	set_state(m, &m->s[i], i, type);
	m->s[i].timestamp_us += (int64_t)i;
	m->t[i].task_run_id = (ProtobufCBinaryData){16, m->task.b};
	m->t[i].name = (char *)(uintptr_t) "load-0";
	m->t[i].task_key = (char *)(uintptr_t) "load";
	m->t[i].dynamic_key = (char *)(uintptr_t) "0";
	m->t[i].from_type = (Wf__Control__StateType)from;
	m->t[i].state = &m->s[i];
	u->body_case = WF__UPDATES__UPDATE__BODY_TASK_STATE;
	u->task_state = &m->t[i];
	return &m->t[i];
}

static void add_lost(struct maker *m, int started, uint64_t new_fence)
{
	Wf__Updates__Update *u = add(m, new_fence);
	size_t i = m->n - 1;

	wf__updates__lost__init(&m->lost[i]);
	m->lost[i].worker = (char *)(uintptr_t) "w1";
	m->lost[i].started = started;
	m->lost[i].new_fence = new_fence;
	u->body_case = WF__UPDATES__UPDATE__BODY_LOST;
	u->lost = &m->lost[i];
}

static int apply_work(struct tx *tx, void *arg, struct error *err)
{
	return updates_apply(tx, arg, err);
}

static void send(struct maker *m)
{
	m->batch.items = m->list;
	m->batch.n_items = m->n;
	wf__updates__update_answers__free_unpacked(m->answers, NULL);
	m->answers = NULL;
	cr_assert_eq(tx_fixture_run(&f, apply_work, &m->batch), 0, "%s", f.err.msg);
	cr_assert_eq(answers_unpack(f.body.data, f.body.len, &m->answers, &f.err), 0,
		     "%s", f.err.msg);
	cr_assert_eq(m->answers->n_answers, m->n);
}

static void done(struct maker *m)
{
	wf__updates__update_answers__free_unpacked(m->answers, NULL);
}

static Wf__Control__Answer answer(const struct maker *m, size_t i)
{
	return m->answers->answers[i]->answer;
}

struct new_run {
	const char *token;
	struct uuid id;
};

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	struct new_run *a = arg;
	struct orc_state s;
	struct flow_run_new n = {
	    .flow_id = ids.flow,
	    .deployment_id = &ids.deployment,
	    .work_queue_id = &ids.queue,
	    .work_queue_name = "default",
	    .state = &s,
	};
	int created;

	table_state(&s, a->token);
	return flow_run_create(tx, &n, &a->id, &created, err);
}

static struct uuid make_run(const char *token)
{
	struct new_run a = {.token = token};

	cr_assert_eq(tx_fixture_run(&f, create_work, &a), 0, "%s", f.err.msg);
	return a.id;
}

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	return flow_run_write_by_id(tx, &w, NULL, arg, err);
}

static void expect_run(struct uuid run, const char *key, const char *want)
{
	json_t *v;
	const char *got;

	cr_assert_eq(tx_fixture_run(&f, read_work, &run), 0, "%s", f.err.msg);
	v = tx_fixture_json(&f);
	got = strcmp(key, "message") == 0 ? json_string_value(json_object_get(
						json_object_get(v, "state"), "message"))
					  : json_string_value(json_object_get(v, key));
	cr_expect(got != NULL && strcmp(got, want) == 0, "%s is %s, not %s", key,
		  got != NULL ? got : "null", want);
	json_decref(v);
}

/* ---- the life of a run ---- */

Test(updates, a_batch_carries_a_run_from_claim_to_end)
{
	struct maker m;
	struct uuid run;
	json_t *facts;

	scene_make(&f, &ids, -1, NULL);
	run = make_run("Scheduled");
	maker_init(&m, &run);
	add_state(&m, TYPE(PENDING), 5)->want_spec = 1;
	send(&m);
	cr_expect_eq(answer(&m, 0), ANSWER(ACCEPT));
	facts = json_loads(m.answers->answers[0]->facts_json, 0, NULL);
	cr_expect_not_null(json_object_get(facts, "flow_run"));
	cr_expect_not_null(json_object_get(facts, "flow"));
	cr_expect(json_is_object(json_object_get(facts, "deployment")));
	cr_expect(json_is_object(json_object_get(facts, "work_pool")));
	cr_expect(json_is_object(json_object_get(facts, "work_queue")));
	json_decref(facts);
	done(&m);
	maker_init(&m, &run);
	add_state(&m, TYPE(RUNNING), 5);
	add_task(&m, 0, TYPE(PENDING), 5);
	add_task(&m, TYPE(PENDING), TYPE(RUNNING), 5);
	add_task(&m, TYPE(RUNNING), TYPE(COMPLETED), 5);
	add_state(&m, TYPE(COMPLETED), 5);
	send(&m);
	for (size_t i = 0; i < 5; i++) {
		cr_expect_eq(answer(&m, i), ANSWER(ACCEPT), "item %zu: %s", i,
			     m.answers->answers[i]->reason);
	}
	expect_run(run, "state_name", "Completed");
	cr_expect_eq(tx_fixture_count(&f, SQL_TASK_RUN_COUNT), 1);
	/* 4 states of the run, 3 of the task */
	cr_expect_eq(tx_fixture_count(&f, SQL_EVENT_COUNT), 7);
	send(&m); /* all of it once more */
	for (size_t i = 0; i < 5; i++) {
		cr_expect_eq(answer(&m, i), ANSWER(ACCEPT), "item %zu again", i);
	}
	cr_expect_eq(tx_fixture_count(&f, SQL_EVENT_COUNT), 7);
	done(&m);
}

Test(updates, a_rejected_proposal_is_rejected_again_not_accepted)
{
	struct maker m;
	struct uuid run;

	scene_make(&f, &ids, -1, NULL);
	run = make_run("Scheduled");
	maker_init(&m, &run);
	wf__updates__run_info__init(&m.info);
	m.info.empirical_policy_json =
	    (char *)(uintptr_t) "{\"retries\":1,\"retry_delay\":0}";
	add(&m, 5)->run_info = &m.info;
	m.u[0].body_case = WF__UPDATES__UPDATE__BODY_RUN_INFO;
	add_state(&m, TYPE(PENDING), 5);
	add_state(&m, TYPE(RUNNING), 5);
	add_state(&m, TYPE(FAILED), 5);
	send(&m);
	cr_expect_eq(answer(&m, 3), ANSWER(REJECT));
	cr_expect_str_eq(m.answers->answers[3]->state->name, "AwaitingRetry");
	send(&m);
	cr_expect_eq(answer(&m, 3), ANSWER(REJECT));
	cr_expect_str_eq(m.answers->answers[3]->state->name, "AwaitingRetry");
	expect_run(run, "state_name", "AwaitingRetry");
	done(&m);
}

Test(updates, stale_tokens_and_missing_runs)
{
	struct maker m;
	struct uuid run, nobody;

	scene_make(&f, &ids, -1, NULL);
	run = make_run("Scheduled");
	maker_init(&m, &run);
	add_state(&m, TYPE(PENDING), 9);
	add_state(&m, TYPE(RUNNING), 8);
	add_task(&m, 0, TYPE(PENDING), 8);
	send(&m);
	cr_expect_eq(answer(&m, 0), ANSWER(ACCEPT));
	cr_expect_eq(answer(&m, 1), ANSWER(SUPERSEDED));
	cr_expect_eq(answer(&m, 2), ANSWER(SUPERSEDED));
	done(&m);
	uuid_v7(&nobody, f.now_us);
	maker_init(&m, &nobody);
	add_state(&m, TYPE(RUNNING), 1);
	add_task(&m, 0, TYPE(PENDING), 1);
	send(&m);
	for (size_t i = 0; i < 2; i++) {
		cr_expect_eq(answer(&m, i), ANSWER(ABORT));
		cr_expect(m.answers->answers[i]->gone, "item %zu", i);
	}
	done(&m);
}

Test(updates, an_owner_ends_a_run_once_also_by_force)
{
	struct maker m;
	struct uuid run;

	scene_make(&f, &ids, -1, NULL);
	run = make_run("Cancelled");
	maker_init(&m, &run);
	add_state(&m, TYPE(CANCELLED), 9)->force = 1;
	send(&m);
	cr_expect_eq(answer(&m, 0), ANSWER(REJECT), "not a second end");
	cr_expect_eq(m.answers->answers[0]->state->type, TYPE(CANCELLED));
	done(&m);
	maker_init(&m, &run);
	add_state(&m, TYPE(CANCELLED), 0)->force = 1;
	send(&m);
	cr_expect_eq(answer(&m, 0), ANSWER(ACCEPT), "a person may");
	done(&m);
}

Test(updates, a_bad_item_spoils_no_other)
{
	struct maker m;
	struct uuid run;

	scene_make(&f, &ids, -1, NULL);
	run = make_run("Scheduled");
	maker_init(&m, &run);
	add(&m, 5);
	add_task(&m, 0, TYPE(PENDING), 5)->task_key = (char *)(uintptr_t) "";
	add_state(&m, TYPE(PENDING), 5);
	send(&m);
	cr_expect(m.answers->answers[0]->invalid);
	cr_expect(m.answers->answers[1]->invalid);
	cr_expect_eq(answer(&m, 2), ANSWER(ACCEPT));
	done(&m);
}

/* ---- lost owners ---- */

static void start(struct uuid run, uint64_t fence)
{
	struct maker m;

	maker_init(&m, &run);
	add_state(&m, TYPE(PENDING), fence);
	add_state(&m, TYPE(RUNNING), fence);
	send(&m);
	cr_assert_eq(answer(&m, 1), ANSWER(ACCEPT));
	done(&m);
}

Test(updates, a_started_run_that_lost_its_owner_crashes)
{
	struct maker m;
	struct uuid run;

	scene_make(&f, &ids, -1, NULL);
	run = make_run("Scheduled");
	start(run, 5);
	maker_init(&m, &run);
	add_lost(&m, 1, 6);
	send(&m);
	cr_expect_eq(answer(&m, 0), ANSWER(ACCEPT));
	send(&m);
	cr_expect_eq(answer(&m, 0), ANSWER(ACCEPT));
	done(&m);
	expect_run(run, "state_type", "CRASHED");
	expect_run(run, "message", "Lease expired on worker 'w1'.");
	maker_init(&m, &run);
	add_state(&m, TYPE(COMPLETED), 5);
	send(&m);
	cr_expect_eq(answer(&m, 0), ANSWER(SUPERSEDED));
	done(&m);
}

Test(updates, a_run_that_never_started_is_dead_lettered)
{
	struct maker m;
	struct uuid run;

	scene_make(&f, &ids, -1, NULL);
	run = make_run("Scheduled");
	maker_init(&m, &run);
	add_state(&m, TYPE(PENDING), 5);
	send(&m);
	done(&m);
	maker_init(&m, &run);
	add_lost(&m, 0, 6);
	send(&m);
	done(&m);
	expect_run(run, "message", "Could not be started after 3 attempts.");
}

/* The message names every owner that was lost, the last one first. */
static void expect_history(struct uuid id)
{
	static const char lost[] = "Lease expired on worker 'w1'.";
	const char *text;
	json_t *v;
	int owners = 0;

	cr_assert_eq(tx_fixture_run(&f, read_work, &id), 0, "%s", f.err.msg);
	v = tx_fixture_json(&f);
	text =
	    json_string_value(json_object_get(json_object_get(v, "state"), "message"));
	cr_expect_not_null(strstr(text, "'w1'. Attempt 3 of 3. Before: "), "%s", text);
	for (const char *s = text; (s = strstr(s, lost)) != NULL; s++) {
		owners++;
	}
	cr_expect_eq(owners, 3, "%s", text);
	json_decref(v);
}

Test(updates, on_lost_requeue_counts_attempts_and_tells_their_history)
{
	struct uuid run;

	ids.on_lost = "requeue";
	scene_make(&f, &ids, -1, NULL);
	run = make_run("Scheduled");
	for (uint64_t i = 0; i < 3; i++) {
		struct maker m;

		start(run, 2 * i + 1);
		maker_init(&m, &run);
		add_lost(&m, 1, 2 * i + 2);
		send(&m);
		cr_expect_eq((f.fx & FX_OUTBOX) != 0, i < 2, "attempt %d", (int)i);
		done(&m);
		expect_run(run, "state_name", i < 2 ? "AwaitingRetry" : "Crashed");
		f.now_us += 1000000;
	}
	expect_history(run);
}

Test(updates, a_verdict_about_an_older_owner_is_superseded)
{
	struct maker m;
	struct uuid run;

	scene_make(&f, &ids, -1, NULL);
	run = make_run("Scheduled");
	start(run, 9);
	maker_init(&m, &run);
	add_lost(&m, 1, 6);
	send(&m);
	cr_expect_eq(answer(&m, 0), ANSWER(SUPERSEDED));
	done(&m);
	expect_run(run, "state_type", "RUNNING");
}

/* ---- logs, facts, results ---- */

Test(updates, logs_results_and_artifacts_are_kept_once)
{
	struct maker m;
	struct uuid run;

	scene_make(&f, &ids, -1, NULL);
	run = make_run("Scheduled");
	maker_init(&m, &run);
	wf__updates__logs__init(&m.logs[0]);
	wf__control__log_line__init(&m.line);
	m.line.level = 20;
	m.line.message = (char *)(uintptr_t) "hello";
	m.lines[0] = &m.line;
	m.logs[0].lines = m.lines;
	m.logs[0].n_lines = 1;
	add(&m, 5)->logs = &m.logs[0];
	m.u[0].body_case = WF__UPDATES__UPDATE__BODY_LOGS;
	wf__control__result__init(&m.result);
	m.result.key = (char *)(uintptr_t) "k1";
	m.result.json = (ProtobufCBinaryData){9, (uint8_t *)(uintptr_t) "{\"x\":[1]}"};
	add(&m, 5)->result = &m.result;
	m.u[1].body_case = WF__UPDATES__UPDATE__BODY_RESULT;
	wf__control__artifact__init(&m.artifact);
	m.artifact.key = (char *)(uintptr_t) "report";
	m.artifact.type = (char *)(uintptr_t) "markdown";
	m.artifact.data_json = (char *)(uintptr_t) "\"# hi\"";
	add(&m, 5)->artifact = &m.artifact;
	m.u[2].body_case = WF__UPDATES__UPDATE__BODY_ARTIFACT;
	send(&m);
	send(&m);
	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(answer(&m, i), ANSWER(ACCEPT), "item %zu: %s", i,
			     m.answers->answers[i]->reason);
	}
	cr_expect_eq(tx_fixture_count(&f, SQL_ARTIFACT_COUNT), 2);
	done(&m);
}
