/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner.c - the run: from the session's facts to the scheduler's END.
 */
#include "engine/runner.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/timefmt.h"
#include "engine/params.h"
#include "engine/runner_priv.h"

struct sched_now runner_now(const struct runner *r)
{
	(void)r;
	return (struct sched_now){.ms = clock_mono_ms(), .us = clock_wall_us()};
}

static void new_id(struct uuid *ret_id, int64_t now_us, void *arg)
{
	(void)arg;
	uuid_v7(ret_id, now_us);
}

static double draw(void *arg)
{
	(void)arg;
	return random_unit();
}

void runner_log(struct runner *r, size_t task, int level, const char *logger,
		const char *text)
{
	char who[1100];
	struct sched_run run;
	struct session_log log = {
	    .level = level,
	    .logger = logger,
	    .message = text,
	    .at_us = clock_wall_us(),
	};

	if (task != SCHED_NO_TASK) {
		sched_get_run(r->sched, task, &run);
		log.task_run = &run.id;
		(void)snprintf(who, sizeof(who), "Task run '%.1000s'",
			       r->slots[task].name);
	} else {
		(void)snprintf(who, sizeof(who), "Flow run '%.1000s'", r->run_name);
	}
	r->session->ops->log(r->session, &log);
	report_log(r->report, level, logger,
		   strcmp(logger, "prefect.engine") == 0 ? NULL : who, text, log.at_us);
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
	r->session->ops->close(r->session);
}

static void on_return(struct runner *r)
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

void runner_send_result(struct runner *r, const struct uuid *task_run,
			const json_t *value)
{
	char *text;

	if (value == NULL || json_is_null(value)) {
		return;
	}
	text = json_text(value);
	if (strlen(text) <= RESULT_INLINE_MAX) {
		r->session->ops->result(r->session, task_run, value);
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

static void perform(struct runner *r, const struct sched_action *a)
{
	switch (a->type) {
	case SCHED_ACT_PROPOSE:
		on_propose(r, a);
		break;
	case SCHED_ACT_CREATE:
		runner_task_create(r, a);
		break;
	case SCHED_ACT_TASK_STATE:
		runner_task_state(r, a);
		break;
	case SCHED_ACT_RUN:
		runner_task_run(r, a->task);
		break;
	case SCHED_ACT_STOP:
		runner_task_stop(r, a->task);
		break;
	case SCHED_ACT_RETURN:
		on_return(r);
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

static void perform_all(struct runner *r)
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
	loop_timer_at(r->timer, r->ending ? INT64_MAX : sched_due(r->sched));
}

void runner_feed(struct runner *r, const struct sched_event *ev)
{
	sched_event(r->sched, ev, runner_now(r));
	perform_all(r);
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

/* ---- the beginning ---- */

/* A flow without tasks, for a run whose file cannot be loaded. */
static char no_name[] = "";
static const struct plan_flow no_flow = {.name = no_name, .max_workers = 1};

static void make_sched(struct runner *r, int run_count)
{
	struct sched_config config = {
	    .run_count = run_count,
	    .new_id = new_id,
	    .random = draw,
	    .arg = r,
	};
	size_t i;

	r->sched = sched_new(r->flow, &config);
	r->flow_run_count = run_count;
	r->slots = xcalloc(r->flow->count + 1, sizeof(*r->slots));
	for (i = 0; i < r->flow->count; i++) {
		r->slots[i].runner = r;
		r->slots[i].plan = r->flow->tasks[i];
	}
}

static int load_entrypoint(struct runner *r, const char *entrypoint, struct error *err)
{
	char *path = xasprintf("%s%s%s", *entrypoint == '/' ? "" : r->cwd,
			       *entrypoint == '/' ? "" : "/", entrypoint);
	char *colon = strrchr(path, ':'), *name = NULL;
	struct buf report;
	int rc;

	if (colon != NULL && strchr(colon, '/') == NULL) {
		*colon = '\0';
		name = colon + 1;
	}
	buf_init(&report);
	rc = plan_load(path, &r->file, &report, err);
	if (rc < 0 && report.len > 0) {
		rc = err_set(err, ERR_INVALID, "%.480s", report.data);
	}
	if (rc == 0) {
		r->flow = plan_find(r->file, name, err);
		rc = r->flow != NULL ? 0 : -ERR_NOT_FOUND;
	}
	buf_release(&report);
	free(path);
	return rc;
}

static void take_facts(struct runner *r, const struct session_run *run)
{
	char here[4096], id[UUID_TEXT_SIZE];

	r->run_id = run->id;
	r->run_name = xstrdup(run->name);
	r->deployment = run->deployment_name != NULL && *run->deployment_name != '\0'
			    ? xstrdup(run->deployment_name)
			    : NULL;
	r->tags = json_deep_copy(run->tags);
	if (run->working_dir != NULL && *run->working_dir != '\0') {
		r->cwd = xstrdup(run->working_dir);
	} else {
		r->cwd = xstrdup(getcwd(here, sizeof(here)) != NULL ? here : "/");
	}
	envs_init(&r->env, r->environ);
	envs_unset(&r->env, "WF_CONTROL_FD");
	(void)uuid_format(&r->run_id, id);
	envs_set(&r->env, "WF_FLOW_RUN_ID", id, strlen(id));
	envs_set(&r->env, "WF_FLOW_RUN_NAME", r->run_name, strlen(r->run_name));
	r->heartbeat_ms = run->heartbeat_ms;
}

static int prepare_flow(struct runner *r, const struct session_run *run,
			struct error *err)
{
	char *name = NULL, id[UUID_TEXT_SIZE];
	int rc = params_complete(r->flow, run->parameters, &r->params, err);

	if (rc == 0 && r->flow->run_name != NULL) {
		rc = runner_flow_name(r, &name, err);
		if (rc == 0) {
			free(r->run_name);
			r->run_name = name;
		}
	}
	r->flow_run =
	    json_pack("{s:s, s:s, s:s, s:O, s:i, s:s?, s:O*}", "id",
		      uuid_format(&r->run_id, id), "name", r->run_name, "flow_name",
		      r->flow->name, "tags", r->tags, "run_count", run->run_count,
		      "deployment_name", r->deployment, "parameters", r->params);
	if (rc == 0) {
		envs_set(&r->env, "WF_FLOW_RUN_NAME", r->run_name, strlen(r->run_name));
		rc = runner_eval_flow_env(r, err);
	}
	return rc;
}

static void on_run(const struct session_run *run, const struct error *none, void *arg)
{
	struct runner *r = arg;
	struct sched_event ev = {.type = SCHED_EV_START};
	struct error err = {.code = 0};
	char text[1300];
	int rc = 0;

	if (run == NULL) {
		(void)fprintf(stderr, "wf-engine: %s\n", none->msg);
		r->exit_code = RUNNER_LOST;
		loop_stop(r->loop, r->exit_code);
		return;
	}
	take_facts(r, run);
	if (r->flow == NULL) {
		rc = load_entrypoint(r, run->entrypoint != NULL ? run->entrypoint : "",
				     &err);
		if (rc < 0) {
			r->flow = &no_flow;
			(void)err_wrap(&err, "Flow could not be loaded");
		}
	}
	make_sched(r, run->run_count);
	if (rc == 0) {
		rc = prepare_flow(r, run, &err);
	} else {
		r->flow_run = json_object();
	}
	r->session->ops->set_run(r->session,
				 r->flow->run_name != NULL ? r->run_name : NULL,
				 r->flow->version);
	report_begin(r->report, r->run_name, &r->run_id);
	(void)snprintf(text, sizeof(text),
		       "Created flow run '%.600s' for flow '%.600s'", r->run_name,
		       r->flow->name);
	runner_log(r, SCHED_NO_TASK, LEVEL_INFO, "prefect.engine", text);
	if (rc < 0) {
		runner_log(r, SCHED_NO_TASK, LEVEL_ERROR, "prefect.flow_runs", err.msg);
		ev.type = SCHED_EV_INVALID;
		ev.message = err.msg;
	}
	if (r->heartbeat_ms > 0) {
		loop_timer_in(r->beat, 0);
	}
	runner_feed(r, &ev);
}

/* ---- the session's other callbacks ---- */

static void on_answer(const struct sched_event *answer, void *arg)
{
	struct runner *r = arg;

	if (answer->answer == SCHED_ACCEPT) {
		report_flow_state(r->report, &r->state);
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
		perform_all(r);
	}
}

static void on_closed(void *arg)
{
	struct runner *r = arg;

	loop_stop(r->loop, r->exit_code);
}

const struct session_events runner_session_events = {
    .on_run = on_run,
    .on_answer = on_answer,
    .on_cancel = on_cancel,
    .on_lost = on_lost,
    .on_room = on_room,
    .on_closed = on_closed,
};

/* ---- life ---- */

struct runner *runner_new(struct loop *loop, char *const *base_env)
{
	struct runner *r = xcalloc(1, sizeof(*r));

	r->loop = loop;
	r->environ = base_env;
	r->timer = loop_timer_new(loop, on_timer, r);
	r->beat = loop_timer_new(loop, on_beat, r);
	r->cancel_grace_ms = -1;
	r->exit_code = RUNNER_LOST;
	state_init(&r->state);
	return r;
}

void runner_start(struct runner *r, struct session *session,
		  const struct plan_flow *flow, struct report *report)
{
	r->session = session;
	r->flow = flow;
	r->report = report;
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

/* What tasks left in the folder; it is flat. */
static void remove_run_dir(struct runner *r)
{
	struct dirent *e;
	DIR *d;

	if (r->run_dir == NULL) {
		return;
	}
	if (rmdir(r->run_dir) != 0 && (d = opendir(r->run_dir)) != NULL) {
		while ((e = readdir(d)) != NULL) {
			(void)unlinkat(dirfd(d), e->d_name, 0);
		}
		(void)closedir(d);
		(void)rmdir(r->run_dir);
	}
	free(r->run_dir);
}

void runner_free(struct runner *r)
{
	size_t i;

	if (r == NULL) {
		return;
	}
	for (i = 0; r->slots != NULL && i < r->flow->count; i++) {
		runner_slot_release(&r->slots[i]);
	}
	free(r->slots);
	remove_run_dir(r);
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
	state_release(&r->state);
	free(r->run_name);
	free(r->deployment);
	free(r->cwd);
	plan_free(r->file);
	free(r);
}
