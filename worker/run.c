/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - the machine of one run.
 *
 *  CLAIMED --Pending accepted--> PREPARING --job resolved--> STARTING --ours,
 * spawned--> RUNNING |                             |                           | | |
 * refused                     | bad job                   | cancelled, cannot spawn  |
 * exit |                             +-----------> REPORTING
 * <---+--------------------------+ |                                              |
 * final state answered
 *     +-------------------> DONE <-------------------+        (lost: from anywhere to
 * DONE, with a process through its exit)
 *
 * It waits in CLAIMED, STARTING and REPORTING for answers, in PREPARING for lookups, in
 * RUNNING for the process.  A run is freed when it is DONE and no callback is under
 * way.
 */
#include "worker/run_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cgroup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/sm.h"
#include "worker/channel.h"
#include "worker/guard.h"

#define FACTS_MAX   (8u << 20)
#define LEVEL_ERROR 40

static const struct sm_state run_states[RUN_STATE_MAX] = {
    [RUN_CLAIMED] = {"claimed",
		     SM_TO(RUN_PREPARING) | SM_TO(RUN_REPORTING) | SM_TO(RUN_DONE),
		     SM_INITIAL},
    [RUN_PREPARING] = {"preparing",
		       SM_TO(RUN_STARTING) | SM_TO(RUN_REPORTING) | SM_TO(RUN_DONE), 0},
    [RUN_STARTING] = {"starting",
		      SM_TO(RUN_RUNNING) | SM_TO(RUN_REPORTING) | SM_TO(RUN_DONE), 0},
    [RUN_RUNNING] = {"running", SM_TO(RUN_REPORTING) | SM_TO(RUN_DONE), 0},
    [RUN_REPORTING] = {"reporting", SM_TO(RUN_DONE), 0},
    [RUN_DONE] = {"done", 0, SM_FINAL},
};

void run_guarded(struct run *r)
{
	struct worker *w = r->w;
	int64_t until = w->source_ops->trusted_until(w->source, r->id);

	r->guard_slot = guard_add(w->guard, proc_pid(r->proc), until > 0 ? until : 1);
}

void run_trust(struct run *r)
{
	struct worker *w = r->w;

	guard_move(w->guard, r->guard_slot,
		   w->source_ops->trusted_until(w->source, r->id));
}

void run_move(struct run *r, enum run_state next, const char *reason)
{
	if (!sm_allowed(run_states, (int)r->state, (int)next)) {
		BUG("run %s cannot go from %s to %s (%s)", r->id,
		    run_states[r->state].name, run_states[next].name, reason);
	}
	trace("run %s: %s -> %s (%s)", r->id, run_states[r->state].name,
	      run_states[next].name, reason);
	r->state = next;
	if (next == RUN_RUNNING && r->fence != 0) {
		run_guarded(r);
	}
}

static void free_run(void *arg)
{
	struct run *r = arg;

	loop_timer_free(r->timer);
	channel_close(r->channel);
	py_attempt_free(r->attempt_py);
	cgroup_free(r->cgroup);
	job_release(&r->job);
	tail_release(&r->tail);
	json_decref(r->facts);
	if (r->temp_dir != NULL && !r->exited) {
		(void)rmdir(r->temp_dir); /* made for a process that never started */
	}
	free(r->temp_dir);
	free(r->who);
	free(r);
}

void run_hold(struct run *r)
{
	r->waiting++;
}

void run_release(struct run *r)
{
	PRE(r->waiting > 0);
	r->waiting--;
	if (r->waiting == 0 && r->state == RUN_DONE) {
		loop_defer_free(r->w->loop, free_run, r);
	}
}

static void timer_fired(void *arg)
{
	struct run *r = arg;
	void (*fn)(struct run * r) = r->on_timer;

	if (fn != NULL && r->state != RUN_DONE) {
		r->on_timer = NULL;
		fn(r);
	}
}

void run_timer(struct run *r, int64_t in_ms, void (*fn)(struct run *r))
{
	if (r->timer == NULL) {
		r->timer = loop_timer_new(r->w->loop, timer_fired, r);
	}
	r->on_timer = fn;
	loop_timer_in(r->timer, in_ms);
}

struct update_run run_updates(const struct run *r)
{
	return (struct update_run){&r->w->backend, r->uuid, r->fence};
}

void run_facts_done(struct run *r)
{
	const struct proc_limits limits = r->job.limits;
	json_t *kept = json_pack("{s:{s:s}}", "flow_run", "name", run_name(r));

	json_decref(r->facts);
	r->facts = kept;
	job_release(&r->job);
	r->job.limits = limits;
}

const json_t *run_fact(const struct run *r, const char *what)
{
	return json_object_get(r->facts, what);
}

const char *run_text(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s != NULL ? s : "";
}

const char *run_id(const struct run *r)
{
	return r->id;
}

const char *run_name(const struct run *r)
{
	const char *name = run_text(run_fact(r, "flow_run"), "name");

	return name[0] != '\0' ? name : r->id;
}

const char *run_state_text(const struct run *r)
{
	return run_states[r->state].name;
}

uint64_t run_fence(const struct run *r)
{
	return r->fence;
}

int run_is_started(const struct run *r)
{
	return r->proc != NULL || r->exited;
}

void run_log(struct run *r, int level, const char *fmt, ...)
{
	struct update_run u = run_updates(r);
	struct buf b;
	va_list ap;

	buf_init(&b);
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	/* a log line that cannot be kept is dropped: telemetry never gates a run */
	(void)update_log(&u, level, b.data, loop_wall_us(r->w->loop), NULL);
	buf_release(&b);
}

void run_finish(struct run *r, int outcome, const char *reason)
{
	struct worker *w = r->w;

	if (r->state == RUN_DONE) {
		return;
	}
	run_move(r, RUN_DONE, reason);
	if (r->timer != NULL) {
		loop_timer_stop(r->timer);
	}
	channel_close(r->channel);
	r->channel = NULL;
	w->source_ops->end(w->source, r->id, outcome);
	worker_run_done(w, r);
	if (r->waiting == 0) {
		loop_defer_free(w->loop, free_run, r);
	}
}

/* ---- the final report ---- */

static void on_reported(int rc, const Wf__Updates__UpdateAnswer *a,
			const struct error *err, void *arg)
{
	struct run *r = arg;

	(void)a;
	if (r->state == RUN_REPORTING) {
		/* on shutdown the report stays in the journal: the lease runs out
		 * meanwhile */
		run_finish(r, r->lost || rc < 0 ? 0 : RUN_OUT_DONE,
			   rc < 0 ? err->msg : "reported");
	}
	run_release(r);
}

static void retry_report(struct run *r);

/* The state that was to be reported, for another try when the journal is full. */
static void report(struct run *r, int type, const char *message)
{
	struct update_run u = run_updates(r);
	struct update_state s = {.type = type,
				 .message = message,
				 .force = type == WF__CONTROL__STATE_TYPE__CANCELLED,
				 .ret_id = &r->report_id};
	struct error err;

	if (r->state != RUN_REPORTING) {
		run_move(r, RUN_REPORTING, message);
	}
	run_hold(r);
	if (update_propose(&u, &s, loop_wall_us(r->w->loop), on_reported, r, &err) <
	    0) {
		slog_error(r->who, "cannot report '%s': %s; trying again", message,
			   err.msg);
		run_timer(r, 1000, retry_report);
		run_release(r);
	}
}

static void retry_report(struct run *r)
{
	report(r,
	       r->cancelling ? WF__CONTROL__STATE_TYPE__CANCELLED
			     : WF__CONTROL__STATE_TYPE__CRASHED,
	       r->cancelling ? "Flow run was cancelled."
			     : "The run ended while its state could not be recorded.");
}

/* The report was journalled by the program before, or was about to be. */
void run_report_carried(struct run *r)
{
	struct error err;

	run_hold(r);
	if (backend_await(&r->w->backend, r->report_id.b, on_reported, r, &err) < 0) {
		retry_report(r);
		run_release(r);
	}
}

void run_crash(struct run *r, const char *message)
{
	slog_error(r->who, "crashed: %s", message);
	run_log(r, LEVEL_ERROR, "%s", message);
	report(r, WF__CONTROL__STATE_TYPE__CRASHED, message);
}

void run_report_cancelled(struct run *r, const char *message)
{
	r->cancelling = 1; /* for another try */
	slog_info(r->who, "cancelled");
	report(r, WF__CONTROL__STATE_TYPE__CANCELLED, message);
}

/* ---- Pending ---- */

#define WAITS_MAX     5
#define NEVER_STARTED "Flow run was cancelled before execution started."

static void propose_pending(struct run *r);

static const char *refusal(const Wf__Updates__UpdateAnswer *a)
{
	return a->gone ? "the run does not exist any more"
	       : a->reason != NULL && a->reason[0] != '\0'
		   ? a->reason
		   : "the API did not accept it";
}

static int take_facts(struct run *r, const Wf__Updates__UpdateAnswer *a,
		      struct error *err)
{
	const char *text = a->facts_json != NULL ? a->facts_json : "";

	r->facts = json_parse(text, strlen(text), FACTS_MAX, err);
	if (!json_is_object(r->facts) || !json_is_object(run_fact(r, "flow_run"))) {
		json_decref(r->facts);
		r->facts = NULL;
		return err_set(err, ERR_PROTOCOL, "the API told nothing about the run");
	}
	free(r->who);
	r->who = xasprintf("run=%s", run_name(r));
	return 0;
}

/* Its deployment was deleted between the claim and now: there is nothing to run. */
static int is_orphan(const struct run *r)
{
	return run_text(run_fact(r, "flow_run"), "deployment_id")[0] != '\0' &&
	       json_is_null(run_fact(r, "deployment"));
}

static void orphaned(struct run *r)
{
	char *text = xasprintf("Deployment %s no longer exists, cancelled run.",
			       run_text(run_fact(r, "flow_run"), "deployment_id"));

	run_report_cancelled(r, text);
	free(text);
}

static void accepted(struct run *r, const Wf__Updates__UpdateAnswer *a)
{
	struct error err;

	if (take_facts(r, a, &err) < 0) {
		run_crash(r, err.msg);
	} else if (r->cancelling) {
		run_report_cancelled(r, NEVER_STARTED);
	} else if (is_orphan(r)) {
		orphaned(r);
	} else if (r->w->draining) {
		run_finish(r, RUN_OUT_REQUEUE, "handed back");
	} else {
		run_move(r, RUN_PREPARING, "pending");
		run_prepare(r);
	}
}

/* The cancellation was there first, whether we were told or learn it from the answer:
 * the last word is the lease holder's.  Without a lease the run may be another
 * worker's. */
static int is_ours_to_cancel(const struct run *r, const Wf__Updates__UpdateAnswer *a)
{
	return r->fence != 0 &&
	       (r->cancelling ||
		(a->state != NULL &&
		 a->state->type == WF__CONTROL__STATE_TYPE__CANCELLING));
}

static void refused(struct run *r, const Wf__Updates__UpdateAnswer *a)
{
	if (a->answer == WF__CONTROL__ANSWER__SUPERSEDED) {
		slog_info(r->who, "not run: %s", refusal(a));
		run_finish(r, 0, refusal(a));
	} else if (!a->gone && !a->invalid && is_ours_to_cancel(r, a)) {
		run_report_cancelled(r, NEVER_STARTED);
	} else if (!a->gone && !a->invalid && a->answer == WF__CONTROL__ANSWER__WAIT &&
		   r->fence != 0 && ++r->waits > WAITS_MAX) {
		/* what it waits for may need the slot that its lease holds */
		slog_info(r->who, "handed back for a while: %s", refusal(a));
		run_finish(r, RUN_OUT_LATER, refusal(a));
	} else if (!a->gone && !a->invalid && a->answer == WF__CONTROL__ANSWER__WAIT) {
		slog_debug(r->who, "has to wait %.1f s: %s", a->delay_s, refusal(a));
		run_timer(r, (int64_t)(a->delay_s * 1000.0), propose_pending);
	} else {
		slog_info(r->who, "not run: %s", refusal(a));
		run_finish(r, RUN_OUT_DROP, refusal(a));
	}
}

static void on_pending(int rc, const Wf__Updates__UpdateAnswer *a,
		       const struct error *err, void *arg)
{
	struct run *r = arg;

	if (r->state != RUN_CLAIMED) {
		/* lost or handed back meanwhile */
	} else if (rc < 0) {
		run_finish(r, RUN_OUT_REQUEUE, err->msg);
	} else if (a->answer == WF__CONTROL__ANSWER__ACCEPT && !a->gone &&
		   !a->invalid) {
		accepted(r, a);
	} else {
		refused(r, a);
	}
	run_release(r);
}

static int try_pending(struct run *r, struct error *err)
{
	const struct update_run u = run_updates(r);
	const struct update_state pending = {.type = WF__CONTROL__STATE_TYPE__PENDING,
					     .want_facts = 1};
	int rc;

	run_hold(r);
	rc = update_propose(&u, &pending, loop_wall_us(r->w->loop), on_pending, r, err);
	if (rc < 0) {
		r->waiting--; /* nobody will call */
	}
	return rc;
}

/* Once more, after a WAIT. */
static void propose_pending(struct run *r)
{
	struct error err;

	if (try_pending(r, &err) < 0) {
		run_finish(r, RUN_OUT_REQUEUE, err.msg);
	}
}

struct run *run_new(struct worker *w, const struct worker_offer *offer)
{
	struct run *r = xcalloc(1, sizeof(*r));
	struct error err;

	r->w = w;
	r->state = RUN_CLAIMED;
	r->guard_slot = GUARD_NONE;
	TAILQ_INIT(&r->proposals);
	r->fence = offer->fence;
	r->attempt = offer->attempt;
	(void)snprintf(r->id, sizeof(r->id), "%s", offer->run_id);
	(void)uuid_parse(offer->run_id, &r->uuid);
	r->who = xasprintf("run=%s", r->id);
	tail_init(&r->tail);
	if (try_pending(r, &err) < 0) {
		slog_error(r->who, "cannot be started now: %s", err.msg);
		free_run(r);
		return NULL;
	}
	return r;
}

/* ---- what comes from outside ---- */

void run_cancel(struct run *r)
{
	if (r->cancelling || r->lost || r->state == RUN_DONE ||
	    r->state == RUN_REPORTING) {
		return;
	}
	slog_info(r->who, "cancelling");
	r->cancelling = 1;
	if (r->state == RUN_RUNNING && !r->exited) {
		r->native ? run_native_cancel(r) : run_python_cancel(r);
	}
}

void run_hand_back(struct run *r)
{
	if (!run_is_started(r) && r->state < RUN_RUNNING && !r->cancelling) {
		run_finish(r, RUN_OUT_REQUEUE, "handed back for a handover");
	}
}

void run_lost(struct run *r, const char *why)
{
	if (r->lost || r->state == RUN_DONE) {
		return;
	}
	r->lost = 1;
	slog_warn(r->who, "no longer ours (%s)%s", why,
		  run_is_started(r) && !r->exited ? ": killing its processes" : "");
	if (r->proc != NULL && !r->exited) {
		proc_stop(r->proc, PROC_STOP_LOST, 0);
	} else if (!r->exited) {
		run_finish(r, 0, why);
	}
}

void run_drain(struct run *r, int kill)
{
	if (r->state == RUN_DONE || r->lost) {
		return;
	}
	if (!run_is_started(r) && r->state != RUN_REPORTING && !r->cancelling) {
		run_finish(r, RUN_OUT_REQUEUE, "handed back: the worker goes down");
	} else if (kill && r->proc != NULL && !r->exited) {
		r->kill = 1;
		proc_stop(r->proc, PROC_STOP_SHUTDOWN, r->w->conf->cancel_grace_ms);
	}
}
