/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_filters.c - filter bodies: what they match, what they refuse, that every
 * criterion of every entity compiles.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db_priv.h"
#include "api/http/http.h"
#include "api/routes/filters_priv.h"
#include "base/json.h"
#include "tests/unit/api/db_fixture.h"
#include "tests/unit/api/filter_from.h"

static struct db_fixture fx;

static void start(void)
{
	db_fixture_start(&fx, 0);
}

static void stop(void)
{
	db_fixture_stop(&fx);
}

TestSuite(filters, .init = start, .fini = stop);

/* ---- every criterion compiles ---- */

struct compile {
	struct db_conn *c;
	const char *entity_key;
	enum entity entity;
	int count;
	struct error *err;
};

static const char *sample(enum node_type type)
{
	switch (type) {
	case N_UUIDS:
	case N_UUID_TEXTS:
		return "[\"00000000-0000-4000-8000-000000000000\"]";
	case N_TEXTS:
	case N_PREFIXES:
	case N_TAGS_ALL:
	case N_TAGS_ANY:
		return "[\"x\",\"%_\\\\\"]";
	case N_STATES:
		return "[\"RUNNING\"]";
	case N_WORKER_STATES:
		return "[\"ONLINE\"]";
	case N_LIKE:
		return "\"x\"";
	case N_TEXT_QUERY:
		return "\"a +b -c \\\"d e\\\"\"";
	case N_BOOL:
		return "true";
	case N_INT:
	case N_IGNORED:
		return "1";
	case N_TIME:
		return "\"2026-01-01 00:00:00+00:00\"";
	case N_GROUP:
		break;
	}
	return "null";
}

static void ignore_plan(const char *detail, void *arg)
{
	(void)detail;
	(void)arg;
}

static void compile_body(struct compile *k, const char *text)
{
	json_t *body = json_parse(text, strlen(text), 10000, k->err);
	struct http_invalid *v = http_invalid_new();
	struct db_pred *p = NULL;
	struct buf sql;

	cr_assert_not_null(body, "%s: %s", text, k->err->msg);
	buf_init(&sql);
	cr_expect_eq(filter_decode(body, k->entity, &p, v), 0, "%s", text);
	if (p != NULL) {
		filter_from_text(k->entity, p, k->c->dialect, &sql);
		cr_expect_eq(conn_explain(k->c, sql.data, ignore_plan, NULL, k->err), 0,
			     "%s: %s", text, k->err->msg);
	}
	k->count++;
	pred_free(p);
	http_invalid_free(v);
	buf_release(&sql);
	json_decref(body);
}

static void compile_nodes(struct compile *k, const struct filter_node *n,
			  const char *head, const char *tail)
{
	char text[512], head2[256], tail2[32];

	for (; n->name != NULL; n++) {
		if (n->type == N_GROUP) {
			(void)snprintf(head2, sizeof(head2), "%s\"%s\":{", head,
				       n->name);
			(void)snprintf(tail2, sizeof(tail2), "}%s", tail);
			compile_nodes(k, n->members, head2, tail2);
			continue;
		}
		(void)snprintf(text, sizeof(text), "%s\"%s\":%s%s", head, n->name,
			       sample(n->type), tail);
		compile_body(k, text);
		if (n->type == N_BOOL) {
			(void)snprintf(text, sizeof(text), "%s\"%s\":false%s", head,
				       n->name, tail);
			compile_body(k, text);
		}
	}
}

static int work_compile_all(struct db_conn *c, void *arg, struct error *err)
{
	struct compile k = {.c = c, .err = err};
	char head[64];
	int i;

	for (i = 1; i < ENT_MAX; i++) {
		const struct filter_entity *e = filter_entity_runs((enum entity)i);
		const struct filter_relation *rel;

		e = e != NULL ? e : filter_entity_other((enum entity)i);
		if (e == NULL) {
			continue;
		}
		k.entity = (enum entity)i;
		(void)snprintf(head, sizeof(head), "{\"%s\":{", e->key);
		compile_nodes(&k, e->nodes, head, "}}");
		for (rel = e->relations; rel != NULL && rel->key != NULL; rel++) {
			char text[128];

			(void)snprintf(text, sizeof(text), "{\"%s\":{}}", rel->key);
			compile_body(&k, text);
			if (rel->inside != NULL) {
				(void)snprintf(text, sizeof(text), "{\"%s\":{}}",
					       rel->inside->key);
				compile_body(&k, text);
			}
		}
	}
	*(int *)arg = k.count;
	return 0;
}

Test(filters, every_criterion_of_every_entity_compiles)
{
	int count = 0;

	cr_assert_eq(db_run(fx.db, DB_READ, work_compile_all, &count, &fx.err), 0);
	cr_expect_gt(count, 100);
}

/* ---- what they match ---- */

static const char data[] =
    "INSERT INTO flow (id, created, updated, name, tags) VALUES"
    " (x'00000000000040008000000000000001', 1, 1, 'alpha', '[\"a\",\"b\"]'),"
    " (x'00000000000040008000000000000002', 2, 2, 'beta', '[]'),"
    " (x'00000000000040008000000000000003', 3, 3, 'Gamma', '[\"b\"]');"
    "INSERT INTO flow_run (id, created, updated, name, flow_id, state_type, state_name,"
    " start_time, expected_start_time, parent_task_run_id, idempotency_key, tags) "
    "VALUES"
    " (x'00000000000070008000000000000011', 1, 1, 'r1', "
    "x'00000000000040008000000000000001',"
    "  3, 'Running', 2000000, 1000000, NULL, 'k1', '[\"x\"]'),"
    " (x'00000000000070008000000000000012', 1, 1, 'r2', "
    "x'00000000000040008000000000000001',"
    "  4, 'Completed', NULL, 3000000, x'00000000000070008000000000000021', NULL, '[]'),"
    " (x'00000000000070008000000000000013', 1, 1, 'r3', "
    "x'00000000000040008000000000000003',"
    "  1, 'Scheduled', NULL, 5000000, NULL, 'k3', '[\"x\",\"y\"]');"
    "INSERT INTO task_run (id, created, updated, name, flow_run_id, task_key, "
    "dynamic_key)"
    " VALUES"
    " (x'00000000000070008000000000000021', 1, 1, 't1', "
    "x'00000000000070008000000000000011',"
    "  'k', '0'),"
    " (x'00000000000070008000000000000022', 1, 1, 't2', NULL, 'k', '0');";

#define FLOW_RUN_1 "\"00000000-0000-7000-8000-000000000011\""

struct match_case {
	enum entity target;
	const char *body;
	int64_t count;
};

static const struct match_case cases[] = {
    {ENT_FLOW, "{}", 3},
    {ENT_FLOW, "{\"nosuch\": 1, \"flows\": null}", 3},
    {ENT_FLOW, "{\"flows\": {}}", 3},
    {ENT_FLOW, "{\"flows\": {\"name\": {\"any_\": []}}}", 0},
    {ENT_FLOW, "{\"flows\": {\"id\": {\"not_any_\": []}}}", 3},
    {ENT_FLOW, "{\"flows\": {\"name\": {\"any_\": [\"alpha\", \"beta\", \"x\"]}}}", 2},
    {ENT_FLOW, "{\"flows\": {\"name\": {\"like_\": \"AMM\"}}}", 1},
    {ENT_FLOW, "{\"flows\": {\"name\": {\"like_\": \"\"}}}", 3},
    {ENT_FLOW, "{\"flows\": {\"tags\": {\"all_\": [\"a\", \"b\"]}}}", 1},
    {ENT_FLOW, "{\"flows\": {\"tags\": {\"all_\": [\"b\"]}}}", 2},
    {ENT_FLOW, "{\"flows\": {\"tags\": {\"all_\": []}}}", 3},
    {ENT_FLOW, "{\"flows\": {\"tags\": {\"is_null_\": true}}}", 1},
    {ENT_FLOW,
     "{\"flows\": {\"tags\": {\"operator\": \"or_\", \"all_\": [\"a\"],"
     " \"is_null_\": true}}}",
     2},
    {ENT_FLOW,
     "{\"flows\": {\"name\": {\"any_\": [\"alpha\"]}, \"tags\": {\"is_null_\":"
     " true}}}",
     0},
    {ENT_FLOW,
     "{\"flows\": {\"operator\": \"or_\", \"name\": {\"any_\": [\"alpha\"]},"
     " \"tags\": {\"is_null_\": true}}}",
     2},
    {ENT_FLOW,
     "{\"flows\": {\"operator\": \"or_\", \"name\": {}, \"tags\":"
     " {\"is_null_\": true}}}",
     3},
    {ENT_FLOW, "{\"flow_runs\": {}}", 2},
    {ENT_FLOW, "{\"flow_runs\": {\"state\": {\"type\": {\"any_\": [\"SCHEDULED\"]}}}}",
     1},
    {ENT_FLOW, "{\"task_runs\": {}}", 1},
    {ENT_FLOW, "{\"flow_runs\": {\"name\": {\"any_\": [\"r3\"]}}, \"task_runs\": {}}",
     0},
    {ENT_FLOW, "{\"flows\": {\"deployment\": {\"is_null_\": true}}}", 3},
    {ENT_FLOW_RUN, "{\"flows\": {\"name\": {\"any_\": [\"alpha\"]}}}", 2},
    {ENT_FLOW_RUN, "{\"flow_runs\": {\"start_time\": {\"before_\": 3}}}", 2},
    {ENT_FLOW_RUN,
     "{\"flow_runs\": {\"start_time\": {\"after_\": 3, \"is_null_\":"
     " true}}}",
     2},
    {ENT_FLOW_RUN,
     "{\"flow_runs\": {\"parent_flow_run_id\": {\"any_\": [" FLOW_RUN_1 "]}}}", 1},
    {ENT_FLOW_RUN, "{\"flow_runs\": {\"parent_task_run_id\": {\"is_null_\": true}}}",
     2},
    {ENT_FLOW_RUN, "{\"flow_runs\": {\"idempotency_key\": {\"not_any_\": [\"k1\"]}}}",
     1},
    {ENT_FLOW_RUN,
     "{\"flow_runs\": {\"state\": {\"type\": {\"any_\": [\"RUNNING\"],"
     " \"not_any_\": [\"RUNNING\"]}}}}",
     3},
    {ENT_FLOW_RUN,
     "{\"flow_runs\": {\"state\": {\"name\": {\"not_any_\": [\"Running\"]}}}}", 2},
    {ENT_FLOW_RUN, "{\"flow_runs\": {\"tags\": {\"any_\": [\"y\", \"z\"]}}}", 1},
    {ENT_FLOW_RUN, "{\"flow_runs\": {\"tags\": {\"any_\": []}}}", 0},
    {ENT_FLOW_RUN, "{\"work_pool_queues\": {}}", 0},
    {ENT_TASK_RUN, "{}", 2},
    {ENT_TASK_RUN, "{\"task_runs\": {\"flow_run_id\": {}}}", 1},
    {ENT_TASK_RUN, "{\"task_runs\": {\"flow_run_id\": {\"is_null_\": null}}}", 2},
    {ENT_TASK_RUN, "{\"task_runs\": {\"flow_run_id\": {\"is_null_\": true}}}", 1},
    {ENT_TASK_RUN, "{\"task_runs\": {\"flow_run_id\": {\"any_\": [" FLOW_RUN_1 "]}}}",
     1},
    {ENT_TASK_RUN, "{\"task_runs\": {\"subflow_runs\": {\"exists_\": true}}}", 1},
    {ENT_TASK_RUN, "{\"flows\": {\"name\": {\"any_\": [\"alpha\"]}}}", 1},
};

struct match {
	const struct match_case *m;
	int64_t count;
};

static int work_match(struct db_conn *c, void *arg, struct error *err)
{
	struct match *x = arg;
	json_t *body = json_parse(x->m->body, strlen(x->m->body), 10000, err);
	struct http_invalid *v = http_invalid_new();
	struct db_pred *p = NULL;
	struct db_call call = {.id = SQL_FLOW_LIST};
	struct db_rows *rows = NULL;
	struct buf sql;
	int rc;

	buf_init(&sql);
	cr_assert_not_null(body, "%s", x->m->body);
	cr_assert_eq(filter_decode(body, x->m->target, &p, v), 0, "%s", x->m->body);
	filter_from_text(x->m->target, p, c->dialect, &sql);
	call.text = sql.data;
	call.len = sql.len;
	call.args = pred_args(p, &call.nargs);
	rc = rows_start(c, &call, &rows, err);
	while (rc == 0 && db_next(rows, err) == 1) {
		x->count++;
	}
	db_rows_free(rows);
	buf_release(&sql);
	pred_free(p);
	http_invalid_free(v);
	json_decref(body);
	return rc;
}

static int work_data(struct db_conn *c, void *arg, struct error *err)
{
	(void)arg;
	return db_fixture_script(c, data, err);
}

Test(filters, they_match_what_the_grammar_says)
{
	size_t i;

	cr_assert_eq(db_run(fx.db, DB_WRITE, work_data, NULL, &fx.err), 0, "%s",
		     fx.err.msg);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct match x = {.m = &cases[i]};

		cr_assert_eq(db_run(fx.db, DB_READ, work_match, &x, &fx.err), 0,
			     "%s: %s", cases[i].body, fx.err.msg);
		cr_expect_eq(x.count, cases[i].count, "%s: %lld rows", cases[i].body,
			     (long long)x.count);
	}
}

/* ---- what they refuse ---- */

Test(filters, wrong_filters_are_problems)
{
	static const char *const bodies[] = {
	    "{\"flow_runs\": {\"nosuch\": 1}}",
	    "{\"flow_runs\": {\"id\": {\"like_\": \"x\"}}}",
	    "{\"flow_runs\": {\"id\": {\"any_\": [\"x\"]}}}",
	    "{\"flow_runs\": {\"id\": {\"any_\": \"x\"}}}",
	    "{\"flow_runs\": {\"state\": {\"type\": {\"any_\": [\"NOSUCH\"]}}}}",
	    "{\"flow_runs\": {\"start_time\": {\"before_\": \"yesterday\"}}}",
	    "{\"flow_runs\": {\"operator\": \"xor_\"}}",
	    "{\"flow_runs\": {\"id\": {\"operator\": \"or_\"}}}",
	    "{\"flow_runs\": []}",
	    "{\"flow_runs\": {\"id\": 1}}",
	    "{\"flows\": {\"tags\": {\"all_\": [1]}}}",
	};
	size_t i;

	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		json_t *body = json_parse(bodies[i], strlen(bodies[i]), 1000, NULL);
		struct http_invalid *v = http_invalid_new();
		struct db_pred *p = NULL;

		cr_expect_eq(filter_decode(body, ENT_FLOW_RUN, &p, v), -ERR_INVALID,
			     "%s", bodies[i]);
		cr_expect_eq(http_invalid_count(v), 1, "%s", bodies[i]);
		cr_expect_null(p);
		http_invalid_free(v);
		json_decref(body);
	}
}
