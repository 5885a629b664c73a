/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_rules.c - the rules of task runs that are changed over REST
 * (server-contract 5.4): background tasks, placeholders of subflows, automations. Tasks
 * inside flows report by events (events/recorder.h) and meet no rules.
 */
#include <string.h>

#include "api/orchestration/rules.h"
#include "base/timefmt.h"
#include "proto/frame.h"

#define TYPE(t)       WF__CONTROL__STATE_TYPE__##t
#define US_PER_S      1000000
#define CACHE_KEY_MAX 2000
#define TAG_WAIT_S    30

static void cache_retrieval(struct orc_ctx *c)
{
	struct orc_state hit;

	if (c->facts->cached == NULL ||
	    orc_detail_str(c->proposed, "cache_key") == NULL ||
	    orc_detail_true(c->proposed, "refresh_cache")) {
		return;
	}
	orc_make_state(c, &hit, c->facts->cached->type, "Cached",
		       c->facts->cached->message);
	json_object_update(hit.details, c->facts->cached->details);
	hit.data = json_incref(c->facts->cached->data);
	orc_reject_with(c, &hit, "Retrieved state from cache");
}
const struct orc_rule rule_cache_retrieval = {
    .name = "CacheRetrieval",
    .from = ORC_ALL,
    .to = ORC_RUNNING,
    .before = cache_retrieval,
    .does = "an unexpired entry under the cache key: REJECT with a copy named Cached",
};

static void task_terminal(struct orc_ctx *c)
{
	unsigned int to = ORC_BIT(c->intended);

	c->saved_run_count = c->run->run_count;
	if ((to & (ORC_CANCELLING | ORC_PAUSED | ORC_CRASHED)) != 0) {
		orc_abort(c, "Run is already %s.", state_type_text(c->from));
		return;
	}
	if (c->from == TYPE(COMPLETED) && orc_state_has_result(c->current)) {
		orc_reject(c, "This run is already completed.");
		return;
	}
	if ((to & ORC_TERMINAL) == 0) {
		c->run->run_count = 0;
		if (to == ORC_RUNNING &&
		    c->run->flow_run_run_count < c->facts->flow_run_run_count) {
			memcpy(c->proposed->name, "Retrying", sizeof("Retrying"));
		}
	}
}

static void task_terminal_undo(struct orc_ctx *c)
{
	c->run->run_count = c->saved_run_count;
}
const struct orc_rule rule_task_terminal = {
    .name = "HandleTaskTerminalStateTransitions",
    .from = ORC_TERMINAL,
    .to = ORC_ALL,
    .before = task_terminal,
    .cleanup = task_terminal_undo,
    .does =
	"a finished task: not to CANCELLING, PAUSED or CRASHED; a kept result stays; "
	"a new attempt counts from 0",
};

static void stopped_flows(struct orc_ctx *c)
{
	const struct orc_state *flow = c->facts->parent_state;
	struct orc_state paused;
	char id[UUID_TEXT_SIZE];

	if (flow == NULL) {
		return;
	}
	if (flow->type == TYPE(PAUSED)) {
		orc_make_state(c, &paused, TYPE(PAUSED), "NotReady", NULL);
		orc_detail_set_time(&paused, "pause_timeout",
				    orc_detail_time(flow, "pause_timeout"));
		if (orc_detail_true(flow, "pause_reschedule")) {
			json_object_set_new(paused.details, "pause_reschedule",
					    json_true());
		}
		orc_reject_with(c, &paused,
				"The flow is paused, new tasks can execute after "
				"resuming flow run: %s.",
				uuid_format(&c->facts->parent_flow_run_id, id));
	} else if (flow->type != TYPE(RUNNING)) {
		orc_abort(
		    c, "The enclosing flow must be running to begin task execution.");
	}
}
const struct orc_rule rule_stopped_flows = {
    .name = "PreventRunningTasksFromStoppedFlows",
    .from = ORC_ALL,
    .to = ORC_RUNNING,
    .before = stopped_flows,
    .does = "the flow is paused: REJECT with NotReady; it does not run: ABORT",
};

static void secure_task_slots(struct orc_ctx *c)
{
	if (c->facts->tag_limit_zero) {
		orc_abort(c,
			  "The concurrency limit on tag \"%s\" is 0 and will deadlock "
			  "if the task "
			  "tries to run again.",
			  c->facts->tag_name != NULL ? c->facts->tag_name : "");
	} else if (c->facts->tag_slots_full) {
		orc_wait(c, TAG_WAIT_S, "Concurrency limit reached");
	} else {
		c->d->effects |= ORC_FX_TAKE_TAGS;
	}
}

static void give_tags_back(struct orc_ctx *c)
{
	c->d->effects &= ~(unsigned int)ORC_FX_TAKE_TAGS;
}
const struct orc_rule rule_secure_task_slots = {
    .name = "SecureTaskConcurrencySlots",
    .from = ORC_ALL,
    .to = ORC_RUNNING,
    .before = secure_task_slots,
    .cleanup = give_tags_back,
    .does = "one slot of each limit on the task's tags: full WAIT, limit 0 ABORT",
};

static void copy_task_parameters(struct orc_ctx *c)
{
	if (orc_detail_str(c->proposed, "task_parameters_id") == NULL) {
		orc_detail_set_str(c->proposed, "task_parameters_id",
				   orc_detail_str(c->current, "task_parameters_id"));
	}
}
const struct orc_rule rule_copy_task_parameters = {
    .name = "CopyTaskParametersID",
    .from = ORC_SCHEDULED,
    .to = ORC_PENDING,
    .before = copy_task_parameters,
    .does = "PENDING keeps task_parameters_id",
};

/* The delay of this attempt, in microseconds: a number or a list by attempt. */
static int64_t retry_delay_us(const struct orc_ctx *c)
{
	const json_t *d = json_object_get(c->run->empirical_policy, "retry_delay");
	size_t i = c->run->run_count > 0 ? (size_t)(c->run->run_count - 1) : 0;

	if (json_is_array(d) && json_array_size(d) > 0) {
		if (i >= json_array_size(d)) {
			i = json_array_size(d) - 1;
		}
		d = json_array_get(d, i);
	}
	return (int64_t)(json_number_value(d) * US_PER_S);
}

static void retry_failed_tasks(struct orc_ctx *c)
{
	struct orc_state again;
	int64_t retries = 0, delay_us;

	if (!orc_policy_int(c->run, "retries", &retries) ||
	    json_is_false(json_object_get(c->proposed->details, "retriable")) ||
	    c->run->run_count > retries) {
		return;
	}
	delay_us = retry_delay_us(c);
	if (c->facts->retry_jitter_permille > 0) {
		delay_us = delay_us * c->facts->retry_jitter_permille / 1000;
	}
	orc_make_state(c, &again, TYPE(SCHEDULED), "AwaitingRetry",
		       c->proposed->message);
	orc_detail_set_time(&again, "scheduled_time", c->now_us + delay_us);
	again.data = json_incref(c->proposed->data);
	orc_reject_with(c, &again, "Retrying");
}
const struct orc_rule rule_retry_failed_tasks = {
    .name = "RetryFailedTasks",
    .from = ORC_RUNNING,
    .to = ORC_FAILED,
    .before = retry_failed_tasks,
    .does = "retries left and retriable: REJECT with AwaitingRetry",
};

static void rename_reruns(struct orc_ctx *c)
{
	if (c->run->run_count <= 0) {
		return;
	}
	if (strcmp(c->current->name, "AwaitingRetry") == 0) {
		memcpy(c->proposed->name, "Retrying", sizeof("Retrying"));
	} else {
		memcpy(c->proposed->name, "Rerunning", sizeof("Rerunning"));
	}
}
const struct orc_rule rule_rename_reruns = {
    .name = "RenameReruns",
    .from = ORC_ALL,
    .to = ORC_RUNNING,
    .before = rename_reruns,
    .does = "a second start is named Retrying (after AwaitingRetry) or Rerunning",
};

static void update_flow_run_tracker(struct orc_ctx *c)
{
	if (c->facts->parent_state != NULL) {
		c->run->flow_run_run_count = c->facts->flow_run_run_count;
	}
}
const struct orc_rule rule_update_flow_run_tracker = {
    .name = "UpdateFlowRunTrackerOnTasks",
    .from = ORC_ALL,
    .to = ORC_RUNNING,
    .after = update_flow_run_tracker,
    .does = "remembers which attempt of the flow started the task",
};

static void check_cache_key(struct orc_ctx *c)
{
	const char *key = orc_detail_str(c->proposed, "cache_key");

	if (key != NULL && strlen(key) > CACHE_KEY_MAX) {
		orc_reject(
		    c, "Cache key exceeded maximum allowed length of %d characters.",
		    CACHE_KEY_MAX);
	}
}

static void cache_insertion(struct orc_ctx *c)
{
	if (orc_detail_str(c->proposed, "cache_key") != NULL) {
		c->d->effects |= ORC_FX_CACHE;
	}
}
const struct orc_rule rule_cache_insertion = {
    .name = "CacheInsertion",
    .from = ORC_ALL,
    .to = ORC_COMPLETED,
    .before = check_cache_key,
    .after = cache_insertion,
    .does = "a completed result is remembered under its cache key",
};

static void release_task_slots(struct orc_ctx *c)
{
	if ((ORC_BIT(c->proposed->type) & (ORC_RUNNING | ORC_CANCELLING)) == 0) {
		c->d->effects |= ORC_FX_RELEASE_TAGS;
	}
}
const struct orc_rule rule_release_task_slots = {
    .name = "ReleaseTaskConcurrencySlots",
    .from = ORC_ALL,
    .to = ORC_ALL,
    .after = release_task_slots,
    .always = 1,
    .does = "outside RUNNING and CANCELLING a task holds no slots of its tags",
};

static void enqueue_scheduled_tasks(struct orc_ctx *c)
{
	if (orc_detail_true(c->proposed, "deferred")) {
		c->d->effects |= ORC_FX_ENQUEUE;
	}
}
const struct orc_rule rule_enqueue_scheduled_tasks = {
    .name = "EnqueueScheduledTasks",
    .from = ORC_ALL,
    .to = ORC_SCHEDULED,
    .after = enqueue_scheduled_tasks,
    .does = "a deferred task waits for a task worker",
};
