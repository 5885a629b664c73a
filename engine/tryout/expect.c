/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect.c - the record of a run against what its test expects; every difference is
 * noted at the place of the expectation.
 */
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/tryout/tests.h"
#include "engine/yaml/load.h"

#define SHOWN_MAX 300

struct expect {             /* the OBJ of the tables */
	const json_t *doc;  /* NULL: only the form is looked at */
	const json_t *task; /* one of its task runs */
	const char *name;   /* of what `tasks` is about */
	size_t runs;
	int state_said;
};

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

/* NULL after noting that N is no text. */
static const char *want_text(struct loader *l, const struct ynode *n, const char *what)
{
	char buf[80];

	if (n->kind == YNODE_SCALAR) {
		return n->text;
	}
	diag_node(l->d, n, "'%s' must be text, not %s", what,
		  ynode_describe(n, buf, sizeof(buf)));
	return NULL;
}

static int is_list(struct loader *l, const struct ynode *n, const char *what)
{
	char buf[80];
	size_t i;

	if (n->kind != YNODE_SEQ) {
		diag_node(l->d, n, "'%s' must be a list, not %s", what,
			  ynode_describe(n, buf, sizeof(buf)));
		return 0;
	}
	for (i = 0; i < n->count; i++) {
		if (want_text(l, n->items[i], what) == NULL) {
			return 0;
		}
	}
	return 1;
}

static const json_t *last_state(const json_t *task)
{
	const json_t *states = json_object_get(task, "states");

	return json_array_get(states, json_array_size(states) - 1);
}

static void same_name(struct loader *l, const struct ynode *n, const char *who,
		      const json_t *state)
{
	const char *want = want_text(l, n, "state"), *got = text_of(state, "name");
	const char *why = text_of(state, "message");

	if (want != NULL && state != NULL && strcmp(want, got) != 0) {
		diag_node(l->d, n, "%s ended %s%s%.200s%s, not %.60s", who, got,
			  *why != '\0' ? " (" : "", why, *why != '\0' ? ")" : "", want);
	}
}

static void has_message(struct loader *l, const struct ynode *n, const char *who,
			const json_t *state)
{
	const char *want = want_text(l, n, "message"), *got = text_of(state, "message");

	if (want != NULL && state != NULL && strstr(got, want) == NULL) {
		diag_node(l->d, n, "the message of %s is \"%.*s\"", who, SHOWN_MAX,
			  got);
	}
}

static void same_number(struct loader *l, const struct ynode *n, const char *what,
			const char *who, json_int_t got)
{
	double want = 0;

	if (load_real(l, n, what, 0, 1e9, &want) == 0 && got >= 0 &&
	    (json_int_t)want != got) {
		diag_node(l->d, n, "%s: %s is %lld, not %lld", who, what,
			  (long long)got, (long long)want);
	}
}

/* ---- of one task run ---- */

static void task_state(struct loader *l, const struct ynode *n, void *obj)
{
	struct expect *e = obj;

	same_name(l, n, e->name, last_state(e->task));
}

static void task_message(struct loader *l, const struct ynode *n, void *obj)
{
	struct expect *e = obj;

	has_message(l, n, e->name, last_state(e->task));
}

static void task_states(struct loader *l, const struct ynode *n, void *obj)
{
	struct expect *e = obj;
	const json_t *states = json_object_get(e->task, "states");
	int same = json_array_size(states) == n->count;
	struct buf got;
	size_t i;

	if (!is_list(l, n, "states") || e->doc == NULL) {
		return;
	}
	buf_init(&got);
	for (i = 0; i < json_array_size(states); i++) {
		const char *name = text_of(json_array_get(states, i), "name");

		buf_addf(&got, "%s%s", i > 0 ? ", " : "", name);
		same = same && strcmp(n->items[i]->text, name) == 0;
	}
	if (!same) {
		diag_node(l->d, n, "the states of %s are [%.*s]", e->name, SHOWN_MAX,
			  got.data != NULL ? got.data : "");
	}
	buf_release(&got);
}

static void task_attempts(struct loader *l, const struct ynode *n, void *obj)
{
	struct expect *e = obj;
	const json_t *count = json_object_get(e->task, "run_count");

	same_number(l, n, "attempts", e->name,
		    count != NULL ? json_integer_value(count) : -1);
}

static void task_runs(struct loader *l, const struct ynode *n, void *obj)
{
	struct expect *e = obj;

	same_number(l, n, "runs", e->name, e->doc != NULL ? (json_int_t)e->runs : -1);
}

static const struct field task_fields[] = {
    {"attempts", FIELD_FN, .fn = task_attempts},
    {"message", FIELD_FN, .fn = task_message},
    {"runs", FIELD_FN, .fn = task_runs},
    {"state", FIELD_FN, .fn = task_state},
    {"states", FIELD_FN, .fn = task_states},
};

static void check_task(struct loader *l, const struct ynode *n, struct expect *e)
{
	if (n->kind == YNODE_SCALAR) {
		task_state(l, n, e);
	} else {
		load_fields(l, n, task_fields, ARRAY_LEN(task_fields),
			    "what is expected of a task", e);
	}
}

/* NAME is a task of the flow, or the name of a task run. */
static int is_called(const json_t *task, const char *name)
{
	return strcmp(text_of(task, "task"), name) == 0 ||
	       strcmp(text_of(task, "name"), name) == 0;
}

static void expect_tasks(struct loader *l, const struct ynode *n, void *obj)
{
	struct expect *e = obj;
	const json_t *tasks = json_object_get(e->doc, "tasks");
	size_t i, k, before;

	if (!load_is_map(l, n, "'tasks'")) {
		return;
	}
	for (i = 0; i < n->count; i++) {
		e->name = ymap_key(n, i)->text;
		e->runs = 0;
		for (k = 0; k < json_array_size(tasks); k++) {
			e->runs += (size_t)is_called(json_array_get(tasks, k), e->name);
		}
		before = l->d->count;
		for (k = 0; k < json_array_size(tasks) && l->d->count == before; k++) {
			e->task = json_array_get(tasks, k);
			if (is_called(e->task, e->name)) {
				check_task(l, ymap_value(n, i), e);
			}
		}
		e->task = NULL;
		if (e->runs == 0 && e->doc != NULL) {
			diag_node(l->d, ymap_key(n, i), "'%.80s' has no task run",
				  e->name);
		} else if (e->doc == NULL) {
			check_task(l, ymap_value(n, i), e);
		}
	}
}

/* ---- of the flow run ---- */

static void expect_state(struct loader *l, const struct ynode *n, void *obj)
{
	struct expect *e = obj;

	e->state_said = 1;
	same_name(l, n, "the flow", json_object_get(e->doc, "state"));
}

static void expect_message(struct loader *l, const struct ynode *n, void *obj)
{
	struct expect *e = obj;

	has_message(l, n, "the flow", json_object_get(e->doc, "state"));
}

static void expect_result(struct loader *l, const struct ynode *n, void *obj)
{
	struct expect *e = obj;
	json_t *want = load_json(l, n);
	json_t *got = json_object_get(e->doc, "result");
	char *text;

	if (want != NULL && e->doc != NULL && !json_equal(want, got)) {
		text = json_text(got);
		diag_node(l->d, n, "the result is %.*s", SHOWN_MAX, text);
		free(text);
	}
	json_decref(want);
}

/* When a run called NAME first ran; TIME_NONE: never. */
static int64_t start_of(const json_t *doc, const char *name)
{
	const json_t *tasks = json_object_get(doc, "tasks");
	int64_t at_us, first_us = TIME_NONE;
	size_t i;

	for (i = 0; i < json_array_size(tasks); i++) {
		const json_t *task = json_array_get(tasks, i);

		at_us = TIME_NONE;
		if (is_called(task, name) &&
		    json_get_time(task, "start_time", &at_us, NULL) >= 0 &&
		    at_us != TIME_NONE && (first_us == TIME_NONE || at_us < first_us)) {
			first_us = at_us;
		}
	}
	return first_us;
}

static void expect_order(struct loader *l, const struct ynode *n, void *obj)
{
	struct expect *e = obj;
	int64_t at_us, before_us = TIME_NONE;
	size_t i;

	if (!is_list(l, n, "order") || e->doc == NULL) {
		return;
	}
	for (i = 0; i < n->count; i++) {
		at_us = start_of(e->doc, n->items[i]->text);
		if (at_us == TIME_NONE) {
			diag_node(l->d, n->items[i], "'%.80s' never ran",
				  n->items[i]->text);
			continue;
		}
		if (before_us != TIME_NONE && at_us < before_us) {
			diag_node(l->d, n->items[i], "'%.80s' ran before '%.80s'",
				  n->items[i]->text, n->items[i - 1]->text);
		}
		before_us = at_us;
	}
}

/* The first line from AT on that contains TEXT, or the number of lines. */
static size_t find_line(const json_t *logs, size_t at, const char *text)
{
	while (at < json_array_size(logs) &&
	       strstr(text_of(json_array_get(logs, at), "message"), text) == NULL) {
		at++;
	}
	return at;
}

static void expect_log(struct loader *l, const struct ynode *n, void *obj)
{
	struct expect *e = obj;
	const json_t *logs = json_object_get(e->doc, "logs");
	size_t i, at = 0, found;

	if (!is_list(l, n, "log") || e->doc == NULL) {
		return;
	}
	for (i = 0; i < n->count; i++) {
		found = find_line(logs, at, n->items[i]->text);
		if (found < json_array_size(logs)) {
			at = found + 1;
		} else if (find_line(logs, 0, n->items[i]->text) < found) {
			diag_node(l->d, n->items[i],
				  "this line is logged, but before the one that is "
				  "expected before it");
		} else {
			diag_node(l->d, n->items[i], "no line of the log has this");
		}
	}
}

static void expect_no_log(struct loader *l, const struct ynode *n, void *obj)
{
	struct expect *e = obj;
	const json_t *logs = json_object_get(e->doc, "logs");
	size_t i, at;

	if (!is_list(l, n, "no_log") || e->doc == NULL) {
		return;
	}
	for (i = 0; i < n->count; i++) {
		at = find_line(logs, 0, n->items[i]->text);
		if (at < json_array_size(logs)) {
			diag_node(l->d, n->items[i], "this is logged: \"%.*s\"",
				  SHOWN_MAX,
				  text_of(json_array_get(logs, at), "message"));
		}
	}
}

static void expect_seconds(struct loader *l, const struct ynode *n, void *obj)
{
	struct expect *e = obj;
	const json_t *states = json_object_get(e->doc, "states");
	int64_t from_us = 0, to_us = 0;
	double min = 0, max = 0, got;

	if (n->kind != YNODE_SEQ || n->count != 2) {
		diag_node(l->d, n, "'seconds' must be [LEAST, MOST]");
		return;
	}
	if (load_real(l, n->items[0], "seconds", 0, 1e12, &min) < 0 ||
	    load_real(l, n->items[1], "seconds", 0, 1e12, &max) < 0 || e->doc == NULL) {
		return;
	}
	(void)json_get_time(json_array_get(states, 0), "timestamp", &from_us, NULL);
	(void)json_get_time(json_array_get(states, json_array_size(states) - 1),
			    "timestamp", &to_us, NULL);
	/* to a tenth of a second: delays are counted in whole milliseconds */
	got = (double)((to_us - from_us + 50000) / 100000) / 10;
	if (got < min || got > max) {
		diag_node(l->d, n, "the run took %.1f seconds", got);
	}
}

static const struct field fields[] = {
    {"log", FIELD_FN, .fn = expect_log},
    {"message", FIELD_FN, .fn = expect_message},
    {"no_log", FIELD_FN, .fn = expect_no_log},
    {"order", FIELD_FN, .fn = expect_order},
    {"result", FIELD_FN, .fn = expect_result},
    {"seconds", FIELD_FN, .fn = expect_seconds},
    {"state", FIELD_FN, .fn = expect_state},
    {"tasks", FIELD_FN, .fn = expect_tasks},
};

void expect_check(struct loader *l, const struct test_case *c, const json_t *doc)
{
	struct expect e = {.doc = doc};
	const json_t *state = json_object_get(doc, "state");

	if (c->expect != NULL) {
		load_fields(l, c->expect, fields, ARRAY_LEN(fields), "'expect'", &e);
	}
	if (doc != NULL && !e.state_said &&
	    strcmp(text_of(state, "type"), "COMPLETED") != 0) {
		diag_node(l->d, c->key, "the flow ended %s (%.*s), not Completed",
			  text_of(state, "name"), SHOWN_MAX, text_of(state, "message"));
	}
}
