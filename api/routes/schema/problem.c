/* SPDX-License-Identifier: Apache-2.0 */
/*
 * problem.c - the problems found, and which of them to tell.
 *
 * Order of importance: nearer to the root, then the later path among siblings, then a
 * plain keyword before a failed choice, then a problem where at least the type fits.
 * When the most important one is a failed choice, the deepest (least important by that
 * order) of its alternatives' problems is more to the point, unless two are equally
 * good.
 */
#include "api/routes/schema/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes/schema/schema.h"
#include "api/routes/schema/text.h"
#include "base/mem.h"

static int path_depth(const struct schema_path *path)
{
	int n = 0;

	for (; path != NULL; path = path->up) {
		n++;
	}
	return n;
}

static int is_word(const char *s)
{
	if (*s == '\0' || strspn(s, "0123456789") > 0) {
		return 0;
	}
	return strspn(
		   s,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
	       strlen(s);
}

static void path_text(struct buf *out, const struct schema_path *path)
{
	if (path == NULL) {
		return;
	}
	path_text(out, path->up);
	if (path->key == NULL) {
		buf_addf(out, "[%zu]", path->index);
	} else if (is_word(path->key)) {
		buf_addf(out, "%s%s", out->len > 0 ? "." : "", path->key);
	} else {
		buf_addf(out, "['%s']", path->key);
	}
}

static void path_order(struct buf *out, const struct schema_path *path)
{
	if (path == NULL) {
		return;
	}
	path_order(out, path->up);
	if (path->key == NULL) {
		buf_addf(out, "\x01%010zu", path->index);
	} else {
		buf_addf(out, "\x01%s", path->key);
	}
}

struct schema_problem *schema_problem_take(const struct schema_at *at, char *message)
{
	struct schema_list *out = at->out;
	struct schema_problem *p;
	const json_t *type = json_object_get(at->schema, "type");
	struct buf where, order;

	if (out->count >= SCHEMA_ERRORS_MAX) {
		free(message);
		return NULL;
	}
	if (out->count == out->size) {
		out->size = out->size == 0 ? 8 : out->size * 2;
		out->items = xreallocarray(out->items, out->size, sizeof(*out->items));
	}
	p = &out->items[out->count++];
	buf_init(&where);
	buf_init(&order);
	path_text(&where, at->path);
	path_order(&order, at->path);
	*p = (struct schema_problem){
	    .where = buf_take(&where, NULL),
	    .order = buf_take(&order, NULL),
	    .message = message,
	    .depth = path_depth(at->path),
	    .off_type = type == NULL || !schema_type_matches(at->value, type),
	};
	buf_release(&where);
	buf_release(&order);
	return p;
}

struct schema_problem *schema_problem_add(const struct schema_at *at, const char *fmt,
					  ...)
{
	struct buf b;
	va_list ap;
	char *text;

	buf_init(&b);
	schema_text(&b, at->value);
	buf_addc(&b, ' ');
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	text = buf_take(&b, NULL);
	buf_release(&b);
	return schema_problem_take(at, text);
}

void schema_list_release(struct schema_list *l)
{
	if (l == NULL) {
		return;
	}
	for (size_t i = 0; i < l->count; i++) {
		struct schema_problem *p = &l->items[i];

		free(p->where);
		free(p->order);
		free(p->message);
		if (p->inner != NULL) {
			schema_list_release(p->inner);
			free(p->inner);
		}
	}
	free(l->items);
	*l = (struct schema_list){0};
}

/* Above zero when A is more important than B. */
static int compare(const struct schema_problem *a, const struct schema_problem *b)
{
	int c;

	if (a->depth != b->depth) {
		return a->depth < b->depth ? 1 : -1;
	}
	c = strcmp(a->order, b->order);
	if (c != 0) {
		return c > 0 ? 1 : -1;
	}
	if (a->weak != b->weak) {
		return a->weak ? -1 : 1;
	}
	return a->off_type - b->off_type;
}

/* The least important one, or NULL when two share that place. */
static const struct schema_problem *deepest(const struct schema_list *l)
{
	const struct schema_problem *low = NULL;
	int tie = 0;

	for (size_t i = 0; i < l->count; i++) {
		int c = low == NULL ? -1 : compare(&l->items[i], low);

		if (c < 0) {
			low = &l->items[i];
			tie = 0;
		} else if (c == 0) {
			tie = 1;
		}
	}
	return tie ? NULL : low;
}

const struct schema_problem *schema_best(const struct schema_list *l)
{
	const struct schema_problem *best = NULL;

	for (size_t i = 0; i < l->count; i++) {
		if (best == NULL || compare(&l->items[i], best) > 0) {
			best = &l->items[i];
		}
	}
	while (best != NULL && best->inner != NULL && best->inner->count > 0) {
		const struct schema_problem *next = deepest(best->inner);

		if (next == NULL) {
			break;
		}
		best = next;
	}
	return best;
}
