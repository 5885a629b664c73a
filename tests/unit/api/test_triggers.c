/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_triggers.c - the firing scenarios of the contract (events-and-automations 12.2)
 * in virtual time, and what they do not say.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/triggers/match.h"
#include "base/compiler.h"
#include "base/json.h"
#include "tests/unit/api/trigger_run.h"

#define TICK_S 5

static json_t *load(void)
{
	const char *dir = getenv("srcdir");
	char path[512];
	json_error_t e;
	json_t *list;

	(void)snprintf(path, sizeof(path), "%s/tests/data/triggers/firings.json",
		       dir != NULL ? dir : ".");
	list = json_load_file(path, 0, &e);
	cr_assert_not_null(list, "%s: %s", path, e.text);
	return list;
}

static double number(const json_t *v, const char *key)
{
	return json_number_value(json_object_get(v, key));
}

static void apply_op(struct trigger_run *r, const char *op, double at)
{
	if (strcmp(op, "disable") == 0) {
		run_enable(r, 0, at);
	} else if (strcmp(op, "enable") == 0) {
		run_enable(r, 1, at);
	} else if (strcmp(op, "put") == 0) {
		run_put(r, at);
	} else {
		cr_assert_str_eq(op, "restart");
		run_restart(r, at);
	}
}

/* Events and operations at their time, a tick after those of its instant. */
static void play(struct trigger_run *r, const json_t *c)
{
	const json_t *events = json_object_get(c, "events");
	const json_t *ops = json_object_get(c, "ops");
	double end = number(c, "end"), tick = 0;
	size_t e = 0, o = 0;

	for (;;) {
		const json_t *ev = json_array_get(events, e);
		const json_t *op = json_array_get(ops, o);
		double at_e = ev != NULL ? number(ev, "at") : 1e18;
		double at_o = op != NULL ? number(op, "at") : 1e18;

		if (at_o <= at_e && at_o <= tick) {
			apply_op(r, json_string_value(json_object_get(op, "op")), at_o);
			o++;
		} else if (at_e <= tick && at_e <= at_o) {
			run_event(r, ev, at_e);
			e++;
		} else if (tick <= end) {
			(void)run_tick(r, tick);
			tick += TICK_S;
		} else if (ev != NULL && at_e <= end) {
			run_event(r, ev, at_e);
			e++;
		} else {
			return;
		}
	}
}

static int check_one(const char *id, size_t i, const json_t *want, const json_t *got)
{
	const json_t *event = json_object_get(got, "triggering_event");
	const json_t *labels = json_object_get(want, "labels");
	const char *name = json_string_value(json_object_get(want, "event"));
	const char *have = json_string_value(json_object_get(event, "event"));
	int64_t at = 0, occurred = 0, expected;
	json_t *none = json_object();
	int ok = 1;

	(void)json_get_time(got, "triggered", &at, NULL);
	ok &= llabs(at - run_us(number(want, "at"))) < 1000;
	cr_expect(ok, "%s firing %zu: at %f", id, i, (double)(at - RUN_BASE_US) / 1e6);
	if (name == NULL) {
		cr_expect(json_is_null(event), "%s firing %zu: has an event", id, i);
	} else {
		cr_expect(have != NULL && strcmp(have, name) == 0,
			  "%s firing %zu: event %s", id, i, have ? have : "none");
		if (json_object_get(want, "occurred") != NULL) {
			(void)json_get_time(event, "occurred", &occurred, NULL);
			expected = run_us(number(want, "occurred"));
			cr_expect_eq(occurred, expected, "%s firing %zu: of %f", id, i,
				     (double)(occurred - RUN_BASE_US) / 1e6);
		}
	}
	cr_expect(json_equal(labels != NULL ? labels : none,
			     json_object_get(got, "triggering_labels")),
		  "%s firing %zu: labels", id, i);
	json_decref(none);
	return ok;
}

Test(triggers, scenarios_of_the_contract)
{
	json_t *list = load(), *c;
	size_t i, k;

	json_array_foreach (list, i, c) {
		const char *id = json_string_value(json_object_get(c, "id"));
		const json_t *want = json_object_get(c, "firings");
		struct trigger_run r;

		run_open(&r, json_object_get(c, "trigger"));
		play(&r, c);
		cr_expect_eq(json_array_size(r.firings), json_array_size(want),
			     "%s (%s): %zu firings, not %zu", id,
			     json_string_value(json_object_get(c, "point")),
			     json_array_size(r.firings), json_array_size(want));
		for (k = 0; k < json_array_size(want) && k < json_array_size(r.firings);
		     k++) {
			(void)check_one(id, k, json_array_get(want, k),
					json_array_get(r.firings, k));
		}
		run_close(&r);
	}
	cr_expect_eq(json_array_size(list), 105);
	json_decref(list);
}

/* ---- deadlines ---- */

static json_t *event_trigger(const char *rest)
{
	char text[1024];
	json_t *t;

	(void)snprintf(
	    text, sizeof(text),
	    "{\"type\":\"event\",\"id\":\"22222222-2222-4222-8222-"
	    "222222222222\",\"match\":{},\"match_related\":{},\"threshold\":1,"
	    "%s}",
	    rest);
	t = json_loads(text, 0, NULL);
	cr_assert_not_null(t, "%s", text);
	return t;
}

static void send(struct trigger_run *r, const char *name, const char *resource,
		 double at)
{
	json_t *e = json_pack("{s:s, s:{s:s}, s:[]}", "event", name, "resource",
			      "prefect.resource.id", resource, "related");

	run_event(r, e, at);
	json_decref(e);
}

#define STUCK                                                             \
	"\"posture\":\"Proactive\",\"after\":[\"A\"],\"expect\":[\"B\"]," \
	"\"for_each\":[\"prefect.resource.id\"],\"within\":30"

Test(triggers, an_absence_is_due_at_its_very_end)
{
	json_t *t = event_trigger(STUCK);
	struct trigger_run r;
	int64_t next;

	run_open(&r, t);
	(void)run_tick(&r, 0);
	send(&r, "A", "x", 1.25);
	next = run_tick(&r, 2);
	cr_expect_leq(next, run_us(31.25));
	while (next < run_us(31.25)) {
		next = triggers_tick(r.t, next);
	}
	cr_expect_eq(json_array_size(r.firings), 0);
	cr_expect_eq(next, run_us(31.25));
	(void)triggers_tick(r.t, next);
	cr_expect_eq(json_array_size(r.firings), 1);
	run_close(&r);
	json_decref(t);
}

/* Many windows: each is looked at when it ends, and not before. */
Test(triggers, many_buckets_cost_no_more_than_those_that_are_due)
{
	json_t *t = event_trigger(STUCK);
	struct trigger_run r;
	struct triggers_stats stats;
	char id[32];

	run_open(&r, t);
	for (int i = 0; i < 20000; i++) {
		(void)snprintf(id, sizeof(id), "r%d", i);
		send(&r, "A", id, i * 0.001);
	}
	triggers_stats(r.t, &stats);
	cr_expect_eq(stats.buckets, 20000);
	for (int i = 0; i < 20000; i += 2) {
		(void)snprintf(id, sizeof(id), "r%d", i);
		send(&r, "B", id, 25);
	}
	for (int i = 0; i <= 50; i++) {
		(void)run_tick(&r, 30 + i * 0.5);
	}
	cr_expect_eq(json_array_size(r.firings), 10000);
	run_close(&r);
	json_decref(t);
}

/* What ended while the process was away fires; the sweep comes after. */
Test(triggers, an_outage_hides_no_absence)
{
	json_t *t = event_trigger(STUCK);
	struct trigger_run r;

	run_open(&r, t);
	(void)run_tick(&r, 0);
	send(&r, "A", "x", 1);
	run_restart(&r, 500);
	(void)run_tick(&r, 500);
	cr_expect_eq(json_array_size(r.firings), 1);
	cr_expect_eq(json_object_size(r.buckets), 0);
	run_close(&r);
	json_decref(t);
}

/* An automation that wakes itself is held after TRIGGERS_LOOP_MAX firings. */
Test(triggers, a_circle_is_held)
{
	json_t *t = event_trigger("\"posture\":\"Reactive\",\"after\":[],\"expect\":["
				  "\"prefect.automation.*\"],\"for_each\":[],"
				  "\"within\":0");
	struct trigger_run r;

	run_open(&r, t);
	for (int i = 0; i < 3 * TRIGGERS_LOOP_MAX; i++) {
		send(&r, "prefect.automation.triggered",
		     "prefect.automation.11111111-1111-4111-8111-111111111111",
		     i * 0.01);
	}
	cr_expect_eq(json_array_size(r.firings), TRIGGERS_LOOP_MAX);
	cr_expect_eq(r.loops, 1);
	send(&r, "prefect.automation.triggered", "prefect.automation.other", 4);
	cr_expect_eq(json_array_size(r.firings), TRIGGERS_LOOP_MAX + 1);
	run_close(&r);
	json_decref(t);
}

Test(triggers, patterns)
{
	static const struct {
		const char *pattern, *text;
		int hit;
	} rows[] = {
	    {"", "", 1},
	    {"*", "", 1},
	    {"a*c", "abbc", 1},
	    {"a*c", "abbd", 0},
	    {"*.*", "a.b", 1},
	    {"?", "\xc3\xa4", 1},
	    {"[a-c]x", "bx", 1},
	    {"[!a-c]x", "bx", 0},
	    {"[!a]", "b", 1},
	    {"[", "[", 1},
	    {"[]a]", "]", 1},
	    {"a[", "a[", 1},
	    {"!a", "b", 1},
	    {"!a", "a", 0},
	    {"a*b*c", "a1b2b3c", 1},
	    {"**", "x\ny", 1},
	    {"a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cr_expect_eq(match_pattern(rows[i].pattern, rows[i].text), rows[i].hit,
			     "%s %s", rows[i].pattern, rows[i].text);
	}
}
