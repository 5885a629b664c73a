/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_handler.c - state_handlers, on_failure and hooks, and the actions, checks and
 * handlers of the file that they name.
 *
 * What has a name is loaded again at each place that uses it: the plan stays a tree,
 * and a message about it shows where it stands.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "engine/expr/tmpl.h"
#include "engine/yaml/load.h"

#define MAX_TIMEOUT 3600.0

struct handler_load {
	struct plan_handler *h;
	unsigned int actions; /* how many of run, cmd, log, set, notify there are */
	const struct ynode *with;
	const struct ynode *args; /* of the definition */
	int is_definition, bare;  /* bare: an action or a hook: no test, no answer */
};

/* The value under the name N in MAP (what: "action"); the problem is noted. */
static const struct ynode *by_name(struct loader *l, const struct ynode *map,
				   const struct ynode *n, const char *what)
{
	const struct ynode *value = map != NULL ? ymap_get(map, n->text) : NULL;
	const char **names;
	char hint[128];
	size_t i, count = map != NULL && map->kind == YNODE_MAP ? map->count : 0;

	if (value != NULL) {
		return value;
	}
	names = xcalloc(count + 1, sizeof(*names));
	for (i = 0; i < count; i++) {
		names[i] = ymap_key(map, i)->text;
	}
	diag_node(l->d, n, "the file has no %s '%.80s' (key '%ss')%s", what, n->text,
		  what, load_hint(n->text, names, count, hint, sizeof(hint)));
	free(names);
	return NULL;
}

static void set_action(struct handler_load *hl, enum plan_action_type type)
{
	hl->h->action.type = type;
	hl->actions++;
}

static void handler_run(struct loader *l, const struct ynode *n, void *obj)
{
	struct handler_load *hl = obj;

	set_action(hl, PLAN_ACT_RUN);
	(void)load_text(l, n, "run", &hl->h->action.script);
}

static void handler_cmd(struct loader *l, const struct ynode *n, void *obj)
{
	struct handler_load *hl = obj;

	set_action(hl, PLAN_ACT_RUN);
	load_argv(l, n, ROOTS_CHANGE, &hl->h->action.argv, &hl->h->action.argc);
}

static void handler_log(struct loader *l, const struct ynode *n, void *obj)
{
	struct handler_load *hl = obj;

	set_action(hl, PLAN_ACT_LOG);
	tmpl_free(hl->h->action.value);
	hl->h->action.value = load_text_tmpl(l, n, "log", ROOTS_CHANGE);
}

static void handler_set(struct loader *l, const struct ynode *n, void *obj)
{
	static const char *const keys[] = {"type", "name", "message", "data",
					   "scheduled_time"};
	struct handler_load *hl = obj;
	char hint[80];
	size_t i, k;

	set_action(hl, PLAN_ACT_SET);
	if (!load_is_map(l, n, "'set'")) {
		return;
	}
	for (i = 0; i < n->count; i++) {
		const char *key = ymap_key(n, i)->text;

		for (k = 0; k < ARRAY_LEN(keys) && strcmp(key, keys[k]) != 0; k++) {
		}
		if (k == ARRAY_LEN(keys)) {
			diag_node(
			    l->d, ymap_key(n, i), "unknown key '%.80s' of 'set'%s", key,
			    load_hint(key, keys, ARRAY_LEN(keys), hint, sizeof(hint)));
		}
	}
	tmpl_free(hl->h->action.value);
	hl->h->action.value = load_tmpl(l, n, ROOTS_CHANGE);
}

static void handler_notify(struct loader *l, const struct ynode *n, void *obj)
{
	struct handler_load *hl = obj;

	set_action(hl, PLAN_ACT_NOTIFY);
	if (hl->h->action.notify == NULL) {
		hl->h->action.notify = load_notify(l, n);
	}
}

static void handler_env(struct loader *l, const struct ynode *n, void *obj)
{
	load_env(l, n, &((struct handler_load *)obj)->h->action.env, ROOTS_CHANGE);
}

static void handler_when(struct loader *l, const struct ynode *n, void *obj)
{
	struct handler_load *hl = obj;

	if (hl->h->when == NULL) {
		hl->h->when = load_when(l, n);
	}
}

static void handler_name(struct loader *l, const struct ynode *n, void *obj)
{
	(void)load_text(l, n, "name", &((struct handler_load *)obj)->h->name);
}

static void handler_on_error(struct loader *l, const struct ynode *n, void *obj)
{
	struct handler_load *hl = obj;

	if (n->kind == YNODE_SCALAR && strcmp(n->text, "log") == 0) {
		hl->h->log_errors = 1;
	} else if (n->kind != YNODE_SCALAR || strcmp(n->text, "fail") != 0) {
		diag_node(l->d, n, "'on_error' must be fail or log");
	}
}

static void handler_timeout(struct loader *l, const struct ynode *n, void *obj)
{
	(void)load_real(l, n, "timeout_seconds", 0.01, MAX_TIMEOUT,
			&((struct handler_load *)obj)->h->timeout_s);
}

static void handler_with(struct loader *l, const struct ynode *n, void *obj)
{
	if (load_is_map(l, n, "'with'")) {
		((struct handler_load *)obj)->with = n;
	}
}

static void handler_args(struct loader *l, const struct ynode *n, void *obj)
{
	if (load_is_map(l, n, "'args'")) {
		((struct handler_load *)obj)->args = n;
	}
}

static void load_body(struct loader *l, const struct ynode *n, struct handler_load *hl,
		      const char *what);

static void handler_use(struct loader *l, const struct ynode *n, void *obj)
{
	struct handler_load *hl = obj;
	const struct ynode *def =
	    n->kind == YNODE_SCALAR ? by_name(l, l->handlers, n, "handler") : NULL;

	if (n->kind != YNODE_SCALAR) {
		diag_node(l->d, n, "'use' must be the name of a handler");
	}
	hl->actions++;
	if (def != NULL) {
		struct handler_load inner = {.h = hl->h, .is_definition = 1};

		load_body(l, def, &inner, "a handler");
		hl->args = inner.args;
		if (hl->h->name == NULL) {
			hl->h->name = xstrdup(n->text);
		}
	}
}

/* An action by its name or inline. */
static void load_action(struct loader *l, const struct ynode *n,
			struct handler_load *hl)
{
	const struct ynode *def = n;
	struct handler_load inner = {.h = hl->h, .bare = 1};

	if (n->kind == YNODE_SCALAR) {
		def = by_name(l, l->actions, n, "action");
		if (def != NULL && hl->h->name == NULL) {
			hl->h->name = xstrdup(n->text);
		}
	}
	hl->actions++;
	if (def != NULL) {
		load_body(l, def, &inner, "an action");
	}
}

static void handler_callback(struct loader *l, const struct ynode *n, void *obj)
{
	struct handler_load *hl = obj;
	const struct ynode *action, *check;

	if (!load_is_map(l, n, "'callback'")) {
		return;
	}
	action = ymap_get(n, "action");
	check = ymap_get(n, "check");
	if (action == NULL || n->count != 1u + (check != NULL)) {
		diag_node(l->d, n,
			  "'callback' has the keys 'action' and 'check' and no other");
		return;
	}
	hl->h->keeps = 1;
	load_action(l, action, hl);
	if (check != NULL && check->kind == YNODE_SCALAR) {
		check = by_name(l, l->checks, check, "check");
	}
	if (check != NULL && hl->h->when == NULL) {
		hl->h->when = load_when(l, check);
	}
}

/* Sorted; the first ones are those of an action. */
static const struct field body_fields[] = {
    {"cmd", FIELD_FN, .fn = handler_cmd},
    {"env", FIELD_FN, .fn = handler_env},
    {"log", FIELD_FN, .fn = handler_log},
    {"name", FIELD_FN, .fn = handler_name},
    {"notify", FIELD_FN, .fn = handler_notify},
    {"on_error", FIELD_FN, .fn = handler_on_error},
    {"run", FIELD_FN, .fn = handler_run},
    {"timeout_seconds", FIELD_FN, .fn = handler_timeout},
    /* not of an action */
    {"set", FIELD_FN, .fn = handler_set},
    {"when", FIELD_FN, .fn = handler_when},
    /* of a definition */
    {"args", FIELD_FN, .fn = handler_args},
    /* of an entry */
    {"callback", FIELD_FN, .fn = handler_callback},
    {"use", FIELD_FN, .fn = handler_use},
    {"with", FIELD_FN, .fn = handler_with},
};
#define ACTION_FIELDS     8u
#define DEFINITION_FIELDS 11u

static void load_body(struct loader *l, const struct ynode *n, struct handler_load *hl,
		      const char *what)
{
	struct field entry[ARRAY_LEN(body_fields)];
	size_t count = hl->bare ? ACTION_FIELDS : DEFINITION_FIELDS;

	memcpy(entry, body_fields, sizeof(entry));
	if (!hl->bare && !hl->is_definition) { /* all but `args` */
		memmove(&entry[DEFINITION_FIELDS - 1], &body_fields[DEFINITION_FIELDS],
			(ARRAY_LEN(body_fields) - DEFINITION_FIELDS) * sizeof(*entry));
		count = ARRAY_LEN(body_fields) - 1;
	}
	load_fields(l, n, entry, count, what, hl);
	if (n->kind == YNODE_MAP && hl->actions != 1) {
		diag_node(l->d, n, "%s must have exactly one of run, cmd, log%s", what,
			  hl->bare            ? " and notify"
			  : hl->is_definition ? ", set and notify"
					      : ", set, notify, callback and use");
	}
}

/* The arguments: those given, else the defaults of the definition. */
static void load_args(struct loader *l, struct handler_load *hl, const struct ynode *n)
{
	struct tmpl *all = NULL, *value;
	const struct ynode *given, *key;
	size_t i;

	if (hl->with != NULL && hl->args == NULL) {
		diag_node(l->d, hl->with, "this handler takes no arguments");
		return;
	}
	for (i = 0; hl->with != NULL && i < hl->with->count; i++) {
		key = ymap_key(hl->with, i);
		if (ymap_get(hl->args, key->text) == NULL) {
			diag_node(l->d, key, "the handler has no argument '%.80s'",
				  key->text);
		}
	}
	for (i = 0; hl->args != NULL && i < hl->args->count; i++) {
		key = ymap_key(hl->args, i);
		given = hl->with != NULL ? ymap_get(hl->with, key->text) : NULL;
		if (given == NULL) {
			given = ymap_get(ymap_value(hl->args, i), "default");
		}
		if (given == NULL) {
			diag_node(l->d, n,
				  "the argument '%.80s' is missing: give it in 'with'",
				  key->text);
			continue;
		}
		value = load_tmpl(l, given, ROOTS_CHANGE);
		if (value != NULL) {
			all = all != NULL ? all : tmpl_map();
			tmpl_add(all, key->text, value);
		}
	}
	hl->h->args = all;
}

static void add(struct plan_handlers *to, struct plan_handler *h)
{
	to->items =
	    xreallocarray(to->items, to->count + 1, sizeof(struct plan_handler *));
	to->items[to->count++] = h;
}

static struct handler_load new_handler(void)
{
	struct handler_load hl = {.h = xcalloc(1, sizeof(struct plan_handler))};

	hl.h->timeout_s = PLAN_HANDLER_TIMEOUT_S;
	return hl;
}

static int good_length(struct loader *l, const struct ynode *n, const char *what,
		       const struct plan_handlers *to)
{
	size_t count = n->kind == YNODE_SEQ ? n->count : 1;

	if (to->count + count > PLAN_MAX_HANDLERS) {
		diag_node(l->d, n, "'%s' may have at most %u entries", what,
			  PLAN_MAX_HANDLERS);
		return 0;
	}
	return 1;
}

/* A list of handlers; a single one is a list too. */
void load_handlers(struct loader *l, const struct ynode *n, struct plan_handlers *to)
{
	size_t i, count = n->kind == YNODE_SEQ ? n->count : 1;

	if (!good_length(l, n, "state_handlers", to)) {
		return;
	}
	for (i = 0; i < count; i++) {
		const struct ynode *item = n->kind == YNODE_SEQ ? n->items[i] : n;
		struct handler_load hl = new_handler();

		load_body(l, item, &hl, "a state handler");
		load_args(l, &hl, item);
		add(to, hl.h);
	}
}

/* {callback: {action: ..., check: {is: failed}}} for each. */
void load_on_failure(struct loader *l, const struct ynode *n, struct plan_handlers *to)
{
	static char failed[] = "failed";
	size_t i, count = n->kind == YNODE_SEQ ? n->count : 1;

	if (!good_length(l, n, "on_failure", to)) {
		return;
	}
	for (i = 0; i < count; i++) {
		struct handler_load hl = new_handler();

		hl.h->keeps = 1;
		load_action(l, n->kind == YNODE_SEQ ? n->items[i] : n, &hl);
		hl.h->when = xcalloc(1, sizeof(*hl.h->when));
		hl.h->when->is.items = xcalloc(1, sizeof(char *));
		hl.h->when->is.items[0] = xstrdup(failed);
		hl.h->when->is.count = 1;
		add(to, hl.h);
	}
}

static void load_hook_list(struct loader *l, const struct ynode *n,
			   struct plan_handlers *to)
{
	size_t i, count = n->kind == YNODE_SEQ ? n->count : 1;

	if (!good_length(l, n, "hooks", to)) {
		return;
	}
	for (i = 0; i < count; i++) {
		const struct ynode *item = n->kind == YNODE_SEQ ? n->items[i] : n;
		struct handler_load hl = new_handler();

		hl.bare = 1;
		hl.h->log_errors = 1;
		hl.h->keeps = 1;
		if (item->kind == YNODE_SCALAR) {
			load_action(l, item, &hl);
		} else {
			load_body(l, item, &hl, "a hook");
		}
		add(to, hl.h);
	}
}

void load_hooks(struct loader *l, const struct ynode *n, struct plan_hooks **hooks)
{
	static const char *const names[] = {
	    "on_running", "on_completion", "on_failure", "on_cancellation",
	    "on_crashed", "on_commit",     "on_rollback"};
	char hint[80];
	size_t i, k;

	if (!load_is_map(l, n, "'hooks'")) {
		return;
	}
	if (*hooks == NULL) {
		*hooks = xcalloc(1, sizeof(**hooks));
	}
	for (i = 0; i < n->count; i++) {
		const struct ynode *key = ymap_key(n, i);

		for (k = 0; k < ARRAY_LEN(names) && strcmp(names[k], key->text) != 0;
		     k++) {
		}
		if (k == ARRAY_LEN(names)) {
			diag_node(l->d, key, "unknown key '%.80s' of 'hooks'%s",
				  key->text,
				  load_hint(key->text, names, ARRAY_LEN(names), hint,
					    sizeof(hint)));
			continue;
		}
		load_hook_list(l, ymap_value(n, i), &(*hooks)->lists[k]);
	}
}

/* Definitions that nobody uses are looked at too. */
void load_check_names(struct loader *l)
{
	const struct ynode *const maps[] = {l->actions, l->checks, l->handlers};
	size_t k, i, pending = l->pending_count;

	for (k = 0; k < ARRAY_LEN(maps); k++) {
		for (i = 0; maps[k] != NULL && i < maps[k]->count; i++) {
			struct handler_load hl = new_handler();

			if (k == 1) {
				plan_when_free(load_when(l, ymap_value(maps[k], i)));
			} else {
				hl.bare = k == 0;
				hl.is_definition = k == 2;
				load_body(l, ymap_value(maps[k], i), &hl,
					  k == 0 ? "an action" : "a handler");
			}
			plan_handler_free(hl.h);
			l->pending_count = pending;
		}
	}
}
