/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_python.c - a Python flow: `python -m prefect.engine`, which speaks to the API
 * itself, and to us over the control channel (py_control.h).
 */
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/opts.h"
#include "worker/env.h"
#include "worker/pyhost.h"
#include "worker/rest.h"
#include "worker/run_priv.h"

#define LEVEL_INFO 20

/* {"prefect.worker.name": ...}: what Prefect's worker adds to a run's labels. */
static char *labels_json(const struct run *r)
{
	const json_t *pool = run_fact(r, "work_pool");
	json_t *l = json_pack("{s:s, s:s, s:s, s:s}", "prefect.worker.name",
			      r->w->conf->name, "prefect.worker.type", "process",
			      "prefect.work-pool.name", run_text(pool, "name"),
			      "prefect.work-pool.id", run_text(pool, "id"));
	char *text = json_text(l);

	json_decref(l);
	return text;
}

/* The words of the command; free with words_free(). */
static int command_words(const struct run *r, char ***ret_words, struct error *err)
{
	const char *python = r->w->conf->python;
	char *line;
	int rc;

	if (r->job.command != NULL) {
		return words_split(r->job.command, ret_words, err);
	}
	line =
	    xasprintf("'%s' -m prefect.engine", python[0] != '\0' ? python : "python3");
	rc = words_split(line, ret_words, err);
	free(line);
	return rc;
}

static int make_temp_dir(struct run *r, struct error *err)
{
	const char *tmp = opts_env("TMPDIR");
	char *path =
	    xasprintf("%s/wf-XXXXXX", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");

	if (mkdtemp(path) == NULL) {
		int rc = err_errno(err, "make a folder like %s", path);

		free(path);
		return rc;
	}
	r->temp_dir = path;
	return 0;
}

static void submitting(struct run *r)
{
	struct update_run u = run_updates(r);
	const struct update_state s = {.type = WF__CONTROL__STATE_TYPE__PENDING,
				       .name = "Submitting"};

	run_log(r, LEVEL_INFO, "Worker '%s' submitting flow run '%s'", r->w->conf->name,
		r->id);
	(void)update_propose(&u, &s, loop_wall_us(r->w->loop), NULL, NULL, NULL);
}

/* The environment of an attempt of its own. */
static char **make_env(struct run *r)
{
	const json_t *fr = run_fact(r, "flow_run");
	const struct env_run e = {
	    .flow_run_id = r->id,
	    .flow_id = run_text(fr, "flow_id"),
	    .flow_name = run_text(run_fact(r, "flow"), "name"),
	    .deployment_id = run_text(fr, "deployment_id"),
	    .deployment_name = run_text(run_fact(r, "deployment"), "name"),
	    .worker_name = r->w->conf->name,
	    .api_url = rest_url(r->w->rest),
	    .job_env = r->job.env,
	    .fence = r->fence,
	};
	char token[PY_TOKEN_SIZE];
	struct env_python py = {.control_token = token};

	py_attempt_free(r->attempt_py);
	r->attempt_py = py_attempt_new(r->w->py, token);
	py.control_port = py_control_port(r->w->py);
	return env_for_python(r->w->environ_, &e, &py);
}

static struct proc_spec make_spec(struct run *r)
{
	return (struct proc_spec){
	    .fd = {-1, PROC_FD_PIPE, PROC_FD_PIPE, -1},
	    .kill_grace_ms = r->w->conf->cancel_grace_ms,
	    .new_session = 1,
	    .limits = r->job.limits,
	    .output_fn = run_on_output,
	    .exit_fn = run_on_exit,
	    .arg = r,
	};
}

static void started(struct run *r, const char *how)
{
	struct update_run u = run_updates(r);
	char *pid, *labels;

	run_move(r, RUN_RUNNING, "process started");
	run_hold(r);          /* until run_on_exit */
	r->channel_ended = 1; /* there is none */
	slog_info(r->who, "started (pid %d%s)", (int)proc_pid(r->proc), how);
	pid = xasprintf("%d", (int)proc_pid(r->proc));
	labels = labels_json(r);
	(void)update_run_info(&u, pid, labels, NULL);
	free(pid);
	free(labels);
	run_facts_done(r);
}

static void not_started(struct run *r, struct error *err)
{
	(void)err_wrap(err, "Flow run could not start");
	run_crash(r, err->msg);
}

/* Folder and control channel; *ret_dir is borrowed from R or owned by *ret_free. */
static int prepare(struct run *r, const char **ret_dir, char **ret_free,
		   struct error *err)
{
	int rc = 0;

	if (r->w->py == NULL) {
		r->w->py = py_control_new(r->w->loop, err);
		rc = r->w->py != NULL ? 0 : -err->code;
	}
	*ret_free = run_working_dir(r);
	if (rc == 0 && *ret_free == NULL && r->temp_dir == NULL) {
		rc = make_temp_dir(r, err);
	}
	*ret_dir = *ret_free != NULL ? *ret_free : r->temp_dir;
	return rc;
}

/* ---- cold: an interpreter of its own ---- */

static void spawn_cold(struct run *r)
{
	struct proc_spec spec = make_spec(r);
	char **words = NULL, **env = NULL, *dir = NULL;
	struct error err;
	int rc = prepare(r, &spec.cwd, &dir, &err);

	if (rc == 0) {
		rc = command_words(r, &words, &err);
	}
	if (rc == 0 && words[0] == NULL) {
		rc = err_set(&err, ERR_INVALID, "the job variable 'command' is empty");
	}
	if (rc == 0) {
		run_confine(r, &spec);
		env = make_env(r);
		spec.argv = words;
		spec.envp = env;
		rc = proc_spawn(r->w->loop, &spec, &r->proc, &err);
	}
	rc < 0 ? not_started(r, &err) : started(r, "");
	env_free(env);
	words_free(words);
	free(dir);
}

/* ---- warm: a fork of wf-pyhost ---- */

static struct pyhost *pyhost_of(struct worker *w)
{
	const struct pyhost_conf conf = {
	    .python = w->conf->python[0] != '\0' ? w->conf->python : "python3",
	    .preload = w->conf->pyhost_preload,
	    .environ_ = w->environ_};
	struct error err;

	if (!w->pyhost_tried && w->conf->pyhost) {
		w->pyhost_tried = 1;
		w->pyhost = pyhost_new(w->loop, &conf, &err);
		if (w->pyhost == NULL) {
			log_info("Python runs start cold: %s", err.msg);
		}
	}
	return w->pyhost;
}

static void on_warm(struct pyhost_child *c, const char *why, void *arg)
{
	struct run *r = arg;
	struct proc_spec spec = make_spec(r);
	struct error err;

	(void)why;
	if (c != NULL && r->state == RUN_STARTING && !r->cancelling) {
		run_confine(r, &spec);
	}
	if (r->state != RUN_STARTING) {
		pyhost_child_drop(c); /* lost or handed back meanwhile */
	} else if (r->cancelling) {
		pyhost_child_drop(c);
		run_report_cancelled(
		    r, "Flow run was cancelled before execution started.");
	} else if (c == NULL || pyhost_child_go(c, &spec, &r->proc, &err) < 0) {
		spawn_cold(r);
	} else {
		started(r, ", warm");
	}
	run_release(r);
}

/* 0: on_warm() is called. */
static int spawn_warm(struct run *r)
{
	char module[] = "prefect.engine";
	char *const argv[] = {module, NULL};
	struct proc_spec spec = make_spec(r);
	struct pyhost *h = pyhost_of(r->w);
	char **env, *dir;
	struct error err;
	int rc;

	if (h == NULL) {
		return -ERR_UNSUPPORTED;
	}
	if (r->job.command != NULL) {
		pyhost_note_cold(h, "", "the job variable 'command' is set");
		return -ERR_UNSUPPORTED;
	}
	rc = prepare(r, &spec.cwd, &dir, &err);
	if (rc == 0) {
		env = make_env(r);
		spec.argv = argv;
		spec.envp = env;
		run_hold(r); /* until on_warm */
		rc = pyhost_spawn(h, &spec, on_warm, r, &err);
		if (rc < 0) {
			run_release(r);
		}
		env_free(env);
	}
	free(dir);
	return rc;
}

void run_spawn_python(struct run *r)
{
	submitting(r);
	if (r->job.stream_output) {
		r->tail.prefix = xstrdup(run_name(r));
	}
	if (spawn_warm(r) < 0) {
		spawn_cold(r);
	}
}

/* Whatever the child answered: the signal follows at once. */
static void on_intent(int acked, void *arg)
{
	struct run *r = arg;

	slog_debug(r->who, "cancel intent %s",
		   acked ? "acknowledged" : "not acknowledged");
	if (r->proc != NULL && !r->exited) {
		proc_stop(r->proc, PROC_STOP_CANCEL, r->w->conf->cancel_grace_ms);
	}
}

void run_python_cancel(struct run *r)
{
	if (r->attempt_py == NULL) {
		on_intent(0, r);
		return;
	}
	py_attempt_intent(r->attempt_py, PY_CANCEL, on_intent, r);
}
