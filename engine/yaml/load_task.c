/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_task.c - the keys of a task.
 */
#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/opts.h"
#include "engine/expr/name.h"
#include "engine/expr/tmpl.h"
#include "engine/yaml/load.h"
#include "engine/yaml/scalar.h"

#define MAX_SECONDS 31536000.0 /* a year */

static void task_run_key(struct loader *l, const struct ynode *n, void *obj)
{
	static const char *const roots[] = {"params",   "tasks",    "with", "env",
					    "flow_run", "task_run", "item", "secrets"};
	struct plan_task *t = obj;
	const char *p;
	size_t i, len;

	if (load_text(l, n, "run", &t->script) < 0) {
		return;
	}
	/* a value pasted into a script could change the script: say how it is done */
	for (p = strstr(t->script, "{{"); p != NULL; p = strstr(p + 2, "{{")) {
		const char *word = p + 2 + strspn(p + 2, " \t");

		for (i = 0; i < ARRAY_LEN(roots); i++) {
			len = strlen(roots[i]);
			if (strncmp(word, roots[i], len) == 0 && word[len] == '.') {
				diag_add(l->d,
					 diag_mark(l->d, n, (size_t)(p - t->script)), 2,
					 "'run' takes no {{ }}: give the value a name "
					 "in 'with' "
					 "and use \"$WF_IN_name\" in the script (or "
					 "use 'cmd')");
				return;
			}
		}
	}
}

static void task_cmd_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_task *t = obj;

	load_argv(l, n, ROOTS_START, &t->argv, &t->argc);
}

static int is_identifier(const char *s, int dashes)
{
	if (!isalpha((unsigned char)*s) && *s != '_') {
		return 0;
	}
	for (; *s != '\0'; s++) {
		if (!isalnum((unsigned char)*s) && *s != '_' &&
		    !(dashes && *s == '-')) {
			return 0;
		}
	}
	return 1;
}

static void task_with_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_task *t = obj;
	const struct ynode *key;
	struct tmpl *value;
	char buf[80];
	size_t i;

	if (n->kind != YNODE_MAP) {
		diag_node(l->d, n, "'with' must be a mapping, not %s",
			  ynode_describe(n, buf, sizeof(buf)));
		return;
	}
	t->with.items = xcalloc(n->count + 1, sizeof(*t->with.items));
	for (i = 0; i < n->count; i++) {
		key = ymap_key(n, i);
		if (!is_identifier(key->text, 0)) {
			diag_node(
			    l->d, key,
			    "'%.80s' cannot name an input: use letters, digits and _",
			    key->text);
			continue;
		}
		value = load_tmpl(l, ymap_value(n, i), ROOTS_INPUT);
		if (value != NULL) {
			t->with.items[t->with.count++] = (struct plan_pair){
			    .name = xstrdup(key->text),
			    .value = value,
			};
		}
	}
}

static void add_need(struct loader *l, struct plan_task *t, const struct ynode *n)
{
	if (n->kind != YNODE_SCALAR) {
		diag_node(l->d, n, "'needs' must be a list of task names");
		return;
	}
	if (l->needs_count == l->needs_size) {
		l->needs_size = l->needs_size == 0 ? 64 : l->needs_size * 2;
		l->needs = xreallocarray(l->needs, l->needs_size, sizeof(*l->needs));
	}
	l->needs[l->needs_count++] = (struct pending_need){.task = t, .node = n};
}

static void task_needs_key(struct loader *l, const struct ynode *n, void *obj)
{
	char buf[80];
	size_t i;

	if (n->kind != YNODE_SEQ) {
		diag_node(l->d, n, "'needs' must be a list of task names, not %s",
			  ynode_describe(n, buf, sizeof(buf)));
		return;
	}
	for (i = 0; i < n->count; i++) {
		add_need(l, obj, n->items[i]);
	}
}

static void task_if_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_task *t = obj;
	const json_t *constant;
	char buf[80];

	if (n->kind != YNODE_SCALAR) {
		diag_node(l->d, n, "'if' must be an expression, not %s",
			  ynode_describe(n, buf, sizeof(buf)));
		return;
	}
	t->cond = load_tmpl(l, n, ROOTS_INPUT);
	constant = t->cond != NULL ? tmpl_get_constant(t->cond) : NULL;
	if (constant != NULL && !json_is_boolean(constant)) {
		diag_node(l->d, n,
			  "'if' must be an expression: write if: \"{{ ... }}\"");
	}
}

static void file_output(struct loader *l, const struct ynode *n, struct plan_task *t)
{
	const struct ynode *path = ymap_get(n, "file");

	if (path == NULL || n->count != 1) {
		diag_node(l->d, n,
			  "'outputs' as a mapping has the key 'file' and no other");
		return;
	}
	tmpl_free(t->output_file);
	t->output_file = load_text_tmpl(l, path, "file", ROOTS_START);
	t->outputs = PLAN_OUT_FILE;
}

static void task_outputs_key(struct loader *l, const struct ynode *n, void *obj)
{
	static const char *const names[] = {"none", "json", "text", "lines"};
	struct plan_task *t = obj;
	char hint[80], buf[80];
	size_t i;

	if (n->kind == YNODE_MAP) {
		file_output(l, n, t);
		return;
	}
	for (i = 0; n->kind == YNODE_SCALAR && i < ARRAY_LEN(names); i++) {
		if (strcmp(n->text, names[i]) == 0) {
			t->outputs =
			    (enum plan_outputs)i; /* in the order of the enum */
			return;
		}
	}
	diag_node(l->d, n,
		  "'outputs' must be json, text, lines, none or {file: PATH}, not %s%s",
		  ynode_describe(n, buf, sizeof(buf)),
		  n->kind == YNODE_SCALAR
		      ? load_hint(n->text, names, ARRAY_LEN(names), hint, sizeof(hint))
		      : "");
}

static void set_delays(struct plan_task *t, double *seconds, size_t count)
{
	free(t->delays.seconds);
	t->delays.seconds = seconds;
	t->delays.count = count;
}

static void delay_list(struct loader *l, const struct ynode *n, struct plan_task *t)
{
	double *seconds;
	size_t i;

	if (n->count == 0 || n->count > PLAN_MAX_DELAYS) {
		diag_node(l->d, n,
			  "'retry_delay_seconds' must have 1 to %d delays, not %zu",
			  PLAN_MAX_DELAYS, n->count);
		return;
	}
	seconds = xcalloc(n->count, sizeof(*seconds));
	for (i = 0; i < n->count; i++) {
		(void)load_real(l, n->items[i], "retry_delay_seconds", 0, MAX_SECONDS,
				&seconds[i]);
	}
	set_delays(t, seconds, n->count);
}

/* {exponential_backoff: f}: f, 2f, 4f ... as many as there are retries, at most 50. */
static void delay_backoff(struct loader *l, const struct ynode *n, struct plan_task *t)
{
	const struct ynode *factor = ymap_get(n, "exponential_backoff");
	double f = 0, *seconds;
	size_t i;

	if (factor == NULL || n->count != 1) {
		diag_node(l->d, n,
			  "'retry_delay_seconds' as a mapping is {exponential_backoff: "
			  "SECONDS}");
		return;
	}
	if (load_real(l, factor, "exponential_backoff", 0, MAX_SECONDS, &f) < 0) {
		return;
	}
	seconds = xcalloc(PLAN_MAX_DELAYS, sizeof(*seconds));
	for (i = 0; i < PLAN_MAX_DELAYS; i++) {
		seconds[i] = fmin(ldexp(f, (int)i), MAX_SECONDS);
	}
	set_delays(t, seconds, PLAN_MAX_DELAYS);
}

static void task_delay_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_task *t = obj;
	double seconds;

	if (n->kind == YNODE_SEQ) {
		delay_list(l, n, t);
	} else if (n->kind == YNODE_MAP) {
		delay_backoff(l, n, t);
	} else if (load_real(l, n, "retry_delay_seconds", 0, MAX_SECONDS, &seconds) ==
		   0) {
		set_delays(t, xmemdup(&seconds, sizeof(seconds)), 1);
	}
}

static void task_env_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_task *t = obj;

	load_env(l, n, &t->env, ROOTS_START);
}

static void task_tags_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_task *t = obj;

	(void)load_strs(l, n, "tags", &t->tags);
}

static void task_name_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_task *t = obj;

	name_free(t->run_name);
	t->run_name = load_name(l, n);
}

static void task_handlers_key(struct loader *l, const struct ynode *n, void *obj)
{
	load_handlers(l, n, &((struct plan_task *)obj)->handlers);
}

/* on_failure: comes behind all other handlers, see load_task(). */
static void task_later_key(struct loader *l, const struct ynode *n, void *obj)
{
	(void)l;
	(void)n;
	(void)obj;
}

static void task_hooks_key(struct loader *l, const struct ynode *n, void *obj)
{
	load_hooks(l, n, &((struct plan_task *)obj)->hooks);
}

static void task_cache_key(struct loader *l, const struct ynode *n, void *obj)
{
	load_cache(l, n, &((struct plan_task *)obj)->cache);
}

static void task_expiration_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_task *t = obj;

	if (t->cache == NULL) {
		t->cache = xcalloc(1, sizeof(*t->cache));
		t->cache->policy = PLAN_CACHE_DEFAULT;
	}
	(void)load_span(l, n, "cache_expiration", &t->cache->expires_s);
}

static void task_refresh_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_task *t = obj;
	int yes = 0;

	if (load_flag(l, n, "refresh_cache", &yes) == 0 && t->cache != NULL) {
		t->cache->refresh = yes;
	}
}

static void task_retry_if_key(struct loader *l, const struct ynode *n, void *obj)
{
	load_retry_if(l, n, &((struct plan_task *)obj)->retry_if);
}

static void task_limits_key(struct loader *l, const struct ynode *n, void *obj)
{
	load_limits(l, n, &((struct plan_task *)obj)->limits);
}

static void task_each_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_task *t = obj;

	load_pairs(l, n, "for_each", &t->each, ROOTS_EACH);
	if (n->kind == YNODE_MAP && n->count == 0) {
		diag_node(l->d, n, "'for_each' needs at least one list");
	}
}

static void task_unmapped_key(struct loader *l, const struct ynode *n, void *obj)
{
	(void)load_some(l, n, "unmapped", &((struct plan_task *)obj)->unmapped);
}

static void task_uses_key(struct loader *l, const struct ynode *n, void *obj)
{
	((struct plan_task *)obj)->uses = load_uses(l, n);
}

static void task_pause_key(struct loader *l, const struct ynode *n, void *obj)
{
	((struct plan_task *)obj)->pause = load_pause(l, n, 0);
}

static void task_suspend_key(struct loader *l, const struct ynode *n, void *obj)
{
	((struct plan_task *)obj)->pause = load_pause(l, n, 1);
	l->flow->suspends = 1;
}

static void task_storage_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_task *t = obj;

	tmpl_free(t->storage_key);
	t->storage_key = load_text_tmpl(l, n, "result_storage_key", ROOTS_START);
}

/* Keys of subflows: they stand in front of or behind `uses`. */
static struct plan_uses *uses_of(struct loader *l, const struct ynode *n,
				 struct plan_task *t)
{
	if (t->uses == NULL) {
		diag_node(l->d, n, "this key needs 'uses: deployment:...' before it");
	}
	return t->uses;
}

static void task_wait_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_uses *u = uses_of(l, n, obj);

	if (u != NULL) {
		(void)load_flag(l, n, "wait", &u->wait);
	}
}

static void task_job_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_uses *u = uses_of(l, n, obj);

	if (u != NULL && u->job_variables == NULL) {
		u->job_variables = load_tmpl(l, n, ROOTS_START);
	}
}

static void task_child_name_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_uses *u = uses_of(l, n, obj);

	if (u != NULL && u->run_name == NULL) {
		u->run_name = load_text_tmpl(l, n, "flow_run_name", ROOTS_START);
	}
}

#define T struct plan_task
/* Keys that `defaults` shares with tasks. */
#define COMMON_FIELDS                                                                 \
	{"allow_failure", FIELD_BOOL, FIELD_AT(T, allow_failure)},                    \
	    {"cache", FIELD_FN, .fn = task_cache_key},                                \
	    {"cache_expiration", FIELD_FN, .fn = task_expiration_key},                \
	    {"concurrency", FIELD_FN, .fn = task_limits_key},                         \
	    {"env", FIELD_FN, .fn = task_env_key},                                    \
	    {"grace_seconds", FIELD_REAL, FIELD_AT(T, grace_s), 0, 3600},             \
	    {"hooks", FIELD_FN, .fn = task_hooks_key},                                \
	    {"log_prints", FIELD_BOOL, FIELD_AT(T, log_prints)},                      \
                                                                                      \
	    {"on_failure", FIELD_FN, .fn = task_later_key},                           \
	    {"outputs", FIELD_FN, .fn = task_outputs_key},                            \
	    {"persist_result", FIELD_BOOL, FIELD_AT(T, persist_result)},              \
	    {"refresh_cache", FIELD_FN, .fn = task_refresh_key},                      \
	    {"result_storage", FIELD_TEXT, FIELD_AT(T, storage)},                     \
	    {"result_storage_key", FIELD_FN, .fn = task_storage_key},                 \
	    {"retries", FIELD_INT, FIELD_AT(T, retries), 0, PLAN_MAX_RETRIES},        \
	    {"retry_delay_seconds", FIELD_FN, .fn = task_delay_key},                  \
	    {"retry_if", FIELD_FN, .fn = task_retry_if_key},                          \
	    {"retry_jitter_factor", FIELD_REAL, FIELD_AT(T, jitter), 0, 1000},        \
	    {"state_handlers", FIELD_FN, .fn = task_handlers_key},                    \
	    {"tags", FIELD_FN, .fn = task_tags_key},                                  \
	{                                                                             \
		"timeout_seconds", FIELD_REAL, FIELD_AT(T, timeout_s), 0, MAX_SECONDS \
	}

static const struct field default_fields[] = {COMMON_FIELDS};

static const struct field task_fields[] = {
    COMMON_FIELDS,
    {"cmd", FIELD_FN, .fn = task_cmd_key},
    {"description", FIELD_TEXT, FIELD_AT(T, description)},
    {"flow_run_name", FIELD_FN, .fn = task_child_name_key},
    {"for_each", FIELD_FN, .fn = task_each_key},
    {"generator", FIELD_BOOL, FIELD_AT(T, generator)},
    {"if", FIELD_FN, .fn = task_if_key},
    {"job_variables", FIELD_FN, .fn = task_job_key},
    {"max_parallel", FIELD_INT, FIELD_AT(T, max_parallel), 1, PLAN_MAX_PARALLEL},
    {"name", FIELD_TEXT, FIELD_AT(T, name)},
    {"needs", FIELD_FN, .fn = task_needs_key},
    {"pause", FIELD_FN, .fn = task_pause_key},
    {"run", FIELD_FN, .fn = task_run_key},
    {"suspend", FIELD_FN, .fn = task_suspend_key},
    {"task_run_name", FIELD_FN, .fn = task_name_key},
    {"unmapped", FIELD_FN, .fn = task_unmapped_key},
    {"uses", FIELD_FN, .fn = task_uses_key},
    {"wait", FIELD_FN, .fn = task_wait_key},
    {"with", FIELD_FN, .fn = task_with_key},
};
#undef T

/* The task's text without its layout, for a key that changes only when the task does.
 */
static void canonical(const struct ynode *n, struct buf *out)
{
	size_t i, items = n->kind == YNODE_MAP ? 2 * n->count : n->count;

	if (n->kind == YNODE_SCALAR) {
		buf_addf(out, "%zu:", n->len);
		buf_add(out, n->text, n->len);
		return;
	}
	buf_addc(out, n->kind == YNODE_MAP ? '{' : '[');
	for (i = 0; i < items; i++) {
		canonical(n->items[i], out);
		buf_addc(out, ',');
	}
	buf_addc(out, ']');
}

static char *make_task_key(const char *key, const struct ynode *n, char **ret_source)
{
	struct buf b;
	char hex[65];

	buf_init(&b);
	canonical(n, &b);
	sha256_hex(b.data, b.len, hex);
	buf_release(&b);
	*ret_source = xstrdup(hex);
	return xasprintf("%s-%.8s", key, hex);
}

/* PREFECT_TASKS_DEFAULT_RETRIES, ..._DELAY_SECONDS (a number, or a list with commas);
 * the older names without the S; what a file says wins. */
static const char *default_of(const char *what)
{
	static const char *const prefixes[] = {"PREFECT_TASKS_DEFAULT_",
					       "PREFECT_TASK_DEFAULT_"};
	const char *value = NULL;
	char name[80];
	size_t i;

	for (i = 0; i < ARRAY_LEN(prefixes) && (value == NULL || *value == '\0'); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", prefixes[i], what);
		value = opts_env(name);
	}
	return value != NULL && *value != '\0' ? value : NULL;
}

static void take_defaults(struct plan_task *t)
{
	const char *retries = default_of("RETRIES");
	const char *delays = default_of("RETRY_DELAY_SECONDS");
	double seconds[PLAN_MAX_DELAYS];
	size_t n = 0;
	char *end;

	if (retries != NULL) {
		t->retries =
		    (int)fmin(fmax(strtod(retries, NULL), 0), PLAN_MAX_RETRIES);
	}
	while (delays != NULL && *delays != '\0' && n < PLAN_MAX_DELAYS) {
		delays += strspn(delays, " [,");
		seconds[n] = strtod(delays, &end);
		if (end == delays || !(seconds[n] >= 0 && seconds[n] <= MAX_SECONDS)) {
			break;
		}
		n++;
		delays = end;
	}
	if (n > 0) {
		set_delays(t, xmemdup(seconds, n * sizeof(*seconds)), n);
	}
}

static struct plan_task *new_task(void)
{
	struct plan_task *t = xcalloc(1, sizeof(*t));

	t->log_prints = t->persist_result = PLAN_INHERIT;
	t->grace_s = PLAN_DEFAULT_GRACE_S;
	t->stream_of = PLAN_NO_TASK;
	take_defaults(t);
	return t;
}

void load_defaults(struct loader *l, const struct ynode *n)
{
	struct plan_task *scratch = new_task();
	size_t errors = l->d->count + l->d->dropped, pending = l->pending_count;

	l->task = scratch;
	load_fields(l, n, default_fields, ARRAY_LEN(default_fields), "'defaults'",
		    scratch);
	l->task = NULL;
	l->pending_count = pending; /* each task registers its own copy */
	plan_task_free(scratch);
	if (l->d->count + l->d->dropped == errors) {
		l->defaults = n;
	}
}

static void check_task(struct loader *l, const struct ynode *key,
		       const struct ynode *value, const struct plan_task *t)
{
	static const char *const what[] = {"run", "cmd", "uses", "pause", "suspend"};
	size_t i, found = 0;

	for (i = 0; i < ARRAY_LEN(what); i++) {
		found += ymap_get(value, what[i]) != NULL;
	}
	if (found != 1) {
		diag_node(l->d, key,
			  "the task '%.80s' needs exactly one of 'run' and 'cmd'%s",
			  key->text,
			  found > 1 ? ", or one of 'uses', 'pause' and 'suspend'" : "");
	}
	if (t->generator && t->script == NULL && t->argc == 0) {
		diag_node(l->d, key, "a generator is a command: 'run' or 'cmd'");
	}
	if (t->generator && t->each.count > 0) {
		diag_node(l->d, key,
			  "a generator cannot have 'for_each' as well: make it two "
			  "tasks");
	}
}

/* The shortcut comes behind the handlers: first that of `defaults`. */
static void load_failure_actions(struct loader *l, const struct ynode *value,
				 struct plan_task *t)
{
	const struct ynode *n =
	    l->defaults != NULL ? ymap_get(l->defaults, "on_failure") : NULL;

	if (n != NULL) {
		load_on_failure(l, n, &t->handlers);
	}
	n = ymap_get(value, "on_failure");
	if (n != NULL) {
		load_on_failure(l, n, &t->handlers);
	}
}

static void load_task(struct loader *l, const struct ynode *key,
		      const struct ynode *value, struct plan_flow *flow)
{
	struct plan_task *t = new_task();

	t->index = flow->count;
	t->line = key->at.line;
	t->key = xstrdup(key->text);
	flow->tasks[flow->count++] = t;
	(void)map_set(&l->task_index, t->key, (void *)(t->index + 1), NULL);
	if (!is_identifier(key->text, 1)) {
		diag_node(l->d, key,
			  "'%.80s' cannot name a task: use letters, digits, _ and -",
			  key->text);
	}
	l->task = t;
	if (l->defaults != NULL) {
		load_fields(l, l->defaults, default_fields, ARRAY_LEN(default_fields),
			    "'defaults'", t);
	}
	load_fields(l, value, task_fields, ARRAY_LEN(task_fields), "a task", t);
	if (value->kind == YNODE_MAP) {
		check_task(l, key, value, t);
		load_failure_actions(l, value, t);
	}
	l->task = NULL;
	if (t->name == NULL) {
		t->name = t->key;
	}
	t->task_key = make_task_key(t->key, value, &t->source);
}

void load_tasks(struct loader *l, const struct ynode *n, struct plan_flow *flow)
{
	char buf[80];
	size_t i;

	if (n->kind != YNODE_MAP || n->count == 0) {
		diag_node(l->d, n,
			  "'tasks' must be a mapping of at least one task, not %s",
			  n->kind == YNODE_MAP ? "an empty one"
					       : ynode_describe(n, buf, sizeof(buf)));
		return;
	}
	if (n->count > PLAN_MAX_TASKS) {
		diag_node(l->d, n, "a flow may have at most %u tasks, not %zu",
			  PLAN_MAX_TASKS, n->count);
		return;
	}
	flow->tasks = xcalloc(n->count, sizeof(struct plan_task *));
	for (i = 0; i < n->count; i++) {
		load_task(l, ymap_key(n, i), ymap_value(n, i), flow);
	}
}
