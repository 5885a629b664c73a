/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tail.c - keeps and copies what a process prints.
 */
#include "worker/tail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/log.h"

void tail_init(struct tail *t)
{
	memset(t, 0, sizeof(*t));
	buf_init(&t->text);
	buf_init(&t->line);
}

static void print_line(const struct tail *t, const char *line, size_t len)
{
	char safe[TAIL_LINE_MAX * 4 + 1];

	(void)log_escape(safe, sizeof(safe), line, len);
	(void)fprintf(stdout, "%s | %s\n", t->prefix, safe);
}

void tail_release(struct tail *t)
{
	if (t->prefix != NULL && t->line.len > 0) {
		print_line(t, t->line.data, t->line.len);
		(void)fflush(stdout);
	}
	buf_release(&t->text);
	buf_release(&t->line);
	free(t->prefix);
}

static void copy_lines(struct tail *t, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n' || t->line.len == TAIL_LINE_MAX) {
			print_line(t, t->line.data, t->line.len);
			buf_reset(&t->line);
		}
		if (data[i] != '\n') {
			buf_addc(&t->line, data[i]);
		}
	}
	(void)fflush(stdout);
}

void tail_add(struct tail *t, const char *data, size_t len)
{
	if (t->prefix != NULL) {
		copy_lines(t, data, len);
	}
	if (len > TAIL_MAX) {
		data += len - TAIL_MAX;
		len = TAIL_MAX;
	}
	buf_add(&t->text, data, len);
	if (t->text.len > 2 * (size_t)TAIL_MAX) {
		buf_consume(&t->text, t->text.len - TAIL_MAX);
	}
}

const char *tail_last(struct tail *t, size_t max)
{
	const char *p = t->text.data;

	if (t->text.len > max) {
		const char *nl = strchr(p + t->text.len - max, '\n');

		p = nl != NULL && nl[1] != '\0' ? nl + 1 : p + t->text.len - max;
	}
	return p;
}
