/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_router.c - paths to routes, percent-encoding, query strings.
 */
#include <criterion/criterion.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/router.h"
#include "api/http/text.h"
#include "base/compiler.h"

#define ID "00000000-0000-4000-8000-00000000000a"

static const char *const table[][2] = {
    {"GET", "/health"},
    {"POST", "/flows/"},
    {"POST", "/flows/filter"},
    {"GET", "/flows/{id}"},
    {"PATCH", "/flows/{id}"},
    {"GET", "/flows/name/{name}"},
    {"GET", "/work_pools/{name}"},
    {"POST", "/work_pools/filter"},
    {"GET", "/work_pools/{work_pool_name}/queues/{name}"},
    {"PATCH", "/deployments/{id}/schedules/{schedule_id}"},
    {"GET", "/v2/concurrency_limits/{id_or_name}"},
    {"DELETE", "/automations/owned-by/{resource}"},
    {"GET", "/"},
};

static struct router *make(void)
{
	struct router *r = router_new();
	size_t i;

	for (i = 0; i < ARRAY_LEN(table); i++) {
		cr_assert_eq(router_add(r, table[i][0], table[i][1],
					(void *)(uintptr_t)table[i], NULL),
			     0);
	}
	return r;
}

struct find_case {
	const char *method, *path;
	enum router_result result;
	const char *pattern; /* FOUND */
	const char *allow;   /* WRONG_METHOD */
};

static const struct find_case finds[] = {
    {"GET", "/health", ROUTER_FOUND, "/health", NULL},
    {"HEAD", "/health", ROUTER_WRONG_METHOD, NULL, "GET"},
    {"GET", "/health/", ROUTER_NONE, NULL, NULL},
    {"GET", "", ROUTER_NONE, NULL, NULL},
    {"GET", "/", ROUTER_FOUND, "/", NULL},
    {"PUT", "/flows/", ROUTER_WRONG_METHOD, NULL, "POST"},
    {"POST", "/flows", ROUTER_NONE, NULL, NULL},
    {"POST", "/flows/filter", ROUTER_FOUND, "/flows/filter", NULL},
    {"GET", "/flows/filter", ROUTER_WRONG_METHOD, NULL, "POST"},
    {"GET", "/flows/abc", ROUTER_NONE, NULL, NULL},
    {"GET", "/flows/" ID, ROUTER_FOUND, "/flows/{id}", NULL},
    {"GET", "/flows/0000000000004000800000000000000A", ROUTER_FOUND, "/flows/{id}",
     NULL},
    {"DELETE", "/flows/" ID, ROUTER_WRONG_METHOD, NULL, "GET, PATCH"},
    {"GET", "/flows/name/a%2Fb", ROUTER_FOUND, "/flows/name/{name}", NULL},
    {"GET", "/flows/name/a/b", ROUTER_NONE, NULL, NULL},
    {"GET", "/flows/name/", ROUTER_NONE, NULL, NULL},
    {"GET", "/flows/name/%00", ROUTER_NONE, NULL, NULL},
    {"GET", "/flows/name/%ff", ROUTER_NONE, NULL, NULL},
    {"POST", "/work_pools/filter", ROUTER_FOUND, "/work_pools/filter", NULL},
    {"GET", "/work_pools/filter", ROUTER_FOUND, "/work_pools/{name}", NULL},
    {"GET", "/v2/concurrency_limits/tag:x", ROUTER_FOUND,
     "/v2/concurrency_limits/{id_or_name}", NULL},
    {"GET", "/nosuch", ROUTER_NONE, NULL, NULL},
    {"GET", "health", ROUTER_NONE, NULL, NULL},
    {"GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t", ROUTER_NONE, NULL, NULL},
};

Test(router, finds)
{
	struct router *r = make();
	size_t i;

	for (i = 0; i < ARRAY_LEN(finds); i++) {
		const struct find_case *c = &finds[i];
		struct router_match m;
		enum router_result got = router_find(r, c->method, c->path, &m);

		cr_expect_eq(got, c->result, "%s %s: %d", c->method, c->path, (int)got);
		if (got == ROUTER_FOUND && c->pattern != NULL) {
			const char *const *hit = m.target;

			cr_expect_str_eq(hit[1], c->pattern);
		}
		if (c->allow != NULL) {
			cr_expect_str_eq(m.allow, c->allow);
		}
	}
	router_free(r);
}

Test(router, parameters_are_decoded_and_named)
{
	struct router *r = make();
	struct router_match m;

	cr_assert_eq(router_find(r, "GET", "/work_pools/a%20b/queues/c%2Fd+e", &m),
		     ROUTER_FOUND);
	cr_assert_str_eq(router_param(&m, "work_pool_name"), "a b");
	cr_assert_str_eq(router_param(&m, "name"), "c/d+e");
	cr_assert_null(router_param(&m, "nam"));
	router_free(r);
}

Test(router, the_same_route_twice_is_refused)
{
	struct router *r = make();

	cr_assert_lt(router_add(r, "GET", "/flows/{flow_id}", r, NULL), 0);
	router_free(r);
}

Test(router, a_very_long_path_is_not_found)
{
	struct router *r = make();
	struct router_match m;
	char path[5000];

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	cr_assert_eq(router_find(r, "GET", path, &m), ROUTER_NONE);
	router_free(r);
}

Test(text, query_values)
{
	static const char *const cases[][3] = {
	    {"a=1&b=2", "b", "2"},
	    {"a=1&a=2", "a", "2"},
	    {"a+b=c%26d+e", "a b", "c&d e"},
	    {"flag", "flag", ""},
	    {"a=1", "b", NULL},
	    {"", "b", NULL},
	    {NULL, "b", NULL},
	    {"a=%zz%4", "a", "%zz%4"},
	    {"a=%00", "a", NULL},
	    {"&&=x&a=1&", "a", "1"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		char *v = text_query_value(cases[i][0], cases[i][1]);

		if (cases[i][2] == NULL) {
			cr_expect_null(v, "case %zu: %s", i, v);
		} else {
			cr_expect_str_eq(v, cases[i][2], "case %zu", i);
		}
		free(v);
	}
}

struct json_case {
	const char *text;
	size_t offset;
	const char *problem;
};

/* As Python 3.11 says it. */
static const struct json_case jsons[] = {
    {"{\"name\": ", 9, "Expecting value"},
    {"", 0, "Expecting value"},
    {" ", 1, "Expecting value"},
    {"nonsense", 0, "Expecting value"},
    {"{", 1, "Expecting property name enclosed in double quotes"},
    {"{\"a\" 1}", 5, "Expecting ':' delimiter"},
    {"{\"a\": 1 \"b\"}", 8, "Expecting ',' delimiter"},
    {"[1 2]", 3, "Expecting ',' delimiter"},
    {"[1,", 3, "Expecting value"},
    {"{} x", 3, "Extra data"},
    {"\"abc", 0, "Unterminated string starting at"},
    {"\"a\\q\"", 2, "Invalid \\escape"},
    {"\"\xc3\xa9\xc3\xa9\" x", 5, "Extra data"},
    {"\"a\n\"", 2, "Invalid control character at"},
    {"[[], {}, [{}], \"x\", -1.5e3, true, null, NaN]", 0, NULL},
    {"01", 1, "Extra data"},
};

Test(text, malformed_json_is_explained_as_the_reference_does)
{
	size_t i, offset;

	for (i = 0; i < ARRAY_LEN(jsons); i++) {
		const char *got =
		    text_json_problem(jsons[i].text, strlen(jsons[i].text), &offset);

		if (jsons[i].problem == NULL) {
			cr_expect_null(got, "%s: %s", jsons[i].text, got);
			continue;
		}
		cr_expect_str_eq(got != NULL ? got : "", jsons[i].problem, "%s",
				 jsons[i].text);
		cr_expect_eq(offset, jsons[i].offset, "%s: %zu", jsons[i].text, offset);
	}
}
