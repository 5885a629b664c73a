/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner_values.c - expressions of a run to values: inputs, names, commands,
 * environments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/expr/name.h"
#include "engine/runner_priv.h"
#include "engine/expr/tmpl.h"

#define ENV_VALUE_MAX \
	(100u << 10)         /* the kernel refuses 128 KiB; WF_INPUTS has them all */
#define TASK_INPUTS_MAX 5000 /* references named in task_inputs */

static json_t *task_value(size_t index, void *arg)
{
	const struct values *v = arg;

	return v->runner->slots[index].result;
}

static const char *env_value(const char *name, void *arg)
{
	const struct values *v = arg;

	return envs_get(v->env, name);
}

struct expr_scope runner_scope(struct values *v, const json_t *with,
			       const json_t *task_run)
{
	return (struct expr_scope){
	    .params = v->runner->params,
	    .with = with,
	    .flow_run = v->runner->flow_run,
	    .task_run = task_run,
	    .task = task_value,
	    .env = env_value,
	    .secret = runner_secret,
	    .variable = runner_variable,
	    .arg = v,
	};
}

static int set_env(struct envs *env, const struct plan_pair *p,
		   const struct expr_scope *scope, struct error *err)
{
	struct buf b;
	int rc;

	buf_init(&b);
	rc = tmpl_eval_text(p->value, scope, &b, err);
	if (rc == 0 && strlen(b.data) != b.len) {
		rc = err_set(err, ERR_INVALID, "the value contains a zero byte");
	}
	if (rc == 0) {
		envs_set(env, p->name, b.data, b.len);
	} else {
		rc = err_wrap(err, "env.%s", p->name);
	}
	buf_release(&b);
	return rc;
}

int runner_eval_pairs(const struct plan_pairs *pairs, const struct expr_scope *scope,
		      struct envs *env, struct error *err)
{
	size_t i;

	for (i = 0; i < pairs->count; i++) {
		if (set_env(env, &pairs->items[i], scope, err) < 0) {
			return -ERR_INVALID;
		}
	}
	return 0;
}

int runner_eval_flow_env(struct runner *r, struct error *err)
{
	struct values v = {.runner = r, .env = &r->env};
	struct expr_scope scope = runner_scope(&v, NULL, NULL);

	return runner_eval_pairs(&r->flow->env, &scope, &r->env, err);
}

static int eval_cond(const struct plan_task *plan, const struct expr_scope *scope,
		     int *ret_skip, struct error *err)
{
	json_t *v = NULL;

	*ret_skip = 0;
	if (plan->cond == NULL) {
		return 0;
	}
	if (tmpl_eval(plan->cond, scope, &v, err) < 0) {
		return err_wrap(err, "if");
	}
	*ret_skip = !expr_truth(v);
	json_decref(v);
	return 0;
}

int runner_eval_cond(struct slot *s, int *ret_skip, struct error *err)
{
	struct values v = {.runner = s->runner, .env = &s->runner->env};
	struct expr_scope scope = runner_scope(&v, NULL, NULL);

	return eval_cond(s->plan, &scope, ret_skip, err);
}

int runner_eval_inputs(struct slot *s, int *ret_skip, struct error *err)
{
	struct values v = {.runner = s->runner, .env = &s->runner->env};
	struct expr_scope scope = runner_scope(&v, NULL, NULL);
	json_t *value = NULL;
	size_t i;
	int rc = 0;

	*ret_skip = 0;
	scope.item = s->item;
	if (s->item == NULL) { /* that of a map was asked for all of it */
		rc = eval_cond(s->plan, &scope, ret_skip, err);
	}
	s->with = json_object();
	if (rc < 0 || *ret_skip) {
		return rc;
	}
	for (i = 0; i < s->plan->with.count; i++) {
		const struct plan_pair *p = &s->plan->with.items[i];

		if (tmpl_eval(p->value, &scope, &value, err) < 0) {
			return err_wrap(err, "with.%s", p->name);
		}
		(void)json_object_set_new(s->with, p->name, value);
	}
	return 0;
}

static json_t *name_value(const char *field, void *arg)
{
	const struct slot *s = arg;
	const struct runner *r = s->runner;
	char id[UUID_TEXT_SIZE];
	json_t *v = json_object_get(s->with, field);

	if (v != NULL) {
		return json_incref(v);
	}
	if (strcmp(field, "task.name") == 0) {
		return json_string(s->plan->name);
	}
	if (strcmp(field, "flow.name") == 0) {
		return json_string(r->flow->name);
	}
	if (strcmp(field, "flow_run.name") == 0) {
		return json_string(r->run_name);
	}
	if (strcmp(field, "flow_run.id") == 0) {
		return json_string(uuid_format(&r->run_id, id));
	}
	v = json_object_get(s->item,
			    strncmp(field, "item.", 5) == 0 ? field + 5 : field);
	if (v == NULL && strcmp(field, "item") == 0 && s->item != NULL) {
		v = json_object_iter_value(json_object_iter(s->item));
	}
	if (v == NULL) {
		v = json_object_get(r->params, field);
	}
	return v != NULL ? json_incref(v) : NULL;
}

int runner_eval_name(struct slot *s, unsigned int number, char **ret_name,
		     struct error *err)
{
	struct buf b;
	int rc = 0;

	buf_init(&b);
	if (s->plan->run_name == NULL || s->with == NULL) {
		buf_addf(&b, "%s-%u", s->plan->name, number);
	} else {
		rc = name_format(s->plan->run_name, name_value, s, clock_wall_us(), &b,
				 err);
		if (rc == 0 && b.len == 0) {
			rc = err_set(err, ERR_INVALID, "the name is empty");
		}
	}
	if (rc == 0) {
		*ret_name = buf_take(&b, NULL);
	} else {
		rc = err_wrap(err, "task_run_name");
	}
	buf_release(&b);
	return rc;
}

static json_t *flow_name_value(const char *field, void *arg)
{
	const struct runner *r = arg;
	char id[UUID_TEXT_SIZE];
	json_t *v = json_object_get(r->params, field);

	if (v != NULL) {
		return json_incref(v);
	}
	if (strcmp(field, "flow.name") == 0) {
		return json_string(r->flow->name);
	}
	if (strcmp(field, "flow_run.id") == 0) {
		return json_string(uuid_format(&r->run_id, id));
	}
	return NULL;
}

int runner_flow_name(struct runner *r, char **ret_name, struct error *err)
{
	struct buf b;
	int rc;

	buf_init(&b);
	rc = name_format(r->flow->run_name, flow_name_value, r, clock_wall_us(), &b,
			 err);
	if (rc == 0) {
		*ret_name = buf_take(&b, NULL);
	}
	buf_release(&b);
	return rc < 0 ? err_wrap(err, "flow_run_name") : 0;
}

int runner_eval_return(struct runner *r, json_t **ret_value, struct error *err)
{
	struct values v = {.runner = r, .env = &r->env};
	struct expr_scope scope = runner_scope(&v, NULL, NULL);

	return tmpl_eval(r->flow->ret, &scope, ret_value, err);
}

/* ---- the command of an attempt ---- */

void runner_free_argv(char **argv)
{
	size_t i;

	for (i = 0; argv != NULL && argv[i] != NULL; i++) {
		free(argv[i]);
	}
	free(argv);
}

void command_release(struct command *cmd)
{
	runner_free_argv(cmd->argv);
	free(cmd->output_path);
	free(cmd->result_path);
	free(cmd->state_path);
	envs_release(&cmd->env);
}

int runner_eval_text(const struct tmpl *t, const struct expr_scope *scope,
		     const char *what, char **ret_text, struct error *err)
{
	struct buf b;
	int rc;

	buf_init(&b);
	rc = tmpl_eval_text(t, scope, &b, err);
	if (rc == 0 && strlen(b.data) != b.len) {
		rc = err_set(err, ERR_INVALID, "the value contains a zero byte");
	}
	if (rc == 0) {
		*ret_text = buf_take(&b, NULL);
	} else {
		rc = err_wrap(err, "%s", what);
	}
	buf_release(&b);
	return rc;
}

int runner_eval_argv(const char *script, struct tmpl *const *words, size_t count,
		     const struct expr_scope *scope, char ***ret_argv,
		     struct error *err)
{
	char what[32], **argv = xcalloc(count + 6, sizeof(*argv));
	size_t i;

	*ret_argv = argv;
	if (script != NULL) {
		argv[0] = xstrdup("/bin/sh");
		argv[1] = xstrdup("-eu");
		argv[2] = xstrdup("-c");
		argv[3] = xstrdup(script);
		return 0;
	}
	for (i = 0; i < count; i++) {
		(void)snprintf(what, sizeof(what), "cmd[%zu]", i);
		if (runner_eval_text(words[i], scope, what, &argv[i], err) < 0) {
			return -ERR_INVALID;
		}
	}
	if (count == 0 || *argv[0] == '\0') {
		return err_set(err, ERR_INVALID,
			       "cmd[0] is empty: no program to start");
	}
	return 0;
}

static int eval_argv(const struct slot *s, const struct expr_scope *scope,
		     struct command *cmd, struct error *err)
{
	int rc = runner_eval_argv(s->plan->script, s->plan->argv, s->plan->argc, scope,
				  &cmd->argv, err);

	if (rc == 0 && s->plan->script != NULL) {
		cmd->argv[4] = xstrdup(s->plan->key);
	}
	return rc;
}

static void add_inputs(const struct slot *s, struct envs *env)
{
	char name[300];
	struct buf b;
	const char *key;
	json_t *v;

	buf_init(&b);
	json_object_foreach (s->with, key, v) {
		buf_reset(&b);
		json_add_text(&b, v);
		if (b.len <= ENV_VALUE_MAX && strlen(b.data) == b.len) {
			(void)snprintf(name, sizeof(name), "WF_IN_%.280s", key);
			envs_set(env, name, b.data, b.len);
		}
	}
	buf_release(&b);
}

static int make_run_dir(struct runner *r, struct error *err)
{
	if (r->dir.path != NULL) {
		return 0;
	}
	if (r->shared_dir != NULL && *r->shared_dir == '/') {
		rundir_borrow(&r->dir, r->shared_dir);
		return 0;
	}
	return rundir_open(&r->dir, envs_get(&r->env, "TMPDIR"), err);
}

/* WF_INPUTS: one file per task run, only when it has inputs. */
static int write_inputs(struct slot *s, const char *id, struct error *err)
{
	FILE *f;
	char *text;
	int ok;

	if (s->inputs_path != NULL || json_object_size(s->with) == 0) {
		return 0;
	}
	s->inputs_path = xasprintf("%s/%s.in", s->runner->dir.path, id);
	text = json_text(s->with);
	f = fopen(s->inputs_path, "we");
	ok = f != NULL && fputs(text, f) >= 0;
	if (f != NULL) {
		ok = fclose(f) == 0 && ok;
	}
	free(text);
	return ok ? 0 : err_errno(err, "write WF_INPUTS %s", s->inputs_path);
}

static void set_text(struct envs *env, const char *name, const char *value)
{
	envs_set(env, name, value, strlen(value));
}

static int task_env(struct slot *s, const struct sched_run *run, struct command *cmd,
		    const struct expr_scope *scope, struct error *err)
{
	char id[UUID_TEXT_SIZE], number[16];

	if (runner_eval_pairs(&s->plan->env, scope, &cmd->env, err) < 0) {
		return -ERR_INVALID;
	}
	(void)uuid_format(&run->id, id);
	if (make_run_dir(s->runner, err) < 0 || write_inputs(s, id, err) < 0) {
		return -ERR_IO;
	}
	cmd->result_path = xasprintf("%s/%s.out", s->runner->dir.path, id);
	cmd->state_path = xasprintf("%s/%s.state", s->runner->dir.path, id);
	set_text(&cmd->env, "WF_STATE", cmd->state_path);
	add_inputs(s, &cmd->env);
	if (s->inputs_path != NULL) {
		set_text(&cmd->env, "WF_INPUTS", s->inputs_path);
	}
	set_text(&cmd->env, "WF_RESULT", cmd->result_path);
	set_text(&cmd->env, "WF_TASK_RUN_ID", id);
	set_text(&cmd->env, "WF_TASK_RUN_NAME", s->name);
	(void)snprintf(number, sizeof(number), "%d", run->run_count);
	set_text(&cmd->env, "WF_ATTEMPT", number);
	return 0;
}

json_t *runner_task_run_root(const struct slot *s, const struct sched_run *run)
{
	char id[UUID_TEXT_SIZE];
	json_t *tags = json_array();
	size_t i;

	for (i = 0; i < s->plan->tags.count; i++) {
		(void)json_array_append_new(tags, json_string(s->plan->tags.items[i]));
	}
	return json_pack("{s:s, s:s, s:s, s:i, s:o}", "id", uuid_format(&run->id, id),
			 "name", s->name, "task_name", s->plan->name, "run_count",
			 run->run_count, "tags", tags);
}

int runner_eval_command(struct slot *s, const struct sched_run *run,
			struct command *cmd, struct error *err)
{
	struct values v = {.runner = s->runner, .env = &cmd->env};
	json_t *task_run = runner_task_run_root(s, run);
	struct expr_scope scope = runner_scope(&v, s->with, task_run);
	int rc;

	memset(cmd, 0, sizeof(*cmd));
	scope.item = s->item;
	envs_init(&cmd->env, s->runner->env.items);
	rc = task_env(s, run, cmd, &scope, err);
	if (rc == 0) {
		rc = eval_argv(s, &scope, cmd, err);
	}
	if (rc == 0 && s->plan->outputs == PLAN_OUT_FILE) {
		rc = runner_eval_text(s->plan->output_file, &scope, "outputs.file",
				      &cmd->output_path, err);
	}
	if (rc == 0 && cmd->output_path != NULL && *cmd->output_path != '/') {
		char *full = xasprintf("%s/%s", s->runner->cwd, cmd->output_path);

		free(cmd->output_path);
		cmd->output_path = full;
	}
	json_decref(task_run);
	return rc;
}

/* ---- task_inputs ---- */

struct input_list {
	struct runner *runner;
	json_t *list;
	unsigned char *seen; /* by task; NULL: doubles do not matter */
	size_t left;
};

static void add_input(size_t task, void *arg)
{
	struct input_list *l = arg;
	char id[UUID_TEXT_SIZE];
	struct sched_run run;

	if (l->left == 0) {
		return;
	}
	if (l->runner->slots[task].map != NULL) {
		l->left -= runner_map_inputs(&l->runner->slots[task], l->list, l->left);
		return;
	}
	l->left--;
	sched_get_run(l->runner->sched, task, &run);
	(void)json_array_append_new(l->list,
				    json_pack("{s:s, s:s}", "input_type", "task_run",
					      "id", uuid_format(&run.id, id)));
}

struct mark_arg {
	const struct plan_edges *edges;
	unsigned char *seen;
};

static int edge_cmp(const void *key, const void *item)
{
	size_t x = *(const size_t *)key, y = *(const size_t *)item;

	return x < y ? -1 : x > y;
}

/* Marks the edge (edges are sorted) that leads to TASK. */
static void mark_seen(size_t task, void *arg)
{
	struct mark_arg *m = arg;
	const size_t *hit =
	    bsearch(&task, m->edges->tasks, m->edges->count, sizeof(task), edge_cmp);

	if (hit != NULL) {
		m->seen[hit - m->edges->tasks] = 1;
	}
}

json_t *runner_task_inputs(struct slot *s)
{
	const struct plan_edges *edges = &s->plan->upstream;
	struct mark_arg mark = {.edges = edges, .seen = xcalloc(edges->count + 1, 1)};
	struct input_list l = {.runner = s->runner, .left = TASK_INPUTS_MAX};
	json_t *all = json_object();
	size_t i;

	for (i = 0; i < s->plan->with.count; i++) {
		l.list = json_array();
		tmpl_each_task(s->plan->with.items[i].value, add_input, &l);
		tmpl_each_task(s->plan->with.items[i].value, mark_seen, &mark);
		(void)json_object_set_new(all, s->plan->with.items[i].name, l.list);
	}
	if (s->plan->stream_of != PLAN_NO_TASK) {
		l.list = json_array();
		add_input(s->plan->stream_of, &l);
		mark_seen(s->plan->stream_of, &mark);
		(void)json_object_set_new(all, "__parents__", l.list);
	}
	l.list = json_array();
	for (i = 0; i < edges->count; i++) {
		if (!mark.seen[i]) {
			add_input(edges->tasks[i], &l);
		}
	}
	if (json_array_size(l.list) > 0) {
		(void)json_object_set_new(all, "wait_for", l.list);
	} else {
		json_decref(l.list);
	}
	free(mark.seen);
	return all;
}
