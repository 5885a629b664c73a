/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_decode.c - bodies by table: values, presence bits, and the problems' exact JSON.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "api/http/http.h"
#include "api/http/http_priv.h"
#include "api/routes/decode.h"
#include "base/compiler.h"
#include "base/timefmt.h"
#include "base/uuid.h"

struct model {
	const char *name, *mode;
	int64_t limit, page, offset, at, slots;
	double within;
	int paused;
	struct uuid flow_id;
	json_t *labels, *list, *any, *tags, *nested;
};

static const char *const modes[] = {"a", "b", "c", NULL};
static const struct field fields[] = {
    FIELD(struct model, name, F_STR, .flags = F_REQUIRED | F_NAME),
    FIELD(struct model, tags, F_TAGS),
    FIELD(struct model, labels, F_OBJ),
    FIELD(struct model, limit, F_INT, .min = 0, .max = 200),
    FIELD(struct model, page, F_INT, .min = 1, .max = 0),
    FIELD(struct model, slots, F_INT, .flags = F_GT),
    FIELD(struct model, within, F_REAL),
    FIELD(struct model, paused, F_BOOL),
    FIELD(struct model, flow_id, F_UUID),
    FIELD(struct model, at, F_TIME),
    FIELD(struct model, mode, F_STR, .choices = modes),
    FIELD(struct model, list, F_ARR, .min = 1, .max = 2),
    FIELD(struct model, any, F_ANY),
    FIELD(struct model, nested, F_OBJ, .flags = F_MODEL),
};

static size_t run(const char *text, int forbid, struct model *m, struct decoded *d,
		  struct http_invalid *v, json_t **ret_body)
{
	json_t *body = json_loads(text, JSON_DECODE_ANY, NULL);

	cr_assert_not_null(body, "%s", text);
	*ret_body = body;
	return decode_object(body, fields, ARRAY_LEN(fields), forbid, "", m, d, v);
}

Test(decode, values_and_presence)
{
	struct model m = {.paused = -1};
	struct decoded d;
	struct http_invalid *v = http_invalid_new();
	json_t *body;
	size_t n =
	    run("{\"name\":\"f\",\"limit\":\"5\",\"page\":true,\"within\":\"1.5\","
		"\"paused\":\"off\",\"flow_id\":\"4919AE807AE049EF9D5EF2A72AB2DE3E\","
		"\"at\":\"2026-08-01 12:00:00+00:00\",\"any\":null,\"labels\":null,"
		"\"tags\":[\"x\"],\"mode\":\"b\",\"slots\":3.0}",
		1, &m, &d, v, &body);

	cr_assert_eq(n, 0);
	cr_assert_str_eq(m.name, "f");
	cr_assert_eq(m.limit, 5);
	cr_assert_eq(m.page, 1);
	cr_assert_eq(m.slots, 3);
	cr_assert_eq(m.within, 1.5);
	cr_assert_eq(m.paused, 0);
	cr_assert_eq(m.at, 1785585600000000);
	cr_assert_str_eq(m.mode, "b");
	cr_assert(json_is_null(m.any));
	cr_assert_null(m.labels);
	cr_assert(DECODED_HAS(&d, 12));
	cr_assert_not(DECODED_HAS(&d, 2));
	cr_assert(DECODED_SET(&d, 2));
	cr_assert_not(DECODED_SET(&d, 11));
	json_decref(body);
	http_invalid_free(v);
}

struct bad {
	const char *body;
	int forbid;
	const char *detail; /* the only problem, as JSON */
};

#define ONE(key, value) "{\"name\":\"f\",\"" key "\":" value "}"
static const struct bad bads[] = {
    {"{}", 1,
     "{'type':'missing','loc':['body','name'],'msg':'Field required','input':{}}"},
    {"{}", 0,
     "{'type':'missing','loc':['body','name'],'msg':'Field required','input':null}"},
    {ONE("nosuch", "1"), 1,
     "{'type':'extra_forbidden','loc':['body','nosuch'],'msg':'Extra inputs are not "
     "permitted','input':1}"},
    {"{\"name\":null}", 1,
     "{'type':'string_type','loc':['body','name'],'msg':'Input should be a valid "
     "string','input':null}"},
    {"{\"name\":\"a/b\"}", 1,
     "{'type':'string_pattern_mismatch','loc':['body','name'],'msg':'String should "
     "match "
     "pattern "
     "\\u0027^[^/%&><]+$\\u0027','input':'a/b','ctx':{'pattern':'^[^/%&><]+$'}}"},
    {ONE("tags", "\"x\""), 1,
     "{'type':'list_type','loc':['body','tags'],'msg':'Input should be a valid "
     "list','input':'x'}"},
    {ONE("tags", "[1]"), 1,
     "{'type':'string_type','loc':['body','tags',0],'msg':'Input should be a valid "
     "string','input':1}"},
    {ONE("labels", "[1]"), 1,
     "{'type':'dict_type','loc':['body','labels'],'msg':'Input should be a valid "
     "dictionary','input':[1]}"},
    {ONE("limit", "\"x\""), 0,
     "{'type':'int_parsing','loc':['body','limit'],'msg':'Input should be a valid "
     "integer, "
     "unable to parse string as an integer','input':'x'}"},
    {ONE("limit", "1.5"), 0,
     "{'type':'int_from_float','loc':['body','limit'],'msg':'Input should be a valid "
     "integer, got a number with a fractional part','input':1.5}"},
    {ONE("limit", "201"), 0,
     "{'type':'less_than_equal','loc':['body','limit'],'msg':'Input should be less "
     "than or "
     "equal to 200','input':201,'ctx':{'le':200}}"},
    {ONE("limit", "-1"), 0,
     "{'type':'greater_than_equal','loc':['body','limit'],'msg':'Input should be "
     "greater "
     "than or equal to 0','input':-1,'ctx':{'ge':0}}"},
    {ONE("page", "0"), 0,
     "{'type':'greater_than_equal','loc':['body','page'],'msg':'Input should be "
     "greater "
     "than or equal to 1','input':0,'ctx':{'ge':1}}"},
    {ONE("slots", "0"), 0,
     "{'type':'greater_than','loc':['body','slots'],'msg':'Input should be greater "
     "than "
     "0','input':0,'ctx':{'gt':0}}"},
    {ONE("paused", "\"maybe\""), 0,
     "{'type':'bool_parsing','loc':['body','paused'],'msg':'Input should be a valid "
     "boolean, unable to interpret input','input':'maybe'}"},
    {ONE("flow_id", "\"x\""), 0,
     "{'type':'uuid_parsing','loc':['body','flow_id'],'msg':'Input should be a valid "
     "UUID, "
     "invalid character: found `x` at 0','input':'x','ctx':{'error':'invalid "
     "character: "
     "found `x` at 0'}}"},
    {ONE("at", "\"yesterday\""), 0,
     "{'type':'value_error','loc':['body','at'],'msg':'Value error, Unable to parse "
     "string "
     "[yesterday]','input':'yesterday','ctx':{'error':{}}}"},
    {ONE("mode", "\"z\""), 0,
     "{'type':'enum','loc':['body','mode'],'msg':'Input should be \\u0027a\\u0027, "
     "\\u0027b\\u0027 or "
     "\\u0027c\\u0027','input':'z','ctx':{'expected':'\\u0027a\\u0027, "
     "\\u0027b\\u0027 or \\u0027c\\u0027'}}"},
    {ONE("list", "[]"), 0,
     "{'type':'too_short','loc':['body','list'],'msg':'List should have at least 1 "
     "item "
     "after validation, not 0','input':[],'ctx':{'field_type':'List','min_length':1,"
     "'actual_length':0}}"},
    {ONE("nested", "5"), 0,
     "{'type':'model_attributes_type','loc':['body','nested'],'msg':'Input should be a "
     "valid dictionary or object to extract fields from','input':5}"},
    {"[1]", 1,
     "{'type':'model_attributes_type','loc':['body'],'msg':'Input should be a valid "
     "dictionary or object to extract fields from','input':[1]}"},
};

/* JSON with ' for ", so that the table stays readable. */
static json_t *quoted(const char *text)
{
	char *copy = strdup(text), *c;
	json_t *v;

	for (c = copy; *c != '\0'; c++) {
		*c = *c == '\'' ? '"' : *c;
	}
	v = json_loads(copy, 0, NULL);
	free(copy);
	return v;
}

Test(decode, each_problem_has_the_recorded_form)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(bads); i++) {
		struct model m = {0};
		struct decoded d;
		struct http_invalid *v = http_invalid_new();
		json_t *body, *answer, *got, *want = quoted(bads[i].detail);
		size_t n = run(bads[i].body, bads[i].forbid, &m, &d, v, &body);
		char *text;

		answer = http_invalid_json(v, body);
		got = json_array_get(json_object_get(answer, "exception_detail"), 0);
		text = json_dumps(got, 0);
		cr_expect_eq(n, 1, "%s: %zu problems", bads[i].body, n);
		cr_expect(json_equal(got, want), "%s: %s", bads[i].body, text);
		cr_expect(json_equal(json_object_get(answer, "request_body"), body));
		free(text);
		json_decref(want);
		json_decref(answer);
		json_decref(body);
		http_invalid_free(v);
	}
}

Test(decode, two_problems_in_the_order_of_the_table)
{
	struct model m = {0};
	struct decoded d;
	struct http_invalid *v = http_invalid_new();
	json_t *body, *answer, *list;

	cr_assert_eq(run("{\"zz\":1,\"tags\":[1]}", 1, &m, &d, v, &body), 3);
	answer = http_invalid_json(v, body);
	list = json_object_get(answer, "exception_detail");
	cr_assert_str_eq(
	    json_string_value(json_object_get(json_array_get(list, 0), "type")),
	    "missing");
	cr_assert_str_eq(
	    json_string_value(json_object_get(json_array_get(list, 2), "type")),
	    "extra_forbidden");
	json_decref(answer);
	json_decref(body);
	http_invalid_free(v);
}
