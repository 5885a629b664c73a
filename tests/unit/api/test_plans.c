/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plans.c - what SQLite does for the lists, counts and histories that people look
 * at: which index leads, and what is sorted.  A change of a plan has to be meant.
 *
 * The bodies are those of clients: dashboards, a run's page, the command line, workers.
 */
#include <criterion/criterion.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "api/db/db_priv.h"
#include "api/http/http.h"
#include "api/routes/filters.h"
#include "base/buf.h"
#include "base/error.h"
#include "tests/unit/api/db_fixture.h"

#define ID "\"00000000-0000-7000-8000-000000000011\""
#define T0 "\"2026-01-01T00:00:00Z\""

static struct db_fixture fx;

static void start(void)
{
	db_fixture_start(&fx, 0);
}

static void stop(void)
{
	db_fixture_stop(&fx);
}

TestSuite(plans, .init = start, .fini = stop);

struct plan_case {
	enum sql_id stmt;
	enum entity entity;
	enum sql_frag order;
	const char *body;
	/* "SCAN " unless it searches, the index of the first step, " and sorts".  A
	 * scan of an index in the order that is asked for ends with the page. */
	const char *leads;
};

#define FR(order, body, leads)                                                   \
	{                                                                        \
		SQL_FLOW_RUN_LIST, ENT_FLOW_RUN, FRAG_FR_BY_##order, body, leads \
	}
#define FR_N(body, leads)                                                    \
	{                                                                    \
		SQL_FLOW_RUN_COUNT, ENT_FLOW_RUN, SQL_FRAG_NONE, body, leads \
	}
#define TR(order, body, leads)                                                   \
	{                                                                        \
		SQL_TASK_RUN_LIST, ENT_TASK_RUN, FRAG_TR_BY_##order, body, leads \
	}
#define TR_N(body, leads)                                                    \
	{                                                                    \
		SQL_TASK_RUN_COUNT, ENT_TASK_RUN, SQL_FRAG_NONE, body, leads \
	}

static const struct plan_case cases[] = {
    FR(ID_DESC, "{}", "SCAN sqlite_autoindex_flow_run_1"),
    FR(START_DESC, "{}", "SCAN flow_run_start"),
    FR(START_ASC, "{}", "SCAN flow_run_start"),
    FR(EXPECTED_DESC, "{}", "SCAN flow_run_expected"),
    FR(EXPECTED_ASC, "{}", "SCAN flow_run_expected"),
    FR(NAME_ASC, "{}", "SCAN flow_run_name"),
    FR(NEXT_ASC, "{}", "SCAN nothing and sorts"),
    FR(END_DESC, "{}", "SCAN flow_run_end"),
    FR(ID_DESC, "{'flow_runs':{'id':{'any_':[" ID "]}}}",
       "sqlite_autoindex_flow_run_1"),
    FR(START_DESC, "{'flow_runs':{'state':{'type':{'any_':['FAILED']}}}}",
       "flow_run_state_type and sorts"),
    FR(START_DESC, "{'flow_runs':{'deployment_id':{'any_':[" ID "]}}}",
       "flow_run_deployment_start"),
    FR(START_DESC, "{'flows':{'id':{'any_':[" ID "]}}}", "flow_run_flow_start"),
    FR(START_DESC, "{'flows':{'name':{'any_':['f']}}}", "SCAN flow_run_start"),
    FR(START_DESC, "{'flow_runs':{'start_time':{'after_':" T0 "}}}", "flow_run_start"),
    FR(EXPECTED_DESC, "{'flow_runs':{'parent_task_run_id':{'any_':[" ID "]}}}",
       "flow_run_parent_task and sorts"),
    FR(START_DESC, "{'flow_runs':{'tags':{'all_':['a']}}}", "SCAN flow_run_start"),
    FR(START_DESC, "{'flow_runs':{'name':{'like_':'x'}}}", "SCAN flow_run_start"),
    FR(NEXT_ASC, "{'flow_runs':{'state':{'type':{'any_':['SCHEDULED']}}}}",
       "flow_run_state_type and sorts"),
    FR(START_DESC, "{'work_pools':{'name':{'any_':['p']}}}", "SCAN flow_run_start"),
    FR_N("{}", "SCAN flow_run_name"),
    FR_N("{'flow_runs':{'state':{'type':{'any_':['RUNNING']}}}}",
	 "flow_run_state_type"),
    FR_N("{'flow_runs':{'state':{'name':{'any_':['Late']}}}}", "flow_run_state_name"),
    FR_N("{'flow_runs':{'start_time':{'after_':" T0 "}}}", "flow_run_start"),
    FR_N("{'flow_runs':{'expected_start_time':{'after_':" T0 "}}}",
	 "flow_run_expected"),
    FR_N("{'flow_runs':{'deployment_id':{'any_':[" ID "]}}}",
	 "flow_run_deployment_start"),
    FR_N("{'flows':{'id':{'any_':[" ID "]}}}", "flow_run_flow_start"),
    TR(ID_DESC, "{}", "SCAN sqlite_autoindex_task_run_1"),
    TR(EXPECTED_DESC, "{}", "SCAN task_run_expected"),
    TR(END_DESC, "{}", "SCAN task_run_end"),
    TR(NAME_ASC, "{}", "SCAN task_run_name"),
    TR(EXPECTED_DESC, "{'task_runs':{'flow_run_id':{'any_':[" ID "]}}}",
       "sqlite_autoindex_task_run_2 and sorts"),
    TR(ID_DESC, "{'flow_runs':{'id':{'any_':[" ID "]}}}", "task_run_flow_run"),
    TR(END_DESC, "{'task_runs':{'state':{'type':{'any_':['FAILED']}}}}",
       "task_run_state_type and sorts"),
    TR_N("{}", "SCAN task_run_start"),
    TR_N("{'task_runs':{'flow_run_id':{'any_':[" ID "]}}}", "task_run_flow_run"),
    TR_N("{'task_runs':{'state':{'type':{'any_':['RUNNING']}}}}",
	 "task_run_state_type"),
    TR_N("{'flow_runs':{'id':{'any_':[" ID "]}}}", "task_run_flow_run"),
    {SQL_LOG_LIST, ENT_LOG, FRAG_L_BY_TIME_ASC,
     "{'logs':{'flow_run_id':{'any_':[" ID "]}}}", "log_flow_run"},
    {SQL_LOG_LIST, ENT_LOG, FRAG_L_BY_TIME_DESC,
     "{'logs':{'task_run_id':{'any_':[" ID "]}}}", "log_task_run"},
    {SQL_LOG_LIST, ENT_LOG, FRAG_L_BY_TIME_DESC, "{}", "SCAN log_timestamp"},
    {SQL_FLOW_RUN_HISTORY, ENT_FLOW_RUN, SQL_FRAG_NONE, "{}", "flow_run_expected"},
    {SQL_TASK_RUN_HISTORY, ENT_TASK_RUN, SQL_FRAG_NONE, "{}", "task_run_expected"},
    {SQL_FLOW_RUN_LATENESS, ENT_FLOW_RUN, SQL_FRAG_NONE,
     "{'flow_runs':{'expected_start_time':{'after_':" T0 "}}}", "flow_run_expected"},
    {SQL_DEPLOYMENT_COUNT, ENT_DEPLOYMENT, SQL_FRAG_NONE,
     "{'flow_runs':{'state':{'type':{'any_':['RUNNING']}}}}",
     "SCAN sqlite_autoindex_deployment_1"},
    {SQL_FLOW_LIST, ENT_FLOW, FRAG_F_BY_NAME_ASC,
     "{'flow_runs':{'state':{'type':{'any_':['RUNNING']}}}}",
     "SCAN sqlite_autoindex_flow_2"},
    {SQL_FLOW_COUNT, ENT_FLOW, SQL_FRAG_NONE,
     "{'deployments':{'id':{'any_':[" ID "]}}}", "SCAN sqlite_autoindex_flow_1"},
    {SQL_ARTIFACT_LIST, ENT_ARTIFACT, FRAG_A_BY_ID_DESC,
     "{'artifacts':{'flow_run_id':{'any_':[" ID "]}}}", "artifact_flow_run and sorts"},
    {SQL_FLOW_RUN_IDS_OF_STATE, ENT_FLOW_RUN, FRAG_FR_BY_START_DESC,
     "{'flow_runs':{'state':{'type':{'any_':['FAILED','CRASHED']}}}}",
     "flow_run_state_start"},
    {SQL_ROLLUP_TASK_RUNS_LIVE_START, ENT_TASK_RUN, SQL_FRAG_NONE, "{}",
     "SCAN task_run_live"},
    {SQL_ROLLUP_FLOW_RUNS_EDGE_START, ENT_FLOW_RUN, SQL_FRAG_NONE, "{}",
     "flow_run_start"},
    /* what services look for: never all runs of a state */
    {SQL_RETENTION_RUNS, ENT_FLOW_RUN, SQL_FRAG_NONE, "{}", "flow_run_end"},
    {SQL_LATE_RUNS_DUE, ENT_FLOW_RUN, SQL_FRAG_NONE, "{}", "flow_run_not_late"},
    {SQL_CANCELLED_TASK_RUNS, ENT_FLOW_RUN, SQL_FRAG_NONE, "{}", "flow_run_end"},
    {SQL_CANCELLED_SUBFLOWS, ENT_FLOW_RUN, SQL_FRAG_NONE, "{}", "flow_run_end"},
    {SQL_CRASHED_SUBFLOWS, ENT_FLOW_RUN, SQL_FRAG_NONE, "{}", "flow_run_end"},
};

/* "SCAN " unless it searches, the index of the first step, " and sorts". */
struct plan_text {
	char lead[128];
	int sorts;
};

static void on_line(const char *detail, void *arg)
{
	struct plan_text *t = arg;
	const char *index = strstr(detail, "INDEX ");
	char name[96] = "nothing";

	t->sorts |= strstr(detail, "TEMP B-TREE FOR ORDER BY") != NULL;
	if (t->lead[0] != '\0') {
		return;
	}
	if (index != NULL) {
		(void)sscanf(index, "INDEX %95s", name);
	}
	snprintf(t->lead, sizeof(t->lead), "%s%s",
		 strncmp(detail, "SCAN", 4) == 0 ? "SCAN " : "", name);
}

static int explain(struct db_conn *c, const struct plan_case *p, explain_fn fn,
		   void *arg, struct error *err)
{
	struct http_invalid *v = http_invalid_new();
	struct select sel = {.id = p->stmt,
			     .nargs = (size_t)sql_stmts[p->stmt].params,
			     .order = p->order,
			     .limited = p->order != SQL_FRAG_NONE};
	struct db_pred *pred = NULL;
	char body[512];
	struct buf text;
	json_t *obj;
	int rc;

	snprintf(body, sizeof(body), "%s", p->body);
	for (char *s = body; *s != '\0'; s++) {
		*s = *s == '\'' ? '"' : *s;
	}
	obj = json_loads(body, 0, NULL);
	cr_assert_not_null(obj, "%s", body);
	cr_assert_eq(filter_decode(obj, p->entity, &pred, v), 0, "%s", body);
	sel.pred = pred;
	buf_init(&text);
	select_text(&sel, c->dialect, &text);
	rc = conn_explain(c, text.data, fn, arg, err);
	buf_release(&text);
	pred_free(pred);
	http_invalid_free(v);
	json_decref(obj);
	return rc;
}

static int work_plans(struct db_conn *c, void *arg, struct error *err)
{
	int rc = 0;

	(void)arg;
	for (size_t i = 0; rc == 0 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan_text t = {.lead = ""};

		rc = explain(c, &cases[i], on_line, &t, err);
		if (t.sorts) {
			strcat(t.lead, " and sorts");
		}
		cr_expect_str_eq(t.lead, cases[i].leads, "%s %s",
				 sql_stmts[cases[i].stmt].name, cases[i].body);
	}
	return rc;
}

Test(plans, lists_counts_and_histories_are_led_by_an_index)
{
	cr_assert_eq(db_run(fx.db, DB_READ, work_plans, NULL, &fx.err), 0, "%s",
		     fx.err.msg);
}
