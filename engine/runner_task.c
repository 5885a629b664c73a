/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner_task.c - the scheduler's actions on tasks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "engine/task/lines.h"
#include "engine/change/when.h"
#include "engine/runner_priv.h"
#include "engine/task/task_proc.h"
#include "engine/tryout/stub.h"

static size_t index_of(const struct slot *s)
{
	return s->unit;
}

static void drop_inputs_file(struct slot *s)
{
	if (s->inputs_path != NULL) {
		(void)unlink(s->inputs_path);
		free(s->inputs_path);
		s->inputs_path = NULL;
	}
}

/* Everything but the result of an earlier attempt of the flow. */
static void clear_run(struct slot *s)
{
	drop_inputs_file(s);
	free(s->name);
	s->name = NULL;
	json_decref(s->with);
	json_decref(s->inputs);
	json_decref(s->item);
	json_decref(s->data);
	s->with = s->inputs = s->item = s->data = NULL;
	s->exit_code = -1;
	s->signo = 0;
	free(s->cache_key);
	s->cache_key = NULL;
	state_release(&s->last);
	state_init(&s->last);
}

void runner_slot_release(struct slot *s)
{
	clear_run(s);
	runner_change_free(s->change);
	s->change = NULL;
	runner_limits_release(s);
	runner_cache_unlock(s);
	runner_sub_free(s);
	runner_pause_stop(s);
	stub_free(s->stub);
	s->stub = NULL;
	json_decref(s->result);
	s->result = NULL;
}

void runner_log_created(struct runner *r, const char *name, const char *task, int alone,
			int will_run)
{
	char text[2200];

	(void)snprintf(text, sizeof(text),
		       "Created task run '%.1000s' for task '%.1000s'", name, task);
	runner_log(r, SCHED_NO_TASK, LEVEL_INFO, "prefect.flow_runs", text);
	if (!will_run) {
		return;
	}
	(void)snprintf(text, sizeof(text),
		       alone ? "Executing '%.1000s' immediately..."
			     : "Submitted task run '%.1000s' for execution.",
		       name);
	runner_log(r, SCHED_NO_TASK, LEVEL_INFO, "prefect.flow_runs", text);
}

void runner_task_create(struct runner *r, const struct sched_action *a)
{
	struct slot *s = runner_slot(r, a->task);
	struct sched_event ev = {
	    .type = SCHED_EV_PREPARED,
	    .task = a->task,
	    .verdict = SCHED_OK,
	    .error = "ExpressionError",
	};
	int is_item = sched_item_of(r->sched, a->task) != SCHED_NO_TASK;
	struct sched_run run;
	struct error err;
	int rc = 0, skip = 0, evaluate = !a->blocked && !a->reused;

	sched_get_run(r->sched, a->task, &run);
	clear_run(s);
	s->plan = r->flow->tasks[sched_task_of(r->sched, a->task)];
	if (is_item) {
		s->item = runner_map_item(r, a->task);
	}
	if (!a->reused) {
		json_decref(s->result);
		s->result = NULL;
		s->yielded = 0;
	}
	s->inputs = runner_task_inputs(s);
	if (evaluate) {
		rc = runner_eval_inputs(s, &skip, &err);
	}
	if (rc == 0 && evaluate && !skip) {
		rc = runner_eval_name(s, run.number, &s->name, &err);
	}
	if (s->name == NULL) {
		s->name = xasprintf("%s-%u", s->plan->name, run.number);
	}
	runner_log_created(r, s->name, s->plan->name, a->alone,
			   evaluate && rc == 0 && !skip);
	if (evaluate) {
		ev.verdict = rc < 0 ? SCHED_FAIL : skip ? SCHED_SKIP : SCHED_OK;
		ev.message = rc < 0 ? err.msg : NULL;
		runner_feed(r, &ev);
	}
}

/* ---- what the process says ---- */

static void on_task_log(int level, const char *text, void *arg)
{
	const struct slot *s = arg;

	runner_log(s->runner, index_of(s), level, "prefect.task_runs", text);
}

static void on_task_renamed(const char *name, void *arg)
{
	struct slot *s = arg;

	free(s->name);
	s->name = text_clean(name, strlen(name));
}

static void on_task_artifact(const json_t *artifact, void *arg)
{
	const struct slot *s = arg;
	struct sched_run run;

	sched_get_run(s->runner->sched, index_of(s), &run);
	s->runner->session->ops->artifact(s->runner->session, &run.id, artifact);
}

static void on_task_yielded(json_t *value, void *arg)
{
	runner_map_yield(arg, value);
}

static void on_task_event(const json_t *event, void *arg)
{
	const struct slot *s = arg;

	runner_emit(s->runner, s, event);
}

/* Whether trying again is what the file asks for. */
static int may_retry(const struct slot *s, const struct task_outcome *o)
{
	struct values v = {.runner = s->runner, .env = &s->runner->env};
	struct expr_scope scope = runner_scope(&v, s->with, NULL);
	struct sched_run run;
	struct retry_facts f = {.exit_code = o->exit_code,
				.signo = o->signo,
				.timed_out = o->timed_out,
				.out = o->out_end,
				.err = o->err_end,
				.out_len = o->out_len,
				.err_len = o->err_len};
	json_t *more;
	int yes;

	if (s->plan->retry_if == NULL) {
		return 1;
	}
	sched_get_run(s->runner->sched, s->unit, &run);
	f.attempt = run.run_count;
	more = json_pack("{s:i, s:i, s:i, s:b, s:s}", "attempt", f.attempt, "exit_code",
			 f.exit_code, "signal", f.signo, "timed_out", f.timed_out,
			 "message", o->message != NULL ? o->message : "");
	scope.more = more;
	scope.item = s->item;
	yes = retry_holds(s->plan->retry_if, &f, &scope);
	json_decref(more);
	return yes;
}

static void log_tail(const struct slot *s, const struct task_outcome *o)
{
	char *text;

	if (o->verdict == SCHED_OK || o->verdict == SCHED_STOPPED ||
	    *o->stderr_tail == '\0') {
		return;
	}
	text = xasprintf("Standard error ended with:\n%s", o->stderr_tail);
	text[strlen(text) - (text[strlen(text) - 1] == '\n')] = '\0';
	runner_log(s->runner, index_of(s), LEVEL_ERROR, "prefect.task_runs", text);
	free(text);
}

void runner_task_done(const struct task_outcome *o, struct slot *s)
{
	struct sched_event ev = {
	    .type = SCHED_EV_ATTEMPT,
	    .task = index_of(s),
	    .verdict = o->verdict,
	    .state = o->state,
	    .message = o->message,
	    .error = o->error,
	};

	s->proc = NULL;
	log_tail(s, o);
	s->exit_code = o->exit_code;
	s->signo = o->signo;
	json_decref(s->data);
	s->data = NULL;
	if (!s->plan->generator || o->value != NULL) {
		json_decref(s->result);
		s->result = NULL;
	}
	if (o->verdict == SCHED_OK ||
	    (o->verdict == SCHED_STATE && o->state->type == STATE_COMPLETED)) {
		if (s->result == NULL) {
			s->result =
			    o->value != NULL ? json_incref(o->value) : json_null();
		}
	} else {
		s->data = json_incref(o->value);
		ev.no_retry = !may_retry(s, o);
	}
	runner_feed(s->runner, &ev);
}

static void on_task_done(const struct task_outcome *o, void *arg)
{
	runner_task_done(o, arg);
}

static const struct task_proc_ops task_ops = {
    .log = on_task_log,
    .renamed = on_task_renamed,
    .artifact = on_task_artifact,
    .yielded = on_task_yielded,
    .event = on_task_event,
    .done = on_task_done,
};

static int log_prints(const struct runner *r, const struct plan_task *plan)
{
	if (plan->log_prints != PLAN_INHERIT) {
		return plan->log_prints;
	}
	if (r->flow->log_prints != PLAN_INHERIT) {
		return r->flow->log_prints;
	}
	return r->log_prints;
}

static void start_command(struct slot *s, const struct sched_run *run)
{
	struct runner *r = s->runner;
	struct command cmd;
	struct error err;
	struct task_proc_spec spec = {
	    .cwd = r->cwd,
	    .outputs = s->plan->outputs,
	    .log_prints = log_prints(r, s->plan),
	    .generator = s->plan->generator,
	    .timeout_s = s->plan->timeout_s,
	    .grace_s = s->plan->grace_s,
	    .ops = &task_ops,
	    .arg = s,
	};
	struct sched_event ev = {
	    .type = SCHED_EV_ATTEMPT,
	    .task = s->unit,
	    .verdict = SCHED_FAIL,
	    .error = "ExpressionError",
	    .no_retry = 1,
	};
	int rc = runner_eval_command(s, run, &cmd, &err);

	if (rc == 0) {
		spec.argv = cmd.argv;
		spec.envp = cmd.env.items;
		spec.output_path = cmd.output_path;
		spec.result_path = cmd.result_path;
		spec.state_path = cmd.state_path;
		ev.error = "CommandNotStarted";
		ev.no_retry = 0;
		rc = task_proc_start(r->loop, &spec, &s->proc, &err);
	}
	command_release(&cmd);
	if (rc < 0) {
		ev.message = err.msg;
		runner_feed(r, &ev);
	}
}

void runner_task_run(struct runner *r, size_t task)
{
	struct slot *s = runner_slot(r, task);
	struct sched_run run;

	sched_get_run(r->sched, task, &run);
	if (r->stubs != NULL && stub_of(s) != NULL) {
		runner_cache_run(s, &run, stub_start);
	} else if (s->plan->uses != NULL) {
		runner_sub_start(s, &run);
	} else if (s->plan->pause != NULL) {
		runner_pause_start(s, &run);
	} else {
		runner_cache_run(s, &run, start_command);
	}
}

void runner_task_stop(struct runner *r, size_t task)
{
	struct slot *s = runner_slot(r, task);
	int64_t grace_ms = -1;

	if (s->stub != NULL) {
		stub_stop(s);
		return;
	}
	if (s->plan->uses != NULL) {
		runner_sub_stop(s);
		return;
	}
	if (s->proc == NULL) { /* it waits: for somebody, or for a key of the cache */
		struct sched_event ev = {
		    .type = SCHED_EV_ATTEMPT, .task = task, .verdict = SCHED_STOPPED};

		runner_pause_stop(s);
		runner_cache_unlock(s);
		runner_feed(r, &ev);
		return;
	}
	if (r->cancel_grace_ms >= 0 &&
	    r->cancel_grace_ms < (int64_t)(s->plan->grace_s * 1000)) {
		grace_ms = r->cancel_grace_ms;
	}
	task_proc_stop(s->proc, grace_ms);
}

json_t *runner_tags(const struct runner *r, const struct plan_task *plan)
{
	json_t *tags;
	size_t i;

	if (plan->tags.count == 0) {
		return json_incref(r->tags);
	}
	tags = json_copy(r->tags);
	for (i = 0; i < plan->tags.count; i++) {
		(void)json_array_append_new(tags, json_string(plan->tags.items[i]));
	}
	return tags;
}

/* The number of the run; a process that runs the flow again says so, or its task runs
 * would be taken for those of the process before. */
void runner_dynamic_key(const struct runner *r, unsigned int number, char *buf,
			size_t size)
{
	if (r->first_run_count == 0) {
		(void)snprintf(buf, size, "%u", number);
	} else {
		(void)snprintf(buf, size, "%u-%d", number, r->first_run_count);
	}
}

/* A final state: what belongs to the run goes. */
static void end_run(struct runner *r, size_t unit, const struct run_state *state)
{
	struct slot *s = runner_slot(r, unit);

	drop_inputs_file(s);
	if (state->type != STATE_COMPLETED) {
		json_decref(s->result);
		s->result = NULL;
	} else if (s->plan->txn == 0) {
		runner_cache_store(r, unit);
	}
	if (sched_item_of(r->sched, unit) != SCHED_NO_TASK) {
		runner_map_result(r, unit);
	}
	runner_limits_release(s);
	if (s->plan->txn == 0 || state->type != STATE_COMPLETED) {
		runner_cache_unlock(s);
	}
}

void runner_task_state(struct runner *r, const struct sched_action *a)
{
	struct slot *s = runner_slot(r, a->task);
	struct run_state shown = a->state; /* without what is secret */
	char *masked =
	    a->state.message != NULL ? runner_mask(r, a->state.message) : NULL;
	struct session_task fact = {
	    .plan = s->plan,
	    .run = &a->run,
	    .name = s->name,
	    .state = &shown,
	    .from = a->from,
	    .previous = a->previous,
	    .inputs = s->inputs,
	    .flow_run_count = sched_run_count(r->sched),
	};
	json_t *tags = runner_tags(r, s->plan);
	char key[32];

	if (masked != NULL) {
		shown.message = masked;
	}
	runner_dynamic_key(r, a->run.number, key, sizeof(key));
	fact.dynamic_key = key;
	fact.tags = tags;
	if (a->state.type == STATE_COMPLETED && !s->plan->generator) {
		runner_send_result(r, &a->run.id, s->result);
	}
	if (s->plan->uses == NULL || s->sub == NULL) {
		r->session->ops->task_state(r->session, &fact);
	}
	report_task(r->report, &fact);
	state_copy(&s->last, &a->state);
	if (state_is_final(a->state.type)) {
		end_run(r, a->task, &a->state);
	}
	free(masked);
	json_decref(tags);
}
