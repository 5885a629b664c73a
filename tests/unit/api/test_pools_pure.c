/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pools_pure.c - the pure parts of pools, deployments and services: priorities,
 * ranking of due runs, templates, hydration, how far schedules reach, lost owners.
 */
#include <criterion/criterion.h>

#include <string.h>

#include <jansson.h>

#include "api/routes/changes.h"
#include "api/routes/deployments/hydrate.h"
#include "api/routes/pools/due_runs.h"
#include "api/routes/pools/pool_template.h"
#include "api/routes/pools/queue_store.h"
#include "api/services/reconciler.h"
#include "api/services/schedule_plan.h"
#include "base/error.h"
#include "base/timefmt.h"

#define NOW  INT64_C(1800000000000000)
#define S    INT64_C(1000000)
#define HOUR (3600 * S)

/* Single quotes for double ones. */
static json_t *parse(const char *text)
{
	char buf[1024];
	size_t n = 0;

	for (; *text != '\0' && n < sizeof(buf) - 1; text++) {
		buf[n++] = *text == '\'' ? '"' : *text;
	}
	buf[n] = '\0';
	return json_loads(buf, JSON_DECODE_ANY, NULL);
}

/* ---- priorities ---- */

static const struct {
	int64_t before[5], wanted,
	    after[6]; /* ended by 0; the new queue is where `at` says */
	size_t at;
} ranks[] = {
    {{0}, 1, {1}, 0},
    {{1}, 1, {1, 2}, 0},
    {{1, 2, 3}, 2, {1, 2, 3, 4}, 1},
    {{1, 5, 9}, 5, {1, 5, 6, 9}, 1},
    {{1, 2, 7}, 2, {1, 2, 3, 7}, 1},
    {{1, 2}, 9, {1, 2, 9}, 2},
    {{2, 2}, 1, {1, 2, 3}, 0},
};

Test(queues, a_placed_queue_moves_only_what_collides)
{
	struct uuid id = {{0xff}};

	for (size_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++) {
		struct queue_rank r[6] = {0};
		size_t n = 0;

		for (; ranks[i].before[n] != 0; n++) {
			r[n].priority = ranks[i].before[n];
			r[n].id.b[0] = (uint8_t)(n + 1);
		}
		queue_ranks_insert(r, n, &id, ranks[i].wanted);
		for (size_t k = 0; k <= n; k++) {
			cr_expect_eq(r[k].priority, ranks[i].after[k],
				     "case %zu place %zu", i, k);
			cr_expect_eq(uuid_equal(&r[k].id, &id), k == ranks[i].at);
		}
	}
}

Test(queues, the_lowest_free_priority)
{
	struct queue_rank r[3] = {{.priority = 1}, {.priority = 2}, {.priority = 4}};

	cr_expect_eq(queue_rank_free(r, 0), 1);
	cr_expect_eq(queue_rank_free(r, 3), 3);
	cr_expect_eq(queue_rank_free(r, 2), 3);
	r[0].priority = 2;
	cr_expect_eq(queue_rank_free(r, 1), 1);
}

Test(queues, status_follows_pause_and_polls)
{
	struct work_queue q = {.last_polled_us = TIME_NONE};

	cr_expect_eq(queue_status_at(&q, NOW), QUEUE_NOT_READY);
	q.last_polled_us = NOW - 59 * S;
	cr_expect_eq(queue_status_at(&q, NOW), QUEUE_READY);
	q.last_polled_us = NOW - 61 * S;
	cr_expect_eq(queue_status_at(&q, NOW), QUEUE_NOT_READY);
	q.last_polled_us = NOW;
	q.is_paused = 1;
	cr_expect_eq(queue_status_at(&q, NOW), QUEUE_PAUSED);
}

/* ---- due runs ---- */

Test(due_runs, priority_then_time_then_arrival)
{
	static const struct due_run in[] = {
	    {.priority = 2, .due_us = 1, .id = {{1}}},
	    {.priority = 1, .due_us = 9, .id = {{2}}},
	    {.priority = 1, .due_us = 5, .id = {{3}}},
	    {.priority = 1, .due_us = 9, .id = {{4}}},
	};
	static const uint8_t want[] = {3, 2, 4};
	struct due_list l = {0};

	for (size_t i = 0; i < 4; i++) {
		due_add(&l, &in[i]);
	}
	due_rank(&l, 3);
	cr_assert_eq(l.count, 3);
	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(l.runs[i].id.b[0], want[i]);
	}
	due_release(&l);
}

Test(due_runs, rooms)
{
	cr_expect_eq(due_room(-1, 50, 200), 200);
	cr_expect_eq(due_room(10, 4, 200), 6);
	cr_expect_eq(due_room(10, 4, 2), 2);
	cr_expect_eq(due_room(3, 7, 200), 0);
	cr_expect_eq(due_room(0, 0, 200), 0);
}

/* ---- templates ---- */

static const struct {
	const char *base, *says; /* NULL: fine */
} templates[] = {
    {"{}", NULL},
    {"{'job_configuration':{}}", "must contain both"},
    {"{'job_configuration':{'a':'{{ x }}','b':'{{ y }} {{ z }}'},"
     "'variables':{'properties':{'y':{}}}}",
     "undeclared variable(s): x ,z."},
    {"{'job_configuration':{'a':['{{x}}',{'k':'{{ x }}!'}]},"
     "'variables':{'properties':{'x':{}}}}",
     NULL},
    {"{'job_configuration':{'a':'{{ prefect.blocks.secret.s }} {{ $HOME }}'},"
     "'variables':{}}",
     NULL},
    {"{'job_configuration':{'a':'{{ x'},'variables':{}}", NULL},
};

Test(templates, form)
{
	for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {
		json_t *base = parse(templates[i].base);
		struct error err = {0};
		int rc = template_check(base, &err);

		cr_assert_not_null(base);
		cr_expect_eq(rc < 0, templates[i].says != NULL, "case %zu: %s", i,
			     err.msg);
		if (templates[i].says != NULL) {
			cr_expect_not_null(strstr(err.msg, templates[i].says), "%s",
					   err.msg);
		}
		json_decref(base);
	}
}

Test(templates, variables_are_checked_as_a_whole)
{
	json_t *base =
	    parse("{'job_configuration':{},'variables':{'type':'object','properties':"
		  "{'n':{'type':'integer','default':1},'m':{'type':'integer'}},"
		  "'required':['m']}}");
	json_t *good = parse("{'m':2}"), *bad = parse("{'n':'x'}");
	const json_t *none[2] = {NULL, NULL};
	const json_t *with_good[2] = {NULL, good};
	const json_t *with_bad[2] = {bad, good};
	struct error err = {0};

	cr_expect_eq(template_check_variables(base, none, 2, 0, &err), 0);
	cr_expect_eq(template_check_variables(base, none, 2, 1, &err), -ERR_INVALID);
	cr_expect_not_null(strstr(err.msg, "'m' is a required property"));
	cr_expect_eq(template_check_variables(base, with_good, 2, 1, &err), 0);
	cr_expect_eq(template_check_variables(base, with_bad, 2, 1, &err),
		     -ERR_INVALID);
	json_decref(base);
	json_decref(good);
	json_decref(bad);
}

/* ---- hydration ---- */

static json_t *variable(const char *name, void *arg)
{
	(void)arg;
	return strcmp(name, "v") == 0 ? json_pack("{s:i}", "a", 1) : NULL;
}

static const struct {
	const char *in, *out, *error;
} hydrations[] = {
    {"{'x':{'__prefect_kind':'json','value':'[1, 2]'}}", "{'x':[1,2]}", NULL},
    {"{'x':{'__prefect_kind':'json','value':'{'}}", NULL, "Invalid JSON"},
    {"{'x':{'__prefect_kind':'json'}}", "{}", NULL},
    {"[{'__prefect_kind':'json'}, 1]", "[1]", NULL},
    {"{'x':{'__prefect_kind':'workspace_variable','variable_name':'v'}}",
     "{'x':{'a':1}}", NULL},
    {"{'x':{'__prefect_kind':'workspace_variable','variable_name':'w'}}", NULL,
     "Variable 'w' not found in workspace."},
    {"{'x':{'__prefect_kind':'workspace_variable'}}", "{}", NULL},
    {"{'x':{'__prefect_kind':'none','value':{'y':{'__prefect_kind':'json','value':'5'}}"
     "}}",
     "{'x':{'y':5}}", NULL},
    {"{'x':{'__prefect_kind':'none'}}", NULL,
     "Missing 'value' key in __prefect object"},
    {"{'x':{'__prefect_kind':'jinja','template':'a{{ 5 }}b'}}", "{'x':'a5b'}", NULL},
    {"{'x':{'__prefect_kind':'jinja','template':'{{ '}}", NULL,
     "Invalid jinja: unexpected 'end of template'"},
    {"{'x':{'__prefect_kind':'jinja'}}", NULL, "Missing 'template' key"},
    {"{'x':{'__prefect_kind':'json','value':{'__prefect_kind':'jinja','template':'{{ 5 "
     "}}'}}}",
     "{'x':5}", NULL},
    {"{'x':{'__prefect_kind':'other','value':3}}", "{'x':3}", NULL},
    {"{'x':[{'a':1}]}", "{'x':[{'a':1}]}", NULL},
};

Test(hydrate, kinds)
{
	for (size_t i = 0; i < sizeof(hydrations) / sizeof(hydrations[0]); i++) {
		json_t *in = parse(hydrations[i].in), *want = NULL, *out = NULL;
		struct error err = {0};
		int rc = hydrate_with(in, variable, NULL, &out, &err);

		cr_assert_not_null(in);
		if (hydrations[i].error != NULL) {
			cr_expect_eq(rc, -ERR_INVALID, "case %zu", i);
			cr_expect_not_null(strstr(err.msg, hydrations[i].error), "%s",
					   err.msg);
		} else {
			want = parse(hydrations[i].out);
			cr_expect_eq(rc, 0, "case %zu: %s", i, err.msg);
			cr_expect(json_equal(want, out), "case %zu", i);
		}
		json_decref(in);
		json_decref(want);
		json_decref(out);
	}
}

/* ---- changes ---- */

Test(changes, only_what_differs)
{
	struct changes c;
	json_t *p;

	changes_init(&c);
	changes_text(&c, "a", NULL, NULL);
	changes_int(&c, "b", -1, -1);
	changes_json_text(&c, "c", "{\"x\":1}", "{\"x\": 1}");
	cr_expect_not(changes_any(&c));
	changes_json_text(&c, "tags", "[]", "[\"t\"]");
	cr_expect(changes_any(&c));
	p = changes_payload(&c);
	cr_expect_str_eq(
	    json_string_value(json_array_get(json_object_get(p, "updated_fields"), 0)),
	    "tags");
	json_decref(p);
	changes_release(&c);
}

/* ---- schedules ---- */

static const struct {
	const char *name;
	int64_t first, step; /* from NOW */
	size_t count, take;
	int64_t check;
} plans[] = {
    {"daily", 5 * HOUR, 24 * HOUR, 100, 3, 5 * HOUR},
    {"hourly", HOUR / 2, HOUR, 100, 3, HOUR / 2},
    {"quarter of an hour", HOUR / 4, HOUR / 4, 100, 4, HOUR / 4},
    {"each second", S, S, 100, 100, 50 * S},
    {"each minute", 60 * S, 60 * S, 100, 60, 60 * S},
    {"exhausted", HOUR, HOUR, 2, 2, HOUR},
    {"nothing left", 0, 0, 0, 0, HOUR},
    {"each month, a hundred days at most", 30 * 24 * HOUR, 30 * 24 * HOUR, 100, 3,
     30 * 24 * HOUR},
    {"each year", 200 * 24 * HOUR, 365 * 24 * HOUR, 100, 0, HOUR},
};

Test(schedule_plan, how_far_ahead)
{
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		int64_t dates[100];
		struct schedule_plan p;

		for (size_t k = 0; k < plans[i].count; k++) {
			dates[k] = NOW + plans[i].first + (int64_t)k * plans[i].step;
		}
		schedule_plan(NOW, dates, plans[i].count, &p);
		cr_expect_eq(p.take, plans[i].take, "%s: takes %zu", plans[i].name,
			     p.take);
		cr_expect_eq(p.check_us - NOW, plans[i].check, "%s: looks after %lld s",
			     plans[i].name, (long long)((p.check_us - NOW) / S));
		cr_expect_gt(p.check_us, NOW);
	}
}

Test(schedule_plan, the_nominal_time_as_text)
{
	char buf[48];

	cr_expect_str_eq(schedule_key_time(NOW, buf, sizeof(buf)),
			 "2027-01-15 08:00:00+00:00");
	cr_expect_str_eq(schedule_key_time(NOW + 451441, buf, sizeof(buf)),
			 "2027-01-15 08:00:00.451441+00:00");
}

/* ---- lost owners ---- */

static const struct {
	const char *name, *redis;
	int64_t state_age_s, expired_s; /* expired_s < 0: the lease still runs */
	enum owned_verdict verdict;
	int pending;
} owners[] = {
    {"leased", "leased", 600, -10, OWNED_ALIVE, 0},
    {"expired just now", "leased", 600, 30, OWNED_ALIVE, 0},
    {"expired long ago", "leased", 600, 61, OWNED_LOST, 0},
    {"reaped, nobody told us", "lost", 600, 120, OWNED_LOST, 0},
    {"unknown, young", NULL, 30, 0, OWNED_RESTORE, 0},
    {"unknown, old", "", 600, 0, OWNED_RESTORE, 0},
    {"given back", "ready", 600, 0, OWNED_WAIT, 0},
    {"given back just now, Pending", "ready", 30, 0, OWNED_WAIT, 1},
    {"given back, and Pending for long", "ready", 61, 0, OWNED_RETURNED, 1},
    {"settled, but not here yet", "done", 30, 0, OWNED_WAIT, 0},
    {"settled, but not here", "done", 61, 0, OWNED_LOST, 0},
};

Test(reconciler, owners)
{
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		struct owned_facts f = {
		    .now_us = NOW,
		    .state_at_us = NOW - owners[i].state_age_s * S,
		    .redis_state = owners[i].redis,
		    .pending = owners[i].pending,
		    .expires_ms = owners[i].expired_s != 0
				      ? (NOW - owners[i].expired_s * S) / 1000
				      : 0,
		};

		cr_expect_eq(owned_decide(&f), owners[i].verdict, "%s", owners[i].name);
	}
}
