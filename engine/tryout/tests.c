/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests.c - reading the `tests` of a file.
 */
#include "engine/tryout/tests.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "engine/yaml/load.h"

#define FAILS_MAX 1000000

struct stub {
	json_t *returns, *prints;
	char *message;
	double takes;
	int fails, exit_code;
};

static void stub_returns(struct loader *l, const struct ynode *n, void *obj)
{
	struct stub *s = obj;

	json_decref(s->returns);
	s->returns = load_json(l, n);
}

static void stub_takes(struct loader *l, const struct ynode *n, void *obj)
{
	(void)load_span(l, n, "takes", &((struct stub *)obj)->takes);
}

static void stub_prints(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_strs lines = {0};
	struct stub *s = obj;
	size_t i;

	if (load_some(l, n, "prints", &lines) == 0) {
		json_decref(s->prints);
		s->prints = json_array();
		for (i = 0; i < lines.count; i++) {
			(void)json_array_append_new(s->prints,
						    json_string(lines.items[i]));
		}
	}
	plan_strs_release(&lines);
}

/* true: each attempt; or so many. */
static void stub_fails(struct loader *l, const struct ynode *n, void *obj)
{
	struct stub *s = obj;
	double real = 0;
	int flag = 0;

	if (n->kind == YNODE_SCALAR &&
	    (strcmp(n->text, "true") == 0 || strcmp(n->text, "false") == 0)) {
		(void)load_flag(l, n, "fails", &flag);
		s->fails = flag ? -1 : 0;
	} else if (load_real(l, n, "fails", 0, FAILS_MAX, &real) == 0) {
		s->fails = (int)real;
	}
}

static const struct field stub_fields[] = {
    {"exit_code", FIELD_INT, FIELD_AT(struct stub, exit_code), .min = 0, .max = 255},
    {"fails", FIELD_FN, .fn = stub_fails},
    {"message", FIELD_TEXT, FIELD_AT(struct stub, message)},
    {"prints", FIELD_FN, .fn = stub_prints},
    {"returns", FIELD_FN, .fn = stub_returns},
    {"takes", FIELD_FN, .fn = stub_takes},
};

static json_t *load_stub(struct loader *l, const struct ynode *n)
{
	struct stub s = {.exit_code = 1};
	json_t *o = json_object();

	load_fields(l, n, stub_fields, ARRAY_LEN(stub_fields), "a stub", &s);
	(void)json_object_set_new(o, "returns",
				  s.returns != NULL ? s.returns : json_null());
	if (s.prints != NULL) {
		(void)json_object_set_new(o, "prints", s.prints);
	}
	if (s.message != NULL) {
		(void)json_object_set_new(o, "message", json_string(s.message));
	}
	(void)json_object_set_new(o, "takes", json_real(s.takes));
	(void)json_object_set_new(o, "fails", json_integer(s.fails));
	(void)json_object_set_new(o, "exit_code", json_integer(s.exit_code));
	free(s.message);
	return o;
}

static void case_stubs(struct loader *l, const struct ynode *n, void *obj)
{
	struct test_case *c = obj;
	size_t i;

	if (!load_is_map(l, n, "'stubs'")) {
		return;
	}
	for (i = 0; i < n->count; i++) {
		(void)json_object_set_new(c->stubs, ymap_key(n, i)->text,
					  load_stub(l, ymap_value(n, i)));
	}
}

static void load_object(struct loader *l, const struct ynode *n, const char *what,
			json_t *to)
{
	json_t *v;

	if (!load_is_map(l, n, what)) {
		return;
	}
	v = load_json(l, n);
	if (v != NULL) {
		(void)json_object_update(to, v);
		json_decref(v);
	}
}

static void case_params(struct loader *l, const struct ynode *n, void *obj)
{
	load_object(l, n, "'params'", ((struct test_case *)obj)->params);
}

static void case_env(struct loader *l, const struct ynode *n, void *obj)
{
	struct test_case *c = obj;
	const char *name;
	json_t *v;

	load_object(l, n, "'env'", c->env);
	json_object_foreach (c->env, name, v) {
		if (!json_is_string(v)) {
			diag_node(l->d, n,
				  "'%.80s' of 'env' must be text; put it in "
				  "quotes",
				  name);
		}
	}
}

static void case_expect(struct loader *l, const struct ynode *n, void *obj)
{
	(void)l;
	((struct test_case *)obj)->expect = n;
}

static const struct field case_fields[] = {
    {"env", FIELD_FN, .fn = case_env},
    {"expect", FIELD_FN, .fn = case_expect},
    {"flow", FIELD_TEXT, FIELD_AT(struct test_case, flow)},
    {"params", FIELD_FN, .fn = case_params},
    {"stubs", FIELD_FN, .fn = case_stubs},
};

static const struct plan_flow *flow_of(struct loader *l, const struct test_case *c)
{
	struct error err;
	const struct plan_flow *f = plan_find(l->file, c->flow, &err);

	if (f == NULL && c->flow == NULL) {
		diag_node(l->d, c->key,
			  "the file has several flows: the test needs 'flow: NAME'");
	} else if (f == NULL) {
		diag_node(l->d, c->key, "%.300s", err.msg);
	}
	return f;
}

/* Stubs stand for tasks that exist. */
static void check_stubs(struct loader *l, const struct test_case *c,
			const struct ynode *n)
{
	const struct plan_flow *f = flow_of(l, c);
	const struct ynode *stubs = ymap_get(n, "stubs");
	const char **names;
	char hint[128];
	size_t i, k;

	if (f == NULL || stubs == NULL || stubs->kind != YNODE_MAP) {
		return;
	}
	names = xcalloc(f->count + 1, sizeof(*names));
	for (k = 0; k < f->count; k++) {
		names[k] = f->tasks[k]->key;
	}
	for (i = 0; i < stubs->count; i++) {
		const struct ynode *key = ymap_key(stubs, i);

		for (k = 0; k < f->count && strcmp(names[k], key->text) != 0; k++) {
		}
		if (k == f->count) {
			diag_node(
			    l->d, key, "the flow '%.80s' has no task '%.80s'%s",
			    f->name, key->text,
			    load_hint(key->text, names, f->count, hint, sizeof(hint)));
		}
	}
	free(names);
}

void tests_load(struct loader *l, const struct ynode *n, struct test_cases *ret)
{
	size_t i;

	*ret = (struct test_cases){0};
	if (!load_is_map(l, n, "'tests'")) {
		return;
	}
	if (n->count > TESTS_MAX) {
		diag_node(l->d, n, "'tests' must have at most %u entries", TESTS_MAX);
		return;
	}
	ret->items = xcalloc(n->count + 1, sizeof(*ret->items));
	for (i = 0; i < n->count; i++) {
		struct test_case *c = &ret->items[ret->count++];

		c->key = ymap_key(n, i);
		c->params = json_object();
		c->stubs = json_object();
		c->env = json_object();
		load_fields(l, ymap_value(n, i), case_fields, ARRAY_LEN(case_fields),
			    "a test", c);
		check_stubs(l, c, ymap_value(n, i));
		expect_check(l, c, NULL);
	}
}

void tests_release(struct test_cases *t)
{
	size_t i;

	for (i = 0; i < t->count; i++) {
		free(t->items[i].flow);
		json_decref(t->items[i].params);
		json_decref(t->items[i].stubs);
		json_decref(t->items[i].env);
	}
	free(t->items);
}
