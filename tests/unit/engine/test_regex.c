/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_regex.c - regular expressions: what matches, what is refused, and that nothing
 * takes exponential time.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "engine/expr/regex.h"

static int search(const char *pattern, const char *text)
{
	struct regex *r = NULL;
	struct error err;
	size_t at;
	int hit;

	cr_assert_eq(regex_parse(pattern, strlen(pattern), &r, &at, &err), 0, "%s: %s",
		     pattern, err.msg);
	hit = regex_search(r, text, strlen(text));
	regex_free(r);
	return hit;
}

Test(regex, what_matches)
{
	static const struct {
		const char *pattern, *text;
		int hit;
	} rows[] = {
	    {"", "x", 1},
	    {"abc", "xabcx", 1},
	    {"abc", "xabx", 0},
	    {"HTTP (401|404)", "HTTP 404 gone", 1},
	    {"HTTP (401|404)", "HTTP 500", 0},
	    {"^b", "a\nb", 1},
	    {"a$", "a\nb", 1},
	    {"^b$", "abc", 0},
	    {"a.c", "a\nc", 0},
	    {"a[^b]c", "axc", 1},
	    {"a[^b]c", "abc", 0},
	    {"[a-c]{3}", "zabz", 0},
	    {"[a-c]{3}", "zabcz", 1},
	    {"x{2,3}y", "xy", 0},
	    {"x{2,3}y", "xxxxy", 1},
	    {"^x{2,3}y", "xxxxy", 0},
	    {"^x{0,1}y", "y", 1},
	    {"^x{2,}y", "xxxxy", 1},
	    {"\\d+ms", "took 12ms", 1},
	    {"\\bcat\\b", "concatenate", 0},
	    {"\\bcat\\b", "a cat.", 1},
	    {"(?i)error", "An ERROR", 1},
	    {"(?:ab)*c", "ababc", 1},
	    {"(a*)*b", "aaaa", 0},
	    {"a|b|", "zzz", 1},
	    {"\\x41\\.", "A.", 1},
	    {"[]]", "]", 1},
	    {"colou?r", "color", 1},
	    {"\xc3\xa9", "caf\xc3\xa9", 1},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(search(rows[i].pattern, rows[i].text), rows[i].hit,
			     "'%s' in '%s'", rows[i].pattern, rows[i].text);
	}
}

Test(regex, what_is_refused)
{
	static const char *const bad[] = {"(",     ")",      "[a",     "a{2",
					  "*a",    "a{3,2}", "\\1",    "[b-a]",
					  "(?=x)", "\\",     "a{2000}"};
	struct regex *r;
	struct error err;
	size_t i, at;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_lt(regex_parse(bad[i], strlen(bad[i]), &r, &at, &err), 0,
			     "%s", bad[i]);
	}
}

Test(regex, time_is_linear)
{
	char *text = xmalloc(100001);

	memset(text, 'a', 100000);
	text[100000] = '\0';
	/* a backtracking matcher would not see the end of this */
	cr_expect_eq(search("(a+)+(a+)+(a|aa)*b", text), 0);
	free(text);
}
