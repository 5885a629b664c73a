/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_json.c - reading JSON.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/timefmt.h"
#include "base/uuid.h"

#define MAX 1000

static json_t *parse(const char *text)
{
	return json_parse(text, strlen(text), MAX, NULL);
}

Test(json, accepts_any_value_at_the_top)
{
	static const char *const good[] = {
	    "1",    "-0.5e3",      "\"x\"",
	    "null", "true",        "[]",
	    " {} ", "\"\\u0000\"", "9223372036854775807"};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		json_t *v = parse(good[i]);

		cr_assert_not_null(v, "%s", good[i]);
		json_decref(v);
	}
}

Test(json, refuses_what_is_not_strict)
{
	static const char *const wrong[] = {
	    "",         "{",     "{\"a\":1,\"a\":2}",   "[1,]",  "{'a':1}",  "NaN",
	    "Infinity", "[1] x", "9223372036854775808", "01",    "\"\xff\"", "\"\n\"",
	    "{a:1}",    "/**/1", "\"\\ud800\"",         "1e999", "tru",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		cr_assert_null(parse(wrong[i]), "%s", wrong[i]);
	}
}

Test(json, an_error_tells_where)
{
	struct error err;
	size_t offset = 0;

	cr_assert_null(json_parse_at("{\n \"a\": x}", 10, MAX, &offset, &err));
	cr_assert_eq(err.code, ERR_INVALID);
	cr_assert_not_null(strstr(err.msg, "line 2"), "%s", err.msg);
	cr_assert_not_null(strstr(err.msg, "column 7"), "%s", err.msg);
	cr_assert_eq(offset, 9, "%zu", offset);
}

Test(json, size_and_depth_are_limited)
{
	struct error err;
	char deep[6000];

	cr_assert_null(json_parse("[1,2]", 5, 4, &err));
	cr_assert_eq(err.code, ERR_TOO_LARGE);
	memset(deep, '[', sizeof(deep));
	cr_assert_null(json_parse(deep, sizeof(deep), sizeof(deep), &err));
	cr_assert_eq(err.code, ERR_INVALID);
}

Test(json, getters_tell_present_absent_and_wrong)
{
	json_t *v =
	    parse("{\"s\":\"x\",\"i\":5,\"r\":1.5,\"f\":1.0,\"b\":true,\"n\":null,"
		  "\"o\":{},\"a\":[],\"z\":\"a\\u0000b\"}");
	const char *s = "old";
	int64_t i = 9;
	double r = 9;
	int b = 9;
	json_t *t = NULL;
	struct error err;

	cr_assert_eq(json_get_str(v, "s", &s, &err), 1);
	cr_assert_str_eq(s, "x");
	cr_assert_eq(json_get_int(v, "i", &i, &err), 1);
	cr_assert_eq(i, 5);
	cr_assert_eq(json_get_real(v, "r", &r, &err), 1);
	cr_assert_eq(r, 1.5);
	cr_assert_eq(json_get_real(v, "i", &r, &err), 1, "an integer is a number");
	cr_assert_eq(json_get_bool(v, "b", &b, &err), 1);
	cr_assert_eq(b, 1);
	cr_assert_eq(json_get_obj(v, "o", &t, &err), 1);
	cr_assert_eq(json_get_arr(v, "a", &t, &err), 1);
	i = 9;
	cr_assert_eq(json_get_int(v, "n", &i, &err), 0);
	cr_assert_eq(json_get_int(v, "absent", &i, &err), 0);
	cr_assert_eq(json_get_int(NULL, "x", &i, &err), 0);
	cr_assert_eq(i, 9, "untouched");
	cr_assert_eq(json_get_int(v, "f", &i, &err), -ERR_INVALID);
	cr_assert_eq(json_get_int(v, "b", &i, &err), -ERR_INVALID);
	cr_assert_eq(json_get_bool(v, "i", &b, &err), -ERR_INVALID);
	cr_assert_eq(json_get_real(v, "s", &r, &err), -ERR_INVALID);
	cr_assert_eq(json_get_obj(v, "a", &t, &err), -ERR_INVALID);
	cr_assert_eq(json_get_arr(v, "o", &t, &err), -ERR_INVALID);
	cr_assert_eq(json_get_str(v, "z", &s, &err), -ERR_INVALID);
	cr_assert_eq(json_get_str(json_object_get(v, "a"), "x", &s, &err),
		     -ERR_INVALID);
	cr_assert_eq(json_get_str(v, "i", &s, &err), -ERR_INVALID);
	cr_assert_str_eq(err.msg, "\"i\" must be a string, not an integer");
	cr_assert(json_has(v, "n"));
	cr_assert_not(json_has(v, "absent"));
	json_decref(v);
}

Test(json, uuid_and_time_getters)
{
	json_t *v = parse("{\"u\":\"00112233445566778899aabbccddeeff\","
			  "\"t\":\"1970-01-01T00:00:01Z\",\"x\":\"no\"}");
	struct error err;
	struct uuid u;
	int64_t at_us = 0;

	cr_assert_eq(json_get_uuid(v, "u", &u, &err), 1);
	cr_assert_eq(json_get_time(v, "t", &at_us, &err), 1);
	cr_assert_eq(at_us, 1000000);
	cr_assert_eq(json_get_uuid(v, "x", &u, &err), -ERR_INVALID);
	cr_assert_eq(json_get_time(v, "x", &at_us, &err), -ERR_INVALID);
	cr_assert_not_null(strstr(err.msg, "\"x\""), "%s", err.msg);
	json_decref(v);
}

/* json_check() answers as json_parse() does, by whichever way it comes to it. */
Test(json, check_agrees_with_parse)
{
	static const char *const texts[] = {
	    "",
	    " ",
	    "{}",
	    " { } ",
	    "[]",
	    "[ 1 , -2.5,\n\t3 ]",
	    "null",
	    "true",
	    "fals",
	    "truex",
	    "\"\"",
	    "\"a\\n\\/\\\"\"",
	    "\"\\u0041\"",
	    "\"\\u0000\"",
	    "\"\\x\"",
	    "\"\xc3\xa4\"",
	    "\"\xff\"",
	    "\"\x01\"",
	    "\"\x7f\"",
	    "\"open",
	    "0",
	    "-0",
	    "01",
	    "-",
	    "1.",
	    ".5",
	    "1.5",
	    "1e5",
	    "1E400",
	    "123456789012345",
	    "1234567890123456789012345",
	    "1.1234567890123456789",
	    "1 2",
	    "{\"a\":1}",
	    "{\"a\":1,}",
	    "{\"a\"}",
	    "{\"a\":}",
	    "{a:1}",
	    "{\"a\":1 \"b\":2}",
	    "[1,]",
	    "[,1]",
	    "[1 2]",
	    "[[[[]]]]",
	    "[[]",
	    "[]]",
	    "{\"a\":1,\"a\":2}",
	    "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
	    "{\"a\":{\"b\":1,\"b\":1}}",
	    "{\"\\u0061\":1,\"a\":2}",
	    "{\"\":1}",
	    "[\"a\",\"a\"]",
	    "{\"a\":[{\"a\":1}]}",
	};
	char deep[202], *wide;
	struct buf b;
	int is_object;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct error a = {0}, e = {0};
		json_t *v = json_parse(texts[i], strlen(texts[i]), 1000, &a);
		int rc = json_check(texts[i], strlen(texts[i]), 1000, &is_object, &e);

		cr_expect_eq(rc, v != NULL ? 0 : -ERR_INVALID, "%s", texts[i]);
		cr_expect_str_eq(e.msg, a.msg, "%s", texts[i]);
		cr_expect(v == NULL || is_object == json_is_object(v), "%s", texts[i]);
		json_decref(v);
	}
	memset(deep, '[', 100);
	memset(deep + 100, ']', 100);
	cr_expect_eq(json_check(deep, 200, 1000, &is_object, NULL), 0);
	cr_expect_eq(json_check(deep, 199, 1000, &is_object, NULL), -ERR_INVALID);
	cr_expect_eq(json_check("{}", 2, 1, &is_object, NULL), -ERR_TOO_LARGE);
	buf_init(&b);
	for (int i = 0; i < 600; i++) {
		buf_addf(&b, "%s\"k%d\":%d", i == 0 ? "{" : ",", i % 599, i);
	}
	buf_addc(&b, '}');
	cr_expect_eq(json_check(b.data, b.len, b.len, &is_object, NULL), -ERR_INVALID);
	wide = strstr(b.data, "\"k0\":599");
	wide[1] = 'x';
	cr_expect_eq(json_check(b.data, b.len, b.len, &is_object, NULL), 0);
	buf_release(&b);
}

Test(json, text_keeps_order_or_sorts_it)
{
	json_t *v =
	    parse("{\"b\":{\"z\":1,\"y\":[1.0,0.1,\"\\u0000\xc3\xa4\"]},\"a\":null}");
	char *text = json_text(v);

	cr_assert_str_eq(
	    text, "{\"b\":{\"z\":1,\"y\":[1.0,0.1,\"\\u0000\xc3\xa4\"]},\"a\":null}");
	free(text);
	text = json_text_sorted(v);
	cr_assert_str_eq(
	    text, "{\"a\":null,\"b\":{\"y\":[1.0,0.1,\"\\u0000\xc3\xa4\"],\"z\":1}}");
	free(text);
	json_decref(v);
}

Test(json, merged_goes_deep_and_leaves_both_alone)
{
	json_t *base = parse("{\"a\":{\"x\":1,\"y\":2},\"b\":[1],\"c\":1}");
	json_t *over = parse("{\"a\":{\"y\":3,\"z\":{\"q\":1}},\"b\":[2],\"c\":null}");
	json_t *m = json_merged(base, over);
	char *text = json_text_sorted(m);

	cr_assert_str_eq(
	    text, "{\"a\":{\"x\":1,\"y\":3,\"z\":{\"q\":1}},\"b\":[2],\"c\":null}");
	free(text);
	json_decref(m);
	text = json_text(base);
	cr_assert_str_eq(text, "{\"a\":{\"x\":1,\"y\":2},\"b\":[1],\"c\":1}");
	free(text);
	json_decref(base);
	json_decref(over);
}
