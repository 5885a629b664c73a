/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_when.c - tests of a state change: `when` of handlers and named `checks`.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "engine/yaml/load.h"

#define MAX_PARTS 50u

static const char *const predicates[] = {"finished", "failed",  "successful",
					 "retrying", "running", "pending"};
static const char *const types[] = {"SCHEDULED", "PENDING", "RUNNING",
				    "COMPLETED", "FAILED",  "CANCELLED",
				    "CRASHED",   "PAUSED",  "CANCELLING"};

/* Every word must be one of NAMES. */
static void check_words(struct loader *l, const struct ynode *n,
			const struct plan_strs *strs, const char *const *names,
			size_t count)
{
	size_t i, k;
	char hint[80];

	for (i = 0; i < strs->count; i++) {
		for (k = 0; k < count && strcmp(strs->items[i], names[k]) != 0; k++) {
		}
		if (k == count) {
			diag_node(l->d, n, "'%.60s' is not known here%s",
				  strs->items[i],
				  load_hint(strs->items[i], names, count, hint,
					    sizeof(hint)));
		}
	}
}

static void when_from(struct loader *l, const struct ynode *n, void *obj)
{
	(void)load_some(l, n, "from", &((struct plan_when *)obj)->from);
}

static void when_to(struct loader *l, const struct ynode *n, void *obj)
{
	(void)load_some(l, n, "to", &((struct plan_when *)obj)->to);
}

static void when_type(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_when *w = obj;

	if (load_some(l, n, "type", &w->type) == 0) {
		check_words(l, n, &w->type, types, ARRAY_LEN(types));
	}
}

static void when_name(struct loader *l, const struct ynode *n, void *obj)
{
	(void)load_some(l, n, "name", &((struct plan_when *)obj)->name);
}

static void when_is(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_when *w = obj;

	if (load_some(l, n, "is", &w->is) == 0) {
		check_words(l, n, &w->is, predicates, ARRAY_LEN(predicates));
	}
}

static void when_expr(struct loader *l, const struct ynode *n, void *obj)
{
	((struct plan_when *)obj)->expr = load_text_tmpl(l, n, "expr", ROOTS_CHANGE);
}

/* One test or a list of them. */
static void load_parts(struct loader *l, const struct ynode *n,
		       struct plan_when ***ret_parts, size_t *ret_count)
{
	size_t i, count = n->kind == YNODE_SEQ ? n->count : 1;
	struct plan_when *w;

	if (count == 0 || count > MAX_PARTS || *ret_parts != NULL) {
		diag_node(l->d, n, "there must be 1 to %u tests", MAX_PARTS);
		return;
	}
	*ret_parts = xcalloc(count, sizeof(struct plan_when *));
	for (i = 0; i < count; i++) {
		w = load_when(l, n->kind == YNODE_SEQ ? n->items[i] : n);
		if (w != NULL) {
			(*ret_parts)[(*ret_count)++] = w;
		}
	}
}

static void when_all(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_when *w = obj;

	load_parts(l, n, &w->all, &w->all_count);
}

static void when_any(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_when *w = obj;

	load_parts(l, n, &w->any, &w->any_count);
}

static void when_not(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_when *w = obj;

	load_parts(l, n, &w->none, &w->none_count);
}

static const struct field when_fields[] = {
    {"all", FIELD_FN, .fn = when_all},   {"any", FIELD_FN, .fn = when_any},
    {"expr", FIELD_FN, .fn = when_expr}, {"from", FIELD_FN, .fn = when_from},
    {"is", FIELD_FN, .fn = when_is},     {"name", FIELD_FN, .fn = when_name},
    {"not", FIELD_FN, .fn = when_not},   {"to", FIELD_FN, .fn = when_to},
    {"type", FIELD_FN, .fn = when_type},
};

/* The depth of tests is that of the document. */
struct plan_when *load_when(struct loader *l, const struct ynode *n)
{
	struct plan_when *w = xcalloc(1, sizeof(*w));

	load_fields(l, n, when_fields, ARRAY_LEN(when_fields), "a test", w);
	return w;
}
