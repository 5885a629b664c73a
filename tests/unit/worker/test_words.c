/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_words.c - command lines into words.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "worker/job_template.h"

static const struct {
	const char *line, *words; /* joined with | */
} cases[] = {
    {"", ""},
    {"  \t\n ", ""},
    {"a", "a|"},
    {"  a  b\tc\n", "a|b|c|"},
    {"'a b' c", "a b|c|"},
    {"\"a b\" c", "a b|c|"},
    {"'' x \"\"", "|x||"},
    {"a'b'\"c\"d", "abcd|"},
    {"a\\ b \\' \\\"", "a b|'|\"|"},
    {"'a\\b'", "a\\b|"},
    {"\"a\\\"b\\\\c\\n\"", "a\"b\\c\\n|"},
    {"$HOME *.c ~ `x`", "$HOME|*.c|~|`x`|"},
    {"a#b ; c && d | e > f", "a#b|;|c|&&|d|||e|>|f|"},
    {"trailing\\", "trailing\\|"},
    {"\xc3\xa4 '\xe4\xb8\xad \xe6\x96\x87'", "\xc3\xa4|\xe4\xb8\xad \xe6\x96\x87|"},
};

Test(words, are_split_as_a_shell_does)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char **words = NULL;
		struct buf b;

		buf_init(&b);
		cr_assert_eq(words_split(cases[i].line, &words, NULL), 0);
		for (char **w = words; *w != NULL; w++) {
			buf_adds(&b, *w);
			buf_addc(&b, '|');
		}
		cr_expect_str_eq(b.data, cases[i].words, "%s: %s", cases[i].line,
				 b.data);
		buf_release(&b);
		words_free(words);
	}
}

Test(words, an_open_quote_is_an_error)
{
	static const char *const open[] = {"'a", "\"a", "x \"a'", "\"a\\\""};

	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		char **words = NULL;
		struct error err = {0};

		cr_expect_eq(words_split(open[i], &words, &err), -ERR_INVALID);
		cr_expect(strstr(err.msg, open[i]) != NULL, "%s", err.msg);
		cr_expect_null(words);
	}
}

Test(words, have_a_limit)
{
	char **words = NULL;
	struct buf b;

	buf_init(&b);
	for (int i = 0; i < 4097; i++) {
		buf_adds(&b, "x ");
	}
	cr_assert_eq(words_split(b.data, &words, NULL), -ERR_TOO_LARGE);
	buf_release(&b);
}
