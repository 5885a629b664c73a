/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - tables: rounded boxes on a terminal, tab-separated lines when piped.
 *
 * Widths are display columns (wcwidth).  When the table is wider than the terminal the
 * widest columns are narrowed and their cells folded, at spaces where there are some.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/output.h"

#define TABLE_COLUMNS_MAX 16
#define TABLE_MIN_WIDTH   6

struct cell {
	char *text; /* owned */
	enum tone tone;
};

struct table {
	const struct cli *cli;
	char *title;
	char *names[TABLE_COLUMNS_MAX];
	int width[TABLE_COLUMNS_MAX];
	size_t columns;
	struct cell *cells;
	size_t count, size;
};

struct table *table_new(const struct cli *cli, const char *title)
{
	struct table *t = xcalloc(1, sizeof(*t));

	t->cli = cli;
	t->title = title != NULL ? xstrdup(title) : NULL;
	return t;
}

void table_free(struct table *t)
{
	if (t == NULL) {
		return;
	}
	for (size_t i = 0; i < t->count; i++) {
		free(t->cells[i].text);
	}
	for (size_t i = 0; i < t->columns; i++) {
		free(t->names[i]);
	}
	free(t->cells);
	free(t->title);
	free(t);
}

/* Bytes of TEXT that fill at most MAX columns; *ret_width gets their width. */
static size_t fit(const char *text, int max, int *ret_width)
{
	size_t at = 0, len = strlen(text);
	int width = 0;
	mbstate_t st;

	memset(&st, 0, sizeof(st));
	while (at < len) {
		wchar_t wc;
		size_t n = mbrtowc(&wc, text + at, len - at, &st);
		int w;

		if (n == (size_t)-1 || n == (size_t)-2 || n == 0) {
			n = 1;
			wc = L'?';
			memset(&st, 0, sizeof(st));
		}
		w = wcwidth(wc);
		w = w < 0 ? 0 : w;
		if (width + w > max) {
			break;
		}
		width += w;
		at += n;
	}
	*ret_width = width;
	return at;
}

static int width_of(const char *text)
{
	int w;

	(void)fit(text, INT32_MAX, &w);
	return w;
}

void table_column(struct table *t, const char *name)
{
	if (t->columns < TABLE_COLUMNS_MAX) {
		t->names[t->columns] = xstrdup(name);
		t->width[t->columns] = width_of(name);
		t->columns++;
	}
}

void table_cell(struct table *t, enum tone tone, const char *fmt, ...)
{
	struct buf b;
	va_list ap;
	size_t col = t->count % t->columns;
	int w;

	buf_init(&b);
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < b.len; i++) {
		if ((unsigned char)b.data[i] < ' ') {
			b.data[i] = ' ';
		}
	}
	if (t->count == t->size) {
		t->size = t->size == 0 ? 64 : t->size * 2;
		t->cells = xreallocarray(t->cells, t->size, sizeof(*t->cells));
	}
	w = width_of(b.data);
	t->cells[t->count].tone = tone;
	t->cells[t->count].text = buf_take(&b, NULL);
	t->count++;
	if (w > t->width[col]) {
		t->width[col] = w;
	}
	buf_release(&b);
}

size_t table_rows(const struct table *t)
{
	return t->columns == 0 ? 0 : t->count / t->columns;
}

static int total_width(const struct table *t)
{
	int sum = 1;

	for (size_t i = 0; i < t->columns; i++) {
		sum += t->width[i] + 3;
	}
	return sum;
}

/* Takes columns from the widest until the table fits. */
static void narrow(struct table *t, int max)
{
	while (total_width(t) > max) {
		size_t widest = 0;

		for (size_t i = 1; i < t->columns; i++) {
			if (t->width[i] > t->width[widest]) {
				widest = i;
			}
		}
		if (t->width[widest] <= TABLE_MIN_WIDTH) {
			return;
		}
		t->width[widest]--;
	}
}

static void rule(const struct table *t, const char *left, const char *mid,
		 const char *right)
{
	(void)fputs(tone_on(t->cli, TONE_DIM), stdout);
	(void)fputs(left, stdout);
	for (size_t c = 0; c < t->columns; c++) {
		for (int i = 0; i < t->width[c] + 2; i++) {
			(void)fputs("─", stdout);
		}
		(void)fputs(c + 1 < t->columns ? mid : right, stdout);
	}
	(void)fputs(tone_off(t->cli), stdout);
	(void)putchar('\n');
}

/* How much of TEXT goes on this line: up to a space when it has to be folded. */
static size_t fold(const char *text, int max, int *ret_width)
{
	size_t n = fit(text, max, ret_width);

	if (text[n] != '\0') {
		size_t cut = n;

		while (cut > n / 2 && text[cut] != ' ') {
			cut--;
		}
		if (text[cut] == ' ' && cut > 0) {
			char *head = xstrndup(text, cut);

			*ret_width = width_of(head);
			free(head);
			return cut;
		}
	}
	return n;
}

/* One row; cells longer than their column go on in further lines. */
static void print_row(const struct table *t, const struct cell *cells)
{
	const char *rest[TABLE_COLUMNS_MAX];
	int more = 1;

	for (size_t c = 0; c < t->columns; c++) {
		rest[c] = cells[c].text;
	}
	while (more) {
		more = 0;
		for (size_t c = 0; c < t->columns; c++) {
			int w;
			size_t n = fold(rest[c], t->width[c], &w);

			(void)printf("%s│%s %s%.*s%s%*s ", tone_on(t->cli, TONE_DIM),
				     tone_off(t->cli), tone_on(t->cli, cells[c].tone),
				     (int)n, rest[c], tone_off(t->cli), t->width[c] - w,
				     "");
			rest[c] += n;
			while (*rest[c] == ' ') {
				rest[c]++;
			}
			more |= *rest[c] != '\0';
		}
		(void)printf("%s│%s\n", tone_on(t->cli, TONE_DIM), tone_off(t->cli));
	}
}

static void print_boxed(struct table *t)
{
	struct cell head[TABLE_COLUMNS_MAX];

	narrow(t, t->cli->width > 20 ? t->cli->width : 20);
	if (t->title != NULL) {
		int pad = (total_width(t) - width_of(t->title)) / 2;

		(void)printf("%*s%s%s%s\n", pad > 0 ? pad : 0, "",
			     tone_on(t->cli, TONE_BOLD), t->title, tone_off(t->cli));
	}
	for (size_t c = 0; c < t->columns; c++) {
		head[c] = (struct cell){.text = t->names[c], .tone = TONE_BOLD};
	}
	rule(t, "╭", "┬", "╮");
	print_row(t, head);
	rule(t, "├", "┼", "┤");
	for (size_t r = 0; r < table_rows(t); r++) {
		print_row(t, t->cells + r * t->columns);
	}
	rule(t, "╰", "┴", "╯");
}

void table_print(struct table *t)
{
	if (t->columns == 0) {
		return;
	}
	if (t->cli->width > 0) {
		print_boxed(t);
		return;
	}
	for (size_t c = 0; c < t->columns; c++) {
		(void)printf("%s%c", t->names[c], c + 1 < t->columns ? '\t' : '\n');
	}
	for (size_t i = 0; i + t->columns <= t->count; i += t->columns) {
		for (size_t c = 0; c < t->columns; c++) {
			(void)printf("%s%c", t->cells[i + c].text,
				     c + 1 < t->columns ? '\t' : '\n');
		}
	}
}
