/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tryout.c - one run by the clock of tests.
 */
#include "engine/tryout/tryout.h"

#include <signal.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/proc.h"
#include "engine/main.h"
#include "engine/runner_priv.h"
#include "engine/session/session.h"
#include "engine/show/report.h"
#include "engine/tryout/clock.h"

extern char **environ;

static void on_signal(int signo, void *arg)
{
	(void)signo;
	runner_crash(arg, "Execution was aborted by an interrupt signal.");
}

static char *run(struct loop *loop, const struct tryout *t)
{
	struct runner *r = runner_new(loop, environ);
	struct report *report = report_new(loop, REPORT_KEEP, 0, t->flow);
	struct loop_signal *sigint =
	    t->builtin == NULL ? loop_signal_new(loop, SIGINT, on_signal, r) : NULL;
	struct fake_clock clock;
	const struct session_spec spec = {
	    .loop = loop,
	    .events = &runner_session_events,
	    .arg = r,
	    .flow = t->flow,
	    .parameters = t->params,
	    .skew_ms = &clock.skew_ms,
	};
	void *attached = NULL;
	char *text;

	fake_clock_init(&clock, loop);
	r->clock = &clock;
	r->stubs = t->stubs;
	r->test_store = t->store;
	if (t->builtin != NULL) {
		attached = t->builtin->attach(r, loop, t->flow);
	}
	runner_start(r, offline_session_new(&spec), t->flow, report);
	(void)loop_run(loop);
	(void)proc_kill_strays();
	runner_free(r);
	if (t->builtin != NULL) {
		t->builtin->detach(attached);
	}
	fake_clock_release(&clock);
	loop_signal_free(sigint);
	text = report_take(report);
	report_free(report);
	return text;
}

char *tryout_run(const struct tryout *t, struct error *err)
{
	struct loop *loop = loop_new(err);
	char *text = NULL;

	if (loop != NULL && proc_init(loop, err) == 0) {
		text = run(loop, t);
		proc_fini();
		if (text == NULL) {
			(void)err_set(err, ERR_CANCELED,
				      "the run of '%s' was interrupted before its end",
				      t->flow->name);
		}
	}
	loop_free(loop);
	return text;
}
