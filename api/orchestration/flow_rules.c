/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow_rules.c - the rules of flow runs, one function each (server-contract 5.3).
 *
 * Reason texts are read by clients and tests: they are part of the contract.  The rules
 * about deployment concurrency are in flow_slots.c; the order of all is in policies.c.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/orchestration/rules.h"
#include "base/timefmt.h"
#include "proto/frame.h"

#define TYPE(t)  WF__CONTROL__STATE_TYPE__##t
#define US_PER_S 1000000

static void set_policy_flag(struct orc_ctx *c, const char *key, int on)
{
	if (on) {
		json_object_set_new(c->run->empirical_policy, key, json_true());
	} else {
		json_object_del(c->run->empirical_policy, key);
	}
}

static void lower(char *dst, size_t size, const char *src)
{
	size_t i;

	for (i = 0; i + 1 < size && src[i] != '\0'; i++) {
		dst[i] = (char)tolower((unsigned char)src[i]);
	}
	dst[i] = '\0';
}

static void prevent_duplicates(struct orc_ctx *c)
{
	const char *was = orc_detail_str(c->current, "transition_id");
	const char *is = orc_detail_str(c->proposed, "transition_id");

	if (was != NULL && is != NULL && strcmp(was, is) == 0) {
		orc_reject(c, "This run has already made this state transition.");
	}
}
const struct orc_rule rule_prevent_duplicates = {
    .name = "PreventDuplicateTransitions",
    .from = ORC_ALL,
    .to = ORC_ALL,
    .before = prevent_duplicates,
    .does = "the same transition_id again: REJECT with the current state",
};

/* A new attempt starts from a clean policy. */
static void prepare_new_attempt(struct orc_ctx *c)
{
	json_t *policy = c->run->empirical_policy;

	c->saved_policy = json_deep_copy(policy);
	json_object_del(policy, "resuming");
	json_object_del(policy, "pause_keys");
	if (c->proposed->type == TYPE(SCHEDULED)) {
		json_object_set_new(policy, "retry_type", json_string("reschedule"));
	} else {
		json_object_del(policy, "retry_type");
	}
}

static void flow_terminal(struct orc_ctx *c)
{
	unsigned int to = ORC_BIT(c->intended);
	int kept = c->from == TYPE(COMPLETED) && orc_state_has_result(c->current);

	if ((to & (ORC_CANCELLING | ORC_PAUSED | ORC_CRASHED)) != 0) {
		orc_abort(c, "Run is already in terminal state %s.",
			  state_type_text(c->from));
	} else if (kept && (to & ORC_TERMINAL) == 0) {
		orc_reject(c, "Run is already COMPLETED.");
	} else if (kept && to == ORC_COMPLETED && !orc_state_has_result(c->proposed)) {
		orc_reject(c,
			   "Cannot overwrite a COMPLETED state that carries persisted "
			   "result data with one that does not.");
	} else if (to == ORC_SCHEDULED && !c->run->has_deployment) {
		orc_abort(c,
			  "Cannot reschedule a run without an associated deployment.");
	} else if ((to & ORC_TERMINAL) == 0) {
		prepare_new_attempt(c);
	}
}

static void flow_terminal_undo(struct orc_ctx *c)
{
	if (c->saved_policy != NULL) {
		json_decref(c->run->empirical_policy);
		c->run->empirical_policy = json_incref(c->saved_policy);
	}
}
const struct orc_rule rule_flow_terminal = {
    .name = "HandleFlowTerminalStateTransitions",
    .from = ORC_TERMINAL,
    .to = ORC_ALL,
    .before = flow_terminal,
    .cleanup = flow_terminal_undo,
    .does =
	"a finished run: not to CANCELLING, PAUSED or CRASHED; a kept result stays; "
	"SCHEDULED needs a deployment; a new attempt starts from a clean policy",
};

/* Ours: the first terminal state wins (design.md 3, rule 5). */
static void first_terminal_wins(struct orc_ctx *c)
{
	orc_reject(c, "Run is already in terminal state %s.", state_type_text(c->from));
}
const struct orc_rule rule_first_terminal_wins = {
    .name = "FirstTerminalStateWins",
    .from = ORC_TERMINAL,
    .to = ORC_TERMINAL,
    .before = first_terminal_wins,
    .does =
	"wf only: another terminal state needs force: REJECT with the current state",
};

static void cancelling_to_cancelled(struct orc_ctx *c)
{
	orc_reject(c,
		   "Cannot transition flows that are cancelling to a state other than "
		   "Cancelled.");
}
const struct orc_rule rule_cancelling_to_cancelled = {
    .name = "EnforceCancellingToCancelledTransition",
    .from = ORC_CANCELLING,
    .to = ORC_ALL & ~ORC_CANCELLED,
    .before = cancelling_to_cancelled,
    .does = "from CANCELLING only to CANCELLED: REJECT with the current state",
};

static void bypass_cancelling(struct orc_ctx *c)
{
	struct orc_state cancelled;
	const char *reason = NULL;

	if (c->from == TYPE(SCHEDULED) &&
	    (!c->run->has_pid || strcmp(c->current->name, "Resuming") == 0)) {
		reason = "Scheduled flow run has no infrastructure to terminate.";
	} else if (c->from == TYPE(PAUSED) &&
		   orc_detail_true(c->current, "pause_reschedule")) {
		reason = "Suspended flow run has no infrastructure to terminate.";
	}
	if (reason != NULL) {
		orc_make_state(c, &cancelled, TYPE(CANCELLED), NULL, NULL);
		orc_reject_with(c, &cancelled, "%s", reason);
	}
}
const struct orc_rule rule_bypass_cancelling = {
    .name = "BypassCancellingFlowRunsWithNoInfra",
    .from = ORC_SCHEDULED | ORC_PAUSED,
    .to = ORC_CANCELLING,
    .before = bypass_cancelling,
    .does = "nothing runs yet (or any more): REJECT with CANCELLED at once",
};

static void copy_scheduled_time(struct orc_ctx *c)
{
	if (orc_detail_str(c->proposed, "scheduled_time") == NULL) {
		orc_detail_set_time(c->proposed, "scheduled_time",
				    orc_detail_time(c->current, "scheduled_time"));
	}
}

static void prevent_pending(struct orc_ctx *c)
{
	int64_t due;

	/* claimed again after a worker that never started it: the newer lease goes on
	 */
	if (c->from == TYPE(PENDING) && c->facts->takeover) {
		copy_scheduled_time(c);
		return;
	}
	if (c->from != TYPE(PENDING) || strcmp(c->proposed->name, "Pending") == 0 ||
	    strcmp(c->proposed->name, c->current->name) == 0) {
		orc_abort(c,
			  "This run is in a %s state and cannot transition to a "
			  "PENDING state.",
			  state_type_text(c->from));
		return;
	}
	due = orc_detail_time(c->current, "scheduled_time");
	if (due != TIME_NONE) {
		orc_detail_set_time(c->proposed, "scheduled_time", due);
	}
}
const struct orc_rule rule_prevent_pending = {
    .name = "PreventPendingTransitions",
    .from = ORC_PENDING | ORC_RUNNING | ORC_CANCELLING | ORC_CANCELLED,
    .to = ORC_PENDING,
    .before = prevent_pending,
    .does = "one worker only may make a run PENDING: ABORT for the others; a new name "
	    "(Submitting) inside PENDING is fine",
};

static void only_scheduled_late(struct orc_ctx *c)
{
	if (strcmp(c->proposed->name, "Late") != 0) {
		return;
	}
	if (c->from != TYPE(SCHEDULED)) {
		orc_reject(c, "Only scheduled flows can be marked late.");
	} else if (strcmp(c->current->name, "Late") == 0) {
		orc_reject(c, "This flow run is already marked late.");
	}
}
const struct orc_rule rule_only_scheduled_late = {
    .name = "EnsureOnlyScheduledFlowsMarkedLate",
    .from = ORC_ALL,
    .to = ORC_SCHEDULED,
    .before = only_scheduled_late,
    .does = "Late only from SCHEDULED and only once: REJECT with the current state",
};

static int pause_key_used(const struct orc_run *run, const char *key)
{
	const json_t *keys = json_object_get(run->empirical_policy, "pause_keys");
	size_t i;
	json_t *v;

	json_array_foreach (keys, i, v) {
		if (json_is_string(v) && strcmp(json_string_value(v), key) == 0) {
			return 1;
		}
	}
	return 0;
}

static void pausing(struct orc_ctx *c)
{
	int suspend = orc_detail_true(c->proposed, "pause_reschedule");
	/* the word follows the state's name, what is asked for follows its details */
	const char *name = c->proposed->name;
	const char *verb =
	    name != NULL && strcmp(name, "Suspended") == 0 ? "suspend" : "pause";
	const char *key = orc_detail_str(c->proposed, "pause_key");

	if (key != NULL) {
		(void)snprintf(c->pause_key, sizeof(c->pause_key), "%s", key);
	} else {
		uuid_format(&c->facts->fresh_key, c->pause_key);
	}
	if (c->from == 0) {
		orc_abort(c, "Cannot %s flows with no state.", verb);
	} else if (c->from != TYPE(RUNNING)) {
		orc_reject(c, "Cannot %s flows that are not currently running.", verb);
	} else if (pause_key_used(c->run, c->pause_key)) {
		orc_reject(c, "This %s has already fired.", verb);
	} else if (suspend && c->run->has_parent_task) {
		orc_abort(c, "Cannot %s subflows.", verb);
	} else if (suspend && !c->run->has_deployment) {
		orc_abort(c, "Cannot %s flows without a deployment.", verb);
	}
}

static void pausing_done(struct orc_ctx *c)
{
	json_t *keys;

	if (c->proposed->type == 0) {
		return;
	}
	keys = json_object_get(c->run->empirical_policy, "pause_keys");
	if (!json_is_array(keys)) {
		keys = json_array();
		json_object_set_new(c->run->empirical_policy, "pause_keys", keys);
	}
	json_array_append_new(keys, json_string(c->pause_key));
}
const struct orc_rule rule_pausing = {
    .name = "HandlePausingFlows",
    .from = ORC_ALL,
    .to = ORC_PAUSED,
    .before = pausing,
    .after = pausing_done,
    .does =
	"only running flows pause, each pause key once; suspending needs a deployment "
	"and no parent",
};

static void resuming(struct orc_ctx *c)
{
	struct orc_state failed;
	char name[128], message[256];
	int64_t timeout = orc_detail_time(c->current, "pause_timeout");

	lower(name, sizeof(name), c->proposed->name);
	if (c->intended == TYPE(CANCELLING)) {
		return;
	}
	if ((ORC_BIT(c->intended) & (ORC_RUNNING | ORC_SCHEDULED | ORC_TERMINAL)) ==
	    0) {
		orc_reject(
		    c,
		    "This run cannot transition to the StateType.%s state from the "
		    "StateType.PAUSED state.",
		    state_type_text(c->intended));
	} else if (orc_detail_true(c->current, "pause_reschedule") &&
		   !c->run->has_deployment) {
		orc_reject(c, "Cannot reschedule a %s flow run without a deployment.",
			   name);
	} else if (timeout != TIME_NONE && timeout < c->now_us) {
		(void)snprintf(message, sizeof(message),
			       "The flow was %s and never resumed.", name);
		orc_make_state(c, &failed, TYPE(FAILED), NULL, message);
		orc_reject_with(
		    c, &failed,
		    "The flow run pause has timed out and can no longer resume.");
	}
}

static void resuming_done(struct orc_ctx *c)
{
	set_policy_flag(c, "resuming", 1);
}
const struct orc_rule rule_resuming = {
    .name = "HandleResumingPausedFlows",
    .from = ORC_PAUSED,
    .to = ORC_ALL,
    .before = resuming,
    .after = resuming_done,
    .does =
	"from PAUSED to RUNNING, SCHEDULED or a terminal state; an expired pause ends "
	"in FAILED; the next start counts as resuming",
};

const struct orc_rule rule_copy_scheduled_time = {
    .name = "CopyScheduledTime",
    .from = ORC_SCHEDULED,
    .to = ORC_PENDING,
    .before = copy_scheduled_time,
    .does = "PENDING keeps the scheduled time",
};

static void wait_for_scheduled_time(struct orc_ctx *c)
{
	int64_t due = orc_detail_time(c->current, "scheduled_time");
	int64_t delay_s;

	if (due == TIME_NONE || due <= c->now_us) {
		return;
	}
	delay_s = (due - c->now_us + US_PER_S / 2) / US_PER_S;
	if (delay_s > 0) {
		orc_wait(c, delay_s, "Scheduled time is in the future");
	}
}
const struct orc_rule rule_wait_for_scheduled_time = {
    .name = "WaitForScheduledTime",
    .from = ORC_SCHEDULED | ORC_PENDING,
    .to = ORC_RUNNING,
    .before = wait_for_scheduled_time,
    .does = "not before its time: WAIT for the rounded seconds",
};

static void retry_failed_flows(struct orc_ctx *c)
{
	json_t *policy = c->run->empirical_policy;
	struct orc_state again;
	int64_t retries, delay_s = 0;

	if (!orc_policy_int(c->run, "retries", &retries) ||
	    c->run->run_count > retries) {
		json_object_del(policy, "retry_type");
		return;
	}
	orc_policy_int(c->run, "retry_delay", &delay_s);
	orc_make_state(c, &again, TYPE(SCHEDULED), "AwaitingRetry",
		       c->proposed->message);
	orc_detail_set_time(&again, "scheduled_time", c->now_us + delay_s * US_PER_S);
	again.data = json_incref(c->proposed->data);
	json_object_del(policy, "resuming");
	json_object_del(policy, "pause_keys");
	json_object_set_new(policy, "retry_type", json_string("in_process"));
	orc_reject_with(c, &again, "Retrying");
}
const struct orc_rule rule_retry_failed_flows = {
    .name = "RetryFailedFlows",
    .from = ORC_RUNNING,
    .to = ORC_FAILED,
    .before = retry_failed_flows,
    .does = "retries left: REJECT with AwaitingRetry, kept by the process that has it",
};

/* The event itself is written by the shell for every state that is written. */
const struct orc_rule rule_instrument = {
    .name = "InstrumentFlowRunStateTransitions",
    .from = ORC_ALL,
    .to = ORC_ALL,
    .always = 1,
    .does = "every written state emits prefect.flow-run.<Name>",
};

static void prevent_result_loss(struct orc_ctx *c)
{
	if (orc_state_has_result(c->current) && !orc_state_has_result(c->proposed)) {
		orc_reject(c,
			   "Cannot overwrite a COMPLETED state that carries persisted "
			   "result data with one that does not.");
	}
}
const struct orc_rule rule_prevent_result_loss = {
    .name = "PreventResultDataLoss",
    .from = ORC_COMPLETED,
    .to = ORC_COMPLETED,
    .before = prevent_result_loss,
    .does = "a kept result is never overwritten by none, not even by force",
};
