/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_template.c - templates against what Jinja2 makes of them (tests/data/templates),
 * the objects of the contract, limits.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/template.h"

#define NOW_US 1767225600000000LL

/* Owned, or NULL when parsing or rendering fails. */
static char *render(const char *text, const struct template_var *vars,
		    struct error *err)
{
	const struct template_context ctx = {
	    .vars = vars, .ui_base = "http://ui", .now_us = NOW_US};
	struct template *t = NULL;
	struct buf b;
	int rc = template_parse(text, &t, NULL, err);

	buf_init(&b);
	rc = rc < 0 ? rc : template_render(t, &ctx, &b, err);
	template_free(t);
	if (rc < 0) {
		buf_release(&b);
		return NULL;
	}
	return buf_take(&b, NULL);
}

Test(template, as_jinja_renders_them)
{
	const char *dir = getenv("srcdir"), *name;
	struct template_var vars[64] = {{0}};
	json_t *file, *c, *v;
	char path[512];
	size_t i, n = 0, wrong = 0;

	(void)snprintf(path, sizeof(path), "%s/tests/data/templates/cases.json",
		       dir != NULL ? dir : ".");
	file = json_load_file(path, 0, NULL);
	cr_assert_not_null(file, "%s", path);
	json_object_foreach (json_object_get(file, "context"), name, v) {
		vars[n++] = (struct template_var){.name = name, .json = v};
	}
	json_array_foreach (json_object_get(file, "cases"), i, c) {
		const char *text = json_string_value(json_array_get(c, 0));
		const char *want = json_string_value(json_array_get(c, 1));
		struct error err = {0};
		char *got = render(text, vars, &err);
		int same =
		    want == NULL ? got == NULL : got != NULL && strcmp(got, want) == 0;

		wrong += !same;
		cr_expect(same, "%s\n  want %s\n  got  %s %s", text,
			  want != NULL ? want : "(failure)",
			  got != NULL ? got : "(failure)", err.msg);
		free(got);
	}
	cr_expect_geq(i, 1000);
	cr_expect_eq(wrong, 0, "%zu of %zu differ", wrong, i);
	json_decref(file);
}

/* ---- the objects of the contract (events-and-automations 12.3) ---- */

#define EVENT                                                                          \
	"{\"event\":\"animal.walked\",\"id\":\"a\",\"occurred\":\"2026-01-01T00:00:"   \
	"00Z\",\"follows\":null,\"resource\":{\"prefect.resource.id\":\"prefect.flow-" \
	"run.123\",\"prefect.resource.name\":\"nm\",\"genus\":\"G\"},\"related\":[{"   \
	"\"prefect.resource.id\":\"prefect.flow.1\",\"prefect.resource.role\":"        \
	"\"flow\",\"prefect.resource.name\":\"fl\"},{\"prefect.resource.id\":"         \
	"\"prefect.tag.a\",\"prefect.resource.role\":\"tag\"},{\"prefect.resource."    \
	"id\":\"prefect.tag.b\",\"prefect.resource.role\":\"tag\"}],\"payload\":{"     \
	"\"s\":\"x<y\",\"n\":5,\"l\":[1,\"a\"],\"items\":3}}"
#define RUN                                                                          \
	"{\"id\":\"5\",\"name\":\"r\",\"tags\":[\"a\"],\"created\":\"2026-01-02T03:" \
	"04:05.000678Z\",\"state\":{\"type\":\"RUNNING\",\"name\":\"Running\","      \
	"\"timestamp\":\"2026-01-01T00:00:00Z\"}}"

Test(template, objects_of_the_contract)
{
	static const struct {
		const char *text, *want; /* NULL: an error */
	} rows[] = {
	    {"{{ event.resource.id }} {{ event.resource.name }} {{ "
	     "event.resource.genus }}",
	     "prefect.flow-run.123 nm G"},
	    {"{% for l, v in event.resource.labels %}{{ l }}={{ v }};{% endfor %}",
	     "prefect.resource.id=prefect.flow-run.123;prefect.resource.name=nm;genus="
	     "G;"},
	    {"{% for l, v in event.resource %}{{ l }}={{ v }};{% endfor %}",
	     "prefect.resource.id=prefect.flow-run.123;prefect.resource.name=nm;genus="
	     "G;"},
	    {"{{ event.resource_in_role['flow'].name }}-{% for r in "
	     "event.resources_in_role['tag'] %}{{ r.id }};{% endfor %}",
	     "fl-prefect.tag.a;prefect.tag.b;"},
	    {"{{ event.resource.labels.nope.nope }}|{{ event.payload.zz.yy }}|{{ "
	     "event.payload.zz|default('d') }}",
	     "||d"},
	    {"{{ event.payload | tojson }}",
	     "{\"items\": 3, \"l\": [1, \"a\"], \"n\": 5, \"s\": \"x\\u003cy\"}"},
	    {"{{ event.payload.l }} {{ event.payload.s }} {{ event.payload['items'] }}",
	     "[1, 'a'] x<y 3"},
	    {"{{ event.follows }} {{ event.occurred }} {{ event.occurred.isoformat() "
	     "}}",
	     "None 2026-01-01 00:00:00+00:00 2026-01-01T00:00:00+00:00"},
	    {"{{ event.payload.n + 1 }} {{ event.payload.n ~ 1 }} {{ event.payload.n / "
	     "2 }} {{ 7 // 2 }} {{ -7 % 3 }} {{ 2 ** 10 }}",
	     "6 51 2.5 3 2 1024"},
	    {"{{ true }} {{ none }} {{ 1.0 }} {{ 1e16 }} {{ (1,) }} {{ [\"it's\"] }}",
	     "True None 1.0 1e+16 (1,) [\"it's\"]"},
	    {"{% for i in range(3) -%}\n {{ i }},\n{%- endfor %}", "0,1,2,"},
	    {"a\n{%- if true %} b {% endif -%}\nc", "a b c"},
	    {"{{ labels.prefect.resource.id }} {{ labels['prefect.resource.id'] }}",
	     "Q Q"},
	    {"{{ x() }}", NULL},
	    {"{{ event.payload.zz | tojson }}", NULL},
	    {"{{ event.related.append(1) }}", NULL},
	    {"{{ \"abc\".__class__ }}{{ event.__class__ }}", ""},
	    {"{{ \"{0.__class__}\".format(1) }}", ""},
	    {"{% for i in range(101) %}{% endfor %}", NULL},
	    {"{% extends 'a' %}", NULL},
	    {"{{ flow_run.name }} {{ flow_run.state.name }} {{ flow_run.state.type }} "
	     "{{ flow_run.state.type.value }} {{ flow_run.created }} {{ flow_run.tags "
	     "}}",
	     "r Running StateType.RUNNING RUNNING 2026-01-02 03:04:05.000678+00:00 "
	     "['a']"},
	    {"{{ flow_run|ui_url }} {{ flow_run|ui_resource_events_url }} {{ "
	     "event.resource|ui_url }} {{ event|ui_url }} {{ x|ui_url }}",
	     "http://ui/runs/flow-run/5 http://ui/events?resource=prefect.flow-run.5 "
	     "http://ui/runs/flow-run/123 http://ui/events/event/2026-01-01/a None"},
	    {"{{ headers['content-TYPE'] }} {{ headers.Host }}", "a/b h"},
	    {"{{ event.occurred | humanize_naturaltime }} {{ 1234567 | "
	     "humanize_intcomma }} {{ 3 | humanize_ordinal }}",
	     "now 1,234,567 3rd"},
	};
	json_t *event = json_loads(EVENT, 0, NULL), *run = json_loads(RUN, 0, NULL);
	json_t *labels = json_pack("{s:s}", "prefect.resource.id", "Q");
	json_t *headers = json_pack("{s:s, s:s}", "Content-Type", "a/b", "host", "h");
	const struct template_var vars[] = {
	    {.name = "event", .kind = TEMPLATE_EVENT, .json = event},
	    {.name = "labels", .kind = TEMPLATE_LABELS, .json = labels},
	    {.name = "headers", .kind = TEMPLATE_HEADERS, .json = headers},
	    {.name = "flow_run",
	     .kind = TEMPLATE_MODEL,
	     .model = "flow-run",
	     .json = run},
	    {0},
	};

	cr_assert(event != NULL && run != NULL);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = {0};
		char *got = render(rows[i].text, vars, &err);

		if (rows[i].want == NULL) {
			cr_expect_null(got, "%s: %s", rows[i].text, got);
		} else {
			cr_expect(got != NULL && strcmp(got, rows[i].want) == 0,
				  "%s\n  want %s\n  got  %s %s", rows[i].text,
				  rows[i].want, got != NULL ? got : "(failure)",
				  err.msg);
		}
		free(got);
	}
	json_decref(event);
	json_decref(run);
	json_decref(labels);
	json_decref(headers);
}

Test(template, values_keep_their_type)
{
	json_t *event = json_loads(EVENT, 0, NULL), *v = NULL;
	const struct template_var vars[] = {
	    {.name = "event", .kind = TEMPLATE_EVENT, .json = event}, {0}};
	const struct template_context ctx = {.vars = vars};
	struct template *t = NULL;

	cr_assert_eq(template_parse("{{ event.payload.l }}", &t, NULL, NULL), 0);
	cr_assert(template_is_expression(t));
	cr_assert_eq(template_value(t, &ctx, &v, NULL), 0);
	cr_expect_eq(json_array_size(v), 2);
	json_decref(v);
	template_free(t);
	cr_assert_eq(template_parse("{{ event }}", &t, NULL, NULL), 0);
	cr_assert_eq(template_value(t, &ctx, &v, NULL), 0);
	cr_expect(json_equal(v, event));
	json_decref(v);
	template_free(t);
	json_decref(event);
}

static void expect_rows(const char *const (*rows)[2], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct error err = {0};
		char *got = render(rows[i][0], NULL, &err);

		cr_expect(got != NULL && strcmp(got, rows[i][1]) == 0,
			  "%s\n  want %s\n  got  %s %s", rows[i][0], rows[i][1],
			  got != NULL ? got : "(failure)", err.msg);
		free(got);
	}
}

/* What is taken out of a longer text has its own end. */
Test(template, a_character_of_a_text_ends_behind_itself)
{
	static const char *const rows[][2] = {
	    {"{{ '12'|list|map('int')|list }} {{ '12'[0]|int }} {{ '123'[0:2]|int }}",
	     "[1, 2] 1 12"},
	    {"{{ '1.5'|map('float')|list }}", "[1.0, 0.0, 5.0]"},
	    {"{% for c in 'na' %}{{ [{'n':1,'a':2}]|map(attribute=c)|list }}{% "
	     "endfor %}",
	     "[1][2]"},
	    {"{{ [{'n':2},{'n':1}]|sort(attribute='na'[0])|join(',') }}",
	     "{'n': 1},{'n': 2}"},
	    {"{{ 'aXbYa'|trim('ab'[0]) }} {{ 'abcdefgh'|truncate(5, true, '-+'[0], 0) "
	     "}}",
	     "XbY abcd-"},
	    {"{{ 'grün'|list|join('ü,'[0]) }}", "gürüüün"},
	};

	expect_rows(rows, ARRAY_LEN(rows));
}

/* Numbers that no integer holds, and less than nothing where a size is meant. */
Test(template, numbers_outside_of_the_integers)
{
	static const char *const rows[][2] = {
	    {"{{ 'nan'|float|int }} {{ '1e18'|int }}", "0 1000000000000000000"},
	    {"{{ 'a\nb'|indent(-3) }} {{ 'a'.ljust(-5) }} {{ 'abc'|center(-4) }}",
	     "a\nb a abc"},
	    {"{{ 1e300|int > 0 }} {{ '1e300'|int > 0 }} {{ '-1e300'|int < 0 }}",
	     "True True True"},
	    {"{{ (-1e300)|filesizeformat|length }} {{ (-0.5)|filesizeformat }}",
	     "308 0 Bytes"},
	    {"{{ (-9223372036854775807 - 1)|abs > 0 }} {{ 1.5|round(-400) }} {{ "
	     "3|round(-400) }} {{ 9007199254740993|round }}",
	     "True 0.0 0 9007199254740993"},
	    {"{{ (-9223372036854775807 - 1)|humanize_ordinal }}",
	     "-9223372036854775808th"},
	    {"{{ 'ab'|truncate(9223372036854775807) }}", "ab"},
	    {"{{ (-1e300)|humanize_naturaldelta|length > 9 }}", "True"},
	    {"{{ (-1e300)|humanize_precisedelta|length > 9 }}", "True"},
	};

	expect_rows(rows, ARRAY_LEN(rows));
}

Test(template, every_limit_ends_a_rendering)
{
	static const char *const texts[] = {
	    "{% for i in range(100) %}{% for j in range(100) %}{% for k in range(100) "
	    "%}{{ 'x' * 1000 }}{% endfor %}{% endfor %}{% endfor %}",
	    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
	    "{{ 'x' * 1000000000 }}",
	    "{{ [1] * 100000000 }}",
	    "{{ 9 ** 9 ** 9 ** 9 }}",
	    "{{ 'x'.center(100000000) }}",
	    "{% set a = 'x' * 1000000 %}{% for i in range(100) %}{% set b = a ~ a %}{{ "
	    "b | length }}{% endfor %}",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct error err = {0};
		char *got = render(texts[i], NULL, &err);

		cr_expect_null(got, "%s", texts[i]);
		free(got);
	}
}

Test(template, errors_name_the_place)
{
	struct template_place at = {0, 0};
	struct template *t = NULL;
	struct error err = {0};

	cr_expect_lt(template_parse("a\nb {{ x y }}", &t, &at, &err), 0);
	cr_expect_eq(at.line, 2);
	cr_expect_eq(at.column, 8);
	cr_expect_str_eq(err.msg, "expected token 'end of print statement', got 'y'");
}
