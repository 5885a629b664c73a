/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner_parts.h - what the files of the runner do for each other; the last line of
 * runner_priv.h includes it.
 */
#ifndef ENGINE_RUNNER_PARTS_H
#define ENGINE_RUNNER_PARTS_H

#include "engine/runner_priv.h"

struct slot *runner_slot(struct runner *r, size_t unit);

/* runner_values.c; each returns 0 or -code with a message that names the key. */
struct values { /* the arg of an expr_scope */
	struct runner *runner;
	const struct envs *env;
};
struct expr_scope runner_scope(struct values *v, const json_t *with,
			       const json_t *task_run);
int runner_eval_pairs(const struct plan_pairs *pairs, const struct expr_scope *scope,
		      struct envs *env, struct error *err);
/* The script with sh, or the evaluated ARGV; owned: runner_free_argv(). */
int runner_eval_argv(const char *script, struct tmpl *const *words, size_t count,
		     const struct expr_scope *scope, char ***ret_argv,
		     struct error *err);
void runner_free_argv(char **argv);
int runner_eval_text(const struct tmpl *t, const struct expr_scope *scope,
		     const char *what, char **ret_text, struct error *err);
int runner_eval_cond(struct slot *s, int *ret_skip, struct error *err);
int runner_eval_flow_env(struct runner *r, struct error *err);
int runner_eval_inputs(struct slot *s, int *ret_skip, struct error *err);
int runner_eval_name(struct slot *s, unsigned int number, char **ret_name,
		     struct error *err);
int runner_eval_return(struct runner *r, json_t **ret_value, struct error *err);
/* The attempt's command and environment. */
struct command {
	char **argv; /* owned */
	struct envs env;
	char *output_path;
	char *result_path;
	char *state_path;
};
int runner_eval_command(struct slot *s, const struct sched_run *run,
			struct command *cmd, struct error *err);
void command_release(struct command *cmd);
json_t *runner_task_run_root(const struct slot *s, const struct sched_run *run);
json_t *runner_task_inputs(struct slot *s);
int runner_flow_name(struct runner *r, char **ret_name, struct error *err);

/* runner_emit.c: an event of the task S. */
void runner_emit(struct runner *r, const struct slot *s, const json_t *event);

/* runner_change.c */
void runner_consult(struct runner *r, const struct sched_action *a);
void runner_hooks(struct runner *r, const struct sched_action *a);
void runner_commit(struct runner *r, size_t unit);
void runner_rollback(struct runner *r, size_t unit);
void runner_change_free(struct change *c); /* accepts NULL */

/* runner_map.c */
void runner_expand(struct runner *r, size_t task);
void runner_forget(struct runner *r, size_t unit);
/* The values of item UNIT; its result goes where the task's results are. */
json_t *runner_map_item(struct runner *r, size_t unit);
void runner_map_result(struct runner *r, size_t unit);
/* A generator gave VALUE (taken). */
void runner_map_yield(struct slot *s, json_t *value);
/* A generator may write again, or not, by how far it is ahead. */
void runner_map_flow(struct runner *r);
void runner_map_free(struct slot *s);
/* Ids of the runs of a task with for_each, as task_inputs; at most LEFT. */
size_t runner_map_inputs(const struct slot *s, json_t *list, size_t left);

/* runner_secrets.c: fetches what the flow names, then calls runner_go(). */
void runner_secrets_fetch(struct runner *r);
json_t *runner_secret(const char *name, void *arg);
json_t *runner_variable(const char *name, void *arg);
/* TEXT with the values of secrets masked; owned, or NULL: nothing to mask. */
char *runner_mask(const struct runner *r, const char *text);
struct httpc *runner_http(struct runner *r);
int runner_find_block(struct runner *r, const struct plan_notify *n,
		      const struct expr_scope *scope, const json_t **ret_block,
		      const char **ret_type, struct error *err);

/* runner_cache.c: MAKE is called when the result is not there. */
void runner_cache_run(struct slot *s, const struct sched_run *run,
		      void (*make)(struct slot *s, const struct sched_run *run));
void runner_cache_store(struct runner *r, size_t unit);
void runner_cache_drop(struct runner *r, size_t unit);
void runner_cache_unlock(struct slot *s);

/* runner_limits.c */
int runner_needs_permit(const struct plan_task *task, void *arg);
void runner_acquire(struct runner *r, size_t unit);
void runner_limits_release(struct slot *s);

/* runner_sub.c */
void runner_sub_start(struct slot *s, const struct sched_run *run);
void runner_sub_stop(struct slot *s);
void runner_sub_free(struct slot *s);
void runner_sub_deploy(struct sub *b, const struct uuid *task_run);
void runner_sub_cancel(struct sub *b);

/* runner_pause.c */
void runner_pause_start(struct slot *s, const struct sched_run *run);
void runner_pause_stop(struct slot *s);

#endif
