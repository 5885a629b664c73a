/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_params.c - parameters: defaults, validation, schema.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "engine/params.h"
#include "engine/plan.h"

static struct plan_file *load(void)
{
	static const char text[] =
	    "version: 1\nflows:\n  f:\n    params:\n"
	    "      s: {type: string, default: x, maxLength: 3}\n"
	    "      i: {type: integer, minimum: 1, maximum: 9}\n"
	    "      w: {type: date-time, default: null}\n"
	    "      e: {enum: [a, b], default: a}\n"
	    "      l: {type: array, items: {type: integer}, default: []}\n"
	    "      o: {type: object, default: {}, properties: {k: {type: boolean}}, "
	    "required: [k],"
	    " additionalProperties: false}\n"
	    "      any: {default: 1}\n"
	    "    tasks: {t: {run: x}}\n";
	struct plan_file *file = NULL;
	struct buf report;

	buf_init(&report);
	(void)plan_parse("x", text, strlen(text), &file, &report);
	/* the default of o lacks its required member: said, and the file is refused */
	cr_assert_null(file);
	cr_assert_not_null(strstr(report.data, "parameter 'o.k': is missing"));
	buf_release(&report);
	buf_init(&report);
	{
		struct buf fixed;
		const char *at = strstr(text, "default: {}, ");

		buf_init(&fixed);
		buf_add(&fixed, text, (size_t)(at - text));
		buf_adds(&fixed, "default: {k: true}, ");
		buf_adds(&fixed, at + strlen("default: {}, "));
		cr_assert_eq(plan_parse("x", fixed.data, fixed.len, &file, &report), 0,
			     "%s", report.data);
		buf_release(&fixed);
	}
	buf_release(&report);
	return file;
}

Test(params, each_problem_names_its_parameter)
{
	static const struct {
		const char *given, *want; /* behind "... failed with error: " */
	} cases[] = {
	    {"{}", "parameter 'i': is missing and has no default"},
	    {"{\"i\": \"7\"}",
	     "parameter 'i': must be of type integer, not the text \"7\""},
	    {"{\"i\": 10}", "parameter 'i': 10 is out of range"},
	    {"{\"i\": 1.5}",
	     "parameter 'i': must be of type integer, not a number: 1.5"},
	    {"{\"i\": 1, \"s\": 7}",
	     "parameter 's': must be of type string, not a number: 7"},
	    {"{\"i\": 1, \"s\": \"long\"}",
	     "parameter 's': a text of 4 bytes is too long"},
	    {"{\"i\": 1, \"w\": \"x\"}", "parameter 'w': must be a time like "
					 "2026-08-01T12:00:00Z, not the text \"x\""},
	    {"{\"i\": 1, \"e\": \"c\"}", "parameter 'e': must be one of [\"a\",\"b\"]"},
	    {"{\"i\": 1, \"l\": [1, \"x\"]}",
	     "parameter 'l[1]': must be of type integer, not the text \"x\""},
	    {"{\"i\": 1, \"o\": {}}", "parameter 'o.k': is missing"},
	    {"{\"i\": 1, \"o\": {\"k\": true, \"z\": 1}}",
	     "parameter 'o.z': is not known"},
	    {"{\"i\": 1, \"anny\": 1}",
	     "parameter 'anny': the flow has none of this name; did you mean 'any'?"},
	};
	struct plan_file *file = load();
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *given = json_loads(cases[i].given, 0, NULL), *got = NULL;
		struct error err = {0};

		cr_expect_lt(params_complete(file->flows[0], given, &got, &err), 0,
			     "%s", cases[i].given);
		cr_expect_eq(
		    strncmp(err.msg,
			    "Validation of flow parameters failed with error: ", 49),
		    0);
		cr_expect_str_eq(err.msg + 49, cases[i].want);
		json_decref(given);
	}
	plan_free(file);
}

Test(params, defaults_complete_what_is_given)
{
	struct plan_file *file = load();
	json_t *given = json_loads("{\"i\": 3.0, \"s\": \"y\"}", 0, NULL), *got = NULL;
	struct error err = {0};
	char *text;

	cr_assert_eq(params_complete(file->flows[0], given, &got, &err), 0, "%s",
		     err.msg);
	text = json_text(got);
	cr_expect_str_eq(text, "{\"s\":\"y\",\"i\":3.0,\"w\":null,\"e\":\"a\",\"l\":[],"
			       "\"o\":{\"k\":true},\"any\":1}");
	free(text);
	json_decref(got);
	json_decref(given);
	plan_free(file);
}

Test(params, schema_has_positions_and_required)
{
	struct plan_file *file = load();
	json_t *schema = params_schema(file->flows[0]);
	const json_t *props = json_object_get(schema, "properties");

	cr_expect_str_eq(json_string_value(json_object_get(schema, "title")),
			 "Parameters");
	cr_expect_eq(json_array_size(json_object_get(schema, "required")), 1);
	cr_expect_eq(json_integer_value(
			 json_object_get(json_object_get(props, "e"), "position")),
		     3);
	cr_expect_str_eq(
	    json_string_value(json_object_get(json_object_get(props, "w"), "format")),
	    "date-time");
	json_decref(schema);
	plan_free(file);
}
