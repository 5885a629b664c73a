/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind.c - names to things: references in expressions, `needs`, the edges of the graph,
 * and the search for cycles (Kahn's algorithm; linear in tasks and edges).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "engine/expr/tmpl.h"
#include "engine/yaml/load.h"

struct binding {
	struct loader *l;
	const struct pending *p;
};

static const struct {
	const char *name;
	unsigned int root;
} known_roots[] = {
    {"params", ROOT_PARAMS},       {"tasks", ROOT_TASKS},
    {"with", ROOT_WITH},           {"env", ROOT_ENV},
    {"flow_run", ROOT_FLOW_RUN},   {"task_run", ROOT_TASK_RUN},
    {"item", ROOT_ITEM},           {"secrets", ROOT_SECRETS},
    {"variables", ROOT_VARIABLES}, {"args", ROOT_CHANGE},
    {"object", ROOT_CHANGE},       {"old_state", ROOT_CHANGE},
    {"new_state", ROOT_CHANGE},    {"attempt", ROOT_ATTEMPT},
    {"exit_code", ROOT_ATTEMPT},   {"signal", ROOT_ATTEMPT},
    {"timed_out", ROOT_ATTEMPT},   {"message", ROOT_ATTEMPT},
};

static void note_name(struct plan_strs *strs, const char *name)
{
	size_t i;

	for (i = 0; i < strs->count; i++) {
		if (strcmp(strs->items[i], name) == 0) {
			return;
		}
	}
	strs->items = xreallocarray(strs->items, strs->count + 1, sizeof(*strs->items));
	strs->items[strs->count++] = xstrdup(name);
}

static struct ymark place(const struct binding *b, size_t at)
{
	return diag_mark(b->l->d, b->p->node, at);
}

static void add_edge(struct plan_task *t, size_t upstream)
{
	struct plan_edges *e = &t->upstream;

	/* grows by doubling; doubles are removed later, all at once */
	if ((e->count & (e->count - 1)) == 0) {
		e->tasks = xreallocarray(e->tasks, e->count == 0 ? 1 : 2 * e->count,
					 sizeof(*e->tasks));
	}
	e->tasks[e->count++] = upstream;
}

/* A word that is nearly a task's key: "; did you mean ...", looked for only in an
 * error. */
static const char *task_hint(const struct loader *l, const char *word, char *buf,
			     size_t size)
{
	const char **names = xcalloc(l->flow->count + 1, sizeof(*names));
	size_t i;

	for (i = 0; i < l->flow->count; i++) {
		names[i] = l->flow->tasks[i]->key;
	}
	(void)load_hint(word, names, l->flow->count, buf, size);
	free(names);
	return buf;
}

static int bind_task(const struct binding *b, const struct expr_ref *ref,
		     size_t *ret_task)
{
	size_t index;
	char hint[128];

	if (ref->member == NULL) {
		diag_add(b->l->d, place(b, ref->at), strlen(ref->root),
			 "name the task: tasks.NAME");
		return 0;
	}
	index = (size_t)(uintptr_t)map_get(&b->l->task_index, ref->member);
	if (index == 0) {
		diag_add(b->l->d, place(b, ref->member_at), strlen(ref->member),
			 "the flow has no task '%.80s'%s", ref->member,
			 task_hint(b->l, ref->member, hint, sizeof(hint)));
		return 0;
	}
	*ret_task = index - 1;
	if (b->p->task != NULL) {
		add_edge(b->p->task, index - 1);
	}
	return 0;
}

static void unknown_member(const struct binding *b, const struct expr_ref *ref,
			   const char *text, const char *const *names, size_t count)
{
	char hint[128];

	diag_add(b->l->d, place(b, ref->member_at), strlen(ref->member), "%s '%.80s'%s",
		 text, ref->member,
		 load_hint(ref->member, names, count, hint, sizeof(hint)));
}

static void bind_param(const struct binding *b, const struct expr_ref *ref)
{
	const struct plan_flow *f = b->l->flow;
	const char **names;
	size_t i;

	if (ref->member == NULL) {
		return;
	}
	names = xcalloc(f->param_count + 1, sizeof(*names));
	for (i = 0; i < f->param_count; i++) {
		names[i] = f->params[i].name;
		if (strcmp(names[i], ref->member) == 0) {
			free(names);
			return;
		}
	}
	unknown_member(b, ref, "the flow has no parameter", names, f->param_count);
	free(names);
}

static void bind_with(const struct binding *b, const struct expr_ref *ref)
{
	const struct plan_pairs *with = &b->p->task->with;
	const char **names;
	size_t i;

	if (ref->member == NULL) {
		return;
	}
	names = xcalloc(with->count + 1, sizeof(*names));
	for (i = 0; i < with->count; i++) {
		names[i] = with->items[i].name;
		if (strcmp(names[i], ref->member) == 0) {
			free(names);
			return;
		}
	}
	unknown_member(b, ref, "the task has no input", names, with->count);
	free(names);
}

static void bind_fields(const struct binding *b, const struct expr_ref *ref)
{
	static const char *const flow_fields[] = {
	    "id",        "name", "flow_name", "run_count", "tags", "deployment_name",
	    "parameters"};
	static const char *const task_fields[] = {"id", "name", "task_name",
						  "run_count", "tags"};
	int is_flow = strcmp(ref->root, "flow_run") == 0;
	const char *const *names = is_flow ? flow_fields : task_fields;
	size_t i, count = is_flow ? ARRAY_LEN(flow_fields) : ARRAY_LEN(task_fields);

	for (i = 0; ref->member != NULL && i < count; i++) {
		if (strcmp(names[i], ref->member) == 0) {
			return;
		}
	}
	if (ref->member != NULL) {
		unknown_member(b, ref, is_flow ? "flow_run has no" : "task_run has no",
			       names, count);
	}
}

static void unknown_root(const struct binding *b, const struct expr_ref *ref)
{
	const char *names[ARRAY_LEN(known_roots)];
	struct buf known;
	char hint[128];
	size_t i, n = 0;

	buf_init(&known);
	for (i = 0; i < ARRAY_LEN(known_roots); i++) {
		if ((known_roots[i].root & b->p->roots) != 0) {
			names[n++] = known_roots[i].name;
			buf_addf(&known, "%s%s", n > 1 ? ", " : "",
				 known_roots[i].name);
		}
	}
	diag_add(b->l->d, place(b, ref->at), strlen(ref->root),
		 "unknown name '%.80s' (known: %s)%s", ref->root, known.data,
		 load_hint(ref->root, names, n, hint, sizeof(hint)));
	buf_release(&known);
}

static void bind_item(const struct binding *b, const struct expr_ref *ref)
{
	const struct plan_pairs *each = &b->p->task->each;
	const char **names;
	size_t i;

	if (each->count == 0) {
		diag_add(b->l->d, place(b, ref->at), strlen(ref->root),
			 "'item' is known only in a task with 'for_each'");
		return;
	}
	names = xcalloc(each->count + 1, sizeof(*names));
	for (i = 0; ref->member != NULL && i < each->count; i++) {
		names[i] = each->items[i].name;
		if (strcmp(names[i], ref->member) == 0) {
			free(names);
			return;
		}
	}
	if (ref->member != NULL && strcmp(ref->member, "index") != 0) {
		unknown_member(b, ref, "'for_each' has no", names, each->count);
	}
	free(names);
}

static void bind_store(const struct binding *b, const struct expr_ref *ref,
		       struct plan_strs *names)
{
	if (ref->member == NULL) {
		diag_add(b->l->d, place(b, ref->at), strlen(ref->root),
			 "name one: %s.NAME", ref->root);
	} else {
		note_name(names, ref->member);
	}
}

static int on_ref(const struct expr_ref *ref, size_t *ret_task, void *arg)
{
	const struct binding *b = arg;
	unsigned int root = 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(known_roots); i++) {
		if (strcmp(ref->root, known_roots[i].name) == 0) {
			root = known_roots[i].root;
		}
	}
	if (root == 0) {
		unknown_root(b, ref);
	} else if ((b->p->roots & root) == 0) {
		diag_add(b->l->d, place(b, ref->at), strlen(ref->root),
			 "'%s' cannot be used here", ref->root);
	} else if (root == ROOT_TASKS) {
		return bind_task(b, ref, ret_task);
	} else if (root == ROOT_PARAMS) {
		bind_param(b, ref);
	} else if (root == ROOT_WITH) {
		bind_with(b, ref);
	} else if (root == ROOT_FLOW_RUN || root == ROOT_TASK_RUN) {
		bind_fields(b, ref);
	} else if (root == ROOT_ITEM) {
		bind_item(b, ref);
	} else if (root == ROOT_SECRETS) {
		bind_store(b, ref, &b->l->flow->secrets);
	} else if (root == ROOT_VARIABLES) {
		bind_store(b, ref, &b->l->flow->variables);
	}
	return 0;
}

static void bind_needs(struct loader *l)
{
	char hint[128];
	size_t i, index;

	for (i = 0; i < l->needs_count; i++) {
		const struct ynode *n = l->needs[i].node;

		index = (size_t)(uintptr_t)map_get(&l->task_index, n->text);
		if (index == 0) {
			diag_node(l->d, n, "the flow has no task '%.80s'%s", n->text,
				  task_hint(l, n->text, hint, sizeof(hint)));
		} else {
			add_edge(l->needs[i].task, index - 1);
		}
	}
}

static void keep_value(size_t task, void *arg)
{
	((struct plan_flow *)arg)->tasks[task]->keeps_value = 1;
}

/* for_each over exactly the items of one generator takes them as they come. */
static void bind_streams(struct loader *l)
{
	size_t i, of;

	for (i = 0; i < l->flow->count; i++) {
		struct plan_task *t = l->flow->tasks[i];

		if (t->each.count == 1 && tmpl_is_task(t->each.items[0].value, &of) &&
		    l->flow->tasks[of]->generator) {
			t->stream_of = of;
		}
	}
	/* who else needs the values: a second walk, without the streams */
	for (i = 0; i < l->flow->count; i++) {
		l->flow->tasks[i]->keeps_value = 0;
	}
	for (i = 0; i < l->pending_count; i++) {
		const struct pending *p = &l->pending[i];

		if (p->tmpl != NULL &&
		    !(p->task != NULL && p->task->stream_of != PLAN_NO_TASK &&
		      p->task->each.items[0].value == p->tmpl)) {
			tmpl_each_task(p->tmpl, keep_value, l->flow);
		}
	}
}

static int by_index(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return x < y ? -1 : x > y;
}

static void unique_edges(struct plan_edges *e)
{
	size_t i, n = 0;

	if (e->count < 2) {
		return;
	}
	qsort(e->tasks, e->count, sizeof(*e->tasks), by_index);
	for (i = 0; i < e->count; i++) {
		if (n == 0 || e->tasks[n - 1] != e->tasks[i]) {
			e->tasks[n++] = e->tasks[i];
		}
	}
	e->count = n;
}

static void link_downstream(struct plan_flow *f)
{
	size_t i, k;

	for (i = 0; i < f->count; i++) {
		unique_edges(&f->tasks[i]->upstream);
		for (k = 0; k < f->tasks[i]->upstream.count; k++) {
			f->tasks[f->tasks[i]->upstream.tasks[k]]->downstream.count++;
		}
	}
	for (i = 0; i < f->count; i++) {
		struct plan_edges *e = &f->tasks[i]->downstream;

		e->tasks = e->count > 0 ? xcalloc(e->count, sizeof(*e->tasks)) : NULL;
		e->count = 0;
	}
	for (i = 0; i < f->count; i++) {
		for (k = 0; k < f->tasks[i]->upstream.count; k++) {
			struct plan_edges *e =
			    &f->tasks[f->tasks[i]->upstream.tasks[k]]->downstream;

			e->tasks[e->count++] = i;
		}
	}
}

/* Kahn: WAITING[i] is 0 for all tasks that can run; the others are behind a cycle. */
static size_t sort_out(const struct plan_flow *f, size_t *waiting)
{
	size_t *queue = xcalloc(f->count + 1, sizeof(*queue)), head = 0, tail = 0, i;

	for (i = 0; i < f->count; i++) {
		waiting[i] = f->tasks[i]->upstream.count;
		if (waiting[i] == 0) {
			queue[tail++] = i;
		}
	}
	while (head < tail) {
		const struct plan_edges *e = &f->tasks[queue[head++]]->downstream;

		for (i = 0; i < e->count; i++) {
			if (--waiting[e->tasks[i]] == 0) {
				queue[tail++] = e->tasks[i];
			}
		}
	}
	free(queue);
	return f->count - tail;
}

/* From a task behind a cycle, upstream along tasks behind it, until one comes again. */
static void name_cycle(struct loader *l, const struct ynode *tasks,
		       const size_t *waiting)
{
	const struct plan_flow *f = l->flow;
	size_t *seen = xcalloc(f->count + 1, sizeof(*seen)), at = 0, step = 0, k, stop;
	struct buf path;

	while (waiting[at] == 0) {
		at++;
	}
	while (seen[at] == 0) {
		seen[at] = ++step;
		for (k = 0; waiting[f->tasks[at]->upstream.tasks[k]] == 0; k++) {
		}
		at = f->tasks[at]->upstream.tasks[k];
	}
	stop = at;
	buf_init(&path);
	buf_adds(&path, f->tasks[stop]->key);
	do {
		for (k = 0; waiting[f->tasks[at]->upstream.tasks[k]] == 0; k++) {
		}
		at = f->tasks[at]->upstream.tasks[k];
		if (path.len < 300) {
			buf_addf(&path, " -> %s", f->tasks[at]->key);
		} else if (at == stop) {
			buf_addf(&path, " -> ... -> %s", f->tasks[at]->key);
		}
	} while (at != stop);
	diag_node(l->d, ymap_key(tasks, stop),
		  "the tasks wait for each other in a circle: %s", path.data);
	buf_release(&path);
	free(seen);
}

void load_bind(struct loader *l, const struct ynode *tasks)
{
	size_t i, *waiting;

	for (i = 0; i < l->pending_count; i++) {
		struct binding b = {.l = l, .p = &l->pending[i]};

		if (b.p->tmpl != NULL) {
			(void)tmpl_bind(b.p->tmpl, on_ref, &b);
		}
	}
	bind_streams(l);
	bind_needs(l);
	link_downstream(l->flow);
	if (l->flow->count == 0) {
		return;
	}
	waiting = xcalloc(l->flow->count, sizeof(*waiting));
	if (sort_out(l->flow, waiting) > 0) {
		name_cycle(l, tasks, waiting);
	}
	free(waiting);
}
