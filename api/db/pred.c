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
	enum sql_frag within;       /* the EXISTS fragment around it */
	const char *tail[DIALECTS]; /* rest of the EXISTS fragment */
};

struct fact {
	enum sql_frag frag, within;
	size_t first, nargs;
};

struct db_pred {
	struct buf text[DIALECTS]; /* the same in each */
	struct db_arg *args;
	size_t nargs, size;
	struct group groups[PRED_DEPTH_MAX + 1];
	int depth;
	int skipped; /* groups opened above the depth limit */
	int poisoned;
	struct fact facts[PRED_FACTS_MAX];
	size_t nfacts;
	int opaque; /* the facts are not all, or not all of them hold */
};

struct db_pred *pred_new(void)
{
	struct db_pred *p = xcalloc(1, sizeof(*p));

	for (int i = 0; i < DIALECTS; i++) {
		buf_init(&p->text[i]);
	}
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
	for (i = 0; i < DIALECTS; i++) {
		buf_release(&p->text[i]);
	}
	free(p);
}

/* What both dialects say in the same way. */
static void say(struct db_pred *p, const char *text)
{
	for (int i = 0; i < DIALECTS; i++) {
		buf_adds(&p->text[i], text);
	}
}

static const char *fragment_text(const struct sql_fragment *f, int dialect)
{
	return dialect == DIALECT_PG ? f->text_pg : f->text;
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
		say(p, g->is_or ? " OR " : " AND ");
		p->opaque |= g->is_or;
	}
	return 1;
}

static void add_fact(struct db_pred *p, enum sql_frag frag, size_t nargs)
{
	if (p->nfacts == PRED_FACTS_MAX) {
		p->opaque = 1;
		return;
	}
	p->facts[p->nfacts++] = (struct fact){.frag = frag,
					      .within = p->groups[p->depth].within,
					      .first = p->nargs,
					      .nargs = nargs};
}

/* TAIL: of each dialect; it stands behind the group. */
static void open_group(struct db_pred *p, int is_or, enum sql_frag within,
		       const char *const *tail)
{
	struct group *g;

	if (p->depth >= PRED_DEPTH_MAX || p->skipped > 0) {
		p->poisoned = 1;
		p->skipped++;
		return;
	}
	g = &p->groups[++p->depth];
	*g = (struct group){.is_or = is_or, .within = within};
	for (int i = 0; tail != NULL && i < DIALECTS; i++) {
		g->tail[i] = tail[i];
	}
}

void pred_open(struct db_pred *p, int is_or)
{
	if (start_member(p)) {
		say(p, "(");
	}
	open_group(p, is_or, p->groups[p->depth].within, NULL);
}

void pred_open_in(struct db_pred *p, enum sql_frag exists_frag, int is_or)
{
	const struct sql_fragment *f = &sql_fragments[exists_frag];
	const char *tail[DIALECTS];
	int begun, i;

	if ((f->flags & FRAG_F_BODY) == 0 || f->marks != 0) {
		BUG("fragment %s is not the frame of a group", f->name);
	}
	begun = start_member(p);
	p->opaque |= p->groups[p->depth].within != SQL_FRAG_NONE;
	add_fact(p, exists_frag, 0);
	for (i = 0; i < DIALECTS; i++) {
		const char *text = fragment_text(f, i), *at = strchr(text, '@');

		if (at == NULL) {
			BUG("fragment %s has no place for a group", f->name);
		}
		tail[i] = at + 1;
		if (begun) {
			buf_addf(&p->text[i], "(%.*s(", (int)(at - text), text);
		}
	}
	open_group(p, is_or, exists_frag, tail);
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
		say(p, "TRUE");
	}
	say(p, ")");
	for (int i = 0; i < DIALECTS && g->tail[i] != NULL; i++) {
		buf_addf(&p->text[i], "%s)", g->tail[i]);
	}
}

/* Writes a fragment; '?' becomes one mark, '%' LIST of them, both only outside of
 * quotes. */
static void write_text(struct buf *out, const char *text, size_t list)
{
	const char *s;
	size_t i;
	int in_quotes = 0;

	buf_addc(out, '(');
	for (s = text; *s != '\0'; s++) {
		if (*s == '\'') {
			in_quotes = !in_quotes;
		}
		if (in_quotes || (*s != '?' && *s != '%')) {
			buf_addc(out, *s);
			continue;
		}
		buf_addc(out, PRED_MARK);
		for (i = 1; *s == '%' && i < list; i++) {
			buf_addc(out, ',');
			buf_addc(out, PRED_MARK);
		}
	}
	buf_addc(out, ')');
}

static void write_fragment(struct db_pred *p, const struct sql_fragment *f, size_t list)
{
	for (int i = 0; i < DIALECTS; i++) {
		write_text(&p->text[i], fragment_text(f, i), list);
	}
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
	add_fact(p, frag, nargs);
	write_fragment(p, f, 1);
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
	add_fact(p, frag, padded);
	write_fragment(p, f, padded);
	for (i = 0; i < padded; i++) {
		add_value(p, &args[MIN_OF(i, nargs - 1)]);
	}
}

void pred_add_false(struct db_pred *p)
{
	if (start_member(p)) {
		say(p, "FALSE");
		p->opaque = 1;
	}
}

const char *pred_text(const struct db_pred *p, enum sql_dialect dialect)
{
	if (p == NULL || p->text[dialect].len == 0) {
		return "TRUE";
	}
	if (p->depth != 0) {
		BUG("a group of the predicate is not closed");
	}
	return p->text[dialect].data;
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

int pred_facts(const struct db_pred *p, struct pred_fact ret_facts[PRED_FACTS_MAX])
{
	if (p == NULL) {
		return 0;
	}
	if (p->opaque || p->poisoned) {
		return -1;
	}
	for (size_t i = 0; i < p->nfacts; i++) {
		const struct fact *f = &p->facts[i];

		ret_facts[i] = (struct pred_fact){.frag = f->frag,
						  .within = f->within,
						  .args = &p->args[f->first],
						  .nargs = f->nargs};
	}
	return (int)p->nfacts;
}
