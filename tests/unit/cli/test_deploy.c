/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_deploy.c - schedules, triggers and templates of a project file.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/deploy/body.h"
#include "cli/deploy/template.h"

/* JSON with ' for ". */
static json_t *parse(const char *text)
{
	char *s = strdup(text);
	json_t *v;

	for (char *p = s; *p != '\0'; p++) {
		*p = *p == '\'' ? '"' : *p;
	}
	v = json_loads(s, JSON_DECODE_ANY, NULL);
	cr_assert_not_null(v, "%s", s);
	free(s);
	return v;
}

static void same(const json_t *got, const char *want, const char *what)
{
	json_t *w = parse(want);
	char *text = json_dumps(got, JSON_SORT_KEYS | JSON_ENCODE_ANY);

	cr_expect(json_equal(got, w), "%s: %s instead of %s", what, text, want);
	free(text);
	json_decref(w);
}

static const struct {
	const char *entry, *want;
} schedules[] = {
    {"{'cron': '0 3 * * *'}", "{'schedule': {'cron': '0 3 * * *'}, 'active': true}"},
    {"{'cron': '0 3 * * *', 'timezone': 'Europe/Berlin', 'day_or': false, 'active': "
     "false}",
     "{'schedule': {'cron': '0 3 * * *', 'timezone': 'Europe/Berlin', 'day_or': "
     "false}, 'active': false}"},
    {"{'interval': 60}", "{'schedule': {'interval': 60.0}, 'active': true}"},
    {"{'interval': 0.5}", "{'schedule': {'interval': 0.5}, 'active': true}"},
    {"{'interval': '01:30:00'}", "{'schedule': {'interval': 5400.0}, 'active': true}"},
    {"{'interval': 'PT1H30M'}", "{'schedule': {'interval': 5400.0}, 'active': true}"},
    {"{'interval': 'P1DT1S'}", "{'schedule': {'interval': 86401.0}, 'active': true}"},
    {"{'interval': 'P1W'}", "{'schedule': {'interval': 604800.0}, 'active': true}"},
    {"{'interval': 60, 'anchor_date': '2026-01-01', 'timezone': null}",
     "{'schedule': {'interval': 60.0, 'anchor_date': '2026-01-01'}, 'active': true}"},
    {"{'rrule': 'FREQ=DAILY', 'slug': 's', 'parameters': {'a': 1}, "
     "'max_scheduled_runs': 3}",
     "{'schedule': {'rrule': 'FREQ=DAILY'}, 'active': true, 'slug': 's', "
     "'parameters': {'a': 1}, 'max_scheduled_runs': 3}"},
};

Test(deploy, schedules_become_those_of_the_api)
{
	for (size_t i = 0; i < sizeof(schedules) / sizeof(schedules[0]); i++) {
		json_t *entry = parse(schedules[i].entry), *got = NULL;
		struct error err = {0};

		cr_assert_eq(body_schedule(entry, &got, &err), 0, "%s: %s",
			     schedules[i].entry, err.msg);
		same(got, schedules[i].want, schedules[i].entry);
		json_decref(got);
		json_decref(entry);
	}
}

static const struct {
	const char *entry, *message;
} bad_schedules[] = {
    {"[]", "a schedule is a mapping"},
    {"{}", "exactly one of cron, interval and rrule is needed"},
    {"{'cron': 'x', 'interval': 1}",
     "exactly one of cron, interval and rrule is needed"},
    {"{'corn': '* * * * *'}", "unknown key 'corn'; did you mean 'cron'?"},
    {"{'cron': '* * * * *', 'somethingelse': 1}", "unknown key 'somethingelse'"},
    {"{'interval': 0}", "interval is a number of seconds"},
    {"{'interval': -5}", "interval is a number of seconds"},
    {"{'interval': '00:00:00'}", "interval must be positive"},
    {"{'interval': 'PT'}", "interval is a number of seconds"},
    {"{'interval': 'P1X'}", "interval is a number of seconds"},
    {"{'interval': 'hourly'}", "interval is a number of seconds"},
};

Test(deploy, bad_schedules_are_named)
{
	for (size_t i = 0; i < sizeof(bad_schedules) / sizeof(bad_schedules[0]); i++) {
		json_t *entry = parse(bad_schedules[i].entry), *got = NULL;
		struct error err = {0};

		cr_expect_eq(body_schedule(entry, &got, &err), -ERR_INVALID, "%s",
			     bad_schedules[i].entry);
		cr_expect_eq(strncmp(err.msg, bad_schedules[i].message,
				     strlen(bad_schedules[i].message)),
			     0, "%s: %s", bad_schedules[i].entry, err.msg);
		json_decref(entry);
	}
}

static const struct {
	const char *trigger, *title, *want;
	int enabled;
} triggers[] = {
    {"{'expect': ['a']}", "d__automation_1",
     "{'expect': ['a'], 'type': 'event', 'posture': 'Reactive'}", 1},
    {"{'name': 'mine', 'enabled': false, 'posture': 'Proactive', 'within': 5}", "mine",
     "{'posture': 'Proactive', 'within': 5, 'type': 'event'}", 0},
    {"{'require': 'all', 'triggers': []}", "d__automation_1",
     "{'require': 'all', 'triggers': [], 'type': 'compound', 'within': null}", 1},
    {"{'triggers': []}", "d__automation_1",
     "{'triggers': [], 'type': 'sequence', 'within': null}", 1},
    {"{'type': 'metric', 'parameters': {'a': 1}}", "d__automation_1",
     "{'type': 'metric'}", 1},
};

Test(deploy, triggers_become_automations)
{
	for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++) {
		json_t *t = parse(triggers[i].trigger);
		json_t *a =
		    body_automation(t, "d", 0, "id-1", "prefect.deployment.id-1");
		const json_t *action = json_array_get(json_object_get(a, "actions"), 0);

		same(json_object_get(a, "trigger"), triggers[i].want,
		     triggers[i].trigger);
		cr_expect_str_eq(json_string_value(json_object_get(a, "name")),
				 triggers[i].title);
		cr_expect_eq(json_is_true(json_object_get(a, "enabled")),
			     triggers[i].enabled);
		cr_expect_str_eq(
		    json_string_value(json_object_get(a, "owner_resource")),
		    "prefect.deployment.id-1");
		cr_expect_str_eq(json_string_value(json_object_get(action, "type")),
				 "run-deployment");
		cr_expect_str_eq(
		    json_string_value(json_object_get(action, "deployment_id")),
		    "id-1");
		cr_expect_eq(json_object_get(action, "parameters") != NULL,
			     json_object_get(t, "parameters") != NULL);
		json_decref(a);
		json_decref(t);
	}
}

static const struct {
	const char *in, *want;
} fills[] = {
    {"'plain'", "'plain'"},
    {"3", "3"},
    {"null", "null"},
    {"'{{ $WF_TEST_FILL }}'", "'value'"},
    {"'a {{$WF_TEST_FILL}} b {{ $WF_TEST_FILL }}'", "'a value b value'"},
    {"'{{ $WF_TEST_UNSET }}/x'", "'{{ $WF_TEST_UNSET }}/x'"},
    {"'{{ prefect.blocks.secret.x }}'", "'{{ prefect.blocks.secret.x }}'"},
    {"'{{ build.image }} {{ open'", "'{{ build.image }} {{ open'"},
    {"{'a': ['{{ $WF_TEST_FILL }}', {'b': 'x{{ $WF_TEST_FILL }}'}], 'c': true}",
     "{'a': ['value', {'b': 'xvalue'}], 'c': true}"},
    {"''", "''"},
};

Test(deploy, environment_is_filled_in_and_the_rest_stays)
{
	struct cli cli = {.program = "wf"};

	setenv("WF_TEST_FILL", "value", 1);
	unsetenv("WF_TEST_UNSET");
	for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
		json_t *v = parse(fills[i].in), *got = NULL;

		cr_assert_eq(template_fill(&cli, v, &got, NULL), 0, "%s", fills[i].in);
		same(got, fills[i].want, fills[i].in);
		json_decref(got);
		json_decref(v);
	}
}
