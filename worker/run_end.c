/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_end.c - output, exit, and what is reported about it.
 *
 * A run is judged when its process is through (reaped, output read), its channel has
 * ended and no proposal is under way: only then is it known what the engine managed to
 * report.
 */
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "proto/frame.h"
#include "worker/channel.h"
#include "worker/exit.h"
#include "worker/guard.h"
#include "worker/rest.h"
#include "worker/run_priv.h"

#define CHANNEL_WAIT_MS 2000
#define LOOK_RETRY_MS   1000
#define TAIL_SENT       (8u << 10)
#define LEVEL_ERROR     40

void run_on_output(struct proc *p, int stream, const char *data, size_t len, void *arg)
{
	struct run *r = arg;

	(void)p;
	(void)stream;
	tail_add(&r->tail, data, len);
}

static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	(void)remove(path);
	return 0;
}

/* The end of what the process printed, as a log of the run. */
static void send_tail(struct run *r)
{
	const char *last = tail_last(&r->tail, TAIL_SENT);

	if (last[strspn(last, " \r\n\t")] != '\0') {
		run_log(r, LEVEL_ERROR, "Last output of the process:\n%s", last);
	}
}

/* ---- looking at the API before something is proposed ---- */

static void look(struct run *r);

static int is_over(const char *type)
{
	int t = state_type_parse(type);

	return state_type_is_terminal(t) || t == WF__CONTROL__STATE_TYPE__PAUSED ||
	       t == WF__CONTROL__STATE_TYPE__SCHEDULED;
}

static void on_look(int rc, int status, const json_t *body, const struct error *err,
		    void *arg)
{
	struct run *r = arg;
	struct exit_facts facts = {0};
	char message[512];

	if (r->state != RUN_RUNNING || r->lost) {
		if (r->lost && r->state != RUN_DONE) {
			run_finish(r, 0, "lost");
		}
	} else if (status == 404) {
		run_finish(r, RUN_OUT_DONE, "the run was deleted");
	} else if (rc < 0) {
		slog_warn(r->who, "cannot look at its state: %s; trying again",
			  err->msg);
		run_timer(r, LOOK_RETRY_MS, look);
	} else if (is_over(run_text(body, "state_type"))) {
		run_finish(r, RUN_OUT_DONE, "its state is known");
	} else if (r->cancelling) {
		run_report_cancelled(r, "Flow run was cancelled successfully.");
	} else {
		(void)exit_judge(&r->exit, &facts, message, sizeof(message));
		send_tail(r);
		run_crash(r, message);
	}
	run_release(r);
}

static void look(struct run *r)
{
	run_hold(r);
	if (rest_call(r->w->rest, "GET", NULL, on_look, r, "/flow_runs/%s", r->id) <
	    0) {
		run_timer(r, LOOK_RETRY_MS, look);
		run_release(r);
	}
}

/* ---- judging ---- */

static int concluded(const struct run *r)
{
	return r->native
		   ? r->concluded
		   : r->attempt_py != NULL &&
			 (py_attempt_conclusion(r->attempt_py) == PY_STATE_REPORTED ||
			  py_attempt_conclusion(r->attempt_py) == PY_ABORTED);
}

static void judge(struct run *r)
{
	const struct exit_facts facts = {.concluded = concluded(r),
					 .lost = r->lost,
					 .cancelling = r->cancelling,
					 .oom = r->oom,
					 .cpu_limit_s = r->job.limits.cpu_s,
					 .draining = r->kill};
	char message[512], how[160];

	proc_describe(&r->exit, how, sizeof(how));
	slog_info(r->who, "ended (%s)", how);
	switch (exit_judge(&r->exit, &facts, message, sizeof(message))) {
	case EXIT_LOST:
		run_finish(r, 0, "lost");
		break;
	case EXIT_CONCLUDED:
		run_finish(r, RUN_OUT_DONE, "its state is known");
		break;
	case EXIT_CRASHED:
		send_tail(r);
		run_crash(r, message);
		break;
	case EXIT_CANCELLED:
	case EXIT_SILENT:
	default:
		look(r);
		break;
	}
}

static void channel_overdue(struct run *r)
{
	r->channel_ended = 1;
	run_try_judge(r);
}

void run_try_judge(struct run *r)
{
	if (!r->exited || r->state != RUN_RUNNING) {
		return;
	}
	if (!r->channel_ended) {
		/* something below the engine may hold its descriptor */
		run_timer(r, CHANNEL_WAIT_MS, channel_overdue);
		return;
	}
	if (TAILQ_EMPTY(&r->proposals) || r->lost) {
		judge(r);
	}
}

/* Resources, and whether want of memory was the end of it. */
static void note_usage(struct run *r)
{
	struct update_run u = run_updates(r);

	if (r->exit.spawn_errno != 0) {
		run_unconfine(r);
		return;
	}
	if (proc_exit_code(&r->exit) == -SIGKILL && r->exit.reason == PROC_STOP_NONE) {
		r->oom = (int)oom_look(&r->w->oom, "/proc");
	}
	run_unconfine(r);
	if (r->fence != 0) { /* a Prefect server has no place for it */
		(void)update_usage(&u, &r->exit, r->oom >= OOM_RUN, NULL);
	}
}

void run_on_exit(struct proc *p, const struct proc_exit *exit, void *arg)
{
	struct run *r = arg;

	(void)p;
	r->exit = *exit;
	r->exited = 1;
	r->proc = NULL;
	note_usage(r);
	guard_drop(r->w->guard, r->guard_slot);
	r->guard_slot = GUARD_NONE;
	if (r->timer != NULL) {
		loop_timer_stop(r->timer);
	}
	if (r->temp_dir != NULL) {
		(void)nftw(r->temp_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	}
	run_try_judge(r);
	run_release(r);
}
