/* SPDX-License-Identifier: Apache-2.0 */
/* test_schema.c - JSON Schema: each keyword, the sentence told, mending, circular
 * references. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/routes/schema/schema.h"
#include "base/error.h"

struct schema_case {
	const char *name, *schema, *value;
	const char *message; /* NULL: valid */
	unsigned int flags;
};

#define FIELD_MSG(f, m) "Validation failed for field '" f "'. Failure reason: " m
#define ROOT_MSG(m)     "Validation failed. Failure reason: " m

static const struct schema_case cases[] = {
    {"integer given text",
     "{'type':'object','properties':{'x':{'type':'integer'}},'required':['x']}",
     "{'x':'s'}", FIELD_MSG("x", "'s' is not of type 'integer'"), 0},
    {"missing",
     "{'type':'object','properties':{'x':{'type':'integer'}},'required':['x']}", "{}",
     ROOT_MSG("'x' is a required property"), 0},
    {"missing ignored",
     "{'type':'object','properties':{'x':{'type':'integer'}},'required':['x']}", "{}",
     NULL, SCHEMA_IGNORE_REQUIRED},
    {"missing ignored, nested",
     "{'properties':{'a':{'type':'object','required':['b']}}}", "{'a':{}}", NULL,
     SCHEMA_IGNORE_REQUIRED},
    {"optional may be null", "{'properties':{'x':{'type':'integer'}}}", "{'x':null}",
     NULL, 0},
    {"optional of a wrong type", "{'properties':{'x':{'type':'integer'}}}", "{'x':'s'}",
     FIELD_MSG("x", "'s' is not valid under any of the given schemas"), 0},
    {"a default keeps null out", "{'properties':{'x':{'type':'integer','default':1}}}",
     "{'x':null}", FIELD_MSG("x", "None is not of type 'integer'"), 0},
    {"unless asked", "{'properties':{'x':{'type':'integer','default':1}}}",
     "{'x':null}", NULL, SCHEMA_NONE_WITH_DEFAULT},
    {"default of a wrong type, as pools check it",
     "{'type':'object','properties':{'x':{'type':'integer','default':'s'}}}",
     "{'x':'s'}", FIELD_MSG("x", "'s' is not valid under any of the given schemas"),
     SCHEMA_NONE_WITH_DEFAULT | SCHEMA_IGNORE_REQUIRED},
    {"true is no integer", "{'type':'integer'}", "true",
     ROOT_MSG("True is not of type 'integer'"), 0},
    {"1.0 is an integer", "{'type':'integer'}", "1.0", NULL, 0},
    {"list of types", "{'type':['integer','null']}", "'a'",
     ROOT_MSG("'a' is not of type 'integer', 'null'"), 0},
    {"enum", "{'enum':['a','b']}", "'c'", ROOT_MSG("'c' is not one of ['a', 'b']"), 0},
    {"const", "{'const':5}", "6", ROOT_MSG("5 was expected"), 0},
    {"minimum", "{'minimum':3}", "2", ROOT_MSG("2 is less than the minimum of 3"), 0},
    {"maximum", "{'maximum':3}", "3.5",
     ROOT_MSG("3.5 is greater than the maximum of 3"), 0},
    {"exclusive minimum", "{'exclusiveMinimum':3}", "3",
     ROOT_MSG("3 is less than or equal to the minimum of 3"), 0},
    {"exclusive maximum", "{'exclusiveMaximum':3}", "3",
     ROOT_MSG("3 is greater than or equal to the maximum of 3"), 0},
    {"multiple", "{'multipleOf':2}", "3", ROOT_MSG("3 is not a multiple of 2"), 0},
    {"short", "{'minLength':2}", "'a'", ROOT_MSG("'a' is too short"), 0},
    {"empty", "{'minLength':1}", "''", ROOT_MSG("'' should be non-empty"), 0},
    {"long, in letters", "{'maxLength':2}", "'\xc3\xa4\xc3\xb6'", NULL, 0},
    {"pattern", "{'pattern':'^a+$'}", "'b'", ROOT_MSG("'b' does not match '^a+$'"), 0},
    {"pattern with a class", "{'pattern':'^\\\\d{2}$'}", "'12'", NULL, 0},
    {"pattern, lazy", "{'pattern':'^a+?b*?$'}", "'c'",
     ROOT_MSG("'c' does not match '^a+?b*?$'"), 0},
    {"pattern, counted", "{'pattern':'^[a-z]{2,3}$'}", "'abcd'",
     ROOT_MSG("'abcd' does not match '^[a-z]{2,3}$'"), 0},
    {"pattern, repetitions repeated",
     "{'pattern':'^a*++++++++++++++++++++++++++++++$'}", "'b'", NULL, 0},
    {"pattern, counts multiplied", "{'pattern':'^((a{99}){99}){99}$'}", "'b'", NULL, 0},
    {"pattern, groups in groups", "{'pattern':'^((((((a+)+)+)+)+)+)+$'}", "'b'", NULL,
     0},
    {"pattern that does not compile", "{'pattern':'('}", "'12'", NULL, 0},
    {"format is not looked at", "{'type':'string','format':'date-time'}", "'no day'",
     NULL, 0},
    {"additional", "{'properties':{'a':{}},'additionalProperties':false}",
     "{'b':1,'a':1}",
     ROOT_MSG("Additional properties are not allowed ('b' was unexpected)"), 0},
    {"additional of a type", "{'additionalProperties':{'type':'string'}}", "{'b':1}",
     FIELD_MSG("b", "1 is not of type 'string'"), 0},
    {"element", "{'properties':{'l':{'items':{'type':'integer'}}}}", "{'l':[1,'x']}",
     FIELD_MSG("l[1]", "'x' is not of type 'integer'"), 0},
    {"tuple under items",
     "{'properties':{'l':{'items':[{'type':'integer'},{'type':'string'}]}}}",
     "{'l':[1,2]}", FIELD_MSG("l[1]", "2 is not of type 'string'"), 0},
    {"tuple with an end", "{'prefixItems':[{}],'items':false}", "[1,2]",
     ROOT_MSG("Expected at most 1 item but found 1 extra: 2"), 0},
    {"unique", "{'uniqueItems':true}", "[1,1]",
     ROOT_MSG("[1, 1] has non-unique elements"), 0},
    {"min items", "{'minItems':1}", "[]", ROOT_MSG("[] should be non-empty"), 0},
    {"contains", "{'contains':{'type':'string'}}", "[1]",
     ROOT_MSG("[1] does not contain items matching the given schema"), 0},
    {"reference",
     "{'properties':{'s':{'$ref':'#/definitions/"
     "S'}},'definitions':{'S':{'enum':['a']}}}",
     "{'s':'b'}", FIELD_MSG("s", "'b' is not one of ['a']"), 0},
    {"reference with escapes",
     "{'$ref':'#/$defs/a~1b','$defs':{'a/b':{'type':'null'}}}", "null", NULL, 0},
    {"all of with a reference",
     "{'properties':{'s':{'allOf':[{'$ref':'#/definitions/S'}]}},"
     "'definitions':{'S':{'type':'object','properties':{'n':{'type':'integer',"
     "'maximum':5,'default':1}}}}}",
     "{'s':{'n':9}}", FIELD_MSG("s.n", "9 is greater than the maximum of 5"), 0},
    {"any of tells the deepest",
     "{'anyOf':[{'type':'object','required':['a'],'properties':{'a':{'type':'integer'}}"
     "},"
     "{'type':'null'}]}",
     "{'a':'x'}", FIELD_MSG("a", "'x' is not of type 'integer'"), 0},
    {"one of, twice", "{'oneOf':[{'type':'integer'},{'minimum':1}]}", "5",
     ROOT_MSG("5 is valid under each of {'minimum': 1}, {'type': 'integer'}"), 0},
    {"not", "{'not':{'type':'integer'}}", "5",
     ROOT_MSG("5 should not be valid under {'type': 'integer'}"), 0},
    {"if then", "{'if':{'type':'integer'},'then':{'minimum':3}}", "1",
     ROOT_MSG("1 is less than the minimum of 3"), 0},
    {"else", "{'if':{'type':'integer'},'else':{'minLength':3}}", "'ab'",
     ROOT_MSG("'ab' is too short"), 0},
    {"false", "{'properties':{'x':false}}", "{'x':1}",
     FIELD_MSG("x", "False schema does not allow 1"), 0},
    {"odd member name", "{'properties':{'a b':{'type':'null'}}}", "{'a b':1}",
     "Validation failed for field \"$['a b']\". Failure reason: "
     "1 is not of type 'null'",
     0},
    {"quotes in text", "{'type':'integer'}", "'it\\'s'",
     ROOT_MSG("\"it's\" is not of type 'integer'"), 0},
    {"nearest to the root first",
     "{'properties':{'a':{'type':'null'}},'required':['b']}", "{'a':1}",
     ROOT_MSG("'b' is a required property"), 0},
    {"dependent", "{'dependentRequired':{'a':['b']}}", "{'a':1}",
     ROOT_MSG("'b' is a dependency of 'a'"), 0},
};

/* Single quotes for double ones; \' stays a single quote. */
static json_t *parse(const char *text)
{
	char buf[1024];
	size_t n = 0;

	for (const char *p = text; *p != '\0' && n < sizeof(buf) - 1; p++) {
		if (p[0] == '\\' && p[1] == '\'') {
			buf[n++] = '\'';
			p++;
		} else {
			buf[n++] = *p == '\'' ? '"' : *p;
		}
	}
	buf[n] = '\0';
	return json_loads(buf, JSON_DECODE_ANY, NULL);
}

Test(schema, keywords)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct schema_case *c = &cases[i];
		json_t *schema = parse(c->schema), *value = parse(c->value);
		struct error err = {0};
		int rc;

		cr_assert(schema != NULL && value != NULL, "%s: bad JSON in the test",
			  c->name);
		rc = schema_validate(value, schema, c->flags, &err);
		if (c->message == NULL) {
			cr_expect(rc == 0, "%s: %s", c->name, err.msg);
		} else {
			cr_expect(rc == -ERR_INVALID, "%s: rc %d", c->name, rc);
			cr_expect_str_eq(err.msg, c->message, "%s: %s", c->name,
					 err.msg);
		}
		json_decref(schema);
		json_decref(value);
	}
}

/* One line of the table: 1 when we say what the reference says. */
static int line_agrees(const char *line, int number)
{
	json_t *c = json_loads(line, 0, NULL);
	const char *want = json_string_value(json_array_get(c, 3));
	struct error err = {0};
	int rc, same;

	cr_assert_not_null(c, "line %d", number);
	rc = schema_validate(json_array_get(c, 1), json_array_get(c, 0),
			     (unsigned int)json_integer_value(json_array_get(c, 2)),
			     &err);
	/* long sentences end where the buffer does */
	same = want == NULL ? rc == 0
			    : rc == -ERR_INVALID &&
				  strncmp(want, err.msg, sizeof(err.msg) - 20) == 0;
	if (!same) {
		fprintf(stderr, "line %d: %s  want %s\n  got  %s\n", number, line, want,
			rc == 0 ? "(valid)" : err.msg);
	}
	json_decref(c);
	return same;
}

/* Random schemas of parameters against python-jsonschema (tests/data/schema). */
Test(schema, agrees_with_the_library_of_the_reference)
{
	const char *top = getenv("srcdir");
	char path[4096], line[16384];
	int lines = 0, wrong = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/data/schema/cases.jsonl",
		 top != NULL ? top : ".");
	f = fopen(path, "re");
	cr_assert_not_null(f, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		wrong += !line_agrees(line, ++lines);
	}
	fclose(f);
	cr_expect_eq(wrong, 0, "%d of %d cases differ", wrong, lines);
	cr_assert_geq(lines, 1000);
}

Test(schema, circular_references_end)
{
	json_t *schema =
	    parse("{'$ref':'#/definitions/A','definitions':{'A':{'$ref':'#'}}}");
	json_t *value = parse("1");
	struct error err = {0};

	cr_expect_eq(schema_validate(value, schema, 0, &err), -ERR_LIMIT);
	cr_expect_str_eq(
	    err.msg,
	    "Invalid schema: Unable to validate schema with circular references.");
	json_decref(schema);
	json_decref(value);
}

Test(schema, a_reference_to_nowhere_is_said)
{
	json_t *schema = parse("{'$ref':'http://example.com/x'}");
	json_t *value = parse("1");
	struct error err = {0};

	cr_expect_eq(schema_validate(value, schema, 0, &err), -ERR_INVALID);
	cr_expect(err.msg[0] != '\0');
	json_decref(schema);
	json_decref(value);
}
