/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_table.c - tables: boxes on a terminal, tabs in a pipe, wide characters, folding.
 */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <locale.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/output.h"

static void start(void)
{
	cr_assert_not_null(setlocale(LC_CTYPE, "C.UTF-8"));
	cr_redirect_stdout();
}

static void print(int width, const char *a, const char *b)
{
	const struct cli cli = {.width = width};
	struct table *t = table_new(&cli, "Things");

	table_column(t, "Name");
	table_column(t, "Text");
	table_cell(t, TONE_OK, "%s", a);
	table_cell(t, TONE_PLAIN, "%s", b);
	cr_assert_eq(table_rows(t), 1);
	table_print(t);
	table_free(t);
	(void)fflush(stdout);
}

Test(table, is_tabs_in_a_pipe, .init = start)
{
	print(0, "a", "b c");
	cr_assert_stdout_eq_str("Name\tText\na\tb c\n");
}

Test(table, cells_are_one_line, .init = start)
{
	print(0, "a\nb\tc", "x\033[31my");
	cr_assert_stdout_eq_str("Name\tText\na b c\tx [31my\n");
}

Test(table, is_a_box_on_a_terminal, .init = start)
{
	print(80, "a", "b c");
	cr_assert_stdout_eq_str("    Things\n"
				"╭──────┬──────╮\n"
				"│ Name │ Text │\n"
				"├──────┼──────┤\n"
				"│ a    │ b c  │\n"
				"╰──────┴──────╯\n");
}

Test(table, wide_characters_take_two_columns, .init = start)
{
	print(80, "中文字", "é");
	cr_assert_stdout_eq_str("     Things\n"
				"╭────────┬──────╮\n"
				"│ Name   │ Text │\n"
				"├────────┼──────┤\n"
				"│ 中文字 │ é    │\n"
				"╰────────┴──────╯\n");
}

Test(table, long_cells_fold_at_blanks, .init = start)
{
	print(30, "n", "one two three four five six");
	cr_assert_stdout_eq_str("            Things\n"
				"╭──────┬─────────────────────╮\n"
				"│ Name │ Text                │\n"
				"├──────┼─────────────────────┤\n"
				"│ n    │ one two three four  │\n"
				"│      │ five six            │\n"
				"╰──────┴─────────────────────╯\n");
}

Test(table, what_has_no_blanks_is_cut, .init = start)
{
	print(24, "n", "0123456789012345678901234");
	cr_assert_stdout_eq_str("         Things\n"
				"╭──────┬───────────────╮\n"
				"│ Name │ Text          │\n"
				"├──────┼───────────────┤\n"
				"│ n    │ 0123456789012 │\n"
				"│      │ 345678901234  │\n"
				"╰──────┴───────────────╯\n");
}

Test(table, wide_characters_are_not_halved, .init = start)
{
	print(22, "n", "中中中中中中中中");
	cr_assert_stdout_eq_str("        Things\n"
				"╭──────┬─────────────╮\n"
				"│ Name │ Text        │\n"
				"├──────┼─────────────┤\n"
				"│ n    │ 中中中中中  │\n"
				"│      │ 中中中      │\n"
				"╰──────┴─────────────╯\n");
}

Test(table, bytes_that_are_no_text_do_no_harm, .init = start)
{
	print(80, "a\xff\xc3", "b");
	cr_assert(1);
}

Test(table, without_rows_is_its_head, .init = start)
{
	const struct cli cli = {.width = 0};
	struct table *t = table_new(&cli, NULL);

	table_print(t); /* no columns: nothing */
	table_column(t, "A");
	table_print(t);
	table_free(t);
	table_free(NULL);
	(void)fflush(stdout);
	cr_assert_stdout_eq_str("A\n");
}

Test(table, colours_are_where_a_tone_is, .init = start)
{
	const struct cli plain = {.color = 0}, bright = {.color = 1};

	cr_assert_str_empty(tone_on(&plain, TONE_BAD));
	cr_assert_str_empty(tone_off(&plain));
	cr_assert_eq(tone_on(&bright, TONE_BAD)[0], '\033');
	cr_assert_eq(tone_of_state("COMPLETED"), TONE_OK);
	cr_assert_eq(tone_of_state("FAILED"), TONE_BAD);
	cr_assert_eq(tone_of_state("CRASHED"), TONE_BAD);
}
