/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_name.c - run names from templates.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "engine/expr/name.h"

#define THURSDAY_US 1795082400000000LL /* 2026-11-19T10:00:00Z */

static json_t *lookup(const char *field, void *arg)
{
	if (strcmp(field, "name") == 0) {
		return json_string("marvin");
	}
	if (strcmp(field, "n") == 0) {
		return json_integer(7);
	}
	if (strcmp(field, "r") == 0) {
		return json_real(2.5);
	}
	if (strcmp(field, "big") == 0) {
		return json_integer(1234567);
	}
	if (strcmp(field, "when") == 0) {
		return json_string("2026-11-19T10:00:00Z");
	}
	(void)arg;
	return NULL;
}

static const struct {
	const char *tmpl, *want;
} cases[] = {
    {"plain", "plain"},
    {"hello-{name}-on-{date:%A}", "hello-marvin-on-Thursday"},
    {"hello-{name}-on-{when:%Y-%m-%d}", "hello-marvin-on-2026-11-19"},
    {"n{n:>4}-r{r:.2f}", "n   7-r2.50"},
    {"{n:04d}|{n:<4}|{n:^5}|{n:+d}", "0007|7   |  7  |+7"},
    {"{name!r}:{name:*>10}", "'marvin':****marvin"},
    {"{name:.3}", "mar"},
    {"{big:,}", "1,234,567"},
    {"{n:x} {r:e}", "7 2.500000e+00"},
    {"{{literal}} {n}", "{literal} 7"},
};

Test(name, formats_like_python)
{
	size_t i, at;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct name_tmpl *n = NULL;
		struct error err = {0};
		struct buf out;

		buf_init(&out);
		cr_assert_eq(name_parse(cases[i].tmpl, &n, &at, &err), 0, "%s: %s",
			     cases[i].tmpl, err.msg);
		cr_expect_eq(name_format(n, lookup, NULL, THURSDAY_US, &out, &err), 0,
			     "%s: %s", cases[i].tmpl, err.msg);
		cr_expect_str_eq(out.data, cases[i].want);
		buf_release(&out);
		name_free(n);
	}
}

Test(name, bad_templates_are_refused)
{
	static const char *const bad[] = {"{", "{}", "}", "{a", "{a!q}"};
	struct name_tmpl *n = NULL;
	struct error err;
	size_t i, at;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_lt(name_parse(bad[i], &n, &at, &err), 0, "%s", bad[i]);
	}
}

Test(name, an_unknown_field_is_named)
{
	struct name_tmpl *n = NULL;
	struct error err;
	struct buf out;
	size_t at;

	buf_init(&out);
	cr_assert_eq(name_parse("{nobody}", &n, &at, &err), 0);
	cr_expect_lt(name_format(n, lookup, NULL, 0, &out, &err), 0);
	cr_expect_str_eq(err.msg, "nothing is named 'nobody'");
	buf_release(&out);
	name_free(n);
}
