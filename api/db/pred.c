/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pred.c - the predicate builder: an expression of fragments in a text, values beside
 * it.
 *
 * Each member is put in parentheses and joined with its group's operator, so that
 * whatever the fragments are, the whole is one closed expression.  Lists are padded to
 * a power of two by repeating their last value: a few texts serve all lengths, and stay
 * prepared.
 */
#include <stdlib.h>
#include <string.h>

#include "api/db/db_priv.h"
#include "base/error.h"
#include "base/mem.h"

#define PRED_MEMBERS_MAX 400 /* per group: SQLite limits the depth of an expression */

struct group {
	int is_or;
	int members;
	const char *tail; /* rest of the EXISTS fragment, or NULL */
};

struct db_pred {
	struct buf text;
	struct db_arg *args;
	size_t nargs, size;
	struct group groups[PRED_DEPTH_MAX + 1];
	int depth;
	int skipped; /* groups opened above the depth limit */
	int poisoned;
};

struct db_pred *pred_new(void)
{
	struct db_pred *p = xcalloc(1, sizeof(*p));

	buf_init(&p->text);
	return p;
}

void pred_free(struct db_pred *p)
{
	size_t i;

	if (p == NULL) {
		return;
	}
	for (i = 0; i < p->nargs; i++) {
		union {
			const void *from;
			void *to;
		} own = {.from = p->args[i].p};

		free(own.to);
	}
	free(p->args);
	buf_release(&p->text);
	free(p);
}

static void add_value(struct db_pred *p, const struct db_arg *a)
{
	if (p->nargs == p->size) {
		p->size = p->size == 0 ? 16 : p->size * 2;
		p->args = xreallocarray(p->args, p->size, sizeof(*p->args));
	}
	p->args[p->nargs] = *a;
	if (a->type == DB_T_TEXT || a->type == DB_T_BLOB) {
		/* one byte more: an empty value needs an address too */
		char *copy = xmalloc(a->len + 1);

		memcpy(copy, a->p, a->len);
		copy[a->len] = '\0';
		p->args[p->nargs].p = copy;
	} else {
		p->args[p->nargs].p = NULL;
	}
	p->nargs++;
}

/* The operator in front of the next member.  0 when there is no room for one. */
static int start_member(struct db_pred *p)
{
	struct group *g = &p->groups[p->depth];

	if (p->skipped > 0 || g->members >= PRED_MEMBERS_MAX) {
		p->poisoned = 1;
	}
	if (p->poisoned) {
		return 0;
	}
	if (g->members++ > 0) {
		buf_adds(&p->text, g->is_or ? " OR " : " AND ");
	}
	return 1;
}

static void open_group(struct db_pred *p, int is_or, const char *tail)
{
	if (p->depth >= PRED_DEPTH_MAX || p->skipped > 0) {
		p->poisoned = 1;
		p->skipped++;
		return;
	}
	p->groups[++p->depth] = (struct group){.is_or = is_or, .tail = tail};
}

void pred_open(struct db_pred *p, int is_or)
{
	if (start_member(p)) {
		buf_addc(&p->text, '(');
	}
	open_group(p, is_or, "");
}

void pred_open_in(struct db_pred *p, enum sql_frag exists_frag, int is_or)
{
	const struct sql_fragment *f = &sql_fragments[exists_frag];
	const char *at = strchr(f->text, '@');

	if ((f->flags & FRAG_F_BODY) == 0 || f->marks != 0 || at == NULL) {
		BUG("fragment %s is not the frame of a group", f->name);
	}
	if (start_member(p)) {
		buf_addc(&p->text, '(');
		buf_add(&p->text, f->text, (size_t)(at - f->text));
		buf_addc(&p->text, '(');
	}
	open_group(p, is_or, at + 1);
}

void pred_close(struct db_pred *p)
{
	struct group *g;

	if (p->skipped > 0) {
		p->skipped--;
		return;
	}
	if (p->depth == 0) {
		BUG("no group is open");
	}
	g = &p->groups[p->depth--];
	if (p->poisoned) {
		return;
	}
	if (g->members == 0) {
		buf_adds(&p->text, "TRUE");
	}
	buf_addc(&p->text, ')');
	if (*g->tail != '\0') {
		buf_adds(&p->text, g->tail);
		buf_addc(&p->text, ')');
	}
}

/* Writes a fragment; '?' becomes one mark, '%' LIST of them, both only outside of
 * quotes. */
static void write_fragment(struct db_pred *p, const char *text, size_t list)
{
	const char *s;
	size_t i;
	int in_quotes = 0;

	buf_addc(&p->text, '(');
	for (s = text; *s != '\0'; s++) {
		if (*s == '\'') {
			in_quotes = !in_quotes;
		}
		if (in_quotes || (*s != '?' && *s != '%')) {
			buf_addc(&p->text, *s);
			continue;
		}
		buf_addc(&p->text, PRED_MARK);
		for (i = 1; *s == '%' && i < list; i++) {
			buf_addc(&p->text, ',');
			buf_addc(&p->text, PRED_MARK);
		}
	}
	buf_addc(&p->text, ')');
}

void pred_add(struct db_pred *p, enum sql_frag frag, const struct db_arg *args,
	      size_t nargs)
{
	const struct sql_fragment *f = &sql_fragments[frag];
	size_t i;

	if (frag == SQL_FRAG_NONE || f->flags != 0 || f->marks != (int)nargs) {
		BUG("fragment %s does not take %zu values", f->name, nargs);
	}
	if (p->nargs + nargs > PRED_ARGS_MAX) {
		p->poisoned = 1;
	}
	if (!start_member(p)) {
		return;
	}
	write_fragment(p, f->text, 1);
	for (i = 0; i < nargs; i++) {
		add_value(p, &args[i]);
	}
}

void pred_add_list(struct db_pred *p, enum sql_frag frag, const struct db_arg *args,
		   size_t nargs)
{
	const struct sql_fragment *f = &sql_fragments[frag];
	size_t padded = 1;
	size_t i;

	if ((f->flags & FRAG_F_LIST) == 0 || f->marks != 0) {
		BUG("fragment %s does not take a list", f->name);
	}
	if (nargs == 0) {
		pred_add_false(p);
		return;
	}
	if (nargs > PRED_ARGS_MAX || p->nargs + nargs > PRED_ARGS_MAX) {
		p->poisoned = 1;
	}
	if (!start_member(p)) {
		return;
	}
	while (padded < nargs) {
		padded *= 2;
	}
	if (p->nargs + padded > PRED_ARGS_MAX) {
		padded = nargs;
	}
	write_fragment(p, f->text, padded);
	for (i = 0; i < padded; i++) {
		add_value(p, &args[MIN_OF(i, nargs - 1)]);
	}
}

void pred_add_false(struct db_pred *p)
{
	if (start_member(p)) {
		buf_adds(&p->text, "FALSE");
	}
}

const char *pred_text(const struct db_pred *p)
{
	if (p == NULL || p->text.len == 0) {
		return "TRUE";
	}
	if (p->depth != 0) {
		BUG("a group of the predicate is not closed");
	}
	return p->text.data;
}

const struct db_arg *pred_args(const struct db_pred *p, size_t *ret_count)
{
	*ret_count = p == NULL ? 0 : p->nargs;
	return p == NULL ? NULL : p->args;
}

int pred_is_poisoned(const struct db_pred *p)
{
	return p != NULL && p->poisoned;
}
