/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_params.c - --param and --params.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "cli/output.h"

static const struct {
	const char *what;
	const char *pairs[4];
	const char *json, *want;
} good[] = {
    {"nothing", {NULL}, NULL, "{}"},
    {"empty --params", {NULL}, "", "{}"},
    {"text", {"name=world"}, NULL, "{\"name\": \"world\"}"},
    {"JSON", {"n=3", "f=1.5", "b=true"}, NULL, "{\"n\": 3, \"f\": 1.5, \"b\": true}"},
    {"lists, objects, null",
     {"l=[1, 2]", "o={\"a\": 1}", "z=null"},
     NULL,
     "{\"l\": [1, 2], \"o\": {\"a\": 1}, \"z\": null}"},
    {"quoted text stays text", {"n=\"3\""}, NULL, "{\"n\": \"3\"}"},
    {"the value may have =", {"q=a=b=c"}, NULL, "{\"q\": \"a=b=c\"}"},
    {"an empty value", {"e="}, NULL, "{\"e\": \"\"}"},
    {"what is not quite JSON is text",
     {"t={a", "u=01"},
     NULL,
     "{\"t\": \"{a\", \"u\": \"01\"}"},
    {"the last one wins", {"a=1", "a=2"}, NULL, "{\"a\": 2}"},
    {"--params", {NULL}, "{\"a\": [1]}", "{\"a\": [1]}"},
    {"--param over --params", {"a=2"}, "{\"a\": 1, \"b\": 1}", "{\"a\": 2, \"b\": 1}"},
};

static struct opt_list list_of(const char *const *pairs)
{
	struct opt_list l = {.items = (char **)(uintptr_t)pairs};

	while (l.count < 4 && pairs[l.count] != NULL) {
		l.count++;
	}
	return l;
}

Test(params, are_json_or_else_text)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct opt_list l = list_of(good[i].pairs);
		json_t *got = NULL, *want = json_loads(good[i].want, 0, NULL);
		struct error err = {0};

		cr_assert_eq(params_parse(&l, good[i].json, &got, &err), 0, "%s: %s",
			     good[i].what, err.msg);
		cr_expect(json_equal(got, want), "%s", good[i].what);
		json_decref(got);
		json_decref(want);
	}
}

static const struct {
	const char *pairs[4];
	const char *json, *message;
} bad[] = {
    {{"novalue"}, NULL, "novalue"}, {{"=x"}, NULL, "=x"},
    {{NULL}, "{", "params"},        {{NULL}, "[1]", "params"},
    {{NULL}, "3", "params"},        {{NULL}, "{\"a\": 1, \"a\": 2}", "params"},
};

Test(params, bad_ones_are_named)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct opt_list l = list_of(bad[i].pairs);
		json_t *got = NULL;
		struct error err = {0};

		cr_expect_lt(params_parse(&l, bad[i].json, &got, &err), 0, "%s",
			     bad[i].json != NULL ? bad[i].json : bad[i].pairs[0]);
		cr_expect(strstr(err.msg, bad[i].message) != NULL, "%s", err.msg);
		cr_expect_null(got);
	}
}
