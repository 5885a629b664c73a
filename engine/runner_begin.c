/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner_begin.c - from the facts about a run to the scheduler's start: the flow is
 * loaded, its parameters are checked, its name and environment are made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "engine/params.h"
#include "engine/runner_priv.h"

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
	    .needs_permit = r->ops->acquire != NULL ? runner_needs_permit : NULL,
	};
	r->sched = sched_new(r->flow, &config);
	r->flow_run_count = r->first_run_count = run_count;
	r->ops->begin(r);
}

int runner_load_file(struct runner *r, const char *entrypoint, struct buf *report,
		     struct error *err)
{
	char *path = xasprintf("%s%s%s", *entrypoint == '/' ? "" : r->cwd,
			       *entrypoint == '/' ? "" : "/", entrypoint);
	char *colon = strrchr(path, ':'), *name = NULL;
	int rc;

	if (colon != NULL && strchr(colon, '/') == NULL) {
		*colon = '\0';
		name = colon + 1;
	}
	if (strstr(path, ".yaml") == NULL && strstr(path, ".yml") == NULL) {
		/* a program of the C SDK, which did not start */
		rc = access(path, X_OK) != 0
			 ? err_errno(err, "the program %s", path)
			 : err_set(err, ERR_INVALID,
				   "%s is neither a flow file (.yaml) nor a program "
				   "that can be started here",
				   path);
		free(path);
		return rc;
	}
	rc = plan_load(path, &r->file, report, err);
	if (rc < 0 && report->len > 0) {
		rc = err_set(err, ERR_INVALID, "%.440s", report->data);
	}
	if (rc == 0) {
		r->flow = plan_find(r->file, name, err);
		rc = r->flow != NULL ? 0 : -ERR_NOT_FOUND;
	}
	free(path);
	return rc;
}

/*
 * The worker starts the engine in its own folder and does not touch the run's, so that
 * a dead network folder holds this run and not the worker with all its leases.
 */
static int enter_folder(const struct runner *r, const struct session_run *run,
			struct error *err)
{
	if (run->working_dir == NULL || *run->working_dir == '\0' ||
	    chdir(r->cwd) == 0) {
		return 0;
	}
	return err_errno(err, "Flow run could not start: enter its folder %s", r->cwd);
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
	r->shared_dir = envs_get(&r->env, "WF_RUN_DIR");
	envs_unset(&r->env, "WF_RUN_DIR");
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

static int lacks(const json_t *policy, const char *key)
{
	const json_t *v = json_object_get(policy, key);

	return v == NULL || json_is_null(v);
}

/* What the run takes from its flow: name, version, and retries when it has none. */
static void tell_run(struct runner *r, const struct session_run *run)
{
	json_t *policy = json_object();
	char *text = NULL;

	if (run->policy != NULL && lacks(run->policy, "retries")) {
		(void)json_object_set_new(policy, "retries",
					  json_integer(r->flow->retries));
	}
	if (run->policy != NULL && lacks(run->policy, "retry_delay")) {
		(void)json_object_set_new(policy, "retry_delay",
					  json_integer(r->flow->retry_delay_s));
	}
	if (json_object_size(policy) > 0) {
		text = json_text(policy);
	}
	r->session->ops->set_run(r->session,
				 r->flow->run_name != NULL ? r->run_name : NULL,
				 r->flow->version, text);
	free(text);
	json_decref(policy);
}

/* The tags of the run and those that its flow gives. */
static void add_flow_tags(struct runner *r)
{
	size_t i, k;

	for (i = 0; i < r->flow->tags.count; i++) {
		const char *tag = r->flow->tags.items[i];

		for (k = 0; k < json_array_size(r->tags); k++) {
			if (strcmp(json_string_value(json_array_get(r->tags, k)),
				   tag) == 0) {
				break;
			}
		}
		if (k == json_array_size(r->tags)) {
			(void)json_array_append_new(r->tags, json_string(tag));
		}
	}
}

#define FILES_PER_TASK 4 /* notify, two outputs, events */
#define FILES_BESIDE   64

/* As many descriptors as the flow's workers need, if the hard limit allows them. */
static void raise_files(const struct plan_flow *flow)
{
	rlim_t want = (rlim_t)flow->max_workers * FILES_PER_TASK + FILES_BESIDE;
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < want) {
		rl.rlim_cur = rl.rlim_max < want ? rl.rlim_max : want;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
}

/* The flow that the session names; a run without one gets an empty flow and fails. */
static int find_flow(struct runner *r, const struct session_run *run,
		     struct buf *report, struct error *err)
{
	int rc;

	if (r->flow != NULL) {
		return 0;
	}
	rc = r->ops->load(r, run->entrypoint != NULL ? run->entrypoint : "", report,
			  err);
	if (rc < 0) {
		r->flow = &no_flow;
		rc = err_wrap(err, "Flow could not be loaded");
	}
	return rc;
}

static void announce(struct runner *r, const struct session_run *run)
{
	char text[1300];

	tell_run(r, run);
	if (r->on_named != NULL) {
		r->on_named(r->on_over_arg);
	}
	report_begin(r->report, r->run_name, &r->run_id);
	report_tags(r->report, r->tags);
	(void)snprintf(text, sizeof(text),
		       "Created flow run '%.600s' for flow '%.600s'", r->run_name,
		       r->flow->name);
	if (r->on_named == NULL) {
		runner_log(r, SCHED_NO_TASK, LEVEL_INFO, "prefect.engine", text);
	}
}

static void keep_facts(struct runner *r, const struct session_run *run)
{
	r->given_params = json_incref((json_t *)(uintptr_t)run->parameters);
	r->given_policy = json_incref((json_t *)(uintptr_t)run->policy);
	r->given_run_count = run->run_count;
}

void runner_begin(struct runner *r, const struct session_run *run,
		  const struct error *none)
{
	struct buf report;
	int rc;

	if (run == NULL) {
		(void)fprintf(stderr, "wf-engine: %s\n", none->msg);
		r->exit_code = RUNNER_LOST;
		if (r->on_closed != NULL) {
			r->on_closed(r, r->on_over_arg);
		} else {
			loop_stop(r->loop, r->exit_code);
		}
		return;
	}
	buf_init(&report);
	take_facts(r, run);
	keep_facts(r, run);
	r->start_type = SCHED_EV_START;
	rc = enter_folder(r, run, &r->start_error);
	if (rc < 0) {
		r->flow = &no_flow;
		r->start_type = SCHED_EV_CRASH;
	} else {
		rc = find_flow(r, run, &report, &r->start_error);
	}
	if (report.len > 0) {
		r->start_report = buf_take(&report, NULL);
	}
	buf_release(&report);
	if (rc < 0 && r->start_type == SCHED_EV_START) {
		r->start_type = SCHED_EV_INVALID;
	}
	add_flow_tags(r);
	raise_files(r->flow);
	runner_secrets_fetch(r);
}

/* What the flow names has been read. */
void runner_go(struct runner *r)
{
	struct session_run run = {.parameters = r->given_params,
				  .policy = r->given_policy,
				  .run_count = r->given_run_count};
	struct sched_event ev = {.type = r->start_type};
	int good = r->start_type == SCHED_EV_START;

	make_sched(r, run.run_count);
	if (good && prepare_flow(r, &run, &r->start_error) < 0) {
		ev.type = SCHED_EV_INVALID;
		good = 0;
	} else if (!good) {
		r->flow_run = json_object();
	}
	announce(r, &run);
	if (!good) {
		runner_log(r, SCHED_NO_TASK, LEVEL_ERROR, "prefect.flow_runs",
			   r->start_report != NULL ? r->start_report
						   : r->start_error.msg);
		ev.message = r->start_error.msg;
	}
	if (r->heartbeat_ms > 0) {
		loop_timer_in(r->beat, 0);
	}
	runner_feed(r, &ev);
}
