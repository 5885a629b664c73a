/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_confine.c - nothing that a run starts gets away: a control group of its own where
 * one was delegated, else the marks in the environment of its processes.
 */
#include <stdio.h>

#include "base/cgroup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "worker/run_priv.h"

#define LEVEL_WARNING 30
#define TIDY_MS       200 /* until processes that were killed have left their group */

/* Python flows have the first, tasks of native ones the second. */
static const char *const names[PROC_MARKS] = {"PREFECT__FLOW_RUN_ID", "WF_FLOW_RUN_ID"};

static void mark(struct run *r, struct proc_spec *spec)
{
	for (int i = 0; i < PROC_MARKS; i++) {
		(void)snprintf(r->marks[i], sizeof(r->marks[i]), "%s=%s", names[i],
			       r->id);
		spec->marks[i] = r->marks[i];
	}
}

static void warn_of(struct run *r, const char *variable, const char *controller)
{
	run_log(r, LEVEL_WARNING,
		"The job variable %s is not kept: this worker has no control group "
		"with the controller %s.",
		variable, controller);
}

static void warn_of_limits(struct run *r)
{
	const struct cgroup_limits *l = &r->job.group;

	if (l->memory_max > 0 && !cgroups_has(r->w->cgroups, "memory")) {
		warn_of(r, "memory_max", "memory");
	}
	if (l->cpu_max_us > 0 && !cgroups_has(r->w->cgroups, "cpu")) {
		warn_of(r, "cpu_max", "cpu");
	}
}

void run_confine(struct run *r, struct proc_spec *spec)
{
	struct error err;

	mark(r, spec);
	if (r->cgroup == NULL) {
		warn_of_limits(r);
	}
	if (r->cgroup == NULL && r->w->cgroups != NULL &&
	    cgroup_new(r->w->cgroups, r->id, &r->job.group, &r->cgroup, &err) < 0) {
		slog_warn(r->who, "runs without a control group: %s", err.msg);
	}
	spec->cgroup = r->cgroup;
}

void run_unconfine(struct run *r)
{
	struct cgroup_usage u;

	if (r->cgroup == NULL) {
		return;
	}
	cgroup_usage(r->cgroup, &u);
	if (u.cpu_us >= 0) {
		r->exit.cpu_us = u.cpu_us;
	}
	if (u.peak_bytes >= 0) {
		r->exit.max_rss_kb = u.peak_bytes / 1024;
	}
	if (u.read_bytes >= 0) {
		r->exit.read_bytes = u.read_bytes;
		r->exit.written_bytes = u.written_bytes;
	}
	if (u.oom_kills >= 0) {
		r->oom = u.oom_kills > 0 ? OOM_RUN : OOM_NO;
	}
	cgroup_free(r->cgroup);
	r->cgroup = NULL;
	loop_timer_in(r->w->tidy, TIDY_MS);
}

void worker_on_tidy(void *arg)
{
	struct worker *w = arg;

	if (cgroups_tidy(w->cgroups) > 0) {
		loop_timer_in(w->tidy, TIDY_MS);
	}
}

json_t *run_confined(const struct run *r)
{
	return json_string(r->cgroup != NULL ? cgroup_name(r->cgroup) : "");
}

void run_confine_carried(struct run *r, const char *name, struct proc_spec *spec)
{
	struct error err;

	mark(r, spec);
	if (r->w->cgroups != NULL && name[0] != '\0' &&
	    cgroup_carried(r->w->cgroups, name, &r->cgroup, &err) < 0) {
		slog_warn(r->who, "%s", err.msg);
	}
	spec->cgroup = r->cgroup;
}
