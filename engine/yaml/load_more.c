/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_more.c - limits, subflows, pauses, transactions, and the shapes of values that
 * several keys share.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "engine/expr/tmpl.h"
#include "engine/yaml/load.h"
#include "engine/yaml/scalar.h"

#define MAX_SECONDS 31536000.0
#define MAX_LIMITS  20u
#define MAX_ARGS    4096u
#define MAX_PAIRS   200u

int load_is_map(struct loader *l, const struct ynode *n, const char *what)
{
	char buf[80];

	if (n->kind == YNODE_MAP) {
		return 1;
	}
	diag_node(l->d, n, "%s must be a mapping, not %s", what,
		  ynode_describe(n, buf, sizeof(buf)));
	return 0;
}

int load_some(struct loader *l, const struct ynode *n, const char *what,
	      struct plan_strs *strs)
{
	char *text = NULL;

	if (n->kind == YNODE_SEQ) {
		return load_strs(l, n, what, strs);
	}
	if (load_text(l, n, what, &text) < 0) {
		return -ERR_INVALID;
	}
	strs->items = xreallocarray(strs->items, strs->count + 1, sizeof(char *));
	strs->items[strs->count++] = text;
	return 0;
}

int load_span(struct loader *l, const struct ynode *n, const char *what,
	      double *ret_seconds)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {{"", 1},     {"s", 1},     {"m", 60},
		     {"h", 3600}, {"d", 86400}, {"w", 604800}};
	char *end;
	double v;
	size_t i;

	if (n->kind == YNODE_SCALAR && n->len > 0) {
		v = strtod(n->text, &end);
		for (i = 0; i < ARRAY_LEN(units) && end > n->text; i++) {
			if (strcmp(end, units[i].unit) == 0 && v > 0 &&
			    v * units[i].seconds <= 100 * MAX_SECONDS) {
				*ret_seconds = v * units[i].seconds;
				return 0;
			}
		}
	}
	diag_node(l->d, n, "'%s' must be a time like 90, 1.5s, 10m, 2h or 7d", what);
	return -ERR_INVALID;
}

void load_pairs(struct loader *l, const struct ynode *n, const char *what,
		struct plan_pairs *pairs, unsigned int roots)
{
	struct tmpl *value;
	size_t i;

	if (!load_is_map(l, n, what)) {
		return;
	}
	if (n->count > MAX_PAIRS) {
		diag_node(l->d, n, "'%s' must have at most %u entries", what,
			  MAX_PAIRS);
		return;
	}
	pairs->items = xreallocarray(pairs->items, pairs->count + n->count + 1,
				     sizeof(*pairs->items));
	for (i = 0; i < n->count; i++) {
		value = load_tmpl(l, ymap_value(n, i), roots);
		if (value != NULL) {
			pairs->items[pairs->count++] = (struct plan_pair){
			    .name = xstrdup(ymap_key(n, i)->text), .value = value};
		}
	}
}

void load_argv(struct loader *l, const struct ynode *n, unsigned int roots,
	       struct tmpl ***ret_argv, size_t *ret_argc)
{
	struct tmpl *arg;
	char buf[80];
	size_t i;

	if (n->kind != YNODE_SEQ || n->count == 0 || n->count > MAX_ARGS) {
		diag_node(l->d, n,
			  "'cmd' must be a list of texts (program first), not %s",
			  n->kind == YNODE_SEQ ? "an empty or huge list"
					       : ynode_describe(n, buf, sizeof(buf)));
		return;
	}
	*ret_argv = xcalloc(n->count, sizeof(struct tmpl *));
	for (i = 0; i < n->count; i++) {
		arg = load_text_tmpl(l, n->items[i], "cmd", roots);
		if (arg != NULL) {
			(*ret_argv)[(*ret_argc)++] = arg;
		}
	}
}

/* ---- concurrency ---- */

static void limit_name(struct loader *l, const struct ynode *n, void *obj)
{
	(void)load_text(l, n, "name", &((struct plan_limit *)obj)->name);
}

static void limit_rate(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_limit *limit = obj;

	limit->rate = 1;
	(void)load_text(l, n, "rate", &limit->name);
}

#define L struct plan_limit
static const struct field limit_fields[] = {
    {"name", FIELD_FN, .fn = limit_name},
    {"rate", FIELD_FN, .fn = limit_rate},
    {"slots", FIELD_INT, FIELD_AT(L, slots), 1, 100000},
    {"strict", FIELD_BOOL, FIELD_AT(L, strict)},
    {"timeout_seconds", FIELD_REAL, FIELD_AT(L, timeout_s), 0, MAX_SECONDS},
};
#undef L

/* [{name: api, slots: 2}, {rate: calls}], or a single one, or its name. */
void load_limits(struct loader *l, const struct ynode *n, struct plan_limits *limits)
{
	size_t i, count = n->kind == YNODE_SEQ ? n->count : 1;

	if (limits->count + count > MAX_LIMITS) {
		diag_node(l->d, n, "there may be at most %u limits", MAX_LIMITS);
		return;
	}
	limits->items = xreallocarray(limits->items, limits->count + count + 1,
				      sizeof(*limits->items));
	for (i = 0; i < count; i++) {
		const struct ynode *item = n->kind == YNODE_SEQ ? n->items[i] : n;
		struct plan_limit *limit = &limits->items[limits->count++];

		memset(limit, 0, sizeof(*limit));
		limit->slots = 1;
		if (item->kind == YNODE_SCALAR) {
			(void)load_text(l, item, "concurrency", &limit->name);
			continue;
		}
		load_fields(l, item, limit_fields, ARRAY_LEN(limit_fields), "a limit",
			    limit);
		if (limit->name == NULL && item->kind == YNODE_MAP) {
			diag_node(l->d, item, "a limit needs 'name' or 'rate'");
		}
	}
}

/* ---- subflows ---- */

/* flow | ./file.flow.yaml:flow | deployment:flow/name */
struct plan_uses *load_uses(struct loader *l, const struct ynode *n)
{
	static const char deployment[] = "deployment:";
	struct plan_uses *u = xcalloc(1, sizeof(*u));
	char *text = NULL, *colon;

	u->wait = 1;
	if (load_text(l, n, "uses", &text) < 0) {
		return u;
	}
	if (strncmp(text, deployment, sizeof(deployment) - 1) == 0) {
		u->deployment = xstrdup(text + sizeof(deployment) - 1);
		if (strchr(u->deployment, '/') == NULL) {
			diag_node(l->d, n,
				  "a deployment is named deployment:FLOW/NAME");
		}
		free(text);
		return u;
	}
	colon = strrchr(text, ':');
	if (strstr(text, ".yaml") == NULL && strchr(text, '/') == NULL) {
		u->flow = text; /* of this file */
		l->uses = xreallocarray(l->uses, l->uses_count + 1, sizeof(*l->uses));
		l->uses[l->uses_count++] =
		    (struct pending_flow){.node = n, .name = text};
		return u;
	}
	if (colon != NULL && strchr(colon, '/') == NULL) {
		*colon = '\0';
		u->flow = xstrdup(colon + 1);
	}
	u->path = text;
	return u;
}

/* ---- pauses ---- */

static void pause_input(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_pause *p = obj;

	json_decref(p->schema);
	p->schema = load_schema(l, n, "'input'");
}

static void pause_timeout(struct loader *l, const struct ynode *n, void *obj)
{
	(void)load_span(l, n, "timeout_seconds",
			&((struct plan_pause *)obj)->timeout_s);
}

static const struct field pause_fields[] = {
    {"input", FIELD_FN, .fn = pause_input},
    {"timeout_seconds", FIELD_FN, .fn = pause_timeout},
};

struct plan_pause *load_pause(struct loader *l, const struct ynode *n, int suspend)
{
	struct plan_pause *p = xcalloc(1, sizeof(*p));
	int yes = 0;

	p->suspend = suspend;
	p->timeout_s = 3600;
	if (n->kind == YNODE_SCALAR) {
		if (load_flag(l, n, suspend ? "suspend" : "pause", &yes) == 0 && !yes) {
			diag_node(l->d, n,
				  "leave the key out for a task that does not wait");
		}
		return p;
	}
	load_fields(l, n, pause_fields, ARRAY_LEN(pause_fields),
		    suspend ? "'suspend'" : "'pause'", p);
	return p;
}

/* ---- transactions ---- */

static void txn_tasks(struct loader *l, const struct ynode *n, size_t number,
		      struct plan_txn *x)
{
	size_t i, index;

	for (i = 0; n->kind == YNODE_SEQ && i < n->count; i++) {
		struct plan_task *t;

		index =
		    n->items[i]->kind == YNODE_SCALAR
			? (size_t)(uintptr_t)map_get(&l->task_index, n->items[i]->text)
			: 0;
		if (index == 0) {
			diag_node(l->d, n->items[i], "the flow has no such task");
			continue;
		}
		t = l->flow->tasks[index - 1];
		if (t->txn != 0) {
			diag_node(l->d, n->items[i],
				  "the task '%.80s' is in another transaction", t->key);
			continue;
		}
		t->txn = number;
		x->count++;
	}
	if (n->kind != YNODE_SEQ || n->count == 0) {
		diag_node(l->d, n, "'tasks' must be a list of task names");
	}
}

/* Which of WORDS it is; 0 after noting that it is none. */
static size_t txn_word(struct loader *l, const struct ynode *n, const char *key,
		       const char *const *words, size_t count)
{
	char hint[80];
	size_t i;

	for (i = 0; n->kind == YNODE_SCALAR && i < count; i++) {
		if (strcmp(n->text, words[i]) == 0) {
			return i;
		}
	}
	diag_node(l->d, n, "'%s' is not one of the known words%s", key,
		  n->kind == YNODE_SCALAR
		      ? load_hint(n->text, words, count, hint, sizeof(hint))
		      : "");
	return 0;
}

static void load_txn(struct loader *l, const struct ynode *key, const struct ynode *n,
		     struct plan_flow *f)
{
	static const char *const modes[] = {"LAZY", "EAGER", "OFF"};
	static const char *const levels[] = {"READ_COMMITTED", "SERIALIZABLE"};
	struct plan_txn *x = &f->txns[f->txn_count++];
	size_t i;

	x->name = xstrdup(key->text);
	if (!load_is_map(l, n, "a transaction")) {
		return;
	}
	for (i = 0; i < n->count; i++) {
		const char *name = ymap_key(n, i)->text;
		const struct ynode *value = ymap_value(n, i);

		if (strcmp(name, "tasks") == 0) {
			txn_tasks(l, value, f->txn_count, x);
		} else if (strcmp(name, "mode") == 0) {
			x->mode = (enum plan_commit)txn_word(l, value, "mode", modes,
							     ARRAY_LEN(modes));
		} else if (strcmp(name, "isolation") == 0) {
			x->serializable = txn_word(l, value, "isolation", levels,
						   ARRAY_LEN(levels)) == 1;
		} else {
			diag_node(l->d, ymap_key(n, i),
				  "unknown key '%.80s' of a transaction", name);
		}
	}
	if (ymap_get(n, "tasks") == NULL) {
		diag_node(l->d, key, "a transaction needs the key 'tasks'");
	}
}

static int has_commit_hooks(const struct plan_task *t)
{
	return t->hooks != NULL && (t->hooks->lists[PLAN_ON_COMMIT].count > 0 ||
				    t->hooks->lists[PLAN_ON_ROLLBACK].count > 0);
}

void load_txns(struct loader *l, const struct ynode *n, struct plan_flow *f)
{
	size_t i, named = 0;

	if (n != NULL && load_is_map(l, n, "'transactions'")) {
		named = n->count;
	}
	f->txns = xcalloc(named + f->count + 1, sizeof(*f->txns));
	for (i = 0; i < named; i++) {
		load_txn(l, ymap_key(n, i), ymap_value(n, i), f);
	}
	for (i = 0; i < f->count; i++) { /* one of its own for a task with such hooks */
		if (f->tasks[i]->txn == 0 && has_commit_hooks(f->tasks[i])) {
			f->txns[f->txn_count].name = xstrdup(f->tasks[i]->key);
			f->txns[f->txn_count++].count = 1;
			f->tasks[i]->txn = f->txn_count;
		}
	}
}
