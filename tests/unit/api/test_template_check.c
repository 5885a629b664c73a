/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_template_check.c - texts that are templates, texts that are not, and where.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "api/routes/template_check.h"
#include "base/compiler.h"
#include "base/error.h"

Test(template_check, good_texts)
{
	static const char *const good[] = {
	    "",
	    "no template at all } }} %} {",
	    "{{ x }}",
	    "{{ event.payload['a}}b'] | tojson }}",
	    "{{ {'a': {'b': 1}} }}",
	    "{# anything {{ #}",
	    "{% if a %}{{ a }}{% elif b %}b{% else %}c{% endif %}",
	    "{%- for x in y -%}{% if x %}{{ x }}{% endif %}{%- endfor -%}",
	    "{% set x = \"%}\" %}{{ x }}",
	    "{% raw %}{{ {% {% endraw %} after {{ x }}",
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct error err = {0};
		int line = 0;

		cr_expect_eq(template_text_check(good[i], &line, &err), 0, "%s: %s",
			     good[i], err.msg);
	}
}

Test(template_check, bad_texts_and_their_lines)
{
	static const struct {
		const char *text;
		int line;
		const char *message;
	} bad[] = {
	    {"{{ x", 1,
	     "unexpected end of template, expected 'end of print statement'."},
	    {"a\nb {{ 'x }}", 2, "unexpected char"},
	    {"{{ (x }}", 1, "unexpected '}', expected ')'"},
	    {"{{ x) }}", 1, "unexpected ')'"},
	    {"\n\n{{ }}", 3, "Expected an expression"},
	    {"{% nosuch %}", 1, "Encountered unknown tag 'nosuch'."},
	    {"{% if x %}\n{% endfor %}", 2, "to be closed is 'if'"},
	    {"{% for x in y %}\n\n", 1, "Unexpected end of template."},
	    {"{% endif %}", 1, "Encountered unknown tag 'endif'."},
	    {"{% if x", 1, "expected 'end of statement block'"},
	    {"{# x", 1, "Missing end of comment tag"},
	    {"{% raw %}{{", 1, "Missing end of raw directive"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct error err = {0};
		int line = 0;

		cr_expect_eq(template_text_check(bad[i].text, &line, &err),
			     -ERR_INVALID, "%s", bad[i].text);
		cr_expect_eq(line, bad[i].line, "%s: line %d", bad[i].text, line);
		cr_expect(strstr(err.msg, bad[i].message) != NULL, "%s: %s",
			  bad[i].text, err.msg);
	}
}

Test(template_check, nesting_has_a_limit)
{
	char text[10 * 100 + 1];
	struct error err = {0};
	int line;

	for (int i = 0; i < 100; i++) {
		memcpy(text + 10 * (size_t)i, "{% if x %}", 10);
	}
	text[1000] = '\0';
	cr_expect_eq(template_text_check(text, &line, &err), -ERR_INVALID);
	memset(text, '(', 1000);
	memcpy(text, "{{", 2);
	cr_expect_eq(template_text_check(text, &line, &err), -ERR_INVALID);
}
