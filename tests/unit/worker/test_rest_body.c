/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rest_body.c - updates as the calls of a Prefect server.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "worker/rest_body.h"

#define RUN  "0a0b0c0d-0000-4000-8000-000000000001"
#define TASK "01010101-0101-0101-0101-010101010101"
#define T_US 1767225600123456 /* 2026-01-01 00:00:00.123456 */

static uint8_t task_id[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* Method, path and body (JSON with ' for ") of U; frees the request. */
static void is_request(const Wf__Updates__Update *u, const char *method,
		       const char *path, const char *body)
{
	struct rest_request req = {0};
	char *s = strdup(body), *got;
	json_t *want;

	for (char *p = s; *p != '\0'; p++) {
		*p = *p == '\'' ? '"' : *p;
	}
	want = json_loads(s, 0, NULL);
	cr_assert_not_null(want, "%s", s);
	cr_assert_eq(rest_request_of(u, RUN, 0, &req), 1);
	cr_expect_str_eq(req.method, method);
	cr_expect_str_eq(req.path, path);
	got = json_dumps(req.body, JSON_SORT_KEYS);
	cr_expect(json_equal(req.body, want), "%s\ninstead of\n%s", got, s);
	free(got);
	free(s);
	json_decref(want);
	json_decref(req.body);
	free(req.path);
}

static uint8_t proposed_id[16] = {3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};

Test(rest_body, a_flow_state_is_proposed)
{
	Wf__Updates__Update u = WF__UPDATES__UPDATE__INIT;
	Wf__Updates__FlowState f = WF__UPDATES__FLOW_STATE__INIT;
	Wf__Control__State s = WF__CONTROL__STATE__INIT;

	u.body_case = WF__UPDATES__UPDATE__BODY_FLOW_STATE;
	u.flow_state = &f;
	f.state = &s;
	s.type = WF__CONTROL__STATE_TYPE__PENDING;
	is_request(&u, "POST", "/flow_runs/" RUN "/set_state",
		   "{'force': false, 'state': {'type': 'PENDING', 'name': null, "
		   "'message': null, 'data': null, 'state_details': {}}}");
	f.force = 1;
	s.type = WF__CONTROL__STATE_TYPE__CRASHED;
	s.name = text("Crashed");
	s.message = text("it's \"gone\"");
	s.data_json = text("{\"a\": [1]}");
	s.details_json = text("{\"retriable\": true}");
	s.id.data = proposed_id;
	s.id.len = sizeof(proposed_id);
	is_request(&u, "POST", "/flow_runs/" RUN "/set_state",
		   "{'force': true, 'state': {'type': 'CRASHED', 'name': 'Crashed', "
		   "'message': 'it\\u0027s \\\"gone\\\"', 'data': {'a': [1]}, "
		   "'state_details': {'retriable': true, 'transition_id': "
		   "'03030303-0303-0303-0303-030303030303'}}}");
}

Test(rest_body, log_lines_are_one_call)
{
	Wf__Updates__Update u = WF__UPDATES__UPDATE__INIT;
	Wf__Updates__Logs logs = WF__UPDATES__LOGS__INIT;
	Wf__Control__LogLine a = WF__CONTROL__LOG_LINE__INIT, b = a;
	Wf__Control__LogLine *lines[] = {&a, &b};

	a.level = 20;
	a.message = text("one");
	a.timestamp_us = T_US;
	b = a;
	b.name = text("prefect.task_runs");
	b.level = 40;
	b.task_run_id.data = task_id;
	b.task_run_id.len = 16;
	logs.lines = lines;
	logs.n_lines = 2;
	u.body_case = WF__UPDATES__UPDATE__BODY_LOGS;
	u.logs = &logs;
	is_request(&u, "POST", "/logs/",
		   "[{'name': 'prefect.flow_runs', 'level': 20, 'message': 'one', "
		   "'timestamp': "
		   "'2026-01-01T00:00:00.123456Z', 'flow_run_id': '" RUN "'}, {'name': "
		   "'prefect.task_runs', 'level': 40, 'message': 'one', 'timestamp': "
		   "'2026-01-01T00:00:00.123456Z', 'flow_run_id': '" RUN
		   "', 'task_run_id': '" TASK "'}]");
}

Test(rest_body, facts_about_a_run_are_patched)
{
	Wf__Updates__Update u = WF__UPDATES__UPDATE__INIT;
	Wf__Updates__RunInfo i = WF__UPDATES__RUN_INFO__INIT;
	struct rest_request none;

	u.body_case = WF__UPDATES__UPDATE__BODY_RUN_INFO;
	u.run_info = &i;
	cr_assert_eq(rest_request_of(&u, RUN, 0, &none), 0);
	i.labels_json = text("{\"a\": \"b\"}");
	is_request(&u, "PATCH", "/flow_runs/" RUN "/labels", "{'a': 'b'}");
}

Test(rest_body, pid_name_version_and_policy_are_patched)
{
	Wf__Updates__Update u = WF__UPDATES__UPDATE__INIT;
	Wf__Updates__RunInfo i = WF__UPDATES__RUN_INFO__INIT;

	u.body_case = WF__UPDATES__UPDATE__BODY_RUN_INFO;
	u.run_info = &i;
	i.infrastructure_pid = text("host:12");
	is_request(&u, "PATCH", "/flow_runs/" RUN, "{'infrastructure_pid': 'host:12'}");
	i.name = text("n");
	i.flow_version = text("v");
	i.empirical_policy_json = text("{\"retries\": 2}");
	is_request(
	    &u, "PATCH", "/flow_runs/" RUN,
	    "{'infrastructure_pid': 'host:12', 'name': 'n', 'flow_version': 'v', "
	    "'empirical_policy': {'retries': 2}}");
}

Test(rest_body, labels_with_a_pid_are_the_second_of_two_calls)
{
	Wf__Updates__Update u = WF__UPDATES__UPDATE__INIT;
	Wf__Updates__RunInfo i = WF__UPDATES__RUN_INFO__INIT;
	struct rest_request req;

	u.body_case = WF__UPDATES__UPDATE__BODY_RUN_INFO;
	u.run_info = &i;
	i.infrastructure_pid = text("12");
	i.labels_json = text("{\"a\": \"b\"}");
	is_request(&u, "PATCH", "/flow_runs/" RUN, "{'infrastructure_pid': '12'}");
	cr_assert_eq(rest_request_of(&u, RUN, 1, &req), 1);
	cr_assert_str_eq(req.path, "/flow_runs/" RUN "/labels");
	cr_assert_str_eq(json_string_value(json_object_get(req.body, "a")), "b");
	json_decref(req.body);
	free(req.path);
	cr_assert_eq(rest_request_of(&u, RUN, 2, &req), 0);
}

Test(rest_body, an_artifact_is_created)
{
	Wf__Updates__Update u = WF__UPDATES__UPDATE__INIT;
	Wf__Control__Artifact a = WF__CONTROL__ARTIFACT__INIT;

	u.body_case = WF__UPDATES__UPDATE__BODY_ARTIFACT;
	u.artifact = &a;
	a.key = text("report");
	a.type = text("markdown");
	a.data_json = text("\"# hi\"");
	a.task_run_id.data = task_id;
	a.task_run_id.len = 16;
	is_request(&u, "POST", "/artifacts/",
		   "{'key': 'report', 'type': 'markdown', 'description': null, 'data': "
		   "'# hi', 'flow_run_id': '" RUN "', 'task_run_id': '" TASK "'}");
}

static void task_state(Wf__Control__TaskState *t, Wf__Control__State *s)
{
	wf__control__task_state__init(t);
	wf__control__state__init(s);
	t->task_run_id.data = task_id;
	t->task_run_id.len = 16;
	t->name = text("add-0");
	t->task_key = text("add");
	t->dynamic_key = text("0");
	t->run_count = 1;
	t->start_us = T_US;
	t->state = s;
	t->from_type = WF__CONTROL__STATE_TYPE__PENDING;
	s->id.data = task_id;
	s->id.len = 16;
	s->type = WF__CONTROL__STATE_TYPE__RUNNING;
	s->name = text("Running");
	s->timestamp_us = T_US;
}

static const char *at(const json_t *v, const char *a, const char *b)
{
	v = json_object_get(v, a);
	return json_string_value(b != NULL ? json_object_get(v, b) : v);
}

Test(rest_body, a_task_state_is_an_event)
{
	Wf__Control__TaskState t;
	Wf__Control__State s;
	Wf__Updates__Update u = WF__UPDATES__UPDATE__INIT;
	struct rest_request req;
	json_t *e, *payload;

	task_state(&t, &s);
	u.body_case = WF__UPDATES__UPDATE__BODY_TASK_STATE;
	u.task_state = &t;
	cr_assert_eq(rest_request_of(&u, RUN, 0, &req), 1);
	cr_assert_str_eq(req.path, "/events");
	cr_assert_eq(json_array_size(req.body), 1);
	e = json_array_get(req.body, 0);
	payload = json_object_get(e, "payload");
	cr_assert_str_eq(at(e, "event", NULL), "prefect.task-run.Running");
	cr_assert_str_eq(at(e, "id", NULL), TASK);
	cr_assert_str_eq(at(e, "occurred", NULL), "2026-01-01T00:00:00.123456Z");
	cr_assert_str_eq(at(e, "resource", "prefect.resource.id"),
			 "prefect.task-run." TASK);
	cr_assert_str_eq(at(e, "resource", "prefect.orchestration"), "client");
	cr_assert_str_eq(at(e, "resource", "prefect.run-count"), "1");
	cr_assert_str_eq(at(payload, "intended", "from"), "PENDING");
	cr_assert_str_eq(at(payload, "intended", "to"), "RUNNING");
	cr_assert_str_eq(at(payload, "task_run", "dynamic_key"), "0");
	cr_assert_str_eq(at(payload, "task_run", "start_time"),
			 "2026-01-01T00:00:00.123456Z");
	cr_assert_null(
	    json_object_get(json_object_get(payload, "task_run"), "end_time"));
	cr_assert_null(json_object_get(e, "follows"));
	json_decref(req.body);
	free(req.path);
}

Test(rest_body, the_first_state_comes_from_nowhere_and_others_follow)
{
	Wf__Control__TaskState t;
	Wf__Control__State s;
	json_t *e;

	task_state(&t, &s);
	t.from_type = 0;
	e = rest_task_event(&t, RUN);
	cr_assert(json_is_null(json_object_get(
	    json_object_get(json_object_get(e, "payload"), "intended"), "from")));
	json_decref(e);
	t.previous_state_id.data = task_id;
	t.previous_state_id.len = 16;
	e = rest_task_event(&t, RUN);
	cr_assert_str_eq(at(e, "follows", NULL), TASK);
	json_decref(e);
}

Test(rest_body, results_and_verdicts_have_no_call)
{
	Wf__Updates__Update u = WF__UPDATES__UPDATE__INIT;
	Wf__Control__Result r = WF__CONTROL__RESULT__INIT;
	Wf__Updates__Lost l = WF__UPDATES__LOST__INIT;
	struct rest_request req;

	cr_assert_eq(rest_request_of(&u, RUN, 0, &req), 0);
	u.body_case = WF__UPDATES__UPDATE__BODY_RESULT;
	u.result = &r;
	cr_assert_eq(rest_request_of(&u, RUN, 0, &req), 0);
	u.body_case = WF__UPDATES__UPDATE__BODY_LOST;
	u.lost = &l;
	cr_assert_eq(rest_request_of(&u, RUN, 0, &req), 0);
}

#define STATE "02020202-0202-0202-0202-020202020202"
static uint8_t state_id[16] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2};

Test(rest_body, a_state_of_the_api_is_read)
{
	struct rest_state s = {.message = WF__CONTROL__STATE__INIT};
	json_t *v =
	    json_pack("{s:s, s:s, s:s, s:n, s:s, s:{s:s}}", "id", STATE, "type",
		      "SCHEDULED", "name", "AwaitingRetry", "message", "timestamp",
		      "2026-01-01T00:00:00.123456Z", "state_details", "scheduled_time",
		      "2026-01-01T00:01:00Z");

	cr_assert_eq(rest_state_read(v, &s), 0);
	cr_assert_eq(s.message.id.len, sizeof(state_id));
	cr_assert_arr_eq(s.message.id.data, state_id, sizeof(state_id));
	cr_assert_eq(s.message.type, WF__CONTROL__STATE_TYPE__SCHEDULED);
	cr_assert_str_eq(s.message.name, "AwaitingRetry");
	cr_assert_str_empty(s.message.message);
	cr_assert_eq(s.message.timestamp_us, T_US);
	cr_assert_str_eq(s.message.details_json,
			 "{\"scheduled_time\":\"2026-01-01T00:01:00Z\"}");
	rest_state_release(&s);
	json_object_set_new(v, "type", json_string("NEW"));
	cr_assert_lt(rest_state_read(v, &s), 0);
	json_object_set_new(v, "type", json_string("RUNNING"));
	json_object_del(v, "id");
	cr_assert_lt(rest_state_read(v, &s), 0);
	cr_assert_lt(rest_state_read(NULL, &s), 0);
	json_decref(v);
}

Test(rest_body, a_state_that_came_through_before_is_known_again)
{
	Wf__Control__State s = WF__CONTROL__STATE__INIT;
	json_t *v = json_pack("{s:{s:s}}", "state_details", "transition_id", STATE);

	cr_expect_not(rest_is_made(&s, v), "a proposal without an id");
	s.id.data = state_id;
	s.id.len = sizeof(state_id);
	cr_expect(rest_is_made(&s, v));
	cr_expect_not(rest_is_made(&s, NULL));
	s.id.data = task_id;
	cr_expect_not(rest_is_made(&s, v), "somebody else's");
	json_decref(v);
}
