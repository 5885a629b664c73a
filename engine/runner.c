/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner.c - the run: from the session's facts to the scheduler's END.
 */
#include "engine/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/timefmt.h"
#include "engine/results.h"
#include "engine/runner_priv.h"
#include "engine/store/store.h"
#include "engine/tryout/clock.h"

struct sched_now runner_now(const struct runner *r)
{
	int64_t skew_ms = r->clock != NULL ? r->clock->skew_ms : 0;

	return (struct sched_now){.ms = clock_mono_ms() + skew_ms,
				  .us = clock_wall_us() + skew_ms * CLOCK_US_PER_MS};
}

void runner_log(struct runner *r, size_t task, int level, const char *logger,
		const char *text)
{
	char who[1100];
	struct sched_run run;
	char *masked = runner_mask(r, text);
	struct session_log log = {
	    .level = level,
	    .logger = logger,
	    .message = masked != NULL ? masked : text,
	    .at_us = runner_now(r).us,
	};

	if (task != SCHED_NO_TASK) {
		sched_get_run(r->sched, task, &run);
		log.task_run = &run.id;
		(void)snprintf(who, sizeof(who), "Task run '%.1000s'",
			       r->ops->name(r, task));
	} else {
		(void)snprintf(who, sizeof(who), "Flow run '%.1000s'", r->run_name);
	}
	r->session->ops->log(r->session, &log);
	report_log(r->report, level, logger,
		   strcmp(logger, "prefect.engine") == 0 ? NULL : who, log.message,
		   log.at_us);
	free(masked);
}

/* ---- actions ---- */

static int exit_of(const struct sched_action *a)
{
	if (a->answer == SCHED_ABORT) {
		return RUNNER_COMPLETED; /* a normal end: the run goes on elsewhere or
					    ended */
	}
	if (a->answer != SCHED_ACCEPT) {
		return RUNNER_LOST;
	}
	switch (a->state.type) {
	case STATE_COMPLETED:
		return RUNNER_COMPLETED;
	case STATE_CANCELLED:
		return RUNNER_CANCELLED;
	case STATE_FAILED:
	case STATE_CRASHED:
		return RUNNER_FAILED;
	case STATE_NONE:
	case STATE_SCHEDULED:
	case STATE_PENDING:
	case STATE_RUNNING:
	case STATE_PAUSED:
	case STATE_CANCELLING:
		break;
	}
	return RUNNER_OPEN;
}

static void on_end(struct runner *r, const struct sched_action *a)
{
	r->exit_code = exit_of(a);
	r->ending = 1;
	if (a->state.type != STATE_NONE) {
		state_copy(&r->state, &a->state);
	}
	report_end(r->report, &r->state, sched_run_count(r->sched), r->result);
	loop_timer_stop(r->beat);
	if (r->on_over != NULL) {
		r->on_over(r, r->on_over_arg);
	}
	if (r->storing == 0) {
		r->session->ops->close(r->session);
	} /* else: when the last result is kept, see runner_cache.c */
}

static void file_return(struct runner *r)
{
	struct sched_event ev = {.type = SCHED_EV_RETURNED, .verdict = SCHED_OK};
	struct error err;

	json_decref(r->result);
	r->result = NULL;
	if (runner_eval_return(r, &r->result, &err) < 0) {
		ev.verdict = SCHED_FAIL;
		ev.message = err.msg;
	}
	runner_feed(r, &ev);
}

/* A large one goes to the store of this host; what is sent says where it is. */
static void store_result(struct runner *r, const struct uuid *task_run,
			 const char *text, size_t len)
{
	char *dir = results_dir(), *warning;
	json_t *reference = NULL;
	struct error err;

	if (results_put(dir, text, len, &reference, &err) == 0) {
		r->session->ops->result(r->session, task_run, reference);
	} else {
		warning = xasprintf("A result of %zu bytes is not kept: %s "
				    "(WF_RESULTS_DIR names another folder)",
				    len, err.msg);
		runner_log(r, SCHED_NO_TASK, LEVEL_WARNING, "prefect.flow_runs",
			   warning);
		free(warning);
	}
	json_decref(reference);
	free(dir);
}

void runner_send_result(struct runner *r, const struct uuid *task_run,
			const json_t *value)
{
	char *text;
	size_t len;

	if (value == NULL || json_is_null(value)) {
		return;
	}
	text = json_text(value);
	len = strlen(text);
	if (len <= RESULT_INLINE_MAX) {
		r->session->ops->result(r->session, task_run, value);
	} else if (task_run == NULL ? r->session->keeps_flow_result
				    : r->session->keeps_task_results) {
		store_result(r, task_run, text, len);
	}
	free(text);
}

static void on_propose(struct runner *r, const struct sched_action *a)
{
	if (a->state.type == STATE_COMPLETED) {
		runner_send_result(r, NULL, r->result);
	}
	state_copy(&r->state, &a->state);
	r->session->ops->propose(r->session, &a->state, a->force);
}

static void say_well(struct runner *r, enum sched_event_type type, size_t task)
{
	struct sched_event ev = {.type = type, .task = task, .verdict = SCHED_OK};

	runner_feed(r, &ev);
}

/* Actions that not every kind of tasks knows. */
static void perform_more(struct runner *r, const struct sched_action *a)
{
	const struct runner_ops *ops = r->ops;

	if (a->type == SCHED_ACT_EXPAND && ops->expand != NULL) {
		ops->expand(r, a->task);
	} else if (a->type == SCHED_ACT_EXPAND) {
		say_well(r, SCHED_EV_EXPANDED, a->task);
	} else if (a->type == SCHED_ACT_CONSULT && ops->consult != NULL) {
		ops->consult(r, a);
	} else if (a->type == SCHED_ACT_CONSULT) {
		say_well(r, SCHED_EV_CONSULTED, a->task);
	} else if (a->type == SCHED_ACT_ACQUIRE && ops->acquire != NULL) {
		ops->acquire(r, a->task);
	} else if (a->type == SCHED_ACT_ACQUIRE) {
		say_well(r, SCHED_EV_ACQUIRED, a->task);
	} else if (a->type == SCHED_ACT_HOOKS && ops->hooks != NULL) {
		ops->hooks(r, a);
	} else if (a->type == SCHED_ACT_COMMIT && ops->commit != NULL) {
		ops->commit(r, a->task);
	} else if (a->type == SCHED_ACT_ROLLBACK && ops->rollback != NULL) {
		ops->rollback(r, a->task);
	} else if (a->type == SCHED_ACT_FORGET && ops->forget != NULL) {
		ops->forget(r, a->task);
	} else if (a->type != SCHED_ACT_FORGET) {
		say_well(r, SCHED_EV_HOOKED, a->task);
	}
}

static void perform(struct runner *r, const struct sched_action *a)
{
	switch (a->type) {
	case SCHED_ACT_PROPOSE:
		on_propose(r, a);
		break;
	case SCHED_ACT_CREATE:
		r->ops->create(r, a);
		break;
	case SCHED_ACT_TASK_STATE:
		r->ops->state(r, a);
		break;
	case SCHED_ACT_RUN:
		r->ops->run(r, a->task);
		break;
	case SCHED_ACT_STOP:
		r->ops->stop(r, a->task);
		break;
	case SCHED_ACT_RETURN:
		r->ops->on_return(r);
		break;
	case SCHED_ACT_LOG:
		runner_log(r, a->task, a->level,
			   a->task == SCHED_NO_TASK ? "prefect.flow_runs"
						    : "prefect.task_runs",
			   a->text);
		break;
	case SCHED_ACT_END:
		on_end(r, a);
		break;
	case SCHED_ACT_EXPAND:
	case SCHED_ACT_CONSULT:
	case SCHED_ACT_HOOKS:
	case SCHED_ACT_ACQUIRE:
	case SCHED_ACT_COMMIT:
	case SCHED_ACT_ROLLBACK:
	case SCHED_ACT_FORGET:
		perform_more(r, a);
		break;
	}
}

static void note_attempt(struct runner *r)
{
	int count = sched_run_count(r->sched);

	if (count != r->flow_run_count) {
		r->flow_run_count = count;
		(void)json_object_set_new(r->flow_run, "run_count",
					  json_integer(count));
	}
}

void runner_arm(struct runner *r)
{
	int64_t due_ms = r->ending ? INT64_MAX : sched_due(r->sched);

	if (r->clock == NULL) {
		loop_timer_at(r->timer, due_ms);
		return;
	}
	loop_timer_at(r->timer,
		      due_ms == INT64_MAX ? due_ms : due_ms - r->clock->skew_ms);
	fake_clock_touch(r->clock);
}

void runner_perform(struct runner *r)
{
	struct sched_action a;

	if (r->performing) {
		return;
	}
	r->performing = 1;
	note_attempt(r);
	while (sched_take(r->sched, &a)) {
		if (a.state.name == NULL && a.type == SCHED_ACT_PROPOSE) {
			state_set_name(&a.state, NULL);
		}
		perform(r, &a);
		sched_action_release(&a);
		note_attempt(r);
		if (!r->ending) {
			sched_hold(r->sched, r->session->congested, runner_now(r));
		}
	}
	r->performing = 0;
	runner_arm(r);
}

void runner_feed(struct runner *r, const struct sched_event *ev)
{
	sched_event(r->sched, ev, runner_now(r));
	runner_perform(r);
}

static void on_timer(void *arg)
{
	struct sched_event ev = {.type = SCHED_EV_TICK};

	runner_feed(arg, &ev);
}

static void on_beat(void *arg)
{
	struct runner *r = arg;
	size_t running, done;

	sched_counts(r->sched, &running, &done);
	r->session->ops->heartbeat(r->session, running, done);
	loop_timer_in(r->beat, r->heartbeat_ms);
}

static void on_run(const struct session_run *run, const struct error *none, void *arg)
{
	runner_begin(arg, run, none);
}

/* ---- the session's other callbacks ---- */

static void on_answer(const struct sched_event *answer, void *arg)
{
	struct runner *r = arg;

	if (answer->answer == SCHED_ACCEPT) {
		report_flow_state(r->report, &r->state);
		state_copy(&r->last, &r->state);
	} else if (answer->answer == SCHED_REJECT) {
		report_flow_state(r->report, answer->state);
	}
	runner_feed(r, answer);
}

static void on_cancel(const char *reason, int64_t grace_ms, void *arg)
{
	struct runner *r = arg;
	struct sched_event ev = {.type = SCHED_EV_CANCEL};

	if (r->sched == NULL || r->ending) {
		return;
	}
	/* a sentence becomes the state's message; a single word says nothing new */
	ev.message = reason != NULL && strchr(reason, ' ') != NULL ? reason : NULL;
	r->stopping = 1;
	r->cancel_grace_ms = grace_ms > 0 ? grace_ms : -1;
	runner_feed(r, &ev);
}

static void on_lost(const char *why, void *arg)
{
	struct runner *r = arg;
	struct sched_event ev = {.type = SCHED_EV_LOST, .message = why};

	if (r->sched == NULL) {
		(void)fprintf(stderr, "wf-engine: %s\n", why);
		loop_stop(r->loop, RUNNER_LOST);
	} else if (!r->ending) {
		r->stopping = 1;
		r->cancel_grace_ms = 0;
		runner_feed(r, &ev);
	}
}

static void on_room(void *arg)
{
	struct runner *r = arg;

	if (r->sched != NULL && !r->ending) {
		sched_hold(r->sched, 0, runner_now(r));
		runner_perform(r);
	}
}

static void on_closed(void *arg)
{
	struct runner *r = arg;

	if (r->on_closed != NULL) {
		r->on_closed(r, r->on_over_arg);
	} else {
		loop_stop(r->loop, r->exit_code);
	}
}

const struct session_events runner_session_events = {
    .on_run = on_run,
    .on_answer = on_answer,
    .on_cancel = on_cancel,
    .on_lost = on_lost,
    .on_room = on_room,
    .on_closed = on_closed,
};

/* ---- the tasks of a file ---- */

static const char *file_task_name(const struct runner *r, size_t task)
{
	return runner_slot((struct runner *)(uintptr_t)r, task)->name;
}

static void file_begin(struct runner *r)
{
	size_t i;

	r->slots = xcalloc(r->flow->count + 1, sizeof(*r->slots));
	r->generators = xcalloc(r->flow->count + 1, sizeof(*r->generators));
	for (i = 0; i < r->flow->count; i++) {
		r->slots[i].runner = r;
		r->slots[i].unit = i;
		r->slots[i].plan = r->flow->tasks[i];
		r->slots[i].lock_fd = r->slots[i].exit_code = -1;
		state_init(&r->slots[i].last);
		if (r->flow->tasks[i]->generator) {
			r->generators[r->generator_count++] = i;
		}
	}
}

static void file_release(struct runner *r)
{
	size_t i, k;

	for (i = 0; r->slots != NULL && i < r->flow->count; i++) {
		runner_slot_release(&r->slots[i]);
		runner_map_free(&r->slots[i]);
	}
	for (i = 0; i < r->item_blocks; i++) {
		for (k = 0; k < 64; k++) {
			runner_slot_release(&r->item_slots[i][k]);
		}
		free(r->item_slots[i]);
	}
	free(r->item_slots);
	free(r->generators);
	free(r->slots);
	runner_change_free(r->change);
}

const struct runner_ops runner_file_ops = {
    .load = runner_load_file,
    .begin = file_begin,
    .name = file_task_name,
    .create = runner_task_create,
    .run = runner_task_run,
    .stop = runner_task_stop,
    .state = runner_task_state,
    .on_return = file_return,
    .release = file_release,
    .expand = runner_expand,
    .consult = runner_consult,
    .hooks = runner_hooks,
    .acquire = runner_acquire,
    .commit = runner_commit,
    .rollback = runner_rollback,
    .forget = runner_forget,
};

/* ---- life ---- */

struct runner *runner_new(struct loop *loop, char *const *base_env)
{
	struct runner *r = xcalloc(1, sizeof(*r));

	r->loop = loop;
	r->environ = base_env;
	r->ops = &runner_file_ops;
	r->timer = loop_timer_new(loop, on_timer, r);
	r->beat = loop_timer_new(loop, on_beat, r);
	r->cancel_grace_ms = -1;
	r->exit_code = RUNNER_LOST;
	state_init(&r->state);
	state_init(&r->last);
	r->last.type = STATE_PENDING;
	r->last.name = "Pending";
	return r;
}

void runner_set_ops(struct runner *r, const struct runner_ops *ops, void *arg)
{
	r->ops = ops;
	r->ops_arg = arg;
}

void runner_start(struct runner *r, struct session *session,
		  const struct plan_flow *flow, struct report *report)
{
	r->session = session;
	r->flow = flow;
	r->report = report;
	fake_clock_add(r->clock, r);
	session->ops->open(session);
}

void runner_crash(struct runner *r, const char *message)
{
	struct sched_event ev = {.type = SCHED_EV_CRASH, .message = message};

	if (r->sched == NULL || r->ending || r->crashes++ > 0) {
		proc_kill_all();
		loop_stop(r->loop, RUNNER_FAILED);
		return;
	}
	r->stopping = 1;
	runner_feed(r, &ev);
}

int runner_is_stopping(const struct runner *r)
{
	return r->stopping;
}

void runner_free(struct runner *r)
{
	size_t i;

	if (r == NULL) {
		return;
	}
	r->freeing = 1;
	fake_clock_remove(r->clock, r);
	r->ops->release(r);
	rundir_close(&r->dir);
	sched_free(r->sched);
	if (r->session != NULL) {
		r->session->ops->free(r->session);
	}
	loop_timer_free(r->timer);
	loop_timer_free(r->beat);
	envs_release(&r->env);
	json_decref(r->params);
	json_decref(r->tags);
	json_decref(r->flow_run);
	json_decref(r->result);
	json_decref(r->given_params);
	json_decref(r->given_policy);
	free(r->start_report);
	json_decref(r->secrets);
	json_decref(r->variables);
	json_decref(r->blocks);
	httpc_free(r->http);
	for (i = 0; i < r->store_count; i++) {
		free(r->stores[i].where);
		store_free(r->stores[i].store);
	}
	free(r->stores);
	state_release(&r->last);
	state_release(&r->state);
	free(r->run_name);
	free(r->deployment);
	free(r->cwd);
	plan_free(r->file);
	free(r);
}
