/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_toml.c - the configuration reader: values, and where errors are.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/toml.h"

/* "path=type:text@line:column\n" for every value. */
static int on_value(const char *path, const struct toml_value *v, void *arg,
		    struct error *err)
{
	struct buf *out = arg;
	size_t i;

	if (strcmp(path, "refused") == 0) {
		return err_set(err, ERR_CONFLICT, "not this one");
	}
	buf_addf(out, "%s=", path);
	if (v->type == TOML_ARRAY) {
		for (i = 0; i < v->count; i++) {
			buf_addf(out, "[%s]", v->items[i]);
		}
	} else {
		buf_addf(out, "%d:%s", (int)v->type, v->text);
	}
	buf_addf(out, "@%zu:%zu\n", v->line, v->column);
	return 0;
}

static void expect(const char *text, const char *want)
{
	struct error err = {0};
	struct buf out;

	buf_init(&out);
	cr_assert_eq(toml_parse("f", text, strlen(text), on_value, &out, &err), 0,
		     "%s: %s", text, err.msg);
	cr_assert_str_eq(out.data, want);
	buf_release(&out);
}

Test(toml, values)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"", ""},
	    {"# only a comment", ""},
	    {"\n\r\n  \t\n", ""},
	    {"a = 1", "a=2:1@1:1\n"},
	    {"\n  a=1 # x\n", "a=2:1@2:3\n"},
	    {"a = 1_000\nb = -7\nc = +0", "a=2:1000@1:1\nb=2:-7@2:1\nc=2:0@3:1\n"},
	    {"a = 0xFf\nb = 0o17\nc = 0b101", "a=2:255@1:1\nb=2:15@2:1\nc=2:5@3:1\n"},
	    {"a = 1.5\nb = 1e3\nc = -0.5E-2",
	     "a=3:1.5@1:1\nb=3:1e3@2:1\nc=3:-0.5E-2@3:1\n"},
	    {"a = true\nb = false", "a=4:true@1:1\nb=4:false@2:1\n"},
	    {"a = \"x \\\"y\\\" \\\\ \\u00e9\\U0001F600\"",
	     "a=1:x \"y\" \\ \xc3\xa9\xf0\x9f\x98\x80@1:1\n"},
	    {"a = 'C:\\n'", "a=1:C:\\n@1:1\n"},
	    {"a = ''", "a=1:@1:1\n"},
	    {"a = []", "a=@1:1\n"},
	    {"a = [\"x\", 'y' , # c\n\n \"z\",\n]\nb = 1",
	     "a=[x][y][z]@1:1\nb=2:1@5:1\n"},
	    {"[t]\na = 1\n[ t . u ]\na = 1", "t.a=2:1@2:1\nt.u.a=2:1@4:1\n"},
	    {"a.b-c.\"d e\" = 1", "a.b-c.d e=2:1@1:1\n"},
	    {"[t]\n[u]\n'\xc3\xa9' = 1", "u.\xc3\xa9=2:1@3:1\n"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		expect(cases[i].text, cases[i].want);
	}
}

Test(toml, errors_say_where_and_what)
{
	static const struct {
		const char *text, *where, *what;
	} cases[] = {
	    {"a", "f:1:2: ", "expected ="},
	    {"= 1", "f:1:1: ", "expected a key"},
	    {"a = ", "f:1:5: ", "expected a value"},
	    {"a = 1 2", "f:1:7: ", "end of the line"},
	    {"a = 1\nb = x", "f:2:5: ", "strings need quotes"},
	    {"a = \"x", "f:1:7: ", "does not end"},
	    {"a = \"x\ny\"", "f:1:7: ", "does not end"},
	    {"\xc3\xa9 = 1", "f:1:1: ", "expected a key"},
	    {"a = \"\xc3\xa9\" x", "f:1:9: ", "end of the line"},
	    {"a = \"\\q\"", "f:1:7: ", "unknown escape"},
	    {"a = \"\\uD800\"", "f:1:12: ", "not a Unicode"},
	    {"a = \"\\u0000\"", "f:1:12: ", "not a Unicode"},
	    {"a = \"\\u12\"", "f:1:10: ", "hexadecimal"},
	    {"a = \"\xff\"", "f:1:6: ", "UTF-8"},
	    {"# \xff", "f:1:3: ", "UTF-8"},
	    {"a = \"\x01\"", "f:1:6: ", "control"},
	    {"a = \"\"\"x\"\"\"", "f:1:5: ", "multi-line"},
	    {"a = {b = 1}", "f:1:5: ", "inline"},
	    {"[[a]]", "f:1:1: ", "arrays of tables"},
	    {"[a", "f:1:3: ", "expected ]"},
	    {"[a]\n[a]", "f:2:1: ", "twice"},
	    {"a = 1\na = 2", "f:2:1: ", "twice"},
	    {"a = [1]", "f:1:6: ", "quoted string"},
	    {"a = ['x' 'y']", "f:1:10: ", "expected , or ]"},
	    {"a = ['x'", "f:1:9: ", "expected , or ]"},
	    {"a = 01", "f:1:5: ", "not a value"},
	    {"a = 1__0", "f:1:6: ", "underscore"},
	    {"a = 1_", "f:1:6: ", "underscore"},
	    {"a = 0x", "f:1:5: ", "not a number"},
	    {"a = 0x-1", "f:1:5: ", "not a number"},
	    {"a = 0b2", "f:1:5: ", "not a number"},
	    {"a = 9223372036854775808", "f:1:5: ", "64 bits"},
	    {"a = 1e999", "f:1:5: ", "too large"},
	    {"a = 1.", "f:1:5: ", "not a value"},
	    {"a = 2026-01-01", "f:1:5: ", "dates"},
	    {"a = truely", "f:1:5: ", "not a value"},
	    {"a = 1\n\nrefused = 2", "f:3:1: ", "not this one"},
	};
	struct error err;
	struct buf out;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_init(&out);
		err = (struct error){0};
		cr_expect_lt(toml_parse("f", cases[i].text, strlen(cases[i].text),
					on_value, &out, &err),
			     0, "%s", cases[i].text);
		cr_expect_eq(strncmp(err.msg, cases[i].where, strlen(cases[i].where)),
			     0, "%s: %s, not %s", cases[i].text, err.msg,
			     cases[i].where);
		cr_expect_not_null(strstr(err.msg, cases[i].what), "%s: %s",
				   cases[i].text, err.msg);
		buf_release(&out);
	}
}

Test(toml, sizes_are_bounded)
{
	size_t big = TOML_MAX_BYTES + 1;
	char *text = malloc(big);
	struct error err;
	struct buf out;

	buf_init(&out);
	memset(text, ' ', big);
	cr_assert_eq(toml_parse("f", text, big, on_value, &out, &err), -ERR_TOO_LARGE);
	memset(text, 'k', 300);
	cr_assert_lt(toml_parse("f", text, 300, on_value, &out, &err), 0);
	cr_assert_not_null(strstr(err.msg, "key is too long"), "%s", err.msg);
	memset(text, 'x', 100000);
	memcpy(text, "a = '", 5);
	cr_assert_lt(toml_parse("f", text, 100000, on_value, &out, &err), 0);
	cr_assert_not_null(strstr(err.msg, "string is too long"), "%s", err.msg);
	free(text);
	buf_release(&out);
}

Test(toml, arrays_and_keys_are_bounded)
{
	struct error err;
	struct buf text, out;
	int i;

	buf_init(&text);
	buf_init(&out);
	buf_adds(&text, "a = [");
	for (i = 0; i < TOML_MAX_ITEMS + 1; i++) {
		buf_adds(&text, "'',");
	}
	cr_assert_lt(toml_parse("f", text.data, text.len, on_value, &out, &err), 0);
	cr_assert_not_null(strstr(err.msg, "too many items"), "%s", err.msg);
	buf_reset(&text);
	for (i = 0; i < TOML_MAX_KEYS + 1; i++) {
		buf_addf(&text, "k%d = 1\n", i);
	}
	cr_assert_lt(toml_parse("f", text.data, text.len, on_value, &out, &err), 0);
	cr_assert_not_null(strstr(err.msg, "too many keys"), "%s", err.msg);
	buf_release(&text);
	buf_release(&out);
}
